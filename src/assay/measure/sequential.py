"""Tests that may be looked at after every sample: betting e-processes for "which of two models is better".

An e-process starts at 1 and, while the null hypothesis holds, cannot be expected to grow, whatever was
seen; Ville's inequality then bounds the chance that it *ever* reaches 1/a by a. So one may look after
every sample, stop at will, and still have the error rate that was promised. The invariant: every bet is
fixed before the sample it is placed on is seen.

*What is tested.* A benchmark is a finite list of N samples, asked in a uniformly random order. The
differences d = a - b in [-1, 1] are drawn from it without replacement, and the null says that their sum
over all N is at most N m0 (or at least, for the other side). If S is the sum of what was seen, the next
difference has, under the null, conditional mean at most mu = (N m0 - S) / (number left), so that
1 + l (d - mu) with 0 <= l < 1/(1 + mu) is a fair bet or worse. The product of such bets, and any average of
products with weights fixed beforehand, is an e-process (Waudby-Smith and Ramdas, "Estimating means of
bounded random variables by betting", JRSS-B 2024; "Confidence sequences for sampling without replacement",
NeurIPS 2020). Only the order needs to be random: samples may be clustered, and answers may be anything.
Once the lead is larger than the number of samples left, the null is impossible, and the e-process infinite.
With replacement (the samples stand for a population), mu = m0 throughout; then the units must be independent,
so that clustered samples enter as one unit a cluster (``cluster_units``).

*How much is bet.* All that is free is the mixture. Write z for the total's size in units of its standard
deviation under the null, z = |sum d| / sqrt(N q), q the second moment of d. A component that knows z bets
l = z sqrt(N/q) / (number left), the log-optimal fraction up to second order, which grows as the end nears;
q is estimated from the samples before. To settle z takes about 2 L / z^2 of the scale u = t/(1 - t/N), where
L = ln(2/a) - ln(weight of z). If all gaps between models are equally likely, the weights that minimise the mean
*share* t/N = u/(1 + u) are proportional to its derivative in L:

    w(z) dz  ~  z^2 / (z^2 + c)^2 dz,   c = 2 (ln(2/a) + 2).

So nothing is tuned to data. A test holds the share that results beside the least that any test of this level can reach,
which dynamic programming gives exactly for pure wins and losses (within 4 %); ``perf/race.py`` measures the error
rate over 10,000 nulls with a look at every sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import log
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from assay.measure.intervals import Codes, Floats

Method = Literal["adaptive", "reference"]

REFERENCE_BETS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5)
"""The plain mixture that ours is measured against: these fractions, equally weighted, the same at every step."""

_COMPONENTS = 0.7 * 1.5 ** np.arange(19)
"""z of the components: from where no test can see anything to where all of a million differences have one sign. A bet
that is off by half a step, a quarter, loses 1/16 of its growth."""
_CAP = 0.75
"""Of the largest bet that cannot go broke; the truncation of Waudby-Smith and Ramdas (2024)."""
_TINY = 1e-9


@dataclass
class Bets:
    """Two e-processes for each of P sequences of differences, fed block by block.

    The first is against "the mean is at most ``null``", the second against "the mean is at least ``null``".
    """

    n: NDArray[np.int64]
    """(P,): samples in the population of each sequence; with replacement, the most that will be looked at."""
    alpha: float
    """Level of the two-sided test that the mixture is made for; any level may be read off."""
    method: Method = "adaptive"
    replacement: bool = False
    null: Floats | None = None
    """(P,): the mean under the null, 0 unless given."""
    _seen: Floats = field(init=False)
    _sum: Floats = field(init=False)
    _squares: Floats = field(init=False)
    _wealth: Floats = field(init=False)
    _weights: Floats = field(init=False)
    _sizes: Floats = field(init=False)

    def __post_init__(self) -> None:
        p = len(self.n)
        self._seen, self._sum, self._squares = (np.zeros(p) for _ in range(3))
        if self.null is None:
            self.null = np.zeros(p)
        if self.method == "reference":
            self._sizes = np.array(REFERENCE_BETS)
            self._weights = np.full(len(REFERENCE_BETS), 1 / len(REFERENCE_BETS))
        else:
            self._sizes, self._weights = mixture(self.alpha)
        self._wealth = np.zeros((2, p, len(self._sizes)))

    def feed(self, d: Floats, sides: Sequence[int] = (0, 1)) -> Floats:
        """Bet on the next block: (P, B) differences in [-1, 1], NaN where a sequence has none there.

        Returns the (2, P, B) natural logarithms of the e-processes after each of them. With ``sides`` only one of
        the two is kept up, the other is left at 1.
        """
        assert self.null is not None
        there = np.isfinite(d)
        x = np.where(there, d, 0.0)
        total = self._sum[:, None] + np.cumsum(x, axis=1)
        seen = self._seen[:, None] + np.cumsum(there, axis=1)
        squares = self._squares[:, None] + np.cumsum(x * x, axis=1)
        before = seen - there
        n, null = self.n[:, None].astype(np.float64), self.null[:, None]
        left = np.maximum(n - before, 1.0)
        mean = null + 0 * left if self.replacement else (n * null - (total - x)) / left
        mean = np.clip(mean, -1.0, 1.0)
        bets = self._bets((0.5 + squares - x * x) / (1.0 + before), n, left)
        gain = np.where(there, x - mean, 0.0)[..., None]
        out = np.zeros((2, *d.shape))
        cap = 1 - _TINY if self.method == "reference" else _CAP
        for side in sides:
            sign = 1.0 - 2.0 * side
            largest = (cap / (1 + sign * mean + _TINY))[..., None]
            steps = np.log1p(sign * np.minimum(bets, largest) * gain)
            wealth = self._wealth[side][:, None, :] + np.cumsum(steps, axis=1)
            self._wealth[side] = wealth[:, -1]
            out[side] = _log_mean(wealth, self._weights)
            if not self.replacement and self.method != "reference":
                lead = sign * (total - n * null)
                out[side][lead > (n - seen) + _TINY * n] = np.inf
        self._sum, self._seen, self._squares = total[:, -1], seen[:, -1].astype(np.float64), squares[:, -1]
        return out

    def keep(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> None:
        """Go on with some of the sequences only."""
        assert self.null is not None
        self.n, self.null = self.n[rows], self.null[rows]
        self._seen, self._sum, self._squares = self._seen[rows], self._sum[rows], self._squares[rows]
        self._wealth = self._wealth[:, rows]

    def _bets(self, second_moment: Floats, n: Floats, left: Floats) -> Floats:
        """(P, B, K): the fraction that each component bets, before the cap."""
        if self.method == "reference":
            return np.broadcast_to(self._sizes, (*left.shape, len(self._sizes)))
        scale = np.sqrt(n / second_moment) / (n if self.replacement else left)
        return scale[..., None] * self._sizes


def mixture(alpha: float) -> tuple[Floats, Floats]:
    """The components z of the adaptive mixture and their weights, both (K,), for a two-sided test at ``alpha``."""
    z: Floats = _COMPONENTS.astype(np.float64)
    c = 2 * (log(2 / alpha) + 2)
    weights: Floats = z * z**2 / (z**2 + c) ** 2  # the first z is dz on the logarithmic grid
    weights /= weights.sum()
    return z, weights


def mcnemar_e(wins: int, losses: int) -> float:
    """E-value of the sign test on discordant pairs: 2^(s+f) B(s + 1/2, f + 1/2) / B(1/2, 1/2).

    The mixture over the win probability with Jeffreys' prior; an e-process as pairs come in, against "wins and
    losses are equally likely" for independent pairs. Closed form; two-sided.
    """
    from scipy.special import betaln

    return float(np.exp((wins + losses) * log(2) + betaln(wins + 0.5, losses + 0.5) - betaln(0.5, 0.5)))


def interval(
    d: Floats, n: NDArray[np.int64], used: NDArray[np.int64], *, alpha: float, replacement: bool = False
) -> tuple[Floats, Floats]:
    """(P,), (P,): the confidence sequence of each mean difference after ``used`` samples of each row.

    ``d`` is (P, N), in the order asked, NaN where missing (not counted as used). The means m0 whose own two-sided
    test at ``alpha`` has not yet rejected them; it is valid at any stopping time, and leaves out 0 exactly when the
    test of ``Bets`` has decided. Each factor of the e-process falls as m0 rises, the cap included (1 + l (d - mu)
    with l = min(g, c/(1 + mu)) is monotone in mu), so that the rejected means are a half-line on each side and
    bisection finds its end, to 1/4,000.
    """
    p = len(n)
    if p == 0:
        return np.zeros(0), np.zeros(0)
    counted = np.isfinite(d) & (np.cumsum(np.isfinite(d), axis=1) <= used[:, None])
    x = np.where(counted, d, np.nan)
    last = np.where(counted.any(axis=1), d.shape[1] - counted[:, ::-1].argmax(axis=1), 0)
    mean = np.nansum(x, axis=1) / np.maximum(counted.sum(axis=1), 1)
    ends = []
    for side, wall in ((0, -1.0), (1, 1.0)):
        out, inside = np.full(p, wall), mean.copy()
        for step in range(13):  # 0 is tried first, so that the end is on the side of 0 that the test says
            zero = (step == 0) & (np.minimum(out, inside) <= 0) & (np.maximum(out, inside) >= 0)
            middle = np.where(zero, 0.0, (out + inside) / 2)
            rejected = _crosses(x, last, n, middle, side, alpha, replacement)
            out, inside = np.where(rejected, middle, out), np.where(rejected, inside, middle)
        ends.append(out)
    return ends[0], ends[1]


def cluster_units(d: Floats, clusters: Codes) -> Floats:
    """(P, G): one independent unit a cluster, for the test of a population: the sum over the largest cluster's size.

    ``d`` is (P, N), NaN where missing, which counts as no difference. A cluster's sum, not its mean: it is the
    mean over samples that is tested. Units lie in [-1, 1] whatever the samples within a cluster share.
    """
    sizes = np.bincount(clusters)
    sums = np.array([np.bincount(clusters, weights=row, minlength=len(sizes)) for row in np.nan_to_num(d)])
    units: Floats = sums.reshape(len(d), len(sizes)) / sizes.max()
    return units


def _crosses(
    x: Floats, last: NDArray[np.intp], n: NDArray[np.int64], null: Floats, side: int, alpha: float, replacement: bool
) -> NDArray[np.bool_]:
    """(P,): whether the e-process of one side reaches 2/alpha in the first ``last`` columns of each row."""
    bets = Bets(n, alpha, "adaptive", replacement, null)
    rows = np.arange(len(n))
    crossed = np.zeros(len(n), dtype=bool)
    for start in range(0, x.shape[1], BLOCK):
        open_ = ~crossed[rows] & (last[rows] > start)
        if not open_.all():
            bets.keep(open_)
            rows = rows[open_]
        if not len(rows):
            break
        e = bets.feed(x[rows, start : start + BLOCK], (side,))[side]
        crossed[rows] = (e >= log(2 / alpha)).any(axis=1)
    return crossed


BLOCK = 64
"""Samples that are bet on in one array operation."""


def _log_mean(logs: Floats, weights: Floats) -> Floats:
    """log of the weighted mean of exp over the last axis."""
    most = logs.max(axis=-1)
    mean: Floats = most + np.log(np.exp(logs - most[..., None]) @ weights)
    return mean
