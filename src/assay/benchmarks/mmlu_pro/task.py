"""MMLU-Pro as a task: 12,032 questions in fourteen categories, most with ten options."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from assay.benchmarks.files import digest_files
from assay.benchmarks.mmlu_pro import prompts
from assay.benchmarks.mmlu_pro.data import (
    QUESTIONS,
    SOURCE,
    TABLES,
    Question,
    examples_file,
    introduction_file,
    read_questions,
    without_padding,
)
from assay.benchmarks.mmlu_pro.score import official_scorer
from assay.benchmarks.registry import benchmark
from assay.benchmarks.supergpqa.locate import owners_table
from assay.errors import DatasetMalformed, DatasetNotFound
from assay.protocols import plain_completion, single_question
from assay.records import DatasetInfo, Metric, Sample, Sampling
from assay.scoring.choice import choice_scorer
from assay.task import RowMap, Task

Setting = Literal["zero-shot", "five-shot", "five-shot-chat"]

_VERSION = "1"
_OWN_INTRODUCTION = "the five-shot prompt's introduction is our own: the owners' cot_prompt_lib is not beside the data"
_OWN_ZERO_SHOT = "the zero-shot prompt is our own: the owners publish a five-shot prompt only"


@benchmark("mmlu_pro", "MMLU-Pro: 12,032 questions in 14 categories, most with ten options")
def mmlu_pro(data: Path | None = None, setting: Setting = "zero-shot", offline: bool = False) -> Task:
    """Build the task.

    Args:
        data: The owners' files: the test split, or a folder that holds it (and for few shots the validation split).
        setting: ``zero-shot`` asks a chat model; ``five-shot`` has a base model continue the owners' prompt, and
            ``five-shot-chat`` puts the same prompt to a chat model.
        offline: Without a local copy the task scores stored rows but has no samples.
    """
    table = owners_table("mmlu_pro", data, TABLES, f"{SOURCE} (hub, folder data)", offline=offline)
    few = setting != "zero-shot"
    examples = _examples(table) if table and few else None
    introduction = introduction_file(table) if table and few else None
    used = [path for path in (table, examples, introduction) if path]
    size = sum(1 for _ in read_questions(table)) if table else None
    own = few and table is not None and introduction is None

    def samples() -> Iterable[Sample]:
        return _samples(table, examples, introduction) if table else ()

    return Task(
        name="mmlu_pro",
        version=f"{_VERSION}-own-prompts" if own else _VERSION,
        samples=samples,
        protocol=plain_completion if setting == "five-shot" else single_question,
        scorers={
            "official": official_scorer(looks=3),
            "official-first": official_scorer(looks=1),
            "robust": choice_scorer(),
        },
        mode="official",
        metrics=(Metric("accuracy"), Metric("accuracy by category", by="category")),
        sampling=Sampling(max_tokens=2048, temperature=0.0, stop=("Question:",) if few else ()),
        dataset=DatasetInfo(
            source=str(table) if table else SOURCE,
            digest=digest_files(used) if used else None,
            licence="Apache-2.0",
            notes=tuple(_notes(size, few=few, own=own)) if table else (),
        ),
        params={"setting": setting},
        size=size,
        rows=RowMap(
            sample_id=lambda row: str(row["question_id"]),
            target=lambda row: row.get("answer"),
            sample=_row_sample,
        ),
        reference=lambda sample: f"The answer is ({sample.target}).",
    )


def _examples(table: Path) -> Path:
    found = examples_file(table)
    if found is None:
        raise DatasetNotFound(
            f"mmlu_pro: no validation split beside {table}, which few shots come from: get it too, or ask zero-shot"
        )
    return found


def _notes(size: int | None, *, few: bool, own: bool) -> Iterator[str]:
    if size is not None and size != QUESTIONS:
        yield f"{size} of the dataset's {QUESTIONS:,} questions"
    if own:
        yield _OWN_INTRODUCTION
    if not few:
        yield _OWN_ZERO_SHOT


def _samples(table: Path, examples: Path | None, introduction: Path | None) -> Iterator[Sample]:
    worked = prompts.by_category(read_questions(examples)) if examples else {}
    opening = introduction.read_text("utf-8") if introduction else prompts.INTRODUCTION
    for question in read_questions(table):
        if examples is None:
            yield _sample(question, prompts.zero_shot(question))
            continue
        shots = worked.get(question.category)
        if not shots or not all(shot.cot_content for shot in shots):
            raise DatasetMalformed(f"{examples}: no worked examples of category {question.category!r}")
        yield _sample(question, prompts.few_shot(opening, shots, question))


def _sample(question: Question, prompt: str) -> Sample:
    return Sample(
        id=str(question.question_id),
        input=prompt,
        target=question.answer,
        choices=question.options,
        metadata={"question": question.question, "category": question.category, "src": question.src},
    )


def _row_sample(row: Mapping[str, Any]) -> Sample | None:
    """The owners' result rows hold the whole question."""
    try:
        question = without_padding(msgspec.convert(row, Question, strict=False))
    except msgspec.ValidationError:
        return None
    return _sample(question, prompts.zero_shot(question)) if question.is_answerable else None
