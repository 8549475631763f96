"""Keeping track: parcels that change hands, a crawler on a floor, a queue, jugs that are poured.

The generators carry the whole state forwards. The solvers ask backwards who held what, run the crawler
as numbers of the complex plane, keep places in the queue as fractions, and pour unit by unit.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import cache
from random import Random

from assay.benchmarks.korgen.family import Family, Item, Level, levels, told
from assay.benchmarks.korgen.words import NAMES, SYMBOLS, THINGS, between, listed, pick, unlisted

# Parcels: a circle of people, each with one thing.


def _parcels(rng: Random, level: Level, name: str) -> Item | None:
    people = rng.sample(NAMES, level["people"])
    things = rng.sample(THINGS, len(people))
    holds = dict(zip(people, things, strict=True))
    at_first = "; ".join(f"{person} holds the {thing}" for person, thing in holds.items())
    lines, course = [], []
    for number in range(1, level["events"] + 1):
        a, b = rng.sample(people, 2)
        kind = rng.randrange(5)
        if kind < 2:
            lines.append(f"{number}. {a} and {b} swap.")
        elif kind == 2:
            holds = dict(zip([*people[1:], people[0]], [holds[person] for person in people], strict=True))
            lines.append(f"{number}. The gong sounds.")
        else:
            thing = pick(rng, things)
            b = next(person for person in people if holds[person] == thing)
            lines.append(f"{number}. The {thing} is called to {a}.")
        if kind != 2:
            holds[a], holds[b] = holds[b], holds[a]
        course.append(", ".join(holds[person] for person in people))
    rule = (
        f"At a {name} market people stand in a circle, each holding one thing. Two who swap exchange what they hold. "
        "When the gong sounds, everybody hands on what they hold to the one who comes next in the circle, all at the "
        "same moment; behind the last comes the first. When a thing is called to somebody, its holder and this person "
        "exchange what they hold; nothing happens if they are the same."
    )
    question = (
        f"In the circle stand {listed(people)}, in this order. {at_first}. Then:\n" + "\n".join(lines) + "\n"
        f"What do {listed(people)} hold at the end, in this order?"
    )
    return Item(rule, question, course[-1], steps=len(lines), facts=told("What everybody holds after event", course))


def _solve_parcels(rule: str, question: str) -> list[str]:
    people = unlisted(re.findall(r"circle stand (.+?), in this order", question)[0])
    first = dict(re.findall(r"(\w+) holds the (\w+)", question))
    events = re.findall(r"^\d+\. (.+)\.$", question, re.MULTILINE)

    @cache
    def held(person: str, time: int) -> str:
        """What somebody holds after so many events, asked backwards."""
        if not time:
            return str(first[person])
        event = events[time - 1]
        if "gong" in event:
            return held(people[people.index(person) - 1], time - 1)
        if called := re.fullmatch(r"The (\w+) is called to (\w+)", event):
            owner = next(other for other in people if held(other, time - 1) == called[1])
            pair = [owner, called[2]]
        else:
            pair = re.findall(r"[A-Z]\w+", event)
        return held(pair[1 - pair.index(person)] if person in pair else person, time - 1)

    return [", ".join(held(person, len(events)) for person in people)]


# Crawler: a thing on a floor of tiles, with walls that turn it and tiles that turn it about.

_HEADINGS = ("north", "east", "south", "west")
_AHEAD = ((-1, 0), (0, 1), (1, 0), (0, -1))


def _crawler(rng: Random, level: Level, name: str) -> Item | None:
    size = level["size"]
    ahead, right, left = rng.sample(SYMBOLS, 3)
    wall_turn = pick(rng, (1, 3))
    tiles = [(row, column) for row in range(1, size + 1) for column in range(1, size + 1)]
    start, *slippery = rng.sample(tiles, 1 + level["slippery"])
    slippery.sort()
    (row, column), heading = start, rng.randrange(4)
    first, course, turned = heading, [], 0
    program = [pick(rng, (ahead, ahead, ahead, right, left)) for _ in range(level["program"])]
    for command in program:
        if command != ahead:
            heading = (heading + (1 if command == right else 3)) % 4
        else:
            to = row + _AHEAD[heading][0], column + _AHEAD[heading][1]
            if to not in tiles:
                heading = (heading + wall_turn) % 4
                turned += 1
            else:
                row, column = to
                if to in slippery:
                    heading = (heading + 2) % 4
                    turned += 1
        course.append(f"{row}, {column}, {_HEADINGS[heading]}")
    if not turned or (row, column) == start:
        return None
    rule = (
        f"A {name} crawler lives on a floor of {size} rows and {size} columns of tiles. Row 1 is the northernmost, "
        f"column 1 the westernmost. It always looks north, east, south or west. {right} makes it turn a quarter to "
        f"the right, {left} a quarter to the left, both on the spot. {ahead} makes it step to the next tile in the "
        f"direction in which it looks; where the floor ends there, it stays and turns a quarter to the "
        f"{'right' if wall_turn == 1 else 'left'} instead. A crawler that has stepped on a slippery tile turns about."
    )
    slips = listed([f"row {r} column {c}" for r, c in slippery])
    question = (
        f"Slippery: {slips}. The crawler is at row {start[0]} column {start[1]} and looks {_HEADINGS[first]}. It gets "
        f"the commands {' '.join(program)}. Give its row, its column and where it looks at the end, in this order."
    )
    return Item(rule, question, course[-1], len(program), told("Row, column and heading after command", course))


def _solve_crawler(rule: str, question: str) -> list[str]:
    size = int(re.findall(r"floor of (\d+) rows", rule)[0])
    right, left = re.findall(r"(\S) makes it turn a quarter to the right, (\S) a quarter", rule)[0]
    wall = -1j if "turns a quarter to the left instead" in rule else 1j
    spots = [complex(int(c), int(r)) for r, c in re.findall(r"row (\d+) column (\d+)", question)]
    at, slippery = spots[-1], set(spots[:-1])
    looks = {"east": 1 + 0j, "south": 1j, "west": -1 + 0j, "north": -1j}
    way = looks[re.findall(r"and looks (\w+)\.", question)[0]]
    for command in re.findall(r"commands (.+?)\.", question)[0].split():
        if command in (right, left):
            way *= 1j if command == right else -1j
            continue
        to = at + way
        if min(to.real, to.imag) < 1 or max(to.real, to.imag) > size:
            way *= wall
        else:
            at, way = to, -way if to in slippery else way
    heading = next(word for word, direction in looks.items() if direction == way)
    return [f"{int(at.imag)}, {int(at.real)}, {heading}"]


# Queue: people who come, go, and let each other pass.


def _queue(rng: Random, level: Level, name: str) -> Item | None:
    everybody = rng.sample(NAMES, level["people"] + level["events"])
    line, coming = everybody[: level["people"]], everybody[level["people"] :]
    start = list(line)
    lines, course = [], []
    for number in range(1, level["events"] + 1):
        kind = rng.randrange(6 if len(line) > 3 else 5)
        at = rng.randrange(len(line) - 1)
        someone = line[at]
        if kind == 0:
            line.append(line.pop(0))
            text = "The bell rings once"
        elif kind == 1:
            line.insert(0, line.pop())
            text = "The bell rings twice"
        elif kind == 2:
            line[at], line[at + 1] = line[at + 1], line[at]
            text = f"{someone} gives way"
        elif kind == 3:
            line.insert(at + 1, new := coming.pop())
            text = f"{new} joins behind {someone}"
        elif kind == 4:
            line.reverse()
            text = "The counter moves"
        else:
            line.remove(someone)
            text = f"{someone} leaves"
        lines.append(f"{number}. {text}.")
        course.append(", ".join(line))
    if line == start:
        return None
    rule = (
        f"In {name} people queue before a counter. When the bell rings once, the first in the queue goes to its end; "
        "when it rings twice, the last comes to its front. Who gives way changes places with the one right behind. Who "
        "joins behind somebody stands right behind this person. When the counter moves to the other end, the first "
        "becomes the last, the second the last but one, and so on. Who leaves leaves no gap."
    )
    question = (
        f"The queue, from the first on, is {listed(start)}. Then:\n" + "\n".join(lines) + "\n"
        "Who is in the queue at the end? Name them from the first on."
    )
    return Item(rule, question, course[-1], steps=len(lines), facts=told("The queue after event", course))


def _solve_queue(rule: str, question: str) -> list[str]:
    start = unlisted(re.findall(r"first on, is (.+?)\. Then", question)[0])
    place = {person: Fraction(at) for at, person in enumerate(start)}
    for event in re.findall(r"^\d+\. (.+)\.$", question, re.MULTILINE):
        first, last = min(place, key=place.__getitem__), max(place, key=place.__getitem__)
        if event.endswith("once"):
            place[first] = place[last] + 1
        elif event.endswith("twice"):
            place[last] = place[first] - 1
        elif event.endswith("moves"):
            place = {person: -where for person, where in place.items()}
        elif event.endswith("leaves"):
            del place[event.split()[0]]
        else:
            person = event.split()[-1] if "joins" in event else event.split()[0]
            behind = sorted((where, who) for who, where in place.items() if where > place[person])
            if "joins" in event:
                place[event.split()[0]] = (place[person] + behind[0][0]) / 2 if behind else place[person] + 1
            else:
                who = behind[0][1]
                place[person], place[who] = place[who], place[person]
    return [", ".join(sorted(place, key=place.__getitem__))]


# Jugs: pouring until one is empty or the other full, with a leak for those that get full.


def _jugs(rng: Random, level: Level, name: str) -> Item | None:
    jugs = rng.sample(NAMES, level["jugs"])
    room = {jug: between(rng, 4, 15) for jug in jugs}
    holds = {jug: between(rng, 0, room[jug] - 1) for jug in jugs}
    leak = between(rng, 2, 3)
    at_first = "; ".join(f"{jug} has room for {room[jug]} and holds {holds[jug]}" for jug in jugs)
    lines, course, leaks = [], [], 0
    for number in range(1, level["pours"] + 1):
        a, b = rng.sample(jugs, 2)
        if rng.random() < 0.2:
            holds[a] //= 2
            lines.append(f"{number}. {a} is halved.")
        else:
            if not holds[a]:
                return None
            moved = min(holds[a], room[b] - holds[b])
            holds[a] -= moved
            holds[b] += moved
            if holds[b] == room[b]:
                holds[b] -= leak
                leaks += 1
            lines.append(f"{number}. {a} is poured into {b}.")
        course.append(", ".join(str(holds[jug]) for jug in jugs))
    if not leaks or not any(holds.values()):
        return None
    rule = (
        f"{name} jugs hold whole cups. A jug is poured into another one until the first is empty or the second is "
        f"full, whichever comes first. A jug that is full after something was poured into it loses {leak} cups at "
        "once. A jug that is halved is emptied of half its cups; of an odd number, the larger half goes."
    )
    question = (
        f"In cups: {at_first}. Then:\n" + "\n".join(lines) + "\n"
        f"How many cups do {listed(jugs)} hold at the end, in this order?"
    )
    return Item(rule, question, course[-1], steps=len(lines), facts=told("The cups in all jugs after event", course))


def _solve_jugs(rule: str, question: str) -> list[str]:
    leak = int(re.findall(r"loses (\d+) cups", rule)[0])
    room, holds = {}, {}
    for jug, most, held in re.findall(r"(\w+) has room for (\d+) and holds (\d+)", question):
        room[jug], holds[jug] = int(most), int(held)
    for a, act, b in re.findall(r"^\d+\. (\w+) is (halved|poured)(?: into (\w+))?\.$", question, re.MULTILINE):
        if act == "halved":
            gone = 0
            while gone < holds[a]:
                holds[a] -= 1
                gone += 1
            continue
        while holds[a] and holds[b] < room[b]:
            holds[a], holds[b] = holds[a] - 1, holds[b] + 1
        if holds[b] == room[b]:
            holds[b] -= leak
    return [", ".join(map(str, holds.values()))]


FAMILIES = (
    Family(
        "parcels",
        "tracking",
        "Things that change hands in a circle",
        "list",
        levels(people=(3, 4, 5, 6, 7), events=(3, 5, 8, 12, 16)),
        _parcels,
        _solve_parcels,
    ),
    Family(
        "crawler",
        "tracking",
        "Commands on a floor that turns whoever walks on it",
        "list",
        levels(size=(3, 4, 4, 5, 5), slippery=(1, 2, 3, 5, 7), program=(4, 6, 9, 13, 18)),
        _crawler,
        _solve_crawler,
    ),
    Family(
        "queue",
        "tracking",
        "A queue that people join, leave and turn around",
        "list",
        levels(people=(3, 4, 5, 6, 7), events=(3, 5, 8, 11, 15)),
        _queue,
        _solve_queue,
    ),
    Family(
        "jugs",
        "tracking",
        "Jugs that are poured, halved and leak when full",
        "list",
        levels(jugs=(2, 3, 3, 4, 5), pours=(2, 4, 6, 9, 13)),
        _jugs,
        _solve_jugs,
    ),
)
