"""Markdown that says what was meant, read back by a CommonMark parser that lets HTML through."""

from __future__ import annotations

from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from assay.report.markdown import render, write_markdown
from assay.report.sections import Column, Figure, Heading, Paragraph, Section, Table, Transcript, Turn
from tests.report.test_html import HOSTILE, SVG, Seen

MORE = [
    "a | b \\| c",
    "[click](javascript:alert(1)) ![x](https://evil.example/beacon.png) <https://evil.example>",
    "``` closes ```` and ````` opens\n`````\n# not a heading",
    "1. no list",
    "- no list",
    "**bold** _it_ ~~gone~~ # ## `code` $x$ &amp; <b>",
]


def parsed(text: str) -> Seen:
    """The report with the text everywhere, rendered to HTML."""
    blocks = (
        Heading(text),
        Paragraph(text),
        Table((Column(text), Column("n", numeric=True)), ((text, "1"),), caption=text),
        Transcript(text, (Turn(text, text),)),
    )
    markdown = render(text, [Section(text, blocks)], [], "figures")
    return Seen(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(markdown))


@pytest.mark.parametrize("text", [*HOSTILE, *MORE])
def test_hostile_text_stays_text(text: str) -> None:
    seen, benign = parsed(text), parsed("benign")
    assert seen.tags == benign.tags
    assert seen.attributes == benign.attributes


def test_text_reads_as_it_was_written() -> None:
    for text in MORE[3:]:
        assert parsed(text).text.count(text) == parsed("benign").text.count("benign")


def test_figures_lie_beside_the_text(tmp_path: Path) -> None:
    sections = [Section("s", (Figure(SVG, "first"), Figure(SVG, "second")))]
    write_markdown(tmp_path / "report.md", "t", sections)
    seen = Seen(MarkdownIt().render((tmp_path / "report.md").read_text("utf-8")))
    sources = [value for name, value in seen.attributes if name == "src"]
    assert sources == ["report-figures/1.svg", "report-figures/2.svg"]
    for source in sources:
        svg = (tmp_path / str(source)).read_text("utf-8")
        assert svg.startswith("<svg")
        assert "prefers-color-scheme: dark" in svg
