"""Child processes of our own that hold a local model: starting them, ending them, reading what they logged.

A child ends when its standard input does, so that none outlives the process that started it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec import Struct

_END_SECONDS = 10


def spawn(module: str, settings: Struct, log: Path) -> subprocess.Popen[bytes]:
    """Run one of our modules with its settings as JSON; its standard error is added to the log."""
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", module, msgspec.json.encode(settings).decode()]
    with log.open("ab") as stderr:
        # A session of its own: Ctrl-C is for this process, which lets calls under way finish.
        return subprocess.Popen(  # noqa: S603 - our own module
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, start_new_session=True
        )


def end(child: subprocess.Popen[bytes]) -> None:
    """Have a child end by closing its standard input; killed where that does not help."""
    assert child.stdin is not None
    assert child.stdout is not None
    with suppress(BrokenPipeError):  # what was written to a dead child
        child.stdin.close()
    try:
        child.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    child.stdout.close()


def logged(log: Path, start: int) -> list[str]:
    """What a child has logged from byte ``start`` on: the last lines, at least one."""
    with suppress(OSError), log.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(start, size - 65536))
        lines = [line.strip()[:300] for line in file.read().decode("utf-8", "replace").split("\n")]
        return [line for line in lines if line] or ["(nothing logged)"]
    return ["(no log)"]
