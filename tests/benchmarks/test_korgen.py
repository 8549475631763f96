"""Every family at every difficulty: the proof holds and can fail, steps grow, streams do not change."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise
from math import gcd
from random import Random
from statistics import fmean

import pytest

from assay.benchmarks.korgen import family as family_module
from assay.benchmarks.korgen.family import DIFFICULTIES, VERSION, Family, Item, ItemUnproved, draw, is_proved
from assay.benchmarks.korgen.stream import CATEGORIES, FAMILIES, sample_of
from assay.benchmarks.korgen.words import _SPACE, _STRIDE, NAMES, PLACES, rule_name
from assay.errors import UsageError

SEEDS = 24
EVERY_FAMILY = pytest.mark.parametrize("family", FAMILIES.values(), ids=lambda family: family.name)


@cache
def items(name: str, difficulty: int) -> tuple[Item, ...]:
    return tuple(draw(FAMILIES[name], difficulty, seed, index=seed * 1000) for seed in range(SEEDS))


def test_each_category_has_at_least_three_families_with_names_of_their_own() -> None:
    assert {category: len(families) >= 3 for category, families in CATEGORIES.items()} == dict.fromkeys(
        ("operation", "logic", "cipher", "puzzle", "counterfactual"), True
    )
    assert len(FAMILIES) == sum(map(len, CATEGORIES.values())) >= 15
    assert all(family.category == name for name, families in CATEGORIES.items() for family in families)


@EVERY_FAMILY
@pytest.mark.parametrize("difficulty", DIFFICULTIES)
def test_the_solver_finds_the_answer_and_no_other(family: Family, difficulty: int) -> None:
    for item in items(family.name, difficulty):
        assert list(family.solve(item.rule, item.question)) == [item.answer]
        assert not re.search(r"\[\[|[{}]name|\bNone\b|  +\n", item.rule + item.question)


@EVERY_FAMILY
def test_a_wrong_gold_answer_does_not_pass_the_proof(family: Family) -> None:
    item, other = items(family.name, 3)[:2]
    for wrong in {item.answer + "x", *(other.answer for other in items(family.name, 3))} - {item.answer}:
        with pytest.raises(ItemUnproved):
            is_proved(family, replace(item, answer=wrong), "here")
    assert other.rule != item.rule


def test_an_item_with_two_answers_is_drawn_again_and_in_the_end_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(family_module, "ATTEMPTS", 7)
    infix = FAMILIES["infix"]
    drawn: list[str] = []

    def generate(rng: Random, level: family_module.Level, name: str) -> Item | None:
        item = infix.generate(rng, level, name)
        drawn.append(item.rule if item else "")
        return item

    ambiguous = replace(infix, generate=generate, solve=lambda rule, question: [*infix.solve(rule, question), "other"])
    with pytest.raises(ItemUnproved, match="single answer in 7 draws"):
        draw(ambiguous, 1, 0, 0)
    assert len(drawn) == 7
    assert len(set(drawn)) == 7


def test_an_item_is_a_function_of_seed_family_difficulty_and_index_alone() -> None:
    table = FAMILIES["table"]
    first = draw(table, 2, 5, 17)
    assert draw(table, 2, 5, 17) == first
    others = [draw(table, 2, 5, 18), draw(table, 2, 6, 17), draw(table, 3, 5, 17), draw(table, 2, 5, 17, shot=True)]
    assert len({first.rule, *(other.rule for other in others)}) == 5


def digest_of_first_samples() -> str:
    total = hashlib.sha256()
    for name, family in sorted(FAMILIES.items()):
        for difficulty in DIFFICULTIES:
            for index in range(3):
                sample = sample_of(family, difficulty, 0, index, draw(family, difficulty, 0, index))
                total.update(f"{name} {sample.id} {sample.input} {sample.target} {sample.metadata}".encode())
    return total.hexdigest()


def test_the_stream_changes_only_with_its_version() -> None:
    pinned = {"1": "672f668ca33977eb976ade4eb2290c9c450a199f8bd5ea13cd6c8c8f3c57d26a"}
    assert digest_of_first_samples() == pinned[VERSION], "samples have changed: raise VERSION, then pin the new digest"


def test_the_stream_does_not_depend_on_how_python_hashes_strings() -> None:
    code = "from tests.benchmarks.test_korgen import digest_of_first_samples; print(digest_of_first_samples())"
    env = {**os.environ, "PYTHONHASHSEED": "12345", "PYTHONPATH": os.pathsep.join(sys.path)}
    other = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert other.stdout.strip() == digest_of_first_samples()


def test_no_two_places_of_a_stream_have_the_same_rule_name() -> None:
    # Multiplying by a number prime to the number of names permutes them; all places fit into one round.
    assert gcd(_STRIDE, _SPACE) == 1
    assert (PLACES - 1) * 10 + 9 < _SPACE
    names = {
        rule_name(i, d, shot=shot, offset=12345) for i in range(3000) for d in DIFFICULTIES for shot in (False, True)
    }
    assert len(names) == 3000 * 5 * 2
    with pytest.raises(UsageError):
        draw(FAMILIES["infix"], 1, 0, PLACES)


@EVERY_FAMILY
def test_items_differ_in_substance_and_not_only_in_the_rules_name(family: Family) -> None:
    offset = Random(f"korgen/{VERSION}/3/{family.name}").randrange(PLACES)
    found = [draw(family, 1, 3, index) for index in range(60)]
    names = [rule_name(index, 1, shot=False, offset=offset) for index in range(60)]
    assert all(name in item.rule for name, item in zip(names, found, strict=True))
    bare = {(i.rule.replace(name, ""), i.question.replace(name, "")) for name, i in zip(names, found, strict=True)}
    assert len(bare) == 60


def test_no_invented_name_begins_another() -> None:
    # The solvers replace names in texts.
    assert not [(a, b) for a, b in pairwise(sorted(NAMES)) if b.startswith(a)]


@EVERY_FAMILY
def test_a_reader_who_fails_a_tenth_of_the_steps_does_worse_at_each_difficulty(family: Family) -> None:
    rng = Random(0)
    right = [
        fmean(all(rng.random() < 0.9 for _ in range(item.steps)) for item in items(family.name, d) for _ in range(100))
        for d in DIFFICULTIES
    ]
    assert all(easier > harder for easier, harder in pairwise(right)), right


def _letters(question: str) -> int:
    return len(re.findall(r"\b[A-Z]{2,}\b", question)[0])


COUNTED: dict[str, Callable[[Item], int]] = {
    "infix": lambda item: len(re.findall(r"[^\w\s()?]", item.question)),
    "tape": lambda item: len(item.question.partition("program ")[2].split()),
    "roster": lambda item: len(re.findall(r"[^\w\s()?]", item.question.partition("Which")[2])),
    "ledger": lambda item: len(re.findall(r"^\d+\. ", item.question, re.MULTILINE)),
    "wheel": lambda item: _letters(item.question),
    "fold": lambda item: _letters(item.question),
    "pairs": lambda item: _letters(item.question) // 2,
    "layers": lambda item: _letters(item.question) * len(re.findall(r"^  \d+\. ", item.rule, re.MULTILINE)),
    "route": lambda item: len(item.answer),
    "terraces": lambda item: item.question.count(" ."),
    "colours": lambda item: 1 + len(re.findall(r"[Tt]hen the ", item.question)),
    "orders": lambda item: 1 + len(re.findall(r"^  \d+\. ", item.rule, re.MULTILINE)),
    "signals": lambda item: 1 + len(re.findall(r"^  \d+\. ", item.rule, re.MULTILINE)),
    "compass": lambda item: 1 + len(re.findall(r"(?:turns|then) (?:right|left|about)", item.question)),
}


@pytest.mark.parametrize("name", COUNTED)
def test_steps_are_what_can_be_counted_in_the_texts(name: str) -> None:
    for difficulty in DIFFICULTIES:
        for item in items(name, difficulty):
            assert item.steps == COUNTED[name](item)


def _real_colour(item: Item, options: Sequence[str]) -> str:
    thing = re.findall(r"picks out (.+?)\. Then", item.question)[0]
    return re.findall(rf"{thing} is (\w+)", item.rule)[0]


def _really_last(item: Item, options: Sequence[str]) -> str:
    return max(options, key=item.rule.partition(". In")[0].index)


def _real_duty(item: Item, options: Sequence[str]) -> str:
    signal = re.findall(r"comes upon (.+?)\.", item.question)[0]
    return re.findall(rf"{signal} means ([a-z ]+)", item.rule)[0]


def _real_direction(item: Item, options: Sequence[str]) -> str:
    looks = "west" if "setting" in item.question else "east"
    right = {"north": "east", "east": "south", "south": "west", "west": "north"}
    for turn in re.findall(r"(?:turns|then) (right|left|about)", item.question):
        for _ in range({"right": 1, "about": 2, "left": 3}[turn]):
            looks = right[looks]
    return looks


REAL = {"colours": _real_colour, "orders": _really_last, "signals": _real_duty, "compass": _real_direction}


@pytest.mark.parametrize("name", REAL)
def test_the_real_life_answer_is_the_worlds_and_not_the_storys(name: str) -> None:
    for difficulty in DIFFICULTIES:
        found = items(name, difficulty)
        for item in found:
            options = dict(re.findall(r"^([A-D])\. (.+)$", item.question, re.MULTILINE))
            assert len(set(options.values())) == 4
            assert options[item.facts["real_life_answer"]] == REAL[name](item, tuple(options.values()))
            assert item.facts["real_life_answer"] != item.answer
        assert {item.answer for item in found} == set("ABCD")
