"""The course of an analysis: plan, look into each focus, put in order; and what of it was left undone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.structs import replace

from assay.analyze.agents import excerpts, prompts
from assay.analyze.agents.budget import AgentBudget, Purse
from assay.analyze.agents.labelling import labeller
from assay.analyze.agents.loop import Ended, Talker, converse
from assay.analyze.agents.proposals import ProposalRefused
from assay.analyze.agents.tools import Desk, Probed
from assay.analyze.agents.trace import Trace
from assay.analyze.findings import Cost, Finding
from assay.analyze.labels import LabelReport
from assay.engine.endpoint import Pace, RetryPolicy
from assay.errors import UsageError
from assay.models.prices import price_of
from assay.records import Price, Sampling
from assay.scoring.json_recovery import objects_in

if TYPE_CHECKING:
    import polars as pl

    from assay.task import Model

MOST_FOCI = 5
PLANNER_TURNS, ANALYST_TURNS, WRITER_TURNS = 6, 14, 2
_PATIENCE = RetryPolicy(patience=60.0)
_WRITER_SHARE = 0.05
"""Of the tokens, kept back for the writer."""


@dataclass(frozen=True)
class Analysis:
    """What the agents came back with."""

    findings: tuple[Finding, ...]
    """Unjudged."""
    cost: Cost
    trace: Path | None
    cases: pl.DataFrame
    """The records with the columns that labelling added: what the findings recompute from."""
    labels: tuple[LabelReport, ...] = ()
    undone: tuple[str, ...] = ()
    """What was left undone, and why; empty where all came to its end."""


class Focus(NamedTuple):
    """One thing to look into."""

    name: str
    questions: tuple[str, ...]


DEFAULT_FOCI = (
    Focus("weaknesses and strengths", ("On which kinds of questions is the score lower or higher than on the rest?",)),
    Focus("behaviour", ("Which behaviour variables differ between right and wrong cases?",)),
    Focus("failures", ("How do wrong cases fail, and how often each way?",)),
)
"""Looked into where the planner gives no plan."""


async def analyse(
    cases: pl.DataFrame,
    model: str,
    against: Sequence[str],
    analyst: Model,
    *,
    budget: AgentBudget | None = None,
    sampling: Sampling | None = None,
    trace_path: Path | None = None,
    seed: int = 0,
    probe: Probed | None = None,
    price: Price | None = None,
    known: Sequence[Finding] = (),
) -> Analysis:
    """Let a language model look for what statistics alone would not ask.

    Args:
        cases: case records with the column ``half``.
        model: the model that is diagnosed.
        against: its competitors.
        analyst: the analysing model; the caller closes it.
        budget: what it may use.
        sampling: how its replies are drawn; ``max_tokens`` bounds each reply further.
        trace_path: where each step is written, as JSON lines.
        seed: of every draw that is made here.
        probe: puts fresh samples to the diagnosed model (``probes.prober``); ``None``: no probes.
        price: what the analyst's tokens cost, where the table of prices does not say.
        known: findings that there are already (the statistician's): the planner is told what they are about, not what
            they say, since they speak of both halves; their tests are not submitted again.

    A budget that is spent, or an endpoint that fails, ends the analysis with what has been found until then; what was
    left undone is said. Raises ``UsageError`` for dollars without a price, ``StorageFailed`` for the trace.
    """
    budget = budget or AgentBudget()
    price = price or price_of(analyst.name)
    if budget.dollars is not None and price is None:
        raise UsageError(f"a budget in dollars needs a price for {analyst.name}, which is not known: give it in tokens")
    purse, trace = Purse(budget, price), Trace(trace_path)
    talker = Talker(Pace(policy=_PATIENCE).endpoint(analyst), sampling or Sampling(), purse, trace)
    rng = Random(seed)
    desk = Desk(cases, model, tuple(against), f"analyst:{analyst.name}", rng, labeller(talker, model, rng), probe)
    desk.known = tuple(finding.test for finding in known if finding.test is not None)
    undone: list[str] = []
    trace.step("analysis", "start", model=model, against=list(against), analyst=analyst.name, seed=seed)
    about = prompts.TASK.format(model=model, against=", ".join(against)[:1500] or "none", seed=seed)
    try:
        foci = await _planned(talker, desk, about, undone, [finding.focus for finding in known])
        await _investigated(talker, desk, about, foci, undone)
        findings = await _written(talker, desk, about, undone)
    finally:
        desk.close()
    cost = purse.cost()
    trace.step("analysis", "end", findings=[one.id for one in findings], undone=undone, calls=cost.calls)
    return Analysis(tuple(findings), cost, trace_path, desk.cases, tuple(desk.labels.values()), tuple(undone))


async def _planned(talker: Talker, desk: Desk, about: str, undone: list[str], known: Sequence[str]) -> list[Focus]:
    """What to look into, beyond what is known."""
    system = prompts.PLANNER.replace("MOST", str(MOST_FOCI))
    task = f"{about}\nWhat the records hold:\n{await desk.describe({})}"
    if known:
        task += "\nLooked into already:\n" + excerpts.fenced("\n".join(known)[:3_000], desk.rng)
    tools = desk.tools(("query", "read_cases"))
    left = talker.purse.tokens_left()
    part = None if left is None else left // 5
    ended = await converse(talker, "planner", system, task, tools, turns=PLANNER_TURNS, tokens=part)
    foci = _plan(ended.text)
    if not foci:
        undone.append(f"the planner gave no plan ({ended.why}): the usual questions were asked instead")
        talker.trace.step("planner", "note", text=undone[-1])
        return list(DEFAULT_FOCI)
    return foci


def _plan(text: str) -> list[Focus]:
    found = objects_in(text, "plan")
    entries: Any = found[-1].value["plan"] if found else []
    foci = []
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict) and isinstance(entry.get("focus"), str) and entry["focus"].strip():
            asked = entry.get("questions", ())
            questions = tuple(str(q)[:300] for q in asked[:5]) if isinstance(asked, list) else ()
            foci.append(Focus(excerpts.plain(entry["focus"])[:100], questions))
    return foci[:MOST_FOCI]


async def _investigated(talker: Talker, desk: Desk, about: str, foci: Sequence[Focus], undone: list[str]) -> None:
    """One analyst after the other, each with its part of what is left."""
    tools = desk.tools()
    for number, focus in enumerate(foci):
        left = talker.purse.tokens_left()
        part = None if left is None else int(left * (1 - _WRITER_SHARE)) // (len(foci) - number)
        asked = "\n".join(f"- {question}" for question in focus.questions)
        task = f"{about}\nYour focus: {focus.name}\n{asked}"
        who = f"analyst {number + 1}"
        ended = await converse(talker, who, prompts.ANALYST, task, tools, turns=ANALYST_TURNS, tokens=part)
        if ended.why != "done":
            undone.append(f"the focus {focus.name!r} was not looked into to the end ({ended.why})")
            talker.trace.step(who, "note", text=undone[-1])


async def _written(talker: Talker, desk: Desk, about: str, undone: list[str]) -> list[Finding]:
    """The findings in the writer's order, where there is a choice; none is lost and none is added."""
    findings = {finding.id: finding for _, finding in desk.findings}
    if len(findings) < 2:
        return list(findings.values())
    listed = "\n".join(f"{f.id} ({f.claim_type}; {f.focus}): {p.claim}" for p, f in desk.findings)
    task = f"{about}\nThe findings:\n{excerpts.fenced(listed, desk.rng)}"
    ended = await converse(talker, "writer", prompts.WRITER, task, {}, turns=WRITER_TURNS, tokens=None)
    if ended.why != "done":
        undone.append(f"the findings stand in the order in which they were found ({ended.why})")
    _reword(ended, desk, findings, talker.trace)
    order = _order(ended.text)
    return sorted(findings.values(), key=lambda one: order.index(one.id) if one.id in order else len(order))


def _order(text: str) -> list[str]:
    found = objects_in(text, "order")
    order = found[-1].value["order"] if found else []
    return [str(one) for one in order] if isinstance(order, list) else []


def _reword(ended: Ended, desk: Desk, findings: dict[str, Finding], trace: Trace) -> None:
    """Take the writer's wordings that pass what an analyst's have to pass."""
    found = objects_in(ended.text, "reworded")
    entries: Any = found[-1].value["reworded"] if found else []
    proposals = {finding.id: proposal for proposal, finding in desk.findings}
    for entry in entries if isinstance(entries, list) else []:
        if not isinstance(entry, dict) or entry.get("id") not in proposals:
            continue
        identity = str(entry["id"])
        try:
            findings[identity] = desk.finding(replace(proposals[identity], claim=str(entry.get("claim", ""))), identity)
        except ProposalRefused as refused:
            trace.step("writer", "note", text=f"{identity} keeps its wording: {refused}")
