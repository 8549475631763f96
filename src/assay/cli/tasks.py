"""``assay tasks``: what there is to measure."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from assay.cli.common import Json, console, plain_table, print_json


def tasks(
    name: Annotated[str | None, typer.Argument(help="Show one benchmark's card and parameters.")] = None,
    json: Json = False,
) -> None:
    """List the benchmarks, or explain one.

    \b
    assay tasks
    assay tasks korbench
    """
    from assay.benchmarks.registry import benchmarks, find

    found = [find(name)] if name else list(benchmarks().values())
    if json:
        print_json([{"name": b.name, "summary": b.summary, "parameters": _parameters(b)} for b in found])
        return
    out = console()
    if name is None:
        table = plain_table(None, ["task", "what it measures", "parameters (-t)"])
        for bench in found:
            table.add_row(bench.name, bench.summary, ", ".join(bench.parameters))
        out.print(table)
        out.print("`assay tasks NAME` explains one.")
        return
    from rich.markdown import Markdown

    out.print(Markdown(found[0].card() or f"# {found[0].name}\n\n{found[0].summary}"))
    table = plain_table("Parameters", ["-t name", "default", "takes"])
    for key, entry in _parameters(found[0]).items():
        table.add_row(key, str(entry["default"]), entry["type"])
    out.print(table)


def _parameters(bench: Any) -> dict[str, dict[str, Any]]:
    return {
        key: {
            "default": None if p.default is p.empty else p.default,
            "type": "" if p.annotation is p.empty else str(p.annotation),
        }
        for key, p in bench.parameters.items()
    }
