"""A chat server whose model costs nothing, so that what is measured is the engine that asks it.

Speaks as much HTTP as clients with keep-alive need, looks at no JSON, and answers each request with a
letter hashed from its body: the same task must score the same at every concurrency.

    python perf/mock_server.py --port 8399 --latency-ms 50
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
from zlib import crc32

LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)


def http(body: bytes) -> bytes:
    """A whole HTTP response."""
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def completion(letter: str) -> bytes:
    """The response that answers ``letter``."""
    choice = {"index": 0, "message": {"role": "assistant", "content": f"ANSWER: {letter}"}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 100, "completion_tokens": 5, "total_tokens": 105}
    document = {
        "id": "x",
        "object": "chat.completion",
        "created": 1,
        "model": "mock",
        "choices": [choice],
        "usage": usage,
    }
    return http(json.dumps(document).encode())


ANSWERS = [completion(letter) for letter in "ABCD"]


class Connection(asyncio.Protocol):
    """One client."""

    served = 0
    in_flight = 0
    most = 0

    def __init__(self, latency: float) -> None:
        self._latency = latency
        self._buffer = bytearray()
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each whole request."""
        self._buffer += data
        while (head := self._buffer.find(b"\r\n\r\n")) >= 0:
            found = LENGTH.search(self._buffer, 0, head + 2)
            end = head + 4 + (int(found[1]) if found else 0)
            if len(self._buffer) < end:
                return
            request = bytes(self._buffer[:end])
            del self._buffer[:end]
            if request.startswith(b"POST"):
                self._answer(request[head + 4 :])
            else:
                self._transport.write(http(self._stats(request)))  # type: ignore[attr-defined]

    def _answer(self, body: bytes) -> None:
        kind = type(self)
        kind.served += 1
        kind.in_flight += 1
        kind.most = max(kind.most, kind.in_flight)
        reply = ANSWERS[crc32(body) % len(ANSWERS)]
        if self._latency:
            self._loop.call_later(self._latency, self._send, reply)
        else:
            self._send(reply)

    def _send(self, reply: bytes) -> None:
        type(self).in_flight -= 1
        if not self._transport.is_closing():  # type: ignore[attr-defined]
            self._transport.write(reply)  # type: ignore[attr-defined]

    def _stats(self, request: bytes) -> bytes:
        if b"/models" in request[:40]:
            return json.dumps({"object": "list", "data": [{"id": "mock", "object": "model"}]}).encode()
        facts = {"served": Connection.served, "most_in_flight": Connection.most}
        Connection.served = Connection.most = 0
        return json.dumps(facts).encode()


async def serve(port: int, latency: float) -> None:
    """Serve until killed."""
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(latency), "127.0.0.1", port, backlog=4096
    )
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await server.serve_forever()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency-ms", type=float, default=0.0)
    args = parser.parse_args()
    try:
        import uvloop

        uvloop.run(serve(args.port, args.latency_ms / 1000))
    except ImportError:
        asyncio.run(serve(args.port, args.latency_ms / 1000))


if __name__ == "__main__":
    main()
