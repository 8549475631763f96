"""Paired comparisons against scipy, published values and seeded simulation."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import stats

from assay.errors import UsageError
from assay.measure.intervals import clopper_pearson, wilson
from assay.measure.paired import check_comparable, compare, mcnemar, paired
from assay.records import Metric, Outcome, TaskInfo
from tests.measure.frames import Row, attempts, scored

ACCURACY = Metric("accuracy")


@pytest.mark.parametrize(("only_a", "only_b"), [(0, 0), (1, 0), (5, 5), (3, 9), (40, 61), (600, 505)])
def test_mcnemar_is_the_exact_binomial_test(only_a: int, only_b: int) -> None:
    n = only_a + only_b
    assert mcnemar(only_a, only_b) == pytest.approx(stats.binomtest(only_a, n).pvalue if n else 1.0)
    both_tails = 2 * (stats.binom.cdf(min(only_a, only_b), n, 0.5) - stats.binom.pmf(min(only_a, only_b), n, 0.5) / 2)
    assert mcnemar(only_a, only_b, mid=True) == pytest.approx(min(1.0, both_tails))


def test_mcnemar_reproduces_published_values() -> None:
    # Fagerland, Lydersen and Laake (2013), airway hyper-responsiveness before and after a transplant: 1 and 7.
    assert mcnemar(1, 7) == pytest.approx(0.0703, abs=5e-5)
    assert mcnemar(1, 7, mid=True) == pytest.approx(0.0391, abs=5e-5)


def test_right_and_wrong_answers_of_one_epoch_are_counted_and_tested_exactly() -> None:
    a, b = [1] * 10 + [1] * 8 + [0] * 2 + [0] * 5, [1] * 10 + [0] * 8 + [1] * 2 + [0] * 5
    [found] = paired(scored(a), scored(b), ACCURACY, cluster=None)
    assert (found.both_right, found.only_a, found.only_b, found.neither) == (10, 8, 2, 5)
    assert (found.a.lower, found.a.upper) == wilson(18, 25)
    assert found.b.value == pytest.approx(12 / 25)
    assert found.difference == pytest.approx(6 / 25)
    assert found.p == found.mcnemar_p == pytest.approx(stats.binomtest(8, 10).pvalue)
    assert found.test == "exact McNemar"
    peer = stats.ttest_rel(a, b).confidence_interval(0.95)
    assert (found.lower, found.upper) == pytest.approx((peer.low, peer.high))
    assert (found.samples, found.method) == (25, "t over samples")


def test_a_comparison_says_what_it_could_have_seen_and_who_is_probably_better() -> None:
    a, b = [1] * 10 + [1] * 8 + [0] * 2 + [0] * 5, [1] * 10 + [0] * 8 + [1] * 2 + [0] * 5
    [found] = paired(scored(a), scored(b), ACCURACY, cluster=None)
    reach = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    assert found.mde == pytest.approx(reach * np.std(np.subtract(a, b), ddof=1) / 5)
    assert found.probability == pytest.approx(stats.beta(9, 3).sf(0.5))
    assert (found.omega2, found.sigma2_a) == (pytest.approx(np.var(np.subtract(a, b), ddof=1)), None)
    lower_better = Metric("errors", better="lower")
    assert paired(scored(a), scored(b), lower_better, cluster=None)[0].probability == pytest.approx(
        stats.beta(9, 3).cdf(0.5)
    )
    tags = [{"doc": i // 5} for i in range(25)]
    [clustered] = paired(scored(a, metadata=tags), scored(b), ACCURACY, cluster="doc")
    assert clustered.p is not None
    assert clustered.probability == pytest.approx(1 - clustered.p / 2), "by t, as the test"


def test_epochs_split_the_variance_of_a_difference() -> None:
    rng = np.random.default_rng(3)
    chance = rng.random((2, 3000))
    sides = [
        attempts((f"s{i}", k, "scored", float(rng.random() < c), {}, {}) for i, c in enumerate(row) for k in (1, 2, 3))
        for row in chance
    ]
    [found] = paired(*sides, ACCURACY, cluster=None)
    assert found.omega2 == pytest.approx(np.var(chance[0] - chance[1]), rel=0.06)
    assert found.sigma2_a == pytest.approx((chance[0] * (1 - chance[0])).mean(), rel=0.05)
    assert found.sigma2_b == pytest.approx((chance[1] * (1 - chance[1])).mean(), rel=0.05)


def test_several_tests_are_adjusted_together() -> None:
    a, b = scored([1] * 9 + [0] * 21), scored([0] * 9 + [0] * 21)
    metrics = [ACCURACY, Metric("again")]
    found, _ = compare(a, b, metrics, cluster=None)
    p = found[0].p
    assert p is not None
    assert [(c.p_holm, c.p_bh, c.family) for c in found] == [(pytest.approx(2 * p), pytest.approx(p), 2)] * 2
    [alone], _ = compare(a, b, [ACCURACY], cluster=None)
    assert (alone.p_holm, alone.family) == (None, 1)


def test_graded_scores_get_the_paired_t_test_and_no_mcnemar() -> None:
    rng = np.random.default_rng(0)
    a = rng.random(30)
    b = np.clip(a + rng.normal(0.05, 0.1, 30), 0, 1)
    [found] = paired(scored(a), scored(b), ACCURACY, cluster=None, level=0.9)
    peer = stats.ttest_rel(a, b)
    assert found.p == pytest.approx(peer.pvalue)
    assert (found.lower, found.upper) == pytest.approx(tuple(peer.confidence_interval(0.9)))
    assert found.test == "paired t"
    assert found.mcnemar_p is found.only_a is None


def test_epochs_are_averaged_before_pairing() -> None:
    rng = np.random.default_rng(1)
    right = {name: rng.integers(0, 2, (20, 3)).astype(float) for name in "ab"}
    first, second = (
        attempts((f"s{i}", e + 1, "scored", right[name][i, e], {}, {}) for i in range(20) for e in range(3))
        for name in "ab"
    )
    [found] = paired(first, second, ACCURACY, cluster=None)
    peer = stats.ttest_rel(right["a"].mean(axis=1), right["b"].mean(axis=1))
    assert found.p == pytest.approx(peer.pvalue)
    assert (found.test, found.mcnemar_p) == ("paired t", None)
    assert found.method == "t over samples, epochs averaged"


def test_clusters_of_equal_size_are_compared_by_their_means() -> None:
    rng = np.random.default_rng(6)
    tags = [{"rule": i // 4} for i in range(60)]
    a, b = rng.integers(0, 2, 60), rng.integers(0, 2, 60)
    [found] = paired(scored(a, metadata=tags), scored(b, metadata=tags), ACCURACY, cluster="rule")
    peer = stats.ttest_1samp((a - b).reshape(15, 4).mean(axis=1), 0)
    assert found.p == pytest.approx(peer.pvalue)
    assert (found.lower, found.upper) == pytest.approx(tuple(peer.confidence_interval(0.95)))
    assert found.test == "paired t, clustered by rule"
    assert found.mcnemar_p != found.p
    assert (found.clusters, found.a.clusters) == (15, 15)


def test_swapping_the_runs_mirrors_everything() -> None:
    rng = np.random.default_rng(3)
    a, b = scored(rng.integers(0, 2, 50)), scored(rng.integers(0, 2, 50))
    [there], [back] = paired(a, b, ACCURACY, cluster=None), paired(b, a, ACCURACY, cluster=None)
    assert there.difference == -back.difference
    assert there.lower == pytest.approx(-(back.upper or 0))
    assert (there.only_a, there.p, there.a.value) == (back.only_b, back.p, back.b.value)


def test_runs_that_agree_everywhere_are_not_proven_equal() -> None:
    [found] = paired(scored([1, 0] * 10), scored([1, 0] * 10), ACCURACY, cluster=None)
    reach = clopper_pearson(0, 20).upper
    assert (found.difference, found.p) == (0, 1.0)
    assert (found.lower, found.upper) == pytest.approx((-reach, reach))
    [apart] = paired(scored([0.75] * 6), scored([0.5] * 6), ACCURACY, cluster=None)
    assert (apart.test, apart.p) == ("exact sign flip", 2 * 0.5**6)


def test_samples_that_do_not_enter_are_counted_with_the_reason() -> None:
    def run(*outcomes: tuple[str, str, float | None]) -> pl.DataFrame:
        return attempts((sample, 1, outcome, value, {}, {}) for sample, outcome, value in outcomes)

    a = run(
        ("x", "scored", 1.0),
        ("y", "scored", 0.0),
        ("lost here", "infra_failed", None),
        ("lost there", "scored", 1.0),
        ("lost twice", "judge_failed", None),
        ("unparsed", "unparsed", None),
        ("only a", "scored", 1.0),
    )
    b = run(
        ("x", "scored", 1.0),
        ("y", "scored", 1.0),
        ("lost here", "scored", 1.0),
        ("lost there", "model_failed", None),
        ("lost twice", "infra_failed", None),
        ("unparsed", "scored", 1.0),
        ("only b 1", "scored", 1.0),
        ("only b 2", "infra_failed", None),
    )
    [found] = paired(a, b, ACCURACY, cluster=None)
    assert (found.samples, found.both_right, found.only_a, found.only_b, found.neither) == (3, 1, 0, 2, 0)
    assert found.left_out_a == {
        "infra_failed": 1,
        "judge_failed": 1,
        "model_failed in the other run": 1,
        "not in the other run": 1,
    }
    assert found.left_out_b == {
        "infra_failed": 1,
        "infra_failed in the other run": 1,
        "model_failed": 1,
        "not in the other run": 2,
    }
    assert found.a.n == found.b.n == 3


def test_groups_are_compared_one_by_one() -> None:
    tags: list[dict[str, Any]] = [{"kind": "a"}, {"kind": "a"}, {"kind": "b"}, {"kind": "b"}, {"kind": "c"}]
    a, b = scored([1, 1, 0, 1, 1], metadata=tags), scored([0, 1, 1, 1, 1], metadata=tags)
    b = b.filter(pl.col("sample") != pl.select(pl.lit("s4").hash(seed=0)).item())
    found = paired(a, b, Metric("m", by="kind"), cluster="kind")
    assert [(c.group, c.samples, c.only_a, c.only_b, c.test) for c in found] == [
        ("a", 2, 1, 0, "exact McNemar"),
        ("b", 2, 0, 1, "exact McNemar"),
    ]
    [where] = paired(a, b, Metric("m", where={"kind": "b"}), cluster=None)
    assert (where.samples, where.difference) == (2, -0.5)


def test_runs_that_cannot_be_paired_are_refused() -> None:
    with pytest.raises(UsageError, match="nothing can be paired"):
        paired(scored([1], prefix="a"), scored([1], prefix="b"), ACCURACY, cluster=None)
    with pytest.raises(UsageError, match="compare the runs on a mean"):
        paired(scored([1]), scored([1]), Metric("auc", kind="auc", along="level"), cluster=None)
    with pytest.raises(UsageError, match="no score holds 'strict' in the first run"):
        paired(scored([1]), scored([1]), Metric("strict", value="strict"), cluster=None)


def test_metrics_that_cannot_be_compared_do_not_stop_the_others() -> None:
    metrics = [ACCURACY, Metric("auc", kind="auc", along="level"), Metric("part", where={"kind": "x"})]
    found, reasons = compare(scored([1, 0]), scored([0, 1]), metrics, cluster=None)
    assert [c.metric for c in found] == ["accuracy"]
    assert ["compare the runs on a mean" in reasons[0], "nothing can be paired" in reasons[1]] == [True, True]
    with pytest.raises(UsageError, match="nothing can be paired"):
        compare(scored([1], prefix="a"), scored([1], prefix="b"), metrics, cluster=None)


def test_other_tasks_versions_or_contents_are_refused() -> None:
    task = TaskInfo("korgen", "1")
    for other, message in ((TaskInfo("kor", "1"), "different tasks"), (TaskInfo("korgen", "2"), "different versions")):
        with pytest.raises(UsageError, match=message):
            check_comparable(task, other)
    ids = ["a", "b", "c"]
    ours = pl.DataFrame({"sample_id": ids, "digest": [1, 2, 3]})
    check_comparable(task, task, ours, pl.DataFrame({"sample_id": ["c", "b", "z"], "digest": [3, 2, 9]}))
    theirs = pl.DataFrame({"sample_id": ["a", "b", "z"], "digest": [1, 7, 3]})
    with pytest.raises(UsageError, match="1 of 2 shared samples differ in question or gold answer, such as 'b'"):
        check_comparable(task, task, ours, theirs)


def test_difference_intervals_cover_the_true_difference() -> None:
    rng = np.random.default_rng(4)
    covered = 0
    repetitions = 400
    for _ in range(repetitions):
        skill = rng.random((20, 1))  # a cluster's own, shared by both models
        a = (rng.random((20, 5)) < skill).astype(float).ravel()
        b = (rng.random((20, 5)) < skill**2).astype(float).ravel()
        tags = [{"doc": i // 5} for i in range(100)]
        [found] = paired(scored(a, metadata=tags), scored(b, metadata=tags), ACCURACY, cluster="doc")
        assert found.lower is not None
        assert found.upper is not None
        covered += found.lower <= 1 / 2 - 1 / 3 <= found.upper
    assert covered / repetitions == pytest.approx(0.95, abs=3 * (0.95 * 0.05 / repetitions) ** 0.5)


def test_pairing_is_sharper_than_two_separate_means() -> None:
    rng = np.random.default_rng(5)
    skill = rng.random(400)
    rows: list[list[Row]] = [
        [(f"s{i}", 1, "scored", float(rng.random() < s**power), {}, {}) for i, s in enumerate(skill)]
        for power in (0.3, 0.4)
    ]
    [found] = paired(attempts(rows[0]), attempts(rows[1]), ACCURACY, cluster=None)
    assert found.se is not None
    assert found.se**2 < (found.a.se or 0) ** 2 + (found.b.se or 0) ** 2


def test_failures_are_paired_as_a_rate_and_macro_means_are_not_paired() -> None:
    failed: list[Row] = [(f"s{i}", 1, "model_failed", None, {}, {}) for i in range(3)]
    sound: list[Row] = [(f"s{i}", 1, "scored", 1.0, {"error": 0}, {}) for i in range(10)]
    outcomes = ("scored", "unparsed", "model_failed")
    metric = Metric("error rate", value="error", absent=1.0, denominator=tuple(map(Outcome, outcomes)), better="lower")
    [found] = paired(attempts(failed + sound[3:]), attempts(sound), metric, cluster=None)
    assert (found.difference, found.only_a, found.neither) == (pytest.approx(0.3), 3, 7)
    with pytest.raises(UsageError, match="mean over groups by field"):
        paired(attempts(sound), attempts(sound), Metric("macro", kind="macro", over="field"), cluster=None)
