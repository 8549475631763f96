"""The control as a benchmark that wraps a task: ``swapped/BASE``."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from assay.benchmarks.registry import benchmark
from assay.benchmarks.rulemodes.base import all_params, load_base, wrapped_dataset
from assay.benchmarks.swapped.swap import Part, swapped_samples
from assay.errors import UsageError
from assay.protocols import plain_completion, single_question
from assay.records import Sample
from assay.task import Task

VERSION = "1"


@benchmark("swapped", summary="a control: what must be read is another sample's, the gold answer is kept")
def swapped(
    data: Path | None = None,
    base: str = "korgen",
    part: Part = "question",
    within: str = "category",
    seed: int = 0,
    offline: bool = False,
    **base_params: Any,
) -> Task:
    """Wrap a task: its samples with a part exchanged.

    Args:
        data: The base task's data.
        base: The task to wrap; it asks single questions in text.
        part: ``question``; ``context``, everything around it; or ``options``, whose texts are moved round.
        within: The metadata key whose value a sample and its partner share.
        seed: Another seed takes other partners.
        offline: Passed to the base task.
        base_params: Parameters of the base task; ``base_seed`` and the like pass on one that this one has too.
    """
    inner = load_base("swapped", base, data, base_params, offline=offline)
    if inner.protocol not in (single_question, plain_completion):
        raise UsageError(f"swapped: {inner.name} asks in a way of its own, not a single question a sample")

    def samples() -> Iterator[Sample]:
        return swapped_samples(inner.samples(), part, cluster=inner.cluster, within=within, seed=seed)

    own = {"part": part, "within": within, "seed": seed}
    return replace(
        inner,
        name=f"swapped/{base}",
        version=f"swapped {VERSION}+{inner.version}",
        samples=samples,
        dataset=wrapped_dataset(base, inner, ["swapped", own]),
        params=all_params(own, inner, tuple(inspect.signature(swapped).parameters)),
        size=None,
        rows=None,
    )
