"""How probable a given continuation is, from servers that only know how to generate.

Two ways lead there. ``echoed`` asks a server that can repeat the prompt with its log-probabilities
(vLLM and others) for prompt and continuation at once. ``forced`` asks a llama.cpp server, which
cannot, for each token of the continuation in turn: a huge bias makes that token the one generated,
and the log-probability that comes with it is the model's own, taken before the bias. (That server
shows no token that ends inside a character, as byte-level tokens do; such a one is looked up among
the alternatives to another token.)

Both score the tokens of ``prompt + continuation`` that hold any of the continuation's text: where
tokenisation joins the end of the prompt with the continuation's beginning, the joint token counts.
Neither guesses: where tokens and text do not match, they say so.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from assay.errors import BadRequest, EndpointUnusable, NotSupported, ServerFailed
from assay.models.endpoint import Endpoint
from assay.models.openai_wire import Number, count, encode, load, number, read, token_logprobs, wire_messages
from assay.records import Request, Response, TokenLogprob, Usage

T = TypeVar("T")

_FORCE = 1000
"""Added to a token's logit: far beyond any difference between logits."""

_RANKS = (1000, 10_000_000)
"""Alternatives asked for where a token has to be looked up among them: most often few will do, else all."""

_ALTERNATIVES = 8
"""Read of each echoed token: one is asked for, and servers add the token itself, in any order."""


async def echoed(endpoint: Endpoint, model: str, request: Request) -> Response:
    """From a server that echoes the prompt with log-probabilities; one call.

    Raises ``NotSupported`` for conversations (the chat template is the server's secret) and for
    servers that do not echo.
    """
    continuation = _continuation(request)
    if request.prompt is None:
        raise endpoint.failed(
            NotSupported,
            "gives log-probabilities of plain prompts only, and this is a conversation: use a task for base models, "
            "or a llama.cpp server",
        )
    body: dict[str, Any] = {"model": model, "prompt": request.prompt + continuation, "max_tokens": 1, "temperature": 0}
    body |= {"echo": True, "logprobs": 1, **request.sampling.extra}
    reply = read(await endpoint.post("completions", encode(body)), endpoint)
    if not reply.choices:
        raise endpoint.failed(ServerFailed, "sent a reply without choices")
    tokens = token_logprobs(reply.choices[0].logprobs, _ALTERNATIVES) or ()
    asked = count(reply.usage.prompt_tokens) if reply.usage is not None else None
    end = len(tokens) - 1 if asked is None else asked  # what follows was generated
    scored = _suffix(tokens[:end], continuation)
    if scored is None:
        raise endpoint.failed(
            NotSupported,
            "does not echo the prompt's tokens with their log-probabilities (or not as text), which log-likelihoods "
            "need: vLLM does, and llama.cpp has another way (loglikelihood=force)",
        )
    return Response(
        logprobs=scored,
        greedy=_greedy(scored),
        usage=Usage(input_tokens=end),
        served_by=reply.model,
    )


def _suffix(tokens: tuple[TokenLogprob, ...], text: str) -> tuple[TokenLogprob, ...] | None:
    """The fewest last tokens that spell ``text``, if they do.

    Counted from the end, because begin-of-text tokens shift every offset from the start.
    """
    spelled, start = "", len(tokens)
    while len(spelled) < len(text) and start > 0:
        start -= 1
        spelled = tokens[start].token + spelled
    return tokens[start:] if spelled.endswith(text) else None


def _greedy(tokens: tuple[TokenLogprob, ...]) -> bool | None:
    """Whether each token is the most probable one; unknown where a token came without alternatives."""
    greedy = True
    for token in tokens:
        best = max((value for value in token.top.values() if value is not None), default=None)
        if best is None:
            return None
        greedy = greedy and token.logprob is not None and token.logprob >= best
    return greedy


class _Tokens(Struct):
    tokens: list[int]


class _Template(Struct):
    prompt: str


class _Top(Struct):
    id: int
    token: str = ""
    logprob: Number = None


class _Probability(_Top):
    top_logprobs: list[_Top] = []


class _Completion(Struct):
    completion_probabilities: list[_Probability] = []
    model: str | None = None


async def forced(endpoint: Endpoint, request: Request) -> Response:
    """From a llama.cpp server, token by token; its prompt cache makes each a short call.

    A conversation goes through the model's own chat template.
    """
    continuation = _continuation(request)
    prompt = request.prompt if request.prompt is not None else await _templated(endpoint, request)
    before = await _tokenize(endpoint, prompt)
    whole = await _tokenize(endpoint, prompt + continuation)
    start = min(_shared(before, whole), len(whole) - 1)
    if start <= 0:
        raise endpoint.failed(BadRequest, "needs at least one token before the continuation")
    tokens: list[TokenLogprob] = []
    greedy = True
    served_by = None
    for place in range(start, len(whole)):
        completion = await _force(endpoint, whole[:place], whole[place])
        found = _shown(completion, whole[place], endpoint) or await _ranked(endpoint, whole[:place], whole[place])
        best = found.top_logprobs[:1]
        greedy = greedy and any(t.id == found.id for t in best)
        tokens.append(TokenLogprob(found.token, number(found.logprob), {t.token: number(t.logprob) for t in best}))
        served_by = completion.model
    return Response(logprobs=tuple(tokens), greedy=greedy, usage=Usage(input_tokens=len(whole)), served_by=served_by)


def _shown(completion: _Completion, token: int, endpoint: Endpoint) -> _Probability | None:
    """The forced token, or ``None`` where the server shows none because it ends inside a character."""
    if not completion.completion_probabilities:
        return None
    found = completion.completion_probabilities[0]
    if found.id != token:
        raise endpoint.failed(NotSupported, "does not honour logit_bias, so a continuation cannot be forced")
    return found


async def _ranked(endpoint: Endpoint, before: list[int], token: int) -> _Probability:
    """A token that the server does not show, from the alternatives to one that it does."""
    spare = (await _tokenize(endpoint, "a"))[-1]
    for ranks in _RANKS:
        shown = _shown(await _force(endpoint, before, spare, ranks), spare, endpoint)
        alternatives = shown.top_logprobs if shown is not None else []
        for found in alternatives:
            if found.id == token:
                return _Probability(found.id, found.token, found.logprob, alternatives[:1])
    raise endpoint.failed(NotSupported, f"gives no log-probability for token {token}, not even among all alternatives")


def _shared(first: list[int], second: list[int]) -> int:
    """How many tokens two lists have in common at their beginnings."""
    length = 0
    for a, b in zip(first, second, strict=False):
        if a != b:
            break
        length += 1
    return length


async def is_llama_cpp(endpoint: Endpoint) -> bool:
    """Whether the server is llama.cpp's, which tells its settings."""
    try:
        properties = load(await endpoint.get("/props"))
    except (EndpointUnusable, BadRequest, NotSupported, ValueError):
        return False
    return isinstance(properties, dict) and "default_generation_settings" in properties


def _continuation(request: Request) -> str:
    if not request.continuation:
        raise BadRequest("a log-likelihood needs a continuation of at least one character")
    return request.continuation


async def _templated(endpoint: Endpoint, request: Request) -> str:
    body = {"messages": wire_messages(request.messages), **request.sampling.extra}
    try:
        return _decode(await endpoint.post("/apply-template", encode(body)), _Template, endpoint).prompt
    except EndpointUnusable as error:
        if error.status != 404:
            raise
        raise endpoint.failed(NotSupported, "has no /apply-template to turn a conversation into a prompt") from None


async def _tokenize(endpoint: Endpoint, text: str) -> list[int]:
    body = {"content": text, "add_special": True, "parse_special": True}
    return _decode(await endpoint.post("/tokenize", encode(body)), _Tokens, endpoint).tokens


async def _force(endpoint: Endpoint, tokens: list[int], token: int, ranks: int = 1) -> _Completion:
    body = {"prompt": tokens, "n_predict": 1, "n_probs": ranks, "temperature": 0, "logit_bias": [[token, _FORCE]]}
    return _decode(await endpoint.post("/completion", encode({**body, "cache_prompt": True})), _Completion, endpoint)


def _decode(data: bytes, kind: type[T], endpoint: Endpoint) -> T:
    try:
        return msgspec.convert(load(data), kind)
    except (ValueError, RecursionError) as error:
        raise endpoint.failed(ServerFailed, f"sent something that a llama.cpp server does not ({error})") from None
