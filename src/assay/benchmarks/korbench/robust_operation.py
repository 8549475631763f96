"""Operations, robustly: numbers, alternatives, bounds, sets, matrices and expressions by value."""

from __future__ import annotations

import re
from fractions import Fraction

from msgspec import Struct

from assay.benchmarks.korbench.official import Verdict
from assay.benchmarks.korbench.plain import without_latex


class Undecided(Struct, frozen=True):
    """Expressions that only computer algebra can compare, one to one and in any order."""

    rule: str
    ours: list[str]
    golds: list[str]


_LONGEST = 1000
_OR = re.compile(r"\\text\s?\{\s*or\s*\}|(?<![a-z\\])or(?![a-z])|\\lor(?![a-z])", re.IGNORECASE)
_FRACTION = re.compile(r"\\[dt]?frac\s?\{([^{}]*)\}\s?\{([^{}]*)\}")
_QUANTITY = r"([-−]?\s*\d+(?:[./]\d+)?)"
_BOUND = re.compile(rf"([≥≤<>])\s*{_QUANTITY}|{_QUANTITY}\s*([≥≤<>])(?=\s*[a-zA-Z])")
_INTERVAL = re.compile(r"([\[(])\s*([-−]?\s*(?:∞|\d+))\s*,\s*([-+−]?\s*(?:∞|\d+))\s*([\])])")
_MIRRORED = {"≥": "≤", "≤": "≥", ">": "<", "<": ">"}
_NUMERAL = re.compile(r"([-+]?)\s*(?:(\d+)\s+(?=\d+\s*/))?(\d*\.?\d+)\s*(?:/\s*(\d*\.?\d+))?")
_NUMBER = re.compile(r"[-−]?\d+(?:\.\d+)?(?:/0*[1-9]\d*)?")


def judge_operation(rule: int, idx: int, text: str, gold: str) -> Verdict | Undecided:
    """The verdict on an answer (its brackets removed), or what computer algebra has to compare."""
    if len(text) > _LONGEST:
        return Verdict(False, "operation, far too long", text, gold)
    if idx in (178, 179) or re.search("[≥≤]", gold):
        return _compared("operation, bounds", _bounds(text), _bounds(gold))
    if rule == 18:
        return _compared("operation, set", _elements(text), _elements(gold))
    if rule in (23, 24, 25):
        return _compared("operation, numbers of a matrix in order", _numbers(text), _numbers(gold))
    if re.fullmatch(r"(?:[a-z]=[^,=]+,?){2,}", gold):
        return _compared("operation, assignments", _assignments(text), _assignments(gold))
    return _values(text, gold)


def _compared(rule: str, ours: frozenset[str] | list[str], theirs: frozenset[str] | list[str]) -> Verdict:
    return Verdict(ours == theirs, rule, _shown(ours), _shown(theirs))


def _shown(form: frozenset[str] | list[str]) -> str:
    return ", ".join(sorted(form) if isinstance(form, frozenset) else form)


def _values(text: str, gold: str) -> Verdict | Undecided:
    golds = [part.strip() for part in gold.split("or")]
    ours = _alternatives(text, len(golds))
    theirs = [_number(part) for part in golds]
    if None in theirs and len(ours) == len(golds):
        if sorted(map(_compact, ours)) == sorted(map(_compact, golds)):
            return Verdict(True, "operation, expression as written", ", ".join(ours), ", ".join(golds))
        return Undecided("operation, value of an expression", ours, golds)
    # Where the answer is a number, a sum that is left for the reader to work out is no answer.
    mine = [_number(part) for part in ours]
    right = len(ours) == len(golds) and all(
        any(_same(x, y, part) for x, part in zip(mine, ours, strict=True)) for y in theirs
    )
    return Verdict(right, "operation, number", ", ".join(ours), ", ".join(golds))


def _compact(text: str) -> str:
    return "".join(text.split())


def _alternatives(text: str, wanted: int) -> list[str]:
    text = text.replace("\\pm", "±")
    parts = _OR.split(text) if wanted > 1 or _OR.search(text) else [text]
    if len(parts) == 1 and wanted > 1:
        if text.count("±") == 1:
            parts = [text.replace("±", "+"), text.replace("±", "-")]
        else:
            parts = re.split(r"[,;]|\band\b", text)
    parts = [_right_side(part) for part in parts]
    return list(dict.fromkeys(part for part in parts if part))


def _right_side(text: str) -> str:
    """What a name is said to be: ``f(x) = 2x`` is ``2x``; the constant of an integral goes too."""
    bare = text.rpartition("=")[2] if "=" in text else text
    bare = re.sub(r"\+\s*(?:\\text\s?\{\s*)?C\}?\s*\$?\s*$", "", bare)
    return bare.strip(" $[].`\n\t")


def _number(text: str) -> Fraction | None:
    """The value of a numeral: a whole, decimal, fractional or mixed number."""
    plain = without_latex(_FRACTION.sub(r" \1/\2", text)).replace("−", "-")
    found = _NUMERAL.fullmatch(re.sub(r"[(){}\[\],]", "", plain).strip())
    if not found:
        return None
    sign, whole, number, divisor = found.groups()
    if divisor and not Fraction(divisor):
        return None
    value = Fraction(whole or 0) + Fraction(number) / Fraction(divisor or 1)
    return -value if sign == "-" else value


def _same(ours: Fraction | None, gold: Fraction | None, written: str) -> bool:
    """Equal, or a decimal with three places or more to which the gold value rounds."""
    if ours is None or gold is None:
        return False
    places = re.search(r"\.(\d{3,})\s*$", written)
    return ours == gold or (places is not None and abs(ours - gold) <= Fraction(1, 2 * 10 ** len(places[1])))


def _plain_bounds(text: str) -> str:
    plain = without_latex(text)
    return plain.replace(">=", "≥").replace("<=", "≤").replace("⩾", "≥").replace("⩽", "≤")


def _bounds(text: str) -> frozenset[str]:
    """Bounds on the unknown, such as ``≥1``; intervals are read as the bounds that they are."""
    plain = _plain_bounds(text)
    found = set()
    for after, number, before, mirrored in _BOUND.findall(plain):
        found.add((after + number) if after else (_MIRRORED[mirrored] + before))
    if not found:
        for opening, low, high, closing in _INTERVAL.findall(plain):
            found |= {("≥" if opening == "[" else ">") + low} if "∞" not in low else set()
            found |= {("≤" if closing == "]" else "<") + high} if "∞" not in high else set()
    return frozenset(re.sub(r"\s", "", bound).replace("−", "-") for bound in found)


def _elements(text: str) -> frozenset[str]:
    plain = re.sub(r"[\s\"'`{}()\[\]$\\]", "", without_latex(text).rpartition("=")[2])
    return frozenset(part for part in plain.split(",") if part)


def _numbers(text: str) -> list[str]:
    plain = _FRACTION.sub(r" \1/\2 ", text.rpartition("=")[2])
    plain = re.sub(r"\\(?:begin|end)\s?\{[^{}]*\}(?:\{[^{}]*\})?", " ", plain)
    return [str(Fraction(number.replace("−", "-"))) for number in _NUMBER.findall(plain)]


def _assignments(text: str) -> frozenset[str]:
    plain = re.sub(r"[\s$()\\]|and", "", without_latex(text))
    return frozenset(part for part in re.split(r"[,;]", plain) if part)
