"""Shards add up to the run that one machine would have made."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from assay.engine.merge import merge_runs
from assay.errors import RunFolderError
from assay.records import Request
from tests.engine.support import Counting, run, task


def threes(request: Request) -> str:
    return "yes" if "3" in request.messages[0].text else "no"


def sharded(folder: Path, n: int, of: int, **plan: object) -> list[Path]:
    folders = [folder / str(number) for number in range(1, of + 1)]
    for number, shard in enumerate(folders, 1):
        run(shard, Counting(threes), task(n), shard=(number, of), **plan)
    return folders


@pytest.mark.parametrize(("n", "limit", "epochs"), [(10, None, 1), (10, 7, 2), (2, None, 1)])
def test_merged_shards_equal_an_unsharded_run(tmp_path: Path, n: int, limit: int | None, epochs: int) -> None:
    shards = sharded(tmp_path / "shards", n, 3, limit=limit, epochs=epochs)
    merged = merge_runs(shards, tmp_path / "merged")
    _, report = run(
        tmp_path / "whole",
        Counting(threes),
        task(n),
        limit=limit,
        epochs=epochs,
    )
    whole = report.manifests[0]
    assert (merged.outcomes, merged.planned, merged.status) == (whole.outcomes, whole.planned, "complete")
    for name, drop in (("samples", []), ("scores", []), ("responses", ["started", "seconds", "waited"])):
        keys = ["sample_id"] if name == "samples" else ["sample_id", "epoch"]
        one, other = (
            pl.read_parquet(tmp_path / run_ / f"{name}.parquet").drop(drop).sort(keys) for run_ in ("merged", "whole")
        )
        assert one.equals(other)


def test_shards_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    shards = sharded(tmp_path / "shards", 10, 3)
    with pytest.raises(RunFolderError, match=r"shards \[2\] of 3 are missing"):
        merge_runs([shards[0], shards[2]], tmp_path / "m")
    with pytest.raises(RunFolderError, match="twice"):
        merge_runs([*shards, shards[1]], tmp_path / "m")
    other = sharded(tmp_path / "others", 10, 3, epochs=2)
    with pytest.raises(RunFolderError, match="another epochs"):
        merge_runs([*shards[:2], other[2]], tmp_path / "m")
    run(tmp_path / "whole", Counting())
    with pytest.raises(RunFolderError, match="no shard"):
        merge_runs([tmp_path / "whole"], tmp_path / "m")
