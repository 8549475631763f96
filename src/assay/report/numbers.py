"""How numbers are written, the same in every table, caption and axis."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from assay.records import Estimate

NONE = "–"
"""Stands for a number that there is not."""


def shares(estimates: Iterable[Estimate]) -> bool:
    """Whether all of these are means in [0, 1] with their intervals, so that they are written in percent."""
    return all(
        e.kind != "auc"
        and e.scale == "share"
        and all(0 <= x <= 1 for x in (e.value, e.lower, e.upper) if x is not None)
        for e in estimates
    )


def number(value: float | None, *, percent: bool) -> str:
    """A number to two decimals of a percent, or to four significant figures."""
    if value is None:
        return NONE
    return f"{100 * value:.2f}" if percent else f"{value:.4g}"


def interval(lower: float | None, upper: float | None, *, percent: bool) -> str:
    """The two ends of an interval."""
    if lower is None or upper is None:
        return NONE
    return f"[{number(lower, percent=percent)}, {number(upper, percent=percent)}]"


def p_value(p: float | None) -> str:
    """A p-value to two significant figures."""
    if p is None:
        return NONE
    return "< 0.0001" if p < 0.0001 else f"{p:.2g}"


def count(n: int | None) -> str:
    """A count with its thousands set apart."""
    return NONE if n is None else f"{n:,}"


def counts(found: Mapping[str, int]) -> str:
    """``{"scored": 3}`` as ``3 scored``, number and word kept on one line."""
    return ", ".join(f"{n:,}\u00a0{name}" for name, n in found.items()) or NONE


def confidence(level: float) -> str:
    """``0.95`` as ``95 %``."""
    return f"{100 * level:g} %"
