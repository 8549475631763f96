"""Inspect's messages, tools and outputs as our records, and back.

What a request holds here is all that the model is shown: Inspect's message ids, sources and metadata stay
out, so that the same conversation always makes the same request.
"""

from __future__ import annotations

import base64
import mimetypes
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageTool,
    ContentImage,
    ContentReasoning,
    ContentText,
    GenerateConfig,
    ModelOutput,
    ModelUsage,
)
from inspect_ai.model._call_tools import parse_tool_call
from inspect_ai.tool import ToolInfo

from assay.errors import UsageError
from assay.records import Image, Message, Response, Text, ToolCall, ToolSpec
from assay.scoring.thinking import split_thinking

_STOPPED = {"stop": "stop", "length": "max_tokens", "tool_calls": "tool_calls", "content_filter": "content_filter"}
_AS_THEY_ARE = ("max_tokens", "temperature", "top_p", "seed")
INSPECTS_OWN = ("max_tool_output", "system_message", "reasoning_history", "fail_on_refusal")
"""Settings that Inspect itself acts on."""
_BY_THE_WAY = frozenset(
    (
        *INSPECTS_OWN,
        *(
            "max_connections",
            "adaptive_connections",
            "max_retries",
            "timeout",
            "attempt_timeout",
            "stream_idle_timeout",
        ),
        *("cache", "cache_prompt", "batch"),
    )
)
"""Settings that are not passed on: besides those, how calls are scheduled and retried is ours."""
_EXTRA = ("top_k", "frequency_penalty", "presence_penalty", "parallel_tool_calls", "reasoning_effort")
"""Settings that go into the request's body by their own names."""


def messages_of(conversation: Iterable[ChatMessage]) -> tuple[Message, ...]:
    """A conversation as records. Raises ``UsageError`` for sound, video and documents."""
    return tuple(_message(message) for message in conversation)


def _message(message: ChatMessage) -> Message:
    content: str | tuple[Text | Image, ...]
    if isinstance(message.content, str):
        content = message.content
    else:
        parts = tuple(_part(part) for part in message.content if not isinstance(part, ContentReasoning))
        texts = [part.text for part in parts if isinstance(part, Text)]
        content = "\n".join(texts) if len(texts) == len(parts) else parts
    if isinstance(message, ChatMessageAssistant):
        calls = tuple(ToolCall(c.id, c.function, _json(c.arguments)) for c in message.tool_calls or ())
        return Message("assistant", content, calls)
    if isinstance(message, ChatMessageTool):
        text = f"error: {message.error.message}" if message.error is not None else content
        return Message("tool", text, tool_call_id=message.tool_call_id)
    return Message(message.role, content)


def _part(part: Any) -> Text | Image:
    if isinstance(part, ContentText):
        return Text(part.text)
    if isinstance(part, ContentImage):
        return _image(part.image)
    raise UsageError(f"inspect: a message holds {part.type}; only text and images are passed on")


def _image(place: str) -> Image:
    if place.startswith("data:"):
        head, _, data = place.partition(",")
        return Image(data=data, media_type=head[5:].partition(";")[0] or "image/png")
    if "://" in place:
        return Image(url=place)
    try:
        data = base64.b64encode(Path(place).read_bytes()).decode()
    except OSError as error:
        raise UsageError(f"inspect: an image cannot be read: {error}") from None
    return Image(data=data, media_type=mimetypes.guess_type(place)[0] or "image/png")


def _json(arguments: Any) -> str:
    import msgspec

    return msgspec.json.encode(arguments).decode()


def tools_of(tools: Iterable[ToolInfo]) -> tuple[ToolSpec, ...]:
    """Tools as records."""
    return tuple(ToolSpec(t.name, t.description, t.parameters.model_dump(exclude_none=True)) for t in tools)


def sampling_of(config: GenerateConfig) -> dict[str, Any]:
    """The fields of ``Sampling`` that a configuration sets. Raises ``UsageError`` for what has no place there."""
    given = {key: value for key, value in config.model_dump(exclude_none=True).items() if key not in _BY_THE_WAY}
    fields = {key: given.pop(key) for key in _AS_THEY_ARE if key in given}
    if (stops := given.pop("stop_seqs", None)) is not None:
        fields["stop"] = tuple(stops)
    extra = {key: given.pop(key) for key in _EXTRA if key in given} | given.pop("extra_body", {})
    if given:
        raise UsageError(f"inspect: the task sets {', '.join(sorted(given))}, which is not passed on")
    return fields | ({"extra": extra} if extra else {})


def output_of(response: Response, model: str, tools: list[ToolInfo]) -> ModelOutput:
    """A response as Inspect's models give it: thinking in a part of its own, arguments parsed."""
    thinking, text = (response.reasoning, response.text)
    if thinking is None:
        thinking, text = split_thinking(response.text)
    content: Any = text
    if thinking is not None:
        content = [ContentReasoning(reasoning=thinking), ContentText(text=text)]
    calls = [parse_tool_call(call.id, call.name, call.arguments, tools) for call in response.tool_calls]
    message = ChatMessageAssistant(content=content, tool_calls=calls or None, model=model, source="generate")
    reason: Any = _STOPPED.get(response.finish_reason or "", "unknown")
    used = response.usage
    usage = None
    if used is not None and used.input_tokens is not None and used.output_tokens is not None:
        total = used.input_tokens + used.output_tokens
        usage = ModelUsage(input_tokens=used.input_tokens, output_tokens=used.output_tokens, total_tokens=total)
    return ModelOutput(model=model, choices=[ChatCompletionChoice(message=message, stop_reason=reason)], usage=usage)
