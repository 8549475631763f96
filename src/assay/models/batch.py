"""A provider's batch API as the way to a model: a file of requests goes out, answers come within a day.

``Batched`` looks like any other model: ``generate`` waits until its answer has come, hours later if need
be. Requests gather until a batch is full or nothing new comes; the batch is handed over and looked at now
and then, and its answers are fetched to the disk, from where each request takes its own. ``batch_api``
knows the provider, ``batch_state`` the disk.

Nothing is paid for twice: a batch is on the disk before the provider begins it, and a request that an
earlier process has put into one waits for that batch. Nor is an answer given twice: requests with equal
bodies (the epochs of a sample) are told apart by number, and an answer counts as taken one turn of the
event loop after ``generate`` has returned it, by when the engine, which journals a reply before it awaits
anything, has it. A process killed in between leaves answers that were journalled but not marked; they
lie in front, since equal requests get their answers in order, and so leftovers are given out from the end.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from copy import copy
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from time import monotonic, time
from typing import Any, BinaryIO

from assay.errors import AssayError, CallFailed, EndpointUnusable, NotSupported, ServerFailed, UsageError
from assay.models import options as option
from assay.models.batch_api import BatchApi
from assay.models.batch_state import BatchRecord, left_over, storage_failed
from assay.models.endpoint import Endpoint
from assay.places import cache_dir
from assay.records import Request, Response, Timing

OPTIONS = {
    "batch": "true to go through the provider's batch API: cheaper, answers within a day (false)",
    "batch_size": "requests in a batch, at most 50000 (10000)",
    "batch_wait": "seconds without a further request after which a batch that is not full goes out (2)",
    "batch_poll": "seconds between looks at a batch, growing to twelve times as many (5)",
    "batch_state": "folder that remembers batches under way; by default in the cache folder",
}

_MOST_REQUESTS = 50_000
_MOST_BYTES = 190_000_000
"""OpenAI takes 50,000 requests and 200 MB."""
_SLICE = 64
"""Requests that get their answers in one turn of the event loop."""


@dataclass(frozen=True)
class Settings:
    """How requests are batched; the options of the same names."""

    folder: Path
    size: int = 10_000
    wait: float = 2.0
    poll: float = 5.0


def settings(options: Mapping[str, Any], base_url: str, model: str) -> Settings | None:
    """What the options ask for; ``None``: no batches. Raises ``UsageError``."""
    if not option.flag(options, "batch", False):
        if given := [key for key in options if key.startswith("batch_")]:
            raise UsageError(f"{given[0]} means nothing without batch=true")
        return None
    if option.flag(options, "stream", False):
        raise UsageError("batch=true and stream=true exclude each other")
    if "," in base_url:
        raise UsageError("batch=true takes one address: a provider spreads a batch over its machines itself")
    size = option.integer(options, "batch_size", 10_000, least=1)
    if size > _MOST_REQUESTS:
        raise UsageError(f"batch_size={size} will not do: a batch holds at most {_MOST_REQUESTS} requests")
    name = blake2b(f"{base_url.rstrip('/')} {model}".encode(), digest_size=8).hexdigest()
    return Settings(
        folder=Path(option.text(options, "batch_state", str(cache_dir() / "batches" / name))),
        size=size,
        wait=option.number(options, "batch_wait", 2.0),
        poll=option.number(options, "batch_poll", 5.0, least=0.001),
    )


class _Lines:
    """Requests being gathered for a batch, on the disk already."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        # Without a name: a killed process leaves none behind.
        self.file: BinaryIO = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        self.names: list[str] = []
        self.bytes = 0
        self.latest = 0.0
        """When the last request joined."""
        self.full = asyncio.Event()
        self._equals: Counter[str] = Counter()

    def add(self, digest: str, path: str, body: bytes) -> str:
        """Add a request; its name in the batch."""
        name = f"{digest}-{self._equals[digest]}"
        line = b'{"custom_id":"%b","method":"POST","url":"/v1/%b","body":%b}\n' % (name.encode(), path.encode(), body)
        self.file.write(line)
        self._equals[digest] += 1
        self.names.append(name)
        self.bytes += len(line)
        self.latest = monotonic()
        return name

    async def quiet(self, seconds: float) -> None:
        """Wait until nothing has joined for so long, or nothing more may."""
        while not self.full.is_set() and (left := self.latest + seconds - monotonic()) > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self.full.wait()


class _Batch:
    """Requests that travel together, and who waits for them."""

    def __init__(self, path: str, *, lines: _Lines | None = None, record: BatchRecord | None = None) -> None:
        self.path = path
        """The service asked, such as ``chat/completions``."""
        self.waiting: dict[str, asyncio.Future[None]] = {}
        self.lines = lines
        """Until they are uploaded."""
        self.record = record
        """From then on."""
        self.carrier: asyncio.Task[None] | None = None

    def close(self) -> None:
        """Let go of everything; a batch with a record lives on at the provider and on the disk."""
        for future in self.waiting.values():
            future.cancel()
        if self.lines is not None:
            self.lines.file.close()
        if self.record is not None:
            self.record.close()


class Batched:
    """A model asked through its provider's batch API.

    Args:
        name: What Assay calls the model.
        endpoint: The server; closed with the model.
        body: The path and the body with which a request would be sent on its own.
        settings: How requests are batched.
    """

    adaptive = False
    """A batch wants its requests at once, not a few to see how fast they are answered."""

    def __init__(
        self, name: str, endpoint: Endpoint, body: Callable[[Request], tuple[str, bytes]], settings: Settings
    ) -> None:
        self.name = name
        self.concurrency = settings.size
        self._endpoint = endpoint
        self._api = BatchApi(endpoint, settings.poll)
        self._body = body
        self._settings = settings
        self._batches: set[_Batch] = set()
        self._gathering: dict[str, _Batch] = {}
        """The batch that takes the next request for a service."""
        self._recorded: dict[Path, _Batch] = {}
        self._left: dict[str, list[tuple[Path, str]]] | None = None
        """Digest of a body -> requests that are in batches and that nobody waits for, oldest first."""
        self._handed: list[tuple[_Batch, str]] = []
        """Answers returned in this turn of the event loop."""
        self._broken: AssayError | None = None

    async def generate(self, request: Request) -> Response:
        """Continue a conversation or a prompt. Raises a ``CallFailed`` subclass, or ``StorageFailed``."""
        if self._broken is not None:
            raise self._broken
        batch, name = self._enter(request)
        try:
            await batch.waiting[name]
        except BaseException:
            self._give_back(batch, name)
            raise
        finally:
            del batch.waiting[name]
        record = batch.record
        assert record is not None
        assert record.ending is not None
        line = record.read(name)
        if not self._handed:
            asyncio.get_running_loop().call_soon(self._mark)
        self._handed.append((batch, name))
        return self._api.reply(line, request.sampling.logprobs, Timing(record.opened.at, record.ending.seconds))

    async def loglikelihood(self, request: Request) -> Response:
        """Batch APIs give no log-probabilities of a prompt. Raises ``NotSupported``."""
        raise self._endpoint.failed(NotSupported, "gives no log-likelihoods in batches: leave batch=true out")

    async def close(self) -> None:
        """Stop looking; batches under way stay with the provider, and the next process finds them.

        Raises ``StorageFailed`` where it could not be kept which answers were taken.
        """
        carriers = [batch.carrier for batch in self._batches if batch.carrier is not None]
        for carrier in carriers:
            carrier.cancel()
        await asyncio.gather(*carriers, return_exceptions=True)
        self._mark()
        for batch in self._batches:
            batch.close()
        await self._endpoint.close()
        if self._broken is not None:
            raise self._broken

    def _enter(self, request: Request) -> tuple[_Batch, str]:
        """A place in a batch that holds the request already, or else in the next one."""
        path, body = self._body(request)
        digest = blake2b(body, digest_size=16).hexdigest()
        batch, name = self._rejoin(digest) or self._join(path, digest, body)
        batch.waiting[name] = asyncio.get_running_loop().create_future()
        if batch.carrier is None or batch.carrier.done():
            batch.carrier = asyncio.create_task(self._carry(batch))
        return batch, name

    def _rejoin(self, digest: str) -> tuple[_Batch, str] | None:
        if self._left is None:
            self._left = {}
            for path, names in left_over(self._settings.folder):
                for name in names:
                    self._left.setdefault(_digest(name), []).append((path, name))
        places = self._left.get(digest, [])
        while places:
            path, name = places.pop()
            batch = self._own(path)
            if batch is not None and batch.record is not None and batch.record.available(name):
                return batch, name
        self._left.pop(digest, None)
        return None

    def _own(self, path: Path) -> _Batch | None:
        if path not in self._recorded and (record := BatchRecord.claim(path)) is not None:
            batch = self._recorded[path] = _Batch(record.opened.url.removeprefix("/v1/"), record=record)
            self._batches.add(batch)
        return self._recorded.get(path)

    def _join(self, path: str, digest: str, body: bytes) -> tuple[_Batch, str]:
        batch = self._gathering.get(path)
        if batch is not None and batch.lines is not None and batch.lines.bytes + len(body) > _MOST_BYTES:
            self._seal(batch)
            batch = None
        try:
            if batch is None:
                batch = self._gathering[path] = _Batch(path, lines=_Lines(self._settings.folder))
                self._batches.add(batch)
            assert batch.lines is not None
            name = batch.lines.add(digest, path, body)
        except OSError as error:
            raise storage_failed(error, self._settings.folder) from error
        if len(batch.lines.names) >= self._settings.size:
            self._seal(batch)
        return batch, name

    def _seal(self, batch: _Batch) -> None:
        """Let nothing more into a batch."""
        if batch.lines is not None:
            batch.lines.full.set()
        if self._gathering.get(batch.path) is batch:
            del self._gathering[batch.path]

    def _give_back(self, batch: _Batch, name: str) -> None:
        """Nobody waits for this answer any more, but it may come all the same."""
        record = batch.record
        if self._left is not None and record is not None and record.path in self._recorded and record.available(name):
            self._left.setdefault(_digest(name), []).append((record.path, name))

    def _mark(self) -> None:
        """Put on the disk which answers were taken."""
        handed, self._handed = self._handed, []
        names: dict[_Batch, list[str]] = {}
        for batch, name in handed:
            names.setdefault(batch, []).append(name)
        try:
            for batch, taken in names.items():
                assert batch.record is not None
                batch.record.taken(taken)
                self._tidy(batch, batch.record)
        except AssayError as error:  # nobody up there would see it; the next request tells
            self._broken = error

    def _tidy(self, batch: _Batch, record: BatchRecord) -> None:
        if record.exhausted:
            self._forget(batch, record)

    def _forget(self, batch: _Batch, record: BatchRecord) -> None:
        self._batches.discard(batch)
        self._recorded.pop(record.path, None)
        record.forget()

    async def _carry(self, batch: _Batch) -> None:
        """Take a batch from where it stands to its answers; what stops it, fails all who wait for it."""
        try:
            if batch.lines is not None:
                await self._hand_over(batch, batch.lines)
            record = batch.record
            assert record is not None
            if record.batch is None:
                await self._recover(batch, record)
            if record.ending is None:
                await self._fetch(batch, record)
            if record.answers is None:
                await asyncio.to_thread(record.index)
            await self._deliver(batch, record)
        except Exception as failure:  # whatever it is: they must not wait for ever
            if batch.lines is not None:
                batch.lines.file.close()
                self._batches.discard(batch)
            for future in batch.waiting.values():
                if not future.done():
                    # One for each: an exception that many tasks raise collects all their tracebacks.
                    future.set_exception(copy(failure))

    async def _hand_over(self, batch: _Batch, lines: _Lines) -> None:
        await lines.quiet(self._settings.wait)
        self._seal(batch)
        folder = self._settings.folder
        try:
            lines.file.flush()
        except OSError as error:
            raise storage_failed(error, folder) from error
        file = await self._api.upload(lines.file)
        record = batch.record = BatchRecord.create(folder, f"/v1/{batch.path}", file, lines.names)
        self._recorded[record.path] = batch
        batch.lines = None
        lines.file.close()
        try:
            record.named(await self._api.create(file, record.opened.url, record.opened.at))
        except CallFailed as failure:
            if not failure.retryable:  # else it may exist all the same
                self._forget(batch, record)
            raise

    async def _recover(self, batch: _Batch, record: BatchRecord) -> None:
        """Learn whether a batch exists that was about to be created when its process, or the connection, broke."""
        found = await self._api.find(record.opened.file, record.opened.at)
        if found is None:
            self._forget(batch, record)
            raise self._endpoint.failed(ServerFailed, "never got the batch that this request was in")
        record.named(found)

    async def _fetch(self, batch: _Batch, record: BatchRecord) -> None:
        """Wait for a batch's end, and put its answers on the disk."""
        assert record.batch is not None
        try:
            ended = await self._api.ended(record.batch)
        except EndpointUnusable as failure:
            if failure.status != 404:
                raise
            words = f"knows no batch {record.batch}: check the key, or remove {record.path} to have it asked again"
            raise self._endpoint.failed(EndpointUnusable, words, status=404) from None
        if ended.status == "failed" and not (ended.output_file_id or ended.error_file_id):
            self._forget(batch, record)
            raise self._api.rejected(ended)
        await self._api.download(ended, record.answers_path)
        seconds = ended.seconds
        record.answered(ended.status or "", max(0.0, time() - record.opened.at) if seconds is None else seconds)

    async def _deliver(self, batch: _Batch, record: BatchRecord) -> None:
        """Wake those who wait, in the order of their requests."""
        assert record.answers is not None
        assert record.ending is not None
        answers = record.answers
        words = f"ended the batch {record.batch} ({record.ending.status}) without an answer to this request"
        while waiting := [name for name, future in batch.waiting.items() if not future.done()]:
            waiting.sort(key=lambda name: answers[name].number if name in answers else -1)
            for number, name in enumerate(waiting, 1):
                future = batch.waiting.get(name)
                if future is None or future.done():  # cancelled in between
                    continue
                if name in answers:
                    future.set_result(None)
                else:
                    future.set_exception(self._endpoint.failed(ServerFailed, words))
                if number % _SLICE == 0:
                    await asyncio.sleep(0)
        self._tidy(batch, record)


def _digest(name: str) -> str:
    return name.partition("-")[0]
