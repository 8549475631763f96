"""What it costs to rate 200 models by a million battles, beside choix and evalica where they are installed.

All see the same simulated battles, in the form that each takes. CPU seconds of this process, the least of a few
turns; how far their strengths are from ours, and from the truth, is printed beside. Ours includes sandwich errors,
which the others do not give; it is also run clustered, and with two features of style, which no table of wins can hold.
Set OPENBLAS_NUM_THREADS=1: idle threads that wait for work count as CPU time.

    python perf/ratings.py
    python perf/ratings.py --battles 200000 --models 100 --turns 1
"""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Callable
from importlib.metadata import version
from time import process_time

import numpy as np
from numpy.typing import NDArray

from assay.measure.ratings.bradley_terry import Battles, fit

Floats = NDArray[np.float64]


def simulated(battles: int, models: int) -> tuple[Battles, Floats]:
    """Battles of random pairs, and the true strengths of mean 0."""
    rng = np.random.default_rng(0)
    truth = rng.normal(size=models)
    truth -= truth.mean()
    a = rng.integers(0, models, battles)
    b = (a + rng.integers(1, models, battles)) % models
    score = (rng.random(battles) < 1 / (1 + np.exp(truth[b] - truth[a]))).astype(np.float64)
    return Battles(a, b, score, [str(i) for i in range(models)]), truth


def choix_ready(battles: Battles) -> Callable[[], Floats]:
    """Strengths by choix' I-LSR, the list of (winner, loser) that it takes being ready."""
    import choix

    won = battles.score == 1
    winner, loser = np.where(won, battles.a, battles.b), np.where(won, battles.b, battles.a)
    pairs = list(zip(winner.tolist(), loser.tolist(), strict=True))
    return lambda: np.asarray(choix.ilsr_pairwise(len(battles.models), pairs, alpha=0.0))


def evalica_ready(battles: Battles) -> Callable[[], Floats]:
    """Strengths by evalica's Bradley-Terry, the names and winners that it takes being ready."""
    import evalica

    left = [battles.models[i] for i in battles.a]
    right = [battles.models[i] for i in battles.b]
    winners = [evalica.Winner.X if won else evalica.Winner.Y for won in battles.score == 1]

    def work() -> Floats:
        scores = evalica.bradley_terry(left, right, winners).scores
        return np.log(np.array([scores[name] for name in battles.models]))

    return work


def least(work: Callable[[], Floats], turns: int) -> tuple[float, Floats]:
    """CPU seconds of the quickest turn, and what came of it."""
    best, found = float("inf"), np.zeros(0)
    for _ in range(turns):
        start = process_time()
        found = work()
        best = min(best, process_time() - start)
    return best, found


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--battles", type=int, default=1_000_000)
    parser.add_argument("--models", type=int, default=200)
    parser.add_argument("--turns", type=int, default=3)
    given = parser.parse_args()
    battles, truth = simulated(given.battles, given.models)
    features = np.random.default_rng(1).normal(size=(given.battles, 2))
    prompts = np.arange(given.battles, dtype=np.int64) // 4
    engines: dict[str, Callable[[], Floats]] = {
        "assay, with errors": lambda: fit(battles).beta,
        "assay, clustered errors": lambda: fit(battles._replace(clusters=prompts)).beta,
        "assay, two features, clustered": lambda: fit(battles._replace(clusters=prompts, features=features)).beta,
    }
    for name, other in (("choix", choix_ready), ("evalica", evalica_ready)):
        if importlib.util.find_spec(name):
            engines[f"{name} {version(name)}"] = other(battles)
    print(f"{given.battles:,} battles, {given.models} models, the least of {given.turns} turns\n")
    print("| engine | CPU s | relative | max distance from the first | RMSE from the truth |")
    print("| --- | --- | --- | --- | --- |")
    first: tuple[float, Floats] | None = None
    for name, work in engines.items():
        cpu, found = least(work, given.turns)
        found = found - found.mean()
        first = first or (cpu, found)
        apart, error = np.abs(found - first[1]).max(), np.sqrt(((found - truth) ** 2).mean())
        print(f"| {name} | {cpu:.2f} | {cpu / first[0]:.1f} | {apart:.1e} | {error:.4f} |", flush=True)


if __name__ == "__main__":
    main()
