"""How far a judge agrees with human labels: statistics of a confusion table.

All statistics are functions of the table of counts, label by verdict, and take a stack of tables as well as
one: the bootstrap (``measure.bootstrap``) adds up the tables of the clusters that it draws, and applies the same
function to all sums at once. Raw agreement, kappa and AC1 belong together: kappa collapses where one label is
rare, AC1 does not.

Sources: Cohen (1960); Gwet, "Computing inter-rater reliability and its variance in the presence of high
agreement" (2008).
"""

from __future__ import annotations

import numpy as np

from assay.measure.intervals import Codes, Floats

Tables = Floats
"""Counts of shape (..., C, C): label in rows, verdict in columns."""


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
