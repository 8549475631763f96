"""What a diagnosis consists of, as plain data: texts whose numbers know where their evidence stands.

As in ``sections``, texts are as they came and making them safe is the renderer's duty. What is new here is the
link: a text piece that leads to an anchor of the same page. The invariant: anchors are made here from counters,
never from anything that a model or an analyst wrote.
"""

from __future__ import annotations

from msgspec import Struct

from assay.report.sections import Column, Figure, Transcript


class Link(Struct, frozen=True):
    """A piece of text that leads to an anchor."""

    text: str
    to: str


class Strong(Struct, frozen=True):
    """A piece of text that stands out."""

    text: str


Line = tuple[str | Link | Strong, ...]
"""Text in pieces."""


class Heading(Struct, frozen=True):
    """A heading inside a chapter."""

    text: str


class Paragraph(Struct, frozen=True):
    """A paragraph; ``note`` sets it small."""

    line: Line
    note: bool = False


class Listing(Struct, frozen=True):
    """An ordered list."""

    items: tuple[Line, ...]


class Row(Struct, frozen=True):
    """A row of a grid, to which links may lead."""

    cells: tuple[Line, ...]
    anchor: str = ""


class Grid(Struct, frozen=True):
    """A table."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    caption: str = ""


class Card(Struct, frozen=True):
    """Blocks that belong together, such as a finding."""

    anchor: str
    title: Line
    blocks: tuple[Block, ...]


class Quote(Struct, frozen=True):
    """Something said word for word, folded."""

    anchor: str
    transcript: Transcript


class Fold(Struct, frozen=True):
    """Blocks that are shown on demand."""

    title: str
    blocks: tuple[Block, ...]


Block = Heading | Paragraph | Listing | Grid | Card | Quote | Fold | Figure


class Chapter(Struct, frozen=True):
    """A chapter; ``anchor`` is unique in the document."""

    anchor: str
    title: str
    blocks: tuple[Block, ...]


def said(*pieces: str | Link | Strong) -> Paragraph:
    """A paragraph of these pieces."""
    return Paragraph(pieces)


def note(*pieces: str | Link | Strong) -> Paragraph:
    """A small paragraph of these pieces."""
    return Paragraph(pieces, note=True)
