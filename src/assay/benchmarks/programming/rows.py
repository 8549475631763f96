"""Rows of files that are too big to keep: streamed, or read again one at a time.

Tests of programs take gigabytes. They therefore stay where they are, in the owners' files: a sample says
which problem it is, and its tests are read when a program is to be judged. What is kept in memory is a place
for each problem.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

import msgspec

from assay.benchmarks.mcq.data import UserFile

T = TypeVar("T")


class Place(NamedTuple):
    """Where a row is."""

    file: int
    number: int
    """The line or row, counted from 1, for messages."""
    offset: int
    """Bytes before the line; for Parquet, rows before the row."""


class Rows:
    """The rows of JSON Lines or Parquet files, decoded as records that name the columns they need."""

    def __init__(self, sources: Sequence[UserFile]) -> None:
        self.sources = tuple(sources)

    def stream(self, kind: type[T]) -> Iterator[tuple[Place, T]]:
        """All rows in order; columns that ``kind`` does not name are skipped. Raises ``DatasetMalformed``."""
        for at, source in enumerate(self.sources):
            if source.path.suffix == ".parquet":
                for number, row in source.rows():
                    place = Place(at, number, number - 1)
                    yield place, self._convert(place, row, kind)
                continue
            decoder = msgspec.json.Decoder(kind, strict=False)
            with source.path.open("rb") as file:
                offset = 0
                for number, line in enumerate(file, 1):
                    place = Place(at, number, offset)
                    offset += len(line)
                    if line.strip():
                        yield place, self._decode(place, line, decoder)

    def at(self, place: Place, kind: type[T]) -> T:
        """One row. Raises ``DatasetMalformed``."""
        path = self.sources[place.file].path
        if path.suffix == ".parquet":
            import polars as pl

            row = pl.scan_parquet(path, glob=False).slice(place.offset, 1).collect().row(0, named=True)
            return self._convert(place, row, kind)
        with path.open("rb") as file:
            file.seek(place.offset)
            return self._decode(place, file.readline(), msgspec.json.Decoder(kind, strict=False))

    def _decode(self, place: Place, line: bytes, decoder: msgspec.json.Decoder[T]) -> T:
        try:
            return decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self.sources[place.file].malformed(place.number, str(error)) from None

    def _convert(self, place: Place, row: dict[str, Any], kind: type[T]) -> T:
        try:
            return msgspec.convert(row, kind, strict=False)
        except msgspec.ValidationError as error:
            raise self.sources[place.file].malformed(place.number, str(error)) from None
