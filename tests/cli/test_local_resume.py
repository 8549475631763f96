"""A real model in a real server, killed half way: its own log says what it was asked."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import polars as pl
import pytest

from assay.store.journal import KINDS, read_lines
from tests.cli.support import environment

pytestmark = pytest.mark.skipif(find_spec("xllamacpp") is None, reason="xllamacpp is not installed")

SAMPLES, SLOTS = 10, 2


def command(out: Path, log: Path) -> list[str]:
    run = [sys.executable, "-m", "assay.cli.main", "run", "korgen", "-t", "difficulty=1", "--model", "local/smollm2"]
    options = ["-p", "max_tokens=4", "-p", f"parallel={SLOTS}", "-p", "n_ctx=4096", "-p", f"log={log}"]
    return [*run, "--limit", str(SAMPLES), *options, "--out", str(out), "--json"]


def computed(log: Path) -> int:
    """Requests that llama.cpp says it has computed."""
    return len(re.findall(r"processing task", log.read_text("utf-8", "replace")))


def written(journal: Path, kind: str) -> int:
    if not journal.exists():
        return 0
    return sum(data is not None for _, data in read_lines(journal, KINDS[kind]))


def test_the_servers_log_shows_that_no_finished_sample_is_asked_twice(tmp_path: Path) -> None:
    run, first, second = tmp_path / "run", tmp_path / "first.log", tmp_path / "second.log"
    process = subprocess.Popen(
        command(run, first), env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 300
    while written(run / "journal.jsonl", "score") < SAMPLES // 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    answered = written(run / "journal.jsonl", "call")
    assert SAMPLES // 2 <= answered < SAMPLES
    assert answered <= computed(first) <= answered + SLOTS

    done = subprocess.run(
        command(run, second), env=environment(), capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    assert computed(second) == SAMPLES - answered
    responses = pl.read_parquet(run / "responses.parquet")
    assert responses["sample_id"].n_unique() == responses.height == SAMPLES
