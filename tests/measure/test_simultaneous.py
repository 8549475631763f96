"""Leaderboards: what is promised for all models at once, under simulation; a closed form; real data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from assay.errors import UsageError
from assay.measure.intervals import standard_error
from assay.measure.matrix import load
from assay.measure.simultaneous import leaderboard


def scores(rng: np.random.Generator, truth: np.ndarray, clusters: int, size: int) -> np.ndarray:
    """0/1 scores of models with the given accuracies on questions whose clusters are easy or hard for all."""
    shared = rng.normal(0, 1, (1, clusters)) + rng.normal(0, 0.5, (len(truth), clusters))
    latent = np.repeat(shared, size, axis=1) + rng.normal(0, 1, (len(truth), clusters * size))
    return (latent < stats.norm.ppf(truth)[:, None] * np.sqrt(2.25)).astype(float)


@pytest.mark.parametrize(("clusters", "size"), [(20, 6), (200, 1)])
def test_intervals_and_ranks_hold_for_all_models_at_once(clusters: int, size: int) -> None:
    rng = np.random.default_rng(clusters)
    truth = np.array([0.8, 0.78, 0.7, 0.69, 0.68, 0.5, 0.3])
    ranks = stats.rankdata(-truth)
    codes = np.repeat(np.arange(clusters), size) if size > 1 else None
    means = positions = 0
    repetitions = 250
    for seed in range(repetitions):
        found = leaderboard(scores(rng, truth, clusters, size), codes, draws=400, seed=seed)
        means += bool(((found.lower <= truth) & (truth <= found.upper)).all())
        positions += bool(((found.rank_lower <= ranks) & (ranks <= found.rank_upper)).all())
    slack = 3 * (0.95 * 0.05 / repetitions) ** 0.5
    assert means / repetitions >= 0.95 - slack
    assert positions / repetitions >= 0.95 - slack


def test_models_with_equal_truth_are_seldom_ranked() -> None:
    rng = np.random.default_rng(7)
    wrong = 0
    for seed in range(250):
        found = leaderboard(scores(rng, np.full(8, 0.6), 150, 1), draws=400, seed=seed)
        wrong += bool((found.rank_lower > 1).any() or (found.rank_upper < 8).any())
    assert wrong / 250 <= 0.05 + 3 * (0.05 * 0.95 / 250) ** 0.5
    assert wrong > 0, "nor is it never"


def test_two_models_are_a_paired_comparison() -> None:
    rng = np.random.default_rng(1)
    x = scores(rng, np.array([0.7, 0.6]), 400, 1)
    found = leaderboard(x, draws=4000)
    d = x[0] - x[1]
    assert found.errors_of_differences[0, 1] == pytest.approx(standard_error((d - d.mean()) / 400))
    assert found.critical == pytest.approx(stats.t.ppf(0.975, 399), abs=0.12)
    assert found.top.sum() == pytest.approx(1)
    assert found.top[0] == pytest.approx(stats.norm.cdf(d.mean() / found.errors_of_differences[0, 1]), abs=0.02)
    assert found.expected_rank.sum() == pytest.approx(3)


def test_a_clear_order_is_found_and_a_copy_shares_its_place() -> None:
    rng = np.random.default_rng(2)
    x = scores(rng, np.array([0.95, 0.6, 0.2]), 300, 1)
    found = leaderboard(np.vstack([x, x[:1]]), draws=500)
    assert found.rank_lower.tolist() == [1, 3, 4, 1]
    assert found.rank_upper.tolist() == [2, 3, 4, 2]
    assert found.top.tolist() == [0.5, 0, 0, 0.5]
    assert found.separated == pytest.approx(5 / 6)


def test_all_right_and_all_wrong_still_leave_doubt() -> None:
    found = leaderboard(np.vstack([np.ones(30), np.zeros(30)]), draws=200)
    assert 0.8 < found.lower[0] < found.upper[0] == 1
    assert 0 == found.lower[1] < found.upper[1] < 0.2


def test_too_little_is_refused() -> None:
    with pytest.raises(UsageError, match="2 to 2,000 models"):
        leaderboard(np.ones((1, 9)))
    with pytest.raises(UsageError, match="one cluster"):
        leaderboard(np.ones((2, 9)), np.zeros(9, dtype=np.int64))


def test_separability_of_gsm8k_is_the_measured_one(shared_data: Path) -> None:
    given = load([shared_data / "matrices" / "zeroeval_gsm.npz"])
    matrix = given.select(items=given.asked.all(axis=0))
    found = leaderboard(matrix.x, draws=1000)
    assert matrix.x.shape == (44, 681)
    assert found.separated_alone == pytest.approx(0.80, abs=0.005)
    assert found.adjacent_alone == pytest.approx(0.07, abs=0.005)
    assert found.separated < found.separated_alone
