"""Perplexity of a text: every byte in exactly one sample, and the corpus' own number as their mean."""

from __future__ import annotations

import json
from collections.abc import Iterator
from math import log
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.benchmarks.perplexity.cut import LONGEST, Line, cut, extent
from assay.benchmarks.registry import load_task
from assay.engine.endpoint import Endpoint
from assay.engine.gate import Gate
from assay.engine.job import Job, Plan
from assay.engine.run import execute
from assay.errors import DatasetMalformed, DatasetNotFound, UsageError
from assay.measure.metrics import estimates
from assay.models.registry import open_model
from assay.records import Outcome, Score, Trajectory
from assay.store.frames import attempts
from tests.engine.support import QUICK
from tests.models.echo_server import echo_server, nats
from tests.models.fault_server import FaultServer

VERSE = "A tide came in, a tide went out;\nthe crab walked sideways all about.\n\n"


def lines_of(documents: list[str]) -> Iterator[Line]:
    for document in documents:
        yield from (Line(at == 0, line) for at, line in enumerate(document.splitlines(keepends=True)))


@given(st.lists(st.text(st.sampled_from("abéß漢 \n\t"), max_size=900), min_size=1, max_size=6), st.integers(0, 40))
def test_every_byte_is_in_one_sample_and_samples_are_equal(documents: list[str], context: int) -> None:
    whole = extent(lines_of(documents))
    assert whole == (sum(len(d.encode()) for d in documents), sum(len(d.split()) for d in documents))
    count = max(1, round(whole.bytes / 256))
    samples = list(cut(lines_of(documents), whole.bytes, count, context)) if whole.bytes else []
    pieces = [piece for sample in samples for piece in sample]
    assert "".join(piece.text for piece in pieces) == "".join(documents)
    assert len(samples) == (count if whole.bytes else 0)
    for sample in samples:
        assert abs(sum(len(piece.text.encode()) for piece in sample) - whole.bytes / count) < LONGEST
    done = ""
    for piece in pieces:  # a context is what stands before the piece in its document, and no more than was asked for
        assert len(piece.context) <= context
        assert done.endswith(piece.context)
        done += piece.text


def test_a_context_stays_inside_its_document_and_begins_with_a_word() -> None:
    documents = ["one two three " * 30, "uno due tre " * 30]
    whole = extent(lines_of(documents))
    samples = list(cut(lines_of(documents), whole.bytes, 3, 20))
    assert [[piece.context for piece in sample] for sample in samples] == [
        [""],
        [" three one two three", ""],
        [" uno due tre uno due"],
    ]


async def test_the_mean_over_samples_is_the_corpus_own_number(tmp_path: Path) -> None:
    """Documents of very different length: a mean over documents or over uneven windows would be another number."""
    documents = [VERSE * 12, "Short.", "Shells, sand; weed and stone. " * 40, "No more"]
    path = tmp_path / "my.jsonl"
    path.write_text("".join(json.dumps({"body": text}) + "\n" for text in documents), "utf-8")
    task = load_task("perplexity", data=path, params={"column": "body", "window": 256, "context": 64, "start": "."})
    samples = list(task.samples())
    assert task.size == len(samples) > 5

    async with FaultServer(echo_server()) as server:
        model = open_model("openai/base", {"base_url": server.url, "loglikelihood": "echo"})
        await execute([(Job(Plan(task, "openai/base", tmp_path / "run")), Endpoint(model, Gate(4), QUICK))])
        await model.close()
    assert len(server.received) == sum(len(sample.messages) // 2 for sample in samples)
    total = sum(nats(c.text, t.text) for s in samples for c, t in zip(s.messages[::2], s.messages[1::2], strict=True))
    bits = -total / log(2)
    frame = attempts(tmp_path / "run", values=True)
    found = {e.metric: e for e in estimates(frame, task.metrics, cluster=None)}
    assert found["bits_per_byte"].value == pytest.approx(bits / sum(len(text) for text in documents), rel=1e-12)
    assert found["bits_per_word"].value == pytest.approx(bits / sum(len(text.split()) for text in documents), rel=1e-12)
    assert found["bits_per_byte"].method.startswith("t over samples")
    assert found["bits_per_byte"].better == "lower"
    assert task.dataset is not None
    assert task.dataset.notes == (f"{sum(map(len, documents)):,} bytes and 371 words of text",)


def test_a_text_file_is_one_document_that_begins_after_a_line_break(tmp_path: Path) -> None:
    path = tmp_path / "my.txt"
    path.write_bytes(b"\xef\xbb\xbf" + (VERSE.replace("\n", "\r\n") * 8).encode())
    samples = list(load_task("perplexity", data=path, params={"window": 256}).samples())
    texts = [message.text for sample in samples for message in sample.messages[1::2]]
    assert "".join(texts) == VERSE.replace("\n", "\r\n") * 8
    assert [len(sample.messages) for sample in samples] == [2] * len(samples)
    assert samples[0].messages[0].text == "\n"
    assert samples[1].messages[0].text == texts[0]
    started = load_task("perplexity", data=path, params={"start": "<s>"})
    assert next(iter(started.samples())).messages[0].text == "<s>"
    assert started.params["start"] == "<s>"


def test_a_token_without_a_number_is_no_verdict_about_the_model(tmp_path: Path) -> None:
    path = tmp_path / "my.txt"
    path.write_text(VERSE)
    task = load_task("perplexity", data=path)
    score = task.scorers["robust"](next(iter(task.samples())), Trajectory("1", 1, (), ()))
    assert isinstance(score, Score)
    assert (score.outcome, score.value) == (Outcome.JUDGE_FAILED, None)


@pytest.mark.parametrize(
    ("name", "content", "params", "error", "problem"),
    [
        ("my.txt", b"caf\xe9 ", {}, DatasetMalformed, "not UTF-8"),
        ("my.txt", b" \n\n", {}, DatasetMalformed, "holds no words"),
        ("my.jsonl", b'{"text": "a"}\n{"body": "b"}\n', {}, DatasetMalformed, "line 2: no text 'text'"),
        ("my.txt", b"word", {"window": 100}, UsageError, "at least 256 bytes"),
        ("my.txt", b"word", {"context": -1}, UsageError, "at least 0"),
        ("other.txt", None, {}, DatasetNotFound, "no file"),
    ],
)
def test_what_will_not_do_is_said(
    tmp_path: Path, name: str, content: bytes | None, params: dict[str, Any], error: type[Exception], problem: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(error, match=problem):
        load_task("perplexity", data=tmp_path / name, params=params)
    with pytest.raises(DatasetNotFound, match="--data"):
        load_task("perplexity")
    assert list(load_task("perplexity", offline=True).samples()) == []
