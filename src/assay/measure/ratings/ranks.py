"""How sure the order of rated models is.

Strengths are asymptotically normal with the sandwich covariance; draws from that normal say how they move together.
The invariant: all intervals of ranks hold at once (max-T), so that a reader may pick any after looking; P(top-1) and
the expected rank are shares of the draws, as if these were a posterior under a flat prior.

Sources: Westfall and Young (1993) for max-T; Mogstad, Romano, Shaikh and Wilhelm, "Inference for ranks" (2024).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from assay.measure.intervals import Floats
from assay.measure.ratings.bradley_terry import difference_errors


class Ranking(NamedTuple):
    """M models in the order given; rank 1 is the strongest."""

    rank: NDArray[np.int64]
    lower: NDArray[np.int64]
    upper: NDArray[np.int64]
    """Simultaneous intervals: 1 + those surely better, M - those surely worse."""
    top: Floats
    """P(top-1)."""
    expected: Floats
    """Expected rank."""
    separated: float
    """Share of all pairs whose simultaneous interval of the difference excludes 0."""
    adjacent: float
    """The same of neighbours in the ranking."""
    tau: float
    """Mean Kendall τ between the order of the strengths and that of a draw."""
    critical: float
    """Standard errors by which two models must differ."""


def ranking(beta: Floats, covariance: Floats, *, level: float = 0.95, draws: int = 2000, seed: int = 0) -> Ranking:
    """Ranks with intervals.

    Args:
        beta: strengths, shape (M,).
        covariance: of them, shape (M, M), singular along the constant.
        level: joint confidence of the rank intervals.
        draws: from the normal distribution.
        seed: of the draws.
    """
    models = len(beta)
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    moved = np.random.default_rng(seed).normal(size=(draws, models)) @ root.T
    errors = difference_errors(covariance)
    greatest = np.zeros(draws)
    agreeing = np.zeros(draws)
    for j in range(models - 1):
        later = slice(j + 1, models)
        gap = moved[:, j, None] - moved[:, later]
        spread = errors[j, later]
        ratio = np.divide(np.abs(gap), spread, out=np.zeros_like(gap), where=spread > 0)
        np.maximum(greatest, ratio.max(axis=1), out=greatest)
        true = beta[j] - beta[later]
        agreeing += (np.sign(true + gap) * np.sign(true)).sum(axis=1)
    critical = float(np.quantile(greatest, level))
    better = beta[:, None] - beta[None] > critical * errors
    better &= errors > 0
    order = np.argsort(-beta, kind="stable")
    rank = np.empty(models, dtype=np.int64)
    rank[order] = np.arange(1, models + 1)
    drawn = beta + moved
    places = np.argsort(np.argsort(-drawn, axis=1), axis=1)
    pairs = models * (models - 1) / 2
    return Ranking(
        rank=rank,
        lower=1 + better.sum(axis=0),
        upper=models - better.sum(axis=1),
        top=np.asarray((places == 0).mean(axis=0)),
        expected=np.asarray(1 + places.mean(axis=0)),
        separated=float(better.sum() / pairs),
        adjacent=float(better[order[:-1], order[1:]].mean()),
        tau=float((agreeing / pairs).mean()),
        critical=critical,
    )
