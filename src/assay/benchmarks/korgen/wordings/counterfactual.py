"""How the twins of the families in ``counterfactual`` and ``counterfactual_calendar`` are worded."""

from __future__ import annotations

from random import Random

from assay.benchmarks.korgen.counterfactual import (
    CIRCUMSTANCES,
    COLOURED,
    ORDERS,
    SOUNDS,
    comparative,
    superlative,
)
from assay.benchmarks.korgen.counterfactual_calendar import WEEK
from assay.benchmarks.korgen.family import Item
from assay.benchmarks.korgen.surface import Wording, exchanged, mapped
from assay.benchmarks.korgen.words import pick, shuffled


def _other_coloured_things(rng: Random, item: Item) -> Item:
    """Another thing of each colour, and other sounds."""
    things = {thing: pair[1 - pair.index(thing)] for pair in COLOURED.values() for thing in pair}
    return mapped(item, exchanged(things | dict(zip(SOUNDS, shuffled(rng, SOUNDS), strict=True))))


def _other_order(rng: Random, item: Item) -> Item:
    """Things of the same rank in another order, such as speed for weight."""
    order = next(order for order in ORDERS if f"from the {superlative(order[0])}" in item.rule)
    low, high, *things = order
    other_low, other_high, *others = pick(rng, [other for other in ORDERS if other is not order])
    words = dict(zip(things, others, strict=True))
    words |= {superlative(low): superlative(other_low), superlative(high): superlative(other_high)}
    return mapped(item, exchanged(words | {comparative(low): comparative(other_low)}))


def _other_circumstances(rng: Random, item: Item) -> Item:
    """Other occasions for the by-laws."""
    pairs = zip(CIRCUMSTANCES, shuffled(rng, CIRCUMSTANCES), strict=True)
    return mapped(item, exchanged({a: b for old, new in pairs for a, b in zip(old, new, strict=True)}))


def _rotated_week(rng: Random, item: Item) -> Item:
    """Every day some days later, which leaves their real order as it is."""
    turn = 1 + rng.randrange(6)
    return mapped(item, exchanged(dict(zip(WEEK, WEEK[turn:] + WEEK[:turn], strict=True))))


WORDINGS = {
    "colours": Wording(
        (
            (
                "In {name:n} things do not have the colours that they have elsewhere. Travellers remember that "
                "elsewhere {known}. But in {name:n} it is otherwise. ",
                "Nothing on the isle of {name} looks as it does back home, where, so sailors tell, {known}. On {name} "
                "the following holds instead. ",
            ),
            ("What is {a:w} elsewhere is {b:w} here", "Back home {a}, on the isle {b}"),
            ("Whenever the {sound}, ", "Each time the {sound}, repainting sets in: "),
            ("what is {a:w} turns {b:w}", "what was {a} is repainted {b}"),
            (
                "all at the same moment; things of other colours keep theirs.",
                "simultaneously, leaving the remaining colours alone.",
            ),
            (
                "In {name:n} somebody picks out {thing}. Then the ",
                "A sailor finds {thing} on {name} and keeps it in sight. Next the ",
            ),
            (", then the ", ", after that the "),
            (". Which colour does the thing have now?", ". What is the colour of the find by now?"),
            ("The colour after so many sounds: {n:d}.", "What the find looks like, sounds heard so far: {n}."),
        ),
        shuffle=(r"Whenever ",),
        restate=_other_coloured_things,
    ),
    "orders": Wording(
        (
            (
                "Elsewhere, from the {low:w} to the {high:w}, the order is: {things}. In {name:n} it is the other way "
                "round: what comes first elsewhere comes last there, and so on for all of them. Later the rulers of "
                "{name:n} made decrees, which everything in that land obeys. They came into force one after the "
                "other, and each changed the order that it found; what a decree does not mention keeps its order:",
                "Everybody knows this ranking, which leads from the {low} up to the {high}: {things}. Among the "
                "{name} folk it is reversed completely, last being first. Since then their council has passed edicts "
                "that nature itself follows there. Edicts work in sequence upon the ranking left by their "
                "forerunners, and whatever they pass over stays as ranked:",
            ),
            (
                "The {a} and the {b} trade their places in the order.",
                "Let the {a} stand where the {b} stood, and vice versa.",
            ),
            ("The whole order is turned around.", "Let the ranking be reversed from end to end."),
            ("{n:d}. The {thing} becomes the {end:w} of all.", "{n}. Let the {end} thing be the {thing} henceforth."),
            (
                "{n:d}. The {a} becomes just a little {less:w} than the {b}, so that nothing is between them.",
                "{n}. Let the {a} be ranked next to the {b}, directly on the {less} side.",
            ),
            (
                "In {name:n}, after all the decrees, which of these four is the {high:w}?",
                "With every edict of the {name} folk in force, choose from these four the {high}.",
            ),
        ),
        restate=_other_order,
    ),
    "signals": Wording(
        (
            (
                "Drivers elsewhere have learnt: ",
                "What coachmen know from home: ",
            ),
            (
                ". In {name:n} they must learn anew, for there ",
                ". Crossing into {name} they have to forget it, as on that side ",
            ),
            (
                "Moreover, {name:n} has by-laws by which a signal may be taken for another one. Those that apply are "
                "applied in the order of their numbers, each to what the signal has been taken for so far. A signal "
                "that a by-law does not mention is not changed by it. The driver must do what the signal that comes "
                "out in the end means there.",
                "On top of that the parish of {name} keeps numbered customs of reading one sign as a different one. "
                "Go through them by number, skipping any whose occasion is absent, and hand the reading from custom "
                "to custom; signs not named by a custom pass unaltered. Obey the local meaning of the final reading.",
            ),
            ("is taken for", "gets read as"),
            (" means ", " calls on you to "),
            (
                "A driver in {name:n} comes upon ",
                "Driving along a road of {name}, one meets ",
            ),
            (". What must the driver do?", ". Which action is due?"),
            ("a red light", "the lamp in red"),
            ("an amber light", "the lamp in amber"),
            ("a green light", "the lamp in green"),
            ("a flashing blue light", "the lamp winking blue"),
            ("a crossed-out horn", "the trumpet struck through"),
            ("What the signal is taken for after by-law {n:d}.", "The reading after custom {n}."),
        ),
        restate=_other_circumstances,
    ),
    "compass": Wording(
        (
            (
                "In {name:n} the directions have other places than elsewhere: whoever turns clockwise on the spot "
                "looks {order} and then {first:w} again, a quarter turn after the one before.",
                "The {name} compass card is printed unusually. Going round it clockwise by quarters one reads "
                "{order}, and with the next quarter {first} once more.",
            ),
            (
                "The sun rises in the {sunrise:w} there and sets in the opposite direction. The words for turning "
                "mean other things, too. ",
                "Mornings begin with the sun in the {sunrise}, evenings end with it on the far side. Orders to turn "
                "are understood in a local manner as well. ",
            ),
            ("To turn {word:w} is to make one quarter turn clockwise.", "By '{word}' they mean 90 degrees clockwise."),
            ("To turn {word:w} is to make a half turn clockwise.", "By '{word}' they mean 180 degrees clockwise."),
            (
                "To turn {word:w} is to make three quarter turns clockwise.",
                "By '{word}' they mean 270 degrees clockwise.",
            ),
            (
                "A walker in {name:n} looks towards the {sun:w} sun. Then the walker turns ",
                "Facing the {sun} sun, a {name} guard is given these orders to turn: ",
            ),
            (", then ", ", next "),
            (
                ". Which direction, as it is called in {name:n}, does the walker look in now?",
                ". Say by the local {name} card where the guard ends up facing.",
            ),
            ("The direction after turn {n:d}.", "Facing after order {n}."),
        ),
    ),
    "calendar": Wording(
        (
            (
                "In {name:n} the week has the same seven days as elsewhere, but in another order: {week}, and then "
                "{first:w} again. With every night that goes by, it becomes the next day in this order. When the "
                "crier calls out two days, these two exchange their places in the order from then on; the day that it "
                "is at this moment keeps its name.",
                "Monks of {name} keep a cycle of days all their own. It runs {week}, and {first} starts the round "
                "afresh. Each midnight moves life one day further along the cycle. Now and then the abbot switches a "
                "couple of days: either takes over the position of its fellow for good, while the present day goes on "
                "being called what it was called.",
            ),
            (
                "In {name:n} it is {start:w}. Then, one after the other: ",
                "The present day at {name} is {start}. What happens next, in sequence: ",
            ),
            ("{n:d}. The crier calls out {a:w} and {b:w}.", "{n}. {a} and {b} are switched."),
            ("{n:d}. {days:d} nights go by.", "{n}. Midnight passes {days} times."),
            ("Which day is it now in {name:n}?", "Name the day that {name} has reached."),
            ("The day after event {n:d}.", "The day reached after item {n}."),
        ),
        restate=_rotated_week,
    ),
}
