"""Batches on disk: what a provider was given to do, and which of its answers were taken since.

A batch is a file of JSON lines. The first says which requests it holds, by their ids (digests, no text
and no key), and is on the disk before the provider is told to begin; the others are appended as things
happen: the batch has a name, its answers have come (they lie beside it, as the provider sent them),
some were taken. A torn last line is as good as none. Both files go when the last answer was taken.

The invariant: a batch belongs to the process that holds the lock of its file, so two processes never
wait for the same answer, and a killed one gives back what it had.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import time, time_ns
from typing import BinaryIO, NamedTuple

import msgspec
from msgspec import Struct

from assay.errors import StorageFailed
from assay.models.openai_wire import load

_SUFFIX = ".batch"
_KEPT_SECONDS = 30 * 86400.0
"""Providers keep answers for about so long; what nobody asked for by then is forgotten here too."""


class Opened(Struct, frozen=True, tag="opened", tag_field="t"):
    """The requests have been uploaded; the batch is about to be created."""

    url: str
    """Which of the provider's services does the work, such as ``/v1/chat/completions``."""
    file: str
    """The provider's name of the uploaded file."""
    at: float
    """Unix time."""
    ids: list[str]


class Named(Struct, frozen=True, tag="named", tag_field="t"):
    """The batch exists at the provider."""

    batch: str


class Answered(Struct, frozen=True, tag="answered", tag_field="t"):
    """The batch has ended, and what it brought is on the disk."""

    status: str
    seconds: float
    """From creating the batch to its end."""


class Taken(Struct, frozen=True, tag="taken", tag_field="t"):
    """Answers that somebody got."""

    ids: list[str]


class Place(NamedTuple):
    """Where an answer lies."""

    number: int
    """Of its request in the batch."""
    offset: int
    length: int


class _Id(Struct):
    custom_id: str = ""


_line = msgspec.json.Decoder(Opened | Named | Answered | Taken)
_id = msgspec.json.Decoder(_Id)


class BatchRecord:
    """A batch that this process owns. Every method raises ``StorageFailed`` where the disk fails."""

    def __init__(self, path: Path, fd: int, opened: Opened) -> None:
        self.path = path
        self.opened = opened
        self.batch: str | None = None
        """The provider's name of it; ``None``: not known to exist."""
        self.ending: Answered | None = None
        self.answers: dict[str, Place] | None = None
        """By request; ``None`` until ``index`` has read them."""
        self._fd = fd
        self._taken: set[str] = set()
        self._file: BinaryIO | None = None

    @property
    def answers_path(self) -> Path:
        """Where the answers lie."""
        return self.path.with_suffix(".answers")

    @classmethod
    def create(cls, folder: Path, url: str, file: str, ids: list[str]) -> BatchRecord:
        """A new batch, on the device before this returns."""
        opened = Opened(url, file, time(), ids)
        path = folder / f"{time_ns():020}-{os.getpid()}{_SUFFIX}"
        draft = path.with_suffix(".draft")
        with _failing(path):
            folder.mkdir(parents=True, exist_ok=True)
            fd = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _write(fd, msgspec.json.encode(opened) + b"\n")
                os.fsync(fd)
                draft.rename(path)
                _sync_folder(folder)
            except BaseException:
                os.close(fd)
                draft.unlink(missing_ok=True)
                raise
        return cls(path, fd, opened)

    @classmethod
    def claim(cls, path: Path) -> BatchRecord | None:
        """The batch in this file; ``None`` where another process owns it or has finished it."""
        with _failing(path):
            try:
                fd = os.open(path, os.O_RDWR | os.O_APPEND)
            except FileNotFoundError:
                return None
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                data = path.read_bytes()
                opened = _opened(path, data)
                if not data.endswith(b"\n"):
                    _write(fd, b"\n")
            except (BlockingIOError, FileNotFoundError):
                os.close(fd)
                return None
            except BaseException:
                os.close(fd)
                raise
        record = cls(path, fd, opened)
        for line in _later(data):
            if isinstance(line, Named):
                record.batch = line.batch
            elif isinstance(line, Answered) and record.answers_path.exists():
                record.ending = line
            elif isinstance(line, Taken):
                record._taken.update(line.ids)
        return record

    def named(self, batch: str) -> None:
        """The batch exists."""
        self.batch = batch
        self._append(Named(batch), sync=True)

    def answered(self, status: str, seconds: float) -> None:
        """The batch has ended and its answers lie at ``answers_path``."""
        self.ending = Answered(status, seconds)
        self._append(self.ending, sync=True)

    def taken(self, ids: list[str]) -> None:
        """Somebody got these answers: they are not given out again."""
        self._taken.update(ids)
        self._append(Taken(ids), sync=False)

    def index(self) -> None:
        """Find each request's answer; lines that are no JSON belong to nobody."""
        numbers = {name: number for number, name in enumerate(self.opened.ids)}
        answers: dict[str, Place] = {}
        offset = 0
        with _failing(self.answers_path), self.answers_path.open("rb") as file:
            for line in file:
                name = _id_of(line)
                if name in numbers:
                    answers.setdefault(name, Place(numbers[name], offset, len(line)))
                offset += len(line)
        self.answers = answers  # all at once: this may be another thread than the one that looks

    def read(self, name: str) -> bytes:
        """The line that answers a request."""
        assert self.answers is not None
        with _failing(self.answers_path):
            if self._file is None:
                self._file = self.answers_path.open("rb")
            return os.pread(self._file.fileno(), self.answers[name].length, self.answers[name].offset)

    def available(self, name: str) -> bool:
        """Whether somebody can still get this request's answer here."""
        return name not in self._taken and (self.answers is None or name in self.answers)

    @property
    def exhausted(self) -> bool:
        """Whether there is nothing left to get."""
        return self.answers is not None and self._taken.issuperset(self.answers)

    def forget(self) -> None:
        """Remove the batch and give it back."""
        with _failing(self.path):
            for suffix in (".partial", ".answers", _SUFFIX):
                self.path.with_suffix(suffix).unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Give the batch back: another process may go on with it."""
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _append(self, line: Named | Answered | Taken, *, sync: bool) -> None:
        with _failing(self.path):
            _write(self._fd, msgspec.json.encode(line) + b"\n")
            if sync:
                os.fdatasync(self._fd)


def left_over(folder: Path) -> Iterator[tuple[Path, list[str]]]:
    """Each batch in a folder, oldest first, with the requests whose answers nobody has taken.

    Those of other processes are among them; ``BatchRecord.claim`` tells. Raises ``StorageFailed``.
    """
    for path in sorted(folder.glob(f"*{_SUFFIX}")):
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise storage_failed(error, path) from error
        opened = _opened(path, data)
        if opened.at < time() - _KEPT_SECONDS:
            if (record := BatchRecord.claim(path)) is not None:
                record.forget()
            continue
        taken = {name for line in _later(data) if isinstance(line, Taken) for name in line.ids}
        yield path, [name for name in opened.ids if name not in taken]


def storage_failed(error: OSError, path: Path) -> StorageFailed:
    """The one-line error for a failing disk."""
    return StorageFailed(f"cannot keep batches in {path}: {error.strerror or error}; batch_state=FOLDER names another")


@contextmanager
def _failing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise storage_failed(error, path) from error


def _opened(path: Path, data: bytes) -> Opened:
    with suppress(msgspec.DecodeError):
        first = _line.decode(data.partition(b"\n")[0])
        if isinstance(first, Opened):
            return first
    raise StorageFailed(f"{path} is damaged: remove it, and what its batch was to answer is asked again")


def _later(data: bytes) -> Iterable[Opened | Named | Answered | Taken]:
    for line in data.split(b"\n")[1:]:
        with suppress(msgspec.DecodeError):
            yield _line.decode(line)


def _id_of(line: bytes) -> str:
    try:
        return _id.decode(line).custom_id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return msgspec.convert(load(line), _Id).custom_id
    except (msgspec.ValidationError, ValueError, RecursionError):
        return ""


def _write(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
