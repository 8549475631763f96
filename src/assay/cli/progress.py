"""Progress of runs: a live display on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING

from assay.records import Outcome

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from assay.engine.job import Job

FIRST_SECONDS = 1.0
LINE_SECONDS = 30.0


class RunProgress:
    """Shows how far the jobs are; ``tick`` is cheap and may be called often."""

    def __init__(self, jobs: Sequence[Job], *, quiet: bool = False) -> None:
        self._jobs = jobs
        self._quiet = quiet
        self._live = sys.stderr.isatty() and not quiet
        self._began = monotonic()
        self._spoke = self._began
        self._bars: Progress | None = None
        self._ids: list[TaskID] = []

    def __enter__(self) -> RunProgress:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._bars is not None:
            self._bars.stop()

    def tick(self) -> None:
        """Bring the display up to date."""
        now = monotonic()
        if self._live and now - self._began > FIRST_SECONDS:
            self._draw()
        elif not self._quiet and not self._live and now - self._spoke > LINE_SECONDS:
            self._spoke = now
            for job in self._jobs:
                print(
                    f"{_name(job)}: {job.done}/{job.plan.attempts or '?'}  {_facts(job)}", file=sys.stderr, flush=True
                )

    def _draw(self) -> None:
        if self._bars is None:
            self._bars = _bars()
            self._ids = [
                self._bars.add_task(_name(job), total=job.plan.attempts, facts="", rate="") for job in self._jobs
            ]
            self._bars.start()
        elapsed = monotonic() - self._began
        for job, bar in zip(self._jobs, self._ids, strict=True):
            fresh = job.outcomes.total()
            with suppress(IndexError):
                self._bars.update(bar, completed=job.done, facts=_facts(job), rate=f"{fresh / elapsed:,.1f}/s")
        self._bars.refresh()


class Bar:
    """A counter for long work that is not a run; shown on a terminal after a second."""

    def __init__(self, what: str, total: int | None = None, *, quiet: bool = False) -> None:
        self._what, self._total, self._count = what, total, 0
        self._live = sys.stderr.isatty() and not quiet
        self._began = self._drawn = monotonic()
        self._bars: Progress | None = None

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._bars is not None:
            self._bars.stop()

    def advance(self) -> None:
        """One more is done."""
        self._count += 1
        now = monotonic()
        if not self._live or now - self._began < FIRST_SECONDS or now - self._drawn < 0.2:
            return
        self._drawn = now
        if self._bars is None:
            self._bars = _bars()
            self._id = self._bars.add_task(self._what, total=self._total, facts="", rate="")
            self._bars.start()
        self._bars.update(self._id, completed=self._count, rate=f"{self._count / (now - self._began):,.0f}/s")
        self._bars.refresh()


def _bars() -> Progress:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[facts]}"),
        console=Console(stderr=True),
        auto_refresh=False,
    )


def _name(job: Job) -> str:
    return f"{job.plan.task.name} · {job.plan.model}"


def _facts(job: Job) -> str:
    parts = [f"{job.kept} kept"] if job.kept else []
    parts += [f"{count} {outcome}" for outcome, count in job.outcomes.items() if outcome != Outcome.SCORED]
    if job.output_tokens:
        parts.append(f"{job.input_tokens / 1000:,.0f}k in, {job.output_tokens / 1000:,.0f}k out")
    if job.plan.price is not None and job.cost:
        parts.append(f"${job.cost:.4f}")
    return ", ".join(parts)
