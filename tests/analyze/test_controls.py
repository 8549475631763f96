"""Controls on cases with a known share of skill."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from assay.analyze.controls import chance_by_answers, compare_swapped
from assay.errors import UsageError
from tests.analyze.made import table


def answered(answers: list[str], targets: list[str]) -> pl.DataFrame:
    scores = [float(a == t) for a, t in zip(answers, targets, strict=True)]
    return table({"m": scores}, answer=answers, target=targets)


def test_chance_is_the_mean_over_all_exchanges_of_answers() -> None:
    answers, targets = list("AABCAB"), list("ABBCCA")
    found = chance_by_answers(answered(answers, targets), "m")
    by_hand = np.mean([answers[i] == targets[j] for i in range(6) for j in range(6) if i != j])
    assert found.chance == pytest.approx(by_hand)
    assert found.score == pytest.approx(np.mean([a == t for a, t in zip(answers, targets, strict=True)]))
    assert found.kappa == pytest.approx((found.score - by_hand) / (1 - by_hand))


def test_a_favourite_letter_is_chance_however_frequent_it_is_right() -> None:
    targets = ["A"] * 160 + ["B"] * 40
    found = chance_by_answers(answered(["A"] * 200, targets), "m")
    assert found.score == pytest.approx(0.8)
    assert found.difference == pytest.approx(0, abs=0.01)
    assert found.verdict != "above chance"


def test_answers_that_know_only_their_stratum_are_chance_within_it() -> None:
    targets = ["A", "B"] * 100
    cases = answered(targets, targets).with_columns(pl.Series("tag:kind", ["x", "y"] * 100))
    assert chance_by_answers(cases, "m").verdict == "above chance"
    assert chance_by_answers(cases, "m", by=("task", "tag:kind")).verdict == "at chance"


def test_the_interval_covers_no_skill_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    above = sum(
        chance_by_answers(
            answered(rng.choice(list("ABCD"), 80).tolist(), rng.choice(list("ABCD"), 80).tolist()), "m"
        ).verdict
        == "above chance"
        for _ in range(200)
    )
    assert above <= 14  # 2.5 % of 200 are 5; 14 or more are one in a thousand


def with_control(plain: list[float], swapped: list[float]) -> pl.DataFrame:
    control = table({"m": swapped}).with_columns(
        pl.lit("swapped/t").alias("task"), pl.format("x{}", "case").alias("case")
    )
    return pl.concat([table({"m": plain}), control])


def test_a_score_that_falls_is_told_from_one_that_stands() -> None:
    read = [float(i % 5 != 0) for i in range(100)]
    lost = [float(i % 5 == 1) for i in range(100)]
    found = compare_swapped(with_control(read, lost), "m", "t")
    assert (found.verdict, found.fall) == ("falls", pytest.approx(0.6))
    assert found.lower < 0.6 < found.upper
    assert compare_swapped(with_control(read, read), "m", "t").verdict == "does not fall"
    few = compare_swapped(with_control(read[:8], [1.0, *lost[1:8]]), "m", "t")
    assert few.verdict == "cannot tell"


def test_samples_without_a_control_do_not_count() -> None:
    cases = with_control([1.0] * 60 + [0.0] * 40, [0.0] * 60)
    found = compare_swapped(cases, "m", "t")
    assert (found.score, found.n) == (1.0, 60)


def test_a_missing_side_is_an_error() -> None:
    with pytest.raises(UsageError, match="a control needs both runs"):
        compare_swapped(table({"m": [1.0, 0.0]}), "m", "t")
