"""Runs a program's unit tests in the interpreter of the program; is itself run inside the sandbox.

Reads an order as JSON from its input: ``code``, ``tests``, ``entry_point`` and ``nonce``. The last line that
it prints is the nonce with ``passed``, or a verdict with its reason. All of the order has been read, and the
input closed, before the code begins; what the code prints goes elsewhere. It uses nothing but the standard
library of whatever Python the sandbox has.
"""

from __future__ import annotations

import builtins
import fcntl
import json
import os
import random
import sys
from types import CodeType, ModuleType


def main() -> None:
    """Run the code, then the tests; leave without running anything that the code has left behind."""
    leave, write, message = os._exit, os.write, _message
    with open(0, "rb", closefd=False) as given:
        order = json.loads(given.read())
    verdict = fcntl.fcntl(1, fcntl.F_DUPFD, random.SystemRandom().randrange(64, 192))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    try:
        asserts = compile(order.pop("tests"), "tests.py", "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        said = f"{order['nonce']} broken: {error}"
    else:
        said = message(order["code"], asserts, order["entry_point"]) or order["nonce"] + " passed"
    write(verdict, said.encode("utf-8", "replace") + b"\n")
    leave(0)


def _message(code: str, asserts: CodeType, entry_point: str | None) -> str:
    """What went wrong, in one line; empty if nothing did."""
    assertion, base = AssertionError, BaseException
    try:
        program = compile(code, "program.py", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        return _line("compile error", error)
    current = vars(builtins)
    original = dict(current)
    module = sys.modules["program"] = ModuleType("program")
    world = vars(module)
    world["__builtins__"] = builtins
    try:
        exec(program, world)  # noqa: S102
        current.update(original)
        around = {name: value for name, value in world.items() if name not in original or name.startswith("__")}
        if entry_point is not None and entry_point not in around:
            return "runtime error: it defines no " + entry_point
        exec(asserts, around)  # noqa: S102
        if entry_point is not None:
            around["check"](around[entry_point])
    except assertion as error:
        return _line("wrong answer", error)
    except base as error:  # leaving early is a failure as well
        return _line("runtime error", error)
    return ""


def _line(verdict: str, error: BaseException) -> str:
    try:
        reason = str(error)
    except BaseException:
        reason = ""
    return " ".join(f"{verdict}: {type(error).__name__} {reason[:200]}".split())


if __name__ == "__main__":
    main()
