"""From stored attempts to columns of numbers: the JSON that a metric asks for is opened once, and no more of it.

The invariant: one row an attempt, and no Python loop over rows; a million rows take seconds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

import polars as pl

from assay.errors import UsageError
from assay.records import Metric, Outcome


def attempt_columns(frame: pl.DataFrame, keys: Iterable[str]) -> pl.DataFrame:
    """The attempts with the metadata ``keys`` as text columns (see ``key_column``), absent ones null.

    Args:
        frame: one row an attempt, as ``store.frames.attempts`` gives it: ``sample``, ``epoch``, ``outcome``,
            ``value``, ``values`` and ``metadata``; the last two only where metrics ask for what is in them.
        keys: metadata keys to extract.
    """
    extracted = [json_text("metadata", key).alias(key_column(key)) for key in sorted(set(keys))]
    return frame.with_columns(extracted).drop("metadata", strict=False)


def key_column(key: str) -> str:
    """The name of the column that holds metadata ``key``."""
    return f"metadata {key}"


def json_text(column: str, key: str) -> pl.Expr:
    """The member ``key`` of JSON objects as text: strings unquoted, all else as written, null where absent."""
    if "\\" in key or not key.isprintable():
        raise UsageError(f"metadata key {key!r} cannot be looked up: it holds a backslash or a control character")
    return pl.col(column).str.json_path_match(f"$[{json.dumps(key, ensure_ascii=False)}]")


def keys_of(metrics: Sequence[Metric], cluster: str | None) -> set[str]:
    """The metadata keys that metrics and clustering need."""
    keys = {key for m in metrics for key in (*m.where, m.by, m.along, m.over) if key is not None}
    return keys if cluster is None else keys | {cluster}


def group_of(metric: Metric) -> pl.Expr:
    """The group that an attempt belongs to under ``metric.by``, as column ``group``; null where there are none."""
    if metric.by is None:
        return pl.lit(None, pl.String).alias("group")
    return pl.col(key_column(metric.by)).fill_null(f"(no {metric.by})").alias("group")


def tag_of(key: str | None) -> pl.Expr:
    """A metadata key's text, or null where no key is asked for."""
    return pl.lit(None, pl.String) if key is None else pl.col(key_column(key))


def matching(rows: pl.DataFrame, metric: Metric) -> pl.DataFrame:
    """The attempts that a metric is about, whatever became of them."""
    if not metric.where:
        return rows
    return rows.filter([pl.col(key_column(key)) == value for key, value in metric.where.items()])


def counted(rows: pl.DataFrame, metric: Metric) -> pl.DataFrame:
    """The attempts in a metric's denominator, with its number as column ``x``.

    Without a number (unparsed, refused, or lacking ``Metric.value``) it is null, which counts as ``Metric.absent``;
    what is there but is no number is NaN.
    """
    inside = rows.filter(pl.col("outcome").is_in([str(o) for o in metric.denominator]))
    if metric.value == "value":
        return inside.with_columns(x=pl.col("value").cast(pl.Float64))
    text = json_text("values", metric.value).replace({"true": "1", "false": "0"})
    number = text.cast(pl.Float64, strict=False).fill_null(float("nan"))
    return inside.with_columns(x=pl.when(text.is_null()).then(None).otherwise(number))


def fault(inside: pl.DataFrame, metric: Metric) -> str | None:
    """Why no number can be made of the attempts in a denominator, if so.

    Counting a metric that no score holds as 0 would turn a misspelt name into a result.
    """
    scored = inside.filter(pl.col("outcome") == str(Outcome.SCORED))
    if scored.height and scored["x"].null_count() == scored.height:
        return f"no score holds {metric.value!r}"
    wrong = inside.height - inside["x"].null_count() - int(inside["x"].is_finite().sum())
    return f"{wrong} scores of {metric.value!r} are not finite numbers" if wrong else None
