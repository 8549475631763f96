"""A diagnosis as Markdown, its figures as SVG files beside it.

Text is escaped as strictly as for a page of HTML (see ``report.markdown``); anchors are empty ``<a id>`` elements,
which viewers of Markdown keep.
"""

from __future__ import annotations

from collections.abc import Sequence

from assay.report.diagnosis.document import (
    Block,
    Card,
    Chapter,
    Fold,
    Grid,
    Heading,
    Line,
    Link,
    Listing,
    Paragraph,
    Quote,
    Row,
    Strong,
)
from assay.report.markdown import fenced, plain_text
from assay.report.sections import Figure


def render(title: str, chapters: Sequence[Chapter], figures: list[Figure], folder: str) -> str:
    """The document; its figures are appended to ``figures`` and linked as ``folder/1.svg`` and so on."""
    parts = [f"# {plain_text(title)}"]
    parts.append("\n".join(f"- [{plain_text(chapter.title)}](#{chapter.anchor})" for chapter in chapters))
    for chapter in chapters:
        parts.append(f"{_anchor(chapter.anchor)}\n\n## {plain_text(chapter.title)}")
        parts += [_block(block, figures, folder) for block in chapter.blocks]
    return "\n\n".join(parts) + "\n"


def _anchor(name: str) -> str:
    return f'<a id="{name}"></a>' if name else ""


def _line(line: Line) -> str:
    return "".join(map(_piece, line))


def _piece(piece: str | Link | Strong) -> str:
    match piece:
        case Link(text, to):
            return f"[{_spaced(text)}](#{to})"
        case Strong(text):
            return f"**{plain_text(text)}**"
        case str():
            return _spaced(piece)


def _spaced(text: str) -> str:
    """Escaped text that keeps the space at its ends, by which it is set apart from its neighbours."""
    before, after = (" " if text[:1].isspace() else ""), (" " if text[-1:].isspace() else "")
    return f"{before}{plain_text(text)}{after}" if text.strip() else " "


def _block(block: Block, figures: list[Figure], folder: str) -> str:
    match block:
        case Heading(text):
            return f"### {plain_text(text)}"
        case Paragraph(line):
            return _line(line).strip()
        case Listing(items):
            return "\n".join(f"{n}. {_line(item)}" for n, item in enumerate(items, 1))
        case Grid():
            return _grid(block)
        case Card(anchor, title, blocks):
            inside = "\n\n".join(_block(one, figures, folder) for one in blocks)
            return f"{_anchor(anchor)}{_line(title)}\n\n{inside}\n\n---"
        case Quote(anchor, transcript):
            turns = "\n\n".join(f"**{plain_text(turn.speaker)}**\n\n{fenced(turn.text)}" for turn in transcript.turns)
            return f"{_anchor(anchor)}\n\n### {plain_text(transcript.title)}\n\n{turns}"
        case Fold(title, blocks):
            return "\n\n".join((f"### {plain_text(title)}", *(_block(one, figures, folder) for one in blocks)))
        case Figure():
            figures.append(block)
            return f"![{plain_text(block.caption)}](<{folder}/{len(figures)}.svg>)\n\n*{plain_text(block.caption)}*"


def _grid(grid: Grid) -> str:
    head = "| " + " | ".join(plain_text(column.name) or " " for column in grid.columns) + " |"
    rule = "| " + " | ".join("---:" if column.numeric else ":---" for column in grid.columns) + " |"
    lines = "\n".join((head, rule, *map(_row, grid.rows)))
    return f"{plain_text(grid.caption)}\n\n{lines}" if grid.caption else lines


def _row(row: Row) -> str:
    first, *rest = map(_line, row.cells)
    return "| " + " | ".join((_anchor(row.anchor) + first, *rest)) + " |"
