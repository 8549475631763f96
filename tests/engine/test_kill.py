"""kill -9 at any moment: real processes, a real server, and a count of every request."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sys
from collections import Counter
from pathlib import Path
from zlib import crc32

import polars as pl

from tests.cli.support import environment, write_questions
from tests.models.fault_server import Behaviour, FaultServer, Received, chat

SAMPLES = 2000
KILLS = 20
CONNECTIONS = 16


def answer(request: Received) -> Behaviour:
    return chat(f"Answer: {'AB'[crc32(request.body) % 2]}", delay=0.01)


async def start(server: FaultServer, questions: Path, out: Path) -> asyncio.subprocess.Process:
    command = ["-m", "assay.cli.main", "run", "mcq", "--data", questions, "--model", "openai/m"]
    more = ["-p", f"base_url={server.url}", "--concurrency", CONNECTIONS, "--out", out, "--json"]
    return await asyncio.create_subprocess_exec(
        sys.executable, *map(str, [*command, *more]), env=environment(), stdout=asyncio.subprocess.PIPE
    )


async def reach(server: FaultServer, requests: int, process: asyncio.subprocess.Process) -> None:
    while len(server.received) < requests and process.returncode is None:  # noqa: ASYNC110 (another process acts)
        await asyncio.sleep(0.002)


def asked(server: FaultServer) -> Counter[str]:
    return Counter(request.json["messages"][-1]["content"] for request in server.received)


def results(run: Path) -> pl.DataFrame:
    scores = pl.read_parquet(run / "scores.parquet").select("sample_id", "epoch", "outcome", "value", "answer")
    responses = pl.read_parquet(run / "responses.parquet").select("sample_id", "digest", "text")
    return scores.join(responses, on="sample_id", validate="1:1").sort("sample_id")


async def test_twenty_kills_lose_nothing_and_ask_nothing_twice(tmp_path: Path) -> None:
    questions = write_questions(tmp_path / "q.jsonl", SAMPLES)
    chance = random.Random(5)
    async with FaultServer(answer) as server:
        for kill in range(KILLS):
            process = await start(server, questions, tmp_path / "killed")
            wanted = len(server.received) + chance.randrange(1, 2 * SAMPLES // (KILLS + 1))
            await reach(server, wanted, process)
            process.send_signal(signal.SIGKILL)
            await process.wait()
            assert kill or (tmp_path / "killed" / "journal.jsonl").exists()
        process = await start(server, questions, tmp_path / "killed")
        output, _ = await process.communicate()
        assert process.returncode == 0
        requests = asked(server)
    assert json.loads(output)[0]["outcomes"] == {"scored": SAMPLES}
    assert len(requests) == SAMPLES
    # In flight for the client is what it has sent and not yet journalled: never more than its connections.
    assert requests.total() - SAMPLES <= KILLS * CONNECTIONS

    async with FaultServer(answer) as server:
        process = await start(server, questions, tmp_path / "whole")
        await process.communicate()
        assert process.returncode == 0
        assert len(server.received) == SAMPLES
    assert results(tmp_path / "killed").equals(results(tmp_path / "whole"))


async def test_ctrl_c_seals_what_there_is_and_the_same_command_goes_on(tmp_path: Path) -> None:
    questions = write_questions(tmp_path / "q.jsonl", 400)
    async with FaultServer(answer) as server:
        process = await start(server, questions, tmp_path / "r")
        await reach(server, 100, process)
        process.send_signal(signal.SIGINT)
        output, _ = await process.communicate()
        assert process.returncode == 130
        (summary,) = json.loads(output)
        done = summary["outcomes"]["scored"]
        assert 90 <= done < 400
        assert summary["manifest"]["status"] == "interrupted"
        assert not (tmp_path / "r" / "journal.jsonl").exists()
        process = await start(server, questions, tmp_path / "r")
        output, _ = await process.communicate()
        assert process.returncode == 0
        assert json.loads(output)[0]["outcomes"] == {"scored": 400}
        assert asked(server).total() == 400, "what was in flight at Ctrl-C was waited for"
