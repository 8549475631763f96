"""Functions that must not be trusted to end, called in processes of their own.

Symbolic mathematics on model text can run for ever, take all memory or bring the interpreter down. A
``WorkerPool`` runs such functions in a few worker processes: a call that exceeds its time or memory
costs that call only, for its process is ended and another takes its place. What comes of it is an
exception (``WorkerFailed``) that says nothing about the model: scorers make ``judge_failed`` of it.

Time is CPU time, so that a verdict does not depend on how busy the machine is; a wall clock several
times as long catches what sleeps. Both are timers of the worker's own kernel process that end it by
signal: they hold inside C code, and when the parent is gone. An idle worker ends with its parent, whose
closing of the pipe it sees.

The pool belongs to no event loop: one thread waits for each worker, so that one pool serves any number of
loops, one after another or at once.

A worker is this module run as a program. It is told what to call by name and is sent plain data in
MessagePack: nothing is pickled, and nothing of the parent's state is inherited.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import queue
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from importlib import import_module
from typing import IO, Any

import msgspec

_STARTING_S = 60.0
"""For starting an interpreter and importing what the function needs, on a busy machine."""
_WALL = 5.0
"""Wall-clock seconds granted for each second of CPU time."""
_GRACE_S = 2.0
"""Beyond which a worker whose timers did not end it (stopped, swapped out) is killed."""
_MEMORY = 2 << 30
_LARGEST = 64 << 20


class WorkerFailed(Exception):
    """A call brought no result."""


class WorkerTimedOut(WorkerFailed):
    """The call took longer than it was allowed to."""


class WorkerDied(WorkerFailed):
    """The worker process ended during the call, for another reason than time."""


class CallRaised(WorkerFailed):
    """The function raised an exception."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind
        """The name of the exception's class."""


class WorkerPool:
    """At most ``size`` worker processes, started when first needed."""

    def __init__(self, size: int | None = None, *, memory: int = _MEMORY) -> None:
        """``size`` is the number of usable CPUs, at most 4, unless given; ``memory`` is bytes a worker."""
        self.size = size or min(4, usable_cpus())
        self.memory = memory
        self._idle: queue.LifoQueue[_Worker] = queue.LifoQueue()
        self._lock = threading.Lock()
        self._threads: ThreadPoolExecutor | None = None

    async def call(self, function: str, *arguments: Any, timeout_s: float) -> Any:
        """Call ``module:function`` with plain data (what MessagePack holds) and return its result.

        Raises ``WorkerTimedOut`` after ``timeout_s`` seconds of CPU time (or several times as long by the
        clock), ``WorkerDied`` and ``CallRaised``. Waiting for a free worker, starting it and importing
        the module do not count.
        """
        with self._lock:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(self.size, thread_name_prefix="assay-worker")
                atexit.register(self.close)
            threads = self._threads
        return await asyncio.wrap_future(threads.submit(self._call, function, arguments, timeout_s))

    def close(self) -> None:
        """End all workers; a later call starts new ones. Calls under way are waited for, others cancelled."""
        with self._lock:
            threads, self._threads = self._threads, None
        if threads is not None:
            atexit.unregister(self.close)
            threads.shutdown(cancel_futures=True)
        while not self._idle.empty():
            self._idle.get_nowait().end()

    def _call(self, function: str, arguments: tuple[Any, ...], timeout_s: float) -> Any:
        worker = self._free_worker()
        try:
            reply = worker.call(function, arguments, timeout_s)
        except BaseException:
            worker.end()
            raise
        self._idle.put(worker)
        if isinstance(reply, _Raised):
            raise CallRaised(reply.kind, reply.message)
        return reply.value

    def _free_worker(self) -> _Worker:
        while True:
            try:
                worker = self._idle.get_nowait()
            except queue.Empty:
                return _Worker(self.memory)
            if worker.alive():
                return worker
            worker.end()


@cache
def shared_pool() -> WorkerPool:
    """The process's own pool, for all scorers together."""
    return WorkerPool()


def usable_cpus() -> int:
    """CPUs that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Call(msgspec.Struct, tag="call"):
    function: str
    arguments: tuple[Any, ...]
    timeout_s: float


class _Begun(msgspec.Struct, tag="begun"):
    """The function was found, and its time runs from now."""


class _Returned(msgspec.Struct, tag="returned"):
    value: Any


class _Raised(msgspec.Struct, tag="raised"):
    kind: str
    message: str


_Reply = _Begun | _Returned | _Raised
_replies: msgspec.msgpack.Decoder[_Begun | _Returned | _Raised] = msgspec.msgpack.Decoder(_Reply)
_calls = msgspec.msgpack.Decoder(_Call)


class _Worker:
    """One worker process, as its parent sees it. Used by one thread at a time."""

    def __init__(self, memory: int) -> None:
        # Libraries warn on standard error about the text they are given: that is nobody's business.
        # A fixed hash seed keeps the order of sets, and what is simplified by it, the same in each worker.
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "assay.scoring.workers", str(memory)],
            env={**os.environ, "PYTHONHASHSEED": "0"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )

    def alive(self) -> bool:
        """Whether the process still runs; an idle one may have been killed from outside."""
        return self._process.poll() is None

    def call(self, function: str, arguments: tuple[Any, ...], timeout_s: float) -> _Returned | _Raised:
        """Raises ``WorkerTimedOut`` or ``WorkerDied``; the worker is of no more use then."""
        stdin = self._process.stdin
        assert stdin is not None
        request = msgspec.msgpack.encode(_Call(function, arguments, timeout_s))
        try:
            _write_frame(stdin, request)
        except BrokenPipeError:
            raise self._death() from None
        reply = self._receive(_STARTING_S)
        if isinstance(reply, _Begun):
            reply = self._receive(timeout_s * _WALL + _GRACE_S)
        assert not isinstance(reply, _Begun)
        return reply

    def _receive(self, timeout_s: float) -> _Reply:
        stdout = self._process.stdout
        assert stdout is not None
        deadline = time.monotonic() + timeout_s
        with selectors.DefaultSelector() as ready:
            ready.register(stdout, selectors.EVENT_READ)
            frame = bytearray()
            missing = 4
            while missing:
                if not ready.select(deadline - time.monotonic()):
                    raise WorkerTimedOut(f"no result after {timeout_s:g} s")
                part = os.read(stdout.fileno(), min(missing, 1 << 16))
                if not part:
                    raise self._death()
                frame += part
                missing -= len(part)
                if len(frame) == 4 and not missing:
                    missing = _frame_size(frame)
        return _replies.decode(memoryview(frame)[4:])

    def _death(self) -> WorkerFailed:
        self._process.kill()
        code = self._process.wait()
        if code in (-signal.SIGPROF, -signal.SIGALRM):
            return WorkerTimedOut("no result in the time allowed")
        name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return WorkerDied(f"the worker process ended: {name}")

    def end(self) -> None:
        """Kill the process, if need be, and let go of it."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


def _write_frame(pipe: IO[bytes], data: bytes) -> None:
    unwritten = memoryview(len(data).to_bytes(4, "big") + data)
    while unwritten:
        unwritten = unwritten[pipe.write(unwritten) :]


def _frame_size(head: bytes | bytearray) -> int:
    size = int.from_bytes(head[:4], "big")
    if size > _LARGEST:
        raise WorkerDied(f"the worker process sent {size} bytes")
    return size


def _read_exactly(pipe: IO[bytes], count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = pipe.read(count - len(data))
        if not part:
            sys.exit()
        data += part
    return data


def _serve(memory: int) -> None:
    """The worker's life: calls in, results out, until the parent closes the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for alarm in (signal.SIGPROF, signal.SIGALRM):
        signal.signal(alarm, signal.SIG_DFL)
    _limit_memory(memory)
    replies = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    calls = sys.stdin.buffer
    while True:
        call = _calls.decode(_read_exactly(calls, _frame_size(_read_exactly(calls, 4))))
        reply = _answer(call, lambda: _write_frame(replies, msgspec.msgpack.encode(_Begun())))
        _write_frame(replies, reply)


def _answer(call: _Call, begun: Callable[[], None]) -> bytes:
    try:
        module, _, name = call.function.partition(":")
        function = getattr(import_module(module), name)
        begun()
        _set_timers(call.timeout_s)
        try:
            return msgspec.msgpack.encode(_Returned(function(*call.arguments)))
        finally:
            _set_timers(0)
    except Exception as error:
        return msgspec.msgpack.encode(_Raised(type(error).__name__, str(error)[:2000]))


def _set_timers(seconds: float) -> None:
    """Have the kernel end this process after so long; 0 takes that back."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, seconds * _WALL)


def _limit_memory(size: int) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    with suppress(ValueError, OSError):  # some systems (macOS) have no such limit
        resource.setrlimit(resource.RLIMIT_AS, (size if hard == resource.RLIM_INFINITY else min(size, hard), hard))


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
