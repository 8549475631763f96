"""Judges held against human labels: stored judgments, closed forms, planted biases, coverage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import typer
from scipy import optimize
from typer.testing import CliRunner

from assay.cli.judge_audit import judge_audit
from assay.errors import UsageError
from assay.measure.bootstrap import bootstrap
from assay.measure.judge_agreement import balanced_accuracy, cohen_kappa, gwet_ac1, macro_f1, tables_of
from assay.measure.judge_audit import Audit, audit
from assay.measure.logistic import logistic
from assay.measure.prediction_powered import effective_labels, powered_mean
from assay.records import Estimate
from assay.scoring.judges.asking import Judge
from assay.scoring.judges.shotjudge import Anchor, Arm, Criterion, RubricTask, Ruling, grade

LLMBAR = "matrices/llmbar_judgments.csv.gz"


def found(result: Audit, metric: str, group: str | None = None) -> Estimate:
    (estimate,) = [e for e in result.estimates if e.metric == metric and e.group == group]
    return estimate


def value(result: Audit, metric: str, group: str | None = None) -> float:
    number = found(result, metric, group).value
    assert number is not None
    return number


# -- stored judgments -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def llmbar(shared_data: Path) -> pl.DataFrame:
    rows = pl.read_csv(shared_data / LLMBAR).filter(pl.col("strategy") == "CoT")
    return rows.with_columns(item=pl.concat_str("set", "i"), natural=pl.col("set").str.contains("Natural")).rename(
        {"winner": "verdict", "len1": "length_a", "len2": "length_b"}
    )


@pytest.mark.parametrize(
    ("judge", "natural", "adversarial", "first", "consistent"),
    [
        ("GPT-4", 0.95, 0.77, 0.52, 0.89),
        ("PaLM2", 0.73, 0.54, 0.76, 0.46),
        ("LLaMA2", 0.76, 0.38, 0.67, 0.59),
        ("ChatGPT", 0.74, 0.30, 0.70, 0.59),
        ("Falcon", 0.57, 0.51, 0.93, 0.13),
    ],
)
def test_llmbar_rates_are_reproduced(
    llmbar: pl.DataFrame, judge: str, natural: float, adversarial: float, first: float, consistent: float
) -> None:
    mine = llmbar.filter(pl.col("judge") == judge)
    whole, easy, hard = (
        audit(mine.filter(part), draws=100) for part in (pl.lit(True), pl.col("natural"), ~pl.col("natural"))
    )
    half = 0.005 + 1e-9
    # PaLM2's .73 counts its two unparsed replies as wrong; of the 198 verdicts it gave, .737 are right
    metric = "right of all" if judge == "PaLM2" else "accuracy"
    assert value(easy, metric, judge) == pytest.approx(natural, abs=half)
    assert value(hard, "accuracy", judge) == pytest.approx(adversarial, abs=half)
    assert value(whole, "first shown chosen", judge) == pytest.approx(first, abs=half)
    assert value(whole, "swap consistency", judge) == pytest.approx(consistent, abs=half)


def test_llmbar_judges_are_put_in_order_and_their_capture_by_length_shows(llmbar: pl.DataFrame) -> None:
    whole = audit(llmbar, draws=200)
    names = llmbar["judge"].unique().to_list()
    order = sorted(names, key=lambda name: -value(whole, "Cohen kappa", name))
    assert order[0] == "GPT-4"
    length = found(whole, "longer chosen, above people", "ChatGPT")
    assert length.lower is not None
    assert length.lower > 0.3
    assert {e.clusters for e in whole.estimates if e.metric == "accuracy"} == {419} | {
        e.clusters for e in whole.estimates if e.metric == "accuracy" and e.group == "PaLM2"
    }
    for e in whole.estimates:
        assert e.n > 0
        assert e.lower is not None, e
        assert e.upper is not None, e
        assert e.lower <= (e.value or 0) <= e.upper, e


# -- agreement --------------------------------------------------------------------------------------------------


def frame(table: list[list[int]]) -> pl.DataFrame:
    rows = [(a, b) for a, row in enumerate(table) for b, count in enumerate(row) for _ in range(count)]
    return pl.DataFrame({"item": range(len(rows)), "label": [a for a, _ in rows], "verdict": [b for _, b in rows]})


def test_agreement_is_the_textbooks() -> None:
    # labels in rows: p_o = .6; Cohen's p_e = .6 x .7 + .4 x .3 = .54; Gwet's p_e = 2 x .65 x .35 = .455
    result = audit(frame([[45, 15], [25, 15]]), draws=200)
    assert value(result, "accuracy") == pytest.approx(0.6)
    assert value(result, "balanced accuracy") == pytest.approx((45 / 60 + 15 / 40) / 2)
    assert value(result, "Cohen kappa") == pytest.approx((0.6 - 0.54) / 0.46)
    assert value(result, "Gwet AC1") == pytest.approx((0.6 - 0.455) / 0.545)
    assert value(result, "macro F1") == pytest.approx((90 / 130 + 30 / 70) / 2)
    assert value(result, "CDR") == pytest.approx(2 * 0.6 - 1)
    assert value(result, "leniency") == pytest.approx(0.15 - 0.25)


def test_kappa_breaks_down_where_one_label_is_rare_and_ac1_does_not() -> None:
    table = np.array([[95.0, 2.0], [3.0, 0.0]])
    assert cohen_kappa(table) < 0
    assert gwet_ac1(table) > 0.9
    assert np.isnan(cohen_kappa(np.array([[9.0, 0.0], [0.0, 0.0]])))
    assert balanced_accuracy(table) == pytest.approx((95 / 97 + 0) / 2)
    assert macro_f1(np.array([[4.0, 0.0, 0.0], [0.0, 4.0, 0.0], [0.0, 0.0, 0.0]])) == 1.0


def test_bootstrap_error_of_kappa_is_the_asymptotic_one() -> None:
    table = np.array([[120.0, 30.0], [20.0, 80.0]])
    shares, n = table / table.sum(), table.sum()
    rows, columns = shares.sum(1), shares.sum(0)
    expected, kappa = float(rows @ columns), float(cohen_kappa(table))
    # Fleiss, Cohen and Everitt (1969)
    same = sum(shares[i, i] * (1 - (rows[i] + columns[i]) * (1 - kappa)) ** 2 for i in range(2))
    other = sum(shares[i, j] * (columns[i] + rows[j]) ** 2 for i in range(2) for j in range(2) if i != j)
    rest = (kappa - expected * (1 - kappa)) ** 2
    asymptotic = np.sqrt((same + (1 - kappa) ** 2 * other - rest) / (n * (1 - expected) ** 2))
    result = audit(frame(table.astype(int).tolist()), draws=4000)
    assert found(result, "Cohen kappa").se == pytest.approx(asymptotic, rel=0.05)


def test_copies_of_an_item_add_no_certainty() -> None:
    once = frame([[40, 10], [10, 40]])
    thrice = pl.concat([once] * 3)
    for metric in ("Cohen kappa", "accuracy", "balanced accuracy"):
        one, three = (found(audit(rows, draws=3000), metric) for rows in (once, thrice))
        assert three.value == pytest.approx(one.value)
        assert three.se == pytest.approx(one.se, rel=0.06)
        assert (one.n, three.n, three.samples) == (100, 300, 100)


def test_interval_of_kappa_covers_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    truth = np.array([[0.5, 0.1], [0.1, 0.3]])
    target, hits, runs = float(cohen_kappa(truth)), 0, 300
    for _ in range(runs):
        cell = rng.choice(4, size=120, p=truth.ravel())
        tables = tables_of(cell // 2, cell % 2, np.arange(120), 2)
        got = bootstrap(tables, cohen_kappa, level=0.95, draws=300, seed=0, units="item")
        assert got.lower is not None
        assert got.upper is not None
        hits += got.lower <= target <= got.upper
    assert 0.91 <= hits / runs <= 0.985


def test_a_perfect_judge_gets_no_interval_of_zero_width() -> None:
    result = audit(frame([[20, 0], [0, 20]]))
    accuracy, kappa = found(result, "accuracy"), found(result, "Cohen kappa")
    assert accuracy.lower is not None
    assert accuracy.lower < 0.92
    assert (kappa.value, kappa.lower) == (1.0, None)
    assert kappa.method.startswith("none: no spread")


def test_a_judge_that_failed_enters_no_rate_but_the_two_that_say_so() -> None:
    rows = frame([[30, 10], [10, 30]]).with_columns(
        verdict=pl.when(pl.col("item") < 20).then(None).otherwise("verdict")
    )
    result = audit(rows, draws=100)
    assert value(result, "answered") == pytest.approx(60 / 80)
    assert found(result, "accuracy").n == 60
    assert found(result, "accuracy").excluded == {"judge_failed": 20}
    assert value(result, "accuracy") == pytest.approx(40 / 60)
    assert value(result, "right of all") == pytest.approx(40 / 80)
    assert "gave no verdict on 20 of 80" in result.notes[0]


def test_poor_criteria_are_named_and_people_are_the_ceiling() -> None:
    good = frame([[20, 2], [2, 20]]).with_columns(criterion=pl.lit("clear"), label2=pl.col("label"))
    poor = frame([[11, 11], [11, 11]]).with_columns(criterion=pl.lit("vague"), label2=1 - pl.col("label"))
    result = audit(pl.concat([good, poor]), draws=200)
    assert value(result, "criterion kappa", "clear") == pytest.approx(1 - 4 / 22)
    assert value(result, "criterion kappa", "vague") == pytest.approx(0)
    assert any("1 criteria (vague)" in note for note in result.notes)
    assert value(result, "accuracy", "human and human") == pytest.approx(0.5)


# -- pairs and their biases -------------------------------------------------------------------------------------


def both_orders(label: list[int], verdicts: list[tuple[Any, Any]], **more: list[Any]) -> pl.DataFrame:
    """Each pair shown as it is, then swapped."""
    one, other = (
        pl.DataFrame({"item": range(len(label)), "label": label, "verdict": [v[k] for v in verdicts], **more})
        for k in (0, 1)
    )
    parts = [one.with_columns(swapped=pl.lit(False)), other.with_columns(swapped=pl.lit(True))]
    return pl.concat(parts, how="vertical_relaxed")


def test_a_judge_that_always_takes_the_first_is_found_out() -> None:
    rows = both_orders([1, 2] * 20, [(1, 2)] * 40)
    result = audit(rows, draws=100)
    assert value(result, "first shown chosen") == 1.0
    assert value(result, "swap consistency") == 0.0
    assert value(result, "right in both orders") == 0.0
    assert value(result, "accuracy") == 0.5
    by_place = audit(rows.with_columns(verdict=pl.lit(1)), by_place=True, draws=100)
    assert value(by_place, "first shown chosen") == 1.0
    assert value(by_place, "accuracy") == 0.5


def test_ties_are_left_out_of_position_and_cdr_and_counted() -> None:
    verdicts = [("a", "a"), ("a", "b"), ("b", "b"), ("tie", "tie"), ("a", "tie"), ("a", None)]
    result = audit(both_orders([1, 1, 2, 1, 1, 1], verdicts).cast({"label": pl.String}), draws=100)
    first = found(result, "first shown chosen")
    assert (first.n, first.excluded) == (8, {"judge_failed": 1, "tie": 3})
    # as shown, `a` is first unless swapped: a, a, a, a against b and a swapped, b once each way
    assert value(result, "first shown chosen") == pytest.approx(6 / 8)
    same = found(result, "swap consistency")
    assert (same.n, same.value, same.excluded) == (5, 3 / 5, {"judge_failed": 1})
    assert value(result, "right in both orders") == pytest.approx(2 / 5)
    cdr = found(result, "CDR")
    assert (cdr.n, cdr.excluded) == (8, {"judge_failed": 1, "tie": 3})
    assert cdr.value == pytest.approx(2 * 7 / 8 - 1)


def test_planted_coefficients_of_order_length_and_authorship_are_recovered() -> None:
    rng = np.random.default_rng(5)
    n = 3000
    label = rng.choice([1, -1], n)
    log_ratio = rng.normal(size=n)
    log_ratio /= np.sqrt((log_ratio**2).mean())
    own = rng.choice([-1, 0, 1], n)
    rows = []
    for swapped in (False, True):
        logit = 1.2 * label + 0.7 * (-1 if swapped else 1) + 0.5 * log_ratio + 0.9 * own
        chosen = rng.random(n) < 1 / (1 + np.exp(-logit))
        rows.append(
            pl.DataFrame(
                {
                    "item": range(n),
                    "judge": "J",
                    "label": np.where(label > 0, 1, 2),
                    "verdict": np.where(chosen, 1, 2),
                    "swapped": swapped,
                    "length_a": 10_000_000 * np.exp(log_ratio),
                    "length_b": 10_000_000.0,
                    "author_a": np.where(own == 1, "J", "X"),
                    "author_b": np.where(own == -1, "J", "Y"),
                }
            )
        )
    result = audit(pl.concat(rows), draws=100)
    for metric, truth in (("order log-odds", 0.7), ("length log-odds", 0.5), ("own log-odds", 0.9)):
        got = found(result, metric, "J")
        assert got.se is not None
        assert abs((got.value or 0) - truth) < 3.5 * got.se, metric
        assert got.se < 0.08
    assert value(result, "own chosen, above people", "J") > 0.1
    assert value(result, "longer chosen, above people", "J") > 0.05


def test_logistic_is_the_maximum_of_its_likelihood_and_says_when_there_is_none() -> None:
    rng = np.random.default_rng(2)
    x = np.column_stack([np.ones(80), rng.normal(size=80)])
    y = (rng.random(80) < 1 / (1 + np.exp(-(0.3 + x[:, 1])))).astype(float)

    def loss(beta: Any) -> float:
        return float(np.logaddexp(0, x @ beta).sum() - y @ (x @ beta))

    best = optimize.minimize(loss, np.zeros(2), tol=1e-12).x
    fitted = logistic(y, x, np.arange(80), 0.95)
    assert [s.value for s in fitted] == pytest.approx(best, abs=1e-5)
    separated = logistic((x[:, 1] > 0).astype(float), x, np.arange(80), 0.95)
    assert separated[1].value is None
    assert "separate" in separated[1].method or "determine" in separated[1].method


def test_a_judge_that_marks_its_own_work_up_shows_in_leniency_to_own() -> None:
    rng = np.random.default_rng(8)
    author = np.array(["J"] * 200 + ["K"] * 200)
    label = rng.uniform(0.2, 0.6, 400)
    verdict = label + np.where(author == "J", 0.3, 0.1) + rng.normal(0, 0.02, 400)
    rows = pl.DataFrame({"item": range(400), "judge": "J", "label": label, "verdict": verdict, "author": author})
    result = audit(rows)
    assert value(result, "leniency", "J") == pytest.approx(0.2, abs=0.01)
    own = found(result, "leniency to own", "J")
    assert own.value == pytest.approx(0.2, abs=0.01)
    assert own.lower is not None
    assert own.lower > 0.18


async def test_arms_of_a_simulated_shotjudge_are_told_apart() -> None:
    """A judge too lenient by a quarter without an anchor, nearly fair with the right one; its truth is in the text."""
    rng = np.random.default_rng(6)
    rubric = tuple(Criterion(f"c{k}", f"Reaches mark {k}.", 1 + k, avoids=True) for k in range(4))
    rulings = tuple(Ruling(c.id, True, "strict") for c in rubric)
    anchors = {arm: Anchor(task, "r", rubric, rulings) for arm, task in ((Arm.ONE_SHOT, "t"), (Arm.WRONG_ANCHOR, "x"))}
    rows = []
    for arm, shift in ((Arm.ZERO_SHOT, 0.25), (Arm.ONE_SHOT, 0.03), (Arm.WRONG_ANCHOR, 0.2)):
        for item in range(80):
            quality = rng.random(4)

            async def ask(messages: Any, shift: float = shift) -> str:
                said = messages[1].text.rpartition("response to grade")[0].rpartition("quality:")[2].split()[:4]
                met = [int(float(q) + shift > 0.5) for q in said]
                criteria = [{"id": f"c{k}", "met": m, "quote": ""} for k, m in enumerate(met)]
                return json.dumps({"rubric_fits": True, "criteria": criteria})

            text = "quality: " + " ".join(f"{q:.3f}" for q in quality)
            graded = await grade(Judge("j", ask), RubricTask("t", "p", rubric), text, arm, anchor=anchors.get(arm))
            assert graded.met is not None
            for k, criterion in enumerate(rubric):
                rows.append((arm, item, criterion.id, int(quality[k] > 0.5), int(graded.met[criterion.id])))
    data = pl.DataFrame(rows, schema=["arm", "item", "criterion", "label", "verdict"], orient="row")
    audits = {arm: audit(data.filter(pl.col("arm") == arm).drop("arm"), draws=100) for arm in data["arm"].unique()}
    shifts = {arm: value(result, "leniency") for arm, result in audits.items()}
    assert shifts["zero-shot"] == pytest.approx(0.25, abs=0.06)
    assert shifts["wrong-anchor"] == pytest.approx(0.2, abs=0.06)
    assert shifts["one-shot"] == pytest.approx(0.03, abs=0.03)
    for result in audits.values():
        assert value(result, "CDR") == pytest.approx(2 * value(result, "accuracy") - 1)
        assert found(result, "CDR").clusters == 80


# -- repeats, pairs of responses, juries ------------------------------------------------------------------------


def test_repeatability_is_the_chance_that_two_verdicts_agree() -> None:
    verdicts = {"p": [1, 1, 1], "q": [1, 1, 0], "r": [0, 1], "s": [1]}
    rows = [(item, k, v) for item, vs in verdicts.items() for k, v in enumerate(vs)]
    data = pl.DataFrame(rows, schema=["item", "repeat", "verdict"], orient="row").with_columns(label=pl.lit(1))
    got = found(audit(data, draws=100), "repeatability")
    assert got.value == pytest.approx((1 + 1 / 3 + 0) / 3)
    assert (got.n, got.excluded) == (3, {"answered once": 1})


def test_pairs_of_responses_to_a_task_agree_by_the_sign_of_their_difference() -> None:
    # task t: weighted labels 3/4, 1/4, 1/4; verdicts 1, 1/4, 0; the pair (q, r) ties for people
    rows = [
        ("t", "p", "c", 3, 1, 1),
        ("t", "p", "d", 1, 0, 1),
        ("t", "q", "c", 3, 0, 0),
        ("t", "q", "d", 1, 1, 1),
        ("t", "r", "c", 3, 0, 0),
        ("t", "r", "d", 1, 1, 0),
        ("u", "x", "c", 3, 1, 0),
        ("u", "y", "c", 3, 0, 1),
        ("u", "z", "c", 3, 1, None),
    ]
    data = pl.DataFrame(rows, schema=["task", "item", "criterion", "weight", "label", "verdict"], orient="row")
    result = audit(data, draws=100)
    agreed = found(result, "pair agreement")
    assert (agreed.n, agreed.excluded) == (3, {"tie": 1})
    assert agreed.value == pytest.approx(2 / 3)
    assert value(result, "pair CDR") == pytest.approx(1 / 3)


def test_judges_that_err_together_count_as_one() -> None:
    rng = np.random.default_rng(4)
    wrong = rng.random((400, 2)) < 0.3
    parts = [
        pl.DataFrame({"item": range(400), "judge": name, "label": 1, "verdict": 1 - w.astype(int)})
        for name, w in (("a", wrong[:, 0]), ("b", wrong[:, 0]), ("c", wrong[:, 1]))
    ]
    twins = audit(pl.concat(parts[:2]), draws=200)
    assert value(twins, "error correlation", "jury of a, b") == pytest.approx(1)
    assert value(twins, "effective votes", "jury of a, b") == pytest.approx(1)
    apart = found(audit(pl.concat(parts[1:]), draws=200), "effective votes", "jury of b, c")
    assert apart.value == pytest.approx(2, abs=0.25)
    assert apart.lower is not None


# -- prediction-powered means -----------------------------------------------------------------------------------


def test_prediction_powered_interval_covers_and_effective_labels_follow_the_formula() -> None:
    rng = np.random.default_rng(11)
    n, more, noise = 150, 1500, 0.5
    rho = 1 / np.sqrt(1 + noise**2)
    values: list[float] = []
    hits, runs = 0, 1200
    for _ in range(runs):
        truth = rng.normal(size=n + more)
        judged = truth + noise * rng.normal(size=n + more) + 0.4
        got = powered_mean(truth[:n], judged[:n], judged[n:], level=0.95, seed=0)
        assert got is not None
        assert got.mean.lower is not None
        assert got.mean.upper is not None
        values.append(got.mean.value or 0.0)
        hits += got.mean.lower <= 0 <= got.mean.upper
    assert 0.93 <= hits / runs <= 0.968
    assert 1 / np.var(values) == pytest.approx(effective_labels(n, more, float(rho)), rel=0.1)


def test_few_labels_are_cross_fitted_and_still_covered() -> None:
    rng = np.random.default_rng(12)
    hits, runs = 0, 600
    for run in range(runs):
        truth = (rng.random(30 + 600) < 0.6).astype(float)
        judged = np.where(rng.random(630) < 0.85, truth, 1 - truth)
        got = powered_mean(truth[:30], judged[:30], judged[30:], level=0.95, seed=run)
        assert got is not None
        assert "cross-fitted" in got.mean.method
        assert got.mean.lower is not None
        assert got.mean.upper is not None
        hits += got.mean.lower <= 0.6 <= got.mean.upper
    assert 0.92 <= hits / runs <= 0.98


def test_unlabelled_rows_sharpen_the_mean_label() -> None:
    rng = np.random.default_rng(13)
    truth = (rng.random(2000) < 0.4).astype(int)
    judged = np.where(rng.random(2000) < 0.95, truth, 1 - truth)
    labels = pl.Series(truth).set(pl.Series(np.arange(2000) >= 200), None)
    result = audit(pl.DataFrame({"item": range(2000), "label": labels, "verdict": judged}), draws=100)
    alone, powered = (found(result, f"mean label, {how}") for how in ("labels alone", "prediction-powered"))
    assert alone.se is not None
    assert powered.se is not None
    assert powered.se < 0.7 * alone.se
    assert (alone.n, powered.n) == (200, 2000)
    worth = found(result, "effective labels")
    assert worth.value is not None
    assert worth.lower is not None
    assert worth.upper is not None
    assert 200 < worth.lower < worth.value < worth.upper
    assert worth.value == pytest.approx(200 * (alone.se / powered.se) ** 2, rel=0.1)


def test_a_prediction_powered_interval_respects_clusters() -> None:
    rng = np.random.default_rng(21)
    truth = rng.normal(size=400)
    judged = truth + rng.normal(size=400)
    once = pl.DataFrame(
        {
            "item": range(400),
            "cluster": range(400),
            "label": [t if i < 120 else None for i, t in enumerate(truth)],
            "verdict": judged,
        }
    )
    copies = pl.concat([once, once.with_columns(pl.col("item") + 400)])
    for metric in ("mean label, labels alone", "mean label, prediction-powered"):
        one, two = (found(audit(rows, draws=100), metric) for rows in (once, copies))
        assert two.value == pytest.approx(one.value, abs=0.01)
        assert two.se == pytest.approx(one.se, rel=0.03)
        assert "clustered by cluster" in two.method


def test_a_useless_judge_costs_next_to_nothing() -> None:
    rng = np.random.default_rng(14)
    truth, judged = rng.normal(size=200), rng.normal(size=2200)
    got = powered_mean(truth, judged[:200], judged[200:], level=0.95, seed=0)
    assert got is not None
    assert got.weight < 0.2
    assert got.mean.se == pytest.approx(truth.std(ddof=1) / np.sqrt(200), rel=0.05)


# -- the command and what it refuses ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"item": [1], "label": [1]}, "no column for verdict"),
        ({"item": [1], "label": [3], "verdict": [1], "swapped": [True]}, "names no candidate"),
        ({"item": [1], "label": [1], "verdict": [1], "swapped": ["maybe"]}, "neither true nor false"),
        ({"item": [None], "label": [1], "verdict": [1]}, "no item"),
        ({"item": [1], "label": [1.0], "verdict": [float("nan")]}, "finite"),
        ({"item": [1], "label": [1], "verdict": [1], "weight": [0]}, "above 0"),
        ({"item": [1], "label": [1], "verdict": [1], "length": ["long"]}, "no number"),
        ({"item": [1], "label": [1], "verdict": [True], "swapped": [True]}, "names no candidate"),
    ],
)
def test_columns_that_hold_what_they_cannot_are_refused(columns: dict[str, list[Any]], reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        audit(pl.DataFrame(columns))


def test_degenerate_data_give_reasons_in_place_of_numbers() -> None:
    for label, verdict in (([None] * 12, [1] * 12), ([1] * 12, [1] * 12), ([1] * 12, [None] * 12), ([1], [0])):
        result = audit(pl.DataFrame({"item": range(len(label)), "label": label, "verdict": verdict}), draws=100)
        assert result.estimates
        for e in result.estimates:
            assert e.value is not None or e.method.startswith("none: ")
            assert (e.lower is None) == (e.upper is None)
    words = pl.DataFrame({"item": range(4), "label": ["good", "bad", "Good ", ""], "verdict": ["good"] * 3 + ["bad"]})
    assert value(audit(words, draws=100), "accuracy") == pytest.approx(2 / 3)
    measured = pl.DataFrame({"item": range(30), "label": np.linspace(0, 1, 30), "verdict": np.linspace(0.1, 0.9, 30)})
    assert [e.metric for e in audit(measured).estimates] == ["answered", "leniency"]


def run(*arguments: str) -> Any:
    app = typer.Typer()
    app.command()(judge_audit)
    return CliRunner().invoke(app, list(arguments))


def test_the_command_audits_llmbar_as_stored(shared_data: Path) -> None:
    done = run(
        *(str(shared_data / LLMBAR), "--label", "label", "--verdict", "winner", "--map", "item=set,i"),
        *("--where", "strategy=CoT", "--where", "judge=GPT-4", "--by", "set", "--draws", "100", "--json"),
    )
    assert done.exit_code == 0, done.output
    parts = json.loads(done.stdout)["parts"]
    assert [p["part"].rpartition("/")[2] for p in parts] == ["GPTInst", "GPTOut", "Manual", "Neighbor", "Natural"]
    assert sum(e["samples"] for p in parts for e in p["estimates"] if e["metric"] == "accuracy") == 419


def test_the_command_says_what_is_wrong_with_its_words(tmp_path: Path) -> None:
    file = tmp_path / "judged.csv"
    file.write_text("id,human,judged\n1,1,1\n2,0,1\n3,0,0\n4,1,\n")
    usual = (str(file), "--label", "human", "--verdict", "judged")
    shown = run(*usual, "--draws", "100")
    assert shown.exit_code == 0
    assert "Cohen kappa" in shown.stdout
    for extra, reason in (
        (("--map", "judge=who"), "no column 'who'"),
        (("--map", "role=id"), "no role 'role'"),
        (("--where", "id=9"), "no row is left"),
        (("--by", "set"), "no column 'set'"),
        (("--map", "judge=id,human"), "takes one column"),
        (("--by-place",), "whether the candidates were swapped"),
    ):
        failed = run(*usual, *extra)
        assert isinstance(failed.exception, UsageError), extra
        assert reason in str(failed.exception)
