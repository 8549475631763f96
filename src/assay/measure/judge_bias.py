"""What moves a judge besides quality: place, length, its own authorship, and sheer leniency.

People's labels are the yardstick throughout. Each bias is told twice: as the excess over people, in shares or
points, which anybody can read, and as a coefficient given the label and the other biases, which tells apart
what comes together.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from assay.measure.intervals import Floats, codes_of
from assay.measure.judge_rows import Part, by_influence, labelled_rows, width_of
from assay.measure.logistic import logistic
from assay.measure.summaries import Scale, no_value
from assay.records import Estimate


def position(part: Part) -> Iterator[Estimate]:
    """Of pairs: how often the candidate shown first is chosen, and whether the choice survives the swap."""
    if "swapped" not in part.rows.columns:
        return
    placed = part.rows.filter(pl.col("swapped").is_not_null())
    chosen = placed.filter(pl.col("verdict").is_not_null() & (pl.col("verdict") != 0))
    failed = placed["verdict"].null_count()
    excluded = {"judge_failed": failed, "tie": placed.height - failed - chosen.height}
    if not chosen.is_empty():
        first = ((chosen["verdict"] > 0) != chosen["swapped"]).to_numpy().astype(np.float64)
        yield part.share("first shown chosen", first, chosen, excluded)
    keys = [c for c in ("item", "cluster", "criterion", "repeat") if c in placed.columns]
    orders = placed.group_by(keys, maintain_order=True).agg(
        pl.col("swapped").n_unique().alias("orders"),
        pl.len(),
        pl.col("verdict").count().alias("answered"),
        pl.col("verdict").drop_nulls().n_unique().alias("distinct"),
        (pl.col("verdict") == pl.col("label")).all(ignore_nulls=False).alias("right"),
        pl.col("label").count().alias("labels"),
    )
    asked = orders.filter((pl.col("orders") == 2) & (pl.col("len") == 2))
    twice = asked.filter(pl.col("answered") == 2)
    missing = {"not in both orders": orders.height - asked.height, "judge_failed": asked.height - twice.height}
    if twice.is_empty():
        nothing = no_value("no question was asked exactly once in each order")
        yield part.estimate("swap consistency", nothing, twice, missing)
        return
    same = (twice["distinct"] == 1).to_numpy().astype(np.float64)
    yield part.share("swap consistency", same, twice, missing)
    labelled = twice.filter(pl.col("labels") == 2)
    if not labelled.is_empty():
        right = labelled["right"].to_numpy().astype(np.float64)
        unlabelled = {"no label": twice.height - labelled.height}
        yield part.share("right in both orders", right, labelled, missing | unlabelled)


def leniency(part: Part) -> Iterator[Estimate]:
    """Of single answers: how much higher the judge marks than people do."""
    both, excluded = labelled_rows(part)
    if both.height and both["label"].dtype != pl.String:
        given = (both["verdict"] - both["label"]).to_numpy()
        yield part.excess("leniency", given, both, excluded, width_of(both))


def length(part: Part) -> Iterator[Estimate]:
    """Of pairs: how much more often the judge takes the longer candidate than people do."""
    if not {"length_a", "length_b"} <= set(part.rows.columns):
        return
    yield from _excess_over_people(part, "longer chosen, above people", pl.col("length_a") - pl.col("length_b"))


def self_preference(part: Part) -> Iterator[Estimate]:
    """How much more often than people the judge takes, or how much higher it marks, what it wrote itself."""
    columns = set(part.rows.columns)
    if {"author_a", "author_b"} <= columns:
        yield from _excess_over_people(part, "own chosen, above people", _own(True))
    elif "author" in columns and not part.pairs:
        both, excluded = labelled_rows(part)
        if both.is_empty() or both["label"].dtype == pl.String:
            return
        given = (both["verdict"] - both["label"]).to_numpy()
        own = both.select(_own(False) == 1).to_series().fill_null(False).to_numpy()
        if own.any() and not own.all():
            value = float(given[own].mean() - given[~own].mean())
            influence = np.where(
                own, (given - given[own].mean()) / own.sum(), -(given - given[~own].mean()) / (~own).sum()
            )
            width = width_of(both)
            scale = Scale(-2 * width, 2 * width)
            summary = by_influence(value, influence, both, scale, part.level, estimated=2)
            yield part.estimate("leniency to own", summary, both, excluded)


def _excess_over_people(part: Part, metric: str, toward: pl.Expr) -> Iterator[Estimate]:
    """Share of choices toward one candidate, judge's less people's; ``toward`` is above 0 for candidate 1."""
    labelled, excluded = labelled_rows(part)
    both = labelled.with_columns(toward=toward.sign())
    decided = both.filter((pl.col("toward") != 0) & (pl.col("label") != 0) & (pl.col("verdict") != 0))
    if decided.is_empty():
        return
    by_judge = decided["verdict"] == decided["toward"]
    by_people = decided["label"] == decided["toward"]
    x = by_judge.to_numpy().astype(np.float64) - by_people.to_numpy().astype(np.float64)
    yield part.excess(metric, x, decided, excluded | {"equal or tie": both.height - decided.height}, 1.0)


def coefficients(part: Part) -> Iterator[Estimate]:
    """Log-odds of the verdict by order, length (one SD of the log ratio) and authorship, given the human label."""
    both, excluded = labelled_rows(part)
    labelled = both.height
    if part.pairs:
        both = both.filter((pl.col("label") != 0) & (pl.col("verdict") != 0))
    columns = set(both.columns)
    terms: dict[str, pl.Expr] = {}
    if part.pairs:
        terms["label"] = pl.col("label")
        if "swapped" in columns:
            terms["order log-odds"] = 1.0 - 2.0 * pl.col("swapped").cast(pl.Float64)
        if {"length_a", "length_b"} <= columns:
            terms["length log-odds"] = ((pl.col("length_a") + 1) / (pl.col("length_b") + 1)).log()
        if {"author_a", "author_b"} <= columns:
            terms["own log-odds"] = _own(True)
    elif set(both["verdict"].unique().to_list()) <= {0.0, 1.0}:
        terms = {"intercept": pl.lit(1.0), "label": pl.col("label")}
        if "length" in columns:
            terms["length log-odds"] = (pl.col("length") + 1).log()
        if "author" in columns:
            terms["own log-odds"] = _own(False)
    wanted = [name for name in terms if name.endswith("log-odds")]
    if not wanted or both.is_empty():
        return
    named = both.with_columns(**{name: expr.cast(pl.Float64) for name, expr in terms.items()}).drop_nulls(list(terms))
    if named.is_empty():
        return
    x = named.select(list(terms)).to_numpy().copy()
    if "length log-odds" in terms:
        _standardise(x[:, list(terms).index("length log-odds")], centre=not part.pairs)
    y = (named["verdict"] > 0).to_numpy().astype(np.float64)
    fitted = logistic(y, x, codes_of(named["cluster"].to_numpy()), part.level)
    excluded |= {"tie or a column missing": labelled - named.height}
    for name, summary in zip(terms, fitted, strict=True):
        if name in wanted:
            yield part.estimate(name, summary, named, excluded)


def _own(pairs: bool) -> pl.Expr:
    """1 where the judge wrote (candidate 1), -1 where it wrote candidate 2, else 0."""
    if not pairs:
        return (pl.col("author") == pl.col("judge")).cast(pl.Float64)
    mine = [(pl.col(column) == pl.col("judge")).cast(pl.Float64) for column in ("author_a", "author_b")]
    return mine[0] - mine[1]


def _standardise(column: Floats, *, centre: bool) -> None:
    """In place; a difference of two candidates keeps its zero, since equal lengths must not speak for either."""
    if centre:
        column -= column.mean()
    spread = float(np.sqrt((column * column).mean()))
    if spread > 0:
        column /= spread
