"""Every family at every difficulty: the proof holds and can fail, steps grow, streams do not change."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise, product
from math import gcd
from random import Random
from statistics import fmean

import pytest

from assay.benchmarks.korgen import family as family_module
from assay.benchmarks.korgen.family import DIFFICULTIES, VERSION, Family, Item, ItemUnproved, draw, is_proved, name_at
from assay.benchmarks.korgen.stream import CATEGORIES, FAMILIES, sample_of
from assay.benchmarks.korgen.twins import draw_twin
from assay.benchmarks.korgen.words import _SPACE, _STRIDE, NAMES, PLACES, TWIN_NAMES, rule_name
from assay.errors import UsageError
from assay.records import Sample

SEEDS = 24
Draw = Callable[[Family, int, int, int], Item]
EVERY_FAMILY = pytest.mark.parametrize("family", FAMILIES.values(), ids=lambda family: family.name)


@cache
def items(name: str, difficulty: int) -> tuple[Item, ...]:
    return tuple(draw(FAMILIES[name], difficulty, seed, index=seed * 1000) for seed in range(SEEDS))


def test_each_category_has_five_families_with_names_of_their_own() -> None:
    korbench = ("operation", "logic", "cipher", "puzzle", "counterfactual")
    ours = ("planning", "tracking", "tabular", "strings")
    assert {category: len(families) for category, families in CATEGORIES.items()} == dict.fromkeys(korbench + ours, 5)
    assert len(FAMILIES) == sum(map(len, CATEGORIES.values())) == 45
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


def first_samples(names: Iterable[str], draw: Draw = draw, *, twin: bool = False) -> Iterator[Sample]:
    for name in sorted(names):
        for difficulty, index in product(DIFFICULTIES, range(3)):
            item = draw(FAMILIES[name], difficulty, 0, index)
            yield sample_of(FAMILIES[name], difficulty, 0, index, item, twin=twin)


@cache
def digest_of_first_samples() -> str:
    total = hashlib.sha256()
    for sample in (*first_samples(FAMILIES), *first_samples(FAMILIES, draw_twin, twin=True)):
        total.update(f"{sample.id} {sample.input} {sample.target} {sample.metadata}".encode())
    return total.hexdigest()


def test_the_stream_changes_only_with_its_version() -> None:
    pinned = {"2": "abcd1e56a63bc7cd7a844df3ed266fd42b17d9a19f6016e1e55e7f1cdad40ef1"}
    assert digest_of_first_samples() == pinned[VERSION], "samples have changed: raise VERSION, then pin the new digest"


VERSION_1 = (
    "infix tape roster numerals values ledger speakers relations wheel fold pairs layers table weights route terraces "
    "colours orders signals compass"
)


def test_families_of_version_1_still_ask_the_same_questions_byte_for_byte() -> None:
    total = hashlib.sha256()
    for sample in first_samples(VERSION_1.split()):
        total.update(f"{sample.id} {sample.input} {sample.target} {sample.choices}".encode())
    assert total.hexdigest() == "9b91109cb97c9918fde883e41cea7960ecbd79f2efdc15694773d67df321f3ae"


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
    found = [draw(family, 1, 3, index) for index in range(60)]
    names = [name_at(family, 1, 3, index) for index in range(60)]
    assert all(name in item.rule for name, item in zip(names, found, strict=True))
    bare = {(i.rule.replace(name, ""), i.question.replace(name, "")) for name, i in zip(names, found, strict=True)}
    assert len(bare) == 60


def test_no_invented_name_begins_another() -> None:
    # The solvers replace names in texts.
    assert not [(a, b) for a, b in pairwise(sorted(NAMES + TWIN_NAMES)) if b.startswith(a)]


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
    "blend": lambda item: (
        len(re.findall(r"[^\w\s()?]", item.question.partition("Which")[2])) * len(item.answer.split(", "))
    ),
    "statutes": lambda item: len(re.findall(r"^\d+\. ", item.question, re.MULTILINE)),
    "deal": lambda item: _letters(item.question),
    "lamps": lambda item: len(re.findall(r"[A-Z]\w+", " ".join(re.findall(r"Switch \d.+", item.question)))),
    "calendar": lambda item: 1 + len(re.findall(r"\d\. ", item.question)),
    "dial": lambda item: len(item.answer) * len(re.findall(r"^  [A-Z]:", item.rule, re.MULTILINE)),
    "works": lambda item: len(re.findall(r"[A-Z]\w+", " ".join(re.findall(r"- .+", item.question)))),
    "caravan": lambda item: 2 * item.question.count("miles."),
    "cargo": lambda item: 2 * item.question.count("weight") + len(re.findall("quarrel|together:", item.question)),
    "stacks": lambda item: len(item.answer.split()) * len(re.findall(r"\d", item.question.partition("Wanted")[2])),
    "parcels": lambda item: len(re.findall(r"^\d+\. ", item.question, re.MULTILINE)),
    "crawler": lambda item: len(re.findall(r"commands (.+?)\.", item.question)[0].split()),
    "queue": lambda item: len(re.findall(r"^\d+\. ", item.question, re.MULTILINE)),
    "jugs": lambda item: len(re.findall(r"^\d+\. ", item.question, re.MULTILINE)),
    "boxes": lambda item: len(re.findall(r"^\d+\. ", item.question, re.MULTILINE)),
    "tally": lambda item: item.question.count(" | ") // 2,
    "links": lambda item: item.question.partition("the other: ")[2].count(",") + 1,
    "sheet": lambda item: len(re.findall(r"= .*[A-Z]", item.question)),
    "carpet": lambda item: (
        len(re.findall(r"^\d\. ", item.question, re.MULTILINE)) * len(re.findall(r"[A-Z]", item.answer))
    ),
    "rewrite": lambda item: int(re.findall(r"after (\d+) turns", item.question)[0]),
    "weave": lambda item: len(item.answer),
    "lexicon": lambda item: (count := item.answer.count(",") + 1) * (count - 1) // 2,
    "unfold": lambda item: sum(map(int, re.findall(r"\d", item.question))),
    "editor": lambda item: _letters(item.question) * len(re.findall(r"^  \d+\. ", item.rule, re.MULTILINE)),
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


def _real_weekday(item: Item, options: Sequence[str]) -> str:
    week = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
    start = week.index(re.findall(r" it is (\w+)\. Then", item.question)[0])
    return week[(start + sum(map(int, re.findall(r"(\d+) nights", item.question)))) % 7]


REAL = {
    "colours": _real_colour,
    "orders": _really_last,
    "signals": _real_duty,
    "compass": _real_direction,
    "calendar": _real_weekday,
}


@EVERY_FAMILY
def test_results_on_the_way_lead_to_the_answer(family: Family) -> None:
    for difficulty in DIFFICULTIES:
        for item in items(family.name, difficulty):
            told = item.facts.get("step_answers")
            if told is None:
                continue
            assert all(set(step) == {"description", "answer"} and all(step.values()) for step in told)
            assert len({step["description"] for step in told}) == len(told) or family.name == "unfold"
            assert LAST_STEP.get(family.name, lambda item, last: last == item.answer)(item, told[-1]["answer"])


def test_at_least_half_of_the_families_tell_results_on_the_way() -> None:
    assert sum("step_answers" in items(name, 3)[0].facts for name in FAMILIES) == 24


def _options_of(item: Item) -> dict[str, str]:
    return dict(re.findall(r"^([A-D])\. (.+)$", item.question, re.MULTILINE))


LAST_STEP: dict[str, Callable[[Item, str], bool]] = {
    "wheel": lambda item, last: item.answer.endswith(last),
    "colours": lambda item, last: _options_of(item)[item.answer] == last,
    "compass": lambda item, last: _options_of(item)[item.answer] == last,
    "calendar": lambda item, last: _options_of(item)[item.answer] == last,
    "signals": lambda item, last: f"{last} means {_options_of(item)[item.answer]}" in item.rule.partition("anew")[2],
    "works": lambda item, last: int(last) <= int(item.answer),
    "statutes": lambda item, last: last in ("yes", "no"),
    "tally": lambda item, last: item.answer.endswith(last),
    "boxes": lambda item, last: all(f"{box} in none" not in last for box in item.answer.split(", ")),
    "unfold": lambda item, last: last in item.answer or last[::-1] in item.answer,
}


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
