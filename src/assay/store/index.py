"""What a journal already holds, as compact arrays: some 65 bytes a sample, however long the texts are.

Built in one pass when a run is resumed. Keys are 64-bit hashes; a hit is verified against the line
itself before anything depends on it.
"""

from __future__ import annotations

import os
from array import array
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from assay.records import Outcome
from assay.store.encoding import decode, encode
from assay.store.journal import FRAME_BYTES, KINDS, CallLine, Damage, damage, parse, read_at, read_lines

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from assay.records import Sample


_SAMPLE_START = b'{"t":"sample","sample":'


def key(*parts: str | int) -> int:
    """A 64-bit key of the parts."""
    return _hash("\x1f".join(map(str, parts)).encode("utf-8", "surrogatepass"))


def attempt_key(sample_id: str, epoch: int) -> int:
    """Key of an attempt, whatever was asked in it."""
    return key(sample_id, epoch)


def place_key(sample_id: str, epoch: int, call: int) -> int:
    """Key of a call's place in an attempt, whatever was asked there."""
    return key(sample_id, epoch, call)


class _CallHead(msgspec.Struct, frozen=True):
    sample_id: str
    epoch: int
    call: int
    digest: str
    response: _ResponseHead


class _ErrorHead(msgspec.Struct, frozen=True):
    outcome: Outcome


class _ResponseHead(msgspec.Struct, frozen=True):
    error: _ErrorHead | None = None


class _ScoreHead(msgspec.Struct, frozen=True):
    sample_id: str
    epoch: int
    digest: str
    score: _Judgement


class _Judgement(msgspec.Struct, frozen=True):
    outcome: Outcome


class JournalIndex:
    """Finished calls, finished attempts and known samples of a journal.

    Calls that failed for infrastructure's sake, and attempts that ended so, do not count as finished:
    they are asked again.
    """

    def __init__(self, path: Path) -> None:
        import numpy as np

        self._path = path
        self._fd = os.open(path, os.O_RDONLY)
        calls, finished, samples = array("Q"), array("Q"), array("Q")
        damaged = 0
        for offset, data in read_lines(path):
            if data is None:
                damaged += 1
            elif data.startswith(KINDS["call"]):
                head = decode(data, _CallHead)
                if head.response.error is None or head.response.error.outcome is not Outcome.INFRA_FAILED:
                    place = place_key(head.sample_id, head.epoch, head.call)
                    calls.extend((place, offset, len(data) + FRAME_BYTES, _hash(head.digest.encode())))
            elif data.startswith(KINDS["score"]):
                line = decode(data, _ScoreHead)
                if line.score.outcome is not Outcome.INFRA_FAILED:
                    attempt = attempt_key(line.sample_id, line.epoch)
                    finished.extend((attempt, offset, _hash(line.digest.encode())))
            else:
                samples.append(_hash(data[len(_SAMPLE_START) : -1]))
        self.damage = damage(path) if damaged else Damage(0, 0)
        self.empty = os.fstat(self._fd).st_size == 0
        self._calls = _sorted(np.array(calls, dtype=np.uint64).reshape(-1, 4))
        self._finished = _sorted(np.array(finished, dtype=np.uint64).reshape(-1, 3))
        self._samples = np.unique(np.array(samples, dtype=np.uint64))
        self._confirmed = np.zeros(len(self._finished), dtype=bool)

    def __len__(self) -> int:
        return len(self._finished)

    def call(self, sample_id: str, epoch: int, call: int, digest: str) -> tuple[CallLine, bool] | None:
        """The stored call with this digest, and whether it is the latest at its place; or ``None``."""
        rows = _rows(self._calls, place_key(sample_id, epoch, call))
        wanted = _hash(digest.encode())
        for number in range(len(rows) - 1, -1, -1):
            _, offset, length, found = (int(x) for x in rows[number])
            if found == wanted:
                line = parse(read_at(self._fd, offset, length))
                if isinstance(line, CallLine) and (line.sample_id, line.epoch, line.digest) == (
                    sample_id,
                    epoch,
                    digest,
                ):
                    return line, number == len(rows) - 1
        return None

    def latest(self, sample_id: str, epoch: int, call: int, digest: str) -> bool:
        """Whether the latest call at this place is the one with this digest."""
        rows = _rows(self._calls, place_key(sample_id, epoch, call))
        return len(rows) > 0 and int(rows[-1, 3]) == _hash(digest.encode())

    def finished(self, sample_id: str, epoch: int, digest: str) -> bool:
        """Whether the attempt's latest score is for exactly these requests; it then counts as wanted."""
        start, stop = _span(self._finished, attempt_key(sample_id, epoch))
        if start == stop or int(self._finished[stop - 1, 2]) != _hash(digest.encode()):
            return False
        self._confirmed[stop - 1] = True
        return True

    def knows(self, sample: Sample) -> bool:
        """Whether the sample lies in the journal with this very content."""
        import numpy as np

        wanted = np.uint64(_hash(encode(sample)))
        place = int(np.searchsorted(self._samples, wanted))
        return place < len(self._samples) and self._samples[place] == wanted

    def unwanted(self) -> frozenset[int]:
        """Offsets of ``score`` lines that no attempt of the present plan has asked for."""
        return frozenset(int(x) for x in self._finished[~self._confirmed, 1])

    def close(self) -> None:
        """Close the journal."""
        os.close(self._fd)


def _hash(data: bytes) -> int:
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "little")


def _sorted(rows: NDArray[np.uint64]) -> NDArray[np.uint64]:
    return rows[rows[:, 0].argsort(kind="stable")]


def _span(rows: NDArray[np.uint64], wanted: int) -> tuple[int, int]:
    import numpy as np

    column, value = rows[:, 0], np.uint64(wanted)
    return int(np.searchsorted(column, value, side="left")), int(np.searchsorted(column, value, side="right"))


def _rows(rows: NDArray[np.uint64], wanted: int) -> NDArray[np.uint64]:
    start, stop = _span(rows, wanted)
    return rows[start:stop]
