"""``assay preflight``: does a task's own scorer accept its own reference answers?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.common import Data, Json, Mode, TaskParams, console, pairs, plain_table, print_json

if TYPE_CHECKING:
    from assay.engine.preflight import Finding, PreflightReport


def preflight(
    task: Annotated[str, typer.Argument(help="The task, as `assay tasks` lists it.")],
    mode: Mode = None,
    data: Data = None,
    task_params: TaskParams = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first N samples.")] = None,
    allow: Annotated[
        float, typer.Option(min=0, max=1, help="Share of reference answers that may fail, for known wrong golds.")
    ] = 0.02,
    show: Annotated[int, typer.Option(min=0, help="Findings of each kind to show.")] = 20,
    json: Json = False,
) -> None:
    """Put a task's reference answers, wrong ones and hostile strings through its scorer; no model is asked.

    Exit code 2 where the task is refused: too many references do not score 1, most wrong answers do, or a
    reply that answers nothing does.

    \b
    assay preflight korbench --data KORBENCH --mode robust
    assay preflight mcq --data my.jsonl --allow 0
    """
    from assay.benchmarks.registry import load_task
    from assay.cli.progress import Bar
    from assay.cli.run import check_mode, run_async
    from assay.engine.preflight import preflight as check
    from assay.engine.preflight import remember, require_passed

    found = load_task(task, data=data, params=pairs(task_params, "-t"))
    check_mode(found, mode)
    total = found.size if limit is None or found.size is None else min(limit, found.size)
    with Bar(f"checking {found.name}", total=total, quiet=json) as bar:
        report = run_async(check(found, mode, limit=limit, allowed=allow, advance=bar.advance))
    if json:
        print_json({"report": report, "reason": report.reason})
    else:
        _describe(report, show)
    require_passed(report)
    if limit is None:
        remember(found, report)


def _describe(report: PreflightReport, show: int) -> None:
    table = plain_table(
        f"{report.task}, version {report.version}, mode {report.mode}", ["", "tried", "amiss"], right=["tried", "amiss"]
    )
    table.add_row("reference answers that do not score 1", str(report.references), str(len(report.failed)))
    table.add_row("wrong answers that score 1", str(report.wrong), str(len(report.accepted)))
    table.add_row("hostile strings that score 1 or break the scorer", str(report.hostile), str(len(report.fooled)))
    console().print(table)
    if report.unchecked:
        console().print(f"{report.unchecked} samples have no reference to check", markup=False)
    for findings in (report.failed, report.accepted, report.fooled):
        _list(findings, show)


def _list(findings: Sequence[Finding], show: int) -> None:
    for finding in findings[:show]:
        value = "" if finding.value is None else f" {finding.value:g}"
        console().print(
            f"{finding.sample_id}: {finding.kind} {finding.reply!r}: {finding.outcome}{value}, {finding.explanation}",
            markup=False,
        )
    if len(findings) > show:
        console().print(f"... and {len(findings) - show} more (--show)", markup=False)
