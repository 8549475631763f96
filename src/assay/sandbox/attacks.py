"""What a hostile program tries, and how the outside sees whether it succeeded.

The probe makes each attempt in each sandbox of the host before any model's program runs; a sandbox that
does not contain all of ``ESSENTIAL`` is not used. Success is judged by what happened outside (a file
written, a connection accepted, a process ended), not by what the program says, as far as there is an
outside to look at. Each program first prints ``trying``: one that never ran contained nothing.
"""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from assay.sandbox.program import Limits, Run

LIMITS = Limits(cpu_s=4, memory=192 << 20, processes=24, output=64 << 10, file=1 << 20, scratch=8 << 20)
"""Under which attacks are tried."""
ESSENTIAL = ("network", "reading files", "writing files", "signals", "processes", "memory", "disk")


@dataclass(frozen=True)
class Scene:
    """What lies about outside for an attack to find."""

    folder: Path
    """World-writable."""
    secret: str
    """Written in ``folder/secret``, which anybody may read."""
    port: int
    """Of a server on the loopback."""
    listener: socket.socket
    victim: subprocess.Popen[bytes]
    """A process of the same user as the program, where we are root."""


@dataclass(frozen=True)
class Attack:
    """One attempt, in Python."""

    name: str
    source: Callable[[Scene], str]
    succeeded: Callable[[Scene, Run], bool]


@contextmanager
def scene() -> Iterator[Scene]:
    """Set up the outside, and take it away again."""
    with tempfile.TemporaryDirectory(prefix="assay-probe-") as name, socket.socket() as listener:
        folder = Path(name)
        folder.chmod(0o777)
        secret = secrets.token_hex(16)
        (folder / "secret").write_text(secret)
        (folder / "secret").chmod(0o644)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(False)
        user = 65534 if os.geteuid() == 0 else None
        victim = subprocess.Popen(["sleep", "300"], user=user, group=user, cwd="/")  # noqa: S607
        try:
            yield Scene(folder, secret, listener.getsockname()[1], listener, victim)
        finally:
            victim.kill()
            victim.wait()


def _connected(scene: Scene, run: Run) -> bool:
    with suppress(OSError):
        scene.listener.accept()[0].close()
        return True
    return False


_NETWORK = """
import socket
print("trying", flush=True)
for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
    for host in ("127.0.0.1", "localhost"):
        try:
            socket.socket(socket.AF_INET, kind).connect((host, {port}))
        except OSError as error:
            print(error)
"""
_READ = """
import os
print("trying", flush=True)
folder = {folder!r}
for path in (folder + "/secret", "/proc/1/root" + folder + "/secret", "/proc/self/root" + folder + "/secret",
             "/proc/self/cwd/../../../../.." + folder + "/secret", "/etc/shadow", "/root/.bashrc"):
    try:
        print(open(path).read())
        print("opened", path)
    except OSError as error:
        print(error)
try:
    os.link(folder + "/secret", "/tmp/linked"); print(open("/tmp/linked").read())
except OSError as error:
    print(error)
"""
_WRITE = """
import os
print("trying", flush=True)
for path in ({folder!r} + "/planted", __file__):
    try:
        with open(path, "a") as file:
            file.write("planted")
        print("wrote", path)
    except OSError as error:
        print(error)
"""
_SIGNAL = """
import os, signal
print("trying", flush=True)
for number in (signal.SIGTERM, signal.SIGKILL):
    try:
        os.kill({victim}, number)
    except OSError as error:
        print(error)
"""
_FORK = """
import os, time
print("trying", flush=True)
children = 0
while children < 400:
    try:
        pid = os.fork()
    except OSError:
        break
    if not pid:
        time.sleep(3)
        os._exit(0)
    children += 1
print("children:", children, flush=True)
"""
_MEMORY = """
import os
print("trying", flush=True)
hoard = []
for _ in range(12):
    if os.fork() == 0:
        break
for _ in range(64):
    hoard.append(bytearray(b"x" * (8 << 20)))
print("hoarded", flush=True)
"""
_DISK = """
import os
print("trying", flush=True)
written = 0
for number in range(64):
    try:
        with open(f"filler-{number}", "wb") as file:
            for _ in range(16):
                written += file.write(b"x" * (1 << 19))
    except OSError as error:
        print(error)
print("written:", written, flush=True)
"""
_OTHERS = """
import os
print("trying", flush=True)
try:
    print(open("/proc/{victim}/cmdline").read())
except OSError as error:
    print(error)
"""


def _number_after(word: str, run: Run) -> int:
    for line in run.stdout.splitlines():
        if line.startswith(word):
            return int(line[len(word) :])
    return 0


ATTACKS = (
    Attack("network", lambda scene: _NETWORK.format(port=scene.port), _connected),
    Attack(
        "reading files",
        lambda scene: _READ.format(folder=str(scene.folder)),
        lambda scene, run: scene.secret in run.stdout or "opened" in run.stdout,
    ),
    Attack(
        "writing files",
        lambda scene: _WRITE.format(folder=str(scene.folder)),
        lambda scene, run: (scene.folder / "planted").exists() or "wrote" in run.stdout,
    ),
    Attack(
        "signals",
        lambda scene: _SIGNAL.format(victim=scene.victim.pid),
        lambda scene, run: scene.victim.poll() is not None,
    ),
    Attack("processes", lambda scene: _FORK, lambda scene, run: _number_after("children:", run) > LIMITS.processes),
    Attack("memory", lambda scene: _MEMORY, lambda scene, run: "hoarded" in run.stdout),
    Attack("disk", lambda scene: _DISK, lambda scene, run: _number_after("written:", run) > 2 * LIMITS.scratch),
    Attack(
        "seeing other processes",
        lambda scene: _OTHERS.format(victim=scene.victim.pid),
        lambda scene, run: "sleep" in run.stdout,
    ),
)


def contained(attack: Attack, scene: Scene, run: Run) -> bool:
    """Whether the attempt was made and came to nothing."""
    return run.end.is_verdict and run.stdout.startswith("trying") and not attack.succeeded(scene, run)
