"""The capability profile: the tree over a model's samples with exact intervals, and what stands out of it.

It describes; it is no finding. Findings are tested on the half that they were not found on, while the tree has
every sample, so that a reader sees where the score comes from. The invariant: the profile is plain data, fit
for JSON, with a count beside each rate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assay.analyze.claims import select
from assay.analyze.subgroups import samples_of, unit_interval
from assay.analyze.tree import LEVEL, Node, extract, grow, taxonomy

if TYPE_CHECKING:
    import polars as pl

MOST_LISTED = 20


def capability_profile(cases: pl.DataFrame, model: str) -> dict[str, Any]:
    """The tree of one model's samples, and the nodes that lie below or above its overall rate.

    Scores outside [0, 1] are brought there by their range, as the intervals need; ``scaled`` says so. Empty
    where the model has no scored case. Raises ``ClaimUnresolvable`` for an unknown model.
    """
    import polars as pl

    samples = samples_of(select(cases, (), model))
    if samples.height == 0 or "prompt" not in samples.columns:
        return {}
    scores = samples["score"].cast(pl.Float64).to_numpy()
    rates = unit_interval(scores)
    samples = samples.with_columns(pl.Series("score", rates))
    tags = taxonomy(samples)
    tree = grow(samples, tags)
    overall = tree.successes / tree.n
    return {
        "model": model,
        "level": LEVEL,
        "overall": overall,
        "scaled": bool(rates is not scores),
        "taxonomy": tags,
        "tree": _plain(tree),
        "weaknesses": [_plain(node, deep=False) for node in extract(tree, overall, "weak")[:MOST_LISTED]],
        "strengths": [_plain(node, deep=False) for node in extract(tree, overall, "strong")[:MOST_LISTED]],
    }


def _plain(node: Node, *, deep: bool = True) -> dict[str, Any]:
    interval = node.interval()
    found: dict[str, Any] = {
        "name": node.name,
        "by": node.by,
        "n": node.n,
        "rate": node.successes / node.n,
        "lower": None if interval is None else interval[0],
        "upper": None if interval is None else interval[1],
    }
    if deep and node.children:
        found["children"] = [_plain(child) for child in node.children]
    return found
