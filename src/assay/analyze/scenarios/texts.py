"""What several scenarios read in texts: numbers, equations that can be done again, passages, options.

Model text is parsed, never run; every function is linear in its input or bounded, and reads at most
``LONGEST`` characters.
"""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from assay.benchmarks.korbench.arithmetic import exactly

LONGEST = 60_000
MOST_EQUATIONS = 200
LONGEST_CHAIN = 160
_CHAIN = re.compile(r"[\d.,()+\-*/×÷·−%$ \t=≈]{3,}")
_OPERATOR = re.compile(r"[\d)]\s*[-+*/]\s*[\d(]")
_PLAIN = str.maketrans({"×": "*", "·": "*", "÷": "/", "−": "-", "$": " "})
_SIGNS = frozenset("\\^_{}※&|<>~!°√∛:")
_FUNCTION = re.compile(r"(?:\b(?:sin|cos|tan|log|ln|mod|sqrt|times|plus|minus|base)|\b[a-zA-Z]|\})\s*$")
_MODULO = re.compile(r"\s*\(?(?:mod\b|\\)")
_STOP = re.compile(r"[.,](?!\d)")
"""The end of a sentence or clause, no decimal point: it ends a chain."""
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_LATEX = ((r"\times", "*"), (r"\cdot", "*"), (r"\div", "/"), (r"\left", ""), (r"\right", ""), (r"\,", ""), (r"\!", ""))
_FRACTION = re.compile(r"\\d?frac\{([\d.]{1,20})\}\{([\d.]{1,20})\}")
_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?(?:/\d+)?")
_WORD = re.compile(r"[\u3400-\u9fff]|[^\W_]+")
_OPTION = re.compile(r"^[ \t]*(?:\(([A-P])\)|([A-P])[.):：、])[ \t]*(\S[^\n]*)$", re.MULTILINE)
_LETTER = re.compile(r"[\[(\s]*([A-P])[\])\s.]*")


class Equation(NamedTuple):
    """A step of simple arithmetic that a text states."""

    text: str
    holds: bool


def equations(text: str) -> list[Equation]:
    """The arithmetic that a text states and that can be done again, in order: ``3 * 4 + 1 = 13``.

    A chain ``a = b = c`` gives a step for each sign; a step needs an operator on its left and numbers alone on
    either side. A decimal result may be rounded, or cut off, to the places that it shows.
    """
    text = text[:LONGEST].replace("\\(", " ; ").replace("\\)", " ; ").replace("\\[", " ; ").replace("\\]", " ; ")
    for latex, plain in _LATEX:
        text = text.replace(latex, plain)
    text = _FRACTION.sub(r"(\1/\2)", _STOP.sub(" ; ", text))
    found: list[Equation] = []
    for chain in _CHAIN.finditer(text):
        if "=" not in chain[0] or len(chain[0]) > LONGEST_CHAIN or _glued(text, chain.start(), chain.end()):
            continue
        parts = [part.strip(" \t.,") for part in _THOUSANDS.sub("", chain[0].translate(_PLAIN)).split("=")]
        for left, right in pairwise(parts):
            step = _step(left, right)
            if step is not None:
                found.append(step)
                if len(found) == MOST_EQUATIONS:
                    return found
    return found


def _glued(text: str, start: int, end: int) -> bool:
    """Whether what stands beside a chain makes its numbers part of something else: a letter, a power, ``mod``."""
    before, after = text[max(0, start - 12) : start], text[end : end + 6]
    if after and text[end - 1] not in " \t" and (after[0].isalnum() or after[0] in _SIGNS):
        return True
    if _MODULO.match(after) is not None:
        return True
    if text[start : start + 12].lstrip(" \t$").startswith("="):
        return False  # "x = 3 + 4 = 7": what is named does not matter
    touches = bool(before) and text[start] not in " \t" and (before[-1].isalnum() or before[-1] in _SIGNS)
    return touches or _FUNCTION.search(before) is not None


def _step(left: str, right: str) -> Equation | None:
    if "≈" in left + right or "%" in left + right or not _OPERATOR.search(left) or left.startswith(("+", "- ")):
        return None  # a bullet, or the rest of a sum with letters in it
    if set(re.findall(r"\d", left + right)) <= {"0", "1"}:
        return None  # binary, perhaps
    decimal = re.fullmatch(r"-?\d+\.\d+", right) is not None
    a, b = exactly(left), exactly(right)
    if a is None or b is None or ("." in right and not decimal):
        return None  # a sum of rounded numbers holds only roughly
    holds = a == b
    if decimal:
        holds = abs(a - b) < Fraction(1, 10 ** len(right.partition(".")[2]))  # rounded or cut off
    elif "/" in left and re.fullmatch(r"-?\d+", right):
        holds = abs(a - b) < 1  # rounded, or the whole part of a division
    return Equation(f"{left} = {right}", holds)


def number(text: str | None) -> Fraction | None:
    """The one number that a short answer is, brackets and ``$`` left out."""
    if text is None or len(text) > 60:
        return None
    text = _FRACTION.sub(r"\1/\2", text).strip(" []()$.{}\n").removeprefix("\\boxed{").strip("{} ")
    found = _NUMBER.fullmatch(text)
    if found is None:
        return None
    try:
        return Fraction(text.replace(",", ""))
    except (ValueError, ZeroDivisionError):
        return None


def numbers(text: str) -> set[Fraction]:
    """The numbers in a text."""
    found = (number(one[0]) for one in _NUMBER.finditer(text[:LONGEST]))
    return {one for one in found if one is not None}


def only_number(text: str) -> Fraction | None:
    """The number in a short text that holds one and no more, such as ``$ 1,200`` or ``176 kJ/mole``."""
    found = _NUMBER.findall(text[:200])
    return number(found[0]) if len(found) == 1 and len(words(text)) <= 4 + text.count(",") else None


def words(text: str) -> list[str]:
    """Words in lower case, a Han character counting as one."""
    return _WORD.findall(text[:LONGEST].lower())


def copied_share(text: str, source: str, length: int = 4) -> float | None:
    """Share of a text's passages of so many words that stand in the source; ``None`` where it has none."""
    mine, theirs = words(text), words(source)
    if len(mine) < length:
        return None
    known = {tuple(theirs[at : at + length]) for at in range(len(theirs) - length + 1)}
    count = len(mine) - length + 1
    return sum(tuple(mine[at : at + length]) in known for at in range(count)) / count


def options(prompt: str) -> dict[str, str]:
    """The options of the last question in a prompt by letter; empty where there are none in order from A."""
    lines = [(one[1] or one[2], one[3].strip()) for one in _OPTION.finditer(prompt[-20_000:])]
    starts = [at for at, (letter, _) in enumerate(lines) if letter == "A"]
    if not starts:
        return {}
    found: dict[str, str] = {}
    for letter, text in lines[starts[-1] :]:
        if ord(letter) - ord("A") != len(found):
            break
        found[letter] = text
    return found if len(found) > 1 else {}


def letter(answer: str | None) -> str | None:
    """The option letter that an answer is, in whatever brackets."""
    found = _LETTER.fullmatch(answer) if answer is not None and len(answer) < 20 else None
    return found[1] if found else None


def bare(answer: str | None) -> str:
    """An answer without brackets and blanks, in lower case."""
    return re.sub(r"[\s\[\]]", "", answer or "").lower()


def last_question(prompt: str) -> str:
    """The last question of a prompt, its options and the worked examples before it left out."""
    at = max(prompt.rfind(mark) for mark in ("Question:", "Q:", "问题：", "题目："))
    asked = prompt[at:] if at >= 0 else prompt
    first = next((one.start() for one in _OPTION.finditer(asked) if (one[1] or one[2]) == "A"), len(asked))
    return asked[:first][-4_000:]
