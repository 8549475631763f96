"""A small HTTP server that misbehaves as told, for tests of whatever asks a model over HTTP.

    async with FaultServer([reply(503), chat("A")]) as server:
        model = open_model("openai/m", {"base_url": server.url})

A script is a list of behaviours, one a request (the last one is repeated), or a function from the
``Received`` request to a behaviour, for servers that decide by what is asked. A behaviour is an
async function that writes to the connection; returning ``False`` from it closes the connection.
``server.received`` is what came, in order; ``server.most_in_flight`` how much of it at once.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Received:
    """A request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Behaviour = Callable[[asyncio.StreamWriter], Awaitable[bool]]
Script = Sequence[Behaviour] | Callable[[Received], Behaviour]


class FaultServer:
    """Serves a script on a free port of 127.0.0.1."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.received: list[Received] = []
        self.in_flight = 0
        self.most_in_flight = 0
        self.connections = 0
        """Opened so far."""
        self.url = ""
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> FaultServer:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        self.connections += 1
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
                while await self._answer(reader, writer):
                    pass
        finally:
            self._connections.discard(task)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ", 2)
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        request = Received(method, path, headers, body)
        self.received.append(request)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            return await self._behaviour(request)(writer)
        finally:
            self.in_flight -= 1

    def _behaviour(self, request: Received) -> Behaviour:
        if callable(self.script):
            return self.script(request)
        return self.script[min(len(self.received), len(self.script)) - 1]


def _head(status: int, kind: str, headers: Mapping[str, str], length: int | None) -> bytes:
    framing = f"Content-Length: {length}" if length is not None else "Transfer-Encoding: chunked"
    extra = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} x\r\nContent-Type: {kind}\r\n{framing}\r\n{extra}\r\n".encode()


def reply(
    status: int = 200,
    body: Any = b"",
    *,
    kind: str = "application/json",
    headers: Mapping[str, str] | None = None,
    delay: float = 0.0,
) -> Behaviour:
    """A whole reply; a body that is not bytes is sent as JSON (``nan`` as ``NaN``, as Python's servers do)."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()

    async def behave(writer: asyncio.StreamWriter) -> bool:
        await asyncio.sleep(delay)
        writer.write(_head(status, kind, headers or {}, len(data)) + data)
        await writer.drain()
        return True

    return behave


def error(
    status: int, message: str = "it failed", *, headers: Mapping[str, str] | None = None, **fields: Any
) -> Behaviour:
    """An error in OpenAI's form."""
    return reply(status, {"error": {"message": message, **fields}}, headers=headers)


def chat_body(text: str | None = "ANSWER: A", *, finish: str | None = "stop", **message: Any) -> dict[str, Any]:
    """The document of a chat completion."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text, **message}, "finish_reason": finish}
    usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    return {"object": "chat.completion", "model": "served", "choices": [choice], "usage": usage}


def chat(text: str | None = "ANSWER: A", *, delay: float = 0.0, **fields: Any) -> Behaviour:
    """A good chat completion."""
    return reply(200, chat_body(text, **fields), delay=delay)


def html(status: int = 502) -> Behaviour:
    """The error page of a gateway."""
    return reply(status, b"<html><head><title>Bad gateway</title></head><body>oops</body></html>", kind="text/html")


def half(text: str = "ANSWER: A") -> Behaviour:
    """Half of a JSON document, with a Content-Length that says that this is all."""
    data = json.dumps(chat_body(text)).encode()
    return reply(200, data[: len(data) // 2])


def drop(*, after: int | None = None, abort: bool = False, text: str = "ANSWER: A") -> Behaviour:
    """Close the connection without a reply, or ``after`` so many bytes of a body; ``abort`` resets it."""
    data = json.dumps(chat_body(text)).encode()

    async def behave(writer: asyncio.StreamWriter) -> bool:
        if after is not None:
            writer.write(_head(200, "application/json", {}, len(data)) + data[:after])
            await writer.drain()
            await asyncio.sleep(0.02)
        if abort:
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()
        return False

    return behave


def hang() -> Behaviour:
    """Never answer."""

    async def behave(writer: asyncio.StreamWriter) -> bool:
        await asyncio.Event().wait()
        return False

    return behave


def trickle(interval: float = 0.02) -> Behaviour:
    """A good reply, one byte at a time."""
    data = json.dumps(chat_body()).encode()

    async def behave(writer: asyncio.StreamWriter) -> bool:
        writer.write(_head(200, "application/json", {}, len(data)))
        for place in range(len(data)):
            writer.write(data[place : place + 1])
            await writer.drain()
            await asyncio.sleep(interval)
        return True

    return behave


def stream(
    pieces: Sequence[bytes], *, whole: bool = True, delay: float = 0.0, kind: str = "text/event-stream"
) -> Behaviour:
    """A chunked reply in exactly these pieces; not ``whole``: the connection closes before its end."""

    async def behave(writer: asyncio.StreamWriter) -> bool:
        writer.write(_head(200, kind, {}, None))
        for piece in pieces:
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            await writer.drain()
            await asyncio.sleep(delay)
        if whole:
            writer.write(b"0\r\n\r\n")
            await writer.drain()
        return whole

    return behave


def event(delta: Mapping[str, Any] | None = None, *, finish: str | None = None, **fields: Any) -> bytes:
    """One event of a chat stream."""
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    body = {"object": "chat.completion.chunk", "model": "served", "choices": choices, **fields}
    return b"data: " + json.dumps(body, ensure_ascii=False).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"


def sentinel(text: str, then: Behaviour, otherwise: Behaviour) -> Callable[[Received], Behaviour]:
    """A script: one behaviour for requests whose body holds ``text``, another for the rest."""
    return lambda request: then if text.encode() in request.body else otherwise
