"""``assay ratings`` and the labels' part of ``assay judge-audit``, as scripts and people meet them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.cli.support import as_json, assay, one_line, succeeded


def battles(path: Path) -> Path:
    rng = np.random.default_rng(1)
    strength = {"strong": 1.0, "middling": 0.0, "weak": -1.0}
    rows = []
    for prompt in range(300):
        a, b = rng.choice(list(strength), 2, replace=False)
        chance = 1 / (1 + np.exp(strength[b] - strength[a]))
        winner = "tie" if prompt % 10 == 0 else ("model_a" if rng.random() < chance else str(b))
        rows += [(f"q{prompt}", a, b, winner, 100 + 50 * rng.random(), 100 + 50 * rng.random())] * (1 + prompt % 2)
    rows.append(("q0", "weak", "weak", "tie", 1.0, 1.0))
    rows.append(("q1", "weak", "strong", None, 1.0, 1.0))
    frame = pl.DataFrame(
        rows, schema=["question", "model_a", "model_b", "winner", "tokens_a", "tokens_b"], orient="row"
    )
    frame.write_parquet(path)
    return path


def test_ratings_come_with_ranks_clusters_style_and_the_next_battles(tmp_path: Path) -> None:
    file = battles(tmp_path / "battles.parquet")
    how = ("--map", "prompt=question", "--style", "tokens", "--next", 3)
    found = as_json("ratings", file, *how)
    assert [m["model"] for m in found["models"]] == ["strong", "middling", "weak"]
    assert found["left_out"] == {"no outcome": 1, "a model against itself": 1}
    assert (found["battles"], found["clusters"]) == (450, 300)
    for m in found["models"]:
        assert m["lower"] < m["elo"] < m["upper"]
        assert m["rank_lower"] <= m["rank"] <= m["rank_upper"]
    assert sum(m["p_top"] for m in found["models"]) == pytest.approx(1)
    (style,) = found["style"]
    assert style["lower"] < 0 < style["upper"], "tokens were drawn at random"
    assert len(found["next"]) == 3
    text = succeeded("ratings", file, *how)
    assert "450 battles of 300 prompts" in text
    assert "fight next" in text


def test_a_model_that_never_lost_is_named_and_the_rest_can_be_rated(tmp_path: Path) -> None:
    file = tmp_path / "battles.csv"
    file.write_text("model_a,model_b,score\na,b,1\nb,a,1\na,b,0.5\nz,a,1\nz,b,1\n")
    reason = one_line(assay("ratings", file))
    assert "2 groups" in reason
    assert "(1) z" in reason
    found = as_json("ratings", file, "--largest")
    assert {m["model"] for m in found["models"]} == {"a", "b"}
    assert found["not_rated"] == ["z"]


@pytest.mark.parametrize(
    ("text", "options", "reason"),
    [
        ("model_a,model_b,winner\na,b,c\n", (), "neither of the two models"),
        ("model_a,model_b\na,b\n", (), "no column winner or score"),
        ("model_a,winner\na,a\n", (), "no column model_b"),
        ("model_a,model_b,score\na,b,1.7\n", (), "--range"),
        ("model_a,model_b,winner\na,b,a\n", ("--style", "length"), "no column 'length_a'"),
        ("model_a,model_b,winner\na,b,a\nb,a,a\n", ("--length-controlled",), "one baseline"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(tmp_path: Path, text: str, options: tuple, reason: str) -> None:
    file = tmp_path / "battles.csv"
    file.write_text(text)
    assert reason in one_line(assay("ratings", file, *options))


def test_length_controlled_rates_stand_beside_those_as_judged(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    rows = []
    for prompt in range(200):
        for model, wordy in (("wordy", 400.0), ("terse", -100.0)):
            gap = wordy + 200 * rng.normal()
            rows.append((model, prompt, 1 + 1 / (1 + np.exp(-gap / 200 + rng.normal())), 1000 + gap, 1000.0))
    file = tmp_path / "prefs.csv"
    pl.DataFrame(rows, schema=["model", "prompt", "pref", "length_a", "length_b"], orient="row").write_csv(file)
    how = ("--map", "model_a=model", "--map", "score=pref", "--range", "1,2", "--baseline", "base")
    found = {m["model"]: m for m in as_json("ratings", file, *how, "--length-controlled")["models"]}
    assert found["wordy"]["raw"]["value"] > found["wordy"]["controlled"]["value"] + 0.1
    assert found["terse"]["controlled"]["value"] > found["terse"]["raw"]["value"]
    assert "wordy" in succeeded("ratings", file, *how, "--length-controlled")


def test_a_judge_audit_prices_labels_and_draws_the_next_ones(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    truth = (rng.random(300) < 0.6).astype(int)
    rows = pl.DataFrame(
        {
            "item": range(300),
            "label": [int(t) if i < 80 else None for i, t in enumerate(truth)],
            "verdict": np.where(rng.random(300) < 0.9, truth, 1 - truth),
            "kind": ["odd" if i % 2 else "even" for i in range(300)],
            "doubt": rng.random(300),
        }
    )
    file = tmp_path / "verdicts.csv"
    rows.write_csv(file)
    how = ("--label", "label", "--verdict", "verdict", "--strata", "kind", "--uncertainty", "doubt", "--next", 5)
    (part,) = as_json("judge-audit", file, *how, "--label-price", 2, "--judge-price", 0.01)["parts"]
    labels = part["labels"]
    assert {e["metric"] for e in labels["estimates"]} >= {"mean label, stratified"}
    (price,) = labels["prices"]
    assert price["spent"] == pytest.approx(2 * 80 + 0.01 * 300)
    assert price["labels_alone"] > price["spent"]
    assert len(labels["next"]) == 5
    assert all(0 < drawn["probability"] <= 1 and int(drawn["item"]) >= 80 for drawn in labels["next"])
    text = succeeded("judge-audit", file, *how, "--label-price", 2)
    assert "label next" in text
    assert "no column 'mood'" in one_line(
        assay("judge-audit", file, "--label", "label", "--verdict", "verdict", "--strata", "mood")
    )
