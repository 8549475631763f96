"""Which two models should meet next: the pair whose distance one more battle sharpens most.

A battle of a and b is worth √(Σ/N) - √(Σ/(N+1)), the fall of the standard error of their distance, with Σ the
variance that one battle leaves (Chiang et al., "Chatbot Arena", arXiv 2403.04132). There N counts the battles of
the pair itself, so that a pair which never met is worth infinitely much. Here N is what the distance is known by
from *all* battles, through third models too: with v its variance and w = p(1-p) the information of one battle,
Σ = 1/w and N = 1/(wv), so that the gain is √v - √(v/(1 + wv)). That is exactly what the Newton step's information
matrix will say after the battle, and for two models alone it is the count.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from assay.measure.intervals import Floats


class NextBattle(NamedTuple):
    """A pair to meet, and what that is expected to bring."""

    a: int
    b: int
    before: float
    """Standard error of their distance, in β."""
    after: float
    """The same after this battle."""


def gains(beta: Floats, information: Floats) -> Floats:
    """Fall of the standard error of each distance by one battle of the pair, shape (M, M), 0 on the diagonal.

    Args:
        beta: strengths, shape (M,).
        information: inverse of the negative Hessian of the log-likelihood, shape (M, M).
    """
    spread = np.diag(information)
    v = np.maximum(spread[:, None] + spread[None] - 2 * information, 0.0)
    return np.asarray(np.sqrt(v) - np.sqrt(v / (1 + _weights(beta) * v)))


def next_battles(beta: Floats, information: Floats, count: int) -> list[NextBattle]:
    """The ``count`` best battles, one after the other, each chosen as if those before it had been fought.

    A battle of a and b adds w x x' to the information, x = e_a - e_b (Sherman and Morrison): its inverse V becomes
    V - w (Vx)(Vx)' / (1 + w v). The outcome does not matter to that, so that all can be chosen beforehand.
    """
    inverse = np.array(information, dtype=np.float64)
    weights = _weights(beta)
    chosen: list[NextBattle] = []
    for _ in range(count):
        a, b = (int(i) for i in np.unravel_index(int(np.argmax(gains(beta, inverse))), inverse.shape))
        a, b = min(a, b), max(a, b)
        moved = inverse[:, a] - inverse[:, b]
        v = float(moved[a] - moved[b])
        w = float(weights[a, b])
        chosen.append(NextBattle(a, b, v**0.5, (v / (1 + w * v)) ** 0.5))
        inverse -= w / (1 + w * v) * np.outer(moved, moved)
    return chosen


def _weights(beta: Floats) -> Floats:
    """p(1-p) of each pair: the information of one battle."""
    gap = np.abs(beta[:, None] - beta[None])
    p = 1 / (1 + np.exp(-np.minimum(gap, 500)))
    return np.asarray(p * (1 - p))
