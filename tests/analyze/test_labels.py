"""Labels carry the measured error of what made them."""

from __future__ import annotations

import numpy as np
import pytest

from assay.analyze.labels import (
    DEFINITIONS,
    RULES,
    Label,
    corrected,
    labelled_set,
    measured,
    prevalence_by_rule,
    quality_of_rule,
    unmeasured,
    with_own_labels,
    yes_or_no,
)
from assay.measure.intervals import wilson


@pytest.mark.parametrize("name", DEFINITIONS)
def test_every_shipped_set_is_balanced_enough_and_its_parts_share_no_example(name: str) -> None:
    examples = labelled_set(name)
    assert examples is not None
    both = [*examples.dev, *examples.test]
    assert 30 <= len(both) <= 60
    for part in (examples.dev, examples.test):
        assert 0.4 <= np.mean([one.label for one in part]) <= 0.6
    assert len({(one.prompt, one.output) for one in both}) == len(both)


def test_there_is_no_set_of_another_name() -> None:
    assert labelled_set("../labels") is None


@pytest.mark.parametrize("name", RULES)
def test_rules_are_well_above_chance_on_what_they_were_not_made_on(name: str) -> None:
    assert quality_of_rule(name).lower > 0.5


def test_rules_that_miss_the_floor_may_not_enter_a_report() -> None:
    passed = {name for name in RULES if quality_of_rule(name).passed}
    assert passed == {"refusal", "language_switch", "repetition_loop"}
    weak = prevalence_by_rule("hedging", [("What is 2 + 2?", "It is probably 4.")])
    assert not weak.passed
    assert "below the floor" in weak.verdict


def test_balanced_accuracy_and_its_interval_are_those_of_the_two_rates() -> None:
    labels = [True] * 10 + [False] * 20
    verdicts = [True] * 8 + [False] * 2 + [False] * 15 + [True] * 5
    found = measured(labels, verdicts)
    a, b = wilson(8, 10), wilson(15, 20)
    assert found.balanced_accuracy == pytest.approx((0.8 + 0.75) / 2)
    assert found.lower == pytest.approx(0.775 - np.sqrt((0.8 - a.lower) ** 2 + (0.75 - b.lower) ** 2) / 2)
    assert found.upper == pytest.approx(0.775 + np.sqrt((a.upper - 0.8) ** 2 + (b.upper - 0.75) ** 2) / 2)


def test_a_missing_verdict_counts_as_the_wrong_one() -> None:
    found = measured([True, True, False, False], [True, None, False, None])
    assert (found.sensitivity, found.specificity, found.missing) == (0.5, 0.5, 2)


def test_the_correction_is_that_of_rogan_and_gladen() -> None:
    quality = measured([True] * 100 + [False] * 100, [True] * 90 + [False] * 10 + [False] * 80 + [True] * 20)
    found = corrected(quality, flagged=410, labelled=1000)
    assert found.value == pytest.approx((0.41 + 0.8 - 1) / (0.9 + 0.8 - 1))


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    truth, sens, spec, hits = 0.3, 0.9, 0.85, 0
    for _ in range(200):
        ones, zeros = rng.random(40) < sens, rng.random(40) >= spec
        quality = measured([True] * 40 + [False] * 40, [*map(bool, ones), *map(bool, zeros)])
        shown = rng.random(300) < truth
        flagged = int(np.where(shown, rng.random(300) < sens, rng.random(300) >= spec).sum())
        found = corrected(quality, flagged, 300)
        assert found.lower is not None
        assert found.upper is not None
        hits += found.lower <= truth <= found.upper
    assert 182 <= hits <= 200


def test_a_perfect_record_on_few_examples_is_not_taken_for_no_error() -> None:
    few = measured([True] * 12 + [False] * 12, [True] * 12 + [False] * 12)
    many = measured([True] * 400 + [False] * 400, [True] * 400 + [False] * 400)
    widths = [(found.upper or 0) - (found.lower or 0) for found in (corrected(q, 300, 1000) for q in (few, many))]
    assert widths[0] > 1.5 * widths[1]


@pytest.mark.parametrize(("sens", "spec"), [(10, 10), (5, 5), (12, 10)])
def test_a_detector_no_better_than_a_coin_corrects_nothing(sens: int, spec: int) -> None:
    verdicts = [True] * sens + [False] * (20 - sens) + [False] * spec + [True] * (20 - spec)
    quality = measured([True] * 20 + [False] * 20, verdicts)
    assert corrected(quality, 30, 100).value is None
    assert not quality.passed


def test_labels_of_the_runs_own_cases_remove_the_detectors_bias() -> None:
    rng = np.random.default_rng(1)
    truth = rng.random(1000) < 0.3
    said = np.where(truth, rng.random(1000) < 0.9, rng.random(1000) < 0.25)
    found = with_own_labels(list(truth[:300]), list(said[:300]), list(said[300:]))
    assert found.lower is not None
    assert found.upper is not None
    assert found.lower <= 0.3 <= found.upper
    assert abs(said.mean() - 0.3) > 0.1


def test_a_label_without_a_set_may_not_enter_a_report() -> None:
    report = unmeasured(Label("poetic", "The reply rhymes."), "lab/judge", [True, False, None])
    assert (report.labelled, report.flagged, report.without, report.passed) == (2, 1, 1, False)
    assert "not known" in report.verdict


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("YES", True),
        ("no.", False),
        ("**No**, it does not.", False),
        ("The reply says no to it.\nAnswer: YES", True),
        ("I cannot tell.", None),
        ("Nothing of the kind", None),
        ("", None),
        ("It says YES, but that is quoted.", None),
    ],
)
def test_membership_verdicts_are_read_only_where_they_are_given(text: str, verdict: bool | None) -> None:
    assert yes_or_no(text) is verdict
