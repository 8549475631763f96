"""Boxes: boxes in boxes, put into others, tipped out, set on the floor.

The generator moves them. The solver asks backwards in what each box lies.
"""

from __future__ import annotations

import re
from functools import cache
from random import Random

from assay.benchmarks.korgen.family import Family, Item, Level, levels, told
from assay.benchmarks.korgen.words import NAMES, pick


def _boxes(rng: Random, level: Level, name: str) -> Item | None:
    boxes = rng.sample(NAMES, level["boxes"])
    within: dict[str, str | None] = {boxes[0]: None}
    for at, box in enumerate(boxes[1:], 1):
        within[box] = pick(rng, boxes[:at]) if rng.random() < 0.6 else None

    def around(box: str) -> list[str]:
        """The boxes that a box is in, from the inside outwards."""
        outer = within[box]
        return [] if outer is None else [outer, *around(outer)]

    at_first = "; ".join(f"{box} is in {outer}" if outer else f"{box} is on the floor" for box, outer in within.items())
    before = {box for box in boxes if around(box)}
    lines: list[str] = []
    course: list[str] = []
    while len(lines) < level["events"]:
        a, b = rng.sample(boxes, 2)
        inside = [box for box in boxes if within[box] == a]
        kind = rng.randrange(5)
        if kind < 3 and a not in around(b) and within[a] != b:
            within[a] = b
            text = f"{a} is put into {b}"
        elif kind == 3 and inside:
            within |= dict.fromkeys(inside, within[a])
            text = f"{a} is tipped out"
        elif kind == 4 and within[a] is not None:
            within[a] = None
            text = f"{a} is set on the floor"
        else:
            continue
        lines.append(f"{len(lines) + 1}. {text}.")
        course.append("; ".join(f"{box} in {within[box] or 'none'}" for box in boxes))
    asked = pick(rng, boxes)
    answer = sorted(box for box in boxes if asked in around(box))
    if not answer or len(before) == len(boxes):
        return None
    rule = (
        f"{name} boxes lie in one another or on the floor. A box that is put somewhere takes along all that is in it. "
        "When a box is tipped out, the boxes that lie directly in it come to where it lies itself, with all that is in "
        "them; the box stays where it is."
    )
    question = (
        f"At first {at_first}. Then:\n" + "\n".join(lines) + "\n"
        f"Which boxes are inside {asked} at the end, directly or within others?"
    )
    facts = told("Where every box lies directly after event", course)
    return Item(rule, question, ", ".join(answer), steps=len(lines), facts=facts)


def _solve_boxes(rule: str, question: str) -> list[str]:
    start = re.findall(r"(\w+) is (?:in (\w+)|on the floor)", question.partition("Then:")[0])
    first = {box: outer or None for box, outer in start}
    events = re.findall(r"^\d+\. (\w+) is (put|tipped|set) (?:into|out|on)(?: (\w+))?", question, re.MULTILINE)

    @cache
    def lies(box: str, time: int) -> str | None:
        """What a box lies in after so many events, asked backwards."""
        if not time:
            return first[box]
        moved, act, into = events[time - 1]
        if act != "tipped" and box == moved:
            return into if act == "put" else None
        outer = lies(box, time - 1)
        return lies(moved, time - 1) if act == "tipped" and outer == moved else outer

    asked = re.findall(r"are inside (\w+) at the end", question)[0]
    found = []
    for box in first:
        outer = lies(box, len(events))
        while outer not in (None, asked):
            outer = lies(str(outer), len(events))
        if outer:
            found.append(box)
    return [", ".join(sorted(found))]


FAMILIES = (
    Family(
        "boxes",
        "tracking",
        "Boxes that are put into one another and tipped out",
        "set",
        levels(boxes=(4, 5, 6, 7, 8), events=(2, 4, 6, 9, 12)),
        _boxes,
        _solve_boxes,
    ),
)
