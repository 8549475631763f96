"""Short forms against enumeration, brute force and simulation."""

from __future__ import annotations

import numpy as np
import pytest

from assay.measure.irt.model import Items, probability
from assay.measure.shortforms import (
    _PENALTIES,
    Draws,
    anchors,
    corrected,
    difference,
    gp_irt,
    p_irt,
    random_mean,
    ridge,
    ridge_score,
)


def answers(theta: np.ndarray, items: Items, rng: np.random.Generator) -> np.ndarray:
    return (rng.random((len(theta), len(items.a))) < probability(theta, items)).astype(float)


def some_items(n: int, rng: np.random.Generator) -> Items:
    return Items(np.exp(rng.normal(0.2, 0.4, n)), rng.normal(0, 1.5, n), np.zeros(n))


def test_the_difference_estimator_is_exactly_unbiased_however_wrong_and_changing_the_predictions() -> None:
    y = np.array([1.0, 0.0, 1.0, 1.0, 0.0])
    fixed = 4
    first_p = np.array([0.9, 0.8, 0.1, 0.2, 0.5])
    expected, total_chance = 0.0, 0.0
    for i in range(4):  # every way in which three items may be drawn from the four that are open
        for j in set(range(4)) - {i}:
            for k in set(range(4)) - {i, j}:
                rows, chance_of_all, left, p = [], 1.0, [0, 1, 2, 3], first_p
                for item in (i, j, k):
                    worth = {one: 0.1 + p[one] for one in left}
                    chance = worth[item] / sum(worth.values())
                    spread = sum(p[one] * (1 - p[one]) * sum(worth.values()) / worth[one] for one in left)
                    rows.append((chance, p[item], sum(p[one] for one in left), spread, float(len(left))))
                    chance_of_all *= chance
                    left.remove(item)
                    p = np.clip(p + 0.3 * (y[item] - p[item]), 0.01, 0.99)  # learns from the answer
                found = difference(y[fixed], y[[i, j, k]], Draws(*np.array(rows).T), 5)
                expected += chance_of_all * found.value
                total_chance += chance_of_all
    assert total_chance == pytest.approx(1)
    assert expected == pytest.approx(y.mean(), abs=1e-12)


def test_even_draws_without_predictions_cover_as_often_as_they_say() -> None:
    rng = np.random.default_rng(5)
    n, k, hits, reps = 200, 30, 0, 1500
    y = (rng.random(n) < 0.7).astype(float)
    left = n - np.arange(k)
    for _ in range(reps):
        drawn = rng.permutation(n)[:k]
        draws = Draws(1 / left, np.zeros(k), np.zeros(k), np.zeros(k), left.astype(float))
        low, up = difference(0.0, y[drawn], draws, n).interval
        hits += low <= y.mean() <= up
    assert 0.93 <= hits / reps <= 0.975


def test_right_answers_only_leave_an_interval_with_width() -> None:
    k, left = 12, 300.0 - np.arange(12)
    p = np.full(k, 0.9)
    draws = Draws(1 / left, p, left * 0.9, left**2 * 0.09, left)
    found = difference(0.0, np.ones(k), draws, 300)
    assert found.interval.upper - found.interval.lower > 0.1
    with pytest.raises(ValueError, match="1 answers"):
        difference(0.0, [1.0], Draws(*(value[:1] for value in draws)), 300)


def test_a_lost_answer_is_left_out_and_counts_as_predicted() -> None:
    left = 50.0 - np.arange(4)
    p = np.full(4, 0.5)
    draws = Draws(1 / left, p, left * 0.5, left**2 * 0.25, left)
    y = np.array([1.0, np.nan, 0.0, 1.0])
    totals = np.array(
        [50 * 0.5 + 0.5 * 50, 1 + 48 * 0.5 + 0.5 - 0.5 * 48, 1 + 0.5 + 47 * 0.5 + 0.5 * 47]
    )  # by hand: what is known, what is predicted, and the surprise
    weight = 1 / left[[0, 2, 3]] ** 2
    assert difference(0.0, y, draws, 50).value == pytest.approx(weight @ totals / weight.sum() / 50)


def test_leave_one_out_errors_of_ridge_are_those_of_refitting() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(12, 4)), rng.normal(size=12)
    z = x - x.mean(axis=0)
    scale = np.linalg.eigvalsh(z.T @ z).mean()

    def fitted(penalty: float, keep: np.ndarray, new: np.ndarray) -> np.ndarray:
        centre, level = x[keep].mean(axis=0), y[keep].mean()
        own = x[keep] - centre
        w = np.linalg.solve(own.T @ own + penalty * np.eye(4), own.T @ (y[keep] - level))
        return level + (new - centre) @ w

    every = np.arange(12)
    losses = np.array(
        [[(y[i] - fitted(p * scale, every[every != i], x[[i]])[0]) ** 2 for i in every] for p in _PENALTIES]
    )
    best = losses.mean(axis=1).argmin()
    new = rng.normal(size=(3, 4))
    found = ridge(x, y, new)
    np.testing.assert_allclose(found.value, fitted(_PENALTIES[best] * scale, every, new), rtol=1e-8)
    np.testing.assert_allclose(found.left_out**2, losses[best], rtol=1e-6)


def test_formulas_of_the_papers() -> None:
    assert p_irt([1.0, np.nan, 0.0, np.nan], [0.9, 0.5, 0.9, 0.25]) == pytest.approx((1 + 0.5 + 0 + 0.25) / 4)
    weight = 0.03**2 / (0.2 / (4 * 100) + 0.03**2)
    assert gp_irt(0.6, 0.7, 0.03, 0.2, 100) == pytest.approx(weight * 0.6 + (1 - weight) * 0.7)
    assert gp_irt(0.6, 0.7, 0.0, 0.2, 100) == 0.7
    assert random_mean([1, 0, 1, 1], 4)[:3] == (0.75, 0.75, 0.75)  # all were asked: nothing is left to chance


def test_anchors_stand_for_items_like_them() -> None:
    rng = np.random.default_rng(1)
    kinds = rng.normal(size=(3, 40))
    group = np.repeat([0, 1, 2], [50, 30, 20])
    chosen, weight = anchors(kinds[group], 3, rng)
    assert sorted(group[chosen]) == [0, 1, 2]
    assert sorted(weight) == pytest.approx([0.2, 0.3, 0.5])


def test_the_correction_learns_what_one_ability_does_not_hold_and_keeps_out_where_it_cannot() -> None:
    rng = np.random.default_rng(2)
    items = some_items(200, rng)
    group = rng.integers(2, size=200)
    chosen = np.concatenate([np.flatnonzero(group == 0)[:30], np.flatnonzero(group == 1)[:10]])

    def responses(models: int) -> np.ndarray:
        factor = 1.2 * rng.normal(size=(models, 2))
        z = items.a * rng.normal(size=(models, 1)) + items.d + factor[:, group]
        return (rng.random(z.shape) < 1 / (1 + np.exp(-z))).astype(float)

    x, new = responses(600), responses(60)
    scores = x.mean(axis=1)
    errors, plain, inside = [], [], []
    for model in new:
        found = corrected(x, scores, items, chosen, model[chosen])
        alone = corrected(x[:5], scores[:5], items, chosen, model[chosen])
        errors.append(abs(found.value - model.mean()))
        plain.append(abs(alone.value - model.mean()))
        inside.append(found.lower is not None and found.lower <= model.mean() <= (found.upper or 0))
    assert np.mean(errors) < 0.8 * np.mean(plain)
    assert np.mean(inside) >= 0.9


def test_ridge_intervals_hold_for_models_like_those_of_the_calibration() -> None:
    rng = np.random.default_rng(3)
    items = some_items(150, rng)
    x = answers(rng.normal(size=500), items, rng)
    scores = x.mean(axis=1)
    chosen = rng.permutation(150)[:25]
    found = [ridge_score(x[:300, chosen], scores[:300], model[chosen]) for model in x[300:]]
    truth = scores[300:]
    covered = [one.lower <= true <= one.upper for one, true in zip(found, truth, strict=True)]  # type: ignore[operator]
    assert 0.91 <= np.mean(covered) <= 0.99
