"""The E-step: what the answers are expected to be at each of 41 abilities.

Each model's answers give it a posterior over the nodes; its answers are shared out by it. Two matrix products,
masked where cells are missing. The sums stand for integrals as long as posteriors are wider than
``NARROWEST``: a normal of 0.6 node spacings is still summed to within 0.2 %, below that the sum falls onto
single nodes and abilities cannot be told apart.

Source: Bock and Aitkin (1981).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from assay.measure.intervals import Floats
from assay.measure.irt.cells import Cells, log_likelihood
from assay.measure.irt.model import Items

NODES = np.linspace(-4.5, 4.5, 41)
NARROWEST = 0.6 * 9 / 40
"""The smallest posterior standard deviation that the nodes resolve."""

_LOG_WEIGHTS = -(NODES**2) / 2 - np.log(np.exp(-(NODES**2) / 2).sum())
_ROWS = 1024


class Expected(NamedTuple):
    """What the answers say, abilities unknown."""

    cells: Cells
    """(41, n): right answers and attempts expected at each node."""
    theta: Floats
    """(m,): posterior means of abilities, under a standard normal prior."""
    se: Floats
    """(m,): posterior standard deviations."""
    mean: float
    """Of the population of models, all posteriors pooled."""
    sd: float
    loglik: float
    """Log-likelihood of all answers, abilities summed out."""


def expect(cells: Cells, items: Items) -> Expected:
    """The posteriors of m models under known items, and the answers shared out by them."""
    m, n = cells.k.shape
    kind = cells.k.dtype
    right = np.zeros((len(NODES), n), kind)
    asked = np.zeros((len(NODES), 1 if cells.w is None else n), kind)
    theta, squares, loglik = np.empty(m), np.empty(m), 0.0
    for first in range(0, m, _ROWS):
        part = slice(first, first + _ROWS)
        rows = cells.rows(part)
        density = log_likelihood(NODES, items, rows) + _LOG_WEIGHTS
        top = density.max(axis=1, keepdims=True)
        weight = np.exp(density - top)
        total = weight.sum(axis=1, keepdims=True)
        loglik += float((top + np.log(total)).sum())
        weight /= total
        theta[part], squares[part] = weight @ NODES, weight @ NODES**2
        weight = weight.astype(kind)
        right += weight.T @ rows.k
        asked += weight.sum(axis=0)[:, None] if rows.w is None else weight.T @ rows.w
    mean = float(theta.mean())
    se = np.sqrt(np.maximum(squares - theta**2, 0))
    return Expected(Cells(right, asked), theta, se, mean, float(np.sqrt(squares.mean() - mean**2)), loglik)
