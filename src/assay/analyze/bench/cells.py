"""What the bench reports: one cell a figure, with its interval, what it is over, and what was hoped for.

The invariant: a cell keeps the single values that it is a mean of, so that anybody can make another interval.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from msgspec import Struct

from assay.measure.intervals import t_interval, wilson

Advance = Callable[[], None]


class Sizes(NamedTuple):
    """How much is simulated."""

    seeds: int = 5
    """Planted worlds of each kind, and splits for stability."""
    cases: int = 2_500
    """Questions of a world at most."""
    reports: int = 100
    """Reports on each kind of null data."""
    small: int = 300
    """Questions behind a report on null data."""
    repeats: int = 10
    """Tables with each planted behaviour at each strength."""
    batch: int = 40
    """Cases that the guesser sees of each model."""
    batches: int = 10
    """Batches of each pair of models."""
    models: int = 20
    """Models of the stored responses whose reports are guessed, at most."""


QUICK = Sizes(seeds=2, cases=600, reports=10, small=200, repeats=2, batches=3, models=4)


class Cell(Struct, frozen=True, omit_defaults=True):
    """One figure of the bench."""

    part: str
    world: str
    """Which questions, or which models."""
    case: str
    """What was planted, or asked."""
    method: str
    measure: str
    value: float | None
    """``None``: there was nothing to compute it from; see ``note``."""
    lower: float | None = None
    upper: float | None = None
    n: int = 0
    unit: str = ""
    """What ``n`` counts."""
    target: float | None = None
    at_most: bool = False
    """Whether the target is an upper bound."""
    values: tuple[float, ...] = ()
    """The single values, where there are few."""
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the target is met by the value; ``None`` without a target."""
        if self.target is None or self.value is None:
            return None
        return self.value <= self.target if self.at_most else self.value >= self.target


class Key(NamedTuple):
    """What a cell is about."""

    part: str
    world: str
    case: str
    method: str


def mean_cell(
    key: Key, measure: str, values: Sequence[float], unit: str, *, target: float | None = None, note: str = ""
) -> Cell:
    """The mean of shares with Student's t interval, cut to [0, 1]; no interval for fewer than two."""
    if not values:
        return Cell(*key, measure, None, unit=unit, target=target, note=note or "nothing to compute it from")
    x = np.asarray(values, dtype=np.float64)
    lower = upper = None
    if len(x) > 1:
        low, high = t_interval(x)
        lower, upper = max(0.0, float(low)), min(1.0, float(high))
    return Cell(
        *key, measure, float(x.mean()), lower, upper, len(x), unit, target, values=tuple(map(float, x)), note=note
    )


def share_cell(
    key: Key,
    measure: str,
    k: int,
    n: int,
    unit: str,
    *,
    target: float | None = None,
    at_most: bool = False,
    note: str = "",
) -> Cell:
    """A share with Wilson's interval."""
    if n == 0:
        return Cell(*key, measure, None, unit=unit, target=target, at_most=at_most, note=note or "nothing to count")
    lower, upper = wilson(k, n)
    return Cell(*key, measure, k / n, float(lower), float(upper), n, unit, target, at_most, note=note)
