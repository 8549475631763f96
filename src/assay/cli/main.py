"""The ``assay`` command: its subcommands, and what becomes of errors.

Start-up stays light: command modules import what they need when they run.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

import assay
from assay.cli import (
    cache,
    calibrate,
    compare,
    conform,
    curve,
    demo,
    diagnose,
    diagnose_bench,
    importing,
    judge_audit,
    leaderboard,
    merge,
    models,
    new_benchmark,
    plan,
    preflight,
    race,
    ratings,
    report,
    resolution,
    run,
    samples,
    score,
    show,
    suite,
    tasks,
)
from assay.errors import AssayError

app = typer.Typer(
    help=(
        "Evaluate language models: fast, crash-safe, with honest error bars.\n\n"
        "A first run:  assay run korgen --model local/smollm2 --limit 20\n\n"
        "Then:  assay show RUN · assay samples RUN --wrong · assay compare RUN RUN"
    ),
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)

for command, module in (
    ("tasks", tasks.tasks),
    ("models", models.models),
    ("run", run.run),
    ("show", show.show),
    ("samples", samples.samples),
    ("score", score.score),
    ("import", importing.import_),
    ("conform", conform.conform),
    ("compare", compare.compare),
    ("calibrate", calibrate.calibrate),
    ("leaderboard", leaderboard.leaderboard),
    ("curve", curve.curve),
    ("plan", plan.plan),
    ("race", race.race),
    ("report", report.report),
    ("resolution", resolution.resolution),
    ("suite", suite.suite),
    ("merge", merge.merge),
    ("preflight", preflight.preflight),
    ("judge-audit", judge_audit.judge_audit),
    ("ratings", ratings.ratings),
    ("new-benchmark", new_benchmark.new_benchmark),
    ("cache", cache.cache),
    ("diagnose", diagnose.diagnose),
    ("diagnose-bench", diagnose_bench.diagnose_bench),
    ("demo", demo.demo),
):
    if isinstance(module, typer.Typer):
        app.add_typer(module, name=command)
    else:
        app.command(command)(module)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"assay {assay.__version__}")
        raise typer.Exit


@app.callback()
def options(
    debug: Annotated[bool, typer.Option(help="Show tracebacks instead of one-line errors.")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Options that go before the command."""
    if debug:
        os.environ["ASSAY_DEBUG"] = "1"


def main() -> None:
    """Run the command line; an ``AssayError`` becomes one line and an exit code."""
    try:
        app()
    except AssayError as error:
        if os.environ.get("ASSAY_DEBUG"):
            raise
        print(f"assay: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except BrokenPipeError:  # `assay show RUN | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)


if __name__ == "__main__":
    main()
