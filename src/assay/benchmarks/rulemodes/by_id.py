"""Files that say something of samples by their ids: hints, steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from assay.benchmarks.files import read_jsonl
from assay.errors import DatasetMalformed, DatasetNotFound


def read_by_id(path: Path, key: str) -> dict[str, Any]:
    """What a file says of samples: a JSON object by id, or JSON Lines with ``id`` and ``key``.

    Raises ``DatasetNotFound``, ``DatasetMalformed``.
    """
    if path.suffix == ".jsonl":
        found = {}
        for number, row in read_jsonl(path, dict):
            if "id" not in row or key not in row:
                raise DatasetMalformed(f"{path}, line {number}: no id or no {key}")
            found[str(row["id"])] = row[key]
        return found
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except OSError:
        raise DatasetNotFound(f"no file {path}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DatasetMalformed(f"{path}: not a JSON object by sample id ({error})") from None
