"""Repeated sampling: published golden values, closed forms, enumeration of every subset, and missing attempts."""

from __future__ import annotations

from itertools import combinations, product
from math import comb

import numpy as np
import polars as pl
import pytest

from assay.errors import UsageError
from assay.measure.repeated import (
    best_at_k,
    g_pass_at_k,
    label,
    maj_at_k,
    mg_pass_at_k,
    pass_at_k,
    pass_hat_k,
    per_sample,
    repeated_estimate,
    summary_of,
)
from assay.measure.summaries import Clusters
from assay.records import Metric
from tests.measure.frames import attempts

NAN = float("nan")
COUNTS = [(n, c, k) for n in range(1, 8) for c in range(n + 1) for k in range(1, n + 1)]


@pytest.mark.parametrize(
    ("n", "c", "k", "golden"),
    [
        (8, 1, 8, 1.0),
        (8, 3, 1, 0.375),
        (8, 3, 4, 0.9285714286),
        (10, 3, 5, 0.9166666667),
        (200, 13, 10, 0.4975511147),
        (32, 27, 1, 0.84375),
        (6, 3, 1, 0.5),
        (5, 0, 5, 0.0),
    ],
)
def test_pass_at_k_gives_the_golden_values(n: int, c: int, k: int, golden: float) -> None:
    assert pass_at_k(n, c, k) == pytest.approx(golden, abs=1e-10)


@pytest.mark.parametrize(("n", "c", "k"), COUNTS)
def test_statistics_of_counts_equal_the_mean_over_every_subset(n: int, c: int, k: int) -> None:
    subsets = [sum(chosen) for chosen in combinations([1] * c + [0] * (n - c), k)]
    share = lambda hit: sum(map(hit, subsets)) / len(subsets)  # noqa: E731
    assert pass_at_k(n, c, k) == pytest.approx(share(lambda s: s >= 1))
    assert pass_hat_k(n, c, k) == pytest.approx(share(lambda s: s == k))
    for t in (0.0, 0.25, 0.5, 0.7, 1.0):
        assert g_pass_at_k(n, c, k, t) == pytest.approx(share(lambda s, t=t: s >= max(1, t * k - 1e-9)))
    above = [i for i in range(1, k + 1) if i > -(-k // 2)]
    assert mg_pass_at_k(n, c, k) == pytest.approx(2 / k * sum(share(lambda s, i=i: s >= i) for i in above))


def test_threshold_zero_is_pass_at_k_and_one_is_pass_hat_k() -> None:
    for n, c, k in COUNTS:
        assert g_pass_at_k(n, c, k, 0.0) == pass_at_k(n, c, k)
        assert g_pass_at_k(n, c, k, 1.0) == pass_hat_k(n, c, k)


def test_best_and_worst_equal_the_mean_over_all_draws_with_replacement() -> None:
    scores = np.array([0.1, 0.9, 0.4, 0.4])
    for k in (1, 2, 3):
        draws = list(product(scores, repeat=k))
        assert best_at_k(scores, k) == pytest.approx(np.mean([max(draw) for draw in draws]))
        assert best_at_k(scores, k, worst=True) == pytest.approx(np.mean([min(draw) for draw in draws]))


def test_best_of_zero_one_scores_is_not_pass_at_k() -> None:
    scores = np.array([1.0, 0, 0, 1, 0, 0, 0, 0])
    assert best_at_k(scores, 4) == pytest.approx(1 - (6 / 8) ** 4)
    assert best_at_k(scores, 4) < pass_at_k(8, 2, 4) == 1 - comb(6, 4) / comb(8, 4)


def test_the_majority_votes_by_answer_and_ties_share_the_verdict() -> None:
    vote = lambda answers, scores: maj_at_k(answers, np.array(scores, float), len(answers))  # noqa: E731
    assert vote(["a", "b", "b"], [1, 0, 0]) == 0
    assert vote(["a", "b", "a"], [1, 0, 1]) == 1
    assert vote(["a", "b"], [1, 0]) == vote(["b", "a"], [0, 1]) == 0.5
    assert vote([None, None, "a"], [0, 0, 1]) == 1
    assert vote([None, None], [0, 0]) == 0


def test_the_majority_of_some_attempts_is_that_of_their_subsets() -> None:
    answers, scores = ["a", "a", "b", "c", "b"], np.array([1.0, 1, 0, 0, 0])
    exact = np.mean([maj_at_k([answers[i] for i in s], scores[list(s)], 3) for s in combinations(range(5), 3)])
    assert maj_at_k(answers, scores, 3, draws=20_000) == pytest.approx(exact, abs=0.015)


def test_a_sample_with_too_few_attempts_leaves_no_value_instead_of_another_question() -> None:
    scores = np.array([[1, 0, 1, 0], [1, NAN, NAN, NAN], [0, 0, 0, NAN]])
    assert per_sample(scores, "pass", 1) == pytest.approx([0.5, 1, 0])
    assert np.isnan(per_sample(scores, "pass", 3)).tolist() == [False, True, False]
    found = summary_of(per_sample(scores, "pass", 3), clusters=None)
    assert found.value is None
    assert "1 of 3 samples" in found.method


def test_missing_attempts_are_missing_wherever_they_stand() -> None:
    one = np.array([[1, 0, NAN, 1, NAN]])
    other = np.array([[NAN, 1, 1, 0, NAN]])
    for kind in ("avg", "pass", "pass^", "g-pass", "mg-pass", "best", "worst"):
        assert per_sample(one, kind, 2) == pytest.approx(per_sample(other, kind, 2))


def test_counting_statistics_refuse_partial_credit() -> None:
    with pytest.raises(UsageError, match=r"pass@1 takes scores of 0 and 1"):
        per_sample(np.array([[0.5]]), "pass", 1)


def test_names_say_which_statistic_it_is() -> None:
    assert [label(kind, 4) for kind in ("avg", "pass", "pass^", "best", "maj", "mg-pass")] == [
        "avg@4",
        "pass@4",
        "pass^4",
        "best@4",
        "maj@4",
        "mG-Pass@4",
    ]
    assert label("g-pass", 16, 0.75) == "G-Pass@16_0.75"


def test_the_error_is_clustered_by_sample_and_by_source() -> None:
    values = np.array([0.2, 0.4, 0.9, 0.5])
    single = summary_of(values, clusters=None)
    assert single.se == pytest.approx(values.std(ddof=1) / 2)
    pairs = summary_of(values, clusters=Clusters(np.array([0, 0, 1, 1]), "document"))
    totals = np.array([values[:2].sum(), values[2:].sum()]) - 2 * values.mean()
    assert pairs.se == pytest.approx(np.sqrt(2 * (totals @ totals)) / 4)
    assert pairs.clusters == 2


def frame() -> pl.DataFrame:
    right = {"a": [1, 1, 0, 0], "b": [0, 0, 0, 1], "c": [1, 1, 1, 1]}
    rows = [(s, e, "scored", float(v), {}, {"doc": s > "a"}) for s, vs in right.items() for e, v in enumerate(vs, 1)]
    return attempts(rows)


def test_a_run_gives_an_estimate_with_its_denominator() -> None:
    found = repeated_estimate(frame(), "pass", 2)
    assert (found.metric, found.n, found.samples) == ("pass@2", 12, 3)
    assert found.value == pytest.approx((5 / 6 + 1 / 2 + 1) / 3)
    assert found.denominator == {"scored": 12}
    clustered = repeated_estimate(frame(), "pass", 2, cluster="doc")
    assert (clustered.value, clustered.clusters) == (found.value, 2)
    assert repeated_estimate(frame(), "avg", 4).value == pytest.approx(7 / 12)


def test_an_outage_is_a_missing_attempt_and_an_unparsed_reply_is_a_wrong_one() -> None:
    rows = [("a", 1, "scored", 1.0, {}, {}), ("a", 2, "unparsed", None, {}, {}), ("b", 1, "scored", 1.0, {}, {})]
    lost = attempts([*rows, ("b", 2, "infra_failed", None, {}, {})])
    assert repeated_estimate(lost, "pass", 1).value == pytest.approx(0.75)
    found = repeated_estimate(lost, "pass", 2)
    assert found.value is None
    assert found.excluded == {"infra_failed": 1}
    gone = attempts([*rows, ("c", 1, "infra_failed", None, {}, {})])
    assert repeated_estimate(gone, "pass", 1).value is None


def test_votes_come_from_the_column_of_answers() -> None:
    with pytest.raises(UsageError, match="answer"):
        repeated_estimate(frame(), "maj", 4)
    voted = frame().with_columns(answer=pl.Series(["x", "x", "y", "z", "p", "p", "q", "r", *"ssss"]))
    assert repeated_estimate(voted, "maj", 4).value == pytest.approx(2 / 3)


def test_a_misspelt_value_is_no_result() -> None:
    found = repeated_estimate(frame(), "pass", 1, metric=Metric("accuracy", value="acuracy"))
    assert found.value is None
    assert "acuracy" in found.method
