"""How well items fit the model, and how sharply a set of items sees.

Infit and outfit compare how far answers lie from what the curves expect with how far they should; both are 1 on
average where the model holds. Outfit is moved by single astonishing answers, infit by the shape of the curve near the
difficulty. Above 1 an item is noisier than the model says (a wrong key, a trick, another skill), below 1 more
regular. The invariant: an item that nobody was asked has no fit (NaN).

Sources: Wright and Masters, "Rating Scale Analysis" (1982), chapter 5; Green et al. (1984) for the reliability.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assay.measure.intervals import Floats
from assay.measure.irt.cells import blocks, cells_of
from assay.measure.irt.model import Items, information, probability


class ItemFit(NamedTuple):
    """Mean squares of n items, expected to be 1."""

    infit: Floats
    """(n,): squared residuals over their expected sum."""
    outfit: Floats
    """(n,): mean of squared standardised residuals."""
    infit_z: Floats
    """(n,): the same as a standard normal deviate, by the cube root of Wilson and Hilferty."""
    outfit_z: Floats
    answered: NDArray[np.int64]
    """(n,): models with an answer."""


def item_fit(x: ArrayLike, theta: Floats, items: Items, attempts: ArrayLike | None = None) -> ItemFit:
    """Infit and outfit of n items from the answers ``x`` (m, n; NaN missing) of models at ``theta`` (m,).

    With abilities and items estimated from the same answers both are slightly below 1, the more so the fewer models.
    """
    cells = cells_of(x, attempts, dtype=np.float64)
    m, n = cells.k.shape
    sums = np.zeros((6, n))  # squares, variances, variances of squares; the same standardised; models
    for part in blocks(n, m):
        own = cells.columns(part)
        w = np.ones_like(own.k) if own.w is None else own.w
        p = np.clip(probability(theta, items.take(part)), 1e-9, 1 - 1e-9)
        variance = w * p * (1 - p)
        square = (own.k - w * p) ** 2
        spread = variance * (1 + (2 * w - 6) * p * (1 - p))  # fourth central moment less variance², binomial
        some = np.where(w > 0, variance, np.inf)
        parts = (square, variance, spread, square / some, spread / some**2, w > 0)
        sums[:, part] = [np.sum(one, axis=0) for one in parts]
    square, variance, spread, standardised, its_spread, answered = sums
    with np.errstate(invalid="ignore", divide="ignore"):
        infit, outfit = square / variance, standardised / answered
        infit_z = _deviate(infit, np.sqrt(spread) / variance)
        outfit_z = _deviate(outfit, np.sqrt(its_spread) / answered)
    return ItemFit(infit, outfit, infit_z, outfit_z, answered.astype(np.int64))


def _deviate(mean_square: Floats, sd: Floats) -> Floats:
    return (np.cbrt(mean_square) - 1) * 3 / sd + sd / 3


def total_information(theta: ArrayLike, items: Items) -> Floats:
    """Information, (m,), that one answer to every item carries at abilities ``theta`` (m,)."""
    at = np.asarray(theta, np.float64)
    total = np.zeros(len(at))
    for part in blocks(len(items.a), len(at)):
        total += information(at, items.take(part)).sum(axis=1)
    return total


def marginal_reliability(theta: NDArray[Any], se: NDArray[Any]) -> float:
    """Share of the variance of estimated abilities that is not error: 1 - mean(se²) / Var(θ̂).

    NaN where the estimates do not vary.
    """
    variance = float(np.var(theta))
    return 1 - float(np.mean(np.square(se))) / variance if variance > 0 else float("nan")
