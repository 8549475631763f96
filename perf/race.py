"""What races take and how often they are wrong, on a folder of real data and on nulls made from it.

    python perf/race.py DATA [--orders 20] [--nulls 10000]

DATA holds ``mmlu_pro/verdicts.parquet``, ``matrices/zeroeval_gsm.npz`` and ``korbench/responses.parquet``; any one of
these may be missing. Prints, for each, the share of the samples by the pairs' true gap, ours beside the reference
mixture in the same random orders; then the rate of decisions where there is nothing to decide. The nulls keep a real
pair's wins, losses and draws but not their balance: on a finite benchmark half of the decided samples is given to
either side, so that the total is exactly zero, the worst case; of a population every sign is tossed. Every sample
is looked at; of benchmarks of 5,000 samples or more there are a fifth as many nulls, which take as long.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import process_time

import numpy as np
import polars as pl

from assay.measure import matrix, racing
from assay.measure.intervals import Floats
from assay.measure.matrix import Matrix
from assay.measure.sequential_stored import Means, stored_best, stored_pairs

ALPHA = 0.05


def main() -> None:
    """Print all tables."""
    options = argparse.ArgumentParser(description="Shares and error rates of races on real answers.")
    options.add_argument("data", type=Path)
    options.add_argument("--orders", type=int, default=20)
    options.add_argument("--nulls", type=int, default=10_000)
    chosen = options.parse_args()
    for name, answers in matrices(chosen.data):
        shares(name, answers, chosen.orders)
        nulls(name, answers, chosen.nulls if len(answers.items) < 5000 else chosen.nulls // 5)


def matrices(data: Path) -> Iterator[tuple[str, Matrix]]:
    """The response matrices that the folder has."""
    for file in (data / "mmlu_pro" / "verdicts.parquet", data / "matrices" / "zeroeval_gsm.npz"):
        if file.exists():
            yield file.stem, matrix.load([file])
    if (korbench := data / "korbench" / "responses.parquet").exists():
        rows = pl.read_parquet(korbench).filter(pl.col("setting") == "zero-shot")
        item = pl.format("{}-{}", "category", "idx").alias("item")
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "korbench.parquet"
            rows.select("model", item, score="official_correct").write_parquet(file)
            yield "korbench zero-shot", matrix.load([file])


def shares(name: str, answers: Matrix, orders: int) -> None:
    """Print the share of samples by gap, ours and the reference's."""
    began = process_time()
    ours = stored_pairs(answers, range(orders), alpha=ALPHA)
    took = process_time() - began
    plain = stored_pairs(answers, range(orders), alpha=ALPHA, method="reference")
    best = stored_best(answers, range(orders), alpha=ALPHA)
    print(f"\n{name}: {len(answers.models)} models, {len(ours.pairs)} pairs, {ours.items:,} samples, {orders} orders")
    print(f"{'gap':>8} {'races':>7} | {'mean share, median, decided, wrong':^42} | reference")
    for own, other in zip(ours.by_gap, plain.by_gap, strict=True):
        print(f"{own.gap:>8} {own.means.races:7,} | {line(own.means)} | {line(other.means)}")
    print(f"{'all':>8} {ours.means.races:7,} | {line(ours.means)} | {line(plain.means)}")
    print(f"the best: {100 * best.mean_share:.1f} % of models x samples, lost in {100 * best.lost:.1f} % of orders")
    print(f"{took:.1f} CPU-s for ours and the reference together, intervals of the first order included")


def line(means: Means) -> str:
    """The means in one line."""
    if not means.races:
        return f"{'-':>42}"
    se = 0.0 if means.share_se is None else means.share_se
    return (
        f"{100 * (means.mean_share or 0):6.2f} % ± {100 * se:4.2f} {means.median_samples or 0:8,.0f} "
        f"{100 * (means.decided or 0):6.1f} % {100 * (means.wrong or 0):5.2f} %"
    )


def nulls(name: str, answers: Matrix, count: int) -> None:
    """Print how often something is decided where there is no difference."""
    rng = np.random.default_rng(0)
    first, second = racing.pairs(len(answers.models))
    rates: dict[str, list[float]] = {}
    chunk = 200
    for _ in range(count // chunk):
        pair = rng.integers(len(first))
        d = racing.differences(answers.x, first[pair : pair + 1], second[pair : pair + 1])[0]
        d = d[np.isfinite(d)]
        n = np.full(chunk, len(d))
        even = rng.permuted(np.tile(balanced(d), (chunk, 1)), axis=1)
        tossed = rng.permuted(np.tile(np.abs(d), (chunk, 1)), axis=1) * rng.choice([-1.0, 1.0], (chunk, len(d)))
        for method in ("adaptive", "reference"):
            for what, null, replacement in (
                ("total 0, finite", even, False),
                ("signs tossed, population", tossed, True),
            ):
                found = racing.decide(null, n, alpha=ALPHA, method=method, replacement=replacement)  # type: ignore[arg-type]
                rates.setdefault(f"{what}, {method}", []).append(float((found.sign != 0).mean()))
    for what, each in rates.items():
        rate = float(np.mean(each))
        se = np.sqrt(rate * (1 - rate) / (chunk * len(each)))
        print(f"type I, {what}: {rate:.4f} ± {se:.4f} of {chunk * len(each):,} (at most {ALPHA})")


def balanced(d: Floats) -> Floats:
    """As many wins as losses; an odd one becomes a draw."""
    decided = int(np.count_nonzero(d)) // 2
    return np.concatenate([np.ones(decided), -np.ones(decided), np.zeros(len(d) - 2 * decided)])


if __name__ == "__main__":
    main()
