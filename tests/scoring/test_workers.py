"""Calls in worker processes: whatever a call does, it costs that call only."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.scoring.workers import CallRaised, WorkerDied, WorkerPool, WorkerTimedOut


@pytest.fixture
def pool() -> Iterator[WorkerPool]:
    pool = WorkerPool(2)
    yield pool
    pool.close()


async def test_results_and_exceptions_come_back(pool: WorkerPool) -> None:
    sums = await asyncio.gather(*(pool.call("operator:add", n, 1, timeout_s=10) for n in range(20)))
    assert sums == list(range(1, 21))
    with pytest.raises(CallRaised, match="division by zero") as raised:
        await pool.call("operator:truediv", 1, 0, timeout_s=10)
    assert raised.value.kind == "ZeroDivisionError"
    with pytest.raises(CallRaised) as missing:
        await pool.call("no_such_module:f", timeout_s=10)
    assert missing.value.kind == "ModuleNotFoundError"


@pytest.mark.parametrize(
    ("function", "arguments", "failure"),
    [
        ("operator:pow", (9, 9**9), WorkerTimedOut),  # one C call that never looks up
        ("time:sleep", (600,), WorkerTimedOut),
        ("os:abort", (), WorkerDied),
        ("os:_exit", (3,), WorkerDied),
        ("operator:mul", (b"x", 1 << 40), CallRaised),  # beyond its memory
    ],
)
async def test_a_stuck_or_dying_worker_costs_only_its_own_call(
    pool: WorkerPool, function: str, arguments: tuple[object, ...], failure: type[Exception]
) -> None:
    others = [pool.call("operator:add", n, 1, timeout_s=10) for n in range(4)]
    bad, *good = await asyncio.gather(pool.call(function, *arguments, timeout_s=0.4), *others, return_exceptions=True)
    assert isinstance(bad, failure)
    assert good == [1, 2, 3, 4]
    assert await pool.call("operator:add", 5, 5, timeout_s=10) == 10


async def test_what_a_function_prints_does_not_get_between_the_results(pool: WorkerPool) -> None:
    assert await pool.call("builtins:print", "x" * 100_000, timeout_s=10) is None
    assert await pool.call("operator:mul", "y", 1_000_000, timeout_s=10) == "y" * 1_000_000


async def test_a_worker_killed_while_idle_is_replaced(pool: WorkerPool) -> None:
    pid = await pool.call("os:getpid", timeout_s=10)
    os.kill(pid, signal.SIGKILL)
    assert _ends(pid)
    assert await pool.call("os:getpid", timeout_s=10) != pid


def test_one_pool_serves_several_event_loops_and_opens_again_after_closing(pool: WorkerPool) -> None:
    first = asyncio.run(pool.call("os:getpid", timeout_s=10))  # type: ignore[arg-type]
    assert asyncio.run(pool.call("os:getpid", timeout_s=10)) == first  # type: ignore[arg-type]
    pool.close()
    assert not _runs(first)
    assert asyncio.run(pool.call("os:getpid", timeout_s=10)) != first  # type: ignore[arg-type]


def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "import asyncio, sys\n"
        "from assay.scoring.workers import WorkerPool\n"
        "async def main():\n"
        "    pool = WorkerPool(2)\n"
        "    print(await pool.call('os:getpid', timeout_s=10), flush=True)\n"
        "    busy = asyncio.create_task(pool.call('operator:pow', 9, 9**9, timeout_s=2))\n"
        "    await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        time.sleep(0.3)
        parent.kill()
    assert _ends(worker)


def _ends(pid: int) -> bool:
    deadline = time.monotonic() + 15
    while _runs(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not _runs(pid)


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
