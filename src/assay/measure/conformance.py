"""Conformance: our verdicts beside stored official ones.

The official verdict is the truth here, whatever we think of it. Rows without one, and rows on which
our scorer itself failed, are left out of the rate and counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assay.engine.rows import RowReader, by_model, open_rows
from assay.engine.stored import judged, trajectory_of
from assay.errors import UsageError
from assay.measure.intervals import wilson
from assay.records import Outcome, Score

_TRUE = frozenset({"true", "1", "1.0", "yes", "correct", "right", "c"})
_FALSE = frozenset({"false", "0", "0.0", "no", "incorrect", "wrong", "i", "miss", "error"})


@dataclass
class Conformance:
    """Agreement of our scorer with stored verdicts."""

    mode: str
    confusion: Counter[tuple[bool, bool]] = field(default_factory=Counter)
    """(official, ours) -> rows."""
    by_model: dict[str, Counter[bool]] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)
    disagreements: list[dict[str, Any]] = field(default_factory=list)

    def facts(self, limit: int) -> dict[str, Any]:
        """As plain data, with at most ``limit`` disagreeing rows."""
        n = self.confusion.total()
        agreed = self.confusion[True, True] + self.confusion[False, False]
        interval = wilson(agreed, n) if n else (None, None)
        return {
            "mode": self.mode,
            "n": n,
            "agreed": agreed,
            "agreement": agreed / n if n else None,
            "interval": list(interval),
            "confusion": {
                f"{_word(official)}_{_word(ours)}": self.confusion[official, ours]
                for official in (True, False)
                for ours in (True, False)
            },
            "left_out": dict(self.left_out),
            "models": {name: {"n": c.total(), "agreed": c[True]} for name, c in self.by_model.items()},
            "disagreements": self.disagreements[:limit],
        }


async def compare_verdicts(
    reader: RowReader, file: Path, verdict: str, mode: str | None, tick: Callable[[], None]
) -> Conformance:
    """Score every row of ``file`` and hold it against its ``verdict`` column. Raises ``UsageError``."""
    frame = open_rows(file)
    names = frame.collect_schema().names()
    if verdict not in names:
        raise UsageError(f"no column {verdict!r} in {file}; there are: {', '.join(names)}")
    result: Conformance | None = None
    for model, rows in by_model(frame, reader.column("model", names)):
        for task, group in reader.by_task(rows):
            chosen = mode or task.mode
            if chosen not in task.scorers:
                raise UsageError(f"{task.name} has no mode {chosen!r}; it has: {', '.join(task.scorers)}")
            result = result or Conformance(chosen)
            official = [_verdict(row[verdict], verdict) for row in group]
            stored = list(reader.responses(task, group))
            attempts = ((s.sample, trajectory_of(s, model or "")) for s in stored)
            number = 0
            async for sample, _, score in judged(task, chosen, attempts):
                _count(result, model, sample.id, sample.target, official[number], score)
                number += 1
                tick()
    if result is None:
        raise UsageError(f"{file} holds no rows")
    return result


def _count(
    result: Conformance, model: str | None, sample_id: str, gold: Any, official: bool | None, score: Score
) -> None:
    if official is None:
        result.left_out["no official verdict"] += 1
        return
    if score.outcome in (Outcome.JUDGE_FAILED, Outcome.INFRA_FAILED):
        result.left_out[f"{score.outcome}: {score.explanation}"] += 1
        return
    ours = score.value is not None and score.value >= 1
    result.confusion[official, ours] += 1
    result.by_model.setdefault(model or "", Counter())[official == ours] += 1
    if official != ours:
        result.disagreements.append(
            {
                "model": model,
                "sample_id": sample_id,
                "official": official,
                "ours": ours,
                "outcome": score.outcome,
                "answer": score.answer,
                "gold": gold,
                "explanation": score.explanation,
            }
        )


def _verdict(value: Any, column: str) -> bool | None:
    if value is None:
        return None
    text = str(value).strip().lower()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise UsageError(f"column {column!r} holds {value!r}, which is no verdict: true/false or 1/0 were expected")


def _word(right: bool) -> str:
    return "right" if right else "wrong"
