"""Strengths against closed forms, a general optimiser, and simulated truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize

from assay.errors import UsageError
from assay.measure.ratings.active import gains, next_battles
from assay.measure.ratings.bradley_terry import ELO_SCALE, Battles, difference_errors, elo, fit
from assay.measure.ratings.connectivity import components
from assay.measure.ratings.ranks import ranking
from assay.measure.ratings.style import relative_differences


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def of(rows, models, **more):
    a, b, score = (np.array(column) for column in zip(*rows, strict=True))
    return Battles(a, b, score.astype(float), [f"m{i}" for i in range(models)], **more)


def drawn(rng, beta, count, *, gamma=(), spread=0.0, per_cluster=1):
    """Battles of random pairs; those of a cluster are of one pair and share a shift of the log-odds."""
    clusters = np.repeat(np.arange(count // per_cluster), per_cluster)
    a = rng.integers(0, len(beta), count // per_cluster)
    b = (a + rng.integers(1, len(beta), len(a))) % len(beta)
    a, b = a[clusters], b[clusters]
    z = rng.normal(size=(len(a), len(gamma)))
    shift = spread * rng.choice([-1.0, 1.0], count // per_cluster)[clusters]
    y = (rng.random(len(a)) < sigmoid(beta[a] - beta[b] + z @ np.array(gamma) + shift)).astype(float)
    return Battles(a, b, y, [str(i) for i in range(len(beta))], clusters, z if len(gamma) else None)


def test_two_models_differ_by_the_logit_of_the_win_share_with_its_textbook_error() -> None:
    found = fit(of([(0, 1, 1)] * 30 + [(1, 0, 1)] * 8 + [(0, 1, 0.5)] * 2, 2))
    p, n = 31 / 40, 40
    assert found.beta[0] - found.beta[1] == pytest.approx(np.log(p / (1 - p)))
    squares = (30 * (1 - p) ** 2 + 8 * p**2 + 2 * (0.5 - p) ** 2) * n / (n - 1)
    assert difference_errors(found.covariance)[0, 1] == pytest.approx(np.sqrt(squares) / (n * p * (1 - p)))
    assert difference_errors(found.information)[0, 1] == pytest.approx(1 / np.sqrt(n * p * (1 - p)))


def test_a_balanced_cycle_has_equal_strengths() -> None:
    found = fit(of([(0, 1, 1), (1, 2, 1), (2, 0, 1)] * 5, 3))
    assert found.beta == pytest.approx([0, 0, 0], abs=1e-12)
    assert elo(found.beta) == pytest.approx([1000] * 3)


def test_odds_of_ten_to_one_are_four_hundred_points() -> None:
    found = fit(of([(0, 1, 1)] * 10 + [(0, 1, 0)], 2))
    assert np.ptp(elo(found.beta)) == pytest.approx(400)
    assert pytest.approx(173.7178, abs=1e-4) == ELO_SCALE


@pytest.mark.parametrize("gamma", [(), (0.5, -0.3)])
def test_the_fit_is_the_maximum_that_a_general_optimiser_finds(gamma) -> None:
    battles = drawn(np.random.default_rng(1), np.array([0.9, 0.2, 0.0, -0.4, -0.7]), 400, gamma=gamma)
    score = battles.score.copy()
    score[::7] = 0.5
    battles = battles._replace(score=score)
    z = np.zeros((400, 0)) if battles.features is None else battles.features

    def loss(theta):
        m = theta[battles.a] - theta[battles.b] + z @ theta[5:]
        return np.logaddexp(0, m).sum() - score @ m + theta[:5].sum() ** 2

    best = optimize.minimize(loss, np.zeros(5 + len(gamma)), method="BFGS", options={"gtol": 1e-9}).x
    found = fit(battles)
    assert np.concatenate([found.beta, found.gamma]) == pytest.approx(best, abs=1e-5)


def test_the_order_in_which_the_two_are_named_does_not_matter() -> None:
    battles = drawn(np.random.default_rng(2), np.array([0.5, 0.0, -0.5]), 300, gamma=(0.4,))
    turned = Battles(
        battles.b, battles.a, 1 - battles.score, battles.models, battles.clusters, -np.asarray(battles.features)
    )
    one, other = fit(battles), fit(turned)
    assert other.beta == pytest.approx(one.beta)
    assert other.gamma == pytest.approx(one.gamma)
    assert other.covariance == pytest.approx(one.covariance)


def test_each_battle_its_own_cluster_is_no_cluster_at_all() -> None:
    battles = drawn(np.random.default_rng(3), np.array([0.5, 0.0, -0.5]), 200)
    assert fit(battles).covariance == pytest.approx(fit(battles._replace(clusters=None)).covariance)


def test_clustered_intervals_cover_where_independent_ones_do_not() -> None:
    rng = np.random.default_rng(4)
    truth = np.array([0.6, 0.2, 0.0, -0.3])
    # the shared shift flattens what is estimated: the truth is the strengths that fit the expected scores
    gaps = truth[:, None] - truth[None]
    expected = (sigmoid(gaps + 1.2) + sigmoid(gaps - 1.2)) / 2
    rows = [(i, j, expected[i, j]) for i in range(4) for j in range(4) if i != j]
    target = fit(of(rows, 4)).beta
    hits = np.zeros(2)
    runs = 400
    for _ in range(runs):
        battles = drawn(rng, truth, 600, spread=1.2, per_cluster=5)
        for which, given in enumerate((battles, battles._replace(clusters=None))):
            found = fit(given)
            error = difference_errors(found.covariance)[0, 3]
            hits[which] += abs(found.beta[0] - found.beta[3] - target[0] + target[3]) < 1.98 * error
    assert 0.92 <= hits[0] / runs <= 0.98
    assert hits[1] / runs < 0.9


def test_style_is_recovered_with_an_interval_that_covers() -> None:
    rng = np.random.default_rng(5)
    truth, gamma = np.array([0.5, 0.0, -0.5]), 0.4
    hits, runs = 0, 400
    for _ in range(runs):
        found = fit(drawn(rng, truth, 300, gamma=(gamma,)))
        hits += abs(found.gamma[0] - gamma) < 1.97 * found.covariance[3, 3] ** 0.5
    assert 0.92 <= hits / runs <= 0.98


def test_a_style_that_goes_with_a_model_no_longer_lifts_it() -> None:
    rng = np.random.default_rng(6)
    n = 6000
    a, b = np.zeros(n, dtype=int), np.ones(n, dtype=int)
    first, second = rng.gamma(4, 150, (n, 1)), rng.gamma(4, 100, (n, 1))  # equally good, but the first is wordy
    z = relative_differences(first, second, ["length"])
    y = (rng.random(n) < sigmoid(0.8 * z[:, 0])).astype(float)
    plain = fit(Battles(a, b, y, ["wordy", "terse"]))
    controlled = fit(Battles(a, b, y, ["wordy", "terse"], None, z))
    assert plain.beta[0] - plain.beta[1] > 0.3
    assert controlled.beta[0] - controlled.beta[1] == pytest.approx(0, abs=0.15)
    assert controlled.gamma[0] == pytest.approx(0.8, abs=0.1)


def test_style_features_are_antisymmetric_standardised_and_zero_where_both_lack_them() -> None:
    first, second = np.array([[3.0], [0.0], [2.0]]), np.array([[1.0], [0.0], [2.0]])
    z = relative_differences(first, second, ["headers"])
    assert z[:, 0] == pytest.approx([np.sqrt(3), 0, 0])
    assert relative_differences(second, first, ["headers"]) == pytest.approx(-z)
    with pytest.raises(UsageError, match="same in both"):
        relative_differences(first, first, ["headers"])


def test_infinite_distances_are_refused_and_their_groups_named_from_the_top() -> None:
    rows = [(3, 2, 1), (2, 3, 1), (3, 0, 1), (0, 1, 0.5), (2, 1, 1)]
    a, b, score = (np.array(column) for column in zip(*rows, strict=True))
    assert components(a, b, score, 5) in ([[2, 3], [4], [0, 1]], [[4], [2, 3], [0, 1]], [[2, 3], [0, 1], [4]])
    with pytest.raises(UsageError, match=r"3 groups.*m2, m3.*m0, m1"):
        fit(of(rows, 5))
    assert len(components(*(np.array(c) for c in zip(*[*rows, (1, 3, 1), (4, 0, 0.5)], strict=True)), 5)) == 1


def test_features_that_give_the_outcome_away_are_refused() -> None:
    battles = drawn(np.random.default_rng(7), np.array([0.3, 0.0, -0.3]), 200)
    with pytest.raises(UsageError, match="features"):
        fit(battles._replace(features=(2 * battles.score - 1)[:, None]))
    z = np.random.default_rng(8).normal(size=(200, 1))
    with pytest.raises(UsageError, match="determine each other"):
        fit(battles._replace(features=np.hstack([z, z])))


def test_rank_intervals_hold_all_at_once_and_say_who_may_be_first() -> None:
    rng = np.random.default_rng(9)
    truth = np.array([0.6, 0.5, 0.0, 0.0, -0.6])
    best, worst = np.array([1, 2, 3, 3, 5]), np.array([1, 2, 4, 4, 5])
    held, runs, first = 0, 200, 0.0
    for seed in range(runs):
        found = fit(drawn(rng, truth, 500))
        got = ranking(found.beta, found.covariance, draws=400, seed=seed)
        held += bool(((got.lower <= worst) & (got.upper >= best)).all())
        first += got.top[0]
        assert got.top.sum() == pytest.approx(1)
        assert got.expected.sum() == pytest.approx(15)
    assert held / runs >= 0.94
    assert 0.5 < first / runs < 0.9


def test_well_separated_models_have_certain_ranks() -> None:
    got = ranking(np.array([0.0, 3.0, -3.0]), 1e-4 * (np.eye(3) - 1 / 3), draws=500)
    assert got.rank.tolist() == got.lower.tolist() == got.upper.tolist() == [2, 1, 3]
    assert got.separated == got.adjacent == got.tau == 1
    # two independent gaps of three: max-T is Tukey's range over the square root of 2
    assert got.critical == pytest.approx(3.314 / np.sqrt(2), abs=0.2)


def test_the_gain_of_a_battle_is_what_a_new_fit_finds() -> None:
    rows = [(0, 1, 0.6)] * 20 + [(1, 2, 0.5)] * 5 + [(2, 3, 0.4)] * 20
    before = fit(of(rows, 4))
    expected = difference_errors(before.information)
    chosen = next_battles(before.beta, before.information, 1)[0]
    assert {(chosen.a, chosen.b)} <= {(0, 3), (0, 2), (1, 3), (1, 2)}, "the weak link is between 1 and 2"
    assert chosen.before == pytest.approx(expected[chosen.a, chosen.b])
    # a battle that comes out as expected leaves the strengths as they are
    p = sigmoid(before.beta[chosen.a] - before.beta[chosen.b])
    after = fit(of([*rows, (chosen.a, chosen.b, p)], 4))
    assert after.beta == pytest.approx(before.beta)
    assert difference_errors(after.information)[chosen.a, chosen.b] == pytest.approx(chosen.after)
    found = gains(before.beta, before.information)
    assert found[chosen.a, chosen.b] == pytest.approx(found.max()) == pytest.approx(chosen.before - chosen.after)


def test_for_two_models_the_gain_is_the_published_formula_with_the_count_of_battles() -> None:
    n, p = 40, 0.7
    found = fit(of([(0, 1, p)] * n, 2))
    sigma = 1 / (p * (1 - p))
    assert gains(found.beta, found.information)[0, 1] == pytest.approx(np.sqrt(sigma / n) - np.sqrt(sigma / (n + 1)))


def test_battles_chosen_one_after_the_other_do_not_all_go_to_one_pair() -> None:
    found = fit(of([(i, (i + 1) % 6, 0.5) for i in range(6)] * 4, 6))
    chosen = next_battles(found.beta, found.information, 6)
    assert len({(n.a, n.b) for n in chosen}) >= 3
