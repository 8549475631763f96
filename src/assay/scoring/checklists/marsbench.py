"""MARS-Bench (arXiv 2505.23810): facts whose points sum to 1, and reasons that make the turn worth 0.

A checklist is a JSON object, fact -> points, as its owners wrote it; ``first_check`` holds the vetoes. A fact
with 0 points is a requirement whose absence zeroes the turn. Many of the published objects are not quite JSON
and are repaired here. A checklist without any points has no value: its owners' judge improvised one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

from assay.errors import DatasetMalformed
from assay.scoring.checklist import Fact, Group, nested_mean

VETOES = "first_check"
_STRAY_QUOTE = re.compile(r'(":\s{0,4}\d{1,4}(?:\.\d{1,20})?)"(?=\s{0,4}[,}]|\s{0,4}\Z)')


def marsbench(name: str, text: str) -> Group:
    """The checklist of a turn, from its text in the dataset (``<prompt_id> {...}`` or ``{...}``).

    Fact ids are the facts' texts; one that occurs twice gets a number. Raises ``DatasetMalformed``.
    """
    parts: list[Fact] = []
    for fact, points in _read(name, text):
        if fact == VETOES and isinstance(points, list):
            parts += [Fact(_fresh(reason, parts), 0, gate="veto") for reason, _ in points]
        elif isinstance(points, bool) or not isinstance(points, int | float):
            raise DatasetMalformed(f"checklist {name!r}: the points of {fact!r} are {points!r}, not a number")
        else:
            parts.append(Fact(_fresh(fact, parts), points, gate=None if points else "required"))
    return Group(name, tuple(parts), out_of=1)


def dialogue_accuracy(scores: Mapping[str, float | None], mathematics: Collection[str] = ()) -> dict[str, float | None]:
    """A dialogue's numbers from its turns' scores (turn id -> score, ``None`` where it was not judged).

    ``accuracy``, the headline, leaves the mathematics turns out; ``original_accuracy`` has all turns, and
    ``math_accuracy`` only them. Turns without a score are in none of them. A task's score is the mean over its
    dialogues, and the overall score the mean of the four tasks: ``nested_mean``.
    """
    return {
        "accuracy": nested_mean([score for turn, score in scores.items() if turn not in mathematics]),
        "original_accuracy": nested_mean(list(scores.values())),
        "math_accuracy": nested_mean([score for turn, score in scores.items() if turn in mathematics]),
    }


def _read(name: str, text: str) -> list[tuple[str, Any]]:
    """The pairs of the object, in order and with duplicates."""
    start = text.find("{")
    body = text[start:] if start >= 0 else ""
    decoder = json.JSONDecoder(object_pairs_hook=list)
    for attempt in (body, _STRAY_QUOTE.sub(r"\1", body), _STRAY_QUOTE.sub(r"\1", body) + "}"):
        try:
            pairs = decoder.raw_decode(attempt)[0]  # a second closing brace is left alone
        except (ValueError, RecursionError):
            continue
        return list(pairs)
    raise DatasetMalformed(f"checklist {name!r}: not a JSON object, even with stray quotes and braces repaired")


def _fresh(text: str, parts: list[Fact]) -> str:
    taken = {part.id for part in parts}
    names = (text if number == 1 else f"{text} ({number})" for number in range(1, len(parts) + 2))
    return next(name for name in names if name not in taken)
