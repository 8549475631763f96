"""Sections as one HTML file that needs nothing else: no script, no font, no request.

The invariant: no text reaches the page but through ``safe_text``, drawings pass a list of allowed elements
and attributes, and the page's own policy forbids scripts and loads should either ever fail.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from xml.etree import ElementTree

from assay.errors import StorageFailed
from assay.report.sections import Block, Figure, Heading, Paragraph, Section, Table, Transcript
from assay.report.text import visible

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

_SVG = "{http://www.w3.org/2000/svg}"
_ELEMENTS = frozenset({"svg", "g", "path", "line", "rect", "text", "tspan", "title", "desc", "defs", "clipPath"})


def write_report(path: Path, title: str, sections: Sequence[Section]) -> None:
    """Write a report as one HTML file. Raises ``StorageFailed``."""
    try:
        path.write_text(render(title, sections), "utf-8")
    except OSError as error:
        raise StorageFailed(f"cannot write the report {path}: {error.strerror}") from None


def render(title: str, sections: Sequence[Section]) -> str:
    """A report as an HTML document."""
    style = (files("assay.report") / "style.css").read_text("utf-8")
    links = "".join(f'<li><a href="#s{n}">{safe_text(s.title)}</a></li>' for n, s in enumerate(sections))
    body = "".join(
        f'<section id="s{n}"><h2>{safe_text(section.title)}</h2>{"".join(map(_block, section.blocks))}</section>\n'
        for n, section in enumerate(sections)
    )
    return document(title, style, links, body)


def document(title: str, style: str, links: str, body: str) -> str:
    """A page that loads nothing and runs nothing; ``links`` and ``body`` are HTML already."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{safe_text(title)}</title><style>\n{style}</style></head>\n"
        f"<body><main><h1>{safe_text(title)}</h1><nav><ul>{links}</ul></nav>\n{body}</main></body></html>\n"
    )


def safe_text(text: str) -> str:
    """A text as it may stand in a page: escaped, control characters made visible."""
    return escape(visible(text))


def _block(block: Block) -> str:
    match block:
        case Heading(text):
            return f"<h3>{safe_text(text)}</h3>"
        case Paragraph(text):
            return f"<p>{safe_text(text)}</p>"
        case Table():
            return _table(block)
        case Figure(svg, caption):
            drawing = f'<div class="wide">{safe_drawing(svg, caption)}</div>'
            return f"<figure>{drawing}<figcaption>{safe_text(caption)}</figcaption></figure>"
        case Transcript(title, turns):
            said = "".join(
                f"<dt>{safe_text(turn.speaker)}</dt><dd><pre>{safe_text(turn.text)}</pre></dd>" for turn in turns
            )
            return f"<details><summary>{safe_text(title)}</summary><dl>{said}</dl></details>"


def _table(table: Table) -> str:
    marks = [' class="n"' if column.numeric else "" for column in table.columns]
    head = "".join(
        f"<th{mark}>{safe_text(column.name)}</th>" for mark, column in zip(marks, table.columns, strict=True)
    )
    body = "".join(
        "<tr>" + "".join(f"<td{mark}>{safe_text(cell)}</td>" for mark, cell in zip(marks, row, strict=True)) + "</tr>"
        for row in table.rows
    )
    caption = f"<caption>{safe_text(table.caption)}</caption>" if table.caption else ""
    return f'<div class="wide"><table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def safe_drawing(svg: str, caption: str) -> str:
    """The drawing without its namespaces, refused if it holds anything but shapes and text."""
    root = ElementTree.fromstring(svg)  # noqa: S314 - of our own making; the parser limits entity expansion
    for element in root.iter():
        element.tag = element.tag.removeprefix(_SVG)
        if element.tag not in _ELEMENTS:
            raise ValueError(f"a figure holds an element <{element.tag}>, which no report may")
        for name, value in element.attrib.items():
            if name.startswith("aria-"):
                continue
            if name.startswith("on") or "href" in name or "url(" in value or name in ("id", "style"):
                raise ValueError(f"a figure holds an attribute {name}={value!r}, which no report may")
    root.set("role", "img")
    root.set("aria-label", visible(caption))
    return ElementTree.tostring(root, encoding="unicode")
