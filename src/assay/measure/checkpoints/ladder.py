"""From small models to a large one: a loss law in parameters and tokens, and accuracy as a function of loss.

Step one, L(N, D) = A/N^α + B/D^β + E, fitted as Hoffmann et al. (2022) do: Huber's loss (δ = 0.001) of the residuals of
log L, the three terms joined by log-sum-exp, from many starts. Step two, accuracy = floor + height · σ(slope ·
(middle - L)), least squares. The target never enters the fit. The interval of a prediction comes from drawing the
ladder's models anew, all points of a model together, plus the residuals of both steps; it knows nothing of a law that
bends beyond the ladder, and is too narrow where the target lies far outside.

Sources: arXiv 2203.15556 for the law and its fit; arXiv 2412.04403 (task ladders) for the two steps.
"""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import numpy as np
from scipy import optimize, special

from assay.measure.intervals import Codes, Floats, Interval

_DELTA = 1e-3
_STEPS = 200
"""Of an optimiser: a draw without a clear optimum ends where it is."""
_FEWEST = 6
"""Points that a law with five parameters takes at least."""


class Law(NamedTuple):
    """L = A/N^α + B/D^β + E."""

    a: float
    b: float
    e: float
    alpha: float
    beta: float
    loss: float
    """Huber's loss at the optimum, summed."""

    def at(self, n: Floats | float, d: Floats | float) -> Floats:
        """The loss of models of ``n`` parameters after ``d`` tokens."""
        size, tokens = np.asarray(n, dtype=np.float64), np.asarray(d, dtype=np.float64)
        return np.asarray(self.a / size**self.alpha + self.b / tokens**self.beta + self.e)


class Curve(NamedTuple):
    """accuracy = floor + height · σ(slope · (middle - L)), with slope and height >= 0."""

    floor: float
    height: float
    slope: float
    middle: float

    def at(self, loss: Floats | float) -> Floats:
        """The accuracy at a loss."""
        return np.asarray(
            self.floor + self.height * special.expit(self.slope * (self.middle - np.asarray(loss, dtype=np.float64)))
        )


class Prediction(NamedTuple):
    """What a ladder says of a model that it does not hold."""

    loss: float
    loss_interval: Interval
    accuracy: float | None
    """None where the ladder has no accuracies."""
    accuracy_interval: Interval | None
    law: Law
    curve: Curve | None
    models: int
    points: int
    draws: int
    """Bootstrap draws that could be fitted."""


def fit_law(n: Floats, d: Floats, loss: Floats, *, start: Law | None = None) -> Law:
    """The law of losses of shape (points,) at parameters ``n`` and tokens ``d``.

    ``start`` is a law to start from instead of the grid of starts. Raises ``ValueError`` for fewer than six points,
    or where all have one size or all one number of tokens, which leaves the law without an answer.
    """
    if len(loss) < _FEWEST or len(np.unique(n)) < 2 or len(np.unique(d)) < 2:
        raise ValueError(f"a ladder takes {_FEWEST} points of two sizes and two numbers of tokens at least")
    # scaled to the middle of the ladder, so that coefficients are losses there and do not trade off with exponents
    log_n, log_d = np.log(n), np.log(d)
    at_n, at_d = float(log_n.mean()), float(log_d.mean())
    u, v, y = log_n - at_n, log_d - at_d, np.log(loss)

    def terms(p: Floats) -> tuple[Floats, Floats]:
        logs = np.stack([p[0] - p[3] * u, p[1] - p[4] * v, np.full_like(u, p[2])])
        joined = special.logsumexp(logs, axis=0)
        return joined, np.exp(logs - joined)

    def slopes(p: Floats) -> Floats:
        share = terms(p)[1]
        return np.stack([share[0], share[1], share[2], -share[0] * u, -share[1] * v], axis=1)

    centre = float(y.mean())
    if start is None:
        starts = [
            [centre + np.log(s), centre + np.log(t), centre + np.log(max(0.05, 1 - s - t)), alpha, beta]
            for s, t, alpha, beta in product((0.1, 0.35), (0.1, 0.35), (0.2, 0.6), (0.2, 0.6))
        ]
    else:
        floors = np.maximum(
            [start.a * np.exp(-start.alpha * at_n), start.b * np.exp(-start.beta * at_d), start.e], 1e-12
        )
        starts = [[*np.log(floors), start.alpha, start.beta]]
    bounds = ([centre - 20] * 3 + [0.01] * 2, [centre + 3] * 3 + [3.0] * 2)
    tries = [
        optimize.least_squares(
            lambda p: terms(p)[0] - y,
            np.clip(p, *bounds),
            slopes,
            bounds,
            loss="huber",
            f_scale=_DELTA,
            x_scale="jac",
            max_nfev=_STEPS,
        )
        for p in starts
    ]
    best = min(tries, key=lambda found: float(found.cost))
    p = best.x
    return Law(
        float(np.exp(p[0] + p[3] * at_n)),
        float(np.exp(p[1] + p[4] * at_d)),
        float(np.exp(p[2])),
        float(p[3]),
        float(p[4]),
        float(best.cost),
    )


def fit_curve(loss: Floats, accuracy: Floats, *, start: Curve | None = None) -> Curve:
    """The sigmoid of accuracies in [0, 1] at losses, shape (points,), from ``start`` or else from a grid of starts.

    Raises ``ValueError`` for fewer than four points.
    """
    if len(loss) < 4:
        raise ValueError("a sigmoid takes four points at least")
    spread = max(float(np.ptp(loss)), 1e-6)
    low, high = float(accuracy.min()), float(accuracy.max())

    def misses(p: Floats) -> Floats:
        return np.asarray(p[0] + p[1] * special.expit(p[2] * (p[3] - loss)) - accuracy)

    bounds = ([0.0, 0.0, 0.0, float(loss.min()) - 3 * spread], [1.0, 1.0, 100 / spread, float(loss.max()) + 3 * spread])
    starts = [
        [low, height, slope / spread, middle]
        for height in (max(high - low, 0.05), 1 - low)
        for slope in (3.0, 10.0)
        for middle in (float(np.median(loss)), float(loss.min()))
    ]
    tries = [
        optimize.least_squares(misses, np.clip(p, *bounds), bounds=bounds, x_scale="jac", max_nfev=_STEPS)
        for p in (starts if start is None else [list(start)])
    ]
    best = min(tries, key=lambda found: float(found.cost))
    return Curve(*map(float, best.x))


def predict(
    n: Floats,
    d: Floats,
    loss: Floats,
    target: tuple[float, float],
    *,
    accuracy: Floats | None = None,
    models: Codes | None = None,
    level: float = 0.95,
    draws: int = 100,
    seed: int = 0,
) -> Prediction:
    """Loss and accuracy of a model of ``target`` = (parameters, tokens), with prediction intervals.

    Args:
        n, d, loss: parameters, tokens and loss of the ladder's points, shape (points,).
        target: of the model to predict.
        accuracy: of the same points.
        models: codes of the models that points belong to; each point is its own model without.
        level: confidence of the intervals.
        draws: bootstrap draws over models.
        seed: of the draws.
    """
    codes = np.arange(len(loss)) if models is None else models
    law = fit_law(n, d, loss)
    curve = None if accuracy is None else fit_curve(loss, accuracy)
    # residuals of a fit are too small by its parameters
    wider = np.sqrt(len(loss) / max(1, len(loss) - 5))
    off_law = wider * (np.log(loss) - np.log(law.at(n, d)))
    off_curve = (
        None
        if curve is None or accuracy is None
        else np.sqrt(len(loss) / max(1, len(loss) - 4)) * (accuracy - curve.at(loss))
    )
    rng = np.random.default_rng(seed)
    members = [np.flatnonzero(codes == c) for c in range(int(codes.max()) + 1)]
    losses, accuracies = [], []
    for _ in range(draws):
        at = np.concatenate([members[c] for c in rng.integers(0, len(members), len(members))])
        try:
            drawn = fit_law(n[at], d[at], loss[at], start=law)
        except ValueError:
            continue
        mean = float(drawn.at(*target))
        losses.append(mean * float(np.exp(rng.choice(off_law))))
        if accuracy is not None and off_curve is not None:
            accuracies.append(
                float(fit_curve(loss[at], accuracy[at], start=curve).at(mean)) + float(rng.choice(off_curve))
            )
    if len(losses) < draws / 2:
        raise ValueError(f"only {len(losses)} of {draws} draws of {len(members)} models could be fitted: add models")
    value = float(law.at(*target))
    tails = [(1 - level) / 2, (1 + level) / 2]
    return Prediction(
        value,
        Interval(*map(float, np.quantile(losses, tails))),
        None if curve is None else float(curve.at(value)),
        Interval(*map(float, np.clip(np.quantile(accuracies, tails), 0, 1))) if accuracies else None,
        law,
        curve,
        len(members),
        len(loss),
        len(losses),
    )


def relative_error(predicted: float, actual: float) -> float:
    """|predicted - actual| / actual."""
    return abs(predicted - actual) / actual
