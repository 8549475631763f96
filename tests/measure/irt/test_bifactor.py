"""A general factor and one a benchmark, planted and found again."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from scipy import special

from assay.errors import UsageError
from assay.measure.intervals import Floats
from assay.measure.irt.bifactor import bifactor
from assay.measure.irt.fit import fit


class Suite(NamedTuple):
    x: Floats
    labels: list[str]
    theta: Floats
    u: Floats
    s: Floats


def suite(
    m: int, strengths: tuple[float, ...], items: int, seed: int, missing: float = 0.0, attempts: int = 1
) -> Suite:
    """A benchmark for each strength: the mean slope of its own factor."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(len(strengths)), items)
    n = len(group)
    theta, u = rng.normal(size=m), rng.normal(size=(m, len(strengths)))
    a, s = np.exp(rng.normal(0.2, 0.3, n)), np.asarray(strengths)[group] * np.exp(rng.normal(0, 0.2, n))
    p = special.expit(theta[:, None] * a + u[:, group] * s + rng.normal(0, 1.2, n))
    x = np.mean([rng.random((m, n)) < p for _ in range(attempts)], axis=0)
    x[rng.random((m, n)) < missing] = np.nan
    return Suite(x, [f"benchmark {g}" for g in group], theta, u, s)


@pytest.mark.parametrize(("missing", "attempts"), [(0.0, 1), (0.5, 1), (0.0, 3)])
def test_planted_factors_are_recovered(missing: float, attempts: int) -> None:
    data = suite(400, (0.8, 1.0, 0.9, 0.8), 60, 1, missing, attempts)
    found = bifactor(data.x, data.labels, np.full(data.x.shape, attempts))
    assert np.corrcoef(found.theta, data.theta)[0, 1] > (0.92 if missing else 0.95)
    for g in range(4):
        assert np.corrcoef(found.u[:, g], data.u[:, g])[0, 1] > (0.75 if missing else 0.83)
        assert found.s[found.group == g].mean() == pytest.approx(data.s[found.group == g].mean(), rel=0.15)
    truth = (data.u - data.u.mean(axis=0)) / data.u.std(axis=0)
    assert 0.91 < np.mean(np.abs(found.u - truth) < 1.96 * found.u_se) < 0.98
    standard = (data.theta - data.theta.mean()) / data.theta.std()
    assert 0.88 < np.mean(np.abs(found.theta - standard) < 1.96 * found.se) < 0.98


def test_a_benchmark_without_a_factor_of_its_own_is_told_apart() -> None:
    data = suite(400, (1.0, 1.0, 0.0, 1.0, 1.0), 100, 2)
    found = bifactor(data.x, data.labels)
    assert int(np.argmax(found.general_share)) == 2
    assert found.general_share[2] > 0.93
    assert found.general_share[[0, 1, 3, 4]].max() < 0.75


def test_the_likelihood_tells_by_bic_whether_there_are_group_factors() -> None:
    price = 120 / 2 * np.log(300)  # of a slope more for each of 120 items
    there, none = suite(300, (0.9, 0.9, 0.9), 40, 3), suite(300, (0.0, 0.0, 0.0), 40, 3)
    assert bifactor(there.x, there.labels).loglik > fit(there.x).loglik + price
    assert bifactor(none.x, none.labels).loglik < fit(none.x).loglik + price


def test_factors_are_standard_and_uncorrelated_with_the_general_one() -> None:
    data = suite(300, (0.9, 0.7, 0.8), 80, 4)
    found = bifactor(data.x, data.labels)
    assert (found.a > 0).all()
    for factor, se in ((found.theta, found.se), *zip(found.u.T, found.u_se.T, strict=True)):
        assert factor.mean() == pytest.approx(0, abs=1e-6)
        assert factor.var() + np.mean(se**2) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("labels", [["one"] * 10, ["one"] * 8 + ["two"] * 2])
def test_groups_that_carry_no_factor_are_refused(labels: list[str]) -> None:
    with pytest.raises(UsageError, match="group factors take two groups"):
        bifactor(np.random.default_rng(0).integers(0, 2, (30, 10)).astype(float), labels)


def test_too_few_models_for_the_factors_are_refused() -> None:
    data = suite(12, (1.0, 1.0, 1.0), 10, 5)
    with pytest.raises(UsageError, match="12 models cannot place 4 factors"):
        bifactor(data.x, data.labels)
