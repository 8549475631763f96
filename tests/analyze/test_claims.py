"""Claims recompute to what arithmetic and the statistics room give; what cannot be resolved is an error."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from assay.analyze.claims import ClaimUnresolvable, Combination, Condition, Statistic
from assay.analyze.contrasts import contrast
from assay.analyze.recompute import recompute
from assay.measure.intervals import wilson


def cases(scores: dict[str, list[float]], **columns: list[object]) -> pl.DataFrame:
    rows = [
        {
            "model": model,
            "task": "t",
            "sample_id": f"s{i}",
            "cluster": None,
            "case": f"{model}:s{i}",
            "epoch": 1,
            "score": x,
        }
        | {name: values[i] for name, values in columns.items()}
        for model, xs in scores.items()
        for i, x in enumerate(xs)
    ]
    return pl.DataFrame(rows)


def test_shares_state_their_denominator_and_wilson_interval() -> None:
    frame = cases({"m": [0.0] * 30 + [1.0] * 70}, kind=["a"] * 40 + ["b"] * 60)
    wrong = (Condition("score", "==", 0.0),)
    found = recompute(Statistic("share", where=(Condition("kind", "==", "a"),), among=wrong, model="m"), frame)
    assert (found.value, found.n, found.denominator) == (1.0, 30, 30)
    found = recompute(Statistic("share", where=wrong, among=(Condition("kind", "==", "a"),)), frame)
    assert (found.value, found.n, found.denominator) == (0.75, 30, 40)
    assert (found.lower, found.upper) == pytest.approx(wilson(30, 40))


def test_two_models_on_the_same_samples_are_compared_in_pairs() -> None:
    rng = np.random.default_rng(0)
    a = (rng.random(200) < 0.7).astype(float)
    b = np.where(rng.random(200) < 0.1, 1 - a, a)
    frame = cases({"a": a.tolist(), "b": b.tolist()})
    claim = Combination("difference", Statistic("mean", model="a"), Statistic("mean", model="b"))
    found = contrast(claim, frame)
    d = a - b
    assert found.value == pytest.approx(d.mean())
    assert found.se == pytest.approx(d.std(ddof=1) / np.sqrt(200), rel=1e-6)
    only_a, only_b = int((d > 0).sum()), int((d < 0).sum())
    from scipy import stats

    assert found.p == pytest.approx(stats.binomtest(only_a, only_a + only_b).pvalue)


def test_a_small_side_that_is_all_wrong_is_no_proof() -> None:
    """Four cases, all wrong, where half of a hundred others are: the naive t gives p below 1e-20."""
    frame = cases({"m": [0.0] * 4 + [0.0, 1.0] * 50}, kind=["x"] * 4 + ["y"] * 100)
    here, there = (Statistic("mean", where=(Condition("kind", "==", k),)) for k in "xy")
    found = contrast(Combination("difference", here, there), frame)
    assert 0.01 < found.p < 0.2


@pytest.mark.parametrize("clustered", [False, True])
def test_under_no_difference_small_p_values_are_rare(clustered: bool) -> None:
    rng = np.random.default_rng(7)
    below = 0
    for _ in range(400):
        level = np.repeat(rng.normal(0, 1.0 if clustered else 0.0, 30), 8)
        x = (rng.random(240) < 1 / (1 + np.exp(-level - 0.5))).astype(float)
        kind = np.repeat(rng.permutation(["x"] * 12 + ["y"] * 18), 8)
        frame = cases({"m": x.tolist()}, kind=kind.tolist())
        if clustered:
            frame = frame.with_columns(cluster=pl.Series(np.repeat(np.arange(30), 8).astype(str)))
        here, there = (Statistic("mean", where=(Condition("kind", "==", k),)) for k in "xy")
        below += contrast(Combination("difference", here, there), frame).p < 0.05
    assert below / 400 < 0.08


def test_relative_changes_of_the_published_reports_recompute() -> None:
    frame = cases({"seed": [0.0], "gpt": [0.0]}).with_columns(tokens=pl.Series([1286.0, 5597.0]))
    less = Combination(
        "relative_change",
        Statistic("mean", "tokens", model="seed"),
        Statistic("mean", "tokens", model="gpt"),
    )
    assert recompute(less, frame).value == pytest.approx(-0.770, abs=5e-4)


def test_attempts_at_one_sample_are_not_independent_cases() -> None:
    once = cases({"m": [0.0, 1.0, 0.0, 1.0, 1.0, 0.0]})
    four = pl.concat([once.with_columns(pl.lit(e).alias("epoch")) for e in range(1, 5)])
    one, more = (recompute(Statistic("mean"), frame) for frame in (once, four))
    assert more.value == one.value
    assert more.se == pytest.approx(np.std([0, 1, 0, 1, 1, 0], ddof=1) / np.sqrt(6), rel=1e-6)
    assert recompute(Statistic("flip_rate"), four).value == 0.0
    flipped = four.with_columns(
        score=pl.when((pl.col("epoch") == 2) & (pl.col("sample_id") == "s1")).then(0.0).otherwise("score")
    )
    assert recompute(Statistic("flip_rate"), flipped).value == pytest.approx(1 / 6)
    assert recompute(Statistic("best_of_n"), flipped).value == pytest.approx(0.5)
    assert recompute(Statistic("worst_of_n"), flipped).value == pytest.approx(2 / 6)


def test_ranks_count_the_models_above() -> None:
    frame = cases({"a": [1, 1, 0], "b": [1, 1, 1], "c": [0, 0, 0]})
    assert recompute(Statistic("rank", model="a"), frame).value == 2
    assert recompute(Statistic("rank", model="a"), frame).denominator == 3


@pytest.mark.parametrize(
    "statistic",
    [
        Statistic("mean", "imagined"),
        Statistic("mean", model="nobody"),
        Statistic("mean", where=(Condition("kind", ">", 3.0),)),
        Statistic("mean", where=(Condition("score", ">", 2.0),)),
        Statistic("mean", "kind"),
        Statistic("rank", "kind", model="m"),
        Statistic("rank", "imagined", model="m"),
    ],
    ids=["column", "model", "kind of value", "no case", "no number", "rank of no number", "rank of no column"],
)
def test_what_the_records_do_not_have_is_an_error(statistic: Statistic) -> None:
    with pytest.raises(ClaimUnresolvable):
        recompute(statistic, cases({"m": [0.0, 1.0]}, kind=["a", "b"]))


@pytest.mark.parametrize("nested", [False, True])
def test_no_right_answer_of_21_is_as_rare_as_the_binomial_says(nested: bool) -> None:
    """The chance is 0.7^21, 6e-4, where 30 % of 1,000 others are right; a t-test on the side's own spread says 2e-5."""
    frame = cases({"m": [0.0] * 21 + [1.0] * 300 + [0.0] * 700}, kind=["x"] * 21 + ["y"] * 1000)
    here = Statistic("mean", where=(Condition("kind", "==", "x"),))
    there = Statistic("mean") if nested else Statistic("mean", where=(Condition("kind", "==", "y"),))
    assert contrast(Combination("difference", here, there), frame).p > 6e-4
