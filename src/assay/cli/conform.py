"""``assay conform``: does our scorer agree with stored official verdicts?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from assay.cli.common import Data, Json, Mode, TaskParams, console, pairs, plain_table, print_json


def conform(
    task: Annotated[str, typer.Argument(help="The task whose scorer is checked.")],
    responses: Annotated[Path, typer.Option(help="Parquet, CSV or JSON Lines of responses with verdicts.")],
    verdict: Annotated[str, typer.Option(help="The column of official verdicts (true/false, 1/0).")],
    mode: Mode = None,
    columns: Annotated[
        list[str] | None, typer.Option("--map", metavar="ROLE=COLUMN", help="As in `assay import responses`.")
    ] = None,
    data: Data = None,
    task_params: TaskParams = None,
    limit: Annotated[int, typer.Option(min=0, help="Disagreeing samples to show.")] = 20,
    json: Json = False,
) -> None:
    """Compare our verdicts with stored official ones, row by row.

    Gold answers are those stored with the verdicts, where the file has them. Exit code 1 where any row
    disagrees, so that scripts can hold a scorer to its promise.

    \b
    assay conform korbench --responses responses.parquet --verdict official_correct --mode official-string
    """
    from assay.cli.importing import row_reader
    from assay.cli.progress import Bar
    from assay.cli.run import run_async
    from assay.measure.conformance import compare_verdicts

    reader = row_reader(task, data, pairs(task_params, "-t"), columns, beside=responses)
    with Bar("scoring", quiet=json) as bar:
        result = run_async(compare_verdicts(reader, responses, verdict, mode, bar.advance))
    facts: dict[str, Any] = {"task": task, **result.facts(limit), "notes": reader.notes()}
    if json:
        print_json(facts)
    else:
        _describe(facts)
    if facts["agreed"] < facts["n"]:
        raise typer.Exit(1)


def _describe(facts: dict[str, Any]) -> None:
    out = console()
    lower, upper = facts["interval"]
    out.print(
        f"{facts['task']}, mode {facts['mode']}: {facts['agreed']} of {facts['n']} verdicts agree "
        f"({100 * facts['agreement']:.3f} %, 95 % Wilson [{100 * lower:.3f}, {100 * upper:.3f}])",
        markup=False,
    )
    confusion = facts["confusion"]
    table = plain_table(None, ["", "we say right", "we say wrong"], right=["we say right", "we say wrong"])
    table.add_row("official right", str(confusion["right_right"]), str(confusion["right_wrong"]))
    table.add_row("official wrong", str(confusion["wrong_right"]), str(confusion["wrong_wrong"]))
    out.print(table)
    for reason, count in facts["left_out"].items():
        out.print(f"left out: {count} rows, {reason}", markup=False)
    for row in facts["disagreements"]:
        out.print(
            f"{row['model'] or ''} {row['sample_id']}: official {row['official']}, ours {row['ours']} "
            f"({row['outcome']}); answer {row['answer']!r}, gold {row['gold']!r}; {row['explanation'] or ''}",
            markup=False,
        )
    for note in facts["notes"]:
        print(f"note: {note}", file=sys.stderr)
