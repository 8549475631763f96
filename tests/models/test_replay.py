"""Stored responses as a model: found by what was asked, in every form that they are stored in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from zlib import crc32

import msgspec
import polars as pl
import pytest

from assay.errors import BadRequest, ContentRefused, DatasetMalformed, DatasetNotFound
from assay.models.registry import open_model
from assay.records import (
    CallError,
    Message,
    Outcome,
    Request,
    Response,
    Sampling,
    Timing,
    TokenLogprob,
    ToolCall,
    Usage,
)


def ask(text: str, model: str = "replay/x", **sampling: Any) -> Request:
    return Request(model, (Message("system", "Be brief."), Message("user", text)), sampling=Sampling(**sampling))


FULL = Response(
    text="four",
    reasoning="2 + 2",
    tool_calls=(ToolCall("c1", "add", "{"),),
    finish_reason="stop",
    usage=Usage(9, 8, 5, 4),
    timing=Timing(1.5, 2.5, 0.5, 3, 4.5),
    logprobs=(TokenLogprob("four", -0.5, {"five": None}),),
    greedy=True,
    served_by="served",
)
REFUSED = Response(error=CallError("ContentRefused", "not that", Outcome.REFUSED, 400))
LOST = Response(error=CallError("ServerFailed", "boom", Outcome.INFRA_FAILED, 500))
CALLS: list[tuple[str, int, Request, Response]] = [
    ("s2", 2, ask("2+2?", "openai/m", temperature=0), Response(text="second epoch")),
    ("s1", 1, ask("Why?", "openai/m"), Response(text="lone \ud800 surrogate")),
    ("s2", 1, ask("2+2?", "openai/m", temperature=0), Response(text="replaced below")),
    ("s3", 1, ask("How to?", "openai/m"), REFUSED),
    ("s4", 1, ask("When?", "openai/m"), LOST),
    ("s2", 1, ask("2+2?", "openai/m", temperature=0), FULL),
]


def call_line(sample_id: str, epoch: int, request: Request, response: Response) -> bytes:
    record = {"t": "call", "sample_id": sample_id, "epoch": epoch, "call": 0, "digest": "00"}
    record |= {"request": msgspec.to_builtins(request), "response": msgspec.to_builtins(response)}
    return json.dumps(record).encode()


def journal(folder: Path) -> Path:
    lines = [b'{"t":"sample","sample":{"id":"s1","input":"Why?"}}', *(call_line(*call) for call in CALLS)]
    lines.append(b'{"t":"score","sample_id":"s1","epoch":1,"calls":1,"digest":"0","score":{"outcome":"scored"}}')
    framed = [b"%08x %b\n" % (crc32(line), line) for line in lines]
    damaged = framed[2].replace(b"Why", b"Who")
    (folder / "journal.jsonl").write_bytes(b"".join([damaged, *framed, framed[2][:40]]))
    return folder


def parquet(folder: Path) -> Path:
    rows = []
    for sample_id, epoch, request, response in CALLS[:2] + CALLS[3:]:
        usage, timing, error = response.usage or Usage(), response.timing, response.error
        lone = "\ud800" in response.text
        row = {
            "sample_id": sample_id,
            "epoch": epoch,
            "call": 0,
            "request": msgspec.json.encode(request).decode(),
            "text": response.text.replace("\ud800", "\ufffd"),
            "reasoning": response.reasoning,
            "tool_calls": msgspec.json.encode(response.tool_calls).decode() if response.tool_calls else None,
            "finish_reason": response.finish_reason,
            **msgspec.structs.asdict(usage),
            **(msgspec.structs.asdict(timing) if timing else {}),
            "logprobs": msgspec.json.encode(response.logprobs).decode() if response.logprobs else None,
            "greedy": response.greedy,
            "served_by": response.served_by,
            "exact": call_line(sample_id, epoch, request, response).decode() if lone else None,
        }
        if error is not None:
            row |= {"error_kind": error.kind, "error_message": error.message, "error_outcome": str(error.outcome)}
            row["error_status"] = error.status
        rows.append(row)
    pl.DataFrame(rows, infer_schema_length=None).write_parquet(folder / "responses.parquet")
    return folder


def jsonl(folder: Path) -> Path:
    lines = [call_line(*call) for call in CALLS]
    (folder / "calls.jsonl").write_bytes(b"\n\n".join(lines))
    return folder / "calls.jsonl"


@pytest.mark.parametrize("write", [journal, parquet, jsonl])
async def test_every_form_of_a_run_answers_what_it_was_asked(write: Any, tmp_path: Path) -> None:
    model = open_model(f"replay/{write(tmp_path)}")
    assert (await model.generate(ask("Why?"))).text == "lone \ud800 surrogate"
    assert (await model.generate(ask("Why?"))).text == "lone \ud800 surrogate"
    # The first epoch comes first, as its last version; temperature 0 is 0.0 once stored.
    assert await model.generate(ask("2+2?", temperature=0)) == FULL
    assert (await model.generate(ask("2+2?", temperature=0.0))).text == "second epoch"
    with pytest.raises(BadRequest, match="all 2 stored responses"):
        await model.generate(ask("2+2?", temperature=0))
    with pytest.raises(ContentRefused, match="not that"):
        await model.generate(ask("How to?"))
    for other in (ask("When?"), ask("Why?", temperature=1), ask("Why"), Request("m", prompt="Why?")):
        with pytest.raises(BadRequest, match="holds no response for this request"):
            await model.generate(other)
    await model.close()


def test_journal_is_the_truth_where_there_is_one(tmp_path: Path) -> None:
    parquet(tmp_path)
    (tmp_path / "journal.jsonl").write_bytes(b"")
    with pytest.raises(DatasetMalformed, match=r"journal\.jsonl holds no responses"):
        open_model(f"replay/{tmp_path}")


@pytest.mark.parametrize("column", ["response", "text"])
@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
async def test_plain_pairs_are_found_by_the_last_question(kind: str, column: str, tmp_path: Path) -> None:
    path = tmp_path / f"pairs.{kind}"
    rows = [{"prompt": "Why?", column: "because", "note": [1]}, {"prompt": "a\u2028b", column: "split"}]
    rows += [{"prompt": f"again {n % 3}", column: f"reply {n // 3}"} for n in range(12)]
    if kind == "jsonl":
        path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), "utf-8")
    else:
        pl.DataFrame([{"prompt": r["prompt"], column: r[column]} for r in rows]).write_parquet(path)
    model = open_model(f"replay/{path}")
    assert (await model.generate(ask("Why?"))).text == "because"
    assert (await model.generate(Request("m", prompt="a\u2028b"))).text == "split"
    told = [(await model.generate(ask("again 1"))).text for _ in range(4)]
    assert told == ["reply 0", "reply 1", "reply 2", "reply 3"]
    with pytest.raises(BadRequest):
        await model.loglikelihood(Request("m", prompt="Why?", continuation="because"))
    await model.close()


async def test_stored_log_likelihoods_are_found_by_their_continuation(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    lines = []
    for continuation, value in ((" A", -1.0), (" B", -2.0)):
        request = Request("openai/m", prompt="So", continuation=continuation)
        lines.append(call_line("s", 1, request, Response(logprobs=(TokenLogprob(continuation, value),), greedy=False)))
    path.write_bytes(b"\n".join(line.replace(b'"epoch": 1, ', b"") for line in lines))
    model = open_model(f"replay/{path}")
    response = await model.loglikelihood(Request("replay/x", prompt="So", continuation=" B"))
    assert [token.logprob for token in response.logprobs or ()] == [-2.0]
    await model.close()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"prompt": "a", "text": "b"}\n{"prompt": ', "line 2"),
        ('{"prompt": "a"}', "line 1: neither a response nor a text"),
        ('{"sample_id": "a", "text": "b"}', "neither a request nor a prompt"),
        ('{"prompt": 5, "text": "b"}', "prompt"),
        ("[1]", "line 1"),
        ("", "holds no responses"),
    ],
)
def test_malformed_file_is_named_with_its_line(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text(text)
    with pytest.raises(DatasetMalformed) as caught:
        open_model(f"replay/{path}")
    assert words in str(caught.value)
    assert str(path) in str(caught.value)


def test_missing_or_unreadable_source_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none.jsonl", tmp_path):
        with pytest.raises(DatasetNotFound, match=str(path)):
            open_model(f"replay/{path}")
    (tmp_path / "x.parquet").write_text("not Parquet")
    with pytest.raises(DatasetMalformed, match=r"x\.parquet"):
        open_model(f"replay/{tmp_path / 'x.parquet'}")
