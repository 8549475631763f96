"""The course of an analysis: what agents find passes the gate when it is true, and only then."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assay.analyze.agents import AgentBudget, analyse
from assay.analyze.gate import judge
from assay.errors import BadRequest, UsageError
from assay.models.scripted import Scripted
from assay.records import Price, Request, Response, Usage
from tests.analyze.agents.scripts import MODEL, RIVAL, analyst, call, gap, mean, native, planted, steps, weakness


async def test_a_true_weakness_is_found_tested_and_published() -> None:
    cases = planted()
    agent = analyst(
        steps(
            call("query", sql='SELECT "tag:kind", avg(score) FROM cases GROUP BY 1'),
            call("test_hypothesis", expression=gap()),
            call("publish", **weakness()),
        )
    )
    found = await analyse(cases, MODEL, [RIVAL], agent)
    assert found.undone == ()
    (judged,) = judge(found.findings, found.cases)
    assert judged.published, judged.reasons
    assert judged.finding.source == "analyst:scripted/analyst"
    assert judged.finding.test is not None
    assert judged.finding.test.direction == "lower"
    assert "points" in judged.finding.claim
    assert "{" not in judged.finding.claim


async def test_native_tool_calls_work_as_calls_in_text_do() -> None:
    cases = planted()
    in_text = await analyse(cases, MODEL, [], analyst(steps(call("publish", **weakness()))))
    by_tool = await analyse(cases, MODEL, [], analyst(steps(native("publish", **weakness()))))
    assert in_text.findings == by_tool.findings
    assert len(by_tool.findings) == 1


async def test_an_endpoint_without_tools_is_asked_without_them() -> None:
    inner = analyst(steps(call("publish", **weakness())))
    offered: list[bool] = []

    async def script(request: Request) -> Response:
        offered.append(bool(request.tools))
        if request.tools:
            raise BadRequest("tools are not supported")
        return await inner.generate(request)

    found = await analyse(planted(), MODEL, [], Scripted(script, name="scripted/analyst"))
    assert offered.count(True) == 1
    assert len(found.findings) == 1


async def test_what_fails_on_the_discovery_half_is_not_submitted() -> None:
    import polars as pl

    cases = planted()
    noise = cases.with_columns(
        pl.when(pl.int_range(pl.len()) % 8 < 4).then(pl.lit("a")).otherwise(pl.lit("b")).alias("n")
    )
    where = [{"column": "n", "op": "==", "value": v} for v in "ab"]
    test = {"op": "difference", "a": mean(where=[where[0]]), "b": mean(where=[where[1]])}
    results: list[str] = []

    def work(request: Request, turn: int) -> str:
        results.append(request.messages[-1].text)
        finding = {
            **weakness("The difference is {d}."),
            "evidence": [{"name": "d", "expression": test}],
            "selection": [],
        }
        return call("publish", **finding) if turn == 0 else "Done."

    found = await analyse(noise, MODEL, [], analyst(work))
    assert found.findings == ()
    assert "on the discovery half the difference is" in results[-1]


async def test_tools_see_one_half_only() -> None:
    cases = planted()
    seen: list[str] = []

    def work(request: Request, turn: int) -> str:
        seen.append(request.messages[-1].text)
        said = [
            call("query", sql="SELECT count(*) AS n, count(DISTINCT half) AS halves FROM cases"),
            call("read_cases", most=8),
        ]
        return said[turn] if turn < len(said) else "Done."

    await analyse(cases, MODEL, [], analyst(work))
    assert f"{cases.height // 2} | 1" in seen[1]
    hidden = cases.filter(cases["half"] == "confirmation")["case"].to_list()
    assert not any(f"case {case}:" in seen[2] for case in hidden)


async def test_the_writer_orders_and_rewords_but_loses_nothing() -> None:
    contrast = {
        "focus": "rival",
        "claim": "Against the rival the difference is {d}.",
        "claim_type": "contrast",
        "evidence": [{"name": "d", "expression": {"op": "difference", "a": mean(), "b": mean(model=RIVAL)}}],
    }
    writer = json.dumps(
        {
            "order": ["agent-2", "agent-99"],
            "reworded": [
                {"id": "agent-2", "claim": "Its score differs by {d} from the rival's."},
                {"id": "agent-1", "claim": "It is perfect: {hard}."},
                {"id": "agent-7", "claim": "{x}"},
            ],
        }
    )
    agent = analyst(steps(call("publish", **weakness()), call("publish", **contrast)), writer=writer)
    found = await analyse(planted(), MODEL, [RIVAL], agent)
    assert [one.id for one in found.findings] == ["agent-2", "agent-1"]
    assert found.findings[0].claim.startswith("Its score differs by -")
    assert found.findings[1].claim.startswith("On hard questions")


async def test_a_planner_without_a_plan_is_said_to_have_given_none() -> None:
    found = await analyse(planted(), MODEL, [], analyst(steps(), plan="I would rather not."))
    assert any("planner gave no plan" in one for one in found.undone)


@pytest.mark.parametrize(
    "budget", [AgentBudget(tokens=6_000), AgentBudget(calls=3), AgentBudget(dollars=0.05), AgentBudget(seconds=0.0)]
)
async def test_budgets_hold_and_say_what_was_left_undone(budget: AgentBudget) -> None:
    agent = analyst(lambda request, turn: call("query", sql="SELECT 1"))
    price = Price(input=5.0, output=10.0)
    found = await analyse(planted(), MODEL, [], agent, budget=budget, price=price)
    assert any("budget" in one for one in found.undone)
    spent = found.cost
    assert spent.dollars is not None
    assert budget.tokens is None or spent.input_tokens + spent.output_tokens <= budget.tokens
    assert budget.calls is None or spent.calls <= budget.calls
    assert budget.dollars is None or 0 < spent.dollars <= budget.dollars
    assert budget.seconds is None or spent.calls == 0


async def test_what_was_found_before_the_budget_ended_is_kept() -> None:
    def work(request: Request, turn: int) -> str:
        return call("publish", **weakness()) if turn == 0 else call("query", sql="SELECT 1")

    found = await analyse(planted(), MODEL, [], analyst(work), budget=AgentBudget(calls=4))
    assert len(found.findings) == 1
    assert found.undone


async def test_replies_without_counted_tokens_are_not_free() -> None:
    agent = analyst(lambda request, turn: Response(text=call("query", sql="SELECT 1"), usage=Usage()))
    found = await analyse(planted(), MODEL, [], agent, budget=AgentBudget(tokens=8_000))
    assert 0 < found.cost.input_tokens + found.cost.output_tokens <= 8_000


async def test_dollars_without_a_price_are_refused() -> None:
    unknown = Scripted(lambda request: "", name="nobody/knows")
    with pytest.raises(UsageError, match="price"):
        await analyse(planted(), MODEL, [], unknown, budget=AgentBudget(dollars=1.0))


async def test_every_step_is_on_record_and_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "quite-private-value")
    said = call("propose", hypothesis="quite-private-value and sk-abcdefghijklmnop1234 and Bearer abcdefghijkl")
    path = tmp_path / "trace.jsonl"
    found = await analyse(planted(), MODEL, [], analyst(steps(said, call("publish", **weakness()))), trace_path=path)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    calls = [line for line in lines if line["kind"] == "call"]
    assert len(calls) == found.cost.calls
    assert sum(line["input_tokens"] for line in calls) == found.cost.input_tokens
    assert [line["tool"] for line in lines if line["kind"] == "tool"] == ["propose", "publish"]
    text = path.read_text()
    assert not any(secret in text for secret in ("quite-private", "sk-abcdefg", "abcdefghijkl\\"))
    assert "[secret]" in text


async def test_the_same_seed_gives_the_same_analysis(tmp_path: Path) -> None:
    def replies(path: Path) -> list[str]:
        return [json.loads(line).get("result", "") for line in path.read_text().splitlines()]

    for name in "ab":
        agent = analyst(steps(call("read_cases", most=4)))
        await analyse(planted(), MODEL, [], agent, trace_path=tmp_path / name, seed=3)
    assert replies(tmp_path / "a") == replies(tmp_path / "b")


async def test_what_the_statistician_has_found_is_not_submitted_again() -> None:
    cases = planted()
    first = await analyse(cases, MODEL, [], analyst(steps(call("publish", **weakness()))))
    again = await analyse(cases, MODEL, [], analyst(steps(call("publish", **weakness()))), known=first.findings)
    assert len(first.findings) == 1
    assert again.findings == ()
