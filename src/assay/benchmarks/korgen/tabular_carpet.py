"""Carpet: a pattern of letters in rows and columns, turned, mirrored and rearranged.

The generator changes whole rows. The solver follows each letter by itself.
"""

from __future__ import annotations

import re
from random import Random

from assay.benchmarks.korgen.family import Family, Item, Level, levels, told
from assay.benchmarks.korgen.words import LETTERS, pick


def _carpet(rng: Random, level: Level, name: str) -> Item | None:
    height, width = level["height"], level["width"]
    letters = rng.sample(LETTERS, 8)
    rows = [[pick(rng, letters) for _ in range(width)] for _ in range(height)]
    shown = ["  " + " ".join(row) for row in rows]
    start, orders, course, steps = rows, [], [], 0
    for number in range(1, level["orders"] + 1):
        kind, before = rng.randrange(6), rows
        a, b = sorted(rng.sample(range(len(rows)), 2))
        column = rng.randrange(len(rows[0]))
        steps += height * width
        if kind == 0:
            rows = [list(line) for line in zip(*rows[::-1], strict=True)]
            text = "Turn the carpet a quarter clockwise"
        elif kind == 1:
            rows = [list(line) for line in zip(*rows, strict=True)]
            text = "Make rows of the columns: the first column becomes the first row, and so on"
        elif kind == 2:
            rows = [row[::-1] for row in rows]
            text = "Mirror every row"
        elif kind == 3:
            rows = [*rows[:a], rows[b], *rows[a + 1 : b], rows[a], *rows[b + 1 :]]
            text = f"Exchange rows {a + 1} and {b + 1}"
        elif kind == 4:
            rows = [row[1:] + row[:1] for row in rows]
            text = "Move the leftmost column to the right edge"
        else:
            rows = [[*row[:column], *row[column + 1 :], row[column]] for row in rows]
            text = f"Move column {column + 1} to the right edge"
        if rows == before:
            return None
        orders.append(f"{number}. {text}.")
        course.append("; ".join(" ".join(row) for row in rows))
    if rows == start:
        return None
    rule = (
        f"A {name} carpet is a pattern of letters in rows and columns. Rows are counted from the top, columns from the "
        "left. Orders are carried out one after the other, each on the carpet as the one before has left it."
    )
    question = (
        "The carpet:\n" + "\n".join(shown) + "\nThe orders:\n" + "\n".join(orders) + "\nWhat does it look like then?"
    )
    return Item(rule, question, course[-1], steps, told("The carpet after order", course))


def _solve_carpet(rule: str, question: str) -> list[str]:
    rows = [line.split() for line in re.findall(r"^  ((?:[A-Z] ?)+)$", question, re.MULTILINE)]
    height, width = len(rows), len(rows[0])
    where = {(row, column): rows[row][column] for row in range(height) for column in range(width)}
    # Every letter is followed by itself: where it goes at each order.
    for text in re.findall(r"^\d+\. (.+)\.$", question, re.MULTILINE):
        numbers = [int(number) - 1 for number in re.findall(r"\d+", text)]
        moved = {}
        for (row, column), letter in where.items():
            if text.startswith("Turn"):
                to = column, height - 1 - row
            elif text.startswith("Make"):
                to = column, row
            elif text.startswith("Mirror"):
                to = row, width - 1 - column
            elif text.startswith("Exchange"):
                to = (sum(numbers) - row if row in numbers else row), column
            else:
                gone = numbers[0] if numbers else 0
                to = row, width - 1 if column == gone else column - (column > gone)
            moved[to] = letter
        if text.startswith(("Turn", "Make")):
            height, width = width, height
        where = moved
    return ["; ".join(" ".join(where[row, column] for column in range(width)) for row in range(height))]


FAMILIES = (
    Family(
        "carpet",
        "tabular",
        "A pattern of letters turned, mirrored and rearranged",
        "grid",
        levels(height=(2, 2, 3, 3, 4), width=(2, 3, 3, 4, 4), orders=(2, 3, 3, 4, 5)),
        _carpet,
        _solve_carpet,
    ),
)
