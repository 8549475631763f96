"""Races: several models asked the same samples in one random order, each comparison stopped once it is decided.

Pure functions over a matrix whose columns stand in the order in which they are, or would have been, asked. What is
decided is the order of the models' means *on this benchmark*: over all its samples, asked or not. The invariant:
a decision depends only on columns up to the one it is made at, so that a race over stored answers decides what
the live race would have decided.

Two kinds. ``race_pairs`` settles every pair; each decision is wrong with probability at most ``alpha``, or with
``family`` all of them together (alpha over the number of pairs, Bonferroni on e-values). ``race_best`` looks for the
best model and drops the others on the way: model j is dropped when the average of the e-processes "i is better
than j" over the other models i reaches 1/alpha. If j is best, each of these is an e-process (frozen where i or j is
dropped, which is a stopping time of the same shared order), and so is their average; so the best model is ever
dropped with probability at most alpha. Taking the average is never later than waiting for one of them to reach
(M - 1)/alpha.
"""

from __future__ import annotations

from math import log
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from assay.measure.intervals import Codes, Floats
from assay.measure.sequential import BLOCK, Bets, Method, cluster_units, interval

Ints = NDArray[np.int64]


class Decisions(NamedTuple):
    """What became of P pairs."""

    used: Ints
    """(P,): samples looked at by the decision, or all of the pair's where there is none."""
    sign: Ints
    """(P,): 1 where the first model is better, -1 where the second is, 0 where undecided."""
    log_e: Floats
    """(P,): the larger of the two e-processes (natural logarithm) at that look."""
    column: Ints
    """(P,): the column after which the race of the pair ended."""


class Drops(NamedTuple):
    """What became of M models in the search for the best."""

    column: Ints
    """(M,): the column after which the model was dropped, or the number of columns."""
    dropped: NDArray[np.bool_]
    """(M,)."""
    log_e: Floats
    """(M,): the average e-process against its being the best (natural logarithm) at that look."""


def order(items: int, seed: int) -> Ints:
    """A uniformly random order of the samples, the same for every model and every session."""
    return np.random.default_rng(seed).permutation(items)


def pairs(models: int) -> tuple[Ints, Ints]:
    """First and second model of each pair, both (P,)."""
    first, second = np.triu_indices(models, 1)
    return first.astype(np.int64), second.astype(np.int64)


def pair_level(alpha: float, count: int, *, family: bool) -> float:
    """The level of each of ``count`` pairs: ``alpha``, or its share where all are to be right together."""
    return alpha / max(count, 1) if family else alpha


def differences(x: Floats, first: Ints, second: Ints, *, lost_is_tie: bool = False) -> Floats:
    """(P, N): a - b by sample, NaN where either is missing, or 0 with ``lost_is_tie``.

    Stored runs are compared on the samples that both answered, known beforehand. In a live race nobody knows
    beforehand what will be lost: there a lost reply is no difference, and the population stays the whole list.
    """
    d: Floats = x[first] - x[second]
    return np.nan_to_num(d) if lost_is_tie else d


def decide(d: Floats, n: Ints, *, alpha: float, method: Method = "adaptive", replacement: bool = False) -> Decisions:
    """Race each row of ``d`` (P, N; NaN is skipped) over its population of ``n`` (P,), two-sided at level ``alpha``.

    A side is decided when its e-process reaches 2/alpha, so that a decision is wrong with probability at most
    alpha/2, and where there is no difference at all one is made with probability at most alpha.
    """
    p, columns = d.shape
    bets = Bets(n, alpha, method, replacement)
    sign, column, log_e = np.zeros(p, dtype=np.int64), np.full(p, columns), np.zeros(p)
    rows = np.arange(p)
    for start in range(0, columns, BLOCK):
        e = bets.feed(d[rows, start : start + BLOCK])
        most = e.max(axis=0)
        crossed = most >= log(2 / alpha)
        ended = crossed.any(axis=1)
        at = np.where(ended, crossed.argmax(axis=1), most.shape[1] - 1)
        here = np.arange(len(rows))
        log_e[rows] = most[here, at]
        done = rows[ended]
        column[done] = start + at[ended] + 1
        sign[done] = np.where(e[0, here, at][ended] >= e[1, here, at][ended], 1, -1)
        rows = rows[~ended]
        if not len(rows):
            break
        bets.keep(~ended)
    seen = np.cumsum(np.isfinite(d), axis=1)
    used = np.where(column > 0, seen[np.arange(p), np.maximum(column, 1) - 1], 0) if columns else column
    return Decisions(used.astype(np.int64), sign, log_e, column)


def race_pairs(
    x: Floats, *, alpha: float, family: bool = False, method: Method = "adaptive", population: int | None = None
) -> Decisions:
    """Race all pairs of the rows of ``x`` (models, columns asked so far).

    ``population`` is the number of samples in the benchmark, of which the columns are the first in a live race;
    by default the columns are all there is, and each pair is raced on those where both have a score.
    """
    first, second = pairs(len(x))
    d = differences(x, first, second, lost_is_tie=population is not None)
    n = np.isfinite(d).sum(axis=1) if population is None else np.full(len(first), population)
    return decide(d, n, alpha=pair_level(alpha, len(first), family=family), method=method)


def race_best(x: Floats, *, alpha: float, population: int | None = None) -> Drops:
    """Drop the rows of ``x`` (models, columns asked so far) that are not the best, as soon as that is sure enough.

    The true best (any of them, where several tie) is ever dropped with probability at most ``alpha``. A missing
    score is no difference, so that all pairs share one population.
    """
    models, columns = x.shape
    first, second = pairs(models)
    bets = Bets(np.full(len(first), population or columns), 2 * alpha / max(models - 1, 1))
    frozen = np.zeros((models, models))  # [i, j]: log e-process of "i is better than j" as it stood last
    column, dropped = np.full(models, columns), np.zeros(models, dtype=bool)
    log_e = np.zeros(models)
    for start in range(0, columns, BLOCK):
        still = ~dropped[first] & ~dropped[second]
        if not still.any():
            break
        if not still.all():
            bets.keep(still)
            first, second = first[still], second[still]
        block = x[:, start : start + BLOCK]
        e = bets.feed(differences(block, first, second, lost_is_tie=True))
        better = np.repeat(frozen[:, :, None], block.shape[1], axis=2)
        better[first, second], better[second, first] = e[0], e[1]
        better[np.arange(models), np.arange(models)] = -np.inf
        _drop(better, start, alpha, dropped, column, log_e)
        frozen = better[:, :, -1]
    return Drops(column.astype(np.int64), dropped, log_e)


def _drop(better: Floats, start: int, alpha: float, dropped: NDArray[np.bool_], column: Ints, log_e: Floats) -> None:
    """Drop models in the order of their times within one block (M, M, B); a dropped model's e-processes stand still."""
    models = len(better)
    since = 0
    while True:
        against = _mean_e(better, models)
        crossed = (against >= log(1 / alpha)) & ~dropped[:, None]
        crossed[:, :since] = False
        when = crossed.any(axis=0)
        if not when.any() or dropped.sum() >= models - 1:
            break
        since = int(when.argmax())
        gone = np.flatnonzero(crossed[:, since])
        gone = gone[np.argsort(-against[gone, since], kind="stable")][: models - 1 - int(dropped.sum())]
        dropped[gone], column[gone], log_e[gone] = True, start + since + 1, against[gone, since]
        for j in gone:
            better[j, :, since:], better[:, j, since:] = better[j, :, since, None], better[:, j, since, None]
    log_e[~dropped] = against[~dropped, -1]


def _mean_e(better: Floats, models: int) -> Floats:
    """(M, B): log of the average over i of the e-processes "i is better than j"."""
    most = better.max(axis=0)
    safe = np.where(np.isfinite(most), most, 0.0)
    with np.errstate(divide="ignore", over="ignore"):
        mean: Floats = safe + np.log(np.exp(better - safe).sum(axis=0) / max(models - 1, 1))
    return np.where(np.isposinf(most), np.inf, mean)


def race_population(
    x: Floats, clusters: Codes | None, *, seed: int, alpha: float, family: bool = False, method: Method = "adaptive"
) -> Decisions:
    """Race all pairs for the order of their means over the population that the samples were drawn from.

    Clusters (samples without are clusters of their own) come in a random order and are bet on as wholes, being the
    independent units. ``used`` counts samples that both have, ``column`` clusters. What either lacks is no difference.
    """
    units = np.arange(x.shape[1]) if clusters is None else clusters
    first, second = pairs(len(x))
    sizes = np.bincount(units)
    turn = order(len(sizes), seed)
    by_sample = differences(x, first, second)
    d = cluster_units(by_sample, units)[:, turn]
    level = pair_level(alpha, len(first), family=family)
    found = decide(d, np.full(len(first), len(sizes)), alpha=level, method=method, replacement=True)
    place = np.argsort(turn)[units]
    looked_at = np.isfinite(by_sample) & (place < found.column[:, None])
    return found._replace(used=looked_at.sum(axis=1).astype(np.int64))


def truth(x: Floats) -> tuple[Floats, Ints]:
    """(P,), (P,): each pair's mean difference over all the samples that both have, and its sign (0: a tie)."""
    first, second = pairs(len(x))
    d = differences(x, first, second)
    n = np.isfinite(d).sum(axis=1)
    mean = np.nansum(d, axis=1) / np.maximum(n, 1)
    return mean, np.where(np.abs(mean) < 1e-9, 0, np.sign(mean)).astype(np.int64)


def wrong(decisions: Decisions, sign: Ints) -> NDArray[np.bool_]:
    """(P,): decided, and not as it is on all samples; where those tie, any decision is wrong."""
    mistaken: NDArray[np.bool_] = (decisions.sign != 0) & (decisions.sign != sign)
    return mistaken


def intervals(x: Floats, decisions: Decisions, *, alpha: float, population: int | None = None) -> tuple[Floats, Floats]:
    """(P,), (P,): confidence sequences of the mean differences over the benchmark, as they stood at the decisions.

    ``alpha`` is the level of each pair, as its decision was made at.
    """
    first, second = pairs(len(x))
    d = differences(x, first, second, lost_is_tie=population is not None)
    n = np.isfinite(d).sum(axis=1) if population is None else np.full(len(first), population)
    return interval(d, n, decisions.used, alpha=alpha)
