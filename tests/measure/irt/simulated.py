"""Answers drawn from known curves."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy import special

from assay.measure.intervals import Floats
from assay.measure.irt.model import Items, information, probability


class Simulated(NamedTuple):
    x: Floats
    """(m, n): 0 or 1, NaN missing; or shares of several attempts."""
    theta: Floats
    """(m,): as drawn."""
    items: Items

    @property
    def standard(self) -> Floats:
        return (self.theta - self.theta.mean()) / self.theta.std()

    @property
    def on_their_scale(self) -> Items:
        """The items on the scale where these models' abilities are standard."""
        a, d, c = self.items
        return Items(a * self.theta.std(), d + a * self.theta.mean(), c)

    @property
    def bound(self) -> float:
        """Cramér and Rao's, of ability errors on that scale, items known."""
        there = np.where(np.isnan(self.x), 0, information(self.theta, self.items))
        return float(np.sqrt(np.mean(1 / there.sum(axis=1))) / self.theta.std())


def simulated(
    m: int, n: int, seed: int, *, missing: float = 0.0, guessing: float = 0.0, attempts: int = 1, **fixed: Any
) -> Simulated:
    """θ ~ N(0, 1), ln a ~ N(0.2, 0.4²), b ~ N(0, 1.2²); ``fixed`` sets ``theta`` or ``a`` instead."""
    rng = np.random.default_rng(seed)
    theta, slope, b = (special.ndtri(rng.random(size)) for size in (m, n, n))
    theta, a = fixed.get("theta", theta), fixed.get("a", np.exp(0.2 + 0.4 * slope))
    items = Items(a, -a * 1.2 * b, np.full(n, guessing))
    p = probability(theta, items)
    x = np.mean([rng.random((m, n)) < p for _ in range(attempts)], axis=0)
    x[rng.random((m, n)) < missing] = np.nan
    return Simulated(x, theta, items)


def rmse(error: Floats) -> float:
    return float(np.sqrt(np.mean(np.square(error))))
