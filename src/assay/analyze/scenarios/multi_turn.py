"""Conversations of several turns: whether what was right stays right, and whether the model repeats itself."""

from __future__ import annotations

import re
from itertools import pairwise

from assay.analyze.scenarios.base import Derived, Label, Question, Row, Scenario
from assay.analyze.scenarios.texts import words

_ROUND = re.compile(r"(?:round|turn)[_ ]?(\d{1,3})")
_SORRY = re.compile(r"\b(?:i apologi[sz]e|my apologies|i(?:'m| am) sorry|you(?:'re| are) right)\b|抱歉|对不起", re.I)


def replies(row: Row) -> list[str]:
    """The model's replies in order."""
    return [] if row.seen is None else [call.response.text for call in row.seen.trajectory.calls]


def by_turn(row: Row) -> list[float]:
    """The score after each turn, where the scorer gives it (``round_K`` or ``turn_K``), or of each judged step."""
    if row.seen is None:
        return []
    numbered = {_ROUND.fullmatch(name): value for name, value in row.seen.score.values.items()}
    found = sorted((int(match[1]), value) for match, value in numbered.items() if match is not None)
    if found:
        return [value for _, value in found]
    steps = row.seen.score.trace.get("steps")
    steps = [one for one in steps if isinstance(one, dict)] if isinstance(steps, list) else []
    return [float(one["value"] or 0) for one in steps if isinstance(one.get("value"), int | float | None)]


def _length_trend(row: Row) -> float | None:
    lengths = [len(words(text)) for text in replies(row)]
    return lengths[-1] / lengths[0] if len(lengths) > 1 and lengths[0] else None


def _repeats(row: Row) -> bool | None:
    said = [" ".join(words(text)) for text in replies(row)]
    said = [text for text in said if text]
    return None if len(said) < 2 else len(set(said)) < len(said)


def _first(row: Row) -> float | None:
    scores = by_turn(row)
    return scores[0] if scores else None


def _wrong_from(row: Row) -> float | None:
    return next((float(at) for at, value in enumerate(by_turn(row), 1) if value < 0.5), None)


def _lost(row: Row) -> bool | None:
    scores = by_turn(row)
    return None if len(scores) < 2 else any(a >= 0.5 > b for a, b in pairwise(scores))


def _from_start(row: Row) -> bool | None:
    scores = by_turn(row)
    return None if len(scores) < 2 else all(value < 0.5 for value in scores)


MULTI_TURN = Scenario(
    "multi_turn",
    "conversations of several turns",
    (
        Question("Does it lose what it had right?", ("label:lost_it", "derived:first_wrong_turn")),
        Question("Is it wrong from the start, and stays so?", ("label:never_right", "derived:first_turn_score")),
        Question("Does it repeat itself when told to think again?", ("label:same_reply",)),
        Question("Do replies shrink or swell?", ("derived:length_trend",)),
    ),
    (
        Derived("first_turn_score", "score after the first turn", "share", _first),
        Derived("first_wrong_turn", "the first turn that is wrong", "turn", _wrong_from),
        Derived("length_trend", "words of the last reply over those of the first", "ratio", _length_trend),
        Derived(
            "apologises",
            "a reply apologises or gives in",
            "share",
            lambda r: any(map(_SORRY.search, replies(r))) if replies(r) else None,
        ),
    ),
    (
        Label("lost_it", "right at one turn and wrong at the next", _lost),
        Label("never_right", "wrong at every turn", _from_start),
        Label("same_reply", "gives the same reply again", _repeats),
        Label("forgot_constraint", "drops what an earlier turn asked for"),
        Label("contradicts_itself", "states the opposite of an earlier turn without saying so"),
    ),
    reads_trajectories=True,
)
