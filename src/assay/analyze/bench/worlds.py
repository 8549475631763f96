"""Questions without answers: what simulated results are about, and the case records that results make of them.

A world is a benchmark's questions with their tags, topics and halves. Results are laid over it as columns. The
invariant: tags, topics and halves do not depend on any result.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from assay.analyze.cases import LONGEST_TAG, excerpt, with_halves
from assay.analyze.claims import ClaimUnresolvable, Selection, mask
from assay.analyze.topics import with_topics
from assay.benchmarks.registry import load_task
from assay.errors import DatasetNotFound
from assay.measure.intervals import Floats
from assay.records import Sample

if TYPE_CHECKING:
    import polars as pl

MODEL, RIVAL = "simulated/model", "simulated/rival"
GENERATED = "korgen"
STORED = ("korbench", "mmlu_pro")
"""Benchmarks whose questions are read from a folder of that name."""
_TEXTS = frozenset(("question", "rule", "title", "trick", "needle"))
Members = NDArray[np.bool_]


class World(NamedTuple):
    """The questions of one benchmark."""

    name: str
    samples: pl.DataFrame
    """One row a question, with everything but results."""

    @property
    def size(self) -> int:
        """How many questions there are."""
        return self.samples.height

    def members(self, where: Selection) -> Members:
        """Which questions a selection picks; none where it speaks of something that questions do not have."""
        inside = np.ones(self.size, dtype=bool)
        try:
            for condition in where:
                inside &= mask(self.samples, condition).to_numpy()
        except ClaimUnresolvable:
            return np.zeros(self.size, dtype=bool)
        return inside


def generated(n: int, seed: int = 0) -> World:
    """Questions of the generated benchmark: there are always some, with no data at all."""
    task = load_task(GENERATED, params={"n": n, "seed": seed})
    return World(GENERATED, _table(GENERATED, task.samples(), None, n, seed))


def stored(name: str, data: Path, most: int, seed: int = 0) -> World | None:
    """Questions of a benchmark in ``data/NAME``, ``most`` of them drawn; ``None`` where that is no such folder."""
    if not (data / name).is_dir():
        return None
    try:
        task = load_task(name, data=data / name)
        return World(name, _table(name, task.samples(), task.cluster, most, seed))
    except DatasetNotFound:
        return None


def worlds(data: Path | None, most: int, seed: int = 0) -> list[World]:
    """Every world that there is."""
    found = [generated(most, seed)]
    if data is not None:
        found += [world for name in STORED if (world := stored(name, data, most, seed)) is not None]
    return found


def _table(name: str, samples: Iterable[Sample], cluster: str | None, most: int, seed: int) -> pl.DataFrame:
    import polars as pl

    every = list(samples)
    if len(every) > most:
        chosen = np.sort(np.random.default_rng(seed).choice(len(every), most, replace=False))
        every = [every[i] for i in chosen]
    prompts = ["\n\n".join(message.text for message in sample.messages) for sample in every]
    keys = dict.fromkeys(key for sample in every for key in sample.metadata if key not in _TEXTS)
    columns: dict[str, Sequence[Any]] = {
        "task": [name] * len(every),
        "sample_id": [sample.id for sample in every],
        "epoch": [1] * len(every),
        "cluster": [None if cluster is None else str(sample.metadata.get(cluster)) for sample in every],
        "prompt": [excerpt(prompt) for prompt in prompts],
        "prompt_words": [len(prompt.split()) for prompt in prompts],
        "prompt_lines": [prompt.count("\n") + 1 for prompt in prompts],
    }
    for key in keys:
        values = [sample.metadata.get(key) for sample in every]
        texts = [value if isinstance(value, str) and len(value) <= LONGEST_TAG else None for value in values]
        if 2 <= len(set(texts) - {None}) <= len(every) // 4:
            columns[f"tag:{key}"] = texts
    table = pl.DataFrame(columns).with_columns(pl.col("cluster").cast(pl.String))
    return with_topics(with_halves(table, seed), seed)


def case_records(world: World, results: Mapping[str, Mapping[str, Sequence[Any] | Floats]]) -> pl.DataFrame:
    """The case records of simulated models.

    Args:
        world: the questions.
        results: for each model its columns, one value a question; ``score`` is required.
    """
    import polars as pl

    frames = []
    for number, (model, columns) in enumerate(results.items()):
        frame = world.samples.with_columns([pl.Series(name, values) for name, values in columns.items()])
        frames.append(
            frame.with_columns(
                pl.format("{}:{}", pl.lit(number), "sample_id").alias("case"),
                pl.lit(model).alias("model"),
                (pl.col("score") >= 0.5).alias("right"),
                pl.lit("").alias("output"),
            )
        )
    return pl.concat(frames)


def drawn(p: Floats, rng: np.random.Generator) -> Floats:
    """Scores of 0 and 1 with the given probabilities."""
    return (rng.random(len(p)) < p).astype(np.float64)


def jaccard(a: Members, b: Members) -> float:
    """Size of the intersection as a share of the union; 0 where both are empty."""
    union = int((a | b).sum())
    return int((a & b).sum()) / union if union else 0.0
