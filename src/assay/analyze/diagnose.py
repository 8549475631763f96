"""From case records to a diagnosis: statistics, suspicions, agents where there is an analyst, and the gate last.

The three layers meet here and nowhere else. The invariant: whatever the statistician or an agent says passes the
same gate, over the same records that are kept beside the report, and what is not published is kept with its reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from assay.analyze.findings import Cost, Diagnosis, Judged
from assay.analyze.summary import Behaviour, summarise
from assay.errors import UsageError
from assay.records import Sampling
from assay.store.folder import read_manifest

if TYPE_CHECKING:
    import polars as pl

    from assay.analyze.agents.budget import AgentBudget
    from assay.analyze.scenarios import Seen
    from assay.task import Model

FEW_SAMPLES = 100
"""With fewer samples than this on the held-out half, small differences cannot be confirmed."""


class Analyst(NamedTuple):
    """The language model that analyses, and what it may use."""

    model: Model
    name: str
    budget: AgentBudget
    sampling: Sampling
    trace: Path
    """Where each step is written, as JSON lines."""
    probe: Callable[[str, dict[str, Any]], Any] | None = None
    """Puts fresh samples to the diagnosed model (``probes.prober``); ``None``: it may not."""


async def diagnose(
    cases: pl.DataFrame,
    model: str,
    against: Sequence[str] = (),
    *,
    runs: Sequence[dict[str, Any]] = (),
    trajectories: Iterable[Seen] = (),
    analyst: Analyst | None = None,
    seed: int = 0,
    alpha: float = 0.05,
    step: Callable[[str], None] = lambda what: None,
) -> tuple[Diagnosis, pl.DataFrame, Behaviour]:
    """Diagnose a model.

    Args:
        cases: the case records (``cases.case_table``) of the model and its competitors.
        model: the model that is diagnosed.
        against: the competitors.
        runs: what ``described`` says of the runs that the cases came from.
        trajectories: what the runs hold beyond the records (``scenarios.seen``), for scenarios that need it.
        analyst: the language model that analyses besides; ``None``: the statistician alone.
        seed: of everything that is drawn.
        alpha: the false discovery rate of what is published.
        step: told what begins, for a display.

    Returns:
        The diagnosis, the records that its claims recompute from (columns may have been added), and the behaviour
        statistics. Raises ``UsageError``.
    """
    from assay.analyze.gate import judge
    from assay.analyze.profile import capability_profile
    from assay.analyze.scenarios import ask, enrich
    from assay.analyze.statistician import investigate
    from assay.analyze.topics import prepared

    began = monotonic()
    _known(cases, model, against)
    step("finding topics")
    cases = prepared(cases, seed)
    step("deriving what the kind of task calls for")
    cases = enrich(cases, trajectories)
    step("looking for weaknesses")
    findings = [*investigate(cases, model, against, seed=seed, alpha=alpha), *ask(cases, model)]
    cost = Cost(0.0)
    undone: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    if analyst is not None:
        from assay.analyze.agents import analyse

        step(f"asking {analyst.name}")
        found = await analyse(
            cases,
            model,
            against,
            analyst.model,
            budget=analyst.budget,
            sampling=analyst.sampling,
            trace_path=analyst.trace,
            seed=seed,
            probe=analyst.probe,
            known=findings,
        )
        findings += found.findings
        cases, cost, undone = found.cases, found.cost, found.undone
        labels = tuple(report.verdict for report in found.labels)
    step("recomputing every claim")
    judged = in_order(judge(findings, cases, alpha=alpha))
    step("behaviour statistics and capability tree")
    behaviour = msgspec.structs.replace(summarise(cases, model, against), labels=labels)
    diagnosis = Diagnosis(
        models=(model,),
        against=tuple(against),
        tasks=tuple(cases["task"].unique(maintain_order=True)),
        cases=cases.height,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        findings=tuple(judged),
        profile=capability_profile(cases, model),
        behaviour=msgspec.to_builtins(behaviour),
        cost=msgspec.structs.replace(cost, seconds=monotonic() - began),
        analyst=None if analyst is None else analyst.name,
        limits=(*limits(cases, model, against, judged, runs, alpha), *(f"Left undone: {what}." for what in undone)),
        runs=tuple(runs),
    )
    return diagnosis, cases, behaviour


def in_order(judged: Sequence[Judged]) -> list[Judged]:
    """Published findings first; within either kind as their authors put them."""
    return sorted(judged, key=lambda one: not one.published)


def described(runs: Iterable[Path]) -> list[dict[str, Any]]:
    """What a report says of the runs that it rests on."""
    found = []
    for run in runs:
        manifest = read_manifest(run)
        dataset = manifest.task.dataset
        found.append(
            {
                "folder": str(run),
                "run_id": manifest.run_id,
                "model": manifest.model.name,
                "task": manifest.task.name,
                "version": manifest.task.version,
                "mode": manifest.mode,
                "settings": ", ".join(f"{name}={value}" for name, value in sorted(manifest.task.params.items()))
                or None,
                "dataset": None if dataset is None or dataset.digest is None else dataset.digest[:16],
                "origin": manifest.origin,
                "created": manifest.created,
                "status": manifest.status,
            }
        )
    return found


def limits(
    cases: pl.DataFrame,
    model: str,
    against: Sequence[str],
    judged: Sequence[Judged],
    runs: Sequence[dict[str, Any]],
    alpha: float,
) -> Iterable[str]:
    """What a reader should know before believing any of it."""
    import polars as pl

    own = cases.filter(pl.col("model") == model)
    held = own.filter(pl.col("half") == "confirmation")["sample_id"].n_unique()
    tested = sum(1 for one in judged if one.p is not None)
    yield (
        f"Suspicions come from one half of the samples; {tested} of {len(judged)} were tested on the other half "
        f"({held} samples), with a false discovery rate of at most {alpha:g} over them all. What a claim states is "
        "computed over both halves and is a little too large where the search chose it; the held-out difference that "
        "stands beside it is not."
    )
    if held < FEW_SAMPLES:
        yield f"{held} held-out samples confirm large differences only: no finding is no proof of no weakness."
    yield "Nothing here speaks of causes unless a probe confirmed it: right and wrong cases differ in difficulty."
    without = own.filter(pl.col("score").is_null()).height
    if without:
        yield f"{without} of {own.height} cases have no score (the endpoint or the scorer failed) and count in no mean."
    if own["epoch"].n_unique() == 1:
        yield "Each sample was tried once: how far answers vary between attempts is not known."
    missing = [name for name in ("output_tokens", "seconds", "cost") if own[name].null_count() == own.height]
    if missing:
        yield f"Not recorded by these runs: {', '.join(name.replace('_', ' ') for name in missing)}."
    clustered = own["cluster"].drop_nulls().n_unique()
    if clustered:
        yield f"Samples share {clustered} sources; intervals and tests are over sources where a side has ten or more."
    yield from _unlike_samples(cases, model, against)
    yield from _unlike_settings(runs)


def _unlike_samples(cases: pl.DataFrame, model: str, against: Sequence[str]) -> Iterable[str]:
    """Competitors that were asked something else."""
    import polars as pl

    asked = {
        who: set(cases.filter(pl.col("model") == who).select("task", "sample_id").iter_rows())
        for who in (model, *against)
    }
    unlike = [who for who in against if asked[who] != asked[model]]
    if unlike:
        names = ", ".join(unlike[:5]) + (f" and {len(unlike) - 5} more" if len(unlike) > 5 else "")
        yield f"Not asked the same samples as {model}: {names}; differences from them are of all samples of either."


def _unlike_settings(runs: Sequence[dict[str, Any]]) -> Iterable[str]:
    """Runs of one benchmark that were not made alike."""
    for task in dict.fromkeys(run["task"] for run in runs):
        here = [run for run in runs if run["task"] == task]
        unlike = [key for key in ("version", "mode", "settings", "dataset") if len({run[key] for run in here}) > 1]
        if unlike:
            yield (
                f"The runs of {task} differ in {' and '.join(unlike)} (see the list of runs): a difference between "
                "models may be one between settings."
            )


def _known(cases: pl.DataFrame, model: str, against: Sequence[str]) -> None:
    models = set(cases["model"])
    missing = [who for who in (model, *against) if who not in models]
    if missing:
        raise UsageError(f"the cases hold no model {missing[0]!r}; they hold: {', '.join(sorted(models))}")
