"""Rows of a judge audit: what their columns must hold, and what every estimate over them shares.

A row is one verdict. Labels and verdicts become numbers where both are numbers, and candidates of a pair become
1, -1 and 0 (a tie), so that "the other one" is a change of sign. The invariant: what cannot be read as what
its column must hold is an error and never a missing value; missing alone is missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from assay.errors import UsageError
from assay.measure.bootstrap import Statistic, bootstrap
from assay.measure.intervals import Codes, Floats, codes_of
from assay.measure.judge_agreement import tables_of
from assay.measure.summaries import Clusters, Scale, Summary, from_influence, mean_of
from assay.records import Estimate

COLUMNS = (
    *("item", "label", "verdict", "judge", "cluster", "label2", "criterion", "repeat", "swapped"),
    *("length_a", "length_b", "length", "author_a", "author_b", "author", "task", "weight"),
)

_CANDIDATES = {"1": 1.0, "2": -1.0, "a": 1.0, "b": -1.0, "tie": 0.0, "draw": 0.0, "1.0": 1.0, "2.0": -1.0}
_TRUTHS = {"true": "1", "false": "0", "yes": "1", "no": "0"}


@dataclass(frozen=True)
class Part:
    """Rows of one judge, and what every estimate of them shares."""

    rows: pl.DataFrame
    pairs: bool
    group: str | None
    level: float
    draws: int
    seed: int

    def estimate(self, metric: str, summary: Summary, rows: pl.DataFrame, excluded: dict[str, int]) -> Estimate:
        """A statistic of ``rows`` as a record."""
        left_out = {reason: count for reason, count in excluded.items() if count}
        return Estimate(
            metric=metric,
            group=self.group,
            value=summary.value,
            n=rows.height,
            samples=rows["item"].n_unique(),
            clusters=summary.clusters,
            se=summary.se,
            lower=summary.lower,
            upper=summary.upper,
            level=self.level,
            method=summary.method,
            denominator={"judged": rows.height},
            excluded=left_out,
        )

    def share(self, metric: str, x: Floats, rows: pl.DataFrame, excluded: dict[str, int]) -> Estimate:
        """The mean of a number in [0, 1] a row."""
        return self.estimate(metric, mean_over(x, rows, self.level), rows, excluded)

    def excess(self, metric: str, x: Floats, rows: pl.DataFrame, excluded: dict[str, int], width: float) -> Estimate:
        """The mean of a difference a row, between -width and width."""
        return self.estimate(metric, difference_over(x, rows, self.level, width), rows, excluded)


def prepared(frame: pl.DataFrame, pairs: bool, *, by_place: bool) -> pl.DataFrame:
    """Rows with the types that the estimates expect: labels and verdicts as numbers where they are numbers.

    ``by_place``: verdicts of pairs name the place in which the better candidate was shown. Raises ``UsageError``.
    """
    if by_place and "swapped" not in frame.columns:
        raise UsageError("verdicts that name a place take a column that says whether the candidates were swapped")
    missing = [c for c in ("item", "label", "verdict") if c not in frame.columns]
    if missing:
        raise UsageError(f"no column for {', '.join(missing)}: say with --map which one it is")
    if frame.is_empty():
        raise UsageError("there are no verdicts to audit")
    rows = frame.with_columns(
        pl.col("item").cast(pl.String),
        judge=pl.col("judge").cast(pl.String).fill_null("") if "judge" in frame.columns else pl.lit(""),
    )
    rows = rows.with_columns(cluster=pl.col("cluster" if "cluster" in frame.columns else "item").cast(pl.String))
    if rows["item"].null_count() or rows["cluster"].null_count():
        raise UsageError("some rows have no item or no cluster: every verdict must say what it is about")
    if "swapped" in rows.columns:
        rows = rows.with_columns(swapped=_flags(rows["swapped"]))
    for column in ("length_a", "length_b", "length", "weight"):
        if column in rows.columns:
            rows = rows.with_columns(_numbers(rows[column], column))
    if "weight" in rows.columns and (rows["weight"].null_count() or not (rows["weight"] > 0).all()):
        raise UsageError("every weight must be above 0")
    if any((rows[c] < 0).any() for c in ("length_a", "length_b", "length") if c in rows.columns):
        raise UsageError("a length is below 0")
    values = [c for c in ("label", "verdict", "label2") if c in rows.columns]
    words = {c: _words(rows[c]) for c in values}
    if pairs:
        rows = rows.with_columns(*(_candidates(words[c], c) for c in values))
        return rows.with_columns(verdict=_of_place()) if by_place else rows
    words = {c: column.replace(_TRUTHS) for c, column in words.items()}
    as_numbers = {c: words[c].cast(pl.Float64, strict=False) for c in values}
    if all(as_numbers[c].null_count() == words[c].null_count() for c in values):
        if not all(as_numbers[c].drop_nulls().is_finite().all() for c in values):
            raise UsageError("labels and verdicts must be finite numbers")
        return rows.with_columns(**as_numbers)
    return rows.with_columns(**words)


def _of_place() -> pl.Expr:
    return pl.when("swapped").then(-pl.col("verdict")).when(pl.col("swapped").not_()).then("verdict")


def _words(column: pl.Series) -> pl.Series:
    """Labels as trimmed lower-case words, empty ones as null."""
    text = column.cast(pl.String).str.strip_chars().str.to_lowercase()
    return text.replace("", None).alias(column.name)


def _candidates(words: pl.Series, column: str) -> pl.Series:
    """1 for candidate 1, -1 for candidate 2, 0 for a tie."""
    unknown = sorted(set(words.drop_nulls().unique().to_list()) - set(_CANDIDATES))
    if unknown:
        raise UsageError(f"{column} {unknown[0]!r} names no candidate of a pair: 1, 2, a, b or tie were expected")
    return words.replace_strict(_CANDIDATES, return_dtype=pl.Float64).alias(column)


def _flags(column: pl.Series) -> pl.Series:
    words = _words(column).replace(_TRUTHS)
    unknown = sorted(set(words.drop_nulls().unique().to_list()) - {"1", "0"})
    if unknown:
        raise UsageError(f"swapped {unknown[0]!r} is neither true nor false")
    return words.replace_strict({"1": True, "0": False}, return_dtype=pl.Boolean)


def _numbers(column: pl.Series, name: str) -> pl.Series:
    numbers = column.cast(pl.Float64, strict=False)
    if numbers.null_count() > column.null_count() or not numbers.drop_nulls().is_finite().all():
        raise UsageError(f"column for {name} holds something that is no number")
    return numbers.alias(name)


def labelled_rows(part: Part) -> tuple[pl.DataFrame, dict[str, int]]:
    """Rows that have both label and verdict, and how many have not, by reason."""
    labelled = part.rows.filter(pl.col("label").is_not_null())
    both = labelled.filter(pl.col("verdict").is_not_null())
    return both, {"no label": part.rows.height - labelled.height, "judge_failed": labelled.height - both.height}


def categories_of(rows: pl.DataFrame) -> int:
    """How many distinct values labels and verdicts take."""
    return len(set(rows["label"].drop_nulls().unique()) | set(rows["verdict"].drop_nulls().unique()))


def width_of(rows: pl.DataFrame) -> float:
    """The range over which labels and verdicts are spread."""
    values = pl.concat([rows["label"], rows["verdict"]])
    least, greatest = float(values.min()), float(values.max())  # type: ignore[arg-type]
    return max(greatest, 1.0) - min(least, 0.0)


def right_of(rows: pl.DataFrame) -> Floats:
    """1 where the verdict is the label, else 0."""
    return (rows["label"] == rows["verdict"]).to_numpy().astype(np.float64)


def clusters_of(rows: pl.DataFrame) -> Clusters | None:
    """Clusters of rows, or ``None`` where each row is its own."""
    codes = codes_of(rows["cluster"].to_numpy())
    if int(codes.max()) + 1 == len(codes):
        return None
    return Clusters(codes, unit_of(rows))


def unit_of(rows: pl.DataFrame) -> str:
    """What the independent units are called."""
    return "item" if (rows["cluster"] == rows["item"]).all() else "cluster"


def mean_over(x: Floats, rows: pl.DataFrame, level: float) -> Summary:
    """The mean of a number in [0, 1] a row, clustered where rows share an item."""
    binary = bool(np.isin(x, (0.0, 1.0)).all())
    return mean_of(x, len(x), binary=binary, bounded=True, clusters=clusters_of(rows), level=level)


def difference_over(x: Floats, rows: pl.DataFrame, level: float, width: float) -> Summary:
    """The mean of a difference a row, each between -width and width."""
    influence = (x - float(x.mean())) / len(x)
    return by_influence(float(x.mean()), influence, rows, Scale(-width, width), level)


def by_influence(
    value: float, influence: Floats, rows: pl.DataFrame, scale: Scale, level: float, estimated: int = 1
) -> Summary:
    """A statistic with the influence of each row on it, by t."""
    clusters = clusters_of(rows)
    return from_influence(
        value, influence, clusters=clusters, scale=scale, level=level, symmetric=True, estimated=estimated
    )


def stretched(agreement_: Summary) -> Summary:
    """Agreement less disagreement, 2 p - 1, from the share p that agrees."""
    ends = [None if x is None else 2 * x - 1 for x in (agreement_.value, agreement_.lower, agreement_.upper)]
    se = None if agreement_.se is None else 2 * agreement_.se
    return Summary(ends[0], se, ends[1], ends[2], agreement_.clusters, f"{agreement_.method}, of 2p - 1")


def table_statistic(part: Part, rows: pl.DataFrame, statistic: Statistic) -> Summary:
    """A statistic of the table of label by verdict, bootstrapped over clusters."""
    clusters = codes_of(rows["cluster"].to_numpy())
    label, verdict, categories = _codes(rows)
    tables = tables_of(label, verdict, clusters, categories)
    return bootstrap(tables, statistic, level=part.level, draws=part.draws, seed=part.seed, units=unit_of(rows))


def _codes(rows: pl.DataFrame) -> tuple[Codes, Codes, int]:
    joined: Any = np.concatenate([rows["label"].to_numpy(), rows["verdict"].to_numpy()])
    codes = codes_of(joined.astype(str) if joined.dtype == object else joined)
    return codes[: rows.height], codes[rows.height :], int(codes.max()) + 1
