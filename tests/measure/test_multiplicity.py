"""Adjusted p-values against scipy and examples by hand, and what they promise under simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from assay.measure.multiplicity import benjamini_hochberg, benjamini_yekutieli, e_bh, holm

P = st.lists(st.floats(0, 1), min_size=1, max_size=30)


@given(P)
def test_false_discovery_control_is_scipys(p: list[float]) -> None:
    assert benjamini_hochberg(p) == pytest.approx(stats.false_discovery_control(p, method="bh"))
    assert benjamini_yekutieli(p) == pytest.approx(stats.false_discovery_control(p, method="by"))


def test_holm_by_hand() -> None:
    # ascending .005, .01, .03, .04 times 4, 3, 2, 1; the last is raised to the one before it
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == pytest.approx([1, 1])


def test_benjamini_and_hochberg_find_what_they_found() -> None:
    # their example of fifteen comparisons (1995, section 4.2): the first four are rejected at 5 %, by Bonferroni three
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590]
    p.append(1.0)
    assert (benjamini_hochberg(p) <= 0.05).sum() == 4
    assert (holm(p) <= 0.05).sum() == 3


@given(P)
def test_adjustment_never_helps_and_keeps_the_order(p: list[float]) -> None:
    raw, order = np.array(p), np.argsort(p, kind="stable")
    for adjusted in (holm(p), benjamini_hochberg(p), benjamini_yekutieli(p)):
        assert (adjusted >= raw - 1e-12).all()
        assert adjusted.max() <= 1
        assert (np.diff(adjusted[order]) >= -1e-12).all()
    assert (holm(p) >= benjamini_hochberg(p) - 1e-12).all()


def test_a_comparison_without_a_p_value_is_no_test() -> None:
    nan = float("nan")
    assert holm([0.02, nan, 0.03]) == pytest.approx([0.04, nan, 0.04], nan_ok=True)


def test_e_values_by_hand() -> None:
    # of 4 at 5 %, the k-th largest needs 80 / k: 100 >= 80 and 39 < 40, but 30 >= 26.7 brings all three
    assert e_bh([30, 100, 0.1, 39]).tolist() == [True, True, False, True]
    assert e_bh([20, 100, 0.1, 39]).tolist() == [False, True, False, False]
    assert not e_bh([1.0, 2.0]).any()


def test_error_rates_are_held() -> None:
    rng = np.random.default_rng(0)
    false_any = false_share = 0.0
    for _ in range(1000):
        shift = np.repeat([0.0, 3.0], [15, 5])
        p = 2 * stats.norm.sf(np.abs(rng.normal(shift)))
        false_any += (holm(p)[:15] <= 0.05).any()
        found = benjamini_hochberg(p) <= 0.05
        false_share += found[:15].sum() / max(1, found.sum())
    assert false_any / 1000 <= 0.05 + 3 * 0.0069
    assert false_share / 1000 == pytest.approx(0.05 * 15 / 20, abs=0.012), "exactly α M0/M for independent tests"
