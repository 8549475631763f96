"""Fit statistics and information against what theory says of them."""

from __future__ import annotations

import numpy as np
import pytest

from assay.measure.irt.ability import ability, eap
from assay.measure.irt.fit import fit
from assay.measure.irt.model import information, probability
from assay.measure.irt.quality import item_fit, marginal_reliability, total_information
from tests.measure.irt.simulated import simulated


@pytest.mark.parametrize("attempts", [1, 4])
def test_mean_squares_of_items_that_follow_the_model_are_one(attempts: int) -> None:
    data = simulated(500, 400, 1, missing=0.2, attempts=attempts)
    found = item_fit(data.x, data.theta, data.items, np.full(data.x.shape, attempts))
    assert found.infit.mean() == pytest.approx(1, abs=0.01)
    assert found.outfit.mean() == pytest.approx(1, abs=0.03)
    assert found.infit_z.std() == pytest.approx(1, abs=0.1)
    assert (np.abs(found.infit_z) < 1.96).mean() == pytest.approx(0.95, abs=0.03)
    assert found.answered.tolist() == (~np.isnan(data.x)).sum(axis=0).tolist()


def test_mean_squares_are_their_formulas() -> None:
    data = simulated(50, 8, 2)
    p = probability(data.theta, data.items)
    variance, square = p * (1 - p), (data.x - p) ** 2
    found = item_fit(data.x, data.theta, data.items)
    assert found.infit == pytest.approx(square.sum(axis=0) / variance.sum(axis=0))
    assert found.outfit == pytest.approx((square / variance).mean(axis=0))


def test_a_wrong_key_shows() -> None:
    data = simulated(150, 200, 3)
    x = data.x.copy()
    worst = int(np.argmax(data.items.a))
    x[:, worst] = 1 - x[:, worst]
    calibrated = fit(x)
    found = item_fit(x, calibrated.theta, calibrated.items)
    assert int(np.nanargmax(found.infit_z)) == worst


def test_an_item_that_nobody_was_asked_has_no_fit() -> None:
    data = simulated(30, 5, 4)
    data.x[:, 2] = np.nan
    found = item_fit(data.x, data.theta, data.items)
    assert np.flatnonzero(np.isnan(found.infit)).tolist() == [2]


def test_information_adds_over_items_and_is_what_abilities_vary_by() -> None:
    items = simulated(2, 3000, 5).items
    theta = np.linspace(-2, 2, 50)
    assert total_information(theta, items) == pytest.approx(information(theta, items).sum(axis=1))
    few = items.take(slice(0, 300))
    rng = np.random.default_rng(0)
    for at in (-1.0, 0.5):
        x = (rng.random((3000, 300)) < probability(np.full(3000, at), few)).astype(float)
        spread = ability(x, few, prior=(0, 100))[0].std()
        assert spread == pytest.approx(total_information([at], few)[0] ** -0.5, rel=0.05)


def test_reliability_is_the_squared_correlation_with_the_truth() -> None:
    data = simulated(4000, 25, 6)
    theta, sd = eap(data.x, data.items)
    truth = np.corrcoef(theta, data.theta)[0, 1] ** 2
    # of posterior means, whose variance lacks the error: var(truth) is var(means) + mean(sd²)
    assert 1 - np.mean(sd**2) == pytest.approx(truth, abs=0.02)
    noisy = data.theta + np.random.default_rng(1).normal(0, 0.5, 4000)
    expected = np.corrcoef(noisy, data.theta)[0, 1] ** 2
    assert marginal_reliability(noisy, np.full(4000, 0.5)) == pytest.approx(expected, abs=0.02)
