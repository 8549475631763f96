"""Confidence sequences for one mean: intervals that hold at every look at once.

A fixed-sample interval is wrong with probability alpha at *one* n; looked at again and again it fails far more
often. A confidence sequence contains the mean at all n together with probability 1 - alpha. The invariant: the
weight of each observation is fixed before it is seen. ``n`` is the size of the finite population (the benchmark)
that the observations are drawn from in random order without replacement; ``None`` means independent draws.

Two have a proof for every sample size, for observations in [0, 1] (rescale others): ``hedged``, by betting, the
tighter; and ``empirical_bernstein``, in closed form. ``asymptotic`` needs no bounds and only holds for long
sequences. Sources: Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting" (JRSS-B
2024) and "Confidence sequences for sampling without replacement" (NeurIPS 2020); Waudby-Smith, Arbour, Sinha,
Kennedy and Ramdas, "Time-uniform central limit theory and asymptotic confidence sequences" (2021).
"""

from __future__ import annotations

from math import log, sqrt

import numpy as np

from assay.measure.intervals import Floats

_CAP = 0.5


def hedged(x: Floats, *, alpha: float = 0.05, n: int | None = None, grid: int = 1001) -> tuple[Floats, Floats]:
    """Hedged capital confidence sequence of the mean of ``x`` (T,), in [0, 1]: lower and upper ends, both (T,).

    For each candidate m of an even grid two gamblers bet l_i = min(plug-in, c/m) that the mean is larger and
    min(plug-in, c/(1 - m)) that it is smaller, K+-(m) = prod(1 +- l_i (x_i - m)); m stays while max(K+, K-)/2 <
    1/alpha. Without replacement, m is replaced by the mean of what is left, (n m - S)/(n - i + 1). Ends are widened
    by a grid step, and the intersection over time is returned.
    """
    x = np.asarray(x, dtype=np.float64)
    m = np.linspace(0, 1, grid)
    plug = _plug_in(x, alpha)
    up, down = np.zeros(grid), np.zeros(grid)
    alive = np.ones(grid, dtype=bool)
    lower, upper = np.empty(len(x)), np.empty(len(x))
    total = 0.0
    for i, value in enumerate(x):
        mean = m if n is None else (n * m - total) / (n - i)
        alive &= (mean >= -1e-9) & (mean <= 1 + 1e-9)  # what is left cannot have such a mean
        mean = np.clip(mean, 0.0, 1.0)
        up += np.log1p(np.minimum(plug[i], _CAP / np.maximum(mean, 1e-12)) * (value - mean))
        down += np.log1p(-np.minimum(plug[i], _CAP / np.maximum(1 - mean, 1e-12)) * (value - mean))
        alive &= np.maximum(up, down) < log(2 / alpha)
        total += value
        kept = np.flatnonzero(alive)
        low, high = (kept[0], kept[-1]) if len(kept) else (round(total / (i + 1) * (grid - 1)),) * 2
        lower[i], upper[i] = m[max(low - 1, 0)], m[min(high + 1, grid - 1)]
    return np.maximum.accumulate(lower), np.minimum.accumulate(upper)


def empirical_bernstein(x: Floats, *, alpha: float = 0.05, n: int | None = None) -> tuple[Floats, Floats]:
    """Predictable plug-in empirical Bernstein confidence sequence; ``x`` is (..., T) in [0, 1], ends likewise.

    Centre sum(l_i (x_i + S_{i-1}/(n - i + 1))) / sum(l_i n/(n - i + 1)), half-width (ln(2/alpha) + sum 4 (x_i -
    mu_{i-1})^2 psi(l_i)) / sum(l_i n/(n - i + 1)), psi(l) = (-ln(1 - l) - l)/4; with replacement the population
    terms vanish. The intersection over time is returned.
    """
    x = np.asarray(x, dtype=np.float64)
    t = np.arange(1, x.shape[-1] + 1)
    bet = np.minimum(_plug_in(x, alpha), _CAP)
    total = np.cumsum(x, axis=-1)
    before = (0.5 + total - x) / t  # mu_{i-1} = (1/2 + sum of the first i - 1) / i
    left = np.inf if n is None else (n - t + 1).astype(np.float64)
    weight = np.cumsum(bet if n is None else bet * n / left, axis=-1)
    centre = np.cumsum(bet * (x + (total - x) / left), axis=-1) / weight
    spread = np.cumsum((x - before) ** 2 * (-np.log1p(-bet) - bet), axis=-1)
    half = (log(2 / alpha) + spread) / weight
    lower, upper = np.maximum(centre - half, 0.0), np.minimum(centre + half, 1.0)
    if n is not None:  # and what was seen counts for sure
        lower, upper = np.maximum(lower, total / n), np.minimum(upper, (total + n - t) / n)
    lower = np.maximum.accumulate(lower, axis=-1)
    return lower, np.maximum(np.minimum.accumulate(upper, axis=-1), lower)  # never empty, where it went wrong


def asymptotic(x: Floats, *, alpha: float = 0.05, tuned_to: int = 1000) -> tuple[Floats, Floats]:
    """Asymptotic confidence sequence of the mean of independent ``x`` (..., T) with finite variance.

    mu_t +- sd_t sqrt(2 (t r^2 + 1)/(t^2 r^2) ln(sqrt(t r^2 + 1)/alpha)), narrowest at about t = ``tuned_to``: r^2 =
    (-2 ln alpha + ln(-2 ln alpha) + 1)/tuned_to. Not to be read before some dozens of observations; the first
    end is infinite, since one observation has no deviation.
    """
    x = np.asarray(x, dtype=np.float64)
    t = np.arange(1, x.shape[-1] + 1)
    mean = np.cumsum(x, axis=-1) / t
    variance = np.maximum(np.cumsum(x * x, axis=-1) / t - mean**2, 0.0)
    r2 = (-2 * log(alpha) + log(-2 * log(alpha)) + 1) / tuned_to
    half = np.sqrt(variance * 2 * (t * r2 + 1) / (t**2 * r2) * np.log(np.sqrt(t * r2 + 1) / alpha))
    half[..., 0] = np.inf
    return mean - half, mean + half


def _plug_in(x: Floats, alpha: float) -> Floats:
    """(..., T): l_i = sqrt(2 ln(2/alpha) / (s_{i-1}^2 i ln(1 + i))), s_t^2 = (1/4 + sum (x - mu)^2)/(t + 1)."""
    t = np.arange(1, x.shape[-1] + 1)
    mean = (0.5 + np.cumsum(x, axis=-1)) / (t + 1)
    variance = (0.25 + np.cumsum((x - mean) ** 2, axis=-1)) / (t + 1)
    before = np.concatenate([np.full((*x.shape[:-1], 1), 0.25), variance[..., :-1]], axis=-1)
    plug: Floats = sqrt(2 * log(2 / alpha)) / np.sqrt(before * t * np.log1p(t))
    return plug
