"""Differential item functioning: planted items are found, families that merely are better are not accused."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, special, stats

from assay.errors import UsageError
from assay.measure.intervals import Floats
from assay.measure.irt.dif import Dif, dif
from assay.measure.irt.fit import fit
from tests.measure.irt.simulated import simulated

PLANTED = 12


def compared(m: int, family: int, seed: int, easier: float, better: float = 0.6) -> Dif:
    """200 items, the first twelve easier for the family by so many standard deviations of ability."""
    rng = np.random.default_rng(seed)
    data = simulated(m, 200, seed)
    member = np.arange(m) < family
    theta = data.theta + better * member
    z = np.multiply.outer(theta, data.items.a) + data.items.d
    z[:family, :PLANTED] += easier * data.items.a[:PLANTED]
    x = (rng.random(z.shape) < special.expit(z)).astype(float)
    return dif(x, fit(x).items, member)


@pytest.mark.parametrize(("m", "family"), [(300, 100), (60, 12)])
def test_a_better_family_is_no_dif(m: int, family: int) -> None:
    p, flagged = [], 0
    for seed in range(8):
        found = compared(m, family, seed, easier=0.0)
        p.append(found.p)
        flagged += int(found.flagged.sum())
    share = float(np.mean(np.concatenate(p) < 0.05))
    assert 0.03 < share < 0.07
    assert flagged <= 2


def test_items_easier_for_a_family_are_found() -> None:
    found = [compared(600, 200, seed, easier=1.0) for seed in range(3)]
    planted = np.concatenate([one.flagged[:PLANTED] for one in found])
    others = np.concatenate([one.flagged[PLANTED:] for one in found])
    assert planted.mean() > 0.7
    assert others.sum() <= 0.1 * planted.sum()
    sizes = np.concatenate([one.difference[:PLANTED] for one in found])
    assert sizes.mean() == pytest.approx(-1.0, abs=0.15)


def test_the_p_value_is_that_of_the_regression_with_family_terms() -> None:
    """Likelihood ratio of y ~ θ + family + θ·family against y ~ θ, by direct optimisation: near the score test."""
    data = simulated(1500, 40, 3)
    member = np.arange(1500) < 500
    found = dif(data.x, data.on_their_scale, member)
    alone = np.column_stack([np.ones(1500), found.theta])
    both = np.column_stack([alone, member, member * found.theta])

    def loss(beta: Floats, design: Floats, y: Floats) -> float:
        z = design @ beta
        return float(-(y * z - np.logaddexp(0, z)).sum())

    def ratio(y: Floats) -> float:
        null, full = (optimize.minimize(loss, np.zeros(d.shape[1]), (d, y), tol=1e-8).fun for d in (alone, both))
        return 2 * float(null - full)

    expected = stats.chi2.sf([ratio(data.x[:, j]) for j in range(40)], 2)
    assert np.abs(found.p - expected).max() < 0.05
    assert np.corrcoef(found.p, expected)[0, 1] > 0.998


def test_items_that_a_side_was_not_asked_have_no_p_value() -> None:
    data = simulated(40, 30, 4)
    member = np.arange(40) < 10
    x = data.x.copy()
    x[:10, 5] = np.nan
    found = dif(x, data.items, member)
    assert np.flatnonzero(np.isnan(found.p)).tolist() == [5]
    assert not found.flagged[5]


def test_tiny_families_are_refused() -> None:
    data = simulated(20, 10, 5)
    with pytest.raises(UsageError, match="2 models in the family"):
        dif(data.x, data.items, np.arange(20) < 2)
