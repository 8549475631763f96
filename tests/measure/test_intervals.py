"""Intervals against closed forms, scipy and seeded simulation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from assay.measure.bayes import uniform_posterior
from assay.measure.intervals import (
    Interval,
    all_alike,
    clopper_pearson,
    cluster_error,
    clustered_t_interval,
    codes_of,
    effective_clusters,
    effective_wilson,
    finite_population,
    jeffreys,
    standard_error,
    steadied_error,
    t_interval,
    wilson,
)
from assay.measure.summaries import Clusters, mean_of

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


def wald(k: float, n: float) -> Interval:
    half = 1.96 * (k / n * (1 - k / n) / n) ** 0.5
    return Interval(k / n - half, k / n + half)


COVERAGE: list[tuple[Callable[[float, float], Interval], int, list[float]]] = [
    (wald, 10, [0.89, 0.89, 0.40, 0.10]),
    (wald, 100, [0.94, 0.93, 0.88, 0.63]),
    (wilson, 10, [0.98, 0.97, 0.91, 0.90]),
    (wilson, 30, [0.96, 0.96, 0.94, 0.96]),
    (wilson, 100, [0.94, 0.94, 0.97, 0.92]),
    (wilson, 300, [0.94, 0.95, 0.96, 0.97]),
    (uniform_posterior, 10, [0.98, 0.97, 0.91, 0.90]),
    (uniform_posterior, 300, [0.94, 0.95, 0.96, 0.97]),
    (clopper_pearson, 10, [0.98, 0.99, 0.99, 1.0]),
    (clopper_pearson, 30, [0.96, 0.98, 0.98, 1.0]),
    (clopper_pearson, 100, [0.97, 0.97, 0.98, 0.98]),
]


@pytest.mark.parametrize(("interval", "n", "expected"), COVERAGE)
def test_exact_coverage_is_the_measured_table(
    interval: Callable[[float, float], Interval], n: int, expected: list[float]
) -> None:
    ends = np.array([interval(k, n) for k in range(n + 1)])
    chances = [stats.binom.pmf(np.arange(n + 1), n, p) for p in (0.5, 0.8, 0.95, 0.99)]
    held = [
        chance @ ((ends[:, 0] <= p) & (p <= ends[:, 1]))
        for p, chance in zip((0.5, 0.8, 0.95, 0.99), chances, strict=True)
    ]
    assert held == pytest.approx(expected, abs=0.0055), "the table has two decimals"


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


def test_unequal_clusters_have_an_unbiased_error() -> None:
    assert cluster_error([1, -1, 2, -2], codes_of([0, 1, 2, 3])) == pytest.approx(standard_error([1, -1, 2, -2]))
    rng = np.random.default_rng(0)
    codes = np.repeat(np.arange(8), [40, 20, 10, 5, 5, 4, 3, 1])
    x = rng.normal(0, 1, (4000, 8))[:, codes]
    means = x.mean(axis=1)
    influence = (x - means[:, None]) / len(codes)
    corrected = np.mean([cluster_error(psi, codes) ** 2 for psi in influence])
    plain = np.mean([standard_error(psi, codes) ** 2 for psi in influence])
    assert corrected == pytest.approx(means.var(), rel=0.06)
    assert plain < 0.85 * means.var()


def test_doubt_about_likeness_fades_with_the_clusters_that_differ() -> None:
    codes = np.repeat(np.arange(40), 8)
    one_wrong = np.ones(320)
    one_wrong[0] = 0
    half_wrong = (np.random.default_rng(0).random(320) < 0.5).astype(float)
    for x, least, most in ((one_wrong, 0.5, 1), (half_wrong, 0.0, 0.1)):
        influence = (x - x.mean()) / 320
        plain, steady = cluster_error(influence, codes), steadied_error(influence, codes)
        independent = (influence @ influence) ** 0.5
        assert least <= (steady - plain) / independent <= most
    assert steadied_error(np.zeros(4), codes_of([0, 0, 1, 1])) == 0


def test_twelve_thousand_items_in_clusters_of_eight() -> None:
    rng = np.random.default_rng(1)
    total = 1 / 0.19 - 1
    chance = np.repeat(rng.beta(0.6 * total, 0.4 * total, 1500), 8)
    x = (rng.random(12_000) < chance).astype(float)
    influence = (x - x.mean()) / len(x)
    assert standard_error(influence) == pytest.approx(0.0045, abs=0.0001)
    assert standard_error(influence, np.repeat(np.arange(1500), 8)) == pytest.approx(0.0069, abs=0.0003)


def test_a_finite_pool_leaves_less_doubt_and_none_once_it_is_used_up() -> None:
    assert finite_population(100, 100) == 0
    assert finite_population(1, 100) == 1
    rng = np.random.default_rng(2)
    pool = rng.random(80)
    means = [rng.permutation(pool)[:30].mean() for _ in range(4000)]
    assert np.std(means) == pytest.approx(pool.std() / 30**0.5 * finite_population(30, 80), rel=0.04)
    with pytest.raises(ValueError, match="cannot be drawn"):
        finite_population(5, 4)


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


@pytest.mark.parametrize(("clusters", "correlation"), [(20, 0.4), (50, 0.1), (50, 0.4)])
def test_strong_and_unequal_clusters_near_the_end_of_the_scale_are_covered(clusters: int, correlation: float) -> None:
    ends = stats.norm.ppf((np.arange(clusters) + 0.5) / clusters)
    sizes = np.maximum(1, np.round(8 * np.exp(1.2 * ends))).astype(int)
    codes = np.repeat(np.arange(clusters), sizes)
    rng = np.random.default_rng(clusters)
    total = 1 / correlation - 1
    now = before = 0
    for _ in range(600):
        right = rng.binomial(sizes, rng.beta(0.95 * total, 0.05 * total, clusters))
        x = np.concatenate([np.arange(n) < k for n, k in zip(sizes, right, strict=True)]).astype(float)
        found = mean_of(x, len(x), binary=True, bounded=True, clusters=Clusters(codes, "doc"), level=0.95)
        assert found.lower is not None
        assert found.upper is not None
        now += found.lower <= 0.95 <= found.upper
        if found.se:
            lower, upper = effective_wilson(x.mean(), found.se, effective_clusters(codes) - 1, limit=len(x))
            before += lower <= 0.95 <= upper
        else:
            before += 1
    assert now / 600 >= 0.95 - 3 * (0.95 * 0.05 / 600) ** 0.5
    assert before < now, "which is what the doubt is for"


@pytest.mark.parametrize("clusters", [5, 10, 20, 50])
def test_clustered_t_covers_clusters_of_very_unequal_size(clusters: int) -> None:
    ends = stats.norm.ppf((np.arange(clusters) + 0.5) / clusters)
    codes = np.repeat(np.arange(clusters), np.maximum(1, np.round(8 * np.exp(1.2 * ends))).astype(int))
    rng = np.random.default_rng(clusters)
    now = before = 0
    for _ in range(REPETITIONS):
        x = rng.normal(0, 1, clusters)[codes] + rng.normal(0, 1, len(codes))
        lower, upper = clustered_t_interval(x, codes)
        now += lower <= 0 <= upper
        reach = stats.t.ppf(0.975, clusters - 1) * standard_error((x - x.mean()) / len(x), codes)
        before += abs(x.mean()) <= reach
    assert now / REPETITIONS >= 0.94 - ERROR
    assert before / REPETITIONS < now / REPETITIONS


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
