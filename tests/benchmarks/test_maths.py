"""MATH, GSM8K, AIME and BeyondAIME: the owners' layouts, and the rules by which answers are judged.

The problems are ours; their layouts are the owners'.
"""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assay.benchmarks.maths.score import last_box, whole_number
from assay.benchmarks.registry import load_task
from assay.engine.preflight import preflight
from assay.errors import DatasetMalformed, DatasetNotFound
from assay.records import Call, Outcome, Request, Response, Sample, Score, Trajectory
from assay.task import Task

pytest.importorskip("math_verify")

MATH = [
    {
        "problem": "What is half of one?",
        "level": "Level 1",
        "type": "Prealgebra",
        "solution": "It is $\\boxed{\\frac{1}{2}}$.",
    },
    {"problem": "Solve $x^2=4$ for $x>0$.", "level": "Level ?", "type": "Algebra", "solution": "So $x=\\boxed 2$."},
]
MATH_500 = [
    {
        "problem": "What is half of one?",
        "solution": "Not needed.",
        "answer": "\\frac{1}{2}",
        "subject": "Prealgebra",
        "level": 1,
        "unique_id": "test/prealgebra/7.json",
    }
]
GSM8K = [
    {"question": "Ann has 3 bags of 6 figs. How many figs?", "answer": "3*6=<<3*6=18>>18\n#### 18"},
    {"question": "A bike costs $1,000 and tax is 20%. What does it cost?", "answer": "It is\n#### 1,200"},
    {"question": "What percentage of 50 is 10?", "answer": "10/50\n#### 20"},
]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


async def score(task: Task, sample: Sample, reply: str, mode: str | None = None) -> Score:
    call = Call("0", Request("m", sample.messages), Response(reply, finish_reason="stop"))
    result = task.scorers[mode or task.mode](sample, Trajectory(sample.id, 1, (), (call,)))
    return await result if inspect.isawaitable(result) else result


def test_math_is_read_as_a_file_a_problem_and_as_one_file(tmp_path: Path) -> None:
    for number, row in enumerate(MATH, 1):
        path = tmp_path / "MATH" / "test" / row["type"].lower() / f"{number}.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(row), "utf-8")
    samples = list(load_task("math", data=tmp_path / "MATH").samples())
    assert [sample.id for sample in samples] == ["test/algebra/2.json", "test/prealgebra/1.json"]
    assert [sample.target for sample in samples] == ["2", "\\frac{1}{2}"]
    assert samples[1].metadata == {"subject": "Prealgebra", "level": "1", "question": "What is half of one?"}

    task = load_task("math", data=write(tmp_path / "test.jsonl", MATH_500))
    (sample,) = task.samples()
    assert (sample.id, sample.target) == ("test/prealgebra/7.json", "\\frac{1}{2}")
    assert sample.metadata["level"] == "1"
    assert [metric.by for metric in task.metrics] == [None, "subject", "level"]
    assert (task.size, task.epochs) == (1, 1)


def test_a_solution_without_an_answer_is_named_with_its_line(tmp_path: Path) -> None:
    bad = write(tmp_path / "m.jsonl", [MATH[0], {"problem": "And now?", "solution": "No idea."}])
    with pytest.raises(DatasetMalformed, match=r"line 2: no answer, and no \\boxed"):
        load_task("math", data=bad)


async def test_math_modes_read_the_same_reply_by_their_own_rules(tmp_path: Path) -> None:
    task = load_task("math", data=write(tmp_path / "test.jsonl", MATH_500))
    (sample,) = task.samples()
    table = [  # reply, robust, official, official-boxed (None: no answer found)
        ("So \\boxed{\\frac12}.", 1, 1, 1),
        ("So \\boxed{0.5}.", 1, 1, 1),
        ("\\boxed{3}, no: \\boxed{\\dfrac{1}{2}}", 1, 0, 1),  # math-verify takes both boxes as a set
        ("\\boxed{\\frac{1}{2}}, no: \\boxed{3}", 0, 0, 0),
        ("Answer: 1/2", 1, 1, None),
        ("<think>\\boxed{\\frac12}</think>It is \\boxed{2}.", 0, 0, 0),
        ("<think>\\boxed{\\frac12}</think>\nWho knows.\nNobody does.", None, None, None),
        ("\\boxed{\\frac{1}{2", None, 0, None),
    ]
    for reply, *expected in table:
        got = [(await score(task, sample, reply, mode)).value for mode in ("robust", "official", "official-boxed")]
        assert got == expected, reply


async def test_gsm8k_keeps_the_owners_rule_and_reads_what_was_meant(tmp_path: Path) -> None:
    task = load_task("gsm8k", data=write(tmp_path / "test.jsonl", GSM8K))
    figs, bike, share = task.samples()
    assert [sample.target for sample in (figs, bike, share)] == ["18", "1200", "20"]
    table = [  # sample, reply, robust, official
        (figs, "3 times 6.\n#### 18", 1, 1),
        (figs, "#### 18 figs", 1, 1),
        (figs, "#### 18.0", 1, 0),  # the owners compare text
        (figs, "#### 17\nI was wrong.\n#### 18", 1, 0),  # and read the first
        (figs, "So **18** figs.\nAnswer: 18 figs", 1, None),
        (figs, "\\boxed{18}", 1, None),
        (figs, "\\boxed{\\frac{36}{2}}", 1, None),
        (figs, "\\boxed{\\text{18 figs}}", 1, None),
        (figs, "\\boxed{18*18}", 0, None),
        (figs, "\\boxed{\\sqrt{18}}", 0, None),
        (figs, "#### 3 bags, 18 figs\nAnswer: 19", 0, 0),
        (bike, "#### $1,200", 1, None),
        (bike, "#### 1,200", 1, 1),
        (bike, "#### 1000", 0, 0),
        (share, "#### 20%", 1, 1),
        (share, "#### 0.2", 0, 0),
        (share, "It cannot be told.\nReally.", None, None),
        (share, "<think>\n#### 20\n</think>\nHm.\nI give up.", None, None),
    ]
    for sample, reply, *expected in table:
        got = [(await score(task, sample, reply, mode)).value for mode in ("robust", "official")]
        assert got == expected, reply


def test_aime_is_read_in_all_its_spellings(tmp_path: Path) -> None:
    problem = "Find the remainder."
    spellings: dict[str, tuple[list[dict[str, Any]], str, str, str]] = {
        "a.jsonl": ([{"ID": "2024-II-4", "Problem": problem, "Answer": 73}], "2024-II-4", "73", "2024"),
        "b.jsonl": (
            [
                {
                    "id": 60,
                    "problem": problem,
                    "answer": "073",
                    "year": "2024",
                    "url": "http://x/2024_AIME_I_Problems/Problem_2",
                }
            ],
            "2024-I-2",
            "73",
            "2024",
        ),
        "aime2025-I.jsonl": ([{"question": problem, "answer": "336^\\circ"}], "1", "336", "2025"),
        "aime_1983_2024.jsonl": (
            [{"ID": "2024-x", "Year": 2024, "Part": "I", "Problem Number": 3, "Question": problem, "Answer": 5.0}],
            "2024-I-3",
            "5",
            "2024",
        ),
        "aime_26.jsonl": ([{"problem_idx": 7, "problem": problem, "answer": 204}], "7", "204", "2026"),
    }
    for name, (rows, id_, target, year) in spellings.items():
        (sample,) = load_task("aime", data=write(tmp_path / "each" / name, rows)).samples()
        assert (sample.id, sample.target, sample.metadata["year"]) == (id_, target, year), name
        write(tmp_path / "all" / name, rows)
    everything = load_task("aime", data=tmp_path / "all")
    assert [metric.by for metric in everything.metrics] == [None, "year"]
    assert {s.metadata["year"] for s in everything.samples()} == {"2024", "2025", "2026"}
    only = load_task("aime/2025", data=tmp_path / "all")
    assert [s.metadata.get("part") for s in only.samples()] == ["I"]
    assert (only.name, only.size, only.epochs) == ("aime/2025", 1, 32)
    assert only.dataset is not None
    assert only.dataset.notes == ("1 problems of 2025: a year has 30",)
    with pytest.raises(DatasetNotFound, match="no problem of 2026"):
        load_task("aime/2026", data=tmp_path / "all" / "a.jsonl")
    with pytest.raises(DatasetMalformed, match="no whole number"):
        load_task("aime", data=write(tmp_path / "bad.jsonl", [{"problem": problem, "answer": "x+1"}]))


def test_the_same_problem_in_two_files_is_an_error(tmp_path: Path) -> None:
    for name in ("one.jsonl", "two.jsonl"):
        write(tmp_path / name, [{"id": "2024-I-1", "problem": "?", "answer": 1}])
    with pytest.raises(DatasetMalformed, match=r"two\.jsonl.*2024-I-1"):
        load_task("aime", data=tmp_path)


async def test_beyond_aime_compares_whole_numbers_of_any_size(tmp_path: Path) -> None:
    big = 7**60
    pl.DataFrame({"problem": ["What is $7^{60}$?"], "answer": [str(big)]}).write_parquet(
        tmp_path / "test-00000-of-00001.parquet"
    )
    task = load_task("beyondaime", data=tmp_path)
    (sample,) = task.samples()
    assert task.epochs == 32
    for reply, right in (
        (f"\\boxed{{{big}}}", 1),
        (f"\\boxed{{{big:,}}}", 1),
        (f"\\boxed{{{big + 1}}}", 0),
        ("\\boxed{7^60}", 0),
    ):
        assert (await score(task, sample, reply, "official")).value == right, reply
    assert (await score(task, sample, f"\\boxed{{{big + 1}}}")).value == 0  # exact, not to 15 digits
    assert (await score(task, sample, "\\boxed{7^{60}}")).value == 1
    assert (await score(task, sample, "Because.\nYes.", "official")).outcome is Outcome.UNPARSED


@pytest.mark.parametrize(
    ("text", "box"),
    [
        ("\\boxed{1} and \\boxed{\\frac{1}{2}}", "\\frac{1}{2}"),
        ("\\boxed{1} and \\boxed{2", None),
        ("no box", None),
        ("\\boxed{" * 20_000, None),
        ("\\boxed{{}}}", "{}"),
    ],
)
def test_the_last_box_is_matched_by_its_braces(text: str, box: str | None) -> None:
    assert last_box(text) == box


def test_whole_numbers_are_read_without_their_trimmings() -> None:
    assert [
        whole_number(text) for text in ("073", "$1{,}000$".replace("{,}", ","), "336^\\circ", "-4", "12\\,345")
    ] == [*(73, 1000, 336, -4, 12345)]
    assert [whole_number(text) for text in ("", "1.0", "x", "9" * 5000, "1/2")] == [None] * 5


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("math", MATH_500),
        ("gsm8k", GSM8K),
        ("aime", [{"id": "2024-I-1", "problem": "?", "answer": 17}, {"id": "2024-I-2", "problem": "?", "answer": 204}]),
        ("beyondaime", [{"problem": "?", "answer": 1234567}, {"problem": "?", "answer": 8}]),
    ],
)
async def test_references_pass_in_every_mode(
    tmp_path: Path, name: str, rows: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    task = load_task(name, data=write(tmp_path / "rows.jsonl", rows))
    for mode in task.scorers:
        if name == "math" or mode != "official":  # towers of powers, of which each costs a worker 10 s: see test_maths
            monkeypatch.setattr("assay.engine.preflight._HOSTILE_SAMPLES", 0)
        else:
            monkeypatch.undo()
        report = await preflight(task, mode)
        assert report.passed, (mode, report)
        assert (report.references, len(report.failed), len(report.accepted)) == (len(rows), 0, 0), mode


def test_without_a_copy_it_says_what_to_get(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_CACHE", str(tmp_path))
    monkeypatch.delenv("ASSAY_DATA", raising=False)
    for name in ("math", "aime", "beyondaime"):
        with pytest.raises(DatasetNotFound, match=f"{name}: get .* --data PATH"):
            load_task(name)
        assert list(load_task(name, offline=True).samples()) == []
    write(tmp_path / "data" / "math" / "test.jsonl", MATH_500)
    assert load_task("math").size == 1
