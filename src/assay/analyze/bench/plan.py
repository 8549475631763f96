"""The bench as a whole: which parts there are, what each needs, and what was left out for want of data.

The invariant: a part that could not run leaves a note; nothing is left out in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from msgspec import Struct

from assay.analyze.bench import behaviours, guessing, known, nulls, recovery, stability, stored
from assay.analyze.bench.cells import Advance, Cell, Sizes
from assay.analyze.bench.worlds import World, generated, worlds

PARTS = (recovery.PART, nulls.PART, behaviours.PART, known.PART, stability.PART, guessing.PART)
_CORPUS = 900
"""Questions of the planted world of the parts on stability and guessing, at most."""

Display = Callable[[str, int], AbstractContextManager[Advance]]


class BenchReport(Struct, frozen=True):
    """Every figure, what made it, and what is missing."""

    seed: int
    alpha: float
    sizes: dict[str, int]
    worlds: dict[str, int]
    """Questions of each world."""
    cells: tuple[Cell, ...]
    notes: tuple[str, ...]


def run(
    parts: Sequence[str], data: Path | None, sizes: Sizes, *, seed: int, alpha: float, display: Display
) -> BenchReport:
    """Run parts of the bench.

    Args:
        parts: of ``PARTS``.
        data: a folder with the folders ``korbench`` and ``mmlu_pro``, or some of them; ``None``: generated sets alone.
        sizes: how much is simulated.
        seed: of everything that is drawn.
        alpha: the false discovery rate that the reports hold.
        display: makes a progress display for a part of so many steps.
    """
    notes = []
    every = worlds(data, sizes.cases, seed) if recovery.PART in parts else []
    planted = {stability.PART, guessing.PART} & set(parts)
    small = generated(min(_CORPUS, sizes.cases), seed) if planted else None
    if len(every) == 1:
        notes.append("weaknesses: generated questions alone, no korbench or mmlu_pro folder was given with --data")
    real = data is not None and stored.there(data)
    if not real and {known.PART, stability.PART, guessing.PART} & set(parts):
        notes.append("no stored responses (korbench/responses.parquet): no contrasts, the rest on simulated models")
    cells: list[Cell] = []
    for part in parts:
        cells += _part(part, every, small, data if real else None, sizes, seed, alpha, display)
    counted = {world.name: world.size for world in every}
    return BenchReport(seed, alpha, sizes._asdict(), counted, tuple(cells), tuple(notes))


def _part(
    part: str,
    every: Sequence[World],
    small: World | None,
    data: Path | None,
    sizes: Sizes,
    seed: int,
    alpha: float,
    display: Display,
) -> list[Cell]:
    if part == recovery.PART:
        with display(part, recovery.steps(every, sizes)) as advance:
            return recovery.run(every, sizes, seed=seed, alpha=alpha, advance=advance)
    if part == nulls.PART:
        with display(part, nulls.steps(sizes)) as advance:
            return nulls.run(sizes, seed=seed, alpha=alpha, advance=advance)
    if part == behaviours.PART:
        with display(part, behaviours.steps(sizes)) as advance:
            return behaviours.run(sizes, seed=seed, alpha=alpha, advance=advance)
    if part == known.PART:
        if data is None:
            return []
        with display(part, known.steps(data, sizes)) as advance:
            return known.run(data, sizes, seed=seed, alpha=alpha, advance=advance)
    assert small is not None
    if part == stability.PART:
        with display(part, stability.steps(data, sizes)) as advance:
            return stability.run(small, data, sizes, seed=seed, alpha=alpha, advance=advance)
    with display(part, guessing.steps(data, sizes)) as advance:
        return guessing.run(small, data, sizes, seed=seed, alpha=alpha, advance=advance)
