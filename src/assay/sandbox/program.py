"""What goes into a sandbox and what comes out: programs, limits, runs.

Two invariants. A verdict never depends on how busy the machine is: time is CPU time, and what the wall
clock ended says nothing about the program (``WALL_LIMIT``). And a sandbox that fails is no verdict at
all: ``FAILED`` and ``WALL_LIMIT`` are the two ends that must not be scored, see ``End.is_verdict``.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from msgspec import Struct

from assay.errors import AssayError


class SandboxUnavailable(AssayError):
    """No sandbox works on this host, or it has no toolchain for the language."""


class End(StrEnum):
    """How a program came to its end."""

    EXITED = "exited"
    """By itself with exit code 0."""
    RUNTIME_ERROR = "runtime_error"
    """By itself with another exit code, or by a signal."""
    COMPILE_ERROR = "compile_error"
    """It was never run: the compiler, or the language's syntax check, refused it or exceeded a limit."""
    CPU_LIMIT = "cpu_limit"
    """Its processes together used more CPU time than allowed."""
    MEMORY_LIMIT = "memory_limit"
    """Its processes together held more memory than allowed."""
    OUTPUT_LIMIT = "output_limit"
    """It wrote more than allowed."""
    ASLEEP = "asleep"
    """Every process of it slept, for longer than the CPU time allowed, with nothing left to wait for."""
    WALL_LIMIT = "wall_limit"
    """The clock ran out while it still wanted the processor: the machine's failure, not the program's."""
    FAILED = "failed"
    """The sandbox could not run it; ``Run.stderr`` says why."""

    @property
    def is_verdict(self) -> bool:
        """Whether this says something about the program."""
        return self not in (End.WALL_LIMIT, End.FAILED)


class Limits(Struct, frozen=True):
    """What a program may use, all its processes together unless said otherwise."""

    cpu_s: float = 10.0
    memory: int = 1 << 30
    """Bytes, both of one process's data and of all processes' resident memory."""
    processes: int = 64
    """Processes and threads at one time."""
    output: int = 1 << 20
    """Bytes of standard output; of standard error, the first 64 kB are kept."""
    file: int = 16 << 20
    """Bytes of one file."""
    scratch: int = 64 << 20
    """Bytes of all files."""

    @property
    def wall_s(self) -> float:
        """By the clock: many times the CPU time, since a busy machine is not the program's fault."""
        return 20.0 + 8.0 * self.cpu_s


class Program(Struct, frozen=True):
    """A program in one file, what it reads, and what it may use."""

    language: str
    """A name or alias of ``languages.LANGUAGES``."""
    source: str
    stdin: str = ""
    limits: Limits = Limits()


class Run(Struct, frozen=True):
    """What became of a program."""

    end: End
    stdout: str = ""
    stderr: str = ""
    exit_code: int | None = None
    """Negative: minus the signal's number. ``None`` where it was ended from outside."""
    cpu_s: float | None = None
    """Of all its processes; ``None`` where the sandbox cannot tell."""
    wall_s: float = 0.0


class Description(Struct, frozen=True):
    """What a sandbox is, as recorded in every score made with it."""

    name: str
    """Such as ``bubblewrap`` or ``sandlock``."""
    level: str
    """``confined`` (this kernel's own means), ``container`` or ``remote``."""
    version: str = ""
    holds: tuple[str, ...] = ()
    """The attacks that the probe saw contained."""
    others: dict[str, str] = {}
    """Other sandboxes of this host, and why they were not taken."""

    def record(self) -> dict[str, Any]:
        """For a score's trace."""
        return {"name": self.name, "level": self.level, "version": self.version, "holds": list(self.holds)}
