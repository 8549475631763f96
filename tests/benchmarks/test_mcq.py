"""The user's own multiple-choice questions: every format, every way to give the answer, every mistake."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assay.benchmarks.registry import load_task
from assay.errors import DatasetMalformed, DatasetNotFound, UsageError
from assay.protocols import plain_completion
from assay.records import Call, Outcome, Request, Response, Sample, Score, Trajectory
from assay.task import Task

ROWS: list[dict[str, Any]] = [
    {"id": "pe", "question": "What is the capital of Peru?", "choices": ["Lima", "Quito", "Cusco"], "answer": "A"},
    {"id": "ec", "question": "And of Ecuador?", "choices": ["Lima", "Quito"], "answer": 1},
    {"id": "co", "question": "And of Colombia?", "choices": ["Cali", "Medellín", "Bogotá", "Lima"], "answer": "Bogotá"},
]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return path


def score(task: Task, sample: Sample, reply: str) -> Score:
    call = Call("0", Request("m", sample.messages), Response(reply))
    result = task.scorers[task.mode](sample, Trajectory(sample.id, 1, (), (call,)))
    assert isinstance(result, Score)
    return result


def test_asks_each_row_and_scores_the_letter(tmp_path: Path) -> None:
    path = write(tmp_path / "my.jsonl", ROWS)
    task = load_task("mcq", data=path)
    samples = list(task.samples())
    assert [(s.id, s.target, s.choices[ord(str(s.target)) - 65]) for s in samples] == [
        ("pe", "A", "Lima"),
        ("ec", "B", "Quito"),
        ("co", "C", "Bogotá"),
    ]
    assert isinstance(samples[0].input, str)
    assert samples[0].input.startswith("What is the capital of Peru?\n\nA. Lima\nB. Quito\nC. Cusco\n\n")
    assert "A, B or C" in samples[0].input
    for sample in samples:
        assert score(task, sample, f"Thinking.\n\nAnswer: {sample.target}").value == 1.0
        assert score(task, sample, "Answer: " + ("B" if sample.target == "A" else "A")).value == 0.0
        assert score(task, sample, "Hard to say.").outcome is Outcome.UNPARSED
    assert task.size == 3
    assert task.dataset is not None
    assert task.dataset.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert list(task.samples()) == samples


def test_csv_and_parquet_say_the_same_as_jsonl(tmp_path: Path) -> None:
    rows = [{**row, "answer": "ABC"[at], "category": "town, capital"} for at, row in enumerate(ROWS)]
    jsonl = list(load_task("mcq", data=write(tmp_path / "my.jsonl", rows)).samples())
    pl.DataFrame(rows).write_parquet(tmp_path / "my.parquet")
    as_json = [{**row, "choices": json.dumps(row["choices"])} for row in rows]
    pl.DataFrame(as_json).write_csv(tmp_path / "my.csv")
    columns = [{k: v for k, v in row.items() if k != "choices"} for row in rows]
    letters = [dict(zip("ABCD", [*row["choices"], "", ""], strict=False)) for row in rows]
    pl.DataFrame([a | b for a, b in zip(columns, letters, strict=True)]).write_csv(tmp_path / "letters.csv")
    for name in ("my.parquet", "my.csv", "letters.csv"):
        assert list(load_task("mcq", data=tmp_path / name).samples()) == jsonl, name


def test_further_columns_are_metadata_and_group_or_cluster_the_rows(tmp_path: Path) -> None:
    rows = [{**row, "category": "capital", "source": "atlas", "page": 7} for row in ROWS]
    path = write(tmp_path / "my.jsonl", rows)
    task = load_task("mcq", data=path, params={"cluster": "source"})
    assert next(iter(task.samples())).metadata == {
        "category": "capital",
        "source": "atlas",
        "page": 7,
        "question": "What is the capital of Peru?",
    }
    assert [(metric.name, metric.by) for metric in task.metrics] == [("accuracy", None), ("accuracy", "category")]
    assert task.cluster == "source"
    assert load_task("mcq", data=path, params={"by": "page"}).metrics[1].by == "page"
    with pytest.raises(UsageError, match=r"by=topic: .* it has id, question"):
        load_task("mcq", data=path, params={"by": "topic"})


def test_rows_without_ids_are_numbered(tmp_path: Path) -> None:
    path = tmp_path / "my.jsonl"
    row = {"question": "Which?", "options": ["x", "y"], "answer": "B"}
    path.write_text(f"\ufeff{json.dumps(row)}\n\n{json.dumps(row)}\n", "utf-8")
    task = load_task("mcq", data=path)
    assert [sample.id for sample in task.samples()] == ["1", "2"]
    assert task.size == 2


@pytest.mark.parametrize(
    ("answer", "options", "letter"),
    [
        ("B", ["x", "y", "z"], "B"),
        ("b", ["x", "y", "z"], "B"),
        (2, ["x", "y", "z"], "C"),
        ("2", ["x", "y", "z"], "C"),
        ("y", ["x", "y", "z"], "B"),
        ("A", ["A", "B", "AB", "O"], "A"),
        (30, [10, 20, 30], "C"),
        ("C", ["C", "B", "A"], "ambiguous (as text A, as letter C)"),
        (1, [1, 2, 3], "ambiguous (as text A, as index B)"),
        ("x", ["x", "x", "z"], "ambiguous (as text A, as text B)"),
        ("D", ["x", "y", "z"], "answer 'D' is not the letter, index (from 0) or text"),
        (3, ["x", "y", "z"], "answer 3 is not the"),
        (-1, ["x", "y", "z"], "answer -1 is not the"),
        (["x"], ["x", "y", "z"], "answer ['x'] is not the"),
        (True, ["x", "y", "z"], "answer True is not the"),
        (None, ["x", "y", "z"], "answer None is not the"),
    ],
)
def test_an_answer_is_a_letter_an_index_or_a_text_and_never_a_guess(
    tmp_path: Path, answer: Any, options: list[Any], letter: str
) -> None:
    good = {"question": "First?", "choices": ["x", "y"], "answer": "A"}
    rows = [good, {"question": "Which?", "choices": options, "answer": answer}]
    task = load_task("mcq", data=write(tmp_path / "my.jsonl", rows))
    if len(letter) == 1:
        assert [sample.target for sample in task.samples()] == ["A", letter]
    else:
        with pytest.raises(DatasetMalformed) as error:
            list(task.samples())
        assert str(error.value).startswith(f"{tmp_path / 'my.jsonl'}, line 2: ")
        assert letter in str(error.value)


def test_answer_is_settles_an_ambiguity(tmp_path: Path) -> None:
    path = write(tmp_path / "my.jsonl", [{"question": "Which?", "choices": ["1", "2", "0"], "answer": "1"}])
    for kind, letter in (("index", "B"), ("text", "A")):
        task = load_task("mcq", data=path, params={"answer_is": kind})
        assert next(iter(task.samples())).target == letter
        assert task.params["answer_is"] == kind


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "not a JSON object"),
        ("[1]", "not a JSON object"),
        ('{"choices": ["x", "y"], "answer": "A"}', "no question"),
        ('{"question": " ", "choices": ["x", "y"], "answer": "A"}', "no question"),
        ('{"id": 1, "question": "Q", "answer": "A"}', "list of 2 to 26 texts"),
        ('{"id": 1, "question": "Q", "choices": ["x"], "answer": "A"}', "list of 2 to 26 texts"),
        ('{"question": "Q", "choices": ["x", null], "answer": "A"}', "list of 2 to 26 texts"),
        ('{"question": "Q", "choices": "xy", "answer": "A"}', "list of 2 to 26 texts"),
        ('{"id": 1.5, "question": "Q", "choices": ["x", "y"], "answer": "A"}', "id 1.5"),
        ('{"id": "pe", "question": "Q", "choices": ["x", "y"], "answer": "A"}', "earlier row"),
        ('{"question": "Q", "choices": ["x", "y"], "answer": "A"}', "some rows have an id and some have none"),
    ],
)
def test_a_malformed_line_is_named(tmp_path: Path, line: str, problem: str) -> None:
    path = write(tmp_path / "my.jsonl", ROWS)
    path.write_text(path.read_text("utf-8") + "\n" + line + "\n", "utf-8")
    with pytest.raises(DatasetMalformed) as error:
        list(load_task("mcq", data=path).samples())
    assert f"{path}, line 5: " in str(error.value)
    assert problem in str(error.value)


def test_malformed_csv_and_parquet_are_named(tmp_path: Path) -> None:
    path = tmp_path / "my.csv"
    path.write_text('question,A,B,answer\n"Which\none?",x,y,A\nOne cell\n', "utf-8")
    with pytest.raises(DatasetMalformed, match=r"my\.csv, line 4: not as many cells"):
        list(load_task("mcq", data=path).samples())
    path.write_bytes(b"question,A,B,answer\n\xff,x,y,A\n")
    with pytest.raises(DatasetMalformed, match=r"my\.csv, after line 1: not UTF-8"):
        load_task("mcq", data=path)
    path = tmp_path / "my.parquet"
    path.write_bytes(b"PAR1 not really")
    with pytest.raises(DatasetMalformed, match=r"my\.parquet"):
        load_task("mcq", data=path)
    pl.DataFrame({"question": ["Which?"], "choices": [["x", "y"]], "answer": ["C"]}).write_parquet(path)
    with pytest.raises(DatasetMalformed, match=r"my\.parquet, row 1: answer 'C'"):
        list(load_task("mcq", data=path).samples())


def test_the_file_is_data_itself_or_the_only_one_or_the_named_one_in_a_folder(tmp_path: Path) -> None:
    with pytest.raises(DatasetNotFound, match="--data names your file"):
        load_task("mcq")
    with pytest.raises(DatasetNotFound, match=r"no \.jsonl"):
        load_task("mcq", data=tmp_path)
    write(tmp_path / "one.jsonl", ROWS)
    assert load_task("mcq", data=tmp_path).params["file"] == "one.jsonl"
    write(tmp_path / "two.jsonl", ROWS[:1])
    with pytest.raises(DatasetNotFound, match=r"one\.jsonl, two\.jsonl: name one"):
        load_task("mcq", data=tmp_path)
    assert load_task("mcq", data=tmp_path, params={"file": "two.jsonl"}).size == 1
    with pytest.raises(UsageError, match="another"):
        load_task("mcq", data=tmp_path / "one.jsonl", params={"file": "two.jsonl"})
    with pytest.raises(DatasetNotFound, match=r"no file .*three\.jsonl"):
        load_task("mcq", data=tmp_path, params={"file": "three.jsonl"})
    (tmp_path / "four.txt").write_text("x", "utf-8")
    with pytest.raises(UsageError, match="none of"):
        load_task("mcq", data=tmp_path / "four.txt")
    (tmp_path / "one.jsonl").write_text("\n", "utf-8")
    with pytest.raises(DatasetMalformed, match="has no rows"):
        load_task("mcq", data=tmp_path / "one.jsonl")


def test_stored_answers_are_scored_without_the_file(tmp_path: Path) -> None:
    online = load_task("mcq", data=write(tmp_path / "my.jsonl", ROWS), params={"shots": "1"})
    offline = load_task("mcq", params=online.params, offline=True)
    assert list(offline.samples()) == []
    assert offline.params == online.params
    sample = next(iter(online.samples()))
    assert score(offline, sample, f"Answer: {sample.target}").value == 1.0


def test_shots_come_from_the_first_rows_which_are_not_asked(tmp_path: Path) -> None:
    path = write(tmp_path / "my.jsonl", ROWS)
    task = load_task("mcq", data=path, params={"shots": "2"})
    (sample,) = task.samples()
    assert sample.id == "co"
    assert isinstance(sample.input, str)
    assert sample.input.startswith("Question: What is the capital of Peru?\nA. Lima\nB. Quito\nC. Cusco\nAnswer: A\n\n")
    assert "\n\nQuestion: And of Colombia?\n" in sample.input
    assert task.size == 1
    assert task.dataset is not None
    assert "first 2 rows" in task.dataset.notes[0]
    with pytest.raises(UsageError, match="negative"):
        load_task("mcq", data=path, params={"shots": -1})


def test_a_base_model_continues_with_the_letter(tmp_path: Path) -> None:
    task = load_task("mcq", data=write(tmp_path / "my.jsonl", ROWS), params={"completion": "true", "shots": "1"})
    sample = next(iter(task.samples()))
    assert task.protocol is plain_completion
    assert task.sampling.stop == ("\n",)
    assert isinstance(sample.input, str)
    assert sample.input.endswith("Answer: A\n\nQuestion: And of Ecuador?\nA. Lima\nB. Quito\nAnswer:")
    assert score(task, sample, " B").value == 1.0
    assert score(task, sample, " A\n\nQuestion: Next?\nAnswer: B").value == 0.0
