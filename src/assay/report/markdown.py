"""Sections as Markdown, for a pull request or a notebook; figures lie beside it as SVG files.

Markdown passes HTML through and makes links of what looks like one, so that text is escaped here as
strictly as for a page of HTML. Transcripts are fenced with more backticks than they hold.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from assay.errors import StorageFailed
from assay.report.sections import Block, Figure, Heading, Paragraph, Section, Table, Transcript
from assay.report.text import one_line, visible

_SPECIAL = re.compile(r"([\\`*_{}\[\]#!|~$]|:(?=//)|^[-+=])")
_NUMBERED = re.compile(r"^(\d+)([.)])")
_DARK = (
    "<style>@media (prefers-color-scheme: dark) "
    '{text[fill="#000"]{fill:#e4e7eb}[stroke="#ddd"]{stroke:#353b43}}</style>'
)
_FENCES = re.compile(r"`+")


def write_markdown(path: Path, title: str, sections: Sequence[Section]) -> None:
    """Write a report as Markdown, its figures into ``NAME-figures`` beside it. Raises ``StorageFailed``."""
    folder = path.with_name(f"{path.stem}-figures")
    figures: list[Figure] = []
    text = render(title, sections, figures, folder.name)
    try:
        path.write_text(text, "utf-8")
        if figures:
            folder.mkdir(exist_ok=True)
        for number, figure in enumerate(figures, 1):
            (folder / f"{number}.svg").write_text(adaptive_svg(figure.svg), "utf-8")
    except OSError as error:
        raise StorageFailed(f"cannot write the report {path}: {error.strerror}") from None


def render(title: str, sections: Sequence[Section], figures: list[Figure], folder: str) -> str:
    """A report as Markdown; its figures are appended to ``figures`` and linked as ``folder/1.svg`` and so on."""
    parts = [f"# {plain_text(title)}"]
    for section in sections:
        parts.append(f"## {plain_text(section.title)}")
        parts += [_block(block, figures, folder) for block in section.blocks]
    return "\n\n".join(parts) + "\n"


def plain_text(text: str) -> str:
    """A text on one line in which Markdown sees nothing but text."""
    line = one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _NUMBERED.sub(r"\1\\\2", _SPECIAL.sub(r"\\\1", line))


def _block(block: Block, figures: list[Figure], folder: str) -> str:
    match block:
        case Heading():
            return f"### {plain_text(block.text)}"
        case Paragraph():
            return plain_text(block.text)
        case Table():
            return _table(block)
        case Figure():
            figures.append(block)
            return f"![{plain_text(block.caption)}](<{folder}/{len(figures)}.svg>)\n\n*{plain_text(block.caption)}*"
        case Transcript():
            return "\n\n".join(
                [
                    f"### {plain_text(block.title)}",
                    *(f"**{plain_text(t.speaker)}**\n\n{fenced(t.text)}" for t in block.turns),
                ]
            )


def _table(table: Table) -> str:
    rows = [
        [plain_text(column.name) for column in table.columns],
        ["---:" if column.numeric else ":---" for column in table.columns],
        *([plain_text(cell) for cell in row] for row in table.rows),
    ]
    lines = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    return f"{plain_text(table.caption)}\n\n{lines}" if table.caption else lines


def fenced(text: str) -> str:
    """A text in a fence that nothing in it can close."""
    shown = visible(text)
    longest = max((len(run) for run in _FENCES.findall(shown)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{shown}\n{fence}"


def adaptive_svg(svg: str) -> str:
    """The drawing with a style of its own for dark pages, which cannot reach into it."""
    end = svg.index(">") + 1
    return svg[:end] + _DARK + svg[end:]
