"""Where on the scale of ability a suite can see: information, and the smallest gap that it shows there.

Functions of fitted items (``irt``). The smallest gap in ability that two models need so that the difference of
their estimates exceeds its 95 % error is 1.96 √2 / √I(θ), with I the test information; the test curve (the
expected score at each ability) turns it into points. The invariants: a gap is always given with the ability where
it holds; what is said of a model's place carries the error of that model's ability; and items that all models
answered alike inform about nobody: what a fit says of them is its prior, so they add to the score alone.

A 2PL item's information integrates to its slope over all abilities, and to a P(θ) up to θ: the saturation index
needs no grid. Items of a 3PL lose some by guessing and are integrated numerically.

Sources: Birnbaum in Lord and Novick (1968), chapter 20, for information; Kish (1965) for effective numbers.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from assay.measure.intervals import Floats
from assay.measure.irt.model import Items, information, probability
from assay.measure.item_statistics import dead, difficulty

BLIND = 1.0
"""Standard deviations of ability: where only larger gaps show, the suite is called blind."""

_Z = 1.96
_GRID = np.round(np.linspace(-6, 6, 241), 2)
_FAR = 12.0


class Suite(NamedTuple):
    """The fitted items of a suite, apart from those on which all models scored alike."""

    live: Items
    """Of the items that tell any two models apart."""
    n: int
    """All items."""
    fixed: float
    """Sum of the scores that every model gets on the others."""

    def score(self, theta: Floats) -> Floats:
        """The test curve: expected mean score over all items at each ability (k,)."""
        return np.asarray((probability(theta, self.live).sum(axis=1) + self.fixed) / self.n)

    def information(self, theta: Floats) -> Floats:
        """The test information at each ability (k,)."""
        return np.asarray(information(theta, self.live).sum(axis=1))


class Sight(msgspec.Struct, frozen=True):
    """What the suite shows at one ability, with one attempt an item."""

    theta: float
    """In standard deviations of the models' abilities, 0 their mean."""
    score: float
    """Expected score there, by the test curve."""
    information: float
    gap: float
    """Smallest gap in ability that is separable at 95 %."""
    gap_points: float
    """The same in score, by the test curve around ``theta``."""
    where: str = ""
    """Such as ``ablest model``."""


class Frontier(msgspec.Struct, frozen=True):
    """How much the suite has left for models as able as the ablest, or more."""

    model: str
    """The ablest by the fitted scale, which need not be the first by score."""
    theta: float
    theta_se: float
    saturation: float
    """Share of the suite's information that lies below it."""
    saturation_lower: float
    """This and ``saturation_upper`` at the ends of the 95 % interval of its ability."""
    saturation_upper: float
    headroom: float
    """1 less the upper end of the interval of the best score."""
    effective_items: float
    """(Σ I)² / Σ I² at its ability: how many items do the work."""
    items: int
    """Of all items that tell any two models apart."""
    blind_above: float | None
    """The ability from which on only gaps above ``BLIND`` show; None where that is beyond 6."""
    blind_below: float | None


class Part(msgspec.Struct, frozen=True):
    """A part of the suite at the ablest model's ability."""

    tag: str
    items: int
    dead: int
    score: float
    """Expected score at that ability."""
    gap: float
    gap_points: float
    effective_items: float
    share: float
    """Of the suite's information there."""
    blind: bool


def suite_of(x: Floats, items: Items, chosen: NDArray[np.bool_] | None = None) -> Suite:
    """The suite of the ``chosen`` (n,) items (all, if not given), fitted on scores ``x`` (m, n)."""
    inside = np.ones(x.shape[1], dtype=bool) if chosen is None else chosen
    still = dead(x) & inside
    return Suite(items.take(inside & ~still), int(inside.sum()), float(np.nansum(difficulty(x)[still])))


def sights(suite: Suite, theta: Floats, where: tuple[str, ...] = ()) -> list[Sight]:
    """What a suite shows at each ability of ``theta`` (k,), ``where`` naming them.

    The gap in points is the rise of the test curve over the gap, half of it on either side of the ability.
    """
    gaps = smallest_gap(suite, theta)
    rise = suite.score(theta + gaps / 2) - suite.score(theta - gaps / 2)
    score, total = suite.score(theta), suite.information(theta)
    names = where or ("",) * len(theta)
    return [
        Sight(float(theta[i]), float(score[i]), float(total[i]), float(gaps[i]), float(rise[i]), names[i])
        for i in range(len(theta))
    ]


def smallest_gap(suite: Suite, theta: Floats) -> Floats:
    """1.96 √2 / √I(θ): the gap in ability that is separable at 95 % at each θ; infinite without information."""
    total = suite.information(theta)
    return np.asarray(np.where(total > 0, _Z * np.sqrt(2) / np.sqrt(np.maximum(total, 1e-300)), np.inf))


def saturation(items: Items, theta: Floats) -> Floats:
    """Share of the information over all abilities that lies below each θ, (k,): Σ a P(θ) / Σ a for a 2PL; 0 of none."""
    theta = np.atleast_1d(theta)
    if not len(items.a):
        return np.zeros(len(theta))
    if not items.c.any():
        return np.asarray(probability(theta, items) @ items.a / items.a.sum())
    grid = np.linspace(-_FAR, _FAR, 2401)
    below = np.cumsum(information(grid, items).sum(axis=1))
    return np.asarray(np.interp(theta, grid, below / below[-1]))


def effective_items(items: Items, theta: float) -> float:
    """(Σ I)² / Σ I² at θ: as many equal items would inform as well. 0 where nothing informs."""
    each = information(np.array([theta]), items)[0]
    squares = float(each @ each)
    return float(each.sum() ** 2 / squares) if squares > 0 else 0.0


def blind_range(suite: Suite, limit: float = BLIND) -> tuple[float | None, float | None]:
    """The abilities below and above which only gaps larger than ``limit`` show; None where that is beyond ±6.

    Where nothing smaller shows anywhere, both are the most informative ability.
    """
    gaps = smallest_gap(suite, _GRID)
    seen = np.flatnonzero(gaps <= limit)
    if not len(seen):
        best = float(_GRID[gaps.argmin()])
        return best, best
    low, high = int(seen[0]), int(seen[-1])
    return (None if low == 0 else float(_GRID[low])), (None if high == len(_GRID) - 1 else float(_GRID[high]))


def frontier(suite: Suite, theta: float, se: float, model: str, upper: float) -> Frontier:
    """What is left at a model of ability ``theta``, known to ``se``, where the best score is at most ``upper``."""
    middle, low, high = saturation(suite.live, np.array([theta, theta - _Z * se, theta + _Z * se]))
    below, above = blind_range(suite)
    return Frontier(
        model=model,
        theta=theta,
        theta_se=se,
        saturation=float(middle),
        saturation_lower=float(low),
        saturation_upper=float(high),
        headroom=1.0 - upper,
        effective_items=effective_items(suite.live, theta),
        items=len(suite.live.a),
        blind_above=above,
        blind_below=below,
    )


def places(theta: Floats) -> tuple[Floats, tuple[str, ...]]:
    """Abilities worth looking at: the weakest model, quartiles, the ablest, and one SD beyond it."""
    at = np.quantile(theta, [0, 0.25, 0.5, 0.75, 1])
    names = ("weakest model", "lower quartile", "median", "upper quartile", "ablest model", "1 SD above it")
    return np.append(at, at[-1] + 1), names


def by_tag(x: Floats, items: Items, theta: float, tags: tuple[str, ...]) -> list[Part]:
    """Each part of the suite at ability ``theta``, the blindest first."""
    labels = np.array(tags)
    at = np.array([theta])
    whole = float(suite_of(x, items).information(at)[0])
    parts = []
    for tag in dict.fromkeys(tags):
        suite = suite_of(x, items, labels == tag)
        (sight,) = sights(suite, at)
        parts.append(
            Part(
                tag=tag,
                items=suite.n,
                dead=suite.n - len(suite.live.a),
                score=sight.score,
                gap=sight.gap,
                gap_points=sight.gap_points,
                effective_items=effective_items(suite.live, theta),
                share=sight.information / whole if whole > 0 else 0.0,
                blind=sight.gap > BLIND,
            )
        )
    return sorted(parts, key=lambda part: -part.gap)
