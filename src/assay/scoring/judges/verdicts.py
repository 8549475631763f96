"""Reading a judge's reply: text in, a verdict out, or ``JudgeUnparsable`` with the reason.

The verdict is read from the judge's own reply, its thinking split off, and from nowhere else. A verdict that is
not there, lies outside its scale, is said to be null, or is given twice in different ways is not a
verdict: nothing is rounded into range, and of two the later is not simply taken, since the other may be
the very text that a candidate planted in its answer and the judge went on to quote, on either side.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Any

from assay.scoring.json_recovery import lone, objects_in
from assay.scoring.thinking import split_thinking

Verdict = dict[str, Any]
Reader = Callable[[str], Verdict]

_NUMBER = re.compile(r"\s*[+-]?\d{1,30}(?:\.\d{1,30})?\s*\Z")


class JudgeUnparsable(Exception):
    """A judge's reply holds no verdict; the message says why, in words that a judge can act on."""


def score_reader(key: str, *, low: float = 0.0, high: float = 1.0, allowed: Collection[float] = ()) -> Reader:
    """Reads ``{key: number}``, such as ``{"score": 0.5}``, on a scale.

    A number in nested lists or in quotes counts as the number; true and false count as 1 and 0 where
    these are allowed. The verdict is ``{key: number, "mended": [...]}``.

    Args:
        key: the member that holds the score.
        low: least score.
        high: greatest score.
        allowed: the only possible scores, where there are few.
    """

    def read(reply: str) -> Verdict:
        value, mended = _one(reply, key)
        score = _number(value, key)
        if not low <= score <= high or (allowed and score not in allowed):
            scale = ", ".join(f"{x:g}" for x in sorted(allowed)) if allowed else f"{low:g} to {high:g}"
            raise JudgeUnparsable(f'"{key}" is {score:g}, which is not on the scale ({scale})')
        return {key: score, "mended": mended}

    return read


def choice_reader(key: str, allowed: Collection[str]) -> Reader:
    """Reads ``{key: word}`` with one of the ``allowed`` words, in whatever case."""
    known = {word.casefold(): word for word in allowed}

    def read(reply: str) -> Verdict:
        value, mended = _one(reply, key)
        word = known.get(str(value).strip().casefold()) if isinstance(value, str | int) else None
        if word is None:
            raise JudgeUnparsable(f'"{key}" must be one of: {", ".join(known.values())}')
        return {key: word, "mended": mended}

    return read


def answer_part(reply: str) -> str:
    """A judge's reply without its thinking."""
    return split_thinking(reply)[1]


def _one(reply: str, key: str) -> tuple[Any, list[str]]:
    """The only value that the reply gives for ``key``, and what had to be mended to read it."""
    found = objects_in(answer_part(reply), key)
    values: list[Any] = []
    for each in found:
        value = lone(each.value[key])
        if value not in values:
            values.append(value)
    if not values:
        raise JudgeUnparsable(f'no JSON object with "{key}" was found')
    if len(values) > 1:
        raise JudgeUnparsable(f'"{key}" is given {len(values)} times with different values')
    return values[0], list(found[-1].mended)


def _number(value: Any, key: str) -> float:
    if isinstance(value, bool | int | float):
        return float(value)
    if isinstance(value, str) and _NUMBER.match(value):
        return float(value)
    if value is None or value == "null":
        raise JudgeUnparsable(f'"{key}" is null: no verdict was given')
    raise JudgeUnparsable(f'"{key}" is no number')
