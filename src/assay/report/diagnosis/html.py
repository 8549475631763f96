"""A diagnosis as one HTML file that needs nothing else: no script, no font, no request.

The invariant is that of ``report.html``: no text reaches the page but escaped and with its unseen characters
named, drawings pass a list of allowed elements, links lead to anchors of the same page, and the page's own policy
forbids scripts and loads should any of this ever fail.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from importlib.resources import files

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
from assay.report.html import document, safe_drawing, safe_text
from assay.report.sections import Figure


def render(title: str, chapters: Sequence[Chapter]) -> str:
    """The page."""
    style = "\n".join(
        (files("assay.report") / name).read_text("utf-8") for name in ("style.css", "diagnosis/style.css")
    )
    links = "".join(f'<li><a href="#{_id(c.anchor)}">{safe_text(c.title)}</a></li>' for c in chapters)
    body = "".join(
        f'<section id="{_id(chapter.anchor)}"><h2>{safe_text(chapter.title)}</h2>'
        f"{''.join(map(_block, chapter.blocks))}</section>\n"
        for chapter in chapters
    )
    return document(title, style, links, body)


def _id(anchor: str) -> str:
    return escape(anchor)


def _line(line: Line) -> str:
    return "".join(map(_piece, line))


def _piece(piece: str | Link | Strong) -> str:
    match piece:
        case Link(text, to):
            return f'<a href="#{_id(to)}">{safe_text(text)}</a>'
        case Strong(text):
            return f"<strong>{safe_text(text)}</strong>"
        case str():
            return safe_text(piece)


def _block(block: Block) -> str:
    match block:
        case Heading(text):
            return f"<h3>{safe_text(text)}</h3>"
        case Paragraph(line, note):
            return f"<p{' class=note' if note else ''}>{_line(line)}</p>"
        case Listing(items):
            return f"<ol>{''.join(f'<li>{_line(item)}</li>' for item in items)}</ol>"
        case Grid():
            return _grid(block)
        case Card(anchor, title, blocks):
            mark = f' id="{_id(anchor)}"' if anchor else ""
            return f"<article{mark}><header>{_line(title)}</header>{''.join(map(_block, blocks))}</article>"
        case Quote(anchor, transcript):
            turns = "".join(
                f"<dt>{safe_text(turn.speaker)}</dt><dd><pre>{safe_text(turn.text)}</pre></dd>"
                for turn in transcript.turns
            )
            summary = f"<summary>{safe_text(transcript.title)}</summary>"
            return f'<details id="{_id(anchor)}">{summary}<dl>{turns}</dl></details>'
        case Fold(title, blocks):
            return f"<details><summary>{safe_text(title)}</summary>{''.join(map(_block, blocks))}</details>"
        case Figure(svg, caption):
            drawing = f'<div class="wide">{safe_drawing(svg, caption)}</div>'
            return f"<figure>{drawing}<figcaption>{safe_text(caption)}</figcaption></figure>"


def _grid(grid: Grid) -> str:
    marks = [' class="n"' if column.numeric else "" for column in grid.columns]
    head = "".join(f"<th{mark}>{safe_text(column.name)}</th>" for mark, column in zip(marks, grid.columns, strict=True))
    caption = f"<caption>{safe_text(grid.caption)}</caption>" if grid.caption else ""
    body = "".join(_row(row, marks) for row in grid.rows)
    return f'<div class="wide"><table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _row(row: Row, marks: Sequence[str]) -> str:
    mark = f' id="{_id(row.anchor)}"' if row.anchor else ""
    cells = "".join(f"<td{cell_mark}>{_line(cell)}</td>" for cell_mark, cell in zip(marks, row.cells, strict=True))
    return f"<tr{mark}>{cells}</tr>"
