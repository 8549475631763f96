"""Models on the machines of a Ray cluster: the engine stays here, its calls are carried out there.

The driver remains the only writer of a run folder. Journal, index, resume, scoring and budgets are the
engine's unchanged code; what it sees is one more ``Model``, which hands each request to one of N
workers (Ray actors). A worker opens the model itself, by name and options or by starting a server of
its own from a command, and asks it through an ``Endpoint``: gate, retries and patience are the worker's.

The invariant: a request is with one worker at a time, or waits here. A worker that is lost (process
killed, node gone, server dead, endpoint unusable, silent) gives back all that it has not answered;
others take it over, and the worker is started again a few times. What a lost worker had answered but
not handed over is asked twice and counted once.

Ray's cost a remote call (about half a millisecond) is shared: requests that wait go together, and
replies are fetched by a call that waits for the first and brings all that have come with it.

No key is sent anywhere: a worker finds its own in the environment of its node.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections import Counter, deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import assay
from assay.engine.endpoint import Endpoint, EndpointDown, Pace, RetryPolicy
from assay.engine.served import START_SECONDS, ServedModel
from assay.errors import AssayError, MissingDependency, UsageError
from assay.models.registry import open_model
from assay.records import CallError, Outcome, Request, Response
from assay.store.encoding import decode, encode
from assay.task import Model

BATCH_CALLS, BATCH_BYTES = 64, 8 << 20
"""Most that one remote call carries to a worker (a single request may be larger)."""
LINGER_SECONDS = 0.02
"""After the first reply, how long a worker gathers others before it hands them over."""
HEARTBEAT_SECONDS = 10.0
"""A worker that has no replies says so this often."""
SILENT_SECONDS = 120.0
"""One that says nothing for so long is lost."""
MOST_FAILURES = 3
"""A worker that is lost so often, with no reply in between, is given up."""
MOST_LOSSES = 3
"""A call that was with so many workers when they were lost is given up: it may be what kills them."""
PLACE_SECONDS = 300.0
"""Beside what a model needs to start: how long the first worker may wait for a node with room."""
CLOSE_SECONDS = 30.0
_LONGEST = 300

Tell = Callable[[str], None]

_Batch = list[tuple[int, bytes]]
"""Requests or responses as JSON, each under its call's number."""


@dataclass(frozen=True)
class Fleet:
    """The workers of a model, and what each needs of its node."""

    workers: int
    serve: str | None = None
    """Command by which each worker starts a server of its own (see ``served``)."""
    concurrency: int | None = None
    """Most calls in flight at one worker; ``None``: the provider's choice, or 64."""
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    cpus: float = 1.0
    gpus: float = 0.0
    start_seconds: float = START_SECONDS
    """Until a worker's server answers."""

    @property
    def needs(self) -> dict[str, float]:
        """Resources of one worker, in Ray's words."""
        return {name: amount for name, amount in (("CPU", self.cpus), ("GPU", self.gpus)) if amount}


def connect(address: str | None) -> Callable[[], None]:
    """Join a Ray cluster, or start one on this machine; returns what leaves it again.

    Args:
        address: Such as ``auto`` or ``10.0.0.1:6379``; ``None`` takes ``RAY_ADDRESS``, or else starts a
            cluster of this machine alone that ends with this process.

    Raises ``MissingDependency`` or ``UsageError``.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_NUM_REDIS_GET_RETRIES", "1")  # else Ray looks for a cluster that is gone for 14 minutes
    try:
        import ray
    except ImportError:
        raise MissingDependency("--executor ray needs Ray: pip install 'assay[ray]'") from None
    if ray.is_initialized():
        return lambda: None
    joins = address or os.environ.get("RAY_ADDRESS")
    if joins:
        _require_answer(joins)
    settings: dict[str, Any] = {"address": joins} if joins else {"address": "local", "include_dashboard": False}
    try:
        ray.init(**settings, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise UsageError(f"no Ray cluster at {joins or 'this machine'}: {_words(error)}") from None
    shutdown: Callable[[], None] = ray.shutdown
    return shutdown


def _require_answer(address: str) -> None:
    """Raises ``UsageError`` where nothing listens at HOST:PORT: Ray itself would go on trying, and say much."""
    host, _, port = address.rpartition(":")
    if host and port.isdecimal() and "/" not in host:
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
        except (OSError, OverflowError) as error:
            raise UsageError(f"no Ray cluster at {address}: {_words(error)}") from None


async def open_ray_model(
    name: str, options: Mapping[str, Any], fleet: Fleet, tell: Tell = lambda line: None
) -> RayModel:
    """The model on a fleet of workers, once the first is ready; the others join as they come.

    ``connect`` first. ``tell`` is given a line about each worker that waits, is lost or is given up.
    Raises ``EndpointDown`` where no worker becomes ready, and what ``open_model`` raises.
    """
    model = RayModel(name, options, fleet, tell)
    try:
        await model.start()
    except BaseException:
        await model.close()
        raise
    return model


class RayModel:
    """One model behind many workers.

    Unlike a provider it returns failed calls as responses with an error, for the workers have tried them
    as long as they may be tried, and raises ``EndpointDown`` once no worker is left.
    """

    adaptive = False  # the workers' own gates adapt to their servers

    def __init__(self, name: str, options: Mapping[str, Any], fleet: Fleet, tell: Tell) -> None:
        self.name = name
        self.options = dict(options)
        self.fleet = fleet
        self._tell = tell
        self.concurrency = fleet.workers
        """Most calls in flight; known once a worker is ready."""
        self.answered: Counter[str] = Counter()
        """Replies by node id."""
        self._waiting: deque[_Call] = deque()
        self._workers = [_Worker(self, number) for number in range(1, fleet.workers + 1)]
        self._changed = asyncio.Event()

    async def generate(self, request: Request) -> Response:
        """Continue a conversation or a prompt. Raises ``EndpointDown``."""
        return await self._ask(request)

    async def loglikelihood(self, request: Request) -> Response:
        """Log-probabilities of ``request.continuation``. Raises ``EndpointDown``."""
        return await self._ask(request)

    async def start(self) -> None:
        """Start all workers and wait for the first. Raises ``EndpointDown``, or why none can start."""
        for worker in self._workers:
            worker.begin()
        seconds = self.fleet.start_seconds + PLACE_SECONDS
        try:
            async with asyncio.timeout(seconds):
                while not any(worker.ready for worker in self._workers):
                    self._raise_if_none_is_left()
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            why = self._workers[0].trouble or "Ray has not started one"
            raise EndpointDown(f"no worker of {self.name} was ready after {seconds:g} s: {why}") from None
        self.concurrency = self.fleet.workers * max(worker.ceiling for worker in self._workers)

    async def close(self) -> None:
        """End all workers, and the servers that they have started."""
        await asyncio.gather(*(worker.close() for worker in self._workers))

    def home(self) -> str | None:
        """Id of the node for one more worker: the least used that has room, or ``None``.

        Ray's own SPREAD puts all on one node where another is slow to start its processes.
        """
        import ray

        used = Counter(worker.node for worker in self._workers)
        rooms = [
            (used[node["NodeID"]], node["NodeID"])
            for node in ray.nodes()
            if node["Alive"]
            and all(
                node["Resources"].get(what, 0.0) >= (used[node["NodeID"]] + 1) * amount
                for what, amount in self.fleet.needs.items()
            )
        ]
        return min(rooms)[1] if rooms else None

    def tell(self, line: str) -> None:
        """Say what has become of a worker, if anybody listens."""
        with suppress(OSError):
            self._tell(line)

    def dispatch(self) -> None:
        """Hand waiting calls to the workers with the most room."""
        while self._waiting:
            worker = max(self._workers, key=lambda worker: worker.room)
            if worker.room <= 0:
                return
            worker.take_on(self._waiting.popleft())

    def take_back(self, calls: list[_Call]) -> None:
        """Calls of a lost worker: they are asked again before all others."""
        self._waiting.extendleft(reversed(calls))

    def changed(self) -> None:
        """A worker has become ready, was lost or was given up."""
        self._changed.set()
        self.dispatch()
        if self._none_is_left():
            while self._waiting:
                self._waiting.popleft().fail(EndpointDown(self._reason()))

    async def _ask(self, request: Request) -> Response:
        self._raise_if_none_is_left()
        call = _Call(encode(request))
        self._waiting.append(call)
        self.dispatch()
        return await call.reply

    def _none_is_left(self) -> bool:
        return all(worker.given_up is not None for worker in self._workers)

    def _raise_if_none_is_left(self) -> None:
        if self._none_is_left():
            for worker in self._workers:
                if worker.given_up is not None and not isinstance(worker.given_up, EndpointDown):
                    raise worker.given_up
            raise EndpointDown(self._reason())

    def _reason(self) -> str:
        return f"no worker of {self.name} is left: {self._workers[0].given_up}"


class _Call:
    """A request on its way."""

    __slots__ = ("losses", "reply", "request")

    def __init__(self, request: bytes) -> None:
        self.request = request
        self.reply: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self.losses = 0
        """Workers that were lost while they had it."""

    def finish(self, response: Response) -> None:
        if not self.reply.done():  # else the engine has dropped the call
            self.reply.set_result(response)

    def fail(self, error: AssayError) -> None:
        if not self.reply.done():
            self.reply.set_exception(error)


class _Ready(NamedTuple):
    """What a worker says of itself once it has opened its model."""

    version: str
    node: str
    host: str
    ceiling: int


class _Worker:
    """The driver's side of one worker, through all its restarts."""

    def __init__(self, owner: RayModel, number: int) -> None:
        self.ready = False
        self.ceiling = 1
        """Most calls that it takes at once."""
        self.node: str | None = None
        self.given_up: AssayError | None = None
        """Why it is not started again."""
        self.trouble: str | None = None
        """What it was last held up by."""
        self._owner = owner
        self._who = f"worker {number}"
        self._given: dict[int, _Call] = {}
        self._outbox: deque[_Call] = deque()
        self._outgoing = asyncio.Event()
        self._numbers = 0
        self._failures = 0
        """Losses since the last good reply."""
        self._useful = False
        """It has given a good reply at some time."""
        self._actor: Any = None
        self._life: asyncio.Task[None] | None = None

    @property
    def room(self) -> int:
        return self.ceiling - len(self._given) - len(self._outbox) if self.ready else 0

    def begin(self) -> None:
        self._life = asyncio.create_task(self._live())

    def take_on(self, call: _Call) -> None:
        self._outbox.append(call)
        self._outgoing.set()

    async def close(self) -> None:
        if self._life is not None:
            self._life.cancel()
            await asyncio.gather(self._life, return_exceptions=True)
        if self.ready:
            with suppress(Exception):  # a worker that does not end by itself is made to
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self._actor.close.remote()
        self._kill()

    async def _live(self) -> None:
        while self.given_up is None:
            try:
                await self._serve()
            except Exception as error:  # whatever it is, its calls must not be lost with it
                self._lose(error)
            if self.given_up is None:
                await asyncio.sleep(2.0 ** (self._failures - 1))

    async def _serve(self) -> None:
        """Start the worker and exchange calls and replies until it is lost; then raises why."""
        self._actor = self._create()
        ready: _Ready = await self._actor.start.remote()
        if ready.version != assay.__version__:
            raise UsageError(f"{ready.host} has assay {ready.version}, this is {assay.__version__}: install the same")
        self.node, self.ceiling, self.ready = ready.node, ready.ceiling, True
        self._who = f"{self._who.partition(' at ')[0]} at {ready.host}"
        self._owner.changed()
        ways = [asyncio.create_task(self._send()), asyncio.create_task(self._receive())]
        try:
            await asyncio.gather(*ways)
        finally:
            for way in ways:
                way.cancel()

    def _create(self) -> Any:
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        fleet = self._owner.fleet
        self.node = self._owner.home()
        if self.node is None:
            self.trouble = f"{self._who} waits until a node has room for it: {fleet.needs}"
            self._owner.tell(self.trouble)
            strategy = None
        else:
            strategy = NodeAffinitySchedulingStrategy(self.node, soft=True)
        actor = ray.remote(_Station).options(
            num_cpus=fleet.cpus, num_gpus=fleet.gpus, max_restarts=0, max_task_retries=0, scheduling_strategy=strategy
        )
        return actor.remote(self._owner.name, self._owner.options, fleet)

    async def _send(self) -> None:
        while True:
            await self._outgoing.wait()
            batch = self._next_batch()
            if batch:
                async with asyncio.timeout(SILENT_SECONDS):
                    await self._actor.give.remote(batch)
            else:
                self._outgoing.clear()

    def _next_batch(self) -> _Batch:
        batch: _Batch = []
        size = 0
        while self._outbox and len(batch) < BATCH_CALLS and size < BATCH_BYTES:
            call = self._outbox.popleft()
            if not call.reply.done():
                self._numbers += 1
                self._given[self._numbers] = call
                batch.append((self._numbers, call.request))
                size += len(call.request)
        return batch

    async def _receive(self) -> None:
        while True:
            async with asyncio.timeout(SILENT_SECONDS):
                replies, down = await self._actor.take.remote()
            for number, data in replies:
                response = decode(data, Response)
                self._given.pop(number).finish(response)
                self._owner.answered[self.node or ""] += 1
                if response.error is None or response.error.outcome is not Outcome.INFRA_FAILED:
                    self._useful, self._failures = True, 0
            self._owner.dispatch()
            if down is not None:
                raise EndpointDown(down)

    def _lose(self, error: Exception) -> None:
        """Give all calls back, and decide whether the worker is started again."""
        cause = getattr(error, "cause", None) or error  # Ray wraps what a worker has raised
        served = self._owner.fleet.serve is not None
        self._failures += 1
        self.ready, self.node = False, None
        self._kill()
        if isinstance(cause, AssayError) and not isinstance(cause, EndpointDown):
            self.given_up = cause
        elif self._failures >= MOST_FAILURES or (isinstance(cause, EndpointDown) and not (served or self._useful)):
            self.given_up = EndpointDown(f"{self._who}: {_words(cause)}")
        # An endpoint that serves nobody is not the call's doing; the end of a process may be.
        blamed = list(self._given.values()) if served or not isinstance(cause, EndpointDown) else []
        calls = [*self._given.values(), *self._outbox]
        self._given.clear()
        self._outbox.clear()
        for call in blamed:
            call.losses += 1
            if call.losses >= MOST_LOSSES:
                what = f"{call.losses} workers were lost while they had this call, the last for: {_words(cause)}"
                call.finish(Response(error=CallError("WorkerLost", what, Outcome.INFRA_FAILED)))
        back = [call for call in calls if not call.reply.done()]
        then = "given up" if self.given_up is not None else "started again"
        moved = f", its {len(back)} calls go to others" if back else ""
        self.trouble = f"{self._who} failed and is {then}{moved}: {_words(cause)}"
        self._owner.tell(self.trouble)
        self._owner.take_back(back)
        self._owner.changed()

    def _kill(self) -> None:
        import ray

        actor, self._actor = self._actor, None
        if actor is not None:
            with suppress(Exception):  # it may be dead already
                ray.kill(actor)


class _Station:
    """A worker's own side, in a process on its node: the model, asked for many calls at once."""

    def __init__(self, name: str, options: dict[str, Any], fleet: Fleet) -> None:
        self._name = name
        self._options = options
        self._fleet = fleet
        self._endpoint: Endpoint | None = None
        self._served: ServedModel | None = None
        self._calls: set[asyncio.Task[None]] = set()
        self._replies: _Batch = []
        self._news = asyncio.Event()
        """There are replies, or the endpoint is down."""
        self._down: str | None = None

    async def start(self) -> _Ready:
        """Open the model, its server first. Raises ``EndpointDown`` and what ``open_model`` raises."""
        import ray

        host, fleet = socket.gethostname(), self._fleet
        try:
            model = await self._open()
        except AssayError as error:
            raise type(error)(f"{host}: {error}") from None
        self._endpoint = Pace(fleet.concurrency, fleet.policy).endpoint(model)
        return _Ready(assay.__version__, ray.get_runtime_context().get_node_id(), host, self._endpoint.gate.ceiling)

    async def give(self, batch: _Batch) -> None:
        """Begin calls."""
        for number, request in batch:
            call = asyncio.create_task(self._answer(number, request))
            self._calls.add(call)
            call.add_done_callback(self._calls.discard)

    async def take(self) -> tuple[_Batch, str | None]:
        """Wait for replies; they come with why the endpoint is down, where it is. Empty as a heartbeat."""
        with suppress(TimeoutError):
            async with asyncio.timeout(HEARTBEAT_SECONDS):
                await self._news.wait()
            if len(self._replies) < BATCH_CALLS and self._down is None:
                await asyncio.sleep(LINGER_SECONDS)
        if self._served is not None:
            self._check(self._served)
        self._news.clear()
        replies, self._replies = self._replies, []
        return replies, self._down

    async def close(self) -> None:
        """Drop what is under way and close the model, its server too."""
        for call in self._calls:
            call.cancel()
        if self._endpoint is not None:
            await self._endpoint.model.close()

    async def _open(self) -> Model:
        name, options, fleet = self._name, self._options, self._fleet
        if fleet.serve is None:
            return open_model(name, options)
        self._served = ServedModel(name, options, fleet.serve, start_seconds=fleet.start_seconds)
        await self._served.start()
        return self._served

    async def _answer(self, number: int, data: bytes) -> None:
        assert self._endpoint is not None
        try:
            response = await self._endpoint.ask(decode(data, Request))
        except EndpointDown as error:
            self._goes_down(str(error))
            return
        except Exception as error:  # a fault in a provider fails its own call, here as without Ray
            response = Response(error=CallError(type(error).__name__, str(error), Outcome.INFRA_FAILED))
        self._replies.append((number, encode(response)))
        self._news.set()

    def _check(self, served: ServedModel) -> None:
        try:
            served.check()
        except EndpointDown as error:
            self._goes_down(str(error))

    def _goes_down(self, reason: str) -> None:
        self._down = self._down or reason
        self._news.set()


def _words(error: BaseException) -> str:
    """An error on one line of readable length, less the ids that Ray indents."""
    lines = [line for line in str(error).splitlines() if not line.startswith("\t")]
    text = " ".join(" ".join(lines).split()) or type(error).__name__
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
