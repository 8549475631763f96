"""What a suite can tell apart: closed forms, simulated error rates, and a published row of figures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from assay.errors import UsageError
from assay.measure.irt.ability import ability
from assay.measure.irt.fit import fit
from assay.measure.irt.model import Items, information, probability
from assay.measure.item_information import (
    blind_range,
    by_tag,
    effective_items,
    frontier,
    saturation,
    sights,
    smallest_gap,
    suite_of,
)
from assay.measure.matrix import Matrix, load
from assay.measure.resolution import kendall_tau, kr20, report, resolution, stability


def drawn(models: int, items: int, seed: int) -> tuple[np.ndarray, np.ndarray, Items]:
    """Scores by a 2PL, the abilities and the items."""
    rng = np.random.default_rng(seed)
    true = Items(np.exp(rng.normal(0.2, 0.3, items)), rng.normal(0, 1.2, items), np.zeros(items))
    theta = rng.normal(size=models)
    return (rng.random((models, items)) < probability(theta, true)).astype(float), theta, true


def names(n: int) -> tuple[str, ...]:
    """So many names."""
    return tuple(f"m{i}" for i in range(n))


def matrix(x: np.ndarray, **more: object) -> Matrix:
    """A matrix of the scores, NaN where there are none."""
    attempts = np.isfinite(x).astype(np.int32)
    return Matrix(x, names(len(x)), tuple(f"q{j}" for j in range(x.shape[1])), attempts, **more)  # type: ignore[arg-type]


def test_kendalls_tau_is_scipys_with_ties_or_without() -> None:
    from scipy.stats import kendalltau

    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 6, (40, 9)) / 6, rng.normal(size=(40, 9))
    expected = [kendalltau(one, other).statistic for one, other in zip(a, b, strict=True)]
    np.testing.assert_allclose(kendall_tau(a, b), expected)
    assert kendall_tau(np.ones((1, 4)), b[:1, :4])[0] == 0


def test_kr20_is_one_for_items_that_say_the_same_and_the_textbook_value_else() -> None:
    same = np.repeat(np.array([[0.0], [1.0], [1.0], [0.0]]), 5, axis=1)
    assert kr20(same) == pytest.approx(1)
    x = np.array([[1, 1, 1], [1, 1, 0], [1, 0, 0], [0, 0, 0]], dtype=float)
    # item variances 3/16, 1/4, 3/16; totals 3, 2, 1, 0 have variance 5/4
    assert kr20(x) == pytest.approx(1.5 * (1 - (10 / 16) / (5 / 4)))
    assert kr20(x[:, :1]) is None


def test_dead_items_are_counted_by_kind_and_not_among_those_that_go_against_the_rest() -> None:
    x = np.tril(np.ones((6, 5)), -1)
    x = np.column_stack([x, np.ones(6), np.zeros(6), 1 - x[:, 2]])
    found = resolution(x, names(6), draws=200)
    assert (found.dead.count, found.dead.n, found.all_right, found.all_wrong) == (2, 8, 1, 1)
    assert (found.negative.count, found.negative.n) == (1, 6)
    assert found.dead.lower is not None
    assert found.dead.lower < 0.25 < (found.dead.upper or 0)


def test_equal_models_are_told_apart_at_the_error_rate_and_jointly_in_one_suite_of_twenty() -> None:
    rng = np.random.default_rng(1)
    alone, jointly, suites = 0, 0, 150
    for seed in range(suites):
        easy = rng.random(250)  # items differ, models do not
        found = resolution((rng.random((6, 250)) < easy).astype(float), names(6), draws=300, short=20, seed=seed)
        alone += found.separability.pairs.count
        jointly += found.separability.pairs_jointly.count > 0
    assert 0.03 < alone / (15 * suites) < 0.07
    assert 0.01 <= jointly / suites <= 0.10


def test_a_difference_of_the_detectable_size_is_found_four_times_in_five() -> None:
    rng = np.random.default_rng(2)
    found = 0
    easy = rng.uniform(0.2, 0.8, 400)
    shape = (2, 400)
    size = resolution((rng.random(shape) < easy).astype(float), names(2), draws=100).separability.detectable
    for seed in range(300):
        x = (rng.random(shape) < easy + np.array([[size / 2], [-size / 2]])).astype(float)
        found += resolution(x, names(2), draws=100, short=10, seed=seed).separability.pairs.count
    assert 0.72 < found / 300 < 0.88


def test_clusters_are_compared_whole() -> None:
    """Forty questions asked ten times each are worth forty, not four hundred."""
    rng = np.random.default_rng(3)
    x = (rng.random((4, 40)) < np.array([[0.4], [0.5], [0.6], [0.7]])).astype(float)
    once = resolution(x, names(4), draws=400, seed=3)
    tenfold = resolution(np.repeat(x, 10, axis=1), names(4), np.repeat(np.arange(40), 10), draws=400, seed=3)
    assert tenfold.clusters == 40
    assert tenfold.separability.typical_error == pytest.approx(once.separability.typical_error)
    assert tenfold.separability.pairs.count == once.separability.pairs.count
    assert tenfold.stability.tau == pytest.approx(once.stability.tau, abs=0.05)


def test_more_items_keep_a_ranking_better() -> None:
    x, _, _ = drawn(12, 900, seed=4)
    few, many = (stability(x[:, :n], draws=300, short=50, seed=0) for n in (90, 900))
    assert few.tau < many.tau
    assert many.tau_between < many.tau < 1
    assert many.tau_short < many.tau
    assert many.tau_lower <= many.tau


def test_missing_cells_are_refused_by_name_and_left_out_by_the_report() -> None:
    x, _, _ = drawn(6, 80, seed=5)
    x[2, :30] = np.nan
    with pytest.raises(UsageError, match="all of them were asked"):
        resolution(x, names(6))
    found = report(matrix(x), fit(x), draws=200)
    assert found.resolution.items == 50
    assert "m2 was asked 50 of 80" in found.notes[0]
    x[3, 30:] = np.nan
    with pytest.raises(UsageError, match="leave some models out"):
        report(matrix(x), None)


def test_models_of_one_ability_differ_by_more_than_the_smallest_gap_one_time_in_twenty() -> None:
    """And models that far apart are separated half of the time."""
    rng = np.random.default_rng(6)
    items = Items(np.exp(rng.normal(0.2, 0.3, 150)), rng.normal(0, 1.2, 150), np.zeros(150))
    suite = suite_of(np.vstack([np.zeros(150), np.ones(150)]), items)
    for theta in (-0.5, 1.0):
        gap = float(smallest_gap(suite, np.array([theta]))[0])
        shares = []
        for apart in (0.0, gap):
            true = theta + np.repeat([apart / 2, -apart / 2], 2000)
            x = (rng.random((4000, 150)) < probability(true, items)).astype(float)
            estimate, _ = ability(x, items, prior=(0.0, 30.0))
            shares.append(float((np.abs(estimate[:2000] - estimate[2000:]) > gap).mean()))
        assert 0.04 < shares[0] < 0.065
        assert 0.46 < shares[1] < 0.54


def test_the_gap_in_points_is_the_rise_of_the_test_curve() -> None:
    items = Items(np.ones(400), np.zeros(400), np.zeros(400))
    suite = suite_of(np.vstack([np.zeros(400), np.ones(400)]), items)
    (sight,) = sights(suite, np.array([0.0]), ("middle",))
    assert sight.information == pytest.approx(100)
    assert sight.gap == pytest.approx(1.96 * np.sqrt(2) / 10)
    assert sight.score == pytest.approx(0.5)
    assert sight.where == "middle"
    # two scores of 400 answers at p = 1/2 differ visibly from 1.96 sqrt(2/4/400) on
    assert sight.gap_points == pytest.approx(1.96 * np.sqrt(2 * 0.25 / 400), rel=0.01)


def test_saturation_is_the_integral_of_the_information_below() -> None:
    _, _, items = drawn(2, 50, seed=7)
    grid = np.linspace(-15, 15, 30_001)
    total = information(grid, items).sum(axis=1)
    at = np.array([-1.0, 0.0, 2.0])
    expected = [total[grid <= t].sum() / total.sum() for t in at]
    np.testing.assert_allclose(saturation(items, at), expected, atol=1e-3)
    guessed = items._replace(c=np.full(50, 1e-7))
    np.testing.assert_allclose(saturation(guessed, at), expected, atol=2e-3)
    one = Items(np.array([1.3]), np.array([-1.3]), np.zeros(1))
    assert saturation(one, np.array([1.0]))[0] == pytest.approx(0.5)  # half of it lies below the item's difficulty


def test_equal_items_are_all_effective_and_a_sharp_one_among_blunt_ones_is_alone() -> None:
    equal = Items(np.full(30, 1.2), np.zeros(30), np.zeros(30))
    assert effective_items(equal, 0.7) == pytest.approx(30)
    sharp = Items(np.append(np.full(29, 0.01), 3.0), np.zeros(30), np.zeros(30))
    assert effective_items(sharp, 0.0) == pytest.approx(1, abs=0.01)


def test_dead_items_add_to_the_score_and_tell_nothing() -> None:
    x, _, _ = drawn(30, 60, seed=8)
    with_dead = np.column_stack([x, np.ones((30, 10)), np.zeros((30, 20))])
    items = fit(with_dead).items
    suite, live = suite_of(with_dead, items), suite_of(x, items.take(slice(0, 60)))
    at = np.array([-1.0, 0.0, 1.0])
    np.testing.assert_allclose(suite.information(at), live.information(at))
    np.testing.assert_allclose(suite.score(at), (60 * live.score(at) + 10) / 90)


def test_a_suite_is_blind_beyond_its_items_and_sees_further_with_harder_ones() -> None:
    items = Items(np.full(40, 1.5), np.zeros(40), np.zeros(40))
    both = np.vstack([np.zeros(40), np.ones(40)])
    low, high = blind_range(suite_of(both, items))
    assert low is not None
    assert high is not None
    assert low == pytest.approx(-high)
    harder = items._replace(d=np.repeat([0.0, -3.0], 20))
    assert (blind_range(suite_of(both, harder))[1] or 0) > high
    few = Items(np.full(3, 0.5), np.zeros(3), np.zeros(3))
    assert blind_range(suite_of(both[:, :3], few)) == (0.0, 0.0)


def test_the_ablest_models_place_has_the_error_of_its_ability_and_the_blindest_part_comes_first() -> None:
    x, _, items = drawn(40, 300, seed=9)
    easy = np.arange(300) < 100
    found = fit(x)
    suite = suite_of(x, found.items)
    best = int(found.theta.argmax())
    edge = frontier(suite, float(found.theta[best]), float(found.se[best]), "best", 0.9)
    assert edge.saturation_lower < edge.saturation < edge.saturation_upper
    assert edge.headroom == pytest.approx(0.1)
    order = np.argsort(-items.b)  # the first hundred of these are the hardest
    tags = np.where(easy, "hard", "other")[np.argsort(order)]
    parts = by_tag(x, found.items, edge.theta, tuple(tags.tolist()))
    assert sum(part.share for part in parts) == pytest.approx(1)
    assert sum(part.items for part in parts) == 300
    assert [part.gap for part in parts] == sorted((part.gap for part in parts), reverse=True)
    hard = next(part for part in parts if part.tag == "hard")
    assert hard.share > 1 / 3  # of the information at the frontier, more than of the items


def test_a_published_row_of_figures_is_reproduced(shared_data: Path) -> None:
    """GSM8K, 44 models, the 681 items that all were asked; the figures are those of the specification."""
    given = load([shared_data / "matrices" / "zeroeval_gsm.npz"])
    found = report(given, None, draws=1000).resolution
    assert (found.models, found.items) == (44, 681)
    assert found.kr20 == pytest.approx(0.990, abs=0.0005)
    assert found.dead.value == pytest.approx(0.169, abs=0.0005)
    assert found.negative.value == pytest.approx(0.039, abs=0.0005)
    assert found.separability.pairs.value == pytest.approx(0.80, abs=0.005)
    assert found.separability.adjacent.value == pytest.approx(0.07, abs=0.005)
    assert found.stability.tau == pytest.approx(0.924, abs=0.006)
    assert found.stability.tau_short == pytest.approx(0.824, abs=0.02)
    assert found.separability.adjacent_jointly.value < found.separability.adjacent.value
