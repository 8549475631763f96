"""``assay score``: score what is stored again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assay.cli.common import Data, Json, print_json


def score(
    run: Annotated[Path, typer.Argument(help="A sealed run folder.")],
    mode: Annotated[str, typer.Option(help="Scorer mode, such as official or robust.")],
    data: Data = None,
    json: Json = False,
) -> None:
    """Score a run's stored responses in another mode, without asking the model again.

    The new scores lie beside the old ones (scores-MODE.parquet); `assay show RUN --mode MODE` shows them.
    The samples and gold answers are those stored with the run.

    \b
    assay score runs/korbench-gpt-4o-1a2b3c4d --mode robust
    """
    from assay.benchmarks.registry import load_task
    from assay.cli.progress import Bar
    from assay.cli.run import check_mode, run_async
    from assay.cli.show import describe, run_summary
    from assay.engine.stored import rescore
    from assay.store.folder import read_manifest

    manifest = read_manifest(run)
    task = load_task(manifest.task.name, data=data, params=manifest.task.params, offline=True)
    check_mode(task, mode)
    with Bar(f"scoring in mode {mode}", total=sum(manifest.outcomes.values()), quiet=json) as bar:
        run_async(rescore(run, task, mode, bar.advance))
    summary = run_summary(run, mode)
    if json:
        print_json(summary.facts())
    else:
        describe(summary)
