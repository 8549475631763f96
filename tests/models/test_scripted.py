"""Scripted models: the same every time, and honest about how they were used."""

from __future__ import annotations

import asyncio

from assay.errors import RateLimited
from assay.models.registry import open_model
from assay.models.scripted import Scripted
from assay.records import Message, Request, Response, Usage

ASK = Request("m", (Message("system", "Be brief."), Message("user", "Two words")))


async def test_named_scripts_answer_as_told() -> None:
    assert (await open_model("scripted/echo").generate(ASK)).text == "Two words"
    assert (await open_model("scripted/echo").generate(Request("m", prompt="So:"))).text == "So:"
    constant = await open_model("scripted/constant", {"text": "42 it is"}).generate(ASK)
    assert (constant.text, constant.finish_reason, constant.usage) == ("42 it is", "stop", Usage(4, 3))


async def test_hash_spreads_over_its_letters_and_never_changes_its_mind() -> None:
    first, second = open_model("scripted/hash", {"letters": "XYZ"}), open_model("scripted/hash", {"letters": "XYZ"})
    asks = [Request("m", (Message("user", f"question {n}"),)) for n in range(60)]
    texts = [(await first.generate(ask)).text for ask in asks]
    assert texts == [(await second.generate(ask)).text for ask in asks]
    assert set(texts) == {"ANSWER: X", "ANSWER: Y", "ANSWER: Z"}


async def test_function_may_be_async_may_fail_and_is_counted() -> None:
    async def script(request: Request) -> Response:
        await asyncio.sleep(0.01)
        if request.prompt == "bad":
            raise RateLimited("slow down")
        return Response(text="ok")

    model = Scripted(script, latency=0.01)
    asks = [model.generate(Request("m", prompt=prompt)) for prompt in ("a", "bad", "c")]
    results = await asyncio.gather(*asks, return_exceptions=True)
    assert [getattr(result, "text", type(result)) for result in results] == ["ok", RateLimited, "ok"]
    assert (model.calls, model.in_flight, model.most_in_flight) == (3, 0, 3)
    good = results[0]
    assert isinstance(good, Response)
    assert good.timing is not None
    assert good.timing.seconds >= 0.015
    await model.close()
    assert model.closed


async def test_log_likelihood_spells_the_continuation_and_depends_on_the_prompt() -> None:
    model = open_model("scripted/echo")
    one = await model.loglikelihood(Request("m", prompt="A", continuation=" to be  or not"))
    two = await model.loglikelihood(Request("m", prompt="B", continuation=" to be  or not"))
    assert one.logprobs is not None
    assert two.logprobs is not None
    assert "".join(token.token for token in one.logprobs) == " to be  or not"
    assert [token.logprob for token in one.logprobs] != [token.logprob for token in two.logprobs]
