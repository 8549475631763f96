"""Answers by number out of a reply that was asked for ``{"question1": "...", "question2": "..."}``.

The last JSON object with such keys counts, however near to JSON it is; where there is none, labels such as
``question1:`` in the text. Keys decide, not order, and what no key names is not answered. The text is
hostile: nothing is evaluated, and all scans are linear.
"""

from __future__ import annotations

import re
from typing import Any

from assay.scoring.json_recovery import values_in

_KEY = re.compile(r"\s*(?:question|answer|q|a)?[\s_#-]{0,3}(\d{1,4})\s*", re.IGNORECASE)
_LABEL = re.compile(r"[\"'“*]{0,3}\bquestion[\s_#]{0,2}(\d{1,4})[\"'”*]{0,3}\s{0,4}[:=]", re.IGNORECASE)
_LONGEST = 4000
"""Characters of an answer after a label."""


def numbered_answers(text: str, count: int) -> dict[int, str]:
    """Number of the question (from 1 to ``count``) -> what is given as its answer."""
    for found in reversed(values_in(text)):
        for members in reversed(_dicts(found.value)):
            answers = {
                number: _written(value)
                for key, value in members.items()
                if (number := _number(key, count)) and value is not None
            }
            if answers:
                return answers
    return _labelled(text, count)


def _labelled(text: str, count: int) -> dict[int, str]:
    labels = list(_LABEL.finditer(text))
    ends = [*(label.start() for label in labels[1:]), len(text)][: len(labels)]
    answers = {}
    for label, end in zip(labels, ends, strict=True):
        if number := _number(label[1], count):
            # From the end, since an answer may be argued for.
            answers[number] = text[max(label.end(), end - _LONGEST) : end].strip().rstrip(",}`\n ").strip("\"'")
    return answers


def _number(key: str, count: int) -> int | None:
    found = _KEY.fullmatch(key) if len(key) < 40 else None
    number = int(found[1]) if found else 0
    return number if 1 <= number <= count else None


def _dicts(value: Any) -> list[dict[str, Any]]:
    """The objects in a value, itself first."""
    found, waiting = [], [value]
    while waiting:
        at = waiting.pop()
        if isinstance(at, dict):
            found.append(at)
            waiting += reversed(at.values())
        elif isinstance(at, list):
            waiting += reversed(at)
    return found


def _written(value: Any) -> str:
    """A value as text; ``[[2]]`` without quotation marks is the list of lists that it looks like."""
    if isinstance(value, list):
        return "[" + ", ".join(map(_written, value)) + "]"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_written(member)}" for key, member in value.items())
    return str(value)
