"""SuperGPQA as a task: 26,529 questions with up to ten options, in 13 disciplines, 72 fields and 285 subfields."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from assay.benchmarks.files import digest_files
from assay.benchmarks.registry import benchmark
from assay.benchmarks.supergpqa.data import SOURCE, TABLES, Question, is_answerable, read_questions
from assay.benchmarks.supergpqa.locate import owners_table
from assay.benchmarks.supergpqa.prompts import (
    LAYOUTS,
    WORDINGS,
    Prompts,
    Setting,
    Variant,
    block,
    find_prompts,
    variants,
)
from assay.benchmarks.supergpqa.score import official_scorer, reference, robust_scorer
from assay.benchmarks.supergpqa.taxonomy import take_census
from assay.errors import UsageError
from assay.protocols import plain_completion, single_question
from assay.records import DatasetInfo, Metric, Outcome, Sample, Sampling
from assay.task import RowMap, Task

_VERSION = "1"
_OWN_PROMPTS = (
    "instructions are our own, with the structure of the owners': their config/prompt/*.yaml are not beside the data"
)


@benchmark("supergpqa", "SuperGPQA: graduate knowledge and reasoning over 285 subfields, up to ten options")
def supergpqa(
    data: Path | None = None,
    setting: Setting = "zero-shot",
    wording: int | None = None,
    layout: int | None = None,
    offline: bool = False,
) -> Task:
    """Build the task.

    Args:
        data: The owners' files: their table, a folder with it, or a checkout of their repository.
        setting: ``zero-shot`` and ``zero-shot-with-subfield`` for chat models, ``five-shot`` for base models, whose
            prompt is continued, ``robustness`` for variants of the zero-shot prompt.
        wording: In the robustness setting, one of the four instructions, 0 to 3; all of them unless given.
        layout: In the robustness setting, one of the six layouts, 0 to 5; all of them unless given.
        offline: Without a local copy the task scores stored rows but has no samples.
    """
    chosen = _chosen(setting, wording, layout)
    table = owners_table("supergpqa", data, TABLES, f"{SOURCE}, folder data", offline=offline)
    prompts = find_prompts(table, setting)
    census = take_census(table) if table else None
    own = prompts.own and table is not None  # stored rows were asked with prompts of their own

    def samples() -> Iterable[Sample]:
        return _samples(table, prompts, chosen) if table else ()

    params = {"setting": setting, "wording": wording, "layout": layout}
    return Task(
        name="supergpqa",
        version=f"{_VERSION}-own-prompts" if own else _VERSION,
        samples=samples,
        protocol=plain_completion if setting == "five-shot" else single_question,
        scorers={"official": official_scorer(few_shot=setting == "five-shot"), "robust": robust_scorer},
        mode="official",
        metrics=_metrics(several=len(chosen) > 1),
        sampling=Sampling(max_tokens=4096, temperature=0.0),
        dataset=DatasetInfo(
            source=str(table) if table else SOURCE,
            digest=digest_files((table, *prompts.files)) if table else None,
            licence="ODC-BY-1.0",
            notes=(*(census.notes if census else ()), *((_OWN_PROMPTS,) if own else ())),
        ),
        params={name: value for name, value in params.items() if value is not None},
        cluster="uuid" if len(chosen) > 1 else None,
        size=census.questions * max(1, len(chosen)) if census else None,
        rows=RowMap(
            sample_id=lambda row: str(row["uuid"]),
            target=lambda row: row.get("answer_letter"),
            sample=_row_sample,
        ),
        reference=reference,
    )


def _chosen(setting: Setting, wording: int | None, layout: int | None) -> Sequence[Variant]:
    """The variants of the robustness setting; none in the others."""
    if setting != "robustness":
        if wording is not None or layout is not None:
            raise UsageError("supergpqa: wording and layout are of -t setting=robustness")
        return ()
    for name, value, known in (("wording", wording, WORDINGS), ("layout", layout, LAYOUTS)):
        if value is not None and value not in known:
            raise UsageError(f"supergpqa: {name}={value} will not do: 0 to {known[-1]}")
    return variants(wording, layout)


def _metrics(*, several: bool) -> tuple[Metric, ...]:
    """The owners' table: four accuracies, overall and by difficulty, and what was missing."""
    found = [Metric("accuracy")]
    found += [Metric(f"{key} accuracy", kind="macro", over=key) for key in ("subfield", "field", "discipline")]
    found += [
        msgspec.structs.replace(metric, name=f"{metric.name} by difficulty", by="difficulty") for metric in tuple(found)
    ]
    found.append(Metric("accuracy by discipline", by="discipline"))
    if several:
        found += [Metric(f"accuracy by {key}", by=key) for key in ("variant", "wording", "layout")]
    replies = tuple(outcome for outcome in Outcome if outcome is not Outcome.JUDGE_FAILED)
    found.append(Metric("miss rate", value="miss", denominator=replies, better="lower"))
    found.append(Metric("error rate", value="error", denominator=replies, absent=1.0, better="lower"))
    return tuple(found)


def _samples(table: Path, prompts: Prompts, chosen: Sequence[Variant]) -> Iterator[Sample]:
    for question in read_questions(table):
        for variant in chosen or (None,):
            yield _sample(question, prompts.render(question, variant), variant, named=len(chosen) > 1)


def _sample(question: Question, prompt: str, variant: Variant | None = None, *, named: bool = False) -> Sample:
    metadata: dict[str, Any] = {
        "question": question.question,
        "discipline": question.discipline,
        "field": question.field_path,
        "subfield": question.subfield_path,
        "difficulty": question.difficulty,
        "is_calculation": question.is_calculation,
    }
    if variant is not None:
        metadata |= {
            "uuid": question.uuid,
            "variant": str(variant),
            "wording": variant.wording,
            "layout": variant.layout,
        }
    return Sample(
        id=f"{question.uuid}/{variant}" if named else question.uuid,
        input=prompt,
        target=question.answer_letter,
        choices=question.options,
        metadata=metadata,
    )


def _row_sample(row: Mapping[str, Any]) -> Sample | None:
    """The owners' result rows hold the whole question and, unless told otherwise, the prompt."""
    try:
        question = msgspec.convert(row, Question, strict=False)
    except msgspec.ValidationError:
        return None
    if not is_answerable(question):
        return None
    prompt = row.get("prompt")
    return _sample(question, prompt if isinstance(prompt, str) else block(question))
