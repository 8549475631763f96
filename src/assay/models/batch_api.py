"""A provider's batch API as OpenAI has it: files go up, batches are created and looked at, answers come down.

What a provider says about a batch is about the transport, never about one request: it leaves here as a
failure of the infrastructure, so that no request is held to be bad because its batch was. Steps are
repeated while they fail in a way that may pass; creating a batch, which costs money, only after the
provider was asked whether the last try did not succeed after all.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from time import monotonic
from typing import Any, BinaryIO, TypeVar

import msgspec
from msgspec import Struct

from assay.errors import CallFailed, ConnectionFailed, EndpointUnusable, RateLimited, ServerFailed
from assay.models.batch_state import storage_failed
from assay.models.endpoint import Endpoint, explain
from assay.models.openai_wire import encode, load, read, response
from assay.records import Outcome, Response, Timing

PATIENCE = 300.0
"""Seconds for which handing a batch over is tried while the provider fails."""
LOOK_PATIENCE = 3600.0
"""The same once the provider has it: waiting loses nothing."""
FIRST_CONTACT = 20.0
"""The same while the provider has never answered and refuses connections."""

_WINDOW = "24h"
_ENDED = ("completed", "expired", "cancelled", "failed")
_QUEUE_FULL = frozenset(("token_limit_exceeded", "rate_limit_exceeded"))
_QUEUE_FULL_WAIT = 60.0
_NO_API = (404, 405, 501)
_GONE = (404, 410)
_CLOCKS_DIFFER = 3600.0
_ID = re.compile(r"(?!\.+$)[\w.:+=-]{1,1024}", re.ASCII)

T = TypeVar("T")


class Document(Struct):
    """A file or a batch as the provider describes it."""

    id: str
    status: str | None = None
    input_file_id: str | None = None
    output_file_id: str | None = None
    error_file_id: str | None = None
    errors: Any = None
    """At OpenAI ``{"data": [{"code": ..., "message": ..., "line": ...}, ...]}``."""
    created_at: Any = None
    """This and the following at OpenAI in whole seconds."""
    completed_at: Any = None
    expired_at: Any = None
    cancelled_at: Any = None

    @property
    def seconds(self) -> float | None:
        """From creating the batch to its end, by the provider's clock."""
        began, end = self.created_at, self.completed_at or self.expired_at or self.cancelled_at
        return max(0.0, float(end - began)) if isinstance(began, int) and isinstance(end, int) else None


class _Page(Struct):
    data: list[Document]
    has_more: bool | None = None


class _Reply(Struct):
    status_code: int | None = None
    body: msgspec.Raw = msgspec.Raw(b"null")


class _Answer(Struct):
    response: _Reply | None = None
    error: Any = None


class BatchApi:
    """The batch API of one server.

    Every method raises ``CallFailed`` subclasses whose outcome is ``infra_failed``.

    Args:
        endpoint: The server.
        poll: Seconds between two looks; they grow to twelve times as many, and so do waits after failures.
    """

    def __init__(self, endpoint: Endpoint, poll: float) -> None:
        self._endpoint = endpoint
        self._poll = poll
        self._met = False

    async def upload(self, lines: BinaryIO) -> str:
        """Upload the requests; the name of their file."""

        async def upload() -> Document:
            data = await self._endpoint.upload("files", _reader(lines), "batch.jsonl", purpose="batch")
            return self._document(data)

        try:
            return (await self._patiently(upload, PATIENCE)).id
        except EndpointUnusable as failure:
            if failure.status not in _NO_API:
                raise
            words = f"has no batch API (uploading a file: {failure.status}): leave batch=true out"
            raise self._endpoint.failed(EndpointUnusable, words, status=failure.status) from None

    async def create(self, file: str, url: str, since: float) -> str:
        """Have the requests in a file answered by the service at ``url``; the batch's name.

        A retryable failure leaves open whether the batch exists; ``find`` tells.
        """
        wanted = encode({"input_file_id": file, "endpoint": url, "completion_window": _WINDOW})
        sent = False

        async def create() -> str:
            nonlocal sent
            if sent and (found := await self._surely_find(file, since)) is not None:
                return found
            sent = True
            return self._document(await self._endpoint.post("batches", wanted)).id

        return await self._patiently(create, PATIENCE)

    async def find(self, file: str, since: float) -> str | None:
        """The batch that was made of a file after a moment (Unix time), or ``None``."""
        return await self._patiently(lambda: self._find(file, since), PATIENCE)

    async def ended(self, batch: str) -> Document:
        """Wait until a batch has ended; its ``status`` tells how."""

        async def look() -> Document:
            return self._document(await self._endpoint.get(f"batches/{batch}"))

        for wait in self._waits():
            found = await self._patiently(look, LOOK_PATIENCE)
            found.status = (found.status or "").lower()
            if found.status in _ENDED:
                break
            await asyncio.sleep(wait)
        return found

    async def download(self, ended: Document, path: Path) -> None:
        """Put all that a batch brought into one file, as a whole or not at all. Raises ``StorageFailed``, too."""
        draft = path.with_suffix(".partial")

        async def download() -> None:
            with draft.open("wb") as file:
                for name in (ended.output_file_id, ended.error_file_id):
                    if name:
                        await self._append(self._checked(name), file, path)
                file.flush()
                await asyncio.to_thread(os.fsync, file.fileno())

        try:
            await self._patiently(download, LOOK_PATIENCE)
            draft.replace(path)
        except OSError as error:
            raise storage_failed(error, path) from error
        finally:
            draft.unlink(missing_ok=True)

    def rejected(self, ended: Document) -> CallFailed:
        """Why a batch was not even begun."""
        errors = ended.errors.get("data") if isinstance(ended.errors, dict) else ended.errors
        first, *others = errors if isinstance(errors, list) and errors else [errors or "it does not say why"]
        reason, codes = explain(first)
        words = f"rejects the batch {ended.id}{f' for {len(others) + 1} reasons' if others else ''}: {reason}"
        if codes & _QUEUE_FULL:
            words = f"{words}; a smaller batch_size may fit"
            return self._endpoint.failed(RateLimited, words, retry_after=_QUEUE_FULL_WAIT)
        return self._endpoint.failed(EndpointUnusable, words)

    def reply(self, line: bytes, alternatives: int | None, timing: Timing) -> Response:
        """The response in a line of a batch's answers.

        Raises the failure that the line reports, which is about this request: any ``CallFailed`` subclass.
        """
        status, body, error = _parts(line)
        if status is not None and status >= 300:
            raise self._endpoint.reported(_loosely(body), status)
        if error:
            code = error.get("code") if isinstance(error, dict) else None
            raise self._endpoint.reported(error, code if isinstance(code, int) and 400 <= code < 600 else None)
        return response(read(body, self._endpoint), alternatives, timing, self._endpoint)

    async def _find(self, file: str, since: float) -> str | None:
        query = {"limit": "100"}
        while True:
            try:
                page = self._read(await self._endpoint.get("batches", query), _Page)
            except CallFailed as failure:
                if failure.status in _NO_API:  # it cannot be asked
                    return None
                raise
            for found in page.data:
                if found.input_file_id == file:
                    return self._checked(found.id)
            oldest = page.data[-1] if page.data and page.has_more else None
            if oldest is None or not isinstance(oldest.created_at, int) or oldest.created_at < since - _CLOCKS_DIFFER:
                return None
            query["after"] = oldest.id

    async def _surely_find(self, file: str, since: float) -> str | None:
        """The same, where nothing but an answer settles whether the batch exists."""
        try:
            return await self._find(file, since)
        except EndpointUnusable as failure:
            raise ServerFailed(str(failure), status=failure.status) from None

    async def _append(self, name: str, file: BinaryIO, path: Path) -> None:
        try:
            async with self._endpoint.download(f"files/{name}/content") as chunks:
                async for chunk in chunks:
                    try:
                        file.write(chunk)
                    except OSError as error:  # which the connection would take for its own
                        raise storage_failed(error, path) from error
            file.write(b"\n")
        except CallFailed as failure:
            if failure.status not in _GONE:  # what the provider has deleted is no answer, and is asked again
                raise

    async def _patiently(self, step: Callable[[], Awaitable[T]], patience: float) -> T:
        """Do a step, again while it fails in a way that may pass."""
        began = monotonic()
        for wait in self._waits():
            try:
                result = await step()
            except CallFailed as failure:
                never_met = not self._met and isinstance(failure, ConnectionFailed)
                wait = max(wait, failure.retry_after or 0.0)
                left = began + (FIRST_CONTACT if never_met else patience) - monotonic()
                if not failure.retryable or wait > left:
                    raise _of_transport(failure) from None
            else:
                self._met = True
                return result
            await asyncio.sleep(wait)
        raise AssertionError("waits never end")

    def _waits(self) -> Iterator[float]:
        wait = self._poll
        while True:
            yield wait
            wait = min(self._poll * 12, wait * 1.5)

    def _document(self, data: bytes) -> Document:
        document = self._read(data, Document)
        self._checked(document.id)
        return document

    def _checked(self, name: str) -> str:
        """A name that goes into an address. Raises ``ServerFailed`` for one that would lead elsewhere."""
        if not _ID.fullmatch(name):
            raise self._endpoint.failed(ServerFailed, f"gives something the name {name!r}, which is none")
        return name

    def _read(self, data: bytes, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(data, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise self._endpoint.failed(ServerFailed, f"sent a document that no batch API sends ({error})") from None


def _reader(file: BinaryIO) -> BinaryIO:
    """The file from its beginning, for somebody who closes what he is given."""
    file.seek(0)
    return open(file.fileno(), "rb", closefd=False)


def _of_transport(failure: CallFailed) -> CallFailed:
    if failure.outcome is Outcome.INFRA_FAILED:
        return failure
    return EndpointUnusable(str(failure), status=failure.status)


def _parts(line: bytes) -> tuple[int | None, bytes, Any]:
    """An answer's status, body and error."""
    try:
        answer = msgspec.json.decode(line, type=_Answer)
        reply = answer.response or _Reply()
        return reply.status_code, bytes(reply.body), answer.error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    loose = _loosely(line)
    fields = loose if isinstance(loose, dict) else {}
    inner = fields.get("response")
    inner = inner if isinstance(inner, dict) else {}
    status = inner.get("status_code")
    return status if isinstance(status, int) else None, json.dumps(inner.get("body")).encode(), fields.get("error")


def _loosely(data: bytes) -> Any:
    """JSON as servers send it, or the text that it is instead."""
    try:
        return load(data)
    except (ValueError, RecursionError):
        return data.decode("utf-8", "replace")
