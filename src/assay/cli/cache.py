"""``assay cache``: inspect and prune the responses shared between runs."""

from __future__ import annotations

from typing import Annotated

import typer

from assay.cli.common import Json, console, plain_table, print_json
from assay.errors import UsageError

cache = typer.Typer(help="Inspect and prune the response cache (see `assay run --cache`).", rich_markup_mode=None)


@cache.callback(invoke_without_command=True)
def sizes(context: typer.Context, json: Json = False) -> None:
    """Show what the response cache holds, by model.

    \b
    assay run korgen --model openai/gpt-4o -p temperature=0 --cache deterministic
    assay cache
    assay cache prune --max-size 1GB
    """
    if context.invoked_subcommand is not None:
        return
    from assay.places import response_cache
    from assay.store.cache import ResponseCache

    path = response_cache()
    found = ResponseCache(path).sizes() if path.exists() else []
    if json:
        print_json({"path": str(path), "models": [size._asdict() for size in found]})
        return
    table = plain_table(None, ["model", "responses", "MB"], right=["responses", "MB"])
    for size in found:
        table.add_row(size.model, f"{size.responses:,}", f"{size.bytes / 1e6:,.1f}")
    console().print(table)
    console().print(f"{path}", markup=False)


@cache.command()
def prune(
    max_size: Annotated[str | None, typer.Option(help="Drop the least used until it fits, such as 500MB.")] = None,
    unused_days: Annotated[float | None, typer.Option(help="Drop what was not used for so many days.")] = None,
    model: Annotated[str | None, typer.Option(help="Drop all responses of a model.")] = None,
    json: Json = False,
) -> None:
    """Drop responses from the cache."""
    from assay.places import response_cache
    from assay.store.cache import ResponseCache

    if max_size is None and unused_days is None and model is None:
        raise UsageError("say what to drop: --max-size, --unused-days or --model")
    dropped = ResponseCache(response_cache()).prune(
        max_bytes=None if max_size is None else size_in_bytes(max_size),
        unused_for=None if unused_days is None else unused_days * 86400,
        model=model,
    )
    if json:
        print_json({"dropped": dropped})
    else:
        print(f"{dropped} responses dropped")


def size_in_bytes(text: str) -> int:
    """``500MB`` in bytes. Raises ``UsageError``."""
    units = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "B": 1}
    for unit, factor in units.items():
        if text.upper().endswith(unit):
            try:
                return int(float(text[: -len(unit)]) * factor)
            except ValueError:
                break
    raise UsageError(f"a size such as 500MB or 2GB was expected, not {text!r}")
