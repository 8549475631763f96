"""Which tasks at which scale, and which subtasks to drop."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from assay.measure.checkpoints.noise import noise
from assay.measure.checkpoints.selection import by_size, drop_noisy, rank_with_size, stacked
from assay.measure.checkpoints.series import of_points


def test_noisy_subtasks_are_dropped_and_others_agree() -> None:
    rng = np.random.default_rng(12)
    truth = rng.normal(size=(1, 20, 1))
    x = truth + rng.normal(size=(8, 20, 5)) * np.array([0.5] * 5 + [8.0] * 3)[:, None, None]
    found = drop_noisy(x)
    assert set(found.order[: found.best]) >= {5, 6, 7}
    assert found.snr[found.best] > 3 * found.snr[0]
    assert found.kept_elsewhere > 2 * found.all_elsewhere
    assert found.snr[0] == pytest.approx(noise(x.mean(axis=0)).sd_snr)


def test_dropping_from_alike_subtasks_gains_nothing_elsewhere() -> None:
    rng = np.random.default_rng(13)
    gains = []
    for _ in range(15):
        x = rng.normal(size=(1, 16, 1)) + 3 * rng.normal(size=(6, 16, 5))
        found = drop_noisy(x)
        gains.append((found.snr[found.best] / found.snr[0], found.kept_elsewhere / max(found.all_elsewhere, 0.1)))
    chosen, elsewhere = np.mean(gains, axis=0)
    assert chosen > 1.02
    assert elsewhere < chosen


def points(recipes: int = 12) -> pl.DataFrame:
    """Recipes whose order at the small size is chance, at the middle size nearly that of the large."""
    rng = np.random.default_rng(14)
    truth = rng.normal(size=recipes)
    rows = []
    for size, follow, gain in (("70m", 0.0, 0.0), ("410m", 0.95, 3.0), ("1.4b", 1.0, 6.0)):
        level = follow * truth + np.sqrt(1 - follow**2) * rng.normal(size=recipes) + gain
        rows += [
            {
                "model": f"mix{r}-{size}",
                "step": step,
                "task": "t",
                "metric": "acc",
                "value": level[r] + 0.1 * rng.normal(),
            }
            for r in range(recipes)
            for step in (10, 20, 30, 40)
        ]
    return pl.DataFrame(rows)


def test_each_size_is_judged_by_the_order_at_the_largest() -> None:
    grid = of_points(points(), "test").grid("t", "acc")
    small, middle, large = by_size(grid, 4)
    assert [scale.size for scale in (small, middle, large)] == [70e6, 410e6, 1.4e9]
    assert small.agreement is not None
    assert middle.agreement is not None
    assert large.agreement is None
    assert small.agreement.lower < 0.5 < small.agreement.upper
    assert middle.agreement.value > 0.8
    assert middle.noise is not None
    assert middle.noise.noise == pytest.approx(0.1, rel=0.3)
    ranked = rank_with_size(grid, 4)
    assert ranked is not None
    assert ranked.rho > 0.8


def test_a_falling_metric_ranks_with_size_too() -> None:
    falling = points().with_columns(pl.lit("bpb").alias("metric"), -pl.col("value"))
    found = rank_with_size(of_points(falling, "test").grid("t", "bpb"), 4)
    assert found is not None
    assert found.rho > 0.8


def test_suites_are_stacked_from_runs_that_have_every_subtask() -> None:
    two = pl.concat([points(), points().with_columns(pl.lit("u").alias("task")).filter(pl.col("model") != "mix0-70m")])
    series = of_points(two, "test")
    x, steps = stacked([series.grid("t", "acc"), series.grid("u", "acc")], 4)
    assert x.shape == (2, 35, 4)
    assert steps.shape == (35, 4)
    np.testing.assert_array_equal(x[0], x[1])
