"""One attempt at one sample: the model as its protocol sees it.

Every call is digested and looked up in the journal first; only what is not there goes to the model,
and its response is in the journal before the protocol gets it. A protocol is a function of the sample
and the replies, so a resumed one walks the same path through stored replies to where it was cut off.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from hashlib import blake2b
from typing import Any

import msgspec

from assay.records import Call, CallError, Message, Request, Response, Sample, Sampling, ToolSpec, Trajectory
from assay.store.encoding import encode
from assay.store.index import JournalIndex
from assay.store.journal import CallLineRaw, JournalWriter

Ask = Callable[[Request, str, int, int], Awaitable[Response]]
"""(request, digest, epoch, repeat) -> response; ``repeat`` counts equal requests before it in the attempt.
Never raises for a failed call."""


class CallEnded(Exception):
    """A call of this attempt brought no reply: the attempt ends here with the call's error."""

    def __init__(self, error: CallError) -> None:
        super().__init__(error.message)
        self.error = error


class AlreadyFinished(Exception):
    """A former session has finished this attempt with the very same request."""


class Attempt:
    """The ``Conversant`` of one (sample, epoch)."""

    __slots__ = ("_ask", "_index", "_journal", "_model", "_sampling", "calls", "epoch", "sample", "seal")

    def __init__(
        self,
        sample: Sample,
        epoch: int,
        *,
        model: str,
        sampling: Sampling,
        ask: Ask,
        journal: JournalWriter,
        index: JournalIndex | None,
        seal: bytes,
    ) -> None:
        self.sample = sample
        self.epoch = epoch
        self.calls: list[Call] = []
        self.seal = seal
        """Digest of what a score depends on besides the calls: sample, task version, scorer mode."""
        self._model = model
        self._sampling = sampling
        self._ask = ask
        self._journal = journal
        self._index = index

    async def generate(
        self,
        messages: Sequence[Message] = (),
        *,
        prompt: str | None = None,
        tools: Sequence[ToolSpec] = (),
        **sampling: Any,
    ) -> Response:
        """Ask for a reply. Raises ``CallEnded`` where there is none."""
        chosen = msgspec.structs.replace(self._sampling, **sampling) if sampling else self._sampling
        return await self._call(Request(self._model, tuple(messages), prompt, None, tuple(tools), self._seeded(chosen)))

    async def loglikelihood(
        self, continuation: str, messages: Sequence[Message] = (), *, prompt: str | None = None
    ) -> Response:
        """Ask how probable a continuation is. Raises ``CallEnded``."""
        return await self._call(Request(self._model, tuple(messages), prompt, continuation))

    def trajectory(self, messages: Sequence[Message]) -> Trajectory:
        """What was asked so far, with the conversation as it ended."""
        return Trajectory(self.sample.id, self.epoch, tuple(messages), tuple(self.calls))

    def digest(self) -> str:
        """Of everything that this attempt's score depends on."""
        return trajectory_digest(self.seal, [call.digest for call in self.calls])

    async def _call(self, request: Request) -> Response:
        body = encode(request)
        digest = blake2b(body, digest_size=16).hexdigest()
        number = len(self.calls)
        stored = self._stored(number, digest)
        if stored is not None:
            self.calls.append(Call(digest, request, stored, replayed=True))
            return self._checked(stored)
        repeat = sum(call.digest == digest for call in self.calls)
        response = await self._ask(request, digest, self.epoch, repeat)
        self.calls.append(Call(digest, request, response))
        self._journal.write(CallLineRaw(self.sample.id, self.epoch, number, digest, msgspec.Raw(body), response))
        return self._checked(response)

    def _stored(self, number: int, digest: str) -> Response | None:
        if self._index is None:
            return None
        if number == 0 and self._index.latest(self.sample.id, self.epoch, 0, digest):
            # The commonest case of a resume: one call, already answered and scored. Nothing need be read.
            whole = trajectory_digest(self.seal, [digest])
            if self._index.finished(self.sample.id, self.epoch, whole):
                raise AlreadyFinished
        found = self._index.call(self.sample.id, self.epoch, number, digest)
        if found is None:
            return None
        line, latest = found
        if not latest:  # asked, then asked otherwise, now asked as at first: it has to be the latest again
            self._journal.write(line)
        return line.response

    def _checked(self, response: Response) -> Response:
        if response.error is not None:
            raise CallEnded(response.error)
        return response

    def _seeded(self, sampling: Sampling) -> Sampling:
        # Repeats under one fixed seed would be copies, not attempts.
        if sampling.seed is None or self.epoch == 1:
            return sampling
        return msgspec.structs.replace(sampling, seed=sampling.seed + self.epoch - 1)


def trajectory_digest(seal: bytes, digests: Sequence[str]) -> str:
    """Digest of an attempt: its seal and the digests of its calls, in order."""
    total = blake2b(seal, digest_size=16)
    for digest in digests:
        total.update(digest.encode())
    return total.hexdigest()


def attempt_seal(sample: Sample, version: str, mode: str) -> bytes:
    """Digest of what a score depends on besides the calls."""
    return blake2b(encode(sample), digest_size=16, key=f"{version}\x1f{mode}".encode()[:64]).digest()
