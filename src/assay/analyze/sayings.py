"""Sentences with their evidence: how the statistician writes what it found, so that the gate can read it.

The invariant: a number gets into a sentence only through ``Saying``, which recomputes it from all the cases,
prints it with the rounding that its evidence states, and keeps the expression beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from assay.analyze.claims import Combination, Condition, Expression, Selection, Statistic
from assay.analyze.findings import CitedCase, Evidence
from assay.analyze.recompute import Recomputed, recompute

if TYPE_CHECKING:
    import polars as pl

Unit = Literal["share", "score", "points", "count", "tokens", "seconds", "dollars", "ratio", "rank", "number"]
FRACTIONS = ("share", "points")


class Saying:
    """The evidence of one finding, collected while its sentence is put together."""

    def __init__(self, cases: pl.DataFrame) -> None:
        """Start with no evidence; numbers will be computed from ``cases``."""
        self._cases = cases
        self.evidence: list[Evidence] = []
        self.values: dict[str, Recomputed] = {}

    def of(self, name: str, expression: Expression, unit: Unit, decimals: int = 1) -> Recomputed:
        """Add a number to the evidence. Raises ``ClaimUnresolvable``."""
        value = recompute(expression, self._cases)
        stated = round(value.value, decimals + 2 if unit in FRACTIONS else decimals)
        self.evidence.append(Evidence(name, stated, expression, unit, decimals))
        self.values[name] = value
        return value

    def number(self, name: str, expression: Expression, unit: Unit, decimals: int = 1) -> str:
        """Add a number and print it without its sign."""
        return printed(self.of(name, expression, unit, decimals).value, unit, decimals)

    def ranged(self, name: str, expression: Expression, unit: Unit, decimals: int = 1) -> str:
        """Add a number and print it with its interval, where it has one."""
        value = self.of(name, expression, unit, decimals)
        text = printed(value.value, unit, decimals)
        if value.lower is None or value.upper is None:
            return text
        return f"{text} [{printed(value.lower, unit, decimals)}, {printed(value.upper, unit, decimals)}]"


def printed(value: float, unit: Unit, decimals: int) -> str:
    """A number's size as a claim writes it; the sentence says which way it points."""
    if unit == "share":
        return f"{100 * abs(value):.{decimals}f} %"
    if unit == "points":
        return f"{100 * abs(value):.{decimals}f} points"
    return f"{abs(value):,.{decimals}f}"


def scale(cases: pl.DataFrame, column: str = "score") -> tuple[Unit, Unit, int]:
    """How a column's means, and their differences, are printed: percent for what lies in [0, 1]."""
    import polars as pl

    if cases[column].dtype == pl.Boolean:
        return "share", "points", 1
    low, high = cases[column].min(), cases[column].max()
    inside = isinstance(low, int | float) and isinstance(high, int | float) and low >= 0 and high <= 1
    if inside:
        return "share", "points", 1
    small = isinstance(high, int | float) and abs(high) < 10
    return "number", "number", 3 if small else 1


def mean(model: str, where: Selection = (), column: str = "score") -> Statistic:
    """The mean of a column over a model's cases."""
    return Statistic("mean", column, where, model=model)


def difference(a: Statistic, b: Statistic) -> Combination:
    """a - b."""
    return Combination("difference", a, b)


def cited(cases: pl.DataFrame, model: str, label: Selection, most: int = 3) -> tuple[CitedCase, ...]:
    """Cases of a model that show a label, the first of them in the order of their ids."""
    from assay.analyze.claims import select

    found = select(cases, label, model)["case"].sort().head(most).to_list()
    return tuple(CitedCase(case, label) for case in found)


def wrong() -> Condition:
    """The case was not solved."""
    return Condition("right", "==", False)


def right() -> Condition:
    """The case was solved."""
    return Condition("right", "==", True)


def short(model: str) -> str:
    """A model's name as a sentence has it."""
    return model.rpartition("/")[2]
