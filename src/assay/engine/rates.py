"""Requests and tokens a minute, where the user states what an account may use.

Both are token buckets (a minute's worth refills evenly, a few seconds' worth may be used at once). The
cost of a call in tokens is known only afterwards: it is taken then, and a bucket in debt lets nothing
through until it has refilled, so that the average holds.
"""

from __future__ import annotations

import asyncio
from time import monotonic

BURST_SECONDS = 5.0


class Bucket:
    """Refills at ``per_minute``; holds ``BURST_SECONDS`` worth."""

    def __init__(self, per_minute: float) -> None:
        self._rate = per_minute / 60
        self._most = max(1.0, self._rate * BURST_SECONDS)
        self._level = self._most
        self._seen = monotonic()

    def wait(self) -> float:
        """Seconds until something may be taken."""
        now = monotonic()
        self._level = min(self._most, self._level + (now - self._seen) * self._rate)
        self._seen = now
        return 0.0 if self._level > 0 else -self._level / self._rate + 1e-3

    def take(self, amount: float) -> None:
        """Take an amount, into debt if need be."""
        self._level -= amount


class Rates:
    """Limits on one endpoint; ``None`` is no limit."""

    def __init__(self, requests: float | None = None, tokens: float | None = None) -> None:
        self._requests = None if requests is None else Bucket(requests)
        self._tokens = None if tokens is None else Bucket(tokens)

    async def admit(self) -> None:
        """Wait until one more request may be sent."""
        buckets = [bucket for bucket in (self._requests, self._tokens) if bucket is not None]
        while buckets and (pause := max(bucket.wait() for bucket in buckets)) > 0:  # noqa: ASYNC110 (time is the event)
            await asyncio.sleep(pause)
        if self._requests is not None:
            self._requests.take(1)

    def used(self, tokens: int) -> None:
        """A reply has cost so many tokens, in and out."""
        if self._tokens is not None:
            self._tokens.take(tokens)
