"""What a family of rules is, and how one of its items is drawn and proved.

A family invents a rule and a question at random, knowing the answer by construction. Its solver is a
second, independent way to the answer that starts from the two texts alone: so an item that is proved
shows both that the gold answer is right and that the texts say enough to find it. Nothing leaves
``draw`` unproved: where the solver finds further answers the draw is repeated, where it does not find
the gold answer the family has a bug, and says so.

An item is a pure function of (seed, family, difficulty, index).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal

from assay.benchmarks.korgen.words import PLACES, rule_name
from assay.errors import AssayError, UsageError

VERSION = "2"
"""Changes whenever the samples of the default task, a prompt or a verdict change."""

_STREAMS = "1"
"""Names the streams that items are drawn from: another one would make every item of every family another one."""

DIFFICULTIES = (1, 2, 3, 4, 5)
ATTEMPTS = 5000
"""Draws in search of an item with a single answer before giving up; the worst level needs 60 on average."""

Kind = Literal["integer", "text", "list", "set", "letter", "grid"]


class ItemUnproved(AssayError):
    """A generator and its solver disagree, or no draw gave an item with a single answer."""


@dataclass(frozen=True)
class Item:
    """A rule, a question about it, and the answer."""

    rule: str
    question: str
    answer: str
    steps: int
    """Elementary steps of working the answer out by hand: what makes an item hard."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What else is known about the item: ``real_life_answer``, ``step_answers`` (results on the way to the answer)."""


Level = Mapping[str, int]


def levels(**values: tuple[int, int, int, int, int]) -> tuple[Level, ...]:
    """The five levels whose parameters take these values in turn."""
    return tuple({name: value[at] for name, value in values.items()} for at in range(len(DIFFICULTIES)))


def told(what: str, answers: Sequence[str]) -> dict[str, Any]:
    """The facts of an item that is worked out one numbered event after the other: its results on the way."""
    return {"step_answers": [{"description": f"{what} {at}.", "answer": text} for at, text in enumerate(answers, 1)]}


@dataclass(frozen=True)
class Family:
    """Rules of one kind."""

    name: str
    category: str
    title: str
    """What it is about, in a line."""
    kind: Kind
    """How answers are compared."""
    levels: tuple[Level, ...]
    """What the difficulties 1 to 5 mean."""
    generate: Callable[[Random, Level, str], Item | None]
    """(random numbers, level, the rule's name, which the rule must mention) -> an item, or ``None``: draw again."""
    solve: Callable[[str, str], Iterable[str]]
    """(rule, question) -> all answers that fit; may be lazy, since two are too many."""


def name_at(family: Family, difficulty: int, seed: int | str, index: int, *, shot: bool = False) -> str:
    """The name of the rule at ``index`` of a family's stream."""
    offset = Random(f"korgen/{_STREAMS}/{seed}/{family.name}").randrange(PLACES)
    return rule_name(index, difficulty, shot=shot, offset=offset)


def draw(family: Family, difficulty: int, seed: int, index: int, *, shot: bool = False) -> Item:
    """The proved item at ``index`` of a family's stream; ``shot`` takes it from the stream of examples.

    Raises ``UsageError`` beyond the end of the stream, ``ItemUnproved`` where there is a bug.
    """
    if not 0 <= index < PLACES:
        raise UsageError(f"korgen: a stream ends after {PLACES} items of a family and difficulty")
    name = name_at(family, difficulty, seed, index, shot=shot)
    place = f"korgen/{_STREAMS}/{seed}/{family.name}/d{difficulty}/{'shot' if shot else 'sample'}/{index}"
    for attempt in range(ATTEMPTS):
        item = family.generate(Random(f"{place}/{attempt}"), family.levels[difficulty - 1], name)
        if item is None:
            continue
        if name not in item.rule:
            raise ItemUnproved(f"{place}: the rule does not mention its name: the generator has a bug")
        if is_proved(family, item, place):
            return item
    raise ItemUnproved(f"{place}: no item with a single answer in {ATTEMPTS} draws: the level asks for too much")


def is_proved(family: Family, item: Item, place: str) -> bool:
    """Whether the solver, having searched everything, finds the gold answer and no other.

    Raises ``ItemUnproved`` where it finds something else only: then it or the generator is wrong.
    """
    answers: set[str] = set()
    for answer in family.solve(item.rule, item.question):
        answers.add(answer)
        if len(answers) > 1:
            return False
    if item.answer not in answers:
        found = "".join(answers) or "nothing"
        raise ItemUnproved(f"{place}: the solver finds {found}, the generator {item.answer}: one of them has a bug")
    return True
