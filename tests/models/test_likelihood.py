"""Log-likelihoods over the wire: what is asked, which tokens are scored, what is not guessed."""

from __future__ import annotations

from typing import Any

import pytest

from assay.errors import BadRequest, CallFailed, ConnectionFailed, NotSupported
from assay.models.registry import open_model
from assay.records import Message, Request, Response
from tests.models.fault_server import Behaviour, FaultServer, Received, drop, error, reply

RIVALS = {" is": -3.0}


def echoing(tokens: list[tuple[str, float | None, dict[str, float] | None]]) -> Behaviour:
    """A server in vLLM's manner: the prompt's tokens, then one generated token."""
    rows = [*tokens, ("!", -9.0, {"!": -9.0})]
    logprobs = {
        "tokens": [r[0] for r in rows],
        "token_logprobs": [r[1] for r in rows],
        "top_logprobs": [r[2] for r in rows],
    }
    choice = {"text": "".join(r[0] for r in rows), "finish_reason": "length", "logprobs": logprobs}
    return reply(
        200, {"model": "served", "choices": [choice], "usage": {"prompt_tokens": len(tokens), "completion_tokens": 1}}
    )


async def likelihood(script: Any, request: Request, **options: Any) -> tuple[Response, list[Received]]:
    async with FaultServer(script) as server:
        model = open_model("openai/m", {"base_url": server.url, **options})
        try:
            return await model.loglikelihood(request), server.received
        finally:
            await model.close()


async def test_echo_scores_the_tokens_that_spell_the_continuation() -> None:
    tokens = [("<s>", None, None), ("The", -5.0, {"A": -1.0}), (" sky", -4.0, RIVALS), (" is", -0.5, {" is": -0.5})]
    tokens += [(" bl", -1.0, {" bl": -1.0, " gr": -2.0}), ("ue", -0.25, {"ue": -0.25})]
    ask = Request("m", prompt="The sky is", continuation=" blue")
    response, received = await likelihood([echoing(tokens)], ask, loglikelihood="echo")
    sent = {"model": "m", "prompt": "The sky is blue", "max_tokens": 1, "temperature": 0, "echo": True, "logprobs": 1}
    assert received[0].json == sent
    assert [(t.token, t.logprob) for t in response.logprobs or ()] == [(" bl", -1.0), ("ue", -0.25)]
    assert response.greedy is True
    assert response.usage is not None
    assert response.usage.input_tokens == 6


async def test_echo_is_greedy_only_if_no_token_has_a_likelier_rival() -> None:
    tokens: list[Any] = [("So", None, None), (" a", -1.0, {" a": -1.0, " b": -0.9}), (" c", -0.1, {" c": -0.1})]
    response, _ = await likelihood(
        [echoing(tokens)], Request("m", prompt="So", continuation=" a c"), loglikelihood="echo"
    )
    assert response.greedy is False


async def test_echo_scores_the_joint_token_where_prompt_and_continuation_merge() -> None:
    tokens: list[Any] = [("x", None, None), ("ab", -1.5, {"ab": -1.5})]
    response, _ = await likelihood([echoing(tokens)], Request("m", prompt="xa", continuation="b"), loglikelihood="echo")
    assert [t.token for t in response.logprobs or ()] == ["ab"]


@pytest.mark.parametrize(
    ("behaviour", "ask", "kind"),
    [
        (
            echoing([("The", None, None), (" \ufffd", -1.0, None)]),
            Request("m", prompt="The", continuation=" 漢"),
            NotSupported,
        ),
        (reply(200, {"choices": [{"text": "!"}]}), Request("m", prompt="The", continuation=" sky"), NotSupported),
        (echoing([]), Request("m", (Message("user", "Why?"),), continuation="So"), NotSupported),
        (echoing([]), Request("m", prompt="The"), BadRequest),
        (error(400, "logprobs not allowed"), Request("m", prompt="The", continuation=" sky"), BadRequest),
        (drop(), Request("m", prompt="The", continuation=" sky"), ConnectionFailed),
    ],
)
async def test_echo_that_cannot_be_trusted_is_an_error(
    behaviour: Behaviour, ask: Request, kind: type[CallFailed]
) -> None:
    with pytest.raises(kind):
        await likelihood([behaviour], ask, loglikelihood="echo")


def llama(*, honours_bias: bool = True, template: bool = True) -> Any:
    """A server in llama.cpp's manner whose tokens are characters; token 98 ("b") is always the likeliest."""

    def script(request: Received) -> Behaviour:
        if request.path == "/props":
            return reply(200, {"default_generation_settings": {}})
        body = request.json
        if request.path == "/apply-template" and template:
            return reply(200, {"prompt": "".join(f"<{m['role']}>{m['content']}" for m in body["messages"])})
        if request.path == "/tokenize":
            return reply(200, {"tokens": [ord(c) for c in body["content"]]})
        if request.path == "/completion":
            token = body["logit_bias"][0][0] if honours_bias else 98
            best = {"id": 98, "token": "b", "logprob": -0.1}
            found = {"id": token, "token": chr(token), "logprob": -float(len(body["prompt"])), "top_logprobs": [best]}
            return reply(200, {"model": "served", "completion_probabilities": [found]})
        return error(404)

    return script


async def test_llama_cpp_is_recognised_once_and_forced_token_by_token() -> None:
    async with FaultServer(llama()) as server:
        model = open_model("openai/m", {"base_url": server.url})
        response = await model.loglikelihood(Request("m", prompt="xa", continuation="bc"))
        again = await model.loglikelihood(Request("m", prompt="xa", continuation="bb"))
        await model.close()
    assert [(t.token, t.logprob, t.top) for t in response.logprobs or ()] == [
        ("b", -2, {"b": -0.1}),
        ("c", -3, {"b": -0.1}),
    ]
    assert (response.greedy, again.greedy) == (False, True)
    paths = [request.path for request in server.received]
    assert paths.count("/props") == 1
    forced = [r.json for r in server.received if r.path == "/completion"][:2]
    assert [(f["prompt"], f["logit_bias"], f["n_predict"]) for f in forced] == [
        ([120, 97], [[98, 1000]], 1),
        ([120, 97, 98], [[99, 1000]], 1),
    ]


async def test_conversation_goes_through_the_models_own_template() -> None:
    ask = Request("m", (Message("user", "Why?"),), continuation="b")
    response, received = await likelihood(llama(), ask)
    assert [r.json["content"] for r in received if r.path == "/tokenize"] == ["<user>Why?", "<user>Why?b"]
    assert len(response.logprobs or ()) == 1


@pytest.mark.parametrize(
    ("script", "ask", "kind"),
    [
        (llama(honours_bias=False), Request("m", prompt="x", continuation="c"), NotSupported),
        (llama(template=False), Request("m", (Message("user", "Why?"),), continuation="b"), NotSupported),
        (llama(), Request("m", prompt="", continuation="b"), BadRequest),
        (llama(), Request("m", prompt="x", continuation=""), BadRequest),
    ],
)
async def test_forcing_that_cannot_be_trusted_is_an_error(script: Any, ask: Request, kind: type[CallFailed]) -> None:
    with pytest.raises(kind):
        await likelihood(script, ask)


async def test_server_without_props_is_asked_to_echo() -> None:
    def script(request: Received) -> Behaviour:
        return (
            echoing([("a", None, None), ("b", -1.0, {"b": -1.0})]) if request.path == "/v1/completions" else error(404)
        )

    response, _ = await likelihood(script, Request("m", prompt="a", continuation="b"))
    assert [t.logprob for t in response.logprobs or ()] == [-1.0]


async def test_token_that_llama_cpp_does_not_show_is_looked_up_among_the_alternatives() -> None:
    """It shows no token that ends inside a character; here token 200 is such a one, and ranks behind the first 1000."""

    def script(request: Received) -> Behaviour:
        body = request.json
        if request.path == "/tokenize":
            return reply(200, {"tokens": [200 if c == "é" else ord(c) for c in body["content"]]})
        token = body["logit_bias"][0][0]
        if token == 200:
            return reply(200, {"completion_probabilities": []})
        ranked = [{"id": 98, "token": "b", "logprob": -0.1}]
        if body["n_probs"] > 1000:
            ranked.append({"id": 200, "token": "\ufffd", "logprob": -7.5})
        return reply(200, {"completion_probabilities": [{"id": token, "logprob": -1, "top_logprobs": ranked}]})

    ask = Request("m", prompt="x", continuation="aéb")
    response, received = await likelihood(script, ask, loglikelihood="force")
    assert [t.logprob for t in response.logprobs or ()] == [-1, -7.5, -1]
    assert (response.logprobs or ())[1].top == {"b": -0.1}
    forced = [request.json for request in received if request.path == "/completion"]
    assert [body["logit_bias"][0][0] for body in forced] == [97, 200, 97, 97, 98]
    assert [body["prompt"] for body in forced] == [[120], *[[120, 97]] * 3, [120, 97, 200]]

    def without(request: Received) -> Behaviour:
        return reply(200, {"tokens": [1, 2, 3], "completion_probabilities": []})

    with pytest.raises(NotSupported, match="no log-probability for token"):
        await likelihood(without, Request("m", prompt="x", continuation="y"), loglikelihood="force")
