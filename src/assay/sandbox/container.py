"""Programs in containers: docker or podman, whichever answers, with an image of the user's choice.

The image (``ASSAY_SANDBOX_IMAGE``) brings the languages and ``prlimit`` of util-linux; it is never pulled.
The program's processes are the daemon's children and not ours, so their CPU time is bounded by a resource
limit of each process and not reported; memory and number of processes are bounded by the runtime.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from collections.abc import Sequence
from pathlib import Path

from assay.sandbox.base import ENVIRONMENT, LocalSandbox, resource_limits
from assay.sandbox.languages import BOX, Language, Toolchain
from assay.sandbox.program import Description, Limits
from assay.sandbox.supervise import Command

_RUNTIMES = ("docker", "podman")


class Container(LocalSandbox):
    """See the module."""

    def __init__(self) -> None:
        super().__init__()
        self._runtime = _runtime() or ""
        self._image = os.environ.get("ASSAY_SANDBOX_IMAGE", "")
        self.description = Description(self._runtime, "container", self._image)

    @staticmethod
    def missing() -> str | None:
        """Why it cannot be used, before anything is tried."""
        if not os.environ.get("ASSAY_SANDBOX_IMAGE"):
            return "ASSAY_SANDBOX_IMAGE names no image"
        return None if _runtime() else f"neither {' nor '.join(_RUNTIMES)} answers"

    def toolchain(self, language: Language) -> Toolchain:
        """The image's own programs, by name."""
        return Toolchain({tool: tool for tool in language.tools})

    def wrap(
        self, argv: Sequence[str], box: Path, toolchain: Toolchain, limits: Limits, *, stack: int, compiling: bool
    ) -> Command:
        """See ``LocalSandbox.wrap``."""
        user = box.stat().st_uid  # the program's folder must be its compiler's
        name = f"assay-{uuid.uuid4().hex}"
        words = [
            *(self._runtime, "run", "--rm", "--interactive", "--name", name, "--pull=never", "--network=none"),
            *("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", f"--user={user}:{user}"),
            *(f"--memory={limits.memory}", f"--memory-swap={limits.memory}", f"--pids-limit={limits.processes}"),
            *("--ipc=none", f"--tmpfs=/tmp:rw,exec,size={limits.scratch}", "--workdir=/tmp", "--entrypoint="),
            f"--volume={box}:{BOX}:{'rw' if compiling else 'ro'}",
            *(f"--env={key}={value}" for key, value in ENVIRONMENT.items()),
            self._image,
            *resource_limits(limits, stack, None),
            *argv,
        ]
        return Command(words, has_status=False, measured=False, cleanup=[self._runtime, "rm", "--force", name])


def _runtime() -> str | None:
    for name in _RUNTIMES:
        if shutil.which(name) is None:
            continue
        try:
            if subprocess.run([name, "info"], capture_output=True, check=False, timeout=20).returncode == 0:  # noqa: S603
                return name
        except (OSError, subprocess.TimeoutExpired):
            continue
    return None
