"""Behaviour statistics agree with the same numbers computed another way, and say what they rest on."""

from __future__ import annotations

import msgspec
import numpy as np
import polars as pl
import pytest

from assay.analyze.claims import Combination, Expression
from assay.analyze.recompute import recompute
from assay.analyze.summary import Behaviour, Stat, frame, other_of, summarise
from tests.report.diagnoses import MINE, THEIRS, cases


@pytest.fixture(scope="module")
def table() -> pl.DataFrame:
    return cases()


@pytest.fixture(scope="module")
def found(table: pl.DataFrame) -> Behaviour:
    return summarise(table, MINE, (THEIRS,))


def one(stats: tuple[Stat, ...], name: str, model: str = MINE) -> Stat:
    (stat,) = (s for s in stats if s.name == name and s.model == model)
    return stat


def test_every_number_recomputes_from_the_expression_that_is_stored_with_it(
    found: Behaviour, table: pl.DataFrame
) -> None:
    rows = frame(found)
    assert rows.height > 40
    for row in rows.iter_rows(named=True):
        again = recompute(msgspec.json.decode(row["expression"], type=Expression), table)
        assert again.value == pytest.approx(row["value"], abs=1e-12), row


def test_means_splits_and_gaps_are_those_of_the_columns(found: Behaviour, table: pl.DataFrame) -> None:
    own = table.filter(pl.col("model") == MINE)
    theirs = table.filter(pl.col("model") == THEIRS)
    assert one(found.stats, "score").found.value == pytest.approx(own["score"].to_numpy().mean())
    assert one(found.stats, "rank").found.value == 2
    assert one(found.stats, "output_tokens, median").found.value == pytest.approx(np.median(own["output_tokens"]))
    (split,) = (s for s in found.splits if s.right.model == MINE and s.right.name == "output_chars")
    right, wrong = (own.filter(pl.col("right") == flag)["output_chars"].to_numpy().mean() for flag in (True, False))
    assert split.difference.found.value == pytest.approx(wrong - right)
    assert split.relative is not None
    assert split.relative.found.value == pytest.approx(wrong / right - 1)
    assert split.q < 1e-6, "replies were made longer where wrong"
    (gap,) = found.gaps
    paired = own["score"].to_numpy() - theirs["score"].to_numpy()
    assert gap.found.value == pytest.approx(paired.mean())
    assert gap.found.se == pytest.approx(paired.std(ddof=1) / np.sqrt(len(paired)), rel=1e-6)
    assert other_of(gap) == THEIRS
    assert found.nearest == {"quiz": THEIRS}


def test_unrelated_behaviours_do_not_stand_out(found: Behaviour) -> None:
    random = [s for s in found.splits if s.right.name in ("output_tokens", "seconds", "cost", "refused")]
    assert len(random) == 8
    assert all(s.q > 0.05 for s in random)


def test_outcomes_of_wrong_cases_are_a_partition(found: Behaviour, table: pl.DataFrame) -> None:
    shares = [s.found for s in found.failures if s.name.startswith("outcome: ") and s.model == MINE]
    assert sum(share.value for share in shares) == pytest.approx(1)
    wrong = table.filter((pl.col("model") == MINE) & ~pl.col("right")).height
    assert {share.denominator for share in shares} == {wrong}


def test_what_a_solved_case_costs_counts_the_failures_too(found: Behaviour, table: pl.DataFrame) -> None:
    own = table.filter(pl.col("model") == MINE)
    cost = one(found.solved, "cost").found
    assert cost.value == pytest.approx(own["cost"].to_numpy().sum() / own["right"].to_numpy().sum())
    assert cost.lower is not None
    assert cost.upper is not None
    rng = np.random.default_rng(0)
    spent, right = own["cost"].to_numpy(), own["right"].to_numpy()
    draws = [rng.integers(0, len(spent), len(spent)) for _ in range(4000)]
    low, high = np.quantile([spent[d].sum() / right[d].sum() for d in draws], (0.025, 0.975))
    assert cost.lower == pytest.approx(low, rel=0.02)
    assert cost.upper == pytest.approx(high, rel=0.02)


def test_repeated_attempts_have_a_best_a_worst_and_a_flip_rate(table: pl.DataFrame) -> None:
    own = table.filter(pl.col("model") == MINE)
    flipped = own.with_columns(
        epoch=pl.lit(2, pl.Int64),
        case=pl.col("case") + "#2",
        score=pl.when(pl.col("sample_id") == "s0").then(1 - pl.col("score")).otherwise(pl.col("score")),
    )
    found = summarise(pl.concat([own, flipped]), MINE)
    assert one(found.stats, "samples whose attempts disagree").found.value == pytest.approx(1 / 200)
    assert one(found.stats, "best less worst of n").found.value == pytest.approx(1 / 200)
    assert "rank" not in {s.name for s in found.stats}


def test_failures_of_the_endpoint_are_no_wrong_answers(table: pl.DataFrame) -> None:
    own = table.filter(pl.col("model") == MINE)
    failed = pl.col("sample_id").is_in(["s0", "s1", "s2", "s3"])
    broken = own.with_columns(
        score=pl.when(failed).then(None).otherwise(pl.col("score")),
        right=pl.when(failed).then(None).otherwise(pl.col("right")),
        outcome=pl.when(failed).then(pl.lit("infra_failed")).otherwise(pl.col("outcome")),
    )
    found = summarise(broken, MINE)
    assert one(found.stats, "score").found.n == 196
    assert one(found.stats, "no reply (failures)").found.value == pytest.approx(4 / 200)
    assert one(found.solved, "cost").found.n == 196


def test_benchmarks_are_kept_apart(table: pl.DataFrame) -> None:
    other = table.with_columns(task=pl.lit("exam"), score=pl.lit(1.0), right=pl.lit(True))
    both = pl.concat([table, other])
    found = summarise(both, MINE, (THEIRS,))
    scores = {s.task: s.found.value for s in found.stats if s.name == "score" and s.model == MINE}
    assert scores["exam"] == 1
    assert scores["quiz"] < 1
    gap = next(g for g in found.gaps if g.task == "quiz")
    assert isinstance(gap.expression, Combination)
    assert recompute(gap.expression, both).value == pytest.approx(recompute(gap.expression, table).value)
