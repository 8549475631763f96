"""Programs under Landlock and seccomp: the package ``sandlock``, which needs neither root nor namespaces.

It confines a child of the calling process, so a helper process (``landlock_child``) stands between: it
gives up root, bounds resources and reports how the program ended. Files that the program writes lie in a
folder of its own beside the source, which is removed with it.
"""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import msgspec

from assay.sandbox import landlock_child
from assay.sandbox.base import ENVIRONMENT, LocalSandbox, resource_limits
from assay.sandbox.languages import Toolchain
from assay.sandbox.program import Description, Limits
from assay.sandbox.supervise import STATUS, Command

_USERS = 1 << 20
"""Programs run as users from here on, where we are root: far above any that the host has."""
_numbers = itertools.count()
_OWN = 32
"""Threads of the helper, which count as the program's user's."""


class Landlock(LocalSandbox):
    """See the module."""

    def __init__(self) -> None:
        super().__init__()
        self.description = Description("sandlock", "confined", _version())

    @staticmethod
    def missing() -> str | None:
        """Why it cannot be used, before anything is tried."""
        if find_spec("sandlock") is None:
            return "the package sandlock is not installed (pip install 'assay[code]')"
        return None

    def owner(self) -> int:
        """A user of its own for each program, so that programs side by side cannot exhaust each other."""
        return _USERS + next(_numbers) % _USERS

    def box_inside(self, box: Path) -> str:
        """There is no mount namespace: the folder is where it is."""
        return str(box)

    def wrap(
        self, argv: Sequence[str], box: Path, toolchain: Toolchain, limits: Limits, *, stack: int, compiling: bool
    ) -> Command:
        """See ``LocalSandbox.wrap``."""
        root = os.geteuid() == 0
        scratch = box / "scratch"
        environment = {**ENVIRONMENT, "HOME": str(scratch), "TMPDIR": str(scratch)}
        order = landlock_child.Order(
            argv=[*resource_limits(limits, stack, limits.processes + _OWN if root else None), *argv],
            readable=[*_system(), *toolchain.roots, str(box)],
            writable=[str(box) if compiling else str(scratch)],
            scratch=str(scratch),
            storage=str(box / "branch"),
            disk=limits.scratch,
            compiling=compiling,
            environment=environment,
            memory=limits.memory,
            processes=limits.processes,
            user=box.stat().st_uid,
        )
        helper = str(Path(landlock_child.__file__).resolve())
        words = [sys.executable, "-B", helper, STATUS, "@order"]
        return Command(words, {"@order": msgspec.json.encode(order)})


def _system() -> list[str]:
    """Only what interpreters and compilers need: no ``/etc`` as a whole, no other process's ``/proc``."""
    wanted = ("/usr", "/bin", "/lib", "/lib64", "/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")
    settings = ("/etc/alternatives", "/etc/ld.so.cache", "/etc/ssl/openssl.cnf")
    java = [str(path) for path in sorted(Path("/etc").glob("java*"))]
    return [path for path in (*wanted, *settings) if Path(path).exists()] + java


def _version() -> str:
    try:
        return version("sandlock")
    except PackageNotFoundError:
        return ""
