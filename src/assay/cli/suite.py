"""``assay suite``: trees of weighted tasks, run as one plan and read as one table."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.common import Json, console, pairs, print_json
from assay.errors import RunIncomplete, StorageFailed, UsageError

if TYPE_CHECKING:
    from assay.define.suite import Suite
    from assay.define.suite_folder import NotStarted

suite = typer.Typer(
    help=(
        "Run and read suites: trees of tasks with weights, such as seed2.0.\n\n"
        "assay suite coverage seed2.0 · assay suite run my.yaml --model openai/gpt-4o -o runs/mine · "
        "assay suite show runs/mine"
    ),
    rich_markup_mode=None,
    no_args_is_help=True,
)

SuiteName = Annotated[str, typer.Argument(metavar="SUITE", help="A YAML file, or a suite that comes with Assay.")]


@suite.command()
def run(
    name: SuiteName,
    model: Annotated[str, typer.Option("--model", "-m", help="provider/name, as `assay models` lists them.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the suite: one run folder for each task.")],
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="PLACE", help="Only this node, such as 'Language / Math'. Repeatable."),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first N samples of each task.")] = None,
    thinking: Annotated[
        str | None, typer.Option(metavar="MODE", help="One of the suite's thinking modes, for every task.")
    ] = None,
    model_params: Annotated[
        list[str] | None,
        typer.Option("-p", metavar="NAME=VALUE", help="Sampling or provider option; goes before the suite's own."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Folder that holds a folder of data for each task (else as `assay run`).")
    ] = None,
    concurrency: Annotated[int | None, typer.Option(min=1, help="Most calls in flight.")] = None,
    retry_for: Annotated[float, typer.Option(min=0, help="Seconds that a failing call is tried again.")] = 300.0,
    max_cost: Annotated[
        float | None, typer.Option(min=0, help="Stop when this command has spent so many dollars.")
    ] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Stop after so many tokens, in and out.")] = None,
    max_time: Annotated[str | None, typer.Option(help="Stop after a time, such as 90s, 30m or 2h.")] = None,
    prices: Annotated[Path | None, typer.Option(help="Your own price table (TOML).")] = None,
    preflight: Annotated[bool, typer.Option(help="First put each task's reference answers through its scorer.")] = True,
    json: Json = False,
) -> None:
    """Run every task of a suite that exists here, as one plan, and show the tree.

    The same command again asks only for what is missing. A task that cannot be started (no data, no
    package) is named and left out; it never counts as 0. Exit code 3: something is still missing.

    \b
    assay suite run seed2.0 --model openai/my-model -o runs/seed --data DATA --thinking think-high
    assay suite run my.yaml --model scripted/constant -o runs/mine --limit 5
    """
    from assay.cli.run import carry_out, run_async, seconds
    from assay.cli.suite_plan import Wishes, plan_suite, without_failing_references
    from assay.define.suite import find_suite
    from assay.define.suite_folder import SCHEMA_VERSION, SuiteRun, write_suite_run
    from assay.engine.budget import Budget
    from assay.engine.endpoint import Pace, RetryPolicy

    os.environ.setdefault("POLARS_MAX_THREADS", "2")  # sealing streams: more threads only hold more memory
    found, file = find_suite(name)
    wishes = Wishes(model, pairs(model_params, "-p"), out, data, limit, thinking, tuple(only or ()), prices)
    _same_suite(out, found, model)
    budget = Budget(max_cost, max_tokens, None if max_time is None else seconds(max_time))
    planned = plan_suite(found, file, wishes)
    if max_cost is not None and any(plan.price is None for plan in planned.plans):
        raise UsageError(f"--max-cost needs a price for {model}: give one with --prices FILE")
    if preflight:
        run_async(without_failing_references(planned, found))
    _name_failures(planned.failed)
    if not planned.plans:
        raise RunIncomplete(f"nothing of {found.name} can be run here: `assay suite coverage {name}` says why")
    write_suite_run(out, SuiteRun(SCHEMA_VERSION, found, model, (*planned.absent, *planned.failed)))
    pace = Pace(concurrency, RetryPolicy(patience=retry_for))
    report, _ = run_async(carry_out(planned.plans, {model: planned.options}, pace, budget, "off", quiet=json))
    if isinstance(report.error, StorageFailed):
        raise report.error
    _show_run(out, json=json)
    if report.error is not None:
        raise report.error
    if report.stopped is not None:
        print(f"assay: stopped by {report.stopped}; the same command goes on", file=sys.stderr)
        raise typer.Exit(130 if report.stopped in ("SIGINT", "SIGTERM") else RunIncomplete.exit_code)
    _require_whole(out, found, planned.failed)


@suite.command()
def show(
    name: Annotated[str, typer.Argument(metavar="SUITE|DIR", help="A suite, or the folder of one that was run.")],
    json: Json = False,
) -> None:
    """Show a suite's tree: as it is written, or, for a folder that was run, with scores.

    A node's score is the mean over the weight that was measured, and says how much that is; what was
    not run, failed or does not exist is named, and never a 0. SE: standard error, from the leaves' own.

    \b
    assay suite show seed2.0
    assay suite show runs/mine --json
    """
    if Path(name).is_dir():
        _show_run(Path(name), json=json)
        return
    from assay.cli.suite_results import settings_table
    from assay.define.suite import find_suite

    found, file = find_suite(name)
    if json:
        print_json(found)
        return
    out = console()
    out.print(found.name + (f": {found.about}" if found.about else ""), style="bold", markup=False)
    if found.source:
        out.print(f"source: {found.source}", markup=False)
    out.print(settings_table(found.root))
    for mode, sent in found.thinking.items():
        out.print(f"thinking {mode}: " + ", ".join(f"{key}={value}" for key, value in sent.items()), markup=False)
    out.print(f"file: {file}", markup=False)


@suite.command()
def coverage(name: SuiteName, json: Json = False) -> None:
    """Show which of a suite's tasks exist here, which do not and why, and the weight that they carry.

    \b
    assay suite coverage seed2.0
    assay suite coverage my.yaml --json
    """
    from assay.cli.suite_results import coverage_table
    from assay.define.coverage import coverage as covered
    from assay.define.suite import find_suite

    found, _ = find_suite(name)
    top = covered(found.root)
    if json:
        print_json(top)
        return
    out = console()
    out.print(coverage_table(top))
    for part in top.children:
        share = f"{part.there} of {part.leaves} tasks, {100 * part.covered:.1f} % of its weight"
        out.print(f"{part.name}: {share}", markup=False)
    out.print(f"{top.name}: {top.there} of {top.leaves} tasks, {100 * top.covered:.1f} % of the weight", markup=False)


def _same_suite(out: Path, found: Suite, model: str) -> None:
    """Raises ``UsageError`` where the folder holds another suite, or another model's runs."""
    from assay.define.suite_folder import is_suite_run, read_suite_run

    if not is_suite_run(out):
        return
    old = read_suite_run(out)
    for what, was, now in (("suite", old.suite.name, found.name), ("model", old.model, model)):
        if was != now:
            raise UsageError(f"{out} holds runs of another {what} ({was}, not {now}): choose another --out")


def _show_run(folder: Path, *, json: bool) -> None:
    from assay.cli.suite_results import results_in, score_table
    from assay.define.suite_folder import read_suite_run
    from assay.define.suite_score import score_suite

    run = read_suite_run(folder)
    top = score_suite(run.suite, results_in(folder, run))
    if json:
        print_json({"folder": str(folder), "suite": run.suite.name, "model": run.model, "tree": top})
        return
    out = console()
    out.print(f"{run.suite.name} · {run.model}", style="bold", markup=False)
    out.print(score_table(top))
    if top.score is None:
        out.print("nothing was measured")
    elif top.covered < 1:
        out.print(
            f"{100 * top.covered:.1f} % of the weight was measured; scores are over that part, the rest counts nowhere."
        )
    if top.plain_mean is not None:
        out.print(f"plain mean of the {top.measured} measured tasks, without weights: {100 * top.plain_mean:.2f} %")
    out.print(f"runs: {folder}/* (`assay show {folder}`)", markup=False)


def _name_failures(failed: Sequence[NotStarted]) -> None:
    from assay.define.suite import written

    for each in failed:
        print(f"assay: {written(each.path)} is not run: {each.reason}", file=sys.stderr)


def _require_whole(out: Path, found: Suite, failed: Sequence[NotStarted]) -> None:
    """Raises ``RunIncomplete`` where attempts are missing or tasks could not be started."""
    from assay.cli.suite_results import attempts_missing
    from assay.define.suite_folder import run_names
    from assay.store.folder import is_run, read_manifest

    runs = [out / name for name in set(run_names(found).values()) if is_run(out / name)]
    missing = sum(attempts_missing(manifest, manifest.outcomes) for manifest in map(read_manifest, runs))
    if failed:
        tasks = "a task" if len(failed) == 1 else f"{len(failed)} tasks"
        raise RunIncomplete(f"{tasks} could not be started, as said above; the same command asks for what is missing")
    if missing:
        raise RunIncomplete(f"{missing} attempts have no answer yet: run the same command again to ask for those only")
