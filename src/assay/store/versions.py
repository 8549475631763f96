"""Reading what older versions of Assay have written.

Each schema version has one function that lifts its plain JSON to the next version; reading applies
those from the version found up to the present one. Files are never rewritten by a reader.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from assay.errors import RunFolderError
from assay.records import RunManifest

SCHEMA_VERSION = 1

_LIFT: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}
"""Version -> function from its manifest to the next version's."""


def manifest(data: bytes, path: Path) -> RunManifest:
    """The manifest in ``data``. Raises ``RunFolderError`` where it is damaged or too new."""
    try:
        plain = msgspec.json.decode(data)
        version = int(plain["schema_version"])
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError, ValueError):
        raise RunFolderError(f"{path} is damaged: restore it, or start the run in another folder") from None
    if version > SCHEMA_VERSION:
        raise RunFolderError(f"{path} has schema version {version}, this Assay reads up to {SCHEMA_VERSION}: update it")
    while version < SCHEMA_VERSION:
        plain = _LIFT[version](plain)
        version += 1
    try:
        return msgspec.convert(plain, RunManifest)
    except msgspec.ValidationError as error:
        raise RunFolderError(f"{path} does not fit its schema: {error}") from None
