"""Responses shared between runs, found again by the whole request.

One SQLite file in WAL mode: crash safety that others have proven, several processes at once. The key
covers the model's name, the provider's options (an address is part of who answers), the request, the
epoch and the place among equal requests of one attempt, so that repeats are never copies of one
answer. Off unless asked for: a served model's name says nothing about the checkpoint behind it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from hashlib import blake2b
from pathlib import Path
from time import time
from typing import Literal, NamedTuple

import msgspec

from assay.errors import StorageFailed
from assay.records import Request, Response
from assay.store.encoding import decode, encode

Policy = Literal["off", "deterministic", "all"]

DEFAULT_BYTES = 10 << 30
_SCHEMA = """
create table if not exists responses (
    key blob primary key, model text not null, bytes integer not null, used real not null, response blob not null
) without rowid;
create index if not exists by_use on responses (used);
"""


class CacheSize(NamedTuple):
    """What a cache holds for one model."""

    model: str
    responses: int
    bytes: int


class ResponseCache:
    """Responses by request. Raises ``StorageFailed`` where its file cannot be used."""

    def __init__(self, path: Path, *, policy: Policy = "deterministic", max_bytes: int = DEFAULT_BYTES) -> None:
        self.path = path
        self.policy = policy
        self._max_bytes = max_bytes
        self._since_check = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, isolation_level=None, timeout=30)
            self._db.execute("pragma journal_mode = wal")
            self._db.execute("pragma synchronous = normal")
            self._db.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise StorageFailed(f"cannot use the response cache {path}: {error}") from error

    def takes(self, request: Request) -> bool:
        """Whether the policy lets this request be answered from the cache."""
        if self.policy == "all":
            return True
        certain = request.continuation is not None or request.sampling.temperature == 0
        return self.policy == "deterministic" and certain

    def get(self, key: bytes) -> Response | None:
        """The stored response, or ``None``."""
        with self._failing():
            row = self._db.execute("select response from responses where key = ?", (key,)).fetchone()
            if row is None:
                return None
            self._db.execute("update responses set used = ? where key = ?", (time(), key))
        try:
            return decode(row[0], Response)
        except msgspec.MsgspecError:
            return None

    def put(self, key: bytes, model: str, response: Response) -> None:
        """Keep a response, unless it is an error."""
        if response.error is not None:
            return
        data = encode(response)
        with self._failing():
            self._db.execute(
                "insert or replace into responses values (?, ?, ?, ?, ?)", (key, model, len(data), time(), data)
            )
        self._since_check += len(data)
        if self._since_check > self._max_bytes // 20:
            self._since_check = 0
            self.prune(max_bytes=self._max_bytes)

    def sizes(self) -> list[CacheSize]:
        """What is kept, by model."""
        with self._failing():
            rows = self._db.execute(
                "select model, count(*), sum(bytes) from responses group by model order by sum(bytes) desc"
            )
            return [CacheSize(*row) for row in rows]

    def prune(self, *, max_bytes: int | None = None, unused_for: float | None = None, model: str | None = None) -> int:
        """Drop responses: of a model, unused for so many seconds, the least used above a size. Returns how many."""
        dropped = 0
        with self._failing():
            if model is not None:
                dropped += self._db.execute("delete from responses where model = ?", (model,)).rowcount
            if unused_for is not None:
                dropped += self._db.execute("delete from responses where used < ?", (time() - unused_for,)).rowcount
            if max_bytes is not None:
                dropped += self._drop_least_used(max_bytes)
            if dropped:
                self._db.execute("pragma wal_checkpoint(truncate)")
                self._db.execute("vacuum")
        return dropped

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _drop_least_used(self, max_bytes: int) -> int:
        total = self._db.execute("select coalesce(sum(bytes), 0) from responses").fetchone()[0]
        keys = []
        with closing(self._db.execute("select key, bytes from responses order by used")) as rows:
            for key, size in rows:
                if total <= max_bytes:
                    break
                keys.append((key,))
                total -= size
        self._db.execute("begin")
        self._db.executemany("delete from responses where key = ?", keys)
        self._db.execute("commit")
        return len(keys)

    @contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StorageFailed(f"the response cache {self.path} failed: {error}") from error


def cache_key(digest: str, options: bytes, epoch: int, repeat: int) -> bytes:
    """Key of a response: the request's digest, who answers, and which repeat it is."""
    return blake2b(b"%b\x1f%b\x1f%d\x1f%d" % (digest.encode(), options, epoch, repeat), digest_size=16).digest()
