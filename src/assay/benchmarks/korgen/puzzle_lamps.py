"""Lamps: how often each switch has to be pressed, where every press moves several lamps on by one colour.

The generator presses; the solver tries every number of presses of every switch.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from random import Random

from assay.benchmarks.korgen.family import Family, Item, Level, levels
from assay.benchmarks.korgen.words import NAMES, between, listed, shuffled, unlisted


def _lamps(rng: Random, level: Level, name: str) -> Item | None:
    many = level["lamps"]
    names = rng.sample(NAMES, many + 3)
    lamps, colours = names[:many], names[many:]
    wires = [sorted(rng.sample(range(many), between(rng, min(2, many - 1), min(3, many)))) for _ in range(many)]
    presses = [rng.randrange(3) for _ in range(many)]
    start = [rng.randrange(3) for _ in range(many)]
    goal = list(start)
    for count, wired in zip(presses, wires, strict=True):
        for lamp in wired:
            goal[lamp] = (goal[lamp] + count) % 3
    if sum(map(bool, presses)) < 2:
        return None
    rule = (
        f"A {name} lamp shines in one of the colours {listed(colours)}. Moved on, it goes from {colours[0]} to "
        f"{colours[1]}, from {colours[1]} to {colours[2]}, and from {colours[2]} to {colours[0]}. Pressing a switch "
        "moves on all lamps that hang on it, each by one colour. No switch is pressed more than twice."
    )
    lines = [
        f"- Switch {number}: {listed([lamps[lamp] for lamp in shuffled(rng, wired)])}."
        for number, wired in enumerate(wires, 1)
    ]
    question = (
        "On the switches hang these lamps:\n" + "\n".join(lines) + "\n"
        f"At first {_shining(lamps, colours, start)}. In the end {_shining(lamps, colours, goal)} shall shine. Only "
        f"one choice of presses does it. How often are the switches 1 to {many} pressed, in this order?"
    )
    steps = many + sum(map(len, wires))
    return Item(rule, question, ", ".join(map(str, presses)), steps=steps)


def _shining(lamps: list[str], colours: list[str], at: list[int]) -> str:
    return ", ".join(f"{lamp} in {colours[colour]}" for lamp, colour in zip(lamps, at, strict=True))


def _solve_lamps(rule: str, question: str) -> Iterator[str]:
    colours = unlisted(re.findall(r"one of the colours (.+?)\. Moved", rule)[0])
    switches = [unlisted(text) for text in re.findall(r"^- Switch \d: (.+)\.$", question, re.MULTILINE)]
    first, last = (
        {lamp: colours.index(colour) for lamp, colour in re.findall(r"(\w+) in (\w+)", text)}
        for text in re.findall(r"(?:At first|In the end) (.+?)(?: shall shine)?\.", question)
    )
    need = {lamp: (last[lamp] - first[lamp]) % 3 for lamp in first}
    last_switch = {lamp: at for at, lamps in enumerate(switches) for lamp in lamps}
    waiting: list[tuple[int, ...]] = [()]
    while waiting:
        presses = waiting.pop()
        at = len(presses)
        if at == len(switches):
            if all(not turns or lamp in last_switch for lamp, turns in need.items()):
                yield ", ".join(map(str, presses))
            continue
        for count in range(3):
            now = (*presses, count)
            # A lamp on which no later switch works must shine as wanted by now.
            if all(
                sum(now[switch] for switch in range(at + 1) if lamp in switches[switch]) % 3 == need[lamp]
                for lamp in switches[at]
                if last_switch[lamp] == at
            ):
                waiting.append(now)


FAMILIES = (
    Family(
        "lamps",
        "puzzle",
        "Switches that move several lamps on by a colour",
        "list",
        levels(lamps=(3, 4, 5, 6, 7)),
        _lamps,
        _solve_lamps,
    ),
)
