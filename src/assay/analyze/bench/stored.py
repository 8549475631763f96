"""Stored responses of twenty models to KOR-Bench as case records, with the owners' verdicts for scores.

The invariant: scores are the owners', not ours, so that what is known of these models is known from elsewhere.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.analyze.behaviour import VARIABLES, of_reply
from assay.analyze.cases import excerpt, with_halves
from assay.analyze.topics import prepared

if TYPE_CHECKING:
    import polars as pl

    from assay.analyze.bench.cells import Advance

RESPONSES, PROMPTS = "korbench/responses.parquet", "korbench/prompts.parquet"
_PER_RULE = 10
_FAMILY_PAIRS = (
    ("Qwen2.5-72B-Instruct", "Qwen2.5-0.5B-Instruct"),
    ("Qwen2.5-72B", "Qwen2.5-0.5B"),
)


def there(data: Path | None) -> bool:
    """Whether a data folder has the stored responses and their prompts."""
    return data is not None and (data / RESPONSES).is_file() and (data / PROMPTS).is_file()


def models(data: Path) -> list[str]:
    """The models whose responses are stored, the lowest mean first."""
    import polars as pl

    means = pl.read_parquet(data / RESPONSES, columns=["model", "official_correct"]).group_by("model").mean()
    found: list[str] = means.sort("official_correct", "model")["model"].to_list()
    return found


def pairs(names: list[str]) -> list[tuple[str, str, str]]:
    """Pairs with a known difference: what they show, and the two models."""
    found = [("72B against 0.5B", a, b) for a, b in _FAMILY_PAIRS if a in names and b in names]
    for base in names:
        tuned = next((f"{base}{end}" for end in ("-Instruct", "-it") if f"{base}{end}" in names), None)
        if tuned is None and base.endswith("-hf"):
            tuned = next((name for name in names if name == f"{base[:-3]}-Instruct-hf"), None)
        if tuned is not None:
            found.append(("instruct against base", tuned, base))
    return found


def cases(data: Path, wanted: list[str], *, advance: Advance = lambda: None) -> pl.DataFrame:
    """The case records of some models, with topics; ``advance`` is called after each model."""
    import polars as pl

    responses = pl.read_parquet(data / RESPONSES).filter(pl.col("model").is_in(wanted))
    joined = responses.join(pl.read_parquet(data / PROMPTS), on=["category", "setting", "idx"], how="left")
    frames = []
    for name in wanted:
        frames.append(pl.DataFrame([_row(row) for row in joined.filter(pl.col("model") == name).iter_rows(named=True)]))
        advance()
    table = pl.concat(frames, how="vertical_relaxed")
    return prepared(with_halves(table.filter(pl.col("score").is_not_null())))


def _row(row: dict[str, Any]) -> dict[str, Any]:
    output, prompt = row["response"] or "", row["prompt"] or ""
    sample = f"{row['category']}/{row['idx']}"
    rule = f"{row['category']}/{(row['idx'] - 1) // _PER_RULE + 1}"
    right = row["official_correct"]
    behaviour = {key: float(value) for key, value in of_reply(output, None, prompt).items() if key in VARIABLES}
    return {
        "case": f"{row['model']}:{sample}",
        "model": row["model"],
        "task": "korbench",
        "sample_id": sample,
        "epoch": 1,
        "cluster": rule,
        "score": None if right is None else float(right),
        "right": right,
        "answer": row["official_text"],
        "target": row["official_answer"],
        "prompt": excerpt(prompt),
        "output": excerpt(output),
        **behaviour,
        "prompt_words": len(prompt.split()),
        "tag:category": row["category"],
        "tag:rule": rule,
    }
