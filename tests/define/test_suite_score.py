"""A suite's scores against closed forms and against resampling of the leaves."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from assay.define.suite import Group, Leaf, Suite
from assay.define.suite_score import LeafResult, leaf_result, score_suite
from assay.records import Estimate

SUITE = Suite(
    "s",
    (
        Group("G", (Leaf("a", 2.0, task="t"), Leaf("b", 1.0, task="t"), Leaf("c", 1.0, task="t")), weight=3.0),
        Leaf("d", 1.0, task="t"),
    ),
)


def result(score: float, se: float | None, run: str, n: int = 10) -> LeafResult:
    return LeafResult(score, se, n, "accuracy", run)


def test_a_whole_suite_is_the_weighted_mean_with_independent_errors() -> None:
    results = {
        ("G", "a"): result(0.8, 0.02, "a"),
        ("G", "b"): result(0.5, 0.03, "b"),
        ("G", "c"): result(0.1, 0.04, "c"),
        ("d",): result(0.4, 0.05, "d"),
    }
    top = score_suite(SUITE, results)
    weights = np.array([3 / 8, 3 / 16, 3 / 16, 1 / 4])
    assert top.score == pytest.approx(weights @ [0.8, 0.5, 0.1, 0.4])
    assert top.se == pytest.approx(sqrt(weights**2 @ np.array([0.02, 0.03, 0.04, 0.05]) ** 2))
    assert (top.covered, top.measured, top.leaves, top.n) == (1.0, 4, 4, 40)
    assert top.plain_mean == pytest.approx(0.45)
    assert top.children[0].score == pytest.approx(0.5 * 0.8 + 0.25 * 0.5 + 0.25 * 0.1)


def test_what_was_not_measured_is_in_no_sum_and_the_covered_weight_says_so() -> None:
    results = {
        ("G", "a"): result(0.8, 0.02, "a"),
        ("G", "b"): LeafResult(reason="the endpoint is down"),
        ("d",): result(0.4, 0.05, "d"),
    }
    top = score_suite(SUITE, results)
    group = top.children[0]
    assert (group.score, group.se, group.covered) == (pytest.approx(0.8), pytest.approx(0.02), pytest.approx(0.5))
    assert top.covered == pytest.approx(3 / 8 + 1 / 4)
    assert top.score == pytest.approx((3 / 8 * 0.8 + 1 / 4 * 0.4) / (5 / 8))
    missing = group.children[2]
    assert (missing.score, missing.covered) == (None, 0)
    assert missing.result is not None
    assert missing.result.reason == "not run"
    nothing = score_suite(SUITE, {})
    assert (nothing.score, nothing.se, nothing.covered, nothing.plain_mean) == (None, None, 0, None)


def test_a_run_that_stands_in_two_places_is_one_measurement() -> None:
    """Against resampling: the shared leaf's error enters both places at once."""
    results = {
        ("G", "a"): result(0.6, 0.05, "one"),
        ("G", "b"): result(0.3, 0.02, "two"),
        ("d",): result(0.6, 0.05, "one"),
    }
    top = score_suite(SUITE, results)
    weights = np.array([3 / 8, 3 / 16, 1 / 4]) / (3 / 8 + 3 / 16 + 1 / 4)
    noise = np.random.default_rng(1).normal(size=(200_000, 2)) * [0.05, 0.02]
    drawn = noise[:, 0] * (weights[0] + weights[2]) + noise[:, 1] * weights[1]
    assert top.se == pytest.approx(drawn.std(), rel=0.01)
    assert top.n == 20
    apart = score_suite(SUITE, {**results, ("d",): result(0.6, 0.05, "three")})
    assert apart.se is not None
    assert top.se is not None
    assert apart.se < top.se


def test_a_leaf_without_standard_error_leaves_the_node_without_one() -> None:
    top = score_suite(SUITE, {("G", "a"): result(1.0, None, "a", 1), ("d",): result(0.5, 0.1, "d")})
    assert top.score == pytest.approx((3 / 8 + 1 / 8) / (5 / 8))
    assert top.se is None


def estimate(name: str, value: float | None, **more: object) -> Estimate:
    facts = {"group": None, "n": 4, "samples": 4, "clusters": None, "se": 0.1, "lower": 0.0, "upper": 1.0}
    facts |= {"level": 0.95, "method": "wilson", **more}  # type: ignore[dict-item]
    return Estimate(metric=name, value=value, **facts)  # type: ignore[arg-type]


def test_only_a_share_of_which_higher_is_better_counts() -> None:
    found = [
        estimate("accuracy", 0.5, group="x"),
        estimate("accuracy", 0.25),
        estimate("real-life rate", 0.1, better="lower"),
        estimate("rating", 1500.0),
        estimate("curve", 0.5, kind="auc"),
        estimate("empty", None, se=None, method="no attempt in the denominator"),
    ]
    assert leaf_result(found, None, "r").score == 0.25
    assert leaf_result(found, None, "r").n == 4
    for metric, reason in (
        ("real-life rate", "lower is better"),
        ("rating", "no share"),
        ("curve", "no share"),
        ("empty", "no attempt in the denominator"),
        ("speed", "the run has: accuracy, real-life rate, rating, curve, empty"),
    ):
        result = leaf_result(found, metric, "r")
        assert result.score is None
        assert reason in str(result.reason)
