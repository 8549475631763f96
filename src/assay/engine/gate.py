"""How many calls an endpoint gets at once.

The gate starts low and doubles while more calls in flight bring more replies a second; when they only
bring longer waits it goes back and from then on grows in small steps. A 429 or 503 halves it and keeps
everybody waiting as long as the server asked. (Additive increase, multiplicative decrease; the signal
for saturation is throughput and latency together, since the latency of language models varies with
what they say.)
"""

from __future__ import annotations

import asyncio
from collections import deque
from time import monotonic
from typing import NamedTuple

START = 10
JUDGED_AT = 1.3
"""A gate that has grown by this factor has to show what it gained ..."""
GAINS_ABOVE = 1.1
"""... which is this factor in replies a second, or it goes back ..."""
SLOWER_ABOVE = 1.2
"""... provided that the mean wait has grown by this factor."""
HOLD_WINDOWS = 8
"""After a step back, windows before growth is tried again."""


class _Window(NamedTuple):
    limit: int
    rate: float
    """Replies a second."""
    wait: float
    """Mean seconds to a reply."""


class Gate:
    """Admits calls to one endpoint. ``ceiling`` is the user's limit; ``limit`` what holds now."""

    def __init__(self, ceiling: int, *, adaptive: bool = True) -> None:
        self.ceiling = max(1, ceiling)
        self.limit = min(START, self.ceiling) if adaptive else self.ceiling
        self.in_flight = 0
        self.throttled = 0
        """Times that the endpoint asked to slow down."""
        self._adaptive = adaptive
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._open_at = 0.0
        self._doubling = True
        self._hold = 0
        self._last_cut = 0.0
        self._base: _Window | None = None
        self._begin_window()

    async def enter(self) -> None:
        """Wait for a place."""
        while self._waiting or self.in_flight >= self.limit or monotonic() < self._open_at:
            place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(place)
            try:
                await place
                break  # the place was handed over: in_flight already counts it
            except asyncio.CancelledError:
                if place.done() and not place.cancelled():
                    self.leave()
                else:
                    self._waiting.remove(place)
                raise
        else:
            self.in_flight += 1
        if self.in_flight >= self.limit:
            self._saturated = True

    def leave(self) -> None:
        """Give the place back."""
        self.in_flight -= 1
        if self._waiting:
            self._wake()

    def answered(self, seconds: float) -> None:
        """A reply came after ``seconds``."""
        self._count += 1
        self._waits += seconds
        # Small steps need long looks: a server that works in batches answers in bursts.
        if self._adaptive and self._count >= max(8, self.limit if self._doubling else 4 * self.limit):
            self._adapt()

    def slow_down(self, retry_after: float | None) -> None:
        """The endpoint asked for less."""
        now = monotonic()
        self.throttled += 1
        if retry_after:
            self._open_at = max(self._open_at, now + retry_after)
            asyncio.get_running_loop().call_later(retry_after, self._wake)
        if self._adaptive and now - self._last_cut > 1.0:  # one cut for the burst that was in flight together
            self._last_cut = now
            self._doubling = False
            self._hold = HOLD_WINDOWS
            self._base = None
            self._set(self.limit // 2)
            self._begin_window()

    def _adapt(self) -> None:
        elapsed = max(monotonic() - self._began, 1e-9)
        now = _Window(self.limit, self._count / elapsed, self._waits / self._count)
        base = self._base
        if self._hold or base is None:
            self._hold = max(0, self._hold - 1)
            self._base = now
        elif now.limit >= base.limit * JUDGED_AT:
            if now.rate < base.rate * GAINS_ABOVE and now.wait > base.wait * SLOWER_ABOVE:
                self._doubling = False
                self._hold = HOLD_WINDOWS
                self._set(base.limit)
            self._base = now
        if self._saturated and not self._hold:
            self._set(self.limit * 2 if self._doubling else self.limit + max(1, self.limit // 10))
        self._begin_window()

    def _set(self, limit: int) -> None:
        self.limit = max(1, min(self.ceiling, limit))
        if self._waiting:
            self._wake()

    def _begin_window(self) -> None:
        self._began = monotonic()
        self._count = 0
        self._waits = 0.0
        self._saturated = self.in_flight >= self.limit

    def _wake(self) -> None:
        if monotonic() < self._open_at:
            return
        while self._waiting and self.in_flight < self.limit:
            place = self._waiting.popleft()
            if not place.done():
                self.in_flight += 1
                place.set_result(None)
