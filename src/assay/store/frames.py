"""Runs as frames: the same columns whether the run is sealed or still open.

An open run is read from its journal as it stands, last line of a key winning; nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from assay.errors import RunFolderError
from assay.records import Call, Message, Outcome, RunManifest, Sample, Trajectory
from assay.store.folder import JOURNAL, is_open, read_manifest
from assay.store.journal import KINDS, parse, read_lines
from assay.store.tables import RESPONSES, SAMPLES, SCORES, call_of, frame, row_of, sample_of, schema, score_of

if TYPE_CHECKING:
    import polars as pl

    from assay.store.journal import CallLine, ScoreLine

_CHUNK = 2_000
_PART = 100_000

_KIND = {SAMPLES: "sample", RESPONSES: "call", SCORES: "score"}
_KEY = {SAMPLES: ["sample_id"], RESPONSES: ["sample_id", "epoch", "call"], SCORES: ["sample_id", "epoch"]}


def table(run: Path, name: str) -> pl.LazyFrame:
    """A table of a run (``samples``, ``responses``, ``scores``, ``scores-MODE``), lazily where it is sealed.

    Columns that an older version did not write are null.
    """
    import polars as pl

    kind = SCORES if name.startswith(SCORES) else name
    if is_open(run) and name == kind:
        rows = (
            row_of(parse(data), exact=b"\\ud" in data)
            for _, data in read_lines(run / JOURNAL, KINDS[_KIND[kind]])
            if data is not None
        )
        found = frame(kind, rows).lazy()
        return found.unique(_KEY[kind], keep="last", maintain_order=True)
    path = run / f"{name}.parquet"
    if not path.exists():
        raise RunFolderError(f"{run} has no table {name!r}: the run is not sealed, or was never scored so")
    found = pl.scan_parquet(path, glob=False)
    present = found.collect_schema().names()
    return found.select(
        pl.col(column) if column in present else pl.lit(None, dtype=dtype).alias(column)
        for column, dtype in schema(kind).items()
    )


def scores_name(manifest: RunManifest, mode: str | None) -> str:
    """The name of the table that holds the run's scores in ``mode``. Raises ``RunFolderError``."""
    if mode is None or mode == manifest.mode:
        return SCORES
    if mode not in manifest.rescored:
        have = ", ".join([manifest.mode, *manifest.rescored])
        raise RunFolderError(f"this run is scored in mode {have}, not {mode}: `assay score RUN --mode {mode}`")
    return f"{SCORES}-{mode}"


def attempts(
    run: Path,
    mode: str | None = None,
    *,
    metadata: bool = True,
    values: bool = True,
    answers: bool = False,
    identify: bool = True,
) -> pl.DataFrame:
    """One row an attempt: what statistics are made of, and no texts (25 bytes a row without the JSON).

    Columns: ``sample`` (a 64-bit hash of the sample's id, the same in every run), ``epoch``, ``outcome``,
    ``value`` and, unless they are not asked for, ``values`` (JSON) and ``metadata`` (JSON of the sample);
    ``answer`` where it is asked for. ``identify=False`` leaves ``sample`` out, for runs of one epoch whose
    samples need no name: half the memory.
    """
    import polars as pl

    manifest = read_manifest(run)
    scores = table(run, scores_name(manifest, mode)).select(
        *([pl.col("sample_id").hash(seed=0).alias("sample")] if identify or metadata else []),
        "epoch",
        pl.col("outcome").cast(pl.Enum([str(outcome) for outcome in Outcome])),
        "value",
        *(["values"] if values else []),
        *(["answer"] if answers else []),
    )
    found = _collected(scores)
    if not metadata:
        return found
    samples = table(run, SAMPLES).select(pl.col("sample_id").hash(seed=0).alias("sample"), "metadata")
    return found.join(_collected(samples), on="sample", how="left", maintain_order="left")


def _collected(rows: pl.LazyFrame) -> pl.DataFrame:
    """The rows, read a part at a time: decoding a whole file at once takes several times its size."""
    import polars as pl

    total = rows.select(pl.len()).collect().item()
    if total <= _PART:
        return rows.collect()
    return pl.concat([rows.slice(start, _PART).collect() for start in range(0, total, _PART)])


def sample_digests(run: Path) -> pl.DataFrame:
    """What each sample asked and expected, as a hash: columns ``sample_id``, ``digest`` (u64)."""
    import polars as pl

    content = pl.struct("input", "messages", "target", "choices").hash(seed=0)
    return table(run, SAMPLES).select("sample_id", content.alias("digest")).collect()


def trajectories(run: Path) -> Iterator[tuple[Sample, Trajectory, ScoreLine]]:
    """Stream the finished attempts of a run as records, in the order of the scores table."""
    import polars as pl

    scores, samples, responses = (table(run, name) for name in (SCORES, SAMPLES, RESPONSES))
    if is_open(run):  # read the journal once, not once a chunk
        scores, samples, responses = (frame.collect().lazy() for frame in (scores, samples, responses))
    total = scores.select(pl.len()).collect().item()
    for start in range(0, total, _CHUNK):
        lines = [score_of(row) for row in scores.slice(start, _CHUNK).collect().iter_rows(named=True)]
        here = pl.col("sample_id").is_in(list({line.sample_id for line in lines}))
        asked = {row["sample_id"]: sample_of(row) for row in samples.filter(here).collect().iter_rows(named=True)}
        calls: dict[tuple[str, int], list[CallLine]] = {}
        for row in responses.filter(here).collect().iter_rows(named=True):
            call = call_of(row)
            calls.setdefault((call.sample_id, call.epoch), []).append(call)
        for line in lines:
            found = sorted(calls.get((line.sample_id, line.epoch), []), key=lambda call: call.call)
            yield asked[line.sample_id], _trajectory(line, found[: line.calls]), line


def _trajectory(line: ScoreLine, calls: list[CallLine]) -> Trajectory:
    messages = line.messages
    if messages is None:
        messages = conversation_of(calls[-1]) if calls else ()
    return Trajectory(line.sample_id, line.epoch, messages, tuple(Call(c.digest, c.request, c.response) for c in calls))


def conversation_of(call: CallLine | Call) -> tuple[Message, ...]:
    """The conversation that a call leaves behind: what was asked, and the reply."""
    asked = call.request.messages or (Message("user", call.request.prompt or ""),)
    if call.response.error is not None:
        return asked
    return (*asked, Message("assistant", call.response.text, call.response.tool_calls))
