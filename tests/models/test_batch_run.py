"""Batches under a whole run, whose process is killed: every request is paid for once, every answer used once."""

from __future__ import annotations

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from assay.store.frames import trajectories
from tests.engine.support import task
from tests.models.batch_server import BatchProvider, Line, echoed, rejected, until
from tests.models.batched_run import EPOCHS, SAMPLES, carry_out
from tests.models.fault_server import FaultServer, chat

ROOT = Path(__file__).parents[2]
ALL = SAMPLES * EPOCHS


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


async def start(url: str, folder: Path, *kill_after: int) -> Process:
    arguments = (url, str(folder), *map(str, kill_after))
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.models.batched_run", *arguments, cwd=ROOT, stderr=PIPE
    )


async def finished(process: Process) -> int:
    _, errors = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode in (0, -signal.SIGKILL), errors.decode()
    return process.returncode


def kept(state: Path) -> list[Path]:
    """The files that are remembered."""
    return list(state.iterdir())


def used(folder: Path) -> list[str]:
    """The answers in a run's folder."""
    return [trajectory.text for _, trajectory, *_ in trajectories(folder)]


async def test_a_run_killed_while_it_waits_finds_its_batch_again(tmp_path: Path) -> None:
    provider = BatchProvider()
    provider.held = True
    async with FaultServer(provider) as server:
        process = await start(server.url, tmp_path / "run")
        await until(lambda: "GET /v1/batches/batch_0" in provider.calls)
        process.kill()
        assert await finished(process) == -signal.SIGKILL
        provider.held = False
        assert await finished(await start(server.url, tmp_path / "run")) == 0
    assert len(provider.batches) == 1
    assert Counter(line["body"]["messages"][0]["content"] for line in provider.lines) == {
        f"question {number}": EPOCHS for number in range(SAMPLES)
    }
    assert len(set(used(tmp_path / "run"))) == ALL
    assert kept(tmp_path / "batches") == []


@pytest.mark.parametrize("kills", [(1,), (ALL,), (30, 3), (66, 1)], ids=str)
async def test_a_run_killed_while_answers_come_in_loses_none_and_uses_none_twice(
    tmp_path: Path, kills: tuple[int, ...]
) -> None:
    provider = BatchProvider()
    async with FaultServer(provider) as server:
        for kill in kills:
            assert await finished(await start(server.url, tmp_path / "run", kill)) == -signal.SIGKILL
        assert await finished(await start(server.url, tmp_path / "run")) == 0
    assert len(provider.lines) == ALL
    answers = used(tmp_path / "run")
    assert len(answers) == len(set(answers)) == ALL


async def test_what_fails_for_now_goes_into_another_batch(tmp_path: Path) -> None:
    seen: Counter[str] = Counter()

    def answer(line: Line) -> Line | None:
        text = line["body"]["messages"][0]["content"]
        seen[text] += 1
        if seen[text] > 1 or int(text.split()[1]) % 3 == 0:
            return echoed(line)
        return None if int(text.split()[1]) % 3 == 1 else rejected(line, 500)

    provider = BatchProvider(answer, ending="expired")
    async with FaultServer(provider) as server:
        report = await carry_out(server.url, tmp_path / "run", task(30), epochs=1)
    assert report.manifests[0].outcomes == {"scored": 30}
    assert len(provider.batches) > 1
    assert len(provider.lines) == 50


async def test_a_run_begun_call_by_call_goes_on_in_batches(tmp_path: Path) -> None:
    provider = BatchProvider()

    def serve(request: Any) -> Any:
        return chat("yes") if request.path.endswith("/chat/completions") else provider(request)

    async with FaultServer(serve) as server:
        await carry_out(server.url, tmp_path / "run", task(10), epochs=1, batched=False)
        report = await carry_out(server.url, tmp_path / "run", task(15), epochs=1)
    assert report.manifests[0].outcomes == {"scored": 15}
    assert [line["body"]["messages"][0]["content"] for line in provider.lines] == [
        f"question {number}" for number in range(10, 15)
    ]
