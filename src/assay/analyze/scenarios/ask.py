"""A scenario's questions as findings: what its labels and variables say of a model, for the gate to judge.

Labels become one finding of shares among wrong cases; a variable becomes a difference between wrong and right
cases where the discovery half suggests one. The invariant: choices rest on the discovery half alone, every number
goes through ``Saying``, and nothing here says why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.analyze.claims import ClaimUnresolvable, Combination, Condition, Selection, Statistic
from assay.analyze.contrasts import contrast
from assay.analyze.findings import CitedCase, Finding, HeldOutTest
from assay.analyze.sayings import Saying, cited, difference, mean, right, scale, short, wrong
from assay.analyze.scenarios.base import Derived, Scenario
from assay.analyze.scenarios.enrich import Override, scenarios_of

if TYPE_CHECKING:
    import polars as pl

CLEAR = 0.01
"""The p-value on the discovery half below which a difference is a suspicion."""
FEWEST = 0.02
"""Share of the decidable wrong cases from which a label is told."""
MOST_LABELS = 6
LONGEST = 420
"""Characters of a list of labels beyond which none is added: the gate reads 800 of a claim."""
MOST_VARIABLES = 3
_ABOUT_THE_ANSWER = frozenset(
    (
        *("parts_right", "answer_ratio", "answer_distance", "equation_slips", "picked_longest", "picked_position"),
        *("tests_passed", "violations", "constraints_kept", "first_turn_score", "first_wrong_turn", "others_right"),
    )
)
"""Variables that say how right the answer is: that they differ between right and wrong cases is no news."""


def ask(cases: pl.DataFrame, model: str, *, scenario: Override = None) -> list[Finding]:
    """What the scenarios of a model's tasks say of it; nothing where ``enrich`` has added no column.

    Args:
        cases: case records from ``enrich``, with the column ``half``.
        model: the model that is diagnosed.
        scenario: as for ``enrich``.
    """
    found: list[Finding] = []
    several = cases["task"].n_unique() > 1
    for task, scenarios in scenarios_of(cases, scenario).items():
        within: Selection = (Condition("task", "==", task),) if several else ()
        for one in scenarios:
            found += _failures(cases, model, one, within, task)
            found += _variables(cases, model, one, within, task)
    return found


def _failures(cases: pl.DataFrame, model: str, scenario: Scenario, within: Selection, task: str) -> list[Finding]:
    """How frequent each label is among the wrong cases that its rule can decide."""
    import polars as pl

    half = cases.filter((pl.col("half") == "discovery") & (pl.col("model") == model) & (pl.col("task") == task))
    shares = []
    for label in scenario.labels:
        name = f"label:{label.name}"
        if label.rule is None or name not in cases.columns:
            continue
        known = half.filter(~pl.col("right").fill_null(True) & pl.col(name).is_not_null())
        if known.height >= 10 and (share := float(known[name].sum()) / known.height) >= FEWEST:
            shares.append((-share, label))
    said = Saying(cases)
    texts: list[str] = []
    shown: list[CitedCase] = []
    for _, label in sorted(shares, key=lambda pair: pair[0])[:MOST_LABELS]:
        if sum(map(len, texts)) > LONGEST:
            break
        name = f"label:{label.name}"
        has = Condition(name, "==", True)
        among = (*within, wrong(), Condition(name, "present"))
        text = said.ranged(label.name, Statistic("share", where=(has,), among=among, model=model), "share")
        texts.append(f"{label.definition.partition(' (')[0]}: {text} of {said.values[label.name].denominator:,}")
        shown += cited(cases, model, (*within, wrong(), has), 2)
    if not texts:
        return []
    claim = (
        f"Wrong cases of {short(model)} in {scenario.about} (labels overlap; each is a share of the wrong cases that "
        f"its rule can decide): {'; '.join(texts)}."
    )
    return [
        Finding(
            f"scenario-{scenario.name}-failures" + (f"-{task}" if within else ""),
            f"failures in {scenario.about}",
            claim,
            "prevalence",
            (model,),
            tuple(said.evidence),
            tuple(shown),
            (*within, wrong()),
            multi_label=True,
            denominator=f"for each label, the wrong cases of {short(model)} that its rule can decide",
        )
    ]


def _variables(cases: pl.DataFrame, model: str, scenario: Scenario, within: Selection, task: str) -> list[Finding]:
    """Derived variables that differ between wrong and right cases, the clearest first."""
    import polars as pl

    half = cases.filter((pl.col("half") == "discovery") & (pl.col("task") == task))
    ordered = []
    for one in scenario.derived:
        name = f"derived:{one.name}"
        if one.name in _ABOUT_THE_ANSWER or name not in cases.columns or cases[name].dtype == pl.String:
            continue
        try:
            found = contrast(_test(model, name, within), half)
        except ClaimUnresolvable:
            continue
        if found.p < CLEAR:
            ordered.append((found.p, one.name, one, found.value < 0))
    findings = (_association(cases, model, one, low, within) for _, _, one, low in sorted(ordered, key=lambda o: o[:2]))
    return [finding for finding in findings if finding is not None][:MOST_VARIABLES]


def _test(model: str, name: str, within: Selection) -> Combination:
    return difference(mean(model, (*within, wrong()), name), mean(model, (*within, right()), name))


def _association(cases: pl.DataFrame, model: str, one: Derived, low: bool, within: Selection) -> Finding | None:
    name = f"derived:{one.name}"
    test = _test(model, name, within)
    said = Saying(cases)
    unit, change, decimals = scale(cases, name) if one.unit == "share" else ("number", "number", 2)
    try:
        bad = said.number("wrong", test.a, unit, decimals)
        good = said.number("right", test.b, unit, decimals)
        by = said.number("difference", test, change, decimals)
    except ClaimUnresolvable:
        return None
    if (said.values["difference"].value < 0) != low:
        return None
    meaning = one.meaning[0].upper() + one.meaning[1:]
    way = "lower" if low else "higher"
    claim = f"{meaning}: {bad} in wrong cases of {short(model)} against {good} in right ones, {by} {way}."
    return Finding(
        f"scenario-{one.name}" + (f"-{within[0].value}" if within else ""),
        f"goes with wrong answers: {one.meaning}",
        claim,
        "association",
        (model,),
        tuple(said.evidence),
        cited(cases, model, (*within, wrong(), Condition(name, "present"))),
        within,
        HeldOutTest(test, "lower" if low else "higher"),
    )
