"""Calendar: a week whose days come in another order, which criers change again.

The generator goes from the first day on. The solver goes back from each option to the day on which the
story began.
"""

from __future__ import annotations

import re
from random import Random

from assay.benchmarks.korgen.counterfactual import item_with_options, options_of
from assay.benchmarks.korgen.family import Family, Item, Level, levels, told
from assay.benchmarks.korgen.words import between, pick, shuffled

WEEK = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _calendar(rng: Random, level: Level, name: str) -> Item | None:
    week = shuffled(rng, WEEK)
    order = list(week)
    start = today = usual = pick(rng, WEEK)
    events, course = [], []
    for number in range(1, level["events"] + 1):
        if number > 1 and rng.random() < 0.4:
            a, b = rng.sample(WEEK, 2)
            at, other = order.index(a), order.index(b)
            order[at], order[other] = b, a
            events.append(f"{number}. The crier calls out {a} and {b}.")
        else:
            days = between(rng, 2, 9)
            today = order[(order.index(today) + days) % 7]
            usual = WEEK[(WEEK.index(usual) + days) % 7]
            events.append(f"{number}. {days} nights go by.")
        course.append(today)
    if today in (usual, start):
        return None
    rule = (
        f"In {name} the week has the same seven days as elsewhere, but in another order: {', '.join(week)}, and then "
        f"{week[0]} again. With every night that goes by, it becomes the next day in this order. When the crier calls "
        "out two days, these two exchange their places in the order from then on; the day that it is at this moment "
        "keeps its name."
    )
    lines = " ".join(events)
    question = f"In {name} it is {start}. Then, one after the other: {lines} Which day is it now in {name}?"
    facts = told("The day after event", course)
    return item_with_options(rng, rule, question, today, usual, WEEK, steps=1 + len(events), facts=facts)


def _solve_calendar(rule: str, question: str) -> list[str]:
    story = question.partition("\n")[0]
    week = re.findall(r"in another order: (.+?), and then", rule)[0].split(", ")
    start = re.findall(r" it is (\w+)\. Then", story)[0]
    events = re.findall(r"\d\. (?:(\d+) nights go by|The crier calls out (\w+) and (\w+))\.", story)
    place = {day: at for at, day in enumerate(week)}
    for _, a, b in events:
        if a:
            place[a], place[b] = place[b], place[a]
    found = []
    for option, letter in options_of(question).items():
        at, where = place[option], dict(place)
        for nights, a, b in reversed(events):
            if nights:
                at = (at - int(nights)) % 7
            else:
                # Today keeps its name: it goes where its name goes.
                today = next(day for day, spot in where.items() if spot == at)
                where[a], where[b] = where[b], where[a]
                at = where[today]
        if where[start] == at:
            found.append(letter)
    return found


FAMILIES = (
    Family(
        "calendar",
        "counterfactual",
        "A week in another order, which criers change again",
        "letter",
        levels(events=(1, 2, 4, 6, 9)),
        _calendar,
        _solve_calendar,
    ),
)
