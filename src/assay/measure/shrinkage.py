"""The winner's curse, and shrinking it away.

The best of M models with the same true score looks better by about se √(2 ln M): whoever picks the best
checkpoint by a noisy score overestimates it. Empirical Bayes takes the spread that noise explains out of each
score. The invariant: a score moves towards the mean of all, never past it, and the more the noisier it is.

Source: Efron and Morris (1973), with the method-of-moments variance of DerSimonian and Laird's kind.
"""

from __future__ import annotations

from math import log, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from assay.measure.intervals import Floats


class Shrunk(NamedTuple):
    """Scores after shrinkage."""

    values: Floats
    """μ + B (θ̂ - μ)."""
    errors: Floats
    """Posterior standard deviations √B se, the uncertainty of μ and τ² left out."""
    kept: Floats
    """B = τ² / (τ² + se²): how much of its distance from the mean each score keeps."""
    mean: float
    """μ: the mean of all scores, each weighing 1 / (τ² + se²)."""
    spread: float
    """τ: standard deviation of the true scores."""


def empirical_bayes(values: ArrayLike, errors: ArrayLike) -> Shrunk:
    """Scores shrunk towards their mean by what noise explains of their spread.

    τ² = max(0, Var(θ̂) - mean se²). Scores on the same samples share much of their error, which moves all of them
    alike: their ``errors`` should be those of the distance to the mean of all (see ``simultaneous``).

    Args:
        values: θ̂, one a model.
        errors: se, one a model.
    """
    x, se2 = np.asarray(values, dtype=np.float64), np.asarray(errors, dtype=np.float64) ** 2
    if len(x) < 2:
        return Shrunk(x, np.sqrt(se2), np.ones(len(x)), float(x.mean()), 0.0)
    tau2 = max(0.0, float(x.var(ddof=1)) - float(se2.mean()))
    total = tau2 + se2
    weights = 1 / np.where(total > 0, total, 1.0)
    mean = float(weights @ x / weights.sum())
    kept = np.where(total > 0, tau2 / np.where(total > 0, total, 1.0), 1.0)
    return Shrunk(mean + kept * (x - mean), np.sqrt(kept * se2), kept, mean, sqrt(tau2))


def winners_curse(error: float, models: int) -> float:
    """How much better than the truth the best of ``models`` equal models looks: about se √(2 ln M), an upper bound."""
    return error * sqrt(2 * log(models)) if models > 1 else 0.0
