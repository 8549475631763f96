"""How the twins of the families in ``puzzle``, ``puzzle_grids`` and ``puzzle_lamps`` are worded."""

from __future__ import annotations

import re
from random import Random

from assay.benchmarks.korgen.family import Item
from assay.benchmarks.korgen.puzzle import VERBS
from assay.benchmarks.korgen.surface import Wording, exchanged, mapped, transposed

_TWIN_VERBS = (
    "brails",
    "clunks",
    "dwines",
    "frets",
    "gawks",
    "jibs",
    "lurps",
    "mirks",
    "pebs",
    "snods",
    "trigs",
    "wrens",
)


def _other_verbs(rng: Random, item: Item) -> Item:
    words = dict(zip(VERBS, rng.sample(_TWIN_VERBS, len(VERBS)), strict=True))
    return mapped(item, exchanged(words | {verb[:-1]: other[:-1] for verb, other in words.items()}))


def _other_scales(rng: Random, item: Item) -> Item:
    names = dict(zip("KLM", rng.sample("BDFHJNPRTV", 3), strict=True))
    return mapped(item, lambda text: re.sub(r"\b([KLM])(?=-scale)", lambda found: names[found[1]], text))


WORDINGS = {
    "table": Wording(
        (
            (
                "At a {name:n} dinner the guests sit around a table with {count:d} seats, numbered 1 to {count:d} "
                "clockwise, one guest to a seat; after seat {count:d} comes seat 1 again. Of two different guests X "
                "and Y one says:",
                "The {name} carousel has {count} horses in a ring, bearing the numbers 1 up to {count} clockwise, and "
                "beyond {count} the ring closes at 1. Every horse has a single rider. For distinct riders X and Y we "
                "define:",
            ),
            ("  X {verb:w} Y exactly if ", "  'X {verb} Y' is short for: "),
            ("X sits {k:d} place further clockwise than Y", "going on {k} horse clockwise from Y one meets X"),
            ("X sits {k:d} places further clockwise than Y", "going on {k} horses clockwise from Y one meets X"),
            (
                "the larger of their seat numbers minus the smaller is {d:d}",
                "one horse number exceeds the other by {d}",
            ),
            ("their seat numbers add up to {total:d}", "both horse numbers add up to {total}"),
            (
                "X has the larger seat number and the sum of their seat numbers is {parity:w}",
                "X rides the higher horse number, both numbers together being {parity}",
            ),
            (
                "the seat number of X is at least {m:d} times that of Y",
                "X rides a horse number no less than {m} times the one Y rides",
            ),
            ("{guests} sit at the table. It is known:", "The riders are {guests}. Watching them, one notes:"),
            (
                "Only one order fits. Name the guests in the order of their seats, beginning with seat 1.",
                "A single arrangement is left. List the riders by ascending horse number.",
            ),
        ),
        shuffle=(r"- ", r"  X \w+ Y exactly"),
        restate=_other_verbs,
    ),
    "weights": Wording(
        (
            (
                "The stones of {name:n} have different weights, each a whole number from 1 to {heaviest:d}. They can "
                "be put on scales, which show a number; the order in which stones are put on does not matter.",
                "Every {name} coin has a worth of its own between 1 and {heaviest}, without fractions, and no worth "
                "occurs twice. Coins dropped into a meter, in whatever sequence, make it display something.",
            ),
            (
                "  {scale:w}-scale: takes {size:d} stones and shows ",
                "  Meter {scale}, fed with {size} coins, displays ",
            ),
            (
                "the larger weight minus the smaller weight, plus {add:d}",
                "how far both worths differ, raised by {add}",
            ),
            (
                "{factor:d} times the larger weight, plus the smaller weight",
                "{factor} times the higher worth together with the lower one",
            ),
            (
                "the sum of the smallest and the largest weight",
                "what the lowest and the highest worth come to together",
            ),
            (
                "the remainder of the sum of the weights on division by {m:d}",
                "what all worths together leave over when split into {m} equal parts",
            ),
            (
                "{factor:d} times the middle weight, plus {add:d}",
                "{factor} times the worth in between, raised by {add}",
            ),
            ("The stones are {stones}. The scales have shown:", "Given the coins {stones}, these displays were seen."),
            ("- {scale:w}-scale, {group}: {shown:d}", "- Meter {scale} fed with {group} displays {shown}"),
            (
                "Only one choice of weights fits. Give the weights of {stones}, in this order.",
                "This pins down all worths. State them for {stones}, respectively.",
            ),
        ),
        shuffle=(r"- ", r"  \w-scale: "),
        restate=_other_scales,
    ),
    "route": Wording(
        (
            (
                "A {name:n} walk leads over a square of numbers from the top left cell to the bottom right cell. Each "
                "step goes to a neighbouring cell: right (R), left (L), down (D) or up (U). No cell is entered twice. "
                "Say that a step goes from a cell with the number a to a cell with the number b:",
                "Crossing a {name} marsh, one hops from tuft to tuft, starting at the upper left corner and aiming "
                "for the lower right one. Hops lead to an adjacent tuft: R, L, D and U for rightward, leftward, "
                "downward and upward. Tufts sink behind you and cannot be used again. If a hop leaves a tuft marked a "
                "for a tuft marked b, this must hold:",
            ),
            ("  The first, third, fifth step and so on are allowed only if ", "  for hops 1, 3, 5 ...: "),
            ("  The second, fourth, sixth step and so on are allowed only if ", "  for hops 2, 4, 6 ...: "),
            ("a + b leaves the remainder {rest:d} on division by {k:d}", "dividing b plus a by {k} leaves {rest} over"),
            ("a and b differ by exactly {m:d}", "from a it is {m} up or {m} down to b"),
            ("b is at least a + {d:d}", "b exceeds a by {d} or more"),
            ("b is at most a - {d:d}", "a exceeds b by {d} or more"),
            (
                "a times b is less than 9, or has two equal digits",
                "multiplying a and b gives 8 or less, or else one digit written twice",
            ),
            (
                "The walk ends when it enters the bottom right cell.",
                "Reaching the aim ends the crossing at once.",
            ),
            ("The numbers are:", "This is how the tufts are marked:"),
            (
                "There is just one walk. Give its steps as a string of the letters R, L, D and U.",
                "A single crossing is possible. Write its hops one behind the other, using R, L, D, U.",
            ),
        ),
        restate=transposed,
    ),
    "terraces": Wording(
        (
            (
                "A {name:n} field is a square of {size:d} rows and {size:d} columns. Every cell has a height from 1 "
                "to {size:d}, and no row and no column holds the same height twice. Rows are read from left to right, "
                "columns from top to bottom. The number of a row says ",
                "Towers of 1 to {size} floors fill all plots of a {name} quarter, which is {size} plots wide and "
                "{size} deep; along any street or any avenue, floor counts never repeat. Streets run rightwards and "
                "avenues run downwards. Posted at each street is ",
            ),
            ("The number of a column says ", "Posted at each avenue is "),
            (
                "how many heights in the line are followed at once by a smaller one",
                "how often a tower along it is lower than the one just before",
            ),
            (
                "the sum of the first and the last height of the line",
                "how many floors its two end towers have together",
            ),
            (
                "at which place of the line, counted from 1, the largest height stands",
                "the position along it, number 1 leading, of its tallest tower",
            ),
            (
                "the largest difference between two neighbouring heights of the line",
                "the biggest change in floors from any tower along it to the next",
            ),
            (
                "The numbers of the rows, from top to bottom, are {numbers}. The numbers of the columns, from left to "
                "right, are {others}. Some heights are known:",
                "Streets, uppermost first, are posted with {numbers}; avenues, leftmost first, with {others}. A map "
                "shows some floor counts already:",
            ),
            (
                "There is just one solution. Give the whole square.",
                "The rest follows with certainty. Write out the completed map.",
            ),
        ),
    ),
    "lamps": Wording(
        (
            (
                "A {name:n} lamp shines in one of the colours {colours}. Moved on, it goes from {a:w} to {b:w}, from "
                "{b:w} to {c:w}, and from {c:w} to {a:w}. Pressing a switch moves on all lamps that hang on it, each "
                "by one colour. No switch is pressed more than twice.",
                "The moods of a {name} cat are {colours}. Stroked once, a cat in mood {a} gets into {b}, one in {b} "
                "gets into {c}, and one in {c} is back in {a}. Ringing a bell strokes every cat tied to that bell "
                "once. Two rings are the utmost a bell can take.",
            ),
            ("On the switches hang these lamps:", "The cats are tied as follows."),
            ("- Switch {n:d}: ", "- To bell no. {n}: "),
            (
                "At first {start}. In the end {goal} shall shine. Only one choice of presses does it. How often are "
                "the switches 1 to {many:d} pressed, in this order?",
                "Today's moods: {start}. Desired moods: {goal}. This can be reached in a single manner. For the bells "
                "numbered 1 up to {many}, state the count of rings.",
            ),
        ),
    ),
}
