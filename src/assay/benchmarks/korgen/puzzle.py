"""Puzzles with one solution: seats at a round table, weights behind readings (and those in ``puzzle_grids``).

The generators begin with the solution and add clues, keeping a list of what still fits, until nothing
else does. The solvers read the finished text and search it exhaustively, place by place, so that "only
one fits" is proved for every item that is emitted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import combinations, permutations
from math import perm
from random import Random

from assay.benchmarks.korgen.family import Family, Item, Level, levels
from assay.benchmarks.korgen.puzzle_grids import FAMILIES as GRIDS
from assay.benchmarks.korgen.words import NAMES, between, listed, shuffled, unlisted

# What still fits, among all ways to give each of several things a number of its own, is kept as a set of bits: one
# integer, a bit a way. A clue is then a few operations on integers, however many ways there are.


@cache
def _holders(numbers: int, things: int) -> list[dict[int, int]]:
    """For each thing, the ways (as bits) that give it each number from 1 to ``numbers``."""
    ways = list(permutations(range(1, numbers + 1), things))
    return [
        {number: int("".join("01"[way[thing] == number] for way in ways), 2) for number in range(1, numbers + 1)}
        for thing in range(things)
    ]


def _everything(numbers: int, things: int) -> int:
    """The set of all ways."""
    return (1 << perm(numbers, things)) - 1


def _having(numbers: int, things: int, chosen: Sequence[int], values: Iterable[Sequence[int]]) -> int:
    """The set of the ways that give the chosen things one of these series of numbers."""
    holders = _holders(numbers, things)
    found = 0
    for series in values:
        fitting = -1
        for thing, number in zip(chosen, series, strict=True):
            fitting &= holders[thing][number]
        found |= fitting
    return found


# Table: guests around a table, their seats described by invented relations.

VERBS = ("balks", "drells", "fants", "glims", "hulks", "jorts", "krims", "marls", "nelds", "orps", "quens", "tarns")


def _table(rng: Random, level: Level, name: str) -> Item | None:
    count = level["guests"]
    guests = rng.sample(NAMES, count)
    seat = {guest: number for number, guest in enumerate(shuffled(rng, guests), 1)}
    verbs = dict(zip(rng.sample(VERBS, level["relations"]), _relations(rng, count), strict=False))
    facts = [
        (a, verb, b, holds(seat[a], seat[b])) for verb, (holds, _) in verbs.items() for a, b in permutations(guests, 2)
    ]
    true, false = shuffled(rng, [f for f in facts if f[3]]), shuffled(rng, [f for f in facts if not f[3]])
    pool = shuffled(rng, true[: 3 * count] + false[:count])
    possible, at = _everything(count, count), guests.index
    clues = []
    for a, verb, b, truth in pool:
        fits = (pair for pair in permutations(range(1, count + 1), 2) if verbs[verb][0](*pair) == truth)
        left = possible & _having(count, count, (at(a), at(b)), fits)
        if left != possible:
            possible = left
            clues.append(f"{a} {verb} {b}." if truth else f"{a} does not {verb[:-1]} {b}.")
        if possible.bit_count() == 1:
            break
    rule = (
        f"At a {name} dinner the guests sit around a table with {count} seats, numbered 1 to {count} clockwise, one "
        f"guest to a seat; after seat {count} comes seat 1 again. Of two different guests X and Y one says:\n"
        + "\n".join(f"  X {verb} Y exactly if {text}." for verb, (_, text) in verbs.items())
    )
    question = (
        f"{listed(guests)} sit at the table. It is known:\n" + "\n".join(f"- {clue}" for clue in clues) + "\n"
        "Only one order fits. Name the guests in the order of their seats, beginning with seat 1."
    )
    return Item(rule, question, ", ".join(sorted(guests, key=seat.__getitem__)), steps=count + len(clues))


def _relations(rng: Random, count: int) -> list[tuple[Callable[[int, int], bool], str]]:
    k, d, total = between(rng, 1, count - 1), between(rng, 1, count - 2), between(rng, count - 1, count + 2)
    parity, m = rng.randrange(2), between(rng, 2, 3)
    places = "1 place" if k == 1 else f"{k} places"
    return shuffled(
        rng,
        [
            (lambda x, y: (x - y) % count == k, f"X sits {places} further clockwise than Y"),
            (lambda x, y: abs(x - y) == d, f"the larger of their seat numbers minus the smaller is {d}"),
            (lambda x, y: x + y == total, f"their seat numbers add up to {total}"),
            (lambda x, y: x > y and (x + y) % 2 == parity, "X has the larger seat number and the sum of their seat "
             f"numbers is {'odd' if parity else 'even'}"),
            (lambda x, y: x >= m * y, f"the seat number of X is at least {m} times that of Y"),
        ],
    )  # fmt: skip


def _solve_table(rule: str, question: str) -> Iterator[str]:
    count = int(re.findall(r"a table with (\d+) seats", rule)[0])
    meanings = dict(re.findall(r"^  X (\w+) Y exactly if (.+)\.$", rule, re.MULTILINE))
    guests = unlisted(re.findall(r"^(.+) sit at the table", question)[0])
    clues = [(a, verb, b, True) for a, verb, b in re.findall(r"^- (\w+) (\w+) (\w+)\.$", question, re.MULTILINE)]
    clues += [
        (a, f"{verb}s", b, False)
        for a, verb, b in re.findall(r"^- (\w+) does not (\w+) (\w+)\.$", question, re.MULTILINE)
    ]

    def holds(text: str, x: int, y: int) -> bool:
        numbers = [int(number) for number in re.findall(r"\d+", text)]
        if "clockwise" in text:
            return (y + numbers[0] - 1) % count + 1 == x
        if "minus" in text:
            return numbers[0] in (x - y, y - x)
        if "add up" in text:
            return numbers[0] - y == x
        if "times" in text:
            return x // y >= numbers[0]
        return x > y and (x % 2 != y % 2) == ("odd" in text)

    fits = {
        (verb, x, y): holds(text, x, y)
        for verb, text in meanings.items()
        for x, y in permutations(range(1, count + 1), 2)
    }

    def seated(seats: dict[str, int]) -> Iterator[str]:
        """All completions of an order; ``seats`` is filled from seat 1 on."""
        if len(seats) == count:
            yield ", ".join(seats)
            return
        for guest in guests:
            if guest in seats:
                continue
            seats[guest] = len(seats) + 1
            if all(
                fits[verb, seats[a], seats[b]] == truth
                for a, verb, b, truth in clues
                if guest in (a, b) and a in seats and b in seats
            ):
                yield from seated(seats)
            del seats[guest]

    return seated({})


# Weights: stones whose weights show only through the readings of odd scales.


def _weights(rng: Random, level: Level, name: str) -> Item | None:
    stones = rng.sample(NAMES, level["stones"])
    heaviest = level["heaviest"]
    weight = dict(zip(stones, rng.sample(range(1, heaviest + 1), len(stones)), strict=True))
    scales = dict(zip((f"{letter}-scale" for letter in "KLM"), _scales(rng)[: level["scales"]], strict=False))
    possible = _everything(heaviest, len(stones))
    pool = [(scale, group) for scale, (size, _, _) in scales.items() for group in combinations(stones, size)]
    clues = []
    for scale, group in shuffled(rng, pool):
        read = scales[scale][1]
        shown = read([weight[stone] for stone in group])
        fits = (weights for weights in permutations(range(1, heaviest + 1), len(group)) if read(weights) == shown)
        left = possible & _having(heaviest, len(stones), tuple(map(stones.index, group)), fits)
        if left != possible:
            possible = left
            clues.append(f"- {scale}, {listed(shuffled(rng, group))}: {shown}")
        if possible.bit_count() == 1:
            break
    else:
        return None
    rule = (
        f"The stones of {name} have different weights, each a whole number from 1 to {heaviest}. They can be put on "
        "scales, which show a number; the order in which stones are put on does not matter.\n"
        + "\n".join(f"  {scale}: takes {size} stones and shows {text}." for scale, (size, _, text) in scales.items())
    )
    question = (
        f"The stones are {listed(stones)}. The scales have shown:\n" + "\n".join(clues) + "\n"
        f"Only one choice of weights fits. Give the weights of {listed(stones)}, in this order."
    )
    return Item(rule, question, ", ".join(map(str, weight.values())), steps=len(stones) + 2 * len(clues))


def _scales(rng: Random) -> list[tuple[int, Callable[[Sequence[int]], int], str]]:
    add, m, factor = between(rng, 1, 5), between(rng, 4, 6), between(rng, 2, 3)
    return shuffled(
        rng,
        [
            (2, lambda w: max(w) - min(w) + add, f"the larger weight minus the smaller weight, plus {add}"),
            (2, lambda w: factor * max(w) + min(w), f"{factor} times the larger weight, plus the smaller weight"),
            (3, lambda w: min(w) + max(w), "the sum of the smallest and the largest weight"),
            (3, lambda w: sum(w) % m, f"the remainder of the sum of the weights on division by {m}"),
            (3, lambda w: factor * sorted(w)[1] + add, f"{factor} times the middle weight, plus {add}"),
        ],
    )


def _solve_weights(rule: str, question: str) -> Iterator[str]:
    stones = unlisted(re.findall(r"The stones are (.+?)\.", question)[0])
    heaviest = int(re.findall(r"from 1 to (\d+)", rule)[0])
    texts = dict(re.findall(r"^  (\w-scale): takes \d stones and shows (.+)\.$", rule, re.MULTILINE))
    clues = [
        (texts[scale], unlisted(group), int(shown))
        for scale, group, shown in re.findall(r"^- (\w-scale), (.+): (\d+)$", question, re.MULTILINE)
    ]

    @cache
    def shows(text: str, weights: tuple[int, ...]) -> int:
        light, *middle, heavy = sorted(weights)
        numbers = [int(number) for number in re.findall(r"\d+", text)]
        if "larger weight minus" in text:
            return heavy - light + numbers[0]
        if "larger weight, plus" in text:
            return numbers[0] * heavy + light
        if "middle" in text:
            return numbers[0] * middle[0] + numbers[1]
        return (light + heavy) if "smallest" in text else (light + middle[0] + heavy) % numbers[0]

    # The stones that most readings are about come first; each reading is looked at once its last stone has a weight.
    order = sorted(stones, key=lambda stone: -sum(stone in group for _, group, _ in clues))
    readings: list[list[tuple[str, list[int], int]]] = [[] for _ in stones]
    for text, group, shown in clues:
        loaded = [order.index(stone) for stone in group]
        readings[max(loaded)].append((text, loaded, shown))

    def weighed(known: tuple[int, ...]) -> Iterator[str]:
        if len(known) == len(stones):
            yield ", ".join(str(known[order.index(stone)]) for stone in stones)
            return
        for weight in range(1, heaviest + 1):
            if weight in known:
                continue
            now = (*known, weight)
            for text, loaded, shown in readings[len(known)]:
                if shows(text, tuple([now[at] for at in loaded])) != shown:
                    break
            else:
                yield from weighed(now)

    return weighed(())


FAMILIES = (
    Family(
        "table",
        "puzzle",
        "Guests seated by invented relations",
        "list",
        levels(guests=(4, 5, 6, 7, 8), relations=(2, 2, 3, 3, 4)),
        _table,
        _solve_table,
    ),
    Family(
        "weights",
        "puzzle",
        "Weights behind the readings of odd scales",
        "list",
        levels(stones=(3, 4, 5, 6, 7), heaviest=(5, 6, 7, 7, 8), scales=(2, 2, 2, 3, 3)),
        _weights,
        _solve_weights,
    ),
    *GRIDS,
)
