"""Where a question says that only one answer exists, trying out every answer there could be agrees.

Neither the generators nor the solvers of the package are used: each check reads the texts by itself, goes
through all candidates naively, and is therefore asked for small items only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import combinations, pairwise, permutations, product

import pytest

from assay.benchmarks.korgen.family import Item, draw
from assay.benchmarks.korgen.stream import FAMILIES

Fits = Callable[[str], bool]


def words(text: str) -> list[str]:
    return re.split(r", | and ", text)


def numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", text)]


def speakers(item: Item) -> tuple[Iterable[str], Fits]:
    people = re.findall(r"^(\w+): ", item.question, re.MULTILINE)
    clans = re.findall(r"a (\w+)", item.rule.partition(":")[2].partition(".")[0])

    def is_true(claim: str, clan: dict[str, str]) -> bool:
        subject = claim.split()[0]
        if claim.startswith("The number"):
            kind = re.findall(r"of (\w+)s among", claim)[0]
            return [*clan.values()].count(kind) == numbers(claim)[0]
        if "clan" in claim:
            return (clan[subject] == clan[claim.split()[2]]) == ("same" in claim)
        return (clan[subject] == claim.rstrip(".").split()[-1]) != ("not" in claim)

    def fits(answer: str) -> bool:
        clan = dict(zip(people, words(answer), strict=True))
        for person, first, second in re.findall(r"^(\w+): (.+?\.) (.+?\.)$", item.question, re.MULTILINE):
            habit = re.findall(rf"((?:both|the first) statements? of a {clan[person]} (?:is|are) [a-z ]+)", item.rule)[
                0
            ]
            wanted = [part == "true" for part in re.findall("true|false", habit)] * 2
            if [is_true(first, clan), is_true(second, clan)] != wanted[:2]:
                return False
        return True

    return (", ".join(of) for of in product(clans, repeat=len(people))), fits


def table(item: Item) -> tuple[Iterable[str], Fits]:
    guests = words(item.question.partition(" sit at")[0])
    count = len(guests)

    def holds(text: str, x: int, y: int) -> bool:
        value = (numbers(text) or [0])[0]
        return {
            "furt": lambda: (y + value - x) % count == 0,
            "minu": lambda: abs(x - y) == value,
            "up t": lambda: x + y == value,
            "time": lambda: x >= value * y,
            "sum ": lambda: x > y and ((x + y) % 2 == 1) == text.endswith("odd"),
        }[next(key for key in ("furt", "minu", "up t", "time", "sum ") if key in text)]()

    def fits(answer: str) -> bool:
        seat = {guest: at for at, guest in enumerate(words(answer), 1)}
        for verb, text in re.findall(r"X (\w+)s Y exactly if (.+)\.", item.rule):
            for a, negated, b in re.findall(rf"- (\w+) (does not )?{verb}s? (\w+)\.", item.question):
                if holds(text, seat[a], seat[b]) == bool(negated):
                    return False
        return True

    return (", ".join(order) for order in permutations(guests)), fits


def weights(item: Item) -> tuple[Iterable[str], Fits]:
    stones = words(re.findall(r"The stones are (.+?)\.", item.question)[0])
    heaviest = int(re.findall(r"from 1 to (\d+)", item.rule)[0])

    def shown(text: str, group: list[int]) -> int:
        low, high, value = min(group), max(group), (numbers(text) or [0])
        if "minus" in text:
            return high - low + value[0]
        if "smallest" in text:
            return low + high
        if "remainder" in text:
            return sum(group) % value[0]
        return value[0] * sorted(group)[1] + (value[1] if "middle" in text else low)

    def fits(answer: str) -> bool:
        weight = dict(zip(stones, numbers(answer), strict=True))
        scales = dict(re.findall(r"  (\w)-scale: takes \d stones and shows (.+)\.", item.rule))
        return all(
            shown(scales[scale], [weight[stone] for stone in words(group)]) == int(reading)
            for scale, group, reading in re.findall(r"- (\w)-scale, (.+): (\d+)", item.question)
        )

    return (", ".join(map(str, of)) for of in permutations(range(1, heaviest + 1), len(stones))), fits


def route(item: Item) -> tuple[Iterable[str], Fits]:
    grid = [numbers(line) for line in re.findall(r"^  [\d ]+$", item.question, re.MULTILINE)]
    conditions = re.findall(r"only if (.+)\.$", item.rule, re.MULTILINE)

    def allowed(text: str, a: int, b: int) -> bool:
        value = (numbers(text) or [0])[-1]
        if "remainder" in text:
            return (a + b) % value == numbers(text)[0]
        if "differ" in text:
            return abs(a - b) == value
        if "times" in text:
            return a * b < 9 or a * b in (11, 22, 33, 44, 55, 66, 77)
        return b >= a + value if "least" in text else b <= a - value

    def fits(answer: str) -> bool:
        at, path = (0, 0), [(0, 0)]
        for letter in answer:
            dr, dc = {"R": (0, 1), "L": (0, -1), "D": (1, 0), "U": (-1, 0)}[letter]
            at = at[0] + dr, at[1] + dc
            if min(at) < 0 or max(at) >= len(grid) or at in path or path[-1] == (len(grid) - 1,) * 2:
                return False
            path.append(at)
        steps = [(grid[a][b], grid[c][d]) for (a, b), (c, d) in pairwise(path)]
        return at == (len(grid) - 1,) * 2 and all(allowed(conditions[n % 2], *step) for n, step in enumerate(steps))

    longest = len(grid) ** 2 - 1
    return ("".join(way) for n in range(longest + 1) for way in product("RLDU", repeat=n)), fits


def terraces(item: Item) -> tuple[Iterable[str], Fits]:
    known = re.findall(r"^  ([\d. ]+)$", item.question, re.MULTILINE)
    size = len(known)
    texts = re.findall(r"a (?:row|column) says (.+?)\.", item.rule)
    given = [numbers(part) for part in re.findall(r"(?:bottom|right), are ([\d, ]+)", item.question)]

    def says(text: str, line: tuple[int, ...]) -> int:
        if "followed" in text:
            return sum(b < a for a, b in pairwise(line))
        if "sum" in text:
            return line[0] + line[-1]
        return line.index(max(line)) + 1 if "place" in text else max(abs(a - b) for a, b in pairwise(line))

    def fits(answer: str) -> bool:
        rows = [tuple(numbers(row)) for row in answer.split("; ")]
        columns = list(zip(*rows, strict=True))
        return (
            all(len({*line}) == size for line in columns)
            and [says(texts[0], line) for line in rows] == given[0]
            and [says(texts[1], line) for line in columns] == given[1]
            and all(
                k in (".", c) for k, c in zip(" ".join(known).split(), answer.replace(";", "").split(), strict=True)
            )
        )

    lines = [" ".join(map(str, line)) for line in permutations(range(1, size + 1))]
    return ("; ".join(square) for square in product(lines, repeat=size)), fits


def lamps(item: Item) -> tuple[Iterable[str], Fits]:
    colours = words(re.findall(r"colours (.+?)\. Moved", item.rule)[0])
    hanging = [words(text) for text in re.findall(r"Switch \d: (.+)\.", item.question)]
    first, last = (re.findall(r"(\w+) in ([A-Z]\w+)", part) for part in item.question.split("In the end"))

    def fits(answer: str) -> bool:
        shines = {lamp: colours.index(colour) for lamp, colour in first}
        for count, lit in zip(numbers(answer), hanging, strict=True):
            for lamp in lit * count:
                shines[lamp] += 1
        return all(colours[shines[lamp] % 3] == colour for lamp, colour in last)

    return (", ".join(map(str, counts)) for counts in product(range(3), repeat=len(hanging))), fits


def dial(item: Item) -> tuple[Iterable[str], Fits]:
    buttons = dict(re.findall(r"^  (\w): (.+)\.$", item.rule, re.MULTILINE))
    size = numbers(item.rule)[1] + 1
    start, goal = numbers(item.question)[:2]

    def moved(at: int, text: str) -> int:
        value = (numbers(text) or [at])[0]
        if "odd" in text:
            return at + value if at % 2 else at - 2 * at
        return at - value if "counter" in text else at + value

    def fits(answer: str) -> bool:
        at = start
        for letter in answer:
            at = moved(at, buttons[letter]) % size
        return at == goal

    return _by_length("".join(way) for n in range(9) for way in product(buttons, repeat=n)), fits


def stacks(item: Item) -> tuple[Iterable[str], Fits]:
    first, last = (
        [numbers(stack) for stack in part.split(";")] for part in re.findall(r"(?:up|Wanted): (.+?)\.", item.question)
    )

    def may(upper: int, lower: int) -> bool:
        if "larger number" in item.rule:
            return lower > upper
        return lower % 2 != upper % 2 if "odd or even" in item.rule else lower != upper + 1

    def ends(yard: list[list[int]], crates: list[int]) -> Iterator[list[list[int]]]:
        """All yards that moving these crates one after the other can lead to."""
        if not crates:
            yield yard
            return
        for a, b in permutations(range(3), 2):
            if yard[a][-1:] == crates[:1] and (not yard[b] or may(crates[0], yard[b][-1])):
                after = [list(stack) for stack in yard]
                after[b].append(after[a].pop())
                yield from ends(after, crates[1:])

    many = len(numbers("".join(map(str, first))))
    series = (", ".join(way) for n in range(6) for way in product("123456"[:many], repeat=n))
    return _by_length(series), lambda answer: last in ends(first, numbers(answer))


def caravan(item: Item) -> tuple[Iterable[str], Fits]:
    miles: dict[frozenset[str], int] = {}
    for a, b, far in re.findall(r"- (\w+) and (\w+): (\d+) miles", item.question):
        miles[frozenset((a, b))] = int(far)
    tired, add = map(int, re.findall(r"costs (\d+) coins, and (\d+) coins", item.rule)[0])
    start, goal = re.findall(r"from (\w+) to (\w+)\.", item.question)[0]
    towns = sorted(set().union(*miles))
    between = (way for n in range(4) for way in product(towns, repeat=n))
    walks = [(start, *way, goal) for way in between]
    cost = {}
    for walk in walks:
        legs = [miles.get(frozenset(leg)) for leg in pairwise(walk)]
        if None not in legs:
            cost[", ".join(walk)] = sum(far * tired + add if at % 2 else far for at, far in enumerate(legs) if far)
    lowest = min(cost.values())
    return cost, lambda answer: cost[answer] == lowest


def cargo(item: Item) -> tuple[Iterable[str], Fits]:
    chests = {c: (int(w), int(v)) for c, w, v in re.findall(r"- (\w+): weight (\d+), value (\d+)", item.question)}
    limit = numbers(item.question)[0]
    quarrels = re.findall(r"- (\w+) and (\w+) quarrel", item.question)
    bonds = re.findall(r"- (\w+) and (\w+) belong together: (\d+)", item.question)
    worth = {}
    for size in range(len(chests) + 1):
        for load in combinations(sorted(chests), size):
            if sum(chests[c][0] for c in load) <= limit and not any({*pair} <= {*load} for pair in quarrels):
                more = sum(int(bonus) for a, b, bonus in bonds if {a, b} <= {*load})
                worth[", ".join(load)] = more + sum(chests[c][1] for c in load)
    highest = max(worth.values())
    return worth, lambda answer: worth[answer] == highest


def _by_length(candidates: Iterable[str]) -> Iterator[str]:
    """Candidates in order of their length; the checks below stop at the length of the first that fits."""
    return iter(candidates)


SHORTEST = ("dial", "stacks")
CHECKS = (speakers, table, weights, route, terraces, lamps, dial, stacks, caravan, cargo)
LARGEST = {"route": 1, "terraces": 1, "speakers": 4, "lamps": 4, "dial": 4, "cargo": 4, "table": 3, "stacks": 3}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_trying_every_answer_finds_the_gold_answer_only(
    check: Callable[[Item], tuple[Iterable[str], Fits]],
) -> None:
    name = check.__name__
    for difficulty in range(1, LARGEST.get(name, 2) + 1):
        for seed in range(6):
            item = draw(FAMILIES[name], difficulty, seed, 7)
            candidates, fits = check(item)
            found: list[str] = []
            for candidate in candidates:
                if name in SHORTEST and found and len(candidate) > len(found[0]):
                    break
                if fits(candidate):
                    found.append(candidate)
            assert found == [item.answer], (item.rule, item.question)
