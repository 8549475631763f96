"""Downloading a benchmark's files from its owners, each recognised by its digest.

A file appears under its name complete and verified, or not at all: it is written beside its place,
hashed on the way, and renamed. What is there already with the right digest is not asked for again, so
that an interrupted fetch goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import quote

from assay.errors import DatasetNotFound

_CHUNK = 1 << 18
_SILENCE_S = 30.0
"""Without a byte from the server, before it is given up."""


def fetch(name: str, base_url: str, files: Mapping[str, str], into: Path) -> None:
    """Download the files of benchmark ``name`` that ``into`` does not hold yet.

    Args:
        name: The benchmark's, for messages.
        base_url: Address of the folder that holds the files, with its final slash; HTTP or HTTPS.
        files: Relative path, the same there and here -> SHA-256 in hexadecimal.
        into: The folder that gets them, made if need be.

    Raises ``DatasetNotFound`` where a file cannot be had, or is another than it was.
    """
    missing = [path for path, digest in files.items() if _digest(into / path) != digest]
    with _progress(name, len(missing)) as show:
        for number, path in enumerate(missing):
            _fetch_one(name, base_url + quote(path), files[path], into / path, partial(show, number))


def _fetch_one(name: str, url: str, digest: str, target: Path, tick: Callable[[], None]) -> None:
    total = hashlib.sha256()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as part:
            try:
                for chunk in _chunks(url):
                    part.write(chunk)
                    total.update(chunk)
                    tick()
                part.close()
                if total.hexdigest() == digest:
                    os.replace(part.name, target)  # noqa: PTH105
            finally:
                Path(part.name).unlink(missing_ok=True)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise DatasetNotFound(f"cannot fetch {name}: {url}: {error}: {_INSTEAD}") from None
    if total.hexdigest() != digest:
        raise DatasetNotFound(
            f"cannot fetch {name}: {url} has changed (SHA-256 {total.hexdigest()[:12]}..., "
            f"not {digest[:12]}...): {_INSTEAD}"
        )


_INSTEAD = "pass --data DIR with a copy of the owners' files"


def _chunks(url: str) -> Iterator[bytes]:
    if not url.startswith(("https://", "http://")):
        raise ValueError("not an HTTP address")
    with urllib.request.urlopen(url, timeout=_SILENCE_S) as reply:  # noqa: S310
        while chunk := reply.read(_CHUNK):
            yield chunk


def _digest(path: Path) -> str | None:
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _progress(name: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar on standard error, once there has been something to wait for."""
    from rich.console import Console
    from rich.progress import Progress

    began = time.monotonic()
    bar = Progress(console=Console(stderr=True), transient=True)
    task = bar.add_task(f"fetching {name}", total=total)

    def show(done: int) -> None:
        if not bar.live.is_started and time.monotonic() - began > 1:
            bar.start()
        bar.update(task, completed=done)

    try:
        yield show
    finally:
        if bar.live.is_started:
            bar.stop()
