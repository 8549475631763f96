"""``assay import``: stored responses become runs."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from assay.cli.common import Data, Json, Mode, TaskParams, pairs, print_json
from assay.errors import UsageError

if TYPE_CHECKING:
    from assay.engine.rows import RowReader
    from assay.task import Task

import_ = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@import_.callback()
def group() -> None:
    """Make runs of what exists already.

    \b
    assay import responses responses.parquet --task korbench
    """


@import_.command("responses")
def responses(
    file: Annotated[Path, typer.Argument(help="Parquet, CSV or JSON Lines: one response a row.")],
    task: Annotated[str, typer.Option(help="The task whose samples the rows answer.")],
    columns: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="ROLE=COLUMN",
            help="Which column is what: id, response, model, target (gold answer), epoch. Repeatable.",
        ),
    ] = None,
    model: Annotated[str | None, typer.Option(help="The model's name, where no column says it.")] = None,
    data: Data = None,
    out: Annotated[Path, typer.Option(help="The folder that gets the runs.")] = Path("runs"),
    task_params: TaskParams = None,
    mode: Mode = None,
    json: Json = False,
) -> None:
    """Make one run a model out of stored responses, scored as if they had just been generated.

    A benchmark knows the columns of its owners' files; --map says the rest. Where rows bring the gold
    answer of their time, that one is used, and the difference from today's data is reported.

    \b
    assay import responses responses.parquet --task korbench
    assay import responses answers.jsonl --task mcq --data my.jsonl --map response=reply --model my-model
    """
    from assay.cli.progress import Bar
    from assay.cli.run import check_mode, run_async
    from assay.cli.show import describe, run_summary
    from assay.engine.job import Plan, default_folder
    from assay.engine.rows import by_model, open_rows
    from assay.engine.stored import import_run

    reader = row_reader(task, data, pairs(task_params, "-t"), columns, beside=file)
    frame = open_rows(file)
    names = frame.collect_schema().names()
    column = reader.column("model", names)
    if column is None and model is None:
        raise UsageError(
            f"no column names the model: --map model=COLUMN or --model NAME; there are: {', '.join(names)}"
        )
    folders = []
    with Bar("importing", quiet=json) as bar:
        for name, rows in by_model(frame, column):
            for loaded, group in reader.by_task(rows):
                check_mode(loaded, mode)
                stored = list(reader.responses(loaded, group))
                named = f"import/{name or model}"
                folder = default_folder(out, loaded, named, {"file": file.name}, loaded.sampling, mode)
                plan = Plan(reader.noted(loaded), named, folder, {"file": str(file)}, mode=mode)
                run_async(import_run(plan, stored, bar.advance))
                folders.append(folder)
    if json:
        print_json([run_summary(folder).facts() for folder in folders])
        return
    for folder in folders:
        describe(run_summary(folder))
    for note in reader.notes():
        print(f"note: {note}", file=sys.stderr)
    print(f"{len(folders)} runs in {out}")


def row_reader(
    name: str, data: Path | None, params: Mapping[str, Any], columns: list[str] | None, *, beside: Path
) -> RowReader:
    """A reader of stored rows for the benchmark ``name``. Raises ``UsageError``.

    Where the dataset is in none of its usual places, the folder of the file ``beside`` is looked into too:
    owners often publish both together.
    """
    from functools import cache

    from assay.benchmarks.registry import load_task
    from assay.engine.rows import ROLES, RowReader
    from assay.errors import DatasetNotFound

    mapping = pairs(columns, "--map")
    unknown = set(mapping) - set(ROLES)
    if unknown:
        raise UsageError(f"--map knows {', '.join(ROLES)}, not {', '.join(sorted(unknown))}")

    @cache
    def loaded(key: bytes) -> Task:
        given = {**msgspec.json.decode(key), **params}
        try:
            task = load_task(name, data=data, params=given, offline=True)
            if data is not None or next(iter(task.samples()), None) is not None:
                return task
        except DatasetNotFound:
            if data is not None:
                raise
            return load_task(name, data=beside.parent, params=given, offline=True)
        with suppress(DatasetNotFound):
            return load_task(name, data=beside.parent, params=given, offline=True)
        return task

    return RowReader(mapping, lambda found: loaded(msgspec.json.encode(dict(found), order="sorted")))
