"""ProfBench (NVIDIA): criteria of four levels, a response is worth the weighted share that it fulfils.

The overall score is the mean of domains, a domain the mean of its tasks, a task the mean of its responses:
``nested_mean``. The plain rate per type of criterion is ``fulfilment`` of the restricted rubric.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from assay.errors import DatasetMalformed
from assay.scoring.checklist import Fact, Group

WEIGHTS = {"Critical": 4, "Major": 3, "Minor": 2, "Additional": 1}


def profbench(name: str, levels: Mapping[str, str], types: Mapping[str, Sequence[str]] | None = None) -> Group:
    """The rubric of a task: criterion id -> level. Raises ``DatasetMalformed`` for a level that is none of the four."""
    types = types or {}
    parts = []
    for criterion, level in levels.items():
        if level not in WEIGHTS:
            raise DatasetMalformed(
                f"rubric {name!r}: {criterion!r} has level {level!r}, not one of {', '.join(WEIGHTS)}"
            )
        parts.append(Fact(criterion, WEIGHTS[level], tags=(level, *types.get(criterion, ()))))
    return Group(name, tuple(parts))


def bias_index(biases: Mapping[str, float]) -> float:
    """How unevenly a judge treats the models that it judges: the range of its mean (predicted - human) by model.

    A judge's quality is its macro-F1 minus this, both in points.
    """
    return max(biases.values()) - min(biases.values())
