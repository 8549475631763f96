"""A small task and a counting model, enough to watch the engine at work."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from assay.engine.endpoint import Endpoint, RetryPolicy
from assay.engine.gate import Gate
from assay.engine.job import Job, Plan
from assay.engine.run import Report, execute
from assay.errors import NotSupported
from assay.protocols import single_question
from assay.records import Outcome, Request, Response, Sample, Score, Trajectory, Usage
from assay.task import Protocol, Task

QUICK = RetryPolicy(patience=2.0, first_contact=0.2, base=0.001, cap=0.01)


class Counting:
    """A model made of a function, which remembers what it was asked."""

    name = "test/counting"

    def __init__(self, reply: Callable[[Request], Response | str] = lambda request: "yes") -> None:
        self.asked: Counter[str] = Counter()
        self.requests: list[Request] = []
        self._reply = reply

    async def generate(self, request: Request) -> Response:
        await asyncio.sleep(0)
        self.requests.append(request)
        self.asked[request.messages[0].text if request.messages else request.prompt or ""] += 1
        reply = self._reply(request)
        return reply if isinstance(reply, Response) else Response(reply, usage=Usage(3, 2), finish_reason="stop")

    async def loglikelihood(self, request: Request) -> Response:
        raise NotSupported("no log-likelihoods here")

    async def close(self) -> None: ...


def says_yes(sample: Sample, trajectory: Trajectory) -> Score:
    """Right where the reply ends in ``yes``."""
    return Score(Outcome.SCORED, float(trajectory.text.endswith("yes")), trajectory.text)


def questions(n: int, *, wording: str = "question", target: str = "yes") -> Callable[[], Iterator[Sample]]:
    """``n`` samples with a category."""

    def stream() -> Iterator[Sample]:
        for number in range(n):
            yield Sample(f"q{number}", f"{wording} {number}", target, metadata={"category": "ab"[number % 2]})

    return stream


def task(n: int = 10, *, protocol: Protocol = single_question, **changes: Any) -> Task:
    """A task of ``n`` questions."""
    fields: dict[str, Any] = {
        "name": "toy",
        "version": "1",
        "samples": questions(n),
        "protocol": protocol,
        "scorers": {"plain": says_yes},
        "mode": "plain",
        "size": n,
    }
    return Task(**(fields | changes))


def run(
    folder: Path,
    model: Any,
    chosen: Task | None = None,
    *,
    name: str = "test/counting",
    ceiling: int = 4,
    policy: RetryPolicy = QUICK,
    **plan: Any,
) -> tuple[Job, Report]:
    """Carry out one plan to its end."""

    async def go() -> tuple[Job, Report]:
        job = Job(Plan(chosen or task(), name, folder, **plan))
        try:
            return job, await execute([(job, Endpoint(model, Gate(ceiling), policy))])
        except BaseException:
            job.abandon()  # what the kernel does for a process that dies: closes its files
            raise

    return asyncio.run(go())
