"""Which groups of samples stand out: a scan statistic over candidate groups, and level sets of a taxonomy.

The search asks, of every candidate group, how much better two rates describe the scores than one does
(Kulldorff, 1997: log-likelihood ratio of two Bernoulli rates, the inside one lower), takes the best group, sets
its samples aside and asks again, until the best is what shuffled scores give by luck. The right grain comes by
itself: a category of which only three rules are weak has a smaller ratio than the rules. What is too small to
stand out alone is tried together: the values of a tag or topic, ordered by their rate and cut where two rates
fit best, against the same cut through shuffled scores.

The invariant: everything here sees one half of the samples; what is found is a suspicion for the gate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from assay.analyze.claims import Condition, Selection
from assay.analyze.pool import FEWEST, WIDEST, Pool
from assay.measure.intervals import Floats

if TYPE_CHECKING:
    import polars as pl

SHUFFLES = 99
DEPTH = 3
_NEARLY = 0.8
"""Share of what the best taxonomy says that a coarser one must say to be preferred."""
_MANY = 40
"""Values above which a taxonomy is too fine to be read, unless it says more than twice as much."""
_DISCOUNT = 0.5
_ALONE = 1e-6
"""Binomial probability under the rest's level below which a value is told by itself."""
_WIDEST_WORD = 0.25
"""Share of the samples above which a word is no topic."""
_BEAM = 8
_FRESH = 0.5
"""Share of a group's samples that no group found before may hold."""
_EXPECTED = 10.0
"""Samples of either kind that a group without a complement must be expected to hold; see ``statistician``."""


def samples_of(cases: pl.DataFrame) -> pl.DataFrame:
    """One row a sample that the model had a say in: numbers averaged over its attempts, the rest from the first."""
    import polars as pl

    keys = ["task", "sample_id"]
    cases = cases.filter(pl.col("score").is_not_null())
    if cases.select(pl.struct(keys).n_unique()).item() == cases.height:
        return cases
    told = [
        name for name, kind in cases.schema.items() if name not in keys and (kind.is_numeric() or kind == pl.Boolean)
    ]
    given = [name for name in cases.columns if name.startswith(("num:", "prompt_")) or name == "options"]
    averaged = [pl.col(name).cast(pl.Float64).mean() for name in told if name not in given]
    return cases.group_by(keys, maintain_order=True).agg(
        *averaged, pl.exclude(*keys, *(set(told) - set(given))).first()
    )


def unit_interval(x: Floats) -> Floats:
    """Numbers brought to [0, 1], where they are not there already."""
    if len(x) == 0 or (x.min() >= 0 and x.max() <= 1):
        return x
    low, high = float(x.min()), float(x.max())
    scaled: Floats = (x - low) / (high - low if high > low else 1.0)
    return scaled


class Found(NamedTuple):
    """A group that stands out."""

    where: Selection
    members: NDArray[np.int64]
    """Rows of the frame that was searched."""
    gain: float
    """Log-likelihood ratio, on the samples that were left."""


def stand_out(
    pool: Pool, x: Floats, *, low: bool = True, chance: float = 0.2, most: int = 12, seed: int = 0
) -> list[Found]:
    """The groups whose mean is lower (higher) than that of the rest.

    Args:
        pool: candidate groups of n samples.
        x: n numbers in [0, 1].
        low: whether low means are looked for.
        chance: how probable it may be that a search through noise finds anything.
        most: of how many groups at most.
        seed: of the shuffles.
    """
    x = x if low else 1 - x
    n = len(x)
    if n < 4 * FEWEST or float(x.std()) == 0 or not pool.conditions:
        return []
    left = np.ones(n)
    found = _level_sets(pool, x, left, chance, most, seed)
    shuffled = _shuffled(x, np.ones(n), seed)
    bar = float(np.quantile(_gains(pool, np.ones(n), shuffled, float(x.mean())).max(axis=0), 1 - chance))
    while len(found) < most:
        best = _best(pool, x, left, bar)
        if best is None:
            break
        found.append(best)
        left[best.members] = 0
    return found[:most]


def _shuffled(x: Floats, left: Floats, seed: int) -> Floats:
    """The numbers that are left, in other orders at the same places: n by shuffles."""
    rng = np.random.default_rng(seed)
    at = np.flatnonzero(left)
    shuffled = np.zeros((len(x), SHUFFLES))
    for column in range(SHUFFLES):
        shuffled[at, column] = rng.permutation(x[at])
    return shuffled


def gain(n: Floats, s: Floats, total: float, sum_: float | Floats) -> Floats:
    """Kulldorff's log-likelihood ratio: n samples with sum s inside, of ``total`` with ``sum_``; 0 unless lower."""
    from scipy.special import xlogy

    out, rest = total - n, sum_ - s
    with np.errstate(divide="ignore", invalid="ignore"):
        p, q = s / n, rest / out
        inside = xlogy(s, p) + xlogy(n - s, 1 - p) + xlogy(rest, q) + xlogy(out - rest, 1 - q)
        level = sum_ / total
        ratio = inside - xlogy(sum_, level) - xlogy(total - sum_, 1 - level)
    found: Floats = np.where((p < q) & np.isfinite(ratio), ratio, 0.0)
    return found


def _gains(pool: Pool, left: Floats, x: Floats, level: float) -> Floats:
    """Of every group, over the samples that are left. ``x``: n, or n by shuffles."""
    n = pool.members @ left
    weighted = x * (left if x.ndim == 1 else left[:, None])
    s = pool.members @ weighted
    total, sums = float(left.sum()), weighted.sum(axis=0)
    size = n if x.ndim == 1 else n[:, None]
    ratios = gain(size, s, total, sums)
    whole = np.asarray(pool.members.sum(axis=1)).ravel()
    bare = np.array([c.op == "contains" for c in pool.conditions])
    admitted = (n >= FEWEST) & (n >= _FRESH * whole) & (n <= WIDEST * total)
    admitted &= ~bare | ((n * min(level, 1 - level) >= _EXPECTED) & (whole <= _WIDEST_WORD * len(left)))
    found: Floats = ratios * (admitted if x.ndim == 1 else admitted[:, None])
    return found


def _best(pool: Pool, x: Floats, left: Floats, bar: float) -> Found | None:
    """The group with the highest ratio, narrowed by further conditions where that pays for the search."""
    level = float((x @ left) / max(left.sum(), 1))
    ratios = _gains(pool, left, x, level)
    if ratios.size == 0 or ratios.max() <= bar:
        return None
    price = float(np.log(len(pool.conditions)))
    beam = [
        Found((pool.conditions[at],), _members(pool, at), float(ratios[at]))
        for at in np.argsort(-ratios, kind="stable")[:_BEAM]
    ]
    best = beam[0]
    for _ in range(DEPTH - 1):
        beam = _narrowed(pool, beam, x, left, level)
        if not beam or beam[0].gain <= best.gain + price:
            break
        best = beam[0]
    return best


def _members(pool: Pool, at: int) -> NDArray[np.int64]:
    rows: NDArray[np.int64] = pool.members.indices[pool.members.indptr[at] : pool.members.indptr[at + 1]]
    return rows


def _narrowed(pool: Pool, beam: list[Found], x: Floats, left: Floats, level: float) -> list[Found]:
    total, sum_ = float(left.sum()), float(x @ left)
    tried: dict[frozenset[Condition], Found] = {}
    for group in beam:
        inside = np.zeros(len(x))
        everywhere = np.zeros(len(x))
        inside[group.members], everywhere[group.members] = left[group.members], 1
        n, s = pool.members @ inside, pool.members @ (inside * x)
        whole = pool.members @ everywhere
        ratios = gain(n, s, total, sum_)
        ratios *= (n >= FEWEST) & (n * min(level, 1 - level) >= _EXPECTED) & (n >= _FRESH * whole)
        for at in np.argsort(-ratios, kind="stable")[:_BEAM]:
            condition = pool.conditions[at]
            if any(condition.column == c.column and condition.op == c.op == "==" for c in group.where):
                continue
            if condition in group.where or ratios[at] <= 0:
                continue
            members = np.intersect1d(group.members, _members(pool, int(at)))
            where = (*group.where, condition)
            tried.setdefault(frozenset(where), Found(where, members, float(ratios[at])))
    return sorted(tried.values(), key=lambda group: -group.gain)[:_BEAM]


def _level_sets(pool: Pool, x: Floats, left: Floats, chance: float, most: int, seed: int) -> list[Found]:
    """Taxonomies one after the other, the one that says most first, until none says more than luck.

    What one says is how far its best cut lies above the same cut through shuffled scores. Of two that say nearly
    as much the coarser is taken. ``left`` is changed: samples of what is found are set aside.
    """
    found: list[Found] = []
    columns = dict(pool.sets)
    while columns and len(found) < most:
        shuffled = _shuffled(x, left, seed)
        options: list[tuple[float, int, str, NDArray[np.int64]]] = []
        for column, rows in columns.items():
            observed, chosen = _cut(pool, rows, x, left)
            if len(chosen) == 0:
                continue
            luck = _luck(pool, rows, shuffled, left)
            excess = observed - float(np.quantile(luck, 1 - chance / len(pool.sets)))
            if excess > 0:
                weight = excess if len(rows) <= _MANY else _DISCOUNT * excess
                options.append((weight, len(rows), column, chosen))
        if not options:
            break
        clear = max(option[0] for option in options)
        _, _, column, chosen = min((o for o in options if o[0] >= _NEARLY * clear), key=lambda o: (o[1], -o[0]))
        found += _told(pool, column, columns.pop(column)[chosen], x, left)
    return found


def _told(pool: Pool, column: str, rows: NDArray[np.int64], x: Floats, left: Floats) -> list[Found]:
    """A low set of values as groups: each that is clear by itself, and the others together."""
    from scipy.stats import binom

    members = pool.members[rows]
    inside = np.asarray(members @ left > 0).ravel()
    rest = left.copy()
    rest[np.unique(members.indices)] = 0
    level = float((x @ rest) / max(rest.sum(), 1.0))
    n, s = members @ left, members @ (x * left)
    alone = (binom.cdf(np.ceil(s), n, min(level, 1.0)) < _ALONE) & inside
    found = []
    for at in np.flatnonzero(alone):
        one = _members(pool, int(rows[at]))
        ratio = float(gain(n[at], s[at], left.sum(), x @ left))
        found.append(Found((pool.conditions[rows[at]],), one, ratio))
    together = rows[~alone]
    if len(together):
        values = tuple(sorted(str(pool.conditions[row].value) for row in together))
        union = np.unique(np.concatenate([_members(pool, int(row)) for row in together]))
        kept = left[union]
        ratio = float(gain(kept.sum(), kept @ x[union], left.sum(), x @ left))
        condition = Condition(column, "in", values) if len(values) > 1 else pool.conditions[together[0]]
        found.append(Found((condition,), union, ratio))
    left[np.unique(members.indices)] = 0
    return sorted(found, key=lambda group: -group.gain)


def _cut(pool: Pool, rows: NDArray[np.int64], x: Floats, left: Floats) -> tuple[float, NDArray[np.int64]]:
    """Values by their shrunken rate, cut where two rates fit best: the ratio there, and which are low."""
    members = pool.members[rows]
    n, s = members @ left, members @ (x * left)
    ratios, order = _prefixes(n, s[:, None], float(left.sum()), np.array([x @ left]))
    if ratios.size == 0:
        return 0.0, np.empty(0, np.int64)
    best = int(np.argmax(ratios[:, 0]))
    return float(ratios[best, 0]), order[: best + 1, 0]


def _luck(pool: Pool, rows: NDArray[np.int64], shuffled: Floats, left: Floats) -> Floats:
    """The best cut's ratio for each shuffle."""
    members = pool.members[rows]
    ratios, _ = _prefixes(members @ left, members @ shuffled, float(left.sum()), shuffled.sum(axis=0))
    return ratios.max(axis=0) if ratios.size else np.zeros(shuffled.shape[1])


def _prefixes(n: Floats, s: Floats, total: float, sums: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Ratios of all cuts, values by columns, and the order of the values."""
    there = np.flatnonzero(n > 0)
    if len(there) < 2:
        return np.empty((0, s.shape[1])), np.empty((0, s.shape[1]), np.int64)
    level = sums / max(total, 1)
    order = np.argsort((s[there] + 2 * level) / (n[there, None] + 2), axis=0, kind="stable")
    inside = np.cumsum(n[there][order], axis=0)[:-1]
    below = np.cumsum(np.take_along_axis(s[there], order, axis=0), axis=0)[:-1]
    return gain(inside, below, total, sums) * (inside <= WIDEST * total), there[order]
