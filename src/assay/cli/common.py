"""What several commands share: options, parameters and printing."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from assay.records import Estimate

Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts instead of tables.")]
Data = Annotated[
    Path | None,
    typer.Option("--data", help="Local copy of the benchmark's files (else ASSAY_DATA, the cache, or a download)."),
]
TaskParams = Annotated[
    list[str] | None,
    typer.Option("-t", metavar="NAME=VALUE", help="Task parameter, such as -t setting=three-shot. Repeatable."),
]
Mode = Annotated[
    str | None, typer.Option("--mode", help="Scorer mode, such as official or robust (else the task's own).")
]


def pairs(given: Sequence[str] | None, flag: str) -> dict[str, str]:
    """``["a=1", "b=2"]`` as a dictionary. Raises ``UsageError``."""
    found: dict[str, str] = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UsageError(f"{flag} takes name=value, not {text!r}")
        found[name.strip()] = value
    return found


def console(*, stderr: bool = False) -> Console:
    """A console for tables; wide enough not to cut columns when the output is not a terminal."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, highlight=False, width=None if stream.isatty() else 150, soft_wrap=False)


def plain_table(title: str | None, columns: Iterable[str], *, right: Iterable[str] = ()) -> Table:
    """An unadorned table; the columns in ``right`` are set flush right."""
    from rich import box
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    numeric = set(right)
    for column in columns:
        table.add_column(column, justify="right" if column in numeric else "left", overflow="fold")
    return table


def print_json(value: Any) -> None:
    """Records as indented JSON on standard output."""
    import msgspec

    from assay.store.encoding import encode

    sys.stdout.write(msgspec.json.format(encode(value), indent=2).decode() + "\n")


def estimate_table(estimates: Sequence[Estimate], title: str | None = None) -> Table:
    """Estimates with intervals and denominators."""
    from assay.report.numbers import confidence, counts, interval, number, shares

    table = plain_table(
        title,
        ["metric", "value", "interval", "SE", "n", "denominator", "left out", "interval by"],
        right=["value", "interval", "SE", "n"],
    )
    for estimate in estimates:
        percent = shares([estimate])
        table.add_row(
            estimate.metric if estimate.group is None else f"{estimate.metric} · {estimate.group}",
            number(estimate.value, percent=percent) + (" %" if percent else ""),
            interval(estimate.lower, estimate.upper, percent=percent),
            number(estimate.se, percent=percent),
            str(estimate.n),
            counts(estimate.denominator),
            counts(estimate.excluded),
            f"{confidence(estimate.level)} {estimate.method}",
        )
    return table
