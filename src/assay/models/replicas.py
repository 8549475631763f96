"""Several servers behind one model name: data-parallel replicas.

Each call goes to the replica with the fewest calls in flight. One that fails as a server (connection
refused or dropped, time-out, 5xx) is taken out, its call goes to another at once, and it is asked for a
sign of life at growing intervals until it gives one. A 429 sends the call elsewhere for as long as that
replica asked. What no replica could answer is the last one's failure, for the engine to retry.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from time import monotonic

from assay.errors import CallFailed, RateLimited
from assay.records import Request, Response
from assay.task import Model

PROBE_FIRST, PROBE_LAST = 1.0, 60.0
"""Seconds between signs of life asked of a replica that is out: doubling from the first to the last."""

Probe = Callable[[], Awaitable[object]]
"""Asks a server for a sign of life; raises ``CallFailed`` where there is none."""


class _Replica:
    def __init__(self, model: Model, probe: Probe) -> None:
        self.model = model
        self.probe = probe
        self.in_flight = 0
        self.busy_until = 0.0
        self.reviving: asyncio.Task[None] | None = None

    @property
    def out(self) -> bool:
        return self.reviving is not None


class Replicas:
    """One model served by several servers.

    Args:
        name: What Assay calls the model.
        members: Each replica with its probe.
    """

    def __init__(self, name: str, members: Sequence[tuple[Model, Probe]]) -> None:
        self.name = name
        self._replicas = [_Replica(model, probe) for model, probe in members]

    async def generate(self, request: Request) -> Response:
        """Continue a conversation or a prompt. Raises a ``CallFailed`` subclass."""
        return await self._spread(lambda model: model.generate(request))

    async def loglikelihood(self, request: Request) -> Response:
        """Log-probabilities of a continuation. Raises a ``CallFailed`` subclass."""
        return await self._spread(lambda model: model.loglikelihood(request))

    async def close(self) -> None:
        """Close all replicas."""
        for replica in self._replicas:
            if replica.reviving is not None:
                replica.reviving.cancel()
                with suppress(asyncio.CancelledError):
                    await replica.reviving
            await replica.model.close()

    def alive(self) -> int:
        """How many replicas take calls."""
        return sum(not replica.out for replica in self._replicas)

    async def _spread(self, ask: Callable[[Model], Awaitable[Response]]) -> Response:
        tried: set[int] = set()
        while True:
            number = self._choose(tried)
            replica = self._replicas[number]
            tried.add(number)
            replica.in_flight += 1
            try:
                return await ask(replica.model)
            except CallFailed as failure:
                if not failure.retryable:
                    raise
                if isinstance(failure, RateLimited):
                    replica.busy_until = monotonic() + (failure.retry_after or 1.0)
                else:
                    self._take_out(replica)
                if len(tried) == len(self._replicas):
                    raise
            finally:
                replica.in_flight -= 1

    def _choose(self, tried: set[int]) -> int:
        # Replicas that are out are a last resort: with all of them out, a real call is the only probe left.
        now = monotonic()
        return min(
            (number for number in range(len(self._replicas)) if number not in tried),
            key=lambda number: (
                self._replicas[number].out,
                self._replicas[number].busy_until > now,
                self._replicas[number].in_flight,
            ),
        )

    def _take_out(self, replica: _Replica) -> None:
        if replica.reviving is None:
            replica.reviving = asyncio.create_task(_revive(replica))


async def _revive(replica: _Replica) -> None:
    wait = PROBE_FIRST
    while True:
        await asyncio.sleep(wait)
        with suppress(CallFailed, TimeoutError):
            async with asyncio.timeout(10):
                await replica.probe()
            replica.reviving = None
            return
        wait = min(PROBE_LAST, wait * 2)
