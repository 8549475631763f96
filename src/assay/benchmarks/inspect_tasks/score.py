"""Inspect's scores as ours. A score that Inspect leaves out of its metrics is no score here either."""

from __future__ import annotations

from math import isfinite
from typing import Any

from inspect_ai.scorer import Score as InspectScore
from inspect_ai.scorer import value_to_float

from assay.records import Outcome, Response, Score
from assay.scoring.thinking import outcome_without_answer

_float = value_to_float()


def score_of(scores: dict[str, InspectScore | None], response: Response | None) -> Score:
    """The first scorer's value, with those of all scorers by name: ``scorer`` or ``scorer/key``."""
    values: dict[str, float] = {}
    for name, score in scores.items():
        values |= _numbers(name, score)
    name, first = next(iter(scores.items()))
    if first is None or next(iter(_numbers(name, first)), None) is None:
        reason = (first.explanation or str(first.reason or "")) if first is not None else ""
        said = f"{name} left it unscored" + (f": {reason}" if reason else "")
        return Score(Outcome.JUDGE_FAILED, answer=first.answer if first else None, explanation=said, values=values)
    value = next(iter(_numbers(name, first).values()))
    outcome = Outcome.SCORED
    if value == 0 and response is not None and not first.answer:
        found = outcome_without_answer(response)
        # Some scorers never say what they took for the answer: then silence means nothing.
        outcome = Outcome.SCORED if found is Outcome.UNPARSED and first.answer is None else found
    return Score(
        outcome,
        value if outcome is Outcome.SCORED else None,
        first.answer,
        _line(first.explanation),
        {"scores": {key: _plain(score) for key, score in scores.items()}},
        values,
    )


def _numbers(name: str, score: InspectScore | None) -> dict[str, float]:
    """A score's finite values: one, or one for each key."""
    if score is None:
        return {}
    parts: dict[str, Any] = {name: score.value}
    if isinstance(score.value, dict):
        parts = {f"{name}/{key}": value for key, value in score.value.items()}
    elif not isinstance(score.value, str | int | float | bool):
        parts = {f"{name}/{place}": value for place, value in enumerate(score.value)}
    numbers = {key: _float(value) for key, value in parts.items() if value is not None}
    return {key: number for key, number in numbers.items() if isfinite(number)}


def _line(text: str | None) -> str | None:
    return text.strip().splitlines()[0][:500] if text and text.strip() else None


def _plain(score: InspectScore | None) -> str | None:
    return None if score is None else str(score.value)
