"""Programs: whether they did not run, ran out of something, or did the wrong thing."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Mapping
from typing import Any

from assay.analyze.scenarios.base import Decision, Derived, Label, Question, Row, Scenario

LONGEST = 50_000
_FENCE = re.compile(r"^\s{0,3}```", re.MULTILINE)
_LOST = frozenset(("wall limit", "failed", "checker not run", "checker failed", "tests broken"))
"""Verdicts that say nothing about the program."""


def tests(row: Row) -> list[Mapping[str, Any]]:
    """What became of each test, as the score's trace has it."""
    found = row.seen.score.trace.get("tests") if row.seen is not None else None
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def verdict(row: Row) -> str | None:
    """How the first failed test failed; ``passed`` where none did, ``None`` where nothing was run."""
    every = [str(one.get("verdict")) for one in tests(row) if one.get("verdict") not in _LOST]
    return next((one for one in every if one != "passed"), "passed") if every else None


def parses(program: str) -> bool | None:
    """Whether a text is a Python program; ``None`` for giant ones. It is parsed, never run."""
    if len(program) > LONGEST:
        return None
    try:
        with warnings.catch_warnings(action="ignore"):
            ast.parse(program)
    except (SyntaxError, ValueError):
        return False
    except (RecursionError, MemoryError):
        return None
    return True


def _python(row: Row) -> bool | None:
    """Whether the program parses, by itself or as the body of a function, where the scorer says that it is Python."""
    if row.seen is None or row.seen.score.answer is None or row.seen.score.trace.get("language") != "python":
        return None
    program = row.seen.score.answer
    return parses(program) or parses(f"def f():\n{program}")


def _passed(row: Row) -> float | None:
    every = tests(row)
    if row.seen is not None and "tests" in row.seen.score.values:
        return row.seen.score.values["tests"]
    return sum(one.get("verdict") == "passed" for one in every) / len(every) if every else None


def _lines(row: Row) -> float | None:
    program = row.case.get("answer")
    return None if not isinstance(program, str) else float(sum(1 for line in program.splitlines() if line.strip()))


def _was(*kinds: str) -> Decision:
    def decide(row: Row) -> bool | None:
        found = verdict(row)
        return None if found is None else found in kinds

    return decide


def _no_program(row: Row) -> bool | None:
    ok = row.case.get("format_ok")
    return None if ok is None else not ok


def _nearly(row: Row) -> bool | None:
    """The share of *run* tests says little where the scorer stops at the first failure."""
    share = row.seen.score.values.get("tests") if row.seen is not None else None
    return None if share is None else 0.5 <= share < 1


CODE = Scenario(
    "code",
    "programs that tests judge",
    (
        Question(
            "Does it not run, run out, or do the wrong thing?",
            ("label:syntax_error", "label:runtime_error", "label:wrong_output", "label:out_of_time"),
        ),
        Question("Is it nearly there?", ("derived:tests_passed", "label:most_tests_passed")),
        Question("Is there a program at all?", ("label:no_program", "derived:code_blocks")),
        Question("Do long programs fail more?", ("derived:program_lines",)),
    ),
    (
        Derived("verdict", "how the first failed test failed", "word", verdict),
        Derived("tests_passed", "share of the tests passed, of those that were run", "share", _passed),
        Derived("parses", "the program is syntactically right", "share", _python),
        Derived("program_lines", "lines of the program", "lines", _lines),
        Derived(
            "code_blocks", "fenced blocks in the reply", "blocks", lambda r: len(_FENCE.findall(r.output)) // 2 * 1.0
        ),
    ),
    (
        Label("syntax_error", "the program is refused before it runs", _was("compile error")),
        Label("runtime_error", "the program crashes or leaves early", _was("runtime error", "exited early")),
        Label("wrong_output", "the program runs and gives the wrong result", _was("wrong answer")),
        Label("out_of_time", "the program takes too long", _was("cpu limit", "asleep")),
        Label(
            "out_of_memory",
            "the program takes too much memory or writes too much",
            _was("memory limit", "output limit"),
        ),
        Label("most_tests_passed", "many of the tests are passed, not all", _nearly),
        Label("no_program", "no program could be found in the reply", _no_program),
        Label("edge_case", "right on ordinary inputs and wrong at a boundary"),
        Label("misread_task", "solves another problem than the one asked"),
        Label("too_slow_algorithm", "right, with a complexity that the limits rule out"),
    ),
    reads_trajectories=True,
)
