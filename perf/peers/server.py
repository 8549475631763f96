"""The mock server with a clock, as a child process that cannot outlive its parent.

The clock tells how long the requests themselves took, from the first to arrive to the last answered: an
engine's start-up and what it does afterwards are not in it.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from http.client import HTTPConnection
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Any

from mock_server import Connection


class Server:
    """A running mock server: ``with Server(latency_ms) as server: server.url``."""

    def __init__(self, latency_ms: float) -> None:
        self.latency_ms = latency_ms

    def __enter__(self) -> Server:
        command = [sys.executable, "-m", "peers.server", str(self.latency_ms)]
        folder = Path(__file__).parents[1]
        self._process = subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self._port = int(self._process.stdout.readline())
        self.url = f"http://127.0.0.1:{self._port}/v1"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._process.kill()
        self._process.communicate()

    def facts(self, *, forget: bool = False) -> dict[str, Any]:
        """``served``, ``most_in_flight`` and ``seconds`` since it was last told to ``forget``."""
        connection = HTTPConnection("127.0.0.1", self._port)
        try:
            connection.request("GET", "/forget" if forget else "/stats")
            facts: dict[str, Any] = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        return facts


class Clocked(Connection):
    """One client's connection; notes when requests come and when they are answered."""

    first: float | None = None
    last = 0.0

    def _answer(self, body: bytes) -> None:
        if Clocked.first is None:
            Clocked.first = perf_counter()
        super()._answer(body)

    def _send(self, reply: bytes) -> None:
        super()._send(reply)
        Clocked.last = perf_counter()

    def _stats(self, request: bytes) -> bytes:
        seconds = 0.0 if Clocked.first is None else Clocked.last - Clocked.first
        facts = {"served": Clocked.served, "most_in_flight": Clocked.most, "seconds": seconds}
        if request.startswith(b"GET /forget"):
            Clocked.served = Clocked.most = 0
            Clocked.first = None
        return json.dumps(facts).encode()


async def _serve(latency: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Clocked(latency), "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def _end_with_parent() -> None:
    sys.stdin.read()  # ends when the parent does, however it ended
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    serving = _serve(float(sys.argv[1]) / 1000)
    try:
        import uvloop
    except ImportError:
        print("the mock server runs without uvloop: it may be what is slow", file=sys.stderr)
        asyncio.run(serving)
    else:
        uvloop.run(serving)
