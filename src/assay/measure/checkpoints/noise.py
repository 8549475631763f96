"""Signal and noise of a benchmark over training runs, and how far its scores can be relied on.

Noise is what a run's score does from checkpoint to checkpoint once its trend is taken out; signal is how far
runs lie apart. The invariant: signal is never part of the noise it is divided by. Pooled over R runs with the
last k checkpoints each,

    σ_w² = mean over runs of the residual variance (k - 1 degrees of freedom, k - 2 with a trend),
    σ_s² = Var(run means) - σ_w²/k,    F = k Var(run means) / σ_w²,    reliability of a run's mean = 1 - 1/F.

A run's mean and its residuals are independent, so F over its true value has an F distribution with R - 1 and
R(k - 2) degrees of freedom, from which the intervals of reliability and of σ_s/σ_w come: exact for normal noise
that is independent from checkpoint to checkpoint. Where neighbouring checkpoints move together, σ_w²/k is too small
and reliability too high. The range of the means grows with the number of runs even without any signal (1.1, 1.4,
1.7, 2.2 noise sds for 5, 10, 25, 100 runs at k = 5), so that range-based ratios compare only at equal R.
"""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

import numpy as np
from scipy import special

from assay.measure.checkpoints.series import Grid
from assay.measure.intervals import Floats, Interval


class Last(NamedTuple):
    """The last k checkpoints of each run that has as many."""

    x: Floats
    """(runs, k): scores."""
    steps: Floats
    """(runs, k): where they were taken."""
    runs: tuple[int, ...]
    """Which rows of the grid these are."""


class Noise(NamedTuple):
    """Signal, noise and what follows; ``nan`` where nothing can be said."""

    runs: int
    k: int
    trend: bool
    """Whether a linear trend was removed."""
    lowest: float
    highest: float
    """Ends of the run means."""
    noise: float
    """σ_w: sd of one checkpoint around its run's trend."""
    df: int
    """Degrees of freedom of σ_w."""
    signal: float
    """σ_s: sd of the runs' true levels, with the noise taken out; 0 where the noise explains it all."""
    range_snr: float
    """Range of run means over σ_w."""
    sd_snr: float
    """σ_s / σ_w, with its interval."""
    sd_snr_interval: Interval
    reliability: float
    """Of the mean of k checkpoints, with its interval."""
    reliability_interval: Interval
    flattened_snr: float
    """The quick-start definition of signal-and-noise: range over the sd of all scores; it saturates near 4."""


def last_checkpoints(grid: Grid, k: int) -> Last:
    """The last ``k`` checkpoints that each run has; runs with fewer are left out."""
    rows, steps, kept = [], [], []
    for run, scores in enumerate(grid.x):
        at = np.flatnonzero(np.isfinite(scores))[-k:]
        if len(at) == k:
            rows.append(scores[at])
            steps.append(grid.steps[at].astype(np.float64))
            kept.append(run)
    shape = (len(kept), k)
    return Last(np.reshape(rows, shape), np.reshape(steps, shape), tuple(kept))


def last_means(grid: Grid, k: int) -> Floats:
    """The mean of the last ``k`` checkpoints of each run, shape (runs,); NaN where it has fewer."""
    last = last_checkpoints(grid, k)
    found = np.full(len(grid.runs), np.nan)
    found[list(last.runs)] = last.x.mean(axis=1)
    return found


def residuals(x: Floats, steps: Floats | None = None) -> Floats:
    """Scores of shape (runs, k) less each run's mean and, where ``steps`` are given, its least-squares line."""
    left: Floats = x - x.mean(axis=1, keepdims=True)
    if steps is None:
        return left
    t = steps - steps.mean(axis=1, keepdims=True)
    slope = (left * t).sum(axis=1) / (t * t).sum(axis=1)
    return np.asarray(left - slope[:, None] * t)


def noise(x: Floats, steps: Floats | None = None, *, level: float = 0.95) -> Noise:
    """Signal and noise of R >= 2 runs.

    Args:
        x: the last k checkpoints of each run, shape (R, k), none missing; k >= 2, or 3 with a trend.
        steps: where they were taken, same shape, to remove a linear trend; a steadily rising curve is not noise.
        level: confidence of the intervals.
    """
    runs, k = x.shape
    free = k - 1 if steps is None else k - 2
    if runs < 2 or free < 1:
        raise ValueError(
            f"{runs} runs with {k} checkpoints do not show noise: 2 runs and {3 if free < 1 else 2} at least"
        )
    means = x.mean(axis=1)
    spread, between = float(np.ptp(means)), float(means.var(ddof=1))
    df = runs * free
    within = float((residuals(x, steps) ** 2).sum()) / df
    flat = float(x.std(ddof=1))
    flattened = spread / flat if flat > 0 else float("nan")
    ends = (float(means.min()), float(means.max()))
    if within < 1e-20:
        unknown, known = Interval(float("nan"), float("nan")), float("nan")
        return Noise(
            runs, k, steps is not None, *ends, 0.0, df, sqrt(between), known, known, unknown, known, unknown, flattened
        )
    f = k * between / within
    few, many = special.fdtri(runs - 1, df, [(1 - level) / 2, (1 + level) / 2])
    f_low, f_high = f / float(many), f / float(few)
    return Noise(
        runs,
        k,
        steps is not None,
        *ends,
        sqrt(within),
        df,
        sqrt(max(0.0, between - within / k)),
        spread / sqrt(within),
        _ratio(f, k),
        Interval(_ratio(f_low, k), _ratio(f_high, k)),
        _reliability(f),
        Interval(_reliability(f_low), _reliability(f_high)),
        flattened,
    )


def of_grid(grid: Grid, k: int, *, trend: bool = True, level: float = 0.95) -> Noise | None:
    """``noise`` of the last k checkpoints; None where fewer than two runs have as many, or k is too small."""
    last = last_checkpoints(grid, k)
    if len(last.runs) < 2 or k < (3 if trend else 2):
        return None
    return noise(last.x, last.steps if trend else None, level=level)


def _ratio(f: float, k: int) -> float:
    return sqrt(max(0.0, f - 1) / k)


def _reliability(f: float) -> float:
    return max(0.0, 1 - 1 / f) if f > 0 else 0.0
