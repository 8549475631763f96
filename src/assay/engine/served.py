"""A model server started by a command: vLLM, SGLang, llama.cpp or any other that speaks the OpenAI API.

``ServedModel`` starts the server, waits until it answers, and is then the provider's model at that
address. The command is a template, ``vllm serve MODEL --port {port}``, taken apart as a shell would
but given to no shell; ``{port}`` becomes a port that was free a moment before.

The invariant: no server outlives the process that started it, however that ends. Between the two
stands a keeper, a small process (this module run as a script) that reads a pipe from the starter: when
the pipe ends, it ends the server and whatever the server has started, which share a process group. The
keeper is nobody's child, because some supervisors (Ray's workers) kill their children first, and a
keeper that is killed keeps nothing; so it tells by another pipe how the server has ended.
"""

from __future__ import annotations

import asyncio
import os
import re
import select
import shlex
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from time import monotonic, sleep, strftime
from typing import Any

from assay.engine.endpoint import EndpointDown
from assay.errors import CallFailed, StorageFailed, UsageError
from assay.models.registry import open_model
from assay.places import cache_dir
from assay.records import Request, Response
from assay.task import Model

START_SECONDS = 1800.0
"""Large models take their time to load."""
END_SECONDS = 10.0
"""From asking a server to end to making it."""

_SLOWEST_POLL = 1.0
_POLL_TIMEOUT = 5.0
_LAST_LINE = 300
_KEY = re.compile(r"--?(api[-_]?key|(hf[-_]|auth[-_])?token)(?==|$)")
"""Options by which servers are told a secret."""
_KEEPER_KILLED = -signal.SIGKILL


def command_of(template: str, port: int) -> list[str]:
    """The template's arguments with ``{port}`` filled in. Raises ``UsageError``, also where it holds a key."""
    try:
        arguments = shlex.split(template)
    except ValueError as error:
        raise UsageError(f"the command {template!r} cannot be taken apart: {error}") from None
    if not any("{port}" in argument for argument in arguments):
        raise UsageError(f"the command {template!r} has no {{port}}: write it where the server takes its port")
    if key := next((found[0] for argument in arguments if (found := _KEY.match(argument))), None):
        raise UsageError(f"{key} gives a key where it is stored and shown: put it in the environment instead")
    return [argument.replace("{port}", str(port)) for argument in arguments]


class Server:
    """A server process with its keeper, from the start to ``close``.

    Args:
        command: Program and arguments.
        port: Where it will listen, on this machine.
        log: File to which everything that it prints is appended.
    """

    def __init__(self, command: Sequence[str], port: int, log: Path) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.log = log
        keeper = [sys.executable, "-P", "-m", __name__, *command]
        try:
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open("ab") as output:
                # A session of its own: Ctrl-C is for this process, which lets calls under way finish.
                self._starter = subprocess.Popen(  # noqa: S603 - our own module; the command is the user's
                    keeper, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=output, start_new_session=True
                )
        except OSError as error:
            raise StorageFailed(f"cannot log to {log}: {error.strerror}") from None
        assert self._starter.stdin is not None
        assert self._starter.stdout is not None
        self._lifeline, self._report = self._starter.stdin, self._starter.stdout
        os.set_blocking(self._report.fileno(), False)
        self._code: int | None = None

    async def ready(self, seconds: float) -> None:
        """Wait until the server answers. Raises ``EndpointDown`` where it ends first, or takes too long."""
        from assay.models.endpoint import Endpoint as Connection

        connection = Connection(f"{self.address}/v1", timeout=_POLL_TIMEOUT)
        deadline, pause = monotonic() + seconds, 0.05
        try:
            while not await _answers(connection):
                self.check()
                if monotonic() > deadline:
                    raise EndpointDown(f"the model server was not ready after {seconds:g} s (log: {self.log})")
                await asyncio.sleep(pause)
                pause = min(_SLOWEST_POLL, pause * 1.5)
            self.check()  # an answer from a port that another server has taken is none
        finally:
            await connection.close()

    def check(self) -> None:
        """Raises ``EndpointDown`` where the server has ended."""
        code = self._ended()
        if code is not None:
            raise EndpointDown(
                f"the model server has ended (exit code {code}): {_last_line(self.log)} (log: {self.log})"
            )

    async def close(self) -> None:
        """End the server and all that it has started."""
        await asyncio.to_thread(self._end)

    def _ended(self) -> int | None:
        """The server's exit code once it has ended."""
        if self._code is None:
            with suppress(BlockingIOError):  # nothing said yet
                self._code = int(os.read(self._report.fileno(), 16) or _KEEPER_KILLED)
        return self._code

    def _end(self) -> None:
        if self._report.closed:
            return
        with suppress(OSError):
            self._lifeline.close()
        if self._ended() is None:
            select.select([self._report], [], [], END_SECONDS + 5)
        self._report.close()
        self._starter.wait()


class ServedModel:
    """A provider's model at a server of its own, which starts with ``start`` or the first call.

    A server that does not start, or dies, is not started again here: calls then raise ``EndpointDown``.

    Args:
        name: As ``open_model`` takes it, such as ``openai/MODEL``.
        options: The provider's, less ``base_url``.
        template: The server's command.
        start_seconds: How long the server may take until it answers.
        log: File for what the server prints; by default a new one in the cache's logs folder.
    """

    def __init__(
        self,
        name: str,
        options: Mapping[str, Any],
        template: str,
        *,
        start_seconds: float = START_SECONDS,
        log: Path | None = None,
    ) -> None:
        if "base_url" in options:
            raise UsageError("base_url cannot be set for a server that is started here")
        command_of(template, 0)
        self.name = name
        self._options = dict(options)
        self._template = template
        self._start_seconds = start_seconds
        self._log = log
        self._starting = asyncio.Lock()
        self._server: Server | None = None
        self._model: Model | None = None
        self._failure: str | None = None
        """Why the server did not start."""

    async def start(self) -> None:
        """Have the server up and ready. Raises ``EndpointDown``, ``UsageError`` or ``ModelNotFound``."""
        async with self._starting:
            if self._model is not None:
                return
            if self._failure is not None:
                raise EndpointDown(self._failure)
            port = _free_port()
            model = open_model(self.name, {**self._options, "base_url": f"http://127.0.0.1:{port}/v1"})
            server = Server(command_of(self._template, port), port, self._log or _new_log())
            try:
                await server.ready(self._start_seconds)
            except BaseException as error:
                if isinstance(error, EndpointDown):
                    self._failure = str(error)
                await server.close()
                raise
            self._server, self._model = server, model

    def check(self) -> None:
        """Raises ``EndpointDown`` where the server was started and has ended."""
        if self._server is not None:
            self._server.check()

    async def generate(self, request: Request) -> Response:
        """Continue a conversation or a prompt. Raises a ``CallFailed`` subclass, or ``EndpointDown``."""
        model = await self._running()
        return await self._watched(model.generate(request))

    async def loglikelihood(self, request: Request) -> Response:
        """Log-probabilities of ``request.continuation``. Raises a ``CallFailed`` subclass, or ``EndpointDown``."""
        model = await self._running()
        return await self._watched(model.loglikelihood(request))

    async def close(self) -> None:
        """Close the connections and end the server."""
        if self._model is not None:
            await self._model.close()
        if self._server is not None:
            await self._server.close()

    async def _running(self) -> Model:
        if self._model is None:
            await self.start()
        assert self._model is not None
        return self._model

    async def _watched(self, call: Awaitable[Response]) -> Response:
        try:
            return await call
        except CallFailed as failure:
            if failure.retryable:
                self.check()  # there is no use in trying a dead server again
            raise


async def _answers(connection: Any) -> bool:
    """Whether the server is ready: ``/health`` says so (llama.cpp lists models while it still loads one).

    Where there is no ``/health``, ``/v1/models`` will do. One that wants a key has answered.
    """
    for path in ("/health", "models"):
        try:
            await connection.get(path)
        except CallFailed as failure:
            if failure.status in (401, 403):
                return True
            if failure.status not in (404, 405, 501):
                return False
        else:
            return True
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _new_log() -> Path:
    return cache_dir() / "logs" / f"served-{strftime('%Y%m%d-%H%M%S')}-{os.getpid()}-{token_hex(2)}.log"


def _last_line(log: Path) -> str:
    with suppress(OSError), log.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 65536))
        lines = [line.strip() for line in file.read().decode("utf-8", "replace").splitlines()]
        return next((line[:_LAST_LINE] for line in reversed(lines) if line), "(nothing printed)")
    return "(no log)"


def main() -> None:
    """Be the keeper: run the command of the arguments, and end all of it with standard input."""
    if os.fork():
        os._exit(0)
    try:
        server = subprocess.Popen(  # noqa: S603 - the user's own command
            sys.argv[1:], stdin=subprocess.DEVNULL, stdout=sys.stderr, start_new_session=True
        )
    except OSError as error:
        print(f"cannot start {sys.argv[1]}: {error.strerror}", file=sys.stderr, flush=True)
        code = 127
    else:
        signal.signal(signal.SIGTERM, lambda number, frame: _signal_group(server.pid, signal.SIGTERM))
        threading.Thread(target=_end_with_input, args=(server.pid,), daemon=True).start()
        code = server.wait()
        _signal_group(server.pid, signal.SIGKILL)  # what the server has left behind
    with suppress(OSError):  # nobody may be left to be told
        os.write(sys.stdout.fileno(), b"%d" % code)


def _end_with_input(group: int) -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    _signal_group(group, signal.SIGTERM)
    sleep(END_SECONDS)
    _signal_group(group, signal.SIGKILL)


def _signal_group(group: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


if __name__ == "__main__":
    main()
