"""Variance components against closed forms, planted values and the textbook analysis of variance."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from assay.measure.variance import (
    components_of,
    fixed_set_error,
    neighbour_variances,
    noise_budget,
    share_of_sampling,
)


def test_uniform_items_have_a_twelfth_between_and_a_sixth_within() -> None:
    rng = np.random.default_rng(0)
    chance = rng.random((40_000, 1))
    found = components_of((rng.random((40_000, 4)) < chance).astype(float))
    assert found.omega2 == pytest.approx(1 / 12, abs=0.002)
    assert found.sigma2 == pytest.approx(1 / 6, abs=0.002)
    assert share_of_sampling(1 / 12, 1 / 6, 2) == pytest.approx(1 / 2)


def test_components_by_hand() -> None:
    # means ½, 1, 0 with within-sums ½, 0, 0 over 3 degrees of freedom: σ² = 1/6, ω² = ¼ - (1/6)/2
    found = components_of(np.array([[1, 0], [1, 1], [0, 0]], dtype=float))
    assert found == pytest.approx((1 / 4 - 1 / 12, 1 / 6, 2))


def test_components_are_unbiased_where_attempts_are_missing() -> None:
    rng = np.random.default_rng(1)
    omega, sigma = [], []
    for _ in range(300):
        scores = rng.normal(0, 1, (40, 1)) + rng.normal(0, 2, (40, 5))
        scores[np.arange(5)[None] >= rng.integers(1, 6, (40, 1))] = np.nan
        found = components_of(scores)
        omega.append(found.omega2)
        sigma.append(found.sigma2 or 0)
    assert np.mean(sigma) == pytest.approx(4, abs=0.1)
    assert np.mean(omega) == pytest.approx(1, abs=0.15), "cut off at 0 only now and then"


def test_without_repeats_sampling_variance_is_unknown_not_nought() -> None:
    found = components_of(np.array([[1.0], [0.0], [1.0]]))
    assert found.sigma2 is None
    assert found.omega2 == pytest.approx(1 / 3)
    assert fixed_set_error(np.zeros(3), np.ones(3)) is None


def test_on_the_very_samples_only_the_dice_are_left() -> None:
    rng = np.random.default_rng(2)
    chance = rng.random(60)
    means, errors = [], []
    for _ in range(600):
        scores = (rng.random((60, 5)) < chance[:, None]).astype(float)
        means.append(scores.mean())
        within = ((scores - scores.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
        errors.append(fixed_set_error(within, np.full(60, 5.0)) or 0)
    assert np.mean(errors) == pytest.approx(np.std(means), rel=0.1)
    truth = sqrt((chance * (1 - chance)).mean() / 300)
    assert np.mean(errors) == pytest.approx(truth, rel=0.02)
    covered = np.abs(np.array(means) - chance.mean()) <= 1.96 * np.array(errors)
    assert covered.mean() == pytest.approx(0.95, abs=0.03)


def test_a_noise_budget_finds_what_was_planted() -> None:
    rng = np.random.default_rng(3)
    totals: dict[tuple[str, ...], list[float]] = {}
    for _ in range(60):
        y = rng.normal(0, 1, (60, 1, 1)) + rng.normal(0, 0.5, (1, 8, 1)) + rng.normal(0, 0.7, (1, 1, 6))
        y = y + rng.normal(0, 0.4, (60, 1, 6)) + rng.normal(0, 0.8, (60, 8, 6))
        for source in noise_budget(y, ("item", "seed", "template")):
            totals.setdefault(source.factors, []).append(source.variance)
            assert source.levels == np.prod([{"item": 60, "seed": 8, "template": 6}[f] for f in source.factors])
    planted = {
        ("item",): 1.0,
        ("seed",): 0.25,
        ("template",): 0.49,
        ("item", "template"): 0.16,
        ("item", "seed"): 0.0,
        ("seed", "template"): 0.0,
        ("item", "seed", "template"): 0.64,
    }
    assert set(totals) == set(planted)
    for factors, variance in planted.items():
        error = np.std(totals[factors]) / sqrt(60)
        assert np.mean(totals[factors]) == pytest.approx(variance, abs=4 * error + 0.01)


def test_a_budget_of_two_factors_is_the_textbooks() -> None:
    y = np.array([[1.0, 2.0, 4.0], [3.0, 3.0, 9.0]])
    rows, columns, rest = 2, 3, y - y.mean(1, keepdims=True) - y.mean(0) + y.mean()
    noise = (rest**2).sum() / ((rows - 1) * (columns - 1))
    found = {source.factors: source.variance for source in noise_budget(y, ("row", "column"))}
    assert found["row", "column"] == pytest.approx(noise)
    assert found[("row",)] == pytest.approx(max(0, y.mean(1).var(ddof=1) - noise / columns))
    assert found[("column",)] == pytest.approx(max(0, y.mean(0).var(ddof=1) - noise / rows))
    with pytest.raises(ValueError, match="complete table"):
        noise_budget(np.array([[1.0, np.nan], [2.0, 3.0]]), ("row", "column"))


def test_variances_of_neighbours_are_those_planted() -> None:
    rng = np.random.default_rng(4)
    chance = np.clip(0.5 + rng.normal(0, 0.2, (1, 20_000)) + rng.normal(0, 0.1, (3, 20_000)), 0.02, 0.98)
    x = (rng.random((4, 3, 20_000)) < chance).mean(axis=0)
    found = neighbour_variances(x, np.full(x.shape, 4))
    assert found is not None
    assert found.omega2 == pytest.approx(np.var(chance[0] - chance[1]), rel=0.1)
    assert found.sigma2 == pytest.approx(2 * (chance * (1 - chance)).mean(), rel=0.02)
    assert (found.pairs, found.design_effect) == (2, 1.0)
    once = neighbour_variances((x > 0.5).astype(float), np.ones(x.shape))
    assert once is not None
    assert once.sigma2 is None
    clusters = np.repeat(np.arange(2500), 8)
    shared = np.repeat(rng.normal(0, 1, (2, 2500)), 8, axis=1) + rng.normal(0, 1, (2, 20_000))
    clustered = neighbour_variances(1 / (1 + np.exp(-shared)), np.ones((2, 20_000)), clusters)
    assert clustered is not None
    assert clustered.design_effect == pytest.approx(4.5, rel=0.1)
