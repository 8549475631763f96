"""Sandboxes that are somewhere else: a SandboxFusion-compatible server, a container runtime, or none."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from assay.sandbox import bubblewrap, landlock, remote
from assay.sandbox.container import Container
from assay.sandbox.probe import choose
from assay.sandbox.program import End, Limits, Program, Run, SandboxUnavailable
from assay.sandbox.remote import Remote, read_answer


def _answer(ran: dict[str, Any] | None, compiled: dict[str, Any] | None = None, status: str = "Success") -> Any:
    return {"status": status, "message": "", "compile_result": compiled, "run_result": ran}


FINISHED = {"status": "Finished", "execution_time": 0.1, "return_code": 0, "stdout": "42\n", "stderr": ""}


@pytest.mark.parametrize(
    ("answer", "end"),
    [
        (_answer(FINISHED), End.EXITED),
        (_answer({**FINISHED, "return_code": 1}, status="Failed"), End.RUNTIME_ERROR),
        (_answer(None, {"status": "Finished", "return_code": 1, "stderr": "x"}, "Failed"), End.COMPILE_ERROR),
        (_answer(FINISHED, {"status": "Finished", "return_code": 0}), End.EXITED),
        (_answer(None, {"status": "TimeLimitExceeded"}, "Failed"), End.WALL_LIMIT),
        (_answer({**FINISHED, "status": "TimeLimitExceeded", "return_code": None}, status="Failed"), End.WALL_LIMIT),
        (_answer({**FINISHED, "status": "TimeLimitExceeded", "cpu_time": 10.0}, status="Failed"), End.CPU_LIMIT),
        (_answer({**FINISHED, "cpu_time": 11}), End.CPU_LIMIT),
        (_answer(FINISHED, status="SandboxError"), End.FAILED),
        (_answer({**FINISHED, "status": "Error"}, status="Failed"), End.FAILED),
        (_answer(None), End.FAILED),
        ({}, End.FAILED),
        ([], End.FAILED),
        ("<html>", End.FAILED),
    ],
)
def test_what_a_server_answers(answer: Any, end: End) -> None:
    assert read_answer(answer, Limits()).end is end


@pytest.fixture
async def server(unused_tcp_port: int) -> AsyncIterator[tuple[str, list[Any]]]:
    """A server that fails twice before it answers, with what it was asked."""
    asked: list[Any] = []

    async def run_code(request: web.Request) -> web.Response:
        asked.append(await request.json())
        if len(asked) == 1:
            return web.Response(status=502, text="<html>bad gateway</html>")
        if len(asked) == 2:
            return web.json_response(_answer(None, status="SandboxError"))
        return web.json_response(_answer({**FINISHED, "stdout": asked[-1]["stdin"]}))

    app = web.Application()
    app.router.add_post("/run_code", run_code)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", unused_tcp_port).start()
    yield f"http://127.0.0.1:{unused_tcp_port}", asked
    await runner.cleanup()


async def test_a_failing_server_is_asked_again_and_its_failure_is_never_a_verdict(
    server: tuple[str, list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote.asyncio, "sleep", _no_time)
    address, asked = server
    box = await choose(address)
    assert box.description.level == "remote"
    runs = [run async for run in box.run_each(Program("js", "code"), ["one", "two"])]
    assert [(run.end, run.stdout) for run in runs] == [(End.EXITED, "one"), (End.EXITED, "two")]
    assert [order["language"] for order in asked] == ["nodejs"] * 4
    nobody = await Remote("http://127.0.0.1:9").run(Program("python", "print(1)"))
    assert nobody.end is End.FAILED
    assert "127.0.0.1:9" in nobody.stderr


async def _no_time(seconds: float) -> None:
    return None


async def test_a_container_is_shut_off_and_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for docker that records how it was called and runs the command itself."""
    calls = tmp_path / "calls"
    fake = tmp_path / "docker"
    fake.write_text(
        f"#!{sys.executable}\n"
        "import os, sys\n"
        f"open({str(calls)!r}, 'a').write(' '.join(sys.argv[1:]).replace(chr(10), ' ') + chr(10))\n"
        "if sys.argv[1] == 'run':\n"
        "    box = next(a for a in sys.argv if a.startswith('--volume=')).split('=')[1].split(':')[0]\n"
        "    words = [w.replace('/box', box) for w in sys.argv[sys.argv.index('image') + 1:]]\n"
        "    words = words[words.index('--') + 1:]\n"
        "    os.execvp(words[0], words)\n"
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/local/bin:/usr/bin:/bin")
    monkeypatch.setenv("ASSAY_SANDBOX_IMAGE", "image")
    assert Container.missing() is None
    run = await Container().run(Program("python", "print(input()[::-1])", "abc"))
    assert (run.end, run.stdout, run.cpu_s) == (End.EXITED, "cba\n", None)
    lines = calls.read_text().splitlines()
    runs = [line for line in lines if line.startswith("run")]
    assert all("--network=none" in line and "--cap-drop=ALL" in line and "--read-only" in line for line in runs)
    assert ":/box:rw" in runs[-2]
    assert ":/box:ro" in runs[-1]
    assert len([line for line in lines if line.startswith("rm --force")]) == len(runs)
    monkeypatch.delenv("ASSAY_SANDBOX_IMAGE")
    assert "names no image" in (Container.missing() or "")


async def test_without_any_sandbox_every_reason_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bubblewrap.Bubblewrap, "missing", staticmethod(lambda: "no bwrap"))
    monkeypatch.setattr(landlock.Landlock, "missing", staticmethod(lambda: "no package"))
    monkeypatch.delenv("ASSAY_SANDBOX_IMAGE", raising=False)
    with pytest.raises(SandboxUnavailable, match=r"container: .*; bubblewrap: no bwrap; sandlock: no package"):
        await choose()
    with pytest.raises(SandboxUnavailable, match="there are container, bubblewrap, sandlock"):
        await choose("firejail")


async def test_a_sandbox_that_does_not_hold_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that reports every attack's success as it would look outside."""

    async def leaky(self: Any, program: Program) -> Run:
        path = program.source.partition("folder = ")[2].partition("\n")[0].strip("'")
        return Run(End.EXITED, "trying\n" + (_secret(path) if path else ""), "", 0)

    monkeypatch.setattr(bubblewrap.Bubblewrap, "missing", staticmethod(lambda: None))
    monkeypatch.setattr(bubblewrap.Bubblewrap, "run", leaky)
    with pytest.raises(SandboxUnavailable, match="does not contain an attack by reading files"):
        await choose("bubblewrap")


def _secret(folder: str) -> str:
    return (Path(folder) / "secret").read_text()
