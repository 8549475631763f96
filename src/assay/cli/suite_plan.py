"""From a suite to one plan: which leaves are run, how each is asked, and why the others are not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.cli.run import PREFLIGHT_SAMPLES, check_mode, merged
from assay.define.coverage import why_missing
from assay.define.suite import SEPARATOR, Leaf, Suite, leaves, written
from assay.define.suite_folder import NotStarted, run_names
from assay.errors import AssayError, UsageError

if TYPE_CHECKING:
    from assay.engine.job import Plan
    from assay.task import Task


@dataclass(frozen=True)
class Wishes:
    """What the command line adds to a suite."""

    model: str
    model_params: dict[str, str]
    out: Path
    data: Path | None = None
    limit: int | None = None
    thinking: str | None = None
    only: tuple[str, ...] = ()
    prices: Path | None = None


@dataclass
class SuitePlan:
    """The runs to carry out, and the leaves that cannot be run."""

    plans: list[Plan] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)
    """Provider options of the model."""
    absent: list[NotStarted] = field(default_factory=list)
    """Leaves whose task does not exist here."""
    failed: list[NotStarted] = field(default_factory=list)
    """Leaves whose task exists but could not be started, for want of data or a package."""


def plan_suite(suite: Suite, file: Path, wishes: Wishes) -> SuitePlan:
    """One plan a measurement of the suite. Raises ``UsageError``, or ``SuiteMalformed`` for settings nobody takes."""
    from assay.models.registry import split_parameters

    if wishes.thinking is not None and wishes.thinking not in suite.thinking:
        known = ", ".join(suite.thinking) or "none"
        raise UsageError(f"{suite.name} has no thinking mode {wishes.thinking!r}; it has: {known}")
    found = SuitePlan(options=split_parameters(wishes.model, wishes.model_params)[0])
    names, begun, selected = run_names(suite), set[str](), _selected(suite, wishes.only)
    for path, leaf in leaves(suite.root):
        reason = why_missing(leaf)
        if reason is not None:
            found.absent.append(NotStarted(path, reason))
        elif path in selected and names[path] not in begun:
            begun.add(names[path])
            try:
                found.plans.append(_plan(suite, leaf, wishes.out / names[path], file, wishes, found.options))
            except UsageError as error:
                raise UsageError(f"{file}, at {written(path)}: {error}") from None
            except AssayError as error:
                found.failed.append(NotStarted(path, str(error)))
    return found


def _selected(suite: Suite, only: Sequence[str]) -> set[tuple[str, ...]]:
    """The leaves at or below the places that are asked for; all without any. Raises ``UsageError``."""
    every = [path for path, _ in leaves(suite.root)]
    if not only:
        return set(every)
    found: set[tuple[str, ...]] = set()
    for spelt in only:
        place = tuple(part.strip() for part in spelt.split(SEPARATOR))
        below = {path for path in every if path[: len(place)] == place}
        if not below:
            raise UsageError(f"{suite.name} has nothing at {spelt!r}: write {SEPARATOR!r} between the names of a place")
        found |= below
    return found


def _plan(suite: Suite, leaf: Leaf, folder: Path, file: Path, wishes: Wishes, options: dict[str, Any]) -> Plan:
    from assay.engine.job import Plan
    from assay.models.prices import price_of
    from assay.models.registry import split_parameters

    task = _task(leaf, file, wishes.data)
    check_mode(task, leaf.mode)
    mode = wishes.thinking or leaf.thinking
    own = {**(suite.thinking[mode] if mode else {}), **leaf.sampling}
    provider, sampling = split_parameters(wishes.model, own)
    if provider:
        raise UsageError(f"{', '.join(provider)} says where the model is: give it to the command, with -p")
    limits = [limit for limit in (leaf.limit, wishes.limit) if limit is not None]
    return Plan(
        task,
        wishes.model,
        folder,
        options,
        merged(merged(task.sampling, sampling), split_parameters(wishes.model, wishes.model_params)[1]),
        leaf.epochs or task.epochs,
        min(limits, default=None),
        leaf.mode,
        price_of(wishes.model, wishes.prices),
    )


def _task(leaf: Leaf, file: Path, root: Path | None) -> Task:
    """The leaf's task, its data where the suite says, else in the user's folder of that name, else as usual."""
    from assay.benchmarks.registry import load_task

    assert leaf.task is not None
    data: Path | None = None
    if leaf.data is not None:
        data = file.parent / leaf.data
    elif root is not None and (root / leaf.task.partition("/")[0]).exists():
        data = root / leaf.task.partition("/")[0]
    params = {**leaf.params, **({} if leaf.max_steps is None else {"max_steps": leaf.max_steps})}
    return load_task(leaf.task, data=data, params=params)


async def without_failing_references(found: SuitePlan, suite: Suite) -> None:
    """Set aside the tasks whose own reference answers do not pass their scorer."""
    from assay.engine.preflight import ensure_preflight

    place = {name: path for path, name in reversed(run_names(suite).items())}
    kept = []
    for plan in found.plans:
        try:
            await ensure_preflight(plan.task, plan.scoring_mode, limit=PREFLIGHT_SAMPLES)
        except AssayError as error:
            found.failed.append(NotStarted(place[plan.folder.name], str(error)))
        else:
            kept.append(plan)
    found.plans = kept
