"""Asking one model: admission, retries with back-off, and when to give up on the endpoint.

A failed call never raises: it comes back as a ``Response`` with an error, and fails its own sample
only. What raises is an endpoint that cannot serve the run at all: a wrong key or an unknown model
before anything succeeded, or nothing but failures for a long while. That stops the run, so that
thousands of samples are not spent on it; they stay unasked and the same command goes on later.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from time import monotonic, time

import msgspec

from assay.engine.gate import Gate
from assay.engine.rates import Rates
from assay.errors import CallFailed, ConnectionFailed, EndpointUnusable, RateLimited, RunIncomplete
from assay.records import CallError, Outcome, Request, Response, Timing
from assay.task import Model

DEFAULT_CONCURRENCY = 64


@dataclass(frozen=True)
class RetryPolicy:
    """How long a call is tried. Delays double from ``base`` to ``cap``, with full jitter (seconds)."""

    patience: float = 300.0
    """A call that has failed for this long is given up."""
    first_contact: float = 20.0
    """The same, while the endpoint has never answered and refuses connections."""
    base: float = 0.5
    cap: float = 30.0

    def delay(self, attempt: int, retry_after: float | None) -> float:
        """Seconds to wait after failed attempt number ``attempt`` (from 1)."""
        backoff = random.uniform(0, min(self.cap, self.base * 2 ** min(attempt, 16)))
        return backoff if retry_after is None else retry_after + random.uniform(0, self.base)


@dataclass(frozen=True)
class Pace:
    """How fast the endpoints of a command may be asked."""

    concurrency: int | None = None
    """Most calls in flight; ``None``: the provider's choice, or 64."""
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None

    def endpoint(self, model: Model) -> Endpoint:
        """An endpoint for a model, which may have wishes: ``concurrency``, and ``adaptive`` = False for all at once."""
        ceiling = self.concurrency or getattr(model, "concurrency", None) or DEFAULT_CONCURRENCY
        gate = Gate(ceiling, adaptive=getattr(model, "adaptive", True))
        limited = self.requests_per_minute is not None or self.tokens_per_minute is not None
        rates = Rates(self.requests_per_minute, self.tokens_per_minute) if limited else None
        return Endpoint(model, gate, self.policy, rates)


class EndpointDown(RunIncomplete):
    """The endpoint serves nothing: the run stops and can be resumed."""


class Endpoint:
    """A model with its gate, its retry policy and its record of failures."""

    def __init__(self, model: Model, gate: Gate, policy: RetryPolicy, rates: Rates | None = None) -> None:
        self.model = model
        self.gate = gate
        self.policy = policy
        self._rates = rates
        self.answered = 0
        self.retries = 0
        self._failed_in_a_row = 0

    async def ask(self, request: Request) -> Response:
        """The model's response, or one with an error. Raises ``EndpointDown``."""
        method = self.model.generate if request.continuation is None else self.model.loglikelihood
        started, began, attempt = time(), monotonic(), 0
        failing_since: float | None = None
        while True:
            attempt += 1
            if self._rates is not None:
                await self._rates.admit()
            await self.gate.enter()
            sent = monotonic()
            try:
                response = await method(request)
            except CallFailed as error:
                failure = error
            else:
                self.answered += 1
                self._failed_in_a_row = 0
                self.gate.answered(monotonic() - sent)
                if self._rates is not None and (usage := response.usage) is not None:
                    self._rates.used((usage.input_tokens or 0) + (usage.output_tokens or 0))
                return _timed(response, started, sent - began, attempt)
            finally:
                self.gate.leave()
            if isinstance(failure, RateLimited):
                self.gate.slow_down(failure.retry_after)
            failing_since = failing_since or monotonic()
            delay = self.policy.delay(attempt, failure.retry_after)
            if not failure.retryable or monotonic() + delay - failing_since > self._patience(failure):
                self._note_failure(failure)
                return _failed(failure, started, sent - began, monotonic() - sent, attempt)
            self.retries += 1
            await asyncio.sleep(delay)

    def _patience(self, failure: CallFailed) -> float:
        never_met = not self.answered and isinstance(failure, ConnectionFailed)
        return min(self.policy.first_contact, self.policy.patience) if never_met else self.policy.patience

    def _note_failure(self, failure: CallFailed) -> None:
        if failure.outcome is not Outcome.INFRA_FAILED:
            self._failed_in_a_row = 0  # it answered, if only to reject this request
            return
        self._failed_in_a_row += 1
        hopeless = isinstance(failure, EndpointUnusable | ConnectionFailed) and not self.answered
        if hopeless or self._failed_in_a_row > max(20, self.gate.ceiling):
            raise EndpointDown(str(failure))


def _timed(response: Response, started: float, waited: float, attempts: int) -> Response:
    timing = response.timing
    if attempts == 1 and timing is not None:
        return response
    seconds, first = (timing.seconds, timing.first_token) if timing else (0.0, None)
    return msgspec.structs.replace(response, timing=Timing(started, seconds, first, attempts, waited))


def _failed(failure: CallFailed, started: float, waited: float, seconds: float, attempts: int) -> Response:
    error = CallError(type(failure).__name__, str(failure), failure.outcome, failure.status)
    return Response(error=error, timing=Timing(started, seconds, None, attempts, waited))
