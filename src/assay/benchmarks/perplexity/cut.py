"""Cutting a corpus into samples of equal size, each byte of it in exactly one.

A sample is one or more pieces, each with the text before it in the same document. The corpus is cut at
equal numbers of bytes, moved forward to the end of a word (or of 32 characters without a space), so that
samples are equal to within that: their mean is then the corpus' own, whatever the documents' lengths.
Documents are streamed by the line; no more than a sample and its context is in memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

_UNIT = re.compile(r"\s{0,16}\S{1,32}|\s{1,16}")
"""A word with the space before it: what a cut does not divide. Tokens seldom reach across its ends."""

LONGEST = 192
"""Bytes of the longest unit. Samples no shorter than this are never cut twice in one."""


class Line(NamedTuple):
    """A line of a document, its end included, or any other part of one."""

    starts: bool
    """Whether a document begins here."""
    text: str


class Piece(NamedTuple):
    """A text to score, and the text before it."""

    context: str
    """Empty where a document begins."""
    text: str


class Extent(NamedTuple):
    """How much there is."""

    bytes: int
    words: int


def extent(lines: Iterable[Line]) -> Extent:
    """Count the bytes and the words (what white space sets apart) of a corpus."""
    size = words = 0
    for line in lines:
        size += len(line.text.encode())
        words += len(line.text.split())
    return Extent(size, words)


def cut(lines: Iterable[Line], size: int, samples: int, context: int) -> Iterator[tuple[Piece, ...]]:
    """Cut a corpus of ``size`` bytes into ``samples`` samples, each at least ``LONGEST`` bytes.

    A piece comes with up to ``context`` characters of what stands before it in its document.
    """
    pieces: list[Piece] = []
    before, text = "", ""
    done, made = 0, 0
    for starts, unit in _units(lines):
        if starts:
            if text:
                pieces.append(Piece(before, text))
            before, text = "", ""
        text += unit
        done += len(unit.encode())
        if done * samples >= (made + 1) * size:
            yield (*pieces, Piece(before, text))
            made += 1
            pieces = []
            before, text = _tail(before + text, context), ""
    assert not text, "the whole of a corpus has been cut by its last byte"


def _units(lines: Iterable[Line]) -> Iterator[tuple[bool, str]]:
    """(Whether a document begins, unit): what stands between two words, line ends too, goes with the second."""
    starts, space = False, ""
    for line in lines:
        if line.starts:
            yield from ((starts, unit) for unit in _UNIT.findall(space))
            starts, space = True, ""
        text = space + line.text
        words = text.rstrip()
        space = text[len(words) :]
        for unit in _UNIT.findall(words):
            yield starts, unit
            starts = False
    yield from ((starts, unit) for unit in _UNIT.findall(space))


def _tail(text: str, length: int) -> str:
    """The last ``length`` characters, less the word that this cuts."""
    if len(text) <= length:
        return text
    tail = text[len(text) - length :]
    return tail[found.start() :] if (found := re.search(r"\s", tail)) else tail
