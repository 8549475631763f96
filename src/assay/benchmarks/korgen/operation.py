"""Operations with invented symbols: on numbers, rows, sets and numerals.

The generators compute forwards on the structure that they build. The solvers read the texts and go
another way: a shunting-yard over the written expression, linear forms traced backwards through a
program, truth values one item at a time, addition glyph by glyph.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from random import Random

from assay.benchmarks.korgen.family import Family, Item, Level, levels, told
from assay.benchmarks.korgen.trees import Tree, parenthesised, random_tree
from assay.benchmarks.korgen.words import LETTERS, SYMBOLS, between, listed, pick, shuffled, signed

# Infix: operators with their own meaning, strength and direction.


def _infix(rng: Random, level: Level, name: str) -> Item | None:
    symbols = rng.sample(SYMBOLS, level["operators"])
    meanings = [_meaning(rng) for _ in symbols]
    apply = {symbol: function for symbol, (function, _) in zip(symbols, meanings, strict=True)}
    strength = {symbol: len(symbols) - place for place, symbol in enumerate(symbols)}
    to_right = {symbol: rng.random() < 0.5 for symbol in symbols}
    tree = random_tree(rng, symbols, level["applications"], lambda: between(rng, 1, 9))
    values: list[int] = []

    def value(tree: Tree) -> int:
        if not isinstance(tree, tuple):
            return int(tree)
        values.append(apply[tree[0]](value(tree[1]), value(tree[2])))
        return values[-1]

    def text(tree: Tree, parent: str = "", side: int = 0) -> str:
        if not isinstance(tree, tuple):
            return str(tree)
        symbol = tree[0]
        written = f"{text(tree[1], symbol, 1)} {symbol} {text(tree[2], symbol, 2)}"
        bare = not parent or strength[symbol] > strength[parent]
        bare = bare or (symbol == parent and side == (2 if to_right[symbol] else 1))
        return written if bare else f"({written})"

    answer = value(tree)
    if max(map(abs, values)) > 500:
        return None
    lines = [f"  a {symbol} b = {text}" for symbol, (_, text) in zip(symbols, meanings, strict=True)]
    directions = [
        f"a {symbol} b {symbol} c means {'a {0} (b {0} c)' if right else '(a {0} b) {0} c'}".format(symbol)
        for symbol, right in to_right.items()
    ]
    remainders = (
        "The remainder on division by m is always one of 0, 1, ..., m - 1, also for negative numbers; for instance, -3 "
        "divided by 7 leaves 4.\n"
    )
    rule = (
        f"{name} arithmetic has the following operators on whole numbers, where 2a means 2 times a and |x| is the "
        "absolute value of x:\n" + "\n".join(lines) + "\n"
        f"{remainders if 'remainder' in ''.join(lines) else ''}"
        "Parentheses come first. Without them the operators bind in this order, the strongest first: "
        f"{', '.join(symbols)}. Where one operator follows itself: {'; '.join(directions)}."
    )
    question = f"What is {text(tree)} in {name} arithmetic?"
    return Item(rule, question, str(answer), steps=level["applications"])


def _meaning(rng: Random) -> tuple[Callable[[int, int], int], str]:
    p, q, r, m = between(rng, 1, 3), pick(rng, (-2, -1, 1, 2, 3)), between(rng, -6, 6), between(rng, 7, 19)
    linear = f"{_term(p)}a {'+' if q > 0 else '-'} {_term(abs(q))}b"
    forms: list[tuple[Callable[[int, int], int], str]] = [
        (lambda a, b: p * a + q * b + r, f"{linear}{signed(r)}"),
        (lambda a, b: abs(a - b) + r, f"|a - b|{signed(r)}"),
        (lambda a, b: max(a, b) + r, f"(the larger of a and b){signed(r)}"),
        (lambda a, b: min(a, b) - r, f"(the smaller of a and b){signed(-r)}"),
        (lambda a, b: (p * a + q * b) % m, f"the remainder of {linear} on division by {m}"),
    ]
    return pick(rng, forms)


def _term(factor: int) -> str:
    return "" if factor == 1 else str(factor)


_DEFINITION = re.compile(r"^  a (\S) b = (.+)$", re.MULTILINE)
_LINEAR = re.compile(r"(\d*)a ([+-]) (\d*)b(?: ([+-]) (\d+))?")


def _defined(text: str) -> Callable[[int, int], int]:
    """The operator that a definition describes."""
    tail = re.search(r"[|)] ([+-]) (\d+)$", text)
    add = int(tail[1] + tail[2]) if tail else 0
    if text.startswith("|"):
        return lambda a, b: max(a - b, b - a) + add
    if text.startswith("("):
        largest = "larger" in text
        return lambda a, b: (a if (a > b) == largest else b) + add
    linear, divisor = _LINEAR.search(text), re.search(r"division by (\d+)$", text)
    assert linear, text
    p, q = int(linear[1] or 1), int(linear[2] + (linear[3] or "1"))
    if divisor:
        m = int(divisor[1])
        return lambda a, b: next(rest for rest in range(m) if (p * a + q * b - rest) % m == 0)
    constant = int(linear[4] + linear[5]) if linear[4] else 0
    return lambda a, b: p * a + q * b + constant


def _solve_infix(rule: str, question: str) -> list[str]:
    operators = {symbol: _defined(text) for symbol, text in _DEFINITION.findall(rule)}
    order = re.findall(r"the strongest first: ([^.]+)\.", rule)[0].split(", ")
    rightward = set(re.findall(r"means a (\S) \(b", rule))
    output: list[int] = []
    waiting: list[str] = []

    def apply() -> None:
        right, left = output.pop(), output.pop()
        output.append(operators[waiting.pop()](left, right))

    for word in re.findall(r"\d+|\S", question.removeprefix("What is ").partition(" in ")[0]):
        if word.isdecimal():
            output.append(int(word))
        elif word == "(":
            waiting.append(word)
        elif word == ")":
            while waiting[-1] != "(":
                apply()
            waiting.pop()
        else:
            own = order.index(word)
            while waiting and waiting[-1] != "(":
                other = order.index(waiting[-1])
                if other > own or (other == own and word in rightward):
                    break
                apply()
            waiting.append(word)
    while waiting:
        apply()
    return [str(output[0])]


# Tape: a program of symbols works on a row of numbers.


def _tape(rng: Random, level: Level, name: str) -> Item | None:
    places = level["places"]
    commands = dict(zip(rng.sample(SYMBOLS, level["symbols"]), _commands(rng, places), strict=False))
    program = [pick(rng, tuple(commands)) for _ in range(level["program"])]
    start = [between(rng, 1, 12) for _ in range(places)]
    row, course = list(start), []
    for symbol in program:
        commands[symbol][0](row)
        course.append(", ".join(map(str, row)))
    if row == start or max(map(abs, row)) > 500:
        return None
    rule = (
        f"A {name} machine holds a row of {places} numbers; place 1 is the leftmost. It obeys these commands:\n"
        + "\n".join(f"  {symbol} : {text}" for symbol, (_, text) in commands.items())
        + "\nA program is carried out from left to right, each command on the row as the one before has left it."
    )
    question = (
        f"The machine holds {', '.join(map(str, start))}. Which row does it hold after the program {' '.join(program)}?"
    )
    return Item(rule, question, course[-1], steps=len(program), facts=told("The row after command", course))


def _commands(rng: Random, places: int) -> list[tuple[Callable[[list[int]], object], str]]:
    def turn(row: list[int]) -> None:
        row[:] = row[k:] + row[:k]

    def swap(row: list[int]) -> None:
        row[i], row[j] = row[j], row[i]

    def add(row: list[int]) -> None:
        row[x] += c

    def merge(row: list[int]) -> None:
        row[y] += row[z]

    def negate(row: list[int]) -> None:
        row[w] = -row[w]

    k, c = between(rng, 1, places - 1), pick(rng, (-7, -5, -3, 2, 4, 6))
    i, j = sorted(rng.sample(range(places), 2))
    x, w = rng.randrange(places), rng.randrange(places)
    y, z = rng.sample(range(places), 2)
    moved = "the first number" if k == 1 else f"the first {k} numbers, in the same order,"
    return shuffled(
        rng,
        [
            (turn, f"move {moved} to the right end"),
            (list.reverse, "turn the whole row around"),
            (swap, f"exchange the numbers in places {i + 1} and {j + 1}"),
            (add, f"{'add' if c > 0 else 'subtract'} {abs(c)} {'to' if c > 0 else 'from'} the number in place {x + 1}"),
            (merge, f"add the number in place {z + 1} to the number in place {y + 1}"),
            (negate, f"change the sign of the number in place {w + 1}"),
        ],
    )


def _solve_tape(rule: str, question: str) -> list[str]:
    commands = dict(re.findall(r"^  (\S) : (.+)$", rule, re.MULTILINE))
    row = [int(number) for number in question.removeprefix("The machine holds ").partition(".")[0].split(", ")]
    program = question.rpartition("program ")[2].rstrip("?").split()
    last = len(row)

    @cache
    def held(place: int, time: int) -> int:
        """The number in a place (from 1) after so many commands, traced back to the start."""
        if not time:
            return row[place - 1]
        text = commands[program[time - 1]]
        numbers = [int(number) for number in re.findall(r"\d+", text)]
        if text.startswith("move"):
            return held((place + (numbers or [1])[0] - 1) % last + 1, time - 1)
        if text.startswith("turn"):
            return held(last + 1 - place, time - 1)
        if text.startswith("exchange"):
            return held(sum(numbers) - place if place in numbers else place, time - 1)
        before = held(place, time - 1)
        if place != numbers[-1]:
            return before
        if text.startswith("change"):
            return -before
        if text.startswith("add the number"):
            return before + held(numbers[0], time - 1)
        return before + (numbers[0] if text.startswith("add") else -numbers[0])

    return [", ".join(str(held(place, len(program))) for place in range(1, last + 1))]


# Roster: set operations given by the cases that they keep.

_CASES = {(1, 0): "in X but not in Y", (0, 1): "in Y but not in X", (1, 1): "in both X and Y", (0, 0): "in neither"}
_DULL = ({(1, 0), (1, 1)}, {(0, 1), (1, 1)}, {(1, 0), (0, 0)}, {(0, 1), (0, 0)})
"""Operations that look at one side only."""


def _roster(rng: Random, level: Level, name: str) -> Item | None:
    items = "abcdefghij"[: level["items"]]
    sets = {letter: set(rng.sample(items, between(rng, 2, len(items) - 2))) for letter in "PQRS"[: level["sets"]]}
    keeps: dict[str, set[tuple[int, int]]] = {}
    for symbol in rng.sample(SYMBOLS, level["operators"]):
        kept = set(rng.sample(tuple(_CASES), between(rng, 1, 3)))
        if kept in _DULL or kept in keeps.values():
            return None
        keeps[symbol] = kept
    tree = random_tree(rng, list(keeps), level["applications"], lambda: pick(rng, "PQRS"[: level["sets"]]))

    def members(tree: Tree) -> set[str]:
        if not isinstance(tree, tuple):
            return sets[str(tree)]
        left, right, kept = members(tree[1]), members(tree[2]), keeps[tree[0]]
        parts = {(1, 0): left - right, (0, 1): right - left, (1, 1): left & right, (0, 0): set(items) - left - right}
        return set().union(*(part for case, part in parts.items() if case in kept))

    answer = members(tree)
    if not answer or len(answer) == len(items):
        return None
    cases = {symbol: [text for case, text in _CASES.items() if case in kept] for symbol, kept in keeps.items()}
    lines = [f"  X {symbol} Y keeps the items that are {', or '.join(texts)}." for symbol, texts in cases.items()]
    rule = (
        f"A {name} roster is a set of items. There are no items but {listed(tuple(items))}. Two rosters X and Y are "
        "combined as follows:\n" + "\n".join(lines) + "\nParentheses are worked out first."
    )
    given = "; ".join(f"{letter} = {{{', '.join(sorted(held))}}}" for letter, held in sets.items())
    question = f"Let {given}. Which items are in {parenthesised(tree)}?"
    return Item(rule, question, ", ".join(sorted(answer)), steps=level["applications"])


def _solve_roster(rule: str, question: str) -> list[str]:
    tables = {
        symbol: {case for case, text in _CASES.items() if text in kept.split(", or ")}
        for symbol, kept in re.findall(r"X (\S) Y keeps the items that are (.+)\.", rule)
    }
    found = re.search(r"no items but (.+?)\. ", rule)
    assert found
    expression = question.rpartition("Which items are in ")[2].rstrip("?")
    sets = {letter: held.split(", ") for letter, held in re.findall(r"([PQRS]) = \{(.*?)\}", question)}
    answer = []
    for item in re.findall(r"\w", found[1].replace(" and ", " ")):
        text = "".join(str(int(item in sets[char])) if char in sets else char for char in f"({expression})")
        while len(text) > 1:
            text = re.sub(
                r"\(([01]) (\S) ([01])\)", lambda m: str(int((int(m[1]), int(m[3])) in tables[m[2]])), text, count=1
            )
        if text == "1":
            answer.append(item)
    return [", ".join(answer)]


# Numerals: letters as digits, the lowest place first, every place with a size of its own.


def _numerals(rng: Random, level: Level, name: str) -> Item | None:
    sizes = [between(rng, 3, level["size"]) for _ in range(level["places"])]
    letters = rng.sample(LETTERS, max(sizes))

    def written(number: int) -> str:
        text = ""
        for size in sizes:
            number, digit = divmod(number, size)
            text += letters[digit]
        return text if not number else ""

    total = 1
    for size in sizes:
        total *= size
    numbers = [between(rng, total // 12, 2 * total // (level["addends"] + 1)) for _ in range(level["addends"])]
    answer = written(sum(numbers))
    if not answer:
        return None
    places = "; ".join(f"place {place} has size {size}" for place, size in enumerate(sizes, 1))
    rule = (
        f"{name} numerals are written with the letters {', '.join(letters)}, which stand for 0 to {len(letters) - 1} "
        f"in this order. Every numeral has {len(sizes)} letters. Its first letter from the left is place 1, the next "
        f"place 2, and so on; {places}. A place of size s holds only values from 0 to s - 1. Two numerals are added "
        "place by place, beginning with place 1: where the values in a place of size s, with the 1 that may have been "
        "carried there, add up to s or more, s is taken away and 1 is carried to the next place. Several numerals are "
        "added one after the other."
    )
    question = f"What is {' + '.join(map(written, numbers))}, written as a numeral?"
    return Item(rule, question, answer, steps=len(sizes) * (len(numbers) - 1))


def _solve_numerals(rule: str, question: str) -> list[str]:
    letters = re.findall(r"letters ([A-Z, ]+), which", rule)[0].split(", ")
    sizes = [int(size) for size in re.findall(r"has size (\d+)", rule)]
    first, *others = re.findall(r"\b[A-Z]{2,}\b", question)
    for other in others:
        carry, text = 0, ""
        for size, x, y in zip(sizes, first, other, strict=True):
            # Count up glyph by glyph, as on fingers.
            glyph, rest = x, letters.index(y) + carry
            carry = 0
            for _ in range(rest):
                after = letters.index(glyph) + 1
                glyph, carry = (letters[0], carry + 1) if after == size else (letters[after], carry)
            text += glyph
        if carry:
            return []
        first = text
    return [first]


FAMILIES = (
    Family(
        "infix",
        "operation",
        "Operators with their own meaning, strength and direction",
        "integer",
        levels(operators=(2, 2, 3, 3, 4), applications=(2, 3, 5, 8, 12)),
        _infix,
        _solve_infix,
    ),
    Family(
        "tape",
        "operation",
        "Commands that rearrange and change a row of numbers",
        "list",
        levels(places=(4, 4, 5, 6, 7), symbols=(3, 3, 4, 5, 6), program=(3, 5, 8, 12, 16)),
        _tape,
        _solve_tape,
    ),
    Family(
        "roster",
        "operation",
        "Set operations given by the cases that they keep",
        "set",
        levels(items=(5, 6, 7, 8, 10), sets=(2, 3, 3, 4, 4), operators=(2, 2, 3, 3, 4), applications=(2, 3, 4, 6, 9)),
        _roster,
        _solve_roster,
    ),
    Family(
        "numerals",
        "operation",
        "Sums in a notation whose places differ in size",
        "text",
        levels(places=(3, 4, 4, 5, 6), size=(5, 6, 7, 8, 10), addends=(2, 2, 3, 3, 4)),
        _numerals,
        _solve_numerals,
    ),
)
