"""``assay demo``: the whole way from fresh questions to a report, on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.common import Json, print_json
from assay.errors import RunIncomplete

if TYPE_CHECKING:
    from assay.measure.paired import Comparison

LEVELS = (0, 3)
SIDES = ("plain", f"{LEVELS[1]} words in Morse code")
SETTINGS = {"max_tokens": "48", "temperature": "0"}


def demo(
    out: Annotated[Path, typer.Option(help="The folder that gets the run and the report.")] = Path("demo"),
    model: Annotated[str, typer.Option(help="The model to ask.")] = "local/smollm2",
    n: Annotated[int, typer.Option(min=2, help="Questions; each is asked plain and encoded.")] = 16,
    json: Json = False,
) -> None:
    """Generate fresh rule questions, ask them plain and with words in Morse code, compare, and report.

    Needs no data and no key: the questions are generated and proved here, and SmolLM2 (135 million
    parameters) runs on this machine, on one thread. A model of this size gets few of them right; what the
    demo shows is how sure one can be of that. Takes a minute or two; after an interruption, the same
    command goes on.

    \b
    assay demo
    assay demo --model openai/gpt-4o-mini --n 40
    """
    from assay.cli.compare import describe as describe_comparison
    from assay.cli.report import reported_run, transcripts, write
    from assay.cli.show import describe, run_summary
    from assay.report.run_report import run_sections

    folder, document = out / "run", out / "report.html"
    if not json:
        print(
            f"{n} fresh questions, each asked plain and with {LEVELS[1]} words in Morse code, to {model}.\n"
            "Progress is shown below; then come scores, a comparison and a report.\n",
            flush=True,
        )
    _run(folder, model, n, quiet=json)
    comparisons = _plain_against_encoded(folder)
    sections = run_sections([reported_run(folder)], comparisons, transcripts(folder), sides=SIDES)
    write(document, "Assay demo: rule questions, plain and encoded", sections)
    if json:
        print_json({"run": str(folder), "report": str(document), "comparisons": comparisons})
        return
    describe(run_summary(folder))
    print(f"A: {SIDES[0]}, B: {SIDES[1]}; paired question by question\n")
    for comparison in comparisons:
        describe_comparison(comparison)
    print(f"report       {document} (open it in a browser)")
    print(f"transcripts  assay samples {folder}")
    print(f"tables       {folder}/scores.parquet, responses.parquet, samples.parquet")


def _run(folder: Path, model: str, n: int, *, quiet: bool) -> None:
    from assay.benchmarks.registry import load_task
    from assay.cli.run import carry_out, merged, run_async
    from assay.engine.budget import Budget
    from assay.engine.endpoint import Pace
    from assay.engine.job import Plan
    from assay.models.prices import price_of
    from assay.models.registry import split_parameters

    task = load_task("cryptox/korgen", params={"words": LEVELS, "n": n, "difficulty": 1})
    options, sampling = split_parameters(model, SETTINGS)
    plan = Plan(task, model, folder, options, merged(task.sampling, sampling), price=price_of(model))
    report, _ = run_async(carry_out([plan], {model: options}, Pace(), Budget(), "off", quiet=quiet))
    if report.error is not None:
        raise report.error
    if report.stopped is not None:
        raise RunIncomplete(f"stopped by {report.stopped}: the same command goes on")


def _plain_against_encoded(folder: Path) -> list[Comparison]:
    from assay.measure.paired import at_two_levels, paired
    from assay.records import Metric
    from assay.store.frames import attempts

    plain, encoded = at_two_levels(attempts(folder), "level", (str(LEVELS[0]), str(LEVELS[1])), item="base_id")
    return paired(plain, encoded, Metric("accuracy"), cluster=None)
