"""Where a copy of the owners' files lies, and what is read from them; shared by ``supergpqa``, ``mmlu_pro``, ``gpqa``.

These owners publish one table in several layouts (a checkout, a hub's Parquet, a file that the user saved), so a
copy is recognised by the name of its table. Nothing is fetched: the owners' files carry no digest to know them by.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import msgspec

from assay.benchmarks.files import find_data
from assay.benchmarks.mcq.data import SUFFIXES, UserFile
from assay.errors import DatasetMalformed, DatasetNotFound, UsageError
from assay.places import cache_dir

T = TypeVar("T")


def owners_table(
    name: str, data: Path | None, tables: Sequence[str], where: str, *, offline: bool = False
) -> Path | None:
    """The owners' table of benchmark ``name``: the file ``data`` itself, or the first of ``tables`` that is there.

    ``None`` where there is no copy and ``offline`` can do without. ``where`` says who publishes the files. Raises
    ``DatasetNotFound``, or ``UsageError`` where ``data`` is a file of another kind.
    """
    if data is not None and data.is_file():
        if data.suffix not in SUFFIXES:
            raise UsageError(f"{name}: {data} is none of {', '.join(SUFFIXES)}")
        return data
    for table in tables:
        with suppress(DatasetNotFound):
            folder = find_data(name, data, (table,))
            if folder is not None:
                return folder / table
    if data is not None:
        raise DatasetNotFound(f"{name}: {data} holds none of {', '.join(tables)}: --data names the owners' files")
    if offline:
        return None
    place = cache_dir() / "data" / name
    raise DatasetNotFound(
        f"{name}: no copy of the data: get {tables[0]} from {where}, then --data DIR, or put it in {place}"
    )


def beside(table: Path, paths: Sequence[str]) -> Path | None:
    """The first of ``paths`` that exists in the table's folder or in the one around it."""
    for folder in (table.parent, table.parent.parent):
        for path in paths:
            if (folder / path).is_file():
                return folder / path
    return None


def read_table(path: Path, kind: type[T]) -> Iterator[tuple[UserFile, int, T]]:
    """Stream the table's rows as records, each with the file and its row number, for messages about it.

    Raises ``DatasetMalformed`` with file and line (or row).
    """
    file = UserFile(path, "")
    for number, row in file.rows():
        try:
            yield file, number, msgspec.convert(row, kind, strict=False)
        except msgspec.ValidationError as error:
            raise file.malformed(number, str(error)) from None


def read_template(path: Path, key: str, places: int) -> str:
    """The prompt template under ``key`` of an owners' YAML file, with as many ``{}`` as texts that go in.

    Raises ``DatasetMalformed``.
    """
    import yaml  # type: ignore[import-untyped]

    try:
        content = yaml.safe_load(path.read_text("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DatasetMalformed(f"{path}: not valid YAML ({' '.join(str(error).split())})") from None
    found = content.get(key) if isinstance(content, dict) else None
    template = found[0] if isinstance(found, list) and found else found
    if not isinstance(template, str) or template.count("{}") != places:
        raise DatasetMalformed(f"{path}: no text {key!r} with {places} places {{}}")
    return template


def fill(template: str, *texts: str) -> str:
    """The template with the texts in its places; doubled braces are single ones, as the owners' code has it."""
    first, *others = (part.replace("{{", "{").replace("}}", "}") for part in template.split("{}"))
    return first + "".join(text + after for text, after in zip(texts, others, strict=True))
