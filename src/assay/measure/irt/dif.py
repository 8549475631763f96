"""Differential item functioning: items that are harder or easier for one family of models than their ability explains.

Contamination, a prompt format that only some models know, or a translation show here. For each item the family's
answers may follow a curve of their own, logit P = β0 + β1 θ + β2 family + β3 θ·family. The test is the score test
of β2 = β3 = 0, which only needs the common curve and so is not thrown off by families of a few models; the size is
the difference between the difficulties of the family's curve and the others', each held near the common curve by
a prior. An item is flagged where the difference is above ``LARGE`` and the p-value, corrected for all items by
Benjamini and Hochberg, below ``alpha``. The invariant: abilities come from elsewhere and are not moved here.

Sources: Swaminathan and Rogers (1990) for the regression; Neyman (1959) for a score test at an estimate that is not
the likelihood's maximum.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assay.errors import UsageError
from assay.measure.intervals import Floats
from assay.measure.irt.ability import ability
from assay.measure.irt.cells import Cells, cells_of, item_sums
from assay.measure.irt.items import Normal, newton
from assay.measure.irt.model import Items
from assay.measure.multiplicity import benjamini_hochberg

LARGE = 0.5
"""Difference in difficulty, in standard deviations of ability, that matters."""
FEWEST_MODELS = 3
"""A family, and the others, have at least as many models."""

_SLOPE_SD, _INTERCEPT_SD = 0.3, 2.0
_STEPS = 12
_SETTLED = 1e-6
_RIDGE = 1e-9


class Dif(NamedTuple):
    """What differs, for n items."""

    difference: Floats
    """(n,): difficulty for the family less difficulty for the others: above 0, harder for the family."""
    se: Floats
    """(n,): its standard error."""
    p: Floats
    """(n,): of no difference, by the score test with 2 degrees of freedom; NaN where a side has no answers."""
    adjusted: Floats
    """(n,): p corrected for the number of items."""
    flagged: NDArray[np.bool_]
    """(n,)."""
    theta: Floats
    """(m,): the abilities that the items were compared at."""


def dif(x: ArrayLike, items: Items, family: ArrayLike, attempts: ArrayLike | None = None, alpha: float = 0.05) -> Dif:
    """Compare a family of models with the others, item by item.

    Args:
        x: (m, n) mean scores in [0, 1], NaN missing.
        items: their calibration over all models; a guessing floor is kept.
        family: (m,) which models belong.
        attempts: (m, n) answers behind each score, 1 if not given.
        alpha: the false discovery rate of the flags.

    Abilities are estimated twice, the second time without the items that the first pass flags, so that these do
    not make the others look different. Raises ``UsageError`` where a side has fewer than three models.
    """
    x = np.asarray(x, dtype=np.float64)
    member = np.asarray(family, dtype=np.bool_)
    if min(member.sum(), (~member).sum()) < FEWEST_MODELS:
        raise UsageError(
            f"{int(member.sum())} models in the family and {int((~member).sum())} others: "
            f"a comparison takes {FEWEST_MODELS} on either side"
        )
    found = _compared(x, items, member, attempts, alpha, ability(x, items, attempts)[0])
    if not found.flagged.any() or found.flagged.all():
        return found
    clean = np.where(found.flagged, np.nan, x)
    return _compared(x, items, member, attempts, alpha, ability(clean, items, attempts)[0])


def _compared(
    x: Floats, items: Items, member: NDArray[np.bool_], attempts: ArrayLike | None, alpha: float, theta: Floats
) -> Dif:
    cells = cells_of(x, attempts, dtype=np.float64)
    common, _ = _curves(theta, items, cells)
    inside, outside = cells.rows(member), cells.rows(~member)
    p = _score_test(theta, common, cells, member)
    own, own_variance = _curves(theta[member], common, inside)
    other, other_variance = _curves(theta[~member], common, outside)
    answered = np.isfinite(x)
    p[~(answered[member].any(axis=0) & answered[~member].any(axis=0))] = np.nan
    adjusted = benjamini_hochberg(p)
    difference = own.b - other.b
    flagged = (np.abs(difference) > LARGE) & (adjusted < alpha)
    return Dif(difference, np.sqrt(own_variance + other_variance), p, adjusted, flagged, theta)


def _curves(theta: Floats, centre: Items, cells: Cells) -> tuple[Items, Floats]:
    """Each item's curve in these models, with a prior around ``centre``, and the variances of the difficulties."""
    items, slope, intercept = centre, Normal(np.log(centre.a), _SLOPE_SD), Normal(centre.d, _INTERCEPT_SD)
    for _ in range(_STEPS):
        step = newton(theta, items, cells, slope, intercept)
        items = items._replace(a=items.a * np.exp(step.slope), d=items.d + step.intercept)
        if max(np.abs(step.slope).max(), np.abs(step.intercept).max()) < _SETTLED:
            break
    of_slope, of_intercept, both = step.variances
    return items, items.b**2 * of_slope + of_intercept / items.a**2 + 2 * items.b / items.a * both


def _score_test(theta: Floats, common: Items, cells: Cells, member: NDArray[np.bool_]) -> Floats:
    """p-values of a family curve beside the common one, from derivatives at the common one alone."""
    from scipy import special

    u, own = item_sums(theta[member], common, cells.rows(member))
    u_all, everybody = item_sums(theta, common, cells)
    z, x = _square(own), _square(everybody)
    tied = np.linalg.solve(x, z)  # what the common curve's own fit takes of the family's
    score = u.T - np.einsum("nji,jn->ni", tied, u_all)
    information = z - z @ tied + _RIDGE * np.eye(2)
    statistic = np.einsum("ni,ni->n", score, np.linalg.solve(information, score[..., None])[..., 0])
    return np.asarray(special.chdtrc(2, np.maximum(statistic, 0)))


def _square(sums: Floats) -> Floats:
    """The 2 x 2 information matrices of intercept and slope, (n, 2, 2)."""
    return np.stack([np.stack([sums[0], sums[1]], axis=-1), np.stack([sums[1], sums[2]], axis=-1)], axis=-2) + (
        _RIDGE * np.eye(2)
    )
