"""A mean of human labels, sharpened by a judge's verdicts on items that nobody labelled.

Prediction-powered inference: the judge's mean over many items, corrected by what it gets wrong on the few that
people labelled. It is unbiased whatever the judge is worth, and a useless judge costs nothing, since its weight
λ is then estimated near 0.

θ = λ mean(f unlabelled) + mean(Y - λ f), Var = λ² Var(f unlabelled)/N + Var(Y - λ f)/n,
λ* = Cov(Y, f) / ((1 + n/N) Var f), clipped to [0, 1] (Angelopoulos, Duchi and Zrnic, "PPI++", arXiv 2311.01453).
"""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

import numpy as np

from assay.measure.intervals import Floats, standard_error, t_around
from assay.measure.summaries import Clusters, Summary, from_influence, no_value

_CROSS_FIT_BELOW = 100
"""With fewer labels than this, λ is fitted on one half and used on the other, or it would flatter itself."""


class Powered(NamedTuple):
    """A prediction-powered mean, and what the judge was worth."""

    mean: Summary
    weight: float
    """λ, averaged over the halves where it is cross-fitted."""
    correlation: float
    """ρ of label and verdict on labelled items."""
    effective: float
    """Labels alone that would give the same standard error, n / (1 - ρ² N/(N+n))."""


def powered_mean(
    labels: Floats,
    verdicts: Floats,
    unlabelled: Floats,
    *,
    level: float,
    seed: int,
    clusters: Clusters | None = None,
) -> Powered | None:
    """The mean label over the items that labelled and unlabelled ones stand for; ``None`` where nothing is gained.

    Args:
        labels: human label of each labelled item, shape (n,).
        verdicts: the judge's verdict on the same items, shape (n,).
        unlabelled: its verdict on items without a label, shape (N,).
        level: confidence of the interval.
        seed: of the split for cross-fitting.
        clusters: of the labelled items and then the unlabelled ones, where they share sources.

    At least ten labelled items and two unlabelled ones are needed, and verdicts that vary.
    """
    n, more = len(labels), len(unlabelled)
    if n < 10 or more < 2 or verdicts.std() == 0 or labels.std() == 0:
        return None
    halves = [np.arange(n)]
    if n < _CROSS_FIT_BELOW:
        halves = np.array_split(np.random.default_rng(seed).permutation(n), 2)
    weights, means, variance = [], 0.0, 0.0
    influence = np.zeros(n + more)
    for half in halves:
        fit_on = half if len(halves) == 1 else np.setdiff1d(np.arange(n), half)
        weight = _weight(labels[fit_on], verdicts[fit_on], more, n)
        left = labels[half] - weight * verdicts[half]
        share = len(half) / n
        weights.append(share * weight)
        means += share * float(left.mean())
        influence[half] = (left - left.mean()) / n
        variance += share**2 * float(left.var(ddof=1)) / len(half)
    total = sum(weights)
    value = total * float(unlabelled.mean()) + means
    influence[n:] = total * (unlabelled - unlabelled.mean()) / more
    if clusters is None:
        se, df, over = sqrt(total**2 * float(unlabelled.var(ddof=1)) / more + variance), n - 1, f"on {n} labels"
    else:
        se, df = standard_error(influence, clusters.codes), clusters.distinct - 1
        over = f"clustered by {clusters.name} ({clusters.distinct})"
    rho = float(np.corrcoef(labels, verdicts)[0, 1])
    fitted = "cross-fitted" if len(halves) > 1 else "fitted"
    method = f"prediction-powered, weight {total:.3f} {fitted}, t {over}"
    mean = Summary(value, se, *t_around(value, se, df, level), None if clusters is None else clusters.distinct, method)
    return Powered(mean, total, rho, effective_labels(n, more, rho))


def effective_labels(n: int, more: int, rho: float) -> float:
    """n_eff = n / (1 - ρ² N/(N+n)): what ``n`` labels are worth beside ``more`` verdicts of correlation ``rho``."""
    return n / (1 - rho * rho * more / (more + n))


def effective_interval(labels: Floats, verdicts: Floats, more: int, *, level: float) -> Summary:
    """The effective number of labels with an interval, from Fisher's transformation of the correlation."""
    n = len(labels)
    rho = float(np.corrcoef(labels, verdicts)[0, 1])
    value = effective_labels(n, more, rho)
    if n < 5 or abs(rho) >= 1:
        return Summary(value, None, None, None, None, "none: too few labels, or a correlation of 1")
    ends = np.tanh(t_around(float(np.arctanh(rho)), 1 / sqrt(n - 3), 10**6, level))
    least = 0.0 if ends[0] * ends[1] < 0 else float(np.abs(ends).min())
    lower, upper = effective_labels(n, more, least), effective_labels(n, more, float(np.abs(ends).max()))
    return Summary(value, None, lower, upper, None, "Fisher z of the correlation")


def labels_alone(labels: Floats, level: float, clusters: Clusters | None = None) -> Summary:
    """The mean of the labels without the judge's help."""
    if len(labels) < 2 or labels.std() == 0:
        return no_value("labels that do not vary")
    mean = float(labels.mean())
    return from_influence(mean, (labels - mean) / len(labels), clusters=clusters, scale=None, level=level)


def _weight(labels: Floats, verdicts: Floats, more: int, n: int) -> float:
    spread = float(verdicts.var(ddof=1)) if len(verdicts) > 1 else 0.0
    if spread == 0:
        return 0.0
    covariance = float(np.cov(labels, verdicts)[0, 1])
    return float(np.clip(covariance / ((1 + n / more) * spread), 0.0, 1.0))
