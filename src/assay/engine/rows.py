"""Rows of stored responses, matched to the samples that they answer.

The owners of a benchmark publish responses as tables; the task's ``RowMap`` says how a row names its
sample. A row may carry the gold answer as it stood when it was judged: that one is used, and where it
differs from today's data it is counted, so that nobody wonders where a number comes from.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from assay.engine.stored import StoredResponse
from assay.errors import DatasetMalformed, DatasetNotFound, UsageError
from assay.records import CallError, Outcome, Response, Sample
from assay.task import RowMap, Task

if TYPE_CHECKING:
    import polars as pl

Row = Mapping[str, Any]
ROLES = ("id", "response", "model", "target", "epoch")
"""What ``--map role=column`` may name."""

_USUAL = {
    "id": ("sample_id", "id"),
    "response": ("response", "output", "completion", "prediction", "text"),
    "model": ("model",),
    "target": (),
    "epoch": ("epoch",),
}


def open_rows(path: Path) -> pl.LazyFrame:
    """A table of responses: Parquet, CSV or JSON Lines. Raises ``DatasetNotFound``, ``DatasetMalformed``."""
    import polars as pl

    if not path.exists():
        raise DatasetNotFound(f"no file {path}")
    try:
        if path.suffix == ".parquet":
            return pl.scan_parquet(path, glob=False)
        if path.suffix in (".csv", ".gz"):
            return pl.scan_csv(path, glob=False)
        return pl.read_ndjson(path, infer_schema_length=None).lazy()
    except pl.exceptions.PolarsError as error:
        raise DatasetMalformed(f"{path}: {str(error).splitlines()[0]}") from None


@dataclass
class RowReader:
    """Turns rows into responses to the samples of one benchmark."""

    columns: Mapping[str, str]
    """Role -> column, as the user mapped them."""
    load: Callable[[Mapping[str, Any]], Task]
    """Builds the task for the parameters that a row was produced with."""
    own_gold: Counter[bool] = field(default_factory=Counter)
    """Rows that brought their own gold answer: whether it is the data's."""
    without_data: int = 0
    """Rows scored by what they say of their sample, the dataset being absent."""

    def __post_init__(self) -> None:
        self._samples: dict[int, dict[str, Sample]] = {}
        self._rows: RowMap | None = None

    def column(self, role: str, present: Mapping[str, Any] | list[str]) -> str | None:
        """The column for a role. Raises ``UsageError`` where the user's choice is not there."""
        chosen = self.columns.get(role)
        if chosen is not None:
            if chosen not in present:
                raise UsageError(f"--map {role}={chosen}: no such column; there are: {', '.join(present)}")
            return chosen
        return next((name for name in _USUAL[role] if name in present), None)

    def by_task(self, rows: Iterable[dict[str, Any]]) -> list[tuple[Task, list[dict[str, Any]]]]:
        """Rows grouped by the configuration of the task that they were produced with."""
        plain = self.load({})
        groups: dict[int, tuple[Task, list[dict[str, Any]]]] = {}
        for row in rows:
            task = self.load(plain.rows.params(row)) if plain.rows is not None else plain
            groups.setdefault(id(task), (task, []))[1].append(row)
        return list(groups.values())

    def responses(self, task: Task, rows: Iterable[Row]) -> Iterator[StoredResponse]:
        """The responses in rows; several to one sample are its epochs, in order, where no column says."""
        times: Counter[str] = Counter()
        for row in rows:
            stored = self.stored(task, row)
            if self.column("epoch", row) is None:
                times[stored.sample.id] += 1
                stored = StoredResponse(stored.sample, stored.response, times[stored.sample.id])
            yield stored

    def stored(self, task: Task, row: Row) -> StoredResponse:
        """The response in a row with its sample. Raises ``UsageError`` where the two do not match."""
        sample = self.sample(task, row)
        column = self.column("response", row)
        if column is None:
            raise UsageError(f"no column of responses: --map response=COLUMN; there are: {', '.join(row)}")
        epoch = self.column("epoch", row)
        return StoredResponse(sample, _response(row[column]), int(row[epoch]) if epoch else 1)

    def sample(self, task: Task, row: Row) -> Sample:
        """The sample that a row answers, with the gold answer that the row brings."""
        mapped = self.columns.get("id")
        if mapped is None and task.rows is not None:
            try:
                wanted = task.rows.sample_id(row)
            except KeyError as error:
                raise UsageError(f"{task.name} needs column {error} to tell samples: --map id=COLUMN") from None
        else:
            column = self.column("id", row)
            if column is None:
                raise UsageError(f"no column of sample ids: --map id=COLUMN; there are: {', '.join(row)}")
            wanted = str(row[column])
        known = self._known(task)
        if not known and task.rows is not None and (made := task.rows.sample(row)) is not None:
            self.without_data += 1
            return made
        sample = known.get(wanted)
        if sample is None:
            raise UsageError(f"{task.name} has no sample {wanted!r}, which a row names: --map id=COLUMN")
        gold = self._gold(task, row)
        if gold is None:
            return sample
        self.own_gold[gold == sample.target] += 1
        return sample if gold == sample.target else msgspec.structs.replace(sample, target=gold)

    def _gold(self, task: Task, row: Row) -> str | None:
        column = self.columns.get("target")
        if column is not None:
            return str(row[self.column("target", row) or column])
        return task.rows.target(row) if task.rows is not None else None

    def _known(self, task: Task) -> dict[str, Sample]:
        if id(task) not in self._samples:
            try:
                self._samples[id(task)] = {sample.id: sample for sample in task.samples()}
            except DatasetNotFound:
                if task.rows is None:
                    raise
                self._samples[id(task)] = {}
        return self._samples[id(task)]

    def noted(self, task: Task) -> Task:
        """The task with the reader's notes beside its dataset's own."""
        notes = self.notes()
        if task.dataset is None or not notes:
            return task
        dataset = msgspec.structs.replace(task.dataset, notes=(*task.dataset.notes, *notes))
        return dataclasses.replace(task, dataset=dataset)

    def notes(self) -> list[str]:
        """What a reader of the numbers should know about where samples and gold answers came from."""
        found = []
        if self.own_gold:
            differ = f"{self.own_gold[False]} of {self.own_gold.total()}"
            found.append(f"gold answers are those stored with the responses; in {differ} rows the data now differs")
        if self.without_data:
            rows = f"{self.without_data} rows were scored without the dataset"
            found.append(f"{rows}: of their questions, only what the rows bring is stored")
        return found


def by_model(frame: pl.LazyFrame, column: str | None) -> Iterator[tuple[str | None, Iterator[dict[str, Any]]]]:
    """The rows of each model in turn, in the file's order."""
    import polars as pl

    if column is None:
        yield None, frame.collect().iter_rows(named=True)
        return
    for name in frame.select(pl.col(column).unique(maintain_order=True)).collect()[column].to_list():
        yield str(name), frame.filter(pl.col(column) == name).collect().iter_rows(named=True)


def _response(value: Any) -> Response:
    if value is None:
        return Response(error=CallError("NoResponse", "the row holds no response", Outcome.INFRA_FAILED))
    if isinstance(value, Mapping):  # as some owners keep a failed call; a text that says so is a model's own
        return Response(error=CallError("NoResponse", str(value.get("error", value)), Outcome.INFRA_FAILED))
    return Response(text=value if isinstance(value, str) else str(value))
