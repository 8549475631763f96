"""Item banks: what is kept, what is refused, and what a validation says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from assay.errors import UsageError
from assay.measure.adaptive import Session
from assay.measure.adaptive_scores import adaptive_score
from assay.measure.bank import BankUnusable, calibrate, distinct, family, item_errors, load, require_task, save
from assay.measure.irt.fit import Fit
from assay.measure.irt.model import Items, probability
from assay.measure.matrix import Matrix
from assay.measure.shortform_trials import METHODS, best_split, grouped_folds, random_split, tally, trial
from assay.records import TaskInfo


def responses(models: int, items: int, seed: int = 0) -> Matrix:
    rng = np.random.default_rng(seed)
    true = Items(np.exp(rng.normal(0.2, 0.4, items)), rng.normal(0, 1.5, items), np.zeros(items))
    x = (rng.random((models, items)) < probability(rng.normal(size=models), true)).astype(float)
    names = tuple(f"{'abcdef'[m % 6]}model-{m}" for m in range(models))
    tags = tuple("xy"[j % 2] for j in range(items))
    return Matrix(x, names, tuple(f"q{j}" for j in range(items)), np.ones(x.shape, np.int32), tags=tags)


def test_a_bank_comes_back_as_it_was_written(tmp_path: Path) -> None:
    matrix = responses(24, 60)
    matrix.x[0, :5] = np.nan
    matrix.attempts[0, :5] = 0
    bank = calibrate(matrix, task=TaskInfo("toy", "1", {"k": 2}), mode="plain", tag="kind")
    save(bank, tmp_path / "deep" / "bank.parquet")
    again = load(tmp_path / "deep" / "bank.parquet")
    assert again.facts == bank.facts
    assert again.digest == bank.digest
    assert (again.ids, again.tags) == (bank.ids, bank.tags)
    np.testing.assert_array_equal(again.x, bank.x)
    for part, stored in zip((*bank.items, bank.se_d), (*again.items, again.se_d), strict=True):
        np.testing.assert_array_equal(part, stored)
    assert np.isfinite(bank.complete).all()
    assert {one.method for one in bank.facts.validation} == set(METHODS)
    assert bank.facts.held_out == "families"


def test_copies_of_a_model_count_once() -> None:
    matrix = responses(12, 40)
    x = np.vstack([matrix.x, matrix.x[3]])
    doubled = Matrix(x, (*matrix.models, "copy"), matrix.items, np.ones(x.shape, np.int32))
    bank = calibrate(doubled)
    assert bank.facts.dropped == ("copy",)
    assert bank.facts.models == matrix.models
    np.testing.assert_array_equal(distinct(x), np.arange(12))


def test_what_is_no_bank_or_of_something_else_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "notes.parquet"
    other.write_text("not a table")
    with pytest.raises(BankUnusable, match="no item bank"):
        load(other)
    with pytest.raises(BankUnusable, match="no bank at"):
        load(tmp_path / "missing.parquet")
    bank = calibrate(responses(8, 30), task=TaskInfo("toy", "1"), mode="plain")
    with pytest.raises(BankUnusable, match="is of toy, not of other"):
        require_task(bank, "other", "plain")
    with pytest.raises(BankUnusable, match="mode plain"):
        require_task(bank, "toy", "strict")
    with pytest.raises(UsageError, match="takes 4"):
        calibrate(responses(3, 30))


def test_families_are_told_by_the_first_word() -> None:
    names = ["openai/gpt-4o-mini", "Meta-Llama-3-8B", "meta-llama/Llama-2-7b", "Qwen2.5-7B", "o1-mini", "4x"]
    assert [family(name) for name in names] == ["gpt", "llama", "llama", "qwen", "o", "x"]
    folds = grouped_folds(["a", "a", "a", "b", "c", "c"], 2)
    assert sorted(map(len, folds)) == [3, 3]
    assert [0, 1, 2] in [fold.tolist() for fold in folds]


def test_item_errors_are_those_that_refitting_shows() -> None:
    rng = np.random.default_rng(1)
    theta, a, d = rng.normal(size=4000), 1.3, 0.4
    fitted = Fit(Items(np.array([a]), np.array([d]), np.zeros(1)), theta, np.zeros(4000), 0.0, "2pl", 1)
    se_log_a, se_d = item_errors(fitted, np.ones((4000, 1), np.int32))
    design = np.column_stack([theta, np.ones(4000)])
    p = 1 / (1 + np.exp(-(a * theta + d)))
    found = []
    for _ in range(300):
        y, w = (rng.random(4000) < p) * 1.0, np.array([a, d])
        for _ in range(4):
            mean = 1 / (1 + np.exp(-design @ w))
            w = w + np.linalg.solve((design * (mean * (1 - mean))[:, None]).T @ design, design.T @ (y - mean))
        found.append([np.log(w[0]), w[1]])
    np.testing.assert_allclose([se_log_a[0], se_d[0]], np.std(found, axis=0), rtol=0.12)


def test_in_trials_tests_see_nothing_of_the_tested_models_but_answers() -> None:
    matrix, rng = responses(60, 120, seed=4), np.random.default_rng(0)
    train, test = random_split(60, 0.3, rng)
    assert not set(train) & set(test)
    assert len(test) == 18
    found = {(one.method, one.k): one for one in tally(trial(matrix.x, train, test, (10, 50, 100), rng))}
    assert {k for _, k in found} == {10, 50}  # 100 is more than half of the items
    for method in METHODS:
        assert found[method, 50].models == 18
    assert found["adaptive p-IRT", 10].mae < found["random mean", 10].mae
    for method in ("hybrid difference", "random mean"):
        assert (found[method, 50].coverage or 0) > 0.8
    train, test = best_split(matrix.x.mean(axis=1), 0.2)
    assert matrix.x[test].mean(axis=1).min() >= matrix.x[train].mean(axis=1).max()


def test_the_result_of_a_session_has_every_plain_method_beside_it() -> None:
    matrix = responses(40, 150, seed=2)
    bank = calibrate(matrix.select(models=np.arange(39)))
    model, truth = matrix.x[39], matrix.x[39].mean()
    session = Session(bank.items, 50, 1)
    while batch := session.following():
        session.take({item: float(model[item]) if item else np.nan for item in batch})  # item 0 is lost, if it is asked
    result = adaptive_score(bank, session)
    assert {one.method for one in result.methods} >= {
        *("random mean", "random + ridge", "anchors (IRT)", "p-IRT random", "gp-IRT"),
        *("adaptive p-IRT", "hybrid corrected", "hybrid difference"),
    }
    assert all(one.validated_mae is not None for one in result.methods)
    assert result.n + result.lost == 50
    assert result.lower is not None
    assert result.upper is not None
    assert result.lower <= truth <= result.upper
    assert result.estimate == pytest.approx(truth, abs=0.1)


def test_answers_that_do_not_fit_take_the_estimate_from_the_bank() -> None:
    matrix = responses(40, 150, seed=2)
    bank = calibrate(matrix)
    hard = (bank.items.d < 0).astype(float)  # right where the others are wrong
    session = Session(bank.items, 60, 1)
    while batch := session.following():
        session.take({item: float(hard[item]) for item in batch})
    result = adaptive_score(bank, session)
    assert result.misfit.warnings
    assert result.by == "hybrid difference"
    assert result.lower is not None
    assert result.lower <= hard.mean() <= (result.upper or 0)


def test_real_verdicts_make_a_bank(shared_data: Path) -> None:
    from assay.measure import matrix

    gsm = matrix.load([shared_data / "matrices" / "zeroeval_gsm.npz"])
    found = calibrate(gsm.select(items=np.arange(0, 1319, 4)))
    at = {(one.method, one.k): one for one in found.facts.validation}
    assert at["hybrid corrected", 50].mae < at["random mean", 25].mae
    assert (at["hybrid difference", 50].coverage or 0) >= 0.9
