"""``assay run TASK --adaptive BANK``: ask the samples that tell most, and say what the whole would have come to.

The samples go through the engine as any others do, in rounds, into an ordinary run folder; ``adaptive.json`` beside
them holds the session's settings and its result. Nothing else is kept: what was asked, and what comes next, follows
from the bank, the settings and the stored scores, so the same command goes on where the last one stopped. The
invariant: a round's plan names everything that the folder holds, so that sealing drops nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from math import nan
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import typer

from assay.cli.common import console, plain_table, print_json
from assay.errors import RunFolderError, RunIncomplete, UsageError
from assay.records import ANSWERED, Metric, Outcome, Sample

if TYPE_CHECKING:
    from assay.cli.place import Place
    from assay.engine.budget import Budget
    from assay.engine.endpoint import Endpoint, Pace
    from assay.engine.job import Job, Plan
    from assay.engine.run import Report
    from assay.measure.adaptive import Session
    from assay.measure.adaptive_scores import AdaptiveScore
    from assay.measure.bank import Bank
    from assay.store.cache import Policy, ResponseCache

FILE = "adaptive.json"
NOTE = f"samples were chosen adaptively: their mean is no estimate of the score on the whole; {FILE} has that"
_LOST = frozenset((Outcome.MODEL_FAILED, Outcome.JUDGE_FAILED))
"""Outcomes that leave no score and will not change."""


class Settings(msgspec.Struct, frozen=True):
    """What a session's choices follow from, beside the answers."""

    bank: str
    """The bank's digest."""
    budget: int
    batch: int
    theta0: float
    """Ability that it starts from."""
    warm_start: str | None
    """Where that comes from, as the user said it."""


class Wanted(NamedTuple):
    """The options of ``assay run`` that are about adaptive runs."""

    bank: Path
    budget: int
    warm_start: str | None
    batch: int


def check(wanted: Wanted, tasks: list[str], models: list[str], limit: int | None, shard: str | None) -> None:
    """Refuse what does not go together with an adaptive run. Raises ``UsageError``."""
    if len(tasks) != 1 or len(set(models)) != 1:
        raise UsageError("--adaptive takes one task and one model at a time")
    if limit is not None or shard is not None:
        raise UsageError("--adaptive chooses the samples itself: leave out --limit and --shard")
    if wanted.budget < 4:
        raise UsageError(f"--budget {wanted.budget}: an adaptive run takes at least 4 samples")


async def run_adaptive(
    plan: Plan,
    options: dict[str, Any],
    wanted: Wanted,
    pace: Pace,
    budget: Budget,
    policy: Policy,
    place: Place,
    *,
    own_folder: bool,
    json: bool,
) -> None:
    """Carry out one adaptive run and print its result. ``own_folder``: the user named the folder."""
    from assay.measure.adaptive import Quotas, Session, proportional
    from assay.measure.adaptive_scores import adaptive_score
    from assay.measure.bank import load, require_task, tag_codes

    bank = load(wanted.bank)
    require_task(bank, plan.task.name, plan.scoring_mode)
    _require_samples(bank, plan)
    _tell_differences(bank, plan)
    if not own_folder:
        plan = replace(plan, folder=plan.folder.with_name(f"{plan.folder.name}-adaptive-{bank.digest[:8]}"))
    settings = Settings(bank.digest, wanted.budget, wanted.batch, _start(bank, wanted.warm_start), wanted.warm_start)
    _begin(plan.folder, settings)
    codes = tag_codes(bank)
    quotas: Quotas | None = None if codes is None else proportional(codes)
    seed = int(bank.digest, 16) % (1 << 31)
    session = Session(bank.items, wanted.budget, seed, theta0=settings.theta0, quotas=quotas, batch=wanted.batch)
    await _rounds(session, bank, plan, options, pace, budget, policy, place, quiet=json)
    result = adaptive_score(bank, session)
    _write(plan.folder, settings, result)
    if json:
        print_json({"run": str(plan.folder), "bank": str(wanted.bank), "settings": settings, **_plain(result)})
    else:
        _describe(result, bank, plan)


def _plain(result: AdaptiveScore) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(result)
    return {**found, "misfit": result.misfit._asdict()}


async def _rounds(
    session: Session,
    bank: Bank,
    plan: Plan,
    options: dict[str, Any],
    pace: Pace,
    budget: Budget,
    policy: Policy,
    place: Place,
    *,
    quiet: bool,
) -> None:
    """Ask batch after batch until the session is over."""
    from assay.places import response_cache
    from assay.store.cache import ResponseCache
    from assay.store.folder import is_run

    leave = place.connect()
    cache = None if policy == "off" else ResponseCache(response_cache(), policy=policy)
    endpoint = await place.endpoint(plan.model, options, pace)
    began, previous = monotonic(), None
    try:
        scores = _scores(plan) if is_run(plan.folder) else {}
        while batch := session.following():
            ids = [bank.ids[item] for item in batch]
            if previous is None or any(scores.get(id_) is None for id_ in ids):
                held = {*scores, *ids, *(bank.ids[item] for item in session.asked)}
                job = _job(_restricted(plan, held), cache, previous)
                report, previous = await _round(job, endpoint, _left(budget, began), quiet=quiet), job
                _require_whole(report, session)
                scores = _scores(plan)
            if pending := [id_ for id_ in ids if scores.get(id_) is None]:
                raise RunIncomplete(
                    f"{len(pending)} samples have no answer yet, such as {pending[0]}: run the same command again"
                )
            session.take({item: scores[id_] for item, id_ in zip(batch, ids, strict=True)})  # type: ignore[misc]
            if not quiet:
                theta, se = session.ability
                part = "random" if session.drawn else "adaptive"
                asked = f"{len(session.asked)} asked ({part} part)"
                print(f"assay: {asked}, ability {theta:.2f} ± {se:.2f}", file=sys.stderr)
    finally:
        await endpoint.model.close()
        leave()
        if cache is not None:
            cache.close()


def _job(plan: Plan, cache: ResponseCache | None, previous: Job | None) -> Job:
    """The job of a round; what the rounds before it spent counts on."""
    from assay.engine.job import Job

    job = Job(plan, cache)
    if previous is None:
        for notice in job.notices:
            print(f"assay: {plan.folder}: {notice}", file=sys.stderr)
    else:
        job.cost = previous.cost
        job.input_tokens, job.output_tokens = previous.input_tokens, previous.output_tokens
    return job


async def _round(job: Job, endpoint: Endpoint, budget: Budget, *, quiet: bool) -> Report:
    from assay.cli.progress import RunProgress
    from assay.engine.run import execute

    try:
        with RunProgress([job], quiet=quiet) as progress:
            return await execute([(job, endpoint)], budget=budget, tick=progress.tick)
    except BaseException:
        job.abandon()
        raise


def _restricted(plan: Plan, ids: set[str]) -> Plan:
    """The plan with only some of the task's samples, and metrics that say so."""
    task = plan.task

    def samples() -> Iterator[Sample]:
        return (sample for sample in task.samples() if sample.id in ids)

    def renamed(metric: Metric) -> Metric:
        return msgspec.structs.replace(metric, name=f"{metric.name} of the chosen samples")

    dataset = task.dataset
    if dataset is not None:
        dataset = msgspec.structs.replace(dataset, notes=(*dataset.notes, NOTE))
    metrics = tuple(map(renamed, task.metrics))
    return replace(plan, task=replace(task, samples=samples, size=len(ids), metrics=metrics, dataset=dataset))


def _scores(plan: Plan) -> dict[str, float | None]:
    """Sample id -> mean score over its epochs, NaN where it is lost for good, ``None`` where it is still to be asked.

    Answers without a value count 0, as in every metric.
    """
    import polars as pl

    from assay.store.frames import table

    final = [str(outcome) for outcome in (*ANSWERED, *_LOST)]
    answered = pl.col("outcome").is_in([str(outcome) for outcome in ANSWERED])
    rows = (
        table(plan.folder, "scores")
        .filter(pl.col("epoch") <= plan.epochs)
        .group_by("sample_id")
        .agg(
            pl.col("outcome").is_in(final).sum().alias("final"),
            pl.col("value").fill_null(0.0).filter(answered).mean().alias("score"),
        )
        .collect()
    )
    return {
        id_: None if final < plan.epochs else (nan if score is None else score)
        for id_, final, score in rows.iter_rows()
    }


def _require_whole(report: Report, session: Session) -> None:
    """Stop where the engine was stopped."""
    if report.error is not None:
        raise report.error
    if report.stopped is not None:
        asked = len(session.asked)
        print(f"assay: stopped by {report.stopped} after {asked} samples: run the same command again", file=sys.stderr)
        raise typer.Exit(130 if report.stopped in ("SIGINT", "SIGTERM") else RunIncomplete.exit_code)


def _left(budget: Budget, began: float) -> Budget:
    """The budget with the time that is left of it."""
    return budget if budget.seconds is None else replace(budget, seconds=budget.seconds - (monotonic() - began))


def _require_samples(bank: Bank, plan: Plan) -> None:
    """Raises ``BankUnusable`` where the task lacks samples of the bank."""
    from assay.measure.bank import BankUnusable

    lacking = set(bank.ids)
    for sample in plan.task.samples():
        lacking.discard(sample.id)
    if lacking:
        raise BankUnusable(
            f"{plan.task.name} has no sample {min(lacking)!r} ({len(lacking)} of the bank's {len(bank.ids)} are "
            "missing): give the task's data and parameters that the bank was made with"
        )


def _tell_differences(bank: Bank, plan: Plan) -> None:
    """A line where the bank was made on another version of the task or its data."""
    task = bank.facts.task
    if task is None:
        return
    now = plan.task.dataset.digest if plan.task.dataset else None
    then = task.dataset.digest if task.dataset else None
    if (task.version, then) != (plan.task.version, now):
        print(
            f"assay: the bank was made on {task.name} {task.version} with other data or another version: "
            "its predictions may be off; the interval holds",
            file=sys.stderr,
        )


def _start(bank: Bank, given: str | None) -> float:
    """The ability to start from: a number, or that of a run of the parent checkpoint. Raises ``UsageError``."""
    import numpy as np

    from assay.measure.adaptive import ability_of
    from assay.measure.matrix import load

    if given is None:
        return 0.0
    try:
        return max(-4.0, min(4.0, float(given)))
    except ValueError:
        pass
    parent = load([Path(given)], mode=bank.facts.mode)
    if len(parent.models) != 1:
        raise UsageError(f"--warm-start {given}: give one run, not {len(parent.models)}")
    at = {id_: j for j, id_ in enumerate(bank.ids)}
    y = np.full(len(bank.ids), np.nan)
    for item, score in zip(parent.items, parent.x[0], strict=True):
        if item in at:
            y[at[item]] = score
    if not np.isfinite(y).any():
        raise UsageError(f"--warm-start {given}: the run answered none of the bank's samples")
    return ability_of(y, bank.items)[0]


def _begin(folder: Path, settings: Settings) -> None:
    """Keep the session's settings, or see that they are those that it was begun with. Raises ``RunFolderError``."""
    from assay.store.folder import is_run

    path = folder / FILE
    if not path.is_file():
        if is_run(folder):
            raise RunFolderError(f"{folder} holds a run that is not adaptive: choose another --out")
        _write(folder, settings, None)
        return
    try:
        begun = msgspec.json.decode(path.read_bytes())["settings"]
    except (OSError, msgspec.DecodeError, KeyError, TypeError):
        raise RunFolderError(f"{path} cannot be read: choose another --out") from None
    now = msgspec.to_builtins(settings)
    for name, value in now.items():
        if begun.get(name) != value:
            raise RunFolderError(
                f"{folder} was begun with {name} {begun.get(name)}, not {value}: give it again, or choose another --out"
            )


def _write(folder: Path, settings: Settings, result: AdaptiveScore | None) -> None:
    from assay.store.encoding import encode
    from assay.store.journal import storage_failed

    facts = {"schema_version": 1, "settings": settings, "result": None if result is None else _plain(result)}
    temporary = folder / f"{FILE}.tmp"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(msgspec.json.format(encode(facts), indent=2) + b"\n")
        temporary.replace(folder / FILE)
    except OSError as error:
        raise storage_failed(error, folder / FILE) from error


def _describe(result: AdaptiveScore, bank: Bank, plan: Plan) -> None:
    from assay.report.numbers import interval, number

    out = console()
    out.print(f"[bold]{plan.task.name}[/bold] {plan.task.version} · [bold]{plan.model}[/bold] · adaptive", end="")
    out.print(f", mode {plan.scoring_mode}", markup=False)
    lost = f", {result.lost} lost" if result.lost else ""
    out.print(
        f"{result.n} of {result.of} samples answered{lost}: {result.adaptive} chosen as most informative, "
        f"{result.random} drawn at random; ability {result.theta:.2f} ± {result.theta_se:.2f} (SE)",
        markup=False,
    )
    if result.estimate is None:
        out.print("no estimate: the random part brought fewer than two scores", markup=False)
    else:
        out.print(
            f"{result.estimand}: {number(result.estimate, percent=True)} % by {result.by}, 95 % interval "
            f"{interval(result.lower, result.upper, percent=True)} (rests on the random draw alone)",
            markup=False,
        )
    table = plain_table(
        None, ["method", "score", "95 %", "n", "validated MAE", "rests on"], right=["score", "n", "validated MAE"]
    )
    for one in result.methods:
        table.add_row(
            one.method,
            number(one.value, percent=True) + " %",
            interval(one.lower, one.upper, percent=True) if one.lower is not None else "",
            str(one.n),
            "" if one.validated_mae is None else f"{one.validated_mae:.1f} points",
            one.note,
        )
    out.print(table)
    for warning in result.misfit.warnings:
        out.print(f"misfit: {warning}; the estimate is the difference estimator's", markup=False)
    out.print(
        f"fit to the bank ({len(bank.facts.models)} models): lz {result.misfit.lz:.1f}, outfit "
        f"{result.misfit.outfit:.2f}, random part off by {result.misfit.off:+.1f} SE",
        markup=False,
    )
    out.print(f"run: {plan.folder}", markup=False)
