r"""Finding the answer that a reply commits to: ``[[...]]``, ``\boxed{...}``, "Answer: ...", "the answer is ...".

The *last* one counts, since a model may change its mind, and the kinds are tried in that order: a reply
that was asked for double brackets and uses them means them. What was found says by which pattern, where
it stands, and how many others of its kind said something else.

Brackets are matched as brackets: ``[[1, 2], [3, 4]]`` is one answer with two lists in it, and
``[[a[1]]]`` is the answer ``a[1]``. All scans are linear in the text and bounded in memory.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable

from msgspec import Struct


class Found(Struct, frozen=True):
    """An answer set apart in a reply."""

    text: str
    """What stands inside, trimmed."""
    span: tuple[int, int]
    """Where in the reply it stands, marks included."""
    pattern: str
    """``double brackets``, ``double brackets, unbalanced``, ``boxed``, ``answer line`` or ``answer sentence``."""
    competitors: int = 0
    """Others of the same pattern with another content (among the last 256)."""


_DEPTH = 64
"""Opening brackets that may wait for their partner; older ones are given up, which bounds the memory."""
_KEPT = 256
_BOXED_REACH = 4000

_BRACKET_RUNS = re.compile(r"\[+|\]+")
_BOXED = re.compile(r"\\(?:boxed|fbox)\s{0,4}\{")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_ANSWER_LINE = re.compile(
    r"^[ \t>*_#-]{0,12}(?:the )?(?:final |correct )?(?:answer|result)(?: is)?[ *_]{0,4}[:：]\s{0,4}([^\n]{1,2000})",
    re.IGNORECASE | re.MULTILINE,
)
_ANSWER_SENTENCE = re.compile(
    r"\banswer is(?: option)?[ :*_]{1,8}([^\n]{1,300}?)(?=[.!]?(?:\*{0,2})(?:\n|\Z)|[.!]\s)", re.IGNORECASE
)
_NO_ANSWER = re.compile(r"[\s.…_]*\Z")
"""Nothing, or the dots of a placeholder such as ``[[...]]``."""


def find_answer(text: str) -> Found | None:
    """The answer of a reply, its thinking split off.

    Double brackets, else boxed, else an answer line, else a sentence that says what the answer is.
    """
    return last_bracketed(text) or last_boxed(text) or last_answer_line(text) or last_answer_sentence(text)


def last_bracketed(text: str) -> Found | None:
    """The last ``[[...]]``, brackets inside matched; empty ones and ``[[...]]`` itself do not count.

    Where no pair is balanced (``[[ 3 [ 5 ]]``), the text between the last ``]]`` and the ``[[`` before it.
    """
    if "[[" not in text:
        return None
    found = _last([(_inside(text, *span), span) for span in _groups(text)], "double brackets")
    if found:
        return found
    end = text.rfind("]]")
    start = text.rfind("[[", 0, max(end, 0))
    content = text[start + 2 : end].strip() if start >= 0 else ""
    if _NO_ANSWER.match(content):
        return None
    return Found(content, (start, end + 2), "double brackets, unbalanced")


def last_boxed(text: str) -> Found | None:
    r"""The last ``\boxed{...}`` or ``\fbox{...}`` with balanced braces."""
    boxes = [
        (text[start.end() : end], (start.start(), end + 1))
        for start in deque(_BOXED.finditer(text), _KEPT)
        if (end := _closing_brace(text, start.end())) is not None
    ]
    return _last(boxes, "boxed")


def last_answer_line(text: str) -> Found | None:
    """The last line that begins with "Answer:" or the like; its markup is taken off."""
    lines = [(line[1].strip(" \t\r*_`."), line.span()) for line in deque(_ANSWER_LINE.finditer(text), _KEPT)]
    return _last(lines, "answer line")


def last_answer_sentence(text: str) -> Found | None:
    """What the last "the answer is ..." says, up to the end of its sentence."""
    said = [(found[1].strip(" \t\r*_`"), found.span()) for found in deque(_ANSWER_SENTENCE.finditer(text), _KEPT)]
    return _last(said, "answer sentence")


def _last(candidates: Iterable[tuple[str, tuple[int, int]]], pattern: str) -> Found | None:
    real = [(content.strip(), span) for content, span in candidates if not _NO_ANSWER.match(content)]
    if not real:
        return None
    content, span = real[-1]
    return Found(content, span, pattern, sum(other != content for other, _ in real))


def _groups(text: str) -> Iterable[tuple[int, int]]:
    """Spans of balanced bracket groups that begin with ``[[`` and end with ``]]``, outermost only."""
    waiting: deque[int] = deque(maxlen=_DEPTH)
    groups: deque[tuple[int, int]] = deque(maxlen=_KEPT)
    for run in _BRACKET_RUNS.finditer(text):
        start, end = run.span()
        if text[start] == "[":
            waiting.extend(range(max(start, end - _DEPTH), end))
            continue
        for close in range(start, end):
            if not waiting:
                break
            opening = waiting.pop()
            if text[opening + 1] == "[" and _ends_in_bracket(text, close):
                while groups and groups[-1][0] > opening:
                    groups.pop()
                groups.append((opening, close + 1))
    return groups


def _ends_in_bracket(text: str, close: int) -> bool:
    """Whether the bracket at ``close`` follows another, with at most a line break and its indent between."""
    return text[max(0, close - 12) : close].rstrip().endswith("]")


def _inside(text: str, start: int, end: int) -> str:
    """The content of a group: without its second pair of brackets where that spans all of it."""
    inner = text[start + 1 : end - 1].strip()
    depth = 0
    for bracket in _BRACKET_RUNS.finditer(inner):
        depth += len(bracket[0]) if bracket[0][0] == "[" else -len(bracket[0])
        if depth <= 0:
            return inner[1:-1] if bracket.end() == len(inner) and depth == 0 else inner
    return inner


def _closing_brace(text: str, start: int) -> int | None:
    depth = 1
    for brace in _BRACE.finditer(text, start, start + _BOXED_REACH):
        depth += {"{": 1, "}": -1}.get(brace[0], 0)
        if not depth:
            return brace.start()
    return None
