"""Probes: fresh samples with and without a suspected cause, put to the model, and the difference tested.

An association in stored cases is no cause; a probe varies the suspected cause alone and looks. Both sides are
ordinary runs through the engine, kept in folders of their own, so that anybody can score them again. The invariants:
a changed task first shows that its own gold answers still score right; the test pairs each sample with its control;
and where several probes may be run, each is held to its share of the error rate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from msgspec import structs

from assay.analyze.claims import ClaimUnresolvable, Combination, Condition, Statistic
from assay.analyze.contrasts import contrast
from assay.analyze.findings import Probe
from assay.analyze.probe_samples import (
    Change,
    Pair,
    changed,
    generated,
    instruction_language,
    number_format,
    options_rotated,
    padding,
    rule_removed,
    rule_swapped,
    selected,
)
from assay.analyze.recompute import Recomputed
from assay.engine.budget import Budget
from assay.engine.endpoint import Pace
from assay.engine.job import Job, Plan
from assay.engine.preflight import preflight
from assay.engine.run import execute
from assay.errors import RunIncomplete, UsageError
from assay.models.prices import price_of
from assay.records import ANSWERED, Metric, Sample, Sampling
from assay.store.frames import trajectories

if TYPE_CHECKING:
    import polars as pl

    from assay.task import Model, Task

FEWEST_PAIRS = 12
PAIRS = 60
MOST_PROBES = 5
_WRONG_REFERENCES = 0.05
_UNLIMITED = Budget()


class Question(NamedTuple):
    """What a probe asks."""

    text: str
    """What is varied and what is held."""
    task: Task
    pairs: Sequence[Pair]
    expected: Literal["lower", "higher"] = "lower"
    """Which way the score moves if the suspicion is right."""


async def run_probe(
    question: Question,
    model: Model,
    folder: Path,
    *,
    budget: Budget = _UNLIMITED,
    sampling: Sampling | None = None,
    alpha: float = 0.05,
) -> Probe:
    """Run both sides and test their difference.

    Args:
        question: the pairs and what is expected of them.
        model: the model under test; the caller closes it.
        folder: gets the runs ``treated`` and ``control``.
        budget: of both runs together.
        sampling: how replies are drawn; the task's own unless given.
        alpha: of the two-sided test.

    Raises ``UsageError`` for too few pairs or gold answers that do not survive the change, ``RunIncomplete`` where the
    model or the budget left too few pairs answered.
    """
    if len(question.pairs) < FEWEST_PAIRS:
        raise UsageError(f"{len(question.pairs)} pairs are too few for a probe: {FEWEST_PAIRS} are needed")
    sides = {side: _task(question, side) for side in ("treated", "control")}
    for task in sides.values():
        await _check_references(task)
    chosen = sampling or question.task.sampling
    endpoint = Pace().endpoint(model)
    jobs: list[Job] = []
    try:
        for side, task in sides.items():
            plan = Plan(task, model.name, folder / side, sampling=chosen, price=price_of(model.name))
            jobs.append(Job(plan))
        report = await execute([(job, endpoint) for job in jobs], budget=budget)
    except BaseException:
        for job in jobs:
            job.abandon()
        raise
    if report.error is not None:
        raise report.error
    return judged(question, folder, model.name, alpha)


def judged(question: Question, folder: Path, model: str, alpha: float) -> Probe:
    """The probe that two stored runs make. Raises ``RunIncomplete`` where too few pairs have two scores."""
    table = _answered(question, folder, model)
    if table.height < 2 * FEWEST_PAIRS:
        raise RunIncomplete(f"{folder}: only {table.height // 2} of {len(question.pairs)} pairs got two answers")
    treated, control = (
        Statistic("mean", where=(Condition("side", "==", side),), model=model) for side in ("treated", "control")
    )
    try:
        found = contrast(Combination("difference", treated, control), table)
    except ClaimUnresolvable as error:
        raise RunIncomplete(f"{folder}: {error}") from None
    n = sum(found.n)
    difference = Recomputed(found.value, n, lower=found.lower, upper=found.upper, se=found.se, method=found.method)
    sign = found.value < 0 if question.expected == "lower" else found.value > 0
    confirmed = bool(found.p <= alpha and sign)
    return Probe(question.text, str(folder / "treated"), str(folder / "control"), difference, found.p, confirmed)


def perturbed(
    kind: str, task: Task, *, n: int = PAIRS, seed: int = 0, used: Sequence[str] = (), **how: Any
) -> Question:
    """The same questions with and without one change.

    Args:
        kind: ``padding`` (``words``), ``options``, ``language`` (``language``), ``numbers``, ``rule_removed`` or
            ``rule_swapped``.
        task: whose samples are changed; fresh ones first.
        n: pairs at most.
        seed: of the draw.
        used: ids of samples that the diagnosed run has seen.
        **how: what the kind takes.

    Raises ``UsageError`` for a kind that does not exist.
    """
    change, text = _change(kind, task, how)
    return Question(
        f"{text}, on the same questions of {task.name}", task, changed(task, change, n, seed=seed, used=used)
    )


def by_selection(
    task: Task,
    key: str,
    value: str,
    *,
    n: int = PAIRS,
    seed: int = 0,
    used: Sequence[str] = (),
    alike: Sequence[str] = (),
) -> Question:
    """Fresh samples whose metadata ``key`` is ``value``, beside ones where it is not, alike in the keys ``alike``."""

    def has(sample: Sample) -> bool:
        return str(sample.metadata.get(key)) == value

    pairs = selected(task, has, n, seed=seed, used=used, alike=alike)
    held = f"alike in {', '.join(alike)} and near in length" if alike else "near in length"
    return Question(f"{key} = {value} against other {key}, fresh samples of {task.name} {held}", task, pairs)


def by_generation(
    kind: Literal["twin", "difficulty"], *, n: int = PAIRS, seed: int = 0, families: tuple[str, ...] = ()
) -> Question:
    """Generated rules: the same structure in other words, or difficulty 5 against 1."""
    task, pairs = generated(kind, n, seed=seed, families=families)
    text = "the twin's words and names" if kind == "twin" else "difficulty 5 against 1"
    return Question(f"{text}, on generated rules of {', '.join(families) or 'all families'}", task, pairs)


def prober(
    model: Model,
    folder: Path,
    *,
    task: Task | None = None,
    used: Sequence[str] = (),
    budget: Budget = _UNLIMITED,
    seed: int = 0,
    alpha: float = 0.05,
    n: int = PAIRS,
) -> Callable[[str, dict[str, Any]], Any]:
    """What the agents' tool ``probe`` runs: at most ``MOST_PROBES``, each at ``alpha / MOST_PROBES``.

    Args:
        model: the diagnosed model.
        folder: gets a folder for each probe.
        task: the diagnosed task, for perturbed and selected samples; without it, generated ones only.
        used: ids of samples that the diagnosed run has seen.
        budget: of each probe.
        seed: of every draw.
        alpha: error rate of all the probes together.
        n: pairs of each.
    """
    count = 0

    async def probe(kind: str, arguments: dict[str, Any]) -> Probe:
        nonlocal count
        if count >= MOST_PROBES:
            raise UsageError(f"{MOST_PROBES} probes have been run: that is all")
        question = _question(kind, arguments, task, n, seed + count, used)
        count += 1
        return await run_probe(question, model, folder / f"probe-{count}", budget=budget, alpha=alpha / MOST_PROBES)

    return probe


def _question(
    kind: str, arguments: dict[str, Any], task: Task | None, n: int, seed: int, used: Sequence[str]
) -> Question:
    """The question of an analyst's words. Raises ``UsageError``."""
    if kind in ("twin", "difficulty"):
        given = arguments.get("families", ())
        families = tuple(map(str, given)) if isinstance(given, list | tuple) else ()
        twin: Literal["twin", "difficulty"] = "twin" if kind == "twin" else "difficulty"
        return by_generation(twin, n=n, seed=seed, families=families)
    if task is None:
        raise UsageError("only generated samples can be probed here: twin or difficulty")
    if kind == "selection":
        given = arguments.get("alike", ())
        alike = tuple(map(str, given)) if isinstance(given, list | tuple) else ()
        key, value = str(arguments.get("key", "")), str(arguments.get("value", ""))
        return by_selection(task, key, value, n=n, seed=seed, used=used, alike=alike)
    how = {name: arguments[name] for name in ("words", "language") if name in arguments}
    return perturbed(kind, task, n=n, seed=seed, used=used, **how)


def _change(kind: str, task: Task, how: dict[str, Any]) -> tuple[Change, str]:
    if kind == "padding":
        words = how.get("words", 400)
        if not isinstance(words, int) or not 1 <= words <= 20_000:
            raise UsageError(f"padding takes 1 to 20000 words, not {words!r}")
        return padding(words), f"{words} words of unrelated text before the question"
    if kind == "language":
        language = how.get("language", "Chinese")
        if language not in LANGUAGES:
            raise UsageError(f"language is one of {', '.join(LANGUAGES)}")
        return instruction_language(language), f"told to reason in {language} against English"
    if kind == "rule_swapped":
        rules = list(dict.fromkeys(str(s.metadata["rule"]) for s in task.samples() if s.metadata.get("rule")))
        return rule_swapped(rules), "another question's rule in place of its own"
    plain: dict[str, tuple[Change, str]] = {
        "options": (options_rotated, "options rotated by one place"),
        "numbers": (number_format, "whole numbers with thousands separators"),
        "rule_removed": (rule_removed, "the rule left out"),
    }
    if kind not in plain:
        names = ("padding", "language", "rule_swapped", *plain, "selection", "twin", "difficulty")
        raise UsageError(f"no probe {kind[:40]!r}; there are: {', '.join(names)}")
    return plain[kind]


LANGUAGES = ("Chinese", "English", "French", "German", "Japanese", "Russian", "Spanish")


def _task(question: Question, side: str) -> Task:
    """One side of the pairs as a task of its own; pairs are known by their number."""
    samples = [_numbered(getattr(pair, side), number) for number, pair in enumerate(question.pairs)]
    return replace(
        question.task,
        name=f"{question.task.name}/probe-{side}",
        samples=lambda: iter(samples),
        size=len(samples),
        metrics=(Metric("accuracy"),),
        params={**question.task.params, "probe": question.text, "side": side},
        epochs=1,
    )


def _numbered(sample: Sample, number: int) -> Sample:
    return structs.replace(sample, id=f"{number}:{sample.id}")


async def _check_references(task: Task) -> None:
    report = await preflight(task)
    if len(report.failed) > _WRONG_REFERENCES * report.references:
        first = report.failed[0]
        raise UsageError(
            f"{task.name}: {len(report.failed)} gold answers do not score right, such as {first.sample_id}"
        )


def _answered(question: Question, folder: Path, model: str) -> pl.DataFrame:
    """One row for each side of the pairs that have two scores."""
    import polars as pl

    rows = []
    for side in ("treated", "control"):
        for sample, _, line in trajectories(folder / side):
            value = line.score.value
            if value is None and line.score.outcome in ANSWERED:
                value = 0.0
            key = question.task.cluster
            cluster = None if key is None else sample.metadata.get(key)
            number = sample.id.partition(":")[0]
            rows.append((side, number, None if cluster is None else str(cluster), value))
    table = pl.DataFrame(rows, schema=["side", "sample_id", "cluster", "score"], orient="row", infer_schema_length=None)
    table = table.with_columns(pl.col("cluster").cast(pl.String), pl.col("score").cast(pl.Float64)).drop_nulls("score")
    both = table.group_by("sample_id").agg(pl.len().alias("n"), pl.col("cluster").first().alias("source"))
    kept = table.join(both.filter(pl.col("n") == 2), on="sample_id", how="inner", maintain_order="left")
    return kept.with_columns(
        pl.col("source").alias("cluster"),
        pl.lit(model).alias("model"),
        pl.lit("probe").alias("task"),
        pl.lit(1).alias("epoch"),
    )
