"""``assay diagnose``: what a model is weak at and how it behaves, in a report whose claims have been recomputed."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.common import Data, Json, print_json
from assay.errors import StorageFailed, UsageError

if TYPE_CHECKING:
    import polars as pl

    from assay.analyze.diagnose import Analyst
    from assay.analyze.findings import Diagnosis
    from assay.analyze.summary import Behaviour
    from assay.task import Model

CASES, BEHAVIOUR, TRACE, PROBES = "cases.parquet", "behaviour.parquet", "trace.jsonl", "probes"
DEFAULT_BUDGET = "1M"


def diagnose(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Runs of the model, or folders that hold runs.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the report: index.html, report.md, JSON, tables.")
    ],
    against: Annotated[
        list[Path] | None, typer.Option("--against", metavar="RUN", help="Runs of competitors. Repeatable.")
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="The model to diagnose, where the runs hold several.")
    ] = None,
    analyst: Annotated[
        str | None, typer.Option("--analyst", metavar="MODEL", help="A language model that analyses too.")
    ] = None,
    budget: Annotated[
        str, typer.Option("--budget", metavar="TOKENS|$", help="The analyst's, such as 500k, 2M or $3.")
    ] = DEFAULT_BUDGET,
    probe: Annotated[
        bool, typer.Option("--probe", help="Let the analyst put fresh samples to the model: at most 5 times 60 pairs.")
    ] = False,
    data: Data = None,
    seed: Annotated[int, typer.Option("--seed", help="Of the halves, clusters and shuffles.")] = 0,
    alpha: Annotated[float, typer.Option("--alpha", help="False discovery rate of what is published.")] = 0.05,
    json: Json = False,
) -> None:
    """Diagnose a model from its stored runs: weaknesses, behaviour, failures, contrasts.

    RUNs of one model, on one benchmark or several, are diagnosed; --against names the runs of models to compare it
    with. RUNs of several models without --against are compared with each other: the one named by --model, else the
    one with the best mean score, is diagnosed and the others are its competitors.

    No language model is needed. With --analyst one looks for more; whoever makes a claim, it is published only
    when code has recomputed its numbers and confirmed its difference on samples that it was not found on.

    \b
    assay diagnose runs/korbench-mine -o diagnosis
    assay diagnose runs/korbench-mine --against runs/korbench-theirs -o diagnosis
    assay diagnose runs/ --model openai/mine --analyst openai/gpt-4o --budget 500k -o diagnosis
    """
    from assay.analyze.diagnose import described
    from assay.analyze.diagnose import diagnose as find
    from assay.analyze.scenarios import seen
    from assay.analyze.summary import frame
    from assay.report.diagnosis import write

    if not 0 < alpha < 1:
        raise UsageError(f"--alpha takes a share between 0 and 1, not {alpha:g}")
    if probe and analyst is None:
        raise UsageError("--probe lets an analyst ask the model: name one with --analyst")
    own, others = _folders(runs, against or ())
    limit = _budget(budget) if analyst is not None else None
    _make(out)
    cases = _cases([*own, *others], seed)
    who, competitors = _sides(cases, own, others, model)

    async def work() -> tuple[Diagnosis, pl.DataFrame, Behaviour]:
        helper = None if analyst is None else _analyst(analyst, limit, out, seed)
        subject = _subject(own, who) if probe else None
        if helper is not None and subject is not None:
            helper = helper._replace(probe=_prober(subject, cases, own, who, out, data, seed, alpha))
        try:
            return await find(
                cases,
                who,
                competitors,
                runs=described([*own, *others]),
                trajectories=seen([*own, *others], cases),
                analyst=helper,
                seed=seed,
                alpha=alpha,
                step=lambda what: print(f"assay: {what}", file=sys.stderr) if sys.stderr.isatty() else None,
            )
        finally:
            for opened in (subject, None if helper is None else helper.model):
                if opened is not None:
                    await opened.close()

    diagnosis, kept, behaviour = asyncio.run(work())
    write(out, diagnosis, kept)
    _save(kept, out / CASES)
    _save(frame(behaviour), out / BEHAVIOUR)
    if json:
        print_json(diagnosis)
    else:
        _tell(diagnosis, out)


def _folders(runs: Sequence[Path], against: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """The run folders of either side, each once."""
    from assay.store.folder import find_runs

    own = list(dict.fromkeys(run.resolve() for folder in runs for run in find_runs(folder)))
    others = dict.fromkeys(run.resolve() for folder in against for run in find_runs(folder))
    return own, [run for run in others if run not in own]


def _cases(runs: Sequence[Path], seed: int) -> pl.DataFrame:
    from assay.analyze.cases import case_table
    from assay.cli.progress import Bar
    from assay.store.folder import read_manifest

    total = sum(sum(read_manifest(run).outcomes.values()) for run in runs)
    with Bar("reading cases", total or None) as bar:
        return case_table(runs, seed=seed, advance=bar.advance)


def _sides(
    cases: pl.DataFrame, own: Sequence[Path], others: Sequence[Path], model: str | None
) -> tuple[str, list[str]]:
    """The model to diagnose and its competitors. Raises ``UsageError`` where the command does not say which."""
    from assay.store.folder import read_manifest

    every = cases["model"].unique(maintain_order=True).to_list()
    mine = [who for who in dict.fromkeys(read_manifest(run).model.name for run in own) if who in every]
    if not mine:
        raise UsageError("the runs to diagnose hold no finished attempt")
    if model is not None:
        if model not in mine:
            raise UsageError(f"no run of a model {model!r} is to be diagnosed; there are: {', '.join(mine)}")
        return model, [who for who in every if who != model]
    if len(mine) == 1:
        return mine[0], [who for who in every if who != mine[0]]
    if others:
        raise UsageError(
            f"the runs to diagnose are of {len(mine)} models ({', '.join(mine[:4])} ...): choose one with --model "
            "(--against takes one folder each time that it is written)"
        )
    return _best(cases, mine), [who for who in every if who != _best(cases, mine)]


def _best(cases: pl.DataFrame, models: Sequence[str]) -> str:
    """The model with the highest mean score; only on the same benchmarks does that mean anything."""
    import polars as pl

    found = cases.group_by("model", maintain_order=True).agg(pl.col("score").mean(), pl.col("task").unique().sort())
    if found["task"].n_unique() > 1:
        raise UsageError("the models were not run on the same benchmarks: choose the one to diagnose with --model")
    scores = {who: score for who, score, _ in found.iter_rows() if score is not None}
    return max(models, key=lambda who: scores.get(who, float("-inf")))


def _budget(text: str) -> tuple[int | None, float | None]:
    """``500k`` as (500000, None) and ``$3`` as (None, 3.0). Raises ``UsageError``."""
    match = re.fullmatch(r"(\$)?(\d+(?:\.\d+)?)([kM])?", text.strip())
    if match is None or (match[1] and match[3]) or not float(match[2]):
        raise UsageError(f"--budget takes tokens such as 500k or 2M, or dollars such as $3, not {text!r}")
    if match[1]:
        return None, float(match[2])
    return int(float(match[2]) * {"k": 1_000, "M": 1_000_000}.get(match[3] or "", 1)), None


def _make(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageFailed(f"cannot make the folder {out}: {error.strerror}") from None


def _save(table: pl.DataFrame, path: Path) -> None:
    try:
        table.write_parquet(path)
    except OSError as error:
        raise StorageFailed(f"cannot write {path}: {error.strerror or error}") from None


def _tell(diagnosis: Diagnosis, out: Path) -> None:
    from assay.report.text import one_line

    published = [one.finding for one in diagnosis.findings if one.published]
    held = len(diagnosis.findings) - len(published)
    print(f"{one_line(diagnosis.models[0])}: {len(published)} findings, {held} held back")
    for finding in published:
        print(f"- {one_line(finding.claim)}")
    print(out / "index.html")


def _analyst(name: str, limit: tuple[int | None, float | None] | None, out: Path, seed: int) -> Analyst:
    """The analysing model with its budget. Raises ``UsageError`` where dollars cannot be counted."""
    from assay.analyze.agents.budget import AgentBudget
    from assay.analyze.diagnose import Analyst
    from assay.models.prices import price_of
    from assay.models.registry import open_model
    from assay.records import Sampling

    tokens, dollars = limit or (None, None)
    price = price_of(name)
    if dollars is not None and price is None:
        raise UsageError(f"--budget in dollars needs a price for {name}, which is not known: give it in tokens")
    budget = AgentBudget(tokens=tokens, dollars=dollars)
    return Analyst(open_model(name), name, budget, Sampling(temperature=0.0, seed=seed), out / TRACE)


def _subject(own: Sequence[Path], model: str) -> Model:
    """The diagnosed model itself, as its first run had it. Raises ``ModelNotFound``."""
    from assay.models.registry import open_model
    from assay.store.folder import read_manifest

    manifest = next(m for m in map(read_manifest, own) if m.model.name == model)
    return open_model(model, manifest.model.options)


def _prober(
    subject: Model,
    cases: pl.DataFrame,
    own: Sequence[Path],
    model: str,
    out: Path,
    data: Path | None,
    seed: int,
    alpha: float,
) -> Callable[[str, dict[str, Any]], Any]:
    """What the analyst's probes run: changed samples of the one task that was run, else generated ones."""
    from assay.analyze.probes import prober
    from assay.benchmarks.registry import load_task
    from assay.store.folder import read_manifest

    tasks = [m.task for m in map(read_manifest, own) if m.model.name == model]
    task = load_task(tasks[0].name, data=data, params=tasks[0].params) if len(tasks) == 1 else None
    used = cases["sample_id"].unique(maintain_order=True).to_list()
    return prober(subject, out / PROBES, task=task, used=used, seed=seed, alpha=alpha)
