"""Items and abilities together, from the answers alone: marginal maximum likelihood where it is exact, joint after.

Two stages. *EM* integrates abilities out over 41 nodes; with few items it runs until it settles, and abilities
are posterior means. Where most models' posteriors are narrower than the nodes are apart (from about 200 items on)
the sums over nodes no longer are integrals, so that six rounds of EM only start a *penalised joint fit*:
abilities by Newton given items, items by Newton given abilities, in turns. The joint fit treats abilities as
known, which biases slopes by about se(θ)² of their size: by then below 2 %.

The invariants: abilities are on a standard scale (mean 0 and standard deviation 1, counting what is uncertain
of them), every slope is positive, and no item is dropped: items that all or none solve, or few were asked, are
held by the priors (see ``items``).

Sources: Bock and Aitkin (1981) for EM; Tierney and Kadane (1986) for the likelihood after the joint fit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from assay.errors import UsageError
from assay.measure.intervals import Floats
from assay.measure.irt.ability import mode
from assay.measure.irt.cells import Cells, blocks, cells_of, slopes, total_log_likelihood
from assay.measure.irt.items import Bank, improved, newton, start
from assay.measure.irt.model import Items, Model
from assay.measure.irt.quadrature import NARROWEST, NODES, expect

ENOUGH_TO_GUESS = 1000
"""Models from which a guessing floor can be estimated: fewer say too little of what the weak do on hard items."""

_FEWEST_ROUNDS = 6
_MOST_ROUNDS = 300
_JOINT_ROUNDS = 3
_SETTLED = 1e-3


class Fit(NamedTuple):
    """A calibration."""

    items: Items
    theta: Floats
    """(m,): abilities on the scale of the items."""
    se: Floats
    """(m,): their standard errors, given the items."""
    loglik: float
    """Marginal log-likelihood of the answers, abilities integrated out (by Laplace's approximation after a joint
    fit), without binomial coefficients."""
    model: str
    rounds: int
    """Rounds of EM and of the joint fit."""


def fit(
    x: ArrayLike,
    attempts: ArrayLike | None = None,
    model: Model = "2pl",
    guessing: float | ArrayLike | None = None,
) -> Fit:
    """Calibrate n items on the answers of m models.

    Args:
        x: (m, n) mean scores in [0, 1], NaN where not asked.
        attempts: (m, n) answers behind each score, 1 if not given.
        model: ``1pl`` (one slope for all), ``2pl`` or ``3pl``.
        guessing: the floor c of a 3PL, one number or one an item: usually 1 / number of options. Without it c is
            estimated, which takes ``ENOUGH_TO_GUESS`` models.

    Raises ``UsageError`` for guessing that does not fit the model, ``ValueError`` for arrays that do not fit.
    """
    cells = cells_of(x, attempts)
    m, n = cells.k.shape
    if m < 2 or n < 1:
        raise UsageError(f"{m} models and {n} items: a calibration takes two models or more and an item")
    floor = _floor(model, guessing, m, n)
    bank = start(cells, floor, shared=model == "1pl", estimate_floor=model == "3pl" and guessing is None)
    bank, rounds, narrow = _em(cells, bank)
    if narrow:
        bank = _joint(cells, bank)
        theta, information = mode(cells, bank.items)
        loglik = total_log_likelihood(theta, bank.items, cells) - float(theta @ theta + np.log(information).sum()) / 2
        theta, se = _standard(_without_own(theta, information, bank, cells), information)
        rounds += _JOINT_ROUNDS
    else:
        settled = expect(cells, bank.items)
        theta, se, loglik = settled.theta, settled.se, settled.loglik
    return Fit(bank.items, theta, se, loglik, model, rounds)


def _floor(model: Model, guessing: float | ArrayLike | None, m: int, n: int) -> Floats:
    if model != "3pl":
        if guessing is not None:
            raise UsageError(f"a {model} model has no guessing floor: fit a 3pl model, or leave guessing out")
        return np.zeros(n)
    if guessing is None:
        if m < ENOUGH_TO_GUESS:
            raise UsageError(
                f"{m} models cannot tell a guessing floor (it takes {ENOUGH_TO_GUESS}): give it, such as 1 / options"
            )
        return np.full(n, 0.2)
    floor = np.broadcast_to(np.asarray(guessing, np.float64), (n,)).copy()
    if not ((floor >= 0) & (floor < 1)).all():
        raise UsageError("a guessing floor lies in [0, 1)")
    return floor


def _em(cells: Cells, bank: Bank) -> tuple[Bank, int, bool]:
    """EM until it settles, or until posteriors prove too narrow for the nodes: items, rounds, whether too narrow."""
    rounds, narrow, change = 0, False, np.inf
    while rounds < _MOST_ROUNDS and change > _SETTLED and not (narrow and rounds >= _FEWEST_ROUNDS):
        found, before = expect(cells, bank.items), bank.items
        bank = improved(NODES, bank, found.cells, steps=2).rescaled(found.mean, found.sd)
        change = max(np.abs(np.log(bank.items.a / before.a)).max(), np.abs(bank.items.d - before.d).max())
        narrow = bool(np.median(found.se) < NARROWEST)
        rounds += 1
    return bank, rounds, narrow


def _joint(cells: Cells, bank: Bank) -> Bank:
    """Abilities given items and items given abilities, in turns."""
    theta = None
    for _ in range(_JOINT_ROUNDS):
        theta, information = mode(cells, bank.items, start=theta)
        theta, _ = _standard(_without_own(theta, information, bank, cells), information)
        bank = improved(theta, bank, cells, steps=2)
    return bank


def _without_own(theta: Floats, information: Floats, bank: Bank, cells: Cells) -> Floats:
    """Abilities (m,) less what a model's own answers gave them by way of the items' slopes.

    Where a strong model is right by luck the slope rises, and with it the weight of that luck: the expected gradient
    at the true ability is not 0 but Σ_j v a (aθ Var(ln a) + Cov(ln a, d)), which stretches the ends of the scale.
    """
    if bank.shared:
        return theta  # all models' answers make the one slope
    m, n = cells.k.shape
    items = bank.items
    of_slope, _, both = newton(theta, items, cells, bank.slope, bank.intercept).variances
    weights = np.stack([items.a**2 * of_slope, items.a * both], axis=1).astype(cells.k.dtype)
    own = np.empty(m)
    for part in blocks(m, n):
        _, v = slopes(theta[part], items, cells.rows(part))
        by_slope, by_both = (v @ weights).T
        own[part] = theta[part] * by_slope + by_both
    return theta - own / information


def _standard(theta: Floats, information: Floats) -> tuple[Floats, Floats]:
    """Abilities with mean 0 and standard deviation 1, what is uncertain of them counted, and their errors."""
    sd = float(np.sqrt(theta.var() + (1 / information).mean()))
    return (theta - theta.mean()) / sd, 1 / np.sqrt(information) / sd
