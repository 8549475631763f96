"""Stacks: which crates the fewest moves take to pile them as wanted, where not all may be set upon all others.

The generator searches forwards from the first yard, keeping up to two ways to each yard, since two are too
many. The solver searches backwards from the wanted one, on another description of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import permutations
from random import Random

from assay.benchmarks.korgen.family import Family, Item, Level, levels
from assay.benchmarks.korgen.words import NAMES, pick, shuffled

_State = tuple[tuple[int, ...], ...]

_BEDS: dict[str, Callable[[int, int], bool]] = {
    "has a larger number": lambda crate, bed: bed > crate,
    "differs from it in being odd or even": lambda crate, bed: (bed - crate) % 2 == 1,
    "has a number that is not the next larger one": lambda crate, bed: bed != crate + 1,
}


def _stacks(rng: Random, level: Level, name: str) -> Item | None:
    posts = rng.sample(NAMES, 3)
    text = pick(rng, tuple(_BEDS))
    crates = shuffled(rng, range(1, level["crates"] + 1))
    cuts = sorted(rng.randrange(len(crates) + 1) for _ in range(2))
    start: _State = (tuple(crates[: cuts[0]]), tuple(crates[cuts[0] : cuts[1]]), tuple(crates[cuts[1] :]))
    seen = {start}
    layer: dict[_State, list[tuple[int, ...]]] = {start: [()]}
    for _ in range(level["moves"]):
        onward: dict[_State, list[tuple[int, ...]]] = {}
        for state, ways in layer.items():
            for crate, after in _moved(state, _BEDS[text]):
                if after not in seen:
                    known = onward.get(after, [])
                    onward[after] = list(dict.fromkeys([*known, *((*way, crate) for way in ways)]))[:2]
        seen.update(onward)
        layer = onward
    goals = sorted(state for state, ways in layer.items() if len(ways) == 1)
    if not goals:
        return None
    goal = pick(rng, goals)
    rule = (
        f"In a {name} yard numbered crates stand one upon the other at three posts. In one move, the topmost crate of "
        "a post is taken to another post and set upon the topmost crate there, or on the ground if there is none. A "
        f"crate may be set upon a crate only if the lower one {text}. How the crates stand at first may break this; "
        "what stands is left alone."
    )
    question = (
        f"At first, from the ground up: {_standing(posts, start)}. Wanted: {_standing(posts, goal)}. With the "
        "smallest number of moves, there is no choice which crate is moved each time. Give the numbers of the crates "
        "in the order in which they are moved."
    )
    return Item(rule, question, ", ".join(map(str, layer[goal][0])), steps=level["moves"] * len(crates))


def _moved(state: _State, fits: Callable[[int, int], bool]) -> Iterator[tuple[int, _State]]:
    """All that one move can make of a yard, and the crate that it moves."""
    for source, target in permutations(range(3), 2):
        if state[source] and (not state[target] or fits(state[source][-1], state[target][-1])):
            after = list(state)
            after[target] = (*state[target], state[source][-1])
            after[source] = state[source][:-1]
            yield state[source][-1], tuple(after)


def _standing(posts: list[str], state: _State) -> str:
    return "; ".join(
        f"{post} has {', '.join(map(str, stack)) or 'none'}" for post, stack in zip(posts, state, strict=True)
    )


def _solve_stacks(rule: str, question: str) -> list[str]:
    bed = re.findall(r"only if the lower one (.+?)\. How", rule)[0]
    first, last = (
        "/".join(",".join(re.findall(r"\d+", stack)) for stack in part.split(";"))
        for part in re.findall(r"(?:ground up|Wanted): (.+?)\.", question)
    )

    def may_lie(upper: int, lower: int) -> bool:
        if "larger number" in bed:
            return lower > upper
        return (lower + upper) % 2 == 1 if "odd" in bed else lower - upper != 1

    def before(yard: str) -> Iterator[tuple[str, str]]:
        """Crates whose move leads to this yard, and the yards before."""
        posts = [stack.split(",") if stack else [] for stack in yard.split("/")]
        for now, then in permutations(range(3), 2):
            if posts[now] and (len(posts[now]) == 1 or may_lie(int(posts[now][-1]), int(posts[now][-2]))):
                earlier = [list(stack) for stack in posts]
                earlier[then].append(earlier[now].pop())
                yield posts[now][-1], "/".join(map(",".join, earlier))

    layer, seen = {last: {""}}, {last}
    while layer and first not in layer:
        reached: dict[str, set[str]] = {}
        for yard, ends in layer.items():
            for crate, earlier in before(yard):
                if earlier not in seen:
                    ways = reached.get(earlier, set()) | {f", {crate}{end}" for end in ends}
                    reached[earlier] = set(sorted(ways)[:2])
        seen.update(reached)
        layer = reached
    return [way.removeprefix(", ") for way in layer.get(first, ())]


FAMILIES = (
    Family(
        "stacks",
        "planning",
        "The shortest way to pile crates as wanted",
        "list",
        levels(crates=(3, 3, 4, 5, 5), moves=(2, 3, 5, 7, 9)),
        _stacks,
        _solve_stacks,
    ),
)
