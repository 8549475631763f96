"""What an adaptive session says of the score on the whole bank, the plain methods always beside it.

The headline is the corrected p-IRT score with the interval of the difference estimator: a sharp guess, and bounds that
hold even where the guess is wrong. Where the answers do not fit the bank, or the guess lies outside those bounds, the
difference estimator's own value takes its place. The invariant: every method is computed from the same answers, and
says how many of them it uses and what it was off by on models that the bank had not seen.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from assay.measure import shortforms
from assay.measure.adaptive import Misfit, Session
from assay.measure.bank import Bank
from assay.measure.irt.model import probability
from assay.measure.shortform_trials import irt_embedding
from assay.measure.shortforms import Ints, ShortScore

ESTIMAND = "mean score over the bank's samples"


class Method(Struct, frozen=True):
    """One method's estimate."""

    method: str
    """As in ``shortform_trials.METHODS``."""
    value: float
    lower: float | None
    upper: float | None
    n: int
    """Answers that it uses."""
    validated_mae: float | None
    """Mean absolute error, in points, on held-out families at the number of items nearest to ``n``."""
    note: str


class AdaptiveScore(Struct, frozen=True):
    """The result of a session."""

    estimand: str
    estimate: float | None
    """``None`` before the random part has two answers."""
    by: str
    """The method whose value the estimate is."""
    lower: float | None
    """The difference estimator's 95 % interval: right whatever the fit."""
    upper: float | None
    se: float | None
    level: float
    n: int
    """Samples answered."""
    of: int
    """Samples in the bank."""
    lost: int
    """Samples asked that brought no score (the endpoint rejected them, or the scorer failed)."""
    adaptive: int
    random: int
    theta: float
    theta_se: float
    misfit: Misfit
    methods: tuple[Method, ...]


def adaptive_score(bank: Bank, session: Session) -> AdaptiveScore:
    """All estimates from a session's answers so far."""
    theta, theta_se = session.ability
    answered = int(np.isfinite(session.y).sum())
    found = session.difference()
    methods = _methods(bank, session) if answered else []
    fit = session.misfit()
    value, by = None, "none yet"
    if found is not None:
        guess = next(one for one in methods if one.method == "hybrid corrected")
        inside = found.interval.lower <= guess.value <= found.interval.upper
        trusted = inside and not fit.warnings
        difference = min(1.0, max(0.0, found.value))
        value, by = (guess.value, guess.method) if trusted else (difference, "hybrid difference")
    return AdaptiveScore(
        estimand=ESTIMAND,
        estimate=value,
        by=by,
        lower=None if found is None else found.interval.lower,
        upper=None if found is None else found.interval.upper,
        se=None if found is None else found.se,
        level=0.95,
        n=answered,
        of=len(bank.ids),
        lost=len(session.asked) - answered,
        adaptive=len(session.fixed),
        random=len(session.drawn),
        theta=theta,
        theta_se=theta_se,
        misfit=fit,
        methods=tuple(methods),
    )


def _methods(bank: Bank, session: Session) -> list[Method]:
    y, items = session.y, bank.items
    scored = np.isfinite(y)
    every = np.array([item for item in session.asked if scored[item]])
    drawn = np.array([item for item in session.drawn if scored[item]], dtype=np.int64)
    x, scores = bank.complete, np.array(bank.facts.scores)
    rows: list[tuple[str, ShortScore, str]] = []
    if len(drawn):
        weights = session.weights[scored[session.drawn]]
        rest = float(weights @ y[drawn] / weights.sum())  # inverse chances make the draws an even sample again
        first = [item for item in session.fixed if scored[item]]
        plain = (float(y[first].sum()) + (len(y) - len(first)) * rest) / len(y)
        rows += [
            ("random mean", ShortScore(plain, None, None, len(drawn)), "random part, nothing predicted"),
            ("random + ridge", shortforms.ridge_score(x[:, drawn], scores, y[drawn]), "random part"),
            ("p-IRT random", _plain(_p_irt(bank, session, drawn), drawn), "random part"),
        ]
    weight = shortforms.stand_for(irt_embedding(items), every)
    anchor, p_irt = float(y[every] @ weight), _p_irt(bank, session, every)
    validated = bank.validated("p-IRT random", len(every))
    rows += [
        ("anchors (IRT)", _plain(anchor, every), "each sample stands for those like it"),
        ("adaptive p-IRT", _plain(p_irt, every), "answers, and predictions elsewhere"),
    ]
    if validated is not None:
        mixed = shortforms.gp_irt(anchor, p_irt, validated.rmse / 100, float(x.var(axis=0).mean()), len(every))
        rows.append(("gp-IRT", _plain(mixed, every), "anchors and p-IRT, mixed"))
    rows += [
        (
            "hybrid corrected",
            shortforms.corrected(x, scores, items, every, y[every]),
            "if it is like the bank's models",
        ),
    ]
    if (found := session.difference()) is not None:
        value = min(1.0, max(0.0, found.value))
        honest = ShortScore(value, found.interval.lower, found.interval.upper, len(every))
        rows.append(("hybrid difference", honest, "whatever the fit"))
    return [_row(bank, *row) for row in rows]


def _row(bank: Bank, method: str, score: ShortScore, note: str) -> Method:
    validated = bank.validated(method, score.n)
    return Method(method, *score, None if validated is None else validated.mae, note)


def _plain(value: float, chosen: Ints) -> ShortScore:
    return ShortScore(value, None, None, len(chosen))


def _p_irt(bank: Bank, session: Session, chosen: Ints) -> float:
    """p-IRT from some of the answers only."""
    y = np.full(len(session.y), np.nan)
    y[chosen] = session.y[chosen]
    theta = session.ability_from(y)[0]
    return shortforms.p_irt(y, probability(np.array([theta]), bank.items)[0])
