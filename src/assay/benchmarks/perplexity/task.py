"""Rolling perplexity of a text as a task."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from math import fsum, log
from pathlib import Path
from typing import Any

from assay.benchmarks.files import read_jsonl
from assay.benchmarks.perplexity.cut import Extent, Line, cut, extent
from assay.benchmarks.registry import benchmark
from assay.errors import DatasetMalformed, DatasetNotFound, UsageError
from assay.records import DatasetInfo, Message, Metric, Outcome, Sample, Score, Trajectory
from assay.task import Conversant, Task

_LEAST = 256
"""Bytes of a window: a quarter less, as may come of rounding, is no shorter than the longest unit of cutting."""


@benchmark("perplexity", "bits per byte and per word of your own text file, by a base model")
def perplexity(
    data: Path | None = None,
    column: str = "text",
    window: int = 1024,
    context: int = 2048,
    start: str = "\n",
    offline: bool = False,
) -> Task:
    """How many bits a model needs for each byte of a text.

    Args:
        data: A text file (one document), or JSON Lines (``.jsonl``, a document a row).
        column: The text's name in JSON Lines.
        window: Bytes of a sample, about.
        context: Most characters of the same document that the model reads before a sample; of them nothing
            is scored.
        start: What the model reads in place of a context where a document begins, since a first token has no
            probability otherwise.
        offline: Give a task without samples where there is no data.
    """
    if window < _LEAST:
        raise UsageError(f"perplexity: window={window}: a sample has at least {_LEAST} bytes")
    if context < 0 or not start:
        raise UsageError("perplexity: context is at least 0 characters, start at least one")
    params: dict[str, Any] = {"window": window, "context": context}
    params |= {
        key: value for key, value, usual in (("column", column, "text"), ("start", start, "\n")) if value != usual
    }
    if data is None and offline:
        return _task(lambda: iter(()), params, None, 0)
    source = _file(data)
    whole = extent(_lines(source, column))
    if not whole.words:
        raise DatasetMalformed(f"{source} holds no words")
    count = max(1, round(whole.bytes / window))

    def samples() -> Iterator[Sample]:
        metadata = {"corpus_bytes": whole.bytes, "corpus_words": whole.words, "corpus_samples": count}
        for number, pieces in enumerate(cut(_lines(source, column), whole.bytes, count, context), 1):
            messages = [(Message("user", piece.context or start), Message("assistant", piece.text)) for piece in pieces]
            yield Sample(str(number), tuple(message for pair in messages for message in pair), metadata=metadata)

    return _task(samples, params, _info(source, whole), count)


def _task(
    samples: Callable[[], Iterable[Sample]], params: dict[str, Any], dataset: DatasetInfo | None, count: int
) -> Task:
    return Task(
        name="perplexity",
        version="1",
        samples=samples,
        protocol=_each_piece,
        scorers={"robust": bits_scorer},
        mode="robust",
        metrics=(
            Metric("bits_per_byte", better="lower", scale="number", denominator=(Outcome.SCORED,)),
            Metric(
                "bits_per_word", value="bits_per_word", better="lower", scale="number", denominator=(Outcome.SCORED,)
            ),
        ),
        dataset=dataset,
        params=params,
        size=count,
    )


async def _each_piece(sample: Sample, model: Conversant) -> Trajectory:
    """Ask for the log-likelihood of each text after its context."""
    for context, piece in zip(sample.messages[::2], sample.messages[1::2], strict=True):
        await model.loglikelihood(piece.text, prompt=context.text)
    return model.trajectory(sample.messages)


def bits_scorer(sample: Sample, trajectory: Trajectory) -> Score:
    """Score a sample's bits over a mean sample's bytes and words.

    The mean over all samples is then sum(bits) / sum(bytes) exactly, and likewise for words.
    """
    logprobs = [token.logprob for call in trajectory.calls for token in call.response.logprobs or ()]
    known = [value for value in logprobs if value is not None]
    if not known or len(known) < len(logprobs):
        return Score(Outcome.JUDGE_FAILED, explanation="the server gave no log-probability for some of the tokens")
    bits = -fsum(known) / log(2)
    size = sum(len(message.text.encode()) for message in sample.messages[1::2])
    corpus = sample.metadata
    return Score(
        Outcome.SCORED,
        bits * corpus["corpus_samples"] / corpus["corpus_bytes"],
        explanation=f"{bits:.2f} bits over {len(known)} tokens, {size} bytes",
        trace={"bits": bits, "tokens": len(known), "bytes": size},
        values={"bits_per_word": bits * corpus["corpus_samples"] / corpus["corpus_words"]},
    )


def _file(data: Path | None) -> Path:
    if data is None:
        raise DatasetNotFound("perplexity: --data names your text file, or JSON Lines with a text a row")
    if data.is_dir() or not data.exists():
        raise DatasetNotFound(f"perplexity: no file {data}")
    return data


def _lines(path: Path, column: str) -> Iterator[Line]:
    """The corpus by the line. Raises ``DatasetMalformed``."""
    if path.suffix == ".jsonl":
        for number, row in read_jsonl(path, dict[str, Any]):
            text = row.get(column)
            if not isinstance(text, str):
                raise DatasetMalformed(f"{path}, line {number}: no text {column!r} (-t column=NAME names another)")
            yield from (Line(at == 0, line) for at, line in enumerate(text.splitlines(keepends=True)))
        return
    number = 0
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for number, line in enumerate(file, 1):
                yield Line(number == 1, line)
    except UnicodeDecodeError as error:
        raise DatasetMalformed(f"{path}, after line {number}: not UTF-8 ({error.reason})") from None


def _info(source: Path, whole: Extent) -> DatasetInfo:
    with source.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return DatasetInfo(str(source), digest, notes=(f"{whole.bytes:,} bytes and {whole.words:,} words of text",))
