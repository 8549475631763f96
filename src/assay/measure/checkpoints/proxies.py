"""Does one measurement stand for another: a likelihood for an accuracy, a benchmark for a benchmark?

The invariant: agreement is held against what the noise of both sides allows. Two benchmarks with reliabilities rel_A
and rel_B that measure the very same thing correlate by √(rel_A rel_B), so that r/√(rel_A rel_B) is what they
share (Spearman, 1904); near 1 one of them is redundant, below 0.7 it brings news.
"""

from __future__ import annotations

from math import log, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from assay.measure.checkpoints.decisions import Agreement, order_agreement
from assay.measure.intervals import Floats, Interval


class Proxy(NamedTuple):
    """How one score of each model predicts another."""

    models: int
    pearson: float
    pearson_interval: Interval
    """Fisher's z."""
    spearman: float
    decisions: Agreement
    """Pairs that the proxy orders as the target does."""


class Corrected(NamedTuple):
    """A correlation without what noise takes from it."""

    observed: float
    ceiling: float
    """√(rel_A rel_B): the correlation of two benchmarks that measure the same."""
    corrected: float
    """observed / ceiling; above 1 by chance alone, NaN where a reliability is 0."""
    interval: Interval
    """Of ``corrected``, from Fisher's z of the observed correlation; reliabilities are taken as known."""
    models: int


class Peer(NamedTuple):
    """One benchmark's agreement with the others' aggregate, beside its peers'."""

    tau: float
    """Mean Kendall τ over the draws."""
    sd: float
    """Over the draws: what the choice of models does."""
    z: float
    """(τ - mean of the peers' τ) / their sd; below about -1 the benchmark goes its own way."""


def bits_per_byte(nats: ArrayLike, gold_bytes: ArrayLike) -> Floats:
    """Negative log-likelihood of the gold answer in bits a byte, NLL / (ln 2 · bytes): comparable across tokenizers."""
    return np.asarray(np.asarray(nats, dtype=np.float64) / (log(2) * np.asarray(gold_bytes, dtype=np.float64)))


def proxy(
    early: ArrayLike, target: ArrayLike, *, level: float = 0.95, draws: int = 2000, seed: int = 0
) -> Proxy | None:
    """How the scores ``early`` predict ``target``, both (models,) and turned so that more is better.

    None for fewer than four models with both, or where one side has no spread.
    """
    a, b = _both(early, target)
    if len(a) < 4 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    agreement = order_agreement(a, b, level=level, draws=draws, seed=seed)
    assert agreement is not None
    r = float(np.corrcoef(a, b)[0, 1])
    return Proxy(len(a), r, fisher(r, len(a), level), float(stats.spearmanr(a, b).statistic), agreement)


def corrected(
    a: ArrayLike, b: ArrayLike, reliability_a: float, reliability_b: float, *, level: float = 0.95
) -> Corrected:
    """The correlation of two benchmarks over models, (models,) each, corrected for attenuation."""
    x, y = _both(a, b)
    if len(x) < 4 or np.ptp(x) == 0 or np.ptp(y) == 0:
        raise ValueError("a correlation takes four models whose scores differ on both benchmarks")
    r = float(np.corrcoef(x, y)[0, 1])
    ceiling = sqrt(max(0.0, reliability_a) * max(0.0, reliability_b))
    if ceiling == 0:
        nothing = float("nan")
        return Corrected(r, 0.0, nothing, Interval(nothing, nothing), len(x))
    lower, upper = fisher(r, len(x), level)
    return Corrected(r, ceiling, r / ceiling, Interval(lower / ceiling, upper / ceiling), len(x))


def fisher(r: float, n: int, level: float = 0.95) -> Interval:
    """Fisher's interval of a correlation over ``n`` >= 4 independent models."""
    z, half = np.arctanh(np.clip(r, -1 + 1e-12, 1 - 1e-12)), stats.norm.ppf((1 + level) / 2) / sqrt(n - 3)
    return Interval(float(np.tanh(z - half)), float(np.tanh(z + half)))


def peers(scores: Floats, *, models: int = 10, draws: int = 100, seed: int = 0) -> list[Peer]:
    """How each benchmark agrees with all the others together, on random sets of models (BenchBench, arXiv 2407.13696).

    Args:
        scores: (models, benchmarks), none missing, more being better; three benchmarks or more.
        models: drawn at a time without replacement, ten or more for a τ that means something.
        draws: how often.
        seed: of the draws.

    The reference of a benchmark is the mean win rate of each model over the other benchmarks: the share of models
    that it beats, ties counting one half.
    """
    m, benchmarks = scores.shape
    if benchmarks < 3 or not 3 <= models <= m or not np.isfinite(scores).all():
        raise ValueError(
            f"agreement among peers takes three benchmarks and {models} of the {m} models, no score missing"
        )
    rng = np.random.default_rng(seed)
    found = np.empty((draws, benchmarks))
    for draw in range(draws):
        some = scores[rng.permutation(m)[:models]]
        wins = (np.sign(some[:, None] - some[None, :]).sum(axis=1) / (models - 1) + 1) / 2
        for j in range(benchmarks):
            reference = (wins.sum(axis=1) - wins[:, j]) / (benchmarks - 1)
            found[draw, j] = stats.kendalltau(some[:, j], reference).statistic
    tau, sd = np.nanmean(found, axis=0), np.nanstd(found, axis=0, ddof=1)
    out = []
    for j in range(benchmarks):
        others = np.delete(tau, j)
        spread = float(others.std(ddof=1)) if benchmarks > 3 else float(others.std())
        z = float((tau[j] - others.mean()) / spread) if spread > 0 else float("nan")
        out.append(Peer(float(tau[j]), float(sd[j]), z))
    return out


def _both(a: ArrayLike, b: ArrayLike) -> tuple[Floats, Floats]:
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    some = np.isfinite(x) & np.isfinite(y)
    return x[some], y[some]
