"""Where a model falls behind, or is ahead of, its nearest competitor on the same samples.

Two models are compared in pairs, on the samples that both had a say in. The search looks for groups where the
difference is unlike the difference overall, and keeps those where it is a difference by itself. The invariant:
groups are chosen on the discovery half; the test given to the gate pairs the same two models.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from assay.analyze.claims import ClaimUnresolvable, Condition, Selection
from assay.analyze.contrasts import contrast
from assay.analyze.findings import Finding, HeldOutTest
from assay.analyze.pool import named, pool_of
from assay.analyze.sayings import Saying, cited, difference, mean, right, scale, short, wrong
from assay.analyze.subgroups import samples_of, stand_out, unit_interval

if TYPE_CHECKING:
    import polars as pl

DOUBT = 0.2
"""p-value on the discovery half above which an overall difference is no suspicion at all."""


def nearest(cases: pl.DataFrame, model: str, against: Sequence[str]) -> str | None:
    """The competitor whose mean score is nearest; ``None`` where no other model has cases."""
    import polars as pl

    means = dict(cases.group_by("model").agg(pl.col("score").cast(pl.Float64).mean()).iter_rows())
    own = means.get(model)
    there = [other for other in against if other != model and means.get(other) is not None]
    if own is None or not there:
        return None
    return min(there, key=lambda other: (abs(means[other] - own), other))


def contrasts(cases: pl.DataFrame, model: str, rival: str, *, seed: int, most: int) -> list[Finding]:
    """Differences of two models: overall, then where it is unlike the overall one."""
    import polars as pl

    half = cases.filter(pl.col("half") == "discovery")
    own = samples_of(half.filter(pl.col("model") == model))
    other = samples_of(half.filter(pl.col("model") == rival)).select(
        "task", "sample_id", pl.col("score").cast(pl.Float64).alias("rival")
    )
    both = own.join(other, on=["task", "sample_id"], how="inner", maintain_order="left")
    if both.height < 2:
        return []
    found: list[Finding] = []
    if _p(half, model, rival, ()) < DOUBT:
        found += _told(cases, half, model, rival, (), "contrast-0")
    d = both["score"].cast(pl.Float64).to_numpy() - both["rival"].to_numpy()
    spread = float(np.abs(d).max())
    if spread == 0:
        return found
    pool = pool_of(both)
    x = (d / spread + 1) / 2
    groups = [
        group for low in (True, False) for group in stand_out(pool, unit_interval(x), low=low, most=most, seed=seed)
    ]
    for group in sorted(groups, key=lambda group: -group.gain):
        if len(found) <= most and _p(half, model, rival, group.where) < 0.05:
            found += _told(cases, half, model, rival, group.where, f"contrast-{len(found)}")
    return found


def _p(half: pl.DataFrame, model: str, rival: str, where: Selection) -> float:
    try:
        return contrast(difference(mean(model, where), mean(rival, where)), half).p
    except ClaimUnresolvable:
        return 1.0


def _told(
    cases: pl.DataFrame, half: pl.DataFrame, model: str, rival: str, where: Selection, identity: str
) -> list[Finding]:
    own, other = mean(model, where), mean(rival, where)
    test = difference(own, other)
    low = contrast(test, half).value < 0
    said = Saying(cases)
    unit, change, decimals = scale(cases)
    level = said.ranged("level", own, unit, decimals)
    n = said.values["level"].n
    theirs = said.number("rival", other, unit, decimals)
    gap = said.number("difference", test, change, decimals)
    place = f"On {named(where)} ({n:,} cases)" if where else f"Over {n:,} cases"
    way = "lower" if said.values["difference"].value < 0 else "higher"
    claim = f"{place} {short(model)} scores {level} and {short(rival)} {theirs}: {gap} {way}, on the same samples"
    if where:
        overall = said.number("overall", difference(mean(model), mean(rival)), change, decimals)
        side = "lower" if said.values["overall"].value < 0 else "higher"
        claim += f"; over all cases it is {overall} {side}"
    label: tuple[Condition, ...] = (*where, wrong() if low else right())
    return [
        Finding(
            identity,
            f"against {short(rival)}: {named(where) if where else 'overall'}",
            claim + ".",
            "contrast",
            (model, rival),
            tuple(said.evidence),
            cited(cases, model, label),
            where,
            HeldOutTest(test, "lower" if low else "higher"),
        )
    ]
