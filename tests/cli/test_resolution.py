"""``assay resolution``: the question first, reliability last, and every item kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from tests.cli.support import as_json, assay, one_line, succeeded


def table(path: Path, models: int, seed: int = 0) -> Path:
    """Answers of models of rising skill to 60 items, the key of q0 wrong: all but the weakest say A, the key is B."""
    rng = np.random.default_rng(seed)
    rows = []
    for m in range(models):
        for j in range(60):
            right = rng.random() < (m + 1) / (models + 1)
            answer = "A" if right else str(rng.choice(["B", "C", "D"]))
            key = "A"
            if j == 0:
                answer, key = ("B" if m == 0 else "A"), "B"
            rows.append((f"model-{m}", f"q{j}", answer, int(answer == key), "even" if j % 2 == 0 else "odd"))
    frame = pl.DataFrame(rows, schema=["model", "item", "answer", "score", "kind"], orient="row")
    frame.write_csv(path)
    return path


def test_the_wrong_key_is_the_first_suspect_and_the_whole_table_is_written(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", 8)
    items = tmp_path / "items.csv"
    facts = as_json("resolution", path, "--tag", "kind", "--top", 3, "--items", items, "--draws", 200)
    assert len(facts["suspects"]) == 3
    suspect = facts["suspects"][0]
    assert (suspect["item"], suspect["key"], suspect["wrong_answer"], suspect["action"]) == ("q0", "B", "A", "review")
    assert suspect["wrong_share"] == 7 / 8
    assert facts["report"]["resolution"]["items"] == 60
    assert facts["report"]["resolution"]["standings"][0]["model"] == "model-7"
    assert {part["tag"] for part in facts["report"]["parts"]} == {"even", "odd"}
    assert facts["report"]["frontier"]["saturation"] > 0.5
    assert sum(facts["actions"].values()) == 60
    assert pl.read_csv(items).height == 60


def test_neighbours_told_apart_come_before_reliability(tmp_path: Path) -> None:
    text = succeeded("resolution", table(tmp_path / "t.csv", 6), "--draws", 200)
    assert text.index("neighbours in the ranking told apart") < text.index("all pairs told apart")
    assert text.strip().splitlines()[-1].startswith("KR-20")
    assert text.count("KR-20") == 1


def test_few_models_are_told_what_they_cannot_say(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", 3)
    done = assay("resolution", path, "--draws", 200)
    assert done.returncode == 0, done.stderr
    assert "too few to fit a scale of ability" in done.stderr
    assert "separable at 95 %" not in done.stdout
    assert "four models" in one_line(assay("resolution", path, "--both-halves"))
    assert "two or more" in one_line(assay("resolution", table(tmp_path / "one.csv", 1)))
    assert "kindred" in one_line(assay("resolution", path, "--tag", "kindred"))
    assert ".parquet" in one_line(assay("resolution", path, "--items", tmp_path / "items.txt"))
