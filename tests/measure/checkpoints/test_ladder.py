"""The ladder recovers what was planted, and its intervals hold."""

from __future__ import annotations

import numpy as np
import pytest

from assay.measure.checkpoints.ladder import Curve, Law, fit_curve, fit_law, predict, relative_error

SIZES = np.repeat([190e6, 370e6, 600e6, 760e6, 1.3e9], 4)
TOKENS = 20 * SIZES * np.tile([1, 2, 5, 10], 5)
MODELS = np.arange(20)
LAW = Law(400, 1500, 0.6, 0.34, 0.37, 0.0)
CURVE = Curve(0.25, 0.7, 4, 1.15)
TARGET = (7e9, 4e12)


def test_planted_parameters_are_found() -> None:
    losses = LAW.at(SIZES, TOKENS)
    law = fit_law(SIZES, TOKENS, losses)
    assert law[:5] == pytest.approx(LAW[:5], rel=1e-4)
    assert fit_curve(losses, CURVE.at(losses)) == pytest.approx(CURVE, rel=1e-3)


def test_one_broken_point_does_not_move_the_law() -> None:
    losses = LAW.at(SIZES, TOKENS)
    losses[7] *= 1.5
    assert relative_error(float(fit_law(SIZES, TOKENS, losses).at(*TARGET)), float(LAW.at(*TARGET))) < 0.005


def test_prediction_intervals_hold_the_target() -> None:
    rng = np.random.default_rng(7)
    losses = LAW.at(SIZES, TOKENS)
    hits, errors = 0, []
    for draw in range(8):
        seen = losses * np.exp(rng.normal(0, 0.004, 20))
        right = CURVE.at(losses) + rng.normal(0, 0.005, 20)
        found = predict(SIZES, TOKENS, seen, TARGET, accuracy=right, models=MODELS, draws=25, seed=draw)
        assert found.accuracy is not None
        assert found.accuracy_interval is not None
        hits += found.loss_interval[0] <= float(LAW.at(*TARGET)) <= found.loss_interval[1]
        errors.append(relative_error(found.accuracy, float(CURVE.at(LAW.at(*TARGET)))))
    assert hits >= 6
    assert np.median(errors) < 0.05


def test_a_ladder_of_one_size_is_refused() -> None:
    with pytest.raises(ValueError, match="two sizes"):
        fit_law(np.full(8, 1e9), np.geomspace(1e10, 1e12, 8), np.linspace(3, 2, 8))
