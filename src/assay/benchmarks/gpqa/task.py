"""GPQA as a task: biology, physics and chemistry questions written to be out of reach of a web search."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from assay.benchmarks.files import digest_files
from assay.benchmarks.gpqa.data import QUESTIONS, SOURCE, Record, Subset, read_records, shuffled, tables
from assay.benchmarks.gpqa.prompts import zero_shot
from assay.benchmarks.gpqa.score import official_scorer
from assay.benchmarks.registry import benchmark
from assay.benchmarks.supergpqa.locate import owners_table
from assay.protocols import single_question
from assay.records import DatasetInfo, Metric, Sample
from assay.scoring.choice import choice_scorer
from assay.task import Task

_EPOCHS = 8
"""198 questions leave a wide interval, and the field reports the mean of eight attempts."""
_NOTES = (
    "the prompt and the order of the options are our own: the owners publish few-shot baselines and shuffle by row",
    "the owners ask that no example be published in plain text or images, lest models train on it",
)


@benchmark("gpqa", "GPQA: graduate-level science questions that a web search does not answer")
def gpqa(data: Path | None = None, subset: Subset = "diamond", seed: int = 0, offline: bool = False) -> Task:
    """Build the task.

    Args:
        data: The owners' CSV file of the set, or a folder that holds it.
        subset: ``diamond`` (198 questions, on which experts agree), ``main`` (448) or ``extended`` (546).
        seed: Of the order in which options are shown.
        offline: Without a local copy the task scores stored rows but has no samples.
    """
    table = owners_table("gpqa", data, tables(subset), f"{SOURCE} (dataset.zip)", offline=offline)
    size = sum(1 for _ in read_records(table)) if table else None
    part = () if size in (None, QUESTIONS[subset]) else (f"{size} questions, where {subset} has {QUESTIONS[subset]}",)
    return Task(
        name=f"gpqa/{subset}",
        version="1",
        samples=lambda: _samples(table, seed) if table else iter(()),
        protocol=single_question,
        scorers={"official": official_scorer, "robust": choice_scorer()},
        mode="robust",
        metrics=(
            Metric("accuracy"),
            Metric("accuracy by domain", by="domain"),
            Metric("accuracy by subdomain", by="subdomain"),
        ),
        dataset=DatasetInfo(
            source=str(table) if table else SOURCE,
            digest=digest_files([table]) if table else None,
            licence="CC-BY-4.0",
            notes=part + _NOTES,
        ),
        params={"subset": subset, "seed": seed},
        size=size,
        reference=lambda sample: f"The correct answer is ({sample.target})",
        epochs=_EPOCHS,
    )


def _samples(table: Path, seed: int) -> Iterator[Sample]:
    for record in read_records(table):
        yield _sample(record, seed)


def _sample(record: Record, seed: int) -> Sample:
    options, letter = shuffled(record, seed)
    return Sample(
        id=record.id,
        input=zero_shot(record.question, options),
        target=letter,
        choices=options,
        metadata={"question": record.question.strip(), "domain": record.domain, "subdomain": record.subdomain},
    )
