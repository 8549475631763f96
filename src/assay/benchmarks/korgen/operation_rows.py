"""Operators on whole rows of numbers, which treat odd and even places differently and then turn the row.

The generator combines whole rows. The solver asks for one place at a time, from the outermost operator
inwards, in the text that it reads.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random

from assay.benchmarks.korgen.family import Family, Item, Level, levels
from assay.benchmarks.korgen.trees import Tree, parenthesised, random_tree
from assay.benchmarks.korgen.words import SYMBOLS, between, pick

_WAYS: dict[str, Callable[[int, int], int]] = {
    "x + y": lambda x, y: x + y,
    "x - y": lambda x, y: x - y,
    "y - x": lambda x, y: y - x,
    "the larger of x and y": max,
    "the smaller of x and y": min,
}


def _blend(rng: Random, level: Level, name: str) -> Item | None:
    length = level["length"]
    rows = {letter: [between(rng, 0, 9) for _ in range(length)] for letter in "PQRS"[: level["rows"]]}
    ways: dict[str, tuple[str, str, int]] = {}
    for symbol in rng.sample(SYMBOLS, level["operators"]):
        odd, even = rng.sample(tuple(_WAYS), 2)
        ways[symbol] = odd, even, between(rng, 1, length - 1)
    tree = random_tree(rng, tuple(ways), level["applications"], lambda: pick(rng, tuple(rows)))

    def value(tree: Tree) -> list[int]:
        if not isinstance(tree, tuple):
            return rows[str(tree)]
        left, right = value(tree[1]), value(tree[2])
        odd, even, turn = ways[tree[0]]
        mixed = [_WAYS[even if at % 2 else odd](x, y) for at, (x, y) in enumerate(zip(left, right, strict=True))]
        return mixed[turn:] + mixed[:turn]

    answer = value(tree)
    if max(map(abs, answer)) > 99 or len(set(answer)) < 2 or answer in rows.values():
        return None
    rule = (
        f"{name} operators make a row out of two rows of {length} numbers. In each place, x is the number of the row "
        "on the left of the operator, y that of the row on its right; places are counted from the left, from 1. The "
        "new row is then turned: its first numbers, as many as are said below, move to its end in the same order.\n"
        + "\n".join(
            f"  {symbol} : {odd} in odd places, {even} in even places; {turn} to the end."
            for symbol, (odd, even, turn) in ways.items()
        )
        + "\nParentheses are worked out first."
    )
    given = "; ".join(f"{letter} = {' '.join(map(str, row))}" for letter, row in rows.items())
    question = f"Let {given}. Which row is {parenthesised(tree)}?"
    return Item(rule, question, ", ".join(map(str, answer)), steps=level["applications"] * length)


def _solve_blend(rule: str, question: str) -> list[str]:
    ways = {
        symbol: (odd, even, int(turn))
        for symbol, odd, even, turn in re.findall(
            r"^  (\S) : (.+) in odd places, (.+) in even places; (\d+) to the end\.$", rule, re.MULTILINE
        )
    }
    rows = {letter: list(map(int, row.split())) for letter, row in re.findall(r"([PQRS]) = ([\d ]+)", question)}
    words = re.findall(r"\S", question.rpartition("Which row is ")[2].rstrip("?"))
    length = len(next(iter(rows.values())))

    def split(start: int, end: int) -> int | None:
        """Where the outermost operator between two words stands; ``None`` for a row or a parenthesis."""
        depth = 0
        for at in range(start, end):
            depth += {"(": 1, ")": -1}.get(words[at], 0)
            if not depth and words[at] in ways:
                return at
        return None

    def number(start: int, end: int, place: int) -> int:
        at = split(start, end)
        if at is None:
            return rows[words[start]][place] if end == start + 1 else number(start + 1, end - 1, place)
        odd, even, turn = ways[words[at]]
        source = (place + turn) % length
        x, y = number(start, at, source), number(at + 1, end, source)
        way = even if source % 2 else odd
        if "larger" in way or "smaller" in way:
            return x if (x > y) == ("larger" in way) else y
        return x + y if "+" in way else (x - y) * (1 if way.startswith("x") else -1)

    return [", ".join(str(number(0, len(words), place)) for place in range(length))]


FAMILIES = (
    Family(
        "blend",
        "operation",
        "Operators on rows that treat odd and even places differently",
        "list",
        levels(length=(3, 3, 4, 5, 5), rows=(2, 3, 3, 4, 4), operators=(1, 2, 2, 3, 3), applications=(1, 2, 3, 5, 7)),
        _blend,
        _solve_blend,
    ),
)
