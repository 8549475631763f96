"""Strings that are rewritten, woven, sorted by another alphabet, unfolded from a notation, and edited.

The generators work on the strings themselves. The solvers scan letter by letter for what is to be
rewritten, compute when each letter is woven in, count for every word how many come before it, and unfold
the innermost parentheses first.
"""

from __future__ import annotations

import re
from random import Random

from assay.benchmarks.korgen.family import Family, Item, Level, levels, told
from assay.benchmarks.korgen.words import LETTERS, NAMES, between, pick, shuffled

# Rewrite: replacements of letters, the first one that can be made at each turn.


def _rewrite(rng: Random, level: Level, name: str) -> Item | None:
    letters = rng.sample(LETTERS[1:], level["letters"])
    swaps: dict[str, str] = {}
    while len(swaps) < level["replacements"]:
        left = "".join(pick(rng, letters) for _ in range(2 if len(swaps) < 2 else between(rng, 1, 2)))
        right = "".join(pick(rng, letters) for _ in range(between(rng, 1, 3)))
        if left != right:
            swaps[left] = right
    start = text = "".join(pick(rng, letters) for _ in range(level["length"]))
    course: list[str] = []
    used = set()
    for _ in range(level["turns"]):
        left = next((left for left in swaps if left in text), "")
        if not left:
            return None
        used.add(left)
        text = text.replace(left, swaps[left], 1)
        course.append(text)
    if not 2 <= len(text) <= 30 or len({start, *course}) < len(course) or len(used) < 2:
        return None
    rule = (
        f"{name} rewriting changes a string of letters turn by turn. At each turn, the first line of this list whose "
        "left side occurs in the string is chosen, and the leftmost occurrence of its left side is replaced by its "
        "right side:\n" + "\n".join(f"  {left} > {right}" for left, right in swaps.items())
    )
    question = f"Which string is there after {level['turns']} turns, if it is {start} at first?"
    return Item(rule, question, text, steps=len(course), facts=told("The string after turn", course))


def _solve_rewrite(rule: str, question: str) -> list[str]:
    swaps = re.findall(r"^  ([A-Z]+) > ([A-Z]+)$", rule, re.MULTILINE)
    ((turns, text),) = re.findall(r"after (\d+) turns, if it is ([A-Z]+) at first", question)
    letters = list(text)
    for _ in range(int(turns)):
        place, left, right = next(
            (at, left, right)
            for left, right in swaps
            for at in range(len(letters))
            if letters[at : at + len(left)] == list(left)
        )
        letters[place : place + len(left)] = right
    return ["".join(letters)]


# Weave: strands from which letters are taken by turns, some from their ends.


def _weave(rng: Random, level: Level, name: str) -> Item | None:
    strands = rng.sample(NAMES, level["strands"])
    words = {strand: "".join(rng.sample(LETTERS, level["letters"] + rng.randrange(2))) for strand in strands}
    takes = {strand: between(rng, 1, 3) for strand in strands}
    ends = {strand: rng.random() < 0.5 for strand in strands}
    if not any(ends.values()) or len(set(takes.values())) == 1:
        return None
    left = {strand: list(reversed(word) if ends[strand] else word) for strand, word in words.items()}
    woven, course = "", []
    while any(left.values()):
        for strand in strands:
            woven += "".join(left[strand][: takes[strand]])
            left[strand] = left[strand][takes[strand] :]
        course.append(woven)
    rule = (
        f"A {name} weave makes one string out of several strands. The strands take turns in the order in which the "
        "list names them, again and again. At its turn a strand gives letters, which are put to the right of what is "
        "already woven, and loses them. A strand with fewer letters than it should give gives what it has; an empty "
        "one is passed over. When all are empty, the weave is done.\n"
        + "\n".join(
            f"  {strand} gives {takes[strand]}, one by one, from its {'right' if ends[strand] else 'left'} end."
            for strand in strands
        )
    )
    question = f"The strands: {'; '.join(f'{strand} is {word}' for strand, word in words.items())}. What is woven?"
    return Item(rule, question, woven, steps=len(woven), facts=told("What is woven after round", course))


def _solve_weave(rule: str, question: str) -> list[str]:
    gives = re.findall(r"^  (\w+) gives (\d), .+ its (right|left) end\.$", rule, re.MULTILINE)
    words = dict(re.findall(r"(\w+) is ([A-Z]+)", question))
    timed = []
    for turn, (strand, number, end) in enumerate(gives):
        word = words[strand]
        for at, letter in enumerate(word):
            before = len(word) - 1 - at if end == "right" else at
            timed.append((before // int(number), turn, before, letter))
    return ["".join(letter for *_, letter in sorted(timed))]


# Lexicon: words sorted by another alphabet, in which some places count the other way round.


def _lexicon(rng: Random, level: Level, name: str) -> Item | None:
    alphabet = rng.sample(LETTERS, level["alphabet"])
    length = level["length"]
    words = list(dict.fromkeys("".join(pick(rng, alphabet) for _ in range(length)) for _ in range(level["words"])))
    if len(words) < level["words"]:
        return None
    order = shuffled(rng, range(1, length + 1))
    turned = between(rng, 1, length)

    def key(word: str) -> list[int]:
        return [alphabet.index(word[place - 1]) * (-1 if place == turned else 1) for place in order]

    if order == sorted(order):
        return None
    answer = sorted(words, key=key)
    if answer in (words, sorted(words)):
        return None
    rule = (
        f"The {name} alphabet has the letters {' '.join(alphabet)} in this order, and all words have {length} letters. "
        f"To compare two words, look at their letters in the places {', '.join(map(str, order))}, one after the other, "
        "until they differ; place 1 is the leftmost. The word whose letter comes earlier in the alphabet comes first. "
        f"Only in place {turned} it is the other way round: there, the word with the later letter comes first."
    )
    question = f"Sort the words {', '.join(words)}. Give them from the first to the last."
    return Item(rule, question, ", ".join(answer), steps=len(words) * (len(words) - 1) // 2)


def _solve_lexicon(rule: str, question: str) -> list[str]:
    alphabet = re.findall(r"letters ([A-Z ]+) in this order", rule)[0].split()
    places = [int(place) for place in re.findall(r"in the places ([\d, ]+), one after", rule)[0].split(", ")]
    turned = int(re.findall(r"Only in place (\d+)", rule)[0])
    words = re.findall(r"\b[A-Z]{2,}\b", question)

    def precedes(one: str, other: str) -> bool:
        place = next(place for place in places if one[place - 1] != other[place - 1])
        earlier = alphabet.index(one[place - 1]) < alphabet.index(other[place - 1])
        return bool(earlier != (place == turned))

    ranked = {sum(precedes(other, word) for other in words if other != word): word for word in words}
    return [", ".join(ranked[rank] for rank in sorted(ranked))] if len(ranked) == len(words) else []


# Unfold: a number before parentheses repeats what is inside, and every second copy is written backwards.


def _unfold(rng: Random, level: Level, name: str) -> Item | None:
    letters = rng.sample(LETTERS, 6)
    course: list[tuple[str, str]] = []

    def piece() -> str:
        return "".join(pick(rng, letters) for _ in range(between(rng, 1, 2)))

    def folded(groups: int) -> tuple[str, str]:
        """A notation with that many parentheses, and what it unfolds to."""
        if not groups:
            text = piece()
            return text, text
        inside = rng.randrange(groups) if rng.random() < 0.7 else groups - 1
        short, long = folded(inside)
        before, after = piece(), piece()
        count = between(rng, 2, 3)
        copy = before + long
        whole = "".join(copy[::-1] if number % 2 == backwards else copy for number in range(count))
        course.append((f"{count}({before}{short})", whole))
        rest = folded(groups - 1 - inside)
        return f"{count}({before}{short}){after}{rest[0]}", whole + after + rest[1]

    backwards = rng.randrange(2)
    short, long = folded(level["groups"])
    if not level["least"] <= len(long) <= level["most"]:
        return None
    rule = (
        f"In {name} notation a number before parentheses says how many copies of what is inside are written, one right "
        f"behind the other. Of these copies the {'second, the fourth' if backwards else 'first, the third'} and so on "
        "are written backwards, the others as they are. What is inside may hold parentheses of its own; these are "
        "unfolded first."
    )
    question = f"What does {short} unfold to?"
    told_ = [{"description": f"What {part} unfolds to.", "answer": whole} for part, whole in course]
    copies = sum(int(digit) for digit in re.findall(r"\d", short))
    return Item(rule, question, long, steps=copies, facts={"step_answers": told_})


def _solve_unfold(rule: str, question: str) -> list[str]:
    backwards = 0 if "copies the first" in rule else 1
    text = re.findall(r"What does (\S+) unfold", question)[0]
    innermost = re.compile(r"(\d)\(([A-Z]*)\)")
    while found := innermost.search(text):
        copies = [found[2], found[2][::-1]] if backwards else [found[2][::-1], found[2]]
        text = text[: found.start()] + "".join((copies * 2)[: int(found[1])]) + text[found.end() :]
    return [text]


# Editor: commands that lengthen, shorten and rearrange a string.


def _editor(rng: Random, level: Level, name: str) -> Item | None:
    letters = rng.sample(LETTERS[1:], 6)
    start = text = "".join(pick(rng, letters) for _ in range(level["length"]))
    lines, course = [], []
    for number in range(1, level["commands"] + 1):
        a, b = rng.sample(letters, 2)
        kind, k, before = rng.randrange(7), between(rng, 2, 3), text
        if kind == 0:
            text = text.replace(a, a + a)
            order = f"Write every {a} twice"
        elif kind == 1:
            text = "".join(letter for at, letter in enumerate(text, 1) if at % 3)
            order = "Drop the letters in the places 3, 6, 9 and so on"
        elif kind == 2:
            half = len(text) // 2
            text = text[half:] + text[:half]
            order = "Exchange the halves; a letter in the middle belongs to the right half"
        elif kind == 3:
            text = text[-1] + text[1:-1] + text[0]
            order = "Exchange the first and the last letter"
        elif kind == 4:
            text = text.replace(a, a + b)
            order = f"Put {b} behind every {a}"
        elif kind == 5:
            text = text[:k][::-1] + text[k:]
            order = f"Write the first {k} letters backwards"
        else:
            text = "".join(sorted(text, key=lambda letter, a=a: letter != a))  # type: ignore[misc]
            order = f"Move every {a} to the front, all others as they were"
        if text == before or not 3 <= len(text) <= 20:
            return None
        lines.append(f"  {number}. {order}.")
        course.append(text)
    rule = (
        f"The {name} editor changes a string of letters by commands, each applied to what the one before has left. "
        "Places are counted from the left, from 1. What a command puts in is not looked at again by the same "
        "command.\n" + "\n".join(lines)
    )
    question = f"What does the editor make of {start}?"
    facts = told("The string after command", course)
    return Item(rule, question, text, steps=len(lines) * level["length"], facts=facts)


def _solve_editor(rule: str, question: str) -> list[str]:
    letters = list(re.findall(r"make of ([A-Z]+)\?", question)[0])
    for order in re.findall(r"^  \d+\. (.+)\.$", rule, re.MULTILINE):
        marked = re.findall(r"\b[A-Z]\b", order)
        length = len(letters)
        if order.startswith("Write every"):
            letters = [copy for letter in letters for copy in letter * (1 + (letter == marked[0]))]
        elif order.startswith("Drop"):
            del letters[2::3]
        elif order.startswith("Exchange the halves"):
            letters = [letters[(at + length // 2) % length] for at in range(length)]
        elif order.startswith("Exchange the first"):
            letters[0], letters[-1] = letters[-1], letters[0]
        elif order.startswith("Put"):
            letters = list(re.sub(marked[1], marked[1] + marked[0], "".join(letters)))
        elif order.startswith("Write the first"):
            k = int(re.findall(r"\d+", order)[0])
            letters = [letters[k - 1 - at] if at < k else letters[at] for at in range(length)]
        else:
            count = letters.count(marked[0])
            letters = [marked[0]] * count + [letter for letter in letters if letter != marked[0]]
    return ["".join(letters)]


FAMILIES = (
    Family(
        "rewrite",
        "strings",
        "Replacements made turn by turn",
        "text",
        levels(letters=(2, 3, 3, 3, 4), replacements=(2, 3, 3, 4, 5), length=(5, 6, 7, 8, 9), turns=(2, 4, 6, 9, 12)),
        _rewrite,
        _solve_rewrite,
    ),
    Family(
        "weave",
        "strings",
        "Strands that give letters by turns",
        "text",
        levels(strands=(2, 2, 3, 3, 4), letters=(3, 5, 5, 7, 8)),
        _weave,
        _solve_weave,
    ),
    Family(
        "lexicon",
        "strings",
        "Words sorted by another alphabet and other places",
        "list",
        levels(words=(3, 4, 5, 6, 8), alphabet=(5, 5, 4, 4, 3), length=(3, 3, 4, 4, 5)),
        _lexicon,
        _solve_lexicon,
    ),
    Family(
        "unfold",
        "strings",
        "Nested repetitions with copies written backwards",
        "text",
        levels(groups=(1, 2, 3, 4, 6), least=(5, 8, 12, 18, 26), most=(14, 24, 34, 50, 80)),
        _unfold,
        _solve_unfold,
    ),
    Family(
        "editor",
        "strings",
        "Commands that lengthen, shorten and rearrange a string",
        "text",
        levels(length=(4, 5, 6, 7, 8), commands=(2, 3, 4, 6, 8)),
        _editor,
        _solve_editor,
    ),
)
