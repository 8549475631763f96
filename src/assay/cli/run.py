"""``assay run``: put tasks to models."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_args

import msgspec
import typer

from assay.cli.common import Data, Json, Mode, TaskParams, pairs, print_json
from assay.cli.place import Place
from assay.errors import RunIncomplete, UsageError
from assay.records import Outcome, RunManifest, Sampling
from assay.store.cache import Policy

if TYPE_CHECKING:
    from assay.engine.budget import Budget
    from assay.engine.endpoint import Endpoint, Pace
    from assay.engine.job import Job, Plan
    from assay.engine.run import Report
    from assay.task import Task

T = TypeVar("T")

PREFLIGHT_SAMPLES = 100
"""References that are tried before a run; `assay preflight` tries all."""


def run(
    tasks: Annotated[list[str], typer.Argument(metavar="TASK...", help="Tasks, as `assay tasks` lists them.")],
    model: Annotated[
        list[str], typer.Option("--model", "-m", help="provider/name, as `assay models` lists them. Repeatable.")
    ],
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first N samples of each task.")] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Attempts at each sample; else as many as the task asks for, mostly 1.")
    ] = None,
    concurrency: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Most calls in flight to a model (else the provider's choice, or 64). "
            "Starts low and grows while that brings more replies a second.",
        ),
    ] = None,
    rpm: Annotated[float | None, typer.Option(min=0.1, help="Requests a minute that each model may get.")] = None,
    tpm: Annotated[float | None, typer.Option(min=1, help="Tokens a minute, in and out, for each model.")] = None,
    data: Data = None,
    out: Annotated[
        Path | None, typer.Option(help="Run folder (with several runs: the folder that holds them). Else under runs/.")
    ] = None,
    model_params: Annotated[
        list[str] | None,
        typer.Option(
            "-p",
            metavar="NAME=VALUE",
            help="Sampling or provider option: -p temperature=0 -p max_tokens=512 -p base_url=URL. Repeatable.",
        ),
    ] = None,
    task_params: TaskParams = None,
    mode: Mode = None,
    max_cost: Annotated[
        float | None, typer.Option(min=0, help="Stop when this command has spent so many dollars.")
    ] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Stop after so many tokens, in and out.")] = None,
    max_time: Annotated[str | None, typer.Option(help="Stop after a time, such as 90s, 30m or 2h.")] = None,
    prices: Annotated[Path | None, typer.Option(help="Your own price table (TOML; `assay models` says where).")] = None,
    retry_for: Annotated[float, typer.Option(min=0, help="Seconds that a failing call is tried again.")] = 300.0,
    shard: Annotated[
        str | None,
        typer.Option(metavar="K/N", help="Only every Nth sample, from the Kth: one of N jobs; see `assay merge`."),
    ] = None,
    executor: Annotated[
        str, typer.Option(help="Where models are called from: local, or ray (workers of a Ray cluster).")
    ] = "local",
    ray_address: Annotated[
        str | None, typer.Option(help="The cluster, such as auto; else RAY_ADDRESS, else this machine alone.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Ray workers for each model.")] = 2,
    serve: Annotated[
        str | None,
        typer.Option(
            metavar="COMMAND",
            help="Have each worker, or this machine, start a server of its own: 'vllm serve M --port {port}'.",
        ),
    ] = None,
    worker_gpus: Annotated[float, typer.Option(min=0, help="GPUs that each Ray worker reserves.")] = 0.0,
    preflight: Annotated[
        bool,
        typer.Option(help="First put the task's reference answers through its scorer, once a task version."),
    ] = True,
    cache: Annotated[
        str,
        typer.Option(
            help="Answer from responses of earlier runs: off, deterministic (temperature 0 only) or all. "
            "Off, since a served name says nothing about the checkpoint behind it."
        ),
    ] = "off",
    adaptive: Annotated[
        Path | None,
        typer.Option(metavar="BANK", help="Ask only the most informative samples; `assay calibrate` makes banks."),
    ] = None,
    samples: Annotated[
        int | None, typer.Option("--budget", min=1, help="With --adaptive: how many samples are asked (50).")
    ] = None,
    warm_start: Annotated[
        str | None,
        typer.Option(metavar="RUN", help="With --adaptive: the parent checkpoint's run, or an ability, to start from."),
    ] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="With --adaptive: samples asked at once (5).")] = None,
    json: Json = False,
) -> None:
    """Put tasks to models and store what they answer.

    The same command again asks only for what is missing: after Ctrl-C, kill -9, a full disk or an
    outage. Exit code 0: complete. 3: samples are missing; run it again. 4: the disk failed.

    \b
    assay run korgen --model local/smollm2 --limit 50
    assay run korbench --data KORBENCH --model openai/gpt-4o -p temperature=0 --epochs 4
    assay run mcq --data my.jsonl --model openai/my-checkpoint -p base_url=http://localhost:8000/v1
    assay run korgen --model local/smollm2 --adaptive korgen.bank.parquet --budget 50
    """
    from assay.engine.budget import Budget
    from assay.engine.endpoint import Pace, RetryPolicy

    os.environ.setdefault("POLARS_MAX_THREADS", "2")  # sealing streams: more threads only hold more memory
    os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:0,muzzy_decay_ms:0")  # polars gives memory back at once
    wanted = None
    if adaptive is not None:
        from assay.cli.adaptive import Wanted, check, run_adaptive

        wanted = Wanted(adaptive, samples or 50, warm_start, batch or 5)
        check(wanted, tasks, model, limit, shard)
    elif samples is not None or warm_start is not None or batch is not None:
        raise UsageError("--budget, --warm-start and --batch are of --adaptive BANK (a limit in dollars is --max-cost)")
    plans, options = _plan(tasks, model, limit, epochs, data, out, model_params, task_params, mode, prices, shard)
    budget = Budget(max_cost, max_tokens, None if max_time is None else seconds(max_time))
    if max_cost is not None:
        _require_prices(plans)
    if preflight:
        run_async(_preflight(plans))
    pace = Pace(concurrency, RetryPolicy(patience=retry_for), rpm, tpm)
    place = Place(executor, ray_address, workers, serve, worker_gpus)
    if serve is not None:  # who answers is what the command serves: the manifest and the cache's keys say so
        plans = [replace(plan, options={**plan.options, "serve": serve}) for plan in plans]
    gc.freeze()  # what is loaded by now stays: no need to walk it again and again while samples go by
    gc.set_threshold(20_000, 20, 50)
    if wanted is not None:
        own = out is not None
        chosen = options[plans[0].model]
        run_async(
            run_adaptive(plans[0], chosen, wanted, pace, budget, _policy(cache), place, own_folder=own, json=json)
        )
        return
    report, jobs = run_async(carry_out(plans, options, pace, budget, _policy(cache), place=place, quiet=json))
    _tell(report, jobs, json=json)


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end, on uvloop where it is installed."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(work)
    result: T = uvloop.run(work)
    return result


def merged(own: Sampling, user: Sampling) -> Sampling:
    """The task's sampling with what the user set on top."""
    default = Sampling()
    changed = {
        field: getattr(user, field)
        for field in Sampling.__struct_fields__
        if field != "extra" and getattr(user, field) != getattr(default, field)
    }
    return msgspec.structs.replace(own, **changed, extra={**own.extra, **user.extra})


def _plan(
    names: Sequence[str],
    models: Sequence[str],
    limit: int | None,
    epochs: int | None,
    data: Path | None,
    out: Path | None,
    model_params: list[str] | None,
    task_params: list[str] | None,
    mode: str | None,
    prices: Path | None,
    shard_text: str | None,
) -> tuple[list[Plan], dict[str, dict[str, Any]]]:
    from assay.benchmarks.registry import load_task
    from assay.engine.job import Plan, default_folder, slug
    from assay.models.prices import price_of
    from assay.models.registry import split_parameters

    shard = None if shard_text is None else shard_of(shard_text)
    tasks = [load_task(name, data=data, params=pairs(task_params, "-t")) for name in names]
    for task in tasks:
        check_mode(task, mode)
    plans: list[Plan] = []
    options_of: dict[str, dict[str, Any]] = {}
    for model in dict.fromkeys(models):
        options, sampling = split_parameters(model, pairs(model_params, "-p"))
        options_of[model] = options
        for task in tasks:
            chosen = merged(task.sampling, sampling)
            if out is None:
                folder = default_folder(Path("runs"), task, model, options, chosen, mode, shard)
            elif len(tasks) * len(set(models)) == 1:
                folder = out
            else:
                folder = out / f"{slug(task.name)}-{slug(model)}"
            price = price_of(model, prices)
            repeats = task.epochs if epochs is None else epochs
            plans.append(Plan(task, model, folder, options, chosen, repeats, limit, mode, price, shard))
    if len({plan.folder for plan in plans}) < len(plans):
        raise UsageError("the same task is named twice: name each once")
    return plans, options_of


def seconds(text: str) -> float:
    """``90``, ``90s``, ``30m`` or ``2h`` in seconds. Raises ``UsageError``."""
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    value, unit = (text[:-1], text[-1]) if text[-1:] in units else (text, "s")
    try:
        return float(value) * units[unit]
    except ValueError:
        raise UsageError(f"--max-time takes a time such as 90s, 30m or 2h, not {text!r}") from None


def shard_of(text: str) -> tuple[int, int]:
    """``3/8`` as (3, 8). Raises ``UsageError``."""
    number, _, of = text.partition("/")
    if number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of):
        return int(number), int(of)
    raise UsageError(f"--shard takes K/N with K from 1 to N, such as 3/8, not {text!r}")


def _policy(text: str) -> Policy:
    if text not in get_args(Policy):
        raise UsageError(f"--cache takes {', '.join(get_args(Policy))}, not {text!r}")
    return text  # type: ignore[return-value]


def _require_prices(plans: Sequence[Plan]) -> None:
    unknown = sorted({plan.model for plan in plans if plan.price is None})
    if unknown:
        raise UsageError(f"--max-cost needs a price for {', '.join(unknown)}: give one with --prices FILE")


async def _preflight(plans: Sequence[Plan]) -> None:
    """Refuse tasks whose own references fail, before anything is paid for."""
    from assay.engine.preflight import ensure_preflight

    for task, mode in {(plan.task.name, plan.scoring_mode): (plan.task, plan.scoring_mode) for plan in plans}.values():
        report = await ensure_preflight(task, mode, limit=PREFLIGHT_SAMPLES)
        if report is not None and report.failed:
            few = ", ".join(finding.sample_id for finding in report.failed[:5])
            print(
                f"assay: {task.name}: {len(report.failed)} of {report.references} reference answers fail in mode "
                f"{mode}, such as {few}: `assay preflight {task.name}` shows why",
                file=sys.stderr,
            )


def check_mode(task: Task, mode: str | None) -> None:
    """Raises ``UsageError`` where the task has no such scorer mode."""
    if mode is not None and mode not in task.scorers:
        raise UsageError(f"{task.name} has no mode {mode!r}; it has: {', '.join(task.scorers)}")


async def carry_out(
    plans: Sequence[Plan],
    options_of: dict[str, dict[str, Any]],
    pace: Pace,
    budget: Budget,
    policy: Policy,
    *,
    place: Place | None = None,
    quiet: bool,
) -> tuple[Report, list[Job]]:
    """Carry out plans with a progress display; ``options_of`` has each model's provider options."""
    from assay.cli.progress import RunProgress
    from assay.engine.job import Job
    from assay.engine.run import execute
    from assay.places import response_cache
    from assay.store.cache import ResponseCache

    jobs: list[Job] = []
    endpoints: dict[str, Endpoint] = {}
    place = place or Place()
    cache = None if policy == "off" else ResponseCache(response_cache(), policy=policy)
    leave = place.connect()
    try:
        for plan in plans:
            jobs.append(Job(plan, cache))
        for name, options in options_of.items():
            endpoints[name] = await place.endpoint(name, options, pace)
        for job in jobs:
            for notice in job.notices:
                print(f"assay: {job.plan.folder}: {notice}", file=sys.stderr)
        with RunProgress(jobs, quiet=quiet) as progress:
            warm = asyncio.create_task(asyncio.to_thread(import_module, "assay.measure.metrics"))
            report = await execute(
                [(job, endpoints[job.plan.model]) for job in jobs], budget=budget, tick=progress.tick
            )
            await warm  # sealing and the summary need it: loaded while the first replies were awaited
    except BaseException:
        for job in jobs:
            job.abandon()
        raise
    finally:
        for endpoint in endpoints.values():
            await endpoint.model.close()
        leave()
        if cache is not None:
            cache.close()
    return report, jobs


def _tell(report: Report, jobs: Sequence[Job], *, json: bool) -> None:
    from assay.cli.show import describe, run_summary

    missing = 0
    summaries = []
    for job, manifest in zip(jobs, report.manifests, strict=True):
        missing += _missing(job, manifest)
        if manifest.sealed:
            summaries.append(run_summary(job.plan.folder))
    if json:
        print_json([summary.facts() for summary in summaries])
    else:
        for summary in summaries:
            describe(summary)
    if report.error is not None:
        raise report.error
    if report.stopped is not None:
        print(f"assay: stopped by {report.stopped}; {_again(missing)}", file=sys.stderr)
        raise typer.Exit(130 if report.stopped in ("SIGINT", "SIGTERM") else RunIncomplete.exit_code)
    if missing:
        raise RunIncomplete(_again(missing))


def _missing(job: Job, manifest: RunManifest) -> int:
    failed = manifest.outcomes.get(Outcome.INFRA_FAILED, 0)
    planned = manifest.planned
    return failed + (0 if planned is None else max(0, planned - sum(manifest.outcomes.values())))


def _again(missing: int) -> str:
    what = f"{missing} attempts have no answer yet" if missing else "the rest is not asked yet"
    return f"{what}: run the same command again to ask for those only"
