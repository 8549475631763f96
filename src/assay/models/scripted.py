"""Models that follow a script: for tests and demonstrations, with no server and no chance involved.

``scripted/echo`` repeats the last message, ``scripted/constant`` always says the same,
``scripted/hash`` picks a letter by hashing the prompt (like a model that guesses, but the same way
each time). ``Scripted`` makes a model of any function. Log-likelihoods are hashed too, word by word,
so that they add up and never change.
"""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from time import perf_counter, time
from typing import Any

from msgspec.structs import replace

from assay.errors import ModelNotFound, UsageError
from assay.models import options as option
from assay.records import Request, Response, Timing, TokenLogprob, Usage

OPTIONS = {
    "text": "what scripted/constant says (ANSWER: A)",
    "letters": "what scripted/hash chooses from (ABCD)",
    "latency": "seconds that each reply takes (0)",
}

Script = Callable[[Request], Response | str | Awaitable[Response | str]]


def create(name: str, options: Mapping[str, Any]) -> Scripted:
    """The model ``scripted/NAME``. Raises ``ModelNotFound`` or ``UsageError``."""
    text = option.text(options, "text", "ANSWER: A")
    letters = option.text(options, "letters", "ABCD")
    if not letters:
        raise UsageError("letters is empty: give the letters to choose from, such as ABCD")
    scripts: dict[str, Script] = {
        "echo": last_text,
        "constant": lambda request: text,
        "hash": lambda request: f"ANSWER: {letters[_hash(last_text(request)) % len(letters)]}",
    }
    script = name.partition("/")[2]
    if script not in scripts:
        raise ModelNotFound(f"no model {name!r}: scripted has {', '.join(scripts)}")
    return Scripted(scripts[script], name=name, latency=option.number(options, "latency", 0.0))


class Scripted:
    """A model made of a function from a request to a reply.

    The function may be async, and fails as a provider does: by raising a ``CallFailed`` subclass.
    """

    def __init__(self, script: Script, *, name: str = "scripted/function", latency: float = 0.0) -> None:
        self.name = name
        self._script = script
        self._latency = latency
        self.calls = 0
        """Requests taken, those that failed included."""
        self.in_flight = 0
        self.most_in_flight = 0
        self.closed = False

    async def generate(self, request: Request) -> Response:
        """What the script says. Raises what the script raises."""
        return await self._play(self._script, request)

    async def loglikelihood(self, request: Request) -> Response:
        """Hashed log-probabilities of the continuation's words, between -8 and 0."""
        return await self._play(hashed_likelihood, request)

    async def close(self) -> None:
        """Nothing is held; ``closed`` remembers the call."""
        self.closed = True

    async def _play(self, script: Script, request: Request) -> Response:
        started, clock = time(), perf_counter()
        self.calls += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            if self._latency:
                await asyncio.sleep(self._latency)
            said = script(request)
            if inspect.isawaitable(said):
                said = await said
        finally:
            self.in_flight -= 1
        response = _reply(request, said) if isinstance(said, str) else said
        return response if response.timing else replace(response, timing=Timing(started, perf_counter() - clock))


def last_text(request: Request) -> str:
    """The prompt, or the text of the last message."""
    if request.prompt is not None:
        return request.prompt
    return request.messages[-1].text if request.messages else ""


def hashed_likelihood(request: Request) -> Response:
    """A log-likelihood that depends on prompt and continuation only; words are the tokens."""
    words = re.findall(r"\s*\S+|\s+", request.continuation or "")
    before = last_text(request)
    tokens = []
    for word in words:
        before += word
        tokens.append(TokenLogprob(word, -8.0 * (_hash(before) % 1000) / 1000))
    return Response(logprobs=tuple(tokens), greedy=_hash(before) % 4 == 0, served_by="scripted")


def _reply(request: Request, text: str) -> Response:
    """A reply whose usage counts words."""
    words = sum(len(message.text.split()) for message in request.messages) + len((request.prompt or "").split())
    usage = Usage(input_tokens=words, output_tokens=len(text.split()))
    return Response(text=text, finish_reason="stop", usage=usage, served_by="scripted")


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
