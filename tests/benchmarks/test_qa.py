"""The user's own short-answer questions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assay.benchmarks.registry import load_task
from assay.errors import DatasetMalformed
from assay.records import Call, Outcome, Request, Response, Sample, Score, Trajectory
from assay.task import Task

ROWS: list[dict[str, Any]] = [
    {"id": "c", "question": "What is the capital of Peru?", "answer": "Lima", "category": "places"},
    {"id": "n", "question": "How many metres are in a kilometre?", "answer": 1000, "category": "units"},
    {"id": "s", "question": "Which city never sleeps?", "answers": ["New York", "NYC"], "category": "places"},
    {"id": "l", "question": "Write the list of one and two.", "answer": "[1, 2]", "category": "lists"},
]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def score(task: Task, sample: Sample, reply: str) -> Score:
    call = Call("0", Request("m", sample.messages), Response(reply))
    result = task.scorers[task.mode](sample, Trajectory(sample.id, 1, (), (call,)))
    assert isinstance(result, Score)
    return result


def test_asks_each_row_and_scores_the_answer(tmp_path: Path) -> None:
    task = load_task("qa", data=write(tmp_path / "my.jsonl", ROWS))
    samples = list(task.samples())
    assert [sample.target for sample in samples] == ["Lima", "1000", ("New York", "NYC"), "[1, 2]"]
    for sample, right in zip(samples, ("lima", "1,000", "nyc", "[1,2]"), strict=True):
        assert score(task, sample, f"Well.\n\nAnswer: {right}").value == 1.0
        assert score(task, sample, "Answer: Atlantis").value == 0.0
        assert score(task, sample, "Well.\nWho knows.").outcome is Outcome.UNPARSED
    assert isinstance(samples[0].input, str)
    assert samples[0].input.startswith("What is the capital of Peru?\n\n")
    assert samples[0].metadata == {"category": "places", "question": "What is the capital of Peru?"}
    assert [metric.by for metric in task.metrics] == [None, "category"]


def test_csv_and_parquet_say_the_same_as_jsonl(tmp_path: Path) -> None:
    rows = [{"question": row["question"], "answer": str(row["answer"])} for row in ROWS if "answer" in row]
    jsonl = list(load_task("qa", data=write(tmp_path / "my.jsonl", rows)).samples())
    pl.DataFrame(rows).write_parquet(tmp_path / "my.parquet")
    pl.DataFrame(rows).write_csv(tmp_path / "my.csv")
    for name in ("my.parquet", "my.csv"):
        assert list(load_task("qa", data=tmp_path / name).samples()) == jsonl, name
    several = [{"question": "Which city?", "answers": ["New York", "NYC"]}]
    pl.DataFrame([{**row, "answers": json.dumps(row["answers"])} for row in several]).write_csv(
        tmp_path / "several.csv"
    )
    assert next(iter(load_task("qa", data=tmp_path / "several.csv").samples())).target == ("New York", "NYC")


def test_shots_and_completion(tmp_path: Path) -> None:
    task = load_task("qa", data=write(tmp_path / "my.jsonl", ROWS), params={"shots": "1", "completion": "true"})
    sample = next(iter(task.samples()))
    assert sample.input == (
        "Question: What is the capital of Peru?\nAnswer: Lima\n\nQuestion: How many metres are in a kilometre?\nAnswer:"
    )
    assert score(task, sample, " 1000").value == 1.0


@pytest.mark.parametrize("answer", [{}, None, "", [], ["x", " "], True, {"answers": 3}])
def test_a_row_without_an_answer_is_named(tmp_path: Path, answer: Any) -> None:
    path = write(tmp_path / "my.jsonl", [*ROWS, {"question": "What?", "answer": answer}])
    with pytest.raises(DatasetMalformed, match=r"my\.jsonl, line 5: answer"):
        list(load_task("qa", data=path).samples())
