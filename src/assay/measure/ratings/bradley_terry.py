"""Bradley-Terry strengths from battles: P(a beats b) = σ(β_a - β_b + γ'z), with honest errors.

A tie is half a win for each. So the model is one of expected scores, E y = σ(...), and the fit a quasi-likelihood: it
is right whatever share of battles is tied, while a model of ties (Davidson, 1970) adds a parameter that says how
much judges dislike to decide and nothing of who is better. Errors are sandwiches for the same reason: they assume
neither binomial spread, which ties do not have, nor independent battles where several share a prompt or a person.

β is identified up to a constant; here its mean is 0. Without features, battles of one pair are one cell,
so that a million battles cost one pass and each Newton step only models x models. The invariant: no strength is
returned that is not the finite maximum of the likelihood.

Sources: Bradley and Terry (1952); Hunter, "MM algorithms for generalized Bradley-Terry models" (2004); Liang and
Zeger (1986) for the sandwich; Chiang et al., "Chatbot Arena" (arXiv 2403.04132).
"""

from __future__ import annotations

from math import log
from typing import NamedTuple

import numpy as np

from assay.errors import UsageError
from assay.measure.intervals import Codes, Floats
from assay.measure.ratings.connectivity import components

ELO_SCALE = 400 / log(10)
"""Elo points for one unit of β: 173.7."""
ELO_CENTRE = 1000.0
"""What a model of average strength has."""

_STEPS = 60
_SINGULAR = 1e13
"""Condition number of a Hessian that is none to invert."""
_FAR = 30.0
"""A coefficient of a standardised feature beyond this is on its way to infinity."""


class Battles(NamedTuple):
    """R battles between M models."""

    a: Codes
    """The first model, codes 0 ... M-1, shape (R,)."""
    b: Codes
    score: Floats
    """Of the first, in [0, 1]; a tie is ½."""
    models: list[str]
    clusters: Codes | None = None
    """Battles that are not independent (of one prompt, of one person), codes 0 ... G-1."""
    features: Floats | None = None
    """Differences a - b of what may sway a judge, standardised, shape (R, F)."""


class Strengths(NamedTuple):
    """A fit: β of mean 0, then γ, with their joint covariance."""

    beta: Floats
    """Shape (M,)."""
    gamma: Floats
    """Coefficients of features, in log-odds for a difference of one standard deviation, shape (F,)."""
    covariance: Floats
    """Sandwich, shape (M + F, M + F)."""
    information: Floats
    """Inverse of the negative Hessian, shape (M + F, M + F): the covariance if battles were independent coin tosses."""
    units: int
    """Independent units: clusters, or battles without."""


class _Cells(NamedTuple):
    """Battles that share their regressors, as one."""

    a: Codes
    b: Codes
    fought: Floats
    won: Floats
    squares: Floats
    """Σ y²."""
    features: Floats
    """Shape (C, F)."""


def fit(battles: Battles) -> Strengths:
    """Maximise the likelihood by Newton steps with step halving.

    Raises ``UsageError`` where no finite maximum exists, naming the groups of models between which it is infinite, or
    where the features determine each other or the outcome.
    """
    models = len(battles.models)
    if models < 2:
        raise UsageError("ratings take battles between at least two models")
    groups = components(battles.a, battles.b, battles.score, models)
    if len(groups) > 1:
        raise UsageError(_apart(groups, battles.models))
    cells = _cells(battles, models)
    width = models + cells.features.shape[1]
    theta = np.zeros(width)
    height = _height(theta, cells, models)
    for _ in range(_STEPS):
        gradient, hessian = _derivatives(theta, cells, models)
        move = np.linalg.solve(hessian, gradient)
        while (ahead := _height(theta + move, cells, models)) < height - 1e-9 * abs(height):
            move /= 2
        theta, height = theta + move, ahead
        if np.abs(theta[models:]).max(initial=0.0) > _FAR:
            raise UsageError("the features separate wins from losses: leave some out")
        if np.abs(move).max() < 1e-9:
            break
    else:
        raise UsageError(f"the ratings did not converge in {_STEPS} steps")
    inverse = _inverse(hessian, models)
    meat, units = _meat(theta, battles, cells, models)
    return Strengths(theta[:models], theta[models:], inverse @ meat @ inverse, inverse, units)


def difference_errors(covariance: Floats) -> Floats:
    """Standard error of each difference of two strengths, shape (M, M), from their covariance (M, M)."""
    spread = np.diag(covariance)
    return np.asarray(np.sqrt(np.maximum(spread[:, None] + spread[None] - 2 * covariance, 0.0)))


def elo(beta: Floats) -> Floats:
    """Strengths on the scale of Elo: 1000 for the average model, 400 points for odds of 10 to 1."""
    return ELO_CENTRE + ELO_SCALE * beta


def _apart(groups: list[list[int]], names: list[str]) -> str:
    def shown(group: list[int]) -> str:
        few = ", ".join(names[m] for m in group[:4])
        return few if len(group) <= 4 else f"{few} and {len(group) - 4} more"

    listed = "; ".join(f"({n}) {shown(group)}" for n, group in enumerate(groups[:6], 1))
    more = f"; and {len(groups) - 6} more groups" if len(groups) > 6 else ""
    return (
        f"the battles leave {len(groups)} groups of models between which one side never lost or never met the other, "
        f"so that their distance is infinite or unknown: {listed}{more}. "
        "Let models of different groups meet, or rate the largest group alone (--largest)"
    )


def _cells(battles: Battles, models: int) -> _Cells:
    a, b, y = battles.a, battles.b, battles.score
    if battles.features is not None and battles.features.shape[1]:
        return _Cells(a, b, np.ones(len(y)), y, y * y, battles.features)
    turned = a > b
    y = np.where(turned, 1 - y, y)
    pair = np.where(turned, b * models + a, a * models + b)
    size = models * models
    count = np.bincount(pair, minlength=size)
    there = np.flatnonzero(count)
    won, squares = (np.asarray(np.bincount(pair, weights=w, minlength=size)[there], np.float64) for w in (y, y * y))
    nothing = np.zeros((len(there), 0))
    return _Cells(there // models, there % models, count[there].astype(np.float64), won, squares, nothing)


def _margins(theta: Floats, cells: _Cells, models: int) -> Floats:
    return np.asarray(theta[cells.a] - theta[cells.b] + cells.features @ theta[models:])


def _height(theta: Floats, cells: _Cells, models: int) -> float:
    """Log-likelihood: Σ y m - ln(1 + e^m)."""
    margins = _margins(theta, cells, models)
    return float(cells.won @ margins - cells.fought @ np.logaddexp(0.0, margins))


def _derivatives(theta: Floats, cells: _Cells, models: int) -> tuple[Floats, Floats]:
    """Gradient (M + F,) and negative Hessian (M + F, M + F), made regular along the constant, where it is 0."""
    p = chances(_margins(theta, cells, models))
    residual, weight = cells.won - cells.fought * p, cells.fought * p * (1 - p)
    gradient = np.concatenate([_of_models(residual, cells, models), cells.features.T @ residual])
    across = [_of_models(weight * f, cells, models) for f in cells.features.T]
    width = len(theta)
    hessian = np.zeros((width, width))
    hessian[:models, :models] = _laplacian(weight, cells, models) + 1 / models
    for k, column in enumerate(across, models):
        hessian[:models, k] = hessian[k, :models] = column
    hessian[models:, models:] = cells.features.T @ (weight[:, None] * cells.features)
    if cells.features.shape[1] and not np.linalg.cond(hessian) < _SINGULAR:
        raise UsageError("the features determine each other, or a model: leave some out")
    return gradient, hessian


def _inverse(hessian: Floats, models: int) -> Floats:
    """The inverse on strengths of mean 0."""
    inverse = np.linalg.inv(hessian)
    inverse[:models, :models] -= 1 / models  # of the constant
    return np.asarray(inverse, dtype=np.float64)


def _of_models(x: Floats, cells: _Cells, models: int) -> Floats:
    """Σ over cells of x for the first model, less the same for the second, shape (M,)."""
    return np.asarray(
        np.bincount(cells.a, weights=x, minlength=models) - np.bincount(cells.b, weights=x, minlength=models)
    )


def _laplacian(weight: Floats, cells: _Cells, models: int) -> Floats:
    """Σ over cells of w x x', with x = e_a - e_b."""
    flat = np.bincount(cells.a * models + cells.b, weights=weight, minlength=models * models)
    met = flat.reshape(models, models)
    met = met + met.T
    return np.asarray(np.diag(met.sum(axis=1)) - met)


def _meat(theta: Floats, battles: Battles, cells: _Cells, models: int) -> tuple[Floats, int]:
    """Σ over independent units of the square of their scores, and how many units there are."""
    if battles.clusters is None and not cells.features.shape[1]:
        p = chances(_margins(theta, cells, models))
        spread = cells.squares - 2 * p * cells.won + cells.fought * p * p
        units = len(battles.score)
        return _laplacian(spread, cells, models) * (units / max(units - 1, 1)), units
    from scipy.sparse import csr_array

    rows = np.arange(len(battles.score)) if battles.clusters is None else battles.clusters
    features = np.zeros((len(rows), 0)) if battles.features is None else battles.features
    margins = theta[battles.a] - theta[battles.b] + features @ theta[models:]
    residual = battles.score - chances(margins)
    columns = [battles.a, battles.b, *(np.full(len(rows), models + k) for k in range(features.shape[1]))]
    values = [residual, -residual, *(residual * f for f in features.T)]
    where = (np.tile(rows, len(columns)), np.concatenate(columns))
    units = int(rows.max()) + 1
    if units < 2:
        raise UsageError("all battles are of one cluster: nothing can be said of how sure the ratings are")
    scores = csr_array((np.concatenate(values), where), shape=(units, len(theta)))
    return np.asarray((scores.T @ scores).toarray()) * (units / (units - 1)), units


def chances(margins: Floats) -> Floats:
    """σ: probabilities from log-odds."""
    return np.asarray(1 / (1 + np.exp(-np.clip(margins, -500, 500))))
