"""Calibration against planted items, direct optimisation, and a peer's figures."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, optimize, stats

from assay.errors import UsageError
from assay.measure.irt.cells import cells_of
from assay.measure.irt.fit import fit
from assay.measure.irt.items import GUESSING, Normal, newton
from assay.measure.irt.model import Items, probability
from tests.measure.irt.simulated import rmse, simulated


def test_large_calibrations_come_near_the_bound() -> None:
    ratios, slopes = [], []
    for seed in range(5):
        data = simulated(400, 5000, seed)
        found = fit(data.x)
        standard = (found.theta - found.theta.mean()) / found.theta.std()
        ratios.append(rmse(standard - data.standard) / data.bound)
        slopes.append(rmse(np.log(found.items.a / data.on_their_scale.a)))
    assert rmse(np.array(ratios)) < 1.06
    assert rmse(np.array(slopes)) < 0.16


@pytest.mark.parametrize(
    ("m", "n", "missing"), [(400, 40, 0.0), (400, 40, 0.4), (300, 300, 0.0), (300, 800, 0.7), (60, 1500, 0.0)]
)
def test_abilities_and_intervals_hold_at_every_size(m: int, n: int, missing: float) -> None:
    covered, errors, bounds = [], [], []
    for seed in range(3):
        data = simulated(m, n, seed, missing=missing)
        found = fit(data.x)
        covered.append(np.mean(np.abs(found.theta - data.standard) < 1.96 * found.se))
        errors.append(rmse(found.theta - data.standard))
        bounds.append(data.bound)
    assert 0.91 < np.mean(covered) < 0.98
    assert rmse(np.array(errors)) < 1.12 * rmse(np.array(bounds))


def test_cells_missing_at_random_do_not_bias_items() -> None:
    data = simulated(1500, 60, 11, missing=0.5)
    found, truth = fit(data.x).items, data.on_their_scale
    assert np.log(found.a / truth.a).mean() == pytest.approx(0, abs=0.04)
    assert (found.d - truth.d).mean() == pytest.approx(0, abs=0.04)
    middle = np.abs(truth.d) < 2  # further out the prior is meant to pull
    assert np.polyfit(truth.d[middle], found.d[middle], 1)[0] == pytest.approx(1, abs=0.04)


def test_pass_rates_carry_the_weight_of_their_attempts() -> None:
    many, one = simulated(200, 100, 12, attempts=8), simulated(200, 100, 12)
    weighed = fit(many.x, np.full(many.x.shape, 8))
    assert rmse(weighed.theta - many.standard) < 0.55 * rmse(fit(one.x).theta - one.standard)
    as_single, given = fit(one.x), fit(one.x, np.ones(one.x.shape))
    assert given.theta == pytest.approx(as_single.theta, abs=1e-4)


def test_a_cell_of_no_attempts_is_missing() -> None:
    data = simulated(50, 30, 13, missing=0.3)
    attempts = np.where(np.isnan(data.x), 0, 1)
    assert fit(np.nan_to_num(data.x), attempts).theta == pytest.approx(fit(data.x).theta, abs=1e-5)


def test_items_at_known_abilities_are_the_mode_of_their_posterior() -> None:
    data = simulated(300, 4, 14, missing=0.2)
    slope, intercept = Normal(0.1, 0.4), Normal(-0.2, 1.5)
    cells = cells_of(data.x, dtype=np.float64)
    items = Items(np.ones(4), np.zeros(4), np.zeros(4))
    for _ in range(30):
        step = newton(data.theta, items, cells, slope, intercept)
        items = items._replace(a=items.a * np.exp(step.slope), d=items.d + step.intercept)
    for j in range(4):
        there = ~np.isnan(data.x[:, j])
        theta, x = data.theta[there], data.x[there, j]

        def loss(v: np.ndarray, theta: np.ndarray = theta, x: np.ndarray = x) -> float:
            z = np.exp(v[0]) * theta + v[1]
            prior = stats.norm.logpdf(v[0], *slope) + stats.norm.logpdf(v[1], *intercept)
            return float(-(x * z - np.logaddexp(0, z)).sum() - prior)

        best = optimize.minimize(loss, [0, 0], method="BFGS", tol=1e-9)
        assert (np.log(items.a[j]), items.d[j]) == pytest.approx(tuple(best.x), abs=1e-4)
        p = probability(theta, items)[:, [j]]
        slopes = np.column_stack([items.a[j] * theta, np.ones_like(theta)])
        expected = np.linalg.inv(slopes.T @ (p * (1 - p) * slopes) + np.diag([slope.sd**-2, intercept.sd**-2]))
        assert step.variances[:, j] == pytest.approx([expected[0, 0], expected[1, 1], expected[0, 1]], rel=1e-4)


@pytest.mark.parametrize(("n", "tolerance"), [(12, 0.05), (400, 3.0)])
def test_the_likelihood_is_the_integral_over_abilities(n: int, tolerance: float) -> None:
    data = simulated(40, n, 15)
    found = fit(data.x)
    total = 0.0
    for row, centre in zip(data.x, found.theta, strict=True):

        def density(t: float, row: np.ndarray = row) -> float:
            p = probability(np.array([t]), found.items)[0]
            return float(np.log(np.where(row > 0, p, 1 - p)).sum() + stats.norm.logpdf(t))

        top = density(centre)
        area = integrate.quad(lambda t, top=top, density=density: np.exp(density(t) - top), centre - 4, centre + 4)[0]
        total += top + np.log(area)
    assert found.loglik == pytest.approx(total, abs=tolerance)


def test_two_parameter_items_agree_with_mirt() -> None:
    """mirt 1.2.0 (EM over 61 points to 1e-6, no priors) on these very answers: with 4,000 models priors say little."""
    data = simulated(4000, 10, 16)
    found = fit(data.x)
    assert found.items.a == pytest.approx(MIRT_A, rel=0.06)
    assert found.items.d == pytest.approx(MIRT_D, abs=0.06)


def test_equal_totals_are_equal_abilities_under_one_slope() -> None:
    data = simulated(300, 30, 17, a=np.full(30, 1.4))
    found = fit(data.x, model="1pl")
    assert np.ptp(found.items.a) < 1e-9
    assert found.items.a[0] == pytest.approx(1.4 * data.theta.std(), rel=0.08)
    totals = data.x.sum(axis=1)
    for total in np.unique(totals):
        assert np.ptp(found.theta[totals == total]) < 1e-4


def test_a_known_floor_is_allowed_for() -> None:
    data = simulated(1000, 80, 18, guessing=0.25)
    guessed, plain = fit(data.x, model="3pl", guessing=0.25), fit(data.x)
    assert guessed.loglik > plain.loglik + 100
    assert rmse(np.log(guessed.items.a / data.on_their_scale.a)) < 0.6 * rmse(
        np.log(plain.items.a / data.on_their_scale.a)
    )


def test_floors_are_estimated_from_many_models() -> None:
    data = simulated(3000, 25, 19, guessing=0.35)
    found = fit(data.x, model="3pl")
    hard = data.items.b > 1  # on easy items hardly anybody has to guess
    assert found.items.c[hard].mean() == pytest.approx(0.35, abs=0.05)
    assert GUESSING[0] / sum(GUESSING) < found.items.c[~hard].mean() < 0.35


def test_extreme_items_and_models_are_kept() -> None:
    data = simulated(80, 300, 20)
    x = data.x.copy()
    x[:, 0], x[:, 1], x[:, 2], x[0] = 1, 0, np.nan, np.nan
    found = fit(x)
    assert np.isfinite(np.stack(found.items)).all()
    assert found.items.d[0] > found.items.d[3:].mean() > found.items.d[1]
    assert (found.theta[0], found.se[0]) == (pytest.approx(0, abs=0.2), pytest.approx(1, abs=0.1))


@pytest.mark.parametrize(
    ("model", "guessing", "message"),
    [("2pl", 0.2, "no guessing floor"), ("3pl", None, "give it"), ("3pl", 1.0, r"in \[0, 1\)")],
)
def test_guessing_that_does_not_fit_is_refused(model: str, guessing: float | None, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        fit(simulated(20, 10, 21).x, model=model, guessing=guessing)  # type: ignore[arg-type]


MIRT_A = [1.1242, 1.589, 1.1861, 1.7656, 1.5142, 1.2767, 1.0146, 1.0817, 1.5321, 1.1352]
MIRT_D = [0.3901, 1.2026, 0.9156, -1.1972, -0.4516, 1.2968, 1.3497, 0.4677, 0.03, -0.6416]
