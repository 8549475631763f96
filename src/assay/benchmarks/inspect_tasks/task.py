"""The benchmark ``inspect``: a task of Inspect AI, from an installed package or from a file."""

from __future__ import annotations

import hashlib
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from assay.benchmarks.registry import benchmark, json_or_text
from assay.errors import MissingDependency
from assay.records import DatasetInfo, Metric, Sample, Sampling, Score, Trajectory
from assay.task import Conversant, Task

VERSION = "1"
TESTED = ((0, 3, 285), (0, 3, 286))
"""From this version of Inspect to before that one: its private names change without notice."""


@benchmark("inspect", summary="A task of Inspect AI: PACKAGE/TASK of an installed package, or FILE.py@TASK.")
def inspect(data: Path | None = None, subset: str = "", **arguments: Any) -> Task:
    """Build the task ``inspect/PACKAGE/TASK``.

    Args:
        data: A folder in which FILE.py is looked for.
        subset: PACKAGE/TASK or FILE.py@TASK.
        arguments: The task's own, as JSON where they are no text.

    Raises ``MissingDependency``, ``TaskNotFound``, ``DatasetNotFound``, and ``UsageError`` with the reason
    where the task is none that can be run here.
    """
    _require()
    from assay.benchmarks.inspect_tasks.loading import load, other_metrics, samples, scorer_keys
    from assay.benchmarks.inspect_tasks.score import score_of
    from assay.benchmarks.inspect_tasks.session import scored, solved
    from assay.benchmarks.inspect_tasks.wire import messages_of, sampling_of

    given = {key: json_or_text(value) for key, value in arguments.items()}
    place = str(data / subset) if data is not None and ".py" in subset else subset
    task = load(place, given)

    async def protocol(sample: Sample, model: Conversant) -> Trajectory:
        epoch = model.trajectory(()).epoch
        state = await solved(task, task.dataset[sample.metadata["place"]], epoch, model.generate)
        return model.trajectory(messages_of(state.messages))

    async def score(sample: Sample, trajectory: Trajectory) -> Score:
        original = task.dataset[sample.metadata["place"]]
        _, scores = await scored(task, original, trajectory.epoch, trajectory.calls)
        return score_of(scores, trajectory.response if trajectory.calls else None)

    keys = scorer_keys(task)
    others = other_metrics(task)
    notes = [f"not reported, being no plain means: {', '.join(others)}"] if others else []
    if task.epochs:
        notes.append(f"its authors ask for {task.epochs} epochs: --epochs {task.epochs}")
    return Task(
        name=f"inspect/{subset}",
        version=f"{VERSION}+inspect_ai {version('inspect_ai')}+{_source(place)}",
        samples=lambda: samples(task),
        protocol=protocol,
        scorers={"official": score},
        mode="official",
        metrics=_metrics(keys),
        sampling=Sampling(**sampling_of(task.config)),
        dataset=DatasetInfo(
            task.dataset.location or task.dataset.name or subset, _digest(list(samples(task))), notes=tuple(notes)
        ),
        params=given,
        size=len(task.dataset),
    )


def _require() -> None:
    if find_spec("inspect_ai") is None:
        raise MissingDependency("inspect tasks need Inspect AI: pip install 'assay[inspect]'")
    found = version("inspect_ai")
    numbers = tuple(int(part) for part in found.split(".")[:3] if part.isdigit())
    if not TESTED[0] <= numbers < TESTED[1]:
        raise MissingDependency(
            f"inspect tasks were tested with inspect-ai {'.'.join(map(str, TESTED[0]))}, not {found}: "
            "pip install 'assay[inspect]'"
        )


def _source(place: str) -> str:
    """Which version of the task this is: of its file's bytes, or of its package."""
    file, _, _ = place.partition("@")
    if file.endswith(".py"):
        return hashlib.sha256(Path(file).read_bytes()).hexdigest()[:8]
    package = place.partition("/")[0]
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return package


def _metrics(keys: dict[str, list[str]]) -> tuple[Metric, ...]:
    """The first scorer's value, and every scorer's or key's where there are several."""
    named = [f"{name}/{key}" if key else name for name, parts in keys.items() for key in parts or [""]]
    first = Metric("score")
    return (first, *(Metric(name, name) for name in named)) if len(named) > 1 else (first,)


def _digest(records: list[Sample]) -> str:
    total = hashlib.sha256()
    for record in records:
        total.update(msgspec.json.encode(record, order="sorted"))
    return total.hexdigest()
