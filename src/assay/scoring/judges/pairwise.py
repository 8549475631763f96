"""Which of two answers is better, always asked in both orders.

A judge with a liking for the first answer shown contradicts itself when the order changes. Such a pair is a
tie, and is marked as inconsistent; a pair of which either order brought no verdict has none at all.
"""

from __future__ import annotations

import asyncio
from typing import Any, Literal

import msgspec

from assay.records import Message, Outcome, Score
from assay.scoring.judges.asking import Judge, Judgment, judge_failed, judge_once
from assay.scoring.judges.fences import fence_rule, fenced, mark_for
from assay.scoring.judges.verdicts import choice_reader

TEMPLATE = "pairwise/1"
Winner = Literal["a", "b", "tie"]

_READ = choice_reader("better", ("first", "second", "tie"))
_VALUE = {"a": 1.0, "tie": 0.5, "b": 0.0}


class PairJudgment(msgspec.Struct, frozen=True, omit_defaults=True):
    """One judge on one pair, in both orders."""

    a_first: Judgment
    b_first: Judgment

    @property
    def verdicts(self) -> tuple[Winner | None, Winner | None]:
        """The winner by each order."""
        return _winner(self.a_first, "a", "b"), _winner(self.b_first, "b", "a")

    @property
    def consistent(self) -> bool | None:
        """Whether both orders say the same; ``None`` unless both say something."""
        one, other = self.verdicts
        return None if one is None or other is None else one == other

    @property
    def winner(self) -> Winner | None:
        """The answer that wins in both orders, else a tie; ``None`` where an order brought no verdict."""
        if self.consistent is None:
            return None
        return self.verdicts[0] if self.consistent else "tie"


async def judge_pair(judge: Judge, question: str, a: str, b: str, *, criterion: str = "") -> PairJudgment:
    """Ask a judge which of the answers ``a`` and ``b`` is better, once with each shown first."""
    prompts = (pair_prompt(question, a, b, criterion=criterion), pair_prompt(question, b, a, criterion=criterion))
    return PairJudgment(*await asyncio.gather(*(judge_once(judge, p, _READ, template=TEMPLATE) for p in prompts)))


def pair_prompt(question: str, first: str, second: str, *, criterion: str = "") -> tuple[Message, ...]:
    """The prompt of one order."""
    mark = mark_for(question, first, second, criterion)
    rule = (
        "You compare two answers to the same request and say which serves it better. Ask first what the request "
        "really demands, then check each answer against it. Neither the order of the answers nor their length "
        f"or polish is a merit.\n{fence_rule(mark)}"
    )
    parts = [
        fenced("request", question, mark),
        fenced("first answer", first, mark),
        fenced("second answer", second, mark),
    ]
    if criterion:
        parts.append(f"Judge by this alone: {criterion}")
    parts.append(
        "Give your reasons in a few sentences, then close with one JSON object: "
        '{"better": "first"}, {"better": "second"} or {"better": "tie"}.'
    )
    return Message("system", rule), Message("user", "\n\n".join(parts))


def pair_score(judgment: PairJudgment) -> Score:
    """The pair as a score of answer ``a``: 1 won, 0.5 tie, 0 lost; ``judge_failed`` without a verdict."""
    trace: dict[str, Any] = {"a_first": msgspec.to_builtins(judgment.a_first)}
    trace |= {"b_first": msgspec.to_builtins(judgment.b_first), "consistent": judgment.consistent}
    if judgment.winner is None:
        return judge_failed(judgment.a_first.fault or judgment.b_first.fault or "no verdict", trace)
    said = "both orders agree" if judgment.consistent else "the orders disagree: tie"
    return Score(Outcome.SCORED, _VALUE[judgment.winner], judgment.winner, said, trace)


def _winner(judgment: Judgment, first: Winner, second: Winner) -> Winner | None:
    if judgment.verdict is None:
        return None
    named: dict[str, Winner] = {"first": first, "second": second, "tie": "tie"}
    return named[judgment.verdict["better"]]
