"""The twin of an item: the same structure and the same answer, in other words with other names.

A model that has learnt an item does worse on its twin; one that reasons does not mind. Names, symbols and
letters are exchanged one for one, lines whose order says nothing are shuffled, options get other letters,
and all sentences are said otherwise. Every twin is proved like its original: the family's solver finds the
exchanged answer and no other in the twin, once its words are taken back.

Numbers stay: they are the structure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from random import Random

from assay.benchmarks.korgen.family import Family, Item, ItemUnproved, draw, is_proved, name_at
from assay.benchmarks.korgen.surface import Wording, exchanged, mapped
from assay.benchmarks.korgen.wordings import (
    cipher,
    counterfactual,
    logic,
    operation,
    planning,
    puzzle,
    strings,
    tabular,
    tracking,
)
from assay.benchmarks.korgen.words import NAMES, SYMBOLS, THINGS, TWIN_NAMES, TWIN_SYMBOLS, TWIN_THINGS, shuffled

WORDINGS: Mapping[str, Wording] = {
    name: wording
    for module in (operation, logic, cipher, puzzle, counterfactual, planning, tracking, tabular, strings)
    for name, wording in module.WORDINGS.items()
}
_NAME = re.compile(rf"\b(?:{'|'.join(NAMES)})(?=s?\b)")
_OPTION = re.compile(r"^[A-D]\. ", re.MULTILINE)


def draw_twin(family: Family, difficulty: int, seed: int, index: int, *, shot: bool = False) -> Item:
    """The twin of the item that ``draw`` gives for the same arguments.

    Raises ``ItemUnproved`` where the twin has not the exchanged answer, or its wording cannot be taken back.
    """
    place = f"korgen/twin/{seed}/{family.name}/d{difficulty}/{'shot' if shot else 'sample'}/{index}"
    rng, wording = Random(place), WORDINGS[family.name]
    item = wording.restate(rng, draw(family, difficulty, seed, index, shot=shot))
    names = [name_at(family, difficulty, stream, index, shot=shot) for stream in (seed, f"twin of {seed}")]
    item = _renamed(rng, item, dict([names]))
    if family.kind == "set":
        item = replace(item, answer=", ".join(sorted(item.answer.split(", "))))
    if family.kind == "letter":
        item = _with_shuffled_options(rng, item)
    item = replace(
        item,
        rule=_with_shuffled_lines(rng, item.rule, wording.shuffle),
        question=_with_shuffled_lines(rng, item.question, wording.shuffle),
    )
    if not is_proved(family, item, place):
        raise ItemUnproved(f"{place}: the twin has a second answer: its renaming has a bug")
    said = replace(mapped(item, wording.reworded), answer=item.answer)
    if (wording.first_words(said.rule), wording.first_words(said.question)) != (item.rule, item.question):
        raise ItemUnproved(f"{place}: the twin's wording cannot be taken back: two of its phrases collide")
    return said


def _renamed(rng: Random, item: Item, words: Mapping[str, str]) -> Item:
    """Other names for people, things, signs, and for the rule."""
    used = list(dict.fromkeys(_NAME.findall(f"{item.rule}\n{item.question}")))
    names = dict(zip(used, rng.sample(TWIN_NAMES, len(used)), strict=True))
    signs = str.maketrans(dict(zip(SYMBOLS, shuffled(rng, TWIN_SYMBOLS), strict=True)))
    other = exchanged({**words, **dict(zip(THINGS, shuffled(rng, TWIN_THINGS), strict=True))})
    return mapped(item, lambda text: other(_NAME.sub(lambda name: names[name[0]], text)).translate(signs))


def _with_shuffled_options(rng: Random, item: Item) -> Item:
    question, *lines = item.question.split("\n")
    options = [_OPTION.sub("", line) for line in lines]
    mixed = shuffled(rng, options)
    letters = {"ABCD"[at]: "ABCD"[mixed.index(option)] for at, option in enumerate(options)}
    return replace(
        item,
        question="\n".join([question, *(f"{letter}. {option}" for letter, option in zip("ABCD", mixed, strict=True))]),
        answer=letters[item.answer],
        facts={**item.facts, "real_life_answer": letters[item.facts["real_life_answer"]]},
    )


def _with_shuffled_lines(rng: Random, text: str, beginnings: tuple[str, ...]) -> str:
    """The text with each run of consecutive lines of one kind in another order."""
    lines = text.split("\n")
    for beginning in beginnings:
        is_one = [re.match(beginning, line) is not None for line in lines]
        start = 0
        while start < len(lines):
            end = start
            while end < len(lines) and is_one[end]:
                end += 1
            if end > start + 1:
                lines[start:end] = shuffled(rng, lines[start:end])
            start = max(end, start + 1)
    return "\n".join(lines)
