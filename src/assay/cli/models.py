"""``assay models``: what can be asked."""

from __future__ import annotations

from assay.cli.common import Json, console, plain_table, print_json


def models(json: Json = False) -> None:
    """List the model providers and their options.

    A model is named provider/name, such as openai/gpt-4o, local/smollm2 or replay/PATH. Keys come from
    environment variables only.

    \b
    assay run korgen --model local/smollm2
    OPENAI_BASE_URL=http://localhost:8000/v1 assay run korgen --model openai/my-checkpoint
    """
    from assay.models.registry import providers

    found = providers()
    if json:
        print_json([{"name": p.name, "summary": p.summary, "options": dict(p.options)} for p in found])
        return
    table = plain_table(None, ["provider", "option (-p)", "what it is"])
    for provider in found:
        table.add_row(f"[bold]{provider.name}/…[/bold]", "", provider.summary)
        for option, text in provider.options.items():
            table.add_row("", option, text)
        table.add_section()
    console().print(table)
