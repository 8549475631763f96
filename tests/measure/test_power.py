"""Planning against published figures, closed forms and simulated tests."""

from __future__ import annotations

from math import inf, sqrt

import numpy as np
import pytest
from scipy import special, stats

from assay.measure.power import (
    best_epochs,
    design_effect,
    detectable,
    detectable_with,
    plan,
    power_of,
    reach,
    samples_needed,
    variance_of_difference,
    whole_epochs,
)


def test_the_published_example_needs_969_samples() -> None:
    # Miller (arXiv 2411.00640): ω_d² = 1/9, no sampling noise, 3 points, 5 % and 80 %
    assert reach() ** 2 == pytest.approx(7.84, abs=0.01)
    assert samples_needed(0.03, 1 / 9) == 969
    assert detectable(969, 1 / 9) == pytest.approx(0.03, abs=1e-5)
    assert samples_needed(0.03, 1 / 9, design_effect=2) == pytest.approx(2 * 969, abs=1)


def test_samples_and_mde_are_inverse() -> None:
    for delta in (0.005, 0.02, 0.1):
        n = samples_needed(delta, 0.2, alpha=0.01, power=0.9, design_effect=1.5)
        rates = {"alpha": 0.01, "power": 0.9, "design_effect": 1.5}
        assert detectable(n, 0.2, **rates) <= delta < detectable(n - 1, 0.2, **rates)


def test_power_is_what_was_asked_for() -> None:
    assert power_of(detectable_with(0.01), 0.01) == pytest.approx(0.8, abs=1e-4)
    assert power_of(0.0, 0.01) == pytest.approx(0.05)


def test_a_planned_comparison_finds_the_difference_as_often_as_planned() -> None:
    rng = np.random.default_rng(0)
    delta, found = 0.05, 0
    a, b = 0.65, 0.60
    n = samples_needed(delta, a * (1 - a) + b * (1 - b))
    for _ in range(1500):
        d = (rng.random(n) < a).astype(float) - (rng.random(n) < b)
        t = d.mean() / (d.std(ddof=1) / sqrt(n))
        found += 2 * special.stdtr(n - 1, -abs(t)) < 0.05
    assert found / 1500 == pytest.approx(0.8, abs=3 * sqrt(0.16 / 1500))


def test_two_epochs_take_a_third_and_many_two_thirds() -> None:
    # Miller: x uniform on [0, 1] has ω² = 1/12 and σ² = E x(1 - x) = 1/6
    one, two, many = (variance_of_difference(1 / 12, 1 / 6, epochs_a=k) for k in (1, 2, 10**9))
    assert two / one == pytest.approx(2 / 3)
    assert many / one == pytest.approx(1 / 3)


def test_best_epochs_are_the_cheapest() -> None:
    assert best_epochs(1 / 12, 1 / 6, per_item=1, per_attempt=1) == pytest.approx(sqrt(2))
    assert best_epochs(0.1, 0.0, 1, 1) == 0
    assert best_epochs(0.0, 0.1, 1, 1) == inf
    for c0 in (0.0, 1.0, 9.0, 50.0):
        spent = {k: (c0 + k) * (1 / 12 + 1 / 6 / k) for k in range(1, 65)}
        best = whole_epochs(1 / 12, 1 / 6, c0, 1.0)
        assert spent[best] == min(spent.values())
        assert abs(best - max(1, best_epochs(1 / 12, 1 / 6, c0, 1.0))) < 1


def test_design_effect_is_what_equal_clusters_do() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(0, sqrt(0.3), (4000, 1)) + rng.normal(0, sqrt(0.7), (4000, 8))
    independent = x.var() / x.size
    clustered = x.mean(axis=1).var(ddof=1) / len(x)
    assert clustered / independent == pytest.approx(design_effect(8, 0.3), rel=0.07)


def test_epochs_come_in_where_samples_run_out() -> None:
    assert plan(0.03, 1 / 9, 0.0)[:2] == (969, 1)
    short = plan(0.05, 0.1, 0.3, pool=500)
    assert short.enough
    assert (short.samples, short.epochs) == (samples_needed(0.05, 0.1 + 0.3 / 6), 6)
    assert samples_needed(0.05, 0.1 + 0.3 / 5) > 500
    never = plan(0.001, 0.1, 0.3, pool=500)
    assert not never.enough
    assert (never.samples, never.mde) == (500, detectable(500, 0.1 + 0.3 / 64))
    assert plan(0.05, 0.1, 0.3, pool=500, epochs=2).enough is False
    dear = plan(0.01, 1 / 12, 1 / 6, per_item=9, per_attempt=1)
    assert dear.epochs == whole_epochs(1 / 12, 1 / 6, 9, 1) == 4


def test_nonsense_is_refused() -> None:
    for call in (lambda: samples_needed(0, 0.1), lambda: reach(0.05, 1.0), lambda: best_epochs(0.1, 0.1, 1, 0)):
        with pytest.raises(ValueError, match=r"above 0|between 0 and 1|costs something"):
            call()


def test_reach_is_the_sum_of_two_quantiles() -> None:
    assert reach(0.01, 0.9) == pytest.approx(stats.norm.ppf(0.995) + stats.norm.ppf(0.9))
