"""Pairs of samples that differ in one suspected cause: drawn from a task, changed by a rule, or generated.

A pair is a sample with the cause and its matched control. The invariant: whatever is not the cause is the same on
both sides (the question, the gold answer's meaning, the scorer), or, where samples are only selected, as near as the
task's remaining samples allow; a sample to which a change does not apply makes no pair.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from random import Random
from typing import Literal, NamedTuple

from msgspec.structs import replace

from assay.records import Message, Sample
from assay.task import Task

MOST_LOOKED_AT = 20_000
"""Samples of a task that a selection goes through."""


class Pair(NamedTuple):
    """One sample with the suspected cause, and one without."""

    treated: Sample
    control: Sample


Change = Callable[[Sample, Random], Pair | None]
"""Makes a pair of a sample, or ``None`` where the change does not apply."""


def padding(words: int) -> Change:
    """The question after so many words that have nothing to do with it."""

    def change(sample: Sample, rng: Random) -> Pair | None:
        filler: list[str] = []
        while sum(len(sentence.split()) for sentence in filler) < words:
            filler.append(rng.choice(_FILLER))
        return _of_last(sample, lambda text: f"{' '.join(filler)}\n\n{text}")

    return change


def instruction_language(language: str) -> Change:
    """Told to think in a language; the control is told to think in English, in as many words."""

    def told(which: str) -> Callable[[str], str]:
        return lambda text: f"{text}\n\nWrite your reasoning in {which}; keep the form of the final answer."

    def change(sample: Sample, rng: Random) -> Pair | None:
        treated, control = _of_last(sample, told(language)), _of_last(sample, told("English"))
        return None if treated is None or control is None else Pair(treated.treated, control.treated)

    return change


def number_format(sample: Sample, rng: Random) -> Pair | None:
    """Whole numbers from 1000 on with thousands separators."""
    return _of_last(sample, lambda text: _LONG_NUMBER.sub(lambda match: f"{int(match[0]):,}", text))


def rule_removed(sample: Sample, rng: Random) -> Pair | None:
    """The question without its rule."""
    rule = sample.metadata.get("rule")
    return _of_last(sample, lambda text: text.replace(rule, "")) if isinstance(rule, str) and rule else None


def rule_swapped(others: Sequence[str]) -> Change:
    """The question with another sample's rule: a score that does not fall was not earned by reading it."""

    def change(sample: Sample, rng: Random) -> Pair | None:
        rule = sample.metadata.get("rule")
        rest = [other for other in others if other != rule]
        if not isinstance(rule, str) or not rule or not rest:
            return None
        return _of_last(sample, lambda text: text.replace(rule, rng.choice(rest)))

    return change


def options_rotated(sample: Sample, rng: Random) -> Pair | None:
    """The options in another order, each one place down, with the gold letter moved along."""
    target = sample.target if isinstance(sample.target, str) else ""
    letter = _LETTER.fullmatch(target.strip())
    text = sample.messages[-1].text
    block = _options(text)
    if letter is None or block is None:
        return None
    contents = [match[2] for match in block]
    at = ord(letter[1]) - ord("A")
    moved = [contents[-1], *contents[:-1]]
    if at >= len(contents) or len(set(contents)) < len(contents) or sample.choices not in ((), tuple(contents)):
        return None
    parts, end = [], 0
    for match, content in zip(block, moved, strict=True):
        parts += [text[end : match.start(2)], content]
        end = match.end(2)
    pair = _of_last(sample, lambda text: "".join(parts) + text[end:])
    new = target.replace(letter[1], chr(ord("A") + (at + 1) % len(contents)))
    return pair and pair._replace(
        treated=replace(pair.treated, target=new, choices=tuple(moved) if sample.choices else ())
    )


def changed(task: Task, change: Change, n: int, *, seed: int, used: Iterable[str] = ()) -> list[Pair]:
    """Pairs of a task's samples by a change, those that no run has used first, in an order drawn by ``seed``.

    Args:
        task: where the samples come from.
        change: what is varied.
        n: pairs at most.
        seed: of the draw.
        used: ids of samples that have been seen; they are taken only where there are too few others.
    """
    rng, seen = Random(seed), set(used)
    samples = list(islice(task.samples(), MOST_LOOKED_AT))
    rng.shuffle(samples)
    samples.sort(key=lambda sample: sample.id in seen)
    made = (change(sample, rng) for sample in samples)
    return list(islice((pair for pair in made if pair is not None), n))


def selected(
    task: Task, has: Callable[[Sample], bool], n: int, *, seed: int, used: Iterable[str], alike: Sequence[str] = ()
) -> list[Pair]:
    """Fresh samples that have a property, each beside one that has not and is otherwise as near as can be.

    Args:
        task: where the samples come from.
        has: the property.
        n: pairs at most.
        seed: of the draw.
        used: ids of samples that have been seen; they are never taken.
        alike: metadata keys that both of a pair must share; among those the control nearest in length is taken.
    """
    rng, seen = Random(seed), set(used)
    fresh = [sample for sample in islice(task.samples(), MOST_LOOKED_AT) if sample.id not in seen]
    rng.shuffle(fresh)
    controls: dict[tuple[str, ...], list[Sample]] = {}
    for sample in fresh:
        if not has(sample):
            controls.setdefault(_kind(sample.metadata, alike), []).append(sample)
    pairs: list[Pair] = []
    for sample in fresh:
        near = controls.get(_kind(sample.metadata, alike)) if has(sample) else None
        if near and len(pairs) < n:
            best = min(near, key=lambda other: abs(_length(other) - _length(sample)))
            near.remove(best)
            pairs.append(Pair(sample, best))
    return pairs


def generated(
    kind: Literal["twin", "difficulty"], n: int, *, seed: int, families: tuple[str, ...] = ()
) -> tuple[Task, list[Pair]]:
    """Made-up rules that nobody has seen: in other words (``twin``), or at difficulty 5 beside 1."""
    from assay.benchmarks.korgen.task import korgen

    sides = ({"twin": True}, {"twin": False}) if kind == "twin" else ({"difficulty": 5}, {"difficulty": 1})
    treated, control = (korgen(families=families, n=n, seed=seed, **side) for side in sides)
    return control, [Pair(*both) for both in zip(treated.samples(), control.samples(), strict=True)]


def _of_last(sample: Sample, edit: Callable[[str], str]) -> Pair | None:
    """The sample with its last message edited, beside itself; ``None`` where the edit changes nothing."""
    messages = sample.messages
    text = messages[-1].text
    new = edit(text)
    if new == text or not isinstance(messages[-1].content, str):
        return None
    whole: str | tuple[Message, ...] = new
    if not isinstance(sample.input, str):
        whole = (*messages[:-1], replace(messages[-1], content=new))
    return Pair(replace(sample, input=whole), sample)


def _options(text: str) -> list[re.Match[str]] | None:
    """The lines of the one block of lettered options; ``None`` where there is none or more than one."""
    blocks: list[list[re.Match[str]]] = []
    for match in _OPTION.finditer(text):
        at = ord(match[1]) - ord("A")
        if at == 0:
            blocks.append([match])
        elif blocks and at == len(blocks[-1]) and text[blocks[-1][-1].end() : match.start()] == "\n":
            blocks[-1].append(match)
        else:
            return None
    return blocks[0] if len(blocks) == 1 and len(blocks[0]) > 1 else None


def _kind(metadata: Mapping[str, object], alike: Sequence[str]) -> tuple[str, ...]:
    return tuple(str(metadata.get(key)) for key in alike)


def _length(sample: Sample) -> int:
    return sum(len(message.text) for message in sample.messages)


_LONG_NUMBER = re.compile(r"(?<![\w.,])[1-9]\d{3,8}(?!\w|[.,]\d)")
_LETTER = re.compile(r"\(?([A-J])\)?")
_OPTION = re.compile(r"^\s{0,4}\(?([A-J])[).:、]\s{1,4}(\S.*)$", re.MULTILINE)
_FILLER = (
    "The ferry leaves the small harbour twice a day, unless the wind turns.",
    "A gardener in the next street has planted three rows of beans.",
    "Someone repainted the benches by the river in a dull shade of green.",
    "The library keeps its maps in long, flat drawers on the upper floor.",
    "Bread from the corner shop is sold out before the school bell rings.",
    "An old clock in the station hall runs a little slow in winter.",
    "The choir meets in the evening and rehearses with the windows open.",
    "A grey cat sleeps on the wall whenever the sun reaches it.",
)
