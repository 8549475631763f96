"""Benchmarks that ask for repeats: the run makes them, and what it shows is avg@k and pass@k."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from assay.benchmarks.registry import load_task
from assay.sandbox.probe import sandbox
from assay.sandbox.program import SandboxUnavailable
from tests.cli.support import as_json


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def shown(*arguments: object) -> tuple[dict[str, float], set[int]]:
    """The values of a run's plain metrics, and the attempts that they are of."""
    (run,) = as_json("run", *arguments, "--no-preflight")
    plain = [estimate for estimate in run["estimates"] if estimate["group"] is None]
    return {estimate["metric"]: estimate["value"] for estimate in plain}, {estimate["n"] for estimate in plain}


def test_a_task_is_asked_as_often_as_its_protocol_says_unless_the_user_does(tmp_path: Path) -> None:
    pytest.importorskip("math_verify")
    rows = [{"id": f"2025-I-{number}", "problem": f"What is {number} + 1?", "answer": number + 1} for number in (1, 2)]
    of = ("aime", "--data", write(tmp_path / "a.jsonl", rows), "--model", "scripted/constant", "-p", "text=\\boxed{3}")
    half = {"accuracy": 0.5, "pass@32": 0.5, "pass^32": 0.5, "maj@32": 0.5}
    assert shown(*of, "--out", tmp_path / "own") == (half, {2 * 32})
    values, attempts = shown(*of, "--epochs", 2, "--out", tmp_path / "two")
    assert ("pass@2" in values, attempts) == (True, {2 * 2})
    assert shown(*of, "--epochs", 1, "--out", tmp_path / "one") == ({"accuracy": 0.5}, {2})


async def test_eight_programs_for_each_problem_give_avg_and_pass_at_8(tmp_path: Path) -> None:
    try:
        await sandbox()
    except SandboxUnavailable as error:
        pytest.skip(str(error))
    problem = {"contest_id": "9", "description": "Print twice n.", "official_tests": [{"input": "2", "output": "4"}]}
    data = write(tmp_path / "p.jsonl", [{**problem, "index": index} for index in "ABC"])
    right_of_eight = {"9/A": 3, "9/B": 8, "9/C": 0}
    stored = []
    for sample in load_task("codeforces", data=data, params={"language": "python"}).samples():
        programs = ["print(2 * int(input()))"] * right_of_eight[sample.id]
        programs += ["print(5)"] * (8 - len(programs))
        stored += [{"prompt": sample.input, "text": f"```python\n{program}\n```"} for program in programs]
    replay = write(tmp_path / "stored.jsonl", stored)
    run = ("codeforces", "--data", data, "-t", "language=python", "--model", f"replay/{replay}")
    values, attempts = shown(*run, "--out", tmp_path / "run")
    assert values["accuracy"] == pytest.approx((3 + 8 + 0) / 24)
    assert values["pass@8"] == pytest.approx(2 / 3)
    assert attempts == {24}
