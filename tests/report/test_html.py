"""Nothing that a model writes can become more than text on the page."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import StorageFailed
from assay.report.html import render, write_report
from assay.report.sections import Column, Figure, Heading, Paragraph, Section, Table, Transcript, Turn
from assay.report.text import one_line, visible

SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"><g><path d="M0,0h9"/></g></svg>'

HOSTILE = [
    "<script>alert(1)</script>",
    "</pre></dd></dl></details><img src=https://evil.example/x onerror=alert(1)>",
    '"\' onmouseover=alert(1) x="',
    "</title></style><style>@import url(https://evil.example)</style>",
    "<!-- --!> ]]> &lt;script&gt; &#60;b&#62;",
    "price \u202e000,1\u202c and \u2066isolated\u2069",
    "nul \x00 escape \x1b[31m bell \x07 c1 \x9b31m",
    "lone \ud800 and \udfff surrogates",
    "tags \U000e0041\U000e0042 and zero\u200bwidth\ufeff",
]


class Seen(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def page(text: str) -> str:
    """A report with the text in every place that takes one."""
    blocks = (
        Heading(text),
        Paragraph(text),
        Table((Column(text), Column("n", numeric=True)), ((text, "1"),), caption=text),
        Figure(SVG, caption=text),
        Transcript(text, (Turn(text, text),)),
    )
    return render(text, [Section(text, blocks)])


BENIGN = Seen(page("benign"))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text: str) -> None:
    seen = Seen(page(text))
    assert seen.tags == BENIGN.tags
    assert [name for name, _ in seen.attributes] == [name for name, _ in BENIGN.attributes]
    assert seen.text.count(visible(text)) == BENIGN.text.count("benign")


@given(st.text(st.characters(exclude_categories=()), min_size=1, max_size=40))
def test_any_text_leaves_the_page_as_it_was(text: str) -> None:
    written = page(text)
    written.encode("utf-8")
    assert Seen(written).tags == BENIGN.tags
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069\ud800-\udfff]", written)


def test_what_cannot_be_seen_is_named() -> None:
    assert visible("a\x00b\u202ec\ud800d\te\nf") == "a␀b⟨U+202E⟩c⟨U+D800⟩d\te\nf"
    assert visible("naïve 日本語 العربية 👩‍🔬") == "naïve 日本語 العربية 👩‍🔬"
    assert one_line(" a\n\tb\r\n") == "a b␍"


def test_the_page_loads_nothing_and_forbids_scripts() -> None:
    written = page("see https://example.org/ and http://localhost:8000")
    seen = Seen(written)
    assert "script" not in seen.tags
    assert "link" not in seen.tags
    links = [
        value for name, value in seen.attributes if name in ("src", "href", "xlink:href", "action", "data", "srcset")
    ]
    assert links == ["#s0"]
    assert "@import" not in written
    assert "url(" not in written
    assert any(name == "content" and "default-src 'none'" in (value or "") for name, value in seen.attributes)


@pytest.mark.parametrize(
    "damage",
    [
        lambda svg: svg.replace("<g>", "<g><script>alert(1)</script>"),
        lambda svg: svg.replace("<path", '<path onload="alert(1)"'),
        lambda svg: svg.replace("<path", '<path style="fill:red"'),
        lambda svg: svg.replace("<path", '<path fill="url(https://evil.example)"'),
        lambda svg: svg.replace("<g>", '<g><image href="https://evil.example"/>'),
        lambda svg: svg.replace("<g>", "<g><foreignObject/>"),
    ],
)
def test_a_drawing_that_holds_more_than_shapes_is_refused(damage: Callable[[str], str]) -> None:
    render("t", [Section("s", (Figure(SVG, "c"),))])
    with pytest.raises(ValueError, match="no report may"):
        render("t", [Section("s", (Figure(damage(SVG), "c"),))])


def test_a_report_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    write_report(tmp_path / "r.html", "t", [])
    assert (tmp_path / "r.html").read_text("utf-8").startswith("<!doctype html>")
    with pytest.raises(StorageFailed, match="cannot write the report"):
        write_report(tmp_path / "none" / "r.html", "t", [])
