"""Worlds where common knowledge is wrong: colours, weights, traffic signals, the points of the compass.

Every question has four options, among them the answer that the story gives and the one that is right
outside of it; the two differ in every item. The generators walk from the question to the answer. The
solvers take colours and signals the other way, from each option back to the question, and put orders and
directions into numbers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from random import Random
from typing import Any

from assay.benchmarks.korgen.family import Family, Item, Level, levels, told
from assay.benchmarks.korgen.words import between, listed, pick, shuffled

OPTIONS = "ABCD"


def item_with_options(
    rng: Random,
    rule: str,
    question: str,
    story: str,
    real: str,
    others: Sequence[str],
    steps: int,
    facts: Mapping[str, Any] | None = None,
) -> Item:
    """An item whose options are the two answers and two of the others, in any order."""
    options = shuffled(
        rng, [story, real, *shuffled(rng, [other for other in others if other not in (story, real)])[:2]]
    )
    lines = [f"{letter}. {option}" for letter, option in zip(OPTIONS, options, strict=True)]
    letter_of = dict(zip(options, OPTIONS, strict=True))
    facts = {"real_life_answer": letter_of[real], **(facts or {})}
    return Item(rule, "\n".join([question, *lines]), letter_of[story], steps, facts)


def options_of(question: str) -> dict[str, str]:
    """The options of a question, and their letters."""
    return {option: letter for letter, option in re.findall(r"^([A-D])\. (.+)$", question, re.MULTILINE)}


def _moves(rng: Random, things: Sequence[str]) -> dict[str, str]:
    """A permutation of two or three of the things, as what becomes of what."""
    moved = rng.sample(things, between(rng, 2, min(3, len(things))))
    return dict(zip(moved, moved[1:] + moved[:1], strict=True))


# Colours: everything looks different, and signals change it again.

COLOURED = {
    "red": ("a ripe tomato", "fresh blood"),
    "yellow": ("a ripe banana", "a lemon"),
    "green": ("fresh grass", "a cucumber"),
    "white": ("fresh snow", "milk"),
    "black": ("coal", "a raven"),
    "blue": ("a clear midday sky", "a sapphire"),
    "orange": ("a carrot", "a pumpkin"),
    "brown": ("chocolate", "a chestnut"),
}
SOUNDS = ("the bell rings", "the drum is beaten", "the horn is blown", "the flute is played")


def _colours(rng: Random, level: Level, name: str) -> Item | None:
    colours = rng.sample(tuple(COLOURED), level["colours"])
    things = {colour: pick(rng, COLOURED[colour]) for colour in colours}
    here = dict(zip(colours, shuffled(rng, colours), strict=True))
    if any(colour == other for colour, other in here.items()):
        return None
    sounds = {sound: _moves(rng, colours) for sound in rng.sample(SOUNDS, level["sounds"])}
    heard = [pick(rng, tuple(sounds)) for _ in range(level["events"])]
    home = pick(rng, colours)
    course = [here[home]]
    for sound in heard:
        course.append(sounds[sound].get(course[-1], course[-1]))
    changes = sum(a != b for a, b in pairwise(course))
    now = course[-1]
    if now == home or 2 * changes < len(heard):
        return None
    laws = [f"What is {a} elsewhere is {b} here" for a, b in here.items()]
    effects = [
        f"Whenever {sound}, {listed([f'what is {a} turns {b}' for a, b in moves.items()])}, all at the same moment; "
        "things of other colours keep theirs."
        for sound, moves in sounds.items()
    ]
    rule = (
        f"In {name} things do not have the colours that they have elsewhere. Travellers remember that elsewhere "
        f"{listed([f'{thing} is {colour}' for colour, thing in things.items()])}. "
        f"But in {name} it is otherwise. {'. '.join(laws)}.\n" + "\n".join(effects)
    )
    question = (
        f"In {name} somebody picks out {things[home]}. Then {', then '.join(heard)}. Which colour does the thing have "
        "now?"
    )
    facts = told("The colour after so many sounds:", course[1:])
    return item_with_options(rng, rule, question, now, home, colours, steps=1 + len(heard), facts=facts)


def _solve_colours(rule: str, question: str) -> list[str]:
    remembered = re.findall(r"remember that elsewhere (.+?)\.", rule)[0]
    elsewhere = dict(part.split(" is ") for part in re.split(r", | and ", remembered))
    base = {b: a for a, b in re.findall(r"What is (\w+) elsewhere is (\w+) here", rule)}
    undo = {
        sound: {b: a for a, b in re.findall(r"what is (\w+) turns (\w+)", changes)}
        for sound, changes in re.findall(r"^Whenever (.+?), (.+)$", rule, re.MULTILINE)
    }
    story = question.partition("\n")[0]
    thing = re.findall(r"picks out (.+?)\.", story)[0]
    heard = re.findall(r"[Tt]hen (.+?)(?=[.,])", story)
    found = []
    for colour, letter in options_of(question).items():
        before = colour
        for sound in reversed(heard):
            before = undo[sound].get(before, before)
        if base[before] == elsewhere[thing]:
            found.append(letter)
    return found


# Orders: what is heaviest, fastest or hottest, turned around and then decreed about.

ORDERS = (
    ("light", "heavy", "feather", "coin", "apple", "cat", "horse", "elephant", "freight train", "mountain"),
    ("slow", "fast", "snail", "tortoise", "pedestrian", "cyclist", "racing car", "airliner", "space rocket", "sunbeam"),
    ("cold", "hot", "glacier", "mountain spring", "swimming pool", "cup of warm milk", "pot of boiling water",
     "baker's oven", "lava stream", "sun"),
)  # fmt: skip


def superlative(adjective: str) -> str:
    """``lightest`` for ``light``."""
    return {"heavy": "heaviest", "hot": "hottest"}.get(adjective, f"{adjective}est")


def comparative(adjective: str) -> str:
    """``lighter`` for ``light``."""
    return superlative(adjective)[:-2] + "r"


def _orders(rng: Random, level: Level, name: str) -> Item | None:
    low, high, *every = pick(rng, ORDERS)
    things = sorted(rng.sample(every, level["things"]), key=every.index)
    order = things[::-1]
    decrees = []
    for number in range(1, level["decrees"] + 1):
        a, b = rng.sample(things, 2)
        kind = rng.randrange(5)
        if kind == 0:
            at, other = order.index(a), order.index(b)
            order[at], order[other] = b, a
            text = f"The {a} and the {b} trade their places in the order"
        elif kind == 4:
            order.reverse()
            text = "The whole order is turned around"
        else:
            order.remove(a)
            order.insert((len(order), 0, order.index(b))[kind - 1], a)
            text = (
                f"The {a} becomes the {superlative(high)} of all",
                f"The {a} becomes the {superlative(low)} of all",
                f"The {a} becomes just a little {comparative(low)} than the {b}, so that nothing is between them",
            )[kind - 1]
        decrees.append(f"  {number}. {text}.")
    options = rng.sample(things, 4)
    story, real = max(options, key=order.index), max(options, key=things.index)
    if story == real:
        return None
    rule = (
        f"Elsewhere, from the {superlative(low)} to the {superlative(high)}, the order is: "
        f"{', '.join(f'the {thing}' for thing in things)}. In {name} it is the other way round: what comes first "
        f"elsewhere comes last there, and so on for all of them. Later the rulers of {name} made decrees, which "
        "everything in that land obeys. They came into force one after the other, and each changed the order that it "
        "found; what a decree does not mention keeps its order:\n" + "\n".join(decrees)
    )
    question = f"In {name}, after all the decrees, which of these four is the {superlative(high)}?"
    return item_with_options(
        rng, rule, question, f"the {story}", f"the {real}", [f"the {o}" for o in options], 1 + len(decrees)
    )


def _solve_orders(rule: str, question: str) -> list[str]:
    ((low, listed_),) = re.findall(r"from the (\w+) to the \w+, the order is: (.+?)\. In", rule)
    rank = {thing: -float(at) for at, thing in enumerate(listed_.removeprefix("the ").split(", the "))}
    for text in re.findall(r"^  \d+\. The (.+)\.$", rule, re.MULTILINE):
        if traded := re.fullmatch(r"(.+) and the (.+) trade their places in the order", text):
            rank[traded[1]], rank[traded[2]] = rank[traded[2]], rank[traded[1]]
        elif text.startswith("whole order"):
            rank = {thing: -number for thing, number in rank.items()}
        elif topped := re.fullmatch(r"(.+) becomes the (\w+) of all", text):
            ends = min(rank.values()) - 1, max(rank.values()) + 1
            rank[topped[1]] = ends[topped[2] != low]
        elif below := re.fullmatch(r"(.+) becomes just a little \w+ than the (.+), so that .+", text):
            rank[below[1]] = rank[below[2]] - 2.0**-30
            rank = {thing: float(at) for at, thing in enumerate(sorted(rank, key=rank.__getitem__))}
    options = {option.removeprefix("the "): letter for option, letter in options_of(question).items()}
    return [options[max(options, key=rank.__getitem__)]]


# Signals: what the driver must do, under by-laws that apply or do not.

_SIGNALS = {
    "a red light": "stop",
    "an amber light": "slow down",
    "a green light": "drive on",
    "a flashing blue light": "move aside",
    "a crossed-out horn": "keep quiet",
}
CIRCUMSTANCES = (
    ("On market days", "It is a market day", "It is no market day"),
    ("While it rains", "It is raining", "It is not raining"),
    ("After sunset", "The sun has set", "The sun has not set yet"),
    ("For drivers without company", "The driver is alone", "The driver has company"),
    ("While the church bells ring", "The church bells are ringing", "No church bells are ringing"),
    ("In the old town", "All this is in the old town", "All this is outside the old town"),
    ("For carts with a horse", "The cart is drawn by a horse", "The cart has a motor and no horse"),
)


def _signals(rng: Random, level: Level, name: str) -> Item | None:
    signals = tuple(_SIGNALS)
    duty = dict(zip(signals, shuffled(rng, tuple(_SIGNALS.values())), strict=True))
    if any(duty[signal] == usual for signal, usual in _SIGNALS.items()):
        return None
    seen = taken = pick(rng, signals)
    laws, state, course, effects = [], [], [], 0
    for number, (clause, yes, no) in enumerate(rng.sample(CIRCUMSTANCES, level["laws"]), 1):
        moves = _moves(rng, signals)
        laws.append(f"  {number}. {clause}, {listed([f'{a} is taken for {b}' for a, b in moves.items()])}.")
        applies = rng.random() < 0.6
        state.append(yes if applies else no)
        if applies:
            effects += taken in moves
            taken = moves.get(taken, taken)
        course.append(taken)
    if not effects or duty[taken] == _SIGNALS[seen]:
        return None
    rule = (
        "Drivers elsewhere have learnt: "
        f"{'; '.join(f'{signal} means {meaning}' for signal, meaning in _SIGNALS.items())}. In {name} they must learn "
        f"anew, for there {'; '.join(f'{signal} means {meaning}' for signal, meaning in duty.items())}.\nMoreover, "
        f"{name} has by-laws by which a signal may be taken for another one. Those that apply are applied in the order "
        "of their numbers, each to what the signal has been taken for so far. A signal that a by-law does not mention "
        "is not changed by it. The driver must do what the signal that comes out in the end means there.\n"
        + "\n".join(laws)
    )
    facts = told("What the signal is taken for after by-law", course)
    question = f"{'. '.join(shuffled(rng, state))}. A driver in {name} comes upon {seen}. What must the driver do?"
    return item_with_options(
        rng, rule, question, duty[taken], _SIGNALS[seen], tuple(duty.values()), 1 + len(laws), facts
    )


def _solve_signals(rule: str, question: str) -> list[str]:
    there = re.findall(r"for there (.+?)\.\n", rule)[0]
    signal_of = {meaning: signal for signal, meaning in re.findall(r"(an? [^;]+?) means ([^;]+)", there)}
    story = question.partition("\n")[0]
    applying = {clause for clause, yes, _ in CIRCUMSTANCES if f"{yes}." in story}
    undo = []
    for law in re.findall(r"^  \d+\. (.+)\.$", rule, re.MULTILINE):
        if any(law.startswith(clause) for clause in applying):
            undo.append(
                {b: a for a, b in re.findall(r"(an? [a-z -]+?) is taken for (an? [a-z -]+?)(?=,| and |$)", law)}
            )
    found = []
    for meaning, letter in options_of(question).items():
        signal = signal_of[meaning]
        for moves in reversed(undo):
            signal = moves.get(signal, signal)
        if f"comes upon {signal}." in story:
            found.append(letter)
    return found


# Compass: another order of the directions, another sunrise, another meaning of left and right.

_COMPASS = ("north", "east", "south", "west")
_QUARTERS = {1: "one quarter turn", 2: "a half turn", 3: "three quarter turns"}
_USUAL_TURN = {"right": 1, "left": 3, "about": 2}


def _compass(rng: Random, level: Level, name: str) -> Item | None:
    order = ("north", *shuffled(rng, _COMPASS[1:]))
    sunrise = pick(rng, [direction for direction in _COMPASS if direction != "east"])
    meaning = {turn: between(rng, 1, 3) for turn in _USUAL_TURN}
    if order == _COMPASS or any(meaning[turn] == usual for turn, usual in _USUAL_TURN.items()):
        return None
    turns = [pick(rng, tuple(meaning)) for _ in range(level["turns"])]
    evening = rng.random() < 0.5
    heading, usual = order.index(sunrise) + 2 * evening, 1 + 2 * evening
    course = []
    for turn in turns:
        heading = (heading + meaning[turn]) % 4
        usual = (usual + _USUAL_TURN[turn]) % 4
        course.append(order[heading])
    story, real = order[heading % 4], _COMPASS[usual % 4]
    if story == real:
        return None
    rule = (
        f"In {name} the directions have other places than elsewhere: whoever turns clockwise on the spot looks "
        f"{', '.join(order)} and then {order[0]} again, a quarter turn after the one before. The sun rises in the "
        f"{sunrise} there and sets in the opposite direction. The words for turning mean other things, too. "
        + " ".join(f"To turn {turn} is to make {_QUARTERS[count]} clockwise." for turn, count in meaning.items())
    )
    question = (
        f"A walker in {name} looks towards the {'setting' if evening else 'rising'} sun. Then the walker turns "
        f"{', then '.join(turns)}. Which direction, as it is called in {name}, does the walker look in now?"
    )
    facts = told("The direction after turn", course)
    return item_with_options(rng, rule, question, story, real, _COMPASS, steps=1 + len(turns), facts=facts)


def _solve_compass(rule: str, question: str) -> list[str]:
    order = re.findall(r"on the spot looks (.+?) and then", rule)[0].split(", ")
    place = dict(zip(order, (1, 1j, -1, -1j), strict=True))
    counts = {text: count for count, text in _QUARTERS.items()}
    turn = {word: 1j ** counts[text] for word, text in re.findall(r"To turn (\w+) is to make (.+?) clockwise", rule)}
    looks = place[re.findall(r"rises in the (\w+)", rule)[0]] * (-1 if "setting sun" in question else 1)
    for word in re.findall(r"(?:turns|then) (right|left|about)", question):
        looks *= turn[word]
    return [letter for option, letter in options_of(question).items() if abs(place[option] - looks) < 0.1]


FAMILIES = (
    Family(
        "colours",
        "counterfactual",
        "A land of other colours, which sounds change again",
        "letter",
        levels(colours=(5, 5, 6, 7, 8), sounds=(1, 2, 2, 3, 4), events=(1, 2, 4, 6, 9)),
        _colours,
        _solve_colours,
    ),
    Family(
        "orders",
        "counterfactual",
        "An order turned around, and decrees about it",
        "letter",
        levels(things=(5, 5, 6, 7, 8), decrees=(1, 2, 4, 6, 9)),
        _orders,
        _solve_orders,
    ),
    Family(
        "signals",
        "counterfactual",
        "Traffic signals with other meanings and by-laws",
        "letter",
        levels(laws=(1, 2, 3, 5, 7)),
        _signals,
        _solve_signals,
    ),
    Family(
        "compass",
        "counterfactual",
        "Another compass and other words for turning",
        "letter",
        levels(turns=(2, 3, 5, 7, 10)),
        _compass,
        _solve_compass,
    ),
)
