"""Search by an agent: whether the answer was found, and whether what was found was used.

Everything of ``tool_use`` holds here too; this file adds what is peculiar to queries and evidence.
"""

from __future__ import annotations

from assay.analyze.scenarios.base import Derived, Label, Question, Row, Scenario
from assay.analyze.scenarios.texts import bare, words
from assay.analyze.scenarios.tool_use import DERIVED, LABELS, LONGEST, arguments, calls, results

_QUERY = ("query", "q", "search_query", "queries", "question", "keywords")


def queries(row: Row) -> list[str]:
    """The search queries in order, their words sorted, so that a reworded order is the same query."""
    found = []
    for call in calls(row):
        given = arguments(call) or {}
        value = next((given[name] for name in _QUERY if name in given), None)
        found += [str(one) for one in value] if isinstance(value, list) else [] if value is None else [str(value)]
    return [" ".join(sorted(set(words(text[:2_000])))) for text in found]


def found_at(row: Row) -> float | None:
    """Which tool result was the first to hold the target, 1 is the first; ``None`` where none does."""
    wanted = bare(row.case.get("target"))
    if len(wanted) < 4:
        return None
    return next((float(at) for at, text in enumerate(results(row), 1) if wanted in bare(text[:LONGEST])), None)


def _new(row: Row) -> float | None:
    asked = queries(row)
    return len(set(asked)) / len(asked) if asked else None


def _seen_unused(row: Row) -> bool | None:
    decidable = bool(results(row)) and len(bare(row.case.get("target"))) >= 4
    return found_at(row) is not None if decidable else None


def _never(row: Row) -> bool | None:
    seen = _seen_unused(row)
    return None if seen is None else not seen


def _stopped_early(row: Row) -> bool | None:
    never = _never(row)
    return None if never is None else never and len(queries(row)) <= 2


AGENTIC_SEARCH = Scenario(
    "agentic_search",
    "questions that take a search",
    (
        Question("Did it never find the answer, or not use it?", ("label:never_found", "label:found_not_used")),
        Question("Does it ask new queries or the same ones?", ("derived:new_queries", "derived:repeated_calls")),
        Question("Does it give up early?", ("label:gave_up_early", "derived:queries")),
        Question("Does it go on after it knows?", ("derived:calls_after_answer",)),
    ),
    (
        *DERIVED,
        Derived("queries", "search queries", "queries", lambda r: float(len(queries(r)))),
        Derived("new_queries", "share of the queries that are not an earlier one again", "share", _new),
        Derived("found_at_result", "the first tool result that holds the target", "place", found_at),
    ),
    (
        *LABELS,
        Label("found_not_used", "a tool result holds the target and the answer is another", _seen_unused),
        Label("never_found", "no tool result holds the target", _never),
        Label("gave_up_early", "no more than two queries, none of which found it", _stopped_early),
        Label("condition_missed", "the answer fulfils the question but for one condition"),
        Label("wrong_entity", "follows another entity of the same name"),
    ),
    reads_trajectories=True,
)
