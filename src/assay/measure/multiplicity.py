"""Many tests at once: p-values and e-values corrected for their number.

Pure functions over one family of hypotheses. The invariant: an adjusted p-value is compared with the error
rate as it stands, never exceeds 1, is never below the raw one, and keeps the order of the raw ones; a
hypothesis without a p-value (NaN) is not part of the family.

Sources: Holm (1979), error of the family; Benjamini and Hochberg (1995), false discovery rate under
independence or positive dependence; Benjamini and Yekutieli (2001), under any; Wang and Ramdas, "False
discovery rate control with e-values" (2022).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assay.measure.intervals import Floats


def holm(p: ArrayLike) -> Floats:
    """Adjusted p-values that hold the chance of any false rejection: max over j <= i of (M - j + 1) p_(j)."""
    return _of_family(p, lambda ordered: np.maximum.accumulate(ordered * np.arange(len(ordered), 0, -1)))


def benjamini_hochberg(p: ArrayLike) -> Floats:
    """Adjusted p-values that hold the expected share of false ones among rejections: min over j >= i of M p_(j) / j."""
    return _of_family(p, _step_up)


def benjamini_yekutieli(p: ArrayLike) -> Floats:
    """As ``benjamini_hochberg``, however the tests depend on each other: times Σ 1/j."""
    return _of_family(p, lambda ordered: _step_up(ordered) * float((1 / np.arange(1, len(ordered) + 1)).sum()))


def e_bh(e: ArrayLike, alpha: float = 0.05) -> NDArray[np.bool_]:
    """Which hypotheses to reject by their e-values: the k largest, for the largest k with e_(k) >= M / (α k).

    The false discovery rate is at most ``alpha`` under any dependence, at whatever time each test stopped.
    """
    values = np.asarray(e, dtype=np.float64)
    order = np.argsort(-values, kind="stable")
    enough = values[order] >= len(values) / (alpha * np.arange(1, len(values) + 1))
    rejected = np.zeros(len(values), dtype=bool)
    if enough.any():
        rejected[order[: int(np.flatnonzero(enough)[-1]) + 1]] = True
    return rejected


def _step_up(ordered: Floats) -> Floats:
    m = len(ordered)
    return np.minimum.accumulate((ordered * m / np.arange(1, m + 1))[::-1])[::-1]


def _of_family(p: ArrayLike, adjust: Callable[[Floats], Floats]) -> Floats:
    """``adjust``, which takes ascending p-values, over those that there are."""
    values = np.asarray(p, dtype=np.float64)
    there = np.flatnonzero(np.isfinite(values))
    order = there[np.argsort(values[there], kind="stable")]
    adjusted = np.full(len(values), np.nan)
    adjusted[order] = np.minimum(adjust(values[order]), 1.0)
    return adjusted
