"""The journal keeps what was written, whatever was written and whatever happens to the file."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.errors import StorageFailed
from assay.records import Outcome, Sample, Score
from assay.store.journal import JournalWriter, SampleLine, ScoreLine, damage, parse, read_lines
from tests.store.records import lines

many = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def written(path: Path, records: list) -> list:
    path.unlink(missing_ok=True)
    writer = JournalWriter(path)
    for record in records:
        writer.write(record)
    writer.close()
    return [parse(data) for _, data in read_lines(path) if data is not None]


@many
@given(records=st.lists(lines, max_size=6))
def test_records_come_back_bit_for_bit(tmp_path: Path, records: list) -> None:
    assert written(tmp_path / "j", records) == records


@many
@given(records=st.lists(lines, min_size=1, max_size=6), data=st.data())
def test_damage_costs_only_the_lines_that_it_touches(tmp_path: Path, records: list, data: st.DataObject) -> None:
    path = tmp_path / "j"
    written(path, records)
    whole = path.read_bytes()
    start = data.draw(st.integers(0, len(whole) - 1))
    junk = data.draw(st.binary(min_size=1, max_size=300))
    path.write_bytes(whole[:start] + junk + whole[start + len(junk) :])
    ends = [i + 1 for i, byte in enumerate(whole) if byte == 0x0A]
    spans = zip([0, *ends[:-1]], ends, strict=True)
    # A line that loses the newline before it is touched too: it becomes one with its neighbour.
    safe = [r for r, (a, b) in zip(records, spans, strict=True) if b <= start or a > start + len(junk)]
    found = [parse(line) for _, line in read_lines(path) if line is not None]
    assert all(record in found for record in safe)
    assert all(record in records for record in found)
    if len(found) < len(records):
        assert damage(path).bytes > 0


@pytest.mark.parametrize("cut", [2, 5, 9, 10, 30])
def test_a_torn_line_is_skipped_and_the_next_one_starts_afresh(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "j"
    first, second = (SampleLine(Sample(str(i), "question")) for i in range(2))
    written(path, [first, second])
    path.write_bytes(path.read_bytes()[:-cut])
    writer = JournalWriter(path)
    writer.write(SampleLine(Sample("2", "question")))
    writer.close()
    found = [parse(data) for _, data in read_lines(path) if data is not None]
    assert found == [first, SampleLine(Sample("2", "question"))]
    assert damage(path).lines == 1


def test_a_full_disk_keeps_what_fits_and_says_so(tmp_path: Path) -> None:
    """On a real file system of 4 MB, in a mount namespace of the test's own."""
    program = textwrap.dedent(
        f"""
        from pathlib import Path
        from assay.errors import StorageFailed
        from assay.records import Sample
        from assay.store.journal import *
        path = Path({str(tmp_path)!r}) / "disk" / "j"
        writer = JournalWriter(path)
        held = path.with_suffix(".reserve").stat().st_size
        kept, first = 0, None
        try:
            while True:
                writer.write(SampleLine(Sample(str(kept), "x" * 10_000)))
                kept += 1
        except DiskFull as error:
            kept += 1
            first = error
        after = 0
        try:
            while True:
                writer.write(SampleLine(Sample(str(kept), "x" * 10_000)))
                kept, after = kept + 1, after + 1
        except StorageFailed as error:
            assert not isinstance(error, DiskFull)
            print(error)
        found = [parse(data).sample.id for _, data in read_lines(path) if data is not None]
        assert found == [str(i) for i in range(kept)], (len(found), kept)
        assert damage(path).lines == 0
        print(held, after, first)
        """
    )
    (tmp_path / "disk").mkdir()
    mount = f'mount -t tmpfs -o size=4m tmpfs {tmp_path}/disk && exec {sys.executable} -c "$PROGRAM"'
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", mount],
        env={"PROGRAM": program, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    if "unshare" in done.stderr or "mount" in done.stderr:
        pytest.skip(f"no mount namespaces here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    held, after = (int(x) for x in done.stdout.splitlines()[-1].split()[:2])
    assert held == 1 << 20
    assert after > 50, "replies in flight fit into the space that was held back"
    assert "disk full" in done.stdout.splitlines()[0]


def test_a_read_only_folder_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match="is not there"):
        JournalWriter(tmp_path / "missing" / "j")


def test_numbers_that_json_lacks_become_null(tmp_path: Path) -> None:
    line = ScoreLine("s", 1, 0, "", Score(Outcome.SCORED, float("nan")))
    (found,) = written(tmp_path / "j", [line])
    assert isinstance(found, ScoreLine)
    assert found.score.value is None
