"""What is sent, and what is read from good replies, whole and streamed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import NotSupported, UsageError
from assay.models.registry import open_model
from assay.models.sse import EventParser
from assay.records import Image, Message, Request, Response, Sampling, Text, ToolCall, ToolSpec, Usage
from tests.models.fault_server import DONE, FaultServer, Received, chat, event, reply, stream

QUESTION = (Message("user", "Why?"),)


async def ask(script: Any, request: Request, **options: Any) -> tuple[Response, Received]:
    """The response, and the one request that the server received."""
    async with FaultServer(script) as server:
        model = open_model("openai/org/m", {"base_url": server.url, **options})
        try:
            return await model.generate(request), server.received[0]
        finally:
            await model.close()


async def test_chat_request_says_what_was_asked_and_leaves_the_rest_to_the_server() -> None:
    _, sent = await ask([chat()], Request("openai/org/m", QUESTION))
    assert (sent.method, sent.path) == ("POST", "/v1/chat/completions")
    assert sent.json == {"model": "org/m", "messages": [{"role": "user", "content": "Why?"}]}
    assert "authorization" not in sent.headers


async def test_sampling_is_sent_and_extras_have_the_last_word() -> None:
    sampling = Sampling(16, 0.5, 0.9, ("\n", "END"), 7, 0, {"top_k": 20, "seed": 8})
    _, sent = await ask([chat()], Request("m", QUESTION, sampling=sampling), max_tokens_field="max_completion_tokens")
    expected = {"max_completion_tokens": 16, "temperature": 0.5, "top_p": 0.9, "stop": ["\n", "END"], "seed": 8}
    expected |= {"top_k": 20, "logprobs": True, "top_logprobs": 1}
    assert {k: v for k, v in sent.json.items() if k not in ("model", "messages")} == expected


async def test_images_tools_and_empty_turns_take_the_shape_of_the_wire() -> None:
    call = ToolCall("c1", "add", '{"a": 1}')
    image = Image(data="aGk=", media_type="image/jpeg")
    messages = (
        Message("system", "Be brief."),
        Message("user", (Text("See"), image, Image(url="https://x/y.png"))),
        Message("assistant", "", (call,)),
        Message("tool", "3", tool_call_id="c1"),
    )
    tool = ToolSpec("add", "Adds.", {"type": "object", "properties": {"a": {"type": "integer"}}})
    _, sent = await ask([chat()], Request("m", messages, tools=(tool,)))
    assert sent.json["messages"] == [
        {"role": "system", "content": "Be brief."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "See"},
                {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,aGk="}},
                {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
            ],
        },
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}],
        },
        {"role": "tool", "content": "3", "tool_call_id": "c1"},
    ]
    function = {"name": "add", "description": "Adds.", "parameters": tool.parameters}
    assert sent.json["tools"] == [{"type": "function", "function": function}]


async def test_lone_surrogate_and_megabytes_reach_the_server_unharmed() -> None:
    text = "a\ud800b" + "é" * 700_000
    _, sent = await ask([chat()], Request("m", (Message("user", text),)))
    assert sent.json["messages"][0]["content"] == text


async def test_plain_prompt_goes_to_completions_unless_the_endpoint_is_named() -> None:
    done = reply(200, {"model": "served", "choices": [{"text": " yes", "finish_reason": "stop"}]})
    response, sent = await ask([done], Request("m", prompt="So:", sampling=Sampling(max_tokens=4, logprobs=2)))
    assert sent.path == "/v1/completions"
    assert sent.json == {"model": "org/m", "prompt": "So:", "max_tokens": 4, "logprobs": 2}
    assert response.text == " yes"
    _, sent = await ask([chat()], Request("m", prompt="So:"), endpoint="chat")
    assert sent.json["messages"] == [{"role": "user", "content": "So:"}]
    _, sent = await ask([done], Request("m", QUESTION), endpoint="completions")
    assert sent.json["prompt"] == "Why?"
    with pytest.raises(NotSupported, match="endpoint=chat"):
        await ask([done], Request("m", QUESTION * 3), endpoint="completions")


async def test_everything_in_a_reply_is_kept() -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 8, "prompt_tokens_details": {"cached_tokens": 4}}
    usage["completion_tokens_details"] = {"reasoning_tokens": 5}
    function: dict[str, Any] = {"name": "add", "arguments": '{"a": 1'}
    calls = [{"id": "c1", "type": "function", "function": function}, {"function": {"name": "f", "arguments": {"b": 2}}}]
    top = [{"token": "A", "logprob": -0.1}, {"token": "B", "logprob": -2.5}]
    logprobs = {"content": [{"token": "A", "logprob": -0.1, "bytes": [65], "top_logprobs": top}]}
    message = {"role": "assistant", "content": "A", "tool_calls": calls, "reasoning_content": "hm"}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls", "logprobs": logprobs}
    body = {"model": "served", "choices": [choice], "usage": usage, "system_fingerprint": None}
    response, _ = await ask([reply(200, body)], Request("m", QUESTION, sampling=Sampling(logprobs=1)))
    assert response.tool_calls == (ToolCall("c1", "add", '{"a": 1'), ToolCall("call_1", "f", '{"b": 2}'))
    assert response.usage == Usage(9, 8, 5, 4)
    assert (response.text, response.reasoning, response.finish_reason) == ("A", "hm", "tool_calls")
    assert response.served_by == "served"
    assert response.logprobs is not None
    assert (response.logprobs[0].logprob, response.logprobs[0].top) == (-0.1, {"A": -0.1})
    assert response.timing is not None
    assert (response.timing.attempts, response.timing.first_token) == (1, None)
    assert response.timing.seconds > 0


async def test_log_probabilities_of_completions_have_a_shape_of_their_own() -> None:
    logprobs = {"tokens": ["a", "b"], "token_logprobs": [-1, None], "top_logprobs": [{"x": -0.5, "a": -1}, None]}
    body = {"choices": [{"text": "ab", "finish_reason": "length", "logprobs": logprobs}]}
    response, _ = await ask([reply(200, body)], Request("m", prompt="So:", sampling=Sampling(logprobs=2)))
    assert response.logprobs is not None
    assert [(t.token, t.logprob, t.top) for t in response.logprobs] == [
        ("a", -1.0, {"x": -0.5, "a": -1.0}),
        ("b", None, {}),
    ]


STREAM = b"".join(
    [
        b": keep-alive\n\n",
        event({"role": "assistant", "content": ""}),
        event({"reasoning_content": "hm"}),
        event({"content": "Gr"}),
        b"event: delta\r\nid: 3\r\n" + event({"content": "üß\u2028 😀"}).replace(b"\n", b"\r\n"),
        event({"tool_calls": [{"index": 0, "id": "c1", "function": {"name": "add", "arguments": '{"a"'}}]}),
        event({"tool_calls": [{"index": 1, "id": "c2", "function": {"name": "neg", "arguments": ""}}]}),
        event({"tool_calls": [{"index": 0, "function": {"arguments": ": 1}"}}]}),
        b'data: {"choices":\ndata: [{"delta": {"content": "!"}}]}\n\n',
        event({}, finish="tool_calls"),
        event(None, usage={"prompt_tokens": 7, "completion_tokens": 3}),
        DONE,
    ]
)
SENT = Response(
    text="Grüß\u2028 😀!",
    reasoning="hm",
    tool_calls=(ToolCall("c1", "add", '{"a": 1}'), ToolCall("c2", "neg", "")),
    finish_reason="tool_calls",
    usage=Usage(7, 3),
    served_by="served",
)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, len(STREAM)])
async def test_stream_is_put_together_wherever_it_is_cut(size: int) -> None:
    pieces = [STREAM[start : start + size] for start in range(0, len(STREAM), size)]
    response, sent = await ask([stream(pieces)], Request("m", QUESTION), stream="true")
    assert (sent.json["stream"], sent.json["stream_options"]) == (True, {"include_usage": True})
    for name in ("text", "reasoning", "tool_calls", "finish_reason", "usage", "served_by"):
        assert getattr(response, name) == getattr(SENT, name), name


async def test_first_token_is_when_text_comes_not_when_the_role_does() -> None:
    pieces = [event({"role": "assistant"}), event({"content": "A"}), event({"content": "B"}, finish="stop")]
    response, _ = await ask([stream(pieces, delay=0.05)], Request("m", QUESTION), stream=True)
    assert response.timing is not None
    assert response.timing.first_token is not None
    assert 0.04 <= response.timing.first_token < response.timing.seconds


async def test_stream_without_done_is_whole_once_it_has_a_finish_reason() -> None:
    response, _ = await ask(
        [stream([event({"content": "A"}, finish="stop").rstrip()])], Request("m", QUESTION), stream=True
    )
    assert (response.text, response.finish_reason) == ("A", "stop")


async def test_streamed_completions_and_their_log_probabilities_are_joined() -> None:
    pieces = []
    for token in ("x", "y"):
        logprobs = {"tokens": [token], "token_logprobs": [-1.0], "top_logprobs": [{token: -1.0}], "text_offset": [0]}
        pieces.append(event(None, choices=[{"text": token, "finish_reason": "stop", "logprobs": logprobs}]))
    response, _ = await ask(
        [stream([*pieces, DONE])], Request("m", prompt="So:", sampling=Sampling(logprobs=1)), stream=True
    )
    assert response.text == "xy"
    assert [t.token for t in response.logprobs or ()] == ["x", "y"]


async def test_server_that_cannot_stream_may_answer_in_one_piece() -> None:
    response, _ = await ask([chat("whole")], Request("m", QUESTION), stream=True)
    assert response.text == "whole"


async def test_connection_is_used_again_after_a_stream() -> None:
    async with FaultServer([stream([event({"content": "A"}, finish="stop"), DONE])]) as server:
        model = open_model("openai/m", {"base_url": server.url, "stream": True})
        for _ in range(3):
            await model.generate(Request("m", QUESTION))
        assert len(server.received) == 3
        assert server.connections == 1
        await model.close()


@given(
    st.lists(st.text(alphabet=st.characters(exclude_characters="\r\n", exclude_categories=["Cs"])), min_size=1),
    st.data(),
)
def test_event_data_survives_any_line_ends_and_any_cuts(lines: list[str], data: st.DataObject) -> None:
    end = data.draw(st.sampled_from([b"\n", b"\r\n", b"\r"]))
    text = b"".join(b"data: " + line.encode() + end for line in lines) + b": comment" + end + end
    raw = text + b"data:x" + end + end
    cuts = sorted(data.draw(st.sets(st.integers(0, len(raw)))))
    parser = EventParser()
    events = [e for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True) for e in parser.feed(raw[a:b])]
    assert events + parser.finish() == ["\n".join(lines).encode(), b"x"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"base_url": "127.0.0.1:8000"}, "http://127.0.0.1:8000/v1"),
        ({"base_url": "http://user:pass@host/v1"}, "user or password"),
        ({"base_url": "http://host/v1?key=1"}, "nothing may follow"),
        ({"endpoint": "talk"}, "one of chat, completions"),
        ({"stream": "perhaps"}, "true or false"),
        ({"timeout": "-1"}, "at least"),
        ({"timeout": "nan"}, "at least"),
        ({"max_tokens_field": "tokens"}, "max_completion_tokens"),
        ({"api_key_env": "NO_SUCH_KEY"}, "NO_SUCH_KEY holds no key"),
        ({"base_url": "https://api.openai.com/v1"}, "OPENAI_API_KEY holds no key"),
    ],
)
def test_option_that_will_not_do_is_refused_in_one_line(
    options: dict[str, str], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(UsageError, match=r"(?s)^[^\n]*$") as caught:
        open_model("openai/m", {"base_url": "http://127.0.0.1:1/v1", **options})
    assert words in str(caught.value)


def test_key_with_a_stray_character_is_refused_without_being_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret\u201d")
    with pytest.raises(UsageError, match="OPENAI_API_KEY") as caught:
        open_model("openai/m", {"base_url": "http://127.0.0.1:1/v1"})
    assert "secret" not in str(caught.value)


def test_base_url_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "ftp://nowhere")
    with pytest.raises(UsageError, match="ftp://nowhere"):
        open_model("openai/m")
