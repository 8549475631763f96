"""Intervals against closed forms, scipy and seeded simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from assay.measure.intervals import (
    all_alike,
    clopper_pearson,
    clustered_t_interval,
    codes_of,
    effective_clusters,
    effective_wilson,
    jeffreys,
    standard_error,
    t_interval,
    wilson,
)

COUNTS = [(0, 1), (1, 1), (0, 10), (10, 10), (3, 10), (1, 125), (950, 1000), (123_456, 1_000_000)]


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.999])
@pytest.mark.parametrize(("k", "n"), COUNTS)
def test_proportion_intervals_agree_with_scipy(k: int, n: int, level: float) -> None:
    peer = stats.binomtest(k, n)
    assert wilson(k, n, level) == pytest.approx(tuple(peer.proportion_ci(level, "wilson")), abs=1e-9)
    assert clopper_pearson(k, n, level) == pytest.approx(tuple(peer.proportion_ci(level, "exact")), abs=1e-9)
    lower, upper = jeffreys(k, n, level)
    posterior = stats.beta(k + 0.5, n - k + 0.5)
    assert lower == (0 if k == 0 else pytest.approx(posterior.ppf((1 - level) / 2), abs=1e-9))
    assert upper == (1 if k == n else pytest.approx(posterior.ppf((1 + level) / 2), abs=1e-9))


@pytest.mark.parametrize("n", [10, 30, 100, 300, 1000])
@pytest.mark.parametrize("p", [0.5, 0.8, 0.95, 0.99])
def test_wilson_holds_exactly_the_chances_that_the_score_test_accepts(p: float, n: int) -> None:
    inside = [k for k in range(n + 1) if wilson(k, n).lower <= p <= wilson(k, n).upper]
    reach = stats.norm.ppf(0.975) * (n * p * (1 - p)) ** 0.5
    assert inside == [k for k in range(n + 1) if abs(k - n * p) <= reach]
    assert stats.binom.pmf(inside, n, p).sum() > 0.90


@pytest.mark.parametrize("p", [0.01, 0.2, 0.5, 0.97])
def test_clopper_pearson_never_covers_less_than_it_says(p: float) -> None:
    for n in (5, 20, 77):
        inside = [k for k in range(n + 1) if clopper_pearson(k, n).lower <= p <= clopper_pearson(k, n).upper]
        assert stats.binom.pmf(inside, n, p).sum() >= 0.95


@given(n=st.integers(1, 10_000), share=st.floats(0, 1), level=st.floats(0.5, 0.999))
def test_proportion_intervals_hold_the_estimate_and_stay_on_the_scale(n: int, share: float, level: float) -> None:
    k = round(share * n)
    for interval in (wilson(k, n, level), clopper_pearson(k, n, level), jeffreys(k, n, level)):
        assert 0 <= interval.lower <= k / n <= interval.upper <= 1
        assert interval.lower < interval.upper


def test_counts_that_make_no_sense_are_refused() -> None:
    for k, n, level in ((1, 0, 0.95), (3, 2, 0.95), (-1, 2, 0.95), (1, 2, 1.0)):
        with pytest.raises(ValueError, match="no interval"):
            wilson(k, n, level)


def test_t_interval_is_the_textbook_one() -> None:
    x = np.random.default_rng(1).normal(3, 2, 17)
    peer = stats.t.interval(0.9, len(x) - 1, x.mean(), stats.sem(x))
    assert t_interval(x, 0.9) == pytest.approx(peer)
    with pytest.raises(ValueError, match="two independent units"):
        t_interval([1.0])


def test_clusters_of_equal_size_are_as_good_as_their_means() -> None:
    rng = np.random.default_rng(2)
    x = (rng.normal(0, 1, (12, 1)) + rng.normal(0, 1, (12, 5))).ravel()
    labels = np.repeat([f"doc{i}" for i in range(12)], 5)
    assert clustered_t_interval(x, labels) == pytest.approx(t_interval(x.reshape(12, 5).mean(axis=1)))
    assert effective_clusters(codes_of(labels)) == pytest.approx(12)


def test_clustered_error_of_unequal_clusters_by_hand() -> None:
    # mean 2; cluster sums of deviations: a: (1-2) + (2-2) = -1, b: 3-2 = 1; SE² = (1 + 1) / 3² · 2/1
    x = np.array([1.0, 2.0, 3.0])
    assert standard_error((x - 2) / 3, codes_of(["a", "a", "b"])) == pytest.approx((4 / 9) ** 0.5)
    assert effective_clusters(codes_of(["a", "a", "b"])) == pytest.approx(9 / 5)


def test_effective_wilson_of_independent_trials_is_wilson() -> None:
    k, n = 37, 120
    se = (k / n * (1 - k / n) / n) ** 0.5
    assert effective_wilson(k / n, se, df=1e9) == pytest.approx(wilson(k, n), abs=1e-6)
    few = effective_wilson(k / n, se, df=4)
    assert few.lower < wilson(k, n).lower < wilson(k, n).upper < few.upper


def test_data_all_alike_still_leave_doubt() -> None:
    for n in (1, 7, 300):
        assert all_alike(0.0, n, 0.0, 1.0) == pytest.approx(clopper_pearson(0, n))
        assert all_alike(1.0, n, 0.0, 1.0) == pytest.approx(clopper_pearson(n, n))
        lower, upper = all_alike(0.25, n, 0.0, 1.0)
        assert 0 < lower < 0.25 < upper < 1


REPETITIONS = 1500
ERROR = 3 * (0.95 * 0.05 / REPETITIONS) ** 0.5


def clustered_bernoulli(p: float, correlation: float, clusters: int, seed: int) -> list[np.ndarray]:
    """Repetitions of 0/1 data in clusters of eight."""
    rng = np.random.default_rng(seed)
    shape = (REPETITIONS, clusters)
    total = 1 / correlation - 1 if correlation else None
    chance = np.full(shape, p) if total is None else rng.beta(p * total, (1 - p) * total, shape)
    return list((rng.random((*shape, 8)) < chance[..., None]).astype(float))


@pytest.mark.parametrize("clusters", [5, 10, 20, 50])
@pytest.mark.parametrize(("p", "correlation"), [(0.5, 0.0), (0.5, 0.4), (0.8, 0.1), (0.95, 0.0), (0.95, 0.1)])
def test_effective_wilson_covers_clustered_proportions(p: float, correlation: float, clusters: int) -> None:
    codes = np.repeat(np.arange(clusters), 8)
    covered = 0
    for data in clustered_bernoulli(p, correlation, clusters, seed=clusters):
        x = data.ravel()
        mean = x.mean()
        se = standard_error((x - mean) / len(x), codes)
        if se > 0:
            lower, upper = effective_wilson(mean, se, clusters - 1, limit=len(x))
        else:
            lower, upper = all_alike(mean, clusters, 0, 1)
        covered += lower <= p <= upper
    assert covered / REPETITIONS >= 0.945 - ERROR


def test_t_falls_short_near_the_end_of_the_scale_which_is_why_it_is_not_used_there() -> None:
    codes = np.repeat(np.arange(10), 8)
    intervals = [clustered_t_interval(data.ravel(), codes) for data in clustered_bernoulli(0.95, 0.1, 10, seed=3)]
    assert np.mean([lower <= 0.95 <= upper for lower, upper in intervals]) < 0.92


@pytest.mark.parametrize("clusters", [5, 20, 50])
def test_clustered_t_covers_what_is_normal(clusters: int) -> None:
    rng = np.random.default_rng(clusters)
    codes = np.repeat(np.arange(clusters), 4)
    draws = rng.normal(0, 1, (REPETITIONS, clusters, 1)) + rng.normal(0, 2, (REPETITIONS, clusters, 4))
    intervals = [clustered_t_interval(x.ravel(), codes) for x in draws]
    assert np.mean([lower <= 0 <= upper for lower, upper in intervals]) == pytest.approx(0.95, abs=ERROR)
