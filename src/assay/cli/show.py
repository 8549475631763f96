"""``assay show``: what a run came to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.common import Json, Mode, console, estimate_table, plain_table, print_json
from assay.records import ANSWERED, Estimate, Price, RunManifest, Usage

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class RunSummary:
    """A run's numbers with what they rest on."""

    folder: Path
    manifest: RunManifest
    mode: str
    estimates: list[Estimate]
    outcomes: dict[str, int]
    usage: dict[str, Any]
    """Calls, tokens and seconds, summed over the stored calls."""
    fixed_set_se: float | None = None
    """Of the score on these very samples, from the spread of repeated attempts; ``None`` without repeats."""

    @property
    def estimand(self) -> str:
        """What the intervals are about."""
        task = self.manifest.task
        over = "" if task.cluster is None else f", which share sources by {task.cluster}"
        own = "" if self.fixed_set_se is None else f"; on these very samples SE {100 * self.fixed_set_se:.2f} points"
        return f"score on the questions that these samples stand for{over}{own}"

    def facts(self) -> dict[str, Any]:
        """The summary as plain data."""
        return {
            "run": str(self.folder),
            "mode": self.mode,
            "estimates": self.estimates,
            "outcomes": self.outcomes,
            "usage": self.usage,
            "estimand": self.estimand,
            "fixed_set_se": self.fixed_set_se,
            "manifest": self.manifest,
        }


def show(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders, or folders that hold runs.")],
    mode: Mode = None,
    published: Annotated[
        bool, typer.Option("--published", help="Put published figures of the benchmark beside the run.")
    ] = False,
    published_model: Annotated[
        list[str] | None,
        typer.Option(metavar="MODEL", help="All published figures of models with this in their name. Repeatable."),
    ] = None,
    json: Json = False,
) -> None:
    """Show a run's scores with intervals and denominators, its outcomes, its cost and its time.

    Several runs are shown one after the other. A run that is still being written is shown as far as it is.
    Published figures stand beside it with their source and setting; settings differ, so they are not compared.

    \b
    assay show runs/korgen-smollm2-1a2b3c4d
    assay show runs/supergpqa-my-model-1a2b3c4d --published
    assay show runs/korbench-my-model-1a2b3c4d --published-model gpt-4o --published-model seed
    assay show runs --json
    """
    from assay.store.folder import find_runs

    summaries = [run_summary(run, mode) for folder in runs for run in find_runs(folder)]
    models = None if not published and not published_model else tuple(published_model or ())
    if json:
        print_json([_with_published(summary, models) for summary in summaries])
        return
    for summary in summaries:
        describe(summary, published=models)


def run_summary(run: Path, mode: str | None = None) -> RunSummary:
    """Compute a run's numbers from what is stored. Raises ``RunFolderError``."""
    from assay.measure.columns import keys_of
    from assay.measure.metrics import estimates
    from assay.store.folder import read_manifest
    from assay.store.frames import attempts

    manifest = read_manifest(run)
    task = manifest.task
    tagged = bool(keys_of(task.metrics, task.cluster))
    valued = any(metric.value != "value" for metric in task.metrics)
    repeated = manifest.epochs > 1
    frame = attempts(run, mode, metadata=tagged, values=valued, answers=repeated, identify=repeated)
    found = estimates(frame, task.metrics, cluster=task.cluster)
    if repeated:
        found += _repeated(frame, manifest)
    outcomes = dict(frame["outcome"].value_counts(sort=True).iter_rows())
    own = _own_dice(frame) if repeated else None
    return RunSummary(run, manifest, mode or manifest.mode, found, outcomes, _usage(run, manifest.price), own)


def _own_dice(frame: pl.DataFrame) -> float | None:
    """Standard error of the mean score over exactly these samples: the model's own dice."""
    import polars as pl

    from assay.measure.variance import fixed_set_error

    answered = frame.filter(pl.col("outcome").is_in([str(outcome) for outcome in ANSWERED]))
    score = pl.col("value").fill_null(0.0)
    cells = answered.group_by("sample").agg((score.var(ddof=0) * pl.len()).alias("within"), pl.len().alias("k"))
    if cells.is_empty():
        return None
    return fixed_set_error(cells["within"].to_numpy(), cells["k"].cast(pl.Float64).to_numpy())


def _repeated(frame: pl.DataFrame, manifest: RunManifest) -> list[Estimate]:
    """What k attempts at each sample come to, for the task's plain metrics."""
    from assay.measure.repeated import kinds_for, repeated_estimate

    plain = [m for m in manifest.task.metrics if m.kind == "mean" and m.by is None and m.better == "higher"]
    return [
        repeated_estimate(frame, kind, manifest.epochs, metric=metric, cluster=manifest.task.cluster)
        for metric in plain
        for kind in kinds_for(frame, metric)
    ]


def _with_published(summary: RunSummary, models: tuple[str, ...] | None) -> dict[str, Any]:
    if models is None:
        return summary.facts()
    from assay.define.published import CAUTION, figures_for

    figures = figures_for(summary.manifest.task, models)
    return {**summary.facts(), "published": {"caution": CAUTION, "figures": figures}}


def describe(summary: RunSummary, published: tuple[str, ...] | None = None) -> None:
    """Print a run for a person, with the figures published of these models (all of them where it is empty)."""
    from assay.report.numbers import counts

    manifest, out = summary.manifest, console()
    task, sampling = manifest.task, manifest.sampling
    settings = [f"mode {summary.mode}", f"epochs {manifest.epochs}"]
    settings += [f"{name}={value}" for name, value in task.params.items() if value not in (None, ())]
    settings += [
        f"{name}={getattr(sampling, name)}"
        for name in ("max_tokens", "temperature", "top_p", "seed")
        if getattr(sampling, name) is not None
    ]
    out.print(f"[bold]{task.name}[/bold] {task.version} · [bold]{manifest.model.name}[/bold] · {', '.join(settings)}")
    if task.dataset is not None:
        digest = f" sha256 {task.dataset.digest[:12]}" if task.dataset.digest else ""
        out.print(f"data {task.dataset.source}{digest}", markup=False)
        for note in task.dataset.notes:
            out.print(f"note: {note}", markup=False)
    out.print(estimate_table(summary.estimates))
    out.print(f"estimand: {summary.estimand}", markup=False)
    state = manifest.status if manifest.sealed else f"{manifest.status}, not sealed"
    planned = f" of {manifest.planned} planned" if manifest.planned else ""
    out.print(f"outcomes: {counts(summary.outcomes)}{planned} ({state})", markup=False)
    out.print(_spent(summary), markup=False)
    out.print(f"run: {summary.folder}", markup=False)
    _published_beside(summary, published)
    out.print()


def _published_beside(summary: RunSummary, models: tuple[str, ...] | None) -> None:
    """The published figures of the run's benchmark, or a line that says that there are some."""
    from rich.markup import escape

    from assay.define.published import CAUTION, alias_of, figures_for

    alias, out = alias_of(summary.manifest.task), console()
    if models is None:
        if alias is not None:
            out.print(f"figures of other models are published: `assay show {summary.folder} --published`", markup=False)
        return
    figures = figures_for(summary.manifest.task, models)
    if not figures:
        whose = f" of {', '.join(models)}" if models else ""
        out.print(f"no published figures{whose} for {summary.manifest.task.name}", markup=False)
        return
    columns = ["benchmark", "metric", "model", "value", "unit", "note", "setting and source"]
    table, said = plain_table("Published elsewhere", columns, right=["value"]), ""
    for figure in figures:
        told = f"{figure.setting} · {figure.source}: {figure.table}"
        row = (figure.benchmark, figure.metric, figure.model, f"{figure.value:g}", figure.unit, figure.note)
        table.add_row(*map(escape, (*row, "as above" if told == said else told)))
        said = told
    out.print(table)
    out.print(CAUTION, markup=False)


def _spent(summary: RunSummary) -> str:
    usage = summary.usage
    parts = [f"{usage['calls']} calls"]
    if usage["output_tokens"]:
        parts.append(f"{usage['input_tokens']:,} tokens in, {usage['output_tokens']:,} out")
    if usage["median_seconds"] is not None:
        parts.append(f"median call {usage['median_seconds']:.3g} s")
    if summary.manifest.seconds is not None:
        parts.append(f"wall {summary.manifest.seconds:.1f} s")
    dollars = usage["cost"]
    as_of = summary.manifest.price.as_of if summary.manifest.price is not None else None
    spent = "no price known" if dollars is None else f"${dollars:.4f}" + (f" (prices of {as_of})" if as_of else "")
    return f"cost: {spent}, " + ", ".join(parts)


def _usage(run: Path, price: Price | None) -> dict[str, Any]:
    import polars as pl

    from assay.models.prices import cost
    from assay.store.frames import table

    usage = (
        table(run, "responses")
        .select(
            pl.len().alias("calls"),
            pl.col("input_tokens", "output_tokens", "reasoning_tokens", "cached_tokens").sum(),
            pl.col("seconds").median().alias("median_seconds"),
            (pl.col("attempts") - 1).sum().alias("retries"),
        )
        .collect()
        .row(0, named=True)
    )
    tokens = Usage(usage["input_tokens"], usage["output_tokens"], None, usage["cached_tokens"])
    return {**usage, "cost": None if price is None else cost(price, tokens)}
