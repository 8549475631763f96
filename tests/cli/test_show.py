"""What a run came to, as a script reads it."""

from __future__ import annotations

from pathlib import Path

from tests.cli.support import as_json, succeeded, write_questions


def test_repeated_attempts_are_reported_under_their_own_names(tmp_path: Path) -> None:
    questions = write_questions(tmp_path / "q.jsonl", 6)
    model = ("--model", "scripted/constant", "-p", "text=Answer: A")
    (run,) = as_json("run", "mcq", "--data", questions, *model, "--epochs", 3, "--out", tmp_path / "r")
    found = {estimate["metric"]: estimate for estimate in run["estimates"]}
    assert {name: e["value"] for name, e in found.items()} == {"accuracy": 1, "pass@3": 1, "pass^3": 1, "maj@3": 1}
    assert run["fixed_set_se"] == 0, "a model that always answers alike adds no noise of its own"
    assert run["estimand"].startswith("score on the questions that these samples stand for")
    assert all((e["n"], e["samples"]) == (18, 6) for e in found.values())
    assert all(e["lower"] < 1 for e in found.values()), "six samples are no certainty"


def test_two_tasks_and_two_models_are_one_command(tmp_path: Path) -> None:
    questions = write_questions(tmp_path / "q.jsonl", 4)
    models = ("--model", "scripted/echo", "--model", "scripted/hash")
    runs = as_json("run", "mcq", "korgen/cipher", "--data", questions, "--limit", 4, *models, "--out", tmp_path / "all")
    assert len({run["run"] for run in runs}) == 4
    assert all(sum(run["outcomes"].values()) == 4 for run in runs)
    assert succeeded("show", tmp_path / "all").count("run: ") == 4


def test_a_sharded_run_merges_into_the_whole(tmp_path: Path) -> None:
    questions = write_questions(tmp_path / "q.jsonl", 7)
    run = ("run", "mcq", "--data", questions, "--model", "scripted/hash")
    for shard in (1, 2, 3):
        succeeded(*run, "--shard", f"{shard}/3", "--out", tmp_path / "shards" / str(shard))
    merged = as_json("merge", tmp_path / "shards", "--out", tmp_path / "merged")
    (whole,) = as_json(*run, "--out", tmp_path / "whole")
    assert merged["estimates"] == whole["estimates"]
    assert merged["outcomes"] == whole["outcomes"]


def test_repeats_of_graded_scores_are_reported_by_their_best_and_worst(tmp_path: Path) -> None:
    file = tmp_path / "input_data.jsonl"
    kinds = '["punctuation:no_comma", "change_case:english_lowercase"]'
    file.write_text(f'{{"key": 1, "prompt": "Say hello.", "instruction_id_list": {kinds}, "kwargs": [{{}}, {{}}]}}\n')
    model = ("--model", "scripted/constant", "-p", "text=Hello there")
    (run,) = as_json("run", "ifeval", "--data", file, *model, "--epochs", 2, "--out", tmp_path / "r")
    names = {estimate["metric"] for estimate in run["estimates"]}
    assert any("worst" in name for name in names)
