"""The case table with what its scenarios derive: columns ``derived:NAME`` and ``label:NAME``.

The invariant: a column is null where its scenario does not apply, where its rule cannot decide, and, for what
needs trajectories, where none were given.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.analyze.scenarios.base import Row, Scenario, Seen
from assay.analyze.scenarios.choose import choose

if TYPE_CHECKING:
    import polars as pl

Override = Mapping[str, str | Sequence[str]] | str | None
"""For all tasks, or by the task's name."""


def scenarios_of(cases: pl.DataFrame, override: Override = None) -> dict[str, tuple[Scenario, ...]]:
    """The scenarios of each task in a case table."""
    import polars as pl

    found = {}
    for task in cases["task"].unique(maintain_order=True).to_list():
        told = override.get(task) if isinstance(override, Mapping) else override
        found[task] = choose(cases.filter(pl.col("task") == task), told)
    return found


def enrich(cases: pl.DataFrame, trajectories: Iterable[Seen] = (), *, scenario: Override = None) -> pl.DataFrame:
    """The case records with the columns of their tasks' scenarios.

    Args:
        cases: case records; columns of an earlier ``enrich`` are made anew.
        trajectories: what runs hold beyond the records (``seen``), in any order, streamed once; of cases that
            it leaves out, the records alone are read.
        scenario: the scenario, or scenarios by task, in place of those chosen.

    Raises ``UsageError`` for a scenario that does not exist.
    """
    import polars as pl

    of_task = scenarios_of(cases, scenario)
    every = {one.name: one for several in of_task.values() for one in several}
    columns = list(dict.fromkeys(column for one in every.values() for column in one.columns))
    if not columns:
        return cases
    cases = cases.drop(columns, strict=False)
    facts = {
        name: one.facts(cases.filter(pl.col("task").is_in([t for t, several in of_task.items() if one in several])))
        for name, one in every.items()
    }
    ids = cases["case"].to_list()
    place = {case: at for at, case in enumerate(ids)}
    values: dict[str, list[Any]] = {column: [None] * len(ids) for column in columns}
    done = bytearray(len(ids))

    def fill(at: int, record: Mapping[str, Any], seen: Seen | None) -> None:
        key = record["model"], record["task"], record["sample_id"]
        done[at] = 1
        for one in of_task[record["task"]]:
            for column, value in one.values(Row(record, seen, facts[one.name].get(key, {}))).items():
                values[column][at] = value

    for one in trajectories:
        at = place.get(one.case)
        if at is not None:
            fill(at, cases.row(at, named=True), one)
    for at, record in enumerate(cases.iter_rows(named=True)):
        if not done[at]:
            fill(at, record, None)
    return cases.with_columns([_column(name, found) for name, found in values.items()])


def seen(runs: Sequence[Path], cases: pl.DataFrame, *, scenario: Override = None) -> Iterator[Seen]:
    """What the runs of a case table hold of its cases, where a scenario needs more than the record.

    Args:
        runs: the folders, in the order in which ``cases.case_table`` was given them.
        cases: that table.
        scenario: as for ``enrich``.
    """
    from assay.store.folder import read_manifest
    from assay.store.frames import trajectories

    needed = {
        task for task, several in scenarios_of(cases, scenario).items() if any(s.reads_trajectories for s in several)
    }
    for number, run in enumerate(runs):
        manifest = read_manifest(run)
        if manifest.task.name not in needed:
            continue
        for sample, trajectory, line in trajectories(run):
            case = f"{number}:{sample.id}" + (f"#{trajectory.epoch}" if manifest.epochs > 1 else "")
            yield Seen(case, sample, trajectory, line.score)


def _column(name: str, values: list[Any]) -> pl.Series:
    import polars as pl

    kinds = {type(value) for value in values if value is not None}
    if name.startswith("label:") or kinds == {bool}:
        return pl.Series(name, values, dtype=pl.Boolean)
    if kinds <= {float, int, bool}:
        return pl.Series(name, values, dtype=pl.Float64, strict=False)
    return pl.Series(name, [None if value is None else str(value) for value in values], dtype=pl.String)
