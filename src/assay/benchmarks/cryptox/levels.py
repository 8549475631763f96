"""How much is encoded: levels as numbers of words or as fractions, and the metrics over them.

A level is one of two units, and a run has one unit only, so that scores can be integrated along it.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from typing import Any, Literal, NamedTuple

import msgspec

from assay.errors import UsageError
from assay.records import Metric

DEFAULT_WORDS = (0, 5, 10)
"""The levels that the paper reports."""


class Level(NamedTuple):
    """How much is encoded."""

    unit: Literal["w", "p"]
    """Words, or a fraction of the words that can be encoded."""
    amount: float

    def __str__(self) -> str:
        return f"{self.amount:g}"

    @property
    def amounts(self) -> dict[str, Any]:
        """The level as ``encode`` takes it."""
        return {"words": int(self.amount)} if self.unit == "w" else {"percent": self.amount}


def levels_of(benchmark: str, words: Iterable[int] | None, fractions: Iterable[float]) -> tuple[Level, ...]:
    """The levels that a user asked for: fractions, or words, by default 0, 5 and 10. Raises ``UsageError``."""
    fractions = tuple(fractions)
    if words is not None and fractions:
        raise UsageError(f"{benchmark}: levels are either words or percent, not both")
    levels = tuple(Level("p", part) for part in fractions) or tuple(Level("w", k) for k in (words or DEFAULT_WORDS))
    if not all(0 <= level.amount <= (1 if level.unit == "p" else inf) for level in levels):
        raise UsageError(f"{benchmark}: words are numbers from 0, percent fractions from 0 to 1")
    if len(set(levels)) < len(levels):
        raise UsageError(f"{benchmark}: a level is given twice")
    return levels


def evenly_spaced(benchmark: str, text: str) -> tuple[float, ...]:
    """The owners' notation for fractions, ``start count end``: evenly spaced, rounded to two decimals.

    ``0 3 1`` is 0, 0.5 and 1. Raises ``UsageError``.
    """
    try:
        first, number, last = text.split()
        start, count, end = float(first), int(number), float(last)
    except ValueError:
        raise UsageError(f"{benchmark}: {text!r} is not 'start count end', such as '0 3 1' for 0, 0.5 and 1") from None
    if not (2 <= count <= 101 and 0 <= start <= 1 and 0 <= end <= 1):
        raise UsageError(f"{benchmark}: {text!r}: start and end lie between 0 and 1, and count is at least 2")
    step = (end - start) / (count - 1)
    return (*(round(at * step + start, 2) for at in range(count - 1)), round(end, 2))


def level_metrics(main: Metric, levels: Iterable[Level]) -> tuple[Metric, ...]:
    """A metric at each level and, over several levels, the area under it: raw and divided by their range."""
    by_level = msgspec.structs.replace(main, by="level", where={})
    area = msgspec.structs.replace(by_level, name="auc", by=None, kind="auc", along="level")
    relative = msgspec.structs.replace(area, name="auc_normalised", normalised=True)
    return (by_level, area, relative) if len(tuple(levels)) > 1 else (by_level,)
