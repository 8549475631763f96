"""What a cluster bootstrap costs: weights shared over models, beside SciPy's one model at a time.

    python perf/bootstrap.py [--models 200] [--items 12000] [--clusters 1500] [--draws 2000]

CPU seconds, the median of five. SciPy resamples the cluster sums of one model; for all of them it takes as often as
there are models, and then still knows nothing of how they move together.
"""

from __future__ import annotations

import argparse
import resource
from collections.abc import Callable
from statistics import median
from time import process_time

import numpy as np
from scipy import stats

from assay.measure.bootstrap import bca_mean, bootstrap_means, cluster_sums
from assay.measure.intervals import standard_error
from assay.measure.simultaneous import leaderboard


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, value in (("models", 200), ("items", 12_000), ("clusters", 1500), ("draws", 2000)):
        parser.add_argument(f"--{name}", type=int, default=value)
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    clusters = np.sort(rng.integers(0, given.clusters, given.items))
    clusters = np.unique(clusters, return_inverse=True)[1].astype(np.int64)
    easy = rng.random(int(clusters.max()) + 1)[clusters]
    x = (rng.random((given.models, given.items)) < (easy + rng.random((given.models, 1))) / 2).astype(float)
    one = x[:1]
    sums, sizes = cluster_sums(one, clusters)

    def ratio(s: np.ndarray, n: np.ndarray, axis: int = -1) -> np.ndarray:
        return np.asarray(s.sum(axis=axis) / n.sum(axis=axis))

    def scipy_one() -> None:
        stats.bootstrap(
            (sums[:, 0], sizes), ratio, paired=True, n_resamples=given.draws, method="percentile", random_state=0
        )

    work: dict[str, Callable[[], object]] = {
        "clustered standard error, one model": lambda: standard_error((one[0] - one.mean()) / given.items, clusters),
        "SciPy, vectorised on cluster sums, one model": scipy_one,
        "means, one model": lambda: bootstrap_means(one, clusters, draws=given.draws),
        "BCa, one model": lambda: bca_mean(one[0], clusters, draws=given.draws),
        f"means, {given.models} models, shared weights": lambda: bootstrap_means(x, clusters, draws=given.draws),
        f"means, {given.models} models, Poisson weights": lambda: bootstrap_means(
            x, clusters, draws=given.draws, kind="poisson"
        ),
        f"leaderboard of {given.models}: max-T over all pairs, ranks": lambda: leaderboard(
            x, clusters, draws=given.draws
        ),
    }
    print(f"{given.items:,} items in {len(sizes):,} clusters, {given.draws:,} draws\n")
    print("| what | CPU s |\n| --- | --- |")
    for name, task in work.items():
        print(f"| {name} | {median(seconds(task) for _ in range(5)):.4f} |")
    print(f"\npeak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def seconds(task: Callable[[], object]) -> float:
    """CPU seconds of one call, all threads."""
    start = process_time()
    task()
    return process_time() - start


if __name__ == "__main__":
    main()
