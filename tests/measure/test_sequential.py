"""Betting e-processes: fair under the null at every look, and as good as any test can be."""

from __future__ import annotations

from math import comb, log

import numpy as np
import pytest

from assay.measure.intervals import Floats
from assay.measure.racing import decide
from assay.measure.sequential import REFERENCE_BETS, Bets, cluster_units, interval, mcnemar_e, mixture


def populations(rng: np.random.Generator, rows: int, wins: int, losses: int, ties: int) -> Floats:
    """Random orders of one list of differences."""
    d = np.repeat([1.0, -1.0, 0.0], [wins, losses, ties])
    return rng.permuted(np.tile(d, (rows, 1)), axis=1)


def test_the_reference_with_replacement_is_the_plain_product_of_bets() -> None:
    d = np.array([[1.0, 0, -1, 1, 1, 0.5]])
    e = Bets(np.array([100]), 0.05, "reference", replacement=True).feed(d)
    bets = np.array(REFERENCE_BETS)[:, None]
    assert np.exp(e[0, 0]) == pytest.approx(np.cumprod(1 + bets * d, axis=1).mean(axis=0))
    assert np.exp(e[1, 0]) == pytest.approx(np.cumprod(1 - bets * d, axis=1).mean(axis=0))


def test_blocks_and_missing_cells_do_not_change_the_bets() -> None:
    rng = np.random.default_rng(0)
    d = populations(rng, 1, 30, 20, 50)
    whole = Bets(np.array([100]), 0.05).feed(d)
    holes = np.insert(d, [3, 50, 70], np.nan, axis=1)
    bets = Bets(np.array([100]), 0.05)
    parts = np.concatenate([bets.feed(holes[:, a : a + 7]) for a in range(0, 103, 7)], axis=2)
    assert parts[:, np.isfinite(holes)] == pytest.approx(whole[:, 0], nan_ok=False)


@pytest.mark.parametrize("method", ["adaptive", "reference"])
def test_each_bet_is_fair_without_replacement(method: str) -> None:
    """The exact expectation over all orders of a small population without a difference is 1 at every look."""
    rng = np.random.default_rng(1)
    from itertools import permutations

    orders = np.array(sorted(set(permutations([1.0, 1.0, -1.0, -1.0, 0.0, 0.5, -0.5]))))
    assert len(orders) == 1260
    e = np.exp(Bets(np.full(1260, 7), 0.05, method).feed(rng.permutation(orders)))  # type: ignore[arg-type]
    assert e.mean(axis=1) == pytest.approx(np.ones((2, 7)))


@pytest.mark.parametrize(("wins", "ties"), [(300, 0), (60, 480)])
def test_with_no_difference_a_decision_at_any_look_is_rarer_than_alpha(wins: int, ties: int) -> None:
    d = populations(np.random.default_rng(2), 3000, wins, wins, ties)
    share = (decide(d, np.full(3000, 600), alpha=0.05).sign != 0).mean()
    assert 0.02 < share < 0.05 + 2 * np.sqrt(0.05 * 0.95 / 3000)


def test_graded_scores_and_clusters_keep_the_error_rate() -> None:
    rng = np.random.default_rng(3)
    d = np.tile(rng.uniform(-1, 1, 400), (2000, 1))
    d = rng.permuted((d - d.mean()) / 2, axis=1)
    assert (decide(d, np.full(2000, 400), alpha=0.05).sign != 0).mean() < 0.06
    clusters = np.repeat(np.arange(80), 5)
    effects = rng.choice([-1.0, 1.0], (2000, 80))  # the five samples of a cluster all differ alike
    units = cluster_units(effects[:, clusters], clusters)
    assert (units == effects).all()
    assert (decide(units, np.full(2000, 80), alpha=0.05, replacement=True).sign != 0).mean() < 0.06
    naive = effects[:, clusters]
    assert (decide(naive, np.full(2000, 400), alpha=0.05, replacement=True).sign != 0).mean() > 0.1


def test_sign_symmetrised_samples_of_a_population_keep_the_error_rate() -> None:
    rng = np.random.default_rng(4)
    d = rng.choice([1.0, 0.0, -1.0], (3000, 600), p=[0.2, 0.6, 0.2])
    assert (decide(d, np.full(3000, 600), alpha=0.05, replacement=True).sign != 0).mean() < 0.06


def test_a_lead_larger_than_what_is_left_is_decided_and_a_tie_never_for_sure() -> None:
    d = np.array([[1.0, -1.0, 1.0, 0.0, 0.0], [1.0, -1.0, 0.0, 1.0, -1.0]])
    found = decide(d, np.array([5, 5]), alpha=1e-6)
    assert found.sign.tolist() == [1, 0]
    assert found.used.tolist() == [5, 5]
    assert np.isinf(found.log_e[0])


def test_no_test_takes_a_noticeably_smaller_share_when_all_gaps_are_equally_likely() -> None:
    """Beside the exact optimum over all tests of level alpha, for wins and losses with a uniform number of wins."""
    n, alpha = 200, 0.05
    rng = np.random.default_rng(5)
    wins = rng.integers(0, n + 1, 8000)
    d = rng.permuted(np.where(np.arange(n) < wins[:, None], 1.0, -1.0), axis=1)
    share = (decide(d, np.full(8000, n), alpha=alpha).used / n).mean()
    plain = (decide(d, np.full(8000, n), alpha=alpha, method="reference").used / n).mean()
    best = least_share(n, alpha)
    assert best < share < 1.07 * best
    assert share < 0.97 * plain


def least_share(n: int, alpha: float) -> float:
    """Least mean share of any two-sided test of "wins = losses" with level ``alpha``, wins uniform on 0 ... n.

    Dynamic programming over (samples seen, wins among them). Under the uniform mixture the next is a win with
    probability (wins + 1)/(seen + 2); to stop costs a multiplier times the likelihood ratio of the null.
    """
    half = n // 2
    ratio = []
    for t in range(n + 1):
        ways = [
            comb(half, a) * comb(half, t - a) / comb(n, t) if a <= half and t - a <= half else 0 for a in range(t + 1)
        ]
        ratio.append(np.array(ways) * (t + 1))

    def solve(price: float) -> tuple[float, float]:
        value: Floats = np.zeros(n + 1)
        stops = []
        for t in range(n - 1, -1, -1):
            up = (np.arange(t + 1) + 1) / (t + 2)
            going, stopping = 1 / n + up * value[1:] + (1 - up) * value[:-1], price * ratio[t]
            stops.append(stopping < going)
            value = np.minimum(going, stopping)
        null, mixed, error, share = np.ones(1), np.ones(1), 0.0, 0.0
        for t, stop in enumerate(reversed(stops)):
            error += float(null[stop].sum())
            share += t / n * float(mixed[stop].sum())
            null, mixed = np.where(stop, 0, null), np.where(stop, 0, mixed)
            a = np.arange(t + 1)
            chance, up = np.clip((half - a) / (n - t), 0, 1), (a + 1) / (t + 2)
            null = np.append(null * (1 - chance), 0) + np.insert(null * chance, 0, 0)
            mixed = np.append(mixed * (1 - up), 0) + np.insert(mixed * up, 0, 0)
        return error, share + float(mixed.sum())

    low, high = 0.01, 100.0
    for _ in range(30):
        price = (low * high) ** 0.5
        low, high = (price, high) if solve(price)[0] > alpha else (low, price)
    return solve(high)[1]


def test_intervals_cover_at_the_stopping_time_and_agree_with_the_decision() -> None:
    rng = np.random.default_rng(6)
    d = populations(rng, 400, 90, 60, 150)
    n = np.full(400, 300)
    found = decide(d, n, alpha=0.1)
    lower, upper = interval(d, n, found.used, alpha=0.1)
    assert ((lower >= 0) == (found.sign > 0)).all()
    assert ((upper <= 0) == (found.sign < 0)).all()
    assert ((lower <= 0.1) & (upper >= 0.1)).mean() > 0.9 - 2 * np.sqrt(0.09 / 400)
    all_seen = interval(d[:5], n[:5], n[:5], alpha=0.1)
    assert all_seen[0] == pytest.approx(np.full(5, 0.1), abs=2e-3)
    assert all_seen[1] == pytest.approx(np.full(5, 0.1), abs=2e-3)


def test_the_mcnemar_e_value_is_a_martingale_of_the_fair_coin() -> None:
    assert mcnemar_e(0, 0) == pytest.approx(1)
    for wins, losses in ((0, 3), (4, 2), (20, 5)):
        after = (mcnemar_e(wins + 1, losses) + mcnemar_e(wins, losses + 1)) / 2
        assert after == pytest.approx(mcnemar_e(wins, losses))
    assert mcnemar_e(1, 1) == pytest.approx(0.5)  # 4 B(3/2, 3/2) / B(1/2, 1/2) = 4 (pi/8) / pi
    assert log(mcnemar_e(30, 5)) > log(20)


def test_the_weights_are_those_of_the_docstring() -> None:
    z, w = mixture(0.05)
    c = 2 * (log(40) + 2)
    assert w.sum() == pytest.approx(1)
    assert w[5] / w[9] == pytest.approx((z[5] ** 3 / (z[5] ** 2 + c) ** 2) / (z[9] ** 3 / (z[9] ** 2 + c) ** 2))
