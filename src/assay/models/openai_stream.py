"""Streamed replies: many chunks become the one reply that would have come whole.

The chunks are put together into the wire's own ``Reply``, so that a streamed answer is read by the
same code as any other. A stream that ends before the server said that the answer is whole (a finish
reason, or ``[DONE]``) was dropped, and is an error: half an answer must not be judged.
"""

from __future__ import annotations

import json
from typing import Any

from assay.models.openai_wire import CallPart, Choice, Function, Logprobs, Reply, ReplyMessage, content_text


class StreamedReply:
    """Puts the chunks of one answer together."""

    def __init__(self) -> None:
        self._whole = Reply()
        self._finish_reason: str | None = None
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._refusal: list[str] = []
        self._calls: list[CallPart] = []
        self._arguments: list[list[str]] = []
        """Of each call, the pieces of its arguments."""
        self._logprobs: Logprobs | None = None
        self._has_choice = False
        self.started = False
        """Whether any part of an answer has come."""
        self.finished = False
        """Whether the server said that the answer is whole."""

    def add(self, chunk: Reply) -> None:
        """Take in one chunk."""
        self._whole.model = chunk.model or self._whole.model
        self._whole.usage = chunk.usage or self._whole.usage
        if not chunk.choices:
            return
        choice = chunk.choices[0]
        self._has_choice = True
        self._add_piece(choice.delta or choice.message or ReplyMessage(choice.text))
        if choice.logprobs is not None:
            self._add_logprobs(choice.logprobs)
        self._finish_reason = choice.finish_reason or self._finish_reason
        if choice.finish_reason is not None or (choice.delta is None and choice.message is not None):
            self.finished = True

    def whole(self) -> Reply:
        """The reply as it would have come in one piece; without choices where no chunk had any."""
        for call, pieces in zip(self._calls, self._arguments, strict=True):
            if call.function is not None:
                call.function.arguments = "".join(pieces)
        message = ReplyMessage(
            "".join(self._text), "".join(self._reasoning), None, "".join(self._refusal) or None, self._calls
        )
        if self._has_choice:
            self._whole.choices = [Choice(message, finish_reason=self._finish_reason, logprobs=self._logprobs)]
        return self._whole

    def _add_piece(self, piece: ReplyMessage) -> None:
        text, reasoning = content_text(piece.content), piece.reasoning_content or piece.reasoning
        if text:
            self._text.append(text)
        if reasoning:
            self._reasoning.append(reasoning)
        if piece.refusal:
            self._refusal.append(piece.refusal)
        for part in piece.tool_calls or ():
            self._add_call(part)
        self.started = self.started or bool(text or reasoning or piece.refusal or piece.tool_calls)

    def _add_call(self, part: CallPart) -> None:
        """A call comes under one index, its name first, then its arguments bit by bit.

        Servers that give no index send each call whole, or continue the latest one without an id.
        """
        place = next((n for n, call in enumerate(self._calls) if call.index == part.index), None)
        if part.index is None and part.id is None and self._calls:
            place = len(self._calls) - 1
        elif part.index is None:
            place = None
        if place is None:
            place = len(self._calls)
            self._calls.append(CallPart(part.index, None, Function()))
            self._arguments.append([])
        call = self._calls[place]
        call.id = call.id or part.id
        if part.function is not None and call.function is not None:
            call.function.name = call.function.name or part.function.name
            self._arguments[place].append(_json_text(part.function.arguments))

    def _add_logprobs(self, more: Logprobs) -> None:
        if self._logprobs is None:
            self._logprobs = more
            return
        for name in more.__struct_fields__:
            have, new = getattr(self._logprobs, name), getattr(more, name)
            if new is not None:
                setattr(self._logprobs, name, new if have is None else have + new)


def _json_text(arguments: str | dict[str, Any] | None) -> str:
    return arguments if isinstance(arguments, str) else "" if arguments is None else json.dumps(arguments)
