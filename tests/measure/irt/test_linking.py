"""Linking two calibrations: exact where the curves are the same, honest where they are estimates."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from assay.errors import UsageError
from assay.measure.irt.fit import fit
from assay.measure.irt.linking import Link, haebara, mean_sigma
from assay.measure.irt.model import Items, probability
from tests.measure.irt.simulated import simulated

Method = Callable[[Items, Items], Link]
BOTH = pytest.mark.parametrize("method", [mean_sigma, haebara])


def seen_from(items: Items, slope: float, shift: float) -> Items:
    """The items on the scale θ* = (θ - shift) / slope."""
    return Items(items.a * slope, items.d + items.a * shift, items.c)


@BOTH
@pytest.mark.parametrize("guessing", [0.0, 0.2])
def test_curves_that_are_the_same_are_laid_over_each_other(method: Method, guessing: float) -> None:
    items = simulated(2, 25, 1, guessing=guessing).items
    link = method(items, seen_from(items, 0.6, -1.3))
    assert (link.slope, link.shift) == (pytest.approx(0.6), pytest.approx(-1.3))
    assert np.abs(link.residual).max() < 1e-6
    moved, theta = link.items(seen_from(items, 0.6, -1.3)), np.linspace(-2, 2, 5)
    assert np.stack(moved) == pytest.approx(np.stack(items))
    assert probability(link.theta(theta), moved) == pytest.approx(probability(theta, seen_from(items, 0.6, -1.3)))


@BOTH
def test_the_intervals_of_a_link_cover(method: Method) -> None:
    covered = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        items = simulated(2, 40, seed).items

        def estimated(true: Items, rng: np.random.Generator = rng) -> Items:
            noise = rng.normal(0, 0.1, (2, 40))
            return Items(true.a * np.exp(noise[0]), true.d + noise[1], true.c)

        link = method(estimated(items), estimated(seen_from(items, 1.3, 0.4)))
        covered += [abs(link.slope - 1.3) < 1.96 * link.slope_se, abs(link.shift - 0.4) < 1.96 * link.shift_se]
    assert 0.9 < np.mean(covered) < 0.98


def test_two_groups_of_models_come_to_one_scale() -> None:
    rng = np.random.default_rng(3)
    strong = simulated(400, 60, 4)
    weak = simulated(400, 60, 4, theta=rng.normal(-0.9, 0.7, 400))
    link = haebara(fit(strong.x).items, fit(weak.x).items)
    slope = weak.theta.std() / strong.theta.std()
    shift = (weak.theta.mean() - strong.theta.mean()) / strong.theta.std()
    assert link.slope == pytest.approx(slope, abs=3 * link.slope_se)
    assert link.shift == pytest.approx(shift, abs=3 * link.shift_se)
    assert link.slope_se < 0.05


def test_an_anchor_that_changed_is_pointed_out() -> None:
    items = simulated(2, 30, 5, a=np.full(30, 1.5)).items
    changed = seen_from(items, 0.8, 0.5)
    changed.d[7] -= 1.5 * 1.2
    assert haebara(items, changed).drifted.tolist() == [7]


@BOTH
def test_few_anchors_are_refused(method: Method) -> None:
    items = simulated(2, 19, 6).items
    with pytest.raises(UsageError, match="19 anchors"):
        method(items, items)
