"""Which tasks are worth looking at, at which scale, and which subtasks a suite is better off without.

A task is informative at a scale where its runs lie apart by more than its noise (reliability) and where it orders
them as the largest scale does (decision accuracy). The invariant: what was chosen by looking at data is checked on
runs that did not choose it, since dropping the luckless subtask always looks like a gain.
"""

from __future__ import annotations

from math import isfinite
from typing import NamedTuple

import numpy as np
from scipy import stats

from assay.measure.checkpoints.decisions import Agreement, order_agreement
from assay.measure.checkpoints.noise import Noise, last_checkpoints, last_means, noise, of_grid
from assay.measure.checkpoints.series import Grid
from assay.measure.intervals import Floats, Interval


class Scale(NamedTuple):
    """One task at one model size."""

    size: float
    runs: int
    noise: Noise | None
    """None for fewer than two runs."""
    agreement: Agreement | None
    """Whether recipes are ordered as at the largest size; None for fewer than two shared recipes."""


class RankWithSize(NamedTuple):
    """Spearman's correlation of the runs' scores with their sizes."""

    rho: float
    interval: Interval
    runs: int


def by_size(grid: Grid, k: int, *, trend: bool = True, level: float = 0.95) -> list[Scale]:
    """The task at each size, smallest first, with its decision accuracy for the largest size.

    Recipes are compared by the mean over their runs (seeds) of the last ``k`` checkpoints.
    """
    known = np.isfinite(grid.sizes)
    sizes = np.unique(grid.sizes[known])
    levels = {float(size): _by_recipe(grid.select(grid.sizes == size), k) for size in sizes}
    found = []
    for size in levels:
        there = grid.select(grid.sizes == size)
        agreement = None if size == sizes[-1] else _agreement(levels[size], levels[float(sizes[-1])], level)
        found.append(Scale(size, len(there.runs), of_grid(there, k, trend=trend, level=level), agreement))
    return found


def rank_with_size(grid: Grid, k: int, *, level: float = 0.95) -> RankWithSize | None:
    """Do larger models score better? Spearman's ρ with the interval of Fisher's z (Bonett and Wright, 2000).

    Means of the last ``k`` checkpoints, turned so that more is better; None for fewer than four sized runs. The
    variance of z is (1 + ρ²/2)/(n - 3).
    """
    means = grid.better * last_means(grid, k)
    some = np.isfinite(means) & np.isfinite(grid.sizes)
    n = int(some.sum())
    if n < 4 or len(np.unique(grid.sizes[some])) < 2 or np.ptp(means[some]) == 0:
        return None
    rho = float(stats.spearmanr(means[some], grid.sizes[some]).statistic)
    half = float(stats.norm.ppf((1 + level) / 2)) * np.sqrt((1 + rho * rho / 2) / (n - 3))
    z = np.arctanh(np.clip(rho, -1 + 1e-9, 1 - 1e-9))
    return RankWithSize(rho, Interval(float(np.tanh(z - half)), float(np.tanh(z + half))), n)


class Drops(NamedTuple):
    """A suite that loses its noisiest subtasks one by one."""

    order: tuple[int, ...]
    """Subtasks in the order in which they are dropped, all but one."""
    snr: tuple[float, ...]
    """σ_s/σ_w of the suite's mean with nothing, one, two ... dropped; as seen by the runs that chose."""
    best: int
    """How many to drop for the highest ratio."""
    all_elsewhere: float
    """σ_s/σ_w of the whole suite on the other half of the runs, mean of both ways round; NaN for fewer than 8 runs."""
    kept_elsewhere: float
    """The same of the subtasks that a half of the runs would keep."""


def stacked(grids: list[Grid], k: int) -> tuple[Floats, Floats]:
    """Scores (subtasks, runs, k) and steps (runs, k) of the runs whose last k checkpoints have every subtask."""
    parts = [last_checkpoints(grid, k) for grid in grids]
    rows = [{grid.runs[run]: i for i, run in enumerate(part.runs)} for grid, part in zip(grids, parts, strict=True)]
    shared = [
        name
        for name in rows[0]
        if all(name in there for there in rows)
        and all(
            np.array_equal(part.steps[there[name]], parts[0].steps[rows[0][name]])
            for there, part in zip(rows, parts, strict=True)
        )
    ]
    x = np.array([part.x[[there[name] for name in shared]] for there, part in zip(rows, parts, strict=True)])
    return x, parts[0].steps[[rows[0][name] for name in shared]]


def drop_noisy(x: Floats, steps: Floats | None = None) -> Drops:
    """Drop, again and again, the subtask without which the suite's mean has the highest σ_s/σ_w.

    Args:
        x: scores, shape (subtasks, runs, k), more being better.
        steps: of the checkpoints, shape (runs, k), to remove trends.
    """
    if len(x) < 2 or x.shape[1] < 2:
        raise ValueError("a suite to drop from has two subtasks and two runs at least")
    order, path = _greedy(x, steps)
    best = int(np.argmax(path))
    whole, kept = [], []
    if x.shape[1] >= 8:
        by_level = np.argsort(x.mean(axis=(0, 2)), kind="stable")
        for chooser, judge in ((by_level[::2], by_level[1::2]), (by_level[1::2], by_level[::2])):
            there = None if steps is None else steps[chooser]
            dropped, seen = _greedy(x[:, chooser], there)
            keep = np.setdiff1d(np.arange(len(x)), dropped[: int(np.argmax(seen))])
            judged = None if steps is None else steps[judge]
            whole.append(_suite_snr(x[:, judge].mean(axis=0), judged))
            kept.append(_suite_snr(x[np.ix_(keep, judge)].mean(axis=0), judged))
    means = [float(np.mean(found)) if found else float("nan") for found in (whole, kept)]
    return Drops(tuple(order), tuple(path), best, *means)


def _greedy(x: Floats, steps: Floats | None) -> tuple[list[int], list[float]]:
    left = list(range(len(x)))
    total = x.sum(axis=0)
    order: list[int] = []
    path = [_suite_snr(total / len(left), steps)]
    while len(left) > 1:
        ratios = [_suite_snr((total - x[task]) / (len(left) - 1), steps) for task in left]
        at = int(np.argmax(ratios))
        path.append(ratios[at])
        order.append(left[at])
        total = total - x[left.pop(at)]
    return order, path


def _suite_snr(x: Floats, steps: Floats | None) -> float:
    ratio = noise(x, steps).sd_snr
    return ratio if isfinite(ratio) else 0.0


def _by_recipe(grid: Grid, k: int) -> dict[str, float]:
    means = last_means(grid, k)
    found: dict[str, list[float]] = {}
    for recipe, mean in zip(grid.recipes, means, strict=True):
        if np.isfinite(mean):
            found.setdefault(recipe, []).append(float(mean))
    return {recipe: float(np.mean(values)) for recipe, values in found.items()}


def _agreement(small: dict[str, float], large: dict[str, float], level: float) -> Agreement | None:
    shared = [recipe for recipe in small if recipe in large]
    return order_agreement([small[r] for r in shared], [large[r] for r in shared], level=level)
