"""Servers that misbehave cost time, or one sample, but never the run and never a wrong score."""

from __future__ import annotations

import time
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assay.engine import endpoint as endpoint_module
from assay.engine.endpoint import Endpoint, RetryPolicy
from assay.engine.gate import Gate
from assay.engine.job import Job, Plan
from assay.engine.run import Report, execute
from assay.models.registry import open_model
from assay.records import Outcome
from assay.store.frames import trajectories
from tests.engine.support import task
from tests.models.fault_server import (
    Behaviour,
    FaultServer,
    Received,
    chat,
    chat_body,
    drop,
    error,
    half,
    html,
    reply,
    sentinel,
    trickle,
)

GOOD = chat("yes")
QUICK = RetryPolicy(patience=20.0, first_contact=0.5, base=0.005, cap=0.05)


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


async def run_on(
    script: Any, folder: Path, *, n: int = 10, ceiling: int = 8, policy: RetryPolicy = QUICK, **options: Any
) -> tuple[Report, FaultServer, Endpoint]:
    async with FaultServer(script) as server:
        return *(await run_at(server.url, folder, n=n, ceiling=ceiling, policy=policy, **options)), server


async def run_at(
    url: str, folder: Path, *, n: int = 10, ceiling: int = 8, policy: RetryPolicy = QUICK, **options: Any
) -> tuple[Report, Endpoint]:
    model = open_model("openai/m", {"base_url": url, "timeout": 5, **options})
    endpoint = Endpoint(model, Gate(ceiling), policy)
    try:
        return await execute([(Job(Plan(task(n), "openai/m", folder)), endpoint)]), endpoint
    finally:
        await model.close()


def first_times(count: int, bad: Behaviour) -> Callable[[Received], Behaviour]:
    """``bad`` for the first ``count`` requests, then good."""
    seen = [0]

    def choose(request: Received) -> Behaviour:
        seen[0] += 1
        return bad if seen[0] <= count else GOOD

    return choose


NAN = reply(200, {**chat_body("yes"), "choices": [{**chat_body("yes")["choices"][0], "logprobs": {"content": [
    {"token": "yes", "logprob": float("nan"), "top_logprobs": []}]}}]})  # fmt: skip

PASSING = {
    "500": error(500),
    "502 html": html(502),
    "503": error(503),
    "429": error(429),
    "429 seconds": error(429, headers={"Retry-After": "0.05"}),
    "429 date": error(429, headers={"Retry-After": formatdate(time.time() + 1, usegmt=True)}),
    "dropped": drop(),
    "reset mid-body": drop(after=40, abort=True),
    "cut mid-body": drop(after=40),
    "half a document": half("yes"),
    "html with 200": html(200),
    "error with 200": reply(200, {"error": {"message": "overloaded", "code": 500}}),
    "no choices": reply(200, {"object": "chat.completion", "choices": []}),
    "no json": reply(200, b"yes", kind="text/plain"),
}


@pytest.mark.parametrize("name", PASSING)
async def test_a_passing_fault_costs_nothing(tmp_path: Path, name: str) -> None:
    report, endpoint, _ = await run_on(first_times(6, PASSING[name]), tmp_path / "r")
    assert report.stopped is None
    assert report.manifests[0].outcomes == {"scored": 10}
    assert endpoint.retries == 6
    assert pl.read_parquet(tmp_path / "r" / "scores.parquet")["value"].sum() == 10


async def test_a_reply_that_trickles_in_is_given_up_and_asked_again(tmp_path: Path) -> None:
    report, endpoint, _ = await run_on(first_times(2, trickle(0.05)), tmp_path / "r", timeout=0.5)
    assert report.manifests[0].outcomes == {"scored": 10}
    assert endpoint.retries == 2


async def test_one_request_that_always_fails_fails_its_sample_only(tmp_path: Path) -> None:
    script = sentinel('"question 1234"', error(400, "context length exceeded"), GOOD)
    report, _, server = await run_on(script, tmp_path / "r", n=2000, ceiling=50)
    assert report.manifests[0].outcomes == {"scored": 1999, "model_failed": 1}
    assert len(server.received) == 2000, "a rejected request is not tried again"
    scores = pl.read_parquet(tmp_path / "r" / "scores.parquet").filter(outcome="model_failed")
    assert scores["value"].to_list() == [None]
    assert "context length exceeded" in scores["explanation"].item()


async def test_a_long_outage_leaves_samples_unanswered_not_wrong(tmp_path: Path) -> None:
    policy = RetryPolicy(patience=0.3, first_contact=0.3, base=0.01, cap=0.05)
    script = sentinel('"question 3"', error(500), GOOD)
    report, _, _ = await run_on(script, tmp_path / "r", policy=policy)
    assert report.manifests[0].outcomes == {"scored": 9, "infra_failed": 1}
    async with FaultServer([GOOD]) as server:
        again, _ = await run_at(server.url, tmp_path / "r")
        assert [r.json["messages"][0]["content"] for r in server.received] == ["question 3"]
    assert again.manifests[0].outcomes == {"scored": 10}


async def test_a_storm_of_500_is_sat_out(tmp_path: Path) -> None:
    await _storm(tmp_path, 2.0, RetryPolicy(patience=20.0, base=0.05, cap=0.5))


@pytest.mark.slow
async def test_a_storm_of_500_for_half_a_minute_is_sat_out(tmp_path: Path) -> None:
    await _storm(tmp_path, 30.0, RetryPolicy())


async def _storm(folder: Path, seconds: float, policy: RetryPolicy) -> None:
    began = time.monotonic()

    def weather(request: Received) -> Behaviour:
        return error(500) if 0.05 < time.monotonic() - began < seconds else chat("yes", delay=0.01)

    report, endpoint, _ = await run_on(weather, folder / "r", n=300, policy=policy)
    assert report.manifests[0].outcomes == {"scored": 300}
    assert endpoint.retries > 8


async def test_a_storm_of_429_is_answered_with_fewer_calls_at_once(tmp_path: Path) -> None:
    def crowded(request: Received) -> Behaviour:
        return chat("yes", delay=0.02) if server_box[0].in_flight <= 4 else error(429)

    server_box: list[FaultServer] = []
    async with FaultServer(crowded) as server:
        server_box.append(server)
        report, endpoint = await run_at(server.url, tmp_path / "r", n=200, ceiling=64)
    assert report.manifests[0].outcomes == {"scored": 200}
    assert endpoint.gate.throttled > 0
    assert endpoint.gate.limit < 32


@pytest.mark.parametrize(
    ("script", "line"),
    [
        ([error(401, "bad key")], "401"),
        ([error(404, "no model m")], "no such model or address"),
    ],
)
async def test_an_endpoint_that_serves_nobody_stops_the_run_at_once(tmp_path: Path, script: Any, line: str) -> None:
    report, _, server = await run_on(script, tmp_path / "r", n=2000, ceiling=8)
    assert line in (report.stopped or "")
    assert report.error is not None
    assert report.error.exit_code == 3
    assert len(server.received) <= 8
    assert report.manifests[0].status == "interrupted"


async def test_a_refused_connection_stops_the_run_soon_and_in_one_line(tmp_path: Path) -> None:
    report, _ = await run_at("http://127.0.0.1:9/v1", tmp_path / "r")
    assert "cannot be reached" in (report.stopped or "")
    assert "\n" not in (report.stopped or "")


async def test_a_key_revoked_midway_stops_the_run_and_loses_nothing(tmp_path: Path) -> None:
    script = first_times(0, GOOD)
    count = [0]

    def revoked(request: Received) -> Behaviour:
        count[0] += 1
        return script(request) if count[0] <= 50 else error(401)

    report, _, _ = await run_on(revoked, tmp_path / "r", n=500)
    assert "401" in (report.stopped or "")
    assert report.manifests[0].outcomes["scored"] == 50
    again, _, server = await run_on([GOOD], tmp_path / "r", n=500)
    assert again.manifests[0].outcomes == {"scored": 500}
    assert len(server.received) == 450


async def test_a_10_megabyte_answer_and_hostile_unicode_come_back_bit_for_bit(tmp_path: Path) -> None:
    big = "yes" * 3_500_000
    strange = "\ud800 \x00 \u2028 \u202e \udfff"

    def answer(request: Received) -> Behaviour:
        return chat(big) if b"question 0" in request.body else chat(strange)

    report, _, _ = await run_on(answer, tmp_path / "r", n=2)
    assert report.manifests[0].outcomes == {"scored": 2}
    texts = {sample.id: trajectory.text for sample, trajectory, _ in trajectories(tmp_path / "r")}
    assert texts == {"q0": big, "q1": strange}


async def test_null_content_and_nan_logprobs_are_replies(tmp_path: Path) -> None:
    def answer(request: Received) -> Behaviour:
        return NAN if b"question 0" in request.body else chat(None, finish="length")

    report, _, _ = await run_on(answer, tmp_path / "r", n=2)
    assert report.manifests[0].outcomes == {"scored": 2}
    found = {s.id: t.response for s, t, _ in trajectories(tmp_path / "r")}
    assert found["q1"].text == ""
    assert found["q1"].finish_reason == "length"


async def test_a_clock_that_jumps_disturbs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jumps = iter(range(10**6))
    monkeypatch.setattr(endpoint_module, "time", lambda: 1e9 - 86400.0 * next(jumps))
    report, endpoint, _ = await run_on(first_times(3, error(429, headers={"Retry-After": "0.05"})), tmp_path / "r")
    assert report.manifests[0].outcomes == {"scored": 10}
    assert endpoint.retries == 3
    seconds = pl.read_parquet(tmp_path / "r" / "responses.parquet")["seconds"]
    assert seconds.is_between(0, 5).all()


async def test_a_scorer_that_fails_is_not_a_score(tmp_path: Path) -> None:
    def raises(sample: Any, trajectory: Any) -> Any:
        raise ZeroDivisionError("oh")

    async with FaultServer([GOOD]) as server:
        model = open_model("openai/m", {"base_url": server.url})
        job = Job(Plan(task(3, scorers={"plain": raises}), "openai/m", tmp_path / "r"))
        report = await execute([(job, Endpoint(model, Gate(2), QUICK))])
        await model.close()
    assert report.manifests[0].outcomes == {Outcome.JUDGE_FAILED: 3}
    assert pl.read_parquet(tmp_path / "r" / "scores.parquet")["value"].null_count() == 3
