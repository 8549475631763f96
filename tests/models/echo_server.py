"""A server in vLLM's manner, with probabilities that a test can compute for itself.

Tokens are words with the space before them; a token's log-probability follows from all the text up to
its end, and the likeliest token at each place is the one that ``greedy`` names, if any.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from zlib import crc32

from tests.models.fault_server import Behaviour, Received, error, reply

_TOKEN = re.compile(r"\s?\w+|\s?[^\w\s]|\s")


def logprob(text: str) -> float:
    """Of the last token of ``text``, given the others: anything from -0.01 to -8."""
    return -0.01 - crc32(text.encode()) % 799 / 100


def tokens_of(text: str) -> list[str]:
    return _TOKEN.findall(text)


def nats(prompt: str, continuation: str) -> float:
    """The log-likelihood that the server gives to a continuation whose tokens begin where the prompt ends."""
    total, text = 0.0, prompt
    for token in tokens_of(continuation):
        text += token
        total += logprob(text)
    return total


def echo_server(greedy: Callable[[str], bool] = lambda text: False) -> Callable[[Received], Behaviour]:
    """The script of a server; ``greedy`` tells whether a text ends in the token that the model likes best."""

    def script(request: Received) -> Behaviour:
        if request.path != "/v1/completions":
            return error(404)
        tokens, text, rows = tokens_of(request.json["prompt"]), "", []
        assert "".join(tokens) == request.json["prompt"]
        for token in tokens:
            text += token
            value = logprob(text)
            top = {token: value} if greedy(text) else {token: value, " rival": value + 0.001}
            rows.append((token, value if len(rows) else None, top))
        rows.append(("!", -1.0, {"!": -1.0}))
        logprobs: dict[str, Any] = {
            "tokens": [row[0] for row in rows],
            "token_logprobs": [row[1] for row in rows],
            "top_logprobs": [row[2] for row in rows],
        }
        choice = {"text": text + "!", "finish_reason": "length", "logprobs": logprobs}
        usage = {"prompt_tokens": len(tokens), "completion_tokens": 1}
        return reply(200, {"model": "served", "choices": [choice], "usage": usage})

    return script
