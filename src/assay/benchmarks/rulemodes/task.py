"""The run modes as benchmarks that wrap a task: ``composed/BASE``, ``hinted/BASE``, ``stepwise/BASE``,
``self-correct/BASE``.

Whatever a wrapper does not know of goes to the task inside. Scorers, their modes, sampling and data remain
the base's; versions are put together, since a change in either changes what a number means.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from assay.benchmarks.registry import benchmark
from assay.benchmarks.rulemodes import composed as composing
from assay.benchmarks.rulemodes.base import all_params, load_base, require_chat, wrapped_dataset
from assay.benchmarks.rulemodes.by_id import read_by_id
from assay.benchmarks.rulemodes.correct import by_round, corrected, round_metrics
from assay.benchmarks.rulemodes.hinted import hinted_samples
from assay.benchmarks.rulemodes.prompts import WRONG
from assay.benchmarks.rulemodes.stepwise import Carry, step_metrics, step_protocol, stepwise_samples, stepwise_scorer
from assay.errors import UsageError
from assay.records import Sample
from assay.task import Task

VERSION = "1"
"""Of all four; changes whenever a prompt, a draw or a verdict changes meaning."""


@benchmark("composed", summary="several questions of any task in one prompt, answered as one JSON object")
def composed(
    data: Path | None = None,
    base: str = "korgen",
    k: int = 3,
    n: int = 100,
    clusters: int | None = None,
    by: str | None = None,
    seed: int = 0,
    offline: bool = False,
    **base_params: Any,
) -> Task:
    """Wrap a task: its questions, ``k`` at a time.

    Args:
        data: The base task's data.
        base: The task to wrap; it asks single questions in text.
        k: Questions in a prompt.
        n: How many prompts.
        clusters: From so many clusters (such as rules) come the questions of a prompt; by default from wherever.
        by: The metadata key of clusters: the base's own unless given, else ``rule``.
        seed: Another seed draws other questions.
        offline: Passed to the base task.
        base_params: Parameters of the base task; ``base_seed`` and the like pass on one that this one has too.
    """
    if k < 1 or n < 1 or (clusters is not None and clusters < 1):
        raise UsageError("composed: k, n and clusters are numbers from 1")
    inner = load_base("composed", base, data, base_params, offline=offline)
    require_chat("composed", inner, single=True)
    key = by or inner.cluster or "rule"
    empty = offline and next(iter(inner.samples()), None) is None

    def samples() -> Iterable[Sample]:
        if empty:
            return ()
        return composing.compose(inner.samples(), k=k, n=n, clusters=clusters, by=key, seed=seed)

    own = {"k": k, "n": n, "clusters": clusters, "by": by, "seed": seed}
    longest = inner.sampling.max_tokens
    return replace(
        inner,
        name=f"composed/{base}",
        version=f"composed {VERSION}+{inner.version}",
        samples=samples,
        scorers={mode: composing.composed_scorer(scorer) for mode, scorer in inner.scorers.items()},
        metrics=composing.METRICS,
        sampling=msgspec.structs.replace(inner.sampling, max_tokens=None if longest is None else longest * k),
        dataset=wrapped_dataset(base, inner, own),
        params=all_params(own, inner, _names(composed)),
        cluster="cluster" if clusters == 1 else None,
        size=n,
        rows=None,
        reference=composing.composed_reference(inner.reference),
    )


@benchmark("hinted", summary="any task with a hint after each question")
def hinted(
    data: Path | None = None,
    base: str = "korgen",
    column: str = "hint",
    file: str | None = None,
    offline: bool = False,
    **base_params: Any,
) -> Task:
    """Wrap a task: each of its samples with a hint.

    Args:
        data: The base task's data.
        base: The task to wrap.
        column: The metadata key that holds a sample's hint, or the key beside ``id`` in a JSON Lines file.
        file: Hints by sample id: a JSON object, or JSON Lines with ``id`` and ``column``.
        offline: Passed to the base task.
        base_params: Parameters of the base task; ``base_file`` and the like pass on one that this one has too.
    """
    inner = load_base("hinted", base, data, base_params, offline=offline)
    hints = None if file is None else read_by_id(Path(file), column)
    own = {"column": column, "file": file}
    return replace(
        inner,
        name=f"hinted/{base}",
        version=f"hinted {VERSION}+{inner.version}",
        samples=lambda: hinted_samples(inner.samples(), column, hints),
        dataset=wrapped_dataset(base, inner, [column, hints]),
        params=all_params(own, inner, _names(hinted)),
        rows=None,
    )


@benchmark("stepwise", summary="any task whose questions are led up to in steps, each step judged")
def stepwise(
    data: Path | None = None,
    base: str = "qa",
    column: str = "steps",
    file: str | None = None,
    carry: Carry = "own",
    offline: bool = False,
    **base_params: Any,
) -> Task:
    """Wrap a task: the steps of each sample are asked first, then its question.

    Args:
        data: The base task's data.
        base: The task to wrap; it asks single questions in text.
        column: The metadata key that holds a sample's steps, or the key beside ``id`` in a JSON Lines file.
        file: Steps by sample id: a JSON object, or JSON Lines with ``id`` and ``column``.
        carry: What stays in the conversation: the model's ``own`` replies, or the ``gold`` answers.
        offline: Passed to the base task.
        base_params: Parameters of the base task; ``base_file`` and the like pass on one that this one has too.
    """
    inner = load_base("stepwise", base, data, base_params, offline=offline)
    require_chat("stepwise", inner, single=True)
    steps = None if file is None else read_by_id(Path(file), column)

    def samples() -> Iterable[Sample]:
        return stepwise_samples(inner.samples(), column, steps)

    own = {"column": column, "file": file, "carry": carry}
    return replace(
        inner,
        name=f"stepwise/{base}",
        version=f"stepwise {VERSION}+{inner.version}",
        samples=samples,
        protocol=step_protocol(carry),
        scorers={mode: stepwise_scorer(scorer) for mode, scorer in inner.scorers.items()},
        metrics=(*inner.metrics[:1], *step_metrics(samples()), *inner.metrics[1:]),
        dataset=wrapped_dataset(base, inner, [column, steps]),
        params=all_params(own, inner, _names(stepwise)),
        rows=None,
    )


@benchmark("self-correct", summary="any task; a model that is wrong is told so and may try again")
def self_correct(
    data: Path | None = None,
    base: str = "korgen",
    rounds: int = 5,
    judge: str | None = None,
    offline: bool = False,
    **base_params: Any,
) -> Task:
    """Wrap a task: after a wrong reply the user says that it is wrong, and nothing else.

    Args:
        data: The base task's data.
        base: The task to wrap; it asks for replies in words.
        rounds: Replies at most, the first included.
        judge: The base's scorer mode that decides whether a reply is wrong; its usual one by default.
        offline: Passed to the base task.
        base_params: Parameters of the base task; ``base_rounds`` and the like pass on one that this one has too.
    """
    if rounds < 1:
        raise UsageError("self-correct: rounds is a number from 1")
    inner = load_base("self-correct", base, data, base_params, offline=offline)
    require_chat("self-correct", inner, single=False)
    if (judge or inner.mode) not in inner.scorers:
        raise UsageError(f"self-correct: {inner.name} has no mode {judge!r}; it has: {', '.join(inner.scorers)}")
    own = {"rounds": rounds, "judge": judge}
    return replace(
        inner,
        name=f"self-correct/{base}",
        version=f"self-correct {VERSION}+{inner.version}",
        protocol=corrected(inner.protocol, inner.scorers[judge or inner.mode], rounds, _says_wrong),
        scorers={mode: by_round(scorer, rounds, _says_wrong) for mode, scorer in inner.scorers.items()},
        metrics=(*inner.metrics[:1], *round_metrics(rounds), *inner.metrics[1:]),
        dataset=wrapped_dataset(base, inner, own),
        params=all_params(own, inner, _names(self_correct)),
        rows=None,
    )


def _says_wrong(sample: Sample) -> str:
    return WRONG


def _names(wrapper: Callable[..., Task]) -> frozenset[str]:
    """The parameters that a wrapper takes itself."""
    every = inspect.signature(wrapper).parameters.values()
    return frozenset(p.name for p in every if p.kind is not p.VAR_KEYWORD)
