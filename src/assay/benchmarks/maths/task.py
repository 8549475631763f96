"""MATH, GSM8K, AIME and BeyondAIME as tasks.

The four differ in where their files come from, how they ask, and by which rules they are judged; the rest
is one function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Literal

from assay.benchmarks.fetch import fetch
from assay.benchmarks.maths import prompts
from assay.benchmarks.maths.data import (
    Copy,
    aime_copy,
    beyond_aime_copy,
    gsm8k_copy,
    local_copy,
    math_copy,
    not_found,
)
from assay.benchmarks.maths.score import (
    boxed_scorer,
    gsm8k_official_scorer,
    gsm8k_robust_scorer,
    integer_robust_scorer,
    integer_scorer,
)
from assay.benchmarks.registry import benchmark
from assay.errors import DatasetNotFound
from assay.places import cache_dir
from assay.protocols import single_question
from assay.records import DatasetInfo, Metric, Sample
from assay.scoring.maths import maths_scorer, require_math_verify
from assay.task import Scorer, Task

Year = Literal["2024", "2025", "2026"]

REPEATS = 32
"""Attempts at each problem of AIME and BeyondAIME: the sets are small, and avg@32 is the usual figure (arXiv
2504.13914)."""
_GSM8K_ADDRESS = "https://raw.githubusercontent.com/openai/grade-school-math/master/grade_school_math/data/"
_GSM8K_FILES = {"test.jsonl": "3730d312f6e3440559ace48831e51066acaca737f6eabec99bccb9e4b3c39d14"}
_PAPER_SIZE = 15


@benchmark("math", summary="MATH and MATH-500: competition problems in seven subjects and five levels")
def math(
    data: Path | None = None, file: str | None = None, split: Literal["test", "train"] = "test", offline: bool = False
) -> Task:
    """MATH, or a selection of it such as MATH-500.

    Args:
        data: The owners' folder with a JSON file a problem, or one JSON Lines, CSV or Parquet file.
        file: Its name, where the folder holds several.
        split: Which part, where the copy has both.
        offline: Give a task without samples where there is no copy.
    """
    place = local_copy("math", data)
    if place is None and not offline:
        raise not_found("math", "MATH-500 (test.jsonl of HuggingFaceH4/MATH-500) or the owners' MATH folder")
    return _task(
        "math",
        math_copy(place, file, split) if place else None,
        ask=prompts.boxed,
        reference=prompts.boxed_reference,
        scorers={
            "robust": maths_scorer("robust"),
            "official": maths_scorer("official"),
            "official-boxed": boxed_scorer,
        },
        by=("subject", "level"),
        licence="MIT",
        params={"split": split},
    )


@benchmark("gsm8k", summary="GSM8K: grade-school word problems")
def gsm8k(data: Path | None = None, file: str | None = None, offline: bool = False) -> Task:
    """GSM8K; the test split is fetched from its owners where there is no copy.

    Args:
        data: The owners' ``test.jsonl``, or the folder that holds it.
        file: The file's name, where it is another one.
        offline: Fetch nothing: give a task without samples where there is no copy.
    """
    place = local_copy("gsm8k", data)
    if place is None and not offline:
        place = cache_dir() / "data" / "gsm8k"
        fetch("gsm8k", _GSM8K_ADDRESS, _GSM8K_FILES, place)
    require_math_verify()
    return _task(
        "gsm8k",
        gsm8k_copy(place, file) if place else None,
        ask=prompts.after_hashes,
        reference=prompts.hashes_reference,
        scorers={"robust": gsm8k_robust_scorer, "official": gsm8k_official_scorer},
        licence="MIT",
    )


@benchmark("aime", summary="AIME 2024, 2025, 2026: competition problems with answers from 0 to 999")
def aime(data: Path | None = None, file: str | None = None, subset: Year | None = None, offline: bool = False) -> Task:
    """The American Invitational Mathematics Examination, 30 problems a year.

    Args:
        data: A file of problems, or a folder of such files.
        file: One of them.
        subset: A single year.
        offline: Give a task without samples where there is no copy.
    """
    place = local_copy("aime", data)
    if place is None and not offline:
        raise not_found("aime", "a file of the papers with the columns problem and answer, such as MathArena/aime_2025")
    copy = aime_copy(place, file, subset) if place else None
    notes: tuple[str, ...] = ()
    if copy and subset and (found := sum(1 for _ in copy.read())) != 2 * _PAPER_SIZE:
        if not found:
            raise DatasetNotFound(f"aime: no problem of {subset} in {place}")
        notes = (f"{found} problems of {subset}: a year has {2 * _PAPER_SIZE}",)
    return _task(
        f"aime/{subset}" if subset else "aime",
        copy,
        ask=prompts.boxed_integer,
        reference=prompts.boxed_reference,
        scorers=_integer_scorers(),
        by=() if subset else ("year",),
        epochs=REPEATS,
        notes=notes,
    )


@benchmark("beyondaime", summary="BeyondAIME: 100 problems harder than AIME's, with whole numbers as answers")
def beyondaime(data: Path | None = None, file: str | None = None, offline: bool = False) -> Task:
    """BeyondAIME (arXiv 2504.13914).

    Args:
        data: The owners' Parquet file, its folder, or the same rows as JSON Lines or CSV.
        file: The file's name, where the folder holds several.
        offline: Give a task without samples where there is no copy.
    """
    place = local_copy("beyondaime", data)
    if place is None and not offline:
        raise not_found("beyondaime", "the test split of ByteDance-Seed/BeyondAIME")
    return _task(
        "beyondaime",
        beyond_aime_copy(place, file) if place else None,
        ask=prompts.boxed_integer,
        reference=prompts.boxed_reference,
        scorers=_integer_scorers(),
        epochs=REPEATS,
    )


def _integer_scorers() -> dict[str, Scorer]:
    require_math_verify()
    return {"robust": integer_robust_scorer, "official": integer_scorer, "official-boxed": boxed_scorer}


def _task(
    name: str,
    copy: Copy | None,
    *,
    ask: Callable[[str], str],
    reference: Callable[[Sample], str],
    scorers: Mapping[str, Scorer],
    by: tuple[str, ...] = (),
    epochs: int = 1,
    licence: str | None = None,
    notes: tuple[str, ...] = (),
    params: Mapping[str, str] | None = None,
) -> Task:
    def samples() -> Iterator[Sample]:
        for problem in copy.read() if copy else ():
            metadata = {**problem.tags, "question": problem.question}
            yield Sample(problem.id, ask(problem.question), problem.answer, metadata=metadata)

    # Counting reads a few thousand rows at most, and finds a malformed one before anything is asked.
    return Task(
        name=name,
        version="1",
        samples=samples,
        protocol=single_question,
        scorers=scorers,
        mode="robust",
        metrics=(Metric("accuracy"), *(Metric(f"accuracy by {tag}", by=tag) for tag in by)),
        dataset=DatasetInfo(str(copy.path), copy.digest, licence, notes) if copy else None,
        params=params or {},
        size=sum(1 for _ in copy.read()) if copy else None,
        reference=reference,
        epochs=epochs,
    )
