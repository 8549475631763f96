"""``assay report``: stored results as a document."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.common import Json, Mode, print_json
from assay.errors import UsageError

if TYPE_CHECKING:
    import polars as pl

    from assay.measure.paired import Comparison
    from assay.records import Estimate, RunManifest
    from assay.report.run_report import ReportedRun
    from assay.report.sections import Transcript

TRANSCRIPTS = 3


def report(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders, or folders that hold runs.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The document: .html, or .md with its figures beside it.")],
    mode: Mode = None,
    json: Json = False,
) -> None:
    """Write a report on one run, on several side by side, or on two compared.

    Two runs of one task on the same samples are compared pair by pair. The HTML file stands alone: its
    figures are inside, it loads nothing and runs nothing.

    \b
    assay report runs/korgen-smollm2-1a2b3c4d -o report.html
    assay report RUN RUN -o comparison.md
    """
    from assay.report.run_report import run_sections
    from assay.store.folder import find_runs

    folders = [run for folder in runs for run in find_runs(folder)]
    reported = [reported_run(run, mode) for run in folders]
    comparisons: Sequence[Comparison] = ()
    not_compared: Sequence[str] = ()
    if len(folders) == 2:
        try:
            comparisons, not_compared = _compared(folders, reported, mode)
        except UsageError as error:
            print(f"assay: not compared: {error}", file=sys.stderr)
    examples = [example for run in folders for example in transcripts(run)]
    write(out, "Assay report", run_sections(reported, comparisons, examples, not_compared=not_compared))
    if json:
        print_json({"report": str(out), "runs": [str(folder) for folder in folders]})
    else:
        print(out)


def reported_run(run: Path, mode: str | None = None) -> ReportedRun:
    """A run with all that a report says of it."""
    from assay.cli.show import run_summary
    from assay.report.run_report import ReportedRun
    from assay.store.frames import attempts, table

    summary = run_summary(run, mode)
    columns = ("seconds", "input_tokens", "output_tokens")
    curves = _curves(summary.manifest, attempts(run, mode))
    responses = table(run, "responses").select(columns).collect()
    return ReportedRun(summary.manifest, summary.mode, summary.estimates, summary.outcomes, curves, responses)


def transcripts(run: Path, count: int = TRANSCRIPTS) -> list[Transcript]:
    """The first few attempts of a run, word for word."""
    from itertools import islice

    from assay.report.sections import Transcript, Turn
    from assay.store.frames import trajectories

    found = []
    for sample, trajectory, line in islice(trajectories(run), count):
        score = line.score
        value = "" if score.value is None else f" {score.value:g}"
        turns = [Turn(message.role, message.text) for message in trajectory.messages]
        gold = sample.target if isinstance(sample.target, str) else " | ".join(sample.target)
        turns.append(Turn("scorer", f"{score.outcome}{value}; answer: {score.answer}; gold: {gold}"))
        found.append(Transcript(f"{sample.id}, epoch {trajectory.epoch}", tuple(turns)))
    return found


def write(out: Path, title: str, sections: Sequence[object]) -> None:
    """Write sections as the kind of document that the file's name says. Raises ``UsageError``."""
    from assay.report.html import write_report
    from assay.report.markdown import write_markdown

    writers = {".html": write_report, ".htm": write_report, ".md": write_markdown}
    if out.suffix not in writers:
        raise UsageError(f"--out names an .html or .md file, not {out.name}")
    out.parent.mkdir(parents=True, exist_ok=True)
    writers[out.suffix](out, title, sections)  # type: ignore[arg-type]


def _curves(manifest: RunManifest, frame: pl.DataFrame) -> dict[tuple[str, str], list[Estimate]]:
    from assay.measure.metrics import estimates, level_metric

    task = manifest.task
    areas = [metric for metric in task.metrics if metric.kind == "auc" and metric.along is not None]
    return {
        (metric.name, metric.along or ""): estimates(frame, [level_metric(metric)], cluster=task.cluster)
        for metric in areas
        if not metric.normalised
    }


def _compared(
    folders: Sequence[Path], reported: Sequence[ReportedRun], mode: str | None
) -> tuple[list[Comparison], list[str]]:
    from assay.measure.paired import check_comparable, compare
    from assay.store.frames import attempts, sample_digests

    a, b = folders
    first, second = reported[0].manifest, reported[1].manifest
    check_comparable(first.task, second.task, sample_digests(a), sample_digests(b))
    return compare(attempts(a, mode), attempts(b, mode), first.task.metrics, cluster=first.task.cluster)
