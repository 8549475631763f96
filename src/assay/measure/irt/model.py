"""The item response curves: how likely a model of some ability answers an item, and how much that tells.

Logistic models in slope and intercept: P = c + (1-c) σ(a θ + d), difficulty b = -d/a, no scaling constant
1.7. The one-parameter model shares a, the two-parameter model has c = 0. Every other module takes these
curves from here, in the precision of its arrays. The invariant: a > 0 and 0 <= c < 1, so a better model is
never less likely to be right.

Sources: Birnbaum in Lord and Novick (1968), chapters 17-20; Baker and Kim, "Item Response Theory" (2004).
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from assay.measure.intervals import Floats

Model = Literal["1pl", "2pl", "3pl"]


class Items(NamedTuple):
    """Parameters of n items."""

    a: Floats
    """(n,): discrimination, above 0: the slope at the difficulty, in logits per unit of ability."""
    d: Floats
    """(n,): intercept, the logit of being right at ability 0 (without guessing)."""
    c: Floats
    """(n,): guessing floor, the chance of being right knowing nothing; 0 for the 1PL and 2PL."""

    @property
    def b(self) -> Floats:
        """(n,): difficulty, the ability at which half of those who do not guess are right: -d/a."""
        return -self.d / self.a

    def take(self, index: Any) -> Items:
        """Some of the items, by index, slice or mask."""
        return Items(self.a[index], self.d[index], self.c[index])


def sigmoid(z: NDArray[Any]) -> NDArray[Any]:
    """1 / (1 + exp(-z)) without overflow, in the precision of ``z``."""
    with np.errstate(over="ignore"):
        return np.asarray(1 / (1 + np.exp(-z)))


def probability(theta: Floats, items: Items) -> Floats:
    """P(right), (m, n), of models at abilities ``theta`` (m,)."""
    return np.asarray(items.c + (1 - items.c) * sigmoid(np.multiply.outer(np.asarray(theta), items.a) + items.d))


def information(theta: Floats, items: Items) -> Floats:
    """Fisher information about ability, (m, n), that one answer to each item carries at ``theta`` (m,).

    a² P (1-P) for c = 0; a² (Q/P) ((P-c)/(1-c))² in general. It adds over items and attempts.
    """
    known = sigmoid(np.multiply.outer(np.asarray(theta), items.a) + items.d)
    p = items.c + (1 - items.c) * known
    return np.asarray(items.a**2 * (1 - items.c) * (1 - known) * known * (known / np.maximum(p, 1e-300)))
