"""Confidence sequences: right at all looks together."""

from __future__ import annotations

import numpy as np
import pytest

from assay.measure.sequential_intervals import asymptotic, empirical_bernstein, hedged


@pytest.mark.parametrize("p", [0.1, 0.5])
@pytest.mark.parametrize("population", [None, 400])
def test_closed_form_and_betting_cover_at_all_looks_at_once(p: float, population: int | None) -> None:
    rng = np.random.default_rng(0)
    if population is None:
        x = (rng.random((1500, 400)) < p).astype(float)
    else:
        x = rng.permuted(np.tile((np.arange(400) < 400 * p).astype(float), (1500, 1)), axis=1)
    lower, upper = empirical_bernstein(x, n=population)
    assert ((lower <= p + 1e-9) & (p - 1e-9 <= upper)).all(axis=1).mean() >= 0.95
    ends = [hedged(row, n=population, grid=101) for row in x[:150]]
    covered = [((lower <= p + 1e-9) & (p - 1e-9 <= upper)).all() for lower, upper in ends]
    assert np.mean(covered) >= 0.95 - 2 * np.sqrt(0.05 * 0.95 / 150)
    if population is not None:  # at the end the mean is known
        assert np.mean([upper[-1] - lower[-1] for lower, upper in ends]) <= 0.03
        assert (upper - lower)[:, -1].max() < 1e-9


def test_a_small_case_by_hand() -> None:
    """One observation: centre and half-width of the empirical Bernstein sequence from its formula."""
    lower, upper = empirical_bernstein(np.array([1.0]), alpha=0.5)
    bet = 0.5  # the plug-in, sqrt(2 ln 4 / (ln 2 / 4)) = 4, is cut to 1/2
    half = (np.log(4) + 4 * 0.25 * (-np.log(1 - bet) - bet) / 4) / bet
    assert lower[0] == pytest.approx(max(0, 1 - half))
    assert upper[0] == 1


def test_betting_is_tighter_than_the_closed_form_for_small_variances() -> None:
    x = np.tile([0.4, 0.5, 0.6], 200)
    closed, betting = empirical_bernstein(x), hedged(x)
    assert betting[1][99] - betting[0][99] < closed[1][99] - closed[0][99]


def test_the_asymptotic_sequence_covers_long_sequences_where_repeated_t_intervals_fail() -> None:
    rng = np.random.default_rng(1)
    x = rng.exponential(size=(1000, 2000))
    lower, upper = asymptotic(x, tuned_to=500)
    looks = slice(200, None)
    assert ((lower <= 1) & (upper >= 1))[:, looks].all(axis=1).mean() > 0.93
    t = np.arange(1, 2001)
    mean = np.cumsum(x, axis=1) / t
    sd = np.sqrt(np.cumsum(x * x, axis=1) / t - mean**2)
    fixed = np.abs(mean - 1) <= 1.96 * sd / np.sqrt(t)
    assert fixed[:, looks].all(axis=1).mean() < 0.8
    r2 = (-2 * np.log(0.05) + np.log(-2 * np.log(0.05)) + 1) / 500
    half = sd[0, 499] * np.sqrt(2 * (500 * r2 + 1) / (500**2 * r2) * np.log(np.sqrt(500 * r2 + 1) / 0.05))
    assert upper[0, 499] - mean[0, 499] == pytest.approx(half)
