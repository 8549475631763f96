"""(c) Planted behaviours: which habits of what strength does a report tell, and what does it tell besides?

Each plant changes a table of simulated replies in one respect. It is detected where a published finding compares
one of the columns that it changes, on the questions that it concerns; a published difference of any other column is
a false alarm, and at strength 0 so is one of these. The invariant: whatever is not planted is drawn alike for all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from assay.analyze.bench.cells import Advance, Cell, Key, Sizes, share_cell
from assay.analyze.bench.nulls import replies
from assay.analyze.bench.reports import column, report, sides, tested
from assay.analyze.bench.worlds import MODEL, Members, World, case_records, drawn, generated, jaccard
from assay.analyze.findings import Finding
from assay.measure.intervals import Floats

PART = "behaviours"
Column = NDArray[Any]
QUESTIONS = 700
LETTERS = np.array(list("ABCD"))
SAME = 0.5
"""Overlap (Jaccard) from which a finding's questions are the planted ones ..."""
INSIDE, SEEN = 0.8, 0.25
"""... and so they are where this share of them is planted, and they are this share of what is planted."""
SOLVED = 0.65


class Table(NamedTuple):
    """Simulated results, with what was planted in them."""

    world: World
    columns: dict[str, Column]
    where: Members | None
    """The questions that the behaviour concerns; ``None``: it goes with outcomes or answers."""


class Plant(NamedTuple):
    """A behaviour that can be planted."""

    name: str
    strengths: tuple[float, ...]
    means: str
    """What a strength is."""
    columns: frozenset[str]
    """What it changes."""
    put: Callable[[Table, float, np.random.Generator], Table]


def steps(sizes: Sizes) -> int:
    """How often ``advance`` will be called."""
    return sizes.repeats * sum(len(plant.strengths) for plant in PLANTS)


def run(sizes: Sizes, *, seed: int, alpha: float, advance: Advance) -> list[Cell]:
    """Detection and false-alarm rates of each behaviour at each strength."""
    world = generated(min(QUESTIONS, sizes.cases), seed)
    cells = []
    for plant in PLANTS:
        for strength in plant.strengths:
            hits = others = 0
            for at in range(sizes.repeats):
                hit, other = once(world, plant, strength, seed + at, alpha)
                hits += hit
                others += other
                advance()
            key = Key(PART, world.name, f"{plant.name}, {plant.means} {strength:g}", "statistician")
            if strength:
                cells.append(share_cell(key, "detected", hits, sizes.repeats, "tables"))
            cells.append(share_cell(key, "with a false alarm", others, sizes.repeats, "tables"))
    return cells


def once(world: World, plant: Plant, strength: float, seed: int, alpha: float = 0.05) -> tuple[bool, bool]:
    """Whether a report on one table tells what is planted, and whether it tells something that is not there."""
    from assay.analyze.cases import with_halves

    rng = np.random.default_rng([seed, PLANTS.index(plant), round(1000 * strength), 19])
    world = world._replace(samples=with_halves(world.samples, seed))
    table = plant.put(_plain(world, rng), strength, rng)
    cases = case_records(table.world, {MODEL: table.columns})
    found = tested(report(cases, MODEL, seed=seed, alpha=alpha))
    if strength == 0:
        return False, bool(found)
    own = [finding for finding in found if column(finding) in plant.columns]
    return any(_about(finding, table) for finding in own), len(own) < len(found)


def _about(finding: Finding, table: Table) -> bool:
    """Whether a finding concerns the planted questions or, for habits of outcomes, what it should compare."""
    if table.where is None:
        return bool(sides(finding)[0].where)
    if not finding.selection:
        return False
    inside = table.world.members(finding.selection)
    if not inside.any():
        return False
    within = table.where[inside].mean() >= INSIDE and inside[table.where].mean() >= SEEN
    return bool(within) or jaccard(inside, table.where) >= SAME


def _plain(world: World, rng: np.random.Generator) -> Table:
    """Replies with no habit: letters for answers, wrong ones evenly over the other options."""
    n = world.size
    score = drawn(np.full(n, SOLVED), rng)
    target = LETTERS[rng.integers(len(LETTERS), size=n)]
    columns = {
        "score": score,
        **replies(n, rng),
        "format_ok": np.ones(n, dtype=bool),
        "language_mismatch": rng.random(n) < 0.01,
        "target": target,
        "answer": _answers(score, target, rng),
    }
    return Table(world, columns, None)


def _answers(score: Floats, target: Column, rng: np.random.Generator) -> Column:
    at = np.searchsorted(LETTERS, target)
    other = LETTERS[(at + rng.integers(1, len(LETTERS), size=len(at))) % len(LETTERS)]
    return np.where(score >= 0.5, target, other)


def _scored(table: Table, score: Floats, rng: np.random.Generator) -> dict[str, Column]:
    return table.columns | {"score": score, "answer": _answers(score, table.columns["target"], rng)}


def _verbose(table: Table, strength: float, rng: np.random.Generator) -> Table:
    """Replies longer by that share where wrong."""
    longer = np.where(table.columns["score"] < 0.5, 1 + strength, 1.0)
    return table._replace(columns=table.columns | {"output_words": np.round(table.columns["output_words"] * longer)})


def _switching(table: Table, strength: float, rng: np.random.Generator) -> Table:
    """Another language than the question's on one value of a tag, with that probability."""
    labels = table.world.samples["tag:category"].to_numpy()
    values = np.unique(labels)
    where: Members = labels == values[int(rng.integers(len(values)))]
    mixed = table.columns["language_mismatch"] | (where & (rng.random(len(where)) < strength))
    return table._replace(columns=table.columns | {"language_mismatch": mixed}, where=where)


def _long(table: Table, share: float) -> Members:
    words = table.world.samples["prompt_words"].to_numpy()
    long: Members = words > np.quantile(words, 1 - share)
    return long


def _broken(table: Table, strength: float, rng: np.random.Generator) -> Table:
    """No answer in the longest fifth of the questions, with that probability, and then no point."""
    where = _long(table, 0.2)
    broken = (rng.random(len(where)) < np.where(where, strength, 0.0)) | (rng.random(len(where)) < 0.01)
    columns = _scored(table, np.where(broken, 0.0, table.columns["score"]), rng)
    columns["format_ok"] = ~broken
    columns["answer"] = np.where(broken, "", columns["answer"])
    return table._replace(columns=columns, where=where)


def _guessing(table: Table, strength: float, rng: np.random.Generator) -> Table:
    """Short replies that are right one time in four, on the longest fifth of the questions, with that probability."""
    where = _long(table, 0.2)
    guessed = where & (rng.random(len(where)) < strength)
    luck = drawn(np.full(len(where), 1 / len(LETTERS)), rng)
    columns = _scored(table, np.where(guessed, luck, table.columns["score"]), rng)
    columns["output_words"] = np.round(columns["output_words"] * np.where(guessed, 0.5, 1.0))
    return table._replace(columns=columns, where=where)


def _position(table: Table, strength: float, rng: np.random.Generator) -> Table:
    """Option A where the answer is wrong and A is not right, with that probability."""
    columns = table.columns
    biased = (columns["score"] < 0.5) & (columns["target"] != "A") & (rng.random(table.world.size) < strength)
    return table._replace(columns=columns | {"answer": np.where(biased, "A", columns["answer"])})


PLANTS = (
    Plant("verbose when wrong", (0.0, 0.1, 0.25, 0.5), "longer by", frozenset({"output_words"}), _verbose),
    Plant("switches language on a tag", (0.0, 0.1, 0.2, 0.4), "share", frozenset({"language_mismatch"}), _switching),
    Plant("breaks format when long", (0.0, 0.1, 0.2, 0.4), "share", frozenset({"format_ok", "score"}), _broken),
    Plant("guesses when long", (0.0, 0.25, 0.5, 1.0), "share", frozenset({"output_words", "score"}), _guessing),
    Plant("prefers option A", (0.0, 0.15, 0.3, 0.6), "share", frozenset({"answer"}), _position),
)
