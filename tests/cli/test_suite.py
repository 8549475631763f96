"""Suites from the command line: one plan, a tree of scores, and a resume by the same command."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.cli.support import as_json, assay, one_line, succeeded, write_questions

SUITE = """
suite: mine
thinking:
  high: {reasoning_effort: high, max_tokens: 900}
children:
  - name: Known
    weight: 3
    children:
      - {name: All A, task: mcq, data: all.jsonl, weight: 2, thinking: high}
      - {name: Half A, task: mcq, data: half.jsonl, sampling: {max_tokens: 50}, thinking: high}
  - {name: Again, task: mcq, data: half.jsonl, sampling: {max_tokens: 50}, thinking: high}
  - {name: Written nowhere, needs: labelled tickets}
  - {name: "Without [/data]", task: mcq, data: "[/absent].jsonl"}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the suite and its questions; a model that says A is right in 8 of 8 and in 4 of 8."""
    write_questions(tmp_path / "all.jsonl")
    rows = [json.loads(line) for line in write_questions(tmp_path / "half.jsonl").read_text().splitlines()]
    wrong = [{**row, "answer": "B" if number % 2 else "A"} for number, row in enumerate(rows)]
    (tmp_path / "half.jsonl").write_text("".join(json.dumps(row) + "\n" for row in wrong))
    (tmp_path / "mine.yaml").write_text(SUITE)
    return tmp_path


def nodes(tree: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = {tree["name"]: tree}
    for child in tree["children"]:
        found |= nodes(child)
    return found


RUN = ("suite", "run", "mine.yaml", "--model", "scripted/constant", "-p", "text=ANSWER: A", "--out", "out")


def test_a_suite_runs_resumes_and_shows_what_was_measured(folder: Path) -> None:
    first = assay(*RUN, "--limit", 4, cwd=folder)
    assert first.returncode == 3, first.stderr
    assert "Without [/data] is not run" in first.stderr
    assert "[/absent].jsonl" in first.stderr
    assert "Traceback" not in first.stderr
    assert {path.name for path in (folder / "out").iterdir() if path.is_dir()} == {"Known_All-A", "Known_Half-A"}

    again = assay(*RUN, "--json", cwd=folder)
    assert again.returncode == 3
    tree = nodes(json.loads(again.stdout)["tree"])
    assert tree["All A"]["score"] == 1
    assert tree["Half A"]["score"] == tree["Again"]["score"] == 0.5
    assert tree["All A"]["n"] == tree["Half A"]["n"] == 8
    assert tree["Known"]["score"] == pytest.approx(5 / 6)
    assert tree["Known"]["covered"] == 1
    # Weights in the whole: All A 3/6 * 2/3, Half A 3/6 * 1/3, Again 1/6; two of the four parts are not measured.
    assert tree["mine"]["score"] == pytest.approx((1 / 3 + 0.5 * (1 / 6 + 1 / 6)) / (2 / 3))
    assert tree["mine"]["covered"] == pytest.approx(2 / 3)
    assert tree["mine"]["n"] == 16
    assert tree["mine"]["se"] == pytest.approx(tree["Half A"]["se"] * (1 / 3) / (2 / 3))
    assert "[/absent].jsonl" in tree["Without [/data]"]["result"]["reason"]
    assert tree["Written nowhere"]["result"]["reason"] == "labelled tickets"
    assert as_json("suite", "show", "out", cwd=folder)["tree"] == json.loads(again.stdout)["tree"]
    shown = succeeded("suite", "show", "out", cwd=folder)
    for part in ("Without [/data]", "no file [/absent].jsonl", "66.7 %", "over the covered weight only"):
        assert part in shown

    calls = [run["usage"]["calls"] for run in as_json("show", "out", cwd=folder)]
    assert calls == [8, 8]  # the first four were not asked again


def test_settings_reach_the_requests_leaf_before_thinking_mode_and_command_before_leaf(folder: Path) -> None:
    assay(*RUN, "-p", "temperature=0.5", "--only", "Known", cwd=folder)
    sampling = {run["run"]: run["manifest"]["sampling"] for run in as_json("show", "out", cwd=folder)}
    high = {"reasoning_effort": "high"}
    assert sampling["out/Known_All-A"] == {"max_tokens": 900, "temperature": 0.5, "extra": high}
    assert sampling["out/Known_Half-A"] == {"max_tokens": 50, "temperature": 0.5, "extra": high}


def test_one_place_can_be_run_alone_and_the_rest_is_named_as_not_run(folder: Path) -> None:
    text = succeeded(*RUN, "--only", "Known / All A", cwd=folder)
    assert "not counted: not run" in text
    assert "33.3 %" in text
    assert [path.name for path in (folder / "out").iterdir() if path.is_dir()] == ["Known_All-A"]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--only", "Unknown"), "nothing at 'Unknown'"),
        (("--thinking", "deep"), "it has: high"),
        (("--max-time", "soon"), "90s, 30m or 2h"),
    ],
)
def test_what_will_not_do_is_one_line(folder: Path, arguments: tuple[str, ...], line: str) -> None:
    assert line in one_line(assay(*RUN, *arguments, cwd=folder))
    assert not (folder / "out").exists()


def test_a_model_that_cannot_be_reached_gives_no_score_and_no_zero(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    model = ("--model", "openai/none", "-p", f"base_url={address}", "--retry-for", 0)
    done = assay("suite", "run", "mine.yaml", *model, "--out", "out", "--json", cwd=folder)
    assert done.returncode == 3
    assert "cannot be reached" in done.stderr
    top = json.loads(done.stdout)["tree"]
    assert (top["score"], top["covered"], top["measured"]) == (None, 0, 0)
    half = nodes(top)["Half A"]["result"]
    assert half["reason"] == "no attempt in the denominator"
    assert half["notes"] == ["reasoning_effort=high", "8 attempts have no answer yet"]


def test_a_folder_of_another_suite_or_model_is_refused(folder: Path) -> None:
    assay(*RUN, cwd=folder)
    assert "another model" in one_line(assay(*RUN[:4], "scripted/hash", "--out", "out", cwd=folder))
    (folder / "mine.yaml").write_text(SUITE.replace("suite: mine", "suite: other"))
    assert "another suite" in one_line(assay(*RUN, cwd=folder))
    manifest = folder / "out" / "Known_All-A" / "manifest.json"
    manifest.write_text(manifest.read_text().replace("scripted/constant", "scripted/hash"))
    tree = nodes(as_json("suite", "show", "out", cwd=folder)["tree"])
    assert tree["All A"]["score"] is None
    assert tree["All A"]["result"]["reason"] == "a run of another model, scripted/hash"


def test_a_parameter_that_the_task_refuses_is_said_with_its_place(folder: Path) -> None:
    (folder / "mine.yaml").write_text(SUITE + "  - {name: Odd, task: korgen/astrology}\n")
    assert "mine.yaml, at Odd: " in one_line(assay(*RUN, cwd=folder))


def test_coverage_lists_what_is_missing_and_why(folder: Path) -> None:
    top = as_json("suite", "coverage", "mine.yaml", cwd=folder)
    assert top["covered"] == pytest.approx(5 / 6)
    assert [child["missing"] for child in top["children"]] == [None, None, "labelled tickets", None]
    text = succeeded("suite", "coverage", "mine.yaml", cwd=folder)
    assert "labelled tickets" in text
    assert "mine: 4 of 5 tasks, 83.3 % of the weight" in text


def test_the_shipped_map_is_shown_and_covered() -> None:
    assert "ToB-K12 Education" in succeeded("suite", "show", "seed2.0")
    top = as_json("suite", "coverage", "seed2.0")
    assert top["children"][0]["name"] == "Fundamental language"
    assert 0 < top["covered"] < 1


def test_published_figures_stand_beside_a_run_when_asked_for(tmp_path: Path) -> None:
    """A run that says it is of KOR-Bench is enough: figures go by the task's name."""
    questions = write_questions(tmp_path / "q.jsonl", 2)
    succeeded("run", "mcq", "--data", questions, "--model", "scripted/constant", "--out", "run", cwd=tmp_path)
    assert "--published" not in succeeded("show", "run", cwd=tmp_path)
    assert "no published figures for mcq" in succeeded("show", "run", "--published", cwd=tmp_path)

    path = tmp_path / "run" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["task"]["name"] = "korbench"
    path.write_text(json.dumps(manifest))
    assert "assay show run --published" in succeeded("show", "run", cwd=tmp_path)
    text = succeeded("show", "run", "--published", cwd=tmp_path)
    for part in ("O1-Preview", "72.88", "zero-shot", "2410.06526", "Seed2.0 Pro", "77.5", "not tested"):
        assert part in text
    (run,) = as_json("show", "run", "--published-model", "o1-preview", cwd=tmp_path)
    assert {f["metric"]: f["value"] for f in run["published"]["figures"]}["puzzle"] == 36.8
    assert "not tested" in run["published"]["caution"]
    assert "published" not in as_json("show", "run", cwd=tmp_path)[0]
