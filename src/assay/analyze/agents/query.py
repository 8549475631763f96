"""Read-only questions in SQL over the case records, asked by a model that nobody trusts.

DuckDB holds a copy of the records in memory, with access to files, to the network, to Python's variables and to
its own settings shut off before the first question; every question runs in a transaction that is rolled back and is
interrupted after a while. Without DuckDB (an extra), Polars answers a smaller language: one look at ``cases``, no
joins, no functions that read files. The invariant: no text that a model writes changes the records, reads anything
else, or brings back more than ``ROWS`` short rows.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

ROWS = 60
CELL = 160
"""Characters of one value."""
LONGEST = 4_000
"""Characters of a question."""
SECONDS = 10.0
_OPENS = re.compile(r"\s*(?:select|with)\b", re.IGNORECASE)
_WRITES = re.compile(r"\b(?:insert|update|delete|merge|create|drop|alter|copy|attach|install|load|pragma)\b", re.I)
_BEYOND = re.compile(
    r"\bjoin\b|\b(?:read|scan)_\w+|\btruncate\b|\bfrom\s+[^,()]{1,80},|\bselect\b[^;]*\bselect\b", re.IGNORECASE
)
_LITERAL = re.compile(r"'(?:[^']|'')*'")


class QueryRefused(Exception):
    """A question that is not answered, with the reason for the analyst."""


class Records:
    """The case records behind a wall."""

    def __init__(self, cases: pl.DataFrame) -> None:
        """Copy the records; later changes of ``cases`` do not show."""
        self._cases = cases
        self._base = _duckdb(cases)

    async def ask(self, sql: str) -> str:
        """The rows that a question brings, as a table of text. Raises ``QueryRefused``."""
        text = sql.strip().rstrip(";").strip()
        _check(text)
        names, rows = await asyncio.to_thread(self._duckdb if self._base is not None else self._polars, text)
        return _table(names, rows)

    def close(self) -> None:
        """Let the copy go."""
        if self._base is not None:
            self._base.close()

    def _duckdb(self, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        import duckdb

        assert self._base is not None
        asking = self._base.cursor()
        timer = Timer(SECONDS, asking.interrupt)
        try:
            statements = asking.extract_statements(sql)
            if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
                raise QueryRefused("one SELECT (or WITH ... SELECT) at a time")
            asking.execute("BEGIN TRANSACTION READ ONLY")
            timer.start()
            asking.execute(sql)
            rows = asking.fetchmany(ROWS + 1)
            return [column[0] for column in asking.description or ()], rows
        except duckdb.InterruptException:
            raise QueryRefused(f"stopped after {SECONDS:g} seconds: ask for less") from None
        except duckdb.Error as error:
            raise QueryRefused(str(error).strip()[:400]) from None
        finally:
            timer.cancel()
            with suppress(duckdb.Error):  # there may be no transaction to end
                asking.execute("ROLLBACK")
            asking.close()

    def _polars(self, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        import polars as pl

        if _BEYOND.search(_LITERAL.sub("''", sql)):
            raise QueryRefused("without DuckDB installed there are no joins and nothing but `cases` to select from")
        try:
            found = pl.SQLContext({"cases": self._cases.lazy()}, eager=False).execute(sql).head(ROWS + 1).collect()
        except Exception as error:  # Polars raises of many kinds, down to its engine's panics
            raise QueryRefused(str(error).strip()[:400]) from None
        return found.columns, found.rows()


def _duckdb(cases: pl.DataFrame) -> Any:
    """A locked connection that holds a copy of the records; ``None`` where DuckDB is not installed."""
    try:
        import duckdb
    except ImportError:
        return None
    shut = {"autoinstall_known_extensions": False, "autoload_known_extensions": False}
    base = duckdb.connect(":memory:", config={"threads": 1, "memory_limit": "1GB", **shut})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cases.parquet"
        cases.write_parquet(path)
        base.execute("CREATE TABLE cases AS SELECT * FROM read_parquet(?)", [str(path)])
    base.execute("SET max_temp_directory_size = '0KB'")
    base.execute("SET python_enable_replacements = false")
    base.execute("SET enable_external_access = false")
    base.execute("SET lock_configuration = true")
    return base


def _check(sql: str) -> None:
    if len(sql) > LONGEST:
        raise QueryRefused(f"a question has at most {LONGEST} characters")
    bare = _LITERAL.sub("''", sql)
    if not _OPENS.match(bare) or ";" in bare or _WRITES.search(bare):
        raise QueryRefused("one SELECT (or WITH ... SELECT) at a time, and nothing that writes")


def _table(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    if not rows:
        return f"{' | '.join(names)}\n(no rows)"
    lines = [" | ".join(map(str, names)), *(" | ".join(map(_cell, row)) for row in rows[:ROWS])]
    if len(rows) > ROWS:
        lines.append(f"(only the first {ROWS} rows)")
    return "\n".join(lines)


def _cell(value: Any) -> str:
    text = "null" if value is None else f"{value:.5g}" if isinstance(value, float) else str(value)[: 2 * CELL]
    text = " ".join(text.split())
    return text if len(text) <= CELL else text[:CELL] + "…"
