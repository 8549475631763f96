"""A suite's general ability, and what each benchmark measures besides it.

Each item depends on a general factor and on the factor of its group (its benchmark, say), all independent:
logit P = a θ + s u_g + d. Fitted by variational EM: each model's posterior is a normal distribution, so that 60
groups cost no 61-dimensional integral. Its information is an arrow (the general factor with each group, groups
apart from each other), inverted in closed form; gradients, of factors and of items, are expectations over it,
with E σ(z) ≈ σ(z / √(1 + π τ²/8)) and Stein's identity for the slopes. What is uncertain of the factors is counted;
taking modes for known would inflate the group slopes.

The invariants: every factor is standard (mean 0, standard deviation 1, what is uncertain counted) and no group's
is correlated with the general one; a > 0; a group's factor points where its slopes are positive on balance.

Sources: Gibbons and Hedeker (1992) for the model; Opper and Archambeau (2009) for normal posteriors; MacKay
(1992) for the expectation of a logistic; Rodriguez, Reise
and Haviland (2016) for the shares.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from assay.errors import UsageError
from assay.measure.intervals import Codes, Floats
from assay.measure.irt.cells import Cells, blocks, cells_of
from assay.measure.irt.fit import fit
from assay.measure.irt.items import INTERCEPT, SLOPE, Normal
from assay.measure.irt.model import sigmoid

FEWEST_ITEMS = 3
"""Items of a group: with fewer its factor is not told from noise."""
GROUP_SLOPE = Normal(0.5, 0.5)
"""The prior of s to begin with; like the others it is estimated from the items."""
FEWEST_MODELS = 5
"""Models a factor: with fewer the fit can run away."""

_MOST_ROUNDS = 300
_SETTLED = 2e-3
_LAST_STEPS = 8
_TINY = 1e-3


class Bifactor(NamedTuple):
    """A calibration with a general factor and G group factors."""

    a: Floats
    """(n,): slope on the general factor."""
    s: Floats
    """(n,): slope on the factor of the item's group."""
    d: Floats
    """(n,): intercept."""
    group: Codes
    """(n,): 0 ... G-1, in the order of ``labels``."""
    labels: tuple[str, ...]
    theta: Floats
    """(m,): general abilities."""
    se: Floats
    """(m,)."""
    u: Floats
    """(m, G): what a model is better at than its general ability says."""
    u_se: Floats
    """(m, G)."""
    loglik: float
    """Marginal log-likelihood by Laplace's approximation: compare it with that of a ``Fit``."""
    rounds: int

    @property
    def general_share(self) -> Floats:
        """(G,): the general factor's share of the variance that the factors explain in a group's items."""
        general = np.bincount(self.group, weights=self.a**2)
        return np.asarray(general / (general + np.bincount(self.group, weights=self.s**2)))


class _Part(NamedTuple):
    """One group: its answers, and its items' parameters, each (n_g,)."""

    cells: Cells
    a: Floats
    s: Floats
    d: Floats


class _Factors(NamedTuple):
    """The models' posteriors, normal."""

    theta: Floats
    """(m,)."""
    u: Floats
    """(m, G)."""
    var_theta: Floats
    """(m,)."""
    var_u: Floats
    """(m, G)."""
    both: Floats
    """(m, G): covariance of θ and u_g."""
    log_det: Floats
    """(m,): log-determinant of the information."""


def bifactor(x: ArrayLike, groups: Sequence[str], attempts: ArrayLike | None = None) -> Bifactor:
    """Calibrate a general factor and one a group.

    Args:
        x: (m, n) mean scores in [0, 1], NaN missing.
        groups: n labels, such as the items' benchmarks.
        attempts: (m, n) answers behind each score, 1 if not given.

    Raises ``UsageError`` for fewer than two groups, a group of fewer than three items, or fewer than five models a
    factor.
    """
    labels, group, sizes = np.unique(np.asarray(groups, dtype=str), return_inverse=True, return_counts=True)
    if len(labels) < 2 or sizes.min() < FEWEST_ITEMS:
        raise UsageError(
            f"{len(labels)} groups, the smallest of {sizes.min()} items: "
            f"group factors take two groups or more, of {FEWEST_ITEMS} items or more"
        )
    models = len(np.asarray(x))
    if models < FEWEST_MODELS * (len(labels) + 1):
        raise UsageError(
            f"{models} models cannot place {len(labels) + 1} factors: "
            f"it takes {FEWEST_MODELS} a factor, or fewer, larger groups"
        )
    first = fit(x, attempts)
    cells = cells_of(x, attempts)
    members = [np.flatnonzero(group == g) for g in range(len(labels))]
    parts = [
        _Part(cells.columns(at), first.items.a[at], np.full(len(at), GROUP_SLOPE.mean), first.items.d[at])
        for at in members
    ]
    factors = _placed(parts, _certain(first.theta, np.zeros((len(first.theta), len(labels)))), _LAST_STEPS)
    priors, rounds, change = [[SLOPE, GROUP_SLOPE, INTERCEPT]] * len(parts), 0, np.inf
    while rounds < _MOST_ROUNDS and change > _SETTLED:
        moved, variances = zip(*(_improved(part, factors, g, priors[g]) for g, part in enumerate(parts)), strict=True)
        priors = [_anew(*both) for both in zip(moved, variances, strict=True)]
        before, (parts, factors) = parts, _standard(moved, factors)
        change = max(_change(*both) for both in zip(parts, before, strict=True))
        factors = _placed(parts, factors, steps=2)
        rounds += 1
    factors = _placed(parts, factors, _LAST_STEPS)
    loglik = _loglik(parts, _placed(parts, factors, _LAST_STEPS, mode=True))
    parts, factors = _standard(parts, factors)
    a, s, d = (np.empty(len(group)) for _ in range(3))
    for at, part in zip(members, parts, strict=True):
        sign = 1.0 if part.s.sum() >= 0 else -1.0
        a[at], s[at], d[at] = part.a, sign * part.s, part.d
        factors.u[:, group[at[0]]] *= sign
    return Bifactor(
        a, s, d, group.astype(np.int64), tuple(labels.tolist()),
        factors.theta, np.sqrt(factors.var_theta), factors.u, np.sqrt(factors.var_u),
        loglik, rounds,
    )  # fmt: skip


def _cells(part: _Part, factors: _Factors, g: int, at: slice) -> tuple[Floats, Floats]:
    """Expected gradient and information of z = aθ + su + d, (m, items), for items ``at`` of group g."""
    own, a, s = part.cells.columns(at), part.a[at], part.s[at]
    spread = _spread(factors, g, own.k.dtype) @ np.stack([a**2, 2 * a * s, s**2]).astype(own.k.dtype)
    shrink = 1 / np.sqrt(1 + np.pi / 8 * spread)
    p = sigmoid(shrink * _logits(part, factors, g, at))
    w = 1 if own.w is None else own.w
    return own.k - w * p, w * shrink * p * (1 - p)


def _logits(part: _Part, factors: _Factors, g: int, at: slice) -> Floats:
    kind = part.cells.k.dtype
    design = np.stack([factors.theta, factors.u[:, g], np.ones_like(factors.theta)], axis=1).astype(kind)
    return np.asarray(design @ np.stack([part.a[at], part.s[at], part.d[at]]).astype(kind))


def _spread(factors: _Factors, g: int, kind: np.dtype[Any]) -> Floats:
    """(m, 3): variance of θ, covariance with u_g, variance of u_g."""
    return np.stack([factors.var_theta, factors.both[:, g], factors.var_u[:, g]], axis=1).astype(kind)


def _placed(parts: Sequence[_Part], factors: _Factors, steps: int, *, mode: bool = False) -> _Factors:
    """Newton's method for the means of all models' posteriors and, with each step, their spread; or for the modes."""
    for _ in range(steps):
        theta, u = factors.theta, factors.u
        if mode:
            factors = _certain(theta, u)
        g_theta, h_theta = -theta, np.ones_like(theta)
        g_u, h_u, h_both = -u, np.ones_like(u), np.zeros_like(u)
        for g, part in enumerate(parts):
            for at in blocks(len(part.a), len(theta)):
                a, s = part.a[at], part.s[at]
                residual, information = _cells(part, factors, g, at)
                g_theta = g_theta + residual @ a
                h_theta = h_theta + information @ a**2
                g_u[:, g] += residual @ s
                h_u[:, g] += information @ s**2
                h_both[:, g] += information @ (a * s)
        tied = h_both / h_u
        left = h_theta - (tied * h_both).sum(axis=1)  # information on θ that the groups' factors leave
        by_theta = np.clip((g_theta - (tied * g_u).sum(axis=1)) / left, -1, 1)
        both = -tied / left[:, None]
        factors = _Factors(
            theta + by_theta,
            u + np.clip((g_u - h_both * by_theta[:, None]) / h_u, -1, 1),
            1 / left,
            1 / h_u - tied * both,
            both,
            np.log(left) + np.log(h_u).sum(axis=1),
        )
    return factors


def _certain(theta: Floats, u: Floats) -> _Factors:
    """Factors as if they were known."""
    none, nowhere = np.zeros_like(theta), np.zeros_like(u)
    return _Factors(theta, u, none, nowhere, nowhere, none)


def _improved(part: _Part, factors: _Factors, g: int, priors: Sequence[Normal]) -> tuple[_Part, Floats]:
    """One Newton step for the items of group g, and the variances (3, n_g) of ln a, s and d."""
    theta, u = factors.theta, factors.u[:, g]
    kind = part.cells.k.dtype
    spread = _spread(factors, g, kind).T
    factor = np.stack([np.ones_like(theta), theta, u]).astype(kind)
    squares = np.concatenate([factor, np.stack([theta**2, theta * u, u**2]).astype(kind) + spread])
    n = len(part.a)
    first, second, third = np.empty((3, n)), np.empty((6, n)), np.empty((3, n))
    for at in blocks(n, len(theta)):
        residual, information = _cells(part, factors, g, at)
        first[:, at], second[:, at], third[:, at] = factor @ residual, squares @ information, spread @ information
    log_a = np.log(part.a)
    gradient = np.stack([
        part.a * (first[1] - part.a * third[0] - part.s * third[1]) + priors[0].pull(log_a),
        first[2] - part.a * third[1] - part.s * third[2] + priors[1].pull(part.s),
        first[0] + priors[2].pull(part.d),
    ])  # fmt: skip
    h_d, h_ad, h_sd, h_aa, h_as, h_ss = second
    curvature = np.array([
        [part.a**2 * h_aa, part.a * h_as, part.a * h_ad],
        [part.a * h_as, h_ss, h_sd],
        [part.a * h_ad, h_sd, h_d],
    ]).transpose(2, 0, 1) + np.diag([1 / prior.sd**2 for prior in priors])  # fmt: skip
    inverse = np.linalg.inv(curvature)
    step = np.einsum("nij,jn->in", inverse, gradient)
    by_a, by_s = np.clip(step[:2], -0.5, 0.5)
    moved = part._replace(a=part.a * np.exp(by_a), s=part.s + by_s, d=part.d + np.clip(step[2], -2, 2))
    return moved, np.diagonal(inverse, axis1=1, axis2=2).T


def _anew(part: _Part, variances: Floats) -> list[Normal]:
    """The priors of ln a, s and d of a group's items: benchmarks differ in all three."""
    values = (np.log(part.a), part.s, part.d)
    starts = (SLOPE, GROUP_SLOPE, INTERCEPT)
    return [start.updated(value, own) for value, own, start in zip(values, variances, starts, strict=True)]


def _standard(parts: Sequence[_Part], factors: _Factors) -> tuple[list[_Part], _Factors]:
    """The same curves with factors that are standard, and uncorrelated with the general one."""
    mean, sd = float(factors.theta.mean()), float(np.sqrt(factors.theta.var() + factors.var_theta.mean()))
    theta, var_theta, both = (factors.theta - mean) / sd, factors.var_theta / sd**2, factors.both / sd
    u = factors.u - factors.u.mean(axis=0)
    shared = theta @ u / len(theta) + both.mean(axis=0)
    u, var_u = u - np.outer(theta, shared), factors.var_u - 2 * shared * both + np.outer(var_theta, shared**2)
    left = np.sqrt(np.maximum(u.var(axis=0) + var_u.mean(axis=0), _TINY))
    both = (both - np.outer(var_theta, shared)) / left
    found = [
        part._replace(
            a=np.maximum(part.a * sd + part.s * shared[g], _TINY),
            s=part.s * left[g],
            d=part.d + part.a * mean + part.s * factors.u[:, g].mean(),
        )
        for g, part in enumerate(parts)
    ]
    return found, _Factors(theta, u / left, var_theta, var_u / left**2, both, factors.log_det)


def _change(part: _Part, before: _Part) -> float:
    """The largest change of a parameter."""
    return max(float(np.abs(new - old).max()) for new, old in zip(part[1:], before[1:], strict=True))


def _loglik(parts: Sequence[_Part], factors: _Factors) -> float:
    """Laplace: the log-posterior at the mode, less half the log-determinant of the information."""
    total = -float((factors.theta**2).sum() + (factors.u**2).sum() + factors.log_det.sum()) / 2
    for g, part in enumerate(parts):
        for at in blocks(len(part.a), len(factors.theta)):
            own = part.cells.columns(at)
            z = _logits(part, factors, g, at)
            wrong = -np.logaddexp(0, z)
            total += float(np.vdot(own.k, z) + (wrong.sum() if own.w is None else np.vdot(own.w, wrong)))
    return total
