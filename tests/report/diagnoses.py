"""Case records made by hand, and diagnoses of them."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import polars as pl

from assay.analyze.claims import Combination, Condition, Statistic
from assay.analyze.findings import CitedCase, Cost, Diagnosis, Evidence, Finding, HeldOutTest, Judged
from assay.analyze.gate import judge
from assay.analyze.profile import capability_profile
from assay.analyze.summary import summarise

MINE, THEIRS = "lab/mine-7b", "lab/theirs-9b"


def cases(n: int = 200, *, text: str = "I think it is 42.", topic: str = "tides", model: str = MINE) -> pl.DataFrame:
    """Two models on one benchmark: the first is weak on one topic and verbose when wrong. Halves alternate."""
    rng = np.random.default_rng(5)
    rows: list[dict[str, Any]] = []
    for number, (who, weak) in enumerate(((model, 0.2), (THEIRS, 0.75))):
        for i in range(n):
            here = i % 4 < 2
            right = bool(rng.random() < (weak if here else 0.8))
            rows.append(
                {
                    "case": f"{number}:s{i}",
                    "model": who,
                    "task": "quiz",
                    "run": f"quiz-{number}",
                    "sample_id": f"s{i}",
                    "epoch": 1,
                    "cluster": None,
                    "half": ("discovery", "confirmation")[(i // 4) % 2],
                    "outcome": "scored",
                    "score": float(right),
                    "right": right,
                    "answer": "42",
                    "target": "43",
                    "prompt": f"What of {topic if here else 'stars'}, number {i}?",
                    "output": f"{text} {i}",
                    "thinking": None,
                    "output_chars": float(rng.normal(100 if right else 160, 10)),
                    "output_tokens": int(rng.integers(10, 40)),
                    "cost": float(rng.integers(1, 9)) / 1000,
                    "seconds": float(rng.random()),
                    "format_ok": True,
                    "refused": bool(rng.random() < 0.1),
                    "truncated": False,
                    "looping": False,
                    "language_mismatch": False,
                    "tag:topic": topic if here else "stars",
                }
            )
    return pl.DataFrame(rows, infer_schema_length=None).with_columns(pl.col("cluster").cast(pl.String))


def findings(topic: str = "tides", model: str = MINE, **changes: Any) -> list[Finding]:
    """A weakness that holds, and one whose number is wrong."""
    where, rest = (Condition("tag:topic", "==", topic),), (Condition("tag:topic", "==", "stars"),)
    inside, outside = (Statistic("mean", "score", w, model=model) for w in (where, rest))
    gap = Combination("difference", inside, outside)
    table = cases(topic=topic, model=model)
    own = table.filter(pl.col("model") == model)
    low, high = (own.filter(pl.col("tag:topic") == t)["score"].mean() for t in (topic, "stars"))
    assert isinstance(low, float)
    assert isinstance(high, float)
    evidence = (
        Evidence("inside", round(low, 3), inside, "score", 1),
        Evidence("gap", round(low - high, 3), gap, "points", 1),
    )
    weak = Finding(
        "weak-1",
        f"weakness: {topic}",
        f"On topic {topic} the model scores {100 * low:.1f} %, {100 * (high - low):.1f} points below the rest.",
        "difference",
        (model,),
        evidence,
        (CitedCase("0:s0"), CitedCase("0:s1")),
        where,
        HeldOutTest(gap, "lower"),
    )
    false = msgspec.structs.replace(
        weak, id="weak-2", evidence=(msgspec.structs.replace(evidence[0], stated=0.999), evidence[1])
    )
    return [msgspec.structs.replace(weak, **changes), false]


def diagnosis(table: pl.DataFrame, judged: list[Judged], model: str = MINE, **changes: Any) -> Diagnosis:
    """A diagnosis of these findings, with the behaviour statistics of the table."""
    facts: dict[str, Any] = {
        "models": (model,),
        "against": (THEIRS,),
        "tasks": ("quiz",),
        "cases": table.height,
        "created": "2026-01-05T12:00:00+00:00",
        "findings": tuple(judged),
        "profile": capability_profile(table, model),
        "behaviour": msgspec.to_builtins(summarise(table, model, (THEIRS,))),
        "cost": Cost(1.5),
        "limits": ("Only a quiz.",),
        "runs": ({"folder": "runs/quiz", "model": model, "task": "quiz", "dataset": None},),
    }
    return Diagnosis(**{**facts, **changes})


def made() -> tuple[Diagnosis, pl.DataFrame]:
    """A diagnosis with one published finding and one held back."""
    table = cases()
    return diagnosis(table, judge(findings(), table)), table
