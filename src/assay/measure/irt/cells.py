"""The answers as the fitters want them: right answers and attempts a cell, and the sums taken over them.

A cell is k right of w attempts, and its log-likelihood is k ln P + (w-k) ln(1-P), so that single answers,
pass rates and missing cells (w = 0) are one case. The invariant: nothing here makes an array of all cells'
probabilities; passes go in blocks that fit the processor's cache, in the precision of the cells (single
for calibration: an ability's rounding error is then 1e-6, its standard error above 1e-2).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assay.measure.intervals import Floats
from assay.measure.irt.model import Items, sigmoid

BLOCK = 1 << 17
"""Cells of a block: three arrays of this many floats stay in the second-level cache."""


class Cells(NamedTuple):
    """Answers of m models to n items."""

    k: NDArray[Any]
    """(m, n): right answers, fractional where scores are; 0 where there is none."""
    w: NDArray[Any] | None
    """(m, n), (m, 1) or None: attempts, 0 where the cell is missing; None: one attempt in every cell."""

    def rows(self, part: slice | NDArray[Any]) -> Cells:
        """Some models' answers."""
        return Cells(self.k[part], None if self.w is None else self.w[part])

    def columns(self, part: slice | NDArray[Any]) -> Cells:
        """The answers to some items."""
        narrow = self.w is None or self.w.shape[1] == 1
        return Cells(self.k[:, part], self.w if narrow else self.w[:, part])  # type: ignore[index]


def cells_of(x: ArrayLike, attempts: ArrayLike | None = None, *, dtype: type[np.floating[Any]] = np.float32) -> Cells:
    """Cells of mean scores ``x`` (m, n) in [0, 1], NaN missing, each over ``attempts`` (m, n; 1 if not given).

    No copy is made of a complete matrix that has the wanted precision. Raises ``ValueError`` for scores out of
    range.
    """
    k = np.asarray(x)
    if k.ndim != 2:
        raise ValueError(f"a response matrix has two dimensions, not {k.ndim}")
    k = k.astype(dtype, copy=False)
    low, high = (np.fmin.reduce(k, axis=None, initial=0), np.fmax.reduce(k, axis=None, initial=1))
    if low < 0 or high > 1:
        raise ValueError("scores lie in [0, 1]")
    complete = not np.isnan(k.sum())
    if attempts is None and complete:
        return Cells(k, None)
    w = np.ones(k.shape, dtype) if attempts is None else np.array(attempts, dtype=dtype)
    if w.shape != k.shape:
        raise ValueError(f"attempts {w.shape} do not fit scores {k.shape}")
    missing = np.isnan(k) | (w <= 0)
    w[missing] = 0
    k = np.where(missing, dtype(0), k)
    if attempts is not None:
        k *= w
    return Cells(k, w)


def blocks(length: int, width: int) -> Iterator[slice]:
    """Slices of 0 ... length whose parts, ``width`` cells each, make blocks of about ``BLOCK`` cells."""
    step = max(1, BLOCK // max(width, 1))
    return (slice(start, min(start + step, length)) for start in range(0, length, step))


def slopes(theta: NDArray[Any], items: Items, cells: Cells) -> tuple[NDArray[Any], NDArray[Any]]:
    """First derivative of the log-likelihood to z = aθ + d, and its Fisher information, in every cell.

    With s = σ(z): gradient (k - wP) s/P, information w (1-c) s² (1-s)/P; for c = 0 these are k - wP and w P (1-P).
    ``theta`` (m,), result two arrays (m, n).
    """
    kind = cells.k.dtype
    design = np.stack([theta, np.ones_like(theta)], axis=1).astype(kind)
    s = design @ np.stack([items.a, items.d]).astype(kind)
    np.negative(s, out=s)
    with np.errstate(over="ignore"):
        np.exp(s, out=s)
    s += 1
    np.reciprocal(s, out=s)
    if items.c.any():
        return _guessed_slopes(s, items.c.astype(kind), cells)
    information = s * s
    np.subtract(s, information, out=information)
    if cells.w is not None:
        information *= cells.w
        s *= cells.w
    return np.subtract(cells.k, s, out=s), information


def _guessed_slopes(s: NDArray[Any], c: NDArray[Any], cells: Cells) -> tuple[NDArray[Any], NDArray[Any]]:
    p = c + (1 - c) * s
    known = s / np.maximum(p, np.finfo(s.dtype).tiny)  # of those who are right, how many know
    w = 1 if cells.w is None else cells.w
    return (cells.k - w * p) * known, w * (1 - c) * s * (1 - s) * known


def item_sums(theta: NDArray[Any], items: Items, cells: Cells) -> tuple[Floats, Floats]:
    """For each item Σ gθ^p (p = 0, 1), (2, n), and Σ vθ^p (p = 0, 1, 2), (3, n), over the abilities ``theta`` (m,).

    g and v are the gradients and informations of ``slopes``: what Newton's method for slope and intercept needs.
    """
    m, n = cells.k.shape
    powers = np.stack([np.ones_like(theta), theta, theta**2]).astype(cells.k.dtype)
    g, v = np.empty((2, n)), np.empty((3, n))
    for part in blocks(n, m):
        gradient, information = slopes(theta, items.take(part), cells.columns(part))
        g[:, part], v[:, part] = powers[:2] @ gradient, powers @ information
    return g, v


def log_odds(theta: NDArray[Any], items: Items, kind: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """ln P - ln(1-P) and ln(1-P), each (m, n), at abilities ``theta`` (m,)."""
    z = np.multiply.outer(theta, items.a) + items.d
    wrong = np.log1p(-items.c) - np.logaddexp(0, z)
    if not items.c.any():
        return z.astype(kind), wrong.astype(kind)
    right = np.log(items.c + (1 - items.c) * sigmoid(z))
    return (right - wrong).astype(kind), wrong.astype(kind)


def log_likelihood(theta: NDArray[Any], items: Items, cells: Cells) -> NDArray[Any]:
    """(m, q): log-likelihood of each model's answers at each of q abilities: k·(lnP - lnQ) + w·lnQ."""
    odds, wrong = log_odds(theta, items, cells.k.dtype)
    if cells.w is None:
        return np.asarray(cells.k @ odds.T + wrong.sum(axis=1))
    w = cells.w if cells.w.shape[1] > 1 else np.broadcast_to(cells.w, cells.k.shape)
    return np.asarray(cells.k @ odds.T + w @ wrong.T)


def total_log_likelihood(theta: NDArray[Any], items: Items, cells: Cells) -> float:
    """Log-likelihood of all answers at known abilities (m,) and items."""
    m, n = cells.k.shape
    total = 0.0
    for part in blocks(m, n):
        own = cells.rows(part)
        odds, wrong = log_odds(theta[part], items, cells.k.dtype)
        total += float(np.vdot(own.k, odds) + (wrong.sum() if own.w is None else np.vdot(own.w, wrong)))
    return total
