"""Order agreement against its closed forms, in simulation."""

from __future__ import annotations

import numpy as np
import pytest

from assay.measure.checkpoints.decisions import from_correlation, from_ratio, order_agreement
from assay.measure.checkpoints.noise import noise


def test_closed_forms_have_their_known_values() -> None:
    assert [round(from_ratio(r), 3) for r in (0.5, 1, 2, 5)] == pytest.approx([0.648, 0.750, 0.852, 0.937], abs=0.001)
    assert from_correlation(0) == 0.5
    assert from_correlation(1) == 1
    # one noisy checkpoint is a correlation of s/sqrt(s² + n²) with the truth
    assert from_correlation(2 / np.sqrt(5)) == pytest.approx(from_ratio(2))


@pytest.mark.parametrize("ratio", [0.5, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("k", [1, 4])
def test_observed_accuracy_is_predicted_within_three_points(ratio: float, k: int) -> None:
    rng = np.random.default_rng(4)
    truth = ratio * rng.normal(size=600)
    seen = truth[:, None] + rng.normal(size=(600, 5))
    predicted = from_ratio(noise(seen).sd_snr, k)  # from the data, not from what made them
    later = truth + rng.normal(size=(600, k)).mean(axis=1)
    observed = order_agreement(later, truth, draws=2)
    assert observed is not None
    assert observed.value == pytest.approx(predicted, abs=0.03)


def test_cross_scale_accuracy_is_predicted_from_the_correlation() -> None:
    rng = np.random.default_rng(5)
    small, large = rng.multivariate_normal([0, 0], [[1, 0.7], [0.7, 1]], size=800).T
    observed = order_agreement(small, large, draws=2)
    assert observed is not None
    assert observed.value == pytest.approx(from_correlation(0.7), abs=0.03)


@pytest.mark.parametrize(("models", "r"), [(10, 0.5), (25, 0.8), (16, 0.95)])
def test_the_interval_covers(models: int, r: float) -> None:
    rng = np.random.default_rng(6)
    hits = 0
    for _ in range(300):
        small, large = rng.multivariate_normal([0, 0], [[1, r], [r, 1]], size=models).T
        found = order_agreement(small, large, draws=200)
        assert found is not None
        hits += found.lower <= from_correlation(r) <= found.upper
    assert hits / 300 >= 0.94


def test_ties_count_half_and_absent_models_not_at_all() -> None:
    found = order_agreement([1, 1, 2, np.nan], [1, 2, 3, 4])
    assert found is not None
    assert (found.value, found.models, found.pairs, found.tied) == (pytest.approx(2.5 / 3), 3, 3, 1)


def test_perfect_agreement_is_not_certainty() -> None:
    found = order_agreement([1, 2, 3, 4], [1, 2, 3, 4])
    assert found is not None
    assert (found.value, found.upper) == (1, 1)
    assert found.lower == pytest.approx(0.025**0.5)
