"""Races over stored answers: what a race would have taken and decided, beside what all the data say.

The answers are put in a random order and raced as a live race would; then the whole benchmark tells whether each
decision was right. The reference mixture runs over the same pairs in the same orders, so that a share of samples is
never shown without what the plain method takes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from assay.errors import UsageError
from assay.measure import racing
from assay.measure.intervals import Floats
from assay.measure.matrix import Matrix
from assay.measure.racing import Decisions, Ints
from assay.measure.sequential import Method

Estimand = Literal["benchmark", "population"]

GAPS = (0.0, 0.01, 0.02, 0.05, 0.10, 0.20, 1.01)
"""Edges of the bins of true differences that races are reported by."""
MOST_INTERVALS = 100
"""Pairs up to which confidence sequences are computed: they take some ten times the race itself."""


class PairRace(msgspec.Struct, frozen=True):
    """One pair's race."""

    a: str
    b: str
    n: int
    """Samples that both have a score on."""
    samples_used: int
    share: float
    """Of ``n``."""
    decision: Literal["A", "B", "undecided"]
    lower: float | None
    """Confidence sequence of the mean difference A - B over the benchmark, as it stood at the decision."""
    upper: float | None
    difference: float
    """Mean of A less mean of B over all ``n``."""
    truth: Literal["A", "B", "tie"]
    """The sign of ``difference``."""
    wrong: bool
    """Decided, and not as the truth; where that is a tie, any decision is wrong."""


class Means(msgspec.Struct, frozen=True):
    """Over pairs and orders."""

    races: int
    """Pairs times orders."""
    mean_share: float | None
    """Of a pair's samples, the part looked at; an undecided pair has looked at all."""
    share_se: float | None
    """Standard error over the random orders; ``None`` for one order."""
    median_samples: float | None
    decided: float | None
    wrong: float | None


class GapMeans(msgspec.Struct, frozen=True):
    """The pairs whose true difference is in one range."""

    gap: str
    """In points (hundredths)."""
    means: Means


class PairsReport(msgspec.Struct, frozen=True):
    """All pairs of the stored models, raced."""

    estimand: str
    method: str
    alpha: float
    level: float
    """Error rate of each pair: ``alpha``, or its share of the family."""
    family: bool
    seeds: tuple[int, ...]
    models: tuple[str, ...]
    items: int
    means: Means
    reference: Means
    """The fixed mixture on the same pairs in the same orders."""
    by_gap: tuple[GapMeans, ...]
    pairs: tuple[PairRace, ...]
    """In the order of the first seed."""


class ModelRace(msgspec.Struct, frozen=True):
    """One model in the search for the best."""

    model: str
    samples_used: int
    share: float
    dropped: bool
    mean: float
    """Over all its samples."""


class BestReport(msgspec.Struct, frozen=True):
    """The search for the best stored model."""

    estimand: str
    alpha: float
    seeds: tuple[int, ...]
    items: int
    best: tuple[str, ...]
    """Those that were not dropped, in the order of the first seed."""
    truth: tuple[str, ...]
    """The highest mean over all samples; several where they tie."""
    mean_share: float
    """Of models x samples, the part that was asked, over all orders."""
    lost: float
    """Share of the orders in which a true best was dropped."""
    models: tuple[ModelRace, ...]
    """In the order of the first seed."""


ESTIMANDS = {
    "benchmark": "the order of the means over all samples of this benchmark, asked or not",
    "population": "the order of the means over the population that the samples were drawn from",
}


def stored_pairs(
    matrix: Matrix,
    seeds: Sequence[int],
    *,
    alpha: float = 0.05,
    family: bool = False,
    method: Method = "adaptive",
    estimand: Estimand = "benchmark",
    tick: Callable[[], None] = lambda: None,
) -> PairsReport:
    """Race all pairs in each of the random orders. ``tick`` is called after each. Raises ``UsageError``."""
    x = scores(matrix)
    first, second = racing.pairs(len(x))
    both = np.isfinite(x).astype(np.float64)
    n = np.rint((both @ both.T)[first, second]).astype(np.int64)
    if not n.all():
        pair = int(np.flatnonzero(n == 0)[0])
        names = matrix.models[first[pair]], matrix.models[second[pair]]
        raise UsageError(f"{names[0]} and {names[1]} have no sample in common: they cannot be raced")
    gap, sign = racing.truth(x)

    def race(seed: int, how: Method) -> Decisions:
        if estimand == "population":
            return racing.race_population(x, matrix.clusters, seed=seed, alpha=alpha, family=family, method=how)
        turn = racing.order(x.shape[1], seed)
        return racing.race_pairs(x[:, turn], alpha=alpha, family=family, method=how)

    ours, plain = [], []
    for seed in seeds:
        ours.append(race(seed, method))
        plain.append(ours[-1] if method == "reference" else race(seed, "reference"))
        tick()
    level = racing.pair_level(alpha, len(first), family=family)
    bins = np.searchsorted(GAPS, np.abs(gap), side="right") - 1
    return PairsReport(
        estimand=ESTIMANDS[estimand],
        method=method,
        alpha=alpha,
        level=level,
        family=family,
        seeds=tuple(seeds),
        models=matrix.models,
        items=x.shape[1],
        means=_means(ours, n, sign),
        reference=_means(plain, n, sign),
        by_gap=tuple(
            GapMeans(f"{100 * GAPS[b]:.0f}-{min(100 * GAPS[b + 1], 100):.0f}", _means(ours, n, sign, bins == b))
            for b in range(len(GAPS) - 1)
        ),
        pairs=_pair_races(matrix, x, ours[0], n, gap, sign, level, seeds[0], estimand, method),
    )


def stored_best(matrix: Matrix, seeds: Sequence[int], *, alpha: float = 0.05) -> BestReport:
    """Search for the best model in each of the random orders. Raises ``UsageError``."""
    x = scores(matrix)
    if not np.isfinite(x).all(axis=0).any():
        raise UsageError("no sample has a score of every model: there is no best to look for")
    x = x[:, np.isfinite(x).all(axis=0)]
    races = [racing.race_best(x[:, racing.order(x.shape[1], seed)], alpha=alpha) for seed in seeds]
    means = x.mean(axis=1)
    top = means >= means.max() - 1e-9
    return BestReport(
        estimand=ESTIMANDS["benchmark"],
        alpha=alpha,
        seeds=tuple(seeds),
        items=x.shape[1],
        best=tuple(name for name, gone in zip(matrix.models, races[0].dropped, strict=True) if not gone),
        truth=tuple(name for name, is_top in zip(matrix.models, top, strict=True) if is_top),
        mean_share=float(np.mean([asked(race.column, race.dropped) for race in races]) / x.shape[1]),
        lost=float(np.mean([race.dropped[top].any() for race in races])),
        models=tuple(
            ModelRace(name, int(column), float(column) / x.shape[1], bool(gone), float(mean))
            for name, column, gone, mean in zip(
                matrix.models, _stops(races[0].column, races[0].dropped), races[0].dropped, means, strict=True
            )
        ),
    )


def asked(column: Ints, dropped: NDArray[np.bool_]) -> float:
    """Mean number of samples that each model was asked; one left alone stops with the last that was dropped."""
    return float(_stops(column, dropped).mean())


def scores(matrix: Matrix) -> Floats:
    """The matrix's scores, where they can be raced. Raises ``UsageError``."""
    if len(matrix.models) < 2:
        raise UsageError(f"a race takes two models; here is {len(matrix.models)}")
    return in_range(matrix.x)


def in_range(x: Floats) -> Floats:
    """The scores, checked to lie in [0, 1], on which the proof rests. Raises ``UsageError``."""
    known = x[np.isfinite(x)]
    if known.size and (known.min() < 0 or known.max() > 1):
        raise UsageError(
            f"races take scores in [0, 1]; here is one of {known.min() if known.min() < 0 else known.max()}"
        )
    return x


def _stops(column: Ints, dropped: NDArray[np.bool_]) -> Ints:
    alone = (~dropped).sum() == 1
    return np.where(~dropped & alone, column[dropped].max(initial=0), column)


def _means(races: Sequence[Decisions], n: Ints, sign: Ints, where: NDArray[np.bool_] | slice = slice(None)) -> Means:
    used = np.array([race.used[where] for race in races])
    decided = np.array([race.sign[where] for race in races]) != 0
    mistaken = np.array([racing.wrong(race, sign)[where] for race in races])
    if not used.size:
        return Means(0, None, None, None, None, None)
    by_order = (used / n[where]).mean(axis=1)
    se = float(by_order.std(ddof=1) / np.sqrt(len(races))) if len(races) > 1 else None
    return Means(
        used.size, float(by_order.mean()), se, float(np.median(used)), float(decided.mean()), float(mistaken.mean())
    )


def _pair_races(
    matrix: Matrix,
    x: Floats,
    race: Decisions,
    n: Ints,
    gap: Floats,
    sign: Ints,
    level: float,
    seed: int,
    estimand: Estimand,
    method: Method,
) -> tuple[PairRace, ...]:
    first, second = racing.pairs(len(x))
    ends: list[tuple[float, float]] | list[tuple[None, None]] = [(None, None)] * len(first)
    if estimand == "benchmark" and method == "adaptive" and len(first) <= MOST_INTERVALS:
        lower, upper = racing.intervals(x[:, racing.order(x.shape[1], seed)], race, alpha=level)
        ends = [(float(low), float(high)) for low, high in zip(lower, upper, strict=True)]
    mistaken = racing.wrong(race, sign)
    return tuple(
        PairRace(
            a=matrix.models[first[p]],
            b=matrix.models[second[p]],
            n=int(n[p]),
            samples_used=int(race.used[p]),
            share=float(race.used[p] / n[p]),
            decision=("undecided", "A", "B")[race.sign[p]],
            lower=ends[p][0],
            upper=ends[p][1],
            difference=float(gap[p]),
            truth=("tie", "A", "B")[sign[p]],
            wrong=bool(mistaken[p]),
        )
        for p in range(len(first))
    )
