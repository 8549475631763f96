"""A model server started by a command is waited for, watched, and never left behind."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from assay.engine.endpoint import EndpointDown
from assay.engine.served import ServedModel, command_of
from assay.errors import UsageError
from assay.records import Message, Request, Sampling

SERVER = """
import http.server, json, os, subprocess, sys, time

port, mode = int(sys.argv[1]), sys.argv[2]
note = sys.argv[3]
helper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
with open(note + ".part", "w") as file:
    file.write(f"{os.getpid()} {helper.pid} {port}")
os.rename(note + ".part", note)
print("loading", mode, flush=True)
if mode == "dies":
    sys.exit("CUDA error: out of memory")
if mode == "never":
    time.sleep(600)
began = time.monotonic()


class Handler(http.server.BaseHTTPRequestHandler):
    def reply(self, status, document):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        loading = time.monotonic() - began < 0.5
        if self.path == "/health":
            self.reply(503 if loading else 200, {}) if mode == "loads" else self.reply(404, {})
        else:
            self.reply(200, {"data": []})

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if asked["messages"][-1]["content"] == "die":
            os._exit(9)
        if time.monotonic() - began < 0.5 and mode == "loads":
            return self.reply(404, {"error": "still loading"})
        message = {"role": "assistant", "content": f"{asked['model']} at {port}"}
        self.reply(200, {"choices": [{"message": message, "finish_reason": "stop"}]})

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""


class Stage:
    """A server's command, and what its process has noted of itself."""

    def __init__(self, folder: Path) -> None:
        self.script, self.note, self.log = folder / "a server.py", folder / "note", folder / "logs" / "server.log"
        self.script.write_text(SERVER)

    def command(self, mode: str) -> str:
        return f"{sys.executable} {shlex.quote(str(self.script))} {{port}} {mode} {shlex.quote(str(self.note))}"

    def model(self, mode: str, *, start_seconds: float = 60.0) -> ServedModel:
        return ServedModel("openai/toy", {}, self.command(mode), start_seconds=start_seconds, log=self.log)

    def pids(self) -> list[int]:
        """Of the server and of the helper that it has started."""
        _until(self.note.exists)
        return [int(word) for word in self.note.read_text().split()[:2]]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def running(pid: int) -> bool:
    """Whether the process exists and is no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def ask(text: str) -> Request:
    return Request("openai/toy", (Message("user", text),), sampling=Sampling(max_tokens=5))


@pytest.mark.parametrize("mode", ["loads", "plain"], ids=["503 at /health while it loads", "no /health"])
async def test_a_server_is_asked_once_it_is_ready_and_ends_with_all_it_started(stage: Stage, mode: str) -> None:
    model = stage.model(mode)
    try:
        response = await model.generate(ask("hello"))
        port = stage.note.read_text().split()[2]
        assert response.text == f"toy at {port}"
        pids = stage.pids()
        assert all(running(pid) for pid in pids)
    finally:
        await model.close()
    _until(lambda: not any(running(pid) for pid in pids))
    assert f"loading {mode}" in stage.log.read_text()


async def test_many_first_calls_start_one_server(stage: Stage) -> None:
    model = stage.model("plain")
    try:
        replies = await asyncio.gather(*(model.generate(ask(str(number))) for number in range(20)))
    finally:
        await model.close()
    assert len({reply.text for reply in replies}) == 1
    assert stage.log.read_text().count("loading") == 1


async def test_many_first_calls_to_a_server_that_dies_start_it_once(stage: Stage) -> None:
    model = stage.model("dies")
    failures = await asyncio.gather(*(model.generate(ask(str(n))) for n in range(20)), return_exceptions=True)
    assert [type(failure) for failure in failures] == [EndpointDown] * 20
    assert stage.log.read_text().count("loading") == 1
    await model.close()


async def test_a_server_that_never_answers_is_ended_and_the_error_names_the_log(stage: Stage) -> None:
    with pytest.raises(EndpointDown, match=r"not ready after 2 s \(log: .*server\.log\)") as raised:
        await stage.model("never", start_seconds=2.0).start()
    assert "\n" not in str(raised.value)
    _until(lambda: not any(running(pid) for pid in stage.pids()))


async def test_a_server_that_dies_while_loading_is_reported_at_once_with_its_last_words(stage: Stage) -> None:
    with pytest.raises(EndpointDown, match=r"exit code 1\): CUDA error: out of memory \(log: .*server\.log\)"):
        await stage.model("dies").start()
    _until(lambda: not any(running(pid) for pid in stage.pids()))  # the helper that it left behind, too


async def test_a_command_that_is_no_program_is_reported(stage: Stage) -> None:
    model = ServedModel("openai/toy", {}, "no-such-program --port {port}", log=stage.log)
    with pytest.raises(EndpointDown, match="cannot start no-such-program: No such file or directory"):
        await model.start()


async def test_a_server_that_dies_under_a_call_is_not_tried_again(stage: Stage) -> None:
    model = stage.model("plain")
    try:
        await model.generate(ask("hello"))

        async def until_down() -> None:
            while True:  # the first failure may be seen before the process is gone: the engine would ask again
                try:
                    await model.generate(ask("die"))
                except EndpointDown:
                    raise
                except Exception:
                    await asyncio.sleep(0.05)

        with pytest.raises(EndpointDown, match="exit code 9"):
            await asyncio.wait_for(until_down(), 30)
        with pytest.raises(EndpointDown):
            model.check()
    finally:
        await model.close()


@pytest.mark.parametrize("children", [False, True], ids=["alone", "with its children, as Ray does"])
def test_a_starter_that_is_killed_leaves_no_server_behind(stage: Stage, children: bool) -> None:
    script = (
        "import asyncio, sys; from assay.engine.served import ServedModel; from pathlib import Path\n"
        "async def go():\n"
        "    model = ServedModel('openai/toy', {}, sys.argv[1], log=Path(sys.argv[2]))\n"
        "    await model.start(); print('up', flush=True); await asyncio.sleep(600)\n"
        "asyncio.run(go())"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", script, stage.command("plain"), str(stage.log)], stdout=subprocess.PIPE
    )
    try:
        assert starter.stdout is not None
        assert starter.stdout.readline() == b"up\n"
        pids = stage.pids()
        assert all(running(pid) for pid in pids)
    finally:
        own = Path(f"/proc/{starter.pid}/task/{starter.pid}/children").read_text().split()
        for pid in [int(word) for word in own if children] + [starter.pid]:
            os.kill(pid, signal.SIGKILL)
        starter.communicate()
    _until(lambda: not any(running(pid) for pid in pids))


def test_the_command_is_taken_apart_as_by_a_shell_but_given_to_none() -> None:
    template = """vllm serve 'my model' --port={port} --config '{"a": {"port": 1}}' ; $(reboot) {port}"""
    assert command_of(template, 81) == [
        *("vllm", "serve", "my model", "--port=81", "--config", '{"a": {"port": 1}}', ";", "$(reboot)", "81"),
    ]
    with pytest.raises(UsageError, match=r"has no \{port\}"):
        command_of("vllm serve m", 81)
    for secret in ("--api-key sk-1", "--api-key=sk-1", "--hf-token hf_1"):
        with pytest.raises(UsageError, match="in the environment") as refused:
            command_of(f"vllm serve m --port {{port}} {secret}", 81)
        assert "_1" not in str(refused.value)
        assert "sk" not in str(refused.value)
    assert command_of("serve {port} --tokenizer t", 81)
    with pytest.raises(UsageError, match="cannot be taken apart"):
        command_of("vllm 'serve {port}", 81)


def test_options_that_cannot_hold_are_refused_before_anything_starts(stage: Stage) -> None:
    with pytest.raises(UsageError, match="base_url"):
        ServedModel("openai/toy", {"base_url": "http://127.0.0.1:1/v1"}, stage.command("plain"))
    with pytest.raises(UsageError, match=r"\{port\}"):
        ServedModel("openai/toy", {}, "vllm serve toy")
