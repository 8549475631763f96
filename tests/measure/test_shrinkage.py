"""Shrinkage on planted scores."""

from __future__ import annotations

from math import log, sqrt

import numpy as np
import pytest

from assay.measure.shrinkage import empirical_bayes, winners_curse


def test_shrinkage_by_hand() -> None:
    # Var = 0.01, mean se² = 0.0036: τ² = 0.0064, B = 0.64
    found = empirical_bayes([0.4, 0.5, 0.6], [0.06] * 3)
    assert found.spread == pytest.approx(0.08)
    assert found.values == pytest.approx([0.436, 0.5, 0.564])
    assert found.errors == pytest.approx([0.8 * 0.06] * 3)


def test_what_noise_explains_shrinks_to_the_mean() -> None:
    alike = empirical_bayes([0.4, 0.5, 0.6], [0.2] * 3)
    assert (alike.spread, alike.values) == (0.0, pytest.approx([0.5] * 3))
    exact = empirical_bayes([0.4, 0.5], [0.0, 0.0])
    assert exact.values == pytest.approx([0.4, 0.5])


def test_the_winner_is_no_longer_flattered() -> None:
    rng = np.random.default_rng(0)
    raw, shrunk, plain, better = [], [], 0.0, 0.0
    for _ in range(800):
        truth = 0.6 + rng.normal(0, 0.02, 20)
        seen = truth + rng.normal(0, 0.03, 20)
        found = empirical_bayes(seen, [0.03] * 20).values
        best = int(seen.argmax())
        raw.append(seen[best] - truth[best])
        shrunk.append(found[best] - truth[best])
        plain += ((seen - truth) ** 2).mean()
        better += ((found - truth) ** 2).mean()
    assert np.mean(raw) > 0.03
    assert abs(np.mean(shrunk)) < 0.006
    assert better < 0.5 * plain


def test_the_curse_is_bounded_by_the_formula() -> None:
    rng = np.random.default_rng(1)
    looks = rng.normal(0, 0.01, (4000, 50)).max(axis=1).mean()
    assert 0.75 * winners_curse(0.01, 50) < looks < winners_curse(0.01, 50) == pytest.approx(0.01 * sqrt(2 * log(50)))
    assert winners_curse(0.01, 1) == 0
