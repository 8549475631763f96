"""(e) Stability: does another split of the same cases lead to the same report?

Two reports are compared by the findings that they share, and by the questions that they call weak. The invariant:
nothing differs between two reports but the halves and the shuffles.
"""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from assay.analyze.bench import stored
from assay.analyze.bench.cells import Advance, Cell, Key, Sizes, mean_cell
from assay.analyze.bench.planted import ground_of, plant, simulate
from assay.analyze.bench.reports import is_weakness, key, published, report
from assay.analyze.bench.worlds import MODEL, Members, World, case_records, jaccard
from assay.analyze.cases import with_halves
from assay.analyze.claims import select

if TYPE_CHECKING:
    import polars as pl

PART = "stability"
TOP = 10
D = 0.2
REAL = ("Qwen2.5-7B-Instruct", "gpt-4o", "Meta-Llama-3.1-8B-Instruct")


def steps(data: Path | None, sizes: Sizes) -> int:
    """How often ``advance`` will be called."""
    return sizes.seeds * (1 + (len(_real(data, sizes)) if data is not None else 0))


def _real(data: Path | None, sizes: Sizes) -> list[str]:
    if data is None or not stored.there(data):
        return []
    return [name for name in REAL if name in stored.models(data)][: max(1, sizes.seeds // 2)]


def run(world: World, data: Path | None, sizes: Sizes, *, seed: int, alpha: float, advance: Advance) -> list[Cell]:
    """Mean overlap of reports over pairs of splits: of one planted model and, with stored responses, of real ones."""
    planted = plant(ground_of(world), seed)
    simulated = case_records(world, {MODEL: {"score": simulate(world, planted, D, seed)}})
    tables = [(f"{world.name}, planted at d = {D:g}", MODEL, simulated)]
    for name in _real(data, sizes):
        assert data is not None
        tables.append((f"korbench, {name}", name, stored.cases(data, [name])))
    cells = []
    for name, model, table in tables:
        same, weak = overlaps(table, model, sizes.seeds, seed, alpha, advance)
        about = Key(PART, name, f"{sizes.seeds} splits", "statistician")
        note = "pairs of splits share cases: the interval is a rough one"
        cells.append(mean_cell(about, f"same among the first {TOP} findings (Jaccard)", same, "pairs", note=note))
        cells.append(mean_cell(about, "same questions called weak (Jaccard)", weak, "pairs", note=note))
    return cells


def overlaps(
    table: pl.DataFrame, model: str, splits: int, seed: int, alpha: float, advance: Advance
) -> tuple[list[float], list[float]]:
    """For each pair of splits the overlap of the first findings, and that of the questions called weak."""
    found, weak = [], []
    for at in range(splits):
        cases = with_halves(table, seed + at)
        findings = published(report(cases, model, seed=seed + at, alpha=alpha))
        found.append({key(finding) for finding in findings[:TOP]})
        weak.append(_weak(cases, model, findings))
        advance()
    both = list(combinations(range(splits), 2))
    same = [len(found[i] & found[j]) / len(found[i] | found[j]) for i, j in both if found[i] | found[j]]
    return same, [jaccard(weak[i], weak[j]) for i, j in both if (weak[i] | weak[j]).any()]


def _weak(cases: pl.DataFrame, model: str, findings: list) -> Members:  # type: ignore[type-arg]
    every = cases.filter(cases["model"] == model)
    inside = np.zeros(every.height, dtype=bool)
    for finding in findings:
        if is_weakness(finding, model):
            inside |= every["case"].is_in(select(every, finding.selection)["case"].to_list()).to_numpy()
    return inside
