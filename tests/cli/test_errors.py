"""Whatever is wrong is said in one line, nothing is lost, and the exit code tells."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import string
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.support import as_json, assay, one_line, write_questions
from tests.models.fault_server import FaultServer, chat, error

KEY = "sk-secret-0123456789abcdef"


async def assay_at(server: FaultServer, *arguments: object, **env: str) -> subprocess.CompletedProcess[str]:
    environment = {"OPENAI_BASE_URL": server.url, **env}
    return await asyncio.to_thread(assay, *arguments, env=environment)


async def test_a_wrong_key_is_one_line_that_does_not_hold_the_key(tmp_path: Path) -> None:
    questions = write_questions(tmp_path / "q.jsonl")
    async with FaultServer([error(401, f"Incorrect API key provided: {KEY}")]) as server:
        done = await assay_at(
            server,
            "run",
            "mcq",
            "--data",
            questions,
            "--model",
            "openai/m",
            "--out",
            tmp_path / "r",
            OPENAI_API_KEY=KEY,
        )
    assert "the key in OPENAI_API_KEY was rejected" in one_line(done)
    everything = (
        done.stdout + done.stderr + "".join(path.read_bytes().decode("latin-1") for path in (tmp_path / "r").iterdir())
    )
    assert KEY not in everything


async def test_an_unknown_model_is_one_line_and_the_run_can_go_on(tmp_path: Path) -> None:
    questions = write_questions(tmp_path / "q.jsonl")
    arguments = ("run", "mcq", "--data", questions, "--model", "openai/m", "--out", tmp_path / "r", "--json")
    async with FaultServer([error(404, "The model `m` does not exist")]) as server:
        done = await assay_at(server, *arguments)
    assert "no such model" in one_line(done)
    async with FaultServer([chat("Answer: A")]) as server:
        done = await assay_at(server, *arguments)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "korbnch", "--model", "scripted/echo"], "did you mean 'korbench'"),
        (["run", "mcq", "--model", "scripted/echo"], "--data names your file"),
        (["run", "mcq", "--data", "nowhere.jsonl", "--model", "scripted/echo"], "no file nowhere.jsonl"),
        (["run", "korbench", "--data", ".", "--model", "scripted/echo"], "--data"),
        (["run", "mcq", "--data", "q.jsonl", "--model", "opnai/m"], "did you mean 'openai'"),
        (["run", "mcq", "--data", "q.jsonl", "--model", "scripted/echo", "--mode", "offical"], "it has: robust"),
        (["run", "mcq", "--data", "q.jsonl", "--model", "scripted/echo", "-t", "colour=red"], "no parameter 'colour'"),
        (["run", "mcq", "--data", "q.jsonl", "--model", "scripted/echo", "-p", "temperature=hot"], "temperature"),
        (["run", "mcq", "--data", "q.jsonl", "--model", "scripted/echo", "-p", "api_key=x"], "environment variable"),
        (["run", "mcq", "--data", "q.jsonl", "--model", "openai/m", "--max-cost", "1"], "needs a price"),
        (["run", "mcq", "--data", "q.jsonl", "--model", "scripted/echo", "--shard", "9/8"], "K/N"),
        (["show", "nowhere"], "no run at nowhere"),
        (["compare", "nowhere", "nowhere"], "no run at nowhere"),
        (["import", "responses", "q.jsonl", "--task", "mcq", "--data", "q.jsonl"], "--map"),
        (["conform", "mcq", "--data", "q.jsonl", "--responses", "none.parquet", "--verdict", "ok"], "no file"),
    ],
)
def test_what_does_not_fit_is_one_line(tmp_path: Path, arguments: list[str], said: str) -> None:
    write_questions(tmp_path / "q.jsonl")
    assert said in one_line(assay(*arguments, cwd=tmp_path))


def test_a_malformed_line_is_named_and_what_came_before_is_kept(tmp_path: Path) -> None:
    questions = write_questions(tmp_path / "q.jsonl", 150)  # beyond what preflight looks at
    with questions.open("a") as file:
        file.write('{"id": "bad", "question": "un\n')
    run = (
        "run",
        "mcq",
        "--data",
        questions,
        "--model",
        "scripted/constant",
        "-p",
        "text=Answer: A",
        "--out",
        tmp_path / "r",
    )
    done = assay(*run, "--json")
    assert re.search(r"q\.jsonl, line 151: ", one_line(done))
    shown = as_json("show", tmp_path / "r")
    assert shown[0]["outcomes"] == {"scored": 150}
    assert shown[0]["manifest"]["status"] == "interrupted"
    write_questions(questions, 151)
    assert assay(*run, "--json").returncode == 0


def test_a_read_only_folder_is_one_line(tmp_path: Path) -> None:
    questions = write_questions(tmp_path / "q.jsonl")
    script = 'mount -t tmpfs -o ro tmpfs "$1" && shift && exec "$@"'
    (tmp_path / "ro").mkdir()
    done = _in_namespace(script, tmp_path / "ro", *_run(questions, tmp_path / "ro" / "r"))
    assert "Read-only file system" in one_line(done)
    assert done.returncode == 4


def test_a_disk_that_fills_up_is_one_line_and_the_run_goes_on_with_space(tmp_path: Path) -> None:
    questions = write_questions(tmp_path / "q.jsonl", 3000)
    disk = tmp_path / "disk"
    disk.mkdir()
    reply = "text=" + "Let me think. " * 200 + "Answer: A"
    command = _run(questions, disk / "r", "-p", reply)
    script = (
        'mount -t tmpfs -o size=4m tmpfs "$1" && disk="$1" && shift; "$@"; echo "exit $?"; '
        'mount -o remount,size=400m "$disk"; "$@" > /dev/null; echo "exit $?"; '
        f"{sys.executable} -m assay.cli.main show $disk/r --json"
    )
    done = _in_namespace(script, disk, *command)
    assert "disk full" in done.stderr.splitlines()[0]
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "exit 4" in done.stdout
    assert "exit 0" in done.stdout
    assert '"scored": 3000' in done.stdout
    assert '"calls": 3000' in done.stdout, "nothing was asked twice: each sample has one call, none superseded"


def test_a_disk_that_is_full_at_sealing_keeps_the_journal(tmp_path: Path) -> None:
    """Texts that do not compress: the journal fits, the tables beside it do not."""
    chance = random.Random(3)
    rows = [
        {"question": "".join(chance.choices(string.printable[:90], k=20_000)), "choices": ["1", "2"], "answer": "A"}
        for _ in range(50)
    ]
    questions = tmp_path / "q.jsonl"
    questions.write_text("".join(json.dumps(row) + "\n" for row in rows))
    disk = tmp_path / "disk"
    disk.mkdir()
    command = _run(questions, disk / "r", "-p", "text=Answer: A")
    script = (
        'mount -t tmpfs -o size=4100k tmpfs "$1" && disk="$1" && shift; "$@"; echo "exit $?"; ls $disk/r; '
        'mount -o remount,size=400m "$disk"; "$@" > /dev/null; echo "exit $?"; ls $disk/r; '
        f"{sys.executable} -m assay.cli.main show $disk/r --json"
    )
    done = _in_namespace(script, disk, *command)
    assert "disk full" in done.stderr.splitlines()[0]
    assert ".parquet: free some space" in done.stderr.splitlines()[0], "it was the tables that did not fit"
    before, _, after = done.stdout.partition("exit 4")[2].partition("exit 0")
    assert "journal.jsonl" in before
    assert ".tmp" not in before
    assert "scores.parquet" in after
    assert "journal.jsonl" not in after.partition("[")[0]
    assert '"scored": 50' in after
    assert '"calls": 50' in after


def _run(questions: Path, out: Path, *more: str) -> list[str]:
    command = [sys.executable, "-m", "assay.cli.main", "run", "mcq", "--data", str(questions)]
    return [*command, "--model", "scripted/constant", *more, "--out", str(out), "--json"]


def _in_namespace(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    if os.geteuid() != 0:
        pytest.skip("mounting a file system takes root")
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, "sh", *map(str, arguments)], capture_output=True, text=True, check=False
    )
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip(f"no mount namespaces here: {done.stderr.strip()}")
    return done
