"""How a model behaves, as findings: what goes with being wrong, where a habit shows, what sets it apart.

A variable that differs between right and wrong cases may only say that hard questions get long replies. So it
is compared within strata of the task's coarsest tag first, and named only where the strata agree. The
invariant: habits are chosen on the discovery half; letters of options are the only answers that are looked at.
"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from assay.analyze.behaviour import VARIABLES
from assay.analyze.cases import behaviour_columns
from assay.analyze.claims import ClaimUnresolvable, Combination, Condition, Selection, Statistic
from assay.analyze.contrasts import contrast
from assay.analyze.findings import Finding, HeldOutTest
from assay.analyze.pool import Pool, named, others
from assay.analyze.sayings import Saying, Unit, cited, difference, mean, right, scale, short, wrong
from assay.analyze.subgroups import stand_out

if TYPE_CHECKING:
    import polars as pl

    from assay.measure.intervals import Floats

CLEAR = 3.0
"""Standard errors, within strata, from which a habit is a suspicion."""
_TWINS = (("output_chars", "output_words", "output_tokens"), ("looping", "repetition"))
"""Variables that say nearly the same: one of them is told."""


class _Gap(NamedTuple):
    name: str
    z: float
    """Standardised difference wrong - right, within strata."""
    strata: list[str]


def with_wrong(cases: pl.DataFrame, model: str, samples: pl.DataFrame, *, most: int) -> list[Finding]:
    """Variables that differ between wrong and right cases, within strata as well as overall."""
    column = coarsest(samples)
    gaps = [_stratified(samples, name, column) for name in _varying(samples)]
    found: list[Finding] = []
    told: set[str] = set()
    for gap in sorted((g for g in gaps if g is not None), key=lambda g: -abs(g.z)):
        if abs(gap.z) < CLEAR or len(found) == most or gap.name in told:
            continue
        told |= {twin for twins in _TWINS if gap.name in twins for twin in twins}
        found += _association(cases, model, gap, column, samples)
    return found


def coarsest(samples: pl.DataFrame) -> str | None:
    """The tag (or the task) that difficulty hangs on most: its values' mean scores lie furthest apart.

    Only what every sample has, with 20 samples a value on average, can be a stratum.
    """
    import polars as pl

    counts = {}
    for name in samples.columns:
        if name == "task" or name.startswith("tag:"):
            kinds = samples[name].drop_nulls().n_unique()
            if samples[name].null_count() == 0 and 2 <= kinds <= max(2, samples.height // 20):
                groups = samples.group_by(name).agg(pl.col("score").cast(pl.Float64).mean()).sort(name)["score"]
                counts[name] = (-float(groups.to_numpy().std()), kinds)
    return min(counts, key=lambda name: (counts[name], name)) if counts else None


def _varying(samples: pl.DataFrame) -> list[str]:
    return [name for name in behaviour_columns(samples) if name != "cost" and samples[name].n_unique() > 1]


def _stratified(samples: pl.DataFrame, name: str, column: str | None) -> _Gap | None:
    """Difference of the ranks of a variable between wrong and right samples, pooled over strata.

    Each stratum gives the Wilcoxon rank-sum with its variance under the null (ties corrected); the sum over
    strata is van Elteren's test without weights. Robust to single giant replies.
    """
    import polars as pl

    known = samples.filter(pl.col(name).is_not_null() & pl.col("right").is_not_null())
    top, variance, strata = 0.0, 0.0, []
    groups = known.partition_by(column, maintain_order=True) if column else [known]
    for group in groups:
        ranks = group[name].cast(pl.Float64).rank("average").to_numpy()
        bad = ~(group["right"].cast(pl.Float64) >= 0.5).to_numpy()
        n, m = len(bad), int(bad.sum())
        if min(m, n - m) < 2 or ranks.std() == 0:
            continue
        top += float(ranks[bad].sum() - m * ranks.mean())
        variance += m * (n - m) / n * float(ranks.var(ddof=1))
        if column:
            strata.append(str(group[column][0]))
    return _Gap(name, top / sqrt(variance), strata) if variance > 0 else None


def _association(
    cases: pl.DataFrame, model: str, gap: _Gap, column: str | None, samples: pl.DataFrame
) -> list[Finding]:
    name = gap.name
    test = difference(mean(model, (wrong(),), name), mean(model, (right(),), name))
    try:
        value = contrast(test, samples).value
        if (value < 0) != (gap.z < 0):
            return []  # the strata say otherwise: difficulty, not the habit
        said = Saying(cases)
        unit, change, decimals = units(cases, name)
        bad = said.number("wrong", test.a, unit, decimals)
        good = said.number("right", test.b, unit, decimals)
        by = said.number("difference", test, change, decimals)
        way = "higher" if said.values["difference"].value > 0 else "lower"
        against = Saying(cases)
        for at, stratum in enumerate(gap.strata[:8]):
            inside = Condition(column or "", "==", stratum)
            try:
                by_stratum = difference(mean(model, (wrong(), inside), name), mean(model, (right(), inside), name))
                against.of(f"within {at + 1}: {stratum}", by_stratum, change, decimals)
            except ClaimUnresolvable:
                continue
    except ClaimUnresolvable:
        return []
    claim = f"{_meaning(name)}: {bad} in wrong cases of {short(model)} against {good} in right ones, {by} {way}."
    return [
        Finding(
            f"habit-{name}",
            f"goes with wrong answers: {name}",
            claim,
            "association",
            (model,),
            tuple(said.evidence),
            cited(cases, model, (wrong(), Condition(name, "present"))),
            (),
            HeldOutTest(test, "lower" if gap.z < 0 else "higher"),
            counter_evidence=tuple(e for e in against.evidence if (e.stated < 0) != (gap.z < 0)),
        )
    ]


def by_group(
    cases: pl.DataFrame, model: str, samples: pl.DataFrame, pool: Pool, *, seed: int, most: int
) -> list[Finding]:
    """Groups of questions on which a habit shows more than on the rest: a tag, a topic, a length."""
    found: list[tuple[float, Finding]] = []
    told: set[str] = set()
    for name in _varying(samples):
        if name in told or name not in _PLACED:
            continue
        values = samples[name].cast(float).fill_null(float("nan")).to_numpy()
        if np.isnan(values).any():
            continue
        low = name == "format_ok"
        groups = stand_out(pool, _ranked(values), low=low, most=1, chance=0.2, seed=seed)
        for group in groups:
            rest = others(group.where)
            finding = _placed(cases, model, name, group.where, rest, low)
            if finding is not None:
                found.append((group.gain, finding))
    found.sort(key=lambda pair: -pair[0])
    return [finding for _, finding in found[:most]]


_PLACED = ("format_ok", "truncated", "refused", "looping", "language_mismatch", "code_switching", "output_words")
"""Habits that are looked for on groups of questions."""


def _ranked(values: Floats) -> Floats:
    """Values as they are where they are shares of few kinds, else their mid-ranks in [0, 1]."""
    from scipy.stats import rankdata

    if np.isin(values, (0, 1)).all():
        return values
    ranks: Floats = (rankdata(values) - 0.5) / len(values)
    return ranks


def _placed(
    cases: pl.DataFrame, model: str, name: str, where: Selection, rest: Selection | None, low: bool
) -> Finding | None:
    test = difference(mean(model, where, name), mean(model, rest or (), name))
    said = Saying(cases)
    unit, change, decimals = units(cases, name)
    try:
        inside = said.number("inside", test.a, unit, decimals)
        outside = said.number("rest", test.b, unit, decimals)
        by = said.number("difference", test, change, decimals)
    except ClaimUnresolvable:
        return None
    value = said.values["difference"].value
    if (value < 0) != low:
        return None
    way = "lower" if value < 0 else "higher"
    rest_name = "on the rest" if rest is not None else "over all cases"
    claim = (
        f"{_meaning(name)}: {inside} on {named(where)} for {short(model)} against {outside} {rest_name}, {by} {way}."
    )
    return Finding(
        f"habit-{name}-where",
        f"{name} on {named(where)}",
        claim,
        "difference",
        (model,),
        tuple(said.evidence),
        cited(cases, model, (*where, *_shows(cases, name, low))),
        where,
        HeldOutTest(test, "lower" if low else "higher"),
    )


def _shows(cases: pl.DataFrame, name: str, low: bool) -> Selection:
    import polars as pl

    if cases[name].dtype == pl.Boolean:
        return (Condition(name, "==", not low),)
    return (Condition(name, "present"),)


def unlike_rival(cases: pl.DataFrame, model: str, rival: str, *, most: int) -> list[Finding]:
    """Variables by which two models differ most on the same samples, in standard errors of the discovery half."""
    import polars as pl

    half = cases.filter((pl.col("half") == "discovery") & pl.col("model").is_in([model, rival]))
    ordered: list[tuple[float, str, bool]] = []
    for name in _varying(half):
        try:
            found = contrast(difference(mean(model, (), name), mean(rival, (), name)), half)
        except ClaimUnresolvable:
            continue
        if found.se > 0 and found.p < 0.01:
            ordered.append((-abs(found.value) / found.se, name, found.value < 0))
    findings: list[Finding] = []
    told: set[str] = set()
    for _, name, low in sorted(ordered):
        if name in told or len(findings) == most:
            continue
        told |= {twin for twins in _TWINS if name in twins for twin in twins}
        test = difference(mean(model, (), name), mean(rival, (), name))
        said = Saying(cases)
        unit, change, decimals = units(cases, name)
        own, other = said.number("own", test.a, unit, decimals), said.number("rival", test.b, unit, decimals)
        by = said.number("difference", test, change, decimals)
        way = "lower" if said.values["difference"].value < 0 else "higher"
        claim = f"{_meaning(name)}: {own} for {short(model)} against {other} for {short(rival)}, {by} {way}."
        focus = f"behaviour against {short(rival)}: {name}"
        findings.append(
            Finding(
                f"unlike-{name}",
                focus,
                claim,
                "contrast",
                (model, rival),
                tuple(said.evidence),
                test=HeldOutTest(test, "lower" if low else "higher"),
            )
        )
    return findings


def position_bias(cases: pl.DataFrame, model: str) -> list[Finding]:
    """The option letter that a model answers more than it is right, among its wrong cases."""
    import polars as pl

    half = cases.filter((pl.col("half") == "discovery") & (pl.col("model") == model) & ~pl.col("right").fill_null(True))
    if "answer" not in cases.columns or "target" not in cases.columns:
        return []
    letters = half.filter(pl.col("target").str.contains(r"^[A-Z]$") & pl.col("answer").str.contains(r"^[A-Z]$"))
    if letters.height < 20 or letters.height < half.height / 4:
        return []
    best: tuple[float, str] | None = None
    for letter in letters["target"].unique().sort().to_list():
        found = contrast(_bias(model, letter), half)
        if found.value > 0 and found.p < 0.05 and (best is None or found.p < best[0]):
            best = (found.p, letter)
    if best is None:
        return []
    letter = best[1]
    test = _bias(model, letter)
    said = Saying(cases)
    answered, due = said.number("answered", test.a, "share"), said.number("due", test.b, "share")
    by = said.number("difference", test, "points")
    if said.values["difference"].value <= 0:
        return []
    claim = (
        f"Among its wrong cases {short(model)} answers with option “{letter}” in {answered}, "
        f"where it is the correct option in {due}: {by} more."
    )
    return [
        Finding(
            "habit-position",
            f"position bias: option {letter}",
            claim,
            "association",
            (model,),
            tuple(said.evidence),
            cited(cases, model, (wrong(), Condition("answer", "==", letter))),
            test=HeldOutTest(test, "higher"),
            multi_label=True,
        )
    ]


def _bias(model: str, letter: str) -> Combination:
    """How much more frequent a letter is as an answer than as the target, over wrong cases with an answer."""
    choices = (wrong(), Condition("answer", "present"))
    return difference(
        Statistic("share", where=(Condition("answer", "==", letter),), among=choices, model=model),
        Statistic("share", where=(Condition("target", "==", letter),), among=choices, model=model),
    )


def units(cases: pl.DataFrame, name: str) -> tuple[Unit, Unit, int]:
    """How a behaviour variable is printed."""
    if VARIABLES[name].unit == "share":
        return "share", "points", 1
    return scale(cases, name)


def _meaning(name: str) -> str:
    text = VARIABLES[name].meaning.replace("1,000", "thousand")  # else the sentence states a number
    return text[0].upper() + text[1:]
