"""A tiny data set of our own in KOR-Bench's layout, and replies put to its scorers."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from assay.benchmarks.registry import load_task
from assay.records import Call, Request, Response, Sample, Score, Trajectory
from assay.task import Task

Rows = Sequence[Mapping[str, Any]]

RULES: dict[str, Rows] = {
    "operation": [
        {"idx": "1", "title": "@", "rule_content": "a@b = 2a + b", "tag": "Small"},
        {"idx": "2", "title": "&", "rule_content": "a&b = {a, b}\u2028(a set)", "tag": "Small"},
    ],
    "counterfactual": [{"idx": "1", "title": "Moon", "rule_content": "The moon is made of cheese."}],
}
ITEMS: dict[str, Rows] = {
    "operation": [
        {"idx": "1", "question": "Compute 3@4. Answer like this: [[your answer]].", "answer": "[[10]]", "rule_id": "1"},
        {"idx": "2", "question": "Compute 0@1.", "answer": "[[1]]", "rule_id": "1"},
        {"idx": "11", "question": "Compute {1}&{2}.", "answer": "[[3]]", "rule_id": "2"},
    ],
    "counterfactual": [
        {
            "idx": "1",
            "question": "What is the moon made of? A. Rock##B. Cheese##C. Ice##D. Dust",
            "answer": "[[B]]",
            "real_life_answer": "[[A]]",
            "rule_id": "1",
        }
    ],
}


def write_dataset(folder: Path) -> Path:
    """The tiny data set, three-shot examples and templates included."""
    for category, rules in RULES.items():
        shots = [
            {"idx": str(3 * r + n + 1), "question": f"Q{n}", "answer": f"[[{n}]]", "rule_id": rule["idx"]}
            for r, rule in enumerate(rules)
            for n in range(3)
        ]
        write_jsonl(folder / category / "rule.jsonl", rules)
        write_jsonl(folder / category / "sample.jsonl", ITEMS[category])
        write_jsonl(folder / category / "three-shot.jsonl", shots)
    for setting, places in (
        ("zero-shot", "R: {}\n  Q: {}\n"),
        ("three-shot", "R: {}\n" + "  Q: {}\n  A: {}\n" * 3 + "  Q: {}\n"),
    ):
        path = folder / "prompt" / f"{setting}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{category}_prompt_format:\n- |\n  {places}" for category in RULES))
    return folder


def write_jsonl(path: Path, rows: Rows) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")


def trajectory(text: str, finish_reason: str | None = "stop") -> Trajectory:
    return Trajectory("s", 1, (), (Call("", Request("m"), Response(text=text, finish_reason=finish_reason)),))


def sample(category: str, idx: int, gold: str, **metadata: Any) -> Sample:
    """A sample as far as scorers look at it."""
    rule = f"{category}/{(idx - 1) // 10 + 1}"
    return Sample(
        f"{category}/{idx}", "", gold, metadata={"category": category, "rule_id": rule, "idx": idx, **metadata}
    )


async def scored(task: Task, mode: str, sample: Sample, reply: Trajectory) -> Score:
    score = task.scorers[mode](sample, reply)
    return await score if inspect.isawaitable(score) else score  # type: ignore[no-any-return]


Judged = list[tuple[dict[str, Any], Sample, Score]]
_judged: dict[tuple[str, str], Judged] = {}


async def judged(shared_data: Path, file: str, mode: str) -> Judged:
    """Stored rows with our score, by the gold answer that the row brings; computed once a process."""
    if (file, mode) not in _judged:
        _judged[file, mode] = await _judge(shared_data, file, mode)
    return _judged[file, mode]


async def _judge(shared_data: Path, file: str, mode: str) -> Judged:
    import msgspec
    import polars as pl

    data = shared_data / "korbench"
    tasks = {s: load_task("korbench", data=data, params={"setting": s}) for s in ("zero-shot", "three-shot")}
    items = {setting: {item.id: item for item in task.samples()} for setting, task in tasks.items()}
    task = tasks["zero-shot"]
    assert task.rows is not None
    judge: Callable[..., Any] = task.scorers[mode]
    scores: list[Any] = []
    kept: list[tuple[dict[str, Any], Sample]] = []
    for row in pl.read_parquet(data / file).iter_rows(named=True):
        setting = task.rows.params(row).get("setting", "zero-shot")
        item = items[setting][task.rows.sample_id(row)]
        item = msgspec.structs.replace(item, target=task.rows.target(row) or "")
        score = judge(item, trajectory(row["response"], None))
        scores.append(score if isinstance(score, Score) else asyncio.ensure_future(score))
        kept.append((row, item))
    done = [score if isinstance(score, Score) else await score for score in scores]
    return [(row, item, score) for (row, item), score in zip(kept, done, strict=True)]
