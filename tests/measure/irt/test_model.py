"""The response curves against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from assay.measure.irt.model import Items, information, probability, sigmoid

ITEMS = Items(np.array([0.4, 1.0, 2.5]), np.array([-1.0, 0.0, 2.0]), np.array([0.0, 0.0, 0.25]))
THETA = np.linspace(-3, 3, 13)


def test_probability_is_the_logistic_above_the_floor() -> None:
    b = np.array([2.5, 0.0, -0.8])
    assert ITEMS.b == pytest.approx(b)
    expected = ITEMS.c + (1 - ITEMS.c) * special.expit(ITEMS.a * (THETA[:, None] - b))
    assert probability(THETA, ITEMS) == pytest.approx(expected)


def test_information_is_the_squared_slope_over_the_variance() -> None:
    step = 1e-5
    slope = (probability(THETA + step, ITEMS) - probability(THETA - step, ITEMS)) / (2 * step)
    p = probability(THETA, ITEMS)
    assert information(THETA, ITEMS) == pytest.approx(slope**2 / (p * (1 - p)), rel=1e-6)


def test_far_abilities_give_no_overflow_and_no_information() -> None:
    far = np.array([-2000.0, 2000.0])
    assert sigmoid(far).tolist() == [0.0, 1.0]
    assert np.isfinite(information(far, ITEMS)).all()
    assert information(far, ITEMS).max() < 1e-100
