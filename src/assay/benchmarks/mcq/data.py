"""The user's own file of questions, streamed row by row; shared by ``mcq`` and ``qa``.

A file is JSON Lines, CSV or Parquet, told by its suffix. Rows are never all in memory, and whatever is
wrong with one is said with the file and the line (for Parquet, the row), since only the user can mend it.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice, takewhile
from pathlib import Path
from typing import Any

import msgspec

from assay.benchmarks.files import read_jsonl
from assay.benchmarks.mcq.seen import Seen
from assay.errors import DatasetMalformed, DatasetNotFound, UsageError
from assay.scoring.choice import LETTERS

SUFFIXES = (".jsonl", ".csv", ".parquet")
Row = dict[str, Any]

_PARQUET_ROWS = 10_000
"""Rows of a Parquet file in memory at a time."""
_LISTS = ("choices", "options", "answers")


@dataclass(frozen=True)
class UserFile:
    """A file of questions: which bytes it is, and what its first row has."""

    path: Path
    digest: str
    columns: tuple[str, ...] = ()
    size: int | None = None
    """Rows, where counting them does not take reading them."""

    def rows(self) -> Iterator[tuple[int, Row]]:
        """Stream (line or row number, row). Raises ``DatasetMalformed``."""
        return _READERS[self.path.suffix](self.path)

    def malformed(self, number: int, problem: str) -> DatasetMalformed:
        """The error for a row that will not do."""
        unit = "row" if self.path.suffix == ".parquet" else "line"
        return DatasetMalformed(f"{self.path}, {unit} {number}: {problem}")

    def ids(self) -> RowIds:
        """Gives rows their ids, afresh for a pass over the file."""
        return RowIds(self)


class RowIds:
    """Takes the rows' ids from their ``id`` column or, where they have none, numbers the rows from 1.

    Two rows of one id are an error: the second one's results would replace the first one's. To tell,
    a hash of each id is remembered.
    """

    def __init__(self, file: UserFile) -> None:
        self._file = file
        self._count = 0
        self._numbered = False
        self._seen = Seen()

    def of(self, number: int, row: Row) -> str:
        """The row's id. Raises ``DatasetMalformed`` where it is no id, or another row's."""
        self._count += 1
        given = row.get("id")
        if self._count == 1:
            self._numbered = given is None
        if self._numbered is not (given is None):
            raise self._file.malformed(number, "some rows have an id and some have none")
        if given is None:
            return str(self._count)
        if isinstance(given, bool) or not isinstance(given, str | int) or given == "":
            raise self._file.malformed(number, f"id {given!r} is neither text nor a whole number")
        if not self._seen.add(str(given)):
            raise self._file.malformed(number, f"id {given!r} stands in an earlier row too")
        return str(given)


def open_file(benchmark: str, data: Path | None, file: str | None) -> UserFile:
    """Find the user's file: ``data`` itself, ``file`` in the folder ``data``, or the only one there.

    Raises ``DatasetNotFound``, ``UsageError`` or, where its first row cannot be read, ``DatasetMalformed``.
    """
    path = _find(benchmark, data, file)
    digest, lines = hashlib.sha256(), 0
    with path.open("rb") as opened:
        for line in opened:
            digest.update(line)
            lines += not line.isspace()
    found = UserFile(path, digest.hexdigest(), size=lines if path.suffix == ".jsonl" else None)
    columns = next((tuple(row) for _, row in islice(found.rows(), 1)), None)
    if columns is None:
        raise DatasetMalformed(f"{path} has no rows")
    return replace(found, columns=columns)


def _find(benchmark: str, data: Path | None, file: str | None) -> Path:
    if data is None:
        raise DatasetNotFound(f"{benchmark}: --data names your file of questions ({', '.join(SUFFIXES)})")
    if data.is_dir():
        found = [data / file] if file else sorted(p for p in data.iterdir() if p.suffix in SUFFIXES and p.is_file())
        if not found:
            raise DatasetNotFound(f"{benchmark}: {data} holds no {', '.join(SUFFIXES)} file")
        if len(found) > 1:
            names = ", ".join(p.name for p in found)
            raise DatasetNotFound(f"{benchmark}: {data} holds {names}: name one with -t file=NAME")
        path = found[0]
    else:
        path = data
        if file is not None and file != data.name:
            raise UsageError(f"{benchmark}: --data is the file {data}, and -t file={file} another")
    if not path.is_file():
        raise DatasetNotFound(f"{benchmark}: no file {path}")
    if path.suffix not in SUFFIXES:
        raise UsageError(f"{benchmark}: {path} is none of {', '.join(SUFFIXES)}")
    return path


def _read_jsonl(path: Path) -> Iterator[tuple[int, Row]]:
    return read_jsonl(path, Row)


def _read_csv(path: Path) -> Iterator[tuple[int, Row]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        start = 2
        try:
            for row in reader:
                if None in row or None in row.values():
                    raise DatasetMalformed(f"{path}, line {start}: not as many cells as the first line has")
                yield start, _with_lists(row)
                start = reader.line_num + 1
        except csv.Error as error:
            raise DatasetMalformed(f"{path}, line {start}: {error}") from None
        except UnicodeDecodeError as error:
            raise DatasetMalformed(f"{path}, after line {start - 1}: not UTF-8 ({error.reason})") from None


def _with_lists(row: Row) -> Row:
    """A CSV row with its lists: written as JSON, or as columns A, B, C ..., of which the last may be empty."""
    for name in _LISTS:
        if row.get(name, "").lstrip().startswith("["):
            with suppress(msgspec.DecodeError):
                row[name] = msgspec.json.decode(row[name])
    if "A" in row and not any(name in row for name in _LISTS):
        columns = list(takewhile(row.__contains__, LETTERS))
        options = [row.pop(column) for column in columns]
        while options and not options[-1]:
            options.pop()
        row["choices"] = options
    return row


def _read_parquet(path: Path) -> Iterator[tuple[int, Row]]:
    import polars as pl

    try:
        frame = pl.scan_parquet(path, glob=False)
        total = frame.select(pl.len()).collect().item()
        for start in range(0, total, _PARQUET_ROWS):
            rows = frame.slice(start, _PARQUET_ROWS).collect().iter_rows(named=True)
            for number, row in enumerate(rows, start + 1):
                yield number, {key: _plain(value) for key, value in row.items()}
    except pl.exceptions.PolarsError as error:
        raise DatasetMalformed(f"{path}: {str(error).splitlines()[0]}") from None


def _plain(value: Any) -> Any:
    """A cell as JSON knows it: dates, decimals and bytes as text."""
    return value if isinstance(value, str | int | float | None) else msgspec.to_builtins(value)


_READERS = {".jsonl": _read_jsonl, ".csv": _read_csv, ".parquet": _read_parquet}


def text_of(value: Any) -> str | None:
    """A cell that is text or a number, as text; ``None`` for anything else."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def texts_of(value: Any) -> Sequence[str] | None:
    """A cell that is a list of texts or numbers; ``None`` for anything else."""
    if not isinstance(value, list):
        return None
    texts = [text_of(part) for part in value]
    return None if None in texts else texts  # type: ignore[return-value]
