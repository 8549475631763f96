"""The surface of an item, apart from its structure: its wording, and the names and letters that it uses.

A ``Wording`` says a family's texts in other words, phrase by phrase, and takes its own words back: what the
phrases turn into other words they turn into the first ones again, or the twin is not used (``twins``
checks it for each). So a twin can be solved by the family's own solver, which knows the first words only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from random import Random
from typing import Any

from assay.benchmarks.korgen.family import Item
from assay.benchmarks.korgen.words import LETTERS, shuffled

_SLOTS = {"": r"[^\n]+?", "w": r"\w+", "d": r"-?\d+", "s": r"\S+", "n": r"[A-Z]\w+ [A-Z]\w+"}
"""What a slot of a phrase may hold: a stretch of a line, a word, a number, anything without spaces, a rule's name."""
_SLOT = re.compile(r"\{(\w+)(?::(\w))?\}")


def _unchanged(rng: Random, item: Item) -> Item:
    return item


@dataclass(frozen=True)
class Wording:
    """How the twins of a family's items look."""

    phrases: tuple[tuple[str, str], ...]
    """The family's phrases, each with what a twin says instead; ``{slots}`` are kept, ``{a:w}`` says what fits."""
    shuffle: tuple[str, ...] = ()
    """Lines that begin so (a regular expression) may stand in any order."""
    restate: Callable[[Random, Item], Item] = _unchanged
    """Other letters, things or directions, where the family has some of its own."""

    @cached_property
    def _forth(self) -> _Phrasebook:
        return _Phrasebook(self.phrases)

    @cached_property
    def _back(self) -> _Phrasebook:
        kinds = [dict(_SLOT.findall(first)) for first, _ in self.phrases]
        typed = [
            _SLOT.sub(lambda slot, known=known: f"{{{slot[1]}:{known[slot[1]]}}}" if known[slot[1]] else slot[0], other)  # type: ignore[misc]
            for known, (_, other) in zip(kinds, self.phrases, strict=True)
        ]
        return _Phrasebook(tuple(zip(typed, (first for first, _ in self.phrases), strict=True)))

    def reworded(self, text: str) -> str:
        """The text in the twin's words."""
        return self._forth.translated(text)

    def first_words(self, text: str) -> str:
        """A twin's text in the family's words."""
        return self._back.translated(text)


class _Phrasebook:
    """Phrases in one direction; at each place of a text the first phrase that fits is put in the other words."""

    def __init__(self, phrases: tuple[tuple[str, str], ...]) -> None:
        self._others = [_SLOT.sub(r"{\1}", other) for _, other in phrases]
        self._slots = [list(dict.fromkeys(slot for slot, _ in _SLOT.findall(phrase))) for phrase, _ in phrases]
        alternatives = (f"(?P<p{at}>{_pattern(phrase, at)})" for at, (phrase, _) in enumerate(phrases))
        self._pattern = re.compile("|".join(alternatives))

    def translated(self, text: str) -> str:
        return self._pattern.sub(self._other, text)

    def _other(self, match: re.Match[str]) -> str:
        at = next(at for at in range(len(self._others)) if match[f"p{at}"] is not None)
        other = self._others[at]
        for slot in self._slots[at]:
            other = other.replace(f"{{{slot}}}", match[f"p{at}_{slot}"])
        return other


def _pattern(phrase: str, number: int) -> str:
    """A phrase as a regular expression whose groups are named after its number and slots."""
    parts, end = [], 0
    seen: set[str] = set()
    for slot in _SLOT.finditer(phrase):
        parts.append(re.escape(phrase[end : slot.start()]))
        group = f"p{number}_{slot[1]}"
        parts.append(f"(?P={group})" if group in seen else f"(?P<{group}>{_SLOTS[slot[2] or '']})")
        seen.add(group)
        end = slot.end()
    parts.append(re.escape(phrase[end:]))
    before = r"\b" if re.match(r"\w|\{\w+:[wdn]\}", phrase) else ""
    after = r"\b" if re.search(r"(?:\w|\{\w+:[wdn]\})\Z", phrase) else ""
    return before + "".join(parts) + after


def mapped(item: Item, change: Callable[[str], str]) -> Item:
    """An item with a change made to all its texts."""
    facts: dict[str, Any] = dict(item.facts)
    if "step_answers" in facts:
        facts["step_answers"] = [{key: change(text) for key, text in step.items()} for step in facts["step_answers"]]
    return replace(
        item, rule=change(item.rule), question=change(item.question), answer=change(item.answer), facts=facts
    )


def exchanged(words: Mapping[str, str]) -> Callable[[str], str]:
    """The change that puts each of the words in another one's place, all at once."""
    longest_first = sorted(words, key=len, reverse=True)
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)")
    return lambda text: pattern.sub(lambda found: words[found[0]], text)


_ARTICLE = re.compile(r"(?:\A|\n|\. )A(?= [A-Z]?[a-z])")
_CAPITALS = re.compile(r"(?<![A-Za-z])[A-Z]+(?![a-z])")


def permuted_letters(rng: Random, item: Item) -> Item:
    """Every capital letter that is used as a symbol becomes another one."""
    table = str.maketrans(LETTERS, "".join(shuffled(rng, LETTERS)))

    def change(text: str) -> str:
        articles = {found.end() - 1 for found in _ARTICLE.finditer(text)}
        return _CAPITALS.sub(lambda found: found[0] if found.start() in articles else found[0].translate(table), text)

    return mapped(item, change)


def mirrored_alphabet(rng: Random, item: Item) -> Item:
    """A becomes Z, B becomes Y, and so on, and shifts go the other way round the alphabet."""
    table = str.maketrans(LETTERS, LETTERS[::-1])

    def change(text: str) -> str:
        text = re.sub(r"\b[A-Z]{2,}\b|\A[A-Z]\Z", lambda found: found[0].translate(table), text)
        return re.sub(r"the letter (\d+) further", lambda found: f"the letter {26 - int(found[1])} further", text)

    return mapped(item, change)


def permuted_sets(rng: Random, item: Item) -> Item:
    """The letters P, Q, R and S change places."""
    used = sorted(set(re.findall(r"\b[PQRS]\b", item.question)))
    return mapped(item, exchanged(dict(zip(used, shuffled(rng, used), strict=True))))


def permuted_members(rng: Random, item: Item) -> Item:
    """Other letters for the members of sets, and for the sets."""
    members = exchanged(dict(zip("abcdefghij", sorted(rng.sample("klmnopqrstuvwz", 10)), strict=True)))

    def change(text: str) -> str:
        return re.sub(r"\{.*?\}|no items but .*?\. |\A[a-j](?:, [a-j])*\Z", lambda found: members(found[0]), text)

    return permuted_sets(rng, mapped(item, change))


def permuted_cells(rng: Random, item: Item) -> Item:
    """Other letters and numbers for the cells of a sheet."""
    columns, rows = rng.sample(LETTERS[4:], 4), rng.sample(range(1, 10), 5)
    cells = {
        f"{old}{row}": f"{new}{rows[row - 1]}"
        for old, new in zip(LETTERS[:4], columns, strict=True)
        for row in range(1, 6)
    }
    return mapped(item, exchanged(cells))


def transposed(rng: Random, item: Item) -> Item:
    """Rows become columns in a square of numbers, and steps change their directions with them."""
    rows = re.findall(r"^  [\d ]+$", item.question, re.MULTILINE)
    columns = ["  " + " ".join(column) for column in zip(*(row.split() for row in rows), strict=True)]
    question = item.question.replace("\n".join(rows), "\n".join(columns))
    return replace(item, question=question, answer=item.answer.translate(str.maketrans("RDLU", "DRUL")))
