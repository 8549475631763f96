"""Adaptive sessions: what they ask, that they can be replayed, and that their intervals hold under misfit."""

from __future__ import annotations

import numpy as np
import pytest

from assay.measure.adaptive import TOP, Session, ability_of, choose, misfit, predicted, proportional, split
from assay.measure.irt.model import Items, information, probability


def bank(n: int = 200, seed: int = 0) -> Items:
    rng = np.random.default_rng(seed)
    return Items(np.exp(rng.normal(0.2, 0.4, n)), rng.normal(0, 1.8, n), np.zeros(n))


def carried_out(session: Session, y: np.ndarray) -> Session:
    while batch := session.following():
        session.take({item: float(y[item]) for item in batch})
    return session


def test_the_most_informative_open_items_are_chosen() -> None:
    items, asked = bank(), np.zeros(200, bool)
    asked[[3, 17, 40]] = True
    worth = np.where(asked, -1, information(np.array([0.7]), items)[0])
    chosen = choose(0.7, items, asked, 1, np.random.default_rng(0))
    assert chosen[0] in np.argsort(-worth)[:TOP]
    many = choose(0.7, items, asked, 10, np.random.default_rng(0))
    assert len(set(many)) == 10
    assert set(many) <= set(np.argsort(-worth)[: 10 + TOP - 1])
    assert sorted(choose(0.0, items, asked, 500, np.random.default_rng(0))) == sorted(np.flatnonzero(~asked))


def test_quotas_hold_within_one_item_at_every_length() -> None:
    items = bank()
    codes = np.repeat([0, 1, 2], [120, 60, 20])
    session = Session(items, 100, 1, quotas=proportional(codes))
    carried_out(session, np.random.default_rng(0).integers(2, size=200).astype(float))
    target = np.array([0.6, 0.3, 0.1])
    for length in range(1, len(session.fixed) + 1):
        counts = np.bincount(codes[session.fixed[:length]], minlength=3)
        assert (np.abs(counts - length * target) <= 1.0 + 1e-9).all(), (length, counts)


def test_a_kind_that_runs_out_gives_way_to_the_others() -> None:
    codes = np.array([0] * 2 + [1] * 18)
    quotas = proportional(codes)._replace(target=np.array([0.9, 0.1]))
    chosen = choose(0.0, bank(20), np.zeros(20, bool), 10, np.random.default_rng(0), quotas)
    assert np.bincount(codes[chosen]).tolist() == [2, 8]


def test_a_session_is_a_function_of_its_settings_and_the_answers() -> None:
    y = np.random.default_rng(4).integers(2, size=200).astype(float)
    first, second = (carried_out(Session(bank(), 40, 9, theta0=0.5), y) for _ in range(2))
    assert first.asked == second.asked
    assert len(set(first.asked)) == 40
    assert (len(first.fixed), len(first.drawn)) == split(40)
    session = Session(bank(), 40, 9)
    assert session.following() == session.following()
    other = carried_out(Session(bank(), 40, 10, theta0=0.5), y)
    assert other.drawn != first.drawn


def test_a_batch_of_draws_does_not_look_at_its_own_answers() -> None:
    y = np.random.default_rng(4).integers(2, size=200).astype(float)
    session = Session(bank(), 40, 9)
    while len(session.fixed) < split(40)[0]:
        session.take({item: float(y[item]) for item in session.following()})
    batch = session.following()
    session.take(dict.fromkeys(batch, 1.0))
    again = Session(bank(), 40, 9)
    while len(again.fixed) < split(40)[0]:
        again.take({item: float(y[item]) for item in again.following()})
    again.take(dict.fromkeys(batch, 0.0))
    np.testing.assert_array_equal(session.draws.chance, again.draws.chance)
    np.testing.assert_array_equal(session.draws.predicted, again.draws.predicted)


def test_everything_asked_is_the_score_itself() -> None:
    y = np.random.default_rng(4).random(30)
    found = carried_out(Session(bank(30), 50, 9), y).difference()
    assert found is not None
    assert found.interval == pytest.approx((y.mean(), y.mean()))


@pytest.mark.parametrize("wrong", ["fits", "another ability a kind", "parameters of other items"])
def test_intervals_hold_whatever_the_misfit(wrong: str) -> None:
    rng = np.random.default_rng(11)
    items, n, reps = bank(), 200, 250
    hits, biases = 0, []
    for rep in range(reps):
        theta = rng.normal()
        truth = items if wrong != "parameters of other items" else items.take(rng.permutation(n))
        shift = 1.5 * rng.normal(size=2)[rng.integers(2, size=n)] if wrong == "another ability a kind" else 0
        p = probability(np.array([theta]), truth._replace(d=truth.d + shift))[0]
        y = (rng.random(n) < p).astype(float)
        found = carried_out(Session(items, 40, rep, batch=10), y).difference()
        assert found is not None
        hits += found.interval.lower <= y.mean() <= found.interval.upper
        biases.append(found.value - y.mean())
    assert hits / reps >= 0.93
    assert abs(np.mean(biases)) < 3 * np.std(biases) / np.sqrt(reps)


def test_predictions_allow_for_an_ability_that_is_not_known() -> None:
    items = bank(50)
    draws = np.random.default_rng(0).normal(0.4, 0.8, 20_000)
    np.testing.assert_allclose(predicted(0.4, 0.8, items), probability(draws, items).mean(axis=0), atol=0.02)


def test_an_ability_starts_from_the_prior_and_moves_with_the_answers() -> None:
    items, nothing = bank(100), np.full(100, np.nan)
    assert ability_of(nothing, items, 0.8) == (0.8, 1.0)
    y = probability(np.array([1.3]), items)[0]
    theta, se = ability_of(y, items)
    assert theta == pytest.approx(1.3, abs=0.1)
    assert se < 0.3


def test_misfit_shows_and_fit_does_not() -> None:
    rng = np.random.default_rng(3)
    items = bank()
    fits, strange = [], []
    for rep in range(60):
        p = probability(np.array([rng.normal()]), items)[0]
        fits.append(bool(carried_out(Session(items, 60, rep), (rng.random(200) < p) * 1.0).misfit().warnings))
        guesser = (rng.random(200) < 1 - p) * 1.0  # good at what is hard, bad at what is easy
        strange.append(bool(carried_out(Session(items, 60, rep), guesser).misfit().warnings))
    assert np.mean(fits) <= 0.1
    assert np.mean(strange) >= 0.8
    y = np.array([1.0, 0.0, np.nan])
    few = Items(np.ones(3), np.zeros(3), np.zeros(3))
    assert misfit(y, few, 0.0, 0.0).outfit == pytest.approx(1.0)  # p = ½: (½)² / ¼
