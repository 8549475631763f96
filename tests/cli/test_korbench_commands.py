"""The main job on real input: KOR-Bench's stored responses through the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from scipy.stats import binomtest

from tests.cli.support import as_json, assay, one_line, succeeded

COLUMNS = ("overall", "operation", "logic", "cipher", "puzzle", "counterfactual", "real_life")


@pytest.fixture(scope="module")
def korbench(shared_data: Path) -> Path:
    return shared_data / "korbench"


@pytest.fixture(scope="module")
def imported(korbench: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Runs of all models in the file of stored responses, in mode official."""
    out = tmp_path_factory.mktemp("runs")
    found: list[dict[str, Any]] = as_json(
        "import", "responses", korbench / "responses.parquet", "--task", "korbench", "--out", out, timeout=600
    )
    return found


def model_of(run: dict[str, Any]) -> str:
    return str(run["manifest"]["model"]["name"]).removeprefix("import/")


def test_conform_agrees_with_every_stored_verdict(korbench: Path) -> None:
    facts = as_json(
        "conform", "korbench", "--responses", korbench / "responses.parquet", "--verdict", "official_correct",
        "--mode", "official-string",
    )  # fmt: skip
    assert (facts["n"], facts["agreed"], facts["agreement"]) == (25_000, 25_000, 1.0)
    assert facts["left_out"] == {}
    assert facts["confusion"]["right_wrong"] == facts["confusion"]["wrong_right"] == 0


def test_conform_needs_no_dataset(korbench: Path, tmp_path: Path) -> None:
    """The rows bring what their verdicts rest on: a file from elsewhere conforms by itself."""
    rows = pl.read_parquet(korbench / "responses.parquet").filter(pl.col("model") == "gpt-4o")
    rows.write_parquet(tmp_path / "other.parquet")
    facts = as_json(
        "conform", "korbench", "--responses", tmp_path / "other.parquet", "--verdict", "official_correct",
        "--mode", "official-string",
    )  # fmt: skip
    assert (facts["n"], facts["agreement"]) == (1250, 1.0)


def test_conform_shows_what_disagrees_and_fails(korbench: Path, tmp_path: Path) -> None:
    rows = pl.read_parquet(korbench / "responses.parquet").filter(model="gpt-4o", category="cipher")
    flipped = rows.with_columns(
        official_correct=pl.when(pl.col("idx").cast(pl.String) == "7")
        .then(~pl.col("official_correct"))
        .otherwise("official_correct")
    )
    flipped.write_parquet(tmp_path / "flipped.parquet")
    done = assay(
        "conform", "korbench", "--responses", tmp_path / "flipped.parquet", "--verdict", "official_correct", "--json"
    )
    facts = json.loads(done.stdout)
    assert done.returncode == 1
    assert (facts["n"], facts["agreed"]) == (250, 249)
    assert [row["sample_id"] for row in facts["disagreements"]] == ["cipher/7"]


def test_imported_runs_reproduce_every_column_of_the_leaderboard(
    korbench: Path, imported: list[dict[str, Any]]
) -> None:
    published = {row["model"]: row for row in json.loads((korbench / "leaderboard.json").read_text())}
    assert {model_of(run) for run in imported} == set(published)
    for run in imported:
        found = {e.get("group") or e["metric"]: e for e in run["estimates"]}
        ours = {
            "overall": found["accuracy"],
            "real_life": found["real-life rate"],
            **{column: found[column] for column in COLUMNS[1:-1]},
        }
        assert {c: round(100 * ours[c]["value"], 2) for c in COLUMNS} == {
            c: published[model_of(run)][c] for c in COLUMNS
        }
        assert ours["overall"]["n"] == 1250
        assert all(e["lower"] <= e["value"] <= e["upper"] for e in ours.values())


def test_compare_prints_the_numbers_that_scipy_gives(imported: list[dict[str, Any]]) -> None:
    runs = {model_of(run): run["run"] for run in imported}
    a, b = runs["Qwen2.5-7B-Instruct"], runs["Meta-Llama-3.1-8B-Instruct"]
    facts = as_json("compare", a, b)["comparisons"][0]
    scores = [
        pl.read_parquet(Path(run) / "scores.parquet").select("sample_id", "value").fill_null(0.0) for run in (a, b)
    ]
    both = scores[0].join(scores[1], on="sample_id", validate="1:1")
    x, y = both["value"].to_numpy(), both["value_right"].to_numpy()
    only_a, only_b = int(((x == 1) & (y == 0)).sum()), int(((x == 0) & (y == 1)).sum())
    assert facts["samples"] == len(x) == 1250
    assert (facts["only_a"], facts["only_b"]) == (only_a, only_b)
    assert facts["mcnemar_p"] == pytest.approx(binomtest(only_a, only_a + only_b).pvalue, rel=1e-9)
    assert facts["difference"] == pytest.approx(x.mean() - y.mean(), abs=1e-12)
    for side, values in (("a", x), ("b", y)):
        interval = binomtest(int(values.sum()), len(values)).proportion_ci(0.95, method="wilson")
        assert facts[side]["wilson"] == pytest.approx([interval.low, interval.high], abs=1e-9)


def test_compare_refuses_runs_that_share_nothing(imported: list[dict[str, Any]], tmp_path: Path) -> None:
    other = tmp_path / "other"
    succeeded("run", "korgen", "--model", "scripted/echo", "--limit", 5, "--out", other)
    assert "choose one with --mode" in one_line(assay("compare", imported[0]["run"], other))
    succeeded("score", imported[0]["run"], "--mode", "robust", timeout=300)
    assert "different tasks" in one_line(assay("compare", imported[0]["run"], other, "--mode", "robust"))


def test_a_run_is_scored_again_in_another_mode_without_asking(imported: list[dict[str, Any]]) -> None:
    run = next(run["run"] for run in imported if model_of(run) == "gpt-4o")
    again = as_json("score", run, "--mode", "robust", timeout=300)
    assert again["mode"] == "robust"
    assert (Path(run) / "scores-robust.parquet").exists()
    official, robust = (as_json("show", run, *mode)[0]["estimates"][0] for mode in ([], ["--mode", "robust"]))
    assert official["value"] == pytest.approx(0.58)
    assert robust["value"] > official["value"]


def test_transcripts_can_be_read(imported: list[dict[str, Any]]) -> None:
    run = next(run["run"] for run in imported if model_of(run) == "gpt-4o")
    text = succeeded("samples", run, "--wrong", "--limit", 3)
    assert text.count("gold:") == 3
    assert "[user]" in text
    shown = as_json("samples", run, "--id", "logic/3")
    assert [entry["sample"]["id"] for entry in shown] == ["logic/3"]
