"""Posteriors: exact against conjugate formulas; what is drawn from the prior is covered as often as it says."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from assay.measure.bayes import clustered_posterior, paired_posterior, probability_better, uniform_posterior
from assay.measure.intervals import wilson


def test_uniform_prior_is_the_beta_posterior() -> None:
    for k, n in ((0, 10), (3, 10), (95, 100)):
        assert uniform_posterior(k, n) == pytest.approx(stats.beta(k + 1, n - k + 1).ppf([0.025, 0.975]))
    assert uniform_posterior(400, 1000) == pytest.approx(tuple(wilson(400, 1000)), abs=0.001)


def test_probability_of_being_better_is_that_of_dirichlet_draws() -> None:
    rng = np.random.default_rng(0)
    for only_a, only_b, ties in ((9, 3, 20), (0, 0, 5), (1, 7, 2), (40, 61, 100)):
        draws = rng.dirichlet([only_a + 1, only_b + 1, ties / 2 + 1, ties / 2 + 1], 200_000)
        assert probability_better(only_a, only_b) == pytest.approx((draws[:, 0] > draws[:, 1]).mean(), abs=0.004)
        ends = np.quantile(draws[:, 0] - draws[:, 1], [0.025, 0.975])
        assert paired_posterior(only_a, only_b, ties) == pytest.approx(tuple(ends), abs=0.005)
    assert probability_better(5, 5) == pytest.approx(0.5)
    assert probability_better(3, 8) == pytest.approx(1 - probability_better(8, 3))


def test_one_sample_a_cluster_is_a_plain_proportion() -> None:
    right = np.repeat([1.0, 0.0], [14, 6])
    assert clustered_posterior(right, np.ones(20)) == pytest.approx(uniform_posterior(14, 20), abs=0.003)


def test_clustered_posterior_agrees_with_plain_importance_sampling() -> None:
    rng = np.random.default_rng(1)
    right, sizes = np.array([8, 5, 8, 2, 7]), np.array([8, 8, 9, 4, 12])
    mean, d = rng.random(400_000), rng.gamma(1.0, 1.0, 400_000)
    log = sum(
        stats.betabinom.logpmf(k, n, np.maximum(mean * d, 1e-300), np.maximum((1 - mean) * d, 1e-300))
        for k, n in zip(right, sizes, strict=True)
    )
    weight = np.exp(log - np.nanmax(log))
    order = np.argsort(mean)
    reached = np.cumsum(weight[order]) / weight.sum()
    ends = mean[order][np.searchsorted(reached, [0.025, 0.975])]
    assert clustered_posterior(right, sizes) == pytest.approx(tuple(ends), abs=0.01)


@pytest.mark.parametrize("clusters", [3, 5, 20])
def test_what_is_drawn_from_the_prior_is_covered(clusters: int) -> None:
    rng = np.random.default_rng(clusters)
    repetitions, covered = 500, 0
    sizes = rng.integers(2, 15, clusters)
    for _ in range(repetitions):
        mean, d = rng.random(), rng.gamma(1.0, 1.0)
        theta = rng.beta(max(mean * d, 1e-12), max((1 - mean) * d, 1e-12), clusters)
        lower, upper = clustered_posterior(rng.binomial(sizes, theta), sizes)
        covered += lower <= mean <= upper
    assert covered / repetitions == pytest.approx(0.95, abs=3 * (0.95 * 0.05 / repetitions) ** 0.5)


def test_four_outcomes_drawn_from_the_prior_are_covered() -> None:
    rng = np.random.default_rng(9)
    covered = 0
    for _ in range(600):
        chances = rng.dirichlet([1, 1, 1, 1])
        counts = rng.multinomial(20, chances)
        lower, upper = paired_posterior(int(counts[0]), int(counts[1]), int(counts[2] + counts[3]))
        covered += lower <= chances[0] - chances[1] <= upper
    assert covered / 600 == pytest.approx(0.95, abs=0.027)
