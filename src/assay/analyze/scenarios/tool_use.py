"""Tool use: calls that are wasted, malformed or missing."""

from __future__ import annotations

import json
import re
from typing import Any

from assay.analyze.scenarios.base import Derived, Label, Question, Row, Scenario
from assay.analyze.scenarios.texts import bare
from assay.records import ToolCall

_FAILED = re.compile(r"\s*(?:\{?\s*[\"']?(?:error|exception)\b|traceback|invalid\b|not found)", re.IGNORECASE)
LONGEST = 100_000


def calls(row: Row) -> list[ToolCall]:
    """The tool calls in order."""
    if row.seen is None:
        return []
    return [call for one in row.seen.trajectory.calls for call in one.response.tool_calls]


def arguments(call: ToolCall) -> dict[str, Any] | None:
    """A call's arguments; ``None`` where they are no JSON object."""
    if len(call.arguments) > LONGEST:
        return None
    try:
        found = json.loads(call.arguments or "{}")
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _same(call: ToolCall) -> str:
    found = arguments(call)
    return f"{call.name}\0{call.arguments if found is None else json.dumps(found, sort_keys=True)}"


def repeated(row: Row) -> int:
    """Calls that were made before with the same arguments, in whatever order they were written."""
    made = [_same(call) for call in calls(row)]
    return len(made) - len(set(made))


def results(row: Row) -> list[str]:
    """What the tools answered, in order."""
    return [] if row.seen is None else [m.text for m in row.seen.trajectory.messages if m.role == "tool"]


def offered(row: Row) -> set[str]:
    """The names of the tools that the model had."""
    return set() if row.seen is None else {t.name for call in row.seen.trajectory.calls for t in call.request.tools}


def _unknown(row: Row) -> int | None:
    known = offered(row)
    return sum(call.name not in known for call in calls(row)) if known else None


def after_answer(row: Row) -> int | None:
    """Calls made after a tool had given the answer; ``None`` where no tool did, or the target is too short to tell."""
    target = row.case.get("target")
    wanted = bare(target)
    if row.seen is None or len(wanted) < 4:
        return None
    known, later = False, 0
    for message in row.seen.trajectory.messages:
        if message.role == "tool" and not known:
            known = wanted in bare(message.text[:LONGEST])
        elif message.role == "assistant" and known:
            later += len(message.tool_calls)
    return later if known else None


def _count(value: int | None) -> float | None:
    return None if value is None else float(value)


def _if_called(row: Row, found: bool) -> bool | None:
    return found if calls(row) else None


def _unused(row: Row) -> bool | None:
    return not calls(row) if offered(row) else None


def _unfinished(row: Row) -> bool | None:
    """Whether the last thing the model said was another call."""
    if row.seen is None or not row.seen.trajectory.calls:
        return None
    return bool(row.seen.trajectory.response.tool_calls) if offered(row) or calls(row) else None


def _stuck(row: Row) -> bool | None:
    """The same call, three times or more in a row."""
    made = [_same(call) for call in calls(row)]
    return any(a == b == c for a, b, c in zip(made, made[1:], made[2:], strict=False)) if made else None


DERIVED = (
    Derived("tools_used", "different tools called", "tools", lambda r: float(len({c.name for c in calls(r)}))),
    Derived("repeated_calls", "calls made before with the same arguments", "calls", lambda r: float(repeated(r))),
    Derived(
        "invalid_calls",
        "calls whose arguments are no JSON object",
        "calls",
        lambda r: float(sum(arguments(c) is None for c in calls(r))),
    ),
    Derived("unknown_calls", "calls of tools that do not exist", "calls", lambda r: _count(_unknown(r))),
    Derived(
        "failed_calls",
        "tool results that report an error",
        "calls",
        lambda r: float(sum(_FAILED.match(text) is not None for text in results(r))),
    ),
    Derived(
        "calls_after_answer", "calls made after a tool had given the answer", "calls", lambda r: _count(after_answer(r))
    ),
)
LABELS = (
    Label("repeated_call", "makes a call again with the same arguments", lambda r: _if_called(r, repeated(r) > 0)),
    Label("stuck_on_call", "makes the same call three times in a row", _stuck),
    Label(
        "invalid_arguments",
        "a call's arguments are no JSON object",
        lambda r: _if_called(r, any(arguments(c) is None for c in calls(r))),
    ),
    Label("unknown_tool", "calls a tool that does not exist", lambda r: None if (n := _unknown(r)) is None else n > 0),
    Label("no_tool_used", "answers without any call though tools were offered", _unused),
    Label("unfinished", "is still calling when the steps are used up", _unfinished),
    Label("wrong_tool", "calls a tool that cannot help"),
    Label("result_ignored", "answers against what a tool said"),
    Label("policy_broken", "does what the instructions rule out"),
)

TOOL_USE = Scenario(
    "tool_use",
    "tasks that need tools",
    (
        Question("Does it waste calls?", ("derived:repeated_calls", "derived:calls_after_answer")),
        Question("Does it break the call format?", ("label:invalid_arguments", "label:unknown_tool")),
        Question("Does it recover from errors, or get stuck?", ("derived:failed_calls", "label:stuck_on_call")),
        Question("Does it call at all, and come to an end?", ("label:no_tool_used", "label:unfinished")),
    ),
    DERIVED,
    LABELS,
    reads_trajectories=True,
)
