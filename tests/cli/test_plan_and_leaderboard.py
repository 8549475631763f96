"""Planning a comparison, ranking models, and comparing several runs at once, as a user does it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from assay.measure.multiplicity import benjamini_hochberg, holm
from tests.cli.support import as_json, assay, one_line, succeeded, write_questions


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four models, 200 items in 50 clusters, each asked twice; one model was asked half only."""
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("plan") / "scores.csv"
    rows: list[dict[str, Any]] = []
    easy = np.repeat(rng.normal(0, 1, 50), 4)
    for model, skill in (("good", 1.8), ("fair", 1.2), ("poor", -1.0), ("half", 0.0)):
        chance = 1 / (1 + np.exp(-(skill + easy)))
        for item in range(100 if model == "half" else 200):
            rows += [
                {"model": model, "item": item, "score": int(rng.random() < chance[item]), "cluster": item // 4}
                for _ in range(2)
            ]
    pl.DataFrame(rows).write_csv(path)
    return path


def test_the_published_plan() -> None:
    facts = as_json("plan", "--mde", 3, "--omega2", 1 / 9)
    assert (facts["samples"], facts["epochs"], facts["enough"], facts["cost"]) == (969, 1, True, None)
    assert as_json("plan", "--samples", 969, "--omega2", 1 / 9)["mde"] == pytest.approx(3, abs=0.001)
    assert "to see 3 points: 969 samples x 1 epoch = 969 attempts" in succeeded("plan", "--mde", 3, "--omega2", 1 / 9)


def test_a_plan_from_stored_scores_weighs_epochs_against_samples(table: Path) -> None:
    prices = ("--model", "openai/gpt-4o-mini", "--input-tokens", 1000, "--output-tokens", 1000)
    facts = as_json("plan", "--mde", 0.5, "--from", table, *prices)
    basis = facts["basis"]
    assert basis["pool"] == 200
    assert basis["sigma2"] is not None
    assert basis["design_effect"] > 0
    assert not facts["enough"], "200 samples are too few for half a point, however often they are asked"
    assert facts["mde"] > 0.5
    assert facts["cost"] == pytest.approx(facts["attempts_each"] * 0.75e-3)
    coarse = as_json("plan", "--mde", 30, "--from", table, *prices)
    assert coarse["enough"]
    assert coarse["epochs"] == 1
    dear = as_json("plan", "--mde", 4, "--from", table, *prices, "--item-cost", 1)
    assert dear["enough"], "who buys samples is not bound by the pool"
    assert dear["epochs"] > 1
    assert dear["k_star"] == pytest.approx(np.sqrt(basis["sigma2"] / (0.75e-3 * basis["omega2"])))


def test_a_plan_knows_the_tasks_samples_and_what_it_only_assumes(tmp_path: Path) -> None:
    questions = write_questions(tmp_path / "q.jsonl", 30)
    text = succeeded("plan", "--mde", 1, "--task", "mcq", "--data", questions)
    assert "30 samples" in text
    assert "assumed" in text
    assert "1 points cannot be seen" in text
    assert "give either --mde" in one_line(assay("plan"))
    assert "--item-cost" in one_line(assay("plan", "--mde", 1, "--item-cost", 1))
    assert "--epochs" in one_line(assay("plan", "--mde", 1, "--epochs", "many"))


def test_a_leaderboard_is_on_common_samples_and_says_what_is_certain(table: Path) -> None:
    facts = as_json("leaderboard", table)
    assert (facts["samples"], facts["samples_not_common"], facts["clusters"]) == (100, 100, 25)
    whole = as_json("leaderboard", table, "--common", 0.9)
    assert (whole["samples"], whole["models_left_out"]) == (200, ["half"])
    good, fair, poor = whole["models"]
    assert [good["model"], fair["model"], poor["model"]] == ["good", "fair", "poor"]
    assert (poor["rank_lower"], poor["rank_upper"], poor["p_top"]) == (3, 3, 0)
    assert good["rank_lower"] == 1
    assert good["lower"] < good["shrunk"] < good["score"] < good["upper"]
    assert sum(m["p_top"] for m in whole["models"]) == pytest.approx(1)
    assert as_json("leaderboard", table, "--common", 0.9) == whole, "seeded"
    assert "hold for all models at once" in succeeded("leaderboard", table)


def test_several_runs_are_compared_as_one_family(tmp_path: Path) -> None:
    questions = write_questions(tmp_path / "q.jsonl", 40)
    models = ("scripted/hash", "scripted/echo", "scripted/constant")
    given = [part for model in models for part in ("--model", model)]
    runs = [
        run["run"]
        for run in as_json("run", "mcq", "--data", questions, *given, "-p", "text=Answer: A", "--out", tmp_path / "r")
    ]
    facts = as_json("compare", *runs)
    tests = [c for pair in facts["pairs"] for c in pair["comparisons"]]
    p = [c["p"] for c in tests]
    assert facts["tests"] == len(tests) == 2
    assert [c["p_holm"] for c in tests] == pytest.approx(holm(p))
    assert [c["p_bh"] for c in tests] == pytest.approx(benjamini_hochberg(p))
    text = succeeded("compare", *runs)
    assert "All 2 tests together" in text
    assert "cannot see differences under" in text
    single = as_json("compare", *runs[:2])["comparisons"][0]
    assert "p_holm" not in single
    assert single["mde"] > 0
