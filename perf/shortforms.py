"""How far off short forms are: every method side by side, on stored responses and on simulated ones.

No test: figures depend on draws. Models are held out from the calibration, by family where names tell families
(``families``), at random (``random``), or the best fifth of them (``best``: a new model is better than all those
that one calibrated on).

    python perf/shortforms.py --data ../shared/data            # GSM8K, MMLU-Pro, KOR-Bench, simulation: minutes
    python perf/shortforms.py --data ../shared/data --only gsm8k
    python perf/shortforms.py --only simulated                 # needs no data
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from time import process_time

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assay.cli.calibrate import validation_table
from assay.cli.common import console
from assay.measure import matrix
from assay.measure.bank import LENGTHS, distinct, family
from assay.measure.shortform_trials import Answer, best_split, grouped_folds, random_split, tally, trial

Floats = NDArray[np.float64]
TESTED = 120


def gsm8k(data: Path) -> tuple[Floats, list[str]]:
    """44 models x 1,319 items; models with many missing answers are calibrated on only."""
    found = matrix.load([data / "matrices" / "zeroeval_gsm.npz"])
    return found.x, list(found.models)


def mmlu_pro(data: Path) -> tuple[Floats, list[str]]:
    """10 models x 12,032 items."""
    found = matrix.load([data / "mmlu_pro" / "verdicts.parquet"])
    return np.nan_to_num(found.x), list(found.models)


def korbench(data: Path) -> tuple[Floats, list[str]]:
    """20 models (12 chat models zero-shot, 8 base models three-shot) x 1,250 items."""
    rows = pl.read_parquet(data / "korbench" / "responses.parquet").with_columns(
        pl.format("{}-{}", "category", "idx").alias("item"), pl.col("official_correct").cast(pl.Float64)
    )
    wide = rows.pivot("item", index="model", values="official_correct", aggregate_function="first")
    return np.nan_to_num(wide.drop("model").to_numpy()), wide["model"].to_list()


def simulated(load: float, seed: int, models: int = 2000, items: int = 552) -> Floats:
    """2PL responses with five group factors of slope ``load`` beside the general one: 0 fits the bank exactly."""
    rng = np.random.default_rng(seed)
    a, b = np.exp(rng.normal(0.2, 0.4, items)), rng.normal(0, 1.2, items)
    group, factor = rng.integers(5, size=items), rng.normal(size=(models, 5))
    z = a * (rng.normal(size=(models, 1)) - b) + load * factor[:, group]
    return (rng.random((models, items)) < 1 / (1 + np.exp(-z))).astype(np.float64)


def splits(x: Floats, names: list[str] | None, kind: str, repeats: int) -> Iterator[tuple[int, NDArray, NDArray]]:  # type: ignore[type-arg]
    """(seed, calibration models, test models)."""
    m = len(x)
    for seed in range(repeats):
        rng = np.random.default_rng(seed)
        if kind == "families":
            assert names is not None
            for fold in grouped_folds([family(name) for name in names], 5):
                yield seed, np.setdiff1d(np.arange(m), fold), fold
        elif kind == "random":
            yield seed, *random_split(m, 0.3, rng)
        else:
            yield seed, *best_split(np.nanmean(x, axis=1), 0.2)


def report(title: str, x: Floats, names: list[str] | None, kind: str, repeats: int) -> None:
    """One table."""
    began = process_time()
    answers: list[Answer] = []
    whole = np.isfinite(x).mean(axis=1) >= 0.9
    for seed, train, test in splits(x, names, kind, repeats):
        rng = np.random.default_rng([seed, 1])
        few = np.sort(rng.permutation(test[whole[test]])[:TESTED])
        answers += trial(x, train, few, LENGTHS, rng)
    m, n = x.shape
    show = console()
    show.print(validation_table(tuple(tally(answers)), f"{title}, {m} models x {n} items, held out: {kind}"))
    cells = len(answers) // 40
    show.print(f"{cells} tests a cell; {process_time() - began:.0f} CPU-s; MAE in points (coverage of 95 %, width)\n")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with matrices/, mmlu_pro/ and korbench/")
    parser.add_argument("--only", choices=["gsm8k", "mmlu-pro", "korbench", "simulated"])
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    stored = {"gsm8k": gsm8k, "mmlu-pro": mmlu_pro, "korbench": korbench}
    for name, read in stored.items():
        if given.data is None or given.only not in (None, name):
            continue
        x, names = read(given.data)
        keep = distinct(x)
        x, names = x[keep], [names[j] for j in keep]
        for kind in ("families", "random", "best"):
            report(name, x, names, kind, given.repeats)
    if given.only in (None, "simulated"):
        for load in (0.0, 0.5):
            for kind in ("random", "best"):
                report(f"simulated, group factors {load:g}", simulated(load, 0), None, kind, 1)


if __name__ == "__main__":
    main()
