"""Programs in namespaces of their own: bubblewrap, with setpriv, resource limits and a system-call filter.

The program sees an empty world: the system's programs and libraries read-only, its own folder, a small
``/tmp`` in memory, no network but its own loopback, no process but its own. Root is given up before
bubblewrap starts, since root is exempt from the limit on processes; the user namespace is bubblewrap's
own, and no further one can be made inside.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from assay.sandbox.base import ENVIRONMENT, LocalSandbox, as_nobody, resource_limits
from assay.sandbox.languages import BOX, Toolchain
from assay.sandbox.program import Description, Limits
from assay.sandbox.seccomp import filter_program
from assay.sandbox.supervise import STATUS, Command

_FILTER = "@seccomp"
_SYSTEM = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_SETTINGS = ("/etc/alternatives", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d")


class Bubblewrap(LocalSandbox):
    """See the module."""

    def __init__(self) -> None:
        super().__init__()
        self.description = Description("bubblewrap", "confined", _version())
        self._filter = filter_program()

    @staticmethod
    def missing() -> str | None:
        """Why it cannot be used, before anything is tried."""
        lacking = [tool for tool in ("bwrap", "prlimit", *as_nobody()[:1]) if shutil.which(tool) is None]
        return f"no {' and '.join(lacking)} (apt-get install bubblewrap util-linux)" if lacking else None

    def wrap(
        self, argv: Sequence[str], box: Path, toolchain: Toolchain, limits: Limits, *, stack: int, compiling: bool
    ) -> Command:
        """See ``LocalSandbox.wrap``."""
        filtered = self._filter is not None
        half = str(limits.scratch // 2)
        words = [
            *as_nobody(),
            *("bwrap", "--unshare-user", "--unshare-all", "--disable-userns", "--die-with-parent", "--new-session"),
            *("--cap-drop", "ALL", "--hostname", "sandbox", "--clearenv"),
            *(word for name, value in ENVIRONMENT.items() for word in ("--setenv", name, value)),
            *_system_binds(toolchain),
            *("--proc", "/proc", "--dev", "/dev", "--size", half, "--tmpfs", "/dev/shm", "--remount-ro", "/dev"),  # noqa: S108
            *("--size", half, "--tmpfs", "/tmp"),  # noqa: S108
            *("--bind" if compiling else "--ro-bind", str(box), BOX, "--remount-ro", "/"),
            *("--chdir", "/tmp", "--json-status-fd", STATUS),  # noqa: S108
            *(("--seccomp", _FILTER) if filtered else ()),
            "--",
            *resource_limits(limits, stack, limits.processes),
            *argv,
        ]
        return Command(words, {_FILTER: self._filter} if self._filter is not None else {})


def _system_binds(toolchain: Toolchain) -> list[str]:
    words = ["--ro-bind", "/usr", "/usr"]
    for folder in map(Path, _SYSTEM):
        if folder.is_symlink():
            words += ["--symlink", str(folder.readlink()), str(folder)]
        elif folder.is_dir():
            words += ["--ro-bind", str(folder), str(folder)]
    for java in sorted(Path("/etc").glob("java*")):
        words += ["--ro-bind", str(java), str(java)]
    for path in (*_SETTINGS, *toolchain.roots):
        words += ["--ro-bind-try", path, path]
    return words


def _version() -> str:
    try:
        said = subprocess.run(["bwrap", "--version"], capture_output=True, text=True, check=True, timeout=60)  # noqa: S607
    except (OSError, subprocess.SubprocessError):
        return ""
    return said.stdout.strip().rpartition(" ")[2]
