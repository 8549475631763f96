"""The owners' tables: one CSV file for each of three nested sets of questions.

Each row has the right answer and three wrong ones in columns of their own. The order in which a model sees them is
drawn from the record's id and a seed, so that it depends neither on the set nor on the row's place in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Literal

from msgspec import Struct, field

from assay.benchmarks.supergpqa.locate import read_table

Subset = Literal["main", "diamond", "extended"]

SOURCE = "https://github.com/idavidrein/gpqa"
LETTERS = "ABCD"
QUESTIONS: dict[Subset, int] = {"main": 448, "diamond": 198, "extended": 546}


class Record(Struct, frozen=True):
    """A row of a table."""

    id: str = field(name="Record ID")
    question: str = field(name="Question")
    right: str = field(name="Correct Answer")
    wrong_1: str = field(name="Incorrect Answer 1")
    wrong_2: str = field(name="Incorrect Answer 2")
    wrong_3: str = field(name="Incorrect Answer 3")
    domain: str = field(name="High-level domain", default="")
    subdomain: str = field(name="Subdomain", default="")

    @property
    def answers(self) -> tuple[str, ...]:
        """All four answers, the right one first."""
        return tuple(answer.strip() for answer in (self.right, self.wrong_1, self.wrong_2, self.wrong_3))


def tables(subset: Subset) -> tuple[str, ...]:
    """The files that may hold a set."""
    return tuple(f"{folder}gpqa_{subset}.{kind}" for kind in ("csv", "parquet", "jsonl") for folder in ("", "dataset/"))


def read_records(path: Path) -> Iterator[Record]:
    """Stream a table. Raises ``DatasetMalformed`` with file and line."""
    seen: set[str] = set()
    for file, number, record in read_table(path, Record):
        if record.id in seen:
            raise file.malformed(number, f"record {record.id} stands in an earlier row too")
        seen.add(record.id)
        if not record.question.strip() or not all(record.answers):
            raise file.malformed(number, f"record {record.id} lacks its question or one of its four answers")
        yield record


def shuffled(record: Record, seed: int) -> tuple[tuple[str, ...], str]:
    """The four answers in the order that is shown, and the letter of the right one."""
    order = sorted(range(len(LETTERS)), key=lambda at: sha256(f"{seed}\0{record.id}\0{at}".encode()).digest())
    return tuple(record.answers[at] for at in order), LETTERS[order.index(0)]
