"""Putting the shards of a run together.

Each shard holds every Nth sample of one plan; their union is the run that one machine would have made.
Shards that do not belong together, or are not all there, are refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from assay.errors import RunFolderError
from assay.records import RunManifest
from assay.store.folder import JOURNAL, RunLock, is_open, is_run, read_manifest, write_manifest
from assay.store.journal import JournalWriter
from assay.store.seal import stored_lines, write_tables


def merge_runs(shards: Sequence[Path], out: Path, tick: Callable[[], None] = lambda: None) -> RunManifest:
    """Make one sealed run of all shards of a plan. Raises ``RunFolderError``."""
    manifests = [read_manifest(shard) for shard in shards]
    _check(shards, manifests)
    if is_run(out):
        raise RunFolderError(f"{out} holds a run already: choose another --out")
    first = manifests[0]
    with RunLock(out):
        merged = msgspec.structs.replace(
            first, shard=None, origin="merge", sealed=False, status="running", outcomes={}, planned=None, rescored={}
        )
        write_manifest(out, merged)
        writer = JournalWriter(out / JOURNAL)
        try:
            for shard in shards:
                for line in stored_lines(shard):
                    writer.write(line)
                    tick()
        finally:
            writer.close()
        outcomes = write_tables(out, fresh=True)
        whole = all(manifest.status == "complete" for manifest in manifests)
        planned = [manifest.planned for manifest in manifests]
        merged = msgspec.structs.replace(
            merged,
            sealed=True,
            status="complete" if whole else "interrupted",
            outcomes=outcomes,
            planned=None if None in planned else sum(count or 0 for count in planned),
            seconds=sum(manifest.seconds or 0.0 for manifest in manifests),
        )
        write_manifest(out, merged)
        (out / JOURNAL).unlink()
    return merged


def _check(shards: Sequence[Path], manifests: Sequence[RunManifest]) -> None:
    for shard, manifest in zip(shards, manifests, strict=True):
        if manifest.shard is None:
            raise RunFolderError(f"{shard} is no shard: it was run without --shard")
        if is_open(shard):
            raise RunFolderError(f"{shard} is not sealed: run its command again to finish it")
    first = manifests[0]
    for shard, manifest in zip(shards[1:], manifests[1:], strict=True):
        for what in ("task", "model", "mode", "sampling", "epochs", "limit"):
            if getattr(manifest, what) != getattr(first, what):
                raise RunFolderError(f"{shard} and {shards[0]} are shards of different runs: another {what}")
    of = {manifest.shard[1] for manifest in manifests if manifest.shard}
    numbers = sorted(manifest.shard[0] for manifest in manifests if manifest.shard)
    wanted = list(range(1, max(of) + 1))
    if len(of) != 1 or numbers != wanted:
        missing = sorted(set(wanted) - set(numbers))
        twice = sorted({number for number in numbers if numbers.count(number) > 1})
        what = f"shards {missing} of {max(of)} are missing" if missing else f"shards {twice} are given twice"
        raise RunFolderError(f"these are not all shards of one run: {what}")
