"""Tables that are sifted, added up, looked up in one another, and filled by formulas.

The generators work row by row, forwards. The solvers give every row a rank and judge it alone, add up
group by group, compose whole tables before looking anything up, and ask cells for their values from the
last one back.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from operator import itemgetter
from random import Random
from typing import Any

from assay.benchmarks.korgen.family import Family, Item, Level, levels, told
from assay.benchmarks.korgen.words import LETTERS, NAMES, SYMBOLS, THINGS, between, listed, pick, shuffled

# Sieve: orders that drop rows, sort them and change columns.


def _sieve(rng: Random, level: Level, name: str) -> Item | None:
    keys, columns = rng.sample(NAMES, level["rows"]), rng.sample(THINGS, 3)
    rows: list[list[Any]] = [[key, *(between(rng, 1, 15) for _ in columns)] for key in keys]
    shown = [f"  {' | '.join(map(str, row))}" for row in rows]
    orders, course, steps = [], [], 0
    for number in range(1, level["orders"] + 1):
        kind, (a, b), limit = rng.randrange(6), rng.sample(range(3), 2), between(rng, 4, 12)
        values = [row[1 + a] for row in rows]
        steps += len(rows)
        if kind == 0:
            kept = [row for row in rows if row[1 + a] > limit]
            text = f"Keep only the rows with more than {limit} under {columns[a]}"
        elif kind == 1:
            kept = [row for row in rows if row[1 + a] < row[1 + b]]
            text = f"Keep only the rows with less under {columns[a]} than under {columns[b]}"
        elif kind == 2:
            kept = sorted(rows, key=itemgetter(1 + a))
            text = f"Sort by {columns[a]}"
        elif kind == 3:
            kept = rows[::-1]
            text = "Turn the table upside down"
        elif kind == 4:
            kept = [[*row[: 1 + a], row[1 + a] + row[1 + b], *row[2 + a :]] for row in rows]
            text = f"Add to {columns[a]} what stands under {columns[b]}"
        else:
            kept = [row for at, row in enumerate(rows) if at != values.index(max(values))]
            text = f"Drop the row with the most under {columns[a]}"
        if len(kept) < 2 or kept == rows:
            return None
        rows = kept
        orders.append(f"{number}. {text}.")
        course.append(", ".join(row[0] for row in rows))
    if len(rows) == len(keys):
        return None
    rule = (
        f"A {name} sieve carries out orders on a table, one after the other, each on what the one before has left. "
        "Rows that are not kept are gone. To sort puts the rows with smaller numbers higher; rows with equal numbers "
        "keep their order. Where several rows have the most, the highest of them is dropped. To add changes the first "
        "column in every row and leaves the second as it is."
    )
    question = (
        f"The table, with the columns name, {', '.join(columns)}:\n" + "\n".join(shown) + "\nThe orders:\n"
        + "\n".join(orders) + "\nWhich names are left? Give them from the highest row to the lowest."
    )  # fmt: skip
    return Item(rule, question, course[-1], steps, told("The names from top to bottom after order", course))


def _solve_sieve(rule: str, question: str) -> list[str]:
    columns = re.findall(r"columns name, (.+):", question)[0].split(", ")
    table = {
        key: dict(zip(columns, map(int, numbers.split(" | ")), strict=True))
        for key, numbers in re.findall(r"^  (\w+) \| (.+)$", question, re.MULTILINE)
    }
    rank = {key: at for at, key in enumerate(table)}
    for order in re.findall(r"^\d+\. (.+)\.$", question, re.MULTILINE):
        # The columns in the order in which they are named.
        named = sorted((c for c in columns if re.search(rf"\b{c}\b", order)), key=order.index)
        numbers = re.findall(r"\d+", order)
        if order.startswith("Turn"):
            rank = {key: -place for key, place in rank.items()}
        elif order.startswith("Sort"):
            height = {key: (table[key][named[0]], at) for key, at in rank.items()}
            rank = {key: sum(other < own for other in height.values()) for key, own in height.items()}
        elif order.startswith("Add"):
            for row in table.values():
                row[named[0]] += row[named[1]]
        else:
            for key in tuple(rank):
                row = table[key]
                if order.startswith("Drop"):
                    ahead = [k for k in table if k in rank and table[k][named[0]] > row[named[0]]]
                    level = [k for k in rank if table[k][named[0]] == row[named[0]] and rank[k] < rank[key]]
                    if not ahead and not level:
                        del rank[key]
                        break
                elif (numbers and row[named[0]] <= int(numbers[0])) or (not numbers and row[named[0]] >= row[named[1]]):
                    del rank[key]
    return [", ".join(sorted(rank, key=rank.__getitem__))]


# Tally: totals by group, where the kind of an entry says how it counts.


def _tally(rng: Random, level: Level, name: str) -> Item | None:
    names = rng.sample(NAMES, level["groups"] + level["kinds"])
    groups, kinds = names[: level["groups"]], names[level["groups"] :]
    ways = dict(zip(kinds, _ways(rng), strict=False))
    totals = dict.fromkeys(groups, 0)
    lines = []
    for _ in range(level["rows"]):
        group, kind, amount = pick(rng, groups), pick(rng, kinds), between(rng, 1, 12)
        totals[group] += ways[kind][0](amount)
        lines.append(f"  {group} | {kind} | {amount}")
    if any(f"  {group} |" not in "\n".join(lines) for group in groups):
        return None
    rule = (
        f"A {name} account lists entries: an owner, a kind, an amount. What an entry counts depends on its kind:\n"
        + "\n".join(f"  {kind}: {text}." for kind, (_, text) in ways.items())
        + "\nThe total of an owner is the sum of what the owner's entries count, and may be negative."
    )
    question = (
        "The entries:\n" + "\n".join(lines) + f"\nWhat are the totals of {listed(groups)}, in this order?"
    )  # fmt: skip
    course = [{"description": f"The total of {group}.", "answer": str(total)} for group, total in totals.items()]
    return Item(rule, question, ", ".join(map(str, totals.values())), len(lines), {"step_answers": course})


def _ways(rng: Random) -> list[tuple[Callable[[int], int], str]]:
    limit, flat = between(rng, 4, 8), between(rng, 3, 9)
    return shuffled(
        rng,
        [
            (lambda amount: amount, "the amount counts as it is"),
            (lambda amount: 2 * amount, "the amount counts twice"),
            (lambda amount: -amount, "the amount is taken off"),
            (lambda amount: max(amount - limit, 0), f"what goes beyond {limit} counts, nothing below"),
            (lambda amount: flat if amount % 2 else 0, f"an odd amount counts {flat}, an even amount nothing"),
        ],
    )


def _solve_tally(rule: str, question: str) -> list[str]:
    ways = dict(re.findall(r"^  (\w+): (.+)\.$", rule, re.MULTILINE))
    asked = re.findall(r"totals of (.+?), in this order", question)[0].replace(" and ", ", ").split(", ")
    answers = []
    for owner in asked:
        total = 0
        for kind, digits in re.findall(rf"^  {owner} \| (\w+) \| (\d+)$", question, re.MULTILINE):
            text, amount = ways[kind], int(digits)
            numbers = [int(number) for number in re.findall(r"\d+", text)]
            if "beyond" in text:
                total += len(range(numbers[0], amount))
            elif "odd" in text:
                total += numbers[0] * (amount & 1)
            elif "off" in text:
                total -= amount
            else:
                total += amount + (amount if "twice" in text else 0)
        answers.append(str(total))
    return [", ".join(answers)]


# Links: looking names up in one table after another, in both directions.


def _links(rng: Random, level: Level, name: str) -> Item | None:
    names = rng.sample(NAMES, level["names"])
    tables = {
        symbol: dict(zip(names, shuffled(rng, names), strict=True)) for symbol in rng.sample(SYMBOLS, level["tables"])
    }
    watched, instead = rng.sample(names, 2)
    start = at = pick(rng, names)
    path, course, replaced = [], [], 0
    for _ in range(level["hops"]):
        symbol, forward = pick(rng, tuple(tables)), rng.random() < 0.5
        path.append(symbol if forward else f"{symbol}-back")
        at = tables[symbol][at] if forward else next(key for key, to in tables[symbol].items() if to == at)
        if at == watched:
            at, replaced = instead, replaced + 1
        course.append(at)
    if at == start or (level["hops"] > 3 and not replaced):
        return None
    rule = (
        f"A {name} archive has registers, each marked with a sign. To look a name up in a register means to pass from "
        "it to the name behind its arrow; to look it up backwards means to pass from a name behind an arrow to the "
        f"name before it, and is marked by '-back'. Whenever a look-up leads to {watched}, one goes on with {instead} "
        "in its place, also at the very end."
    )
    shown = []
    for symbol, table in tables.items():
        shown.append(f"Register {symbol}:")
        shown += [f"  {key} > {to}" for key, to in table.items()]
    question = (
        "\n".join(shown) + f"\nBegin with {start} and look up, one after the other: {', '.join(path)}. Which "
        "name comes out?"
    )
    return Item(rule, question, at, steps=len(path), facts=told("The name after look-up", course))


def _solve_links(rule: str, question: str) -> list[str]:
    ((watched, instead),) = re.findall(r"leads to (\w+), one goes on with (\w+)", rule)
    moves: dict[str, dict[str, str]] = {}
    for symbol, body in re.findall(r"^Register (\S):\n((?:  .+\n)+)", question, re.MULTILINE):
        pairs = re.findall(r"(\w+) > (\w+)", body)
        moves[symbol] = dict(pairs)
        moves[f"{symbol}-back"] = {to: key for key, to in pairs}
    ((start, path),) = re.findall(r"Begin with (\w+) and look up, one after the other: (.+)\. Which", question)
    # The whole path as one table, put together from its end.
    look_ups = path.split(", ")
    whole = {key: key for key in moves[look_ups[0]]}
    for move in reversed(look_ups):
        to = {key: instead if value == watched else value for key, value in moves[move].items()}
        whole = {key: whole[value] for key, value in to.items()}
    return [whole[start]]


# Sheet: cells with formulas, in a sheet that never shows more than its largest number.


def _sheet(rng: Random, level: Level, name: str) -> Item | None:
    plain, formulas = level["numbers"], level["formulas"]
    spots = [f"{letter}{row}" for letter in LETTERS[:4] for row in range(1, 6)]
    cells = rng.sample(spots, plain + formulas)
    top = between(rng, 20, 60)
    values = {cell: between(rng, 2, 15) for cell in cells[:plain]}
    lines = [f"  {cell} = {value}" for cell, value in values.items()]
    course = []
    for at in range(plain, len(cells)):
        before = cells[at - 1] if at > plain else pick(rng, cells[:at])
        a, b = shuffled(rng, [before, pick(rng, [cell for cell in cells[:at] if cell != before])])
        x, y = values[a], values[b]
        value, text = pick(
            rng,
            (
                (x + y, f"{a} plus {b}"),
                (x - y, f"{a} minus {b}"),
                (2 * x + y, f"twice {a} plus {b}"),
                (max(x, y), f"the larger of {a} and {b}"),
                (x * y, f"{a} times {b}"),
            ),
        )
        values[cells[at]] = value % (top + 1)
        lines.append(f"  {cells[at]} = {text}")
        course.append({"description": f"The value of {cells[at]}.", "answer": str(value % (top + 1))})
    rule = (
        f"A {name} sheet has cells that hold a number or a formula about other cells. It shows whole numbers from 0 to "
        f"{top} only: where a formula gives more, {top + 1} is taken off until the result is in this range; where it "
        f"gives less than 0, {top + 1} is added until it is. Other formulas use the number that is shown."
    )
    question = "The cells:\n" + "\n".join(shuffled(rng, lines)) + f"\nWhich number does {cells[-1]} show?"
    return Item(rule, question, str(values[cells[-1]]), steps=formulas, facts={"step_answers": course})


def _solve_sheet(rule: str, question: str) -> list[str]:
    top = int(re.findall(r"from 0 to (\d+) only", rule)[0])
    texts = dict(re.findall(r"^  ([A-Z]\d) = (.+)$", question, re.MULTILINE))

    @cache
    def shown(cell: str) -> int:
        text = texts[cell]
        if text.isdecimal():
            return int(text)
        x, y = (shown(other) for other in re.findall(r"[A-Z]\d", text))
        if "larger" in text:
            number = sorted((x, y))[1]
        elif "times" in text:
            number = sum(x for _ in range(y))
        else:
            number = (x + x if "twice" in text else x) + (-y if "minus" in text else y)
        while number > top:
            number -= top + 1
        while number < 0:
            number += top + 1
        return number

    return [str(shown(re.findall(r"does ([A-Z]\d) show", question)[0]))]


FAMILIES = (
    Family(
        "sieve",
        "tabular",
        "Orders that sift, sort and change a table",
        "list",
        levels(rows=(4, 5, 7, 9, 11), orders=(2, 3, 4, 5, 6)),
        _sieve,
        _solve_sieve,
    ),
    Family(
        "tally",
        "tabular",
        "Totals by owner, each kind counted its own way",
        "list",
        levels(rows=(4, 6, 9, 13, 18), groups=(2, 2, 3, 3, 4), kinds=(2, 3, 3, 4, 5)),
        _tally,
        _solve_tally,
    ),
    Family(
        "links",
        "tabular",
        "Look-ups through registers, forwards and backwards",
        "text",
        levels(names=(4, 5, 6, 7, 8), tables=(2, 2, 3, 3, 4), hops=(2, 4, 6, 9, 12)),
        _links,
        _solve_links,
    ),
    Family(
        "sheet",
        "tabular",
        "Formulas in a sheet with a largest number",
        "integer",
        levels(numbers=(2, 3, 3, 4, 5), formulas=(2, 4, 6, 9, 13)),
        _sheet,
        _solve_sheet,
    ),
)
