"""A sealed run holds what the journal held, and others can read it."""

from __future__ import annotations

from pathlib import Path

import duckdb
import msgspec
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.errors import RunFolderError
from assay.store import versions
from assay.store.folder import find_runs, read_manifest
from assay.store.frames import attempts, table, trajectories
from assay.store.journal import JournalWriter, parse, read_lines
from assay.store.seal import rebuild_journal, write_tables
from tests.engine.support import Counting, run, task
from tests.store.records import calls, samples, scores


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(samples, max_size=4), st.lists(calls, max_size=4), st.lists(scores, max_size=4))
def test_sealing_and_opening_again_changes_nothing(tmp_path_factory, found_samples, found_calls, found_scores) -> None:  # type: ignore[no-untyped-def]
    folder = tmp_path_factory.mktemp("run")
    written = [*found_samples, *found_calls, *found_scores]
    writer = JournalWriter(folder / "journal.jsonl")
    for line in written:
        writer.write(line)
    writer.close()
    write_tables(folder, fresh=True)
    (folder / "journal.jsonl").unlink()
    rebuild_journal(folder)
    assert [parse(data) for _, data in read_lines(folder / "journal.jsonl") if data is not None] == written


def test_duckdb_and_polars_read_a_run_without_assay(tmp_path: Path) -> None:
    run(tmp_path / "r", Counting(lambda request: "yes" if "3" in request.messages[0].text else "no"))
    by_category = duckdb.sql(
        f"""
        select json_extract_string(m.metadata, '$.category') as category, avg(s.value) as mean, count(*) as n
        from '{tmp_path}/r/scores.parquet' s join '{tmp_path}/r/samples.parquet' m using (sample_id)
        group by 1 order by 1
        """
    ).fetchall()
    assert by_category == [("a", 0.0, 5), ("b", 0.2, 5)]
    responses = pl.read_parquet(tmp_path / "r" / "responses.parquet")
    assert responses["output_tokens"].sum() == 20
    assert responses["text"].value_counts().sort("count").rows() == [("yes", 1), ("no", 9)]


def test_an_open_run_reads_like_a_sealed_one(tmp_path: Path) -> None:
    run(tmp_path / "sealed", Counting())
    run(tmp_path / "open", Counting())
    rebuild_journal(tmp_path / "open")
    for name in ("sealed", "open"):
        frame = attempts(tmp_path / name)
        assert frame.height == 10
        assert frame["value"].sum() == 10
    assert table(tmp_path / "open", "samples").collect().equals(table(tmp_path / "sealed", "samples").collect())
    first, second = (
        sorted((s.id, t.text, line.digest) for s, t, line in trajectories(tmp_path / name))
        for name in ("sealed", "open")
    )
    assert first == second


def test_columns_that_an_older_version_did_not_write_are_null(tmp_path: Path) -> None:
    run(tmp_path / "r", Counting())
    path = tmp_path / "r" / "responses.parquet"
    pl.read_parquet(path).drop("waited", "served_by").write_parquet(path)
    assert table(tmp_path / "r", "responses").select("waited").collect()["waited"].null_count() == 10
    assert len(list(trajectories(tmp_path / "r"))) == 10


def test_an_older_manifest_is_lifted_and_a_newer_one_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path / "r", Counting(), task(2))
    path = tmp_path / "r" / "manifest.json"
    now = read_manifest(tmp_path / "r")
    older = msgspec.json.decode(path.read_bytes()) | {"schema_version": 0}
    older["scorer_mode"] = older.pop("mode")
    monkeypatch.setitem(versions._LIFT, 0, lambda plain: {**plain, "schema_version": 1, "mode": plain["scorer_mode"]})
    path.write_bytes(msgspec.json.encode(older))
    assert read_manifest(tmp_path / "r") == now
    path.write_bytes(msgspec.json.encode(older | {"schema_version": versions.SCHEMA_VERSION + 1}))
    with pytest.raises(RunFolderError, match="update it"):
        read_manifest(tmp_path / "r")
    path.write_bytes(b'{"schema_version": 1, "task"')
    with pytest.raises(RunFolderError, match="damaged"):
        read_manifest(tmp_path / "r")


def test_a_folder_of_runs_is_found(tmp_path: Path) -> None:
    for name in ("b", "a"):
        run(tmp_path / name, Counting(), task(1))
    assert [found.name for found in find_runs(tmp_path)] == ["a", "b"]
    with pytest.raises(RunFolderError, match="no run"):
        find_runs(tmp_path / "nowhere")
