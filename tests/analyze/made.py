"""Case tables made by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl


def table(scores: Mapping[str, Sequence[float]], **columns: Sequence[Any]) -> pl.DataFrame:
    """One case a score; ``columns`` hold one value a sample, the same for every model. Halves alternate."""
    rows = [
        {
            "case": f"{m}:s{i}",
            "model": model,
            "task": "t",
            "sample_id": f"s{i}",
            "epoch": 1,
            "cluster": None,
            "half": ("discovery", "confirmation")[i % 2],
            "score": float(x),
            "right": x >= 0.5,
            "output": f"output {i}",
            **{name: values[i] for name, values in columns.items()},
        }
        for m, (model, xs) in enumerate(scores.items())
        for i, x in enumerate(xs)
    ]
    return pl.DataFrame(rows, infer_schema_length=None).with_columns(pl.col("cluster").cast(pl.String))
