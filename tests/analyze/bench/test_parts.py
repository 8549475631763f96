"""The parts of the bench: they see what is planted, stay silent on nothing, and know the truth without help."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from assay.analyze.bench import guessing, known, nulls, recovery, stability, stored
from assay.analyze.bench.behaviours import PLANTS, once
from assay.analyze.bench.cells import Key, Sizes, mean_cell, share_cell
from assay.analyze.bench.worlds import MODEL, case_records, generated, worlds
from assay.analyze.claims import Combination, Condition, Statistic
from assay.analyze.findings import Evidence, Finding, HeldOutTest

TINY = Sizes(seeds=1, cases=300, reports=2, small=200, repeats=1, batch=40, batches=4, models=2)
KEY = Key("part", "world", "case", "method")


def _nothing() -> None:
    pass


def _contrast(a: str, b: str, direction: str, category: str | None = None) -> Finding:
    where = () if category is None else (Condition("tag:category", "==", category),)
    test = Combination("difference", Statistic("mean", where=where, model=a), Statistic("mean", where=where, model=b))
    held_out = HeldOutTest(test, direction)  # type: ignore[arg-type]
    return Finding("f", "focus", "claim", "contrast", (a, b), selection=where, test=held_out)


def test_cells_say_how_far_they_are_to_be_trusted_and_whether_the_target_is_met() -> None:
    cell = share_cell(KEY, "share", 1, 100, "reports", target=0.05, at_most=True)
    assert cell.met
    assert (cell.lower or 0) < 0.01 < (cell.upper or 0)
    assert share_cell(KEY, "share", 9, 100, "reports", target=0.05, at_most=True).met is False
    assert mean_cell(KEY, "F1", [0.8, 0.6], "worlds", target=0.75).met is False
    empty = mean_cell(KEY, "F1", [], "worlds", target=0.75)
    assert (empty.value, empty.met) == (None, None)
    assert empty.note


def test_recovery_reports_every_method_on_every_d_and_repeats_itself() -> None:
    small = worlds(None, TINY.cases)
    ticks: list[int] = []
    cells = recovery.run(small, TINY, seed=3, alpha=0.05, advance=lambda: ticks.append(1))
    assert len(ticks) == recovery.steps(small, TINY)
    assert len(cells) == 3 * 5 * 3
    assert {cell.target for cell in cells if cell.method == recovery.STATISTICIAN and cell.measure == "F1"} == {
        0.75,
        None,
        0.7,
    }
    assert all(cell.value is not None and 0 <= cell.value <= 1 for cell in cells)
    assert max(cell.value or 0 for cell in cells if cell.method == recovery.STATISTICIAN) > 0


def test_reports_on_null_data_seldom_publish_a_difference() -> None:
    """Two alarms in six reports have a chance of .033 at a rate of 5 %."""
    world = generated(200)
    reports = [nulls.false_findings(world, null, seed, 0.05) for null in nulls.NULLS for seed in range(2)]
    assert sum(bool(found) for found in reports) <= 1


def test_a_strong_habit_is_detected_and_the_same_table_without_it_is_silent() -> None:
    world = generated(700)
    verbose = PLANTS[0]
    assert once(world, verbose, 1.0, 0) == (True, False)
    assert once(world, verbose, 0.0, 0) == (False, False)


def test_known_signs_are_read_from_the_overall_contrast_unless_the_category_has_its_own() -> None:
    rows = [
        {"sample_id": f"{c}{i}", "cluster": f"{c}{i % 12}", "tag:category": c, "model": m, "score": float(s)}
        for c, better in (("x", "a"), ("y", "b"))
        for i in range(60)
        for m in ("a", "b")
        for s in (((i + len(m)) % 10 > 0) if m == better else (i % 10 > 6),)
    ]
    table = pl.DataFrame(rows)
    assert (known.sign(table, "a", "b", "x"), known.sign(table, "a", "b", "y"), known.sign(table, "a", "b")) == (
        1,
        -1,
        0,
    )
    assert known.compared(table, "a", "b", [_contrast("a", "b", "higher")]) == (None, 1, 2)
    both = [_contrast("a", "b", "higher"), _contrast("b", "a", "higher", "y")]
    assert known.compared(table, "a", "b", both) == (None, 2, 2)
    assert known.compared(table, "a", "b", []) == (None, 0, 2)


def test_another_split_of_strong_weaknesses_calls_mostly_the_same_questions_weak() -> None:
    world = generated(450)
    inside = (world.samples["tag:category"] == "cipher").to_numpy()
    p = np.where(inside, 0.05, 0.9)
    scores = (np.random.default_rng(0).random(world.size) < p).astype(float)
    table = case_records(world, {MODEL: {"score": scores}})
    same, weak = stability.overlaps(table, MODEL, 3, 0, 0.05, _nothing)
    assert len(same) == len(weak) == 3
    assert min(weak) > 0.8


def test_the_reader_matches_batches_to_statements_and_cannot_say_when_reports_are_alike() -> None:
    def batch(x: float, y: float) -> pl.DataFrame:
        score = [float(i < 10 * x) for i in range(10)] + [float(i < 10 * y) for i in range(10)]
        columns = {"task": "t", "sample_id": [str(i) for i in range(20)], "model": "?", "cluster": None}
        kinds = ["x"] * 10 + ["y"] * 10
        return pl.DataFrame({"score": score, "tag:category": kinds, **columns})

    def stated(model: str, level: float) -> list[tuple[Statistic, float]]:
        expression = Statistic("mean", where=(Condition("tag:category", "==", "x"),), model=model)
        other = Evidence("other", 0.1, Statistic("mean", model="rival"))
        finding = Finding("f", "focus", "claim", "level", (model,), (Evidence("level", level, expression), other))
        return guessing.statements([finding], model)

    assert guessing.guess(stated("a", 0.2), stated("b", 0.9), batch(0.2, 0.5), batch(0.9, 0.5)) == 1
    assert guessing.guess(stated("a", 0.2), stated("b", 0.9), batch(0.9, 0.5), batch(0.2, 0.5)) == 0
    assert guessing.guess(stated("a", 0.2), stated("b", 0.2), batch(0.9, 0.5), batch(0.2, 0.5)) == 0.5
    assert len(stated("a", 0.2)) == 1


def test_stored_responses_become_case_records_with_the_owners_verdicts(shared_data: Path) -> None:
    assert stored.there(shared_data)
    names = stored.models(shared_data)
    assert len(names) == 20
    kinds = [what for what, _, _ in stored.pairs(names)]
    assert kinds.count("72B against 0.5B") == 2
    assert kinds.count("instruct against base") >= 6
    both = stored.cases(shared_data, ["Qwen2.5-0.5B", "gpt-4o"])
    table = both.filter(pl.col("model") == "Qwen2.5-0.5B")
    assert table.height == 1250
    assert table["cluster"].n_unique() == 125
    official = pl.read_parquet(shared_data / stored.RESPONSES).filter(pl.col("model") == "Qwen2.5-0.5B")
    assert table["score"].mean() == pytest.approx(official["official_correct"].cast(float).mean())
    assert known.sign(both, "gpt-4o", "Qwen2.5-0.5B") == 1
