"""From ``PACKAGE/TASK`` or ``FILE.py@TASK`` to Inspect's task, its refusal, or its samples as ours.

What cannot be run here is said before the first call, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from inspect_ai import Task
from inspect_ai._eval.loader import load_tasks
from inspect_ai._eval.task.util import sample_messages
from inspect_ai._util.registry import is_registry_object, registry_info, registry_params
from inspect_ai.dataset import Sample as InspectSample

from assay.benchmarks.inspect_tasks.wire import messages_of, sampling_of
from assay.errors import AssayError, DatasetNotFound, TaskNotFound, UsageError
from assay.records import Sample

_GRADED = ("inspect_ai/model_graded_qa", "inspect_ai/model_graded_fact")
_PLAIN_METRICS = frozenset(("accuracy", "mean", "stderr", "bootstrap_stderr", "std", "var", "ci", "ci_wilson"))
"""Means and their certainty, which Assay has its own of."""


def load(name: str, arguments: Mapping[str, Any]) -> Task:
    """Inspect's task. Raises ``TaskNotFound``, ``DatasetNotFound`` or, where it cannot be run, ``UsageError``."""
    try:
        found = load_tasks([name], dict(arguments))
    except AssayError:
        raise
    except TypeError as error:  # an argument that the task does not have
        raise UsageError(f"inspect/{name}: {error}") from None
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else ""
        raise DatasetNotFound(f"inspect/{name} cannot be loaded: {type(error).__name__}: {reason}") from None
    if len(found) != 1:
        raise TaskNotFound(
            f"inspect: {len(found)} tasks answer to {name!r}: "
            "write PACKAGE/TASK of an installed package, or FILE.py@TASK with the folder as --data"
        )
    task = found[0]
    taken = registry_params(task) if is_registry_object(task) else {}
    if strange := sorted(set(arguments) - set(taken)):
        raise UsageError(f"inspect/{name} has no parameter {strange[0]!r}")
    if reasons := unsupported(task):
        raise UsageError(f"inspect/{name} cannot be run here: {'; '.join(reasons)}")
    return task


def unsupported(task: Task) -> list[str]:
    """Why a task cannot be run here; empty if it can."""
    samples = list(task.dataset)
    found = []
    if task.sandbox is not None or any(s.sandbox is not None or s.files or s.setup for s in samples):
        found.append("it needs a sandbox: containers are Inspect's to start and to clean up")
    if task.sample_source is not None:
        found.append("it makes samples of results, so its samples are not known beforehand")
    if task.approval or task.review:
        found.append("it has tool calls approved or reviewed, by whom nothing is journalled")
    if task.model is not None or task.model_roles:
        found.append("it chooses models of its own (model, model_roles): a run has one model")
    limits = [name for name in ("time_limit", "working_limit", "cost_limit") if getattr(task, name)]
    if limits:
        found.append(f"{', '.join(limits)}: they do not come out the same when replayed")
    if task.early_stopping is not None:
        found.append("early_stopping: which samples are asked would depend on scores")
    if not task.scorer:
        found.append("it has no scorer")
    graded = [name for scorer in task.scorer or () if (name := _name(scorer)) in _GRADED]
    if graded:
        found.append(f"{graded[0]}: its scorer asks a model; Assay's judges do that (docs/judges.md)")
    try:
        sampling_of(task.config)
        for sample in samples:
            messages_of(sample_messages(sample))
    except UsageError as error:
        found.append(str(error).removeprefix("inspect: "))
    return found


def _name(made: Any) -> str | None:
    return registry_info(made).name if is_registry_object(made) else None


def scorer_keys(task: Task) -> dict[str, list[str]]:
    """Each scorer's name, with the keys of its value where it is known to give several."""
    from inspect_ai.scorer._scorer import unique_scorer_name

    keys: dict[str, list[str]] = {}
    for scorer in task.scorer or ():
        keys[unique_scorer_name(scorer, list(keys))] = [
            key
            for group in _metric_groups(scorer)
            for key in (group if isinstance(group, dict) else ())
            if not set("*?[") & set(key)
        ]
    return keys


def other_metrics(task: Task) -> list[str]:
    """Metrics of the task's own that are no plain mean."""
    found = []
    for scorer in task.scorer or ():
        for group in _metric_groups(scorer):
            metrics = [m for part in group.values() for m in part] if isinstance(group, dict) else [group]
            found += [name.rpartition("/")[2] for metric in metrics if (name := _name(metric)) is not None]
    return sorted(set(found) - _PLAIN_METRICS)


def _metric_groups(scorer: Any) -> list[Any]:
    metrics = registry_info(scorer).metadata.get("metrics") if is_registry_object(scorer) else None
    return metrics if isinstance(metrics, list) else [metrics] if metrics else []


def samples(task: Task) -> Iterator[Sample]:
    """Stream the dataset as records; samples without an id are numbered from 1, as Inspect does."""
    seen: set[str] = set()
    for place, sample in enumerate(task.dataset):
        name = str(sample.id if sample.id is not None else place + 1)
        if name in seen:
            raise UsageError(f"inspect: two samples of the dataset have the id {name!r}")
        seen.add(name)
        yield _record(sample, name, place)


def _record(sample: InspectSample, name: str, place: int) -> Sample:
    messages = messages_of(sample_messages(sample))
    metadata = msgspec.to_builtins(sample.metadata or {}, str_keys=True, enc_hook=str)
    return Sample(
        name,
        sample.input if isinstance(sample.input, str) else messages,
        sample.target if isinstance(sample.target, str) else tuple(sample.target),
        tuple(sample.choices or ()),
        {**metadata, "question": next((m.text for m in reversed(messages) if m.role == "user"), ""), "place": place},
    )
