"""What a report consists of, as plain data: who composes it does not know how it will be rendered.

All texts are as they came, whoever wrote them; making them safe is the renderer's duty and never the
composer's, so that it cannot be forgotten in one place.
"""

from __future__ import annotations

from msgspec import Struct


class Heading(Struct, frozen=True, tag="heading"):
    """A heading inside a section."""

    text: str


class Paragraph(Struct, frozen=True, tag="paragraph"):
    """A paragraph of plain text."""

    text: str


class Column(Struct, frozen=True):
    """A table's column."""

    name: str
    numeric: bool = False
    """Set flush right, in figures of equal width."""


class Table(Struct, frozen=True, tag="table"):
    """A table; a cell without a value holds an empty string."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""


class Figure(Struct, frozen=True, tag="figure"):
    """A drawing."""

    svg: str
    caption: str
    """What is shown and what the whiskers are; also read aloud in place of the drawing."""


class Turn(Struct, frozen=True):
    """One piece of a transcript."""

    speaker: str
    text: str


class Transcript(Struct, frozen=True, tag="transcript"):
    """A conversation word for word."""

    title: str
    turns: tuple[Turn, ...]


Block = Heading | Paragraph | Table | Figure | Transcript


class Section(Struct, frozen=True):
    """A chapter of a report."""

    title: str
    blocks: tuple[Block, ...]
