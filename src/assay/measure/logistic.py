"""What moves a verdict besides quality: a logistic regression with cluster-robust errors.

The human label stands in for quality; what is left over on length, order or authorship given the label is
bias. Observations of one item are not independent, so that the scores of the likelihood are summed
within items before they are squared (the sandwich).
"""

from __future__ import annotations

from math import isfinite, sqrt

import numpy as np

from assay.measure.intervals import Codes, Floats, t_around
from assay.measure.summaries import Summary, no_value

_STEPS = 50
_FAR = 12.0
"""A coefficient beyond this (in log-odds a standard deviation) is on its way to infinity: the data are separated."""


def logistic(y: Floats, x: Floats, clusters: Codes, level: float) -> list[Summary]:
    """Coefficients of P(y = 1) = σ(x β), each with its interval by t on clusters - 1 degrees of freedom.

    Args:
        y: 0 or 1, shape (n,).
        x: regressors, shape (n, p), an intercept among them if one is wanted.
        clusters: codes 0 ... G-1, shape (n,).
        level: confidence of the intervals.
    """
    n, p = x.shape
    units = int(clusters.max()) + 1 if n else 0
    if units <= p:
        return [no_value(f"{units} independent units for {p} coefficients")] * p
    beta = np.zeros(p)
    for _ in range(_STEPS):
        chance = _sigmoid(x @ beta)
        gradient = x.T @ (y - chance)
        information = (x * (chance * (1 - chance))[:, None]).T @ x
        if np.linalg.cond(information) > 1e10:
            return [no_value("the regressors determine each other or the verdict")] * p
        step = np.linalg.solve(information, gradient)
        beta += np.clip(step, -3, 3)
        if np.abs(beta).max() > _FAR:
            return [no_value("the regressors separate the verdicts")] * p
        if np.abs(step).max() < 1e-9:
            break
    else:
        return [no_value("the fit did not converge")] * p
    scores = np.zeros((units, p))
    np.add.at(scores, clusters, x * (y - chance)[:, None])
    bread = np.linalg.inv(information)
    covariance = bread @ (scores.T @ scores) @ bread * units / (units - 1)
    method = f"logistic, sandwich over {units} clusters, t"
    found = []
    for value, variance in zip(beta, np.diag(covariance), strict=True):
        se = sqrt(max(0.0, float(variance)))
        if not isfinite(se) or se < 1e-12:
            found.append(no_value("no spread"))
            continue
        found.append(Summary(float(value), se, *t_around(float(value), se, units - 1, level), units, method))
    return found


def _sigmoid(z: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(z, -500, 500))))
