"""``assay calibrate`` and ``assay run --adaptive`` as users run them."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from assay.cli.adaptive import Wanted, check
from assay.errors import UsageError
from tests.cli.support import as_json, assay, one_line, succeeded


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 60 questions, runs of five models that guess, and a bank made of them."""
    folder = tmp_path_factory.mktemp("adaptive")
    rows = [
        {
            "id": f"q{i}",
            "question": f"{i} + 1?",
            "choices": [str(i + 1), "-5", "-7"],
            "answer": "A",
            "kind": "ab"[i % 2],
        }
        for i in range(60)
    ]
    (folder / "q.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for letters in ("AB", "AAB", "AAAB", "ABC", "AAAAAAB"):
        succeeded(*asking(folder, letters), "--out", folder / "runs" / letters, "--json")
    facts = as_json("calibrate", folder / "runs", "--tag", "kind", "-o", folder / "bank.parquet")
    assert facts["items"] == 60
    assert len(facts["models"]) == 5
    assert facts["validation"]
    return folder


def asking(folder: Path, letters: str) -> list[object]:
    return ["run", "mcq", "--data", folder / "q.jsonl", "-m", "scripted/hash", "-p", f"letters={letters}"]


def adaptive(folder: Path, out: str, budget: int = 24) -> list[object]:
    return [*asking(folder, "AAAAB"), "--adaptive", folder / "bank.parquet", "--budget", budget, "--out", folder / out]


def test_a_resumed_session_asks_only_what_is_missing_and_ends_as_if_it_had_not_stopped(made: Path) -> None:
    stopped = assay(*adaptive(made, "stopped"), "--max-tokens", 200)
    assert stopped.returncode == 3, stopped.stderr
    before = pl.read_parquet(made / "stopped" / "responses.parquet")
    assert 0 < before.height < 24
    resumed = as_json(*adaptive(made, "stopped"))
    whole = as_json(*adaptive(made, "whole"))
    after = pl.read_parquet(made / "stopped" / "responses.parquet")
    assert after.height == 24
    kept = after.join(before, on=["sample_id", "started"], how="inner")
    assert kept.height == before.height
    for result in (resumed, whole):
        assert result["n"] == 24
        assert result["of"] == 60
        assert result["lower"] <= result["estimate"] <= result["upper"]
    assert {**resumed, "run": ""} == {**whole, "run": ""}
    again = as_json(*adaptive(made, "whole"))
    assert again == whole
    assert pl.read_parquet(made / "whole" / "responses.parquet").height == 24


def test_plain_methods_are_printed_beside_the_estimate_and_show_says_what_the_samples_are(made: Path) -> None:
    printed = succeeded(*adaptive(made, "printed"))
    for method in ("random mean", "random + ridge", "anchors (IRT)", "p-IRT random", "gp-IRT", "hybrid difference"):
        assert method in printed
    assert "24 of 60 samples" in printed
    shown = succeeded("show", made / "printed")
    assert "accuracy of the chosen samples" in shown
    assert "no estimate of the score on the whole" in shown


def test_what_does_not_go_together_is_refused_in_one_line(made: Path) -> None:
    succeeded(*adaptive(made, "begun"))
    assert "begun with budget 24, not 30" in one_line(assay(*adaptive(made, "begun", budget=30)))
    assert "not adaptive" in one_line(assay(*adaptive(made, "runs/AB")))
    for words in ((["a", "b"], ["m"], None, None), (["a"], ["m"], 5, None), (["a"], ["m"], None, "1/2")):
        with pytest.raises(UsageError):
            check(Wanted(made / "bank.parquet", 24, None, 5), *words)
    few = made / "few.jsonl"
    few.write_text("".join((made / "q.jsonl").read_text().splitlines(keepends=True)[:50]))
    command = ["run", "mcq", "--data", few, "-m", "scripted/hash", "--adaptive", made / "bank.parquet"]
    assert "10 of the bank's 60" in one_line(assay(*command, "--out", made / "other"))


def test_a_session_starts_warm_from_the_parents_run(made: Path) -> None:
    warm = as_json(*adaptive(made, "warm"), "--warm-start", made / "runs" / "AAAAAAB")
    assert warm["settings"]["theta0"] > 0.3
    number = as_json(*adaptive(made, "number"), "--warm-start", "-1.5")
    assert number["settings"]["theta0"] == -1.5
