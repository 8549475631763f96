"""Confidence intervals for one number, as pure functions over counts and arrays.

Two families live here. *Proportions and scores in [0, 1]* get intervals that respect the ends of the
scale (Wilson, Clopper-Pearson, Jeffreys, and Wilson at an effective sample size where samples are
clustered or averaged). *Anything else* gets Student's t. Standard errors are one formula throughout:
a statistic is described by the influence of each sample on it, influences are summed within clusters,
and the sums are squared. The invariant: an interval never has zero width because the data happen to
be all alike; such data have a bound of their own (``all_alike``).

Three questions can be asked of one set of samples. On *the population that they stand for*, the intervals here
are the answer. On *these very samples*, of which all were asked, only the model's own sampling noise is left
(``variance.fixed_set_error``); of a finite pool of which some were asked, the error shrinks by
``finite_population``. And *which of two models is better* is ``paired``'s question.

Sources: Wilson (1927); Clopper and Pearson (1934); Brown, Cai and DasGupta, "Interval estimation for a
binomial proportion" (2001); Miller, "Adding error bars to evals" (arXiv 2411.00640) for the clustered
error; Korn and Graubard (1998) and Dean and Pagano (2015) for proportions from clustered samples;
Bell and McCaffrey (2002) and Carter, Schnepel and Steigerwald (2017) for unequal clusters.
"""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


_DOUBT = 0.7
"""Clusters' worth of doubt about how alike the samples of a cluster are."""


class Interval(NamedTuple):
    """The ends of a two-sided confidence interval."""

    lower: float
    upper: float


def wilson(k: float, n: float, level: float = 0.95) -> Interval:
    """Score interval of ``k`` successes in ``n`` independent trials; both may be fractional.

    Centre (p + z²/2n) / (1 + z²/n), half-width z √(p(1-p)/n + z²/4n²) / (1 + z²/n).
    """
    _check(k, n, level)
    z = _normal_quantile(level)
    p, shrink = k / n, 1 + z * z / n
    centre = (p + z * z / (2 * n)) / shrink
    half = z * sqrt(max(0.0, p * (1 - p)) / n + z * z / (4 * n * n)) / shrink
    return Interval(0.0 if k == 0 else max(0.0, centre - half), 1.0 if k == n else min(1.0, centre + half))


def clopper_pearson(k: float, n: float, level: float = 0.95) -> Interval:
    """Exact interval of ``k`` successes in ``n`` trials, by inverting the binomial tails."""
    _check(k, n, level)
    from scipy import special

    tail = (1 - level) / 2
    lower = 0.0 if k == 0 else float(special.betaincinv(k, n - k + 1, tail))
    upper = 1.0 if k == n else float(special.betaincinv(k + 1, n - k, 1 - tail))
    return Interval(lower, upper)


def jeffreys(k: float, n: float, level: float = 0.95) -> Interval:
    """Equal-tailed posterior interval under the prior Beta(½, ½), open to the end where k is 0 or n."""
    _check(k, n, level)
    from scipy import special

    tail = (1 - level) / 2
    lower = 0.0 if k == 0 else float(special.betaincinv(k + 0.5, n - k + 0.5, tail))
    upper = 1.0 if k == n else float(special.betaincinv(k + 0.5, n - k + 0.5, 1 - tail))
    return Interval(lower, upper)


def standard_error(influence: ArrayLike, clusters: Codes | None = None) -> float:
    """Standard error of a statistic from the influence of each sample on it.

    SE² = Σ_g (Σ_{i in g} ψ_i)² · G/(G-1), where ψ_i is ``(x_i - mean) / n`` for a mean, and every sample is a
    cluster of its own unless ``clusters`` (codes 0 ... G-1, one a sample) says otherwise; then it is the
    textbook sd/√n. Raises ``ValueError`` for fewer than two clusters.
    """
    psi = np.asarray(influence, dtype=np.float64)
    totals = psi if clusters is None else np.bincount(clusters, weights=psi).astype(np.float64)
    if len(totals) < 2:
        raise ValueError("a standard error takes at least two independent units")
    return sqrt(float(totals @ totals) * len(totals) / (len(totals) - 1))


def cluster_error(influence: ArrayLike, clusters: Codes) -> float:
    """``standard_error`` without its bias for clusters of unequal size, which intervals are made with.

    SE² = Σ_g e_g² / (1 - 2 h_g + Σ h²), with e_g the influence summed over cluster g and h_g its share of the samples:
    what makes E e_g² right where samples of a cluster are alike. For equal clusters it is ``standard_error``.
    """
    sizes = np.bincount(clusters).astype(np.float64)
    if len(sizes) < 2:
        raise ValueError("a standard error takes at least two independent units")
    totals = np.bincount(clusters, weights=np.asarray(influence, dtype=np.float64))
    share = sizes / sizes.sum()
    return sqrt(float((totals**2 / (1 - 2 * share + share @ share)).sum()))


def steadied_error(influence: ArrayLike, clusters: Codes) -> float:
    """``cluster_error`` drawn a little towards the error of clusters whose samples are half alike.

    Near the ends of a scale the spread comes from a few clusters, which hardly show how alike their samples are: one
    wrong answer in one cluster looks like independence. The design effect SE²/SE_iid² is therefore averaged with
    (1 + Σ n_g²/n)/2, halfway between independence and clusters all alike, which weighs as much as 0.7 clusters do,
    while the data weigh as many as their squared influence comes from, (Σ q_g)²/Σ q_g². The weight was chosen by
    simulation (``effective_wilson``).
    """
    psi = np.asarray(influence, dtype=np.float64)
    independent = float(psi @ psi)
    if independent == 0:
        return 0.0
    sizes = np.bincount(clusters).astype(np.float64)
    squares = np.bincount(clusters, weights=psi * psi)
    seen = float(squares.sum() ** 2 / (squares @ squares))
    design = cluster_error(psi, clusters) ** 2 / independent
    doubt = (1 + float(sizes @ sizes) / len(psi)) / 2
    return sqrt(independent * (seen * design + _DOUBT * doubt) / (seen + _DOUBT))


def finite_population(n: int, of: int) -> float:
    """What a standard error shrinks by where ``n`` of a pool of ``of`` samples were asked: √((N - n) / (N - 1)).

    For the score on the pool itself, not on what the pool stands for; the samples must have been drawn at random.
    """
    if not 1 <= n <= of:
        raise ValueError(f"{n} samples cannot be drawn from {of}")
    return 0.0 if n == of else sqrt((of - n) / (of - 1))


def t_around(centre: float, se: float, df: float, level: float = 0.95) -> Interval:
    """Student's t interval of an estimate with a standard error on ``df`` degrees of freedom."""
    half = _t_quantile(df, level) * se
    return Interval(centre - half, centre + half)


def t_interval(values: ArrayLike, level: float = 0.95) -> Interval:
    """Student's t interval of the mean of independent values."""
    x = np.asarray(values, dtype=np.float64)
    return t_around(float(x.mean()), standard_error(_influence(x)), len(x) - 1, level)


def clustered_t_interval(values: ArrayLike, clusters: ArrayLike, level: float = 0.95) -> Interval:
    """t interval of the mean of values that come in clusters, on effective clusters - 1 degrees of freedom.

    ``clusters`` are labels of any kind, one a value. Simulated with normal effects of clusters and samples, 5 to 50
    clusters from equal to very unequal, nominal 95 %: coverage 93.4 to 98.8 %; with ``standard_error`` on G - 1
    degrees of freedom it is the same for equal clusters and down to 83 % for unequal ones.
    """
    x = np.asarray(values, dtype=np.float64)
    codes = codes_of(clusters)
    return t_around(
        float(x.mean()), cluster_error(_influence(x), codes), max(1.0, effective_clusters(codes) - 1), level
    )


def effective_wilson(p: float, se: float, df: float, level: float = 0.95, limit: float | None = None) -> Interval:
    """Wilson's interval of a mean in [0, 1] whose standard error was estimated from the data.

    The effective sample size is the number of independent trials that would give this standard error,
    n* = p(1-p)/SE², at most ``limit`` (the trials there really were, for 0/1 data). It is multiplied by
    (z/t)² for the error of SE itself.

    Nominal 95 %, simulated over 5 to 50 clusters, p from .5 to .99, intra-cluster correlation 0 to .4, sizes from
    equal to very unequal, with ``steadied_error`` and ``df`` = effective clusters - 1: coverage is 98 % on average
    (discrete data cannot do better near the ends), at least 95.5 % in nine cells of ten and 92 % in the worst. With
    ``standard_error`` the worst is 84 %; of the clustered t interval it is 78 %. ``perf/coverage.py`` prints the grid.
    """
    ratio = _normal_quantile(level) / _t_quantile(max(df, 1.0), level)  # below 1 the quantile overflows
    n = p * (1 - p) / (se * se)
    n = (n if limit is None else min(n, limit)) * ratio * ratio
    return wilson(p * n, n, level)


def effective_clusters(clusters: Codes) -> float:
    """How many equally large clusters the given ones are worth: (Σ n_g)² / Σ n_g²."""
    sizes = np.bincount(clusters).astype(np.float64)
    return float(sizes.sum() ** 2 / (sizes @ sizes))


def all_alike(value: float, units: int, lower: float, upper: float, level: float = 0.95) -> Interval:
    """A bound on the mean where ``units`` independent units all gave ``value``, on a scale from ``lower`` to ``upper``.

    By Clopper-Pearson, 0 of ``units`` differing leaves a chance of at most u = 1 - (α/2)^(1/units) that the
    next one differs, and if it does it may lie anywhere on the scale. For 0 or 1 on [0, 1] this is the
    Clopper-Pearson interval itself. Nothing is assumed about how alike the samples within a unit are.
    """
    differ = clopper_pearson(0, units, level).upper
    return Interval(value - differ * (value - lower), value + differ * (upper - value))


def codes_of(labels: ArrayLike) -> Codes:
    """Labels of any kind as codes 0 ... G-1."""
    return np.unique(np.asarray(labels), return_inverse=True)[1].astype(np.int64)


def _influence(x: Floats) -> Floats:
    return (x - float(x.mean())) / len(x)


def _normal_quantile(level: float) -> float:
    return NormalDist().inv_cdf((1 + level) / 2)


def _t_quantile(df: float, level: float) -> float:
    from scipy import special

    return float(special.stdtrit(df, (1 + level) / 2))


def _check(k: float, n: float, level: float) -> None:
    if not (n > 0 and 0 <= k <= n and 0 < level < 1):
        raise ValueError(f"no interval for {k} of {n} at level {level}")
