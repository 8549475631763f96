"""(d) Real contrasts with a known outcome: does the report say who is better, and where?

The truth is the sign of the paired difference over all stored verdicts, where its 95 % interval over rules excludes
zero. A reader of the report takes a category's own published contrast where there is one, else the overall one:
that is what is held against the truth, category by category. The invariant: truth is computed from all the verdicts
with no help from the statistician.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from assay.analyze.bench import stored
from assay.analyze.bench.cells import Advance, Cell, Key, Sizes, share_cell
from assay.analyze.bench.reports import column, is_contrast, published, report
from assay.analyze.findings import Finding
from assay.measure.intervals import clustered_t_interval

if TYPE_CHECKING:
    import polars as pl

PART = "contrasts"


def steps(data: Path, sizes: Sizes) -> int:
    """How often ``advance`` will be called."""
    return len(_pairs(data, sizes))


def _pairs(data: Path, sizes: Sizes) -> list[tuple[str, str, str]]:
    """All of them by default; fewer for a quick look."""
    return stored.pairs(stored.models(data))[: max(3, 2 * sizes.seeds)]


def run(data: Path, sizes: Sizes, *, seed: int, alpha: float, advance: Advance) -> list[Cell]:
    """For each pair of models: the overall sign, and the signs by category."""
    cells: list[Cell] = []
    totals: dict[str, list[int]] = {"overall sign right": [0, 0], "category signs right": [0, 0]}
    for what, a, b in _pairs(data, sizes):
        table = stored.cases(data, [a, b])
        key = Key(PART, f"{a} / {b}", what, "statistician")
        overall, right, known = compared(table, a, b, published(report(table, a, (b,), seed=seed, alpha=alpha)))
        if overall is not None:
            cells.append(share_cell(key, "overall sign right", overall, 1, "facts", target=1.0))
            totals["overall sign right"][0] += overall
            totals["overall sign right"][1] += 1
        cells.append(share_cell(key, "category signs right", right, known, "facts", target=1.0))
        totals["category signs right"][0] += right
        totals["category signs right"][1] += known
        advance()
    everywhere = Key(PART, "all pairs", "known differences", "statistician")
    return [share_cell(everywhere, name, k, n, "facts", target=1.0) for name, (k, n) in totals.items()] + cells


def compared(table: pl.DataFrame, a: str, b: str, findings: Iterable[Finding]) -> tuple[int | None, int, int]:
    """Whether the overall sign is told right (``None``: unknown), and of how many known categories how many are."""
    told = said(findings, a, b)
    overall = sign(table, a, b)
    right = known = 0
    for category in table["tag:category"].unique().sort():
        truth = sign(table, a, b, category)
        if truth:
            known += 1
            right += told.get(category, told.get(None, 0)) == truth
    return (int(told.get(None, 0) == overall) if overall else None), right, known


def said(findings: Iterable[Finding], a: str, b: str) -> dict[str | None, int]:
    """The sign of a - b that published contrasts state, by category; ``None`` stands for overall."""
    told: dict[str | None, int] = {}
    for finding in findings:
        if finding.test is None or not is_contrast(finding) or column(finding) != "score":
            continue
        expression = finding.test.expression
        turned = -1 if (expression.a.model, expression.b.model) == (b, a) else 1
        value = turned * (1 if finding.test.direction == "higher" else -1)
        if not finding.selection:
            told[None] = value
        elif len(finding.selection) == 1 and finding.selection[0].column == "tag:category":
            values = finding.selection[0].value
            for category in values if isinstance(values, tuple) else (values,):
                told[str(category)] = value
    return told


def sign(table: pl.DataFrame, a: str, b: str, category: str | None = None) -> int:
    """1 where a is better by the verdicts, -1 where b is, 0 where they do not tell."""
    import polars as pl

    if category is not None:
        table = table.filter(pl.col("tag:category") == category)
    wide = table.pivot("model", index=["sample_id", "cluster"], values="score").drop_nulls()
    d = (wide[a] - wide[b]).to_numpy()
    lower, upper = clustered_t_interval(d, np.unique(wide["cluster"].to_numpy(), return_inverse=True)[1])
    return 1 if lower > 0 else -1 if upper < 0 else 0
