"""From a claim to its number: the only place where an expression over cases is computed.

The invariant: a number comes with the count that it rests on and, where the cases allow one, an interval
over independent units; there is no default for what cannot be computed.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct

from assay.analyze.claims import ClaimUnresolvable, Combination, Expression, Statistic, mask, select
from assay.analyze.contrasts import contrast, numbers, units_of
from assay.measure.intervals import Floats, codes_of
from assay.measure.summaries import Clusters, Summary, mean_of

if TYPE_CHECKING:
    import polars as pl


class Recomputed(Struct, frozen=True, omit_defaults=True):
    """A claim's number as the records have it."""

    value: float
    n: int
    """Cases (samples, for statistics of repeated attempts) that it rests on; of both sides together."""
    denominator: int | None = None
    """For a share: the cases that it is a share of."""
    lower: float | None = None
    upper: float | None = None
    se: float | None = None
    method: str = "none"
    """How the interval was made, or why there is none."""


def recompute(expression: Expression, cases: pl.DataFrame, *, level: float = 0.95) -> Recomputed:
    """The number that an expression stands for, from the records alone. Raises ``ClaimUnresolvable``."""
    if isinstance(expression, Statistic):
        return _statistic(expression, cases, level)
    return _combination(expression, cases, level)


def _statistic(s: Statistic, cases: pl.DataFrame, level: float) -> Recomputed:
    if s.kind == "rank":
        return _rank(s, cases)
    if s.kind in ("best_of_n", "worst_of_n", "flip_rate"):
        return _repeated(s, select(cases, s.where, s.model), level)
    if s.kind == "share":
        among = select(cases, s.among, s.model)
        _some(among.height, s)
        inside = np.ones(among.height, dtype=bool)
        for condition in s.where:
            inside &= mask(among, condition).to_numpy()
        summary = _mean(inside.astype(np.float64), among, level)
        return _of(summary, int(inside.sum()), among.height)
    found = select(cases, s.where, s.model)
    if s.kind == "count":
        return Recomputed(float(found.height), found.height, method="none: a count of the cases at hand")
    values, kept = numbers(found, s.column)
    _some(len(values), s)
    if s.kind == "mean":
        return _of(_mean(values, kept, level), len(values))
    value = float(_PLAIN[s.kind](values))
    if not isfinite(value):
        raise ClaimUnresolvable(f"the {s.kind} of {s.column} over {len(values)} cases is no number")
    return Recomputed(value, len(values), method=f"none: a {s.kind} is stated without one")


_PLAIN: dict[str, Callable[[Floats], Any]] = {
    "median": np.median,
    "sum": np.sum,
    "sd": lambda x: np.std(x, ddof=1) if len(x) > 1 else np.nan,
}


def _some(n: int, s: Statistic) -> None:
    if n == 0:
        picked = ", ".join(map(str, s.where + s.among)) or "all"
        raise ClaimUnresolvable(f"no case to compute a {s.kind} of {s.column} from ({picked}, model {s.model})")


def _mean(values: Floats, rows: pl.DataFrame, level: float) -> Summary:
    """The mean with an interval over independent units: attempts at one sample are no independent cases."""
    codes = codes_of(units_of(rows)[0])
    clusters = None if codes.max() + 1 == len(codes) else Clusters(codes, "source")
    binary = bool(np.isin(values, (0, 1)).all())
    bounded = bool(((values >= 0) & (values <= 1)).all())
    return mean_of(values, len(values), binary=binary, bounded=bounded, clusters=clusters, level=level)


def _of(summary: Summary, n: int, denominator: int | None = None) -> Recomputed:
    assert summary.value is not None
    return Recomputed(summary.value, n, denominator, summary.lower, summary.upper, summary.se, summary.method)


def _rank(s: Statistic, cases: pl.DataFrame) -> Recomputed:
    import polars as pl

    _, found = numbers(select(cases, s.where), s.column)
    means = found.group_by("model").agg(pl.col(s.column).cast(pl.Float64).mean().alias("mean"), pl.len().alias("n"))
    own = means.filter(pl.col("model") == s.model)
    if s.model is None or own.height == 0 or own["mean"][0] is None:
        raise ClaimUnresolvable(f"no {s.column} of {s.model!r} to rank")
    above = means.filter(pl.col("mean") > own["mean"][0]).height
    return Recomputed(float(1 + above), int(own["n"][0]), denominator=means.height, method="none: a rank of means")


def _repeated(s: Statistic, found: pl.DataFrame, level: float) -> Recomputed:
    import polars as pl

    values, kept = numbers(found, s.column)
    _some(len(values), s)
    column = pl.Series("x", values)
    keys = ["model", "task", "sample_id", "cluster"]
    by_sample = kept.select(keys).with_columns(column).group_by(keys, maintain_order=True)
    table = by_sample.agg(pl.col("x").max().alias("best"), pl.col("x").min().alias("worst"), pl.len().alias("n"))
    if s.kind == "flip_rate":
        table = table.filter(pl.col("n") > 1)
        _some(table.height, s)
        x = (table["best"] != table["worst"]).cast(pl.Float64).to_numpy()
    else:
        x = table["best" if s.kind == "best_of_n" else "worst"].to_numpy()
    return _of(_mean(x, table, level), len(x))


def _combination(c: Combination, cases: pl.DataFrame, level: float) -> Recomputed:
    if c.op == "difference" and c.a.kind in ("mean", "share") and c.b.kind in ("mean", "share"):
        found = contrast(c, cases, level=level)
        return Recomputed(
            found.value, sum(found.n), lower=found.lower, upper=found.upper, se=found.se, method=found.method
        )
    a, b = _statistic(c.a, cases, level), _statistic(c.b, cases, level)
    if c.op == "difference":
        return Recomputed(a.value - b.value, a.n + b.n, method="none: of statistics that have none")
    if b.value == 0:
        raise ClaimUnresolvable("the base of a ratio is 0")
    value = a.value / b.value - (1 if c.op == "relative_change" else 0)
    return Recomputed(value, a.n + b.n, method="none: a ratio is stated without one")
