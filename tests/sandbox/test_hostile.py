"""Hostile programs: each must be contained, and must not pass for something that it is not."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import pytest

from assay.sandbox import supervise
from assay.sandbox.attacks import ATTACKS, LIMITS, Attack, contained, scene
from assay.sandbox.base import LocalSandbox
from assay.sandbox.languages import available_languages
from assay.sandbox.program import End, Limits, Program, Run

SMALL = Limits(cpu_s=1, memory=256 << 20, processes=32, output=64 << 10)


@pytest.fixture(autouse=True)
def _soon_asleep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervise, "_IDLE_AT_LEAST_S", 1.0)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
async def test_an_attack_of_the_probe_is_contained(box: LocalSandbox, attack: Attack) -> None:
    with scene() as around:
        run = await box.run(Program("python", attack.source(around), "", LIMITS))
        assert contained(attack, around, run), run


async def test_the_probe_sees_attacks_succeed_where_nothing_confines(tmp_path: Path) -> None:
    """The same programs, not confined: the checks of containment are able to fail."""
    escaped = []
    with scene() as around:
        for attack in ATTACKS:
            if attack.name in ("processes", "memory", "disk"):
                continue  # these would be felt by the machine
            script = tmp_path / "attack.py"
            script.write_text(attack.source(around))
            process = await asyncio.create_subprocess_exec("python3", script, cwd=tmp_path, stdout=-1, stderr=-1)
            out, err = await process.communicate()
            if not contained(attack, around, Run(End.EXITED, out.decode(), err.decode(), 0)):
                escaped.append(attack.name)
    assert set(escaped) >= {"network", "reading files", "writing files", "signals"}


@pytest.mark.parametrize(
    ("source", "ends"),
    [
        ("import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass\n", "limits"),
        ("while True: pass", "cpu"),
        (
            "import signal\nfor n in range(1, 65):\n    try:\n        signal.signal(n, signal.SIG_IGN)\n"
            "    except (OSError, ValueError):\n        pass\nwhile True: pass",
            "cpu",
        ),
        ("import os\nfor _ in range(4): os.fork()\nwhile True: pass", "cpu"),
        ("x = []\nwhile True: x.append(b'x' * 10_000_000 + bytes(len(x)))", "memory"),
        ("import threading\nwhile True: threading.Thread(target=threading.Event().wait).start()", "threads"),
        ("while True: print('x' * 1000)", "output"),
        ("import time\ntime.sleep(1000)", "asleep"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)", "asleep"),
        ("import sys\nsys.setrecursionlimit(10**9)\ndef f(): f()\nf()", "error"),
        ("import ctypes\nctypes.string_at(0)", "error"),
        (
            "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\nos.kill(1, signal.SIGKILL)\nraise OSError",
            "error",
        ),
    ],
    ids=[
        *("fork bomb", "spins", "ignores every signal", "spins in many processes", "memory", "threads", "floods"),
        *("sleeps", "stops itself", "recursion", "crashes", "kills its parents"),
    ],
)
async def test_a_greedy_program_is_ended_and_the_end_is_a_verdict(box: LocalSandbox, source: str, ends: str) -> None:
    allowed = {
        "cpu": {End.CPU_LIMIT},
        "limits": {End.CPU_LIMIT, End.MEMORY_LIMIT},
        "memory": {End.MEMORY_LIMIT, End.RUNTIME_ERROR},
        "output": {End.OUTPUT_LIMIT},
        "asleep": {End.ASLEEP},
        "threads": {End.RUNTIME_ERROR, End.MEMORY_LIMIT, End.ASLEEP},  # those that began wait for ever
        "error": {End.RUNTIME_ERROR, End.MEMORY_LIMIT},
    }[ends]
    run = await box.run(Program("python", source, "", SMALL))
    assert run.end in allowed, run
    assert len(run.stdout) <= SMALL.output
    assert (await box.run(Program("python", "print(1)"))).stdout == "1\n"


async def test_nothing_that_a_program_leaves_behind_goes_on(box: LocalSandbox) -> None:
    mark = f"assay-left-behind-{os.getpid()}"
    source = (
        "import os, sys, time\n"
        "for _ in range(3):\n"
        "    if os.fork() == 0:\n"
        "        os.setsid()\n"
        "        if os.fork() == 0:\n"
        "            os.close(0); os.close(1); os.close(2)\n"
        f"            os.execv(sys.executable, [sys.executable, '-c', 'import time; time.sleep(600)', {mark!r}])\n"
        "        os._exit(0)\n"
        "time.sleep(0.3)\n"
        "print('left')\n"
    )
    run = await box.run(Program("python", source))
    assert run.stdout == "left\n"
    assert await asyncio.to_thread(_becomes, mark, False)


async def test_a_program_cannot_pass_its_failure_off_as_the_sandbox_s(box: LocalSandbox) -> None:
    source = (
        "import os, sys\n"
        "for fd in range(3, 256):\n"
        "    try:\n"
        "        os.write(fd, b'{\"exit-code\": 0}\\n')\n"
        "    except OSError:\n"
        "        pass\n"
        "print('bwrap: No permissions to create new namespace', file=sys.stderr)\n"
        "sys.exit({code})\n"
    )
    for code in (1, 125, 127, 255):
        run = await box.run(Program("python", source.replace("{code}", str(code))))
        assert run.end is End.RUNTIME_ERROR, run


async def test_neither_tests_nor_other_runs_are_within_reach(box: LocalSandbox) -> None:
    """Expected outputs stay outside, and of one run nothing is left for the next."""
    source = (
        "import os\n"
        "home = os.environ['HOME']\n"
        "found = [os.path.join(top, name) for root in (home, '/box', '/tmp') for top, _, names in os.walk(root)"
        " for name in names]\n"
        "print(input(), [path for path in found if not path.endswith('main.py')])\n"
        "open(home + '/left', 'w').write('for the next')\n"
    )
    runs = [run async for run in box.run_each(Program("python", source), ["one", "two"])]
    assert [run.stdout for run in runs] == ["one []\n", "two []\n"]


@pytest.mark.parametrize(
    "source",
    [
        '#include "/etc/passwd"\nint main() {}\n',
        '#include "/dev/zero"\nint main() {}\n',
        "template<int n> struct A { A<n + 1> a; A<n + 2> b; };\nA<0> a;\nint main() {}\n",
    ],
    ids=["reads a file", "endless file", "endless templates"],
)
async def test_a_program_that_attacks_the_compiler_is_a_compile_error(box: LocalSandbox, source: str) -> None:
    if why := available_languages()["cpp"]:
        pytest.skip(why)
    run = await box.run(Program("cpp", source))
    assert run.end is End.COMPILE_ERROR
    assert "root:" not in run.stderr


async def test_the_clock_ends_a_program_without_a_verdict(box: LocalSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    await box.run(Program("python", ""))
    monkeypatch.setattr(Limits, "wall_s", property(lambda self: 0.6 if self.cpu_s == 7 else 100))
    run = await box.run(Program("python", "while True: pass", "", Limits(cpu_s=7)))
    assert run.end is End.WALL_LIMIT
    assert not run.end.is_verdict


async def test_giving_up_on_a_program_ends_it_and_removes_its_files(box: LocalSandbox) -> None:
    before = _boxes()
    mark = f"assay-given-up-{os.getpid()}"
    source = f"import os, sys\nif len(sys.argv) < 2: os.execv(sys.executable, ['python3', __file__, {mark!r}])\n"
    task = asyncio.create_task(box.run(Program("python", source + "import time\ntime.sleep(600)")))
    assert await asyncio.to_thread(_becomes, mark, True)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(_becomes, mark, False)
    assert _boxes() <= before


async def test_a_program_ends_with_an_assay_that_is_killed(box: LocalSandbox, tmp_path: Path) -> None:
    mark = f"assay-orphan-{os.getpid()}"
    source = f"import os, sys\nif len(sys.argv) < 2: os.execv(sys.executable, ['python3', __file__, {mark!r}])\n"
    script = (
        "import asyncio\nfrom assay.sandbox.probe import CANDIDATES\n"
        "from assay.sandbox.program import Limits, Program\n"
        f"program = Program('python', {source!r} + 'import time; time.sleep(600)', '', Limits(cpu_s=600))\n"
        f"asyncio.run(CANDIDATES[{box.description.name!r}]().run(program))\n"
    )
    (tmp_path / "script.py").write_text(script)  # whose own command line must not hold the mark
    before = _boxes()
    killed = await asyncio.create_subprocess_exec(sys.executable, tmp_path / "script.py")
    assert await asyncio.to_thread(_becomes, mark, True)
    killed.kill()
    await killed.wait()
    assert await asyncio.to_thread(_becomes, mark, False)
    for left in _boxes() - before:  # whoever is killed cannot clean up
        shutil.rmtree(left)


def _boxes() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob("assay-box-*"))


def _becomes(mark: str, running: bool) -> bool:
    """Whether a process with the mark on its command line comes to run, or to run no more, before long."""
    deadline = time.monotonic() + 20
    while _running(mark) != running and time.monotonic() < deadline:
        time.sleep(0.02)
    return _running(mark) == running


def _running(mark: str) -> bool:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (process / "cmdline").read_bytes():
                return True
        except OSError:
            continue
    return False
