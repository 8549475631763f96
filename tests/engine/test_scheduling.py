"""Concurrency follows what the endpoint can bear; budgets and rates hold; several runs share fairly."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from assay.engine.budget import Budget
from assay.engine.endpoint import Endpoint, Pace
from assay.engine.gate import Gate
from assay.engine.job import Job, Plan
from assay.engine.rates import Bucket, Rates
from assay.engine.run import Report, execute
from assay.records import Price, Request, Response, Usage
from tests.engine.support import QUICK, Counting, run, task


class Serving:
    """A model with so many slots, each taking a while: more calls than slots only wait."""

    name = "test/serving"

    def __init__(self, slots: int, seconds: float) -> None:
        self._slots = asyncio.Semaphore(slots)
        self._seconds = seconds
        self._random = random.Random(0)
        self.in_flight = self.most = 0

    async def generate(self, request: Request) -> Response:
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        async with self._slots:
            await asyncio.sleep(self._seconds * self._random.uniform(0.5, 1.5))
        self.in_flight -= 1
        return Response("yes", usage=Usage(30, 20))

    async def loglikelihood(self, request: Request) -> Response:
        raise NotImplementedError

    async def close(self) -> None: ...


async def go(tmp_path: Path, model: Any, gate: Gate, n: int, **settings: Any) -> tuple[Report, Job]:
    job = Job(Plan(task(n), "test/m", tmp_path / "r", price=Price(1.0, 2.0)))
    return await execute([(job, Endpoint(model, gate, QUICK))], **settings), job


async def test_the_gate_opens_as_far_as_the_server_gains(tmp_path: Path) -> None:
    wide, narrow = Gate(256), Gate(256)
    await go(tmp_path / "wide", Serving(10_000, 0.02), wide, 3000)
    await go(tmp_path / "narrow", Serving(20, 0.02), narrow, 4000)
    assert wide.limit > 128
    assert 10 <= narrow.limit <= 64, "at most some three times the slots, of 256 allowed"


async def test_never_more_in_flight_than_the_ceiling(tmp_path: Path) -> None:
    model = Serving(10_000, 0.001)
    await go(tmp_path, model, Gate(7), 200)
    assert model.most == 7


async def test_a_cancelled_wait_gives_its_place_back() -> None:
    gate = Gate(1, adaptive=False)
    await gate.enter()
    waiting = [asyncio.create_task(gate.enter()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    gate.leave()
    waiting[1].cancel()  # cancelled just after the place was handed over
    await asyncio.gather(*waiting[:2], return_exceptions=True)
    async with asyncio.timeout(1):
        await waiting[2]
    assert gate.in_flight == 1


@pytest.mark.parametrize(
    ("budget", "done"),
    [(Budget(tokens=500), 10), (Budget(cost=0.00070001), 11), (Budget(seconds=0.2), None)],
    ids=["tokens", "cost", "time"],
)
async def test_a_budget_stops_cleanly_and_the_run_goes_on_later(
    tmp_path: Path, budget: Budget, done: int | None
) -> None:
    """A reply has 30 tokens in and 20 out: 50 tokens, or 70 millionths of a dollar."""
    report, _ = await go(tmp_path, Serving(1, 0.01), Gate(1), 60, budget=budget)
    assert report.stopped is not None
    assert report.error is None
    assert report.manifests[0].status == "interrupted"
    assert report.manifests[0].sealed
    finished = report.manifests[0].outcomes["scored"]
    assert finished == done or (done is None and 0 < finished < 60)
    again, later = await go(tmp_path, Serving(1, 0.001), Gate(1), 60)
    assert later.kept == finished
    assert again.manifests[0].outcomes == {"scored": 60}


async def test_two_tasks_on_one_model_get_equal_shares(tmp_path: Path) -> None:
    order: list[str] = []

    def answer(request: Request) -> str:
        order.append(request.messages[0].text.split()[0])
        return "yes"

    endpoint = Endpoint(Counting(answer), Gate(4), QUICK)
    from tests.engine.support import questions

    jobs = [
        (Job(Plan(task(50, name=name, samples=questions(50, wording=name)), "test/m", tmp_path / name)), endpoint)
        for name in ("one", "two")
    ]
    report = await execute(jobs)
    assert [m.outcomes for m in report.manifests] == [{"scored": 50}] * 2
    assert 23 <= order[:50].count("one") <= 27


async def test_a_slow_model_does_not_hold_up_another(tmp_path: Path) -> None:
    slow, fast = Serving(1, 0.05), Serving(1, 0.001)
    finished: list[str] = []
    jobs = [
        (Job(Plan(task(10), "test/slow", tmp_path / "slow")), Endpoint(slow, Gate(1), QUICK)),
        (Job(Plan(task(10), "test/fast", tmp_path / "fast")), Endpoint(fast, Gate(1), QUICK)),
    ]

    def tick() -> None:
        finished.extend(job.plan.model for job, _ in jobs if job.done == 10 and job.plan.model not in finished)

    await execute(jobs, tick=tick, tick_seconds=0.02)
    assert finished == ["test/fast", "test/slow"]


async def test_requests_a_minute_are_kept_to() -> None:
    rates = Rates(requests=1200)  # 20 a second, of which 100 at once
    began = monotonic()
    for _ in range(120):
        await rates.admit()
    assert monotonic() - began >= 0.9


def test_a_bucket_in_debt_waits_until_it_has_refilled() -> None:
    bucket = Bucket(600)  # 10 a second
    assert bucket.wait() == 0
    bucket.take(80)
    assert bucket.wait() == pytest.approx(3.0, abs=0.1)


def test_a_provider_may_ask_for_its_own_pace() -> None:
    class Patient(Counting):
        concurrency = 500
        adaptive = False

    assert Pace().endpoint(Patient()).gate.limit == 500
    assert Pace(8).endpoint(Patient()).gate.ceiling == 8
    assert Pace().endpoint(Counting()).gate.ceiling == 64


def test_seeds_and_prices_reach_the_manifest(tmp_path: Path) -> None:
    _, report = run(tmp_path / "r", Counting(), price=Price(1.0, 2.0, as_of="2025-06"))
    assert report.manifests[0].price == Price(1.0, 2.0, as_of="2025-06")
