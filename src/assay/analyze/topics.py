"""Topics of the questions as columns of the case records, so that findings can name them as conditions.

Prompts are clustered by their words at three grains; each cluster is a value of ``topic:coarse``,
``topic:medium`` or ``topic:fine``, named by the words that set it apart. Scores play no part, so both halves may
be clustered together. The invariant: a sample has the same topics for every model, and two topics of one grain
have two names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from assay.analyze.embedding import Terms, characteristic, embed, k_means, terms_of
from assay.analyze.failures import with_near_misses
from assay.analyze.pool import harmless

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

GRAINS = (("coarse", 100, 12), ("medium", 40, 40), ("fine", 15, 150))
"""Name, samples a cluster on average, and clusters at most."""
FEWEST_PROMPTS = 60


def prepared(cases: pl.DataFrame, seed: int = 0) -> pl.DataFrame:
    """The case records with everything that the statistician can use: topics, and labels that code alone decides."""
    return with_topics(with_near_misses(cases), seed)


def with_topics(cases: pl.DataFrame, seed: int = 0) -> pl.DataFrame:
    """The case records with topic columns; as they are where the prompts are too few or all alike."""
    import polars as pl

    cases = cases.drop([name for name in cases.columns if name.startswith("topic:")])
    if "prompt" not in cases.columns:
        return cases
    samples = cases.select("task", "sample_id", pl.col("prompt").fill_null("")).unique(
        ["task", "sample_id"], keep="first", maintain_order=True
    )
    prompts = samples["prompt"].to_list()
    if len(set(prompts)) < FEWEST_PROMPTS:
        return cases
    points, terms = embed(prompts, seed=seed), terms_of(prompts)
    columns = []
    for name, size, most in GRAINS:
        k = min(most, len(prompts) // size)
        if k >= 2:
            clusters = k_means(points, k, seed)
            columns.append(pl.Series(f"topic:{name}", _names(clusters, terms)))
    topics = samples.select("task", "sample_id").with_columns(columns)
    return cases.join(topics, on=["task", "sample_id"], how="left", maintain_order="left")


def _names(clusters: NDArray[np.int64], terms: Terms) -> list[str]:
    """For each document its cluster's name: as many words as make it unlike every other."""
    taken: dict[int, str] = {}
    for cluster in np.unique(clusters).tolist():
        words = characteristic(terms, np.flatnonzero(clusters == cluster), 12)
        words = [word for word in words if harmless(word)][:9] or ["words of no kind"]
        names = [" / ".join(words[:n]) for n in range(min(3, len(words)), len(words) + 1)]
        names += [f"{names[-1]} ({letter})" for letter in map(_letters, range(len(taken) + 1))]
        taken[cluster] = next(name for name in names if name not in taken.values())
    return [taken[cluster] for cluster in clusters.tolist()]


def _letters(at: int) -> str:
    return chr(ord("a") + at % 26) * (1 + at // 26)
