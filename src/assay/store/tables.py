"""Records as rows of the run folder's Parquet tables, and rows as records again.

The columns are those of docs/run-folder.md, schema version 1. A record whose texts hold lone
surrogates, which Parquet cannot, keeps readable columns and carries itself whole in ``exact``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from assay.records import (
    CallError,
    Message,
    Outcome,
    Request,
    Response,
    Sample,
    Score,
    Timing,
    TokenLogprob,
    ToolCall,
    Usage,
)
from assay.store.encoding import decode, encode, encode_ascii, printable
from assay.store.journal import CallLine, CallLineRaw, Line, SampleLine, ScoreLine

if TYPE_CHECKING:
    import polars as pl

Row = dict[str, Any]

SAMPLES, RESPONSES, SCORES = "samples", "responses", "scores"

_COLUMNS: dict[str, dict[str, str]] = {
    SAMPLES: {
        "sample_id": "str",
        "input": "str",
        "messages": "str",
        "target": "list",
        "choices": "list",
        "metadata": "str",
        "exact": "str",
    },
    RESPONSES: {
        "sample_id": "str",
        "epoch": "i32",
        "call": "i32",
        "digest": "str",
        "request": "str",
        "text": "str",
        "reasoning": "str",
        "tool_calls": "str",
        "finish_reason": "str",
        "input_tokens": "i64",
        "output_tokens": "i64",
        "reasoning_tokens": "i64",
        "cached_tokens": "i64",
        "started": "f64",
        "seconds": "f64",
        "first_token": "f64",
        "attempts": "i32",
        "waited": "f64",
        "logprobs": "str",
        "greedy": "bool",
        "served_by": "str",
        "error_kind": "str",
        "error_message": "str",
        "error_status": "i32",
        "error_outcome": "str",
        "exact": "str",
    },
    SCORES: {
        "sample_id": "str",
        "epoch": "i32",
        "outcome": "str",
        "value": "f64",
        "answer": "str",
        "explanation": "str",
        "trace": "str",
        "values": "str",
        "calls": "i32",
        "digest": "str",
        "messages": "str",
        "exact": "str",
    },
}


def schema(table: str) -> dict[str, pl.DataType]:
    """Column -> polars type of a table."""
    import polars as pl

    types: dict[str, Any] = {
        "str": pl.String(),
        "list": pl.List(pl.String()),
        "i32": pl.Int32(),
        "i64": pl.Int64(),
        "f64": pl.Float64(),
        "bool": pl.Boolean(),
    }
    return {name: types[kind] for name, kind in _COLUMNS[table].items()}


def frame(table: str, rows: Iterable[Row]) -> pl.DataFrame:
    """Rows of a table as a frame with exactly its columns."""
    import polars as pl

    names = list(_COLUMNS[table])
    columns: dict[str, Any] = {name: [] for name in names}
    appends = [(columns[name].append, name) for name in names]
    for row in rows:
        for append, name in appends:
            append(row.get(name))
    types = schema(table)
    for name, kind in _COLUMNS[table].items():
        if kind == "list":  # polars makes a series of every list that it is given; JSON takes an eighth of the time
            texts = [None if value is None else encode(value).decode() for value in columns[name]]
            columns[name] = pl.Series(name, texts, pl.String).str.json_decode(types[name])
    return pl.DataFrame(columns, schema=types)


def row_of(line: Line, *, exact: bool) -> Row:
    """The row of a record; ``exact`` where its texts hold lone surrogates."""
    if isinstance(line, SampleLine):
        row = _sample_row(line.sample)
    elif isinstance(line, CallLine | CallLineRaw):
        row = _call_row(line)
    else:
        row = _score_row(line)
    if exact:
        row = {name: _printable(value) for name, value in row.items()}
        row["exact"] = encode_ascii(line).decode("ascii")
    return row


def sample_of(row: Mapping[str, Any]) -> Sample:
    """The sample of a row."""
    if row["exact"] is not None:
        return decode(row["exact"].encode(), SampleLine).sample
    target = row["target"] or []
    messages = row["messages"]
    return Sample(
        id=row["sample_id"],
        input=row["input"] if messages is None else decode(messages.encode(), tuple[Message, ...]),
        target=target[0] if len(target) == 1 else tuple(target),
        choices=tuple(row["choices"] or ()),
        metadata=decode(row["metadata"].encode(), dict[str, Any]) if row["metadata"] else {},
    )


def call_of(row: Mapping[str, Any]) -> CallLine:
    """The model call of a row."""
    if row["exact"] is not None:
        return decode(row["exact"].encode(), CallLine)
    usage = (row["input_tokens"], row["output_tokens"], row["reasoning_tokens"], row["cached_tokens"])
    return CallLine(
        sample_id=row["sample_id"],
        epoch=row["epoch"],
        call=row["call"],
        digest=row["digest"],
        request=decode(row["request"].encode(), Request),
        response=Response(
            text=row["text"],
            reasoning=row["reasoning"],
            tool_calls=_opened(row["tool_calls"], tuple[ToolCall, ...]) or (),
            finish_reason=row["finish_reason"],
            usage=Usage(*usage) if any(count is not None for count in usage) else None,
            timing=None if row["started"] is None else _timing(row),
            logprobs=_opened(row["logprobs"], tuple[TokenLogprob, ...]),
            greedy=row["greedy"],
            served_by=row["served_by"],
            error=None
            if row["error_kind"] is None
            else CallError(row["error_kind"], row["error_message"], Outcome(row["error_outcome"]), row["error_status"]),
        ),
    )


def score_of(row: Mapping[str, Any]) -> ScoreLine:
    """The finished attempt of a row."""
    if row["exact"] is not None:
        return decode(row["exact"].encode(), ScoreLine)
    return ScoreLine(
        sample_id=row["sample_id"],
        epoch=row["epoch"],
        calls=row["calls"],
        digest=row["digest"],
        messages=_opened(row["messages"], tuple[Message, ...]),
        score=Score(
            outcome=Outcome(row["outcome"]),
            value=row["value"],
            answer=row["answer"],
            explanation=row["explanation"],
            trace=_opened(row["trace"], dict[str, Any]) or {},
            values=_opened(row["values"], dict[str, float]) or {},
        ),
    )


def _sample_row(sample: Sample) -> Row:
    plain = isinstance(sample.input, str)
    return {
        "sample_id": sample.id,
        "input": sample.input if plain else "\n\n".join(m.text for m in sample.messages if m.role == "user"),
        "messages": None if plain else _json(sample.input),
        "target": [sample.target] if isinstance(sample.target, str) else list(sample.target),
        "choices": list(sample.choices),
        "metadata": _json(sample.metadata) if sample.metadata else None,
    }


def _call_row(line: CallLine | CallLineRaw) -> Row:
    response = line.response
    row: Row = {
        "sample_id": line.sample_id,
        "epoch": line.epoch,
        "call": line.call,
        "digest": line.digest,
        "request": _json(line.request),
        "text": response.text,
        "reasoning": response.reasoning,
        "finish_reason": response.finish_reason,
        "greedy": response.greedy,
        "served_by": response.served_by,
    }
    if response.tool_calls:
        row["tool_calls"] = _json(response.tool_calls)
    if response.logprobs is not None:
        row["logprobs"] = _json(response.logprobs)
    if (usage := response.usage) is not None:
        row["input_tokens"], row["output_tokens"] = usage.input_tokens, usage.output_tokens
        row["reasoning_tokens"], row["cached_tokens"] = usage.reasoning_tokens, usage.cached_tokens
    if (timing := response.timing) is not None:
        row["started"], row["seconds"] = timing.started, timing.seconds
        row["first_token"], row["attempts"], row["waited"] = timing.first_token, timing.attempts, timing.waited
    if (error := response.error) is not None:
        row["error_kind"], row["error_message"] = error.kind, error.message
        row["error_status"], row["error_outcome"] = error.status, str(error.outcome)
    return row


def _score_row(line: ScoreLine) -> Row:
    score = line.score
    return {
        "sample_id": line.sample_id,
        "epoch": line.epoch,
        "outcome": str(score.outcome),
        "value": score.value,
        "answer": score.answer,
        "explanation": score.explanation,
        "trace": _json(score.trace) if score.trace else None,
        "values": _json(score.values) if score.values else None,
        "calls": line.calls,
        "digest": line.digest,
        "messages": None if line.messages is None else _json(line.messages),
    }


def _timing(row: Mapping[str, Any]) -> Timing:
    return Timing(row["started"], row["seconds"], row["first_token"], row["attempts"], row["waited"])


def _json(value: Any) -> str:
    return encode(value).decode()


def _opened(text: str | None, kind: Any) -> Any:
    return None if text is None else decode(text.encode(), kind)


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    return [_printable(part) for part in value] if isinstance(value, list) else value
