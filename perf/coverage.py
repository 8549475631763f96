"""How often each 95 % interval holds the truth: exactly for proportions, by seeded simulation for the rest.

    python perf/coverage.py [--repetitions 1000]

Prints Markdown tables. A good interval is near 95 % everywhere; for few discrete data none can be, and erring above
is then the better side. Takes a few minutes at 1,000 repetitions.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from math import sqrt

import numpy as np
from scipy import special, stats

from assay.measure.bayes import clustered_posterior, paired_posterior, uniform_posterior
from assay.measure.bootstrap import bca_mean
from assay.measure.intervals import (
    Interval,
    clopper_pearson,
    clustered_t_interval,
    jeffreys,
    standard_error,
    t_around,
    t_interval,
    wilson,
)
from assay.measure.simultaneous import leaderboard
from assay.measure.summaries import Clusters, Scale, from_influence, mean_of

CHANCES = (0.5, 0.8, 0.95, 0.99)


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=1000, help="simulated data sets a cell")
    repetitions = parser.parse_args().repetitions
    proportions()
    clustered_proportions(repetitions)
    means(repetitions)
    differences(repetitions)
    at_once(max(200, repetitions // 4))


def proportions() -> None:
    """Independent right or wrong answers, by enumeration."""
    kinds: dict[str, Callable[[float, float], Interval]] = {
        "Wald": wald,
        "Wilson": wilson,
        "Jeffreys": jeffreys,
        "Clopper-Pearson": clopper_pearson,
        "Beta(1,1)": uniform_posterior,
    }
    print(f"\nProportions, exact coverage in %, p = {' / '.join(map(str, CHANCES))}\n")
    row("n", *kinds, rule=True)
    for n in (10, 30, 100, 300, 1000):
        cells = []
        for interval in kinds.values():
            ends = np.array([interval(k, n) for k in range(n + 1)])
            inside = [(ends[:, 0] <= p) & (p <= ends[:, 1]) for p in CHANCES]
            chance = [stats.binom.pmf(np.arange(n + 1), n, p) @ held for p, held in zip(CHANCES, inside, strict=True)]
            cells.append(" / ".join(f"{100 * c:.0f}" for c in chance))
        row(n, *cells)


def wald(k: float, n: float) -> Interval:
    """The textbook interval that should not be used: p ± 1.96 √(p(1-p)/n)."""
    p = k / n
    half = 1.96 * sqrt(p * (1 - p) / n)
    return Interval(p - half, p + half)


def clustered_proportions(repetitions: int) -> None:
    """Right or wrong answers in clusters of equal and of very unequal size."""
    print("\nClustered proportions, coverage in % (mean width in points)\n")
    row("clusters", "sizes", "p", "correlation", "used", "t, G - 1", "posterior", "BCa", rule=True)
    rng = np.random.default_rng(0)
    for groups in (5, 10, 20, 50):
        for name, sizes in (("equal", np.full(groups, 8)), ("unequal", unequal(groups))):
            codes = np.repeat(np.arange(groups), sizes)
            for p in CHANCES[:3]:
                for correlation in (0.0, 0.1, 0.4):
                    held: dict[str, list[tuple[bool, float]]] = {}
                    for _ in range(repetitions):
                        right = drawn_clusters(rng, p, correlation, sizes)
                        x = np.concatenate([np.arange(n) < k for n, k in zip(sizes, right, strict=True)]).astype(float)
                        found = {"used": used(x, codes), "t": miller(x, codes)}
                        if len(held.get("posterior", ())) < repetitions // 5:  # slower
                            found |= {"posterior": clustered_posterior(right, sizes)}
                            found |= {"BCa": bca_mean(x, codes, draws=500)}
                        for kind, (lower, upper) in found.items():
                            held.setdefault(kind, []).append((lower <= p <= upper, upper - lower))
                    row(groups, name, p, correlation, *(coverage(held[k]) for k in ("used", "t", "posterior", "BCa")))


def unequal(groups: int) -> np.ndarray:
    """Sizes of a lognormal shape around eight."""
    return np.maximum(1, np.round(8 * np.exp(1.2 * special.ndtri((np.arange(groups) + 0.5) / groups)))).astype(int)


def drawn_clusters(rng: np.random.Generator, p: float, correlation: float, sizes: np.ndarray) -> np.ndarray:
    """Right answers of each cluster."""
    if correlation == 0:
        return rng.binomial(sizes, p)
    total = 1 / correlation - 1
    return rng.binomial(sizes, rng.beta(p * total, (1 - p) * total, len(sizes)))


def used(x: np.ndarray, codes: np.ndarray) -> Interval:
    """The interval that every score gets."""
    found = mean_of(x, len(x), binary=True, bounded=True, clusters=Clusters(codes, "cluster"), level=0.95)
    return Interval(found.lower or 0.0, found.upper or 0.0)


def miller(x: np.ndarray, codes: np.ndarray) -> Interval:
    """The clustered t interval on G - 1 degrees of freedom."""
    return t_around(float(x.mean()), standard_error((x - x.mean()) / len(x), codes), int(codes.max()))


def means(repetitions: int) -> None:
    """Means on an open scale, independent and clustered."""
    print("\nMeans of normal and skewed values, coverage in % (mean width)\n")
    row("units", "values", "sizes", "t", "t, G - 1", "BCa", rule=True)
    rng = np.random.default_rng(1)
    for groups in (5, 10, 30, 50, 100):
        for values in ("normal", "exponential"):
            for name, sizes in (
                ("one", np.ones(groups, int)),
                ("equal", np.full(groups, 4)),
                ("unequal", unequal(groups)),
            ):
                codes = np.repeat(np.arange(groups), sizes)
                held: dict[str, list[tuple[bool, float]]] = {}
                for number in range(repetitions):
                    effect = rng.normal(0, 1, groups) if values == "normal" else rng.exponential(1, groups) - 1
                    x = effect[codes] + (rng.normal(0, 1, len(codes)) if name != "one" else 0.0)
                    found = {
                        "t": t_interval(x) if name == "one" else clustered_t_interval(x, codes),
                        "miller": miller(x, codes),
                    }
                    if number < repetitions // 4:
                        found["BCa"] = bca_mean(x, codes, draws=500)
                    for kind, (lower, upper) in found.items():
                        held.setdefault(kind, []).append((lower <= 0 <= upper, upper - lower))
                row(groups, values, name, *(coverage(held[k]) for k in ("t", "miller", "BCa")))


def differences(repetitions: int) -> None:
    """Paired differences of right or wrong answers."""
    print("\nPaired differences, coverage in % (mean width in points)\n")
    row("n", "A", "B", "t (used)", "Dirichlet posterior", rule=True)
    rng = np.random.default_rng(2)
    for n in (10, 30, 100, 300):
        for a, b in ((0.5, 0.5), (0.8, 0.7), (0.95, 0.9)):
            skill = stats.norm.ppf([a, b])[:, None] * sqrt(2)
            held: dict[str, list[tuple[bool, float]]] = {}
            for _ in range(repetitions):
                x, y = rng.normal(0, 1, n) + rng.normal(0, 1, (2, n)) < skill
                d = x.astype(float) - y
                mean = float(d.mean())
                t = from_influence(
                    mean, (d - mean) / n, clusters=None, scale=Scale(-1.0, 1.0), level=0.95, symmetric=True
                )
                counts = int((d > 0).sum()), int((d < 0).sum()), int((d == 0).sum())
                found = {"t": Interval(t.lower or 0.0, t.upper or 0.0), "posterior": paired_posterior(*counts)}
                for kind, (lower, upper) in found.items():
                    held.setdefault(kind, []).append((lower <= a - b <= upper, upper - lower))
            row(n, a, b, coverage(held["t"]), coverage(held["posterior"]))


def at_once(repetitions: int) -> None:
    """All scores and all ranks of a leaderboard together."""
    print("\nLeaderboards of eight models: share of repetitions in which all intervals hold, in %\n")
    row("clusters", "a cluster", "truth", "all scores", "all ranks", rule=True)
    rng = np.random.default_rng(3)
    truths = {"equal": np.full(8, 0.7), "spread": np.array([0.9, 0.88, 0.8, 0.79, 0.78, 0.6, 0.5, 0.3])}
    for clusters, size in ((5, 20), (10, 10), (20, 10), (50, 4), (100, 1), (300, 1)):
        codes = None if size == 1 else np.repeat(np.arange(clusters), size)
        for name, truth in truths.items():
            rank_low = 1 + (truth[None] > truth[:, None]).sum(axis=1)
            rank_high = len(truth) - (truth[None] < truth[:, None]).sum(axis=1)
            scores = ranks = 0
            for seed in range(repetitions):
                shared = rng.normal(0, 1, (1, clusters)) + rng.normal(0, 0.5, (8, clusters))
                latent = np.repeat(shared, size, axis=1) + rng.normal(0, 1, (8, clusters * size))
                x = (latent < stats.norm.ppf(truth)[:, None] * 1.5).astype(float)
                found = leaderboard(x, codes, draws=500, seed=seed)
                scores += bool(((found.lower <= truth) & (truth <= found.upper)).all())
                ranks += bool(((found.rank_lower <= rank_low) & (rank_high <= found.rank_upper)).all())
            row(clusters, size, name, f"{100 * scores / repetitions:.1f}", f"{100 * ranks / repetitions:.1f}")


def coverage(held: list[tuple[bool, float]]) -> str:
    """The share of intervals that held, and their mean width."""
    inside, widths = np.array(held, dtype=float).T
    return f"{100 * inside.mean():.1f} ({100 * widths.mean():.1f})"


def row(*cells: object, rule: bool = False) -> None:
    """A line of a Markdown table; with ``rule``, its head."""
    print(line(cells))
    if rule:
        print(line("---" for _ in cells))


def line(cells: Iterable[object]) -> str:
    """Cells between bars."""
    return f"| {' | '.join(map(str, cells))} |"


if __name__ == "__main__":
    main()
