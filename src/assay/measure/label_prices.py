"""What a judge saves: the price of the same precision with it and without.

With n labels among T = n + N judged items, Var = s² ((1 - ρ²)/n + ρ²/T), which is the formula of effective labels,
n / (1 - ρ² N/T), turned over. Cost is c_l n + c_j T; the cheapest n and T for a given variance follow from Cauchy's
inequality. The invariant: a judge is called worth its money only if it is so at the best use that can be made of it.
"""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

from assay.measure.prediction_powered import effective_labels


class Price(NamedTuple):
    """The price of a precision, in the unit in which labels and verdicts were priced."""

    spent: float
    """On the labels and verdicts that there are."""
    labels_alone: float
    """On the labels that would be needed without the judge."""
    best_ratio: float
    """Cost at the best number of labels and verdicts, as a share of that of labels alone; 1: do without the judge."""
    best_verdicts: float
    """Items to be judged for each labelled one, at best; 1 where the judge is not worth it."""


def price(n: int, more: int, rho: float, *, label: float, verdict: float) -> Price:
    """What was spent, what labels alone would have cost, and the best that can be done.

    Args:
        n: labelled items, all of them judged too.
        more: judged items without a label.
        rho: correlation of label and verdict; a judge of negative correlation has no weight.
        label: price of a label, above 0.
        verdict: price of a verdict, not below 0.
    """
    rho = max(rho, 0.0)
    spent = label * n + verdict * (n + more)
    alone = label * effective_labels(n, more, rho)
    ratio, items = _best(rho, verdict / label)
    return Price(spent, alone, ratio, items)


def _best(rho: float, relative: float) -> tuple[float, float]:
    """Lowest cost relative to labels alone, and T/n there, where a verdict costs ``relative`` times a label.

    n ~ √(1-ρ²) and T ~ ρ/√c make (√(1-ρ²) + ρ√c)²; with T < n there would be no unlabelled item.
    """
    if relative == 0:
        return 1 - rho * rho, float("inf") if rho else 1.0
    if rho >= 1:
        return (relative, float("inf")) if relative < 1 else (1.0, 1.0)
    items = rho / sqrt(relative * (1 - rho * rho))
    ratio = (sqrt(1 - rho * rho) + rho * sqrt(relative)) ** 2
    return (ratio, items) if items > 1 and ratio < 1 else (1.0, 1.0)
