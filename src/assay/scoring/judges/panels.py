"""Several judges, one verdict: majority, mean or median of those that answered.

A judge that failed has no vote and is counted. Too few votes, or votes that decide nothing, give no
verdict: a tie is not broken by the order of the judges.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from statistics import fmean, median
from typing import Any, Literal

import msgspec

from assay.records import Message, Outcome, Score
from assay.scoring.judges.asking import Judge, Judgment, judge_failed, judge_once
from assay.scoring.judges.verdicts import Reader

Rule = Literal["majority", "mean", "median"]


class PanelVerdict(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a panel decided."""

    rule: Rule
    value: Any
    """The word or number decided on; ``None`` where nothing was decided."""
    votes: tuple[tuple[str, Any], ...]
    """(judge, vote) of those that answered."""
    failed: tuple[str, ...] = ()
    """Judges that gave no verdict."""
    fault: str | None = None


async def ask_panel(
    judges: Sequence[Judge], messages: Sequence[Message], read: Reader, *, template: str
) -> list[Judgment]:
    """Put the same question to every judge at once; a judge listed twice is asked twice."""
    return list(await asyncio.gather(*(judge_once(j, messages, read, template=template) for j in judges)))


def decide(judgments: Sequence[Judgment], key: str, rule: Rule, *, quorum: int | None = None) -> PanelVerdict:
    """The panel's verdict on ``key``.

    Args:
        judgments: one a judge.
        key: the member of each verdict that is voted on.
        rule: ``majority`` (more than half of the votes), ``mean`` or ``median`` (of numbers).
        quorum: votes needed; more than half of the panel unless given.
    """
    votes = tuple((j.judge, j.verdict[key]) for j in judgments if j.verdict is not None)
    failed = tuple(j.judge for j in judgments if j.verdict is None)
    needed = len(judgments) // 2 + 1 if quorum is None else max(1, quorum)
    if len(votes) < needed:
        fault = f"{len(votes)} of {len(judgments)} judges gave a verdict, {needed} are needed"
        return PanelVerdict(rule, None, votes, failed, fault)
    values = [vote for _, vote in votes]
    if rule != "majority":
        return PanelVerdict(rule, fmean(values) if rule == "mean" else median(values), votes, failed)
    value, count = Counter(values).most_common(1)[0]
    if 2 * count <= len(values):
        return PanelVerdict(rule, None, votes, failed, f"no verdict has more than half of the {len(values)} votes")
    return PanelVerdict(rule, value, votes, failed)


def panel_score(judgments: Sequence[Judgment], key: str, rule: Rule, *, quorum: int | None = None) -> Score:
    """A panel's numerical verdict as a score; ``judge_failed`` where it has none. The trace keeps every exchange."""
    verdict = decide(judgments, key, rule, quorum=quorum)
    trace: dict[str, Any] = {"panel": msgspec.to_builtins(verdict), "judgments": msgspec.to_builtins(judgments)}
    if verdict.value is None:
        return judge_failed(verdict.fault or "the panel decided nothing", trace)
    votes = ", ".join(f"{name} {vote:g}" for name, vote in verdict.votes)
    return Score(Outcome.SCORED, float(verdict.value), explanation=f"{rule} of judges: {votes}", trace=trace)
