"""Series from tables, run names and YAML lists."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from assay.errors import DatasetMalformed, UsageError
from assay.measure.checkpoints.runs import STEP, load, number
from assay.measure.checkpoints.series import of_points, recipe_in, size_in
from tests.cli.support import as_json, assay, one_line, succeeded


def row(model: str, step: int, value: float, **more: object) -> dict[str, object]:
    return {"model": model, "step": step, "task": "t", "metric": "acc", "value": value, **more}


@pytest.mark.parametrize(
    ("name", "size", "recipe"),
    [
        ("pythia-1.4b-deduped", 1.4e9, "pythia-deduped"),
        ("pythia-70m", 70e6, "pythia"),
        ("pythia-1b-0.5MtokBS", 1e9, "pythia-0.5MtokBS"),
        ("gpt-4o", None, "gpt-4o"),
        ("1b-to-7b", None, "to"),
    ],
)
def test_sizes_are_read_off_names_only_where_they_say_so(name: str, size: float | None, recipe: str) -> None:
    assert size_in(name) == size
    assert recipe_in(name) == recipe


@pytest.mark.parametrize(
    ("name", "step"),
    [("openai/step-1000", 1000), ("run/pythia-step3k", 3000), ("a_checkpoint_500", 500), ("x@global_step12", 12)],
)
def test_the_usual_spellings_of_a_step_are_found(name: str, step: float) -> None:
    match = re.search(STEP, name)
    assert match is not None
    assert number(match["step"], "name") == step


def test_stderr_rows_become_standard_errors_and_gaps_stay_gaps() -> None:
    rows = [row("a", 1, 0.5), {**row("a", 1, 0.02), "metric": "acc_stderr"}, row("a", 2, 0.6), row("b", 2, 0.7)]
    series = of_points(pl.DataFrame(rows), "test")
    assert series.keys == [("t", "acc", None)]
    grid = series.grid("t", "acc")
    np.testing.assert_array_equal(grid.x, [[0.5, 0.6], [np.nan, 0.7]])
    np.testing.assert_array_equal(grid.se, [[0.02, np.nan], [np.nan, np.nan]])


def test_two_values_for_one_point_are_an_error() -> None:
    with pytest.raises(DatasetMalformed, match="a has acc of t at step 1 more than once"):
        of_points(pl.DataFrame([row("a", 1, 0.5), row("a", 1, 0.6)]), "test")


def test_seeds_are_runs_of_their_own() -> None:
    rows = [row("a", 1, 0.5, seed="0"), row("a", 1, 0.6, seed="1"), row("b", 1, 0.7, seed="0")]
    grid = of_points(pl.DataFrame(rows), "test").grid("t", "acc")
    assert grid.runs == ("a seed 0", "a seed 1", "b")
    assert grid.recipes == ("a", "a", "b")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of one model at four steps, which only their options tell apart."""
    folder = tmp_path_factory.mktemp("runs")
    for step in (100, 200, 300, 400):
        succeeded(
            *("run", "korgen", "--model", "scripted/constant", "--limit", 4),
            *("--out", folder / f"at-{step}"),
        )
    return folder


def test_runs_without_a_step_are_refused_and_a_list_places_them(runs: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no step in"):
        load([runs])
    listed = tmp_path / "series.yaml"
    listed.write_text(
        "runs:\n"
        + "".join(
            f"  - {{run: {runs / f'at-{step}'}, model: {model}, step: {step}, tokens: 2e9, size: 410m}}\n"
            for model in ("a", "b")
            for step in (100, 200, 300, 400)
        )
    )
    series = load([listed])
    grid = series.grid(*series.main_metrics()[0])
    assert grid.runs == ("a", "b")
    assert grid.steps.tolist() == [100, 200, 300, 400]
    assert grid.sizes.tolist() == [410e6, 410e6]
    assert np.isfinite(grid.x).all()


def test_the_command_prints_the_same_as_json_draws_and_says_what_is_wrong(tmp_path: Path) -> None:
    rng = np.random.default_rng(15)
    rows = [row(f"m{i}-70m", 10 * s, 0.1 * i + 0.01 * rng.normal()) for i in range(4) for s in range(1, 9)]
    table, figure = tmp_path / "points.csv", tmp_path / "curve.html"
    pl.DataFrame(rows).write_csv(table)
    found = as_json("curve", table, "--last", 4, "--figure", figure)
    assert found["tasks"][0]["noise"]["runs"] == 4
    assert found["tasks"][0]["noise"]["sd_snr"] > 4
    assert [early["step"] for early in found["early"]] == [10, 20, 30, 40]
    assert figure.read_text().count("<svg") == 1
    assert "reliability" in succeeded("curve", table, "--last", 4, "--by", "size")
    assert "no task 'u'" in one_line(assay("curve", table, "--task", "u"))
    assert "no regular expression" in one_line(assay("curve", table, "--model", "("))
