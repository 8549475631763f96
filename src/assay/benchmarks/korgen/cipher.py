"""Ciphers of our own: a drifting wheel, a folded grid, pairs in a square, layers of small steps.

Half of the questions ask to encipher, half to decipher. The generators only encipher, on the structures
that they build. The solvers read the rule and serve both directions by other means: the wheel is turned
place by place, the square is written out as a table of all pairs, and for the grid and the layers
closed forms say where each letter comes to.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import product
from random import Random

from assay.benchmarks.korgen.family import Family, Item, Level, levels, told
from assay.benchmarks.korgen.words import LETTERS, between, listed, pick, shuffled


def asked(rng: Random, plain: str, secret: str) -> tuple[str, str]:
    """The question and its answer, in one of the two directions."""
    if rng.random() < 0.5:
        return f"Encipher {plain}.", secret
    return f"The enciphered text is {secret}. What is the plain text?", plain


def given_text(question: str) -> tuple[str, bool]:
    """The text in a question, and whether it is to be enciphered."""
    encipher = question.startswith("Encipher")
    return re.findall(r"\b[A-Z]{2,}\b", question)[0], encipher


# Wheel: a shift along a ring of letters that drifts with what has been enciphered.


def _wheel(rng: Random, level: Level, name: str) -> Item | None:
    ring = rng.sample(LETTERS, level["ring"])
    marked = sorted(rng.sample(ring, len(ring) // 2))
    start = between(rng, 1, len(ring) - 1)
    grow, other = rng.sample(range(1, 6), 2)
    plain = "".join(pick(rng, ring) for _ in range(level["letters"]))
    shift, secret = start, ""
    for letter in plain:
        secret += ring[(ring.index(letter) + shift) % len(ring)]
        shift += grow if letter in marked else -other
    rule = (
        f"The {name} wheel carries the letters {' '.join(ring)} in this order clockwise, and behind the last comes the "
        f"first again. To encipher a text, replace each letter in turn by the one that stands a number of places "
        f"further clockwise; a negative number of places is counted counter-clockwise. The number is {start} for the "
        f"first letter of the text. After each letter it changes: if the letter of the plain text was one of "
        f"{listed(marked)}, the number grows by {grow}; otherwise it shrinks by {other}."
    )
    question, answer = asked(rng, plain, secret)
    return Item(rule, question, answer, steps=len(plain), facts=told("What comes of letter", answer))


def _solve_wheel(rule: str, question: str) -> list[str]:
    ring = re.findall(r"carries the letters ([A-Z ]+) in this order", rule)[0].replace(" ", "")
    marked = re.findall(r"[A-Z]", re.findall(r"was one of (.+?), the number", rule)[0])
    start, grow, other = map(int, re.findall(r"number is (\d+) for.+ grows by (\d+);.+ shrinks by (\d+)", rule)[0])
    text, encipher = given_text(question)
    turns, result = start, ""
    for letter in text:
        # Turn the ring itself, one place at a time, and read off which letter lies under which.
        turned = ring
        for _ in range(abs(turns)):
            turned = turned[1:] + turned[0] if turns > 0 else turned[-1] + turned[:-1]
        under = dict(zip(ring, turned, strict=True)) if encipher else dict(zip(turned, ring, strict=True))
        result += under[letter]
        turns += grow if (letter if encipher else under[letter]) in marked else -other
    return [result]


# Fold: written into a grid in bends, read out by columns in the order of a key.


def _fold(rng: Random, level: Level, name: str) -> Item | None:
    width, height = level["width"], level["height"]
    key = shuffled(rng, range(1, width + 1))
    if key == sorted(key):
        return None
    plain = "".join(pick(rng, LETTERS) for _ in range(width * height))
    bends, climbs = pick(rng, ("even", "odd")), pick(rng, ("even", "odd"))
    grid = [list(plain[at : at + width]) for at in range(0, len(plain), width)]
    for number, row in enumerate(grid, 1):
        if (number % 2 == 0) == (bends == "even"):
            row.reverse()
    secret = ""
    for number in range(1, width + 1):
        column = [row[key.index(number)] for row in grid]
        secret += "".join(reversed(column) if (number % 2 == 0) == (climbs == "even") else column)
    rule = (
        f"The {name} cipher uses a grid of {height} rows and {width} columns. The text, which has {width * height} "
        "letters, is written into the rows from the top row, number 1, to the bottom row: rows with "
        f"{'an even' if bends == 'even' else 'an odd'} number are filled from right to left, the others from left to "
        f"right. Above the columns, from left to right, stand the key numbers {' '.join(map(str, key))}. The "
        "enciphered text is read out column by column, in the order of the key numbers, beginning with 1: columns with "
        f"{'an even' if climbs == 'even' else 'an odd'} key number are read from bottom to top, the others from top to "
        "bottom."
    )
    question, answer = asked(rng, plain, secret)
    return Item(rule, question, answer, steps=len(plain))


def _solve_fold(rule: str, question: str) -> list[str]:
    height, width = map(int, re.findall(r"grid of (\d+) rows and (\d+) columns", rule)[0])
    bends = re.findall(r"rows with an (even|odd) number are filled from right", rule)[0] == "odd"
    climbs = re.findall(r"columns with an (even|odd) key number are read from bottom", rule)[0] == "odd"
    key = [int(number) for number in re.findall(r"key numbers ([\d ]+)\.", rule)[0].split()]
    text, encipher = given_text(question)
    result = [""] * len(text)
    for place in range(len(text)):
        row, column = divmod(place, width)
        if (row + 1) % 2 == bends:
            column = width - 1 - column
        number = key[column]
        depth = height - 1 - row if number % 2 == climbs else row
        read = (number - 1) * height + depth
        source, target = (place, read) if encipher else (read, place)
        result[target] = text[source]
    return ["".join(result)]


# Pairs: letters two by two, moved in a square by where they stand to each other.


def _pairs(rng: Random, level: Level, name: str) -> Item | None:
    rows, columns = level["rows"], level["columns"]
    letters = rng.sample(LETTERS, rows * columns)
    grid = [letters[at : at + columns] for at in range(0, len(letters), columns)]
    where = {letter: divmod(at, columns) for at, letter in enumerate(letters)}
    down, right = between(rng, 1, rows - 1), between(rng, 1, columns - 1)
    keeps_row = rng.random() < 0.5

    def at(row: int, column: int) -> str:
        return grid[row % rows][column % columns]

    def encipher(first: str, second: str) -> str:
        (r1, c1), (r2, c2) = where[first], where[second]
        if first == second:
            return at(r1 + 1, c1 + 1) * 2
        if r1 == r2:
            return at(r1 + down, c1) + at(r2 + down, c2)
        if c1 == c2:
            return at(r1, c1 + right) + at(r2, c2 + right)
        return at(r1, c2) + at(r2, c1) if keeps_row else at(r2, c1) + at(r1, c2)

    plain = "".join(_pair(rng, grid) for _ in range(level["pairs"]))
    secret = "".join(encipher(*plain[at : at + 2]) for at in range(0, len(plain), 2))
    rule = (
        f"The {name} cipher uses this table of letters:\n" + "\n".join(f"  {' '.join(row)}" for row in grid) + "\n"
        "The text is cut into pairs of letters from its beginning, and each pair is replaced by another pair. To move "
        "down from the bottom row leads to the top row of the same column; to move right from the last column leads to "
        "the first column of the same row.\n"
        "- Two equal letters: both are replaced by the letter one place down and one place right of theirs.\n"
        f"- Different letters in one row: each is replaced by the letter {_places(down)} down from it.\n"
        f"- Different letters in one column: each is replaced by the letter {_places(right)} right of it.\n"
        "- Otherwise each is replaced by the letter in "
        f"{'its own row and the column' if keeps_row else 'its own column and the row'} of the other."
    )
    question, answer = asked(rng, plain, secret)
    return Item(rule, question, answer, steps=level["pairs"])


def _pair(rng: Random, grid: list[list[str]]) -> str:
    """Two letters: equal, in a row, in a column, or neither, with comparable chances."""
    row, column = pick(rng, grid), rng.randrange(len(grid[0]))
    kind = rng.randrange(7)
    if kind == 0:
        return row[column] * 2
    if kind < 3:
        return "".join(rng.sample(row, 2))
    if kind < 5:
        return "".join(rng.sample([line[column] for line in grid], 2))
    return row[column] + pick(rng, pick(rng, grid))


def _places(number: int) -> str:
    return "1 place" if number == 1 else f"{number} places"


def _solve_pairs(rule: str, question: str) -> list[str]:
    grid = [line.split() for line in re.findall(r"^  ([A-Z](?: [A-Z])+)$", rule, re.MULTILINE)]
    down = int(re.findall(r"letter (\d+) places? down from it", rule)[0])
    right = int(re.findall(r"letter (\d+) places? right of it", rule)[0])
    own_row = "its own row and the column" in rule
    rows, columns = len(grid), len(grid[0])
    spots = {complex(c, r): letter for r, line in enumerate(grid) for c, letter in enumerate(line)}

    def moved(spot: complex, by: complex) -> complex:
        target = spot + by
        return complex(target.real % columns, target.imag % rows)

    def image(p: complex, q: complex) -> tuple[complex, complex]:
        if p == q:
            return moved(p, 1 + 1j), moved(q, 1 + 1j)
        if p.imag == q.imag:
            return moved(p, down * 1j), moved(q, down * 1j)
        if p.real == q.real:
            return moved(p, right), moved(q, right)
        crossed = complex(q.real, p.imag), complex(p.real, q.imag)
        return crossed if own_row else crossed[::-1]

    pairs = {spots[p] + spots[q]: "".join(spots[spot] for spot in image(p, q)) for p, q in product(spots, repeat=2)}
    text, encipher = given_text(question)
    parts = [text[at : at + 2] for at in range(0, len(text), 2)]
    if encipher:
        return ["".join(pairs[part] for part in parts)]
    sources = [[plain for plain, secret in pairs.items() if secret == part] for part in parts]
    return ["".join(choice) for choice in product(*sources)]


# Layers: several small steps, one after the other.


def _layers(rng: Random, level: Level, name: str) -> Item | None:
    plain = "".join(rng.sample(LETTERS, level["letters"]))
    secret, lines, course = plain, [], [plain]
    previous = -1
    for number in range(1, level["layers"] + 1):
        kind = pick(rng, [kind for kind in range(6) if kind != previous])
        previous = kind
        step, text = _layer(rng, kind, len(plain))
        secret = step(secret)
        course.append(secret)
        lines.append(f"  {number}. {text}")
    if secret == plain:
        return None
    rule = (
        f"The {name} cipher changes a text in {level['layers']} steps, each applied to the outcome of the one before. "
        "Places are counted from the left, beginning with 1. The alphabet has the 26 letters from A to Z, and behind Z "
        "comes A again.\n" + "\n".join(lines)
    )
    question, answer = asked(rng, plain, secret)
    made = course[1:] if answer == secret else course[-2::-1]
    what = "The text after step" if answer == secret else "The text after undoing that many steps, the last one first:"
    return Item(rule, question, answer, steps=level["layers"] * len(plain), facts=told(what, made))


def _layer(rng: Random, kind: int, length: int) -> tuple[Callable[[str], str], str]:
    k, shift, parity = between(rng, 2, length - 2), between(rng, 1, 12), rng.randrange(2)
    word = "even" if parity else "odd"

    def advance(text: str) -> str:
        return "".join(
            LETTERS[(LETTERS.index(letter) + shift) % 26] if at % 2 == parity else letter
            for at, letter in enumerate(text)
        )

    def exchange(text: str) -> str:
        return "".join(text[at : at + 2][::-1] for at in range(0, len(text), 2))

    steps: list[tuple[Callable[[str], str], str]] = [
        (lambda text: text[::-1], "Write the text backwards."),
        (lambda text: text[k:] + text[:k], f"Move the first {k} letters, in the same order, to the end."),
        (exchange, "Exchange the letters in places 1 and 2, in places 3 and 4, and so on; a single last letter stays."),
        (advance, f"Replace each letter in an {word} place by the letter {shift} further on in the alphabet."),
        (
            lambda text: text[parity::2] + text[1 - parity :: 2],
            f"Write down first the letters in {word} places, then the others, both in the same order as before.",
        ),
        (
            lambda text: "".join(LETTERS[25 - LETTERS.index(letter)] for letter in text),
            "Replace each letter by its mirror image in the alphabet: A by Z, B by Y, ..., Z by A.",
        ),
    ]  # fmt: skip
    return steps[kind]


def _solve_layers(rule: str, question: str) -> list[str]:
    lines = re.findall(r"^  \d+\. (.+)$", rule, re.MULTILINE)
    text, encipher = given_text(question)
    result = [""] * len(text)
    for start in range(1, len(text) + 1):
        # Follow one letter through all layers: where it comes to, and that n becomes sign * n + shift.
        place, sign, shift = start, 1, 0
        for line in lines:
            place, sign, shift = _followed(line, len(text), place, sign, shift)
        source, target = (start, place) if encipher else (place, start)
        code = ord(text[source - 1]) - ord("A")
        changed = sign * code + shift if encipher else sign * (code - shift)
        result[target - 1] = chr(ord("A") + changed % 26)
    return ["".join(result)]


def _followed(line: str, length: int, place: int, sign: int, shift: int) -> tuple[int, int, int]:
    numbers = [int(number) for number in re.findall(r"\d+", line)]
    wanted = 0 if " even " in line else 1
    if line.startswith("Write the text"):
        return length + 1 - place, sign, shift
    if line.startswith("Move"):
        return (place - numbers[0] - 1) % length + 1, sign, shift
    if line.startswith("Exchange"):
        alone = place == length and length % 2
        return place if alone else place + 1 if place % 2 else place - 1, sign, shift
    if line.startswith("Write down"):
        first = place % 2 == wanted
        of_first = length // 2 if wanted == 0 else (length + 1) // 2
        rank = (place + 1) // 2
        return rank if first else of_first + rank, sign, shift
    if "mirror" in line:
        return place, -sign, 25 - shift
    return place, sign, shift + numbers[0] if place % 2 == wanted else shift


FAMILIES = (
    Family(
        "wheel",
        "cipher",
        "A shift that drifts with the text",
        "text",
        levels(letters=(3, 5, 8, 12, 16), ring=(8, 10, 14, 20, 26)),
        _wheel,
        _solve_wheel,
    ),
    Family(
        "fold",
        "cipher",
        "A grid written in bends and read by a key",
        "text",
        levels(width=(3, 4, 4, 5, 6), height=(2, 2, 4, 5, 6)),
        _fold,
        _solve_fold,
    ),
    Family(
        "pairs",
        "cipher",
        "Pairs of letters moved in a table",
        "text",
        levels(rows=(3, 3, 4, 4, 5), columns=(3, 4, 4, 5, 5), pairs=(2, 3, 5, 7, 10)),
        _pairs,
        _solve_pairs,
    ),
    Family(
        "layers",
        "cipher",
        "Several small steps on one text",
        "text",
        levels(letters=(4, 5, 6, 8, 10), layers=(2, 3, 4, 5, 7)),
        _layers,
        _solve_layers,
    ),
)
