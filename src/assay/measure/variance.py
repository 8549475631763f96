"""Where a score's uncertainty comes from: the samples, the model's own dice, and whatever else was varied.

One attempt at sample i is s_ik = x_i + ε_ik, so that the mean over n samples and K attempts each has the variance
(ω² + σ²/K)/n with ω² = Var(x_i) and σ² = E Var(ε | i) (Miller, arXiv 2411.00640). With more factors (seed, prompt
template, judge) the same analysis of variance gives the noise budget of generalisability theory (Cronbach et
al., 1972; Brennan, 2001). The invariant: estimates are unbiased before they are cut off at 0, and a component
that the data cannot show is ``None``, not 0.
"""

from __future__ import annotations

from itertools import combinations, pairwise
from math import prod, sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from assay.measure.intervals import Codes, Floats, cluster_error, codes_of, standard_error


class Components(NamedTuple):
    """Variance between samples and within them."""

    omega2: float
    """ω²: of the samples' expected scores."""
    sigma2: float | None
    """σ²: of one attempt around them; ``None`` where no sample was attempted twice."""
    epochs: float
    """Attempts a sample, harmonic mean."""


def components(means: Floats, within: Floats, attempts: Floats) -> Components:
    """ω² and σ² by one-way analysis of variance.

    σ̂² pools the within-sample variances over their degrees of freedom, ω̂² = Var(means) - σ̂² · mean(1/K_i).

    Args:
        means: mean score of each sample, shape (n,).
        within: Σ_k (s_ik - mean_i)² of each sample, shape (n,).
        attempts: K_i, shape (n,).

    Without repeats ω² is Var(means), which then holds σ² too.
    """
    if len(means) < 2:
        raise ValueError("variance between samples takes at least two of them")
    between = float(means.var(ddof=1))
    inverse = float((1 / attempts).mean())
    sigma2 = sampling_variance(within, attempts)
    if sigma2 is None:
        return Components(between, None, 1 / inverse)
    return Components(max(0.0, between - sigma2 * inverse), sigma2, 1 / inverse)


def sampling_variance(within: Floats, attempts: Floats) -> float | None:
    """σ̂² = Σ within / Σ (K_i - 1), arguments as for ``components``; ``None`` where no sample was attempted twice."""
    df = float((attempts - 1).sum())
    return float(within.sum()) / df if df > 0 else None


def components_of(scores: Floats) -> Components:
    """``components`` of a table of scores, samples x attempts, missing attempts NaN."""
    there = np.isfinite(scores)
    asked = there.sum(axis=1)
    kept, there, counts = scores[asked > 0], there[asked > 0], asked[asked > 0].astype(np.float64)
    means = np.where(there, kept, 0).sum(axis=1) / counts
    within = (np.where(there, kept - means[:, None], 0) ** 2).sum(axis=1)
    return components(means, within, counts)


def fixed_set_error(within: Floats, attempts: Floats) -> float | None:
    """Standard error of the mean over *these very* samples: √(Σ_i s_i²/K_i) / n, the model's own dice only.

    s_i² is pooled over samples, since one of two attempts hardly has one of its own. ``None`` without repeats.
    """
    sigma2 = sampling_variance(within, attempts)
    return None if sigma2 is None else sqrt(sigma2 * float((1 / attempts).sum())) / len(attempts)


def share_of_sampling(omega2: float, sigma2: float, epochs: float) -> float:
    """The share of the score's variance that more attempts could still take away: (σ²/K) / (ω² + σ²/K)."""
    left = sigma2 / epochs
    return left / (omega2 + left) if omega2 + left > 0 else 0.0


class Source(NamedTuple):
    """One variance component of a mean score."""

    factors: tuple[str, ...]
    """Which factors vary together; all of them is the rest, unexplained noise included."""
    variance: float
    """V_A, of one level."""
    levels: int
    """Levels (or combinations of levels) that it is averaged over."""

    @property
    def contribution(self) -> float:
        """V_A / levels: its part of the variance of the grand mean."""
        return self.variance / self.levels


def noise_budget(scores: Floats, factors: tuple[str, ...]) -> list[Source]:
    """The variance of the grand mean by source, largest first, where every factor is a draw from many.

    Mean squares of a completely crossed design satisfy E MS_A = Σ_{B ⊇ A} V_B Π_{f not in B} L_f; inclusion and
    exclusion solves for V_A, cut off at 0. Σ contributions is the variance of the grand mean over new samples,
    seeds, templates and so on: the shares say what to buy more of.

    Args:
        scores: one axis a factor (samples, seeds, templates, judges ...), at least two levels each, none missing.
        factors: their names, in the order of the axes.
    """
    if scores.ndim != len(factors) or min(scores.shape) < 2 or not np.isfinite(scores).all():
        raise ValueError("a noise budget takes a complete table with at least two levels of every factor")
    axes = range(scores.ndim)
    subsets = [frozenset(s) for size in range(1, scores.ndim + 1) for s in combinations(axes, size)]
    squares = {subset: _mean_square(scores, subset) for subset in subsets}
    found = []
    for subset in subsets:
        signed = sum((-1) ** len(other - subset) * squares[other] for other in subsets if other >= subset)
        variance = max(0.0, signed / prod(scores.shape[a] for a in axes if a not in subset))
        levels = prod(scores.shape[a] for a in subset)
        found.append(Source(tuple(factors[a] for a in sorted(subset)), variance, levels))
    return sorted(found, key=lambda source: -source.contribution)


def _mean_square(scores: Floats, subset: frozenset[int]) -> float:
    """Mean square of the interaction of the axes in ``subset`` (of a main effect for one)."""
    effect = scores.mean(axis=tuple(a for a in range(scores.ndim) if a not in subset), keepdims=True)
    for axis in subset:
        effect = effect - effect.mean(axis=axis, keepdims=True)
    repeats = scores.size / effect.size
    return float((effect**2).sum() * repeats / prod(scores.shape[a] - 1 for a in subset))


class PairVariances(NamedTuple):
    """What comparisons of models that are neighbours in the ranking look like: medians over pairs."""

    omega2: float
    """ω_d²; without repeats it holds the sampling variance of both sides too."""
    sigma2: float | None
    """σ_A² + σ_B² of one attempt each; ``None`` without repeats."""
    design_effect: float
    """Clustered by independent variance of the mean difference; 1 without clusters."""
    lowest: float
    """10 % of the pairs have a smaller variance of one sample's difference, at one attempt each, than this."""
    highest: float
    """And 10 % a larger."""
    pairs: int


def neighbour_variances(x: Floats, attempts: NDArray[Any], clusters: Codes | None = None) -> PairVariances | None:
    """Variances of the differences between neighbours in the ranking, whose order is hardest to settle.

    Args:
        x: mean scores, shape (M, n), NaN where a model was not asked.
        attempts: attempts that were averaged, shape (M, n).
        clusters: codes 0 ... G-1, shape (n,).

    σ² is taken as K x (1 - x) / (K - 1) within a sample: exact for attempts that are right or wrong, an upper bound
    for other scores in [0, 1]. ``None`` where no two models share two samples.
    """
    found = []
    asked = np.flatnonzero(np.isfinite(x).any(axis=1))
    order = asked[np.argsort(-np.nanmean(x[asked], axis=1), kind="stable")]
    for a, b in pairwise(order):
        both = np.isfinite(x[a]) & np.isfinite(x[b])
        if both.sum() < 2:
            continue
        d = x[a, both] - x[b, both]
        noise, sigma2 = 0.0, []
        for model in (a, b):
            k = attempts[model, both].astype(np.float64)
            own = sampling_variance(k * x[model, both] * (1 - x[model, both]), k)
            if own is not None:
                sigma2.append(own)
                noise += own * float((1 / k).mean())
        variance = float(d.var(ddof=1))
        influence = (d - d.mean()) / len(d)
        codes = None if clusters is None else codes_of(clusters[both])
        effect = 1.0
        if codes is not None and 1 <= codes.max() < len(d) - 1 and variance > 0:
            effect = cluster_error(influence, codes) ** 2 / standard_error(influence) ** 2
        total = sum(sigma2) if len(sigma2) == 2 else None
        between = variance if total is None else max(0.0, variance - noise)
        found.append((between, total, effect, between + (total or 0.0)))
    if not found:
        return None
    omega2, totals, effects, whole = zip(*found, strict=True)
    known = [t for t in totals if t is not None]
    low, high = np.quantile(whole, [0.1, 0.9])
    return PairVariances(
        float(np.median(omega2)),
        float(np.median(known)) if len(known) == len(found) else None,
        float(np.median(effects)),
        float(low),
        float(high),
        len(found),
    )
