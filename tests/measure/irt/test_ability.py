"""Abilities on known items against direct optimisation and integration."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, optimize

from assay.measure.intervals import Floats
from assay.measure.irt.ability import ability, eap
from assay.measure.irt.model import Items, probability
from tests.measure.irt.simulated import simulated


def log_posterior(theta: float, x: Floats, items: Items, attempts: Floats, prior: tuple[float, float]) -> float:
    p = probability(np.array([theta]), items)[0]
    there = ~np.isnan(x)
    ll = attempts * (np.nan_to_num(x) * np.log(p) + (1 - np.nan_to_num(x)) * np.log(1 - p))
    return float(ll[there].sum()) - (theta - prior[0]) ** 2 / (2 * prior[1] ** 2)


@pytest.mark.parametrize(("guessing", "prior"), [(0.0, (0.0, 1.0)), (0.25, (0.0, 1.0)), (0.2, (0.7, 0.5))])
def test_ability_is_the_mode_of_the_posterior(guessing: float, prior: tuple[float, float]) -> None:
    data = simulated(30, 25, 3, missing=0.3, guessing=guessing, attempts=4)
    attempts = np.full(data.x.shape, 4.0)
    theta, se = ability(data.x, data.items, attempts, prior)
    for i, row in enumerate(data.x):
        grid = np.linspace(-6, 6, 241)
        start = grid[np.argmax([log_posterior(t, row, data.items, attempts[i], prior) for t in grid])]
        best = optimize.minimize_scalar(
            lambda t, i=i, row=row: -log_posterior(t, row, data.items, attempts[i], prior),
            bounds=(start - 0.1, start + 0.1),
            options={"xatol": 1e-9},
        )
        assert theta[i] == pytest.approx(best.x, abs=2e-5)
    assert (se < prior[1]).all()


def test_eap_is_the_mean_and_spread_of_the_posterior() -> None:
    data = simulated(5, 12, 4, guessing=0.2)
    theta, sd = eap(data.x, data.items)
    for i, row in enumerate(data.x):

        def density(t: float, row: Floats = row) -> float:
            return float(np.exp(log_posterior(t, row, data.items, np.ones(12), (0.0, 1.0))))

        total, first, second = (integrate.quad(lambda t, k=k: t**k * density(t), -8, 8)[0] for k in range(3))
        assert theta[i] == pytest.approx(first / total, abs=1e-5)
        assert sd[i] ** 2 == pytest.approx(second / total - (first / total) ** 2, abs=1e-5)


def test_a_pass_rate_is_its_attempts() -> None:
    data = simulated(20, 15, 5, attempts=3)
    rng = np.random.default_rng(0)
    single = np.zeros((20, 45))
    for i, row in enumerate(data.x):
        for j, share in enumerate(row):
            single[i, 3 * j + rng.permutation(3)[: round(3 * share)]] = 1
    repeated = Items(*(np.repeat(part, 3) for part in data.items))
    for place in (ability, eap):
        together, apart = place(data.x, data.items, np.full((20, 15), 3)), place(single, repeated)
        assert together[0] == pytest.approx(apart[0], abs=1e-5)
        assert together[1] == pytest.approx(apart[1], abs=1e-5)


def test_intervals_cover_the_ability_that_was_drawn() -> None:
    data = simulated(3000, 60, 6, missing=0.2)
    for place, low, high in ((ability, 0.94, 0.965), (eap, 0.94, 0.96)):
        theta, se = place(data.x, data.items)
        assert low < np.mean(np.abs(theta - data.theta) < 1.96 * se) < high


def test_every_kind_of_model_has_a_finite_ability() -> None:
    data = simulated(4, 400, 7, a=np.full(400, 2.0))
    x = np.stack([np.ones(400), np.zeros(400), np.full(400, np.nan), data.x[3]])
    theta, se = ability(x, data.items)
    assert theta[0] > 3
    assert theta[1] < -3
    assert (theta[2], se[2]) == (pytest.approx(0.0), pytest.approx(1.0))
    assert np.abs(theta).max() <= 6
    assert np.isfinite(se).all()


def test_many_models_are_placed_as_each_alone() -> None:
    data = simulated(500, 700, 8, missing=0.5)
    assert ability(data.x, data.items)[0][[3, 499]] == pytest.approx(ability(data.x[[3, 499]], data.items)[0])


def test_scores_out_of_range_are_refused() -> None:
    data = simulated(2, 3, 9)
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        ability(data.x * 2 - 0.5, data.items)
