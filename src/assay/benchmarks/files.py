"""Reading the owners' files: where they are, what is in them, and which bytes they were.

A dataset is looked for in the folder that the user names, then in ``ASSAY_DATA`` (the folder itself,
or one inside it named after the benchmark), then in the cache; a benchmark may fetch what is still
missing from its owners.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from assay.errors import DatasetMalformed, DatasetNotFound
from assay.places import cache_dir

T = TypeVar("T")

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def find_data(name: str, data: Path | None, needed: Iterable[str]) -> Path | None:
    """The folder that holds the files ``needed`` of benchmark ``name``, or ``None``.

    Raises ``DatasetNotFound`` where the user named a folder and it lacks them.
    """
    needed = tuple(needed)
    if data is not None:
        for folder in (data, data / name):
            if all((folder / part).exists() for part in needed):
                return folder
        missing = next(part for part in needed if not (data / part).exists())
        raise DatasetNotFound(f"{name}: no {missing} in {data}: --data names the folder that holds it")
    env = os.environ.get("ASSAY_DATA")
    folders = [Path(env), Path(env) / name] if env else []
    for folder in (*folders, cache_dir() / "data" / name):
        if all((folder / part).exists() for part in needed):
            return folder
    return None


def read_jsonl(path: Path, kind: type[T]) -> Iterator[tuple[int, T]]:
    r"""Stream (line number, row) of a JSON Lines file, split on ``\n`` only (texts hold other separators).

    ``kind`` is ``dict`` or a record that names the fields. Raises ``DatasetNotFound``, and
    ``DatasetMalformed`` with file and line.
    """
    decoder: msgspec.json.Decoder[T] = msgspec.json.Decoder(kind, strict=False)
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                try:
                    yield number, decoder.decode(line.removeprefix(_BYTE_ORDER_MARK) if number == 1 else line)
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    raise DatasetMalformed(f"{path}, line {number}: not a JSON object as expected ({error})") from None
    except FileNotFoundError:
        raise DatasetNotFound(f"no file {path}") from None


def digest_files(paths: Iterable[Path]) -> str:
    """SHA-256 over the names and bytes of files, whatever folder they lie in."""
    total = hashlib.sha256()
    for path in sorted(paths, key=lambda p: p.name):
        total.update(path.name.encode() + b"\0")
        with path.open("rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()
