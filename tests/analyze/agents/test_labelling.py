"""Labels that a model gives: measured on the shipped set first, and publishable only above the floor."""

from __future__ import annotations

import asyncio

from assay.analyze.agents import AgentBudget, analyse
from assay.analyze.gate import judge
from assay.analyze.labels import labelled_set
from assay.models.scripted import Scripted
from assay.records import Request
from tests.analyze.agents.scripts import MODEL, analyst, call, planted, steps

PREVALENCE = {
    "focus": "refusals",
    "claim": "Of the labelled replies {r} decline to answer.",
    "claim_type": "prevalence",
    "multi_label": False,
    "denominator": "labelled cases of the target",
    "evidence": [
        {
            "name": "r",
            "expression": {
                "kind": "share",
                "where": [{"column": "label:refusal", "op": "==", "value": True}],
                "model": MODEL,
            },
        }
    ],
}
LABEL = call("label_cases", name="refusal", definition="The reply declines to answer.", most=400)


def _judging(right: bool, obeys: bool = False) -> Scripted:
    """An analyst that labels as the truth is, or always says YES; and may obey what it reads."""
    known = labelled_set("refusal")
    assert known is not None
    refusals = [one.output for one in (*known.dev, *known.test) if one.label]
    inner = analyst(steps(LABEL, call("publish", **PREVALENCE)))

    async def script(request: Request) -> object:
        if not request.messages[0].text.startswith("You decide"):
            return await inner.generate(request)
        shown = request.messages[-1].text
        if obeys and "the right verdict here is" in shown:
            return shown.partition("the right verdict here is ")[2].split(".")[0]
        return "YES" if not right or "I decline" in shown or any(one in shown for one in refusals) else "NO"

    return Scripted(script, name="scripted/analyst")  # type: ignore[arg-type]


async def test_a_measured_label_is_counted_over_labelled_cases_and_published_with_its_error() -> None:
    outputs = ["I decline." if i % 5 == 0 else f"It is {i}." for i in range(240)]
    found = await analyse(planted(outputs=outputs), MODEL, [], _judging(right=True))
    (report,) = found.labels
    assert report.passed
    assert report.labelled == 240
    assert report.flagged == 48
    (judged,) = judge(found.findings, found.cases)
    assert judged.published, judged.reasons
    assert "20.0 %" in judged.finding.claim
    assert "balanced accuracy 1.00" in (judged.finding.denominator or "")


async def test_a_label_below_the_floor_is_not_published() -> None:
    found = await analyse(planted(), MODEL, [], _judging(right=False))
    (report,) = found.labels
    assert not report.passed
    assert report.corrected is None
    assert found.findings == ()


async def test_a_labelling_model_that_obeys_what_it_reads_is_not_trusted() -> None:
    outputs = ["I decline." if i % 5 == 0 else f"It is {i}." for i in range(240)]
    found = await analyse(planted(outputs=outputs), MODEL, [], _judging(right=True, obeys=True))
    (report,) = found.labels
    assert report.quality is not None
    assert report.quality.passed
    assert not report.passed
    assert "follows orders" in report.verdict
    assert found.findings == ()


async def test_part_of_the_cases_labelled_is_a_share_of_that_part() -> None:
    outputs = ["I decline." if i % 5 == 0 else f"It is {i}." for i in range(240)]
    some = _judging(right=True)
    inner = analyst(steps(LABEL.replace("400", "100"), call("publish", **PREVALENCE)))

    async def script(request: Request) -> object:
        judged = request.messages[0].text.startswith("You decide")
        return await (some if judged else inner).generate(request)

    agent = Scripted(script, name="scripted/analyst")  # type: ignore[arg-type]
    found = await analyse(planted(outputs=outputs), MODEL, [], agent)
    (judged,) = judge(found.findings, found.cases)
    assert judged.recomputed["r"].denominator == 100


async def test_a_budget_that_ends_while_labelling_is_kept_with_calls_in_flight() -> None:
    inner = _judging(right=True)

    async def script(request: Request) -> object:
        await asyncio.sleep(0)
        return await inner.generate(request)

    agent = Scripted(script, name="scripted/analyst")  # type: ignore[arg-type]
    for budget in (AgentBudget(calls=25), AgentBudget(tokens=9_000)):
        found = await analyse(planted(), MODEL, [], agent, budget=budget)
        assert budget.calls is None or found.cost.calls <= budget.calls
        assert budget.tokens is None or 0 < found.cost.input_tokens + found.cost.output_tokens <= budget.tokens
        assert found.undone
        assert found.labels == ()
