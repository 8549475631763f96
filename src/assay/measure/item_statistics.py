"""What the scores of many models say of each item: how hard it is, and whether it goes with the rest.

Pure functions over a response matrix (models x items, scores in [0, 1], NaN where not asked). The invariants:
an item is never compared with itself, a missing cell says nothing about item or model, and an item on which all
models score the same (a *dead* one) has no association: NaN, not 0.

Models asked different items are made comparable by taking each score less its item's mean: the rest score of a
model is its mean of these over the other items. Where nothing is missing that is the ordinary rest score less a
constant, so that correlations are the textbook ones.

Sources: item-rest correlation and phi are classical test theory (Lord and Novick, 1968); Loevinger (1948) and
Mokken (1971) for H; signed isotonic R² is sign(φ) φ² for right-or-wrong scores (arXiv 2603.24999).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from assay.measure.intervals import Floats

Mask = NDArray[np.bool_]

_CELLS = 8_000_000
"""Numbers of a block held at a time."""
_NO_SPREAD = 1e-9


class Associations(NamedTuple):
    """How each item goes with all others, (n,) each; NaN for dead items."""

    phi: Floats
    """Mean correlation with the other items."""
    signed_r2: Floats
    """Mean of sign(φ) φ²."""
    loevinger: Floats
    """H_j = Σ_k cov_jk / Σ_k cov_max_jk, the share of the covariance that the difficulties allow; NaN for all items
    unless every score is 0 or 1."""


def difficulty(x: Floats) -> Floats:
    """Mean score of each item over the models that were asked, (n,); NaN where none was."""
    asked = np.isfinite(x)
    counts = asked.sum(axis=0)
    return np.where(counts > 0, np.where(asked, x, 0.0).sum(axis=0) / np.maximum(counts, 1), np.nan)


def dead(x: Floats) -> Mask:
    """Items on which all models asked score the same, (n,): they tell no two models apart."""
    asked = np.isfinite(x)
    low, high = np.where(asked, x, np.inf).min(axis=0), np.where(asked, x, -np.inf).max(axis=0)
    return np.asarray(high - low < _NO_SPREAD)


def rest_scores(x: Floats) -> Floats:
    """(m, n): each model's standing on all items but the one in question, on the scale of scores.

    The mean, over the other items that the model was asked, of its score less the item's mean.
    """
    asked = np.isfinite(x)
    own = np.where(asked, x - difficulty(x), 0.0)
    total, counts = own.sum(axis=1, keepdims=True), asked.sum(axis=1, keepdims=True)
    return np.asarray((total - own) / np.maximum(counts - asked, 1))


def correlations(y: Floats, rest: Floats, asked: Mask) -> Floats:
    """(n,): correlation of ``y`` with ``rest`` (each (m, n)) in each column, over the models asked; NaN if constant."""
    counts = np.maximum(asked.sum(axis=0), 1)
    dy, dr = (np.where(asked, v - np.where(asked, v, 0.0).sum(axis=0) / counts, 0.0) for v in (y, rest))
    spread = np.sqrt((dy * dy).sum(axis=0) * (dr * dr).sum(axis=0))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(spread > _NO_SPREAD, (dy * dr).sum(axis=0) / spread, np.nan)


def item_rest(x: Floats) -> Floats:
    """Correlation of each item with the standing of models on all other items, (n,).

    Below 0, the models that are right are the weaker ones: the mark of a wrong key. With few models it is noisy:
    its standard error is about 1/√(m-1).
    """
    asked = np.isfinite(x)
    means = difficulty(x)
    total = np.where(asked, x - means, 0.0).sum(axis=1, keepdims=True)
    counts = asked.sum(axis=1, keepdims=True)
    out = np.empty(x.shape[1])
    for part in _blocks(*x.shape):
        inside = asked[:, part]
        own = np.where(inside, x[:, part] - means[part], 0.0)
        rest = (total - own) / np.maximum(counts - inside, 1)
        out[part] = correlations(np.nan_to_num(x[:, part]), rest, inside)
    return out


def associations(x: Floats) -> Associations:
    """Mean φ, mean signed R² and Loevinger's H of every item, by one pass over all pairs of items.

    Blocks of φ = ZᵀZ/m are made by matrix products in single precision, so that n items take n²m multiplications
    and never n² numbers of memory. Each pair is taken over the models asked both items (deviations are from the
    means over all models asked the item).
    """
    asked = np.isfinite(x)
    complete = bool(asked.all())
    p, still = difficulty(x), dead(x)
    own = np.where(asked, x - p, 0.0)
    sd = np.sqrt((own * own).sum(axis=0) / np.maximum(asked.sum(axis=0), 1))
    live = np.flatnonzero(~still)
    z = (own[:, live] / sd[live]).astype(np.float32)
    there = asked[:, live].astype(np.float32)
    n, scale = len(live), sd[live].astype(np.float32)
    phi, signed, covariance = (np.empty(n) for _ in range(3))
    for part in _blocks(n, n):
        block = z[:, part].T @ z
        block /= len(x) if complete else np.maximum(there[:, part].T @ there, 1)
        np.clip(block, -1, 1, out=block)
        block[np.arange(part.stop - part.start), np.arange(part.start, part.stop)] = 0
        phi[part] = block.sum(axis=1)
        covariance[part] = (block @ scale) * scale[part]
        signed[part] = np.einsum("jk,jk->j", block, np.abs(block))
    others = max(n - 1, 1)
    binary = bool(np.isin(x[asked], (0.0, 1.0)).all())
    most = _most_covariance(p[live]) if binary else np.full(n, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        return Associations(*(_spread(v, live, len(still)) for v in (phi / others, signed / others, covariance / most)))


def _most_covariance(p: Floats) -> Floats:
    """Σ_k min(p_j, p_k) (1 - max(p_j, p_k)) over the other items, by sorting instead of by pairs."""
    order = np.argsort(p, kind="stable")
    q = p[order]
    below = np.cumsum(q) - q
    above = np.cumsum((1 - q)[::-1])[::-1] - (1 - q)
    out = np.empty(len(p))
    out[order] = below * (1 - q) + q * above
    return out


def _spread(values: Floats, at: NDArray[np.int64], n: int) -> Floats:
    out = np.full(n, np.nan)
    out[at] = values
    return out


def _blocks(height: int, n: int) -> list[slice]:
    """Slices of 0 ... n whose parts, ``height`` numbers each, make blocks of about ``_CELLS`` numbers."""
    step = max(1, _CELLS // max(height, 1))
    return [slice(start, min(start + step, n)) for start in range(0, n, step)]
