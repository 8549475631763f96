"""(b) Null data: how many reports publish a difference where there is none?

Three nulls. Every question equally hard; every question with a difficulty of its own that goes with nothing; and
rules of unlike difficulty. In the last one, levels of rules do differ, so that only contrasts of two copies of one
model and behaviour count. The invariant: in all of them replies look alike whatever the question or the outcome,
and the rival is a second draw from the same model.
"""

from __future__ import annotations

import numpy as np

from assay.analyze.bench.cells import Advance, Cell, Key, Sizes, share_cell
from assay.analyze.bench.reports import column, is_contrast, report, tested
from assay.analyze.bench.worlds import MODEL, RIVAL, World, case_records, drawn, generated
from assay.analyze.findings import Finding
from assay.measure.intervals import Floats

PART = "null"
CONSTANT, ITEMS, CLUSTERS = "constant p", "item difficulty", "rule difficulty"
NULLS = (CONSTANT, ITEMS, CLUSTERS)
_CLUSTER = "tag:family"


def steps(sizes: Sizes) -> int:
    """How often ``advance`` will be called."""
    return len(NULLS) * sizes.reports


def run(sizes: Sizes, *, seed: int, alpha: float, advance: Advance) -> list[Cell]:
    """Share of reports with any published difference, on each kind of null data."""
    world = generated(sizes.small, seed)
    cells = []
    for null in NULLS:
        alarms = 0
        for at in range(sizes.reports):
            alarms += bool(false_findings(world, null, seed + at, alpha))
            advance()
        note = f"{null}: contrasts and behaviour only" if null == CLUSTERS else ""
        cells.append(
            share_cell(
                Key(PART, world.name, null, "statistician"),
                "reports with a published difference",
                alarms,
                sizes.reports,
                "reports",
                target=alpha,
                at_most=True,
                note=note,
            )
        )
    return cells


def false_findings(world: World, null: str, seed: int, alpha: float) -> list[Finding]:
    """The published differences of one report on null data."""
    import polars as pl

    from assay.analyze.cases import with_halves

    rng = np.random.default_rng([seed, NULLS.index(null), 17])
    if null == CLUSTERS:
        samples = world.samples.with_columns(pl.col(_CLUSTER).alias("cluster"))
        world = world._replace(samples=with_halves(samples, seed))
    else:
        world = world._replace(samples=with_halves(world.samples, seed))
    p = _difficulty(world, null, rng)
    results = {model: {"score": drawn(p, rng), **replies(world.size, rng)} for model in (MODEL, RIVAL)}
    found = tested(report(case_records(world, results), MODEL, (RIVAL,), seed=seed, alpha=alpha))
    if null == CLUSTERS:
        found = [finding for finding in found if is_contrast(finding) or column(finding) not in ("score", "right")]
    return found


def _difficulty(world: World, null: str, rng: np.random.Generator) -> Floats:
    """Each question's chance of success."""
    if null == CONSTANT:
        return np.full(world.size, 0.6)
    if null == ITEMS:
        return rng.beta(1.5, 1.0, world.size)
    labels = world.samples["cluster"].to_numpy()
    values, codes = np.unique(labels, return_inverse=True)
    p: Floats = rng.beta(3.0, 2.0, len(values))[codes]
    return p


def replies(n: int, rng: np.random.Generator) -> dict[str, Floats]:
    """How replies look, whatever is asked: their length, repetition, doubt and digits."""
    return {
        "output_words": np.round(rng.lognormal(5.0, 0.6, n)),
        "repetition": rng.beta(1, 20, n),
        "hedges_per_1k": rng.gamma(1.0, 3.0, n),
        "digit_share": rng.beta(2, 30, n),
    }
