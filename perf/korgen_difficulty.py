"""What each korgen family's difficulty does: steps, a noisy reader's accuracy, and the cost of making an item.

The reader fails each elementary step with a fixed probability, independently, and an item with any failed
step. Its expected accuracy is computed, not sampled: the mean over items of (1 - error) ** steps.

    python perf/korgen_difficulty.py [--error 0.05] [--items 40]
"""

from __future__ import annotations

import argparse
from itertools import pairwise
from statistics import fmean
from time import process_time

from assay.benchmarks.korgen.family import DIFFICULTIES, draw
from assay.benchmarks.korgen.stream import FAMILIES
from assay.benchmarks.korgen.twins import draw_twin


def main() -> None:
    """Print a Markdown table, a row a family."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--error", type=float, default=0.05, help="probability that a step fails")
    parser.add_argument("--items", type=int, default=40, help="items for each family and difficulty")
    given = parser.parse_args()
    print("| category | family | steps at 1-5 | accuracy at 1-5 | ms an item at 1 / 5 | ms a twin at 5 |")
    print("| --- | --- | --- | --- | --- | --- |")
    for family in sorted(FAMILIES.values(), key=lambda family: family.category):
        steps, right, cost = [], [], []
        for difficulty in DIFFICULTIES:
            draw(family, difficulty, 1, 0)
            start = process_time()
            items = [draw(family, difficulty, 0, index) for index in range(given.items)]
            cost.append((process_time() - start) * 1000 / given.items)
            steps.append(fmean(item.steps for item in items))
            right.append(fmean((1 - given.error) ** item.steps for item in items))
        start = process_time()
        for index in range(given.items):
            draw_twin(family, DIFFICULTIES[-1], 0, index)
        twin = (process_time() - start) * 1000 / given.items
        falls = all(easier > harder for easier, harder in pairwise(right))
        print(
            f"| {family.category} | {family.name} | {' '.join(f'{mean:.1f}' for mean in steps)} | "
            f"{' '.join(f'{share:.2f}' for share in right)}{'' if falls else ' (!)'} | "
            f"{cost[0]:.2f} / {cost[-1]:.2f} | {twin:.2f} |"
        )


if __name__ == "__main__":
    main()
