"""Matrices: what was never asked is missing, what was answered without a score is 0, attempts are averaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from assay.errors import DatasetMalformed, UsageError
from assay.measure.matrix import of_table


def test_a_long_table_becomes_a_matrix_with_attempts_averaged_and_gaps_missing(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("subject_id,item_id,trial,response\na,1,0,1\na,1,1,0\na,2,0,\nb,2,0,1\n")
    matrix = of_table(path)
    assert matrix.models == ("a", "b")
    assert matrix.items == ("1", "2")
    assert matrix.attempts.tolist() == [[2, 1], [0, 1]]
    np.testing.assert_array_equal(matrix.x, [[0.5, 0.0], [np.nan, 1.0]])
    np.testing.assert_array_equal(matrix.means, [0.25, 1.0])
    part = matrix.select(models=[1], items=[1])
    assert (part.models, part.items, part.x.tolist()) == (("b",), ("2",), [[1.0]])


def test_scores_that_are_no_shares_and_tables_without_a_score_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"model": "a", "item": 1, "score": 3}\n')
    with pytest.raises(DatasetMalformed, match="outside"):
        of_table(path)
    path.write_text('{"model": "a", "item": 1}\n')
    with pytest.raises(UsageError, match="no column is the score"):
        of_table(path)


def test_stored_verdicts_give_the_shares_that_counting_gives(shared_data: Path) -> None:
    path = shared_data / "mmlu_pro" / "verdicts.parquet"
    matrix = of_table(path)
    counted = (
        pl.read_parquet(path)
        .group_by("model")
        .agg(pl.col("official_correct").cast(pl.Float64).fill_null(0).mean().alias("share"))
    )
    for model, share in counted.iter_rows():
        assert matrix.means[matrix.models.index(model)] == pytest.approx(share)
    assert matrix.asked.sum() == 120_300


def test_an_npz_keeps_its_gaps(shared_data: Path) -> None:
    matrix = of_table(shared_data / "matrices" / "zeroeval_gsm.npz")
    assert matrix.x.shape == (44, 1319)
    assert 0 < (~matrix.asked).sum() < 1000
