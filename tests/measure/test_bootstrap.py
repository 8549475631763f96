"""The bootstrap against closed forms and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from assay.measure.bootstrap import bca, bca_mean, bootstrap_means, cluster_sums, weights
from assay.measure.intervals import codes_of, standard_error


def test_sums_and_sizes_of_clusters_by_hand() -> None:
    x = np.array([[1.0, 2.0, 3.0, 4.0], [0.0, 1.0, 0.0, 1.0]])
    sums, sizes = cluster_sums(x, codes_of(["b", "a", "b", "b"]))
    assert sums.tolist() == [[2.0, 1.0], [8.0, 1.0]]
    assert sizes.tolist() == [1.0, 3.0]


@pytest.mark.parametrize("kind", ["multinomial", "poisson"])
def test_replicates_have_the_clustered_error_and_are_those_of_a_direct_product(kind: str) -> None:
    rng = np.random.default_rng(0)
    clusters = np.repeat(np.arange(120), rng.integers(1, 9, 120))
    shared = rng.normal(0, 1, 120)[clusters]
    x = np.stack([shared, 0.5 * shared]) + rng.normal(0, 1, (2, len(clusters)))
    drawn = bootstrap_means(x, clusters, draws=3000, seed=1, kind=kind)  # type: ignore[arg-type]
    for row, replicates in zip(x, drawn.T, strict=True):
        error = standard_error((row - row.mean()) / len(row), clusters)
        assert replicates.std() == pytest.approx(error, rel=0.08)
    w = np.concatenate(list(weights(120, 3000, seed=1, kind=kind)))  # type: ignore[arg-type]
    sums, sizes = cluster_sums(x, clusters)
    assert drawn == pytest.approx((w @ sums) / (w @ sizes)[:, None], abs=1e-5)
    own = standard_error((x[0] - x[1] - (x[0] - x[1]).mean()) / len(clusters), clusters)
    assert (drawn[:, 0] - drawn[:, 1]).std() == pytest.approx(own, rel=0.08), "models share their draws"


def test_multinomial_weights_draw_each_cluster_as_often_as_any() -> None:
    w = np.concatenate(list(weights(50, 4000, seed=3)))
    assert (w.sum(axis=1) == 50).all()
    assert w.mean(axis=0) == pytest.approx(np.ones(50), abs=0.08)
    assert w.var() == pytest.approx(1 - 1 / 50, rel=0.03)


def test_bca_is_scipys() -> None:
    x = np.random.default_rng(4).lognormal(0, 1, 40)
    peer = stats.bootstrap((x,), np.mean, n_resamples=20_000, method="BCa", random_state=0).confidence_interval
    assert bca_mean(x, draws=20_000) == pytest.approx((peer.low, peer.high), rel=0.02)


def test_bca_without_skew_or_bias_is_the_percentile_interval() -> None:
    drawn = np.linspace(-1, 1, 4001)
    lower, upper = bca(0.0, drawn, np.array([-1.0, 0.0, 1.0]))
    assert (lower, upper) == pytest.approx((-0.95, 0.95), abs=1e-3)


def test_bca_covers_a_skewed_mean_better_than_percentiles() -> None:
    rng = np.random.default_rng(5)
    clusters = np.repeat(np.arange(30), 2)
    corrected = plain = 0
    for _ in range(400):
        x = np.repeat(rng.lognormal(0, 1, 30), 2) + rng.normal(0, 0.1, 60)
        lower, upper = bca_mean(x, clusters, draws=600)
        corrected += lower <= np.exp(0.5) <= upper
        ends = np.quantile(bootstrap_means(x[None], clusters, draws=600), [0.025, 0.975])
        plain += ends[0] <= np.exp(0.5) <= ends[1]
    assert corrected > plain
    assert corrected / 400 > 0.88


def test_one_cluster_is_refused() -> None:
    with pytest.raises(ValueError, match="two clusters"):
        bca_mean([1.0, 2.0], np.zeros(2, dtype=np.int64))
