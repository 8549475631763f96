"""A new benchmark's first files: a package outside Assay that registers itself and passes its own tests.

The files under ``template`` are what is written, with ``@NAME@`` (the package and task), ``@DIST@`` (the
distribution) and, in paths, ``NAME`` put in their places, and ``.txt`` taken off: they are no modules of Assay's.
The invariant: nothing that exists is overwritten, and a name that would not work is refused before anything
is written.
"""

from __future__ import annotations

import keyword
import re
import sys
from importlib.resources import files
from importlib.resources.abc import Traversable
from importlib.util import find_spec
from pathlib import Path

from assay.benchmarks.registry import benchmarks
from assay.errors import UsageError
from assay.store.journal import storage_failed

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


def check_name(name: str) -> None:
    """Raises ``UsageError`` where a benchmark cannot be called so."""
    if not _NAME.fullmatch(name) or name.endswith("_"):
        raise UsageError(
            f"{name!r} will not do as a name: it is a Python package too, so lower-case letters, digits and _ only, "
            "a letter first, at most 40"
        )
    if keyword.iskeyword(name) or keyword.issoftkeyword(name) or name in sys.stdlib_module_names:
        raise UsageError(f"{name!r} will not do as a name: it is a word of Python's own")
    if name in benchmarks():
        raise UsageError(f"there is a benchmark {name!r} already: `assay tasks {name}` explains it")
    spec = find_spec(name)
    if name in ("tests", "conftest") or (spec is not None and spec.origin is not None):  # None: a mere folder here
        raise UsageError(f"{name!r} will not do as a name: another package is called so, and would be hidden")


def write_benchmark(name: str, folder: Path) -> list[Path]:
    """Write the files of the benchmark ``name`` into ``folder`` and return them.

    Raises ``UsageError`` (a name that will not do, a folder that is not empty) or ``StorageFailed``.
    """
    check_name(name)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is there already and not empty: choose another folder with --out")
    words = {"@NAME@": name, "@DIST@": f"assay-{name.replace('_', '-')}"}
    written = []
    for parts, template in _templates(files("assay.scaffold") / "template"):
        target = folder.joinpath(*(part.replace("NAME", name).removesuffix(".txt") for part in parts))
        text = template.read_text("utf-8")
        for word, value in words.items():
            text = text.replace(word, value)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, "utf-8")
        except OSError as error:
            raise storage_failed(error, target) from error
        written.append(target)
    return written


def _templates(folder: Traversable, above: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Traversable]]:
    found: list[tuple[tuple[str, ...], Traversable]] = []
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        path = (*above, entry.name)
        found += _templates(entry, path) if entry.is_dir() else [(path, entry)]
    return found
