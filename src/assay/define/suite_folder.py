"""A suite's folder: one run folder for each measurement, and ``suite.json``, which says what they belong to.

Where a leaf's run lies follows from the suite alone, so that the same command finds what is there already.
Leaves with the same configuration share a run.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from assay.define.suite import Leaf, Suite, SuiteMalformed, leaves, written
from assay.engine.job import slug
from assay.errors import RunFolderError
from assay.store.journal import storage_failed

SUITE = "suite.json"
SCHEMA_VERSION = 1


class NotStarted(Struct, frozen=True):
    """A leaf that the last session could not run, and why."""

    path: tuple[str, ...]
    reason: str


class SuiteRun(Struct, frozen=True):
    """What a suite's folder holds."""

    schema_version: int
    suite: Suite
    model: str
    not_started: tuple[NotStarted, ...] = ()


def run_names(suite: Suite) -> dict[tuple[str, ...], str]:
    """The name of each leaf's run folder; leaves with the same configuration have the same."""
    by_configuration: dict[bytes, str] = {}
    owner: dict[str, bytes] = {}
    found: dict[tuple[str, ...], str] = {}
    for path, leaf in leaves(suite.root):
        identity = _identity(leaf)
        name = by_configuration.setdefault(identity, "_".join(slug(part) for part in path))
        if owner.setdefault(name, identity) != identity:
            raise SuiteMalformed(f"{written(path)}: another leaf's name gives the same folder {name}: rename one")
        found[path] = name
    return found


def _identity(leaf: Leaf) -> bytes:
    told = {"name": "", "weight": 1.0, "needs": None, "pattern": None, "metric": None}
    return msgspec.json.encode(msgspec.structs.replace(leaf, **told), order="sorted")


def is_suite_run(path: Path) -> bool:
    """Whether the folder holds a suite's runs."""
    return (path / SUITE).is_file()


def read_suite_run(path: Path) -> SuiteRun:
    """What the folder holds. Raises ``RunFolderError``."""
    file = path / SUITE
    try:
        found = msgspec.json.decode(file.read_bytes(), type=SuiteRun)
    except FileNotFoundError:
        raise RunFolderError(f"no suite was run in {path}: such a folder has a {SUITE}") from None
    except (OSError, msgspec.DecodeError) as error:
        raise RunFolderError(f"cannot read {file}: {error}") from None
    if found.schema_version > SCHEMA_VERSION:
        raise RunFolderError(f"{file} is of schema version {found.schema_version}: it needs a newer Assay")
    return found


def write_suite_run(path: Path, run: SuiteRun) -> None:
    """Replace ``suite.json`` in one step. Raises ``StorageFailed``."""
    target = path / SUITE
    temporary = path / f"{SUITE}.tmp"
    try:
        path.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(msgspec.json.format(msgspec.json.encode(run), indent=2) + b"\n")
        temporary.replace(target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise storage_failed(error, target) from error
