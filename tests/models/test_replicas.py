"""Several servers behind one name: the work goes where there is room, and never to the dead."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from assay.errors import BadRequest, ConnectionFailed
from assay.models import replicas as module
from assay.models.registry import open_model
from assay.models.replicas import Replicas
from assay.records import Message, Request
from tests.models.fault_server import Behaviour, FaultServer, Received, chat, error, reply

REQUEST = Request("openai/m", (Message("user", "Why?"),))


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setattr(module, "PROBE_FIRST", 0.05)


def model_at(*servers: FaultServer) -> Replicas:
    model = open_model("openai/m", {"base_url": ",".join(server.url for server in servers), "timeout": 5})
    assert isinstance(model, Replicas)
    return model


def calls(server: FaultServer) -> int:
    return sum(request.method == "POST" for request in server.received)


async def test_calls_go_to_the_replica_with_the_fewest_in_flight() -> None:
    async with AsyncExitStack() as stack:
        slow = await stack.enter_async_context(FaultServer([chat(delay=0.2)]))
        fast = await stack.enter_async_context(FaultServer([chat(delay=0.01)]))
        model = model_at(slow, fast)

        left = iter(range(60))

        async def worker() -> None:
            for _ in left:
                await model.generate(REQUEST)

        await asyncio.gather(*(worker() for _ in range(4)))
        await model.close()
        assert calls(slow) + calls(fast) == 60
        assert calls(fast) > 3 * calls(slow) > 0


async def test_a_dead_replica_is_taken_out_probed_and_taken_back() -> None:
    ill = [True]

    def recovering(request: Received) -> Behaviour:
        if ill[0]:
            return error(503)
        return reply(200, {"data": []}) if request.method == "GET" else chat()

    async with FaultServer(recovering) as patient, FaultServer([chat()]) as healthy:
        model = model_at(patient, healthy)
        for _ in range(20):
            await model.generate(REQUEST)
        assert calls(patient) == 1, "one call found out, and went elsewhere"
        assert calls(healthy) == 20
        assert model.alive() == 1
        ill[0] = False
        async with asyncio.timeout(5):
            while model.alive() < 2:  # noqa: ASYNC110 (the probing task has nothing to wait for)
                await asyncio.sleep(0.01)
        await asyncio.gather(*(model.generate(REQUEST) for _ in range(10)))
        assert calls(patient) > 1
        await model.close()


async def test_with_all_replicas_dead_the_failure_is_told_to_the_engine() -> None:
    async with FaultServer([chat()]) as server:
        port = server.url
    model = open_model("openai/m", {"base_url": f"{port},http://127.0.0.1:9/v1"})
    with pytest.raises(ConnectionFailed):
        await model.generate(REQUEST)
    await model.close()


async def test_a_rejected_request_is_not_tried_elsewhere() -> None:
    async with FaultServer([error(400)]) as one, FaultServer([error(400)]) as other:
        model = model_at(one, other)
        with pytest.raises(BadRequest):
            await model.generate(REQUEST)
        assert calls(one) + calls(other) == 1
        await model.close()


async def test_a_throttled_replica_rests_as_long_as_it_asked() -> None:
    async with FaultServer([error(429, headers={"Retry-After": "30"}), chat()]) as busy, FaultServer([chat()]) as idle:
        model = model_at(busy, idle)
        for _ in range(10):
            await model.generate(REQUEST)
        assert (calls(busy), calls(idle)) == (1, 10)
        await model.close()
