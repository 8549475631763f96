"""The capability tree: questions on related things under one node, with how well each node is solved.

Built as in EvalTree (arXiv 2503.08893), with our own embedding in place of a language model's: k-means for
k = 2 ... 10, the k with the best cosine silhouette, and again within each cluster. Where a task declares a
taxonomy its tags come first, coarse before fine, and text clusters grow below them. A node is a weakness (a
strength) when the exact interval of its success rate lies below (above) a threshold, and it is extracted only
if all its children with enough samples are too; else the walk goes down. The invariant: every sample is in
exactly one leaf, and a node's counts are those of its children together.

Source of the interval: Clopper and Pearson (1934).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from assay.analyze.embedding import Terms, characteristic, embed, k_means, terms_of, unit
from assay.measure.intervals import Floats, clopper_pearson

if TYPE_CHECKING:
    import polars as pl

LEVEL = 0.95
MOST_CLUSTERS = 10
FEWEST_FOR_INTERVAL = 5
FEWEST_CHILD = 20
"""Samples from which a child has a say in whether its parent is extracted."""
SEED = 42
_SILHOUETTE_SAMPLES = 1_000
_PURE = 0.9
"""Share of a cluster's samples with one tag value from which it is named by it."""


class Node(Struct, frozen=True, omit_defaults=True):
    """Samples that belong together, and how many of them are solved."""

    name: str
    rows: tuple[int, ...]
    """Positions of its samples."""
    successes: float = 0.0
    children: tuple[Node, ...] = ()
    by: str = "text"
    """What told it apart: ``tag:KEY`` or ``text``."""

    @property
    def n(self) -> int:
        """How many samples."""
        return len(self.rows)

    def interval(self, level: float = LEVEL) -> tuple[float, float] | None:
        """Exact interval of the success rate; ``None`` for fewer than five samples."""
        if self.n < FEWEST_FOR_INTERVAL:
            return None
        return clopper_pearson(self.successes, self.n, level)

    def walk(self) -> Iterator[Node]:
        """This node and all below it, parents first."""
        yield self
        for child in self.children:
            yield from child.walk()


def grow(
    samples: pl.DataFrame, tags: Sequence[str] = (), *, least: int = 2 * FEWEST_CHILD, depth: int = 6, seed: int = SEED
) -> Node:
    """The capability tree of samples, one row each, with columns ``prompt`` and ``score``.

    Args:
        samples: of one model.
        tags: columns of the declared taxonomy, coarse before fine; see ``taxonomy``.
        least: a node of fewer samples is not divided.
        depth: of the tree at most.
        seed: of k-means.
    """
    prompts = [prompt or "" for prompt in samples["prompt"].to_list()]
    points, terms = embed(prompts, seed=seed), terms_of(prompts)
    scores = samples["score"].cast(float).to_numpy()
    values = {tag: samples[tag].to_list() for tag in tags}

    def node(name: str, rows: NDArray[np.int64], left: Sequence[str], deep: int, by: str) -> Node:
        parts: list[tuple[str, NDArray[np.int64], str]] = []
        while left and not parts and deep > 0:
            parts = _by_tag(values[left[0]], rows, left[0])
            left = left[1:]
        if not parts and deep > 0 and len(rows) >= least:
            clusters = divide(points[rows], seed)
            groups = [rows[clusters == c] for c in np.unique(clusters)] if clusters is not None else []
            parts = [(name_of(group, values, terms), group, "text") for group in groups]
        children = tuple(node(label, group, left, deep - 1, how) for label, group, how in parts)
        return Node(name, tuple(rows.tolist()), float(scores[rows].sum()), children, by)

    return node("all", np.arange(len(prompts)), list(tags), depth, "text")


def _by_tag(
    values: Sequence[str | None], rows: NDArray[np.int64], tag: str
) -> list[tuple[str, NDArray[np.int64], str]]:
    """Rows by their value of a tag, those without one together; nothing where it does not divide them."""
    found: dict[str, list[int]] = {}
    for row in rows.tolist():
        found.setdefault(str(values[row]) if values[row] is not None else "", []).append(row)
    if len(found) < 2 or len(found) > len(rows) / 2:
        return []
    key = tag.partition(":")[2] or tag
    return [(name or f"no {key}", np.array(found[name]), tag) for name in sorted(found)]


def taxonomy(samples: pl.DataFrame) -> list[str]:
    """The tags that form a tree over all samples, coarse before fine: each value lies within one of the coarser."""
    import polars as pl

    tags = [c for c in samples.columns if c.startswith("tag:") and samples[c].null_count() == 0]
    if samples["task"].n_unique() > 1:
        tags.append("task")
    tags = [c for c in tags if 2 <= samples[c].n_unique() <= samples.height / FEWEST_FOR_INTERVAL]
    chosen: list[str] = []
    for tag in sorted(tags, key=lambda c: (samples[c].n_unique(), c)):
        if not chosen or samples.group_by(tag).agg(pl.col(chosen[-1]).n_unique().alias("k"))["k"].max() == 1:
            chosen.append(tag)
    return chosen


def divide(points: Floats, seed: int = SEED) -> NDArray[np.int64] | None:
    """Clusters for the k of 2 ... 10 with the best silhouette, or ``None`` where no division is any good."""
    n = len(points)
    if n <= 2:
        return None
    best: tuple[float, NDArray[np.int64]] | None = None
    for k in range(2, min(MOST_CLUSTERS, n - 1) + 1):
        clusters = k_means(points, k, seed)
        if clusters.max() == 0:
            continue
        value = silhouette(points, clusters, seed)
        if best is None or value > best[0]:
            best = (value, clusters)
    return best[1] if best is not None and best[0] > 0 else None


def silhouette(points: Floats, clusters: NDArray[np.int64], seed: int = SEED) -> float:
    """Mean of (b - a) / max(a, b), a the mean cosine distance to the own cluster, b to the nearest other.

    For unit points the mean distance to a cluster is one less the product with its mean, so that no matrix of
    distances is made; of more than a thousand points a fixed draw stands for all. Alone in a cluster counts 0.
    """
    k = int(clusters.max()) + 1
    points = unit(points)
    sizes = np.bincount(clusters, minlength=k).astype(float)
    sums = np.zeros((k, points.shape[1]))
    np.add.at(sums, clusters, points)
    drawn = np.arange(len(points))
    if len(points) > _SILHOUETTE_SAMPLES:
        drawn = np.sort(np.random.default_rng(seed).choice(len(points), _SILHOUETTE_SAMPLES, replace=False))
    x, own = points[drawn], clusters[drawn]
    products = x @ sums.T
    at = np.arange(len(drawn))
    self_product = (x * x).sum(axis=1)
    alone = sizes[own] < 2
    a = 1 - (products[at, own] - self_product) / np.maximum(sizes[own] - 1, 1)
    others = 1 - products / sizes
    others[at, own] = np.inf
    b = others.min(axis=1)
    top = np.maximum(a, b)
    value = np.where(alone | (top <= 0), 0.0, (b - a) / np.where(top > 0, top, 1))
    return float(value.mean())


def name_of(rows: NDArray[np.int64], values: dict[str, list[str | None]], terms: Terms) -> str:
    """A cluster's name: the finest tag value that nearly all its samples have, else its characteristic words."""
    words = " / ".join(characteristic(terms, rows)) or "other"
    for tag in reversed(list(values)):
        found = [values[tag][row] for row in rows.tolist()]
        common = max(sorted({value for value in found if value is not None}), key=found.count, default=None)
        if common is not None and found.count(common) >= _PURE * len(found):
            return f"{common}: {words}"
    return words


def extract(tree: Node, tau: float, kind: Literal["weak", "strong"] = "weak", *, level: float = LEVEL) -> list[Node]:
    """The nodes whose whole interval lies below (above) ``tau``, as high up in the tree as they can be.

    A node that qualifies is extracted only if all its children with at least 20 samples qualify too, else the
    walk goes on below it; nothing below an extracted node is extracted.
    """

    def qualifies(node: Node) -> bool:
        interval = node.interval(level)
        if interval is None:
            return False
        return interval[1] < tau if kind == "weak" else interval[0] > tau

    def below(node: Node) -> list[Node]:
        heard = [child for child in node.children if child.n >= FEWEST_CHILD]
        if qualifies(node) and all(map(qualifies, heard)):
            return [node]
        return [found for child in node.children for found in below(child)]

    return below(tree)
