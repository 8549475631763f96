"""Plans with one best answer: a lock, jobs that wait, a tired caravan, a cart to load.

The generators find the best plan by breadth-first search, dynamic programming or trying all subsets. The
solvers read the texts and go another way: layers backwards from the goal, a crew followed day by day,
walks taken up in the order of their cost, a branching over what is loaded. They return every plan that is
as good as the best, so that "only one" is proved.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from itertools import combinations
from random import Random

from assay.benchmarks.korgen.family import Family, Item, Level, levels
from assay.benchmarks.korgen.words import LETTERS, NAMES, between, listed, pick, shuffled, unlisted

# Dial: the one shortest way to a number, by buttons that move a pointer.


def _dial(rng: Random, level: Level, name: str) -> Item | None:
    places = level["places"]
    buttons = dict(zip(rng.sample(LETTERS[1:], level["buttons"]), _pushes(rng, places), strict=False))
    start = rng.randrange(places)
    ways = {start: [""]}
    layer = ways
    for _ in range(level["presses"]):
        reached: dict[int, list[str]] = {}
        for place, texts in layer.items():
            for button, (push, _) in buttons.items():
                if (after := push(place)) not in ways:
                    reached.setdefault(after, []).extend(text + button for text in texts)
        ways = ways | reached
        layer = reached
    goals = sorted(place for place, texts in layer.items() if len(texts) == 1)
    if not goals:
        return None
    goal = pick(rng, goals)
    rule = (
        f"A {name} lock has a dial with the numbers 0 to {places - 1} in a circle; clockwise behind {places - 1} "
        "stands 0 again. Pressing a button moves its pointer:\n"
        + "\n".join(f"  {button}: {text}." for button, (_, text) in buttons.items())
    )
    question = (
        f"The pointer stands at {start} and shall be brought to {goal} with as few presses as possible. There is just "
        "one shortest way. Give its buttons in the order in which they are pressed, as a string of letters."
    )
    return Item(rule, question, ways[goal][0], steps=level["presses"] * len(buttons))


def _pushes(rng: Random, places: int) -> list[tuple[Callable[[int], int], str]]:
    on, back = rng.sample(range(2, places // 2 + 1), 2)
    add = between(rng, 1, 3)
    return shuffled(
        rng,
        [
            (lambda at: (at + on) % places, f"it goes {on} numbers clockwise"),
            (lambda at: (at - back) % places, f"it goes {back} numbers counter-clockwise"),
            (lambda at: at * 2 % places, "it goes clockwise by as many numbers as the number where it stands"),
            (
                lambda at: (at + add if at % 2 else -at) % places,
                f"from an odd number it goes {add} clockwise, from an even number it goes counter-clockwise by twice "
                "that number",
            ),
        ],
    )


def _solve_dial(rule: str, question: str) -> Iterator[str]:
    places = int(re.findall(r"numbers 0 to (\d+)", rule)[0]) + 1
    start, goal = map(int, re.findall(r"stands at (\d+) and shall be brought to (\d+)", question)[0])

    def after(text: str, at: int) -> int:
        numbers = [int(number) for number in re.findall(r"\d+", text)]
        if "as many" in text:
            turns = at
        elif "odd" in text:
            turns = numbers[0] if at & 1 else -2 * at
        else:
            turns = -numbers[0] if "counter" in text else numbers[0]
        ring = range(places)
        return ring[(at + turns) % places]

    buttons = re.findall(r"^  ([A-Z]): (.+)\.$", rule, re.MULTILINE)
    into: dict[int, list[tuple[str, int]]] = {place: [] for place in range(places)}
    for letter, text in buttons:
        for place in range(places):
            into[after(text, place)].append((letter, place))
    # Backwards from the goal, whole layers at a time, until the start is met.
    layer, seen = [(goal, "")], {goal}
    while layer and start not in {place for place, _ in layer}:
        layer = [(before, letter + text) for at, text in layer for letter, before in into[at] if before not in seen]
        seen |= {place for place, _ in layer}
    return (text for place, text in layer if place == start)


# Works: jobs that wait for others, done by as many hands as are wanted.


def _works(rng: Random, level: Level, name: str) -> Item | None:
    jobs = rng.sample(NAMES, level["jobs"])
    many, extra = 2, between(rng, 2, 3)
    days = {job: between(rng, 2, 9) for job in jobs}
    waits: dict[str, list[str]] = {jobs[0]: []}
    for at, job in enumerate(jobs[1:], 1):
        waits[job] = rng.sample(jobs[:at], between(rng, 0 if at < 2 else 1, min(at, level["waits"])))
    done: dict[str, int] = {}
    for job in jobs:
        longer = extra if len(waits[job]) >= many else 0
        done[job] = max((done[other] for other in waits[job]), default=0) + days[job] + longer
    if not any(len(others) >= many for others in waits.values()):
        return None
    lines = [
        f"- {job}: {days[job]} days" + (f", waits for {listed(waits[job])}." if waits[job] else ".") for job in jobs
    ]
    rule = (
        f"A {name} crew has hands enough to do any number of jobs at once. A job is begun on the morning after the "
        "evening on which the last of the jobs that it waits for is finished; one that waits for none is begun on the "
        f"morning of day 1. A job of 1 day is finished on the evening of the day on which it is begun. A job that "
        f"waits for {many} or more others takes {extra} days longer than the list says."
    )
    question = (
        "The list of jobs:\n" + "\n".join(shuffled(rng, lines)) + "\nOn the evening of which day is everything done?"
    )
    told = [
        {"description": f"The day on whose evening {job} is finished.", "answer": str(day)} for job, day in done.items()
    ]
    return Item(
        rule,
        question,
        str(max(done.values())),
        steps=len(jobs) + sum(map(len, waits.values())),
        facts={"step_answers": told},
    )


def _solve_works(rule: str, question: str) -> list[str]:
    many, extra = map(int, re.findall(r"waits for (\d+) or more others takes (\d+) days", rule)[0])
    left, waits = {}, {}
    for job, days, others in re.findall(r"^- (\w+): (\d+) days(?:, waits for (.+))?\.$", question, re.MULTILINE):
        waits[job] = set(unlisted(others)) if others else set()
        left[job] = int(days) + (extra if len(waits[job]) >= many else 0)
    day = 0
    while left:
        day += 1
        running = [job for job in left if not waits[job] & left.keys()]
        for job in running:
            left[job] -= 1
        left = {job: days for job, days in left.items() if days}
    return [str(day)]


# Caravan: the cheapest walk, where every second stage costs more.


def _caravan(rng: Random, level: Level, name: str) -> Item | None:
    towns = rng.sample(NAMES, level["towns"])
    roads = {(pick(rng, towns[:at]), towns[at]): between(rng, 2, 9) for at in range(1, len(towns))}
    others = [pair for pair in combinations(towns, 2) if pair not in roads and pair[::-1] not in roads]
    for pair in shuffled(rng, others)[: level["roads"] - len(roads)]:
        roads[pair] = between(rng, 2, 15)
    tired, add = between(rng, 2, 3), between(rng, 2, 4)
    start, goal = rng.sample(towns, 2)
    best: dict[tuple[str, int], tuple[int, list[str]]] = {(start, 0): (0, [start])}
    changed = True
    while changed:
        changed = False
        for (town, odd), (cost, path) in list(best.items()):
            for pair, miles in roads.items():
                if town not in pair:
                    continue
                to = pair[1 - pair.index(town)]
                price = cost + (miles * tired + add if odd else miles)
                if price < best.get((to, 1 - odd), (10**6, []))[0]:
                    best[to, 1 - odd] = price, [*path, to]
                    changed = True
    _, path = min(best[key] for key in best if key[0] == goal)
    if len(path) < level["least"]:
        return None
    rule = (
        f"A {name} caravan goes from town to town; each road may be used in both directions. The first stage of a "
        "journey, the third, the fifth and so on cost 1 coin for each mile. On the second, the fourth and so on the "
        f"beasts are tired: each mile costs {tired} coins, and {add} coins come on top."
    )
    lines = [f"- {listed(shuffled(rng, pair))}: {miles} miles." for pair, miles in roads.items()]
    question = (
        "The roads:\n" + "\n".join(shuffled(rng, lines)) + f"\nThere is just one cheapest journey from {start} to "
        f"{goal}. Name the towns on it in order, {start} and {goal} included."
    )
    return Item(rule, question, ", ".join(path), steps=2 * len(roads))


def _solve_caravan(rule: str, question: str) -> Iterator[str]:
    tired, add = map(int, re.findall(r"each mile costs (\d+) coins, and (\d+) coins", rule)[0])
    roads: dict[str, list[tuple[str, int]]] = {}
    for a, b, miles in re.findall(r"^- (\w+) and (\w+): (\d+) miles\.$", question, re.MULTILINE):
        roads.setdefault(a, []).append((b, int(miles)))
        roads.setdefault(b, []).append((a, int(miles)))
    ((start, goal),) = re.findall(r"journey from (\w+) to (\w+)\.", question)
    waiting: list[tuple[int, tuple[str, ...]]] = [(0, (start,))]
    least: dict[tuple[str, int], int] = {}
    cheapest = None
    while waiting:
        cost, path = heappop(waiting)
        state = path[-1], len(path) % 2
        if cheapest is not None and cost > cheapest:
            return
        if cost > least.setdefault(state, cost):
            continue
        if path[-1] == goal:
            cheapest = cost
            yield ", ".join(path)
            continue
        for to, miles in roads[path[-1]]:
            heappush(waiting, (cost + (miles if len(path) % 2 else tired * miles + add), (*path, to)))


# Cargo: the most valuable load, with pairs that may not meet and pairs that belong together.


def _cargo(rng: Random, level: Level, name: str) -> Item | None:
    chests = rng.sample(NAMES, level["chests"])
    weight = {chest: between(rng, 1, 9) for chest in chests}
    value = {chest: between(rng, 2, 12) for chest in chests}
    pairs = shuffled(rng, list(combinations(chests, 2)))[: 2 * level["pairs"]]
    enemies, friends = pairs[::2], {pair: between(rng, 2, 6) for pair in pairs[1::2]}
    limit = sum(weight.values()) * between(rng, 40, 65) // 100
    best = -1
    loads: list[tuple[str, ...]] = []
    for size in range(len(chests) + 1):
        for load in combinations(chests, size):
            if sum(weight[chest] for chest in load) > limit or any(a in load and b in load for a, b in enemies):
                continue
            worth = sum(value[chest] for chest in load)
            worth += sum(more for (a, b), more in friends.items() if a in load and b in load)
            if worth > best:
                best, loads = worth, []
            if worth == best:
                loads.append(load)
    if len(loads) > 1 or len(loads[0]) < 2:
        return None
    rule = (
        f"A {name} cart carries chests whose weights come to no more than its limit. Some chests quarrel: two that do "
        "may not be on the cart together. Some chests belong together: if both are on the cart, the load is worth more "
        "by the number given."
    )
    lines = [f"- {chest}: weight {weight[chest]}, value {value[chest]}." for chest in chests]
    bonds = [f"- {a} and {b} quarrel." for a, b in enemies]
    bonds += [f"- {a} and {b} belong together: {more} more." for (a, b), more in friends.items()]
    question = (
        f"The limit is {limit}. The chests:\n" + "\n".join([*lines, *shuffled(rng, bonds)]) + "\n"
        "There is just one load of the highest worth. Which chests are in it?"
    )
    return Item(rule, question, ", ".join(sorted(loads[0])), steps=2 * len(chests) + len(bonds))


def _solve_cargo(rule: str, question: str) -> list[str]:
    limit = int(re.findall(r"limit is (\d+)", question)[0])
    chests = [(c, int(w), int(v)) for c, w, v in re.findall(r"- (\w+): weight (\d+), value (\d+)\.", question)]
    quarrel = {frozenset(pair) for pair in re.findall(r"- (\w+) and (\w+) quarrel", question)}
    bonus = {frozenset((a, b)): int(m) for a, b, m in re.findall(r"- (\w+) and (\w+) belong together: (\d+)", question)}

    def loaded(at: int, room: int, load: tuple[str, ...], worth: int) -> Iterator[tuple[int, tuple[str, ...]]]:
        """All loads, chest by chest, with what they are worth."""
        if at == len(chests):
            yield worth, load
            return
        yield from loaded(at + 1, room, load, worth)
        chest, weight, value = chests[at]
        pairs = [frozenset((chest, other)) for other in load]
        if weight <= room and not quarrel.intersection(pairs):
            more = value + sum(bonus.get(pair, 0) for pair in pairs)
            yield from loaded(at + 1, room - weight, (*load, chest), worth + more)

    found = list(loaded(0, limit, (), 0))
    highest = max(worth for worth, _ in found)
    return [", ".join(sorted(load)) for worth, load in found if worth == highest]


FAMILIES = (
    Family(
        "dial",
        "planning",
        "The shortest way to a number by odd buttons",
        "text",
        levels(places=(10, 14, 18, 26, 40), buttons=(3, 3, 4, 4, 4), presses=(2, 3, 3, 4, 5)),
        _dial,
        _solve_dial,
    ),
    Family(
        "works",
        "planning",
        "Jobs that wait for one another",
        "integer",
        levels(jobs=(4, 5, 7, 9, 12), waits=(2, 2, 2, 3, 3)),
        _works,
        _solve_works,
    ),
    Family(
        "caravan",
        "planning",
        "The cheapest journey, every second stage dearer",
        "list",
        levels(towns=(4, 5, 6, 7, 9), roads=(5, 7, 9, 12, 15), least=(3, 3, 4, 4, 5)),
        _caravan,
        _solve_caravan,
    ),
    Family(
        "cargo",
        "planning",
        "The most valuable load under quarrels and bonds",
        "set",
        levels(chests=(4, 5, 6, 8, 10), pairs=(1, 1, 2, 3, 4)),
        _cargo,
        _solve_cargo,
    ),
)
