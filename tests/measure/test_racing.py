"""Races over a matrix: pairs, families, the best, and what all the data say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from assay.errors import UsageError
from assay.measure import matrix, racing
from assay.measure.intervals import Floats
from assay.measure.matrix import Matrix
from assay.measure.sequential_stored import stored_best, stored_pairs


def answers(rng: np.random.Generator, means: list[float], n: int) -> Floats:
    """Models with given means on items of their own difficulty."""
    hard = rng.normal(0, 1, n)
    logits = np.log(np.array(means) / (1 - np.array(means)))[:, None] - hard
    return (rng.random((len(means), n)) < 1 / (1 + np.exp(-logits))).astype(float)


def as_matrix(x: Floats, clusters: list[int] | None = None) -> Matrix:
    names = tuple(f"m{i}" for i in range(len(x)))
    codes = None if clusters is None else np.array(clusters)
    return Matrix(x, names, tuple(map(str, range(x.shape[1]))), np.isfinite(x).astype(np.int32), clusters=codes)


def test_decisions_depend_on_nothing_that_comes_after_them() -> None:
    x = answers(np.random.default_rng(0), [0.3, 0.5, 0.7], 500)
    whole = racing.race_pairs(x, alpha=0.05, population=500)
    assert (whole.sign == -1).all()
    last = int(whole.column.max())
    prefix = racing.race_pairs(x[:, :last], alpha=0.05, population=500)
    assert (prefix.used == whole.used).all()
    cut = x.copy()
    cut[2, int(max(whole.column[[1, 2]])) :] = np.nan  # m2 is settled and asked no more
    assert (racing.race_pairs(cut, alpha=0.05, population=500).used == whole.used).all()


def test_a_pair_is_raced_on_the_samples_that_both_have() -> None:
    x = answers(np.random.default_rng(1), [0.3, 0.8], 300)
    holes = x.copy()
    holes[0, ::3] = np.nan
    both = np.isfinite(holes).all(axis=0)
    assert racing.race_pairs(holes, alpha=0.05).used == racing.race_pairs(x[:, both], alpha=0.05).used
    report = stored_pairs(as_matrix(holes), [0])
    assert report.pairs[0].n == 200
    assert report.pairs[0].difference == pytest.approx((x[0] - x[1])[both].mean())
    with pytest.raises(UsageError, match="no sample in common"):
        stored_pairs(as_matrix(np.where(np.arange(300) % 2 == [[0], [1]], x, np.nan)), [0])


def test_ties_are_truths_that_any_decision_gets_wrong() -> None:
    half = np.tile([0.0, 1.0], 200)
    report = stored_pairs(as_matrix(np.array([half, 1 - half])), range(200))
    assert report.pairs[0].truth == "tie"
    assert report.means.decided == report.means.wrong
    assert report.means.wrong is not None
    assert report.means.wrong <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 200)


def test_the_family_rate_holds_over_all_pairs_together() -> None:
    """Six models that tie on the benchmark: any decision among their 15 pairs is an error."""
    rng = np.random.default_rng(2)
    x = rng.permuted(np.tile(np.repeat([0.0, 1.0], 100), (6, 1)), axis=1)
    races = [x[:, rng.permutation(200)] for _ in range(400)]
    any_wrong = [(racing.race_pairs(y, alpha=0.1, family=True).sign != 0).any() for y in races]
    assert np.mean(any_wrong) < 0.1 + 2 * np.sqrt(0.09 / 400)
    alone = [(racing.race_pairs(y, alpha=0.1).sign != 0).any() for y in races[:100]]
    assert np.mean(alone) > 0.2


def test_the_best_is_kept_and_the_rest_dropped_early() -> None:
    rng = np.random.default_rng(3)
    x = answers(rng, [0.3, 0.35, 0.45, 0.55, 0.75], 1000)
    lost, shares = [], []
    for seed in range(40):
        drops = racing.race_best(x[:, racing.order(1000, seed)], alpha=0.05)
        lost.append(bool(drops.dropped[4]))
        shares.append(drops.column[:4].mean() / 1000)
        assert drops.dropped.sum() == 4
    assert np.mean(lost) <= 0.05
    assert np.mean(shares) < 0.2
    report = stored_best(as_matrix(x), [0])
    assert report.best == report.truth == ("m4",)


def test_equally_good_models_are_dropped_no_more_often_than_alpha() -> None:
    rng = np.random.default_rng(4)
    x = rng.permuted(np.tile(np.repeat([0.0, 1.0], 100), (4, 1)), axis=1)
    dropped = np.array([racing.race_best(x[:, rng.permutation(200)], alpha=0.1).dropped for _ in range(400)])
    assert dropped.mean(axis=0).max() < 0.1 + 2 * np.sqrt(0.09 / 400)


def test_a_population_race_bets_on_clusters() -> None:
    rng = np.random.default_rng(5)
    base = (rng.random(60) < 0.5).astype(float)
    x = np.array([base, 1 - base]).repeat(10, axis=1)  # ten copies of each of sixty questions
    clusters = np.repeat(np.arange(60), 10)
    whole = racing.race_population(x, clusters, seed=0, alpha=0.05)
    single = racing.race_population(x[:, ::10], None, seed=0, alpha=0.05)
    assert whole.sign == single.sign
    assert whole.used == 10 * single.used


def test_scores_outside_the_unit_interval_are_refused() -> None:
    with pytest.raises(UsageError, match="scores in"):
        stored_pairs(as_matrix(np.array([[0.0, 2.0], [1.0, 0.0]])), [0])


@pytest.mark.parametrize("file", ["mmlu_pro/verdicts.parquet", "matrices/zeroeval_gsm.npz"])
def test_on_real_models_fewer_samples_than_the_reference_mixture_and_few_errors(shared_data: Path, file: str) -> None:
    report = stored_pairs(matrix.load([shared_data / file]), range(3))
    ours, plain = report.means, report.reference
    assert ours.mean_share is not None
    assert plain.mean_share is not None
    assert ours.mean_share < plain.mean_share
    assert ours.wrong is not None
    assert ours.wrong <= 0.01
    assert ours.decided is not None
    assert plain.decided is not None
    assert ours.decided >= plain.decided
