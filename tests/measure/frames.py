"""Attempts made by hand, as the store would give them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import polars as pl

Row = tuple[str, int, str, float | None, dict[str, Any], dict[str, Any]]
"""Sample id, epoch, outcome, value, further values, metadata."""


def attempts(rows: Iterable[Row]) -> pl.DataFrame:
    """Rows as the frame that ``store.frames.attempts`` returns."""
    return pl.DataFrame(
        [
            (s, e, o, v, json.dumps(values) if values else None, json.dumps(metadata))
            for s, e, o, v, values, metadata in rows
        ],
        schema={
            "sample_id": pl.String,
            "epoch": pl.Int32,
            "outcome": pl.String,
            "value": pl.Float64,
            "values": pl.String,
            "metadata": pl.String,
        },
        orient="row",
    ).select(pl.col("sample_id").hash(seed=0).alias("sample"), pl.exclude("sample_id"))


def scored(
    values: Iterable[float], *, prefix: str = "s", metadata: Iterable[dict[str, Any]] | None = None
) -> pl.DataFrame:
    """One scored attempt a sample."""
    values = list(values)
    tags = list(metadata) if metadata is not None else [{}] * len(values)
    return attempts((f"{prefix}{i}", 1, "scored", v, {}, m) for i, (v, m) in enumerate(zip(values, tags, strict=True)))
