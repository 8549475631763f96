"""The owners' tables: the questions of the test split, and the worked examples of the validation split.

Both are Parquet on the hub, or JSON Lines. Questions with fewer than ten options were padded with "N/A", which is
taken away again, as the owners' code does. A row that is not as it should be is named.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from assay.benchmarks.supergpqa.locate import beside, read_table

SOURCE = "https://github.com/TIGER-AI-Lab/MMLU-Pro"
LETTERS = "ABCDEFGHIJ"
TABLES = (
    "test-00000-of-00001.parquet",
    "data/test-00000-of-00001.parquet",
    "test.parquet",
    "test.jsonl",
    "items.parquet",
    "items.jsonl",
)
QUESTIONS = 12_032
_EXAMPLES = ("validation-00000-of-00001.parquet", "validation.parquet", "validation.jsonl")
_PROMPTS = ("cot_prompt_lib/initial_prompt.txt", "initial_prompt.txt")
_PADDING = "N/A"


class Question(Struct, frozen=True):
    """A row of a table."""

    question_id: int
    question: str
    options: tuple[str, ...]
    answer: str
    category: str
    answer_index: int | None = None
    src: str = ""
    cot_content: str = ""
    """The worked solution (validation split only)."""

    @property
    def is_answerable(self) -> bool:
        """Whether there are at most ten options, and the right one is among them."""
        letters = LETTERS[: len(self.options)]
        at = letters.find(self.answer) if len(self.answer) == 1 else -1
        return len(self.options) <= len(LETTERS) and at >= 0 and self.answer_index in (None, at)


def without_padding(question: Question) -> Question:
    """The question with its real options only."""
    options = tuple(option for option in question.options if option != _PADDING)
    return msgspec.structs.replace(question, options=options)


def read_questions(path: Path) -> Iterator[Question]:
    """Stream a table. Raises ``DatasetMalformed`` with file and line (or row)."""
    seen: set[int] = set()
    for file, number, padded in read_table(path, Question):
        question = without_padding(padded)
        if question.question_id in seen:
            raise file.malformed(number, f"question_id {question.question_id} stands in an earlier row too")
        seen.add(question.question_id)
        if not question.is_answerable or question.options != padded.options[: len(question.options)]:
            raise file.malformed(number, f"answer {question.answer!r} is not the letter of one of the options")
        yield question


def examples_file(table: Path) -> Path | None:
    """The validation split beside the test split."""
    return beside(table, (*_EXAMPLES, *(f"data/{name}" for name in _EXAMPLES)))


def introduction_file(table: Path) -> Path | None:
    """The owners' introduction of the five-shot prompt."""
    return beside(table, _PROMPTS)
