"""The user's own multiple-choice questions as a task."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from assay.benchmarks.mcq import prompts
from assay.benchmarks.mcq.data import Row, UserFile, text_of, texts_of
from assay.benchmarks.mcq.user_task import user_task
from assay.benchmarks.registry import benchmark
from assay.records import Sample
from assay.scoring.choice import LETTERS, choice_scorer
from assay.task import Task

AnswerIs = Literal["letter", "index", "text"]
_FIELDS = frozenset(("id", "question", "choices", "options", "answer"))


@benchmark("mcq", "your own multiple-choice questions, from JSONL, CSV or Parquet")
def mcq(
    data: Path | None = None,
    file: str | None = None,
    shots: int = 0,
    completion: bool = False,
    answer_is: AnswerIs | None = None,
    by: str | None = None,
    cluster: str | None = None,
    offline: bool = False,
) -> Task:
    """Multiple-choice questions from a file of the user's.

    Args:
        data: The file, or the folder that holds it.
        file: Its name, where the folder holds several.
        shots: The first so many rows become worked examples and are not asked.
        completion: Have the model continue plain text (for base models) instead of chatting.
        answer_is: What the column ``answer`` holds, where its values alone do not tell.
        by: A column to break accuracy down by, in place of ``category``.
        cluster: A column whose rows share a source and are not independent.
        offline: Give a task without samples where there is no data.
    """
    return user_task(
        "mcq",
        data,
        lambda source: read_samples(source, shots, completion, answer_is),
        choice_scorer(),
        offline=offline,
        file=file,
        shots=shots,
        completion=completion,
        by=by,
        cluster=cluster,
        answer_is=answer_is,
    )


def read_samples(
    source: UserFile, shots: int = 0, completion: bool = False, answer_is: AnswerIs | None = None
) -> Iterator[Sample]:
    """Stream the samples of a file. Raises ``DatasetMalformed`` with file and line."""
    ids, rows, examples = source.ids(), source.rows(), ""
    for number, row in islice(rows, shots):
        ids.of(number, row)
        question, options, letter = _question(source, number, row, answer_is)
        examples += prompts.example(question, options, letter)
    render = prompts.completion if completion else prompts.chat
    for number, row in rows:
        question, options, letter = _question(source, number, row, answer_is)
        metadata = {key: value for key, value in row.items() if key not in _FIELDS}
        metadata["question"] = question
        yield Sample(ids.of(number, row), render(question, options, examples), letter, tuple(options), metadata)


def _question(source: UserFile, number: int, row: Row, answer_is: AnswerIs | None) -> tuple[str, Sequence[str], str]:
    """A row's question, its options and the letter of the right one."""
    question = row.get("question")
    if not isinstance(question, str) or not question.strip():
        raise source.malformed(number, "no question")
    given = row.get("choices")
    options = texts_of(row.get("options") if given is None else given)
    if options is None or not 2 <= len(options) <= len(LETTERS):
        raise source.malformed(number, f"choices (or options) must be a list of 2 to {len(LETTERS)} texts")
    answer = row.get("answer")
    readings = _readings(answer, options)
    if answer_is is not None:
        readings = {kind: found for kind, found in readings.items() if kind == answer_is}
    named = {at for found in readings.values() for at in found}
    if len(named) == 1:
        return question, options, LETTERS[named.pop()]
    if not named:
        what = answer_is or "letter, index (from 0) or text"
        raise source.malformed(number, f"answer {answer!r} is not the {what} of an option")
    means = ", ".join(f"as {kind} {LETTERS[at]}" for kind, found in readings.items() for at in found)
    raise source.malformed(number, f"answer {answer!r} is ambiguous ({means}): say which with -t answer_is=KIND")


def _readings(answer: Any, options: Sequence[str]) -> dict[str, list[int]]:
    """The options that an answer can mean, by the way in which it is read."""
    text = (text_of(answer) or "").strip()
    readings = {"text": [at for at, option in enumerate(options) if option.strip() == text]}
    if len(text) == 1 and 0 <= (at := LETTERS.find(text.upper())) < len(options):
        readings["letter"] = [at]
    if len(text) <= 2 and text.isdecimal() and int(text) < len(options):
        readings["index"] = [int(text)]
    return readings
