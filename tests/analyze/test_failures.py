"""Kinds of failure are counted over all wrong cases, and a near miss is one by its letters."""

from __future__ import annotations

import polars as pl
import pytest

from assay.analyze.failures import failures, near, with_near_misses
from assay.analyze.gate import judge
from tests.analyze.made import table


@pytest.mark.parametrize(
    ("answer", "target", "verdict"),
    [
        ("ABCDEFGHIJ", "ABCDEFGHIK", True),
        ("A B C D E F G H I J", "abcdefghik", True),
        ("ABCDEFGHIJ", "ZYXWVUTSRQ", False),
        ("A", "B", False),
        ("ABCDEFGH", "ABCDEFGHABCDEFGHABCDEFGH", False),
        (None, "ABCD", False),
        ("A" * 100_000, "A" * 100_001, False),
    ],
)
def test_a_near_miss_has_nearly_the_targets_letters(answer: str | None, target: str, verdict: bool) -> None:
    assert near(answer, target) is verdict


def test_shares_are_of_all_wrong_cases_and_say_that_they_overlap() -> None:
    scores = [0.0] * 40 + [1.0] * 60
    cases = table(
        {"m": scores},
        format_ok=[False] * 10 + [True] * 90,
        truncated=[True] * 20 + [False] * 80,
        answer=[None] * 10 + ["ABCDEFGHIJ"] * 90,
        target=["ABCDEFGHIK"] * 20 + ["QRSTUV"] * 80,
    )
    cases = with_near_misses(cases.with_columns(pl.col("answer").cast(pl.String)))
    (finding,) = failures(cases, "m")
    stated = {e.name: e.stated for e in finding.evidence}
    assert stated["cut off"] == 0.5
    assert stated["no answer"] == 0.25
    assert stated["near miss"] == 0.25
    assert stated["wrong answer in good form"] == 0.75
    assert finding.multi_label is True
    assert judge([finding], cases)[0].published


def test_a_model_without_wrong_cases_has_no_failures() -> None:
    assert failures(table({"m": [1.0] * 20}, format_ok=[True] * 20), "m") == []
