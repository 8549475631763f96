"""Which items people should label, where a judge has been over all of them; and the mean that then follows.

Item i is drawn for labelling with probability π_i, larger where the judge is unsure, and the mean over all N is

    θ = mean(λ f_i + (Y_i - λ f_i) ξ_i / π_i),   ξ_i = 1 where i was labelled

(Zrnic and Candès, "Active statistical inference", arXiv 2403.03208). It is unbiased whatever the probabilities and the
judge are worth, for E ξ_i = π_i. The invariant: every item can be drawn (a share of the probability is
spread evenly), and a label without the probability that it was drawn with is of no use and refused.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from assay.measure.intervals import Floats, standard_error, t_around
from assay.measure.summaries import Clusters, Summary, no_value

EVEN = 0.2
"""Share of the labels that is drawn evenly, so that 1/π stays bounded by 1/(0.2 n/N)."""
_CROSS_FIT_BELOW = 100


def label_probabilities(uncertainty: Floats, count: int, *, even: float = EVEN) -> Floats:
    """π_i with Σ π = ``count``: ``even`` spread over all items, the rest in proportion to uncertainty, none above 1.

    The best proportion is the standard deviation of Y - f given what is known of the item; for a judge that gives its
    probability p of being right, √(p(1-p)).

    Args:
        uncertainty: of the judge about each item, not below 0, shape (N,).
        count: labels that can be paid for, at most N.
        even: share of the labels that is drawn evenly.
    """
    items = len(uncertainty)
    if not 0 < count <= items:
        raise ValueError(f"{count} labels cannot be drawn from {items} items")
    total = float(uncertainty.sum())
    shape = np.full(items, 1 / items) if total == 0 else uncertainty / total
    wanted = even / items + (1 - even) * shape
    chosen = np.zeros(items, dtype=bool)  # for sure
    while True:
        left = count - int(chosen.sum())
        scaled = np.where(chosen, 1.0, wanted * left / max(float(wanted[~chosen].sum()), 1e-300))
        over = (scaled >= 1) & ~chosen
        if not over.any() or left == 0:
            return np.asarray(np.where(chosen, 1.0, np.minimum(scaled, 1.0)))
        chosen |= over


def draw(probabilities: Floats, seed: int) -> NDArray[np.int64]:
    """Items drawn with these very probabilities, as many as they sum to (systematic sampling in a random order)."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(probabilities))
    ladder = np.cumsum(probabilities[order])
    count = round(float(ladder[-1]))
    steps = np.searchsorted(ladder, rng.random() + np.arange(count), side="right")
    return np.sort(order[np.minimum(steps, len(order) - 1)]).astype(np.int64)


def active_mean(
    labels: Floats,
    verdicts: Floats,
    drawn: NDArray[np.bool_],
    probabilities: Floats,
    *,
    level: float,
    seed: int,
    clusters: Clusters | None = None,
) -> Summary:
    """The mean label of all items from those that were drawn for labelling.

    λ minimises the variance: the term that it weighs, f (ξ/π - 1), has mean 0, so that any λ is unbiased, and the best
    is the regression of Y ξ/π on it, fitted crosswise on halves where there are fewer than 100 labels.

    Args:
        labels: Y of drawn items, anything elsewhere, shape (N,).
        verdicts: f of all items.
        drawn: ξ.
        probabilities: π of drawn items, above 0 and at most 1, anything elsewhere.
        level: confidence of the interval.
        seed: of the halves.
        clusters: items that share a source.
    """
    items, n = len(verdicts), int(drawn.sum())
    if n < 10:
        return no_value("fewer than ten labels")
    if not ((probabilities[drawn] > 0) & (probabilities[drawn] <= 1)).all():
        raise ValueError("a label was drawn with a probability that is not in (0, 1]")
    inverse = np.zeros(items)
    inverse[drawn] = 1 / probabilities[drawn]
    whole = np.where(drawn, labels, 0.0) * inverse
    swing = verdicts * (inverse - 1)
    weight = np.empty(items)
    halves = [np.arange(items)]
    if n < _CROSS_FIT_BELOW:
        halves = np.array_split(np.random.default_rng(seed).permutation(items), 2)
    for half in halves:
        on = half if len(halves) == 1 else np.setdiff1d(np.arange(items), half)
        weight[half] = _slope(whole[on], swing[on])
    each = whole - weight * swing
    value = float(each.mean())
    influence = (each - value) / items
    se = standard_error(influence, None if clusters is None else clusters.codes)
    units = n if clusters is None else clusters.distinct
    if se == 0:
        return Summary(value, None, None, None, None, "none: no spread")
    over = f"{n} labels" if clusters is None else f"clustered by {clusters.name} ({units})"
    method = f"active labelling, weight {float(weight.mean()):.3f}, t on {over}"
    count = None if clusters is None else units
    return Summary(value, se, *t_around(value, se, units - 1, level), count, method)


def _slope(y: Floats, x: Floats) -> float:
    """Least squares of y on x, clipped to [0, 1]."""
    spread = float(x.var())
    if spread == 0:
        return 0.0
    return float(np.clip(np.cov(y, x, ddof=0)[0, 1] / spread, 0.0, 1.0))
