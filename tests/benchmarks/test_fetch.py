"""Fetching files by digest, against a server on this machine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from assay.benchmarks.fetch import fetch
from assay.errors import DatasetNotFound

FILES = {"words/a.jsonl": b'{"a": 1}\n', "words/b c.jsonl": b'{"b": 2}\n' * 50_000}
DIGESTS = {path: sha256(content).hexdigest() for path, content in FILES.items()}


class Handler(SimpleHTTPRequestHandler):
    asked: list[str] = []  # noqa: RUF012

    def do_GET(self) -> None:
        self.asked.append(self.path)
        super().do_GET()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def owners(tmp_path: Path) -> Path:
    for path, content in FILES.items():
        target = tmp_path / "owners" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return tmp_path / "owners"


@pytest.fixture
def address(owners: Path) -> Iterator[str]:
    Handler.asked.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(owners)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def present(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_only_what_is_missing_or_damaged_is_asked_for(address: str, tmp_path: Path) -> None:
    into = tmp_path / "cache"
    fetch("words", address, DIGESTS, into)
    assert present(into) == FILES
    assert len(Handler.asked) == 2
    (into / "words/a.jsonl").write_bytes(b"torn")
    fetch("words", address, DIGESTS, into)
    assert present(into) == FILES
    assert Handler.asked[2:] == ["/words/a.jsonl"]


def test_a_changed_file_is_refused_and_leaves_nothing(address: str, owners: Path, tmp_path: Path) -> None:
    (owners / "words/b c.jsonl").write_bytes(b"something else")
    into = tmp_path / "cache"
    with pytest.raises(DatasetNotFound, match=r"b%20c\.jsonl has changed .*pass --data DIR"):
        fetch("words", address, DIGESTS, into)
    assert present(into) == {"words/a.jsonl": FILES["words/a.jsonl"]}


@pytest.mark.parametrize("where", ["missing/", "http://127.0.0.1:1/", "file:///etc/"])
def test_what_cannot_be_had_says_so_in_one_line(address: str, tmp_path: Path, where: str) -> None:
    base = where if ":" in where else address + where
    with pytest.raises(DatasetNotFound, match=r"cannot fetch words: .*: pass --data DIR") as error:
        fetch("words", base, DIGESTS, tmp_path / "cache")
    assert "\n" not in str(error.value)
    assert present(tmp_path / "cache") == {}
