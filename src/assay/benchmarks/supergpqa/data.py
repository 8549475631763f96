"""The owners' table of questions: where it lies, and its rows.

One JSON object a line (``SuperGPQA-all.jsonl``), or the same fields as Parquet. A row that is not as it should be
is named.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from msgspec import Struct

from assay.benchmarks.supergpqa.locate import read_table
from assay.scoring.cascade_supergpqa import LETTERS

SOURCE = "https://github.com/SuperGPQA/SuperGPQA"
TABLES = (
    "SuperGPQA-all.jsonl",
    "data/SuperGPQA-all.jsonl",
    "SuperGPQA-all.parquet",
    "data/train-00000-of-00001.parquet",
    "train-00000-of-00001.parquet",
)
FIXED = frozenset(
    {"36871e48ae0d4d39856959e1e2658011", "05e0a5d1cf864357839f43957b532a18", "5bf332f9abf54f4191a73e0df2c1c140"}
)
"""Questions that the owners corrected on 2025-04-30."""


class Question(Struct, frozen=True):
    """A row of the table."""

    uuid: str
    question: str
    options: tuple[str, ...]
    answer_letter: str
    discipline: str
    field: str
    subfield: str
    difficulty: Literal["easy", "middle", "hard"]
    is_calculation: bool | None = None

    @property
    def field_path(self) -> str:
        """The field within its discipline: names recur (Education/Education)."""
        return f"{self.discipline}/{self.field}"

    @property
    def subfield_path(self) -> str:
        """The subfield within its field and discipline."""
        return f"{self.field_path}/{self.subfield}"


def is_answerable(question: Question) -> bool:
    """Whether there are two to ten options, and the right one is among them."""
    options = len(question.options)
    return 2 <= options <= len(LETTERS) and question.answer_letter in tuple(LETTERS[:options])


def read_questions(path: Path) -> Iterator[Question]:
    """Stream the table. Raises ``DatasetMalformed`` with file and line."""
    seen: set[str] = set()
    for file, number, question in read_table(path, Question):
        if question.uuid in seen:
            raise file.malformed(number, f"uuid {question.uuid} stands in an earlier row too")
        seen.add(question.uuid)
        if not is_answerable(question):
            found = f"answer_letter {question.answer_letter!r} with {len(question.options)} options"
            raise file.malformed(number, f"{found}: expected 2 to {len(LETTERS)} options and the letter of one")
        yield question
