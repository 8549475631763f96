"""Whether a program that a model wrote passes its tests.

The program is the reply's last fenced block. It runs in a sandbox or not at all: without one, and whenever
the sandbox or the machine fails, the attempt is ``infra_failed`` with the reason, never a zero.

There are two kinds of tests. With *stdin/stdout tests* the program gets an input and nothing else; what it
should print stays outside, and is compared here or by a checker in a sandbox of its own. *Unit tests* call
the program's functions and must share its interpreter. There the tests are handed over through a pipe that
is closed before the program begins, built-ins are restored before they run, and only a random word printed
after the last assertion counts as a pass: leaving early by whatever exit is a failure. A program that
searches its interpreter's memory for that word, or returns objects equal to everything, can still cheat.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from functools import cache
from importlib.resources import files
from typing import Any
from weakref import WeakKeyDictionary

from msgspec import Struct

from assay.records import Outcome, Sample, Score, Trajectory
from assay.sandbox import probe
from assay.sandbox.base import Sandbox
from assay.sandbox.languages import find_language
from assay.sandbox.program import End, Limits, Program, Run, SandboxUnavailable
from assay.scoring.brackets import Found
from assay.scoring.extraction import Extracted, Strategy, extract, fenced_block, first_of, unanswered
from assay.task import Scorer

Compare = Callable[[str, str], bool]
"""(expected output, output) -> whether it will do."""

_LIMITS = Limits()
_TRIED: WeakKeyDictionary[Sandbox, str] = WeakKeyDictionary()
"""Sandboxes in which unit tests were tried, with why they do not work (empty where they do)."""


class ProgramChecker(Struct, frozen=True):
    """A special checker: a program that reads ``{"input", "expected", "output"}`` as JSON from its input.

    It exits with 0 to accept and with 1 to reject; anything else is a failure of the checker.
    """

    language: str
    source: str


class StdioTest(Struct, frozen=True):
    """What the program reads and what it should print."""

    stdin: str
    expected: str


class StdioTests(Struct, frozen=True):
    """Tests of a whole program."""

    tests: tuple[StdioTest, ...]
    check: Compare | ProgramChecker


class UnitTests(Struct, frozen=True):
    """Tests of a Python function, in the manner of HumanEval."""

    source: str
    """Assertions, or the definition of ``check(candidate)``."""
    entry_point: str | None = None
    """The function that ``check`` is called with; ``None`` where the assertions stand at the top level."""
    before: str = ""
    """Put before the program: the prompt that it continues, or the imports that it may rely on."""


class TestVerdict(Struct, frozen=True):
    """What became of one test, or of all unit tests together."""

    verdict: str
    """``passed``, ``wrong answer``, ``compile error``, ``runtime error``, ``exited early``, or an ``End``."""
    detail: str = ""
    cpu_s: float | None = None
    scored_by: Outcome = Outcome.SCORED
    """``infra_failed`` or ``judge_failed`` where it says nothing about the program."""

    @property
    def passed(self) -> bool:
        """Whether the test is passed."""
        return self.verdict == "passed"


def code_scorer(
    tests: Callable[[Sample], StdioTests | UnitTests],
    *,
    language: str | Callable[[Sample], str] = "python",
    limits: Limits = _LIMITS,
    strategy: Strategy | None = None,
    every_test: bool = False,
    sandbox: Callable[[], Awaitable[Sandbox]] = probe.sandbox,
) -> Scorer:
    """Score 1 where the reply's program passes all tests.

    Args:
        tests: A sample's tests.
        language: The program's language, or a sample's.
        limits: For one run of the program.
        strategy: How the program is found; the last fenced block of that language, else of any, unless given
            (``whole_reply`` for base models that continue a prompt).
        every_test: Go on after a failed test, for ``values["tests"]``, the share of tests passed.
        sandbox: Where to run it.
    """

    async def score(sample: Sample, trajectory: Trajectory) -> Score:
        name = language if isinstance(language, str) else language(sample)
        found = extract(trajectory.response, strategy or code_block(name))
        if found.found is None:
            return unanswered(found, trajectory.response)
        code, cases = found.found.text, tests(sample)
        trace: dict[str, Any] = {"pattern": found.found.pattern, "span": found.found.span, "language": name}
        try:
            box = await sandbox()
            trace["sandbox"] = box.description.record()
            verdicts = await run_tests(box, name, code, cases, limits, every_test=every_test)
        except SandboxUnavailable as error:
            return Score(Outcome.INFRA_FAILED, answer=code, explanation=str(error), trace=trace)
        trace["tests"] = [{"verdict": one.verdict, "cpu_s": one.cpu_s, "detail": one.detail[:300]} for one in verdicts]
        return _judged(code, verdicts, cases, trace, every_test)

    return score


def _judged(
    code: str, verdicts: list[TestVerdict], cases: StdioTests | UnitTests, trace: dict[str, Any], every_test: bool
) -> Score:
    total = len(cases.tests) if isinstance(cases, StdioTests) else 1
    failed = next((at for at, one in enumerate(verdicts) if not one.passed), None)
    lost = next((one for one in verdicts if one.scored_by is not Outcome.SCORED), None)
    if failed is None and len(verdicts) == total:
        return Score(Outcome.SCORED, 1.0, code, f"passed {total} of {total} tests", trace, {"tests": 1.0})
    # A test that was lost to the machine is no reason to doubt that another was failed.
    real = next((one for one in verdicts if not one.passed and one.scored_by is Outcome.SCORED), None)
    if real is None:
        assert lost is not None
        return Score(lost.scored_by, answer=code, explanation=f"{lost.verdict}: {lost.detail}"[:500], trace=trace)
    values = {}
    if lost is None and (every_test or real.verdict == "compile error"):
        values["tests"] = sum(one.passed for one in verdicts) / total
    where = f" in test {verdicts.index(real) + 1} of {total}" if total > 1 and real.verdict != "compile error" else ""
    return Score(Outcome.SCORED, 0.0, code, f"{real.verdict}{where}: {real.detail}"[:300].strip(": \n"), trace, values)


def code_block(language: str) -> Strategy:
    """The last fenced block tagged with the language, else the last of any tag."""
    try:
        known = find_language(language)
        tags = (known.name, *known.aliases)
    except SandboxUnavailable:  # said again, as the reason, when the program is to be run
        tags = (language,)
    return first_of(fenced_block(*tags), fenced_block())


def whole_reply(text: str) -> Extracted:
    """The reply as it stands, for models that continue a prompt; an empty one holds no answer."""
    return Extracted(Found(text, (0, len(text)), "whole reply") if text.strip() else None)


async def run_tests(
    box: Sandbox,
    language: str,
    code: str,
    cases: StdioTests | UnitTests,
    limits: Limits = _LIMITS,
    *,
    every_test: bool = False,
) -> list[TestVerdict]:
    """Run a program against its tests, up to the first that it fails unless ``every_test``.

    Raises ``SandboxUnavailable`` where its language cannot be run here.
    """
    if isinstance(cases, UnitTests):
        return [await _run_unit_tests(box, language, code, cases, limits)]
    if not cases.tests:
        raise ValueError("no tests: nothing can be said about the program")
    verdicts: list[TestVerdict] = []
    inputs = [test.stdin for test in cases.tests]
    async with aclosing(box.run_each(Program(language, code, "", limits), inputs)) as runs:
        async for run in runs:
            test = cases.tests[len(verdicts)]
            verdicts.append(await _checked(box, run, test, cases.check))
            if not (verdicts[-1].passed or every_test):
                break
    return verdicts


async def _checked(box: Sandbox, run: Run, test: StdioTest, check: Compare | ProgramChecker) -> TestVerdict:
    if run.end is not End.EXITED:
        return _ended(run)
    if not isinstance(check, ProgramChecker):
        return _compared(run, check(test.expected, run.stdout))
    case = json.dumps({"input": test.stdin, "expected": test.expected, "output": run.stdout})
    checked = await box.run(Program(check.language, check.source, case))
    if not checked.end.is_verdict:
        return TestVerdict("checker not run", checked.stderr[-300:], run.cpu_s, Outcome.INFRA_FAILED)
    if checked.exit_code not in (0, 1) or "Traceback" in checked.stderr:
        detail = f"{checked.end}, exit code {checked.exit_code}: {checked.stderr[-300:]}"
        return TestVerdict("checker failed", detail, run.cpu_s, Outcome.JUDGE_FAILED)
    return _compared(run, checked.exit_code == 0)


def _compared(run: Run, right: bool) -> TestVerdict:
    return TestVerdict("passed" if right else "wrong answer", "" if right else run.stdout[:200], run.cpu_s)


def _ended(run: Run) -> TestVerdict:
    detail = run.stderr.strip()[:300] if run.end is End.COMPILE_ERROR else run.stderr.strip()[-300:]
    scored_by = Outcome.SCORED if run.end.is_verdict else Outcome.INFRA_FAILED
    return TestVerdict(run.end.replace("_", " "), detail, run.cpu_s, scored_by)


async def _run_unit_tests(box: Sandbox, language: str, code: str, cases: UnitTests, limits: Limits) -> TestVerdict:
    if find_language(language).name != "python":
        raise SandboxUnavailable(f"unit tests run in Python only, not in {language}: use a whole program's tests")
    if box not in _TRIED:
        # What goes wrong in a model's program is then not the driver's own doing.
        specimen = UnitTests("assert f(1) == 2")
        tried = await _drive(box, "def f(x):\n    return x + 1\n", specimen, _LIMITS)
        if tried.scored_by is not Outcome.SCORED:
            return tried
        _TRIED[box] = "" if tried.passed else f"{tried.verdict}: {tried.detail}"
    if _TRIED[box]:
        raise SandboxUnavailable(f"unit tests do not work in {box.description.name}: {_TRIED[box]}")
    return await _drive(box, code, cases, limits)


async def _drive(box: Sandbox, code: str, cases: UnitTests, limits: Limits) -> TestVerdict:
    nonce = secrets.token_hex(16)
    order = {"nonce": nonce, "code": cases.before + code, "tests": cases.source, "entry_point": cases.entry_point}
    run = await box.run(Program("python", _driver(), json.dumps(order), limits))
    if run.end not in (End.EXITED, End.RUNTIME_ERROR):
        return _ended(run)
    *_, last = run.stdout.splitlines() or [""]
    if run.end is End.EXITED and last == f"{nonce} passed":
        return TestVerdict("passed", "", run.cpu_s)
    word, _, detail = last.partition(": ")
    if word == f"{nonce} broken":
        return TestVerdict("tests broken", detail[:300], run.cpu_s, Outcome.JUDGE_FAILED)
    if word in ("wrong answer", "runtime error", "compile error"):
        return TestVerdict(word, detail[:300], run.cpu_s)
    return TestVerdict("exited early", f"exit code {run.exit_code}: {run.stderr[-200:]}", run.cpu_s)


@cache
def _driver() -> str:
    """The program that runs unit tests inside the sandbox."""
    return (files("assay.sandbox") / "unit_driver.py").read_text("utf-8")


def same_lines(expected: str, output: str) -> bool:
    """The same lines, white space at their ends and empty lines at the end set aside."""
    return _lines(expected) == _lines(output)


def same_words(expected: str, output: str) -> bool:
    """The same words in the same order, however they are spaced."""
    return expected.split() == output.split()


def close_numbers(tolerance: float) -> Compare:
    """The same words, numbers being the same within a tolerance, absolute or relative."""

    def compare(expected: str, output: str) -> bool:
        wanted, given = expected.split(), output.split()
        return len(wanted) == len(given) and all(map(same, wanted, given))

    def same(wanted: str, given: str) -> bool:
        if wanted == given:
            return True
        if not (_DECIMAL.fullmatch(wanted) and _DECIMAL.fullmatch(given)):
            return False
        one, other = float(wanted), float(given)
        return abs(one - other) <= tolerance * max(1.0, abs(one))

    return compare


_DECIMAL = re.compile(r"[+-]?(?:[0-9]{1,400}(?:\.[0-9]{0,400})?|\.[0-9]{1,400})(?:[eE][+-]?[0-9]{1,4})?")


def _lines(text: str) -> list[str]:
    lines = [line.rstrip() for line in text.splitlines()]
    while lines and not lines[-1]:
        lines.pop()
    return lines
