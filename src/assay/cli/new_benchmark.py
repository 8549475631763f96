"""``assay new-benchmark``: the first files of a benchmark of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assay.cli.common import Json, print_json


def new_benchmark(
    name: Annotated[str, typer.Argument(help="Its name: a Python package, such as my_bench.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder to write (else NAME, here).")] = None,
    json: Json = False,
) -> None:
    """Write a benchmark of your own to start from: data, prompts, scorer, task, card and tests that pass.

    It is a package of its own: Assay finds it once it is installed.

    \b
    assay new-benchmark my_bench
    python -m pytest my_bench
    pip install -e my_bench
    assay run my_bench --model scripted/constant -p text="Answer: 12"
    """
    from assay.scaffold import write_benchmark

    folder = out if out is not None else Path(name)
    written = write_benchmark(name, folder)
    if json:
        print_json({"name": name, "folder": str(folder), "files": [str(path) for path in written]})
        return
    for path in written:
        print(path)
    print(
        f"\npython -m pytest {folder}    # passes as it is\npip install -e {folder}      # then `assay tasks` lists it"
    )
