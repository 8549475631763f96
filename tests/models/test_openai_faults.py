"""What a server does wrong -> what the client says about it, over real sockets."""

from __future__ import annotations

import logging
import re
import traceback
from email.utils import formatdate
from time import time
from typing import Any

import pytest

from assay.errors import (
    BadRequest,
    CallFailed,
    ConnectionFailed,
    ContentRefused,
    EndpointUnusable,
    NotSupported,
    RateLimited,
    ServerFailed,
    TimedOut,
)
from assay.models.registry import open_model
from assay.records import Message, Outcome, Request, Response, Sampling, Usage
from tests.models.fault_server import (
    DONE,
    Behaviour,
    FaultServer,
    chat,
    chat_body,
    drop,
    error,
    event,
    half,
    hang,
    html,
    reply,
    sentinel,
    stream,
    trickle,
)

REQUEST = Request("openai/m", (Message("user", "Why?"),))
KEY = "sk-very-secret-0123456789"


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


async def ask(script: Any, request: Request = REQUEST, **options: Any) -> tuple[Response | CallFailed, FaultServer]:
    async with FaultServer(script) as server:
        model = open_model("openai/m", {"base_url": server.url, "timeout": 0.5, **options})
        try:
            return await model.generate(request), server
        except CallFailed as failure:
            return failure, server
        finally:
            await model.close()


FAULTS: list[tuple[str, Behaviour, type[CallFailed], str]] = [
    ("400", error(400, "prompt too long"), BadRequest, "prompt too long"),
    ("413 page", html(413), BadRequest, "Bad gateway"),
    ("422 list", reply(422, {"detail": [{"loc": ["body"]}]}), BadRequest, "loc"),
    ("418", error(418), BadRequest, "418"),
    ("400 filter", error(400, "no", code="content_filter"), ContentRefused, "no"),
    ("403 flagged", error(403, "no", metadata={"flagged_input": "x"}), ContentRefused, "no"),
    ("401", error(401), EndpointUnusable, "wants a key: put one in the environment variable OPENAI_API_KEY"),
    ("402", error(402, "pay"), EndpointUnusable, "pay"),
    ("403", error(403, "not for you"), EndpointUnusable, "not for you"),
    ("404 model", error(404, "no model m"), EndpointUnusable, "check the model's name and base_url (no model m)"),
    ("404 page", html(404), EndpointUnusable, "HTML page"),
    ("308", reply(308, headers={"Location": "/v2"}), EndpointUnusable, "/v2"),
    ("429 no quota", error(429, "empty", code="insufficient_quota"), EndpointUnusable, "empty"),
    ("400 bad key", error(400, "bad", code="invalid_api_key"), EndpointUnusable, "bad"),
    ("429", error(429, "slow down"), RateLimited, "slow down"),
    ("503 with wait", error(503, headers={"Retry-After": "2"}), RateLimited, "503"),
    ("529 with wait", error(529, headers={"Retry-After": "2"}), RateLimited, "529"),
    ("529", error(529), ServerFailed, "529"),
    ("408", error(408), ServerFailed, "408"),
    ("409", error(409), ServerFailed, "409"),
    ("425", error(425), ServerFailed, "425"),
    ("500", error(500, "boom"), ServerFailed, "boom"),
    ("500 empty", reply(500), ServerFailed, "(nothing)"),
    ("502 page", html(502), ServerFailed, "'Bad gateway'"),
    ("501", error(501), NotSupported, "501"),
    ("200 page", html(200), ServerFailed, "not JSON"),
    ("200 empty", reply(200), ServerFailed, "not JSON"),
    ("200 half", half(), ServerFailed, "not JSON"),
    ("200 error", reply(200, {"error": {"message": "overloaded"}}), ServerFailed, "overloaded"),
    ("200 error text", reply(200, {"error": "overloaded"}), ServerFailed, "overloaded"),
    ("200 error 429", reply(200, {"error": {"message": "slow", "code": 429}}), RateLimited, "slow"),
    ("200 error 400", reply(200, {"object": "error", "message": "long", "code": 400}), BadRequest, "long"),
    ("200 midway", reply(200, {"choices": [{"message": {}, "finish_reason": "error"}]}), ServerFailed, "midway"),
    ("no choices", reply(200, {"choices": []}), ServerFailed, "without choices"),
    ("null choices", reply(200, {"choices": None}), ServerFailed, "without choices"),
    ("other JSON", reply(200, [1, 2]), ServerFailed, "no completion"),
    ("odd choice", reply(200, {"choices": [{"index": 0}]}), ServerFailed, "neither"),
    ("deep JSON", reply(200, b'{"choices":' + b"[" * 100_000), ServerFailed, "JSON"),
    ("deep error", reply(200, b'{"error":' + b"[" * 100_000), ServerFailed, "JSON"),
    ("deep unknown", reply(200, b'{"x":' + b"[" * 100_000), ServerFailed, "JSON"),
    ("deep error body", reply(500, b'{"error":' + b"[" * 100_000), ServerFailed, "500"),
    ("dropped", drop(), ConnectionFailed, "dropped"),
    ("dropped midway", drop(after=20), ConnectionFailed, "dropped"),
    ("reset midway", drop(after=20, abort=True), ConnectionFailed, "dropped"),
    ("hang", hang(), TimedOut, "0.5 s"),
    ("slow loris", trickle(), TimedOut, "0.5 s"),
    ("not HTTP", lambda writer: _write(writer, b"SSH-2.0-x\r\n\r\n"), ServerFailed, "HTTP"),
]


async def _write(writer: Any, data: bytes) -> bool:
    writer.write(data)
    await writer.drain()
    return False


@pytest.mark.parametrize(("behaviour", "kind", "words"), [f[1:] for f in FAULTS], ids=[f[0] for f in FAULTS])
async def test_fault_becomes_the_error_that_says_whether_to_ask_again(
    behaviour: Behaviour, kind: type[CallFailed], words: str
) -> None:
    failure, server = await ask([behaviour])
    assert type(failure) is kind, failure
    assert words in str(failure)
    assert "\n" not in str(failure)
    assert len(server.received) == 1, "a provider makes one attempt"


async def test_refused_connection_and_unknown_host_are_connection_failures() -> None:
    async with FaultServer([chat()]) as server:
        gone = server.url
    for address in (gone, "http://no-such-host.invalid/v1"):
        model = open_model("openai/m", {"base_url": address})
        with pytest.raises(ConnectionFailed, match="cannot be reached"):
            await model.generate(REQUEST)
        await model.close()


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "3"}, 3),
        ({"Retry-After": "0.25"}, 0.25),
        ({"retry-after-ms": "1500", "Retry-After": "2"}, 1.5),
        ({"Retry-After": "in 60 s"}, 60),
        ({"Retry-After": formatdate(1_000_060, usegmt=True), "Date": formatdate(1_000_000, usegmt=True)}, 60),
        ({"Retry-After": "in -60 s"}, 0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "inf"}, None),
    ],
)
async def test_wait_asked_for_is_passed_on(headers: dict[str, str], seconds: float | None) -> None:
    date = re.fullmatch(r"in (-?\d+) s", headers.get("Retry-After", ""))
    if date:  # as a date, from now
        headers = {"Retry-After": formatdate(time() + int(date[1]), usegmt=True)}
    failure, _ = await ask([error(429, headers=headers)])
    assert isinstance(failure, RateLimited)
    assert failure.status == 429
    assert failure.retry_after == (seconds if seconds is None else pytest.approx(seconds, abs=3))


ODDITIES: list[tuple[str, Behaviour, dict[str, Any]]] = [
    ("wrong content type", reply(200, chat_body("A"), kind="text/plain"), {"text": "A", "finish_reason": "stop"}),
    ("null content", chat(None), {"text": ""}),
    ("null content, cut", chat(None, finish="length"), {"text": "", "finish_reason": "length"}),
    ("filtered", chat("", finish="content_filter"), {"text": "", "finish_reason": "content_filter"}),
    ("refusal", chat(None, refusal="I will not."), {"text": "I will not.", "finish_reason": "refusal"}),
    ("reasoning_content", chat("A", reasoning_content="so"), {"text": "A", "reasoning": "so"}),
    ("reasoning", chat("A", reasoning="so"), {"text": "A", "reasoning": "so"}),
    ("content parts", chat([{"type": "thinking"}, {"type": "text", "text": "A"}]), {"text": "A"}),  # type: ignore[arg-type]
    ("surrogate", reply(200, b'{"choices":[{"message":{"content":"a\\ud800b"}}]}'), {"text": "a\ud800b"}),
    ("broken UTF-8", reply(200, b'{"choices":[{"message":{"content":"a\xffb"}}]}'), {"text": "a\ufffdb"}),
    ("10 MB", chat("0123456789" * 1_000_000), {"text": "0123456789" * 1_000_000}),
    ("huge counts", reply(200, chat_body("A") | {"usage": {"prompt_tokens": 10**400}}), {"usage": Usage()}),
    ("NUL", chat("a\0b"), {"text": "a\0b"}),
]


@pytest.mark.parametrize(("behaviour", "fields"), [o[1:] for o in ODDITIES], ids=[o[0] for o in ODDITIES])
async def test_odd_but_whole_reply_is_a_response(behaviour: Behaviour, fields: dict[str, Any]) -> None:
    response, _ = await ask([behaviour], timeout=60)
    assert isinstance(response, Response), response
    assert {name: getattr(response, name) for name in fields} == fields


async def test_log_probability_that_is_no_number_is_unknown() -> None:
    tokens: list[dict[str, Any]] = [{"token": "A", "logprob": float("nan")}, {"token": "B", "logprob": -(10**400)}]
    tokens.append({"token": "C", "logprob": -0.5, "top_logprobs": [{"token": "C", "logprob": -0.5}]})
    body = chat_body("ABC")
    body["choices"][0]["logprobs"] = {"content": tokens}
    response, _ = await ask([reply(200, body)], Request("m", REQUEST.messages, sampling=Sampling(logprobs=1)))
    assert isinstance(response, Response)
    assert [t.logprob for t in response.logprobs or ()] == [None, None, -0.5]


async def test_rejected_prompt_does_not_touch_the_others() -> None:
    async with FaultServer(sentinel("poison", error(400, "no"), chat("fine"))) as server:
        model = open_model("openai/m", {"base_url": server.url})
        with pytest.raises(BadRequest):
            await model.generate(Request("m", (Message("user", "the poison one"),)))
        assert (await model.generate(REQUEST)).text == "fine"
        await model.close()


async def test_connection_that_an_idle_server_closed_is_a_failure_to_be_retried() -> None:
    async with FaultServer([chat("one"), drop(), chat("two")]) as server:
        model = open_model("openai/m", {"base_url": server.url})
        assert (await model.generate(REQUEST)).text == "one"
        with pytest.raises(ConnectionFailed) as failure:
            await model.generate(REQUEST)
        assert failure.value.retryable
        assert failure.value.outcome is Outcome.INFRA_FAILED
        assert (await model.generate(REQUEST)).text == "two"
        await model.close()


BROKEN_STREAMS: list[tuple[str, Behaviour, type[CallFailed], str]] = [
    ("ends early", stream([event({"content": "half"})]), ServerFailed, "before the reply was whole"),
    ("cut", stream([event({"content": "half"})], whole=False), ConnectionFailed, "dropped"),
    ("error", stream([event({"content": "h"}), event(error={"message": "oom"})]), ServerFailed, "oom"),
    ("error 429", stream([event(error={"message": "wait", "code": 429})]), RateLimited, "wait"),
    ("no JSON", stream([b"data: oops\n\n"]), ServerFailed, "not JSON"),
    ("nothing", stream([]), ServerFailed, "before the reply was whole"),
    ("only done", stream([DONE]), ServerFailed, "without choices"),
    ("page", stream([b"<html>x", b"</html>"], kind="text/html"), ServerFailed, "not JSON"),
    ("400", error(400, "long"), BadRequest, "long"),
    ("stalls", stream([event({"content": "x"})] * 50, delay=0.05), TimedOut, "0.5 s"),
]


@pytest.mark.parametrize(
    ("behaviour", "kind", "words"), [b[1:] for b in BROKEN_STREAMS], ids=[b[0] for b in BROKEN_STREAMS]
)
async def test_broken_stream_is_an_error_and_never_half_an_answer(
    behaviour: Behaviour, kind: type[CallFailed], words: str
) -> None:
    failure, _ = await ask([behaviour], stream=True)
    assert type(failure) is kind, failure
    assert words in str(failure)


async def test_key_is_sent_and_shows_nowhere(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("MY_KEY", f"{KEY}\n")
    caplog.set_level(logging.DEBUG)
    echoes = f"Incorrect API key provided: {KEY}. " + "x" * 280 + KEY
    shown: list[str] = []
    behaviours = [error(status, echoes) for status in (400, 401, 403, 404, 429, 500)]
    behaviours += [reply(200, {"error": {"message": echoes}}), reply(200, echoes.encode())]
    behaviours += [reply(200, b"x" * cut + KEY.encode()) for cut in (190, 290, 65530)]
    behaviours += [drop(after=20), hang()]
    for behaviour in behaviours:
        async with FaultServer([behaviour]) as server:
            model = open_model("openai/m", {"base_url": server.url, "api_key_env": "MY_KEY", "timeout": 0.2})
            with pytest.raises(CallFailed) as caught:
                await model.generate(REQUEST)
            failure = caught.value
            shown += [str(failure), repr(failure), repr(model), repr(vars(model))]
            shown += traceback.format_exception(failure)
            await model.close()
            assert server.received[0].headers["authorization"] == f"Bearer {KEY}"
    assert "the key in MY_KEY was rejected" in "\n".join(shown)
    assert KEY[:8] not in "\n".join([*shown, caplog.text])
