"""Deal: letters dealt onto piles like cards, which are then taken up in another order.

The generator deals. The solver says of each letter in which pile it lies and how many lie under it.
"""

from __future__ import annotations

import re
from itertools import cycle
from random import Random

from assay.benchmarks.korgen.cipher import asked, given_text
from assay.benchmarks.korgen.family import Family, Item, Level, levels
from assay.benchmarks.korgen.words import LETTERS, between, pick, shuffled


def _deal(rng: Random, level: Level, name: str) -> Item | None:
    piles = level["piles"]
    counts = [between(rng, 1, 3) for _ in range(piles)]
    order = shuffled(rng, range(1, piles + 1))
    from_top = [rng.random() < 0.5 for _ in range(piles)]
    if order == sorted(order) or len(set(from_top)) == 1 or sum(counts) >= level["letters"]:
        return None
    plain = "".join(pick(rng, LETTERS[1:]) for _ in range(level["letters"]))
    dealt: list[str] = [""] * piles
    left = plain
    for pile, count in cycle(enumerate(counts)):
        dealt[pile] += left[:count]
        left = left[count:]
        if not left:
            break
    secret = "".join(dealt[number - 1][:: -1 if from_top[number - 1] else 1] for number in order)
    lines = [
        f"  Pile {number} gets {count} and is read from the {'last to the first' if top else 'first to the last'}."
        for number, (count, top) in enumerate(zip(counts, from_top, strict=True), 1)
    ]
    rule = (
        f"The {name} cipher deals the letters of a text onto {piles} piles, beginning with its first letter: as many "
        "as said below onto pile 1, then onto pile 2 and so on; behind the last pile comes pile 1 again, until no "
        "letter is left. Then the piles are read, each in its own direction; 'first' is the letter that was dealt onto "
        f"the pile first. The piles are read in the order {' '.join(map(str, order))}, and what is read is the "
        "enciphered text.\n" + "\n".join(lines)
    )
    question, answer = asked(rng, plain, secret)
    return Item(rule, question, answer, steps=len(plain))


def _solve_deal(rule: str, question: str) -> list[str]:
    counts = [int(count) for count in re.findall(r"^  Pile \d gets (\d)", rule, re.MULTILINE)]
    from_top = [way == "last" for way in re.findall(r"is read from the (first|last)", rule)]
    order = [int(number) - 1 for number in re.findall(r"in the order ([\d ]+),", rule)[0].split()]
    text, encipher = given_text(question)
    owners = [pile for pile, count in enumerate(counts) for _ in range(count)]

    def key(place: int) -> tuple[int, int]:
        pile = owners[place % len(owners)]
        return order.index(pile), -place if from_top[pile] else place

    read = sorted(range(len(text)), key=key)
    result = [""] * len(text)
    for at, place in enumerate(read):
        source, target = (place, at) if encipher else (at, place)
        result[target] = text[source]
    return ["".join(result)]


FAMILIES = (
    Family(
        "deal",
        "cipher",
        "Letters dealt onto piles and taken up in another order",
        "text",
        levels(letters=(5, 8, 11, 15, 20), piles=(2, 3, 3, 4, 5)),
        _deal,
        _solve_deal,
    ),
)
