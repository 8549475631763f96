"""Logics that nobody has been taught: truth values, ledgers, clans of speakers, relations.

The generators evaluate forwards. The solvers rewrite the written formula by its tables, ask a ledger
backwards, try every assignment of clans, and close the stated relations under the stated laws.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise, product
from random import Random

from assay.benchmarks.korgen.family import Family, Item, Level, levels, told
from assay.benchmarks.korgen.words import CONSONANT_NAMES, NAMES, SYMBOLS, between, listed, pick, shuffled, unlisted

# Values: a logic of three or four truth values; one connective by table, one by wording, one that turns.


def _values(rng: Random, level: Level, name: str) -> Item | None:
    values = rng.sample(NAMES, level["values"])
    by_table, by_words, turn = rng.sample(SYMBOLS, 3)
    table = {pair: pick(rng, values) for pair in product(values, values)}
    exception, fixed = pick(rng, values), pick(rng, values)
    wordings: list[tuple[str, Callable[[str, str], str]]] = [
        ("the earlier of the values of p and q", lambda p, q: min(p, q, key=values.index)),
        ("the later of the values of p and q", lambda p, q: max(p, q, key=values.index)),
        (f"the value of q where p is {exception}, else the value of p", lambda p, q: q if p == exception else p),
    ]
    words, worded = pick(rng, wordings)

    def formula(connectives: int) -> tuple[str, Callable[[str], str]]:
        if not connectives:
            leaf = pick(rng, ("x", "x", "y", pick(rng, values)))
            return leaf, lambda x: {"x": x, "y": fixed}.get(leaf, leaf)
        if rng.random() < 0.3:
            inner, value = formula(connectives - 1)
            return f"{turn}{inner}", lambda x: values[(values.index(value(x)) + 1) % len(values)]
        before = rng.randrange(connectives)
        (left, p), (right, q) = formula(before), formula(connectives - 1 - before)
        if rng.random() < 0.6:
            return f"({left} {by_table} {right})", lambda x: table[p(x), q(x)]
        return f"({left} {by_words} {right})", lambda x: worded(p(x), q(x))

    text, value = formula(level["connectives"])
    answers = [value(x) for x in values]
    if len(set(answers)) == 1:
        return None
    rows = [
        "  " + "; ".join(f"{p} {by_table} {q} = {table[p, q]}" for q in values) + ("." if p == values[-1] else ";")
        for p in values
    ]
    rule = (
        f"In {name} logic a statement has one of {len(values)} values, in this order: {', '.join(values)}.\n"
        f"{turn}p has the value that comes next in this order after the value of p; after {values[-1]} comes "
        f"{values[0]}. It applies only to what stands right behind it: x, y, a value, a parenthesis, or another {turn} "
        "with what that one applies to.\n"
        f"p {by_words} q has {words}.\nFor {by_table} there is a table:\n" + "\n".join(rows) + "\nA value that is "
        "written in a formula stands for a statement with this value."
    )
    question = (
        f"Let y be {fixed}. Which values does {text} have for x = {', x = '.join(values)}? Give the "
        f"{len(values)} values in this order."
    )
    return Item(rule, question, ", ".join(answers), steps=level["connectives"] * len(values))


def _solve_values(rule: str, question: str) -> list[str]:
    values = re.findall(r"in this order: (.+)\.", rule)[0].split(", ")
    turn = re.findall(r"^(\S)p has", rule, re.MULTILINE)[0]
    ((by_words, words),) = re.findall(r"^p (\S) q has (.+)\.$", rule, re.MULTILINE)
    results = {f"({p} {symbol} {q})": r for p, symbol, q, r in re.findall(r"(\w+) (\S) (\w+) = (\w+)", rule)}
    for i, j in product(range(len(values)), repeat=2):
        index = min(i, j) if "earlier" in words else max(i, j)
        if "where" in words:
            index = j if values[i] == re.findall(r"where p is (\w+)", words)[0] else i
        results[f"({values[i]} {by_words} {values[j]})"] = values[index]
    results |= {turn + value: after for value, after in zip(values, values[1:] + values[:1], strict=True)}
    ((fixed, formula),) = re.findall(r"Let y be (\w+)\. Which values does (.+) have for", question)
    reducible = re.compile("|".join(map(re.escape, results)))
    answers = []
    for value in values:
        text = re.sub(r"\bx\b", value, re.sub(r"\by\b", fixed, formula))
        while text not in values:
            text = reducible.sub(lambda match: results[match[0]], text)
        answers.append(text)
    return [", ".join(answers)]


# Ledger: conditional entries, read once from first to last, with a sentinel that reacts to each.


def _ledger(rng: Random, level: Level, name: str) -> Item | None:
    seals = rng.sample(NAMES, level["seals"])
    sentinel = seals[-1]
    on_failure = rng.random() < 0.5
    up = {seal: rng.random() < 0.5 for seal in seals}
    start = [seal for seal in seals if up[seal]]
    if not 0 < len(start) < len(seals):
        return None
    entries: list[str] = []
    course: list[str] = []
    acted = 0
    for number in range(1, level["entries"] + 1):
        tests = [(seal, rng.random() < 0.5) for seal in rng.sample(seals, between(rng, 1, 2))]
        target, act = pick(rng, seals[:-1]), pick(rng, ("raise", "lower", "turn over"))
        conditions = " and ".join(f"{seal} is {'up' if wanted else 'down'}" for seal, wanted in tests)
        entries.append(f"{number}. If {conditions}, {act} {target}.")
        holds = all(up[seal] == wanted for seal, wanted in tests)
        acted += holds
        if holds:
            up[target] = act == "raise" or (act == "turn over" and not up[target])
        if holds != on_failure:
            up[sentinel] = not up[sentinel]
        course.append(", ".join(sorted(seal for seal in seals if up[seal])) or "none")
    standing = [seal for seal in seals if up[seal]]
    if not standing or standing == start or not 0 < acted < len(entries):
        return None
    rule = (
        f"A {name} ledger is about seals, each of which is either up or down. Its entries are read once, from the "
        "first to the last. An entry acts if its condition holds at the moment when it is read; to raise a seal puts "
        "it up, to lower a seal puts it down, whatever it was before, and to turn a seal over puts it up if it was "
        f"down, and down if it was up.\nRight after each entry that {'does not act' if on_failure else 'acts'}, the "
        f"seal {sentinel} is turned over as well, though no entry says so. Other entries do nothing to {sentinel}."
    )
    question = (
        f"The seals are {listed(seals)}. At first {listed(start)} {'is' if len(start) == 1 else 'are'} up, the "
        "rest down. The ledger reads:\n" + "\n".join(entries) + "\nWhich seals are up at the end?"
    )
    facts = told("The seals that are up after entry", course)
    return Item(rule, question, ", ".join(sorted(standing)), steps=len(entries), facts=facts)


def _solve_ledger(rule: str, question: str) -> list[str]:
    ((event, sentinel),) = re.findall(r"after each entry that (.+?), the seal (\w+) is turned", rule)
    seals = unlisted(re.findall(r"The seals are (.+?)\.", question)[0])
    start = unlisted(re.findall(r"At first (.+?) (?:is|are) up", question)[0])
    on_action: bool = event == "acts"
    entries: list[tuple[str, str, str]] = re.findall(
        r"^\d+\. If (.+), (raise|lower|turn over) (\w+)\.$", question, re.MULTILINE
    )

    @cache
    def is_up(seal: str, time: int) -> bool:
        """Whether a seal is up after so many entries, asked backwards."""
        if not time:
            return seal in start
        _, act, target = entries[time - 1]
        if seal == sentinel:
            return is_up(seal, time - 1) != (acts(time) == on_action)
        if seal == target and acts(time):
            return act == "raise" if act != "turn over" else not is_up(seal, time - 1)
        return is_up(seal, time - 1)

    @cache
    def acts(time: int) -> bool:
        return all(
            is_up(seal, time - 1) == (state == "up")
            for seal, state in re.findall(r"(\w+) is (up|down)", entries[time - 1][0])
        )

    return [", ".join(sorted(seal for seal in seals if is_up(seal, len(entries))))]


# Speakers: clans differ in which of their two statements are true.

_HABITS = {
    (True, True): "both statements of a {0} are true",
    (False, False): "both statements of a {0} are false",
    (True, False): "the first statement of a {0} is true and the second false",
    (False, True): "the first statement of a {0} is false and the second true",
}


def _speakers(rng: Random, level: Level, name: str) -> Item | None:
    people = rng.sample(NAMES, level["people"])
    clans = rng.sample([clan for clan in CONSONANT_NAMES if clan not in people], level["clans"])
    habits = dict(zip(clans, rng.sample(tuple(_HABITS), len(clans)), strict=True))
    clan = {person: pick(rng, clans) for person in people}
    said: list[str] = []

    def claim(truth: bool) -> str:
        while True:
            (a, b), kind = rng.sample(people, 2), pick(rng, clans)
            count = between(rng, 0, len(people))
            text, holds = pick(
                rng,
                (
                    (f"{a} is a {kind}.", clan[a] == kind),
                    (f"{a} is not a {kind}.", clan[a] != kind),
                    (f"{a} and {b} are of the same clan.", clan[a] == clan[b]),
                    (f"{a} and {b} are of different clans.", clan[a] != clan[b]),
                    (f"The number of {kind}s among us is {count}.", list(clan.values()).count(kind) == count),
                ),
            )
            if holds == truth and text not in said:
                said.append(text)
                return text

    lines = [f"{person}: {' '.join(claim(truth) for truth in habits[clan[person]])}" for person in people]
    rule = (
        f"Everyone in {name} is of exactly one clan: {_either(clans)}. Everyone who speaks makes two statements, and "
        f"{'; '.join(_HABITS[habit].format(kind) for kind, habit in habits.items())}. It may be that nobody present "
        "is of some clan."
    )
    question = (
        f"{listed(people)} meet, and nobody else. They say:\n" + "\n".join(lines) + "\n"
        "There is just one possibility for the clans of all of them. Give the clans of "
        f"{listed(people)}, in this order."
    )
    return Item(rule, question, ", ".join(clan[person] for person in people), steps=2 * len(people) * len(clans))


def _either(words: list[str]) -> str:
    return listed([f"a {word}" for word in words]).replace(" and ", " or ")


def _solve_speakers(rule: str, question: str) -> list[str]:
    clans = re.findall(r"a (\w+)", re.findall(r"exactly one clan: (.+?)\.", rule)[0])
    truths: dict[str, tuple[bool, bool]] = {}
    for clan in clans:
        both = re.search(rf"both statements of a {clan} are (\w+)", rule)
        first = re.search(rf"first statement of a {clan} is (\w+)", rule)
        found = both or first
        assert found
        truths[clan] = (found[1] == "true", (found[1] == "true") == bool(both))
    lines = re.findall(r"^(\w+): (.+?\.) (.+?\.)$", question, re.MULTILINE)
    people = [line[0] for line in lines]
    claims = [(at, which, _claim(line[1 + which], people)) for at, line in enumerate(lines) for which in (0, 1)]
    return [
        ", ".join(of)
        for of in product(clans, repeat=len(people))
        if all(is_true(of) == truths[of[at]][which] for at, which, is_true in claims)
    ]


def _claim(text: str, people: list[str]) -> Callable[[tuple[str, ...]], bool]:
    """Whether a claim is true, as a function of everyone's clan."""
    if found := re.fullmatch(r"The number of (\w+)s among us is (\d+)\.", text):
        clan, number = found[1], int(found[2])
        return lambda of: of.count(clan) == number
    if found := re.fullmatch(r"(\w+) and (\w+) are of (the same clan|different clans)\.", text):
        i, j, same = people.index(found[1]), people.index(found[2]), found[3] == "the same clan"
        return lambda of: (of[i] == of[j]) == same
    found = re.fullmatch(r"(\w+) is (a|not a) (\w+)\.", text)
    assert found, text
    i, clan, same = people.index(found[1]), found[3], found[2] == "a"
    return lambda of: (of[i] == clan) == same


# Relations: names for the elements of a small group, hidden behind its table.

_Permutation = tuple[int, ...]

_GENERATORS: dict[int, list[list[_Permutation]]] = {
    3: [[(1, 2, 0)]],
    4: [[(1, 2, 3, 0)], [(1, 0, 3, 2), (2, 3, 0, 1)]],
    5: [[(1, 2, 3, 4, 0)]],
    6: [[(1, 2, 0, 3, 4), (0, 1, 2, 4, 3)], [(1, 2, 0), (1, 0, 2)]],
}
"""Generators of the groups of each order, as permutations."""


def _group(order: int, rng: Random) -> list[_Permutation]:
    """The elements of a group of that order."""
    generators = pick(rng, _GENERATORS[order])
    elements = [tuple(range(len(generators[0])))]
    for element in elements:
        for generator in generators:
            if (reached := _then(element, generator)) not in elements:
                elements.append(reached)
    return elements


def _then(first: _Permutation, second: _Permutation) -> _Permutation:
    return tuple(second[at] for at in first)


def _back(element: _Permutation) -> _Permutation:
    return tuple(element.index(at) for at in range(len(element)))


def _relations(rng: Random, level: Level, name: str) -> Item | None:
    elements = _group(level["relations"], rng)
    names = rng.sample(NAMES, len(elements))
    named = dict(zip(shuffled(rng, elements), names, strict=True))
    people = rng.sample([person for person in NAMES if person not in names], level["hops"] + 1 + level["others"])
    place = {person: pick(rng, elements) for person in people}
    chain = people[: level["hops"] + 1]
    links = list(pairwise(chain))
    links += [(pick(rng, people[:at]), people[at]) for at in range(len(chain), len(people))]
    facts, turned = [], 0
    for at, (a, b) in enumerate(links):
        if rng.random() < 0.5:
            a, b, turned = b, a, turned + (at < level["hops"])
        facts.append(f"{a} is {named[_then(_back(place[a]), place[b])]} to {b}.")
    first, last = chain[0], chain[-1]
    laws = [f"  {' '.join(line)}" for line in _table(named)]
    rule = (
        f"In the house of {name}, any member is exactly one of the following to any member (to oneself as well): "
        f"{', '.join(names)}.\nThe line 'R then S: T' means: if x is R to y and y is S to z, then x is T to z.\n"
        + "\n".join(laws)
        + f"\nThe other way round: {'; '.join(f'if x is {named[e]} to y, y is {named[_back(e)]} to x' for e in named)}."
    )
    question = f"{' '.join(shuffled(rng, facts))} What is {first} to {last}?"
    answer = named[_then(_back(place[first]), place[last])]
    return Item(rule, question, answer, steps=level["hops"] - 1 + turned)


def _table(named: dict[_Permutation, str]) -> Iterator[list[str]]:
    for first, name in named.items():
        yield [f"{name} then {other}: {named[_then(first, second)]}." for second, other in named.items()]


def _solve_relations(rule: str, question: str) -> list[str]:
    then = {(r, s): t for r, s, t in re.findall(r"(\w+) then (\w+): (\w+)\.", rule)}
    back = dict(re.findall(r"if x is (\w+) to y, y is (\w+) to x", rule))
    known = set(re.findall(r"(\w+) is (\w+) to (\w+)\.", question))
    while True:
        more = {(b, back[r], a) for a, r, b in known}
        more |= {(a, then[r, s], d) for a, r, b in known for c, s, d in known if b == c}
        if more <= known:
            break
        known |= more
    ((first, last),) = re.findall(r"What is (\w+) to (\w+)\?", question)
    return sorted(r for a, r, b in known if (a, b) == (first, last))


FAMILIES = (
    Family(
        "values",
        "logic",
        "Formulas in a logic of several truth values",
        "list",
        levels(values=(3, 3, 3, 4, 4), connectives=(2, 3, 5, 6, 8)),
        _values,
        _solve_values,
    ),
    Family(
        "ledger",
        "logic",
        "Conditional entries and a sentinel that reacts to them",
        "set",
        levels(seals=(3, 4, 5, 6, 7), entries=(3, 5, 8, 12, 16)),
        _ledger,
        _solve_ledger,
    ),
    Family(
        "speakers",
        "logic",
        "Clans that tell the truth by turns",
        "list",
        levels(people=(2, 3, 4, 5, 6), clans=(2, 2, 3, 3, 4)),
        _speakers,
        _solve_speakers,
    ),
    Family(
        "relations",
        "logic",
        "Relations that compose by a table",
        "text",
        levels(relations=(3, 4, 5, 6, 6), hops=(2, 3, 4, 6, 8), others=(0, 1, 2, 3, 4)),
        _relations,
        _solve_relations,
    ),
)
