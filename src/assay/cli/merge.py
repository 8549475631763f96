"""``assay merge``: the shards of a run become one run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assay.cli.common import Json, print_json


def merge(
    shards: Annotated[list[Path], typer.Argument(metavar="RUN...", help="All shards, or a folder that holds them.")],
    out: Annotated[Path, typer.Option(help="The folder of the whole run.")],
    json: Json = False,
) -> None:
    """Put the shards of a run together; the result is what one machine would have made.

    \b
    assay run mcq --data my.jsonl --model openai/m --shard $SLURM_ARRAY_TASK_ID/8 --out shards/$SLURM_ARRAY_TASK_ID
    assay merge shards --out runs/whole
    """
    from assay.cli.progress import Bar
    from assay.cli.show import describe, run_summary
    from assay.engine.merge import merge_runs
    from assay.store.folder import find_runs

    with Bar("merging", quiet=json) as bar:
        merge_runs([run for folder in shards for run in find_runs(folder)], out, bar.advance)
    summary = run_summary(out)
    if json:
        print_json(summary.facts())
    else:
        describe(summary)
