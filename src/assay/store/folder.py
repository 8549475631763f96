"""A run folder: its manifest, its lock, and whether it is open (journal) or sealed (Parquet).

The invariant: where there is a journal, the journal is the truth. One process at a time may write;
readers need no lock.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType

import msgspec

from assay.errors import RunFolderBusy, RunFolderError
from assay.records import RunManifest
from assay.store import versions
from assay.store.journal import storage_failed

MANIFEST, JOURNAL, LOCK = "manifest.json", "journal.jsonl", "lock"


def is_run(path: Path) -> bool:
    """Whether the folder is a run."""
    return (path / MANIFEST).is_file()


def find_runs(path: Path) -> list[Path]:
    """The run that ``path`` is, or the runs that lie directly in it. Raises ``RunFolderError``."""
    if is_run(path):
        return [path]
    runs = sorted(child for child in path.iterdir() if is_run(child)) if path.is_dir() else []
    if not runs:
        raise RunFolderError(f"no run at {path}: a run folder has a {MANIFEST}")
    return runs


def is_open(path: Path) -> bool:
    """Whether the run's truth lies in its journal."""
    return (path / JOURNAL).exists()


def read_manifest(path: Path) -> RunManifest:
    """The manifest of a run of any known schema version. Raises ``RunFolderError``."""
    try:
        data = (path / MANIFEST).read_bytes()
    except FileNotFoundError:
        raise RunFolderError(f"no run at {path}: a run folder has a {MANIFEST}") from None
    except OSError as error:
        raise RunFolderError(f"cannot read {path / MANIFEST}: {error.strerror}") from None
    return versions.manifest(data, path / MANIFEST)


def write_manifest(path: Path, manifest: RunManifest) -> None:
    """Replace the manifest in one step. Raises ``StorageFailed``."""
    target = path / MANIFEST
    temporary = path / f"{MANIFEST}.tmp"
    try:
        with temporary.open("wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise storage_failed(error, target) from error


class RunLock:
    """The right to write to a run folder, held until ``close`` or until the process ends."""

    def __init__(self, path: Path) -> None:
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(path / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise storage_failed(error, path) from error
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            owner = os.pread(self._fd, 32, 0).decode("ascii", "replace").strip()
            os.close(self._fd)
            who = f"process {owner}" if owner else "another process"
            raise RunFolderBusy(f"{path} is being written by {who}: wait for it, or choose another --out") from None
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, str(os.getpid()).encode(), 0)

    def close(self) -> None:
        """Give the folder back."""
        os.close(self._fd)

    def __enter__(self) -> RunLock:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()
