"""Carrying out plans: several runs at once, each endpoint kept as busy as it can bear.

Attempts stream: a fixed number of workers an endpoint take the next one in turn from that endpoint's
jobs, so memory does not grow with the number of samples and two tasks on one model share it fairly.
"""

from __future__ import annotations

import asyncio
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic

from assay.engine.budget import Budget
from assay.engine.endpoint import Endpoint
from assay.engine.job import Job
from assay.errors import AssayError, StorageFailed
from assay.records import RunManifest, Sample

_UNLIMITED = Budget()

SYNC_SECONDS = 5.0
GRACE_SECONDS = 10.0
"""After Ctrl-C, how long replies that are under way are waited for."""


@dataclass
class Stop:
    """Why no further attempts are begun; empty while the work goes on."""

    reason: str | None = None
    error: AssayError | None = None
    hurry: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when what is in flight should be dropped as well."""

    def ask(self, reason: str, error: AssayError | None = None) -> None:
        """Stop; the first reason given is kept."""
        if self.reason is None:
            self.reason, self.error = reason, error

    def signalled(self, name: str) -> None:
        """A signal came: stop, or hurry where it is not the first."""
        if self.reason is None:
            self.ask(name)
        else:
            self.hurry.set()


@dataclass(frozen=True)
class Report:
    """How it ended."""

    manifests: tuple[RunManifest, ...]
    stopped: str | None
    """Why it stopped early, or ``None``."""
    error: AssayError | None
    """What stopped it, where it was an error."""


async def execute(
    jobs: Sequence[tuple[Job, Endpoint]],
    *,
    budget: Budget = _UNLIMITED,
    tick: Callable[[], None] = lambda: None,
    tick_seconds: float = 0.25,
) -> Report:
    """Carry out the jobs and seal their runs. ``tick`` is called regularly, to show progress.

    Ctrl-C (or SIGTERM) begins nothing more, waits a little for what is in flight, and seals what there
    is; a second one drops what is in flight.
    """
    stop = Stop()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(ValueError, NotImplementedError, RuntimeError):
            loop.add_signal_handler(number, stop.signalled, signal.Signals(number).name)
    by_endpoint: dict[int, list[tuple[Job, Endpoint]]] = {}
    for job, endpoint in jobs:
        by_endpoint.setdefault(id(endpoint), []).append((job, endpoint))
    began = monotonic()

    def watch() -> None:
        if (reason := budget.spent((job for job, _ in jobs), began)) is not None:
            stop.ask(reason)

    workers = [
        asyncio.create_task(_work(feed, group[0][1], stop, watch if budget != _UNLIMITED else None))
        for group in by_endpoint.values()
        for feed in [_Feed([job for job, _ in group])]
        for _ in range(group[0][1].gate.ceiling)
    ]

    def ticked() -> None:
        watch()
        tick()

    ticker = asyncio.create_task(_tick(jobs, ticked, tick_seconds, stop))
    await _finish(workers, stop)
    ticker.cancel()
    with suppress(asyncio.CancelledError):
        await ticker
    tick()
    return _seal(jobs, stop)


class _Feed:
    """Takes attempts in turn from several jobs."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._open: deque[tuple[Job, Iterator[tuple[Sample, int]]]] = deque((job, job.attempts()) for job in jobs)

    def next(self) -> tuple[Job, Sample, int] | None:
        while self._open:
            job, attempts = self._open[0]
            found = next(attempts, None)
            if found is None:
                self._open.popleft()
            else:
                self._open.rotate(-1)
                return job, *found
        return None


async def _work(feed: _Feed, endpoint: Endpoint, stop: Stop, watch: Callable[[], None] | None) -> None:
    kept = 0
    while stop.reason is None:
        try:
            taken = feed.next()
            if taken is None:
                return
            job, sample, epoch = taken
            before = job.kept
            await job.attempt(sample, epoch, endpoint.ask)
            if watch is not None:
                watch()
            kept = kept + 1 if job.kept > before else 0
            if kept % 64 == 63:
                await asyncio.sleep(0)  # a resume skips without ever waiting: let others and the display in
        except AssayError as error:
            stop.ask(str(error), error)


async def _finish(workers: list[asyncio.Task[None]], stop: Stop) -> None:
    pending = set(workers)
    deadline: float | None = None
    loop = asyncio.get_running_loop()
    while pending:
        finished, pending = await asyncio.wait(pending, timeout=0.1, return_when=asyncio.FIRST_COMPLETED)
        for task in finished:
            if (error := task.exception()) is not None:
                for other in pending:
                    other.cancel()
                raise error
        if stop.reason is not None:
            deadline = deadline or loop.time() + GRACE_SECONDS
            if stop.hurry.is_set() or loop.time() > deadline:
                for task in pending:
                    task.cancel()
                await asyncio.gather(*pending, return_exceptions=True)
                return


async def _tick(jobs: Sequence[tuple[Job, Endpoint]], tick: Callable[[], None], seconds: float, stop: Stop) -> None:
    loop = asyncio.get_running_loop()
    synced = loop.time()
    while True:
        await asyncio.sleep(seconds)
        tick()
        if loop.time() - synced > SYNC_SECONDS:
            try:
                for job, _ in jobs:
                    await asyncio.to_thread(job.sync)
            except AssayError as error:
                stop.ask(str(error), error)
            synced = loop.time()


def _seal(jobs: Sequence[tuple[Job, Endpoint]], stop: Stop) -> Report:
    broken = isinstance(stop.error, StorageFailed)
    manifests: list[RunManifest] = []
    error = stop.error
    for job, _ in jobs:
        if broken:  # a full disk takes no tables either; the journal is complete and stays
            job.abandon()
            manifests.append(job.manifest)
            continue
        try:
            manifests.append(job.close("complete" if stop.reason is None else "interrupted"))
        except StorageFailed as failure:
            error = error or failure
            manifests.append(job.manifest)
    return Report(tuple(manifests), stop.reason or (str(error) if error else None), error)
