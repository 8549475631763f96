"""Any server that speaks the OpenAI API: OpenAI itself, vLLM, SGLang, llama.cpp, Ollama, routers.

``openai/MODEL`` asks ``MODEL`` at ``base_url``. A conversation goes to ``chat/completions``, a plain
prompt to ``completions``. This module decides what is asked and how long it took; ``openai_wire``
knows the format, ``endpoint`` the connection, ``likelihood`` the ways to a continuation's
probability.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from time import perf_counter, time
from typing import Any

from msgspec.structs import replace

from assay.errors import ServerFailed, UsageError
from assay.models import batch, likelihood
from assay.models import options as option
from assay.models.endpoint import Endpoint, read_key
from assay.models.openai_stream import StreamedReply
from assay.models.openai_wire import Reply, as_prompt, chat_body, completion_body, read, response
from assay.models.replicas import Replicas
from assay.models.sse import EventParser
from assay.records import Request, Response, Timing

_OPENAI = "https://api.openai.com/v1"

OPTIONS = {
    "base_url": f"address of the API, or several with commas for replicas; else OPENAI_BASE_URL, else {_OPENAI}",
    "api_key_env": "environment variable that holds the key (OPENAI_API_KEY)",
    "endpoint": "chat or completions; by default whichever suits what the task asks",
    "stream": "true to have replies streamed, which also measures the time to the first token (false)",
    "timeout": "seconds for one reply, from sending the request to its last byte (600)",
    "max_tokens_field": "max_tokens or max_completion_tokens; by default the latter at OpenAI itself only",
    "loglikelihood": "echo (vLLM), force (llama.cpp), or auto to find out which (auto)",
    **batch.OPTIONS,
}


@dataclass(frozen=True)
class Settings:
    """How a server is asked."""

    endpoint: str = ""
    """``chat``, ``completions``, or empty for whichever suits the request."""
    stream: bool = False
    max_tokens_field: str = "max_tokens"
    loglikelihood: str = "auto"
    """``echo``, ``force`` or ``auto``."""


def create(name: str, options: Mapping[str, Any]) -> OpenAIModel | Replicas | batch.Batched:
    """The model ``openai/MODEL``. Raises ``UsageError`` for options that will not do."""
    given = option.text(options, "base_url", os.environ.get("OPENAI_BASE_URL") or _OPENAI)
    if (batches := batch.settings(options, given, name)) is not None:
        model = _at(name, options, given)
        return batch.Batched(name, model._endpoint, model._body, batches)
    addresses = [address.strip() for address in given.split(",") if address.strip()]
    if len(addresses) > 1:
        members = [_at(name, options, address) for address in addresses]
        return Replicas(name, [(member, member.probe) for member in members])
    return _at(name, options, given)


def _at(name: str, options: Mapping[str, Any], base_url: str) -> OpenAIModel:
    ours = base_url.startswith("https://api.openai.com")
    key_name = option.text(options, "api_key_env", "OPENAI_API_KEY")
    key = read_key(key_name)
    if key is None and (ours or "api_key_env" in options):
        raise UsageError(f"the environment variable {key_name} holds no key (base_url=ADDRESS names another server)")
    settings = Settings(
        endpoint=option.choice(options, "endpoint", ("chat", "completions", ""), ""),
        stream=option.flag(options, "stream", False),
        max_tokens_field=option.choice(
            options,
            "max_tokens_field",
            ("max_tokens", "max_completion_tokens"),
            "max_completion_tokens" if ours else "max_tokens",
        ),
        loglikelihood=option.choice(options, "loglikelihood", ("auto", "echo", "force"), "auto"),
    )
    timeout = option.number(options, "timeout", 600.0, least=0.001)
    endpoint = Endpoint(base_url, key=key, key_name=key_name, timeout=timeout)
    return OpenAIModel(name, name.partition("/")[2], endpoint, settings)


class OpenAIModel:
    """One model at one OpenAI-compatible server.

    Args:
        name: What Assay calls the model.
        model: What the server calls it.
        endpoint: The server; closed with the model.
        settings: How it is asked.
    """

    def __init__(self, name: str, model: str, endpoint: Endpoint, settings: Settings) -> None:
        self.name = name
        self._model = model
        self._endpoint = endpoint
        self._settings = settings
        self._probing = asyncio.Lock()
        self._forces: bool | None = None
        """Whether continuations are forced token by token; ``None`` until the server was asked."""

    async def generate(self, request: Request) -> Response:
        """Continue a conversation or a prompt. Raises a ``CallFailed`` subclass."""
        path, body = self._body(request)
        started, clock = time(), perf_counter()
        first_token = None
        if self._settings.stream:
            reply, first_token = await self._streamed(path, body, clock)
        else:
            reply = read(await self._endpoint.post(path, body), self._endpoint)
        timing = Timing(started, perf_counter() - clock, first_token)
        return response(reply, request.sampling.logprobs, timing, self._endpoint)

    async def loglikelihood(self, request: Request) -> Response:
        """Log-probabilities of ``request.continuation`` after the prompt. Raises ``CallFailed``."""
        started, clock = time(), perf_counter()
        if await self._must_force():
            got = await likelihood.forced(self._endpoint, request)
        else:
            got = await likelihood.echoed(self._endpoint, self._model, request)
        return replace(got, timing=Timing(started, perf_counter() - clock))

    async def probe(self) -> None:
        """Ask the server for a sign of life. Raises ``CallFailed`` where there is none."""
        await self._endpoint.get("models")

    async def close(self) -> None:
        """Close the connections."""
        await self._endpoint.close()

    def _body(self, request: Request) -> tuple[str, bytes]:
        settings = self._settings
        if settings.endpoint == "completions" or (not settings.endpoint and request.prompt is not None):
            prompt = as_prompt(request, self._endpoint)
            return "completions", completion_body(self._model, prompt, request.sampling, stream=settings.stream)
        return "chat/completions", chat_body(
            self._model, request, max_tokens_field=settings.max_tokens_field, stream=settings.stream
        )

    async def _streamed(self, path: str, body: bytes, clock: float) -> tuple[Reply, float | None]:
        """The reply put together from a stream, and the seconds from ``clock`` to its first token."""
        streamed = StreamedReply()
        first_token: float | None = None
        async with self._endpoint.stream(path, body) as chunks, aclosing(_events(chunks)) as events:
            async for event in events:
                if event == b"[DONE]":
                    streamed.finished = True
                    break
                streamed.add(read(event, self._endpoint))
                if first_token is None and streamed.started:
                    first_token = perf_counter() - clock
        if not streamed.finished:
            raise self._endpoint.failed(ServerFailed, "ended the stream before the reply was whole")
        return streamed.whole(), first_token

    async def _must_force(self) -> bool:
        if self._settings.loglikelihood != "auto":
            return self._settings.loglikelihood == "force"
        async with self._probing:
            if self._forces is None:
                self._forces = await likelihood.is_llama_cpp(self._endpoint)
            return self._forces


async def _events(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    """The data of each event; of a reply that has none, the whole of it, as one.

    Servers that cannot stream answer in one piece, and broken ones with a page of some kind.
    """
    parser = EventParser()
    seen: list[bytes] | None = []
    async for chunk in chunks:
        events = parser.feed(chunk)
        if events:
            seen = None
        elif seen is not None:
            seen.append(chunk)
        for event in events:
            yield event
    for event in parser.finish():
        seen = None
        yield event
    if seen and (document := b"".join(seen).strip()):
        yield document
