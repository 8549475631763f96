"""Two runs on the same samples: the difference, and how sure it is.

Both models answered the same questions, so that what the questions share cancels: the comparison is of
d_i = a_i - b_i, sample by sample, never of two means (Miller, arXiv 2411.00640). The invariant: a sample
enters with both its scores or not at all, those that do not are counted with the reason, and runs that
are not about the same samples are refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec
import numpy as np
import polars as pl
from scipy import special

from assay.errors import UsageError
from assay.measure.bayes import probability_better
from assay.measure.columns import attempt_columns, counted, fault, group_of, json_text, keys_of, matching, tag_of
from assay.measure.intervals import Floats
from assay.measure.metrics import clusters_of, estimates
from assay.measure.multiplicity import benjamini_hochberg, benjamini_yekutieli, holm
from assay.measure.power import detectable_with
from assay.measure.summaries import Clusters, Scale, Summary, from_influence, t_error
from assay.measure.variance import sampling_variance
from assay.records import Estimate, Metric, TaskInfo


class Comparison(msgspec.Struct, frozen=True, omit_defaults=True):
    """Two runs compared on the samples that both answered."""

    metric: str
    samples: int
    """Samples compared."""
    a: Estimate
    """The first run on these samples alone."""
    b: Estimate
    difference: float
    """Mean of ``a`` less mean of ``b``."""
    se: float | None
    lower: float | None
    upper: float | None
    level: float
    method: str
    """How the interval of the difference was made."""
    p: float | None
    """Of the hypothesis that there is no difference, two-sided, by ``test``."""
    test: str
    """``exact McNemar``, ``paired t``, ``paired t, clustered by rule`` or ``sign flip``."""
    group: str | None = None
    clusters: int | None = None
    both_right: int | None = None
    """This and the next four only for 0/1 scores of a single epoch."""
    only_a: int | None = None
    only_b: int | None = None
    neither: int | None = None
    mcnemar_p: float | None = None
    """Exact, two-sided. It takes samples as independent; where they are clustered, go by ``p``."""
    mcnemar_mid_p: float | None = None
    """Less conservative (Fagerland, Lydersen and Laake, 2013)."""
    probability: float | None = None
    """P(A is better): from the posterior of the four outcomes under a uniform prior for independent 0/1 scores of one
    epoch, else from the t distribution of the (clustered) difference, a flat prior's posterior."""
    mde: float | None = None
    """The smallest true difference that this comparison would find with power 80 % at ``1 - level``."""
    omega2: float | None = None
    """Variance of the samples' differences that more epochs cannot take away; without epochs, all of it."""
    sigma2_a: float | None = None
    """Variance of one attempt within a sample; ``None`` where no sample was attempted twice."""
    sigma2_b: float | None = None
    p_holm: float | None = None
    """This and the next two: ``p`` adjusted for all comparisons made together, where there are several."""
    p_bh: float | None = None
    p_by: float | None = None
    family: int = 1
    """How many tests were made together."""
    left_out_a: dict[str, int] = {}
    """Samples of ``a`` that do not enter, by reason."""
    left_out_b: dict[str, int] = {}
    better: Literal["higher", "lower"] = "higher"


def paired(
    a: pl.DataFrame, b: pl.DataFrame, metric: Metric, *, cluster: str | None, level: float = 0.95
) -> list[Comparison]:
    """Compare two runs on one metric: one ``Comparison``, or one a group where ``metric.by`` asks for groups.

    ``a`` and ``b`` hold one row an attempt, as for ``metrics.estimates``. A sample's epochs are averaged; one with
    no attempt in the denominator in either run is left out of both. Call ``check_comparable`` first. Raises
    ``UsageError`` where no samples are shared, or where the metric is not a mean.
    """
    if metric.kind != "mean":
        what = "an area under a curve" if metric.kind == "auc" else f"a mean over groups by {metric.over}"
        raise UsageError(f"metric {metric.name!r} is {what}: compare the runs on a mean over samples")
    b = _metadata_of(a, b)
    cluster_here = None if cluster in (metric.by, *metric.where) else cluster
    sides = [_side(frame, metric, cluster_here, which) for frame, which in ((a, "first"), (b, "second"))]
    both = _join(*sides)
    used = both.filter("used")
    if used.height == 0:
        raise UsageError(f"metric {metric.name!r}: no sample has a counted attempt in both runs, nothing can be paired")
    of_a, of_b = (
        {e.group: e for e in estimates(_only(f, used), [metric], cluster=cluster, level=level)} for f in (a, b)
    )
    parts = {group: part for (group,), part in both.group_by("group")}
    return [_compare(of_a[group], of_b[group], parts[group], cluster_here) for group in of_a]


def compare(
    a: pl.DataFrame, b: pl.DataFrame, metrics: Sequence[Metric], *, cluster: str | None, level: float = 0.95
) -> tuple[list[Comparison], list[str]]:
    """Compare two runs on several metrics: the comparisons, and one line on each metric that allows none.

    Raises ``UsageError`` where no metric allows one.
    """
    found: list[Comparison] = []
    reasons: list[str] = []
    for metric in metrics:
        try:
            found += paired(a, b, metric, cluster=cluster, level=level)
        except UsageError as error:
            reasons.append(str(error))
    if not found:
        raise UsageError("; ".join(reasons) or "the task has no metric to compare the runs on")
    return as_family(found), reasons


def as_family(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The comparisons with p-values adjusted for their number (Holm, Benjamini-Hochberg, Benjamini-Yekutieli).

    One that has no p-value is no test, and a single test needs no adjustment.
    """
    p = [float("nan") if c.p is None else c.p for c in comparisons]
    family = sum(c.p is not None for c in comparisons)
    if family < 2:
        return list(comparisons)
    adjusted = zip(comparisons, holm(p), benjamini_hochberg(p), benjamini_yekutieli(p), strict=True)
    return [
        c if c.p is None else msgspec.structs.replace(c, p_holm=float(h), p_bh=float(bh), p_by=float(by), family=family)
        for c, h, bh, by in adjusted
    ]


def at_two_levels(
    frame: pl.DataFrame, along: str, levels: tuple[str, str], *, item: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """One run's attempts at two levels of ``along`` as two sides to compare, paired by the item they share.

    ``along`` and ``item`` are metadata keys: what was varied (such as ``level``), and which samples are the same
    item at different levels of it (such as ``base_id``).
    """
    placed = frame.with_columns(
        json_text("metadata", along).alias("level"), sample=json_text("metadata", item).hash(seed=0)
    )
    first, second = (placed.filter(pl.col("level") == level).drop("level") for level in levels)
    return first, second


def check_comparable(
    a: TaskInfo, b: TaskInfo, samples_a: pl.DataFrame | None = None, samples_b: pl.DataFrame | None = None
) -> None:
    """Refuse to compare runs of different tasks or versions, or whose shared samples differ in content.

    ``samples_a`` and ``samples_b`` have the columns ``sample_id`` and ``digest``, of question and gold answer, as
    ``store.frames.sample_digests`` gives them. Raises ``UsageError``.
    """
    for what, one, other in (("tasks", a.name, b.name), ("versions of the task", a.version, b.version)):
        if one != other:
            raise UsageError(f"the runs are of different {what} ({one} and {other}): they cannot be paired")
    if samples_a is None or samples_b is None:
        return
    shared = samples_a.join(samples_b, on="sample_id", how="inner", suffix="_b")
    differing = shared.filter(pl.col("digest").ne_missing(pl.col("digest_b")))
    if differing.height:
        raise UsageError(
            f"{differing.height} of {shared.height} shared samples differ in question or gold answer, such as "
            f"{differing['sample_id'].min()!r}: the runs used different data and cannot be paired"
        )


def _only(frame: pl.DataFrame, used: pl.DataFrame) -> pl.DataFrame:
    """The attempts at the samples in ``used``."""
    return frame.join(used, on="sample", how="semi")


def _metadata_of(a: pl.DataFrame, b: pl.DataFrame) -> pl.DataFrame:
    """``b`` with the metadata that ``a`` has for the same samples, so that groups and clusters agree."""
    known = a.select("sample", metadata_a="metadata").unique("sample", keep="first")
    joined = b.join(known, on="sample", how="left", maintain_order="left")
    return joined.with_columns(metadata=pl.coalesce("metadata_a", "metadata")).drop("metadata_a")


def _side(frame: pl.DataFrame, metric: Metric, cluster: str | None, which: str) -> pl.DataFrame:
    """One row a sample that the metric is about: mean score ``x`` (null where nothing counts) and its tags."""
    about = matching(attempt_columns(frame, keys_of([metric], cluster)), metric)
    inside = counted(about, metric)
    if reason := fault(inside, metric):
        raise UsageError(f"metric {metric.name!r}: {reason} in the {which} run")
    inside = inside.with_columns(pl.col("x").fill_null(metric.absent))
    scores = inside.group_by("sample").agg(
        pl.col("x").mean(),
        pl.len().alias("attempts"),
        (pl.col("x").var(ddof=0) * pl.len()).alias("within"),
        pl.col("x").is_in([0.0, 1.0]).all().alias("binary"),
        (pl.col("x").is_between(0, 1).all() & (metric.scale == "share")).alias("bounded"),
    )
    tags = about.group_by("sample").agg(
        pl.col("outcome").first(), group_of(metric).first(), tag_of(cluster).first().alias("cluster")
    )
    return tags.join(scores, on="sample", how="left")


def _join(a: pl.DataFrame, b: pl.DataFrame) -> pl.DataFrame:
    """Samples of either run side by side, in a fixed order; ``used`` where both have a score."""
    both = a.join(b, on="sample", how="full", suffix="_b", coalesce=True).sort("sample")
    return both.with_columns(
        group=pl.coalesce("group", "group_b"),
        used=pl.col("x").is_not_null() & pl.col("x_b").is_not_null(),
    )


def _compare(a: Estimate, b: Estimate, both: pl.DataFrame, cluster: str | None) -> Comparison:
    used = both.filter("used")
    x, y = used["x"].to_numpy(), used["x_b"].to_numpy()
    d = x - y
    clusters, note = clusters_of(used, cluster)
    bounded = bool(used["bounded"].all() and used["bounded_b"].all())
    once = bool((used["attempts"] == 1).all() and (used["attempts_b"] == 1).all())
    binary = once and bool(used["binary"].all() and used["binary_b"].all())
    mean = float(d.mean())
    influence = (d - mean) / len(d)
    summary = from_influence(
        mean,
        influence,
        clusters=clusters,
        scale=Scale(-1.0, 1.0) if bounded else None,
        level=a.level,
        note=("" if once else ", epochs averaged") + note,
        symmetric=True,
    )
    table = _fourfold(x, y) if binary else None
    omega2, sigma2_a, sigma2_b = _variances(used, d)
    p, test = _test(summary, table, influence, clusters)
    return Comparison(
        metric=a.metric,
        group=a.group,
        samples=used.height,
        clusters=summary.clusters,
        a=a,
        b=b,
        difference=mean,
        se=summary.se,
        lower=summary.lower,
        upper=summary.upper,
        level=a.level,
        method=summary.method,
        p=p,
        test=test,
        both_right=table and table.both_right,
        only_a=table and table.only_a,
        only_b=table and table.only_b,
        neither=table and table.neither,
        mcnemar_p=table and mcnemar(table.only_a, table.only_b),
        mcnemar_mid_p=table and mcnemar(table.only_a, table.only_b, mid=True),
        left_out_a=_left_out(both, "", "_b"),
        left_out_b=_left_out(both, "_b", ""),
        better=a.better,
        probability=_probability(summary, table, influence, clusters, a.better),
        mde=None if not summary.se else detectable_with(t_error(influence, clusters)[0], alpha=1 - a.level),
        omega2=omega2,
        sigma2_a=sigma2_a,
        sigma2_b=sigma2_b,
    )


def _variances(used: pl.DataFrame, d: Floats) -> tuple[float | None, float | None, float | None]:
    """ω_d² and the σ² of either side, by analysis of variance."""
    if len(d) < 2:
        return None, None, None
    sides = [(used[f"within{end}"].to_numpy(), used[f"attempts{end}"].to_numpy().astype(float)) for end in ("", "_b")]
    sigma2 = [sampling_variance(within, attempts) for within, attempts in sides]
    noise = sum(s * float((1 / attempts).mean()) for s, (_, attempts) in zip(sigma2, sides, strict=True) if s)
    return max(0.0, float(d.var(ddof=1)) - noise), sigma2[0], sigma2[1]


class _Fourfold(NamedTuple):
    both_right: int
    only_a: int
    only_b: int
    neither: int


def _fourfold(x: Floats, y: Floats) -> _Fourfold:
    cells = np.bincount((2 * (1 - x) + (1 - y)).astype(np.int64), minlength=4)
    return _Fourfold(*(int(count) for count in cells))


def mcnemar(only_a: int, only_b: int, *, mid: bool = False) -> float:
    """Exact two-sided McNemar test: are the samples that only one side got right split evenly?

    p = 2 P(X <= min) under Binomial(only_a + only_b, 1/2); the mid-p variant counts P(X = min) half in each tail.
    """
    less, n = min(only_a, only_b), only_a + only_b
    p = 2 * float(special.bdtr(less, n, 0.5))
    if mid:
        below = float(special.bdtr(less - 1, n, 0.5)) if less else 0.0
        p -= p / 2 - below
    return min(1.0, p)


def _test(
    summary: Summary, table: _Fourfold | None, influence: Floats, clusters: Clusters | None
) -> tuple[float | None, str]:
    """The test that fits the data: clustered samples are not McNemar's independent ones."""
    if clusters is None and table is not None:
        return mcnemar(table.only_a, table.only_b), "exact McNemar"
    units = len(influence) if clusters is None else clusters.distinct
    over = "" if clusters is None else f", clustered by {clusters.name}"
    if units < 2 or summary.value is None:
        return None, "none: a single unit"
    if not summary.se:  # every unit differs by the same amount
        return (1.0 if summary.value == 0 else 2.0 ** (1 - units)), f"exact sign flip{over}"
    error, df = t_error(influence, clusters)
    return 2 * float(special.stdtr(df, -abs(summary.value) / error)), f"paired t{over}"


def _probability(
    summary: Summary,
    table: _Fourfold | None,
    influence: Floats,
    clusters: Clusters | None,
    better: Literal["higher", "lower"],
) -> float | None:
    """P(A is better), by what the data call for as in ``_test``."""
    if clusters is None and table is not None:
        higher = probability_better(table.only_a, table.only_b)
    elif summary.se and summary.value is not None:
        error, df = t_error(influence, clusters)
        higher = float(special.stdtr(df, summary.value / error))
    else:
        return None
    return higher if better == "higher" else 1 - higher


def _left_out(both: pl.DataFrame, own: str, other: str) -> dict[str, int]:
    """Samples of one side that are not used, by reason."""
    outcome, elsewhere = pl.col(f"outcome{own}"), pl.col(f"outcome{other}")
    reason = (
        pl.when(elsewhere.is_null())
        .then(pl.lit("not in the other run"))
        .when(pl.col(f"x{own}").is_null())
        .then(outcome)
        .otherwise(pl.format("{} in the other run", elsewhere))
    )
    out = both.filter(~pl.col("used") & outcome.is_not_null()).group_by(reason.alias("reason")).agg(pl.len())
    return dict(sorted(out.iter_rows()))
