"""The OpenAI-compatible wire format: requests to bytes, replies to responses.

Replies are read by one typed decode into lenient structs: every field may be absent or ``null``, and
what is not known is skipped. What strict JSON forbids but servers send all the same (``NaN``, lone
surrogates, broken UTF-8) takes a slower second path through the standard library. A reply that is
still no completion raises ``ServerFailed``: nothing here ever turns a broken document into an answer.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

import msgspec
from msgspec import Struct

from assay.errors import NotSupported, ServerFailed
from assay.models.endpoint import Endpoint
from assay.records import (
    Image,
    Message,
    Request,
    Response,
    Sampling,
    Text,
    Timing,
    TokenLogprob,
    ToolCall,
    ToolSpec,
    Usage,
)

Number = int | float | None

_HUGE = 1e30
"""Log-probabilities are smaller; integers beyond what a float holds are sent to do harm."""

_SHOWN = 65536
"""Bytes of a broken document that go into the message's making, which shortens them after the key is out."""


class Function(Struct):
    """A called function, or a piece of it."""

    name: str | None = None
    arguments: str | dict[str, Any] | None = None


class CallPart(Struct):
    """A tool call, or a piece of it."""

    index: int | None = None
    id: str | None = None
    function: Function | None = None


class ReplyMessage(Struct):
    """A message, or the piece of one that a chunk adds."""

    content: str | list[Any] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: list[CallPart] | None = None


class _Alternative(Struct):
    token: str
    logprob: Number = None


class _Token(Struct):
    token: str
    logprob: Number = None
    top_logprobs: list[_Alternative] | None = None


class Logprobs(Struct):
    """Log-probabilities in the shape of chats (``content``) or of completions (the others)."""

    content: list[_Token] | None = None
    tokens: list[str] | None = None
    token_logprobs: list[Number] | None = None
    top_logprobs: list[dict[str, Number] | None] | None = None


class Choice(Struct):
    """The first of the answers (others are never asked for)."""

    message: ReplyMessage | None = None
    delta: ReplyMessage | None = None
    text: str | None = None
    finish_reason: str | None = None
    logprobs: Logprobs | None = None
    error: Any = None


class _Cached(Struct):
    cached_tokens: Number = None


class _Reasoned(Struct):
    reasoning_tokens: Number = None


class UsageCounts(Struct):
    """Tokens as the wire names them."""

    prompt_tokens: Number = None
    completion_tokens: Number = None
    prompt_tokens_details: _Cached | None = None
    completion_tokens_details: _Reasoned | None = None


class Reply(Struct):
    """A chat completion, a text completion, or a chunk of either."""

    choices: list[Choice] | None = None
    usage: UsageCounts | None = None
    model: str | None = None
    error: Any = None
    object: str | None = None
    """``error`` where a server puts an error's fields at the top: the next two."""
    message: Any = None
    code: Any = None


_decoder = msgspec.json.Decoder(Reply)


def encode(body: Any) -> bytes:
    """A request body; lone surrogates, which UTF-8 cannot hold, are sent as escapes."""
    try:
        return msgspec.json.encode(body)
    except UnicodeEncodeError:
        return json.dumps(msgspec.to_builtins(body)).encode("ascii")


def chat_body(model: str, request: Request, *, max_tokens_field: str, stream: bool) -> bytes:
    """The body of a chat completion. A plain prompt becomes the user's only message."""
    messages = request.messages if request.prompt is None else (Message("user", request.prompt),)
    body: dict[str, Any] = {"model": model, "messages": wire_messages(messages)}
    if request.tools:
        body["tools"] = [{"type": "function", "function": _tool(t)} for t in request.tools]
    if request.sampling.logprobs is not None:
        # Some servers take 0 alternatives to mean no log-probabilities at all.
        body["logprobs"] = True
        body["top_logprobs"] = max(1, request.sampling.logprobs)
    return _finished(body, request.sampling, max_tokens_field, stream)


def wire_messages(messages: Sequence[Message]) -> Sequence[Any]:
    """The messages in a form that ``encode`` writes as the wire has them.

    A record of plain text encodes to exactly that; only the others are rebuilt.
    """
    if all(type(m.content) is str and m.content and not m.tool_calls for m in messages):
        return messages
    return [_message(m) for m in messages]


def completion_body(model: str, prompt: str, sampling: Sampling, *, stream: bool) -> bytes:
    """The body of a text completion."""
    body: dict[str, Any] = {"model": model, "prompt": prompt}
    if sampling.logprobs is not None:
        body["logprobs"] = max(1, sampling.logprobs)
    return _finished(body, sampling, "max_tokens", stream)


def _finished(body: dict[str, Any], sampling: Sampling, max_tokens_field: str, stream: bool) -> bytes:
    if sampling.max_tokens is not None:
        body[max_tokens_field] = sampling.max_tokens
    if sampling.temperature is not None:
        body["temperature"] = sampling.temperature
    if sampling.top_p is not None:
        body["top_p"] = sampling.top_p
    if sampling.stop:
        body["stop"] = sampling.stop
    if sampling.seed is not None:
        body["seed"] = sampling.seed
    if stream:
        body["stream"] = True
        body["stream_options"] = {"include_usage": True}
    body.update(sampling.extra)
    return encode(body)


def _message(message: Message) -> dict[str, Any]:
    content: Any = message.content
    if not isinstance(content, str):
        content = [_part(part) for part in content]
    body: dict[str, Any] = {"role": message.role, "content": content}
    if message.tool_calls:
        body["tool_calls"] = [
            {"id": c.id, "type": "function", "function": {"name": c.name, "arguments": c.arguments}}
            for c in message.tool_calls
        ]
    if message.tool_call_id is not None:
        body["tool_call_id"] = message.tool_call_id
    return body


def _part(part: Text | Image) -> dict[str, Any]:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    url = part.url if part.data is None else f"data:{part.media_type};base64,{part.data}"
    return {"type": "image_url", "image_url": {"url": url}}


def _tool(tool: ToolSpec) -> dict[str, Any]:
    parameters = tool.parameters or {"type": "object", "properties": {}}
    return {"name": tool.name, "description": tool.description, "parameters": parameters}


def as_prompt(request: Request, endpoint: Endpoint) -> str:
    """The request as plain text to continue. Raises ``NotSupported`` for what only a chat can say."""
    if request.prompt is not None:
        return request.prompt
    if len(request.messages) == 1 and isinstance(request.messages[0].content, str) and not request.tools:
        return request.messages[0].content
    raise endpoint.failed(NotSupported, "is asked for plain completions, and this is a conversation: use endpoint=chat")


def load(data: bytes) -> Any:
    """JSON as servers send it: ``NaN``, lone surrogates and broken UTF-8 included. Raises ``ValueError``."""
    return json.loads(data.decode("utf-8", "replace"))


def read(data: bytes, endpoint: Endpoint) -> Reply:
    """Decode a reply or a chunk.

    Raises ``ServerFailed`` where it is none, and the failure that it reports where an error was sent
    in its place.
    """
    reply = _decode(data, endpoint)
    error = reply.error
    if reply.choices:
        choice = reply.choices[0]
        error = error or choice.error or (choice.finish_reason == "error" and "the reply failed midway")
    elif reply.object == "error":
        error = {"message": reply.message, "code": reply.code}
    if error:
        code = error.get("code") if isinstance(error, dict) else None
        raise endpoint.reported(error, code if isinstance(code, int) and 400 <= code < 600 else None)
    return reply


def _decode(data: bytes, endpoint: Endpoint) -> Reply:
    try:
        return _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return msgspec.convert(load(data), Reply)
    except msgspec.ValidationError as error:
        raise endpoint.failed(ServerFailed, f"sent a document that is no completion ({error})") from None
    except (ValueError, RecursionError):
        words = data[:_SHOWN].decode("utf-8", "replace").strip() or "(nothing)"
        raise endpoint.failed(ServerFailed, f"sent something that is not JSON: {words}") from None


def response(reply: Reply, alternatives: int | None, timing: Timing, endpoint: Endpoint) -> Response:
    """The response in a whole reply, tokens with at most ``alternatives`` alternatives.

    Raises ``ServerFailed`` where there is none.
    """
    if not reply.choices:
        raise endpoint.failed(ServerFailed, "sent a reply without choices")
    choice = reply.choices[0]
    message = choice.message
    if message is None:
        if choice.text is None:
            raise endpoint.failed(ServerFailed, "sent a choice with neither a message nor a text")
        message = ReplyMessage(choice.text)
    text, finish_reason = content_text(message.content), choice.finish_reason
    if message.refusal and not text:
        text, finish_reason = message.refusal, "refusal"
    return Response(
        text=text,
        reasoning=message.reasoning_content or message.reasoning or None,
        tool_calls=tuple(_tool_call(place, call) for place, call in enumerate(message.tool_calls or ())),
        finish_reason=finish_reason,
        usage=_usage(reply.usage) if reply.usage is not None else None,
        timing=timing,
        logprobs=token_logprobs(choice.logprobs, alternatives),
        served_by=reply.model,
    )


def content_text(content: str | list[Any] | None) -> str:
    """The text of a message's content; of parts, only those that are text."""
    if content is None or isinstance(content, str):
        return content or ""
    parts = (part.get("text") for part in content if isinstance(part, dict))
    return "".join(part for part in parts if isinstance(part, str))


def _tool_call(place: int, call: CallPart) -> ToolCall:
    function = call.function or Function()
    arguments = function.arguments
    if not isinstance(arguments, str):
        arguments = json.dumps(arguments or {})
    return ToolCall(call.id or f"call_{place}", function.name or "", arguments)


def _usage(usage: UsageCounts) -> Usage:
    prompt, completion = usage.prompt_tokens_details, usage.completion_tokens_details
    return Usage(
        input_tokens=count(usage.prompt_tokens),
        output_tokens=count(usage.completion_tokens),
        reasoning_tokens=count(completion.reasoning_tokens) if completion else None,
        cached_tokens=count(prompt.cached_tokens) if prompt else None,
    )


def count(value: Number) -> int | None:
    """A number of tokens, ``None`` where the server gave none that can be one."""
    return int(value) if value is not None and 0 <= value < 1 << 62 else None


def number(value: Number) -> float | None:
    """A log-probability, ``None`` where the server gave none or no number that can be one."""
    return float(value) if value is not None and -_HUGE < value < _HUGE else None


def token_logprobs(logprobs: Logprobs | None, alternatives: int | None) -> tuple[TokenLogprob, ...] | None:
    """The tokens of either shape, each with at most ``alternatives`` alternatives."""
    if logprobs is None or alternatives is None:
        return None
    if logprobs.content is not None:
        rows: Any = (
            (t.token, t.logprob, [(a.token, a.logprob) for a in t.top_logprobs or ()]) for t in logprobs.content
        )
    elif logprobs.tokens is not None:
        tops = ((top or {}).items() for top in logprobs.top_logprobs or ())
        rows = zip_longest(logprobs.tokens, logprobs.token_logprobs or (), tops, fillvalue=None)
    else:
        return None
    return tuple(
        TokenLogprob(token, number(value), {name: number(v) for name, v in list(top or ())[:alternatives]})
        for token, value, top in rows
        if token is not None
    )
