"""The bootstrap over clusters, with the same weights for every model.

A replicate gives each cluster a weight; what a statistic needs is a weighted sum of cluster totals, so that all
replicates of all models are one matrix product. The invariant: clusters are drawn, never single samples, and
in one replicate every model meets the same draw, so that differences and ranks keep their pairing.

Sources: Efron (1987) for BCa; Field and Welsh (2007) for clusters. Poisson weights are the Poisson bootstrap
(Hanley and MacGibbon, 2006): independent from cluster to cluster, so that they can be made where the data lie.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from assay.measure.intervals import Codes, Floats, Interval
from assay.measure.summaries import Summary, no_value

Statistic = Callable[[Floats], Floats]
Kind = Literal["multinomial", "poisson"]

_CELLS = 4_000_000
"""Numbers held at a time while drawing weights."""


def cluster_sums(x: Floats, clusters: Codes | None) -> tuple[Floats, Floats]:
    """Sums and sizes of clusters: (G, M) and (G,) from scores of shape (M, n) and codes 0 ... G-1 of shape (n,)."""
    if clusters is None:
        return x.T, np.ones(x.shape[1])
    sizes = np.bincount(clusters)
    order = np.argsort(clusters, kind="stable")
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    return np.add.reduceat(x[:, order], starts, axis=1).T, sizes.astype(np.float64)


def weights(groups: int, draws: int, *, seed: int, kind: Kind = "multinomial") -> Iterator[NDArray[np.float32]]:
    """How often each cluster is drawn in each replicate, in blocks of shape (at most ``draws``, ``groups``)."""
    rng = np.random.default_rng(seed)
    step = max(1, _CELLS // groups)
    for start in range(0, draws, step):
        rows = min(step, draws - start)
        if kind == "poisson":
            yield rng.poisson(1.0, (rows, groups)).astype(np.float32)
            continue
        drawn = rng.integers(0, groups, (rows, groups), dtype=np.int32)
        drawn += (np.arange(rows, dtype=np.int32) * groups)[:, None]
        yield np.bincount(drawn.ravel(), minlength=rows * groups).reshape(rows, groups).astype(np.float32)


def bootstrap_means(
    x: Floats, clusters: Codes | None = None, *, draws: int = 2000, seed: int = 0, kind: Kind = "multinomial"
) -> Floats:
    """The mean score of each model in each replicate, shape (draws, M): (W S) / (W N).

    Args:
        x: scores, shape (M, n), none missing.
        clusters: codes 0 ... G-1, shape (n,); every sample is its own cluster without.
        draws: replicates B.
        seed: of the draws.
        kind: ``multinomial`` draws G clusters with replacement; ``poisson`` gives each an independent weight.
    """
    sums, sizes = cluster_sums(np.asarray(x, dtype=np.float64), clusters)
    centre = sums.sum(axis=0) / sizes.sum()
    # what is left after centring is small, so that single precision loses nothing that matters
    table = np.column_stack([sums - sizes[:, None] * centre, sizes]).astype(np.float32)
    blocks = [w @ table for w in weights(len(sizes), draws, seed=seed, kind=kind)]
    found = np.concatenate(blocks).astype(np.float64)
    return np.asarray(centre + found[:, :-1] / np.maximum(found[:, -1:], 1.0))


def bca(value: float, drawn: Floats, without: Floats, level: float = 0.95) -> Interval:
    """Quantiles of bootstrap replicates, corrected for bias and acceleration (Efron, 1987).

    z0 = Φ⁻¹(share of replicates below the estimate), a = Σ d³ / 6 (Σ d²)^{3/2} with d = mean - θ_(-g), and each
    end lies at the level Φ(z0 + (z0 + z) / (1 - a (z0 + z))).

    Args:
        value: the estimate.
        drawn: the replicates, shape (B,).
        without: the statistic with each cluster left out in turn, shape (G,).
        level: confidence of the interval.

    Simulated at 95 % for kappa, AC1, balanced accuracy and macro F1: coverage 93 to 97 % from 40 items on with both
    labels common. With only two or three items of the rarer label nothing helps: balanced accuracy is at 80 % for 20
    items, 3 of them rare, 92 % for 40.
    """
    deviations = without.mean() - without
    squares = float((deviations**2).sum())
    acceleration = float((deviations**3).sum()) / (6 * squares**1.5) if squares > 0 else 0.0
    below = float(((drawn < value).mean() + (drawn <= value).mean()) / 2)
    bias = float(special.ndtri(np.clip(below, 1 / len(drawn), 1 - 1 / len(drawn))))
    z = bias + special.ndtri([(1 - level) / 2, (1 + level) / 2])
    lower, upper = np.quantile(drawn, special.ndtr(bias + z / np.maximum(1 - acceleration * z, 0.1)))
    return Interval(float(min(lower, value)), float(max(upper, value)))


def bca_mean(
    values: ArrayLike, clusters: Codes | None = None, *, level: float = 0.95, draws: int = 2000, seed: int = 0
) -> Interval:
    """The BCa interval of a mean over clusters. Raises ``ValueError`` for fewer than two clusters."""
    x = np.asarray(values, dtype=np.float64)
    sums, sizes = cluster_sums(x[None], clusters)
    if len(sizes) < 2:
        raise ValueError("a bootstrap takes at least two clusters")
    drawn = bootstrap_means(x[None], clusters, draws=draws, seed=seed)[:, 0]
    without = (sums.sum() - sums[:, 0]) / (sizes.sum() - sizes)
    return bca(float(x.mean()), drawn, without, level)


def bootstrap(sums: Floats, statistic: Statistic, *, level: float, draws: int, seed: int, units: str) -> Summary:
    """A statistic of summed cluster totals with its BCa interval.

    Args:
        sums: what each cluster contributes, shape (G, ...).
        statistic: from sums of shape (B, ...) to B numbers, NaN where undefined.
        level: confidence of the interval.
        draws: bootstrap replicates.
        seed: of the draws, so that a report can be made again.
        units: the name of what is drawn, for the method.
    """
    groups = len(sums)
    value = float(statistic(sums.sum(0)[None])[0])
    if not np.isfinite(value):
        return no_value("undefined on these data")
    if groups < 2:
        return Summary(value, None, None, None, groups, f"none: a single {units}")
    flat = sums.reshape(groups, -1)
    drawn = np.concatenate(
        [statistic((w @ flat).reshape(-1, *sums.shape[1:])) for w in weights(groups, draws, seed=seed)]
    )
    defined = drawn[np.isfinite(drawn)]
    if len(defined) < 0.95 * draws:
        return Summary(value, None, None, None, groups, "none: undefined in many bootstrap draws")
    se = float(defined.std(ddof=1))
    if se < 1e-12:
        return Summary(value, None, None, None, groups, f"none: no spread over {groups} {units}s")
    whole = sums.sum(0)[None]
    without = np.concatenate(
        [statistic(whole - part) for part in np.array_split(sums, groups * flat.shape[1] // _CELLS + 1)]
    )
    ends = bca(value, defined, without[np.isfinite(without)], level)
    return Summary(value, se, *ends, groups, f"BCa bootstrap over {groups} {units}s, {draws} draws")
