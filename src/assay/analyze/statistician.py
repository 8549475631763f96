"""The analyst that needs no language model: from case records to findings by statistics alone.

It searches one half of the samples only, writes what it suspects as findings whose every number is an
expression over the case records, and gives each difference the test by which the gate may try it on the other
half. Weaknesses and strengths come from ``subgroups``, contrasts from paired differences with the nearest
competitor, behaviour from ``habits``, failures from ``failures``. The invariant: the same cases give the same
findings, whatever a model wrote in them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from assay.analyze.claims import ClaimUnresolvable, Condition, Selection, Statistic, select
from assay.analyze.contrasts import contrast
from assay.analyze.failures import failures
from assay.analyze.findings import ClaimType, Finding, HeldOutTest
from assay.analyze.habits import by_group, position_bias, unlike_rival, with_wrong
from assay.analyze.pool import Pool, named, others, pool_of
from assay.analyze.rivals import contrasts, nearest
from assay.analyze.sayings import Saying, cited, difference, mean, right, scale, short, wrong
from assay.analyze.subgroups import Found, samples_of, stand_out, unit_interval

if TYPE_CHECKING:
    import polars as pl


MOST = 40
MOST_WEAKNESSES = 12
MOST_STRENGTHS = 5
MOST_CONTRASTS = 5
MOST_HABITS = 4


def investigate(
    cases: pl.DataFrame, model: str, against: Sequence[str] = (), *, seed: int = 0, alpha: float = 0.05
) -> list[Finding]:
    """What statistics alone suspect about a model, the most important first.

    Args:
        cases: case records with the column ``half``; ``topics.with_topics`` may have added ``topic:`` columns.
        model: the model that is diagnosed.
        against: models that it is compared with; the nearest in score is looked at closely.
        seed: of the shuffles that tell luck from structure.
        alpha: a group that does not even differ at this level on the half it was found on is not put forward.
    """
    import polars as pl

    half = cases.filter(pl.col("half") == "discovery")
    samples = samples_of(half.filter(pl.col("model") == model))
    found = standing(cases, model)
    if samples.height == 0:
        return found
    pool = pool_of(samples)
    found += weaknesses(cases, model, samples, pool, seed=seed, alpha=alpha)
    found += failures(cases, model)
    found += with_wrong(cases, model, samples, most=MOST_HABITS)
    found += by_group(cases, model, samples, pool, seed=seed, most=MOST_HABITS)
    found += position_bias(cases, model)
    rival = nearest(cases, model, against)
    if rival is not None:
        found += contrasts(cases, model, rival, seed=seed, most=MOST_CONTRASTS)
        found += unlike_rival(cases, model, rival, most=MOST_HABITS)
    overall, *rest = found
    return [overall, *sorted(rest, key=lambda finding: -importance(finding, half, model))][:MOST]


def importance(finding: Finding, half: pl.DataFrame, model: str) -> float:
    """How far the score differs times the share of the cases, on the half that may be looked at.

    What is not about the score counts 0 and keeps its place behind.
    """
    if finding.test is None or not finding.id.startswith(("weak", "strong", "contrast")):
        return 0.0
    share = select(half, finding.selection, model).height / max(1, select(half, (), model).height)
    return abs(contrast(finding.test.expression, half).value) * share


def standing(cases: pl.DataFrame, model: str) -> list[Finding]:
    """The overall level, and the place among all the models at hand."""
    said = Saying(cases)
    unit, _, decimals = scale(cases)
    level = said.ranged("level", mean(model), unit, decimals)
    n = said.values["level"].n
    claim = f"{short(model)} scores {level} over {n:,} cases."
    subjects = [model]
    if cases["model"].n_unique() > 1:
        said.of("rank", Statistic("rank", model=model), "rank", 0)
        place = said.values["rank"]
        claim = f"{claim[:-1]}, rank {place.value:.0f} of {place.denominator} models by its mean"
        tied = _inseparable(cases, model)
        subjects += tied[:5]
        names = ", ".join(map(short, tied[:5])) + (" and others" if len(tied) > 5 else "")
        claim += f", tied (not separable on these cases) with {names}." if tied else "."
    kind: ClaimType = "rank" if cases["model"].n_unique() > 1 else "level"
    return [Finding("overall", "overall level", claim, kind, tuple(subjects), tuple(said.evidence))]


def _inseparable(cases: pl.DataFrame, model: str) -> list[str]:
    """The models whose difference from this one has an interval with 0 in it."""
    tied = []
    for other in cases["model"].unique(maintain_order=True).to_list():
        if other == model:
            continue
        try:
            found = contrast(difference(mean(model), mean(other)), cases)
        except ClaimUnresolvable:
            continue
        if found.lower <= 0 <= found.upper:
            tied.append(other)
    return tied


def weaknesses(
    cases: pl.DataFrame, model: str, samples: pl.DataFrame, pool: Pool, *, seed: int, alpha: float = 0.05
) -> list[Finding]:
    """Groups of samples that the model does worse (better) on than on the rest."""
    import polars as pl

    x = unit_interval(samples["score"].cast(float).to_numpy())
    found: list[Finding] = []
    half = cases.filter(pl.col("half") == "discovery")
    for low, most in ((True, MOST_WEAKNESSES), (False, MOST_STRENGTHS)):
        for group in stand_out(pool, x, low=low, most=most, seed=seed):
            try:
                if _points(half, model, group, low, alpha):
                    found.append(_level(cases, model, group, low, len(found)))
            except ClaimUnresolvable:
                continue  # one side is too small to be compared
    return found


def _points(half: pl.DataFrame, model: str, group: Found, low: bool, alpha: float) -> bool:
    """Whether a group is low (high) beside all the rest, not only beside what was left when it was found."""
    rest = complement(half, group.where)
    found = contrast(difference(mean(model, group.where), mean(model, rest or ())), half)
    return (found.value < 0) == low and found.p < alpha


def _level(cases: pl.DataFrame, model: str, group: Found, low: bool, number: int) -> Finding:
    where, rest = group.where, complement(cases, group.where)
    said = Saying(cases)
    unit, change, decimals = scale(cases)
    inside, outside = mean(model, where), mean(model, rest or ())
    test = difference(inside, outside)
    name = named(where)
    level = said.ranged("level", inside, unit, decimals)
    n = said.values["level"].n
    gap = said.number("difference", test, change, decimals)
    other = said.number("rest", outside, unit, decimals)
    below = "below" if said.values["difference"].value < 0 else "above"
    against = "on the rest" if rest is not None else "over all cases"
    claim = f"On {name} ({n:,} cases) {short(model)} scores {level}, {gap} {below} the {other} {against}."
    return Finding(
        f"{'weak' if low else 'strong'}-{number + 1}",
        f"{'weakness' if low else 'strength'}: {name}",
        claim,
        "difference",
        (model,),
        tuple(said.evidence),
        cited(cases, model, (*where, wrong() if low else right())),
        where,
        HeldOutTest(test, "lower" if low else "higher"),
    )


def complement(cases: pl.DataFrame, where: Selection) -> Selection | None:
    """The cases that a selection leaves out, where one condition can say so."""
    if len(where) == 1 and where[0].op == "in":
        chosen = where[0].value
        assert isinstance(chosen, tuple)
        column = where[0].column
        rest = tuple(v for v in cases[column].drop_nulls().unique().sort().to_list() if v not in chosen)
        return (Condition(column, "in", rest),)
    return others(where)
