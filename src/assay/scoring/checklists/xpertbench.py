"""XpertBench (arXiv 2604.02368): criteria weighted 1 to 10; a response is worth the weighted share that it meets.

The published score has no gate, so that many optional points can outweigh a missing essential. Here failed
essentials are reported beside the score (``Tally.failed_gates``, ``gates_passed``) and do not change it.
A criterion of the kind "must not ..." is met where it was avoided. The benchmark's score is the mean over tasks.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from assay.errors import DatasetMalformed
from assay.scoring.checklist import Fact, Group


def xpertbench(
    name: str,
    weights: Mapping[str, int],
    essential: Collection[str] = (),
    tags: Mapping[str, Sequence[str]] | None = None,
) -> Group:
    """The rubric of a task: criterion id -> weight. Raises ``DatasetMalformed`` for a weight that is not 1 to 10."""
    tags = tags or {}
    for criterion, weight in weights.items():
        if weight not in range(1, 11):
            raise DatasetMalformed(f"rubric {name!r}: the weight of {criterion!r} is {weight!r}, not 1 to 10")
    if strange := [criterion for criterion in essential if criterion not in weights]:
        raise DatasetMalformed(f"rubric {name!r}: essential but without a weight: {strange[0]!r}")
    parts = (
        Fact(id, weight, "required" if id in essential else None, tags=tuple(tags.get(id, ())))
        for id, weight in weights.items()
    )
    return Group(name, tuple(parts), gates="report")
