"""Adaptive testing: which items to ask next, and how well the answers fit the bank.

A session has two parts. The *adaptive part* asks the items that tell most about the model at its ability as it is
thought to be so far. The *random part* draws from all the rest, with chances that are known: an item whose answer is
less certain is likelier, and every item has a chance. That is what makes the interval honest
(``shortforms.difference``). The invariants: chances and predictions of a draw depend on earlier batches only; and a
session is a function of its settings and the answers, so that it is resumed by replaying it.

Sources: Kingsbury and Zara (1989) for the five most informative items drawn from at random and for content quotas;
Hofmann and others, "Fluid Language Model Benchmarking" (arXiv 2509.11106); Drasgow, Levine and Williams (1985) for
the standardised log-likelihood of a pattern.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from assay.measure.intervals import Codes, Floats, Interval
from assay.measure.irt.ability import ability
from assay.measure.irt.model import Items, information, probability, sigmoid
from assay.measure.shortforms import Difference, Draws, difference

TOP = 5
"""An item is drawn from the so many most informative ones, so that sessions do not all ask the same few."""
BATCH = 5
"""Items asked at once, between two updates of the ability."""
ADAPTIVE_SHARE = 0.4
"""Of the budget: the adaptive part. The rest carries the interval, whose width falls with the random part."""
ENOUGH = 15
"""Items that find an ability well enough: a small budget's adaptive part gets so many, or ``SMALL_SHARE`` of it."""
SMALL_SHARE = 0.6
EVEN = 0.2
"""Share of each draw's chance that is spread evenly, for predictions that are sure and wrong."""
UNUSUAL = -2.5
"""Below this standardised log-likelihood the pattern of answers does not fit the bank."""
OFF = 3.0
"""Standard errors that the random part may be off its predictions by."""


class Quotas(NamedTuple):
    """How the adaptive part is shared among kinds of items."""

    codes: Codes
    """(n,): each item's kind, 0 ... G-1."""
    target: Floats
    """(G,): wanted shares, summing to 1."""


def proportional(codes: Codes) -> Quotas:
    """Quotas like the bank's own composition."""
    counts = np.bincount(codes)
    return Quotas(codes, counts / counts.sum())


def split(budget: int) -> tuple[int, int]:
    """Sizes of the adaptive and of the random part, which has at least two."""
    wanted = max(round(budget * ADAPTIVE_SHARE), min(ENOUGH, round(budget * SMALL_SHARE)))
    adaptive = min(wanted, max(0, budget - 2))
    return adaptive, budget - adaptive


def choose(
    theta: float,
    items: Items,
    asked: NDArray[np.bool_],
    count: int,
    rng: np.random.Generator,
    quotas: Quotas | None = None,
) -> list[int]:
    """The next ``count`` items to ask a model of ability ``theta``, among those not ``asked`` (n,).

    Each is drawn from the ``TOP`` most informative items of the kind that lags most behind its quota.
    """
    worth = information(np.array([theta]), items)[0]
    worth[asked] = -np.inf
    chosen: list[int] = []
    used: Floats = np.zeros(0)
    if quotas is not None:
        used = np.bincount(quotas.codes[asked], minlength=len(quotas.target)).astype(np.float64)
    for _ in range(min(count, int((~asked).sum()))):
        pool = worth
        if quotas is not None:
            kind = _behind(used, quotas, worth)
            used[kind] += 1
            pool = np.where(quotas.codes == kind, worth, -np.inf)
        top = np.argsort(-pool, kind="stable")[: min(TOP, int(np.isfinite(pool).sum()))]
        item = int(rng.choice(top))
        chosen.append(item)
        worth[item] = -np.inf
    return chosen


def _behind(used: Floats, quotas: Quotas, worth: Floats) -> int:
    """The kind furthest below its quota among those that have items left."""
    left = np.bincount(quotas.codes[np.isfinite(worth)], minlength=len(quotas.target)) > 0
    lag = quotas.target * (used.sum() + 1) - used
    return int(np.where(left, lag, -np.inf).argmax())


def ability_of(y: Floats, items: Items, theta0: float = 0.0) -> tuple[float, float]:
    """Ability and its standard error from the answers y (n,), NaN where not asked; the prior is N(theta0, 1)."""
    seen = np.flatnonzero(np.isfinite(y))
    if not len(seen):
        return theta0, 1.0
    theta, se = ability(y[None, seen], items.take(seen), prior=(theta0, 1.0))
    return float(theta[0]), float(se[0])


def predicted(theta: float, se: float, items: Items) -> Floats:
    """(n,): chance of being right when ability is only known to be N(theta, se²).

    c + (1-c) σ(z / √(1 + π a² se²/8)), MacKay's approximation (1992).
    """
    z = (theta * items.a + items.d) / np.sqrt(1 + np.pi / 8 * (items.a * se) ** 2)
    return np.asarray(items.c + (1 - items.c) * sigmoid(z))


class Session:
    """An adaptive session as far as it has got: ask what ``following`` names, ``take`` the answers, and so on.

    ``following`` may be called again and names the same items until they are taken.
    """

    def __init__(
        self,
        items: Items,
        budget: int,
        seed: int,
        *,
        theta0: float = 0.0,
        quotas: Quotas | None = None,
        batch: int = BATCH,
    ) -> None:
        n = len(items.a)
        self.items = items
        self.y: Floats = np.full(n, np.nan)
        """(n,): answers; NaN where not asked, or lost."""
        self.fixed: list[int] = []
        """The adaptive part, in the order asked."""
        self.drawn: list[int] = []
        """The random part, in the order drawn."""
        self._sizes = split(min(budget, n))
        self._seed, self._theta0, self._quotas, self._batch = seed, theta0, quotas, batch
        self._rounds = 0
        self._asked = np.zeros(n, bool)
        self._draws: list[tuple[float, ...]] = []

    @property
    def asked(self) -> list[int]:
        """Items in the order asked."""
        return self.fixed + self.drawn

    @property
    def ability(self) -> tuple[float, float]:
        """Ability and its standard error from all answers."""
        return self.ability_from(self.y)

    def ability_from(self, y: Floats) -> tuple[float, float]:
        """The same from other answers y (n,)."""
        return ability_of(y, self.items, self._theta0)

    @property
    def weights(self) -> Floats:
        """(T,): how much rarer each drawn item's draw was than an even one; weights of an unpredicted mean."""
        draws = self.draws
        return 1 / (draws.chance * draws.left)

    @property
    def draws(self) -> Draws:
        """The random part's chances and predictions."""
        return Draws(*np.array(self._draws).reshape(-1, len(Draws._fields)).T)

    def following(self) -> list[int]:
        """The next batch of items; empty when the session is over."""
        adaptive, random = self._sizes
        rng = np.random.default_rng([self._seed, self._rounds])
        if len(self.fixed) < adaptive:
            count = min(self._batch, adaptive - len(self.fixed))
            return choose(self.ability[0], self.items, self._asked, count, rng, self._quotas)
        return [item for item, _ in self._drawing(min(self._batch, random - len(self.drawn)), rng)]

    def take(self, answers: Mapping[int, float]) -> None:
        """The answers to the items that ``following`` named, NaN where one is lost."""
        adaptive, random = self._sizes
        rng = np.random.default_rng([self._seed, self._rounds])
        if len(self.fixed) < adaptive:
            batch = self.following()
            self.fixed += batch
        else:
            drawing = self._drawing(min(self._batch, random - len(self.drawn)), rng)
            batch = [item for item, _ in drawing]
            self._draws += [facts for _, facts in drawing]
            self.drawn += batch
        self._asked[batch] = True
        self.y[batch] = [answers[item] for item in batch]
        self._rounds += 1

    def difference(self) -> Difference | None:
        """The estimate of the mean score that rests on the random part; ``None`` before it has two answers."""
        answers = self.y[self.drawn]
        if np.isfinite(answers).sum() < 2:
            return None
        known = float(np.where(np.isfinite(self.y), self.y, predicted(*self.ability, self.items))[self.fixed].sum())
        found = difference(known, answers, self.draws, len(self.y))
        if np.isfinite(self.y).all():  # nothing is left to chance
            mean = float(self.y.mean())
            return found._replace(value=mean, interval=Interval(mean, mean), se=0.0)
        return found

    def misfit(self) -> Misfit:
        """How unlike the bank's models the answers are."""
        found = self.difference()
        return misfit(self.y, self.items, self.ability[0], 0.0 if found is None else found.off)

    def _drawing(self, count: int, rng: np.random.Generator) -> list[tuple[int, tuple[float, ...]]]:
        """The next draws, each with the fields of ``Draws``."""
        if count <= 0:
            return []
        p = predicted(*self.ability, self.items)
        variance, left = p * (1 - p), ~self._asked
        drawing: list[tuple[int, tuple[float, ...]]] = []
        for _ in range(count):
            worth = np.sqrt(variance) * left
            chance = EVEN * left / left.sum() + (1 - EVEN) * worth / max(worth.sum(), 1e-300)
            chance /= chance.sum()
            item = int(rng.choice(len(p), p=chance))
            spread = float((variance[left] / chance[left]).sum())
            facts = (float(chance[item]), float(p[item]), float(p[left].sum()), spread, float(left.sum()))
            drawing.append((item, facts))
            left[item] = False
        return drawing


class Misfit(NamedTuple):
    """How unlike the bank's models the answers are."""

    outfit: float
    """Mean squared standardised residual: 1 where the answers are as random as the bank says."""
    lz: float
    """Standardised log-likelihood of the pattern: about N(0, 1) for models that fit; far below 0 is unusual."""
    off: float
    """What the predictions were off by in the random part, in standard errors."""
    warnings: tuple[str, ...]


def misfit(y: Floats, items: Items, theta: float, off: float) -> Misfit:
    """Person fit of the answers y (n,; NaN where not asked) at ability ``theta``; ``off`` as in ``Difference``.

    Outfit is mean (y-p)²/(p(1-p)); lz = (l - E l) / sd(l) with l = Σ y ln p + (1-y) ln(1-p).
    """
    seen = np.flatnonzero(np.isfinite(y))
    few, x = items.take(seen), y[seen]
    p = np.clip(probability(np.array([theta]), few)[0], 1e-6, 1 - 1e-6)
    variance, logit = p * (1 - p), np.log(p / (1 - p))
    outfit = float(((x - p) ** 2 / variance).mean()) if len(seen) else 1.0
    scale = sqrt(float((variance * logit**2).sum()))
    lz = float(((x - p) * logit).sum()) / scale if scale > 0 else 0.0
    warnings = []
    if lz < UNUSUAL:
        warnings.append(f"the answers do not fit the bank (lz {lz:.1f}, outfit {outfit:.2f})")
    if abs(off) > OFF:
        side = "better" if off > 0 else "worse"
        warnings.append(f"on randomly drawn samples the model does {side} than the bank predicts ({off:+.1f} SE)")
    return Misfit(outfit, lz, off, tuple(warnings))
