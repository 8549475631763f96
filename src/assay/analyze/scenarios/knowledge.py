"""Multiple-choice questions of knowledge: what was picked, and whether it is what everybody gets wrong."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from assay.analyze.scenarios.base import Derived, Key, Label, Question, Row, Scenario, Value
from assay.analyze.scenarios.texts import last_question, letter, only_number, options, words

if TYPE_CHECKING:
    import polars as pl

FEWEST_OTHERS = 3
"""Other models that a sample needs before anything is called common."""
_NEGATED = re.compile(
    r"\b(?:NOT|EXCEPT|LEAST|FALSE|INCORRECT)\b|(?i:\bwhich (?:(?:one )?of (?:the following|these) )?(?:\w+ ){0,4}"
    r"(?:is|are|does|do|was|were|would|could|can|has|have)(?: not\b|n't\b))|\b(?:is|are) (?:false|incorrect|untrue)\b"
    r"|\bexcept(?: for)?\s*[:?]|不正确|不属于|不是|错误的是|除了"
)
_ALL_OR_NONE = re.compile(r"^(?:all|none|both|neither) (?:of )?(?:the )?(?:above|these|them)|^以上(?:都|皆)", re.I)


def facts(cases: pl.DataFrame) -> dict[Key, dict[str, Value]]:
    """For each model and sample: what most of the *other* models answered wrongly, and how many are right."""
    votes: dict[tuple[str, str], list[tuple[str, str | None, bool]]] = {}
    kept = ("task", "sample_id", "model", "answer", "right")
    for task, sample, model, answer, right in cases.select(kept).iter_rows():
        if right is not None:
            votes.setdefault((task, sample), []).append((model, letter(answer), right))
    found: dict[Key, dict[str, Value]] = {}
    for (task, sample), cast in votes.items():
        for model in {one[0] for one in cast}:
            others = [one for one in cast if one[0] != model]
            if len({one[0] for one in others}) < FEWEST_OTHERS:
                continue
            top = Counter(said for _, said, right in others if not right and said is not None).most_common(2)
            clear = top and top[0][1] >= 2 and (len(top) < 2 or top[0][1] > top[1][1])
            found[model, task, sample] = {
                "common_wrong": top[0][0] if clear else None,
                "others_right": sum(right for _, _, right in others) / len(others),
            }
    return found


def _options(row: Row) -> dict[str, str]:
    if "options" not in row.shared:
        given = row.seen.sample.choices if row.seen is not None else ()
        found = {chr(ord("A") + at): text for at, text in enumerate(given)} if given else options(row.text("prompt"))
        row.shared["options"] = found
    shown: dict[str, str] = row.shared["options"]
    return shown


def _place(column: str) -> Derived:
    def of(row: Row) -> float | None:
        found = letter(row.case.get(column))
        return None if found is None else float(ord(found) - ord("A") + 1)

    what = "picked" if column == "answer" else "right"
    return Derived(f"{what}_position", f"place of the {what} option, 1 is the first", "place", of)


def negated(row: Row) -> bool:
    """Whether the question asks for the exception."""
    return _NEGATED.search(last_question(row.text("prompt"))) is not None


def _longest(column: str) -> Derived:
    def of(row: Row) -> bool | None:
        shown, found = _options(row), letter(row.case.get(column))
        if found not in shown or found is None:
            return None
        return all(len(shown[found]) > len(text) for at, text in shown.items() if at != found)

    what = "picked" if column == "answer" else "right"
    return Derived(f"{what}_longest", f"the {what} option is the longest one", "share", of)


def _numeric(row: Row) -> bool | None:
    shown = _options(row)
    if not shown:
        return None
    digits = [any(c.isdigit() for c in text) and sum(c.isalpha() for c in text) <= 12 for text in shown.values()]
    return sum(digits) > len(digits) / 2


def _all_or_none(row: Row) -> bool | None:
    shown = _options(row)
    return any(_ALL_OR_NONE.search(text) for text in shown.values()) if shown else None


def _common(row: Row) -> bool | None:
    common, mine = row.facts.get("common_wrong"), letter(row.case.get("answer"))
    return None if common is None or mine is None else mine == common


def _alone(row: Row) -> bool | None:
    others = row.facts.get("others_right")
    return None if not isinstance(others, float) else others >= 2 / 3


def _not_offered(row: Row) -> bool | None:
    shown, mine = _options(row), letter(row.case.get("answer"))
    return None if not shown or mine is None else mine not in shown


def _neighbour(row: Row) -> bool | None:
    """Whether options are numbers and the picked one is next in size to the right one."""
    shown = {at: only_number(text) for at, text in _options(row).items()}
    mine, gold = letter(row.case.get("answer")), letter(row.case.get("target"))
    if mine not in shown or gold not in shown or None in shown.values() or mine == gold:
        return None
    order = sorted(shown, key=lambda at: shown[at])  # type: ignore[arg-type, return-value]
    return abs(order.index(mine) - order.index(gold)) == 1


KNOWLEDGE = Scenario(
    "knowledge",
    "multiple-choice questions of knowledge",
    (
        Question("Does it fall for the distractor that other models fall for?", ("label:common_distractor",)),
        Question("What does it miss that most others know?", ("label:alone_wrong",)),
        Question("Do questions for the exception trip it?", ("derived:negated",)),
        Question("Does it favour places or long options?", ("derived:picked_position", "derived:picked_longest")),
        Question("Is it calculation rather than knowledge that fails?", ("derived:numeric_options",)),
    ),
    (
        _place("answer"),
        _place("target"),
        Derived("negated", "the question asks for the exception", "share", negated),
        _longest("answer"),
        _longest("target"),
        Derived("numeric_options", "most options are numbers", "share", _numeric),
        Derived("all_or_none_option", "an option is all or none of the others", "share", _all_or_none),
        Derived("question_words", "length of the question", "words", lambda r: float(len(words(_asked(r))))),
        Derived(
            "others_right", "share of the other models that solve it", "share", lambda r: r.facts.get("others_right")
        ),
    ),
    (
        Label("common_distractor", "picks the favourite wrong option of the other models", _common),
        Label("alone_wrong", "wrong where at least two thirds of the other models are right", _alone),
        Label("not_offered", "answers with a letter that no option has", _not_offered),
        Label("neighbouring_value", "picks the number next in size to the right one", _neighbour),
        Label("knowledge_gap", "the reply states a fact that is false and decides the answer"),
        Label("misread_question", "the reply answers another question than the one asked"),
        Label("reasoning_slip", "the facts are right and the conclusion does not follow"),
    ),
    facts,
)


def _asked(row: Row) -> str:
    return last_question(row.text("prompt"))
