"""The difference of two selections of cases, with its interval and its test.

A finding that says "worse here than there" or "worse than that model" stands or falls by this file. Three
things make naive tests lie, and each has its rule here. Samples that share a source are summed before they
are squared, unless a side holds only a few sources: those are then fixed things of interest, and their
samples are the units. Two models on the same samples are compared in pairs. And a small side that happens
to be all wrong has no spread of its own: its interval gets at least the variance that one more success and
one more failure would give it (Agresti and Caffo, 2000), its test the variance that it would have if both
sides were alike (the score test's), and degrees of freedom follow Welch.
"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from assay.analyze.claims import ClaimUnresolvable, Combination, Statistic, mask, select
from assay.measure.intervals import Floats, codes_of, standard_error
from assay.measure.paired import mcnemar

if TYPE_CHECKING:
    import polars as pl

FEW = 10
"""With fewer sources than this on a side, the sources are taken as given and samples as the units."""


class Contrast(NamedTuple):
    """A difference of two means or shares."""

    value: float
    se: float
    lower: float
    upper: float
    p: float
    """Of no difference, two-sided."""
    n: tuple[int, int]
    """Cases on either side."""
    units: int
    """Independent units: samples, or sources."""
    method: str


class Side(NamedTuple):
    """One side of a difference."""

    x: Floats
    """One number a case."""
    units: NDArray[np.object_]
    """Which independent unit each case belongs to; equal on both sides where cases are paired."""
    fixed: bool
    """Whether the sources were too few to stand for others."""


def side_of(s: Statistic, cases: pl.DataFrame) -> Side:
    """The cases of a mean or share as numbers. Raises ``ClaimUnresolvable``."""
    if s.kind == "share":
        rows = select(cases, s.among, s.model)
        x = np.ones(rows.height)
        for condition in s.where:
            x *= mask(rows, condition).to_numpy()
    elif s.kind == "mean":
        x, rows = numbers(select(cases, s.where, s.model), s.column)
    else:
        raise ClaimUnresolvable(f"a {s.kind} has no test of differences: use a mean or a share")
    if rows.height == 0:
        raise ClaimUnresolvable(f"no case on a side of the difference ({', '.join(map(str, s.where + s.among))})")
    return Side(x, *units_of(rows))


def numbers(found: pl.DataFrame, column: str) -> tuple[Floats, pl.DataFrame]:
    """The finite values of a column, and the cases that have them. Raises ``ClaimUnresolvable``."""
    import polars as pl

    if column not in found.columns:
        raise ClaimUnresolvable(f"case records have no column {column!r}")
    if not (found[column].dtype.is_numeric() or found[column].dtype == pl.Boolean):
        raise ClaimUnresolvable(f"column {column!r} holds no numbers")
    kept = found.filter(pl.col(column).cast(pl.Float64).is_finite().fill_null(False))
    return kept[column].cast(pl.Float64).to_numpy(), kept


def units_of(rows: pl.DataFrame) -> tuple[NDArray[np.object_], bool]:
    """The independent unit of each case: its source or, where there are few of them, its sample."""
    import polars as pl

    sample = pl.format("{}\0{}", "task", "sample_id")
    source = pl.coalesce(pl.format("{}\1{}", "task", pl.col("cluster").cast(pl.String)), sample)
    keys = rows.select(sample.alias("sample"), source.alias("source"))
    if keys["source"].n_unique() >= FEW:
        return keys["source"].to_numpy(), False
    return keys["sample"].to_numpy(), keys["source"].n_unique() < keys["sample"].n_unique()


def contrast(c: Combination, cases: pl.DataFrame, *, level: float = 0.95) -> Contrast:
    """The difference of two means or shares. Raises ``ClaimUnresolvable`` where no test is possible."""
    a, b = side_of(c.a, cases), side_of(c.b, cases)
    if np.isin(a.units, b.units).any():
        return _paired(a, b, level)
    return _unpaired(a, b, level)


def _unpaired(a: Side, b: Side, level: float) -> Contrast:
    (va, ua), (vb, ub) = _spread(a), _spread(b)
    variance = va + vb
    if min(ua, ub) < 2:
        raise ClaimUnresolvable("a side of the difference is a single independent unit")
    df = variance**2 / (va**2 / (ua - 1) + vb**2 / (ub - 1)) if variance > 0 else ua + ub - 2
    under_null = max(va, _variance_if_alike(a, b)) + max(vb, _variance_if_alike(b, a))
    return _by_t(a, b, sqrt(variance), df, ua + ub, "Welch t" + _over(a, b), level, sqrt(under_null))


def _spread(side: Side) -> tuple[float, int]:
    """The variance of a side's mean, and its number of units."""
    n, mean = len(side.x), float(side.x.mean())
    codes = codes_of(side.units)
    units = int(codes.max()) + 1
    variance = standard_error((side.x - mean) / n, codes) ** 2 if units > 1 else 0.0
    if _nearly_alike(side.x):
        effective = units if units < n else n
        shrunk = (mean * effective + 1) / (effective + 2)
        variance = max(variance, shrunk * (1 - shrunk) / (effective + 2))
    return variance, units


def _variance_if_alike(side: Side, other: Side) -> float:
    """The variance of a nearly one-sided side's mean if its rate were that of both sides together; else 0."""
    if not _nearly_alike(side.x):
        return 0.0
    pooled = float(np.concatenate([side.x, other.x]).mean())
    return max(0.0, pooled * (1 - pooled)) / len(np.unique(side.units))


def _nearly_alike(x: Floats) -> bool:
    """Whether scores in [0, 1] are so one-sided that their spread says little: fewer than five of either kind."""
    total = float(x.sum())
    return bool(((x >= 0) & (x <= 1)).all()) and min(total, len(x) - total) < 5


def _paired(a: Side, b: Side, level: float) -> Contrast:
    both = np.concatenate([a.units, b.units])
    codes = codes_of(both)
    count = int(codes.max()) + 1
    influence = np.concatenate([(a.x - a.x.mean()) / len(a.x), -(b.x - b.x.mean()) / len(b.x)])
    if count < 2:
        raise ClaimUnresolvable("the difference rests on a single independent unit")
    se = standard_error(influence, codes)
    small, large = (a, b) if len(a.x) <= len(b.x) else (b, a)
    apart = 1 - len(small.x) / len(large.x)  # a group against all: only the rest tells it apart
    under_null = max(se, apart * sqrt(_variance_if_alike(small, large)))
    found = _by_t(a, b, se, count - 1, count, "paired t" + _over(a, b), level, under_null)
    exact = _discordant(codes, a, b)
    if exact is None:
        return found
    return found._replace(p=mcnemar(*exact), method=found.method.replace("paired t", "exact McNemar"))


def _discordant(codes: NDArray[np.int64], a: Side, b: Side) -> tuple[int, int] | None:
    """How many pairs only one side got, where every unit is one 0/1 case on each side; else ``None``."""
    n = len(a.x)
    if len(b.x) != n or int(codes.max()) + 1 != n or len(np.unique(codes[:n])) != n or len(np.unique(codes[n:])) != n:
        return None
    if not (np.isin(a.x, (0, 1)).all() and np.isin(b.x, (0, 1)).all()):
        return None
    d = a.x[np.argsort(codes[:n])] - b.x[np.argsort(codes[n:])]
    return int((d > 0).sum()), int((d < 0).sum())


def _by_t(
    a: Side, b: Side, se: float, df: float, units: int, method: str, level: float, se_under_null: float
) -> Contrast:
    from scipy import special

    value = float(a.x.mean() - b.x.mean())
    if se <= 1e-12 * max(1.0, abs(value)):
        p = 1.0 if abs(value) < 1e-12 else 2.0 ** -min(units - 1, 60)  # all pairs alike: the sign test
        return Contrast(value, 0.0, value, value, p, (len(a.x), len(b.x)), units, f"sign test, {method}: no spread")
    half = float(special.stdtrit(df, (1 + level) / 2)) * se
    p = float(2 * special.stdtr(df, -abs(value) / se_under_null))
    return Contrast(value, se, value - half, value + half, p, (len(a.x), len(b.x)), units, method)


def _over(a: Side, b: Side) -> str:
    return " over samples of sources taken as given" if a.fixed or b.fixed else " over independent units"
