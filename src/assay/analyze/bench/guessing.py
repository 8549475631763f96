"""(f) Contrastive guessing: does a report tell its model from another one?

After Report Cards (Yang et al., 2024): a reader gets two reports and two batches of cases without names, and says
which batch belongs to which report. Here the reader is arithmetic: each number that a report states of its own
model is held against either batch, in standard errors, and the closer assignment wins. The invariant: reports are
written from one half of the questions, batches are drawn from the other, and pairs of models share no model.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from msgspec.structs import replace

from assay.analyze.bench import stored
from assay.analyze.bench.cells import Advance, Cell, Key, Sizes, mean_cell
from assay.analyze.bench.planted import ground_of, plant, simulate
from assay.analyze.bench.reports import published, report
from assay.analyze.bench.worlds import World, case_records
from assay.analyze.cases import with_halves
from assay.analyze.claims import ClaimUnresolvable, Statistic
from assay.analyze.contrasts import side_of
from assay.analyze.findings import Finding

if TYPE_CHECKING:
    import polars as pl

PART = "guessing"
SIMULATED = 6
D = 0.2
FAR = 9.0
"""The most that one number can speak for or against a batch: a squared standard error."""


def steps(data: Path | None, sizes: Sizes) -> int:
    """How often ``advance`` will be called."""
    return SIMULATED + (min(sizes.models, len(stored.models(data))) if data is not None and stored.there(data) else 0)


def run(world: World, data: Path | None, sizes: Sizes, *, seed: int, alpha: float, advance: Advance) -> list[Cell]:
    """Accuracy of the arithmetic reader, against one half by luck."""
    ground = ground_of(world)
    results = {
        f"simulated/{at}": {"score": simulate(world, plant(ground, seed + at), D, seed + at)} for at in range(SIMULATED)
    }
    cells = _cells(
        f"{world.name}, each model its own weaknesses",
        case_records(world, results),
        list(results),
        sizes,
        seed,
        alpha,
        advance,
    )
    if data is not None and stored.there(data):
        every = stored.models(data)
        chosen = [every[i] for i in np.linspace(0, len(every) - 1, min(sizes.models, len(every))).round().astype(int)]
        cells += _cells("korbench, stored responses", stored.cases(data, chosen), chosen, sizes, seed, alpha, advance)
    return cells


def _cells(
    name: str, table: pl.DataFrame, models: Sequence[str], sizes: Sizes, seed: int, alpha: float, advance: Advance
) -> list[Cell]:
    """``models`` in the order of their scores: neighbours are the hard pairs."""
    import polars as pl

    table = with_halves(table, seed)
    told, held = (table.filter(pl.col("half") == half) for half in ("discovery", "confirmation"))
    told = with_halves(told, seed + 1)
    reports = {}
    for model in models:
        own = told.filter(pl.col("model") == model)
        reports[model] = statements(published(report(own, model, seed=seed, alpha=alpha)), model)
        advance()
    rng = np.random.default_rng([seed, 23])
    shuffled = [models[i] for i in rng.permutation(len(models))]
    cells = []
    for case, ordered in (("neighbours in score", models), ("pairs at random", shuffled)):
        pairs = [(ordered[i], ordered[i + 1]) for i in range(0, len(ordered) - 1, 2)]
        shares = [_accuracy(held, reports, a, b, sizes, rng) for a, b in pairs]
        key = Key(PART, name, f"{case}, {sizes.batch} cases each", "arithmetic reader")
        cells.append(mean_cell(key, "accuracy (luck: 50 %)", shares, "pairs"))
    return cells


def statements(findings: Iterable[Finding], model: str) -> list[tuple[Statistic, float]]:
    """The means and shares that published findings state of their own model, each once, without its name."""
    found: dict[Statistic, float] = {}
    for finding in findings:
        for evidence in finding.evidence:
            expression = evidence.expression
            if isinstance(expression, Statistic) and expression.kind in ("mean", "share") and expression.model == model:
                found.setdefault(replace(expression, model=None), evidence.stated)
    return list(found.items())


def _accuracy(
    held: pl.DataFrame,
    reports: dict[str, list[tuple[Statistic, float]]],
    a: str,
    b: str,
    sizes: Sizes,
    rng: np.random.Generator,
) -> float:
    import polars as pl

    samples = held["sample_id"].unique().sort().to_list()
    right = 0.0
    for _ in range(sizes.batches):
        chosen = [samples[i] for i in rng.choice(len(samples), min(sizes.batch, len(samples)), replace=False)]
        batch = held.filter(pl.col("sample_id").is_in(chosen))
        first, second = (batch.filter(pl.col("model") == model) for model in (a, b))
        right += guess(reports[a], reports[b], first, second)
    return right / sizes.batches


def guess(
    of_a: Sequence[tuple[Statistic, float]],
    of_b: Sequence[tuple[Statistic, float]],
    first: pl.DataFrame,
    second: pl.DataFrame,
) -> float:
    """1 where the reader gives the first batch to a and the second to b, 0 where it swaps them, else 1/2."""
    straight = distance(of_a, first) + distance(of_b, second)
    crossed = distance(of_a, second) + distance(of_b, first)
    return 0.5 if abs(straight - crossed) < 1e-9 else float(straight < crossed)


def distance(report_: Sequence[tuple[Statistic, float]], batch: pl.DataFrame) -> float:
    """How far a batch is from what a report states: squared standard errors, each cut at ``FAR``, summed."""
    total = 0.0
    for statistic, stated in report_:
        try:
            x = side_of(statistic, batch).x
        except ClaimUnresolvable:
            continue  # the batch holds no case of that kind
        variance = float(x.var()) if not np.isin(x, (0, 1)).all() else max(stated * (1 - stated), 1 / (len(x) + 4))
        if variance > 0:
            total += min(FAR, (float(x.mean()) - stated) ** 2 * len(x) / variance)
    return total
