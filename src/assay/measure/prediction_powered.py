"""A mean of human labels, sharpened by a judge's verdicts on items that nobody labelled.

Prediction-powered inference: the judge's mean over many items, corrected by what it gets wrong on the few that
people labelled. It is unbiased whatever the judge is worth, and a useless judge costs nothing, since its weight
λ is then estimated near 0.

θ = λ mean(f unlabelled) + mean(Y - λ f), Var = λ² Var(f unlabelled)/N + Var(Y - λ f)/n,
λ* = Cov(Y, f) / ((1 + n/N) Var f), clipped to [0, 1] (Angelopoulos, Duchi and Zrnic, "PPI++", arXiv 2311.01453).
"""

from __future__ import annotations

from math import sqrt
from typing import Any, NamedTuple

import numpy as np

from assay.measure.intervals import Codes, Floats, standard_error, t_around
from assay.measure.summaries import Clusters, Summary, from_influence, no_value

_LEAST = 10
"""Labels below which there is no telling what the judge is worth."""
_STEADY = 0.2
"""Sensitivity + specificity - 1 must be above this, two standard errors off, for Rogan-Gladen to be steady."""
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
    """Labels alone that would give the same standard error, n / (1 - ρ² N/(N+n)); n where ρ is below 0."""


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
    if n < _LEAST or more < 2 or verdicts.std() == 0 or labels.std() == 0:
        return None
    part = _of_part(labels, verdicts, unlabelled, seed)
    value, total = part.value, part.weight
    if clusters is None:
        se, df, over = sqrt(part.variance), n - 1, f"on {n} labels"
    else:
        se, df = standard_error(part.influence, clusters.codes), clusters.distinct - 1
        over = f"clustered by {clusters.name} ({clusters.distinct})"
    rho = float(np.corrcoef(labels, verdicts)[0, 1])
    fitted = "cross-fitted" if n < _CROSS_FIT_BELOW else "fitted"
    method = f"prediction-powered, weight {total:.3f} {fitted}, t {over}"
    mean = Summary(value, se, *t_around(value, se, df, level), None if clusters is None else clusters.distinct, method)
    return Powered(mean, total, rho, effective_labels(n, more, max(rho, 0.0)))  # λ is not below 0


def powered_difference(
    labels: tuple[Floats, Floats], verdicts: tuple[Floats, Floats], unlabelled: tuple[Floats, Floats], **how: Any
) -> Powered | None:
    """How much better the first of two models is, where both answered the same items: ``powered_mean`` of Y_A - Y_B.

    What the judge does to both alike (leniency, hard items) cancels, in its verdicts as in the labels.
    Each argument is a pair of arrays as ``powered_mean`` takes them, the two models' in the same order of items.
    """
    (y, other_y), (f, other_f), (rest, other_rest) = labels, verdicts, unlabelled
    return powered_mean(y - other_y, f - other_f, rest - other_rest, **how)


def stratified_mean(
    labels: Floats, verdicts: Floats, unlabelled: Floats, strata: Codes, rest: Codes, *, level: float, seed: int
) -> Powered | None:
    """``powered_mean`` with a weight λ of its own in each stratum; ``None`` where a stratum has under ten labels.

    θ = Σ_s w_s θ_s with w_s the stratum's share of all items, so that labels need to be drawn at random only within
    strata. Var = Σ w_s² Var_s + Σ w_s (θ_s - θ)²/(n+N): the second part is how well the shares are known. A stratum
    whose labels show no spread is given that of all. Satterthwaite's degrees of freedom.

    Args:
        labels: human labels, shape (n,).
        verdicts: the judge's verdicts on the same items.
        unlabelled: its verdicts on items without a label, shape (N,).
        strata: of labelled items, codes 0 ... S-1.
        rest: of items without a label, the same codes.
        level: confidence of the interval.
        seed: of the split for cross-fitting.
    """
    n, more = len(labels), len(unlabelled)
    count = int(max(strata.max(initial=0), rest.max(initial=0))) + 1
    sizes = np.bincount(strata, minlength=count)
    if sizes.min() < _LEAST:
        return None
    shares = (sizes + np.bincount(rest, minlength=count)) / (n + more)
    parts = [_of_part(labels[strata == s], verdicts[strata == s], unlabelled[rest == s], seed) for s in range(count)]
    values, weights, spread = (np.array([part[k] for part in parts]) for k in (0, 1, 2))
    pooled = float(sum(part.residual * size for part, size in zip(parts, sizes, strict=True))) / n
    spread = np.where([part.residual > 0 for part in parts], spread, spread + pooled / sizes)
    value = float(shares @ values)
    each = shares**2 * spread
    between = float(shares @ (values - value) ** 2)
    variance = float(each.sum()) + between / (n + more)
    if variance <= 0:
        return None
    df = variance**2 / float((each**2 / (sizes - 1)).sum() + (between / (n + more)) ** 2 / (n + more - 1))
    se, weight = sqrt(variance), float(shares @ weights)
    method = f"prediction-powered in {count} strata, weights {weights.min():.2f} to {weights.max():.2f}, t"
    inside = float(sum(w * labels[strata == s].var(ddof=1) for s, w in enumerate(shares)))
    rho = float(np.corrcoef(labels, verdicts)[0, 1]) if labels.std() and verdicts.std() else 0.0
    mean = Summary(value, se, *t_around(value, se, df, level), None, method)
    return Powered(mean, weight, rho, (inside + between) / variance)


def rogan_gladen(labels: Floats, verdicts: Floats, unlabelled: Floats, *, level: float) -> Summary:
    """The share of label 1 from the judge's share, corrected for its errors: a check, not an estimate to go by.

    θ = (p + spec - 1) / (sens + spec - 1), with sensitivity and specificity from the labelled items and p, the share of
    verdict 1, from the others (Rogan and Gladen, 1978); variance by the delta method. As sens + spec nears 1 the
    judge says nothing and the quotient everything, which ``method`` then says.

    Args:
        labels: 0 or 1, shape (n,).
        verdicts: 0 or 1 on the same items.
        unlabelled: 0 or 1 on items without a label, shape (N,).
        level: confidence of the interval.
    """
    ones, zeros = labels == 1, labels == 0
    if not ones.any() or not zeros.any() or not len(unlabelled):
        return no_value("labels of one kind only, or nothing but labels")
    sens, spec = float(verdicts[ones].mean()), float(1 - verdicts[zeros].mean())
    gain = sens + spec - 1
    if gain <= 0:
        return no_value("the judge is no better than a coin (sensitivity + specificity <= 1)")
    p = float(unlabelled.mean())
    value = (p + spec - 1) / gain
    of_sens, of_spec = sens * (1 - sens) / ones.sum(), spec * (1 - spec) / zeros.sum()
    variance = p * (1 - p) / len(unlabelled) + value**2 * of_sens + (1 - value) ** 2 * of_spec
    se = sqrt(variance) / gain
    shaky = gain - 2 * sqrt(of_sens + of_spec) < _STEADY
    method = f"Rogan-Gladen, sensitivity {sens:.2f}, specificity {spec:.2f}" + (", UNSTABLE" if shaky else "")
    return Summary(value, se, *t_around(value, se, len(labels) - 1, level), None, method)


def effective_labels(n: int, more: int, rho: float) -> float:
    """n_eff = n / (1 - ρ² N/(N+n)): what ``n`` labels are worth beside ``more`` verdicts of correlation ``rho``."""
    return n / (1 - rho * rho * more / (more + n))


def effective_interval(labels: Floats, verdicts: Floats, more: int, *, level: float) -> Summary:
    """The effective number of labels with an interval, from Fisher's transformation of the correlation.

    A judge of negative correlation has the weight 0 and adds nothing.
    """
    n = len(labels)
    rho = float(np.corrcoef(labels, verdicts)[0, 1])
    value = effective_labels(n, more, max(rho, 0.0))
    if n < 5 or abs(rho) >= 1:
        return Summary(value, None, None, None, None, "none: too few labels, or a correlation of 1")
    ends = np.tanh(t_around(float(np.arctanh(rho)), 1 / sqrt(n - 3), 10**6, level))
    lower, upper = (effective_labels(n, more, max(float(end), 0.0)) for end in ends)
    return Summary(value, None, lower, upper, None, "Fisher z of the correlation")


def labels_alone(labels: Floats, level: float, clusters: Clusters | None = None) -> Summary:
    """The mean of the labels without the judge's help."""
    if len(labels) < 2 or labels.std() == 0:
        return no_value("labels that do not vary")
    mean = float(labels.mean())
    return from_influence(mean, (labels - mean) / len(labels), clusters=clusters, scale=None, level=level)


class _Part(NamedTuple):
    """A prediction-powered mean before its interval."""

    value: float
    weight: float
    variance: float
    influence: Floats
    """Of labelled items and then the others, shape (n + N,)."""
    residual: float
    """Variance of what the verdicts leave of the labels."""


def _of_part(labels: Floats, verdicts: Floats, unlabelled: Floats, seed: int) -> _Part:
    n, more = len(labels), len(unlabelled)
    halves = [np.arange(n)]
    if n < _CROSS_FIT_BELOW:
        halves = np.array_split(np.random.default_rng(seed).permutation(n), 2)
    total, mean, variance, residual = 0.0, 0.0, 0.0, 0.0
    influence = np.zeros(n + more)
    for half in halves:
        fit_on = half if len(halves) == 1 else np.setdiff1d(np.arange(n), half)
        weight = _weight(labels[fit_on], verdicts[fit_on], more, n) if more > 1 else 0.0
        left = labels[half] - weight * verdicts[half]
        share = len(half) / n
        total += share * weight
        mean += share * float(left.mean())
        influence[half] = (left - left.mean()) / n
        variance += share**2 * float(left.var(ddof=1)) / len(half)
        residual += share * float(left.var(ddof=1))
    if total:
        mean += total * float(unlabelled.mean())
        influence[n:] = total * (unlabelled - unlabelled.mean()) / more
        variance += total**2 * float(unlabelled.var(ddof=1)) / more
    return _Part(mean, total, variance, influence, residual)


def _weight(labels: Floats, verdicts: Floats, more: int, n: int) -> float:
    spread = float(verdicts.var(ddof=1)) if len(verdicts) > 1 else 0.0
    if spread == 0:
        return 0.0
    covariance = float(np.cov(labels, verdicts)[0, 1])
    return float(np.clip(covariance / ((1 + n / more) * spread), 0.0, 1.0))
