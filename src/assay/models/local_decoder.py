"""Log-likelihoods from a child process that reads a whole continuation in one pass (``llama_c``).

Asked line by line, one at a time: the child computes on one thread, and what the last text had in
common with the next one need not be read again.
"""

from __future__ import annotations

import asyncio
import subprocess
import threading
from pathlib import Path
from time import perf_counter, time

import msgspec

from assay.errors import BadRequest, EndpointUnusable, NotSupported, TimedOut
from assay.models import llama_c
from assay.models.local_child import end, logged, spawn
from assay.records import Request, Response, Timing, TokenLogprob, Usage


class Decoder:
    """A model in a child process, started by the first call; one that dies is not started again."""

    def __init__(self, name: str, settings: llama_c.Settings, log: Path, timeout: float) -> None:
        self.name = name
        self._settings = settings
        self._log = log
        self._timeout = timeout
        self._turn = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._failure: str | None = None

    async def loglikelihood(self, request: Request) -> Response:
        """Log-probabilities of ``request.continuation``. Raises a ``CallFailed`` subclass."""
        if not request.continuation:
            raise BadRequest("a log-likelihood needs a continuation of at least one character")
        if request.prompt is None:
            raise NotSupported(
                f"{self.name} with loglikelihood=decode takes plain prompts only: use loglikelihood=force"
            )
        started, clock = time(), perf_counter()
        try:
            line = msgspec.json.encode(llama_c.Ask(request.prompt, request.continuation))
        except UnicodeEncodeError:
            raise BadRequest("the text holds half a character, which UTF-8 cannot say") from None
        try:
            async with asyncio.timeout(self._timeout):
                answer = await asyncio.to_thread(self._exchange, line)
        except TimeoutError:
            raise TimedOut(f"{self.name} gave no answer within {self._timeout:g} s") from None
        if answer.rejected is not None:
            raise BadRequest(answer.rejected)
        tokens = tuple(TokenLogprob(t.token, t.logprob, {t.best: t.best_logprob}) for t in answer.tokens)
        return Response(
            logprobs=tokens,
            greedy=all(t.greedy for t in answer.tokens),
            usage=Usage(input_tokens=answer.length),
            timing=Timing(started, perf_counter() - clock),
            served_by=Path(self._settings.model).stem,
        )

    async def close(self) -> None:
        """End the child."""
        if self._child is not None:
            await asyncio.to_thread(end, self._child)

    def _exchange(self, line: bytes) -> llama_c.Answer:
        """Send a line and read the answer, in one turn: a caller that has gone leaves no answer to the next one."""
        with self._turn:
            if self._failure is not None:
                raise EndpointUnusable(self._failure)
            start = self._log.stat().st_size if self._log.exists() else 0
            try:
                if self._child is None:
                    self._child = spawn(llama_c.__name__, self._settings, self._log)
                    while self._read(self._child) != llama_c.READY:
                        pass  # a library may have a word of its own to say
                assert self._child.stdin is not None
                self._child.stdin.write(line + b"\n")
                self._child.stdin.flush()
                return msgspec.json.decode(self._read(self._child), type=llama_c.Answer)
            except (OSError, EOFError):
                reason = logged(self._log, start)[-1]
            except ValueError as error:
                reason = f"the child process sent something else than an answer ({error})"
            self._failure = f"{self.name} cannot compute log-likelihoods: {reason} (log: {self._log})"
            raise EndpointUnusable(self._failure)

    def _read(self, child: subprocess.Popen[bytes]) -> bytes:
        """A line. Raises ``EOFError`` where the child has ended instead."""
        assert child.stdout is not None
        line = child.stdout.readline()
        if not line:
            child.wait()  # so that all it has logged is there
            raise EOFError
        return line
