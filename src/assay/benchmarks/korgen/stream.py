"""The stream of samples: all families and difficulties by turns, as many as are asked for, none twice.

Samples are made one at a time, when they are asked for. The beginning of a long stream is the short
stream, and every prefix is balanced: each round goes through all families, each at another difficulty
than in the round before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

from assay.benchmarks.korgen import (
    cipher,
    cipher_deal,
    counterfactual,
    counterfactual_calendar,
    logic,
    logic_statutes,
    operation,
    operation_rows,
    planning,
    planning_stacks,
    puzzle,
    puzzle_lamps,
    strings,
    tabular,
    tabular_carpet,
    tracking,
    tracking_boxes,
)
from assay.benchmarks.korgen.family import DIFFICULTIES, Family, Item, draw
from assay.benchmarks.korgen.prompts import prompt
from assay.benchmarks.korgen.twins import draw_twin
from assay.records import Sample

CATEGORIES = {
    "operation": (*operation.FAMILIES, *operation_rows.FAMILIES),
    "logic": (*logic.FAMILIES, *logic_statutes.FAMILIES),
    "cipher": (*cipher.FAMILIES, *cipher_deal.FAMILIES),
    "puzzle": (*puzzle.FAMILIES, *puzzle_lamps.FAMILIES),
    "counterfactual": (*counterfactual.FAMILIES, *counterfactual_calendar.FAMILIES),
    "planning": (*planning.FAMILIES, *planning_stacks.FAMILIES),
    "tracking": (*tracking.FAMILIES, *tracking_boxes.FAMILIES),
    "tabular": (*tabular.FAMILIES, *tabular_carpet.FAMILIES),
    "strings": strings.FAMILIES,
}

FAMILIES: dict[str, Family] = {family.name: family for row in zip(*CATEGORIES.values(), strict=True) for family in row}
"""All families by name, the categories by turns."""


def cells(families: Sequence[Family], difficulty: int | None) -> list[tuple[Family, int]]:
    """The order in which families and difficulties take turns."""
    if difficulty is not None:
        return [(family, difficulty) for family in families]
    many = len(DIFFICULTIES)
    return [
        (family, DIFFICULTIES[(at + at // many + turn) % many])
        for turn in range(many)
        for at, family in enumerate(families)
    ]


def stream(
    families: Sequence[Family], n: int, seed: int, difficulty: int | None, shots: int, *, twin: bool = False
) -> Iterator[Sample]:
    """The first ``n`` samples, or their twins, lazily. Raises ``ItemUnproved`` where a generator has a bug."""
    drawn = draw_twin if twin else draw

    @cache
    def examples(name: str, level: int) -> tuple[Item, ...]:
        return tuple(drawn(FAMILIES[name], level, seed, index, shot=True) for index in range(shots))

    order = cells(families, difficulty)
    for number in range(n):
        index, cell = divmod(number, len(order))
        family, level = order[cell]
        item = drawn(family, level, seed, index)
        yield sample_of(family, level, seed, index, item, examples(family.name, level), twin=twin)


def sample_of(
    family: Family,
    difficulty: int,
    seed: int,
    index: int,
    item: Item,
    examples: Sequence[Item] = (),
    *,
    twin: bool = False,
) -> Sample:
    """An item, or the twin of one, as a sample, its prompt written out."""
    options = tuple(line[3:] for line in item.question.split("\n")[1:]) if family.kind == "letter" else ()
    original = f"korgen/{family.category}/{family.name}/d{difficulty}/s{seed}/{index}"
    metadata = {
        "category": family.category,
        "family": family.name,
        "difficulty": str(difficulty),
        "title": family.title,
        "rule": item.rule,
        "kind": family.kind,
        "question": item.question.partition("\n")[0] if options else item.question,
        "steps": item.steps,
        **family.levels[difficulty - 1],
        **item.facts,
        **({"twin_of": original} if twin else {}),
    }
    return Sample(
        id=f"{original}/twin" if twin else original,
        input=prompt(item, family.kind, examples, twin=twin),
        target=item.answer,
        choices=options,
        metadata=metadata,
    )
