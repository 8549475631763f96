"""A race under way: batches of samples, a look after each, and no more questions for a model that is settled.

Each model has an ordinary run folder of the task with its samples in the race's random order and a growing
``limit``; asking more is resuming the run. The invariant: what is decided is computed afresh from the folders at
each look, and only from the samples up to that look, so that an interrupted race goes on where it was and a decision
never changes. The means that are printed are of a random part of the benchmark.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from assay.cli.common import pairs as key_values
from assay.cli.run import PREFLIGHT_SAMPLES, check_mode, merged
from assay.errors import RunFolderError, RunIncomplete, UsageError
from assay.records import Outcome

if TYPE_CHECKING:
    from assay.engine.endpoint import Endpoint
    from assay.engine.job import Plan
    from assay.engine.run import Report
    from assay.measure.intervals import Floats
    from assay.records import Sample
    from assay.task import Task

RACE = "race.json"
"""Beside the runs: the order that they were asked in, and what of."""


@dataclass(frozen=True)
class Settings:
    """The options of a live race."""

    find: str
    alpha: float
    family: bool
    seed: int
    batch: int
    concurrency: int | None
    retry_for: float
    limit: int | None
    epochs: int | None
    preflight: bool
    quiet: bool


@dataclass
class Standing:
    """How the race stands after a look."""

    settings: Settings
    task: str
    names: tuple[str, ...]
    folders: tuple[Path, ...]
    items: int
    asked: list[int]
    """Samples that each model has been asked in the race's order."""
    x: Floats
    """(models, samples looked at), NaN where a model was not asked or nobody knows what it answered."""

    def open(self) -> list[int]:
        """Models that have to be asked further."""
        from assay.measure import racing

        if self.settings.find == "best":
            drops = racing.race_best(self.x, alpha=self.settings.alpha, population=self.items)
            left = [i for i in range(len(self.names)) if not drops.dropped[i]]
            return left if len(left) > 1 else []
        found = self._decisions()
        first, second = racing.pairs(len(self.names))
        undecided = found.sign == 0
        return sorted({int(i) for i in (*first[undecided], *second[undecided])})

    def facts(self) -> dict[str, Any]:
        """Everything, for scripts and tables."""
        import numpy as np

        left = set(self.open())
        settings = self.settings
        facts: dict[str, Any] = {
            "task": self.task,
            "items": self.items,
            "seed": settings.seed,
            "alpha": settings.alpha,
            "looked_at": self.x.shape[1],
        }
        known = np.isfinite(self.x)
        means = [self._mean(row[has]) for row, has in zip(self.x, known, strict=True)]
        if settings.find == "best":
            standing, more = self._best()
        else:
            standing = ["undecided" if i in left else "decided" for i in range(len(self.names))]
            more = self._pairs()
        models = zip(self.names, self.folders, self.asked, means, known.sum(axis=1), standing, strict=True)
        facts["models"] = [
            {"model": name, "run": str(folder), "asked": k, "n": int(n), "standing": word} | mean
            for name, folder, k, mean, n, word in models
        ]
        return facts | more

    def _mean(self, x: Floats) -> dict[str, float | None]:
        """A model's mean over what it was asked, with an interval of its mean over the benchmark for any stopping."""
        from assay.measure.sequential_intervals import empirical_bernstein

        if not len(x):
            return {"mean": None, "lower": None, "upper": None}
        lower, upper = empirical_bernstein(x, alpha=0.05, n=self.items)
        return {"mean": float(x.mean()), "lower": float(lower[-1]), "upper": float(upper[-1])}

    def _decisions(self) -> Any:
        from assay.measure import racing

        return racing.race_pairs(self.x, alpha=self.settings.alpha, family=self.settings.family, population=self.items)

    def _best(self) -> tuple[list[str], dict[str, Any]]:
        from assay.measure import racing

        drops = racing.race_best(self.x, alpha=self.settings.alpha, population=self.items)
        left = [name for name, gone in zip(self.names, drops.dropped, strict=True) if not gone]
        words = ["dropped" if gone else ("best" if len(left) == 1 else "may be best") for gone in drops.dropped]
        return words, {"best": left}

    def _pairs(self) -> dict[str, Any]:
        from assay.measure import racing

        found = self._decisions()
        first, second = racing.pairs(len(self.names))
        level = racing.pair_level(self.settings.alpha, len(first), family=self.settings.family)
        lower, upper = racing.intervals(self.x, found, alpha=level, population=self.items)
        rows = [
            {
                "a": self.names[first[p]],
                "b": self.names[second[p]],
                "n": self.items,
                "samples_used": int(found.used[p]),
                "share": int(found.used[p]) / self.items,
                "decision": ("undecided", "A", "B")[found.sign[p]],
                "lower": float(lower[p]),
                "upper": float(upper[p]),
            }
            for p in range(len(first))
        ]
        return {"family": self.settings.family, "level": level, "pairs": rows}


async def race_live(
    models: Sequence[str],
    task_name: str,
    settings: Settings,
    data: Path | None,
    out: Path | None,
    model_params: Sequence[str] | None,
    task_params: Sequence[str] | None,
    mode: str | None,
) -> Standing:
    """Race the models to the end. Raises ``RunIncomplete`` where it had to stop before."""
    from assay.benchmarks.registry import load_task
    from assay.engine.endpoint import Pace, RetryPolicy
    from assay.engine.preflight import ensure_preflight
    from assay.models.registry import open_model

    if len(set(models)) < len(models) or len(models) < 2:
        raise UsageError("a race takes two different models or more")
    task = load_task(task_name, data=data, params=key_values(task_params, "-t"))
    check_mode(task, mode)
    if settings.preflight:
        await ensure_preflight(task, mode, limit=PREFLIGHT_SAMPLES)
    shuffled, samples = _shuffled(task, settings)
    plans, options = _plans(shuffled, models, settings, out, model_params, mode)
    pace = Pace(settings.concurrency, RetryPolicy(patience=settings.retry_for))
    endpoints: list[Endpoint] = []
    try:
        for plan, chosen in zip(plans, options, strict=True):
            endpoints.append(pace.endpoint(open_model(plan.model, chosen)))
        return await _race(plans, endpoints, samples, settings)
    finally:
        for endpoint in endpoints:
            await endpoint.model.close()


async def _race(
    plans: Sequence[Plan], endpoints: Sequence[Endpoint], samples: Sequence[Sample], settings: Settings
) -> Standing:
    asked = [_asked_before(plan) for plan in plans]
    place = {sample.id: j for j, sample in enumerate(samples)}
    folders = tuple(plan.folder for plan in plans)
    names = tuple(plan.model for plan in plans)
    look, running = min(len(samples), max(min(asked), settings.batch)), list(range(len(plans)))
    while True:
        for i in running:
            asked[i] = max(asked[i], look)
        report = await _ask([(replace(plans[i], limit=asked[i]), endpoints[i]) for i in running], settings)
        _check_all_answered(report)
        x = _scores(folders, place, look)
        standing = Standing(settings, plans[0].task.name, names, folders, len(samples), list(asked), x)
        running = standing.open()
        if not running or look == len(samples):
            return standing
        if not settings.quiet:
            left = ", ".join(names[i] for i in running)
            print(f"assay: looked at {look:,} of {len(samples):,} samples; open: {left}", file=sys.stderr, flush=True)
        look = min(len(samples), look + max(settings.batch, look // 8))


def _shuffled(task: Task, settings: Settings) -> tuple[Task, list[Sample]]:
    """The task with its samples in the race's order; they are held in memory, since any may be the next."""
    from assay.measure import racing

    held = list(islice(task.samples(), settings.limit))
    if len(held) < 2:
        raise UsageError(f"{task.name} has {len(held)} samples here: nothing to race on")
    samples = [held[i] for i in racing.order(len(held), settings.seed)]
    return replace(task, samples=lambda: iter(samples), size=len(samples)), samples


def _plans(
    task: Task,
    models: Sequence[str],
    settings: Settings,
    out: Path | None,
    model_params: Sequence[str] | None,
    mode: str | None,
) -> tuple[list[Plan], list[dict[str, Any]]]:
    from assay.engine.job import Plan, default_folder, slug
    from assay.models.prices import price_of
    from assay.models.registry import split_parameters

    root = out or Path("runs") / f"race-{slug(task.name)}-seed{settings.seed}-{task.size}"
    _remember(root, {"task": task.name, "seed": settings.seed, "samples": task.size})
    plans, options_of = [], []
    for model in models:
        options, sampling = split_parameters(model, key_values(model_params, "-p"))
        chosen = merged(task.sampling, sampling)
        folder = default_folder(root, task, model, options, chosen, mode)
        epochs = task.epochs if settings.epochs is None else settings.epochs
        plans.append(Plan(task, model, folder, options, chosen, epochs, None, mode, price_of(model, None)))
        options_of.append(options)
    return plans, options_of


def _remember(root: Path, facts: dict[str, Any]) -> None:
    """Write down the order, or refuse a folder in which another was asked. Raises ``RunFolderError``."""
    file = root / RACE
    if not file.exists():
        root.mkdir(parents=True, exist_ok=True)
        file.write_bytes(msgspec.json.encode(facts))
        return
    try:
        known = msgspec.json.decode(file.read_bytes())
    except msgspec.DecodeError as error:
        raise RunFolderError(f"{file} is damaged ({error}): choose another --out") from None
    if known != facts:
        raise RunFolderError(f"{root} holds another race ({known}, not {facts}): choose another --out")


def _asked_before(plan: Plan) -> int:
    """Samples that a former session has asked the model; a plan for fewer would leave the rest out of the run."""
    from assay.store.folder import is_run, read_manifest

    if not is_run(plan.folder):
        return 0
    limit = read_manifest(plan.folder).limit
    return (plan.task.size or 0) if limit is None else limit


async def _ask(work: Sequence[tuple[Plan, Endpoint]], settings: Settings) -> Report:
    from assay.cli.progress import RunProgress
    from assay.engine.job import Job
    from assay.engine.run import execute

    jobs: list[Job] = []
    try:
        for plan, _ in work:
            jobs.append(Job(plan))
        with RunProgress(jobs, quiet=settings.quiet) as progress:
            endpoints = [endpoint for _, endpoint in work]
            report = await execute(list(zip(jobs, endpoints, strict=True)), tick=progress.tick)
    except BaseException:
        for job in jobs:
            job.abandon()
        raise
    return report


def _check_all_answered(report: Report) -> None:
    """A look needs every reply: what an outage kept back would come later and change what was seen."""
    if report.error is not None:
        raise report.error
    missing = sum(manifest.outcomes.get(Outcome.INFRA_FAILED, 0) for manifest in report.manifests)
    if report.stopped is not None:
        raise RunIncomplete(f"stopped by {report.stopped}: run the same command again to go on")
    if missing:
        raise RunIncomplete(f"{missing} attempts got no reply: run the same command again to ask for those and go on")


def _scores(folders: Sequence[Path], place: dict[str, int], look: int) -> Floats:
    """(models, look): scores in the race's order."""
    import numpy as np

    from assay.measure import matrix
    from assay.measure.sequential_stored import in_range

    found = matrix.of_runs(folders)
    columns = np.array([place.get(item, look) for item in found.items], dtype=np.int64)
    x = np.full((len(folders), look), np.nan)
    inside = columns < look
    x[:, columns[inside]] = found.x[:, inside]
    return in_range(x)
