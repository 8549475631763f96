"""Responses that exist already: scoring them again, and making runs of them.

Nothing here asks a model. What is scored from a stored response is what would have been scored had it
just been generated: the same scorers, the same records, the same run folder.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import msgspec

from assay.engine.conversation import attempt_seal, trajectory_digest
from assay.engine.job import Plan, judge
from assay.errors import RunFolderError
from assay.records import Call, Message, Request, Response, RunManifest, Sample, Score, Trajectory
from assay.store.encoding import encode
from assay.store.folder import JOURNAL, RunLock, is_open, is_run, read_manifest, write_manifest
from assay.store.frames import trajectories
from assay.store.journal import CallLine, JournalWriter, SampleLine, ScoreLine
from assay.store.seal import write_scores, write_tables
from assay.task import Task

AT_ONCE = 256


@dataclass(frozen=True)
class StoredResponse:
    """A response from elsewhere, with the sample that it answers."""

    sample: Sample
    response: Response
    epoch: int = 1


async def judged(
    task: Task, mode: str, attempts: Iterable[tuple[Sample, Trajectory]]
) -> AsyncIterator[tuple[Sample, Trajectory, Score]]:
    """Score attempts in order, many at a time (slow scorers work in processes of their own)."""
    batch: list[tuple[Sample, Trajectory]] = []

    async def done() -> list[tuple[Sample, Trajectory, Score]]:
        scores = await asyncio.gather(*(_score(task, mode, sample, trajectory) for sample, trajectory in batch))
        return [(sample, trajectory, score) for (sample, trajectory), score in zip(batch, scores, strict=True)]

    for attempt in attempts:
        batch.append(attempt)
        if len(batch) == AT_ONCE:
            for result in await done():
                yield result
            batch.clear()
    for result in await done():
        yield result


def trajectory_of(stored: StoredResponse, model: str) -> Trajectory:
    """The trajectory that a stored response stands for: the sample's input, and the response."""
    request = Request(model, stored.sample.messages)
    digest = blake2b(encode(request), digest_size=16).hexdigest()
    reply = Message("assistant", stored.response.text, stored.response.tool_calls)
    return Trajectory(
        stored.sample.id,
        stored.epoch,
        (*stored.sample.messages, reply),
        (Call(digest, request, stored.response),),
    )


async def import_run(
    plan: Plan, responses: Iterable[StoredResponse], tick: Callable[[], None] = lambda: None
) -> RunManifest:
    """Make a sealed run of stored responses. Raises ``RunFolderError`` where the folder holds a run."""
    if is_run(plan.folder):
        raise RunFolderError(f"{plan.folder} holds a run already: remove it, or choose another --out")
    mode = plan.scoring_mode
    with RunLock(plan.folder):
        manifest = msgspec.structs.replace(plan.manifest(), origin="import")
        write_manifest(plan.folder, manifest)
        writer = JournalWriter(plan.folder / JOURNAL)
        try:
            attempts = ((stored.sample, trajectory_of(stored, plan.model)) for stored in responses)
            seen: set[str] = set()
            async for sample, trajectory, score in judged(plan.task, mode, attempts):
                if sample.id not in seen:
                    seen.add(sample.id)
                    writer.write(SampleLine(sample))
                call = trajectory.calls[0]
                writer.write(CallLine(sample.id, trajectory.epoch, 0, call.digest, call.request, call.response))
                digest = trajectory_digest(attempt_seal(sample, plan.task.version, mode), [call.digest])
                writer.write(ScoreLine(sample.id, trajectory.epoch, 1, digest, score))
                tick()
        finally:
            writer.close()
        outcomes = write_tables(plan.folder, fresh=False)
        manifest = msgspec.structs.replace(
            manifest, status="complete", sealed=True, outcomes=outcomes, planned=sum(outcomes.values())
        )
        write_manifest(plan.folder, manifest)
        (plan.folder / JOURNAL).unlink()
    return manifest


async def rescore(run: Path, task: Task, mode: str, tick: Callable[[], None] = lambda: None) -> RunManifest:
    """Score a sealed run's responses in another mode, beside the scores that it has.

    The samples, gold answers included, are those stored with the run. Attempts that brought no reply
    keep their outcome. Raises ``RunFolderError`` where the run is open.
    """
    manifest = read_manifest(run)
    if is_open(run):
        raise RunFolderError(f"{run} is not sealed: finish it first (run its command again, or Ctrl-C it)")
    name = "scores" if mode == manifest.mode else f"scores-{mode}"
    temporary = run / "scores.rebuild"
    with RunLock(run):
        temporary.unlink(missing_ok=True)
        writer = JournalWriter(temporary)
        try:
            async for sample, trajectory, score in judged(task, mode, ((s, t) for s, t, _ in trajectories(run))):
                seal = attempt_seal(sample, task.version, mode)
                digest = trajectory_digest(seal, [call.digest for call in trajectory.calls])
                writer.write(ScoreLine(sample.id, trajectory.epoch, len(trajectory.calls), digest, score))
                tick()
        finally:
            writer.close()
        write_scores(run / f"{name}.parquet", temporary)
        temporary.unlink()
        if mode != manifest.mode:
            manifest = msgspec.structs.replace(manifest, rescored={**manifest.rescored, mode: f"{name}.parquet"})
            write_manifest(run, manifest)
    return manifest


async def _score(task: Task, mode: str, sample: Sample, trajectory: Trajectory) -> Score:
    error = trajectory.calls[-1].response.error if trajectory.calls else None
    if error is not None:
        return Score(error.outcome, explanation=f"{error.kind}: {error.message}")
    return await judge(task, mode, sample, trajectory)
