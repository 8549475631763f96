"""Puzzles on squares: a walk whose steps obey conditions by turns, and terraces described at their edges.

The generators begin with the solution; where another one fits as well, a terrace is given away that tells
them apart, while a square with two walks is thrown away. The solvers read the finished text and search
it exhaustively, cell by cell.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise, permutations
from operator import eq
from random import Random

from assay.benchmarks.korgen.family import Family, Item, Level, levels
from assay.benchmarks.korgen.words import between, pick, shuffled

# Route: a walk over a square of numbers whose odd and even steps obey different conditions.

_MOVES = {"R": (0, 1), "L": (0, -1), "D": (1, 0), "U": (-1, 0)}


def _route(rng: Random, level: Level, name: str) -> Item | None:
    size = level["size"]
    path = _walk(rng, size, level["moves"])
    if path is None:
        return None
    (odd, odd_text), (even, even_text) = rng.sample(_conditions(rng), 2)
    grid = [[between(rng, 1, 9) for _ in range(size)] for _ in range(size)]
    for step, ((r1, c1), (r2, c2)) in enumerate(pairwise(path), 1):
        allowed = [n for n in range(1, 10) if (odd if step % 2 else even)(grid[r1][c1], n)]
        if not allowed:
            return None
        grid[r2][c2] = pick(rng, allowed)
    names = {move: letter for letter, move in _MOVES.items()}
    answer = "".join(names[r2 - r1, c2 - c1] for (r1, c1), (r2, c2) in pairwise(path))
    rule = (
        f"A {name} walk leads over a square of numbers from the top left cell to the bottom right cell. Each step goes "
        "to a neighbouring cell: right (R), left (L), down (D) or up (U). No cell is entered twice. Say that a step "
        "goes from a cell with the number a to a cell with the number b:\n"
        f"  The first, third, fifth step and so on are allowed only if {odd_text}.\n"
        f"  The second, fourth, sixth step and so on are allowed only if {even_text}.\n"
        "The walk ends when it enters the bottom right cell."
    )
    question = (
        "The numbers are:\n" + "\n".join("  " + " ".join(map(str, row)) for row in grid) + "\n"
        "There is just one walk. Give its steps as a string of the letters R, L, D and U."
    )
    return Item(rule, question, answer, steps=len(answer))


def _walk(rng: Random, size: int, moves: int) -> list[tuple[int, int]] | None:
    """A random self-avoiding walk from corner to corner with that many moves, if one is found soon."""
    goal = (size - 1, size - 1)
    for _ in range(200):
        path = [(0, 0)]
        while path[-1] != goal:
            (row, column), left = path[-1], moves - len(path)
            onward = [
                cell
                for dr, dc in _MOVES.values()
                if (cell := (row + dr, column + dc)) not in path
                and min(cell) >= 0
                and max(cell) < size
                and sum(goal) - sum(cell) <= left
                and (cell != goal or not left)
            ]
            if not onward:
                break
            path.append(pick(rng, onward))
        if path[-1] == goal:
            return path
    return None


def _conditions(rng: Random) -> list[tuple[Callable[[int, int], bool], str]]:
    k, m, d = between(rng, 3, 4), between(rng, 1, 2), between(rng, 2, 4)
    rest = rng.randrange(k)
    return [
        (lambda a, b: (a + b) % k == rest, f"a + b leaves the remainder {rest} on division by {k}"),
        (lambda a, b: abs(a - b) == m, f"a and b differ by exactly {m}"),
        (lambda a, b: b >= a + d, f"b is at least a + {d}"),
        (lambda a, b: b <= a - d, f"b is at most a - {d}"),
        (lambda a, b: a * b % 10 == a * b // 10 or a * b < 9, "a times b is less than 9, or has two equal digits"),
    ]


def _solve_route(rule: str, question: str) -> Iterator[str]:
    grid = [[int(number) for number in row.split()] for row in re.findall(r"^  ([\d ]+)$", question, re.MULTILINE)]
    texts = re.findall(r"are allowed only if (.+)\.$", rule, re.MULTILINE)
    last = len(grid) - 1

    def allowed(text: str, a: int, b: int) -> bool:
        numbers = [int(number) for number in re.findall(r"\d+", text)]
        if "remainder" in text:
            return (a + b - numbers[0]) % numbers[1] == 0
        if "differ" in text:
            return b in (a - numbers[0], a + numbers[0])
        if "at least" in text:
            return b - a >= numbers[0]
        if "at most" in text:
            return a - b >= numbers[0]
        digits = str(a * b)
        return a * b < numbers[0] or (len(digits) == 2 and digits[0] == digits[1])

    waiting = [((0, 0), frozenset({(0, 0)}), "")]
    while waiting:
        (row, column), visited, letters = waiting.pop()
        if (row, column) == (last, last):
            yield letters
            continue
        for letter, (dr, dc) in _MOVES.items():
            r, c = row + dr, column + dc
            inside = 0 <= r <= last and 0 <= c <= last and (r, c) not in visited
            if inside and allowed(texts[len(letters) % 2], grid[row][column], grid[r][c]):
                waiting.append(((r, c), visited | {(r, c)}, letters + letter))


# Terraces: a square with each height once in every line, described at its edges.

_Line = tuple[int, ...]

_EDGES: tuple[tuple[Callable[[_Line], int], str], ...] = (
    (lambda line: sum(a > b for a, b in pairwise(line)),
     "how many heights in the line are followed at once by a smaller one"),
    (lambda line: line[0] + line[-1], "the sum of the first and the last height of the line"),
    (lambda line: line.index(len(line)) + 1, "at which place of the line, counted from 1, the largest height stands"),
    (lambda line: max(abs(a - b) for a, b in pairwise(line)),
     "the largest difference between two neighbouring heights of the line"),
)  # fmt: skip


def _terraces(rng: Random, level: Level, name: str) -> Item | None:
    size = level["size"]
    (read_row, row_text), (read_column, column_text) = rng.sample(_EDGES, 2)
    lines = list(permutations(range(1, size + 1)))
    solution = next(_squares([shuffled(rng, lines) for _ in range(size)]))
    row_clues = [read_row(row) for row in solution]
    column_clues = [read_column(column) for column in zip(*solution, strict=True)]
    cells = shuffled(rng, [(row, column) for row in range(size) for column in range(size)])
    given = set(cells[: level["given"]])

    def others() -> Iterator[Sequence[_Line]]:
        fitting = [
            [line for line in lines if read_row(line) == clue and all(line[c] == row[c] for r, c in given if r == at)]
            for at, (row, clue) in enumerate(zip(solution, row_clues, strict=True))
        ]
        for square in _squares(fitting):
            if square != solution and [read_column(column) for column in zip(*square, strict=True)] == column_clues:
                yield square

    while other := next(others(), None):
        given.add(next((row, column) for row, column in cells if other[row][column] != solution[row][column]))
    rule = (
        f"A {name} field is a square of {size} rows and {size} columns. Every cell has a height from 1 to {size}, and "
        f"no row and no column holds the same height twice. Rows are read from left to right, columns from top to "
        f"bottom. The number of a row says {row_text}. The number of a column says {column_text}."
    )
    shown = [
        "  " + " ".join(str(height) if (row, column) in given else "." for column, height in enumerate(line))
        for row, line in enumerate(solution)
    ]
    question = (
        f"The numbers of the rows, from top to bottom, are {', '.join(map(str, row_clues))}. The numbers of the "
        f"columns, from left to right, are {', '.join(map(str, column_clues))}. Some heights are known:\n"
        + "\n".join(shown)
        + "\nThere is just one solution. Give the whole square."
    )
    answer = "; ".join(" ".join(map(str, line)) for line in solution)
    return Item(rule, question, answer, steps=size * size - len(given))


def _squares(rows: Sequence[Sequence[_Line]]) -> Iterator[tuple[_Line, ...]]:
    """All squares made of these candidates for each row, no column holding a height twice."""
    if not rows:
        yield ()
        return
    for line in rows[0]:
        below = [[other for other in row if not any(map(eq, line, other))] for row in rows[1:]]
        for square in _squares(below) if all(below) else ():
            yield line, *square


def _solve_terraces(rule: str, question: str) -> Iterator[str]:
    size = int(re.findall(r"square of (\d+) rows", rule)[0])
    texts = re.findall(r"The number of a (?:row|column) says (.+?)\.", rule)
    clues = [
        [int(number) for number in numbers.split(", ")]
        for numbers in re.findall(r"(?:bottom|right), are ([\d, ]+)\.", question)
    ]
    known = [row.split() for row in re.findall(r"^  ([\d. ]+)$", question, re.MULTILINE)]

    def says(text: str, line: list[int]) -> int:
        steps = [b - a for a, b in pairwise(line)]
        if "followed" in text:
            return len([step for step in steps if step < 0])
        if "sum" in text:
            return line[0] + line[-1]
        if "largest height" in text:
            return 1 + max(range(size), key=line.__getitem__)
        return max(max(steps), -min(steps))

    def filled(cells: list[int]) -> Iterator[str]:
        if len(cells) == size * size:
            yield "; ".join(" ".join(map(str, cells[at : at + size])) for at in range(0, len(cells), size))
            return
        row, column = divmod(len(cells), size)
        across, down = cells[row * size :], cells[column::size]
        for height in range(1, size + 1):
            if height in across or height in down or known[row][column] not in (".", str(height)):
                continue
            if column == size - 1 and says(texts[0], [*across, height]) != clues[0][row]:
                continue
            if row == size - 1 and says(texts[1], [*down, height]) != clues[1][column]:
                continue
            yield from filled([*cells, height])

    return filled([])


FAMILIES = (
    Family(
        "route",
        "puzzle",
        "A walk whose steps obey conditions by turns",
        "text",
        levels(size=(3, 4, 5, 6, 7), moves=(4, 8, 10, 14, 18)),
        _route,
        _solve_route,
    ),
    Family(
        "terraces",
        "puzzle",
        "Heights in a square described at its edges",
        "grid",
        levels(size=(3, 4, 4, 5, 5), given=(3, 6, 3, 9, 4)),
        _terraces,
        _solve_terraces,
    ),
)
