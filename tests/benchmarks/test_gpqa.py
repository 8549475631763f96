"""GPQA on records of our own: option order, prompts, extraction by table, malformed files."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from assay.benchmarks.gpqa.data import Record, shuffled
from assay.benchmarks.registry import load_task
from assay.engine.preflight import preflight
from assay.errors import DatasetMalformed, DatasetNotFound
from assay.records import Call, Outcome, Request, Response, Sample, Score, Trajectory
from assay.task import Task


def record(number: int, **change: str) -> dict[str, str]:
    return {
        "Pre-Revision Question": "an earlier form, which is not asked",
        "Question": f"Sum of {number} and 1?\n(in decimal)",
        "Correct Answer": f"{number + 1}\n",
        "Incorrect Answer 1": f"{number + 2}",
        "Incorrect Answer 2": f"{number + 3}, or so",
        "Incorrect Answer 3": f" {number + 4}",
        "Explanation": "counting",
        "Subdomain": "Counting" if number % 2 else "Adding",
        "High-level domain": "Arithmetic",
        "Record ID": f"rec{number}",
        **change,
    }


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def scored(task: Task, sample: Sample, reply: str, mode: str) -> Score:
    call = Call("0", Request("m", sample.messages), Response(reply))
    score: Any = task.scorers[mode](sample, Trajectory(sample.id, 1, (), (call,)))
    assert isinstance(score, Score)
    return score


async def test_references_score_right_in_both_modes(tmp_path: Path) -> None:
    write(tmp_path / "dataset" / "gpqa_diamond.csv", [record(n) for n in range(12)])
    task = load_task("gpqa/diamond", data=tmp_path)
    assert (task.name, task.size, task.mode, task.epochs) == ("gpqa/diamond", 12, "robust", 8)
    assert task.dataset is not None
    assert "12 questions, where diamond has 198" in task.dataset.notes[0]
    for mode in task.scorers:
        report = await preflight(task, mode)
        assert report.passed
        assert report.failed == report.accepted == ()


def test_options_are_shuffled_by_record_and_seed_alone(tmp_path: Path) -> None:
    rows = [record(n) for n in range(30)]
    path = write(tmp_path / "gpqa_main.csv", rows)
    samples = list(load_task("gpqa", data=path, params={"subset": "main"}).samples())
    for sample, row in zip(samples, rows, strict=True):
        answers = [row[key].strip() for key in ("Correct Answer", *(f"Incorrect Answer {n}" for n in (1, 2, 3)))]
        assert sorted(sample.choices) == sorted(answers)
        assert sample.choices["ABCD".index(str(sample.target))] == answers[0]
        assert sample.metadata["question"] == row["Question"]
        text = sample.messages[-1].text
        assert all(f"({letter}) {option}\n" in text for letter, option in zip("ABCD", sample.choices, strict=True))
    write(path, rows[:4:-1])
    assert list(load_task("gpqa", data=path, params={"subset": "main"}).samples()) == samples[:4:-1]
    other = list(load_task("gpqa", data=path, params={"subset": "main", "seed": "1"}).samples())
    assert [s.choices for s in other] != [s.choices for s in samples[:4:-1]]
    places = Counter(shuffled(Record(str(n), "?", "a", "b", "c", "d"), 0)[1] for n in range(4_000))
    assert all(abs(places[letter] - 1_000) < 4 * 750**0.5 for letter in "ABCD")  # binomial: 1,000 with sd 27.4


@pytest.mark.parametrize(
    ("reply", "letter"),
    [
        ("The correct answer is (B)", "B"),
        ("(A) is wrong. Answer: (C)", "C"),
        ("The answer is (x), so answer: (D)", "D"),
        ("The answer is B", None),
        ("It cannot be (C), so it must be D", "C"),
        ("f(n) grows, thus (B)", None),  # the first bracketed letter is no option, and no other is looked at
        ("the answer (A) holds; the answer is (B), no, the answer is (C)", "B"),
        ("", None),
    ],
)
def test_official_forms_with_their_quirks(tmp_path: Path, reply: str, letter: str | None) -> None:
    task = load_task("gpqa", data=write(tmp_path / "gpqa_diamond.csv", [record(1)]))
    [sample] = task.samples()
    score = scored(task, sample, reply, "official")
    assert score.answer == letter
    assert score.value == (None if letter is None else float(letter == sample.target))
    assert (score.outcome is Outcome.UNPARSED) == (letter is None)


def test_robust_takes_the_last_commitment(tmp_path: Path) -> None:
    task = load_task("gpqa", data=write(tmp_path / "gpqa_diamond.csv", [record(1)]))
    [sample] = task.samples()
    reply = f"(A), (B), (C) or (D)?\n\nThe answer is {sample.target}."
    assert scored(task, sample, reply, "robust").value == 1


def test_what_is_wrong_with_a_copy_is_named(tmp_path: Path) -> None:
    path = tmp_path / "gpqa_diamond.csv"
    for change, problem in (
        ({"Record ID": "rec0"}, "line 5: record rec0 stands in an earlier row"),
        ({"Incorrect Answer 3": " "}, "line 5: record rec1 lacks"),
    ):
        write(path, [record(0), record(1, **change)])
        with pytest.raises(DatasetMalformed, match=problem):
            load_task("gpqa", data=path)
    path.write_text("Question,Answer\nWhy?,So\n")
    with pytest.raises(DatasetMalformed, match=r"line 2: .*Record ID"):
        load_task("gpqa", data=path)
    with pytest.raises(DatasetNotFound, match=r"holds none of gpqa_main\.csv, dataset/gpqa_main\.csv"):
        load_task("gpqa/main", data=tmp_path)
    assert list(load_task("gpqa/extended", offline=True).samples()) == []
