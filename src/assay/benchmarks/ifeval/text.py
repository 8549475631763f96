"""Words, sentences and paragraphs, as IFEval counts them.

The owners count sentences with a trained splitter; this one goes by punctuation and a few abbreviations, and
differs from it where text is irregular. As theirs, it does not take the end of a line for the end of a sentence.
All patterns are linear in the text.
"""

from __future__ import annotations

import re

_WORD = re.compile(r"\w+")
_TOKEN = re.compile(r"[^\W_]+(?:[.'’-][^\W_]+)*")
_END = re.compile(r"[.!?…]{1,50}[\"'”’)\]*_]{0,10}(?=\s|\Z)|[。！？]{1,50}")
_LAST_WORD = re.compile(r"\S{1,20}\Z")
_LIST_NUMBER = re.compile(r"(?:\A|\n)[ \t]{0,20}(?:\d{1,3}|[A-Za-z])\Z")
_TITLES = frozenset(
    ("mr", "mrs", "ms", "dr", "prof", "st", "mt", "rev", "gen", "sen", "capt", "lt", "sgt", "vs", "fig")
)
_SHORT = frozenset(
    ("e.g", "i.e", "etc", "a.m", "p.m", "u.s", "u.k", "inc", "ltd", "co", "corp", "jr", "sr", "ph.d", "al")
)


def count_words(text: str) -> int:
    """Runs of letters, digits and underscores: ``don't`` is two."""
    return len(_WORD.findall(text))


def count_capital_words(text: str) -> int:
    """Words all of whose letters are capital; ``I`` and ``U.S`` are such words."""
    return sum(word.isupper() for word in _TOKEN.findall(text))


def count_sentences(text: str) -> int:
    """Sentences: what ends in a mark of its own, and what remains after the last one if it holds a word."""
    count, start = 0, 0
    for end in _END.finditer(text):
        if end[0].startswith(".") and not end[0].startswith("..") and not _closes(text, start, end):
            continue
        count += bool(_WORD.search(text, start, end.start()))
        start = end.end()
    return count + bool(_WORD.search(text, start))


def _closes(text: str, start: int, end: re.Match[str]) -> bool:
    """Whether a full stop ends a sentence, and not an abbreviation, an initial or the number of a list's entry."""
    before = text[max(start, end.start() - 40) : end.start()]
    if _LIST_NUMBER.search(before):
        return False
    found = _LAST_WORD.search(before)
    word = found[0].lstrip("(\"'“‘*_").casefold() if found else ""
    following = text[end.end() : end.end() + 10].lstrip()
    if not following:
        return True
    if word in _TITLES:
        return False
    if word in _SHORT:
        return following[0].isupper()
    return not (len(word) == 1 and word.isalpha() and word != "i" and following[0].isupper())


def starred_paragraphs(text: str) -> list[str] | None:
    """Paragraphs parted by ``***``; ``None`` where one between two others is empty."""
    return _parts(re.split(r"\s?\*\*\*\s?", text))


def two_answers(text: str) -> list[str] | None:
    """Answers parted by ``******``; ``None`` where one between two others is empty."""
    return _parts(text.split("******"))


def _parts(pieces: list[str]) -> list[str] | None:
    if any(not piece.strip() for piece in pieces[1:-1]):
        return None
    return [piece for piece in pieces if piece.strip()]


def first_word(paragraph: str) -> str:
    """A paragraph's first word in small letters, up to punctuation and without the quotation mark before it."""
    words = paragraph.split(maxsplit=1)
    return re.split(r"[.,?!'\"]", words[0].lstrip("'").lstrip('"'), maxsplit=1)[0].lower() if words else ""
