"""HealthBench (OpenAI, simple-evals): plus and minus points, divided by the plus points.

A criterion with negative points describes something bad, and is met where that happened. One example may be
worth less than 0; only the mean over examples is clipped to [0, 1].
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from assay.scoring.checklist import Fact, Group, Mean, Tally, mean


def healthbench(name: str, points: Mapping[str, float], tags: Mapping[str, Sequence[str]] | None = None) -> Group:
    """The rubric of an example: criterion id -> points. A theme's own score is that of ``restrict(rubric, tag)``."""
    tags = tags or {}
    return Group(name, tuple(Fact(id, worth, tags=tuple(tags.get(id, ()))) for id, worth in points.items()))


def healthbench_mean(tallies: Iterable[Tally]) -> Mean:
    """The mean over examples, clipped to [0, 1] after averaging."""
    return mean(tallies, clip=(0, 1))
