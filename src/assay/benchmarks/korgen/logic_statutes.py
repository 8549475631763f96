"""Statutes: articles that contradict each other, and a law that says which of them prevails.

The generator settles one matter after the other. The solver begins at the end of the order and asks
backwards for what each article needs.
"""

from __future__ import annotations

import re
from functools import cache
from random import Random

from assay.benchmarks.korgen.family import Family, Item, Level, levels
from assay.benchmarks.korgen.words import NAMES, between, listed, unlisted


def _statutes(rng: Random, level: Level, name: str) -> Item | None:
    names = rng.sample(NAMES, level["given"] + level["offices"])
    given, offices = names[: level["given"]], names[level["given"] :]
    open_ = {person: rng.random() < 0.5 for person in given}
    highest, default = rng.random() < 0.5, rng.random() < 0.3
    articles = []
    for _ in range(level["articles"]):
        target = rng.randrange(len(offices))
        before = given + offices[:target]
        tests = [(other, rng.random() < 0.5) for other in rng.sample(before, min(len(before), between(rng, 1, 2)))]
        articles.append((tests, offices[target], rng.random() < 0.5))
    contested = 0
    for office in offices:
        verdicts = [
            verdict
            for tests, target, verdict in articles
            if target == office and all(open_[other] == wanted for other, wanted in tests)
        ]
        contested += len(set(verdicts)) == 2
        open_[office] = default if not verdicts else verdicts[-1 if highest else 0]
    answer = sorted(office for office in offices if open_[office])
    if not contested or not 0 < len(answer) < len(offices):
        return None
    lines = [
        f"{number}. If {listed([f'{other} is {_state(wanted)}' for other, wanted in tests])}, then {target} is "
        f"{_state(verdict)}."
        for number, (tests, target, verdict) in enumerate(articles, 1)
    ]
    rule = (
        f"The statutes of {name} say which offices are open and which are shut. Offices are settled one after the "
        "other, in the order given. For each of them, all articles that end with this office and whose conditions "
        f"hold are looked at. Where they disagree, the one with the {'highest' if highest else 'lowest'} number "
        f"prevails. An office about which no article says anything by then is {_state(default)}."
    )
    question = (
        f"It is known that {listed([f'{person} is {_state(open_[person])}' for person in given])}. The other offices "
        f"are settled in the order {', '.join(offices)}. The articles:\n" + "\n".join(lines) + "\n"
        "Which of the offices that had to be settled are open?"
    )
    told = [{"description": f"Is {office} open?", "answer": "yes" if open_[office] else "no"} for office in offices]
    return Item(rule, question, ", ".join(answer), steps=len(lines), facts={"step_answers": told})


def _state(is_open: bool) -> str:
    return "open" if is_open else "shut"


def _solve_statutes(rule: str, question: str) -> list[str]:
    best = max if "highest number" in rule else min
    default = rule.endswith("is open.")
    known = {other: state == "open" for other, state in _facts(re.findall(r"known that (.+?)\. The", question)[0])}
    offices = unlisted(re.findall(r"in the order (.+?)\. The articles", question)[0])
    articles = re.findall(r"^(\d+)\. If (.+), then (\w+) is (open|shut)\.$", question, re.MULTILINE)

    @cache
    def is_open(office: str) -> bool:
        if office in known:
            return known[office]
        verdicts = {
            int(number): verdict == "open"
            for number, tests, target, verdict in articles
            if target == office and all(is_open(other) == (state == "open") for other, state in _facts(tests))
        }
        return verdicts[best(verdicts)] if verdicts else default

    return [", ".join(sorted(filter(is_open, offices)))]


def _facts(text: str) -> list[tuple[str, str]]:
    return re.findall(r"(\w+) is (open|shut)", text)


FAMILIES = (
    Family(
        "statutes",
        "logic",
        "Articles that disagree, and which of them prevails",
        "set",
        levels(given=(2, 2, 2, 3, 3), offices=(2, 3, 4, 5, 6), articles=(3, 5, 8, 12, 17)),
        _statutes,
        _solve_statutes,
    ),
)
