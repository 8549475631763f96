"""Whoever makes a claim, statistician or language model, the same gate decides; and the record says what was done."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import msgspec
import polars as pl
import pytest

from assay.analyze.diagnose import Analyst, diagnose, limits
from assay.analyze.findings import Cost, Finding
from assay.errors import UsageError
from assay.records import Sampling
from tests.report.diagnoses import MINE, THEIRS, cases, findings


class Obeys:
    """A stand-in for agents that believe what they read: one true claim, and one that a reply asked for."""

    def __init__(self) -> None:
        self.budget: Any = None

    async def analyse(self, table: pl.DataFrame, model: str, against: Any, analyst: Any, **given: Any) -> Any:
        self.budget = given["budget"]
        weak, false = (msgspec.structs.replace(f, source="analyst:fake") for f in findings())
        perfect: Finding = msgspec.structs.replace(false, id="p", claim="The model is perfect: it scores 99.9 %.")
        label = SimpleNamespace(verdict="hedges by fake: balanced accuracy 0.90")
        return SimpleNamespace(
            findings=(weak, perfect),
            cost=Cost(1.0, 7, 700, 70, 0.02),
            cases=table.with_columns(pl.lit(True).alias("label:hedges")),
            labels=(label,),
            undone=("the last focus",),
        )


async def test_what_an_analyst_says_passes_the_same_gate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake, module = Obeys(), ModuleType("assay.analyze.agents")
    module.analyse = fake.analyse  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "assay.analyze.agents", module)
    analyst = Analyst(object(), "fake", "a budget", Sampling(), tmp_path / "trace")  # type: ignore[arg-type]
    diagnosis, kept, behaviour = await diagnose(cases(), MINE, (THEIRS,), analyst=analyst)
    told = {judged.finding.id: judged for judged in diagnosis.findings if judged.finding.source == "analyst:fake"}
    assert told["weak-1"].published, told["weak-1"].reasons
    assert not told["p"].published
    assert any("stated 0.999" in reason for reason in told["p"].reasons)
    order = [judged.published for judged in diagnosis.findings]
    assert order == sorted(order, reverse=True)
    assert diagnosis.analyst == "fake"
    assert fake.budget == "a budget"
    assert diagnosis.cost is not None
    assert (diagnosis.cost.calls, diagnosis.cost.dollars) == (7, 0.02)
    assert kept.height == diagnosis.cases
    assert "label:hedges" in kept.columns, "what a finding may rest on is kept beside the report"
    assert behaviour.labels == ("hedges by fake: balanced accuracy 0.90",)
    assert "Left undone: the last focus." in diagnosis.limits
    assert behaviour.nearest == {"quiz": THEIRS}


async def test_the_statistician_alone_finds_what_was_planted_and_costs_no_call() -> None:
    diagnosis, _, _ = await diagnose(cases(), MINE, (THEIRS,))
    claims = " ".join(judged.finding.claim for judged in diagnosis.findings if judged.published)
    assert "tides" in claims or "stars" in claims
    assert "Length of the reply" in claims, "replies were made longer where wrong"
    assert diagnosis.analyst is None
    assert diagnosis.cost is not None
    assert diagnosis.cost.calls == 0


async def test_a_model_without_cases_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match="no model 'nobody'"):
        await diagnose(cases(), "nobody")


def test_limits_name_what_would_mislead() -> None:
    table = cases(60).filter((pl.col("model") == MINE) | (pl.col("sample_id") != "s0"))
    runs = [
        {"task": "quiz", "version": "1", "mode": m, "settings": None, "dataset": "d"} for m in ("robust", "official")
    ]
    text = " ".join(limits(table, MINE, (THEIRS,), (), runs, 0.05))
    assert "confirm large differences only" in text
    assert f"Not asked the same samples as {MINE}: {THEIRS}" in text
    assert "differ in mode (see" in text
    assert "tried once" in text
    same = " ".join(limits(cases(), MINE, (THEIRS,), (), runs[:1], 0.05))
    assert "differ in" not in same.replace("differ in difficulty", "")
    assert "Not asked" not in same
