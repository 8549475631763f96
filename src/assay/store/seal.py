"""Sealing: a journal becomes Parquet; opening again: Parquet becomes a journal.

Both directions stream, in memory that does not grow with the run. The journal stays the truth until
the tables and the manifest lie complete on the disk; only then is it removed, so a crash or a full
disk at any point costs nothing.
"""

from __future__ import annotations

import errno
import os
from array import array
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from assay.errors import StorageFailed
from assay.store.encoding import decode
from assay.store.index import attempt_key, key, place_key
from assay.store.journal import (
    KINDS,
    JournalWriter,
    Line,
    SampleLine,
    parse,
    parse_closed,
    read_lines,
    storage_failed,
)
from assay.store.tables import RESPONSES, SAMPLES, SCORES, Row, call_of, frame, row_of, sample_of, schema, score_of

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

SUPERSEDED = "superseded"
"""Table of calls whose requests were later changed: paid for, so kept, but no part of the result."""

GROUP_BYTES = 8 << 20
GROUP_ROWS = 4_000
"""Small groups: the writer holds several at once, and memory is what a long run has least of."""

Offsets = frozenset[int]
_NONE: Offsets = frozenset()


class Dropped(NamedTuple):
    """Offsets of lines that later lines have replaced, or that the plan no longer wants."""

    samples: Offsets = _NONE
    calls: Offsets = _NONE
    scores: Offsets = _NONE


def write_tables(folder: Path, *, fresh: bool, unwanted: Offsets = _NONE) -> dict[str, int]:
    """Write the tables of the folder's journal; returns the number of attempts by outcome.

    ``fresh`` says that one session wrote the whole journal, so that nothing in it can be replaced.
    Raises ``StorageFailed``; the journal is untouched either way.
    """
    journal = folder / "journal.jsonl"
    dropped = Dropped() if fresh else _superseded(journal, unwanted)
    outcomes: Counter[str] = Counter()

    def counted(rows: Iterator[Row]) -> Iterator[Row]:
        for row in rows:
            outcomes[row["outcome"]] += 1
            yield row

    _sink(folder / "samples.parquet", SAMPLES, _rows(journal, "sample", dropped.samples))
    _sink(folder / "responses.parquet", RESPONSES, _rows(journal, "call", dropped.calls))
    _sink(folder / "scores.parquet", SCORES, counted(_rows(journal, "score", dropped.scores)))
    if dropped.calls:
        _sink(folder / f"{SUPERSEDED}.parquet", RESPONSES, _rows(journal, "call", _NONE, only=dropped.calls))
    return dict(outcomes)


def write_scores(path: Path, journal: Path) -> None:
    """Write the scores of a journal as a table of their own. Raises ``StorageFailed``."""
    _sink(path, SCORES, _rows(journal, "score", _NONE))


def rebuild_journal(folder: Path) -> None:
    """Turn a sealed run's tables into a journal again, so that the run can go on."""
    temporary = folder / "journal.rebuild"
    temporary.unlink(missing_ok=True)
    writer = JournalWriter(temporary)
    try:
        for line in stored_lines(folder):
            writer.write(line)
    finally:
        writer.close()
    temporary.rename(folder / "journal.jsonl")


def table_rows(path: Path, columns: list[str] | None = None) -> Iterator[Row]:
    """Stream the rows of a table, one row group at a time."""
    import polars as pl

    frame = pl.scan_parquet(path, glob=False)
    if columns is not None:
        frame = frame.select(columns)
    total = frame.select(pl.len()).collect().item()
    for start in range(0, total, GROUP_ROWS):
        yield from frame.slice(start, GROUP_ROWS).collect().iter_rows(named=True)


def stored_lines(folder: Path) -> Iterator[Line]:
    """Stream a sealed run as journal lines: samples, calls, scores."""
    for row in table_rows(folder / "samples.parquet"):
        yield SampleLine(sample_of(row))
    for table in (SUPERSEDED, "responses"):  # later lines win, so what counts comes last
        path = folder / f"{table}.parquet"
        if path.exists():
            for row in table_rows(path):
                yield call_of(row)
    for row in table_rows(folder / "scores.parquet"):
        yield score_of(row)


def _rows(journal: Path, kind: str, dropped: Offsets, only: Offsets | None = None) -> Iterator[Row]:
    for offset, data in read_lines(journal, KINDS[kind]):
        if data is not None and offset not in dropped and (only is None or offset in only):
            exact = b"\\ud" in data
            yield row_of(parse(data) if exact else parse_closed(data), exact=exact)


def _sink(path: Path, table: str, rows: Iterator[Row]) -> None:
    import polars as pl
    from polars.io.plugins import register_io_source

    head = list(islice(rows, 64))
    size = sum(len(value) for row in head for value in row.values() if isinstance(value, str)) / max(len(head), 1)
    group = max(64, min(GROUP_ROWS, int(GROUP_BYTES / max(size, 1))))

    def frames(
        with_columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        batch = head
        while True:
            batch = batch + list(islice(rows, group - len(batch)))
            yield frame(table, batch)
            if len(batch) < group:
                return
            batch = []

    temporary = path.with_suffix(".parquet.tmp")
    try:
        register_io_source(frames, schema=schema(table)).sink_parquet(
            temporary, compression="zstd", compression_level=3, row_group_size=group, maintain_order=True
        )
        fd = os.open(temporary, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
        temporary.replace(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        temporary.unlink(missing_ok=True)
        raise _sink_failed(error, path) from error


def _sink_failed(error: Exception, path: Path) -> StorageFailed:
    if isinstance(error, OSError) and error.errno is not None:
        return storage_failed(error, path)
    if "No space left" in str(error) or "os error 28" in str(error):
        return storage_failed(OSError(errno.ENOSPC, "No space left on device"), path)
    return StorageFailed(f"cannot write {path}: {error}")


def _superseded(journal: Path, unwanted: Offsets) -> Dropped:
    import numpy as np

    samples, calls, scores, places = array("Q"), array("Q"), array("Q"), array("Q")
    for offset, data in read_lines(journal):
        if data is None:
            continue
        head = decode(data, _Head)
        if head.t == "sample":
            samples.extend((key(head.sample.id if head.sample else ""), offset))
        elif head.t == "call":
            calls.extend((place_key(head.sample_id, head.epoch, head.call), offset))
            places.extend((attempt_key(head.sample_id, head.epoch), head.call))
        elif offset not in unwanted:
            scores.extend((attempt_key(head.sample_id, head.epoch), offset, head.calls))
    latest, replaced_scores = _latest(_rows_of(scores, 3))
    _, replaced_samples = _latest(_rows_of(samples, 2))
    _, replaced_calls = _latest(_rows_of(calls, 2))
    at = _rows_of(places, 2)
    found = np.searchsorted(latest[:, 0], at[:, 0])
    known = found < len(latest)
    known[known] = latest[found[known], 0] == at[known, 0]
    beyond = known.copy()
    beyond[known] = at[known, 1] >= latest[found[known], 2]  # calls that the attempt's latest walk did not make
    replaced_calls |= {int(offset) for offset in _rows_of(calls, 2)[beyond, 1]}
    return Dropped(frozenset(replaced_samples), frozenset(replaced_calls), frozenset(replaced_scores | unwanted))


def _rows_of(numbers: array[int], columns: int) -> NDArray[np.uint64]:
    import numpy as np

    return np.frombuffer(numbers, dtype=np.uint64).reshape(-1, columns)


def _latest(rows: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], set[int]]:
    """The last row of each key (column 0), sorted by key, and the offsets (column 1) of the others."""
    import numpy as np

    ordered = rows[rows[:, 0].argsort(kind="stable")]
    if not len(ordered):
        return ordered, set()
    last = np.append(ordered[1:, 0] != ordered[:-1, 0], True)
    return ordered[last], {int(offset) for offset in ordered[~last, 1]}


class _SampleHead(msgspec.Struct, frozen=True):
    id: str


class _Head(msgspec.Struct, frozen=True):
    t: str
    sample: _SampleHead | None = None
    sample_id: str = ""
    epoch: int = 0
    call: int = 0
    calls: int = 0
