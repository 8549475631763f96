"""Length-controlled win rates on simulated truth and on stored preferences."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import stats

from assay.measure.intervals import codes_of
from assay.measure.ratings.length_controlled import length_controlled


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def simulated(rng, theta, phi, prompts):
    models = len(theta)
    model, prompt = (index.ravel() for index in np.indices((models, prompts)))
    gamma = rng.normal(size=prompts)
    difference = rng.normal(200, 400, models * prompts)
    squashed = np.tanh(difference / 400)
    level = theta[model] + gamma[prompt]
    score = (rng.random(len(model)) < sigmoid(level + phi[model] * squashed)).astype(float)
    return model, prompt, score, difference


def test_the_rate_at_equal_lengths_is_recovered_with_an_interval_that_covers() -> None:
    rng = np.random.default_rng(1)
    theta, phi = np.array([0.5, 0.0, -0.5, -1.0, 0.3, 0.1]), np.array([1.0, 0.0, 1.5, 0.5, 0.8, 1.2])
    gamma = rng.normal(size=200_000)
    truth = np.array([sigmoid(t + gamma).mean() for t in theta])
    hits = runs = 0
    biased = []
    for _ in range(60):
        for m, each in enumerate(length_controlled(*simulated(rng, theta, phi, 400))):
            assert each.controlled.lower is not None
            assert each.controlled.upper is not None
            hits += each.controlled.lower <= truth[m] <= each.controlled.upper
            runs += 1
            biased.append(each.raw.value - truth[m] if m == 2 else 0.0)
    assert 0.92 <= hits / runs <= 0.985
    assert max(biased) > 0.08, "the raw rate rewards length"


def test_swapping_model_and_baseline_mirrors_every_rate() -> None:
    model, prompt, score, difference = simulated(np.random.default_rng(2), np.zeros(3) + 0.4, np.ones(3), 150)
    one = length_controlled(model, prompt, score, difference)
    other = length_controlled(model, prompt, 1 - score, -difference)
    for a, b in zip(one, other, strict=True):
        assert a.controlled.value + b.controlled.value == pytest.approx(1, abs=1e-6)
        assert a.length == pytest.approx(b.length, abs=1e-4)


def test_equal_lengths_leave_the_raw_rate_alone() -> None:
    rng = np.random.default_rng(3)
    score = (rng.random(300) < 0.3).astype(float)
    (found,) = length_controlled(np.zeros(300, dtype=int), np.arange(300), score, np.zeros(300))
    assert found.controlled.value == pytest.approx(found.raw.value, abs=1e-3)
    assert found.controlled.se == pytest.approx(found.raw.se, rel=0.01)


PUBLISHED = {
    "gpt4_1106_preview": (50.0, 50.0),
    "claude-2": (17.188, 28.155),
    "claude": (16.985, 27.289),
    "claude-instant-1.2": (16.127, 25.612),
    "claude-2.1": (15.734, 25.252),
    "gpt-3.5-turbo-1106": (9.178, 19.301),
    "gpt-3.5-turbo-0301": (9.622, 18.093),
    "jina-chat": (7.786, 15.866),
    "Qwen-14B-Chat": (7.502, 12.379),
    "vicuna-13b-v1.5": (6.722, 10.484),
    "vicuna-13b": (5.831, 9.222),
    "vicuna-7b-v1.5": (4.797, 7.617),
    "vicuna-7b": (4.163, 6.277),
    "alpaca-7b": (2.591, 5.875),
    "falcon-40b-instruct": (3.343, 5.608),
    "falcon-7b-instruct": (2.147, 4.037),
    "oasst-sft-pythia-12b": (1.790, 3.270),
}
"""Published win rate and length-controlled win rate of AlpacaEval 2, in percent."""


def test_stored_preferences_give_the_published_rates(shared_data: Path) -> None:
    rows = pl.read_csv(shared_data / "matrices" / "alpacaeval2_prefs.csv.gz")
    names = np.unique(rows["model"].to_numpy().astype(str))
    difference = (rows["len_model"] - rows["len_base"]).to_numpy().astype(float)
    model, prompt = (codes_of(rows[c].to_numpy().astype(str)) for c in ("model", "instr"))
    found = length_controlled(model, prompt, rows["pref"].to_numpy() - 1, difference)
    rates = {name: (100 * each.raw.value, 100 * each.controlled.value) for name, each in zip(names, found, strict=True)}
    for name, (raw, _) in PUBLISHED.items():
        assert rates[name][0] == pytest.approx(raw, abs=0.001)
    ours, theirs = ([rates[n][1] for n in PUBLISHED], [lc for _, lc in PUBLISHED.values()])
    assert stats.spearmanr(ours, theirs)[0] >= 0.97
    assert np.abs(np.subtract(ours, theirs)).mean() < 1.5
