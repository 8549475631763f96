"""Claims about cases as plain data: what a claim says, so that code can say it again.

A claim is a ``Statistic`` (one number over one selection of cases) or a ``Combination`` of two. An agent, the
statistician and the reader's link all hold the same record; ``recompute`` turns it into a number. What does
not fit the records raises ``ClaimUnresolvable``, never yields a default.

Cases are a frame with one row an attempt (see ``cases``); its columns are the vocabulary of conditions.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from assay.errors import AssayError

if TYPE_CHECKING:
    import polars as pl

Op = Literal["==", "!=", "<", "<=", ">", ">=", "in", "contains", "missing", "present"]


_COMPARE: dict[str, Callable[[Any, Any], pl.Expr]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class ClaimUnresolvable(AssayError):
    """A claim names a column, model or case that the records do not have, or rests on no case at all."""


class Condition(Struct, frozen=True, omit_defaults=True):
    """One column compared with a value. Cases where the column is null fulfil ``missing`` alone."""

    column: str
    op: Op
    value: str | float | bool | tuple[str | float, ...] | None = None
    """A list for ``in``; a text, matched literally and in lower case, for ``contains``."""

    def __str__(self) -> str:
        if self.op in ("missing", "present"):
            return f"{self.column} is {self.op}"
        value = f"{self.value:g}" if isinstance(self.value, float) else self.value
        return f"{self.column} {self.op} {value}"


Selection = tuple[Condition, ...]
"""A conjunction; empty: every case."""


class Statistic(Struct, frozen=True, omit_defaults=True, tag="statistic"):
    """One number over the cases that a selection picks."""

    kind: Literal["mean", "share", "count", "median", "sum", "sd", "rank", "best_of_n", "worst_of_n", "flip_rate"]
    """``share``: of the cases ``among``, those that fulfil ``where``. ``rank``: place of ``model`` by its mean,
    1 is the highest. ``best_of_n``, ``worst_of_n``: mean over samples of the best (worst) of a sample's
    attempts. ``flip_rate``: share of samples with several attempts that do not all agree."""
    column: str = "score"
    """What is averaged, summed or ranked; not used by ``share`` and ``count``."""
    where: Selection = ()
    among: Selection = ()
    """For ``share`` alone: the denominator."""
    model: str | None = None
    """Cases of this model only; for ``rank`` the model that is placed."""


class Combination(Struct, frozen=True, omit_defaults=True, tag="combination"):
    """Two statistics put together."""

    op: Literal["difference", "ratio", "relative_change"]
    """a - b, a / b, or (a - b) / b."""
    a: Statistic
    b: Statistic


Expression = Statistic | Combination


def select(cases: pl.DataFrame, where: Selection, model: str | None = None) -> pl.DataFrame:
    """The cases that fulfil all the conditions. Raises ``ClaimUnresolvable``."""
    import polars as pl

    if model is not None:
        if model not in cases["model"].unique():
            raise ClaimUnresolvable(f"no cases of a model {model!r}")
        cases = cases.filter(pl.col("model") == model)
    for condition in where:
        cases = cases.filter(mask(cases, condition))
    return cases


def mask(cases: pl.DataFrame, condition: Condition) -> pl.Series:
    """Which cases fulfil one condition. Raises ``ClaimUnresolvable`` where it does not fit the column."""
    import polars as pl

    name, op, value = condition.column, condition.op, condition.value
    if name not in cases.columns:
        raise ClaimUnresolvable(f"case records have no column {name!r}")
    column = pl.col(name)
    try:
        if op == "missing":
            test = column.is_null()
        elif op == "present":
            test = column.is_not_null()
        elif op == "in":
            test = column.is_in(list(value) if isinstance(value, tuple) else [value])
        elif op == "contains":
            test = column.cast(pl.String).str.to_lowercase().str.contains(str(value).lower(), literal=True)
        else:
            test = _COMPARE[op](column, value)
        return cases.select(test.fill_null(False).alias("found"))["found"]
    except (pl.exceptions.PolarsError, TypeError) as error:
        raise ClaimUnresolvable(f"{condition} does not fit the records: {str(error).splitlines()[0]}") from None
