"""Short forms: the score on a whole benchmark from the answers to a few of its items.

Pure functions. What is estimated everywhere is the mean score *on these N items* (the bank), of which k were asked;
the chance is in which items were drawn. Two kinds of estimate are kept apart. ``difference`` rests on the random
draw alone and stays right however badly the predictions fit. All others (``ridge``, ``corrected``, ``p_irt``,
``gp_irt``, ``anchors``) rest on the new model being like those that the bank was calibrated on, and are sharper
where it is. The invariant: an item that was asked enters with its answer, never with its prediction.

Sources: Särndal, Swensson and Wretman, "Model Assisted Survey Sampling" (1992), chapter 6, for difference
estimators; Barber and others (2021) for intervals from left-out errors; Maia Polo and others, "tinyBenchmarks" (arXiv
2402.14992) for anchors, p-IRT and gp-IRT; "How benchmark prediction from fewer data misses the mark" (arXiv
2506.07673) for ridge on a random subset as the baseline to beat.
"""

from __future__ import annotations

from math import ceil, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assay.measure.intervals import Floats, Interval, finite_population, t_around, wilson
from assay.measure.irt.ability import ability
from assay.measure.irt.model import Items, probability

Ints = NDArray[np.int64]

ENOUGH_TO_CORRECT = 100
"""Calibration models from which what p-IRT gets wrong can be learned: on stored banks of 10 to 44 it made things worse,
most of all for models better than all of them."""

_PENALTIES = np.logspace(-3, 4, 36)
_NODES = np.linspace(-6.0, 6.0, 241)
_ROUNDS = 25


class ShortScore(NamedTuple):
    """An estimate of the mean score on the bank, with its 95 % interval where the method has one."""

    value: float
    lower: float | None
    upper: float | None
    n: int
    """Answers that it uses."""


class Draws(NamedTuple):
    """The random part of a session, draw by draw; nothing in here depends on the answers to its own or later draws."""

    chance: Floats
    """(T,): the probability with which the item was drawn from those still open."""
    predicted: Floats
    """(T,): the prediction for the item drawn."""
    rest: Floats
    """(T,): the sum of the predictions over the items still open, the drawn one among them."""
    spread: Floats
    """(T,): Σ p(1-p)/chance over those items: the variance of the draw's estimate of the total, were the predictions
    right."""
    left: Floats
    """(T,): how many items were still open."""


class Difference(NamedTuple):
    """The difference estimator's result."""

    value: float
    """Not cut to [0, 1], which would bias it."""
    interval: Interval
    """Student's t, cut to [0, 1]."""
    se: float
    df: float
    off: float
    """What the predictions were off by in the random part, in standard errors: about N(0, 1) if they were right."""


def difference(known: float, y: ArrayLike, draws: Draws, n: int, level: float = 0.95) -> Difference:
    """The mean score from items drawn with known chances, predictions doing the rest: unbiased whatever they are.

    Args:
        known: the sum of the answers to items that were asked before, for other reasons.
        y: (T,) answers to the drawn items, NaN where one was lost.
        draws: their chances and predictions.
        n: number of items.

    Every draw t gives an estimate of the total by itself,

        E_t = known + Σ_{s<t} y_s + Σ_open p + (y_t - p_t) / chance_t,

    whose expectation given all that went before is the total, exactly and whatever the predictions p, which may
    improve from draw to draw. Their average therefore is unbiased under weights fixed beforehand (1/left², since a
    draw's error is about as large as what is left is many), and the E_t are uncorrelated, so that
    Σ w²(E - mean)² / (1 - Σ w²) estimates its variance. It is taken no smaller than
    the predictions themselves say (Σ w² spread): a dozen right answers in a row are all alike, and no proof that none
    of the rest is wrong. Degrees of freedom: 1/Σ w² - 1. With equal chances this is the textbook difference estimator,
    drawn one by one. A lost answer's draw is left out, and its item counts as predicted.

    Sources: Raj (1956) for the draw-by-draw estimates; Zrnic and Candès, "Active statistical inference"
    (arXiv 2403.03208) for chances that depend on the past. Raises ``ValueError`` for fewer than two answers.
    """
    y = np.asarray(y, np.float64)
    there = np.isfinite(y)
    if there.sum() < 2:
        raise ValueError(f"{there.sum()} answers in the random part: an interval takes at least two")
    answered = np.where(there, y, draws.predicted)
    before = np.concatenate([[0.0], np.cumsum(answered)[:-1]])
    surprise = ((answered - draws.predicted) / draws.chance)[there]
    totals = known + before[there] + draws.rest[there] + surprise
    spread = np.maximum(draws.spread[there], 1e-9)
    weight = 1 / draws.left[there] ** 2
    weight /= weight.sum()
    value, doubled = float(weight @ totals), float(weight @ weight)
    seen = float(weight**2 @ (totals - value) ** 2) / (1 - doubled)
    expected = float(weight**2 @ spread)
    se, df = sqrt(max(seen, expected)) / n, max(1.0, 1 / doubled - 1)
    around = t_around(value / n, se, df, level)
    interval = Interval(_cut(around.lower), _cut(around.upper))
    return Difference(value / n, interval, se, df, float(weight @ surprise) / sqrt(expected))


def random_mean(y: ArrayLike, n: int, level: float = 0.95) -> ShortScore:
    """The mean of k answers drawn at random from n items, with Wilson's interval narrowed for the finite pool."""
    y = np.asarray(y, np.float64)
    k, mean = len(y), float(y.mean())
    shrink = finite_population(k, n) ** 2
    interval = Interval(mean, mean) if shrink == 0 else wilson(mean * k / shrink, k / shrink, level)
    return ShortScore(mean, interval.lower, interval.upper, k)


class Ridge(NamedTuple):
    """Predictions of a ridge regression."""

    value: Floats
    """(t,)."""
    left_out: Floats
    """(m,): the error of predicting each calibration model from the others."""


def ridge(x: Floats, y: Floats, new: Floats) -> Ridge:
    """Ridge regression of y (m,) on x (m, k), applied to ``new`` (t, k), its penalty chosen by leaving one out.

    Leave-one-out errors are exact: e_i / (1 - h_ii). Where no penalty of the grid beats the plain mean, the largest
    penalty nearly gives the mean. The errors are of the best penalty of the grid and therefore a little too small.
    """
    centre, level = x.mean(axis=0), float(y.mean())
    z, t = x - centre, y - level
    values, vectors = np.linalg.eigh(z.T @ z)
    values = np.maximum(values, 0)
    scores, target = z @ vectors, vectors.T @ (z.T @ t)
    penalty = _PENALTIES[:, None] * max(float(values.mean()), 1e-12)
    weights = 1 / (values + penalty)
    leverage = 1 / len(y) + (scores**2) @ weights.T
    left_out = (t[:, None] - scores @ (weights * target).T) / np.maximum(1 - leverage, 1e-9)
    loss = (left_out**2).mean(axis=0)
    best = int(loss.argmin())
    coefficient = vectors @ (weights[best] * target)
    return Ridge(level + (new - centre) @ coefficient, left_out[:, best])


def ridge_score(x: Floats, scores: Floats, y: Floats, level: float = 0.95) -> ShortScore:
    """Ridge regression of the calibration models' scores (m,) on their answers x (m, k), for a model's answers y (k,).

    The interval is made of the leave-one-out errors: right for models like those of the calibration.
    """
    found = ridge(x, scores, y[None])
    return _around(float(found.value[0]), found.left_out, len(y), level)


def p_irt(y: ArrayLike, p: ArrayLike) -> float:
    """The answers where there are some, predictions elsewhere: (Σ_seen y + Σ_unseen p) / n.

    ``y`` (n,), NaN where not asked; ``p`` (n,): probabilities at the ability that the answers give.
    """
    y = np.asarray(y, np.float64)
    return float(np.where(np.isfinite(y), y, np.asarray(p, np.float64)).mean())


def gp_irt(anchor: float, p_irt_score: float, bias: float, variance: float, k: int) -> float:
    """tinyBenchmarks' mixture: λ anchor + (1-λ) p-IRT, λ = b² / (v/(4k) + b²).

    ``bias`` b is the error of p-IRT on models that the bank was not made from, ``variance`` v the mean variance of the
    responses, ``k`` the number of anchors; the factor 4 is the paper's.
    """
    weight = bias**2 / (variance / (4 * k) + bias**2) if bias > 0 else 0.0
    return weight * anchor + (1 - weight) * p_irt_score


def anchors(embedding: Floats, k: int, rng: np.random.Generator) -> tuple[Ints, Floats]:
    """k items that stand for all n, and the share of items that each stands for: (k,) and (k,).

    k-means (Lloyd, started as k-means++) over the items' embeddings (n, e), which may be their response columns or
    their item parameters; the item nearest to each centre is its anchor.
    """
    centres = _seeded(embedding, k, rng)
    for _ in range(_ROUNDS):
        group = _squares(embedding, centres).argmin(axis=1)
        counts = np.bincount(group, minlength=k)
        sums = np.zeros_like(centres)
        np.add.at(sums, group, embedding)
        moved = np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], centres)
        if np.allclose(moved, centres):
            break
        centres = moved
    chosen = np.unique(_squares(embedding, centres).argmin(axis=0))
    return chosen, stand_for(embedding, chosen)


def stand_for(embedding: Floats, chosen: Ints) -> Floats:
    """(k,): the share of all items that is nearer to each chosen item than to the others."""
    nearest = _squares(embedding, embedding[chosen]).argmin(axis=1)
    nearest[chosen] = np.arange(len(chosen))
    shares: Floats = np.bincount(nearest, minlength=len(chosen)) / len(embedding)
    return shares


def corrected(x: Floats, scores: Floats, items: Items, chosen: Ints, y: Floats, level: float = 0.95) -> ShortScore:
    """p-IRT, corrected by what the same short form got wrong on the calibration models.

    Every calibration model is given the short form: its ability and p-IRT score are found from the chosen items alone,
    and a ridge regression learns how its true score differs from that, given its residuals (answer minus probability)
    on the chosen items and its ability. The new model's score is its own p-IRT score plus the predicted difference;
    the interval is made of the leave-one-out errors. With many calibration models it learns what one ability does not
    hold. With few it would learn noise and extrapolate it: below ``ENOUGH_TO_CORRECT`` models, or where the correction
    lowers the mean squared error by less than one standard error of that gain, p-IRT is left as it is, and only its
    errors on the calibration models are used.

    Args:
        x: (m, n) the calibration models' responses, complete.
        scores: (m,) their true scores.
        items: the n items.
        chosen: (k,) the items asked.
        y: (k,) the new model's answers.
    """
    few = items.take(chosen)
    answers = np.vstack([x[:, chosen], y])
    theta, _ = ability(answers, few)
    residuals = answers - probability(theta, few)
    seen = answers.sum(axis=1)
    unseen = np.setdiff1d(np.arange(len(items.a)), chosen)
    plain = (seen + _expected(theta, items.take(unseen))) / len(items.a)
    features = np.column_stack([residuals, theta - theta[:-1].mean()])
    raw = scores - plain[:-1]
    found = ridge(features[:-1], raw, features[-1:])
    gain = raw**2 - found.left_out**2
    if len(gain) < ENOUGH_TO_CORRECT or gain.mean() <= gain.std(ddof=1) / sqrt(len(gain)):
        return _around(float(plain[-1]), raw, len(y), level)
    return _around(float(plain[-1] + found.value[0]), found.left_out, len(y), level)


def _expected(theta: Floats, items: Items) -> Floats:
    """(m,): expected sum of scores over items, read off a curve at 241 abilities."""
    if not len(items.a):
        return np.zeros(len(theta))
    return np.asarray(np.interp(theta, _NODES, probability(_NODES, items).sum(axis=1)))


def _around(value: float, left_out: Floats, n: int, level: float) -> ShortScore:
    """The interval that the errors on left-out models make: by their spread (t) or by their quantile, the wider."""
    m = len(left_out)
    by_spread = t_around(0.0, sqrt(float((left_out**2).mean())), max(m - 1, 1), level).upper
    rank = min(m, ceil(level * (m + 1)))  # with fewer than 19 models even the largest error is no 95 % bound
    half = max(by_spread, float(np.sort(np.abs(left_out))[rank - 1]))
    return ShortScore(_cut(value), _cut(value - half), _cut(value + half), n)


def _seeded(embedding: Floats, k: int, rng: np.random.Generator) -> Floats:
    """k-means++: each further centre drawn in proportion to the squared distance from the nearest so far."""
    if not 1 <= k <= len(embedding):
        raise ValueError(f"{k} anchors of {len(embedding)} items")
    chosen = [int(rng.integers(len(embedding)))]
    nearest = _squares(embedding, embedding[chosen])[:, 0]
    for _ in range(k - 1):
        total = nearest.sum()
        free = np.setdiff1d(np.arange(len(embedding)), chosen)
        following = int(rng.choice(len(embedding), p=nearest / total) if total > 1e-12 else rng.choice(free))
        chosen.append(following)
        nearest = np.minimum(nearest, _squares(embedding, embedding[[following]])[:, 0])
        nearest[chosen] = 0
    return embedding[chosen].astype(np.float64)


def _squares(a: Floats, b: Floats) -> Floats:
    """(n, k): squared distances between rows."""
    return np.asarray(np.maximum((a * a).sum(axis=1)[:, None] - 2 * a @ b.T + (b * b).sum(axis=1), 0))


def _cut(value: float) -> float:
    return min(1.0, max(0.0, value))
