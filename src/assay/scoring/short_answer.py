r"""Whether a short answer says the same as the gold answer.

The answer is what the reply sets apart: the last of a line ``Answer: ...``, ``[[...]]``, ``\boxed{...}`` and
``<answer>...</answer>``, else the last "the answer is ...", else a reply of a single line. A reply that does
none of these is unparsed: searching it for the gold answer would reward naming everything.

Two answers are the same if they are the same number, or the same words once case, width, quotes,
punctuation and a leading article are set aside. Where the gold answer is a number, only a number will
do (so "5!" is not 5), and a percentage equals a plain number only if the gold answer is the percentage.
"""

from __future__ import annotations

import re
import unicodedata
from collections import deque
from fractions import Fraction
from typing import NamedTuple

import msgspec

from assay.records import Outcome, Sample, Score, Trajectory
from assay.scoring.brackets import Found, last_answer_line, last_boxed, last_bracketed
from assay.scoring.thinking import before_next_question, outcome_without_answer, split_thinking
from assay.task import Scorer


def extract_short(text: str) -> Found | None:
    """The answer that a reply (its thinking split off) gives; ``None`` where it marks none.

    Where a reply goes on to invent the next question, as base models do, what stands before counts.
    """
    head = before_next_question(text)
    if head is not None and (found := _marked(head) or _single_line(head)):
        return found
    return _marked(text) or _single_line(text)


def same_answer(answer: str, target: str) -> bool:
    """Whether an answer says the same as the gold answer."""
    wanted, given = _number(target), _number(answer)
    if wanted is None:
        words = normalise(target)
        return normalise(answer) == words if words else answer.strip() == target.strip()
    if given is None or (given.percent and not wanted.percent):
        return False
    return given.value == wanted.value


def normalise(text: str) -> str:
    """The words of an answer: what two spellings of the same answer have in common."""
    text = spelt_out(unwrap(text)).casefold()
    text = _THOUSANDS.sub("", text).replace("**", "").replace("`", "")
    text = _HYPHEN.sub(" ", text.translate(DASHES))
    kept = "".join(_without_punctuation(text[at - 1 : at], char, text[at + 1 : at + 2]) for at, char in enumerate(text))
    return _ARTICLE.sub("", " ".join(kept.split()))


def short_answer_scorer() -> Scorer:
    """Score 1 where the reply's answer is the sample's target, or one of its targets."""

    def score(sample: Sample, trajectory: Trajectory) -> Score:
        targets = (sample.target,) if isinstance(sample.target, str) else sample.target
        if not targets or not all(map(str.strip, targets)):
            raise ValueError(f"sample {sample.id}: an empty target")
        found = extract_short(split_thinking(trajectory.text)[1])
        if found is None:
            return Score(outcome_without_answer(trajectory.response), explanation="no answer set apart")
        matched = next((target for target in targets if same_answer(found.text, target)), None)
        trace = {
            "pattern": found.pattern,
            "span": found.span,
            "competitors": found.competitors,
            "matched": matched,
        }
        return Score(Outcome.SCORED, float(matched is not None), found.text, f"{found.pattern}: {found.text}", trace)

    return score


_TAG = re.compile(r"<answer>([^<]{1,2000})</answer>", re.IGNORECASE)
_HEADING = re.compile(
    r"^(?:[ \t>*_#]{0,8}(?:final[ ])?answer[ \t*_]{0,4}\n|[ \t【\[*#]{0,6}答案(?:[】\]][:：]?|[ *]{0,3}[:：是为]))"
    r"\s{0,4}([^\n]{1,2000})",
    re.IGNORECASE | re.MULTILINE,
)
_ANSWER_IS = re.compile(r"\banswer (?:is|would be|should be)\b:?\s{0,4}([^\n]{1,2000})", re.IGNORECASE)
_EMPTY_MARK = re.compile(r"[ \t>*_#]{0,8}(?:final )?answer[ *_]{0,4}[:：]|\\boxed|\[\[|<answer>", re.IGNORECASE)
_SENTENCE_END = re.compile(r"(?:(?<=[a-z]{3})|(?<=[0-9)\]}%$*\"']))\.\s+(?=[A-Z])")
_LONGEST = 2000


def _marked(text: str) -> Found | None:
    """What is set apart as the answer, the last of its kinds; else what follows the last "the answer is"."""
    bracketed = last_bracketed(text)
    if bracketed and any(bracket in bracketed.text for bracket in "[]"):
        bracketed = None  # a matrix
    marks = (last_answer_line(text), last_boxed(text), bracketed, _last(_TAG, text), _last(_HEADING, text))
    found = max((mark for mark in marks if mark), key=lambda mark: mark.span[0], default=None)
    if found is None and (sentence := _last(_ANSWER_IS, text)):
        found = msgspec.structs.replace(sentence, text=_SENTENCE_END.split(sentence.text, maxsplit=1)[0])
    return _unwrapped(found)


def _last(pattern: re.Pattern[str], text: str) -> Found | None:
    found = deque(pattern.finditer(text), 1)
    return Found(found[0][1], found[0].span(), _PATTERNS[pattern]) if found else None


_PATTERNS = {_TAG: "answer tag", _HEADING: "answer heading", _ANSWER_IS: "answer is"}


def _single_line(text: str) -> Found | None:
    line = text.strip()
    if len(line) > _LONGEST or "\n" in line or _EMPTY_MARK.match(line):
        return None
    start = len(text) - len(text.lstrip())
    return _unwrapped(Found(line, (start, start + len(line)), "whole reply"))


def _unwrapped(found: Found | None) -> Found | None:
    bare = unwrap(found.text) if found else ""
    return msgspec.structs.replace(found, text=bare) if found and bare else None


_WRAPPED = re.compile(
    r"\\(?:text|textbf|mathrm|mathbf|boxed)\s?\{([^{}]*)\}\Z|\\\((.*)\\\)\Z|\\\[(.*)\\\]\Z", re.DOTALL
)
_EDGES = " \t\n\r*_`$\"'“”‘’「」"
_SPELT = {char: f"^{digit}" for digit, char in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")} | {"⁻": "^-", "⁺": "^+", "\u2044": "/"}
_SPELT |= {char: " " + unicodedata.normalize("NFKC", char).replace("\u2044", "/") for char in "¼½¾⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"}
_SPELT_OUT = str.maketrans(_SPELT)
DASHES = str.maketrans("‐‑‒–—−", "------")
_THOUSANDS = re.compile(r"(?<=[0-9]),(?=[0-9]{3}(?![0-9]))")
_HYPHEN = re.compile(r"(?<=\w)-(?=\w)")
_ARTICLE = re.compile(r"\A(?:the|an?) (?=\S)")
_KEPT = frozenset("#%&@*/\\-_")


def unwrap(text: str) -> str:
    """The text without the quotes, emphasis and LaTeX around it and without a final full stop."""
    while True:
        bare = text.strip(_EDGES)
        bare = bare[:-1].rstrip(_EDGES) if bare.endswith((".", "。")) and not bare.endswith("..") else bare
        wrapped = _WRAPPED.match(bare)
        bare = next((group for group in wrapped.groups() if group is not None), "") if wrapped else bare
        if bare == text:
            return bare
        text = bare


def spelt_out(text: str) -> str:
    """Superscripts and fractions in plain characters; NFKC would make 102 of 10² and 11/2 of 1½."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text.translate(_SPELT_OUT))


def _without_punctuation(before: str, char: str, after: str) -> str:
    if char == "." and not (before.isdigit() and after.isdigit()):
        return ""
    if char in "'’\"":
        return ""
    if char in _KEPT or char == "." or not unicodedata.category(char).startswith("P"):
        return char
    return " "


class _Number(NamedTuple):
    value: Fraction
    """A percentage as the ratio that it is."""
    percent: bool


_NUMBER = re.compile(
    r"([+-]?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)?(?:\.[0-9]*)?(?:e[+-]?[0-9]{1,3})?)(?:/([0-9]+))?"
    r"\s*(%|percent|per cent)?"
)
_FRACTION = re.compile(r"([+-]?)\\[dt]?frac\{([0-9]+)\}\{([0-9]+)\}")


def _number(text: str) -> _Number | None:
    """The number that a text is, exactly; ``None`` where it is anything else."""
    if len(text) > 400:
        return None
    plain = spelt_out(unwrap(text)).casefold().translate(DASHES)
    plain = plain.replace("\\%", "%").replace("\\,", "").replace("\\!", "")
    plain = _FRACTION.sub(r"\1\2/\3", plain).strip()
    found = _NUMBER.fullmatch(plain)
    if not found or not re.search("[0-9]", found[1]) or found[1].startswith("e"):
        return None
    divisor = int(found[2]) if found[2] else 1
    if not divisor:
        return None
    value = Fraction(found[1].replace(",", "").rstrip(".")) / divisor
    return _Number(value / 100, True) if found[3] else _Number(value, False)
