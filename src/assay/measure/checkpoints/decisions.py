"""Would a cheaper look have decided as the full one does? Order agreement, observed and in closed form.

Decision accuracy is the share of pairs of models whose order at a small scale (an early checkpoint, a small model, a
proxy metric) is their order at the large one. A pair that is tied on one side counts one half. Pairs share models, so
that the models are what varies: intervals come from drawing models anew.

For normal scores with correlation r the agreement is ½ + arcsin(r)/π (Sheppard). One checkpoint with noise σ_n around
true levels with spread σ_s has r = σ_s/√(σ_s² + σ_n²) with the truth, which makes it ½ + arctan(σ_s/σ_n)/π; the mean
of k checkpoints has σ_n/√k.
"""

from __future__ import annotations

from math import asin, atan, pi, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from assay.measure.intervals import Floats, all_alike, effective_wilson

DRAWS = 2000


class Agreement(NamedTuple):
    """How many pairs are ordered alike."""

    value: float
    lower: float
    upper: float
    models: int
    pairs: int
    """Pairs with a value on both sides."""
    tied: int
    """Of these, pairs tied on either side, counted one half."""
    method: str


def from_ratio(ratio: float, k: int = 1) -> float:
    """P(a pair of runs is truly ordered as the means of k checkpoints are), from σ_s/σ_n of one checkpoint."""
    return 0.5 + atan(ratio * sqrt(k)) / pi


def from_correlation(r: float) -> float:
    """P(two scales order a pair alike) where their scores correlate by ``r``."""
    return 0.5 + asin(max(-1.0, min(1.0, r))) / pi


def order_agreement(
    small: ArrayLike, large: ArrayLike, *, level: float = 0.95, draws: int = DRAWS, seed: int = 0
) -> Agreement | None:
    """The share of pairs that two sets of scores, of shape (models,), order alike; None for fewer than two models.

    Models without one of the scores (NaN) are left out. The interval is Wilson's at the effective sample size that
    the bootstrap's standard error over models implies; where all pairs agree it is the exact bound for
    half as many independent pairs as there are models.
    """
    a, b = np.asarray(small, dtype=np.float64), np.asarray(large, dtype=np.float64)
    both = np.isfinite(a) & np.isfinite(b)
    a, b = a[both], b[both]
    m = len(a)
    if m < 2:
        return None
    left, right = (np.sign(s[:, None] - s[None, :]) for s in (a, b))
    alike: Floats = (1 + left * right) / 2
    upper = np.triu_indices(m, 1)
    each = alike[upper]
    value = float(each.mean())
    tied = int(((left * right)[upper] == 0).sum())
    if float(np.ptp(each)) == 0 or m < 3:
        ends = all_alike(value, max(1, m // 2), 0.0, 1.0, level)
        return Agreement(value, *ends, m, len(each), tied, f"exact bound, {m // 2} disjoint pairs")
    se = _bootstrap_error(alike, draws, seed)
    if se == 0 or not 0 < value < 1:
        ends = all_alike(value, m // 2, 0.0, 1.0, level)
        return Agreement(value, *ends, m, len(each), tied, f"exact bound, {m // 2} disjoint pairs")
    ends = effective_wilson(value, se, m - 1, level, limit=len(each))
    return Agreement(value, *ends, m, len(each), tied, f"Wilson at the bootstrap's error over {m} models")


def _bootstrap_error(alike: Floats, draws: int, seed: int) -> float:
    """SE of the mean over pairs when models are drawn anew; a model is not paired with its own copy."""
    m = len(alike)
    w = np.random.default_rng(seed).multinomial(m, np.full(m, 1 / m), size=draws).astype(np.float64)
    hollow = alike - np.diag(np.diag(alike))
    pairs = w.sum(axis=1) ** 2 - (w * w).sum(axis=1)
    sums = np.einsum("bi,ij,bj->b", w, hollow, w, optimize=True)
    some = pairs > 0
    return float((sums[some] / pairs[some]).std(ddof=1))


def along_training(x: Floats, final: Floats, *, level: float = 0.95, draws: int = DRAWS) -> list[Agreement | None]:
    """For each checkpoint, (runs, checkpoints), how far it orders the runs as ``final``, (runs,), does."""
    return [order_agreement(column, final, level=level, draws=draws) for column in x.T]
