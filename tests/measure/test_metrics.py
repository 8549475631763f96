"""Estimates against a plain loop over rows, closed forms and a bootstrap."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest

from assay.errors import UsageError
from assay.measure.intervals import clopper_pearson, t_interval, wilson
from assay.measure.metrics import estimates, level_metric
from assay.records import Metric, Outcome
from assay.report.numbers import shares
from tests.measure.frames import Row, attempts, scored

ACCURACY = Metric("accuracy")


def test_zeros_and_ones_of_one_epoch_get_wilson() -> None:
    [found] = estimates(scored([1, 0, 1, 1, 0, 1, 1]), [ACCURACY], cluster=None)
    assert found.value == pytest.approx(5 / 7)
    assert (found.lower, found.upper) == wilson(5, 7)
    assert found.se == pytest.approx((5 / 7 * 2 / 7 / 7) ** 0.5)
    assert (found.method, found.n, found.samples, found.clusters) == ("wilson", 7, 7, None)


def test_what_never_had_a_chance_is_left_out_and_what_had_one_counts_as_zero() -> None:
    frame = attempts(
        [
            ("a", 1, "scored", 1.0, {}, {}),
            ("b", 1, "unparsed", None, {}, {}),
            ("c", 1, "refused", None, {}, {}),
            ("d", 1, "infra_failed", None, {}, {}),
            ("e", 1, "judge_failed", None, {}, {}),
            ("f", 1, "model_failed", None, {}, {}),
        ]
    )
    [every, parsed] = estimates(frame, [ACCURACY, Metric("parsed", denominator=(Outcome.SCORED,))], cluster=None)
    assert every.value == pytest.approx(1 / 3)
    assert every.denominator == {"scored": 1, "unparsed": 1, "refused": 1}
    assert every.excluded == {"model_failed": 1, "infra_failed": 1, "judge_failed": 1}
    assert parsed.value == 1.0
    assert parsed.excluded["unparsed"] == 1


def test_nothing_in_the_denominator_is_no_number() -> None:
    frame = attempts([("a", 1, "infra_failed", None, {}, {"kind": "x"})])
    for metric in (ACCURACY, Metric("by kind", by="kind"), Metric("where", where={"kind": "y"})):
        [found] = estimates(frame, [metric], cluster="kind")
        assert found.value is found.se is found.lower is found.upper is None
        assert found.n == 0
        assert found.method == "none: no attempt in the denominator"


def test_where_and_by_compare_metadata_as_text() -> None:
    tags: list[dict[str, Any]] = [{"level": 2}, {"level": "2"}, {"level": 10}, {}, {"level": True}]
    frame = scored([1, 0, 1, 1, 1], metadata=tags)
    grouped = estimates(frame, [Metric("m", by="level")], cluster=None)
    assert [(e.group, e.n) for e in grouped] == [("2", 2), ("10", 1), ("(no level)", 1), ("true", 1)]
    [found] = estimates(frame, [Metric("m", where={"level": "2"})], cluster=None)
    assert (found.n, found.value) == (2, 0.5)


def test_named_values_are_read_and_an_attempt_without_one_counts_as_zero() -> None:
    rows: list[Row] = [
        ("a", 1, "scored", 1.0, {"strict": 1.0, "flag": True}, {}),
        ("b", 1, "scored", 1.0, {"flag": False}, {}),
        ("c", 1, "unparsed", None, {}, {}),
    ]
    strict, flag, typo = estimates(
        attempts(rows),
        [Metric("s", value="strict"), Metric("f", value="flag"), Metric("t", value="strickt")],
        cluster=None,
    )
    assert strict.value == flag.value == pytest.approx(1 / 3)
    assert typo.value is None
    assert typo.method == "none: no score holds 'strickt'"
    assert typo.n == 3


def test_a_score_that_is_no_number_is_not_averaged_away() -> None:
    [found] = estimates(scored([1.0, math.nan, 0.0]), [ACCURACY], cluster=None)
    assert found.value is None
    assert "1 scores of 'value' are not finite" in found.method


def test_epochs_are_averaged_before_anything_else() -> None:
    rows: list[Row] = [(f"s{i}", e, "scored", float(e <= i), {}, {}) for i in range(4) for e in (1, 2, 3)]
    rows.append(("s0", 4, "infra_failed", None, {}, {}))
    [found] = estimates(attempts(rows), [ACCURACY], cluster=None)
    means = np.array([0, 1 / 3, 2 / 3, 1])
    assert found.value == pytest.approx(0.5)
    assert found.se == pytest.approx(means.std(ddof=1) / 2)
    assert (found.n, found.samples) == (12, 4)
    assert found.method == "wilson on effective n, over samples, epochs averaged"


def test_scores_off_the_unit_scale_get_t() -> None:
    values = [3.0, -1.0, 7.5, 2.0]
    [found] = estimates(scored(values), [ACCURACY], cluster=None)
    assert (found.lower, found.upper) == pytest.approx(t_interval(values))
    assert found.method == "t over samples"


@pytest.mark.parametrize(("value", "units"), [(0.0, 20), (1.0, 20), (0.0, 125)])
def test_clusters_all_alike_do_not_pass_for_certainty(value: float, units: int) -> None:
    tags = [{"rule": i % units} for i in range(units * 10)]
    [found] = estimates(scored([value] * (units * 10), metadata=tags), [ACCURACY], cluster="rule")
    assert (found.lower, found.upper) == pytest.approx(clopper_pearson(value * units, units))
    assert found.method == f"clopper-pearson, all units alike, clustered by rule ({units} clusters)"


def test_no_interval_is_made_up_where_there_is_none() -> None:
    [one] = estimates(scored([1, 0], metadata=[{"doc": "a"}] * 2), [ACCURACY], cluster="doc")
    assert (one.value, one.lower, one.method) == (0.5, None, "none: a single cluster")
    [flat] = estimates(scored([7.0, 7.0]), [ACCURACY], cluster=None)
    assert (flat.value, flat.upper, flat.method) == (7.0, None, "none: no spread over samples")


def test_a_group_that_is_a_cluster_is_measured_by_its_own_samples() -> None:
    tags = [{"rule": i % 2} for i in range(20)]
    found = estimates(scored([1, 0] * 5 + [1, 1] * 5, metadata=tags), [Metric("m", by="rule")], cluster="rule")
    assert [e.method for e in found] == ["wilson", "wilson"]
    [pinned] = estimates(scored([1, 0] * 5, metadata=tags[:10]), [Metric("m", where={"rule": "1"})], cluster="rule")
    assert pinned.method == "wilson"


def test_samples_without_the_cluster_key_stand_for_themselves_and_are_mentioned() -> None:
    tags: list[dict[str, Any]] = [{"rule": 1}, {"rule": 1}, {}, {}]
    [found] = estimates(scored([1, 0, 1, 1], metadata=tags), [ACCURACY], cluster="rule")
    assert found.clusters == 3
    assert found.method.endswith("2 samples without rule taken as independent")
    [none] = estimates(scored([1, 0, 1, 1]), [ACCURACY], cluster="rule")
    assert none.method == "wilson, 4 samples without rule taken as independent"


def test_a_level_of_confidence_off_the_scale_is_refused() -> None:
    with pytest.raises(UsageError, match="between 0 and 1"):
        estimates(scored([1]), [ACCURACY], cluster=None, level=95)


@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_a_plain_loop_over_rows(seed: int) -> None:
    rng = np.random.default_rng(seed)
    outcomes = [str(o) for o in Outcome]
    rows: list[Row] = []
    for i in range(60):
        tags = {"doc": f"d{i % 7}", "kind": "ab"[i % 2]}
        for epoch in range(1, int(rng.integers(1, 4))):
            outcome = str(rng.choice(outcomes, p=[0.6, 0.1, 0.05, 0.05, 0.05, 0.1, 0.05]))
            value = float(rng.random()) if outcome == "scored" else None
            rows.append((f"s{i}", epoch, outcome, value, {}, tags))
    metric = Metric("m", by="kind", denominator=(Outcome.SCORED, Outcome.UNPARSED, Outcome.TRUNCATED))
    rng.shuffle(rows)
    for found in estimates(attempts(rows), [metric], cluster="doc"):
        scores: dict[str, list[float]] = defaultdict(list)
        docs: dict[str, str] = {}
        inside: Counter[str] = Counter()
        outside: Counter[str] = Counter()
        for sample, _, outcome, value, _, tags in rows:
            if tags["kind"] != found.group:
                continue
            if outcome in metric.denominator:
                inside[outcome] += 1
                scores[sample].append(0.0 if value is None else value)
                docs[sample] = tags["doc"]
            else:
                outside[outcome] += 1
        means = {sample: sum(v) / len(v) for sample, v in scores.items()}
        mean = sum(means.values()) / len(means)
        sums: dict[str, float] = defaultdict(float)
        for sample, value in means.items():
            sums[docs[sample]] += value - mean
        groups = len(sums)
        se = (sum(s * s for s in sums.values()) * groups / (groups - 1)) ** 0.5 / len(means)
        assert found.value == pytest.approx(mean)
        assert found.se == pytest.approx(se)
        assert (found.denominator, found.excluded) == (dict(inside), dict(outside))
        assert (found.n, found.samples, found.clusters) == (inside.total(), len(means), groups)


AUC = Metric("auc", kind="auc", along="level")
LEVELS = (0.0, 0.25, 0.5, 1.0)


def curves(items: int, seed: int, *, keep: float = 1.0) -> tuple[pl.DataFrame, np.ndarray]:
    """Items answered at every level (or at a share of them), harder with the level, and their 0/1 scores."""
    rng = np.random.default_rng(seed)
    skill = rng.normal(1, 1, (items, 1))
    chance = 1 / (1 + np.exp(-(skill - 2 * np.array(LEVELS))))
    right = (rng.random(chance.shape) < chance).astype(float)
    kept = rng.random(chance.shape) < keep
    rows: list[Row] = [
        (f"{i}@{level}", 1, "scored", right[i, j], {}, {"item": i, "level": level})
        for i in range(items)
        for j, level in enumerate(LEVELS)
        if kept[i, j]
    ]
    return attempts(rows), right


def test_area_of_complete_curves_is_the_mean_area_of_an_item() -> None:
    frame, right = curves(40, seed=0)
    areas = np.trapezoid(right, LEVELS, axis=1)
    [found] = estimates(frame, [AUC], cluster="item")
    assert found.value == pytest.approx(areas.mean())
    assert found.se == pytest.approx(areas.std(ddof=1) / 40**0.5)
    assert found.method == "wilson on effective n, clustered by item (40 clusters), one curve each"


def test_normalised_area_lies_on_the_scale_of_the_score() -> None:
    tags = [{"level": level, "item": i} for i in range(3) for level in (2, 4, 10)]
    metric = Metric("auc", kind="auc", along="level", normalised=True)
    [raw, unit] = estimates(scored([1] * 9, metadata=tags), [AUC, metric], cluster="item")
    assert (raw.value, raw.upper) == (8.0, 8.0)
    assert (unit.value, unit.upper) == (1.0, 1.0)
    assert raw.lower is not None
    assert unit.lower is not None
    assert raw.lower == pytest.approx(8 * unit.lower)
    assert unit.lower == pytest.approx(clopper_pearson(3, 3).lower)


def test_error_of_incomplete_curves_is_that_of_a_cluster_bootstrap() -> None:
    frame, _ = curves(60, seed=1, keep=0.7)
    [found] = estimates(frame, [AUC], cluster="item")
    cells = frame.with_columns(
        pl.col("metadata").str.json_path_match("$.item").cast(pl.Int64).alias("item"),
        pl.col("metadata").str.json_path_match("$.level").cast(pl.Float64).alias("level"),
    )
    sums, sizes = np.zeros((60, len(LEVELS))), np.zeros((60, len(LEVELS)))
    for row in cells.iter_rows(named=True):
        sums[row["item"], LEVELS.index(row["level"])] += row["value"]
        sizes[row["item"], LEVELS.index(row["level"])] += 1
    weights = np.random.default_rng(2).multinomial(60, np.full(60, 1 / 60), 4000)
    areas = np.trapezoid((weights @ sums) / (weights @ sizes), LEVELS, axis=1)
    assert found.value == pytest.approx(np.trapezoid(sums.sum(0) / sizes.sum(0), LEVELS))
    assert found.se == pytest.approx(areas.std(), rel=0.08)
    assert found.method.endswith("within levels")


def test_error_of_independent_levels_adds_their_variances() -> None:
    frame, right = curves(30, seed=3)
    [found] = estimates(frame, [AUC], cluster=None)
    weights = np.array([0.125, 0.25, 0.375, 0.25])
    assert found.se == pytest.approx((weights**2 @ right.var(axis=0, ddof=1) / 30) ** 0.5)


def test_a_level_that_was_lost_is_not_integrated_over() -> None:
    rows: list[Row] = [
        (
            f"{i}@{level}",
            1,
            "infra_failed" if level == 1 else "scored",
            None if level == 1 else 1.0,
            {},
            {"level": level},
        )
        for i in range(3)
        for level in (0, 1, 2)
    ]
    [lost] = estimates(attempts(rows), [AUC], cluster=None)
    assert (lost.value, lost.method) == (None, "none: no attempt in the denominator at level 1")
    [single] = estimates(attempts(rows[:1]), [AUC], cluster=None)
    assert single.method == "none: level has a single level"
    [unplaced] = estimates(scored([1, 1]), [AUC], cluster=None)
    assert unplaced.method == "none: 2 samples have no numeric level"


def test_the_curve_behind_an_area_is_a_metric_of_its_own() -> None:
    frame, right = curves(25, seed=4)
    found = estimates(frame, [level_metric(AUC)], cluster="item")
    assert [float(e.group or "") for e in found] == list(LEVELS)
    assert [e.value for e in found] == pytest.approx(right.mean(axis=0))
    assert {e.method for e in found} == {"wilson"}
    with pytest.raises(UsageError, match="no area"):
        level_metric(ACCURACY)


def test_area_intervals_cover_the_true_area() -> None:
    truth = np.trapezoid(curves(200_000 // len(LEVELS), seed=99)[1].mean(axis=0), LEVELS)
    covered = 0
    for seed in range(300):
        [found] = estimates(curves(25, seed=seed)[0], [AUC], cluster="item")
        assert found.lower is not None
        assert found.upper is not None
        covered += found.lower <= truth <= found.upper
    assert covered / 300 >= 0.95 - 3 * (0.95 * 0.05 / 300) ** 0.5


MACRO = Metric("macro", kind="macro", over="field")


def in_groups(sizes: list[int], seed: int) -> tuple[pl.DataFrame, list[list[float]]]:
    """Right-or-wrong scores in groups whose accuracies differ; the frame, and the scores by group."""
    rng = np.random.default_rng(seed)
    accuracies = np.linspace(0.2, 0.9, len(sizes))
    groups = [list((rng.random(n) < p).astype(float)) for n, p in zip(sizes, accuracies, strict=True)]
    values = [x for group in groups for x in group]
    tags = [{"field": f"f{g}", "level": i % 2} for g, group in enumerate(groups) for i in range(len(group))]
    return scored(values, metadata=tags), groups


def test_macro_mean_weighs_groups_the_same_and_its_error_is_stratified() -> None:
    frame, groups = in_groups([50, 10, 400], seed=3)
    [found] = estimates(frame, [MACRO], cluster=None)
    assert found.value == pytest.approx(sum(sum(g) / len(g) for g in groups) / 3)
    variance = sum(np.var(g, ddof=1) / len(g) for g in groups) / 9
    assert found.se == pytest.approx(variance**0.5)
    assert found.method == "wilson on effective n, over samples, 3 groups weighing the same"
    assert (found.n, found.samples, found.kind) == (460, 460, "macro")
    [by_field] = estimates(frame, [MACRO], cluster="field")  # the groups are the clusters: each a fixed thing
    assert by_field == found


def test_macro_mean_by_another_key_is_over_the_groups_that_have_samples_there() -> None:
    frame, groups = in_groups([9, 8, 1], seed=4)
    metric = Metric("macro", kind="macro", over="field", by="level")
    even, odd = estimates(frame, [metric], cluster=None)
    assert even.value == pytest.approx(np.mean([np.mean(g[::2]) for g in groups]))
    assert odd.value == pytest.approx(np.mean([np.mean(g[1::2]) for g in groups[:2]]))
    assert "2 groups" in odd.method


def test_a_group_of_one_sample_has_the_variance_of_all() -> None:
    frame, groups = in_groups([30, 1, 1], seed=5)
    [found] = estimates(frame, [MACRO], cluster=None)
    every = [x for group in groups for x in group]
    variance = (np.var(groups[0], ddof=1) / 30 + 2 * np.var(every, ddof=1)) / 9
    assert found.se == pytest.approx(variance**0.5)
    assert found.method.endswith("3 groups weighing the same, 2 of them with a single sample and the variance of all")
    values = [x for x in every for _ in range(3)]
    sizes = [len(group) for group in groups]
    tags = [{"field": f"f{g}", "doc": f"{g}/{i}"} for g, n in enumerate(sizes) for i in range(n) for _ in range(3)]
    [thrice] = estimates(scored(values, metadata=tags), [MACRO], cluster="doc")
    assert thrice.se == pytest.approx(found.se)
    assert thrice.method.endswith("2 of them with a single doc and the variance of all")


def test_macro_mean_respects_clusters_within_groups() -> None:
    """Every sample twice, as one cluster: no more is known than from the samples once."""
    frame, groups = in_groups([40, 60], seed=6)
    [once] = estimates(frame, [MACRO], cluster=None)
    values = [x for group in groups for x in group for _ in range(2)]
    tags = [
        {"field": f"f{g}", "doc": f"{g}/{i}"} for g, group in enumerate(groups) for i in range(len(group)) for _ in "ab"
    ]
    [twice] = estimates(scored(values, metadata=tags), [MACRO], cluster="doc")
    assert (twice.value, twice.clusters) == (pytest.approx(once.value), 100)
    assert twice.se == pytest.approx(once.se)


def test_macro_mean_says_what_it_cannot_do() -> None:
    frame, _ = in_groups([5, 5], seed=7)
    lost = pl.concat([frame, attempts([("x", 1, "infra_failed", None, {}, {"field": "other"})])])
    [found] = estimates(lost, [MACRO], cluster=None)
    assert found.method.endswith("groups left out for want of a counted attempt: 1")
    [found] = estimates(scored([1, 0]), [MACRO], cluster=None)
    assert (found.value, found.method) == (None, "none: 2 samples have no field")
    [found] = estimates(scored([1, 0], metadata=[{"field": "a", "doc": "b"}] * 2), [MACRO], cluster="doc")
    assert (found.value, found.se, found.method) == (0.5, None, "none: a single sample or cluster")
    [found] = estimates(scored([1] * 12, metadata=[{"field": "a"}] * 10 + [{"field": "b"}] * 2), [MACRO], cluster=None)
    assert found.lower == pytest.approx(clopper_pearson(6, 6).lower)  # 4 / (1/10 + 1/2) samples of equal weight
    with pytest.raises(UsageError, match="over which"):
        estimates(frame, [Metric("macro", kind="macro")], cluster=None)


def test_macro_intervals_cover_the_true_mean() -> None:
    truth = np.linspace(0.2, 0.9, 12)
    covered = 0
    for seed in range(300):
        [found] = estimates(in_groups([4, 6, 8, 10] * 3, seed=seed)[0], [MACRO], cluster=None)
        assert found.lower is not None
        assert found.upper is not None
        covered += found.lower <= truth.mean() <= found.upper
    assert covered / 300 >= 0.95 - 3 * (0.95 * 0.05 / 300) ** 0.5


def test_failures_are_a_rate_where_what_left_no_score_counts_as_one() -> None:
    frame = attempts(
        [
            ("a", 1, "scored", 1.0, {"error": 0}, {}),
            ("b", 1, "unparsed", None, {"error": 0}, {}),
            ("c", 1, "infra_failed", None, {}, {}),
            ("d", 1, "model_failed", None, {}, {}),
        ]
    )
    metric = Metric("error rate", value="error", absent=1.0, denominator=tuple(Outcome), better="lower")
    [found] = estimates(frame, [metric], cluster=None)
    assert (found.value, found.n, found.lower) == (0.5, 4, wilson(2, 4).lower)


def test_metrics_of_older_manifests_mean_what_they_meant() -> None:
    older = b'{"name":"auc","by":"x","kind":"auc","along":"level","normalised":true}'
    assert msgspec.json.decode(older, type=Metric) == Metric("auc", by="x", kind="auc", along="level", normalised=True)
    assert msgspec.json.encode(ACCURACY) == b'{"name":"accuracy"}'


def test_a_number_that_happens_to_lie_between_0_and_1_is_no_share() -> None:
    """Bits a byte: Student's t, and no percent."""
    values = [0.61, 0.72, 0.58, 0.66, 0.75, 0.69]
    (found,) = estimates(scored(values), [Metric("bits_per_byte", scale="number", better="lower")], cluster=None)
    assert found.method.startswith("t over samples")
    assert found.scale == "number"
    assert (found.lower, found.upper) == pytest.approx(t_interval(values))
    assert not shares([found])
