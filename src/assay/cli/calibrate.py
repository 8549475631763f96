"""``assay calibrate``: an item bank from runs of several models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast, get_args

import typer

from assay.cli.common import Json, Mode, console, plain_table, print_json
from assay.errors import UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from assay.measure.bank import Bank
    from assay.measure.shortform_trials import Tally
    from assay.records import TaskInfo


def calibrate(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUNS...", help="Runs of one task by several models, or one table of verdicts."),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="BANK", help="The bank to write, such as bank.parquet.")],
    irt: Annotated[str, typer.Option(help="Response model: 1pl, 2pl or 3pl.")] = "2pl",
    guessing: Annotated[
        float | None, typer.Option(min=0, max=0.99, help="Floor of a 3pl, such as 0.25 for four options.")
    ] = None,
    tag: Annotated[
        str | None, typer.Option(help="Metadata key that adaptive runs keep in proportion, such as category.")
    ] = None,
    mode: Mode = None,
    json: Json = False,
) -> None:
    """Make an item bank, for `assay run TASK --adaptive BANK --budget 50`.

    Fits an item response model to the answers of the runs' models, and tries every kind of short form on models
    that were held out, a family at a time: what the table prints is how far off a score from so few samples is.

    \b
    assay calibrate runs/korbench-* --tag category -o korbench.bank.parquet
    assay calibrate verdicts.parquet -o bank.parquet --json
    """
    from assay.cli.progress import Bar
    from assay.measure.bank import calibrate as made
    from assay.measure.bank import lengths_for, save, tested_models
    from assay.measure.irt.model import Model
    from assay.measure.matrix import load

    if irt not in get_args(Model):
        raise UsageError(f"--irt takes 1pl, 2pl or 3pl, not {irt!r}")
    matrix = load(runs, mode=mode, tag=tag)
    if tag is not None and matrix.tags is None:
        raise UsageError(f"the samples have no {tag!r}: leave --tag out, or name a key of their metadata")
    task, scored = _task(runs, mode)
    trials = tested_models(matrix.models) * len(lengths_for(len(matrix.items)))
    with Bar("trying short forms", total=trials, quiet=json) as bar:
        bank = made(
            matrix, irt=cast("Model", irt), guessing=guessing, task=task, mode=scored, tag=tag, advance=bar.advance
        )
    save(bank, out)
    if json:
        print_json(_facts(bank, out))
    else:
        _describe(bank, out)


def _task(runs: list[Path], mode: str | None) -> tuple[TaskInfo | None, str | None]:
    """What the runs are of; nothing is known of a table."""
    from assay.store.folder import find_runs, read_manifest

    if runs[0].is_file():
        return None, None
    manifest = read_manifest(find_runs(runs[0])[0])
    return manifest.task, mode or manifest.mode


def _facts(bank: Bank, out: Path) -> dict[str, Any]:
    facts = bank.facts
    return {
        "bank": str(out),
        "digest": bank.digest,
        "schema_version": facts.schema_version,
        "irt": facts.irt,
        "task": facts.task,
        "mode": facts.mode,
        "tag": facts.tag,
        "items": len(bank.ids),
        "models": [
            {"model": model, "score": score, "theta": theta, "se": se}
            for model, score, theta, se in zip(facts.models, facts.scores, facts.theta, facts.theta_se, strict=True)
        ],
        "dropped": facts.dropped,
        "held_out": facts.held_out,
        "validation": [one._asdict() for one in facts.validation],
    }


def _describe(bank: Bank, out: Path) -> None:
    facts, show = bank.facts, console()
    of = f" of {facts.task.name} {facts.task.version}, mode {facts.mode}," if facts.task is not None else ""
    size = f"{len(bank.ids)} samples, {facts.irt}, calibrated on {len(facts.models)} models"
    show.print(f"{out}: bank{of} {size} (digest {bank.digest})", markup=False)
    if facts.dropped:
        names = ", ".join(facts.dropped)
        show.print(f"left out, their responses are another model's: {names}", markup=False)
    if not facts.validation:
        show.print("not validated: that takes more models, and 20 samples", markup=False)
        return
    models = facts.validation[0].models
    show.print(
        validation_table(
            facts.validation,
            f"Error of the score on all samples, from k of them; {models} models, {facts.held_out} held out",
        )
    )
    show.print("MAE in points; in brackets the share of 95 % intervals that hold the true score, and their mean width")


def validation_table(validation: tuple[Tally, ...], title: str) -> Table:
    """Methods in rows, numbers of items in columns."""
    from assay.measure.bank import methods_of

    lengths = sorted({one.k for one in validation})
    table = plain_table(title, ["method", *(f"k = {k}" for k in lengths)], right=[f"k = {k}" for k in lengths])
    at = {(one.method, one.k): one for one in validation}
    for method in methods_of(validation):
        table.add_row(method, *(_cell(at[method, k]) for k in lengths))
    return table


def _cell(one: Tally) -> str:
    if one.coverage is None or one.width is None:
        return f"{one.mae:.1f}"
    return f"{one.mae:.1f} ({100 * one.coverage:.0f} %, {one.width:.0f})"
