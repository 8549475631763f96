"""Battles from a table: one row, two models, who won.

The invariant: a row whose outcome is not known is left out and counted, and a row that cannot be read is an error;
neither ever becomes a tie.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from assay.errors import UsageError
from assay.measure.intervals import Codes, Floats, codes_of
from assay.measure.ratings.bradley_terry import Battles
from assay.measure.ratings.style import relative_differences

ROLES = ("model_a", "model_b", "winner", "score", "prompt", "length_a", "length_b")
"""What a column may be; features of style are pairs of columns NAME_a and NAME_b."""

MOST_MODELS = 5000
"""Tables of models x models are held in memory."""

_OUTCOMES = {
    **dict.fromkeys(("a", "model_a", "left", "1"), 1.0),
    **dict.fromkeys(("b", "model_b", "right", "2"), 0.0),
    **dict.fromkeys(("tie", "draw", "both", "tie (bothbad)", "bothbad"), 0.5),
}


@dataclass(frozen=True)
class Table:
    """Rows that count, and how many did not, by reason."""

    rows: pl.DataFrame
    """Columns ``model_a``, ``model_b``, ``score`` and whatever else there was."""
    left_out: dict[str, int]


def battle_table(frame: pl.DataFrame, *, baseline: str | None = None, span: tuple[float, float] = (0.0, 1.0)) -> Table:
    """Rows with a known outcome, as the score of ``model_a`` in [0, 1].

    Args:
        frame: columns ``model_a``, ``model_b`` and ``winner`` (a name, a or b, left or right, tie) or ``score``.
        baseline: the second model of every row, where there is no column ``model_b``.
        span: the scores at which ``model_b`` and ``model_a`` win for sure.

    Raises ``UsageError`` for what cannot be read.
    """
    if baseline is not None and "model_b" not in frame.columns:
        frame = frame.with_columns(model_b=pl.lit(baseline))
    missing = [c for c in ("model_a", "model_b") if c not in frame.columns]
    if missing:
        raise UsageError(f"no column {missing[0]}: name it with --map {missing[0]}=COLUMN (there are: {_names(frame)})")
    rows = frame.with_columns(pl.col("model_a", "model_b").cast(pl.String))
    if rows["model_a"].null_count() or rows["model_b"].null_count():
        raise UsageError("some battles do not name both models")
    if "score" in rows.columns:
        rows = rows.with_columns(score=_scores(rows["score"], span))
    elif "winner" in rows.columns:
        rows = rows.with_columns(score=_winners(rows))
    else:
        raise UsageError(f"no column winner or score: name one with --map winner=COLUMN (there are: {_names(frame)})")
    known = rows.filter(pl.col("score").is_not_null())
    apart = known.filter(pl.col("model_a") != pl.col("model_b"))
    left_out = {"no outcome": rows.height - known.height, "a model against itself": known.height - apart.height}
    if apart.is_empty():
        raise UsageError("no battle between two models has an outcome")
    return Table(apart, {reason: n for reason, n in left_out.items() if n})


def battles_of(table: Table, style: list[str]) -> Battles:
    """Arrays for the fit; battles of one ``prompt`` are one cluster where there is such a column."""
    rows = table.rows
    both = np.concatenate([rows["model_a"].to_numpy(), rows["model_b"].to_numpy()]).astype(str)
    names, codes = np.unique(both, return_inverse=True)
    if len(names) > MOST_MODELS:
        raise UsageError(f"{len(names):,} models: ratings take at most {MOST_MODELS:,}")
    clusters = None
    if "prompt" in rows.columns:
        clusters = prompts_of(rows)
        if int(clusters.max()) + 1 == rows.height:
            clusters = None
    features = None
    if style:
        first, second = (np.column_stack([numbers(rows, f"{name}_{side}") for name in style]) for side in ("a", "b"))
        features = relative_differences(first, second, style)
    half = rows.height
    a, b = codes[:half].astype(np.int64), codes[half:].astype(np.int64)
    return Battles(a, b, rows["score"].to_numpy().astype(np.float64), names.tolist(), clusters, features)


def prompts_of(rows: pl.DataFrame) -> Codes:
    """Codes of the prompts. Raises ``UsageError`` where one is missing."""
    if rows["prompt"].null_count():
        raise UsageError("some battles have no prompt")
    return codes_of(rows["prompt"].cast(pl.String).to_numpy().astype(str))


def numbers(rows: pl.DataFrame, column: str) -> Floats:
    """A column of numbers that are not below 0. Raises ``UsageError``."""
    if column not in rows.columns:
        raise UsageError(f"no column {column!r}; there are: {_names(rows)}")
    found = rows[column].cast(pl.Float64, strict=False)
    if found.null_count() or not found.is_finite().all() or (found < 0).any():
        raise UsageError(f"column {column!r} must hold a number, not below 0, in every row")
    return found.to_numpy()


def _names(frame: pl.DataFrame) -> str:
    return ", ".join(frame.columns)


def _scores(column: pl.Series, span: tuple[float, float]) -> pl.Series:
    low, high = span
    found = column.cast(pl.Float64, strict=False)
    if found.null_count() > column.null_count():
        raise UsageError("column score holds something that is no number")
    unit = (found - low) / (high - low)
    outside = unit.drop_nulls().filter(~unit.drop_nulls().is_between(-1e-9, 1 + 1e-9))
    if len(outside) or unit.drop_nulls().is_nan().any():
        raise UsageError(f"some scores are not between {low:g} and {high:g}: say the ends with --range LOW,HIGH")
    return unit.clip(0.0, 1.0)


def _winners(rows: pl.DataFrame) -> pl.Series:
    text = rows["winner"].cast(pl.String).str.strip_chars()
    text = text.replace("", None)
    word = text.str.to_lowercase().replace_strict(_OUTCOMES, default=None, return_dtype=pl.Float64)
    named = rows.select(
        pl.when(text == pl.col("model_a")).then(1.0).when(text == pl.col("model_b")).then(0.0).alias("score")
    )["score"]
    score = named.fill_null(word)
    unknown = text.filter(text.is_not_null() & score.is_null()).unique().sort()
    if len(unknown):
        raise UsageError(f"winner {unknown[0]!r} is neither of the two models, nor a, b or tie")
    return score
