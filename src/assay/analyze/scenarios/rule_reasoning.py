"""Reasoning by a rule that the prompt gives: whether the rule, not habit, made the answer."""

from __future__ import annotations

import re

from assay.analyze.scenarios.base import Derived, Label, Question, Row, Scenario
from assay.analyze.scenarios.texts import bare, copied_share, equations, words

_MENTION = re.compile(
    r"\b(?:rules?|according to the|as defined|by definition|the definition|as given|the story|the instructions?)\b"
    r"|规则|根据|定义",
    re.IGNORECASE,
)
_STEP = re.compile(r"^\s{0,6}(?:[*#-]+ *)?(?:step +\d+|\(?\d{1,3}[.):]|第.步)", re.IGNORECASE | re.MULTILINE)
_MARKS = tuple(map(re.compile, (r"[;；]", r"[,，]", r"\s")))
"""What parts a list, the strongest first."""
MOST_PARTS = 200
_QUOTED = re.compile(r"[\"“'‘`]([^\"“”'‘’`\n]{3,200})[\"”'’`]")
_PLACEHOLDER = re.compile(
    r"(?:the |your )?(?:(?:final |decrypted |encrypted |correct )?answer(?: here)?)|\.{3}|…", re.I
)


def parts(text: str, mark: re.Pattern[str]) -> list[str]:
    """The parts of an answer that lists several things, blanks inside them left out."""
    inner = text.strip().strip("[]() ").replace("[", "").replace("]", "").lower()
    return ["".join(one.split()) for one in mark.split(inner) if one.strip()][:MOST_PARTS]


def both_parts(row: Row) -> tuple[list[str], list[str]] | None:
    """The parts of answer and target, split by the mark that the target has; ``None`` for targets of one part."""
    answer, target = row.case.get("answer"), row.text("target")
    if not isinstance(answer, str) or " | " in target:
        return None
    mark = next((mark for mark in _MARKS if mark.search(target.strip())), None)
    if mark is None:
        return None
    wanted = parts(target, mark)
    return (parts(answer, mark), wanted) if len(wanted) > 1 else None


def parts_right(row: Row) -> float | None:
    """Share of the target's parts that the answer has in their place."""
    both = both_parts(row)
    if both is None:
        return None
    given, wanted = both
    return sum(one == other for one, other in zip(wanted, given, strict=False)) / len(wanted)


def _mentions(row: Row) -> bool:
    return _MENTION.search(row.output) is not None


def _slips(row: Row) -> list[bool]:
    if "steps" not in row.shared:
        row.shared["steps"] = [one.holds for one in equations(row.output)]
    held: list[bool] = row.shared["steps"]
    return held


def _bare_answer(row: Row) -> bool:
    answer = row.case.get("answer")
    return isinstance(answer, str) and len(words(row.output)) <= len(words(answer)) + 5


def _cites_needle(row: Row) -> bool | None:
    """Whether the reply repeats a sentence of the rule that decides the question, where the sample names any."""
    about = row.seen.sample.metadata if row.seen is not None else {}
    needles = about.get("needle", about.get("needles", about.get("needle_sentences")))
    needles = [needles] if isinstance(needles, str) else needles
    if not isinstance(needles, list | tuple) or not needles:
        return None
    reply = row.output
    return any((copied_share(str(needle), reply) or 0.0) >= 0.5 for needle in needles)


def _real_life(row: Row) -> bool | None:
    real, answer = row.case.get("tag:real_life_answer"), row.case.get("answer")
    return None if real is None or answer is None else bare(answer) == bare(real)


def _some_parts(row: Row) -> bool | None:
    share = parts_right(row)
    return None if share is None else 0 < share < 1


def _count(row: Row) -> bool | None:
    """Whether the answer lists another number of things than the target."""
    both = both_parts(row)
    return None if both is None else len(both[0]) != len(both[1])


def _as_asked(row: Row) -> bool | None:
    """Whether the answer is something that the question itself puts in quotes."""
    answer = row.case.get("answer")
    if answer is None or len(bare(answer)) < 3:
        return None
    return bare(answer) in {bare(one) for one in _QUOTED.findall(row.text("prompt")[-1_500:])}


def _placeholder(row: Row) -> bool | None:
    answer = row.case.get("answer")
    return None if answer is None else _PLACEHOLDER.fullmatch(answer.strip().strip("[] ")) is not None


def _length(row: Row) -> bool | None:
    """For single words in capitals, as ciphers give them: whether the answer has another length."""
    answer, target = bare(row.case.get("answer")), bare(row.case.get("target"))
    plain = target.isalpha() and target.isascii() and len(target) >= 3 and row.text("target").strip("[] ").isupper()
    return len(answer) != len(target) if plain and answer.isalpha() else None


RULE_REASONING = Scenario(
    "rule_reasoning",
    "reasoning by a rule that the prompt gives",
    (
        Question("Does it work from the rule, or answer outright?", ("derived:rule_copied", "derived:bare_answer")),
        Question("Does it fall back on what holds in real life?", ("label:real_life_answer",)),
        Question("Does it get part of the way?", ("derived:parts_right", "label:partly_right")),
        Question("Is the rule right and the arithmetic wrong?", ("label:rule_arithmetic_slip",)),
        Question(
            "Does it answer in the asked shape?", ("label:other_count", "label:other_length", "label:placeholder")
        ),
    ),
    (
        Derived("rule_mentioned", "the reply speaks of the rule", "share", _mentions),
        Derived(
            "rule_copied",
            "share of the reply's four-word passages that stand in the prompt",
            "share",
            lambda r: copied_share(r.output, r.text("prompt")),
        ),
        Derived("needle_cited", "the reply repeats the deciding sentence of the rule", "share", _cites_needle),
        Derived("steps", "numbered steps in the reply", "steps", lambda r: float(len(_STEP.findall(r.output)))),
        Derived("bare_answer", "the reply is the answer and little else", "share", _bare_answer),
        Derived("rule_sums", "sums in the reply that can be done again", "sums", lambda r: float(len(_slips(r)))),
        Derived(
            "parts_right",
            "share of the answer's parts that are right",
            "share",
            parts_right,
        ),
    ),
    (
        Label("real_life_answer", "answers what holds in real life, against the rule", _real_life),
        Label("partly_right", "some parts of the answer are right, some are not", _some_parts),
        Label("other_count", "lists more or fewer things than asked", _count),
        Label("other_length", "the answer's text is longer or shorter than the right one", _length),
        Label("input_as_answer", "gives back a text that the question puts in quotes", _as_asked),
        Label("placeholder", "repeats the placeholder of the instructions as the answer", _placeholder),
        Label(
            "rule_arithmetic_slip",
            "states a sum that does not hold",
            lambda r: not all(_slips(r)) if _slips(r) else None,
        ),
        Label("rule_misread", "applies another rule than the one given"),
        Label("rule_dropped", "begins by the rule and leaves it midway"),
        Label("step_skipped", "leaves out a step that the rule asks for"),
    ),
)
