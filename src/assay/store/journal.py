r"""The journal: an append-only file, one line a record, written before the record is counted.

A line is the CRC-32 of its JSON in eight hexadecimal digits, a space, the JSON, and ``\n``. The
invariant: every byte range between two newlines is either a whole record or recognisably none. So a
process killed at any moment leaves at most one torn line, damage anywhere costs only the lines that
it touches (a newline belongs to both its neighbours), and reading needs no state. Each append is one
``write`` to the kernel: it survives the process; ``sync`` makes it survive the machine.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

import msgspec

from assay.errors import StorageFailed
from assay.records import Message, Request, Response, Sample, Score
from assay.store.encoding import decode, encode

RESERVE_BYTES = 1 << 20
"""Kept beside the journal and given up when the disk is full, so that replies in flight still fit."""


class SampleLine(msgspec.Struct, frozen=True, tag="sample", tag_field="t"):
    """A sample, before its first call."""

    sample: Sample


class CallLine(msgspec.Struct, frozen=True, tag="call", tag_field="t"):
    """A finished model call."""

    sample_id: str
    epoch: int
    call: int
    digest: str
    request: Request
    response: Response


class CallLineRaw(msgspec.Struct, frozen=True, tag="call", tag_field="t"):
    """A ``CallLine`` whose request is already JSON."""

    sample_id: str
    epoch: int
    call: int
    digest: str
    request: msgspec.Raw
    response: Response


class ScoreLine(msgspec.Struct, frozen=True, tag="score", tag_field="t", omit_defaults=True):
    """An attempt is finished."""

    sample_id: str
    epoch: int
    calls: int
    digest: str
    score: Score
    messages: tuple[Message, ...] | None = None


Line = SampleLine | CallLine | CallLineRaw | ScoreLine

KINDS = {"sample": b'{"t":"sample"', "call": b'{"t":"call"', "score": b'{"t":"score"'}
"""How the JSON of each kind of line begins: lets a reader pass over the others unread."""


_BEGINNINGS = tuple(KINDS.values())
_parser: msgspec.json.Decoder[SampleLine | CallLine | ScoreLine] = msgspec.json.Decoder(
    SampleLine | CallLine | ScoreLine
)
_closed_parser: msgspec.json.Decoder[SampleLine | CallLineRaw | ScoreLine] = msgspec.json.Decoder(
    SampleLine | CallLineRaw | ScoreLine
)

FRAME_BYTES = 10
"""What a line adds to its JSON: the checksum, a space and the newline."""


class Damage(NamedTuple):
    """What could not be read."""

    lines: int
    bytes: int

    def __str__(self) -> str:
        return f"{self.lines} damaged or torn line(s), {self.bytes} bytes"


class JournalWriter:
    """Appends lines to a journal. One writer at a time; the run folder's lock sees to that."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._reserve = path.with_suffix(".reserve")
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
            self._end = os.fstat(self._fd).st_size
            if self._end and os.pread(self._fd, 1, self._end - 1) != b"\n":
                self._append(b"\n")  # closes the torn line of a killed process; the line itself stays unreadable
        except OSError as error:
            raise storage_failed(error, path) from error
        self._hold_reserve()

    def write(self, line: Line) -> None:
        """Append a record. Raises ``StorageFailed``; the journal then ends where it ended before."""
        self._append(frame(encode(line)))

    def sync(self) -> None:
        """Have the kernel put everything on the device."""
        try:
            os.fdatasync(self._fd)
        except OSError as error:
            raise storage_failed(error, self.path) from error

    def close(self) -> None:
        """Sync and close; gives the reserve back."""
        try:
            self.sync()
        finally:
            os.close(self._fd)
            self._reserve.unlink(missing_ok=True)

    def abandon(self) -> None:
        """Close without another promise: after the disk has failed."""
        os.close(self._fd)
        self._reserve.unlink(missing_ok=True)

    def _append(self, data: bytes) -> None:
        try:
            self._write_whole(data)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT) and self._reserve.exists():
                self._reserve.unlink(missing_ok=True)
                with contextlib.suppress(OSError):
                    self._write_whole(data)
                    raise DiskFull(_full_message(self.path)) from error
            raise storage_failed(error, self.path) from error

    def _write_whole(self, data: bytes) -> None:
        try:
            written = os.write(self._fd, data)
            while written < len(data):
                written += os.write(self._fd, data[written:])
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, self._end)
            raise
        self._end += len(data)

    def _hold_reserve(self) -> None:
        # A full disk must still take the replies that are in flight, and were paid for, when it fills.
        with contextlib.suppress(OSError):
            fd = os.open(self._reserve, os.O_WRONLY | os.O_CREAT, 0o644)
            try:
                os.posix_fallocate(fd, 0, RESERVE_BYTES)
            finally:
                os.close(fd)


class DiskFull(StorageFailed):
    """The disk is full, but this record was still written, into space held back for it."""


def frame(data: bytes) -> bytes:
    """One line of a journal around a record's JSON."""
    return b"%08x %b\n" % (crc32(data), data)


def read_lines(path: Path, prefix: bytes = b"{", start: int = 0) -> Iterator[tuple[int, bytes | None]]:
    """Stream (offset, JSON) of the lines whose JSON begins with ``prefix``.

    A damaged line comes as (offset, ``None``), whatever kind it may have been.
    """
    try:
        with path.open("rb") as file:
            file.seek(start)
            offset = start
            for line in file:
                if line.startswith(prefix, 9) and line.endswith(b"\n"):
                    data = line[9:-1]
                    yield offset, data if _intact(line, data) else None
                elif not line.startswith(b"\n") and not _other_kind(line):
                    yield offset, None
                offset += len(line)
    except OSError as error:
        raise storage_failed(error, path) from error


def damage(path: Path) -> Damage:
    """How much of a journal cannot be read."""
    lines = lost = 0
    with path.open("rb") as file:
        for line in file:
            if line != b"\n" and not (line.endswith(b"\n") and _intact(line, line[9:-1])):
                lines += 1
                lost += len(line)
    return Damage(lines, lost)


def read_at(path_fd: int, offset: int, length: int) -> bytes:
    """The JSON of the line at ``offset``, ``length`` bytes with its frame."""
    return os.pread(path_fd, length, offset)[9:-1]


def parse(data: bytes) -> SampleLine | CallLine | ScoreLine:
    """The record of a line."""
    try:
        return _parser.decode(data)
    except msgspec.DecodeError:
        record: SampleLine | CallLine | ScoreLine = decode(data, SampleLine | CallLine | ScoreLine)  # type: ignore[arg-type]
        return record


def parse_closed(data: bytes) -> SampleLine | CallLineRaw | ScoreLine:
    """The record of a line without lone surrogates, its request left as JSON: half the time for a call."""
    return _closed_parser.decode(data)


def _intact(line: bytes, data: bytes) -> bool:
    try:
        return line[8:9] == b" " and int(line[:8], 16) == crc32(data)
    except ValueError:
        return False


def _other_kind(line: bytes) -> bool:
    return line.startswith(_BEGINNINGS, 9) and line.endswith(b"\n")


def storage_failed(error: OSError, path: Path) -> StorageFailed:
    """The one-line error for a failing disk."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFailed(_full_message(path))
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return StorageFailed(f"cannot write {path}: {os.strerror(error.errno)}; choose another folder with --out")
    if error.errno == errno.ENOENT:
        return StorageFailed(f"{path} is not there")
    return StorageFailed(f"cannot use {path}: {error.strerror or error}")


def _full_message(path: Path) -> str:
    return f"disk full at {path}: free some space and run the same command again; what was answered is kept"
