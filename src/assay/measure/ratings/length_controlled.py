"""Win rates against one baseline as they would be if both answers were equally long.

For each model m, against the baseline b, on prompt x (Dubois et al., "Length-controlled AlpacaEval", arXiv 2404.04475):

    logit P(m beats b on x) = θ + φ tanh((len_m - len_b) / sd) + ψ γ_x

θ, φ and ψ are differences between the model and the baseline, γ_x is how hard prompt x is for all models, and the
length-controlled rate is the mean over x of the prediction with φ's term left out. Swapping model and baseline changes
every sign, and a baseline against itself has exactly ½. γ is fitted first, jointly over the models with ψ = 1, and
then taken as known; the authors' own γ comes from models of theirs and is not published with the data. φ and ψ are
drawn towards 0 by a normal prior, where the authors use a lasso and two "gamed" baselines for the same purpose: some
models are almost always longer, and then length and quality cannot be told apart. The invariant: raw and
controlled rate stand side by side, for the controlled one is a counterfactual that rests on this model of length.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from assay.measure.intervals import Codes, Floats
from assay.measure.ratings.bradley_terry import chances
from assay.measure.summaries import Clusters, Scale, Summary, from_influence

_STEPS = 100
_PRIOR = np.array([1e-4, 0.5, 1e-2])
"""Precision of the priors of θ, φ and ψ."""
_PROMPT_PRIOR = 1.0
"""Precision of γ's prior, while it is fitted."""


class LengthControlled(NamedTuple):
    """One model against the baseline."""

    raw: Summary
    """The mean score."""
    controlled: Summary
    """The rate at equal lengths."""
    length: float
    """φ: log-odds that a much longer answer gains."""
    n: int


def length_controlled(
    model: Codes, prompt: Codes, score: Floats, difference: Floats, *, level: float = 0.95
) -> list[LengthControlled]:
    """Each model's raw and length-controlled win rate.

    Args:
        model: who met the baseline, codes 0 ... M-1, shape (R,).
        prompt: on which prompt, codes 0 ... G-1; the prompts are the independent units.
        score: of the model, in [0, 1].
        difference: length of the model's answer less that of the baseline's.
        level: confidence of the intervals.

    Errors are those of a sandwich over prompts, γ taken as known.
    """
    squashed = np.empty(len(score))
    models = int(model.max()) + 1
    for m in range(models):
        mine = model == m
        spread = float(difference[mine].std())
        squashed[mine] = np.tanh(difference[mine] / spread) if spread > 0 else 0.0
    gamma = prompt_difficulty(model, prompt, score, squashed)
    found = []
    for m in range(models):
        mine = np.flatnonzero(model == m)
        design = np.column_stack([np.ones(len(mine)), squashed[mine], gamma[prompt[mine]]])
        found.append(_of_one(design, score[mine], prompt[mine], level))
    return found


def prompt_difficulty(model: Codes, prompt: Codes, score: Floats, squashed: Floats) -> Floats:
    """γ of mean 0, one a prompt, from logit P = θ_m + φ_m tanh(...) + γ_x over all models, by turns.

    With fewer than two models it is 0: one model's scores cannot tell a hard prompt from a bad answer.
    """
    models, prompts = int(model.max()) + 1, int(prompt.max()) + 1
    gamma = np.zeros(prompts)
    if models < 2:
        return gamma
    theta, phi = np.zeros(models), np.zeros(models)
    for _ in range(_STEPS):
        before = gamma
        p = chances(theta[model] + phi[model] * squashed + gamma[prompt])
        residual, weight = score - p, p * (1 - p)
        g0, g1, h00, h01, h11 = (
            np.bincount(model, weights=x, minlength=models)
            for x in (residual, residual * squashed, weight, weight * squashed, weight * squashed**2)
        )
        g0, g1 = g0 - _PRIOR[0] * theta, g1 - _PRIOR[1] * phi
        h00, h11 = h00 + _PRIOR[0], h11 + _PRIOR[1]
        scale = h00 * h11 - h01**2
        theta = theta + np.clip((h11 * g0 - h01 * g1) / scale, -1, 1)
        phi = phi + np.clip((h00 * g1 - h01 * g0) / scale, -1, 1)
        p = chances(theta[model] + phi[model] * squashed + gamma[prompt])
        gradient = np.bincount(prompt, weights=score - p, minlength=prompts) - _PROMPT_PRIOR * gamma
        curvature = np.bincount(prompt, weights=p * (1 - p), minlength=prompts) + _PROMPT_PRIOR
        gamma = gamma + np.clip(gradient / curvature, -1, 1)
        gamma = gamma - gamma.mean()
        if np.abs(gamma - before).max() < 1e-6:
            break
    return gamma


def _of_one(design: Floats, score: Floats, prompt: Codes, level: float) -> LengthControlled:
    n = len(score)
    theta = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        p = chances(design @ theta)
        hessian = (design * (p * (1 - p))[:, None]).T @ design + np.diag(_PRIOR)
        step = np.linalg.solve(hessian, design.T @ (score - p) - _PRIOR * theta)
        theta += np.clip(step, -1, 1)
        if np.abs(step).max() < 1e-9:
            break
    level_field = design * np.array([1.0, 0.0, 1.0])
    equal = chances(level_field @ theta)
    slope = (equal * (1 - equal)) @ level_field / n
    value = float(equal.mean())
    scores = design * (score - chances(design @ theta))[:, None]
    influence = (equal - value) / n + scores @ np.linalg.solve(hessian, slope)
    repeated = len(np.unique(prompt)) < n
    clusters = Clusters(np.unique(prompt, return_inverse=True)[1].astype(np.int64), "prompt") if repeated else None
    unit = Scale(0.0, 1.0)
    mean = float(score.mean())
    raw = from_influence(mean, (score - mean) / n, clusters=clusters, scale=unit, level=level)
    controlled = from_influence(value, influence, clusters=clusters, scale=unit, level=level)
    return LengthControlled(raw, controlled, float(theta[1]), n)
