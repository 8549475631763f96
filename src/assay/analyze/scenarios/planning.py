"""Plans under constraints: how many constraints a plan breaks, and at which size it begins to.

Constraints are read from a score's trace: a mapping of names to true or false, or a list of such verdicts,
under one of the names that scorers use.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from assay.analyze.scenarios.base import Derived, Label, Question, Row, Scenario

_KEYS = ("constraints", "checks", "satisfied", "met", "strict", "verdicts")
_BROKEN = ("violations", "violated", "broken")
_STEP = re.compile(r"^\s{0,6}(?:[-*•]|\(?\d{1,3}[.):]|(?:step|day) +\d+)\s", re.IGNORECASE | re.MULTILINE)


def constraints(row: Row) -> dict[str, bool] | None:
    """Each constraint with whether the plan keeps it; ``None`` where the trace does not say."""
    trace = row.seen.score.trace if row.seen is not None else {}
    for key in _KEYS:
        found = trace.get(key)
        if isinstance(found, Mapping):
            told = {str(name): kept for name, kept in found.items() if isinstance(kept, bool)}
        elif isinstance(found, list | tuple):
            names = trace.get("instructions", ())
            named = names if isinstance(names, list | tuple) and len(names) == len(found) else range(len(found))
            pairs = enumerate(zip(named, map(_kept, found), strict=True))
            told = {f"{name}#{at}": kept for at, (name, kept) in pairs if kept is not None}
        else:
            continue
        if told:
            return told
    return None


def _kept(one: object) -> bool | None:
    if isinstance(one, Mapping):
        one = next((one[key] for key in ("met", "satisfied", "passed", "value", "ok") if key in one), None)
    return one if isinstance(one, bool) else None


def violated(row: Row) -> int | None:
    """Constraints that the plan breaks."""
    told = constraints(row)
    if told is not None:
        return sum(not kept for kept in told.values())
    trace = row.seen.score.trace if row.seen is not None else {}
    for key in _BROKEN:
        found = trace.get(key)
        if isinstance(found, list | tuple | Mapping):
            return len(found)
        if isinstance(found, int) and not isinstance(found, bool):
            return found
    return None


def _asked(row: Row) -> float | None:
    told = constraints(row)
    return None if told is None else float(len(told))


def _share(row: Row) -> float | None:
    told = constraints(row)
    return sum(told.values()) / len(told) if told else None


def _exactly_one(row: Row) -> bool | None:
    count = violated(row)
    return None if count is None else count == 1


def _most(row: Row) -> bool | None:
    share = _share(row)
    return None if share is None else share < 0.5


def _violations(row: Row) -> float | None:
    count = violated(row)
    return None if count is None else float(count)


PLANNING = Scenario(
    "planning",
    "plans and texts under several constraints",
    (
        Question("Is it one constraint that breaks, or many?", ("label:one_violated", "label:most_violated")),
        Question("Do more constraints break it?", ("derived:constraints",)),
        Question("How near is a failed plan?", ("derived:constraints_kept", "derived:violations")),
    ),
    (
        Derived("constraints", "constraints that are checked", "constraints", _asked),
        Derived("violations", "constraints that are broken", "constraints", _violations),
        Derived("constraints_kept", "share of the constraints that are kept", "share", _share),
        Derived(
            "plan_steps",
            "numbered or bulleted lines of the reply",
            "steps",
            lambda r: float(len(_STEP.findall(r.output))),
        ),
    ),
    (
        Label("one_violated", "exactly one constraint is broken", _exactly_one),
        Label("most_violated", "the greater part of the constraints is broken", _most),
        Label("order_broken", "steps are in an order that cannot be carried out"),
        Label("conflict_unrepaired", "two parts of the plan exclude one another"),
        Label("total_miscalculated", "a sum of times or prices is wrong"),
    ),
    reads_trajectories=True,
)
