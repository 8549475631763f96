"""The helper between Assay and a program under sandlock; run as a program of its own.

``python landlock_child.py STATUS ORDER``: two descriptors, to report to and to read the order from. It
writes ``{"exit-code": n, "cpu-s": x}`` once the program has ended. It loads sandlock, then gives up root:
whoever holds root could take back the limits set here. It imports nothing of Assay's.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, TypedDict

_PR_SET_CHILD_SUBREAPER, _PR_SET_PDEATHSIG, _PR_SET_DUMPABLE = 36, 1, 4


class Order(TypedDict):
    """What to run and what it may touch."""

    argv: list[str]
    readable: list[str]
    writable: list[str]
    scratch: str
    storage: str
    disk: int
    compiling: bool
    environment: dict[str, str]
    memory: int
    processes: int
    user: int


def main(status: int, order: Order) -> None:
    """Run the program to its end and report it."""
    sandlock: Any = import_module("sandlock")

    os.set_inheritable(status, False)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(order["user"], order["user"], order["user"])
        os.setresuid(order["user"], order["user"], order["user"])
    libc.prctl(_PR_SET_PDEATHSIG, 9, 0, 0, 0)
    libc.prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)  # lost with root; sandlock must read its own /proc
    for folder in (order["scratch"], order["storage"]):
        Path(folder).mkdir(exist_ok=True)
    # Files land in a branch that counts them and is thrown away; a compiler's must stay.
    keeping = (
        {}
        if order["compiling"]
        else {
            "workdir": order["scratch"],
            "max_disk": order["disk"],
            "fs_storage": order["storage"],
            "on_exit": sandlock.BranchAction.ABORT,
            "on_error": sandlock.BranchAction.ABORT,
        }
    )
    sandbox = sandlock.Sandbox(
        fs_readable=[path for path in order["readable"] if Path(path).exists()],
        fs_writable=[*order["writable"], "/dev/null"],
        max_memory=order["memory"],
        max_processes=order["processes"],
        clean_env=True,
        env=order["environment"],
        cwd=order["scratch"],
        no_coredump=True,
        **keeping,
    )
    process = sandbox.popen(order["argv"], *[sandlock.StdioMode.INHERIT] * 3)
    result = process.wait()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    ended = {"exit-code": result.exit_code, "cpu-s": used.ru_utime + used.ru_stime}
    os.write(status, json.dumps(ended).encode() + b"\n")


if __name__ == "__main__":
    with os.fdopen(int(sys.argv[2]), "rb") as given:
        main(int(sys.argv[1]), json.load(given))
