"""One statistic of one set of samples, with the interval that its data call for.

Arrays in, a ``Summary`` out; what the arrays were cut from is the business of ``metrics`` and
``paired``. The invariant: ``method`` names what was done, and where no honest interval exists the ends
are ``None`` and the method says why, so that a reader never meets a number that merely looks certain.
"""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

import numpy as np

from assay.measure.intervals import (
    Codes,
    Floats,
    Interval,
    all_alike,
    cluster_error,
    effective_clusters,
    effective_wilson,
    standard_error,
    steadied_error,
    t_around,
    wilson,
)

_NO_SPREAD = 1e-12
"""Standard errors below this share of the scale are rounding, not information."""


class Summary(NamedTuple):
    """A number, its standard error and interval; ``None`` where there is none."""

    value: float | None
    se: float | None
    lower: float | None
    upper: float | None
    clusters: int | None
    """Distinct clusters, where the standard error is clustered."""
    method: str


class Clusters(NamedTuple):
    """Which samples share a source."""

    codes: Codes
    """0 ... G-1, one a sample."""
    name: str
    """The metadata key that says so."""

    @property
    def distinct(self) -> int:
        """How many clusters there are."""
        return int(self.codes.max()) + 1


class Scale(NamedTuple):
    """The range that values can take."""

    lower: float
    upper: float


def no_value(reason: str) -> Summary:
    """A statistic that cannot be computed, and why."""
    return Summary(None, None, None, None, None, f"none: {reason}")


def mean_of(
    x: Floats, attempts: int, *, binary: bool, bounded: bool, clusters: Clusters | None, level: float
) -> Summary:
    """The mean of one number a sample.

    Args:
        x: each sample's score, averaged over its epochs.
        attempts: how many scores were averaged into ``x``.
        binary: whether each of those was 0 or 1.
        bounded: whether each was in [0, 1].
        clusters: samples that share a source.
        level: confidence of the interval.
    """
    mean, n = float(x.mean()), len(x)
    if binary and attempts == n and clusters is None:
        return Summary(mean, sqrt(mean * (1 - mean) / n), *wilson(float(x.sum()), n, level), None, "wilson")
    return from_influence(
        mean,
        (x - mean) / n,
        clusters=clusters,
        scale=Scale(0.0, 1.0) if bounded else None,
        level=level,
        limit=attempts if binary else None,
        note="" if attempts == n else ", epochs averaged",
    )


def auc_of(
    x: Floats, along: Floats, *, normalised: bool, bounded: bool, clusters: Clusters | None, level: float
) -> Summary:
    """The area under the curve of mean score against a numeric property, by the trapezoidal rule.

    The area is linear in the level means, AUC = Σ_l w_l m_l, so that sample i of level l has the influence
    w_l (x_i - m_l) / n_l on it. Where every cluster holds equally many samples at every level, this is
    exactly the mean and standard error of one area a cluster.

    Args:
        x: each sample's score, averaged over its epochs.
        along: each sample's level, at least two distinct ones.
        normalised: divide by the range of ``along``.
        bounded: whether scores are in [0, 1].
        clusters: samples that share a source, usually one item at all its levels.
        level: confidence of the interval.
    """
    levels, at, sizes = np.unique(along, return_inverse=True, return_counts=True)
    width = float(levels[-1] - levels[0])
    weights = np.zeros(len(levels))
    weights[:-1] += np.diff(levels) / 2
    weights[1:] += np.diff(levels) / 2
    if normalised:
        weights /= width
    means = np.bincount(at, weights=x) / sizes
    influence = weights[at] * (x - means[at]) / sizes[at]
    note = ", within levels"
    if clusters is None:
        if sizes.min() < 2:
            return Summary(float(weights @ means), None, None, None, None, "none: a level with a single sample")
        # each level has its own mean, hence its own correction, in place of the one for all samples together
        influence *= np.sqrt(sizes / (sizes - 1) * (len(x) - 1) / len(x))[at]
    elif _one_curve_each(at, len(levels), clusters):
        note = ", one curve each"
    scale = Scale(0.0, 1.0 if normalised else width) if bounded else None
    return from_influence(
        float(weights @ means),
        influence,
        clusters=clusters,
        scale=scale,
        level=level,
        note=note,
        estimated=len(levels) if clusters is None else 1,
    )


def macro_of(x: Floats, groups: Codes, *, bounded: bool, clusters: Clusters | None, level: float) -> Summary:
    """The mean over G groups of each group's mean, every group weighing the same.

    The groups are fixed, their samples a draw (stratified sampling: Cochran, Sampling Techniques, 1977, ch. 5):
    SE² = 1/G² Σ_g v_g, where v_g = s_g²/n_g is the variance of a group's mean over its samples or, with clusters,
    over its clusters. A group of one sample (or cluster) shows no variance of its own and is given that of all of
    them, which holds the differences between groups too and so errs to the safe side.

    Args:
        x: each sample's score, averaged over its epochs.
        groups: each sample's group, as codes 0 ... G-1.
        bounded: whether scores are in [0, 1].
        clusters: samples that share a source.
        level: confidence of the interval.
    """
    sizes = np.bincount(groups)
    count = len(sizes)
    means = np.bincount(groups, weights=x) / sizes
    value = float(means.mean())
    own = np.arange(len(x)) if clusters is None else clusters.codes
    each = np.bincount(own, weights=x) / np.bincount(own)
    if len(each) < 2:
        return Summary(value, None, None, None, None if clusters is None else 1, "none: a single sample or cluster")
    within = np.bincount(np.unique(np.stack([groups, own]), axis=1)[0], minlength=count)
    # each group has its own mean, hence its own correction, in place of the one for all units together
    shrink = (len(each) - 1) / len(each)
    correction = np.sqrt(within / np.maximum(within - 1, 1) * shrink)
    influence = (x - means[groups]) / (count * sizes[groups]) * correction[groups]
    lone = within == 1
    influence[lone[groups]] = (each.std(ddof=1) * sqrt(shrink) / (count * sizes[groups]))[lone[groups]]
    alone = int(lone.sum())
    note = f", {count} groups weighing the same"
    if alone:
        unit = "sample" if clusters is None else clusters.name
        note += f", {alone} of them with a single {unit} and the variance of all"
    if bounded and np.abs(influence).max() <= _NO_SPREAD:
        # a small group weighs as much as a large one: so few equally weighing units do they come to
        worth = int(count * count / float((1 / within).sum()))
        ends = all_alike(min(max(value, 0.0), 1.0), worth, 0.0, 1.0, level)
        known = None if clusters is None else len(each)
        return Summary(value, 0.0, *ends, known, f"clopper-pearson, all alike within groups{note}")
    return from_influence(
        value,
        influence,
        clusters=clusters,
        scale=Scale(0.0, 1.0) if bounded else None,
        level=level,
        note=note,
        estimated=count - max(alone - 1, 0) if clusters is None else 1,
    )


def from_influence(
    value: float,
    influence: Floats,
    *,
    clusters: Clusters | None,
    scale: Scale | None,
    level: float,
    limit: float | None = None,
    note: str = "",
    estimated: int = 1,
    symmetric: bool = False,
) -> Summary:
    """A statistic with the interval that follows from each sample's influence on it.

    ``limit`` caps the effective sample size, ``note`` is added to the method, each of the ``estimated``
    means costs a degree of freedom, and ``symmetric`` asks for t even on a bounded scale, for differences,
    which seldom come near its ends.
    """
    units = len(influence) if clusters is None else clusters.distinct
    count = None if clusters is None else units
    over = ("over samples" if clusters is None else f"clustered by {clusters.name} ({units} clusters)") + note
    if units < 2:
        return Summary(value, None, None, None, count, f"none: a single {'sample' if clusters is None else 'cluster'}")
    se = standard_error(influence, None if clusters is None else clusters.codes)
    if se <= _NO_SPREAD * (abs(value) if scale is None else scale.upper - scale.lower):
        if scale is None:
            return Summary(value, None, None, None, count, f"none: no spread {over}")
        ends = all_alike(min(max(value, scale.lower), scale.upper), units, *scale, level)
        return Summary(value, 0.0, *ends, count, f"clopper-pearson, all units alike, {over}")
    if scale is None or symmetric:
        ends = t_around(value, *t_error(influence, clusters, estimated), level)
        if scale is not None:
            ends = Interval(max(ends.lower, scale.lower), min(ends.upper, scale.upper))
        return Summary(value, se, *ends, count, f"t {over}" if clusters is None else f"t, {over}")
    span = scale.upper - scale.lower
    df = (units if clusters is None else effective_clusters(clusters.codes)) - estimated
    steady = se if clusters is None else steadied_error(influence, clusters.codes)
    unit = effective_wilson((value - scale.lower) / span, steady / span, df, level, limit)
    ends = Interval(scale.lower + span * unit.lower, scale.lower + span * unit.upper)
    return Summary(value, se, *ends, count, f"wilson on effective n, {over}")


def t_error(influence: Floats, clusters: Clusters | None, estimated: int = 1) -> tuple[float, float]:
    """The standard error and degrees of freedom of a t interval or test, right for clusters of unequal size too.

    The error that is *reported* is ``standard_error``; they are the same for equal clusters and single samples.
    """
    if clusters is None:
        return standard_error(influence), float(len(influence) - estimated)
    return cluster_error(influence, clusters.codes), max(1.0, effective_clusters(clusters.codes) - estimated)


def _one_curve_each(at: Codes, levels: int, clusters: Clusters) -> bool:
    cells = np.bincount(clusters.codes * levels + at, minlength=clusters.distinct * levels)
    counts = cells.reshape(clusters.distinct, levels)
    return bool((counts == counts[0]).all())
