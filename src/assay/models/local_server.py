"""The child process in which a local model runs: llama.cpp's own server, by way of xllamacpp.

``python -m assay.models.local_server SETTINGS`` with the settings as JSON. Writes the server's
address as one line to standard output when the model is loaded; llama.cpp logs to standard error.
Ends when standard input does or the parent is gone: a parent killed with ``kill -9`` closes the
pipe, so no server outlives its run, not even one that is in the middle of a reply.

A process of its own, because llama.cpp computes on threads that no event loop should share a fate
with, and because its log can be sent to a file there.
"""

from __future__ import annotations

import os
import select
import sys
import threading
from time import sleep
from typing import Any

import msgspec
from msgspec import Struct

_HTTP_THREADS = 64
"""Each waiting request holds one: enough that quick ones (tokenising) never wait for slow ones."""

_PROMPT_CACHE_MIB = 256
"""Memory for prompts that no slot holds any more; llama.cpp would take 8 GiB."""


class Settings(Struct, frozen=True):
    """What to serve, and how."""

    model: str
    """Path of the GGUF file."""
    alias: str
    """The name that the server reports."""
    n_ctx: int
    """Tokens of context, over all slots."""
    parallel: int
    """Slots: requests that are computed at the same time."""
    verbosity: int


def main() -> None:
    """Serve until the parent is gone."""
    parent = os.getppid()
    settings = msgspec.json.decode(sys.argv[1], type=Settings)
    # Loading takes a while too, and must not outlive the parent either.
    watch = threading.Thread(target=_end_with, args=(parent,), daemon=True)
    watch.start()
    server = _serve(settings)
    print(server.listening_address, flush=True)
    watch.join()


def _serve(settings: Settings) -> Any:
    """The running server (an ``xllamacpp.Server``), its model loaded."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = settings.model
    params.model_alias = {settings.alias}
    params.n_ctx = settings.n_ctx
    params.n_parallel = settings.parallel
    params.verbosity = settings.verbosity
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_threads_http = _HTTP_THREADS
    params.cache_ram_mib = _PROMPT_CACHE_MIB
    params.ui = False
    params.fit_params = False  # a setting that does not fit is an error, not one to be changed quietly
    # More threads than one make llama.cpp collapse as soon as anything else uses the cores.
    params.cpuparams.n_threads = 1
    params.cpuparams_batch.n_threads = 1
    return xllamacpp.Server(params)


def _end_with(parent: int) -> None:
    """End the process when standard input ends or the parent changes."""
    while os.getppid() == parent:
        ready, _, _ = select.select([sys.stdin], [], [], 1.0)
        if ready and not os.read(sys.stdin.fileno(), 4096):
            break
    sleep(0.1)  # llama.cpp's log is written by a thread of its own, which is not far behind
    os._exit(0)


if __name__ == "__main__":
    main()
