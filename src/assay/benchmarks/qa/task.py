"""The user's own short-answer questions as a task."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from assay.benchmarks.mcq.data import Row, UserFile, text_of, texts_of
from assay.benchmarks.mcq.user_task import user_task
from assay.benchmarks.qa import prompts
from assay.benchmarks.registry import benchmark
from assay.records import Sample
from assay.scoring.short_answer import short_answer_scorer
from assay.task import Task

_FIELDS = frozenset(("id", "question", "answer", "answers"))


@benchmark("qa", "your own short-answer questions, from JSONL, CSV or Parquet")
def qa(
    data: Path | None = None,
    file: str | None = None,
    shots: int = 0,
    completion: bool = False,
    by: str | None = None,
    cluster: str | None = None,
    offline: bool = False,
) -> Task:
    """Questions with short answers from a file of the user's.

    Args:
        data: The file, or the folder that holds it.
        file: Its name, where the folder holds several.
        shots: The first so many rows become worked examples and are not asked.
        completion: Have the model continue plain text (for base models) instead of chatting.
        by: A column to break accuracy down by, in place of ``category``.
        cluster: A column whose rows share a source and are not independent.
        offline: Give a task without samples where there is no data.
    """
    return user_task(
        "qa",
        data,
        lambda source: read_samples(source, shots, completion),
        short_answer_scorer(),
        offline=offline,
        file=file,
        shots=shots,
        completion=completion,
        by=by,
        cluster=cluster,
    )


def read_samples(source: UserFile, shots: int = 0, completion: bool = False) -> Iterator[Sample]:
    """Stream the samples of a file. Raises ``DatasetMalformed`` with file and line."""
    ids, rows, examples = source.ids(), source.rows(), ""
    for number, row in islice(rows, shots):
        ids.of(number, row)
        question, answers = _question(source, number, row)
        examples += prompts.example(question, answers[0])
    render = prompts.completion if completion else prompts.chat
    for number, row in rows:
        question, answers = _question(source, number, row)
        metadata = {key: value for key, value in row.items() if key not in _FIELDS}
        metadata["question"] = question
        target = answers[0] if len(answers) == 1 else answers
        yield Sample(ids.of(number, row), render(question, examples), target, metadata=metadata)


def _question(source: UserFile, number: int, row: Row) -> tuple[str, tuple[str, ...]]:
    """A row's question and the answers that are right."""
    question = row.get("question")
    if not isinstance(question, str) or not question.strip():
        raise source.malformed(number, "no question")
    given = row.get("answers")
    given = row.get("answer") if given is None else given
    text = text_of(given)
    several = texts_of(given)
    answers = tuple(several) if several is not None else (text,) if text is not None else ()
    if not answers or not all(map(str.strip, answers)):
        raise source.malformed(number, "answer (or answers) must be a text, a number or a list of them")
    return question, answers
