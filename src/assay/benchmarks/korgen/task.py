"""The benchmark ``korgen``: made-up rules, drawn anew from a seed and proved before they are asked."""

from __future__ import annotations

import hashlib
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import msgspec

from assay.benchmarks.korgen.family import DIFFICULTIES, VERSION, Family
from assay.benchmarks.korgen.score import score
from assay.benchmarks.korgen.stream import CATEGORIES, FAMILIES, cells, stream
from assay.benchmarks.korgen.words import PLACES
from assay.benchmarks.registry import benchmark
from assay.errors import UsageError
from assay.protocols import single_question
from assay.records import DatasetInfo, Metric
from assay.task import Task

MAX_SHOTS = 8


@benchmark("korgen", summary="Made-up rules with fresh questions: reasoning that no prior knowledge can replace.")
def korgen(
    data: Path | None = None,
    subset: str | None = None,
    families: tuple[str, ...] = (),
    n: int = 225,
    seed: int = 0,
    difficulty: int | None = None,
    shots: int = 0,
    twin: bool = False,
) -> Task:
    """Build the task.

    Args:
        data: Not used: the samples are generated.
        subset: One category only: operation, logic, cipher, puzzle, counterfactual, planning, tracking, tabular or
            strings.
        families: These families of rules only; all by default.
        n: How many samples.
        seed: Another seed gives other samples.
        difficulty: 1 (easy) to 5 (hard); by default all by turns.
        shots: Solved examples before each question, at most 8.
        twin: Ask the twin of each sample instead: the same structure in other words, with other names.

    Raises ``UsageError`` for names and numbers that do not exist.
    """
    chosen = _chosen(subset, families)
    _check(n, difficulty, shots, len(cells(chosen, difficulty)))
    params: dict[str, Any] = {
        "subset": subset,
        "families": list(families),
        "n": n,
        "seed": seed,
        "difficulty": difficulty,
        "shots": shots,
        "twin": twin,
    }
    digest = hashlib.sha256(msgspec.json.encode([VERSION, params], order="sorted")).hexdigest()
    return Task(
        name="korgen" if subset is None else f"korgen/{subset}",
        version=VERSION,
        samples=lambda: stream(chosen, n, seed, difficulty, shots, twin=twin),
        protocol=single_question,
        scorers={"robust": score},
        mode="robust",
        metrics=_metrics(chosen),
        dataset=DatasetInfo(
            "korgen generator", digest, notes=("every item was solved a second way before it was asked",)
        ),
        params=params,
        size=n,
    )


def _chosen(subset: str | None, names: tuple[str, ...]) -> list[Family]:
    if subset is not None and subset not in CATEGORIES:
        raise UsageError(f"korgen: no category {subset!r}; there are: {', '.join(CATEGORIES)}")
    for name in names:
        if name not in FAMILIES:
            near = get_close_matches(name, FAMILIES, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(FAMILIES)}"
            raise UsageError(f"korgen: no family {name!r}: {hint}")
    chosen = [
        family
        for name, family in FAMILIES.items()
        if (not names or name in names) and subset in (None, family.category)
    ]
    if not chosen:
        raise UsageError(f"korgen: none of the families {', '.join(names)} is in the category {subset!r}")
    return chosen


def _check(n: int, difficulty: int | None, shots: int, turns: int) -> None:
    if not 1 <= n <= PLACES * turns:
        raise UsageError(f"korgen: n={n} will not do: from 1 to {PLACES * turns} samples")
    if difficulty is not None and difficulty not in DIFFICULTIES:
        raise UsageError(f"korgen: difficulty={difficulty} will not do: from 1 to {DIFFICULTIES[-1]}")
    if not 0 <= shots <= MAX_SHOTS:
        raise UsageError(f"korgen: shots={shots} will not do: from 0 to {MAX_SHOTS}")


def _metrics(families: list[Family]) -> tuple[Metric, ...]:
    metrics = [
        Metric("accuracy"),
        Metric("accuracy by category", by="category"),
        Metric("accuracy by difficulty", by="difficulty"),
        Metric("accuracy by family", by="family"),
    ]
    if any(family.category == "counterfactual" for family in families):
        where = {"category": "counterfactual"}
        metrics.append(Metric("real-life rate", value="real_life", where=where, better="lower"))
    return tuple(metrics)
