"""Whether a reply gives the answer: the last one that it sets apart, compared as its kind allows.

What a comparison forgives is form (spaces, case, quotes, LaTeX, labels before the entries of a list), never
content: an entry too many, in the wrong place or spelt otherwise is wrong. Answers are looked at as text
only, and only if they are short.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from assay.benchmarks.korgen.prompts import RULE_TAG, TWIN_RULE_TAG
from assay.records import Outcome, Sample, Score, Trajectory
from assay.scoring.brackets import Found, find_answer
from assay.scoring.thinking import outcome_without_answer, split_thinking

LONGEST = 2000
"""Characters of an answer; anything longer is wrong unread."""

_LATEX = re.compile(r"\\(?:text(?:bf|tt|it)?|math(?:rm|bf|tt|sf|it)|operatorname)\s?\{([^{}]*)\}")
_LATEX_GAPS = re.compile(r"\\(?:begin|end)\{\w{1,20}\*?\}|\\(?:(?:long)?rightarrow|to|q?quad)(?![a-zA-Z])|\\[\\,;:! ]")
_MARKS = str.maketrans(
    {"−": "-", "–": "-", "，": ",", "；": ";", "：": ":", "\u00a0": " "} | dict.fromkeys("$*`\"'“”‘’")
)
_BRACKETS = str.maketrans(dict.fromkeys("[](){}\\"))
_INTEGER = re.compile(r"([+-]?)\s?0*(\d{1,30}?)(?:\.0*)?", re.ASCII)
_THOUSANDS = re.compile(r"(?<=\d)[, _](?=\d{3}(?!\d))")
_LABEL = re.compile(r"\A(?:\d{1,3}\.?\s+(?=[a-z])|.*[:=])", re.DOTALL)
"""What may stand before an entry: its number, or a name for it."""
_SEPARATOR = re.compile(r"[,;\n]|->|→|\band\b")
_LETTER = re.compile(r"(?:option\s)?([a-d])(?:[.:,\s-]+(.+))?", re.DOTALL)


def score(sample: Sample, trajectory: Trajectory) -> Score:
    """Score 1 where the reply's answer is the sample's target; 0 where it is another one.

    Counterfactual samples get a further value ``real_life``: 1 where the answer is the one that is right
    outside of the story.
    """
    found = found_answer(split_thinking(trajectory.text)[1])
    if found is None:
        return Score(outcome_without_answer(trajectory.response), explanation="no answer set apart")
    same = _SAME[sample.metadata["kind"]]
    readable = len(found.text) <= LONGEST
    right = readable and same(found.text, str(sample.target), sample.choices)
    real_life = sample.metadata.get("real_life_answer")
    return Score(
        Outcome.SCORED,
        float(right),
        found.text[:LONGEST],
        f"{found.pattern}, compared as {sample.metadata['kind']}",
        trace={"pattern": found.pattern, "span": found.span, "competitors": found.competitors},
        values={}
        if real_life is None
        else {"real_life": float(readable and same(found.text, real_life, sample.choices))},
    )


def found_answer(text: str) -> Found | None:
    """The answer of a reply; of a base model's, the answer before it goes on to invent the next rule."""
    head = text.partition(RULE_TAG)[0].partition(TWIN_RULE_TAG)[0]
    return (find_answer(head) if head != text else None) or find_answer(text)


def _plain(text: str) -> str:
    """An answer without the marks that are no part of it."""
    text = _LATEX_GAPS.sub(",", _LATEX.sub(r"\1", text))
    return text.translate(_MARKS).translate(_BRACKETS).strip().rstrip(".").casefold()


def _number(text: str) -> str:
    """A whole number in its one canonical form, or the text as it is."""
    found = _INTEGER.fullmatch(text)
    if not found:
        return text
    return ("-" if found[1] == "-" and found[2] != "0" else "") + found[2]


def _entries(text: str) -> list[str]:
    """The entries of a list, without labels such as ``1.``, ``Brona:`` or ``x =`` before them."""
    parts = [part.strip() for part in _SEPARATOR.split(_plain(text)) if part.strip()]
    if len(parts) == 1:
        parts = parts[0].split()
    return [_number(_LABEL.sub("", part).strip().rstrip(".")) for part in parts]


def _same_integer(answer: str, target: str, _: Sequence[str]) -> bool:
    return _number(_THOUSANDS.sub("", _plain(answer).rpartition("=")[2].strip())) == target


def _same_characters(answer: str, target: str, _: Sequence[str]) -> bool:
    """A word, a string of letters, or a grid whose cells have one character each: what is between is left out."""
    return "".join(filter(str.isalnum, _plain(answer))) == "".join(filter(str.isalnum, target.casefold()))


def _same_list(answer: str, target: str, _: Sequence[str]) -> bool:
    return _entries(answer) == _entries(target)


def _same_set(answer: str, target: str, _: Sequence[str]) -> bool:
    return set(_entries(answer)) == set(_entries(target))


def _same_letter(answer: str, target: str, choices: Sequence[str]) -> bool:
    """The option's letter, its text, or both, if they agree."""
    plain, option = _plain(answer), choices["ABCD".index(target)]
    found = _LETTER.fullmatch(plain)
    return plain == option or bool(found and found[1] == target.casefold() and found[2] in (None, option))


_SAME: dict[str, Callable[[str, str, Sequence[str]], bool]] = {
    "integer": _same_integer,
    "text": _same_characters,
    "list": _same_list,
    "set": _same_set,
    "letter": _same_letter,
    "grid": _same_characters,
}
