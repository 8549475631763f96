"""Agreement between measurements, held against what their noise allows."""

from __future__ import annotations

import numpy as np
import pytest

from assay.measure.checkpoints.proxies import bits_per_byte, corrected, peers, proxy


def test_two_noisy_readings_of_one_ability_correlate_perfectly_once_corrected() -> None:
    rng = np.random.default_rng(8)
    truth = rng.normal(size=4000)
    a, b = (truth + s * rng.normal(size=4000) for s in (1.0, 0.5))
    found = corrected(a, b, 1 / 2, 1 / 1.25)
    assert found.observed == pytest.approx(np.sqrt(0.5 * 0.8), abs=0.03)
    assert found.corrected == pytest.approx(1, abs=0.04)


def test_the_interval_of_a_corrected_correlation_covers() -> None:
    rng = np.random.default_rng(9)
    hits = 0
    for _ in range(500):
        ability = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], size=20).T
        a, b = ability + rng.normal(size=(2, 20)) * 0.5
        lower, upper = corrected(a, b, 0.8, 0.8).interval
        hits += lower <= 0.6 <= upper
    assert 0.92 <= hits / 500 <= 0.98


def test_a_smooth_proxy_decides_better_than_the_noisy_target_itself() -> None:
    rng = np.random.default_rng(10)
    truth = rng.normal(size=60)
    likelihood, accuracy = truth + 0.2 * rng.normal(size=60), truth + 1.5 * rng.normal(size=60)
    smooth, noisy = proxy(likelihood, truth, draws=100), proxy(accuracy, truth, draws=100)
    assert smooth is not None
    assert noisy is not None
    assert smooth.decisions.value > noisy.decisions.upper
    assert smooth.pearson_interval.lower > noisy.pearson_interval.upper


def test_bits_per_byte() -> None:
    assert bits_per_byte([np.log(2) * 8], [4])[0] == pytest.approx(2)


def test_the_odd_benchmark_stands_out_among_its_peers() -> None:
    rng = np.random.default_rng(11)
    truth = rng.normal(size=30)
    scores = np.column_stack([*(truth + 0.3 * rng.normal(size=30) for _ in range(5)), rng.normal(size=30)])
    found = peers(scores, models=12, draws=60)
    assert min(peer.tau for peer in found[:5]) > 0.6
    assert found[5].z < -3
