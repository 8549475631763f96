"""How far a judge agrees with human labels: statistics of a confusion table, and their bootstrap.

All statistics are functions of the table of counts, label by verdict, and take a stack of tables as well as
one: the bootstrap draws clusters with replacement, adds up their tables, and applies the same function to all
sums at once. Raw agreement, kappa and AC1 belong together: kappa collapses where one label is rare, AC1 does not.

Sources: Cohen (1960); Gwet, "Computing inter-rater reliability and its variance in the presence of high
agreement" (2008).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import special

from assay.measure.intervals import Codes, Floats
from assay.measure.summaries import Summary, no_value

Tables = Floats
"""Counts of shape (..., C, C): label in rows, verdict in columns."""
Statistic = Callable[[Floats], Floats]

_CELLS = 4_000_000
"""Numbers held at a time while drawing bootstrap weights."""


def tables_of(label: Codes, verdict: Codes, clusters: Codes, categories: int) -> Tables:
    """The table of each cluster, shape (G, C, C), from one code a row for label, verdict and cluster."""
    cell = (clusters * categories + label) * categories + verdict
    size = (int(clusters.max()) + 1) * categories * categories
    return np.bincount(cell, minlength=size).astype(np.float64).reshape(-1, categories, categories)


def agreement(tables: Tables) -> Floats:
    """Share of rows in which verdict and label are the same."""
    return _ratio(_diagonal(tables).sum(-1), _total(tables))


def balanced_accuracy(tables: Tables) -> Floats:
    """Mean over the labels that occur of the share of their rows that the judge gets right."""
    recalls = _ratio(_diagonal(tables), tables.sum(-1))
    return _mean_defined(recalls)


def macro_f1(tables: Tables) -> Floats:
    """Mean over the categories that occur, in labels or verdicts, of 2 TP / (2 TP + FP + FN)."""
    return _mean_defined(_ratio(2 * _diagonal(tables), tables.sum(-1) + tables.sum(-2)))


def cohen_kappa(tables: Tables) -> Floats:
    """(p_o - p_e) / (1 - p_e) with p_e = Σ_c p_label(c) p_verdict(c); NaN where only one category occurs."""
    total = _total(tables)
    expected = _ratio((tables.sum(-1) * tables.sum(-2)).sum(-1), total * total)
    return _above_chance(agreement(tables), expected)


def gwet_ac1(tables: Tables) -> Floats:
    """(p_o - p_e) / (1 - p_e) with p_e = Σ_c π_c (1 - π_c) / (q - 1), π_c the mean share of category c.

    q is the size of the table: all categories that occur in the data, whatever a bootstrap draw holds. NaN for one.
    """
    if tables.shape[-1] < 2:
        return np.full(tables.shape[:-2], np.nan)
    shares = _ratio((tables.sum(-1) + tables.sum(-2)) / 2, _total(tables)[..., None])
    expected = (shares * (1 - shares)).sum(-1) / (tables.shape[-1] - 1)
    return _above_chance(agreement(tables), expected)


def bootstrap(sums: Floats, statistic: Statistic, *, level: float, draws: int, seed: int, units: str) -> Summary:
    """A statistic of summed cluster totals with its BCa interval.

    Args:
        sums: what each cluster contributes, shape (G, ...).
        statistic: from sums of shape (B, ...) to B numbers, NaN where undefined.
        level: confidence of the interval.
        draws: bootstrap replicates.
        seed: of the draws, so that a report can be made again.
        units: the name of what is drawn, for the method.
    """
    groups = len(sums)
    value = float(statistic(sums.sum(0)[None])[0])
    if not np.isfinite(value):
        return no_value("undefined on these data")
    if groups < 2:
        return Summary(value, None, None, None, groups, f"none: a single {units}")
    rng = np.random.default_rng(seed)
    flat = sums.reshape(groups, -1)
    found: list[Floats] = []
    step = max(1, _CELLS // groups)
    for start in range(0, draws, step):
        weights = rng.multinomial(groups, np.full(groups, 1 / groups), size=min(step, draws - start))
        found.append(statistic((weights @ flat).reshape(-1, *sums.shape[1:])))
    drawn = np.concatenate(found)
    defined = drawn[np.isfinite(drawn)]
    if len(defined) < 0.95 * draws:
        return Summary(value, None, None, None, groups, "none: undefined in many bootstrap draws")
    se = float(defined.std(ddof=1))
    if se < 1e-12:
        return Summary(value, None, None, None, groups, f"none: no spread over {groups} {units}s")
    whole = sums.sum(0)[None]
    without = np.concatenate(
        [statistic(whole - part) for part in np.array_split(sums, groups * flat.shape[1] // _CELLS + 1)]
    )
    lower, upper = _bca(value, defined, without[np.isfinite(without)], level)
    method = f"BCa bootstrap over {groups} {units}s, {draws} draws"
    return Summary(value, se, lower, upper, groups, method)


def _bca(value: float, drawn: Floats, without: Floats, level: float) -> tuple[float, float]:
    """Quantiles of the draws, corrected for bias and acceleration (Efron, 1987).

    ``drawn`` are the bootstrap replicates, ``without`` the statistic with each cluster left out in turn. Simulated at
    95 % for kappa, AC1, balanced accuracy and macro F1: coverage 93 to 97 % from 40 items on with both labels common.
    With only two or three items of the rarer label nothing helps: balanced accuracy is at 80 % for 20 items, 3 of
    them rare, 92 % for 40.
    """
    deviations = without.mean() - without
    squares = float((deviations**2).sum())
    acceleration = float((deviations**3).sum()) / (6 * squares**1.5) if squares > 0 else 0.0
    below = float(((drawn < value).mean() + (drawn <= value).mean()) / 2)
    bias = float(special.ndtri(np.clip(below, 1 / len(drawn), 1 - 1 / len(drawn))))
    z = bias + special.ndtri([(1 - level) / 2, (1 + level) / 2])
    lower, upper = np.quantile(drawn, special.ndtr(bias + z / np.maximum(1 - acceleration * z, 0.1)))
    return float(min(lower, value)), float(max(upper, value))


def _diagonal(tables: Tables) -> Floats:
    return np.diagonal(tables, axis1=-2, axis2=-1).astype(np.float64)


def _total(tables: Tables) -> Floats:
    return np.asarray(tables.sum((-1, -2)))


def _ratio(top: Floats, bottom: Floats) -> Floats:
    top, bottom = np.broadcast_arrays(top, bottom)
    return np.asarray(np.divide(top, bottom, out=np.full(top.shape, np.nan), where=bottom > 0))


def _mean_defined(x: Floats) -> Floats:
    defined = np.isfinite(x)
    return _ratio(np.where(defined, x, 0).sum(-1), defined.sum(-1).astype(np.float64))


def _above_chance(observed: Floats, expected: Floats) -> Floats:
    return _ratio(observed - expected, np.where(1 - expected > 1e-12, 1 - expected, 0.0))
