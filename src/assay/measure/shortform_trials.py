"""Trials of short forms on stored matrices: how far off each method is, on models that the bank has not seen.

``trial`` calibrates on some models and gives the others every short form; what they really scored is known. Methods
stand side by side, the plain ones too, because a saving is worth only what it adds to asking k items at random.
The invariant: nothing of a test model enters but its answers to the items that the method asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from assay.measure import shortforms
from assay.measure.adaptive import TOP, Session
from assay.measure.intervals import Floats
from assay.measure.irt.ability import ability
from assay.measure.irt.fit import Fit, fit
from assay.measure.irt.model import Items, Model, information, probability
from assay.measure.shortforms import Ints, ShortScore

METHODS = (
    "random mean",
    "random + ridge",
    "anchors (responses)",
    "anchors (IRT)",
    "p-IRT random",
    "gp-IRT",
    "adaptive p-IRT",
    "adaptive corrected",
    "hybrid difference",
    "hybrid corrected",
)
"""In the order of tables. The first seven are the field's; the others are explained in docs/short-forms.md."""


class Tally(NamedTuple):
    """One method at one number of items."""

    method: str
    k: int
    mae: float
    """Mean absolute error in points of 100."""
    rmse: float
    """Root mean square error in points."""
    coverage: float | None
    """Of the 95 % interval, where the method has one."""
    width: float | None
    """Mean width of the interval in points."""
    models: int
    """Test models, over all splits."""


class Answer(NamedTuple):
    """A method's estimate for a model, and the truth."""

    method: str
    k: int
    score: ShortScore
    truth: float


def filled(x: Floats, fitted: Fit) -> Floats:
    """(m, n): the responses, with the model's expectation where one is missing."""
    return x if np.isfinite(x).all() else np.where(np.isfinite(x), x, probability(fitted.theta, fitted.items))


def random_split(m: int, share: float, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Calibration and test models: a random ``share`` is tested."""
    order = rng.permutation(m)
    cut = max(1, round(m * share))
    return np.sort(order[cut:]), np.sort(order[:cut])


def best_split(scores: Floats, share: float) -> tuple[Ints, Ints]:
    """Calibration and test models: the best ``share`` is tested, as a new model is by one who calibrated before."""
    order = np.argsort(-scores, kind="stable")
    cut = max(1, round(len(scores) * share))
    return np.sort(order[cut:]), np.sort(order[:cut])


def grouped_folds(groups: Sequence[str], folds: int) -> list[Ints]:
    """Test models of each fold, groups kept together, sizes as equal as they get."""
    names, codes = np.unique(np.asarray(groups), return_inverse=True)
    sizes = np.bincount(codes)
    load, of = np.zeros(min(folds, len(names)), np.int64), np.zeros(len(names), np.int64)
    for group in np.argsort(-sizes, kind="stable"):
        of[group] = load.argmin()
        load[of[group]] += sizes[group]
    return [np.flatnonzero(of[codes] == fold) for fold in range(len(load))]


def tally(answers: Iterable[Answer]) -> list[Tally]:
    """Mean errors and coverage by method and number of items."""
    groups: dict[tuple[int, str], list[Answer]] = {}
    for answer in answers:
        groups.setdefault((answer.k, answer.method), []).append(answer)
    tallies = []
    for (k, method), found in sorted(groups.items(), key=lambda item: (item[0][0], METHODS.index(item[0][1]))):
        errors = np.array([100 * (answer.score.value - answer.truth) for answer in found])
        ends = [(a.score.lower, a.score.upper, a.truth) for a in found]
        known = [(low, up, truth) for low, up, truth in ends if low is not None and up is not None]
        coverage = float(np.mean([low <= truth <= up for low, up, truth in known])) if known else None
        width = 100 * float(np.mean([up - low for low, up, _ in known])) if known else None
        rmse = float(np.sqrt((errors**2).mean()))
        tallies.append(Tally(method, k, float(np.abs(errors).mean()), rmse, coverage, width, len(found)))
    return tallies


def trial(
    x: Floats,
    train: Ints,
    test: Ints,
    ks: Sequence[int],
    rng: np.random.Generator,
    *,
    kind: Model = "2pl",
    guessing: float | None = None,
    advance: Callable[[], None] = lambda: None,
) -> list[Answer]:
    """Calibrate on the models ``train`` and give the models ``test`` short forms of each length.

    ``x`` (m, n) are responses, NaN where there is none. Items that a test model did not answer are left out, and
    lengths of more than half the items that remain. ``advance`` is called after each model and length.
    """
    known = np.isfinite(x[test]).all(axis=0) & np.isfinite(x[train]).any(axis=0)
    x = x[:, known]
    ks = [k for k in ks if 2 * k <= x.shape[1]]
    if not ks:
        return []
    fitted = fit(x[train], model=kind, guessing=guessing)
    bank = _Bank(fitted, filled(x[train], fitted))
    answers: list[Answer] = []
    longest = max(ks)
    order = _adaptive_orders(x[test], fitted.items, longest, rng)
    parameters = irt_embedding(fitted.items)
    for k in ks:
        by_response = shortforms.anchors(bank.x.T, k, rng)
        by_parameter = shortforms.anchors(parameters, k, rng)
        bias = bank.bias(by_parameter[0])
        for row, model in enumerate(x[test]):
            truth = float(model.mean())
            estimates = {
                **_from_random(bank, model, rng.permutation(x.shape[1])[:k]),
                "anchors (responses)": _plain(float(model[by_response[0]] @ by_response[1]), k),
                **_from_anchors(bank, model, *by_parameter, bias),
                **_adaptive(bank, model, order[row, :k]),
                **_hybrid(bank, model, k, int(rng.integers(1 << 31))),
            }
            answers += [Answer(method, k, score, truth) for method, score in estimates.items()]
            advance()
    return answers


def irt_embedding(items: Items) -> Floats:
    """(n, 2): items as slope and intercept, for anchors."""
    return np.column_stack([items.a, items.d])


class _Bank:
    """What is known of the calibration models."""

    def __init__(self, fitted: Fit, x: Floats) -> None:
        self.items: Items = fitted.items
        self.x = x
        self.scores: Floats = x.mean(axis=1)
        self.variance = float(x.var(axis=0).mean())

    def bias(self, chosen: Ints) -> float:
        """Root mean square error of p-IRT on these items over the calibration models."""
        theta, _ = ability(self.x[:, chosen], self.items.take(chosen))
        p = probability(theta, self.items)
        p[:, chosen] = self.x[:, chosen]
        return float(np.sqrt(((p.mean(axis=1) - self.scores) ** 2).mean()))

    def p_irt(self, model: Floats, chosen: Ints) -> float:
        y = np.full(len(model), np.nan)
        y[chosen] = model[chosen]
        theta, _ = ability(model[None, chosen], self.items.take(chosen))
        return shortforms.p_irt(y, probability(theta, self.items)[0])

    def corrected(self, model: Floats, chosen: Ints) -> ShortScore:
        return shortforms.corrected(self.x, self.scores, self.items, chosen, model[chosen])


def _plain(value: float, k: int) -> ShortScore:
    return ShortScore(value, None, None, k)


def _from_random(bank: _Bank, model: Floats, chosen: Ints) -> dict[str, ShortScore]:
    return {
        "random mean": shortforms.random_mean(model[chosen], len(model)),
        "random + ridge": shortforms.ridge_score(bank.x[:, chosen], bank.scores, model[chosen]),
        "p-IRT random": _plain(bank.p_irt(model, chosen), len(chosen)),
    }


def _from_anchors(bank: _Bank, model: Floats, anchor: Ints, weight: Floats, bias: float) -> dict[str, ShortScore]:
    mean, k = float(model[anchor] @ weight), len(anchor)
    mixed = shortforms.gp_irt(mean, bank.p_irt(model, anchor), bias, bank.variance, k)
    return {"anchors (IRT)": _plain(mean, k), "gp-IRT": _plain(mixed, k)}


def _adaptive(bank: _Bank, model: Floats, chosen: Ints) -> dict[str, ShortScore]:
    return {
        "adaptive p-IRT": _plain(bank.p_irt(model, chosen), len(chosen)),
        "adaptive corrected": bank.corrected(model, chosen),
    }


def _hybrid(bank: _Bank, model: Floats, k: int, seed: int) -> dict[str, ShortScore]:
    session = Session(bank.items, k, seed)
    while batch := session.following():
        session.take({item: float(model[item]) for item in batch})
    found = session.difference()
    assert found is not None
    value = min(1.0, max(0.0, found.value))
    return {
        "hybrid difference": ShortScore(value, found.interval.lower, found.interval.upper, k),
        "hybrid corrected": bank.corrected(model, np.array(session.asked)),
    }


def _adaptive_orders(x: Floats, items: Items, length: int, rng: np.random.Generator) -> Ints:
    """(t, length): items in the order in which an adaptive test asks them one by one, for all test models at once."""
    models, n = x.shape
    rows, theta = np.arange(models), np.zeros(models)
    order, asked = np.empty((models, length), np.int64), np.zeros((models, n), bool)
    for step in range(length):
        worth = information(theta, items)
        worth[asked] = -np.inf
        wide = min(TOP, n - step)
        top = np.argpartition(-worth, wide - 1, axis=1)[:, :wide]
        item = top[rows, rng.integers(wide, size=models)]
        order[:, step], asked[rows, item] = item, True
        own = order[:, : step + 1]
        theta = _settled(x[rows[:, None], own], items, own, theta)
    return order


def _settled(y: Floats, items: Items, asked: Ints, start: Floats) -> Floats:
    """(t,): posterior modes of abilities where each model was asked items of its own, (t, k)."""
    a, d, c = items.a[asked], items.d[asked], items.c[asked]
    theta = start.copy()
    for _ in range(25):
        s = 1 / (1 + np.exp(-(a * theta[:, None] + d)))
        p = c + (1 - c) * s
        known = s / np.maximum(p, 1e-300)
        slope = (a * (y - p) * known).sum(axis=1) - theta
        curve = (a * a * (1 - c) * s * (1 - s) * known).sum(axis=1) + 1
        step = np.clip(slope / curve, -1, 1)
        theta = np.clip(theta + step, -6, 6)
        if np.abs(step).max(initial=0) < 1e-5:
            break
    return theta
