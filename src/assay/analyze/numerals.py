"""The numbers that a sentence states, and whether a recomputed value is what they say.

A numeral is read with its unit and with the rounding that it was printed with: "31.2 %" says a share between
0.3115 and 0.3125, "1,286 tokens" a number between 1285.5 and 1286.5. The invariant: every digit of a text
belongs to exactly one numeral or to a passage that the caller has masked as a name, so that no number goes
unexamined.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

_NUMERAL = re.compile(
    r"(?P<dollar>\$\s?)?"
    r"(?P<sign>(?<![\w.\d)])[-−–+])?"
    r"(?P<number>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
    r"(?P<unit>\s?%|\s?percent\b(?! point)|\s?(?:percentage |percent )?points?\b|\s?pts?\b|\s?pp\b|\s?[x×](?![A-Za-z])"
    r"|\s?times\b|\s?(?:k|K|M|million|thousand)\b)?",
)
_SCALE = {"%": 0.01, "percent": 0.01, "points": 0.01, "k": 1e3, "thousand": 1e3, "million": 1e6, "M": 1e6}
_WORDS = {
    word: at for at, word in enumerate(("one", "two", "three", "four", "five", "six", "seven", "eight", "nine"), 1)
}
_COUNTED = re.compile(rf"\b({'|'.join(_WORDS)})\s+(?:of|in)\s+(?:\d|{'|'.join(_WORDS)})", re.IGNORECASE)
_SLACK = 1e-9


class Numeral(NamedTuple):
    """A number in a text."""

    text: str
    span: tuple[int, int]
    value: float
    """Shares and points as fractions."""
    half: float
    """Half a unit of its last digit, on the scale of ``value``."""
    unit: str
    """``%``, ``points``, ``x``, ``$``, ``k``, ``million`` or empty."""
    signed: bool

    def says(self, value: float) -> bool:
        """Whether ``value`` prints as this numeral."""
        return abs(value - self.value) <= self.half * (1 + 1e-6) + _SLACK * max(1.0, abs(value))


def numerals(text: str, names: Iterable[str] = ()) -> list[Numeral]:
    """The numbers that a text states, names that hold digits left out.

    Args:
        text: the sentence.
        names: passages that are no claims: model names, case ids, tag values. The longest are masked first, and
            only where they stand as whole words.
    """
    masked = _masked(text, names)
    found = [_numeral(match) for match in _NUMERAL.finditer(masked)]
    for match in _COUNTED.finditer(masked):
        word = match[1].lower()
        found.append(Numeral(match[1], match.span(1), float(_WORDS[word]), 0.0, "", False))
    return sorted(found, key=lambda numeral: numeral.span)


def _masked(text: str, names: Iterable[str]) -> str:
    for name in sorted({name for name in names if any(map(str.isdigit, name))}, key=len, reverse=True):
        pattern = rf"(?<![\w.]){re.escape(name)}(?![\w%]|\.\d)"
        text = re.sub(pattern, lambda match: "\0" * len(match[0]), text)
    return text


def _numeral(match: re.Match[str]) -> Numeral:
    digits = match["number"].replace(",", "")
    decimals = len(digits.partition(".")[2])
    unit = _unit(match["unit"], match["dollar"])
    scale = _SCALE.get(unit, 1.0)
    sign = -1.0 if match["sign"] in ("-", "−", "–") else 1.0
    value, half = sign * float(digits) * scale, 0.5 * 10.0**-decimals * scale
    return Numeral(match[0].strip(), match.span(), value, half, unit, match["sign"] is not None)


def _unit(text: str | None, dollar: str | None) -> str:
    if dollar:
        return "$"
    word = (text or "").strip()
    if word in ("%", "percent"):
        return "%"
    if word.endswith(("point", "points", "pt", "pts", "pp")):
        return "points"
    if word in ("x", "×", "times"):
        return "x"
    return {"K": "k", "thousand": "k"}.get(word, word)
