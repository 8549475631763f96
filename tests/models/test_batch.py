"""Batches: what goes out, what comes back to whom, and that nothing is paid for twice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
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
    StorageFailed,
    UsageError,
)
from assay.models import batch_api
from assay.models.batch import Batched
from assay.models.batch_state import BatchRecord
from assay.models.registry import open_model
from assay.records import Message, Outcome, Request, Response, Sampling
from tests.models.batch_server import BatchProvider, Fault, Line, answered, echoed, rejected, unserved, until
from tests.models.fault_server import Behaviour, FaultServer, drop, error, half, hang, html, reply

KEY = "sk-very-secret-0123456789"
LOOK = "GET /v1/batches/batch_0"


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def question(text: str) -> Request:
    return Request("openai/m", (Message("user", text),))


def questions(count: int) -> list[Request]:
    return [question(f"question {number}") for number in range(count)]


def open_batched(server: FaultServer, state: Path, **options: Any) -> Batched:
    quick = {"batch": "true", "batch_wait": 0.05, "batch_poll": 0.01, "batch_state": str(state)}
    model = open_model("openai/m", {"base_url": server.url, **quick, **options})
    assert isinstance(model, Batched)
    return model


async def ask_all(model: Batched, requests: Sequence[Request]) -> list[Response | CallFailed]:
    answers = await asyncio.gather(*(model.generate(request) for request in requests), return_exceptions=True)
    for answer in answers:
        if not isinstance(answer, Response | CallFailed):
            raise answer
    return answers  # type: ignore[return-value]


async def ask(
    provider: BatchProvider, state: Path, requests: Sequence[Request], **options: Any
) -> list[Response | CallFailed]:
    """Ask in one session, from opening to closing."""
    async with FaultServer(provider) as server:
        model = open_batched(server, state, **options)
        try:
            return await ask_all(model, requests)
        finally:
            await model.close()


def texts(answers: Sequence[Response | CallFailed]) -> list[str]:
    assert all(isinstance(answer, Response) for answer in answers), answers
    return [answer.text for answer in answers if isinstance(answer, Response)]


def asked(provider: BatchProvider) -> list[str]:
    return [line["body"]["messages"][-1]["content"] for line in provider.lines]


def kept(state: Path, ending: str = "") -> list[Path]:
    """The files that are remembered."""
    return [path for path in state.iterdir() if path.name.endswith(ending)]


async def cancelled(tasks: Sequence[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def given_up(
    model: Batched, requests: Sequence[Request], when: Callable[[], object], then: Callable[[], object] = lambda: True
) -> None:
    """Ask, drop it all as after Ctrl-C ``when`` something has happened, and close when ``then`` something else has."""
    tasks = [asyncio.create_task(model.generate(request)) for request in requests]
    await until(when)
    await cancelled(tasks)
    await until(then)
    await model.close()


# What goes out and comes back


async def test_each_request_gets_its_own_answer_whatever_their_order(tmp_path: Path) -> None:
    provider = BatchProvider()
    requests = [Request("openai/m", r.messages, sampling=Sampling(temperature=0.5)) for r in questions(20)]
    answers = await ask(provider, tmp_path, requests)
    assert [text.partition(" [")[0] for text in texts(answers)] == [f"question {n}" for n in range(20)]
    assert len(provider.batches) == 1
    assert provider.lines[3]["body"] == {
        "model": "m",
        "messages": [{"role": "user", "content": "question 3"}],
        "temperature": 0.5,
    }
    first = answers[0]
    assert isinstance(first, Response)
    assert first.usage is not None
    assert first.timing is not None
    assert (first.usage.input_tokens, first.served_by, first.finish_reason) == (7, "served", "stop")
    assert first.timing.seconds == 60.0  # by the provider's clock, not by when somebody looked
    assert kept(tmp_path) == []  # all taken: nothing is left to remember


async def test_a_full_batch_goes_out_and_chats_do_not_travel_with_completions(tmp_path: Path) -> None:
    provider = BatchProvider()
    prompts = [Request("openai/m", prompt=f"once {number}") for number in range(3)]
    answers = await ask(provider, tmp_path, [*questions(25), *prompts], batch_size=10)
    assert [text.partition(" [")[0] for text in texts(answers)][-4:] == ["question 24", "once 0", "once 1", "once 2"]
    sizes = sorted((batch["endpoint"], batch["input_file_id"]) for batch in provider.batches.values())
    assert [endpoint for endpoint, _ in sizes] == ["/v1/chat/completions"] * 3 + ["/v1/completions"]
    assert len(provider.lines) == 28


async def test_equal_requests_are_asked_apart_and_answered_apart(tmp_path: Path) -> None:
    provider = BatchProvider()
    answers = await ask(provider, tmp_path, [question("same")] * 7)
    assert len(set(texts(answers))) == 7


LINES: list[tuple[str, Any, type[CallFailed], str]] = [
    ("400", lambda line: rejected(line, 400), BadRequest, "it failed"),
    ("filter", lambda line: rejected(line, 400, code="content_filter"), ContentRefused, "it failed"),
    ("model", lambda line: rejected(line, 404), EndpointUnusable, "it failed"),
    ("429", lambda line: rejected(line, 429), RateLimited, "it failed"),
    ("500", lambda line: rejected(line, 500), ServerFailed, "it failed"),
    ("expired", lambda line: unserved(line, "batch_expired"), ServerFailed, "it was late"),
    ("quota", lambda line: unserved(line, "insufficient_quota"), EndpointUnusable, "it was late"),
    ("nothing", lambda line: None, ServerFailed, "without an answer"),
    ("no JSON", lambda line: b'{"custom_id": "' + line["custom_id"].encode() + b'", "resp', ServerFailed, "without"),
    ("no reply", lambda line: {**answered(line, ""), "response": {"status_code": 200}}, ServerFailed, "completion"),
    ("page", lambda line: {**answered(line, ""), "response": {"status_code": 502, "body": "<p>"}}, ServerFailed, "<p>"),
    ("text", lambda line: json.dumps({"custom_id": line["custom_id"], "response": "x"}).encode(), ServerFailed, ""),
]


@pytest.mark.parametrize(("bad", "kind", "words"), [case[1:] for case in LINES], ids=[case[0] for case in LINES])
async def test_a_failed_line_fails_its_own_request_as_what_it_is(
    tmp_path: Path, bad: Any, kind: type[CallFailed], words: str
) -> None:
    def answer(line: Line) -> Any:
        return bad(line) if line["body"]["messages"][0]["content"] == "question 1" else echoed(line)

    answers = await ask(BatchProvider(answer), tmp_path, questions(3))
    assert [type(answer) for answer in answers] == [Response, kind, Response]
    assert words in str(answers[1])
    assert kept(tmp_path) == []


async def test_what_strict_json_forbids_is_read_all_the_same(tmp_path: Path) -> None:
    def answer(line: Line) -> bytes:
        document = json.dumps(answered(line, "half \ud800 a pair"))
        return document.replace('"index": 0', '"index": NaN').encode()

    assert texts(await ask(BatchProvider(answer), tmp_path, questions(2))) == ["half \ud800 a pair"] * 2


# What goes wrong with a whole batch


@pytest.mark.parametrize(
    ("errors", "kind", "words"),
    [
        (
            [{"code": "model_not_found", "message": "no m here", "line": 1}] * 3,
            EndpointUnusable,
            "for 3 reasons: no m here",
        ),
        ([{"code": "token_limit_exceeded", "message": "queue full"}], RateLimited, "smaller batch_size"),
        ([], EndpointUnusable, "does not say why"),
        (["no room"], EndpointUnusable, "no room"),
    ],
)
async def test_a_rejected_batch_blames_none_of_its_requests(
    tmp_path: Path, errors: list[Any], kind: type[CallFailed], words: str
) -> None:
    provider = BatchProvider(ending="failed")
    provider.errors = errors
    answers = await ask(provider, tmp_path, questions(5))
    assert {type(answer) for answer in answers} == {kind}
    assert words in str(answers[0])
    assert all(isinstance(answer, CallFailed) and answer.outcome is Outcome.INFRA_FAILED for answer in answers)
    assert kept(tmp_path) == []


@pytest.mark.parametrize("ending", ["expired", "cancelled"])
async def test_what_an_ended_batch_left_unanswered_goes_into_the_next(tmp_path: Path, ending: str) -> None:
    provider = BatchProvider(lambda line: echoed(line) if line["body"]["messages"][0]["content"][-1] < "3" else None)
    provider.ending = ending
    async with FaultServer(provider) as server:
        model = open_batched(server, tmp_path)
        answers = await ask_all(model, questions(6))
        assert [isinstance(answer, Response) for answer in answers] == [True] * 3 + [False] * 3
        assert all(isinstance(answer, ServerFailed) and f"({ending})" in str(answer) for answer in answers[3:])
        provider.answer = echoed
        texts(await ask_all(model, questions(6)[3:]))
        await model.close()
    assert asked(provider) == [f"question {n}" for n in (0, 1, 2, 3, 4, 5, 3, 4, 5)]


LOOKING_FAILS = [
    Fault("GET /v1/batches/", behaviour)
    for behaviour in (error(503), error(429, headers={"Retry-After": "0"}), html(), half(), drop(), drop(after=9))
]
COMING_DOWN_FAILS = [Fault("GET /v1/files/", behaviour) for behaviour in (error(500), drop(), drop(after=20))]
GOING_UP_FAILS = [Fault("POST /v1/files", behaviour) for behaviour in (error(503), html(), half(), reply(200, b"[]"))]


async def test_passing_failures_on_the_way_cost_only_time(tmp_path: Path) -> None:
    provider = BatchProvider()
    faults = [*GOING_UP_FAILS, Fault("POST /v1/batches", error(503)), *LOOKING_FAILS, *COMING_DOWN_FAILS]
    provider.faults = list(faults)
    assert len(set(texts(await ask(provider, tmp_path, questions(8))))) == 8
    assert provider.faults == []
    assert len(provider.lines) == 8


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (Fault("POST /v1/files", error(401)), EndpointUnusable, "wants a key"),
        (Fault("POST /v1/files", error(404)), EndpointUnusable, "has no batch API"),
        (Fault("POST /v1/files", error(400, "bad file")), EndpointUnusable, "bad file"),
        (Fault("POST /v1/files", reply(200, {"id": "../../v1/models"})), ServerFailed, "which is none"),
        (Fault("POST /v1/batches", error(400, "no such endpoint")), EndpointUnusable, "no such endpoint"),
        (Fault("POST /v1/batches", error(403, "not for you")), EndpointUnusable, "not for you"),
    ],
)
async def test_what_stops_a_batch_on_its_way_out_fails_all_its_requests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Fault, kind: type[CallFailed], words: str
) -> None:
    monkeypatch.setattr(batch_api, "PATIENCE", 0.0)
    provider = BatchProvider()
    provider.faults = [fault]
    answers = await ask(provider, tmp_path, questions(4))
    assert {type(answer) for answer in answers} == {kind}
    assert len({id(answer) for answer in answers}) == 4
    assert words in str(answers[0])
    assert kept(tmp_path) == []
    assert provider.lines == []


async def test_an_address_where_nobody_is_fails_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_api, "FIRST_CONTACT", 0.1)
    async with FaultServer(BatchProvider()) as server:
        pass
    model = open_batched(server, tmp_path)
    assert {type(answer) for answer in await ask_all(model, questions(2))} == {ConnectionFailed}
    await model.close()


@pytest.mark.parametrize(
    ("listing", "times"), [(None, 1), (error(503), 1), (error(401), 1), (error(405), 2)], ids=["", "503", "401", "405"]
)
async def test_a_batch_that_was_created_although_the_reply_was_lost_is_found(
    tmp_path: Path, listing: Behaviour | None, times: int
) -> None:
    provider = BatchProvider()
    provider.faults = [Fault("POST /v1/batches", drop(), after=True)]
    if listing is not None:
        provider.faults.append(Fault("GET /v1/batches", listing))
    texts(await ask(provider, tmp_path, questions(5)))
    assert len(provider.lines) == 5 * times  # a provider that has no list has to be told again


# Across processes


async def test_a_later_process_waits_for_what_an_earlier_one_asked(tmp_path: Path) -> None:
    provider = BatchProvider()
    provider.held = True
    async with FaultServer(provider) as server:
        await given_up(open_batched(server, tmp_path), questions(6), lambda: LOOK in provider.calls)
        provider.held = False
        second = open_batched(server, tmp_path)
        answers = await ask_all(second, [*questions(8), question("question 0")])
        await second.close()
    assert len(set(texts(answers))) == 9
    assert sorted(asked(provider)) == ["question 0", *(f"question {n}" for n in range(8))]
    assert kept(tmp_path) == []


async def test_answers_that_came_down_need_no_provider_any_more(tmp_path: Path) -> None:
    provider = BatchProvider()
    provider.held = True

    def comes_down() -> object:
        provider.held = False
        return kept(tmp_path, ".answers")

    async with FaultServer(provider) as server:
        await given_up(open_batched(server, tmp_path), questions(6), lambda: LOOK in provider.calls)
        [state] = kept(tmp_path, ".batch")
        state.write_bytes(state.read_bytes() + b'{"t":"taken","ids":["')  # killed while it wrote
        provider.calls.clear()
        await given_up(open_batched(server, tmp_path), questions(6), lambda: LOOK in provider.calls, comes_down)
    third = open_batched(server, tmp_path)
    assert len(set(texts(await ask_all(third, questions(6))))) == 6
    await third.close()
    assert kept(tmp_path) == []


async def test_a_process_that_ended_while_the_batch_was_being_created_is_taken_up(tmp_path: Path) -> None:
    provider = BatchProvider()
    provider.faults = [Fault("POST /v1/batches", hang(), after=True)]
    async with FaultServer(provider) as server:
        await given_up(open_batched(server, tmp_path / "mine"), questions(4), lambda: provider.lines)
        other = open_batched(server, tmp_path / "others", batch_size=1)
        texts(await ask_all(other, questions(5)))  # several pages of later batches
        await other.close()
        second = open_batched(server, tmp_path / "mine")
        texts(await ask_all(second, questions(4)))
        await second.close()
    assert len(provider.lines) == 4 + 5


async def test_a_batch_that_may_have_been_created_is_looked_for_before_it_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = BatchProvider()
    provider.faults = [Fault("POST /v1/batches", drop(), after=True)]
    monkeypatch.setattr(batch_api, "PATIENCE", 0.0)
    async with FaultServer(provider) as server:
        model = open_batched(server, tmp_path)
        assert {type(answer) for answer in await ask_all(model, questions(3))} == {ConnectionFailed}
        texts(await ask_all(model, questions(3)))
        await model.close()
    assert len(provider.lines) == 3


async def test_a_batch_that_never_came_to_be_is_asked_for_again(tmp_path: Path) -> None:
    provider = BatchProvider()
    provider.faults = [Fault("POST /v1/batches", hang())]
    async with FaultServer(provider) as server:
        await given_up(open_batched(server, tmp_path), questions(2), lambda: "POST /v1/batches" in provider.calls)
        second = open_batched(server, tmp_path)
        assert {type(answer) for answer in await ask_all(second, questions(2))} == {ServerFailed}
        texts(await ask_all(second, questions(2)))
        await second.close()
    assert len(provider.lines) == 2


async def test_answers_that_the_provider_no_longer_keeps_are_asked_for_again(tmp_path: Path) -> None:
    provider = BatchProvider()
    provider.faults = [Fault("GET /v1/files/", error(404))]
    async with FaultServer(provider) as server:
        model = open_batched(server, tmp_path)
        assert {type(answer) for answer in await ask_all(model, questions(2))} == {ServerFailed}
        texts(await ask_all(model, questions(2)))
        await model.close()
    assert len(provider.lines) == 4


@pytest.mark.parametrize(("fault", "words"), [(error(401), "wants a key"), (error(404), "knows no batch batch_0")])
async def test_a_batch_that_cannot_be_looked_at_is_kept(tmp_path: Path, fault: Any, words: str) -> None:
    provider = BatchProvider()
    provider.faults = [Fault("GET /v1/batches/", fault)]
    failed = await ask(provider, tmp_path, questions(3))
    assert {type(answer) for answer in failed} == {EndpointUnusable}
    assert words in str(failed[0])
    async with FaultServer(provider) as server:
        model = open_batched(server, tmp_path)
        texts(await ask_all(model, questions(3)))
        await model.close()
    assert len(provider.lines) == 3


async def test_a_request_that_gave_up_waiting_can_be_made_again_in_the_same_process(tmp_path: Path) -> None:
    provider = BatchProvider()
    provider.faults = [Fault("GET /v1/batches/", error(403, "not now"))]
    async with FaultServer(provider) as server:
        model = open_batched(server, tmp_path)
        assert {type(answer) for answer in await ask_all(model, questions(3))} == {EndpointUnusable}
        texts(await ask_all(model, questions(3)))
        await model.close()
    assert len(provider.lines) == 3


async def test_a_batch_belongs_to_the_process_that_waits_for_it(tmp_path: Path) -> None:
    provider = BatchProvider()
    provider.held = True
    async with FaultServer(provider) as server:
        first, second = open_batched(server, tmp_path), open_batched(server, tmp_path)
        mine = asyncio.create_task(ask_all(first, questions(3)))
        await until(lambda: len(provider.batches) == 1)
        others = asyncio.create_task(ask_all(second, questions(3)))
        await until(lambda: len(provider.batches) == 2)
        provider.held = False
        answers = texts(await mine) + texts(await others)
        await first.close()
        await second.close()
    assert len(provider.lines) == 6
    assert len(set(answers)) == 6
    assert kept(tmp_path) == []


async def test_a_taken_answer_is_not_given_to_the_next_run(tmp_path: Path) -> None:
    provider = BatchProvider()
    provider.held = True
    async with FaultServer(provider) as server:
        first, second = open_batched(server, tmp_path), open_batched(server, tmp_path)
        tasks = [asyncio.create_task(first.generate(request)) for request in questions(2)]
        unwanted = asyncio.create_task(first.generate(question("left")))
        await until(lambda: provider.lines)
        waiting = asyncio.create_task(second.generate(question("other")))  # sees the batch that the first one owns
        await until(lambda: len(provider.batches) == 2)
        await cancelled([unwanted])
        provider.held = False
        await asyncio.gather(*tasks, waiting)
        [state] = kept(tmp_path, ".batch")
        await until(lambda: b'"taken"' in state.read_bytes())  # not only when it is closed
        await first.close()
        texts(await ask_all(second, [*questions(2), question("left")]))
        await second.close()
    assert sorted(asked(provider)) == ["left", "other", *["question 0"] * 2, *["question 1"] * 2]
    assert kept(tmp_path) == []


# The disk


async def test_the_key_goes_to_the_provider_and_nowhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    provider = BatchProvider()
    provider.held = True
    async with FaultServer(provider) as server:
        await given_up(open_batched(server, tmp_path), questions(3), lambda: LOOK in provider.calls)
    assert provider.keys == {f"Bearer {KEY}"}
    data = b"".join(path.read_bytes() for path in kept(tmp_path))
    assert b"batch_0" in data
    assert KEY.encode() not in data
    assert b"question" not in data


async def test_a_damaged_record_says_so(tmp_path: Path) -> None:
    (tmp_path / "1.batch").write_bytes(b"what is this\n")
    with pytest.raises(StorageFailed, match=r"1\.batch is damaged: remove it"):
        await ask(BatchProvider(), tmp_path, questions(1))


async def test_a_folder_that_takes_nothing_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageFailed, match="batch_state=FOLDER names another"):
        await ask(BatchProvider(), tmp_path / "file", questions(1))


async def test_a_record_that_is_too_old_is_dropped(tmp_path: Path) -> None:
    (tmp_path / "1.batch").write_bytes(b'{"t":"opened","url":"/v1/x","file":"f","at":1.0,"ids":["a-0"]}\n')
    (tmp_path / "1.answers").write_bytes(b"")
    texts(await ask(BatchProvider(), tmp_path, questions(1)))
    assert kept(tmp_path) == []


async def test_a_disk_that_cannot_keep_what_was_taken_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise StorageFailed("no space")

    monkeypatch.setattr(BatchRecord, "taken", full)
    async with FaultServer(BatchProvider()) as server:
        model = open_batched(server, tmp_path)
        texts(await ask_all(model, questions(2)))
        with pytest.raises(StorageFailed, match="no space"):
            await ask_all(model, questions(1))
        with pytest.raises(StorageFailed, match="no space"):
            await model.close()


# Options


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"batch": "true", "stream": "true"}, "exclude each other"),
        ({"batch": "true", "batch_size": 50_001}, "at most 50000"),
        ({"batch_size": 10}, "means nothing without batch=true"),
        ({"batch": "true", "base_url": "http://a/v1,http://b/v1"}, "one address"),
    ],
)
def test_options_that_will_not_do(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        open_model("openai/m", {"base_url": "http://127.0.0.1:1/v1", **options})


async def test_log_likelihoods_are_refused_and_all_places_are_asked_for(tmp_path: Path) -> None:
    async with FaultServer(BatchProvider()) as server:
        model = open_batched(server, tmp_path, batch_size=123)
        with pytest.raises(NotSupported, match="leave batch=true out"):
            await model.loglikelihood(Request("openai/m", prompt="a", continuation="b"))
        assert (model.concurrency, model.adaptive) == (123, False)
        await model.close()
