"""Case records: a row an attempt, the same half for every model, unknown things null and never zero."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from assay.analyze.cases import EXCERPT, case_table, excerpt, with_halves
from assay.errors import UsageError
from assay.models.scripted import Scripted
from assay.records import Request, Response, Usage
from tests.engine.support import run, task


def runs(tmp_path: Path) -> list[Path]:
    def short(request: Request) -> Response:
        return Response("yes", usage=Usage(30, 20))

    def long(request: Request) -> Response:
        if request.messages[0].text.endswith("3"):
            return Response("<think>hm, maybe</think> I cannot answer this.")
        return Response("no " * 5000)

    folders = []
    for name, script in (("short", short), ("long", long)):
        folder = tmp_path / name
        run(folder, Scripted(script), task(12), name=f"test/{name}")
        folders.append(folder)
    return folders


def test_cases_of_two_models_share_their_halves_and_keep_what_is_unknown_null(tmp_path: Path) -> None:
    table = case_table(runs(tmp_path))
    assert table.height == 24
    assert table["case"].n_unique() == 24
    halves = table.group_by("sample_id").agg(pl.col("half").n_unique())
    assert halves["half"].to_list() == [1] * 12
    assert sorted(table.filter(pl.col("model") == "test/short")["half"].value_counts()["count"]) == [6, 6]
    by_model = {model: part for (model,), part in table.group_by("model")}
    assert by_model["test/short"]["output_tokens"].to_list() == [20] * 12
    assert by_model["test/long"]["output_tokens"].to_list() == [None] * 12
    assert by_model["test/short"]["thinking_share"].null_count() == 12


def test_halves_are_even_within_sources_and_change_with_the_seed() -> None:
    table = pl.DataFrame(
        {
            "task": "t",
            "sample_id": [str(i) for i in range(1000)],
            "cluster": [str(i // 5) for i in range(1000)],
            "model": "m",
        }
    )
    one = with_halves(table, seed=1)
    counts = one.group_by("cluster").agg((pl.col("half") == "discovery").sum().alias("n"))["n"]
    assert set(counts) == {2, 3}
    assert 450 < (one["half"] == "discovery").sum() < 550
    assert (one["half"] != with_halves(table, seed=2)["half"]).sum() > 300


def test_long_texts_keep_their_ends() -> None:
    kept = excerpt("a" * EXCERPT + "b" * EXCERPT)
    assert kept.startswith("aaa")
    assert kept.endswith("bbb")
    assert len(kept) < EXCERPT + 60
    assert excerpt("\ud800 lone") == "\ufffd lone"


def test_the_same_model_twice_is_refused(tmp_path: Path) -> None:
    folders = runs(tmp_path)
    with pytest.raises(UsageError, match="diagnose one of them"):
        case_table([folders[0], folders[0]])
