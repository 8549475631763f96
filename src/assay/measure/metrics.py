"""From a run's attempts to its metrics: what counts, what is left out, and with what certainty.

The unit of inference is the sample, never the attempt: a sample's epochs are averaged first, and samples
that share a source (``cluster``) are summed before they are squared. The estimand is the score on the
population that the samples stand for. The invariant: denominator and left-out attempts add up to all
the attempts that a metric is about, and whatever could not be computed says why in ``method``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf, isfinite
from typing import NamedTuple

import polars as pl

from assay.errors import UsageError
from assay.measure.columns import attempt_columns, counted, fault, group_of, key_column, keys_of, matching
from assay.measure.summaries import Clusters, Summary, auc_of, macro_of, mean_of, no_value
from assay.records import Estimate, Metric, Outcome


def estimates(
    frame: pl.DataFrame, metrics: Sequence[Metric], *, cluster: str | None, level: float = 0.95
) -> list[Estimate]:
    """The metrics of a run, one ``Estimate`` each, or one a group where ``Metric.by`` asks for groups.

    Args:
        frame: one row an attempt, as ``store.frames.attempts`` gives it: columns ``sample``, ``epoch``,
            ``outcome``, ``value``, ``values`` (JSON) and ``metadata`` (JSON).
        metrics: what to compute.
        cluster: the metadata key whose samples share a source. A sample without it is a cluster of its own.
        level: confidence of the intervals.

    The method of each interval, in order of preference: Wilson for 0/1 scores of one epoch without
    clusters; Wilson at the effective sample size that the (clustered) standard error implies for other
    scores in [0, 1]; Student's t for the rest. Where a metric's groups (``by`` or ``over``) are the clusters
    themselves, each group is a fixed thing of its own and its samples are the units.
    """
    if not 0 < level < 1:
        raise UsageError(f"a confidence level lies between 0 and 1, not at {level}")
    rows = attempt_columns(frame, keys_of(metrics, cluster))
    return [estimate for metric in metrics for estimate in _of_metric(rows, metric, cluster, level)]


def level_metric(metric: Metric) -> Metric:
    """The mean at each level of an ``auc`` metric: the curve that it integrates."""
    if metric.kind != "auc" or metric.along is None:
        raise UsageError(f"metric {metric.name!r} is no area under a curve")
    return Metric(
        name=f"{metric.name} by {metric.along}",
        value=metric.value,
        where=metric.where,
        by=metric.along,
        denominator=metric.denominator,
        absent=metric.absent,
        better=metric.better,
        scale=metric.scale,
    )


def _of_metric(rows: pl.DataFrame, metric: Metric, cluster: str | None, level: float) -> Iterator[Estimate]:
    about = matching(rows, metric)
    if metric.by is not None:
        about = about.with_columns(group_of(metric))
    inside = counted(about, metric)
    reason = fault(inside, metric)
    inside = inside.with_columns(pl.col("x").fill_null(metric.absent))
    bounded = metric.scale == "share" and bool(inside["x"].is_between(0, 1).all())
    if cluster in (metric.by, metric.over, *metric.where):
        cluster = None
    samples = _per_sample(inside, metric, cluster)
    levels = _levels(about, metric)
    strata = _strata(about, metric)
    parts: dict[str | None, pl.DataFrame] = {None: samples} if samples.height else {}
    if metric.by is not None:
        parts = {group: part for (group,), part in samples.group_by("group", maintain_order=True)}
    for group, outcomes in _outcomes(about, metric):
        part = parts.get(group)
        if part is None:
            summary = no_value("no attempt in the denominator")
        elif reason is not None:
            summary = no_value(reason)
        else:
            summary = _summary(part, metric, cluster, levels.get(group), strata.get(group), bounded, level)
        yield _estimate(metric, group, outcomes, 0 if part is None else part.height, summary, level)


def _per_sample(inside: pl.DataFrame, metric: Metric, cluster: str | None) -> pl.DataFrame:
    """One row a sample and group: mean score ``x``, ``attempts``, whether all are 0 or 1, and what it belongs to.

    That is its cluster, its level (for ``auc``) and its stratum (for ``macro``).
    """
    binary = (pl.col("x") == 0) | (pl.col("x") == 1)
    tags = [] if cluster is None else [pl.col(key_column(cluster)).alias("cluster")]
    if metric.kind == "auc":
        tags.append(pl.col(key_column(_along(metric))).cast(pl.Float64, strict=False).alias("level"))
    if metric.kind == "macro":
        tags.append(pl.col(key_column(_over(metric))).alias("stratum"))
    keys = ["sample"] if metric.by is None else ["group", "sample"]
    if inside.height == 0 or inside["epoch"].max() == 1:  # one attempt a sample: nothing to average
        once = pl.lit(1, pl.UInt32).alias("attempts")
        return inside.select(*keys[:-1], "x", once, binary.alias("binary"), *tags)
    grouped = inside.group_by(keys).agg(
        pl.col("x").mean(), pl.len().alias("attempts"), binary.all().alias("binary"), *(tag.first() for tag in tags)
    )
    return grouped.sort("sample")  # so that sums do not depend on the order of hashing


def _along(metric: Metric) -> str:
    if metric.along is None:
        raise UsageError(f"metric {metric.name!r} is an area under a curve and does not say along what")
    return metric.along


def _over(metric: Metric) -> str:
    if metric.over is None:
        raise UsageError(f"metric {metric.name!r} is a mean over groups and does not say over which")
    return metric.over


def _strata(about: pl.DataFrame, metric: Metric) -> dict[str | None, int]:
    """How many strata each group's samples have, whether or not an attempt in them counts."""
    if metric.kind != "macro":
        return {}
    found = about.group_by(_group(metric)).agg(pl.col(key_column(_over(metric))).drop_nulls().n_unique().alias("n"))
    return dict(found.iter_rows())


class _Levels(NamedTuple):
    """The levels that a group's samples have, whether or not an attempt at them counts."""

    values: frozenset[float]
    unplaced: int
    """Samples whose level is missing or no number."""


def _levels(about: pl.DataFrame, metric: Metric) -> dict[str | None, _Levels]:
    if metric.kind != "auc":
        return {}
    level = pl.col(key_column(_along(metric))).cast(pl.Float64, strict=False)
    found = about.group_by(_group(metric)).agg(
        level.drop_nulls().unique().alias("values"),
        pl.col("sample").filter(~level.is_finite().fill_null(False)).n_unique().alias("unplaced"),
    )
    return {row["group"]: _Levels(frozenset(row["values"]), row["unplaced"]) for row in found.iter_rows(named=True)}


def _group(metric: Metric) -> pl.Expr:
    return pl.lit(None, pl.String).alias("group") if metric.by is None else pl.col("group")


def _summary(
    part: pl.DataFrame,
    metric: Metric,
    cluster: str | None,
    levels: _Levels | None,
    strata: int | None,
    bounded: bool,
    level: float,
) -> Summary:
    x = part["x"].to_numpy()
    clusters, missing = clusters_of(part, cluster)
    if strata is not None:
        found = _macro(part, metric, strata, clusters, bounded, level)
    elif levels is None:
        binary = bounded and bool(part["binary"].all())
        found = mean_of(x, int(part["attempts"].sum()), binary=binary, bounded=bounded, clusters=clusters, level=level)
    elif levels.unplaced:
        found = no_value(f"{levels.unplaced} samples have no numeric {metric.along}")
    elif len(levels.values) < 2:
        found = no_value(f"{metric.along} has a single level")
    elif lost := levels.values - set(part["level"]):
        found = no_value(f"no attempt in the denominator at {metric.along} {', '.join(f'{v:g}' for v in sorted(lost))}")
    else:
        along = part["level"].to_numpy()
        found = auc_of(x, along, normalised=metric.normalised, bounded=bounded, clusters=clusters, level=level)
    return found._replace(method=found.method + missing)


def _macro(
    part: pl.DataFrame, metric: Metric, strata: int, clusters: Clusters | None, bounded: bool, level: float
) -> Summary:
    if unplaced := part["stratum"].null_count():
        return no_value(f"{unplaced} samples have no {metric.over}")
    codes = part["stratum"].rank("dense").cast(pl.Int64).to_numpy() - 1
    found = macro_of(part["x"].to_numpy(), codes, bounded=bounded, clusters=clusters, level=level)
    lost = strata - part["stratum"].n_unique()
    note = f", groups left out for want of a counted attempt: {lost}" if lost else ""
    return found._replace(method=found.method + note)


def clusters_of(samples: pl.DataFrame, cluster: str | None) -> tuple[Clusters | None, str]:
    """The clusters of samples by their column ``cluster``, and what to say of samples without one.

    ``None`` where there is nothing to cluster: every sample would be a cluster of its own.
    """
    if cluster is None:
        return None, ""
    lacking = samples["cluster"].null_count()
    note = f", {lacking} samples without {cluster} taken as independent" if lacking else ""
    own = pl.format("\0{}", pl.int_range(pl.len()))  # no label starts so
    labels = samples.select(pl.col("cluster").fill_null(own))["cluster"]
    codes = labels.rank("dense").cast(pl.Int64).to_numpy() - 1
    if codes.max() + 1 == samples.height:
        return None, note
    return Clusters(codes, cluster), note


def _outcomes(about: pl.DataFrame, metric: Metric) -> list[tuple[str | None, dict[str, int]]]:
    """Each group with its attempts by outcome; groups in numeric order where they are numbers."""
    found: dict[str | None, dict[str, int]] = {None: {}} if metric.by is None else {}
    if metric.by is None:
        found[None] = dict(about.group_by("outcome").agg(pl.len()).iter_rows())
    else:
        for group, outcome, count in about.group_by("group", "outcome").agg(pl.len()).iter_rows():
            found.setdefault(group, {})[outcome] = count
    return sorted(found.items(), key=lambda item: _natural(item[0] or ""))


def _natural(group: str) -> tuple[int, float, str]:
    try:
        number = float(group)
    except ValueError:
        number = inf
    return (0, number, group) if isfinite(number) else (1, 0.0, group)


def _estimate(
    metric: Metric, group: str | None, outcomes: dict[str, int], samples: int, summary: Summary, level: float
) -> Estimate:
    order = {str(outcome): outcomes[outcome] for outcome in Outcome if outcome in outcomes}
    inside = {name: count for name, count in order.items() if name in metric.denominator}
    return Estimate(
        metric=metric.name,
        group=group,
        value=summary.value,
        n=sum(inside.values()),
        samples=samples,
        clusters=summary.clusters,
        se=summary.se,
        lower=summary.lower,
        upper=summary.upper,
        level=level,
        method=summary.method,
        denominator=inside,
        excluded={name: count for name, count in order.items() if name not in metric.denominator},
        better=metric.better,
        kind=metric.kind,
        scale=metric.scale,
    )
