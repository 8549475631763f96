"""Problems in the manner of Codeforces: statements, tests and, where several outputs are right, checkers.

The columns are those of the public collections of such problems. A checker is a Python program in one of two
forms: ``generated_checker`` is called with three files (input, right output, output) and prints 1 for
right, or 100; ``checker`` reads JSON as ``scoring.code.ProgramChecker`` says. Checkers run in the sandbox, as
the programs do. Without one, outputs are compared word by word.

What cannot be judged is left out and counted: problems that talk back, that read a file, or without tests.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from assay.benchmarks.mcq.data import UserFile, open_file
from assay.errors import DatasetNotFound, UsageError
from assay.scoring.code import ProgramChecker, StdioTest, StdioTests, same_words

_BAND = 400


class Example(Struct, frozen=True):
    """What goes in and what comes out."""

    input: str
    output: str


class Problem(Struct, frozen=True):
    """A problem of a contest."""

    description: str | None
    id: str = ""
    contest_id: str | int = ""
    index: str = ""
    title: str | None = ""
    contest_name: str | None = None
    contest_start: int | float | None = None
    """Unix time."""
    input_format: str | None = None
    output_format: str | None = None
    interaction_format: str | None = None
    note: str | None = None
    examples: list[Example] | None = None
    time_limit: float | None = None
    """Seconds."""
    memory_limit: float | None = None
    """Megabytes."""
    rating: int | float | None = None
    input_mode: str | None = None
    official_tests: list[Example] | None = None
    official_tests_complete: bool | None = None
    generated_checker: str | None = None
    checker: str | None = None

    @property
    def name(self) -> str:
        """``1933/B``."""
        return self.id or f"{self.contest_id}/{self.index}"

    @property
    def contest(self) -> str:
        """The contest's id."""
        return str(self.contest_id) or self.name.partition("/")[0]

    @property
    def day(self) -> str | None:
        """The contest's day, as ``2024-02-18``."""
        if self.contest_start is None:
            return None
        return datetime.fromtimestamp(self.contest_start, UTC).date().isoformat()

    @property
    def rating_band(self) -> str | None:
        """``1200-1599``."""
        if not self.rating:
            return None
        low = int(self.rating) // _BAND * _BAND
        return f"{low}-{low + _BAND - 1}"


def files(place: Path, file: str | None) -> list[UserFile]:
    """The files of a copy: one, or all the shards of the test split, or all that there are."""
    if place.is_file() or file is not None:
        return [open_file("codeforces", place, file)]
    paths = sorted(path for path in place.iterdir() if path.suffix in (".jsonl", ".parquet"))
    paths = [path for path in paths if path.stem.partition("-")[0] == "test"] or paths
    if not paths:
        raise DatasetNotFound(f"codeforces: {place} holds no .jsonl or .parquet file")
    return [open_file("codeforces", path, None) for path in paths]


def unfit(problem: Problem) -> str | None:
    """Why a problem cannot be judged; ``None`` where it can."""
    if problem.interaction_format:
        return "interactive"
    if problem.input_mode not in (None, "", "stdio"):
        return "reading a file"
    if not problem.official_tests:
        return "without tests"
    return None if problem.description else "without a statement"


def choose_contests(problems: Iterable[Problem], contests: tuple[str, ...], latest: int | None) -> frozenset[str]:
    """The contests named, or the latest so many; all where neither is asked for. Raises ``UsageError``."""
    starts: dict[str, float] = {}
    for problem in problems:
        starts.setdefault(problem.contest, problem.contest_start or 0.0)
    if unknown := [contest for contest in contests if contest not in starts]:
        raise UsageError(f"codeforces: no contest {unknown[0]} in the data")
    chosen = list(contests or starts)
    if latest is not None:
        if not all(starts[contest] for contest in chosen):
            raise UsageError("codeforces: latest needs the column contest_start, a Unix time")
        chosen = sorted(chosen, key=lambda contest: starts[contest])[-latest:]
    return frozenset(chosen)


def notes(left_out: Counter[str], partly: int) -> tuple[str, ...]:
    """What a reader of the numbers should know of the problems."""
    said = [f"{count} problems {why} are left out" for why, count in sorted(left_out.items())]
    if partly:
        said.append(f"of {partly} problems the data holds only a part of the tests: a pass there may be none")
    return tuple(said)


def tests_of(problem: Problem) -> StdioTests:
    """A problem's tests with the way to compare."""
    tests = tuple(StdioTest(test.input, test.output) for test in problem.official_tests or ())
    if problem.checker:
        return StdioTests(tests, ProgramChecker("python", problem.checker))
    if problem.generated_checker:
        return StdioTests(tests, ProgramChecker("python", _with_files(problem.generated_checker)))
    return StdioTests(tests, same_words)


_WITH_FILES = """
import contextlib, io, json, pathlib, sys, tempfile
case = json.load(sys.stdin)
folder = pathlib.Path(tempfile.mkdtemp())
paths = []
for key, name in (("input", "input.txt"), ("expected", "correct_output.txt"), ("output", "solution_output.txt")):
    (folder / name).write_text(case[key])
    paths.append(str(folder / name))
sys.argv = ["checker.py", *paths]
said = io.StringIO()
with contextlib.redirect_stdout(said):
    try:
        exec(compile({source!r}, "checker.py", "exec"), {{"__name__": "__main__"}})
    except SystemExit:
        pass
points = float(said.getvalue().split()[0])
sys.exit(0 if points in (1, 100) else 1)
"""
"""Run in the sandbox only. A checker that says nothing fails, which is no verdict on the program."""


def _with_files(checker: str) -> str:
    return _WITH_FILES.format(source=checker)
