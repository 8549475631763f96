"""Abilities of models on items whose parameters are known.

``ability`` finds the posterior mode, which is what everything large uses; ``eap`` the posterior mean, better
with a handful of items, where the posterior is skewed. The invariant: a model that is right (or wrong)
everywhere, or was asked nothing, still has a finite ability and a finite error, from the prior.

Sources: Bock and Mislevy (1982) for the mean; Samejima (1969) for the mode.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assay.measure.intervals import Floats
from assay.measure.irt.cells import Cells, blocks, cells_of, log_likelihood, slopes
from assay.measure.irt.model import Items

LIMIT = 6.0
"""Abilities are kept within ±LIMIT prior standard deviations of a standard scale."""

_START = np.linspace(-LIMIT, LIMIT, 25)
_STEPS = 12
_SETTLED = 1e-5
_FINE = np.linspace(-LIMIT, LIMIT, 121)


def ability(
    x: ArrayLike, items: Items, attempts: ArrayLike | None = None, prior: tuple[float, float] = (0.0, 1.0)
) -> tuple[Floats, Floats]:
    """Most likely abilities given the answers and a normal prior, and their standard errors, (m,) each.

    Args:
        x: (m, n) mean scores in [0, 1], NaN where not asked.
        items: the n items.
        attempts: (m, n) answers behind each score, 1 if not given.
        prior: mean and standard deviation of the normal prior.

    The errors are 1/√(information + 1/sd²) at the mode; abilities are kept within ±6.
    """
    cells = cells_of(x, attempts, dtype=np.float64)
    theta, h = mode(cells, items, prior)
    return theta, 1 / np.sqrt(h)


def mode(
    cells: Cells, items: Items, prior: tuple[float, float] = (0.0, 1.0), start: NDArray[Any] | None = None
) -> tuple[Floats, Floats]:
    """Posterior modes (m,) and posterior informations (m,), blocks of models at a time.

    Newton's method inside a bracket, halving the bracket where a step would leave it. Without ``start`` (m,) the
    bracket is around the best of 25 abilities, so that the second mode that a 3PL likelihood may have is not
    taken for the first.
    """
    m, n = cells.k.shape
    theta, h = np.empty(m), np.empty(m)
    for part in blocks(m, n):
        begin = None if start is None else start[part]
        theta[part], h[part] = _modes(cells.rows(part), items, prior, begin)
    return theta, h


def _modes(cells: Cells, items: Items, prior: tuple[float, float], start: NDArray[Any] | None) -> tuple[Floats, Floats]:
    mean, sd = prior
    if start is None:
        density = log_likelihood(_START, items, cells) - (_START - mean) ** 2 / (2 * sd * sd)
        theta = _START[density.argmax(axis=1)]
        half = _START[1] - _START[0]
    else:
        theta, half = np.array(start, np.float64), LIMIT
    low, high = np.maximum(theta - half, -LIMIT), np.minimum(theta + half, LIMIT)
    a, squares = items.a.astype(cells.k.dtype), (items.a**2).astype(cells.k.dtype)
    for _ in range(_STEPS):
        gradient, information = slopes(theta, items, cells)
        g = gradient @ a - (theta - mean) / sd**2
        h = information @ squares + 1 / sd**2
        low, high = np.where(g > 0, theta, low), np.where(g > 0, high, theta)
        moved = theta + g / h
        outside = (moved < low) | (moved > high)
        moved = np.where(outside, (low + high) / 2, moved)
        step = np.abs(moved - theta).max(initial=0.0)
        theta = moved
        if step < _SETTLED:
            break
    return theta, np.asarray(h, np.float64)


def eap(
    x: ArrayLike, items: Items, attempts: ArrayLike | None = None, prior: tuple[float, float] = (0.0, 1.0)
) -> tuple[Floats, Floats]:
    """Posterior means and standard deviations of ability, (m,) each, over 121 abilities from -6 to 6.

    Arguments as for ``ability``. Meant for fewer than about 100 items: with many, the posterior is narrower than
    the grid's spacing of 0.1, and ``ability`` is as good.
    """
    cells = cells_of(x, attempts, dtype=np.float64)
    mean, sd = prior
    density = log_likelihood(_FINE, items, cells) - (_FINE - mean) ** 2 / (2 * sd * sd)
    weight = np.exp(density - density.max(axis=1, keepdims=True))
    weight /= weight.sum(axis=1, keepdims=True)
    theta = weight @ _FINE
    return theta, np.sqrt(np.maximum(weight @ _FINE**2 - theta**2, 0.0))
