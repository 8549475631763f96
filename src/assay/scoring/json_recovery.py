"""JSON out of a reply that was asked for JSON and wrote something near it.

Judges write their verdict between fences with or without a tag, with prose before and behind, with
single quotes, trailing or missing commas, ``True``, comments, typographic quotes or a bare line break in
a string. ``values_in`` finds every object and array that stands in a text and reads each with one
tolerant parser; strict JSON is the special case in which nothing had to be mended, and what was mended
is said. It never chooses between two values that differ: that is the caller's business, who knows
what a verdict is.

The text is hostile. Nothing is evaluated; depth, digits, length and the number of tries are bounded, and
each try is one pass without regular expressions that could backtrack.
"""

from __future__ import annotations

import re
from math import isinf
from typing import Any

from msgspec import Struct


class JsonValue(Struct, frozen=True):
    """An object or array found in a text."""

    value: Any
    span: tuple[int, int]
    """Where in the text it stands."""
    mended: tuple[str, ...] = ()
    """What had to be mended to read it, each kind once; empty for strict JSON."""


_REACH = 200_000
"""Only so many characters at the end of a text are looked at: a verdict stands there."""
_TRIES = 256
_EFFORT = 600_000
"""Characters read in all, over all tries."""
_DEPTH = 40
_CLOSING = {'"': '"', "'": "'", "“": "”", "‘": "’", "`": "`"}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_WORDS = {"true": True, "false": False, "null": None, "none": None}
_SPACE = re.compile(r"[\s\ufeff\u200b]*")
_WORD = re.compile(r"[^\W\d]\w{0,63}")
_NUMBER = re.compile(r"[+-]?(?:\d{1,60}(?:\.\d{0,60})?|\.\d{1,60})(?:[eE][+-]?\d{1,3})?(?![\w.])")
_STRICT_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?\Z")
_BARE_TEXT = re.compile(r"[^,}\]{\[\n\"]{1,200}")
_NEXT_KEY = re.compile(r"\s{1,40}[\"'“][^\"'“”\n]{1,64}[\"'”]\s{0,8}[:：]")
_HEX = re.compile(r"[0-9a-fA-F]{4}")


def values_in(text: str) -> list[JsonValue]:
    """Every outermost object and array in a text, in order; what cannot be read even with mending is skipped.

    Python's set and tuple notation is not JSON and is not read; ``NaN`` and ``Infinity`` are no values. Of
    a key given twice with different values nothing is guessed: such an object is skipped.
    """
    start = max(0, len(text) - _REACH)
    found: list[JsonValue] = []
    tries, effort = 0, 0
    while tries < _TRIES and effort < _EFFORT:
        start = _next_opening(text, start)
        if start < 0:
            break
        tries += 1
        reader = _Reader(text, start)
        try:
            value = reader.value(0)
        except _NotJson:
            effort += reader.furthest - start + 1
            # the members of a value that breaks off are not to be taken for values of their own
            start = reader.furthest if reader.members else start + 1
            continue
        effort += reader.at - start
        if not reader.broken and value not in ({}, []):  # `[]` and `{}` in prose or code are no verdict
            found.append(JsonValue(value, (start, reader.at), tuple(reader.mended)))
        start = reader.at
    return found


def objects_in(text: str, key: str) -> list[JsonValue]:
    """The objects that have a ``key``, wherever they stand, also inside other values; outermost first.

    A list of one object, or an object wrapped in another, is therefore read as the object itself.
    """
    hits: list[JsonValue] = []
    for found in values_in(text):
        waiting = [found.value]
        while waiting:
            value = waiting.pop()
            if isinstance(value, dict):
                if key in value:
                    hits.append(JsonValue(value, found.span, found.mended))
                else:
                    waiting += reversed(value.values())
            elif isinstance(value, list):
                waiting += reversed(value)
    return hits


def lone(value: Any) -> Any:
    """What is left of a value when lists of a single element are opened: ``[[0.5]]`` is 0.5."""
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value


def _next_opening(text: str, start: int) -> int:
    places = [at for at in (text.find("{", start), text.find("[", start)) if at >= 0]
    return min(places, default=-1)


class _NotJson(Exception):
    """Not readable as JSON from here."""


class _Reader:
    """One tolerant pass over a text from an opening bracket."""

    def __init__(self, text: str, at: int) -> None:
        self.text = text
        self.at = at
        self.furthest = at
        self.members = 0
        """Members read to their end, of whatever value."""
        self.broken = False
        """Whether a value was seen that is none, or a key twice with different values."""
        self.mended: dict[str, None] = {}

    def value(self, depth: int) -> Any:
        if depth > _DEPTH:
            raise _NotJson
        match self._peek():
            case "{":
                return self._object(depth)
            case "[":
                return self._array(depth)
            case mark if mark in _CLOSING:
                return self._string()
            case _:
                return self._bare()

    def _object(self, depth: int) -> dict[str, Any]:
        self.at += 1
        members: dict[str, Any] = {}
        while not self._closed("}"):
            key = self._key()
            if self._peek() not in (":", "："):
                raise _NotJson
            self._mend(self.text[self.at] == "：", "full-width marks")
            self.at += 1
            value = self.value(depth + 1)
            self.broken |= key in members and members[key] != value
            members[key] = value
            self.members += 1
            self._comma("}")
        return members

    def _array(self, depth: int) -> list[Any]:
        self.at += 1
        items: list[Any] = []
        while not self._closed("]"):
            items.append(self.value(depth + 1))
            self.members += 1
            self._comma("]")
        return items

    def _key(self) -> str:
        if self._peek() in _CLOSING:
            return self._string()
        word = _WORD.match(self.text, self.at)
        if not word:
            raise _NotJson
        self._mend(True, "bare keys")
        self.at = word.end()
        return word[0]

    def _comma(self, closing: str) -> None:
        """Pass the comma between two members, or see the end."""
        mark = self._peek()
        if mark in (",", "，", "、"):
            self._mend(mark != ",", "full-width marks")
            self.at += 1
            if self._peek() == closing:
                self._mend(True, "trailing comma")
        elif mark != closing:
            self._mend(True, "missing comma")

    def _closed(self, closing: str) -> bool:
        if self._peek() != closing:
            return False
        self.at += 1
        return True

    def _string(self) -> str:
        opening = self.text[self.at]
        closing = _CLOSING[opening]
        self._mend(opening != '"', "quotes")
        self.at += 1
        parts: list[str] = []
        while True:
            mark = self._here()
            if mark == "\\":
                parts.append(self._escape())
                continue
            if mark == closing and self._ends_string():
                self.at += 1
                return "".join(parts)
            self._mend(mark == closing, "quotes inside a string")
            self._mend(mark < " ", "bare control characters")
            parts.append(mark)
            self.at += 1

    def _ends_string(self) -> bool:
        """Whether the quote here closes its string: what follows could follow a string."""
        after = _SPACE.match(self.text, self.at + 1)
        end = after.end() if after else self.at + 1
        # another key right behind means that the comma is missing
        return self.text[end : end + 1] in ",，、:：}]" or _NEXT_KEY.match(self.text, self.at + 1) is not None

    def _escape(self) -> str:
        self.at += 1
        mark = self._here()
        self.at += 1
        if mark == "u" and (code := _HEX.match(self.text, self.at)):
            self.at = code.end()
            return self._surrogates(int(code[0], 16))
        if mark in _ESCAPES:
            return _ESCAPES[mark]
        if mark in "\"\\/'":
            return mark
        self._mend(True, "stray backslash")  # such as LaTeX: \alpha is meant as it stands
        return "\\" + mark

    def _surrogates(self, high: int) -> str:
        if 0xD800 <= high < 0xDC00 and self.text.startswith("\\u", self.at):
            low = _HEX.match(self.text, self.at + 2)
            if low and 0xDC00 <= int(low[0], 16) < 0xE000:
                self.at = low.end()
                return chr(0x10000 + ((high - 0xD800) << 10) + int(low[0], 16) - 0xDC00)
        return "\ufffd" if 0xD800 <= high < 0xE000 else chr(high)

    def _bare(self) -> Any:
        if number := _NUMBER.match(self.text, self.at):
            self.at = number.end()
            self._mend(not _STRICT_NUMBER.match(number[0]), "number")
            value = float(number[0])
            self.broken |= isinf(value)
            return int(number[0]) if number[0].lstrip("+-").isdecimal() else value
        word = _WORD.match(self.text, self.at)
        if word and word[0].lower() in _WORDS:
            self.at = word.end()
            self._mend(word[0] not in ("true", "false", "null"), "words")
            return _WORDS[word[0].lower()]
        no_value = _BARE_TEXT.match(self.text, self.at)
        if not self.members or not no_value:
            raise _NotJson
        self.at = no_value.end()  # read on, so that what stands deeper in this value is not taken by itself
        self.broken = True
        return None

    def _peek(self) -> str:
        """The next character that is neither space nor comment."""
        while True:
            space = _SPACE.match(self.text, self.at)
            self.at = space.end() if space else self.at
            if not self.text.startswith(("//", "#", "/*"), self.at):
                return self._here()
            self._mend(True, "comments")
            closing = "*/" if self.text.startswith("/*", self.at) else "\n"
            end = self.text.find(closing, self.at)
            if end < 0:
                raise _NotJson
            self.at = end + len(closing)

    def _here(self) -> str:
        self.furthest = max(self.furthest, self.at)
        if self.at >= len(self.text):
            raise _NotJson
        return self.text[self.at]

    def _mend(self, needed: bool, what: str) -> None:
        if needed:
            self.mended[what] = None
