"""Signal, noise and reliability against closed forms, and against the Pythia table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from assay.measure.checkpoints.noise import noise, of_grid
from assay.measure.checkpoints.selection import rank_with_size
from assay.measure.checkpoints.series import Series, read_table


def drawn(rng: np.random.Generator, ratio: float, runs: int, k: int, slope: float = 0.0) -> np.ndarray:
    """Runs with true spread ``ratio`` around a common trend, and noise 1."""
    return ratio * rng.normal(size=(runs, 1)) + rng.normal(size=(runs, k)) + slope * np.arange(k)


@pytest.mark.parametrize(
    ("ratio", "flattened", "within"), [(0.5, 2.35, 2.6), (1, 3.12, 4.4), (2, 3.67, 8.1), (5, 3.98, 19.8)]
)
def test_dividing_by_all_scores_saturates_where_dividing_by_the_noise_does_not(
    ratio: float, flattened: float, within: float
) -> None:
    rng = np.random.default_rng(1)
    found = [noise(drawn(rng, ratio, 25, 5)) for _ in range(400)]
    assert np.mean([n.flattened_snr for n in found]) == pytest.approx(flattened, abs=0.12)
    assert np.mean([n.range_snr for n in found]) == pytest.approx(within, rel=0.04)
    assert np.mean([n.sd_snr for n in found]) == pytest.approx(ratio, rel=0.05)


def test_the_range_grows_with_the_runs_without_any_signal() -> None:
    rng = np.random.default_rng(2)
    found = {runs: np.mean([noise(drawn(rng, 0, runs, 5)).range_snr for _ in range(300)]) for runs in (5, 10, 25, 100)}
    assert list(found.values()) == pytest.approx([1.1, 1.4, 1.7, 2.2], abs=0.1)


@pytest.mark.parametrize("ratio", [0.3, 1.0, 4.0])
@pytest.mark.parametrize("trend", [False, True])
def test_intervals_of_reliability_and_ratio_cover(ratio: float, trend: bool) -> None:
    rng = np.random.default_rng(3)
    runs, k = 12, 6
    truth = ratio**2 / (ratio**2 + 1 / k)
    steps = np.tile(np.arange(k, dtype=float), (runs, 1)) if trend else None
    found = [noise(drawn(rng, ratio, runs, k, 2.0 if trend else 0.0), steps) for _ in range(1000)]
    covered = np.mean([n.reliability_interval[0] <= truth <= n.reliability_interval[1] for n in found])
    assert 0.93 <= covered <= 0.97
    assert covered == np.mean([n.sd_snr_interval[0] <= ratio <= n.sd_snr_interval[1] for n in found])
    assert np.mean([n.noise**2 for n in found]) == pytest.approx(1, abs=0.03)


def test_a_rising_curve_without_noise_is_not_noise() -> None:
    x = np.array([[0.1, 0.2, 0.3, 0.4], [0.4, 0.5, 0.6, 0.7]])
    steps = np.tile([10.0, 20.0, 30.0, 40.0], (2, 1))
    assert noise(x, steps).noise < 1e-9
    assert noise(x).noise == pytest.approx(np.sqrt(0.05 / 3))


@pytest.fixture(scope="module")
def pythia(shared_data: Path) -> Series:
    path = shared_data / "matrices" / "pythia_v1_evals.csv.gz"
    if not path.exists():
        pytest.skip("no Pythia table")
    return read_table(path).where(shots="zero-shot", exclude="BS")


def test_the_pythia_table_reproduces(pythia: Series) -> None:
    """The figures are of acc, run means of the last 6 checkpoints, noise around the mean (no trend taken out)."""
    published = {
        "arc_easy": 44,
        "lambada_openai": 37,
        "piqa": 35,
        "arc_challenge": 30,
        "sciq": 27,
        "winogrande": 18,
        "wsc": 6,
        "logiqa": 6,
    }
    for task, figure in published.items():
        grid = pythia.grid(task, "acc", "zero-shot")
        found = of_grid(grid, 6, trend=False)
        assert found is not None
        assert (found.runs, len(grid.steps)) == (16, 27)
        assert round(found.range_snr) == figure, task
    easy = pythia.grid("arc_easy", "acc", "zero-shot")
    steady = of_grid(easy, 6, trend=False)
    assert steady is not None
    assert round(steady.noise, 4) == 0.0076
    assert np.nanmean(easy.se[:, -1]) == pytest.approx(0.0097, abs=0.0003)


def test_most_mmlu_subjects_are_noise_for_pythia(pythia: Series) -> None:
    mmlu = pythia.where(tasks=["hendrycksTest-*"], metrics=["acc"])
    grids = [mmlu.grid(*key) for key in mmlu.keys]
    ratios = [found.range_snr for grid in grids if (found := of_grid(grid, 6, trend=False))]
    ranks = [found.rho for grid in grids if (found := rank_with_size(grid, 6))]
    assert len(ratios) == len(ranks) == 57
    assert round(float(np.median(ratios)), 1) == 4.7
    assert round(float(np.mean(ranks)), 2) == 0.35
