"""What a sandbox can do, and what all sandboxes of this host have in common.

``Sandbox.run`` runs a program once, ``run_each`` on several inputs with one compilation. A ``LocalSandbox``
differs from another only in how it wraps a command (``wrap``); the folder of a program, its compilation,
the bound on how many run at once and the cleaning up are here.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import threading
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from functools import cache
from pathlib import Path

import msgspec

from assay.sandbox.languages import BOX, Language, Toolchain, find_language, find_toolchain
from assay.sandbox.program import Description, End, Limits, Program, Run, SandboxUnavailable
from assay.sandbox.supervise import Command, supervise

NOBODY = 65534
"""The user id of programs: that of root is exempt from the limit on processes."""
ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "HOME": "/tmp",  # noqa: S108
    "TMPDIR": "/tmp",  # noqa: S108
    "LANG": "C.UTF-8",
    "PYTHONHASHSEED": "0",
    "OPENBLAS_NUM_THREADS": "1",
    "GOMAXPROCS": "2",
    "GO111MODULE": "off",
}
_COMPILE = Limits(cpu_s=60, memory=3 << 30, processes=128, file=256 << 20, scratch=512 << 20)


class Sandbox(ABC):
    """A place where programs that nobody trusts can run."""

    description: Description

    @abstractmethod
    def run_each(self, program: Program, inputs: Sequence[str]) -> AsyncGenerator[Run, None]:
        """Run a program on each input in turn (its own ``stdin`` is not used), as they are asked for.

        A program that does not compile yields one run that says so. Raises ``SandboxUnavailable`` where
        the language cannot be run here. Close the iterator to clean up early.
        """

    async def run(self, program: Program) -> Run:
        """Run a program once. Raises ``SandboxUnavailable`` where its language cannot be run here."""
        async with aclosing(self.run_each(program, [program.stdin])) as runs:
            async for run in runs:
                return run
        raise AssertionError("a sandbox yields a run for each input")


class LocalSandbox(Sandbox):
    """A sandbox whose programs are processes of this machine."""

    @staticmethod
    def missing() -> str | None:
        """Why it cannot be used, before anything is tried."""
        return None

    def __init__(self) -> None:
        self._checked: dict[str, str | None] = {}
        """Languages tried, with why they do not work."""

    @abstractmethod
    def wrap(
        self, argv: Sequence[str], box: Path, toolchain: Toolchain, limits: Limits, *, stack: int, compiling: bool
    ) -> Command:
        """The command that runs ``argv`` confined. ``box`` is to be at ``BOX``, writable while compiling."""

    def toolchain(self, language: Language) -> Toolchain:
        """Where the language's programs are, as seen from inside."""
        return find_toolchain(language)

    def box_inside(self, box: Path) -> str:
        """Where the program's folder appears inside."""
        return BOX

    def owner(self) -> int:
        """The user whom the program's folder is given to, where we are root; its compiler runs as that user."""
        return NOBODY

    async def run_each(self, program: Program, inputs: Sequence[str]) -> AsyncGenerator[Run, None]:
        """See ``Sandbox.run_each``."""
        language = find_language(program.language)
        await self._check_toolchain(language)
        async with aclosing(self._runs(language, program, inputs)) as runs:
            async for run in runs:
                yield run

    async def _check_toolchain(self, language: Language) -> None:
        """Compile and run a program that is known to be right: what fails later is then not the toolchain.

        Raises ``SandboxUnavailable``; asked once for each language.
        """
        if language.name not in self._checked:
            specimen = Program(language.name, language.specimen)
            run = await anext(runs := self._runs(language, specimen, [""]))
            await runs.aclose()
            if run.end.is_verdict:
                why = f"{run.end}: {(run.stderr or run.stdout).strip()[-300:]}"
                self._checked[language.name] = None if run.stdout.strip() == "42" else why
            else:  # not remembered: it may pass
                raise SandboxUnavailable(f"{self.description.name} cannot run {language.name} now: {run.stderr[-300:]}")
        if why_not := self._checked[language.name]:
            raise SandboxUnavailable(f"{language.name} does not work in {self.description.name}: {why_not}")

    async def _runs(self, language: Language, program: Program, inputs: Sequence[str]) -> AsyncGenerator[Run, None]:
        toolchain = self.toolchain(language)
        box = Path(tempfile.mkdtemp(prefix="assay-box-"))
        try:
            name = language.source_name(program.source)
            _fill(box, name, program.source, self.owner())
            inside = self.box_inside(box)
            check = language.check(toolchain.tools, inside, name)
            compiled = await self._supervised(check, box, toolchain, _COMPILE, language, "", compiling=True)
            if compiled.end is not End.EXITED:
                yield _not_compiled(compiled)
                return
            limits = msgspec.structs.replace(program.limits, memory=program.limits.memory + language.overhead)
            argv = language.execute(toolchain.tools, inside, name)
            for stdin in inputs:
                yield await self._supervised(argv, box, toolchain, limits, language, stdin, compiling=False)
        finally:
            shutil.rmtree(box, ignore_errors=True)

    async def _supervised(
        self,
        argv: Sequence[str],
        box: Path,
        toolchain: Toolchain,
        limits: Limits,
        language: Language,
        stdin: str,
        *,
        compiling: bool,
    ) -> Run:
        command = self.wrap(argv, box, toolchain, limits, stack=language.stack, compiling=compiling)
        cancelled = threading.Event()
        try:
            started = _threads().submit(supervise, command, stdin.encode("utf-8", "replace"), limits, cancelled)
            return await asyncio.wrap_future(started)
        finally:
            cancelled.set()


def _fill(box: Path, name: str, source: str, owner: int) -> None:
    """Put the source into the folder, for everybody to read and for the owner, if we are root, to write."""
    (box / name).write_text(source, "utf-8", errors="replace", newline="")
    box.chmod(0o755)
    if os.geteuid() == 0:
        for path in (box, box / name):
            os.chown(path, owner, owner)


def as_nobody() -> list[str]:
    """The beginning of a command that gives up root, where we are root."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs", "--"]


def resource_limits(limits: Limits, stack: int, processes: int | None) -> list[str]:
    """The beginning of a command that bounds each process, as a backstop to the supervisor.

    ``processes`` counts all of the program's user: it is bounded only where that user has no others.
    """
    cpu = int(limits.cpu_s) + 2
    return [
        *("prlimit", f"--cpu={cpu}:{cpu + 1}", f"--data={limits.memory}"),
        *(() if processes is None else (f"--nproc={processes}",)),
        *(f"--fsize={limits.file}", "--nofile=256", f"--stack={stack}", "--core=0", "--memlock=65536"),
        *("--msgqueue=0", "--"),
    ]


def _not_compiled(run: Run) -> Run:
    if not run.end.is_verdict:
        return run
    why = run.stderr or run.stdout
    if run.end is not End.RUNTIME_ERROR:
        why = f"while compiling: {run.end}\n{why}"
    return msgspec.structs.replace(run, end=End.COMPILE_ERROR, stdout="", stderr=why)


@cache
def _threads() -> ThreadPoolExecutor:
    """One thread a program under way: as many as there are processors."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return ThreadPoolExecutor(max(2, min(16, usable)), thread_name_prefix="assay-sandbox")
