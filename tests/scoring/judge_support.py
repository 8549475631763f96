"""Judges that answer from a list, in place of models."""

from __future__ import annotations

from collections.abc import Sequence

from assay.records import Message
from assay.scoring.judges.asking import Judge


class Scripted:
    """Gives its replies in turn and remembers what it was asked."""

    def __init__(self, *replies: str | Exception) -> None:
        self.replies = list(replies)
        self.asked: list[tuple[Message, ...]] = []

    async def __call__(self, messages: Sequence[Message]) -> str:
        self.asked.append(tuple(messages))
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply


def judge(*replies: str | Exception, name: str = "judge", temperature: float | None = 0.0) -> Judge:
    """A judge that gives these replies in turn."""
    return Judge(name, Scripted(*replies), temperature)
