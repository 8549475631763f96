"""Any question task as a task for base models, in three forms."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from assay.benchmarks.likelihood.forms import Form, asking, samples_in
from assay.benchmarks.likelihood.score import Normalise, bits_scorer, option_scorer
from assay.benchmarks.registry import benchmark, load_task
from assay.errors import UsageError
from assay.records import DatasetInfo, Metric, Outcome, Sampling
from assay.task import Task

_VERSION = "1"
_PREFIX = "base_"
_OWN = frozenset(("data", "base", "form", "normalise", "shots", "offline"))


@benchmark("likelihood", "any question task for base models: likeliest option, cloze, or bits per byte")
def likelihood(
    data: Path | None = None,
    base: str = "mcq",
    form: Form = "cloze",
    normalise: Normalise | None = None,
    shots: int = 0,
    offline: bool = False,
    **base_params: Any,
) -> Task:
    """Wrap a task: its questions, answered by probability instead of by writing.

    Args:
        data: The base task's data.
        base: The task to wrap.
        form: ``choices`` (options listed, probability of the letter), ``cloze`` (probability of the option's
            text) or ``bpb`` (bits per byte of the gold answer).
        normalise: For cloze, what makes options of different length comparable: ``char`` (the default),
            ``token``, ``pmi`` or ``raw``. The others are reported beside it.
        shots: The base task's first so many samples become worked examples and are not asked.
        offline: Passed to the base task.
        base_params: Parameters of the base task. ``base_shots`` and the like pass on one that is also a
            parameter of this one.
    """
    if base.partition("/")[0] == "likelihood":
        raise UsageError("likelihood: the base is likelihood itself")
    if shots < 0:
        raise UsageError(f"likelihood: shots={shots} is negative")
    if normalise is not None and form != "cloze":
        raise UsageError(f"likelihood: normalise is for form=cloze; form={form} has nothing to normalise")
    inner_params = {key.removeprefix(_PREFIX): value for key, value in base_params.items()}
    inner = load_task(base, data=data, params=inner_params, offline=offline)
    scale: Normalise = "raw" if form == "choices" else normalise or "char"
    params = {"form": form, "shots": shots} | ({"normalise": scale} if form == "cloze" else {})
    passed_on = {_PREFIX + key if key in _OWN else key: value for key, value in inner.params.items()}
    return replace(
        inner,
        name=f"likelihood/{base}",
        version=f"{_VERSION}+{inner.version}",
        samples=lambda: samples_in(form, inner.samples(), shots),
        protocol=asking(form),
        scorers={"robust": bits_scorer if form == "bpb" else option_scorer(form, scale)},
        mode="robust",
        metrics=_metrics(form, inner.metrics),
        sampling=Sampling(),
        dataset=_dataset(inner.dataset, shots),
        params=params | passed_on,
        size=None if inner.size is None else max(0, inner.size - shots),
        rows=None,
        reference=None,
    )


def _metrics(form: Form, inner: tuple[Metric, ...]) -> tuple[Metric, ...]:
    """The verdict overall and in the base task's groups; then what else the same calls say."""
    parts = [m for m in inner if m.value == "value" and m.kind != "auc" and not m.absent]
    groups = [metric for metric in parts if metric.by or metric.over or metric.where]
    greedy = Metric("greedy_match", value="greedy")
    if form == "bpb":
        grouped = [
            msgspec.structs.replace(
                m,
                name=m.name.replace("accuracy", "bits_per_byte"),
                better="lower",
                scale="number",
                denominator=(Outcome.SCORED,),
            )
            for m in groups
        ]
        return (
            Metric("bits_per_byte", better="lower", scale="number", denominator=(Outcome.SCORED,)),
            *grouped,
            greedy,
        )
    names = ("raw", "char", "token", "pmi") if form == "cloze" else ()
    others = [Metric(f"acc_{name}", value=f"acc_{name}") for name in names]
    return (Metric("accuracy"), *groups, *others, Metric("p_gold", value="p_gold"), greedy)


def _dataset(base: DatasetInfo | None, shots: int) -> DatasetInfo | None:
    if base is None or not shots:
        return base
    note = f"the first {shots} samples are worked examples in every prompt and are not asked themselves"
    identity = msgspec.json.encode([base.digest, shots])
    digest = hashlib.sha256(identity).hexdigest() if base.digest else None
    return msgspec.structs.replace(base, digest=digest, notes=(*base.notes, note))
