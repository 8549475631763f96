r"""From leaves to a suite's scores: weighted means over what was measured, with their standard errors.

A node's score is the mean of its measured leaves, each with the weight :math:`w_i` that it has in the node
(the product of its relative weights on the way up): :math:`s = \sum w_i x_i / \sum w_i`. The invariant: a leaf
that was not measured is in neither sum, so it is never a 0 and nothing stands in for it; ``covered`` says
what share of the node's weight the score is about.

Weights are known and runs are independent, so :math:`se^2 = \sum_r (\sum_{i \in r} w_i se_i)^2 / (\sum w_i)^2`,
where the inner sum is over the leaves that share run r: a benchmark that stands in two places is measured
once, and does not count as two independent measurements. (For two metrics of one run it is an upper bound.)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import sqrt

from msgspec import Struct

from assay.define.coverage import shares
from assay.define.suite import Leaf, Node, Suite
from assay.records import Estimate

Path = tuple[str, ...]


class LeafResult(Struct, frozen=True):
    """What a leaf came to, or why it came to nothing."""

    score: float | None = None
    """In [0, 1], higher is better; ``None`` where it does not count."""
    se: float | None = None
    n: int = 0
    """Attempts in the score's denominator."""
    metric: str | None = None
    run: str | None = None
    """The run that it rests on; leaves with the same run are one measurement."""
    reason: str | None = None
    """Why it does not count."""
    notes: tuple[str, ...] = ()
    """What a reader should know, such as attempts that are still missing."""


class NodeScore(Struct, frozen=True):
    """A node with its score over the weight that was measured."""

    name: str
    weight: float
    """Relative to its siblings."""
    score: float | None
    se: float | None
    """``None`` without a score, or where a measured leaf has none."""
    n: int
    """Attempts that the score rests on, each run counted once."""
    covered: float
    """Share of the node's weight that was measured, in [0, 1]."""
    leaves: int
    measured: int
    plain_mean: float | None
    """Of the measured leaves, without weights."""
    result: LeafResult | None
    """For a leaf."""
    children: tuple[NodeScore, ...]


class _Part(Struct, frozen=True):
    """A leaf's result with its share of the node at hand."""

    share: float
    result: LeafResult


def score_suite(suite: Suite, results: Mapping[Path, LeafResult]) -> NodeScore:
    """Score every node of a suite; leaves without a result were not run."""
    return _scored(suite.root, (), results)[0]


def leaf_result(estimates: Sequence[Estimate], metric: str | None, run: str, notes: tuple[str, ...] = ()) -> LeafResult:
    """The result of a leaf whose run has these estimates; counts only what is a mean in [0, 1], higher better."""
    whole = [estimate for estimate in estimates if estimate.group is None]
    found = next((e for e in whole if metric is None or e.metric == metric), None)
    if found is None:
        names = ", ".join(dict.fromkeys(e.metric for e in whole)) or "none"
        wanted = f"no metric {metric!r}" if metric else "no metric over all samples"
        return LeafResult(run=run, reason=f"{wanted}; the run has: {names}", notes=notes)
    reason = None
    if found.value is None:
        reason = found.method.removeprefix("none: ")
    elif found.kind == "auc" or not 0 <= found.value <= 1:
        reason = f"{found.metric} is {found.value:.4g}, no share: it cannot be averaged with shares"
    elif found.better == "lower":
        reason = f"of {found.metric}, lower is better: it cannot be averaged with scores"
    if reason is not None:
        return LeafResult(n=found.n, metric=found.metric, run=run, reason=reason, notes=notes)
    return LeafResult(found.value, found.se, found.n, found.metric, run, None, notes)


def _scored(node: Node, path: Path, results: Mapping[Path, LeafResult]) -> tuple[NodeScore, list[_Part]]:
    if isinstance(node, Leaf):
        result = results.get(path) or LeafResult(reason="not run")
        children: tuple[NodeScore, ...] = ()
        parts = [_Part(1.0, result)]
    else:
        share = shares(node)
        below = [(_scored(child, (*path, child.name), results), share[child.name]) for child in node.children]
        children = tuple(scored for (scored, _), _ in below)
        parts = [_Part(part.share * own, part.result) for (_, found), own in below for part in found]
        result = None
    score, se = weighted(parts)
    counted = [part for part in parts if part.result.score is not None]
    attempts = {part.result.run or str(number): part.result.n for number, part in enumerate(counted)}
    values = [part.result.score for part in counted if part.result.score is not None]
    covered = sum(part.share for part in counted)
    return NodeScore(
        name=node.name,
        weight=node.weight,
        score=score,
        se=se,
        n=sum(attempts.values()),
        covered=covered if len(counted) < len(parts) else 1.0,  # not 0.9999...
        leaves=len(parts),
        measured=len(counted),
        plain_mean=sum(values) / len(values) if values else None,
        result=result,
        children=children,
    ), parts


def weighted(parts: Sequence[_Part]) -> tuple[float | None, float | None]:
    """The weighted mean of the parts that have a score, and its standard error."""
    total = value = 0.0
    errors: dict[str, float] = defaultdict(float)
    known = True
    for number, part in enumerate(parts):
        if part.result.score is None:
            continue
        total += part.share
        value += part.share * part.result.score
        known = known and part.result.se is not None
        errors[part.result.run or f"\0{number}"] += part.share * (part.result.se or 0.0)
    if total == 0:
        return None, None
    return value / total, sqrt(sum(error**2 for error in errors.values())) / total if known else None
