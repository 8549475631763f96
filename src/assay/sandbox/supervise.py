"""One process tree under watch: fed, read, measured, ended.

``supervise`` starts a command and looks at it twenty times a second. It charges CPU time to the whole
tree of processes, counts its memory, and ends all of it the moment a limit is passed. It blocks; the
sandboxes call it in threads of their own. The input is an unlinked file and the outputs are always
drained, so that a program never waits for us: one that sleeps, sleeps of its own accord.

That the program was started at all is said by the sandbox over a pipe that the program does not have
(bubblewrap's ``--json-status-fd``): a program cannot make its own failure look like the sandbox's.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from assay.sandbox.program import End, Limits, Run

STATUS = "@status"
"""In a command: replaced by the number of the descriptor for the status."""
_EVERY_S = 0.05
_STDERR = 64 << 10
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_IDLE_AT_LEAST_S = 5.0


@dataclass(frozen=True)
class Command:
    """What to start."""

    argv: Sequence[str]
    inputs: dict[str, bytes] = field(default_factory=dict)
    """Words of ``argv`` to be replaced by the number of a descriptor from which these bytes can be read."""
    has_status: bool = True
    """Whether it says over ``STATUS`` how the program ended."""
    measured: bool = True
    """Whether the program's processes are descendants of the command."""
    cleanup: Sequence[str] = ()
    """A command that ends what may be left."""


def supervise(command: Command, stdin: bytes, limits: Limits, cancelled: threading.Event) -> Run:
    """Start the command, keep it within limits, and say how it ended. Never raises for what it does."""
    with ExitStack() as stack:
        process, status, words = _start(command, stdin, stack)
        if process is None:
            return Run(End.FAILED, stderr=words)
        watch = _Watch(process, command, limits, status)
        try:
            watch.until_end(cancelled)
        finally:
            watch.kill()
            if command.cleanup:
                subprocess.run(list(command.cleanup), capture_output=True, check=False, timeout=60)  # noqa: S603
        return watch.verdict()


def _start(command: Command, stdin: bytes, stack: ExitStack) -> tuple[subprocess.Popen[bytes] | None, int, str]:
    status_read, status_write = os.pipe()
    stack.callback(os.close, status_read)
    try:
        numbers = {STATUS: status_write}
        for word, content in command.inputs.items():
            numbers[word] = _file_with(content, stack).fileno()
        argv = [str(numbers[word]) if word in numbers else word for word in command.argv]
        process = subprocess.Popen(  # noqa: S603
            argv,
            stdin=_file_with(stdin, stack),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=tuple(numbers.values()),
            start_new_session=True,
            bufsize=0,
        )
    except OSError as error:
        return None, status_read, f"{command.argv[0]}: {error}"
    finally:
        os.close(status_write)
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            stack.callback(pipe.close)
    return process, status_read, ""


def _file_with(content: bytes, stack: ExitStack) -> IO[bytes]:
    file = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
    file.write(content)
    file.seek(0)
    return file


class _Watch:
    """A started command."""

    def __init__(self, process: subprocess.Popen[bytes], command: Command, limits: Limits, status: int) -> None:
        self.process = process
        self.command = command
        self.limits = limits
        self.reason: End | None = None
        self.cpu_s = 0.0
        self._tree = ProcessTree(process.pid)
        self._texts = {"stdout": bytearray(), "stderr": bytearray(), "status": bytearray()}
        self._started = time.monotonic()
        self._wall_s = 0.0
        self._asleep_s = 0.0
        self._code: int | None = None
        self._pidfd = os.pidfd_open(process.pid)
        self._selector = selectors.DefaultSelector()
        assert process.stdout is not None
        assert process.stderr is not None
        for name, fd in (("stdout", process.stdout.fileno()), ("stderr", process.stderr.fileno()), ("status", status)):
            self._selector.register(fd, selectors.EVENT_READ, name)
        self._selector.register(self._pidfd, selectors.EVENT_READ, "")

    def until_end(self, cancelled: threading.Event) -> None:
        """Return once the command has ended, or is to be ended for ``reason``."""
        looked = self._started
        while self._code is None and self.reason is None:
            self._read(_EVERY_S)
            self._reap()
            now = time.monotonic()
            if self._code is None and now - looked >= _EVERY_S:
                self._look(now - looked)
                looked = now
            if now - self._started > self.limits.wall_s:
                self.reason = self.reason or End.WALL_LIMIT
            if cancelled.is_set():
                self.reason = End.FAILED

    def kill(self) -> None:
        """End every process, and read what was still written."""
        self._tree.kill()
        deadline = time.monotonic() + 10
        while self._code is None and time.monotonic() < deadline:
            self._read(0.01)
            self._reap()
        deadline = time.monotonic() + 1
        while len(self._selector.get_map()) and time.monotonic() < deadline:
            self._read(0.01)
        self._wall_s = time.monotonic() - self._started
        self._selector.close()
        os.close(self._pidfd)

    def verdict(self) -> Run:
        """How the program ended, as far as the sandbox and the measurements tell."""
        stdout, stderr = (bytes(self._texts[name]).decode("utf-8", "replace") for name in ("stdout", "stderr"))
        cpu_s = self.cpu_s if self.command.measured else None
        exit_code, said_cpu = _said(bytes(self._texts["status"])) if self.command.has_status else (self._code, None)
        if said_cpu is not None:
            cpu_s = max(said_cpu, self._tree.cpu_s)
        if exit_code is not None and exit_code > 128:
            exit_code = 128 - exit_code  # how shells and bubblewrap tell of a signal
        end = self.reason
        if end is None and exit_code is None:
            end = End.FAILED
            stderr = f"the sandbox did not start the program (code {self._code}): {stderr.strip()[-500:]}"
        elif end is None or end is End.WALL_LIMIT:
            end = end or (End.EXITED if exit_code == 0 else End.RUNTIME_ERROR)
            if (cpu_s is not None and cpu_s >= self.limits.cpu_s) or exit_code == -signal.SIGXCPU:
                end = End.CPU_LIMIT
        return Run(
            end,
            stdout[: self.limits.output],
            stderr,
            exit_code if end in (End.EXITED, End.RUNTIME_ERROR) else None,
            None if cpu_s is None else round(cpu_s, 3),
            round(self._wall_s, 3),
        )

    def _read(self, timeout_s: float) -> None:
        for key, _ in self._selector.select(timeout_s):
            if key.data == "":
                self._selector.unregister(key.fd)
                continue
            data = os.read(key.fd, 1 << 16)
            if not data:
                self._selector.unregister(key.fd)
                continue
            kept = self._texts[key.data]
            limit = self.limits.output if key.data == "stdout" else _STDERR
            kept += data[: max(0, limit + 1 - len(kept))]
            if key.data == "stdout" and len(kept) > limit and self.reason is None:
                self.reason = End.OUTPUT_LIMIT

    def _reap(self) -> None:
        pid, state, usage = os.wait4(self.process.pid, os.WNOHANG)
        if pid:
            self._code = self.process.returncode = os.waitstatus_to_exitcode(state)
            self.cpu_s = max(self.cpu_s, usage.ru_utime + usage.ru_stime)

    def _look(self, elapsed_s: float) -> None:
        if not self.command.measured:
            return
        before = self._tree.cpu_s
        self._tree.look()
        self.cpu_s = max(self.cpu_s, self._tree.cpu_s)
        asleep = self._tree.asleep and self._tree.cpu_s == before
        # A step counts for little, however long it took: the machine may have stood still.
        self._asleep_s = self._asleep_s + min(elapsed_s, 4 * _EVERY_S) if asleep else 0.0
        if self._tree.cpu_s >= self.limits.cpu_s:
            self.reason = End.CPU_LIMIT
        elif self._tree.memory > self.limits.memory:
            self.reason = End.MEMORY_LIMIT
        elif self._asleep_s > max(self.limits.cpu_s, _IDLE_AT_LEAST_S):
            self.reason = End.ASLEEP


def _said(status: bytes) -> tuple[int | None, float | None]:
    """The exit code, and the CPU seconds if told, of a status: one JSON object a line."""
    code: int | None = None
    cpu_s: float | None = None
    for line in status.splitlines():
        with suppress(ValueError):
            said = json.loads(line)
            code = said.get("exit-code", code)
            cpu_s = said.get("cpu-s", cpu_s)
    return code, cpu_s


class ProcessTree:
    """The descendants of a process, by what ``/proc`` says of them."""

    def __init__(self, root: int) -> None:
        self.root = root
        self.cpu_s = 0.0
        """Of all descendants so far; never falls."""
        self.memory = 0
        """Resident bytes; pages that processes share count for each."""
        self.asleep = False
        """Whether every one of them waits for neither the processor nor the disk, or has stopped itself."""
        self._own: dict[int, float] = {}

    def look(self) -> None:
        """Measure again."""
        living = self._living()
        with_children = sum(cpu + waited for cpu, waited, _, _ in living.values())
        self._own |= {pid: cpu for pid, (cpu, _, _, _) in living.items()}
        self.cpu_s = max(self.cpu_s, with_children / _TICKS, sum(self._own.values()) / _TICKS)
        self.memory = sum(rss for _, _, rss, _ in living.values()) * _PAGE
        self.asleep = bool(living) and all(state in "SZTt" for _, _, _, state in living.values())

    def kill(self) -> None:
        """End all of them, then the root."""
        for _ in range(200):
            pids = [pid for pid, (_, _, _, state) in self._living().items() if state != "Z"]
            for sent in (signal.SIGSTOP, signal.SIGKILL):
                for pid in pids:
                    with suppress(ProcessLookupError, PermissionError):
                        os.kill(pid, sent)
            if not pids:
                break
            time.sleep(0.005)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.root, signal.SIGKILL)

    def _living(self) -> dict[int, tuple[float, float, int, str]]:
        """Each descendant's own ticks, those of children it has waited for, resident pages and state."""
        parents: dict[int, int] = {}
        figures: dict[int, tuple[float, float, int, str]] = {}
        for entry in os.listdir("/proc"):  # noqa: PTH208  (twenty times a second)
            if not entry.isdigit():
                continue
            try:
                words = Path("/proc", entry, "stat").read_bytes().rpartition(b")")[2].split()
            except OSError:
                continue
            pid = int(entry)
            parents[pid] = int(words[1])
            own, waited = int(words[11]) + int(words[12]), int(words[13]) + int(words[14])
            figures[pid] = own, waited, int(words[21]), words[0].decode()
        found: set[int] = set()
        frontier = {self.root}
        while frontier:
            frontier = {pid for pid, parent in parents.items() if parent in frontier} - found
            found |= frontier
        return {pid: figures[pid] for pid in found}
