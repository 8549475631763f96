"""``assay race`` as its users call it, live and over stored runs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from tests.cli.support import as_json, assay, one_line, succeeded, write_questions

MODELS = ("scripted/constant", "scripted/hash", "scripted/echo")


def test_a_live_race_stops_asking_and_goes_on_from_its_folders(tmp_path: Path) -> None:
    questions = write_questions(tmp_path / "q.jsonl", 300)
    race = ("race", *MODELS, "--task", "mcq", "--data", questions, "--out", tmp_path / "race", "--batch", 16)
    first = as_json(*race)
    asked = {model["model"]: model["asked"] for model in first["models"]}
    assert asked["scripted/constant"] < asked["scripted/hash"] < 300
    decisions = {(pair["a"], pair["b"]): pair["decision"] for pair in first["pairs"]}
    assert decisions["scripted/constant", "scripted/hash"] == decisions["scripted/constant", "scripted/echo"] == "A"
    assert all(pair["samples_used"] <= first["looked_at"] and pair["lower"] >= 0 for pair in first["pairs"])
    again = as_json(*race)
    assert again["pairs"] == first["pairs"]
    assert [model["asked"] for model in again["models"]] == [model["asked"] for model in first["models"]]
    runs = as_json("show", tmp_path / "race")
    assert sorted(sum(run["outcomes"].values()) for run in runs) == sorted(asked.values())
    other = one_line(assay(*race, "--seed", 1))
    assert "another race" in other
    assert "--out" in other


def test_a_run_that_was_completed_after_the_race_stays_complete_when_raced_again(tmp_path: Path) -> None:
    questions = write_questions(tmp_path / "q.jsonl", 120)
    race = ("race", *MODELS[:2], "--task", "mcq", "--data", questions, "--out", tmp_path / "race", "--batch", 16)
    first = as_json(*race)
    folder = tmp_path / "race" / Path(first["models"][0]["run"]).name
    (whole,) = as_json("run", "mcq", "--data", questions, "--model", MODELS[0], "--out", folder)
    assert whole["outcomes"] == {"scored": 120}
    assert as_json(*race)["pairs"] == first["pairs"]
    assert as_json("show", folder)[0]["outcomes"] == {"scored": 120}


def test_a_race_for_the_best_leaves_one(tmp_path: Path) -> None:
    questions = write_questions(tmp_path / "q.jsonl", 200)
    found = as_json("race", *MODELS, "--task", "mcq", "--data", questions, "--out", tmp_path / "b", "--find", "best")
    assert found["best"] == ["scripted/constant"]
    assert all(model["asked"] < 200 for model in found["models"])


def test_the_live_race_decides_what_the_stored_one_does(tmp_path: Path) -> None:
    questions = write_questions(tmp_path / "q.jsonl", 200)
    models = [word for name in MODELS for word in ("--model", name)]
    succeeded("run", "mcq", "--data", questions, *models, "--out", tmp_path / "runs")
    stored = as_json("race", "--stored", tmp_path / "runs", "--seed", 3)
    live = as_json("race", *MODELS, "--task", "mcq", "--data", questions, "--seed", 3, "--out", tmp_path / "live")
    taken = {frozenset((pair["a"], pair["b"])): pair["samples_used"] for pair in stored["pairs"]}
    assert taken == {frozenset((pair["a"], pair["b"])): pair["samples_used"] for pair in live["pairs"]}
    assert not any(pair["wrong"] for pair in stored["pairs"])


def test_stored_races_print_the_share_and_the_truth(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = (rng.random((3, 400)) < [[0.3], [0.5], [0.9]]).astype(float)
    np.savez(tmp_path / "x.npz", X=x, models=["a", "b", "c"], items=np.arange(400).astype(str))
    found = as_json("race", "--stored", tmp_path / "x.npz", "--repeats", 4)
    assert found["means"]["races"] == found["reference"]["races"] == 12
    assert found["means"]["decided"] == 1
    assert found["means"]["share_se"] > 0
    pair = next(p for p in found["pairs"] if (p["a"], p["b"]) == ("a", "c"))
    assert pair["decision"] == pair["truth"] == "B"
    assert pair["lower"] < pair["difference"] < pair["upper"] <= 0
    assert sum(row["means"]["races"] for row in found["by_gap"]) == 12
    text = succeeded("race", "--stored", tmp_path / "x.npz")
    assert "reference mixture" in text
    assert "error rate at most 0.05" in text
    assert json.dumps(found["seeds"]) == "[0, 1, 2, 3]"


def test_options_that_do_not_fit_are_told(tmp_path: Path) -> None:
    assert "--task" in one_line(assay("race", "scripted/echo", "scripted/hash"))
    assert "two different models" in one_line(assay("race", "scripted/echo", "--task", "mcq"))
    assert "leave it out" in one_line(assay("race", "--stored", tmp_path, "--task", "mcq"))
