"""Stored responses served as a model: a run asked again without its server.

``replay/PATH`` reads a run folder (its journal, or ``responses.parquet``), a Parquet file, or a JSON
Lines file. A request is answered by what was stored for the same request, the model's name left out.
Files from elsewhere may name a plain ``prompt`` in place of ``request``: it is compared with the
request's prompt, or its last message's text. Responses stored several times for one request
(repeated attempts) are served one after the other, first epoch first, in each process anew.

Nothing is ever made up: a request without a stored response is an error, and so is one that is made
more often than it was answered. In memory is only an index of 16-byte digests and places; rows are
read when they are asked for (those of a Parquet file from a temporary copy, a line each).
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from array import array
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple
from zlib import crc32

import msgspec
import numpy as np
from msgspec import Struct

from assay.errors import BadRequest, ContentRefused, DatasetMalformed, DatasetNotFound, StorageFailed
from assay.records import (
    CallError,
    Outcome,
    Request,
    Response,
    Timing,
    TokenLogprob,
    ToolCall,
    Usage,
)

OPTIONS: dict[str, str] = {}

_CHECKSUM = 9
"""Bytes before the JSON of a journal's line: eight hexadecimal digits and a space."""
_SLICE = 4096
"""Rows of a Parquet file in memory at once."""


class _Row(Struct):
    """A stored response in any of the forms: a journal's line, a row of ``responses.parquet``, or a plain pair."""

    t: str = "call"
    sample_id: Any = None
    epoch: int | None = None
    call: int | None = None
    request: Request | str | None = None
    prompt: str | None = None
    response: Response | str | None = None
    text: str | None = None
    reasoning: str | None = None
    tool_calls: str | None = None
    finish_reason: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    cached_tokens: int | None = None
    started: float | None = None
    seconds: float | None = None
    first_token: float | None = None
    attempts: int | None = None
    waited: float | None = None
    logprobs: str | None = None
    greedy: bool | None = None
    served_by: str | None = None
    error_kind: str | None = None
    error_message: str | None = None
    error_status: int | None = None
    error_outcome: str | None = None
    exact: str | None = None
    """The whole record as JSON, where the columns could not hold it."""


_COLUMNS = frozenset(_Row.__struct_fields__) - {"t"}


def create(name: str, options: Mapping[str, Any]) -> Replay:
    """The model ``replay/PATH``. Raises ``DatasetNotFound`` or ``DatasetMalformed``."""
    return Replay(name, Path(name.partition("/")[2]))


class Replay:
    """A model that says again what was said."""

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self._path = path
        source = _source(path)
        self._file = _as_lines(source) if source.suffix == ".parquet" else source.open("rb")
        self._index = _Index(source, _entries(source, self._file))

    async def generate(self, request: Request) -> Response:
        """The stored response. Raises ``BadRequest`` where there is none, and what was stored as a failure."""
        span = self._index.next(_digest(request))
        if span is None and request.continuation is None:
            span = self._index.next(_prompt_digest(_prompt(request)))
        if span is None:
            raise BadRequest(f"{self._path} holds no response for this request")
        response = _response(_row(os.pread(self._file.fileno(), span.length, span.offset)))
        if response.error is not None:
            kind = ContentRefused if response.error.outcome is Outcome.REFUSED else BadRequest
            raise kind(response.error.message, status=response.error.status)
        return response

    async def loglikelihood(self, request: Request) -> Response:
        """The stored log-probabilities. Raises as ``generate`` does."""
        return await self.generate(request)

    async def close(self) -> None:
        """Close the file."""
        self._file.close()


class _Span(NamedTuple):
    """Where in the file a row's JSON lies."""

    offset: int
    length: int


class _Entry(NamedTuple):
    """A stored response as the index sees it."""

    digest: bytes
    key: bytes | None
    """Of attempt and call, where the row names them: a later row of the same key replaces an earlier one."""
    epoch: int
    span: _Span


class _Index:
    """Sorted digests of requests, and for each where its responses lie, in the order of serving."""

    def __init__(self, source: Path, entries: Iterable[_Entry]) -> None:
        digests, keys, numbers = bytearray(), bytearray(), array("q")
        for place, entry in enumerate(entries):
            digests += entry.digest
            keys += entry.key or place.to_bytes(16, "big")
            numbers.extend((entry.epoch, *entry.span))
        if not numbers:
            raise DatasetMalformed(f"{source} holds no responses")
        digest = np.frombuffer(digests, "S16")
        table = np.frombuffer(numbers, np.int64).reshape(-1, 3)
        _, latest = np.unique(np.frombuffer(keys, "S16")[::-1], return_index=True)
        kept = np.sort(len(table) - 1 - latest)
        digest, table = digest[kept], table[kept]
        order = np.lexsort((kept, table[:, 0], digest))
        self._digests = digest[order]
        self._spans = table[order, 1:]
        self._served = np.zeros(len(order), np.int32)
        """At a digest's first place: how many of its responses have been served."""

    def next(self, digest: bytes) -> _Span | None:
        """The place of the next response for a request, ``None`` where it has none.

        A request's only response may be served any number of times. Raises ``BadRequest`` where all
        of several have been.
        """
        first = int(np.searchsorted(self._digests, np.bytes_(digest)))
        count = int(np.searchsorted(self._digests, np.bytes_(digest), "right")) - first
        if count == 0:
            return None
        served = int(self._served[first])
        if count > 1:
            if served == count:
                raise BadRequest(f"all {count} stored responses for this request have been served")
            self._served[first] += 1
        offset, length = self._spans[first + (served if count > 1 else 0)]
        return _Span(int(offset), int(length))


def _source(path: Path) -> Path:
    """The file that holds the responses: in a run folder the journal, while there is one."""
    if path.is_dir():
        for file in (path / "journal.jsonl", path / "responses.parquet"):
            if file.is_file():
                return file
        raise DatasetNotFound(f"no responses in {path}: a run folder has a responses.parquet or a journal.jsonl")
    if not path.is_file():
        raise DatasetNotFound(f"no file or folder {path}: replay/PATH names a run folder, a Parquet or a JSONL file")
    return path


def _as_lines(source: Path) -> BinaryIO:
    """The rows of a Parquet file as lines of JSON, in a temporary file that needs no clearing away."""
    import polars as pl

    file = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the model
    try:
        frame = pl.scan_parquet(source)
        names = [name for name in frame.collect_schema().names() if name in _COLUMNS]
        for start in range(0, frame.select(pl.len()).collect().item(), _SLICE):
            for row in frame.select(names).slice(start, _SLICE).collect().iter_rows(named=True):
                file.write(msgspec.json.encode({name: value for name, value in row.items() if value is not None}))
                file.write(b"\n")
        file.seek(0)
    except pl.exceptions.PolarsError as error:
        raise DatasetMalformed(f"{source} cannot be read as Parquet: {error}") from None
    except OSError as error:
        raise StorageFailed(f"no temporary copy of {source} could be written: {error}") from None
    return file


def _entries(source: Path, file: BinaryIO) -> Iterator[_Entry]:
    """What the index needs of each row. Raises ``DatasetMalformed``."""
    journal = source.name == "journal.jsonl"
    end = 0
    for number, line in enumerate(file, 1):
        start, end = end, end + len(line)
        body = line.rstrip()
        if journal:
            body = _checked(line)
            start += _CHECKSUM
        if not body:
            continue
        try:
            row = _row(body)
            if row.t != "call":
                continue
            response, digest = _response(row), _row_digest(row)
        except (ValueError, RecursionError) as error:
            raise DatasetMalformed(f"{source}, line {number}: {error}") from None
        if response.error is not None and response.error.outcome is Outcome.INFRA_FAILED:
            continue  # nothing was answered: the run would have asked again
        key = None
        if row.sample_id is not None and row.epoch is not None:
            key = _hash(f"{row.epoch} {row.call or 0} {row.sample_id}".encode("utf-8", "surrogatepass"))
        yield _Entry(digest, key, row.epoch or 1, _Span(start, len(body)))


def _checked(line: bytes) -> bytes:
    """The JSON of a journal's line; nothing of a torn or damaged one."""
    body = line[_CHECKSUM:-1]
    whole = line.endswith(b"\n") and line[:_CHECKSUM] == b"%08x " % crc32(body)
    return body if whole else b""


def _row(data: bytes) -> _Row:
    try:
        row = msgspec.json.decode(data, type=_Row)
    except msgspec.DecodeError:  # lone surrogates take the standard library
        row = msgspec.convert(json.loads(data), _Row)
    return row if row.exact is None else _row(row.exact.encode())


def _row_digest(row: _Row) -> bytes:
    if isinstance(row.request, str):
        return _digest(msgspec.json.decode(row.request, type=Request))
    if row.request is not None:
        return _digest(row.request)
    if row.prompt is not None:
        return _prompt_digest(row.prompt)
    raise ValueError("neither a request nor a prompt, by which its response could be found")


def _digest(request: Request) -> bytes:
    """Of a request's content, the model's name left out; the same for a request that was stored and read back."""
    request = msgspec.structs.replace(request, model="")
    try:
        request = msgspec.json.decode(msgspec.json.encode(request), type=Request)
        return _hash(msgspec.json.encode(request, order="deterministic"))
    except UnicodeEncodeError:  # lone surrogates
        plain = msgspec.to_builtins(msgspec.convert(msgspec.to_builtins(request), Request))
        return _hash(json.dumps(plain, sort_keys=True).encode())


def _prompt_digest(prompt: str) -> bytes:
    return _hash(b"prompt " + prompt.encode("utf-8", "surrogatepass"))


def _prompt(request: Request) -> str:
    """The plain prompt, or the text of the last message of the user."""
    if request.prompt is not None:
        return request.prompt
    return next((message.text for message in reversed(request.messages) if message.role == "user"), "")


def _hash(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()


def _response(row: _Row) -> Response:
    if isinstance(row.response, Response):
        return row.response
    if row.response is not None:
        return Response(text=row.response)
    if row.text is None and row.error_kind is None:
        raise ValueError("neither a response nor a text")
    usage = Usage(row.input_tokens, row.output_tokens, row.reasoning_tokens, row.cached_tokens)
    timing = None
    if row.started is not None:
        timing = Timing(row.started, row.seconds or 0.0, row.first_token, row.attempts or 1, row.waited or 0.0)
    error = None
    if row.error_kind is not None:
        outcome = Outcome(row.error_outcome or Outcome.MODEL_FAILED)
        error = CallError(row.error_kind, row.error_message or "", outcome, row.error_status)
    return Response(
        text=row.text or "",
        reasoning=row.reasoning,
        tool_calls=msgspec.json.decode(row.tool_calls or "[]", type=tuple[ToolCall, ...]),
        finish_reason=row.finish_reason,
        usage=usage if usage != Usage() else None,
        timing=timing,
        logprobs=msgspec.json.decode(row.logprobs, type=tuple[TokenLogprob, ...]) if row.logprobs else None,
        greedy=row.greedy,
        served_by=row.served_by,
        error=error,
    )
