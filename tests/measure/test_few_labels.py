"""Few human labels beside many verdicts: closed forms, simulated coverage, and stored judgments."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from assay.errors import UsageError
from assay.measure.active_labels import active_mean, draw, label_probabilities
from assay.measure.judge_labels import Plan, labels_report
from assay.measure.label_prices import price
from assay.measure.prediction_powered import (
    effective_labels,
    powered_difference,
    powered_mean,
    rogan_gladen,
    stratified_mean,
)


@pytest.mark.parametrize(("rho", "times"), [(0.5, 1.33), (0.7, 1.96), (0.85, 3.6), (0.95, 10.26)])
def test_a_label_beside_endless_verdicts_is_worth_what_the_correlation_says(rho, times) -> None:
    assert effective_labels(100, 10**9, rho) == pytest.approx(100 * times, rel=0.005)


def test_the_mean_and_its_error_are_the_published_formula() -> None:
    rng = np.random.default_rng(1)
    y = rng.normal(size=1200)
    f = 0.8 * y + 0.5 * rng.normal(size=1200) + 1
    n, more = 200, 1000
    got = powered_mean(y[:n], f[:n], f[n:], level=0.95, seed=0)
    assert got is not None
    weight = np.cov(y[:n], f[:n])[0, 1] / ((1 + n / more) * f[:n].var(ddof=1))
    left = y[:n] - weight * f[:n]
    assert got.weight == pytest.approx(weight)
    assert got.mean.value == pytest.approx(weight * f[n:].mean() + left.mean())
    assert got.mean.se == pytest.approx(np.sqrt(weight**2 * f[n:].var(ddof=1) / more + left.var(ddof=1) / n))


def kinds_of_items(rng, items):
    """Two kinds of items: on one the judge is good, on the other it says nothing and is lenient."""
    kind = (rng.random(items) < 0.4).astype(int)
    y = (rng.random(items) < np.where(kind, 0.3, 0.7)).astype(float)
    right = rng.random(items) < np.where(kind, 0.55, 0.95)
    return kind, y, np.where(right, y, 1 - y)


TRUE_SHARE = 0.6 * 0.7 + 0.4 * 0.3


@pytest.mark.parametrize("n", [60, 200])
def test_strata_are_covered_even_if_one_was_labelled_more_than_its_share(n) -> None:
    rng = np.random.default_rng(2)
    hits, runs, errors, values = 0, 500, [], []
    for run in range(runs):
        kind, y, f = kinds_of_items(rng, 2000)
        picked = np.concatenate([np.flatnonzero(kind == k)[: n // 2] for k in (0, 1)])
        drawn = np.zeros(2000, dtype=bool)
        drawn[picked] = True
        got = stratified_mean(y[drawn], f[drawn], f[~drawn], kind[drawn], kind[~drawn], level=0.95, seed=run)
        assert got is not None
        assert got.mean.lower is not None
        assert got.mean.upper is not None
        hits += got.mean.lower <= TRUE_SHARE <= got.mean.upper
        errors.append(got.mean.se)
        values.append(got.mean.value)
    assert 0.92 <= hits / runs <= 0.98
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.1)


def test_one_stratum_is_the_plain_estimate_and_a_judge_of_two_minds_gains_by_two() -> None:
    rng = np.random.default_rng(3)
    kind, y, f = kinds_of_items(rng, 8000)
    n = 800
    nothing = np.zeros(8000, dtype=int)
    plain = powered_mean(y[:n], f[:n], f[n:], level=0.95, seed=0)
    one = stratified_mean(y[:n], f[:n], f[n:], nothing[:n], nothing[n:], level=0.95, seed=0)
    two = stratified_mean(y[:n], f[:n], f[n:], kind[:n], kind[n:], level=0.95, seed=0)
    assert plain is not None
    assert one is not None
    assert two is not None
    assert one.mean.value == pytest.approx(plain.mean.value)
    assert one.mean.se == pytest.approx(plain.mean.se)
    assert one.effective == pytest.approx(plain.effective, rel=0.02)
    assert two.mean.se < 0.95 * one.mean.se
    assert two.effective > one.effective
    few = np.where(np.arange(n) < 5, 1, 0)
    assert stratified_mean(y[:n], f[:n], f[n:], few, kind[n:], level=0.95, seed=0) is None


def test_the_difference_of_two_models_is_free_of_what_judge_and_items_do_to_both() -> None:
    rng = np.random.default_rng(4)
    hits, runs, errors = 0, 400, []
    for run in range(runs):
        hard = rng.normal(size=900)
        ya, yb = (hard + gap + 0.3 * rng.normal(size=900) for gap in (0.2, 0.0))
        lenient = 2 + hard + rng.normal(size=900)
        fa, fb = (y + lenient + 0.1 * rng.normal(size=900) for y in (ya, yb))
        n = 80
        got = powered_difference((ya[:n], yb[:n]), (fa[:n], fb[:n]), (fa[n:], fb[n:]), level=0.95, seed=run)
        assert got is not None
        assert got.mean.lower is not None
        assert got.mean.upper is not None
        hits += got.mean.lower <= 0.2 <= got.mean.upper
        errors.append(got.mean.se)
    assert 0.92 <= hits / runs <= 0.98
    assert np.mean(errors) < 0.6 * 0.3 * np.sqrt(2 / 80), "the judge sees the difference better than either score"


# -- active labelling -------------------------------------------------------------------------------------------


def test_probabilities_add_up_follow_uncertainty_and_stay_below_one() -> None:
    u = np.array([0.0, 1.0, 2.0, 4.0, 100.0])
    pi = label_probabilities(u, 2, even=0.2)
    assert pi.sum() == pytest.approx(2)
    assert pi[4] == 1
    assert (np.diff(pi) > 0).all()
    assert pi[0] > 0
    assert label_probabilities(np.zeros(4), 2) == pytest.approx([0.5] * 4)
    assert label_probabilities(u, 5) == pytest.approx([1] * 5)
    with pytest.raises(ValueError, match="6 labels"):
        label_probabilities(u, 6)


def test_items_are_drawn_with_the_probabilities_promised() -> None:
    pi = label_probabilities(np.array([0.1, 0.2, 0.5, 3.0, 1.0, 0.0]), 3)
    counts = np.zeros(6)
    for seed in range(4000):
        got = draw(pi, seed)
        assert len(got) == len(set(got.tolist())) == 3
        counts[got] += 1
    assert counts / 4000 == pytest.approx(pi, abs=0.025)


def test_active_labels_are_covered_and_sharper_than_labels_drawn_evenly() -> None:
    rng = np.random.default_rng(5)
    items, n, runs = 1500, 150, 500
    hits, values, even_values, errors = 0, [], [], []
    for run in range(runs):
        sure = rng.choice([0.99, 0.6], items, p=[0.8, 0.2])
        y = (rng.random(items) < 0.6).astype(float)
        f = np.where(rng.random(items) < sure, y, 1 - y)
        pi = label_probabilities(np.sqrt(sure * (1 - sure)), n)
        for chances, kept in ((pi, values), (np.full(items, n / items), even_values)):
            drawn = np.zeros(items, dtype=bool)
            drawn[draw(chances, run)] = True
            got = active_mean(np.where(drawn, y, np.nan), f, drawn, chances, level=0.95, seed=run)
            assert got.value is not None
            kept.append(got.value)
            if kept is values:
                assert got.lower is not None
                assert got.upper is not None
                hits += got.lower <= 0.6 <= got.upper
                errors.append(got.se)
    assert 0.93 <= hits / runs <= 0.985
    assert np.mean(values) == pytest.approx(0.6, abs=0.004)
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.12)
    assert np.std(values) < 0.85 * np.std(even_values)


def test_labels_drawn_evenly_give_the_prediction_powered_mean() -> None:
    rng = np.random.default_rng(6)
    y = rng.normal(size=4000)
    f = y + rng.normal(size=4000)
    drawn = np.zeros(4000, dtype=bool)
    drawn[rng.permutation(4000)[:400]] = True
    active = active_mean(y, f, drawn, np.full(4000, 0.1), level=0.95, seed=0)
    plain = powered_mean(y[drawn], f[drawn], f[~drawn], level=0.95, seed=0)
    assert plain is not None
    assert active.value == pytest.approx(plain.mean.value, abs=0.01)
    assert active.se == pytest.approx(plain.mean.se, rel=0.06)


# -- the check, and prices --------------------------------------------------------------------------------------


def test_rogan_gladen_undoes_known_errors_and_says_when_it_is_unstable() -> None:
    labels = np.repeat([1.0, 0.0], [100, 100])
    verdicts = np.concatenate([np.repeat([1.0, 0.0], [90, 10]), np.repeat([0.0, 1.0], [80, 20])])
    rest = np.repeat([1.0, 0.0], [410, 590])  # 0.3 x 0.9 + 0.7 x 0.2
    got = rogan_gladen(labels, verdicts, rest, level=0.95)
    assert got.value == pytest.approx(0.3)
    expected = (0.41 * 0.59 / 1000 + 0.3**2 * 0.9 * 0.1 / 100 + 0.7**2 * 0.8 * 0.2 / 100) / 0.7**2
    assert got.se == pytest.approx(np.sqrt(expected))
    assert "UNSTABLE" not in got.method
    poor = np.concatenate([np.repeat([1.0, 0.0], [60, 40]), np.repeat([0.0, 1.0], [60, 40])])
    assert "UNSTABLE" in rogan_gladen(labels, poor, rest, level=0.95).method
    assert rogan_gladen(labels, 1 - verdicts, rest, level=0.95).value is None


@pytest.mark.parametrize(("rho", "relative"), [(0.9, 0.01), (0.7, 0.05), (0.5, 0.01)])
def test_the_best_mix_of_labels_and_verdicts_is_what_a_search_finds(rho, relative) -> None:
    got = price(100, 900, rho, label=1.0, verdict=relative)
    items = np.geomspace(1, 1e4, 200_001)
    cost = (1 + relative * items) * (1 - rho**2 + rho**2 / items)
    assert got.best_ratio == pytest.approx(cost.min(), rel=1e-6)
    assert got.best_verdicts == pytest.approx(items[cost.argmin()], rel=1e-3)
    assert got.spent == pytest.approx(100 + relative * 1000)
    assert got.labels_alone == pytest.approx(effective_labels(100, 900, rho))


def test_a_judge_that_costs_more_than_it_brings_is_not_worth_it() -> None:
    assert price(100, 900, 0.3, label=1.0, verdict=0.2)[2:] == (1.0, 1.0)
    assert price(100, 900, 0.0, label=1.0, verdict=0.0)[2] == 1.0
    assert price(100, 900, -0.8, label=1.0, verdict=0.01)[1:] == (100, 1.0, 1.0)


def test_a_judge_that_is_mostly_wrong_gets_no_weight_and_no_credit() -> None:
    rng = np.random.default_rng(11)
    y = rng.normal(size=1200)
    got = powered_mean(y[:200], -y[:200], -y[200:] + 1, level=0.95, seed=0)
    assert got is not None
    assert (got.weight, got.effective) == (0, 200)


# -- from rows --------------------------------------------------------------------------------------------------


def rows_of(rng, items=600, labelled=150):
    kind, y, f = kinds_of_items(rng, items)
    label = [int(v) if i < labelled else None for i, v in enumerate(y)]
    return pl.DataFrame({"item": range(items), "label": label, "verdict": f.astype(int), "stratum": kind})


def test_rows_give_each_estimate_that_their_columns_allow() -> None:
    rows = rows_of(np.random.default_rng(7)).with_columns(probability=0.25)
    found = labels_report(rows, Plan(label_price=2.0, verdict_price=0.1))
    names = {e.metric for e in found.estimates}
    assert names == {
        "mean label, stratified",
        "mean label, stratified, effective labels",
        "mean label, actively labelled",
        "mean label, Rogan-Gladen (a check)",
    }
    ((_, n, more, _, cost),) = found.prices
    assert (n, more, cost.spent) == (150, 450, 2.0 * 150 + 0.1 * 600)
    with pytest.raises(UsageError, match="every labelled item needs the probability"):
        labels_report(rows.with_columns(probability=pl.lit(None, pl.Float64)), Plan())


def test_the_next_items_are_unlabelled_and_more_often_those_on_which_verdicts_disagree() -> None:
    rng = np.random.default_rng(8)
    once = rows_of(rng).drop("stratum")
    torn = pl.col("item") % 10 == 0
    twice = once.with_columns(verdict=pl.when(torn).then(1 - pl.col("verdict")).otherwise("verdict"))
    found = labels_report(pl.concat([once, twice]), Plan(next=40)).next
    assert len(found) == 40
    assert all(int(d.item) >= 150 for d in found)
    chances = {int(d.item) % 10 == 0: d.probability for d in found}
    assert chances[True] > 3 * chances[False]
    with pytest.raises(UsageError, match="nothing says of which items"):
        labels_report(once, Plan(next=5))
    with pytest.raises(UsageError, match="only 450 items"):
        labels_report(once.with_columns(uncertainty=0.5), Plan(next=451))


def test_two_authors_are_compared_on_the_tasks_that_both_answered() -> None:
    rng = np.random.default_rng(9)
    hard = rng.normal(size=300)
    rows = []
    for author, gap in (("a", 0.3), ("b", 0.0)):
        for task in range(300 if author == "a" else 280):
            y = hard[task] + gap
            label = y if task < 60 else None
            rows.append((f"{author}{task}", task, author, label, y + hard[task] + 0.05 * rng.normal()))
    frame = pl.DataFrame(rows, schema=["item", "task", "author", "label", "verdict"], orient="row")
    frame = frame.with_columns(label=pl.col("label") + 0.2 * pl.Series(rng.normal(size=580)))
    found = {e.metric: e for e in labels_report(frame, Plan(paired=("a", "b"))).estimates}
    alone, powered = (found[f"a - b, {how}"] for how in ("labels alone", "prediction-powered"))
    assert (alone.n, powered.n) == (60, 280)
    assert powered.excluded == {"one author only": 20}
    assert abs(powered.value - 0.3) < 3 * powered.se
    with pytest.raises(UsageError, match="no verdict on an answer of 'c'"):
        labels_report(frame, Plan(paired=("a", "c")))


@pytest.mark.parametrize("judge", ["GPT-4", "PaLM2", "ChatGPT"])
def test_stored_judgments_are_covered_and_worth_what_the_formula_says(shared_data: Path, judge: str) -> None:
    stored = pl.read_csv(shared_data / "matrices" / "llmbar_judgments.csv.gz")
    one = stored.filter((pl.col("judge") == judge) & (pl.col("strategy") == "CoT"))
    items = one.group_by("set", "i").agg(pl.col("label", "winner").mean()).drop_nulls().sort("set", "i")
    y, f = (2 - items[c].to_numpy() for c in ("label", "winner"))
    truth, rho = y.mean(), max(np.corrcoef(y, f)[0, 1], 0.0)
    rng = np.random.default_rng(10)
    n, more, runs = 120, 1200, 2000
    hits, values = 0, []
    for run in range(runs):
        drawn = rng.integers(0, len(y), n + more)
        got = powered_mean(y[drawn[:n]], f[drawn[:n]], f[drawn[n:]], level=0.95, seed=run)
        assert got is not None
        assert got.mean.lower is not None
        assert got.mean.upper is not None
        hits += got.mean.lower <= truth <= got.mean.upper
        values.append(got.mean.value)
    assert 0.93 <= hits / runs <= 0.97
    assert y.var() / np.var(values) == pytest.approx(effective_labels(n, more, rho), rel=0.1)
