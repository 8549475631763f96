"""One question to one judge: prompt, raw reply and parsed verdict, all three kept.

A reply that cannot be read is answered with a repair prompt that says what was wrong. A judge that still
gives no verdict, or cannot be reached, has failed: the judgment then has no verdict and says why, and nothing
stands in for it. The record alone is enough to read the verdict anew with another reader
(``read_again``) or to go through the whole exchange without a model (``replay``).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import msgspec

from assay.errors import AssayError, CallFailed
from assay.records import Message, Outcome, Score
from assay.scoring.judges.verdicts import JudgeUnparsable, Reader, Verdict

Ask = Callable[[Sequence[Message]], Awaitable[str]]
"""A model as a judge uses it. Raises ``CallFailed`` where no reply came."""


@dataclass(frozen=True)
class Judge:
    """A model that judges."""

    name: str
    """Of the model."""
    ask: Ask
    temperature: float | None = None
    """At which ``ask`` draws its replies; kept in the record, ``None``: the server's choice."""
    repairs: int = 1
    """How often an unreadable reply is sent back."""


class Exchange(msgspec.Struct, frozen=True, omit_defaults=True):
    """One prompt and what came of it."""

    messages: tuple[Message, ...]
    reply: str | None
    """The judge's text as it came; ``None`` where none came."""
    fault: str | None = None
    """Why no verdict could be read."""


class Judgment(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one judge said on one question."""

    judge: str
    template: str
    """Name and version of the prompt that was filled in."""
    prompt_digest: str
    """Of the first exchange's messages."""
    exchanges: tuple[Exchange, ...]
    """The question, and one more for each repair."""
    temperature: float | None = None
    verdict: Verdict | None = None
    """``None``: the judge failed."""

    @property
    def fault(self) -> str | None:
        """Why there is no verdict."""
        return None if self.verdict is not None else self.exchanges[-1].fault

    @property
    def outcome(self) -> Outcome:
        """``scored`` or ``judge_failed``."""
        return Outcome.JUDGE_FAILED if self.verdict is None else Outcome.SCORED


class JudgeTextMissing(AssayError):
    """A prompt has no stored reply to replay."""


async def judge_once(judge: Judge, messages: Sequence[Message], read: Reader, *, template: str) -> Judgment:
    """Put a question to a judge and read its verdict, with repairs where it cannot be read."""
    exchanges: list[Exchange] = []
    verdict: Verdict | None = None
    prompt = tuple(messages)
    for _ in range(judge.repairs + 1):
        exchange, verdict = await _exchange(judge, prompt, read)
        exchanges.append(exchange)
        if exchange.reply is None or exchange.fault is None:
            break
        prompt = (*prompt, Message("assistant", exchange.reply), Message("user", _repair(exchange.fault)))
    return Judgment(judge.name, template, prompt_digest(messages), tuple(exchanges), judge.temperature, verdict)


def prompt_digest(messages: Sequence[Message]) -> str:
    """Digest of a prompt, in hexadecimal."""
    total = blake2b(digest_size=16)
    for message in messages:
        for part in (message.role, message.text):
            data = part.encode("utf-8", "surrogatepass")
            total.update(len(data).to_bytes(8, "big") + data)
    return total.hexdigest()


def read_again(judgment: Judgment, read: Reader) -> Judgment:
    """The same exchange read by another reader: the first reply that it can read counts."""
    exchanges: list[Exchange] = []
    verdict: Verdict | None = None
    for exchange in judgment.exchanges:
        if verdict is None and exchange.reply is not None:
            verdict, fault = _read(exchange.reply, read)
            exchange = msgspec.structs.replace(exchange, fault=fault)
        exchanges.append(exchange)
    return msgspec.structs.replace(judgment, exchanges=tuple(exchanges), verdict=verdict)


def replay(judgments: Iterable[Judgment]) -> Ask:
    """An ``ask`` that answers each prompt with the reply stored for it; repeats come in their order.

    It raises ``JudgeTextMissing`` for a prompt that was never asked, or was asked less often.
    """
    stored: dict[str, list[str]] = {}
    for judgment in judgments:
        for exchange in judgment.exchanges:
            if exchange.reply is not None:
                stored.setdefault(prompt_digest(exchange.messages), []).append(exchange.reply)
    used: dict[str, int] = {}

    async def ask(messages: Sequence[Message]) -> str:
        digest = prompt_digest(messages)
        number = used.get(digest, 0)
        replies = stored.get(digest, [])
        if number >= len(replies):
            raise JudgeTextMissing(
                f"no stored reply number {number + 1} to the judge's prompt {digest}: ask a model, or replay the file "
                "that belongs to these prompts"
            )
        used[digest] = number + 1
        return replies[number]

    return ask


def judge_failed(fault: str, trace: dict[str, object]) -> Score:
    """The score of an attempt on which its judge failed: none."""
    return Score(Outcome.JUDGE_FAILED, explanation=fault, trace=trace)


async def _exchange(judge: Judge, prompt: tuple[Message, ...], read: Reader) -> tuple[Exchange, Verdict | None]:
    try:
        reply = await judge.ask(prompt)
    except CallFailed as error:
        return Exchange(prompt, None, f"the judge could not be asked: {type(error).__name__}: {error}"), None
    verdict, fault = _read(reply, read)
    return Exchange(prompt, reply, fault), verdict


def _read(reply: str, read: Reader) -> tuple[Verdict | None, str | None]:
    try:
        return read(reply), None
    except JudgeUnparsable as error:
        return None, str(error)


def _repair(fault: str) -> str:
    return (
        f"Your verdict could not be read: {fault}. Keep your judgement as it is and write it once more as a single "
        "JSON value in the form that was asked for, with nothing before or after it."
    )
