"""Statistics over case records as plain data: what a claim says, so that code can say it again.

A claim about a model's cases is a ``Statistic`` (one number over one selection of cases) or a ``Combination``
of two. An agent, the statistician and the reader's link all hold the same record, and ``recompute`` is the
only place where it becomes a number. The invariant: a number comes with the count that it rests on and,
where the cases allow one, an interval clustered by the table's clusters; what cannot be computed raises
``ClaimUnresolvable`` and never yields a default.

Cases are a frame with one row an attempt (see ``cases``); its columns are the vocabulary of conditions.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from assay.errors import AssayError
from assay.measure.intervals import Codes, Floats, codes_of
from assay.measure.summaries import Clusters, Scale, Summary, from_influence, mean_of

if TYPE_CHECKING:
    import polars as pl

Op = Literal["==", "!=", "<", "<=", ">", ">=", "in", "contains", "missing", "present"]


_COMPARE: dict[str, Callable[[Any, Any], pl.Expr]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class ClaimUnresolvable(AssayError):
    """A claim names a column, model or case that the records do not have, or rests on no case at all."""


class Condition(Struct, frozen=True, omit_defaults=True):
    """One column compared with a value. Cases where the column is null fulfil ``missing`` alone."""

    column: str
    op: Op
    value: str | float | bool | tuple[str | float, ...] | None = None
    """A list for ``in``; a text, matched literally and in lower case, for ``contains``."""

    def __str__(self) -> str:
        if self.op in ("missing", "present"):
            return f"{self.column} is {self.op}"
        value = f"{self.value:g}" if isinstance(self.value, float) else self.value
        return f"{self.column} {self.op} {value}"


Selection = tuple[Condition, ...]
"""A conjunction; empty: every case."""


class Statistic(Struct, frozen=True, omit_defaults=True, tag="statistic"):
    """One number over the cases that a selection picks."""

    kind: Literal["mean", "share", "count", "median", "sum", "sd", "rank", "best_of_n", "worst_of_n", "flip_rate"]
    """``share``: of the cases ``among``, those that fulfil ``where``. ``rank``: place of ``model`` by its mean,
    1 is the highest. ``best_of_n``, ``worst_of_n``: mean over samples of the best (worst) of a sample's
    attempts. ``flip_rate``: share of samples with several attempts that do not all agree."""
    column: str = "score"
    """What is averaged, summed or ranked; not used by ``share`` and ``count``."""
    where: Selection = ()
    among: Selection = ()
    """For ``share`` alone: the denominator."""
    model: str | None = None
    """Cases of this model only; for ``rank`` the model that is placed."""


class Combination(Struct, frozen=True, omit_defaults=True, tag="combination"):
    """Two statistics put together."""

    op: Literal["difference", "ratio", "relative_change"]
    """a - b, a / b, or (a - b) / b."""
    a: Statistic
    b: Statistic


Expression = Statistic | Combination


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


def select(cases: pl.DataFrame, where: Selection, model: str | None = None) -> pl.DataFrame:
    """The cases that fulfil all the conditions. Raises ``ClaimUnresolvable``."""
    import polars as pl

    if model is not None:
        if model not in cases["model"].unique():
            raise ClaimUnresolvable(f"no cases of a model {model!r}")
        cases = cases.filter(pl.col("model") == model)
    for condition in where:
        cases = cases.filter(mask(cases, condition))
    return cases


def mask(cases: pl.DataFrame, condition: Condition) -> pl.Series:
    """Which cases fulfil one condition. Raises ``ClaimUnresolvable`` where it does not fit the column."""
    import polars as pl

    name, op, value = condition.column, condition.op, condition.value
    if name not in cases.columns:
        raise ClaimUnresolvable(f"case records have no column {name!r}")
    column = pl.col(name)
    try:
        if op == "missing":
            test = column.is_null()
        elif op == "present":
            test = column.is_not_null()
        elif op == "in":
            test = column.is_in(list(value) if isinstance(value, tuple) else [value])
        elif op == "contains":
            test = column.cast(pl.String).str.to_lowercase().str.contains(str(value).lower(), literal=True)
        else:
            test = _COMPARE[op](column, value)
        return cases.select(test.fill_null(False).alias("found"))["found"]
    except (pl.exceptions.PolarsError, TypeError) as error:
        raise ClaimUnresolvable(f"{condition} does not fit the records: {str(error).splitlines()[0]}") from None


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
    values, kept = _numbers(found, s)
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


def _numbers(found: pl.DataFrame, s: Statistic) -> tuple[Floats, pl.DataFrame]:
    """The finite values of the statistic's column, and the cases that have them."""
    import polars as pl

    if s.column not in found.columns:
        raise ClaimUnresolvable(f"case records have no column {s.column!r}")
    if not (found[s.column].dtype.is_numeric() or found[s.column].dtype == pl.Boolean):
        raise ClaimUnresolvable(f"column {s.column!r} holds no numbers")
    kept = found.filter(pl.col(s.column).cast(pl.Float64).is_finite().fill_null(False))
    _some(kept.height, s)
    return kept[s.column].cast(pl.Float64).to_numpy(), kept


def _some(n: int, s: Statistic) -> None:
    if n == 0:
        picked = ", ".join(map(str, s.where + s.among)) or "all"
        raise ClaimUnresolvable(f"no case to compute a {s.kind} of {s.column} from ({picked}, model {s.model})")


def _mean(values: Floats, rows: pl.DataFrame, level: float) -> Summary:
    """The mean over samples with its interval: attempts at one sample are no independent cases."""
    samples = codes_of(rows["sample_id"].to_numpy())
    repeated = len(values) > samples.max() + 1
    clusters = cluster_codes(rows) if "cluster" in rows.columns else (Clusters(samples, "sample") if repeated else None)
    binary = bool(np.isin(values, (0, 1)).all())
    bounded = bool(((values >= 0) & (values <= 1)).all())
    return mean_of(values, len(values), binary=binary, bounded=bounded, clusters=clusters, level=level)


def cluster_codes(rows: pl.DataFrame) -> Clusters | None:
    """The clusters of cases: their column ``cluster`` or, where it is null, the sample."""
    import polars as pl

    own = rows.select(pl.coalesce(pl.col("cluster").cast(pl.String), pl.format("\0{}", "sample_id")).alias("c"))["c"]
    codes: Codes = codes_of(own.to_numpy())
    return None if codes.max() + 1 == len(codes) else Clusters(codes, "source")


def _of(summary: Summary, n: int, denominator: int | None = None) -> Recomputed:
    assert summary.value is not None
    return Recomputed(summary.value, n, denominator, summary.lower, summary.upper, summary.se, summary.method)


def _rank(s: Statistic, cases: pl.DataFrame) -> Recomputed:
    import polars as pl

    found = select(cases, s.where)
    means = found.group_by("model").agg(pl.col(s.column).cast(pl.Float64).mean().alias("mean"), pl.len().alias("n"))
    own = means.filter(pl.col("model") == s.model)
    if s.model is None or own.height == 0 or own["mean"][0] is None:
        raise ClaimUnresolvable(f"no {s.column} of {s.model!r} to rank")
    above = means.filter(pl.col("mean") > own["mean"][0]).height
    return Recomputed(float(1 + above), int(own["n"][0]), denominator=means.height, method="none: a rank of means")


def _repeated(s: Statistic, found: pl.DataFrame, level: float) -> Recomputed:
    import polars as pl

    values, kept = _numbers(found, s)
    column = pl.Series("x", values)
    keys = ["model", "sample_id", *(["cluster"] if "cluster" in kept.columns else [])]
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
    a, b = _statistic(c.a, cases, level), _statistic(c.b, cases, level)
    if c.op == "difference":
        summary = difference(c, cases, level)
        if summary is not None:
            return _of(summary, a.n + b.n)
        return Recomputed(a.value - b.value, a.n + b.n, method="none: of statistics that have none")
    if b.value == 0:
        raise ClaimUnresolvable("the base of a ratio is 0")
    value = a.value / b.value - (1 if c.op == "relative_change" else 0)
    return Recomputed(value, a.n + b.n, method="none: a ratio is stated without one")


def difference(c: Combination, cases: pl.DataFrame, level: float = 0.95) -> Summary | None:
    """The difference of two means or shares with its interval; ``None`` for other statistics.

    Cases of one source on both sides are not independent: influences are summed within clusters over both
    sides, so that two models on the same samples are compared in pairs.
    """
    a, b = _influence(c.a, cases), _influence(c.b, cases)
    if a is None or b is None:
        return None
    codes = codes_of(np.concatenate([a.sources, b.sources]))
    return from_influence(
        a.mean - b.mean,
        np.concatenate([a.influence, -b.influence]),
        clusters=None if codes.max() + 1 == len(codes) else Clusters(codes, "source"),
        scale=Scale(-1.0, 1.0) if a.bounded and b.bounded else None,
        level=level,
        symmetric=True,
    )


def p_value(summary: Summary, units: int) -> float | None:
    """Two-sided p of a difference against 0, by Student's t on ``units - 1`` degrees of freedom."""
    from scipy import special

    if summary.value is None or summary.se is None or units < 2:
        return None
    if summary.se == 0:
        return 1.0 if summary.value == 0 else None
    return float(2 * special.stdtr(units - 1, -abs(summary.value) / summary.se))


class _Side(NamedTuple):
    mean: float
    influence: Floats
    sources: NDArray[np.object_]
    bounded: bool
    """Whether the values averaged lie in [0, 1]."""


def _influence(s: Statistic, cases: pl.DataFrame) -> _Side | None:
    """A mean or share, each case's influence on it, and the source that each case belongs to."""
    if s.kind not in ("mean", "share"):
        return None
    if s.kind == "share":
        rows = select(cases, s.among, s.model)
        _some(rows.height, s)
        x = np.ones(rows.height)
        for condition in s.where:
            x *= mask(rows, condition).to_numpy()
    else:
        x, rows = _numbers(select(cases, s.where, s.model), s)
    mean, bounded = float(x.mean()), bool(((x >= 0) & (x <= 1)).all())
    return _Side(mean, (x - mean) / len(x), _sources(rows), bounded)


def _sources(rows: pl.DataFrame) -> NDArray[np.object_]:
    import polars as pl

    parts: Sequence[pl.Expr] = [pl.format("\0{}", "sample_id")]
    if "cluster" in rows.columns:
        parts = [pl.col("cluster").cast(pl.String), *parts]
    return rows.select(pl.coalesce(parts).alias("key"))["key"].to_numpy()
