"""What tasks made of a user's own file have in common; shared by ``mcq`` and ``qa``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from assay.benchmarks.mcq.data import UserFile, open_file
from assay.errors import DatasetNotFound, UsageError
from assay.protocols import plain_completion, single_question
from assay.records import DatasetInfo, Metric, Sample, Sampling
from assay.task import Scorer, Task


def user_task(
    name: str,
    data: Path | None,
    read: Callable[[UserFile], Iterator[Sample]],
    scorer: Scorer,
    *,
    offline: bool,
    file: str | None,
    shots: int,
    completion: bool,
    by: str | None,
    cluster: str | None,
    **params: Any,
) -> Task:
    """The task that asks what ``read`` makes of the user's file.

    ``offline`` gives a task without samples where there is no file. Raises ``DatasetNotFound``,
    ``DatasetMalformed`` or, for parameters that do not fit the file, ``UsageError``.
    """
    if shots < 0:
        raise UsageError(f"{name}: shots={shots} is negative")
    try:
        source = open_file(name, data, file)
    except DatasetNotFound:
        if not offline:
            raise
        source = None
    given = {"shots": shots, "completion": completion, "by": by, "cluster": cluster, **params}
    return Task(
        name=name,
        version="1",
        samples=lambda: read(source) if source else iter(()),
        protocol=plain_completion if completion else single_question,
        scorers={"robust": scorer},
        mode="robust",
        metrics=_metrics(source, by, cluster),
        sampling=Sampling(stop=("\n",)) if completion else Sampling(),
        dataset=_info(source, shots) if source else None,
        params={"file": source.path.name if source else file} | {k: v for k, v in given.items() if v},
        cluster=cluster,
        size=max(0, source.size - shots) if source and source.size is not None else None,
    )


def _metrics(source: UserFile | None, by: str | None, cluster: str | None) -> tuple[Metric, ...]:
    """Accuracy and, where a column groups the rows, accuracy by it (``category`` if none is named)."""
    columns = source.columns if source else tuple(column for column in (by, cluster) if column)
    for role, column in (("by", by), ("cluster", cluster)):
        if column is not None and column not in columns:
            raise UsageError(f"-t {role}={column}: the file has no such column; it has {', '.join(columns)}")
    group = by or ("category" if "category" in columns else None)
    overall = Metric("accuracy")
    return (overall, Metric("accuracy", by=group)) if group else (overall,)


def _info(source: UserFile, shots: int) -> DatasetInfo:
    note = f"the first {shots} rows are worked examples in every prompt and are not asked themselves"
    return DatasetInfo(str(source.path), source.digest, notes=(note,) if shots else ())
