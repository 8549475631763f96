"""(a) Planted weaknesses: does the published profile hold them, and nothing else?

The invariant: the statistician is read as its reader would read it, one profile with no choice of size, while
baselines get their best size with the truth in sight, as in EvalTree's table.
"""

from __future__ import annotations

from collections.abc import Sequence

from assay.analyze.bench.baselines import Prepared, eval_tree, prepare, qual_eval, text_diff
from assay.analyze.bench.cells import Advance, Cell, Key, Sizes, mean_cell
from assay.analyze.bench.planted import FACTORS, Fit, Ground, best_fit, fit, ground_of, plant, simulate
from assay.analyze.bench.reports import published, report, weak_sets
from assay.analyze.bench.worlds import MODEL, World, case_records

PART = "weaknesses"
STATISTICIAN, UNGATED = "statistician", "statistician, ungated"
TARGETS = {0.2: 0.75, 0.5: 0.70}


def steps(worlds: Sequence[World], sizes: Sizes) -> int:
    """How often ``advance`` will be called."""
    return len(worlds) * len(FACTORS) * sizes.seeds


def run(worlds: Sequence[World], sizes: Sizes, *, seed: int, alpha: float, advance: Advance) -> list[Cell]:
    """Precision, recall and F1 for each world, d and method."""
    cells = []
    for world in worlds:
        ground, prepared = ground_of(world), prepare(world, seed)
        for d in FACTORS:
            fits: dict[str, list[Fit]] = {}
            for at in range(sizes.seeds):
                for method, found in _once(ground, prepared, d, seed + at, alpha).items():
                    fits.setdefault(method, []).append(found)
                advance()
            for method, several in fits.items():
                cells += _cells(Key(PART, world.name, f"d = {d:g}", method), several, TARGETS.get(d))
    return cells


def _once(ground: Ground, prepared: Prepared, d: float, seed: int, alpha: float) -> dict[str, Fit]:
    """The fit of each method to one planted world."""
    world = ground.world
    weaknesses = plant(ground, seed)
    planted = [weakness.members for weakness in weaknesses]
    scores = simulate(world, weaknesses, d, seed)
    judged = report(case_records(world, {MODEL: {"score": scores}}), MODEL, seed=seed, alpha=alpha)
    return {
        STATISTICIAN: fit(weak_sets(published(judged), MODEL, world), planted),
        UNGATED: fit(weak_sets([one.finding for one in judged], MODEL, world), planted),
        "EvalTree-style": best_fit(eval_tree(prepared, scores), planted),
        "QualEval-style": best_fit(qual_eval(prepared, scores), planted),
        "TextDiff-style": best_fit(text_diff(prepared, scores, seed), planted),
    }


def _cells(key: Key, fits: Sequence[Fit], target: float | None) -> list[Cell]:
    goal = target if key.method == STATISTICIAN else None
    return [
        mean_cell(key, "F1", [found.f1 for found in fits], "worlds", target=goal),
        mean_cell(key, "precision", [found.precision for found in fits], "worlds"),
        mean_cell(key, "recall", [found.recall for found in fits], "worlds"),
    ]
