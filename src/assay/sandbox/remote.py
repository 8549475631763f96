"""Programs on a SandboxFusion-compatible server, over HTTP.

Its ``POST /run_code`` compiles and runs a program in one request. A time limit there is a wall clock: where
the server also tells the CPU time, that decides; where it does not, an exceeded limit is ``WALL_LIMIT``
and no verdict. What the server confines and how is the server's affair, and the record says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from assay.sandbox.base import Sandbox
from assay.sandbox.languages import find_language
from assay.sandbox.program import Description, End, Limits, Program, Run

_TRIES = 4


class Remote(Sandbox):
    """See the module."""

    def __init__(self, address: str) -> None:
        self._address = address.rstrip("/")
        self.description = Description("SandboxFusion", "remote", self._address)

    async def run_each(self, program: Program, inputs: Sequence[str]) -> AsyncGenerator[Run, None]:
        """See ``Sandbox.run_each``; here each run compiles anew."""
        import aiohttp

        language = find_language(program.language)
        timeout = aiohttp.ClientTimeout(total=2 * program.limits.wall_s + 60)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            for stdin in inputs:
                order = {
                    "code": program.source,
                    "language": language.fusion or language.name,
                    "stdin": stdin,
                    "compile_timeout": program.limits.wall_s,
                    "run_timeout": program.limits.wall_s,
                }
                run = await self._run(session, order, program.limits)
                yield run
                if run.end is End.COMPILE_ERROR:
                    return

    async def _run(self, session: Any, order: dict[str, Any], limits: Limits) -> Run:
        """Ask, and ask again where the server failed."""
        import aiohttp

        why = ""
        for attempt in range(_TRIES):
            if attempt:
                await asyncio.sleep(0.5 * 2**attempt)
            try:
                async with session.post(f"{self._address}/run_code", json=order) as response:
                    if response.status == 200:
                        run = read_answer(await response.json(content_type=None), limits)
                        if run.end is not End.FAILED:
                            return run
                        why = run.stderr
                    else:
                        why = f"HTTP {response.status}: {(await response.text())[:200]}"
            except (aiohttp.ClientError, TimeoutError, ValueError) as error:
                why = f"{type(error).__name__}: {error}"
        return Run(End.FAILED, stderr=f"{self._address}: {why}")


def read_answer(answer: Any, limits: Limits) -> Run:
    """What the server's JSON says of the program; ``FAILED`` for anything that is no answer."""
    if not isinstance(answer, dict) or answer.get("status") not in ("Success", "Failed"):
        said = answer.get("message") if isinstance(answer, dict) else answer
        return Run(End.FAILED, stderr=str(said)[:500])
    compiled, ran = answer.get("compile_result"), answer.get("run_result")
    if (isinstance(compiled, dict) and compiled.get("status") != "Finished") or _code(compiled):
        if _timed_out(compiled):
            return Run(End.WALL_LIMIT, stderr="the compiler ran out of time")
        return Run(End.COMPILE_ERROR, stderr=_text(compiled, "stderr") or _text(compiled, "stdout"))
    if not isinstance(ran, dict):
        return Run(End.FAILED, stderr=str(answer.get("message") or "no run_result")[:500])
    cpu_s = ran.get("cpu_time") if isinstance(ran.get("cpu_time"), int | float) else None
    if cpu_s is not None and cpu_s >= limits.cpu_s:
        end = End.CPU_LIMIT
    elif _timed_out(ran):
        end = End.WALL_LIMIT
    elif ran.get("status") not in ("Finished", "Error") or (ran.get("status") == "Error" and not _code(ran)):
        end = End.FAILED
    else:
        end = End.RUNTIME_ERROR if _code(ran) else End.EXITED
    stdout = _text(ran, "stdout")
    if len(stdout) > limits.output and end is End.EXITED:
        end = End.OUTPUT_LIMIT
    wall = ran.get("execution_time")
    return Run(
        end,
        stdout[: limits.output],
        _text(ran, "stderr")[: 64 << 10],
        _code(ran) if end in (End.EXITED, End.RUNTIME_ERROR) else None,
        cpu_s,
        float(wall) if isinstance(wall, int | float) else 0.0,
    )


def _timed_out(result: Any) -> bool:
    return isinstance(result, dict) and result.get("status") == "TimeLimitExceeded"


def _code(result: Any) -> int:
    code = result.get("return_code") if isinstance(result, dict) else 0
    return code if isinstance(code, int) else 0


def _text(result: Any, key: str) -> str:
    text = result.get(key) if isinstance(result, dict) else ""
    return text if isinstance(text, str) else ""
