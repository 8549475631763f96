r"""Numbers as people write them, and whether one is near enough to another.

A ``Number`` keeps what was written apart from what it means: the figure (``62.57``), how fine it was
written (two decimals), the scale (``亿``, ``million``, ``%``) and the unit. All arithmetic is on exact
fractions, so that 0.1 + 0.2 is 0.3 and a tie in rounding is a tie. A ``Rule`` says how far an answer may
be from the gold value; each of its allowances only ever accepts more, so widening a rule never turns a
pass into a fail.

Model text is hostile: a text longer than a few hundred characters is no number, exponents have at most
three digits, and all patterns are linear in the text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from assay.records import Outcome, Sample, Score, Trajectory
from assay.scoring.brackets import Found
from assay.scoring.numeric_text import MARKED, SCALES, plain, unit_of, units_clash
from assay.scoring.short_answer import extract_short, same_answer
from assay.scoring.thinking import outcome_without_answer, split_thinking
from assay.task import Scorer

DecimalMark = Literal["auto", ".", ","]
_LONGEST = 400
_MOST_DIGITS = 320


class Number(Struct, frozen=True):
    """A number as it was written."""

    figure: Fraction
    """The digits: 12.45 of ``12.45%``."""
    step: Fraction
    """One unit in the figure's last written place: 0.01 of ``12.45``; 0 of a fraction, which is exact."""
    scale: Fraction = Fraction(1)
    """What the words beside it multiply it by: 1/100 for ``%``, 10**8 for ``亿``."""
    unit: str = ""
    """The rest, such as ``USD`` or ``terajoules``, in one spelling where several are known."""

    @property
    def value(self) -> Fraction:
        """What it means: a percentage is the ratio that it is."""
        return self.figure * self.scale

    @property
    def resolution(self) -> Fraction:
        """How fine it is, in the units of ``value``.

        Zero has no significant digit that could be coarse: ``0 million`` is written to the unit, else it
        would be the rounding of everything small.
        """
        return self.step * self.scale if self.figure else min(self.step, Fraction(1)) * min(self.scale, Fraction(1))

    @property
    def bare(self) -> bool:
        """Whether it says no unit and no scale."""
        return not self.unit and self.scale == 1


class Range(Struct, frozen=True):
    """All values from ``low`` to ``high``, ends included."""

    low: Number
    high: Number


class Rule(Struct, frozen=True, omit_defaults=True):
    """How far an answer may be from the gold value. The widest of its allowances counts."""

    absolute: float = 0
    """In units of ``Number.value``: one hundredth of a percentage point is 0.0001."""
    relative: float = 0
    """As a fraction of the gold value."""
    round_to: Literal["gold", "answer", "coarser"] | None = None
    """The gold value rounded to as many places as the gold (an answer may be finer), as the answer (its
    own decimals), or as whichever has fewer. Ties may go either way, for both conventions are in use."""
    unit_optional: bool = False
    """An answer without any unit or scale may be meant in the gold's."""

    def __post_init__(self) -> None:
        if not (0 <= self.absolute < math.inf and 0 <= self.relative < math.inf):
            raise ValueError(f"a tolerance is a finite number from 0 up, not {self.absolute}, {self.relative}")


EXACT = Rule()
OWN_DECIMALS = Rule(round_to="answer")
"""FinSearchComp's "only rounding": right if it is the true value rounded to the answer's own decimals."""


def exact(number: float | Fraction) -> Fraction:
    """The number that was written: the shortest decimal that is this float, as a fraction.

    Raises ``ValueError`` for infinities and NaN.
    """
    if isinstance(number, int | Fraction):
        return Fraction(number)
    if not math.isfinite(number):
        raise ValueError(f"not a finite number: {number}")
    return Fraction(repr(float(number)))


def parse_number(text: str, *, decimal: DecimalMark = "auto") -> Number | None:
    """The number that a text is, with its scale and unit; ``None`` where it is anything else.

    Knows grouping (``1,234.5``, ``1.234,5``, ``1 234,5``, ``1'234.5``, ``12,34,567``), fractions and mixed
    numbers, ``1.2e-3`` and ``1.2 × 10^-3``, percentages and basis points, ``thousand`` to ``trillion``,
    ``万`` and ``亿`` with their compounds, signs and currencies before the figure.

    ``decimal`` says which mark is the decimal one. With ``auto`` a single point is decimal, and a single
    comma groups if exactly three digits follow (and no leading zero precedes), else it is decimal.
    """
    if len(text) > _LONGEST:
        return None
    found = MARKED.fullmatch(plain(text, whole=True))
    return _number(found, decimal, whole=True) if found else None


def find_numbers(text: str, *, decimal: DecimalMark = "auto") -> Iterator[Number]:
    """The numbers in running text, in order and lazily; digits glued to letters (``Q3``) are none.

    A unit is kept only if it is a known one, for nothing else says where it ends.
    """
    for found in MARKED.finditer(plain(text, whole=False)):
        number = _number(found, decimal, whole=False)
        if number is not None:
            yield number


def parse_range(text: str, *, decimal: DecimalMark = "auto", worded: bool = False) -> Range | None:
    """The range that a text is: ``10-12%``, ``24198亿到24200亿``, ``between 5 and 7``, ``[1, 2]``, ``5 ± 0.1``.

    An end without a unit has the other's. ``worded`` asks for one that can be nothing else: ``10-12`` may be
    a result and ``[1, 2]`` a list. ``None`` where the text is anything else, or its ends are in the wrong
    order.
    """
    if len(text) > _LONGEST or parse_number(text, decimal=decimal) is not None:
        return None
    text = text.strip().strip("\"'“”")
    if found := _PLUS_MINUS.fullmatch(text):
        middle, by = (parse_number(part, decimal=decimal) for part in found.groups())
        if middle is None or by is None or by.figure < 0:
            return None
        middle, by = _in_unit_of(middle, by), _in_unit_of(by, middle)
        reach = by.value / middle.scale
        return Range(replace(middle, figure=middle.figure - reach), replace(middle, figure=middle.figure + reach))
    for pattern in (_WORDED,) if worded else (_WORDED, _HYPHENED, _BRACKETED):
        if not (found := pattern.fullmatch(text)):
            continue
        low, high = (parse_number(part, decimal=decimal) for part in found.groups())
        if low is not None and high is not None:
            low, high = _in_unit_of(low, high), _in_unit_of(high, low)
            return Range(low, high) if low.value <= high.value else None
    return None


def parse_set(text: str, *, decimal: DecimalMark = "auto") -> tuple[Number, ...] | None:
    """The numbers of a list such as ``{1, 2, 3}``, ``1；2``, ``1, 2 and 3``; ``None`` if a member is none."""
    if len(text) > 50 * _LONGEST:
        return None
    inner = text.strip().strip("$").strip("{}[]()（） \\")
    members = [member for member in _LIST_MARK.split(inner) if member.strip()]
    if len(members) == 1 and parse_number(members[0], decimal=decimal) is None:
        members = inner.split(",")
    numbers = [parse_number(member, decimal=decimal) for member in members]
    found = tuple(number for number in numbers if number is not None)
    return found if found and len(found) == len(numbers) else None


def accepts(rule: Rule, answer: Number, gold: Number | Range) -> bool:
    """Whether an answer is near enough to the gold value, or inside the gold range widened by the rule.

    Units that are both stated and differ (``USD`` and ``CNY``) never match.
    """
    low, high = (gold.low, gold.high) if isinstance(gold, Range) else (gold, gold)
    readings = [answer]
    if rule.unit_optional and answer.bare:
        readings.append(replace(answer, scale=high.scale, unit=high.unit))
    return any(
        not units_clash(reading.unit, high.unit)
        and low.value - _reach(rule, reading, low) <= reading.value <= high.value + _reach(rule, reading, high)
        for reading in readings
    )


def accepts_set(rule: Rule, answers: Sequence[Number], golds: Sequence[Number | Range]) -> bool:
    """Whether the answers are the gold values one to one, in any order, none missing and none extra."""
    if len(answers) != len(golds):
        return False
    near = [[at for at, gold in enumerate(golds) if accepts(rule, answer, gold)] for answer in answers]
    taken: dict[int, int] = {}
    return all(_place(answer, near, taken, set()) for answer in range(len(answers)))


def same_value(rule: Rule, answer: str, gold: str, *, decimal: DecimalMark = "auto") -> bool:
    """Whether an answer says what the gold text says: a number, a range, a list of numbers, or words.

    Where the gold text is a number, only a number will do; words are compared as short answers are.
    """
    wanted = parse_number(gold, decimal=decimal) or parse_range(gold, decimal=decimal, worded=True)
    if wanted is not None:
        given = parse_number(answer, decimal=decimal)
        return given is not None and accepts(rule, given, wanted)
    members = parse_set(gold, decimal=decimal)
    if members is not None:
        listed = parse_set(answer, decimal=decimal)
        return listed is not None and accepts_set(rule, listed, members)
    return same_answer(answer, gold)


def judge_key_points(
    rule: Rule, given: Mapping[str, str | None], wanted: Mapping[str, str], *, decimal: DecimalMark = "auto"
) -> dict[str, bool]:
    """Key point -> whether the answer has it right. One that the answer does not give is wrong.

    The verdicts feed a checklist, such as the all-or-nothing one of FinSearchComp.
    """
    return {
        name: (answer := given.get(name)) is not None and same_value(rule, answer, gold, decimal=decimal)
        for name, gold in wanted.items()
    }


def numeric_scorer(rule: Rule = EXACT, *, decimal: DecimalMark = "auto") -> Scorer:
    """Score 1 where the reply's answer is near enough to the sample's target, or to one of its targets.

    The answer is what the reply sets apart. Where that is a phrase, the one number in it counts; several
    different ones are ambiguous, and the reply is unparsed.
    """

    def score(sample: Sample, trajectory: Trajectory) -> Score:
        targets = (sample.target,) if isinstance(sample.target, str) else sample.target
        golds = [parse_number(text, decimal=decimal) or parse_range(text, decimal=decimal) for text in targets]
        if not golds or None in golds:
            raise ValueError(f"sample {sample.id}: target {sample.target!r} is neither a number nor a range")
        found = extract_short(split_thinking(trajectory.text)[1])
        numbers = _numbers_said(found, decimal)
        if found is None or len(numbers) != 1:
            why = f"ambiguous: {len(numbers)} numbers" if numbers else "no number set apart"
            return Score(outcome_without_answer(trajectory.response), explanation=why)
        right = any(gold is not None and accepts(rule, numbers[0], gold) for gold in golds)
        trace = {"pattern": found.pattern, "span": found.span, "competitors": found.competitors}
        return Score(Outcome.SCORED, float(right), found.text, f"{found.pattern}: {found.text}", trace)

    return score


def _numbers_said(found: Found | None, decimal: DecimalMark) -> list[Number]:
    if found is None:
        return []
    whole = parse_number(found.text, decimal=decimal)
    if whole is not None:
        return [whole]
    return list({number.value: number for number in find_numbers(found.text, decimal=decimal)}.values())


def _reach(rule: Rule, answer: Number, gold: Number) -> Fraction:
    match rule.round_to:
        case "gold":
            coarse = gold.resolution
        case "answer":
            coarse = answer.resolution
        case "coarser":
            coarse = max(gold.resolution, answer.resolution)
        case None:
            coarse = Fraction(0)
    return max(exact(rule.absolute), exact(rule.relative) * abs(gold.value), coarse / 2)


def _in_unit_of(number: Number, other: Number) -> Number:
    return replace(number, scale=other.scale, unit=other.unit) if number.bare else number


def _place(answer: int, near: Sequence[Sequence[int]], taken: dict[int, int], tried: set[int]) -> bool:
    """Give an answer a gold value of its own, moving others if need be (augmenting paths)."""
    for gold in near[answer]:
        if gold in tried:
            continue
        tried.add(gold)
        if gold not in taken or _place(taken[gold], near, taken, tried):
            taken[gold] = answer
            return True
    return False


def _number(found: re.Match[str], decimal: DecimalMark, *, whole: bool) -> Number | None:
    if len(found["figure"]) > _MOST_DIGITS:
        return None
    read = _figure(found["figure"], decimal)
    if read is None:
        return None
    figure, step = read
    if found["divisor"]:
        divisor = int(found["divisor"])
        if not divisor or step != 1:
            return None
        figure, step = figure / divisor, Fraction(0)
    if found["whole"]:
        figure += int(found["whole"])
    if found["ten"] and not found["times_ten"]:
        if figure != 10:
            return None
        figure, step = Fraction(1), Fraction(0)
    if found["e"] or found["ten"]:
        power = found["e"] or found["ten"].translate(_NO_BRACES)
        if not _POWER.fullmatch(power):
            return None
        figure, step = figure * Fraction(10) ** int(power), step * Fraction(10) ** int(power)
    scale = Fraction(1)
    for word in (found["times"], found["per"]):
        scale *= SCALES[word.casefold()] if word else 1
    if found["wan"]:
        figure, step = figure + Fraction(int(found["wan"]), 10**4), Fraction(1, 10**4)
    if found["sign"] and found["sign_after"]:
        return None
    if "-" in (found["sign"], found["sign_after"]):
        figure = -figure
    return Number(figure, step, scale, unit_of(found["currency"] or found["unit"] or "", whole=whole))


_POWER = re.compile(r"[+-]?\d{1,3}")
_NO_BRACES = str.maketrans("", "", "^{} ")


def _figure(text: str, decimal: DecimalMark) -> tuple[Fraction, Fraction] | None:
    """Value and last place of digits with grouping and decimal marks; ``None`` where they make no sense."""
    mark = _decimal_mark(text) if decimal == "auto" else decimal
    whole, _, places = text.rpartition(mark) if mark in text else (text, "", "")
    if places and not places.isdigit():
        return None
    groups = _GROUPING.split(whole)
    if mark in whole or not _well_grouped(groups):
        return None
    step = Fraction(1, 10 ** len(places))
    return int("".join(groups) + places) * step, step


def _decimal_mark(text: str) -> DecimalMark:
    points, commas = text.count("."), text.count(",")
    if points and commas:
        return "." if text.rindex(".") > text.rindex(",") else ","
    if points > 1:
        return ","
    if commas == 1 and not _THOUSANDS.fullmatch(text):
        return ","
    return "."


def _well_grouped(groups: Sequence[str]) -> bool:
    if len(groups) == 1:
        return True
    first, *middle, last = groups
    by_thousand = len(first) <= 3 and all(len(group) == 3 for group in middle)
    by_hundred = len(first) <= 2 and all(len(group) == 2 for group in middle)
    return bool(first) and len(last) == 3 and (by_thousand or by_hundred)


_GROUPING = re.compile(r"[,.' ]")
_THOUSANDS = re.compile(r"[1-9]\d{0,2},\d{3}")
_PLUS_MINUS = re.compile(r"([^±]{1,100})(?:±|\+/-)([^±]{1,100})")
_WORDED = re.compile(
    r"(?:between|from|在|从)?\s*([^到至~～]{1,100}?)\s*(?:\bto\b|\band\b|到|至|~|～)\s*([^到至~～]{1,100}?)\s*(?:之间|即可)?",
    re.IGNORECASE,
)
_HYPHENED = re.compile(r"([^–—]{1,100}?)\s*[-–—]\s*([^–—]{1,100})")
_BRACKETED = re.compile(r"\[\s*([^\[\],]{1,100})\s*,\s*([^\[\],]{1,100})\s*\]")
_LIST_MARK = re.compile(r"\s*(?:[;；、，\n]|,\s|\band\b|和|,\s*and\b)\s*")
