"""One run under way: its folder, its journal, and what becomes of each attempt.

A job owns its run folder from ``open`` to ``close``. What it is asked to do twice it does once: an
attempt that the journal already holds is recognised by the digests of its requests and left alone.
"""

from __future__ import annotations

import inspect
import math
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import Any, Literal

import msgspec

import assay
from assay.engine.conversation import AlreadyFinished, Attempt, CallEnded, attempt_seal
from assay.errors import AssayError, RunFolderError, RunIncomplete
from assay.models.prices import cost
from assay.records import (
    ModelInfo,
    Outcome,
    Price,
    Request,
    Response,
    RunManifest,
    Sample,
    Sampling,
    Score,
    TaskInfo,
    Trajectory,
)
from assay.store.cache import ResponseCache, cache_key
from assay.store.folder import JOURNAL, RunLock, is_run, read_manifest, write_manifest
from assay.store.frames import conversation_of
from assay.store.index import JournalIndex
from assay.store.journal import JournalWriter, SampleLine, ScoreLine
from assay.store.seal import rebuild_journal, write_tables
from assay.store.versions import SCHEMA_VERSION
from assay.task import Task

_TRANSPORT = frozenset(("batch", "log", "stream", "timeout", "verbosity"))
"""First words of provider options that change no answer."""


@dataclass(frozen=True)
class Plan:
    """One model on one task with one configuration, and where the run is kept."""

    task: Task
    model: str
    folder: Path
    options: dict[str, Any] = field(default_factory=dict)
    """Provider options, as the manifest may show them."""
    sampling: Sampling = field(default_factory=Sampling)
    """The task's settings with the user's on top."""
    epochs: int = 1
    limit: int | None = None
    mode: str | None = None
    price: Price | None = None
    shard: tuple[int, int] | None = None
    """(k, n): only samples k, k + n, k + 2n ... of the task, counted from 1."""

    @property
    def scoring_mode(self) -> str:
        """The scorer's mode: the one asked for, or the task's own."""
        return self.mode or self.task.mode

    @property
    def attempts(self) -> int | None:
        """Attempts in the whole plan, where the task knows its size."""
        if self.task.size is None:
            return None
        number, of = self.shard or (1, 1)
        whole = self.task.size if self.limit is None else min(self.limit, self.task.size)
        return self.epochs * len(range(number - 1, whole, of))

    def samples(self) -> Iterator[Sample]:
        """Stream the plan's samples."""
        number, of = self.shard or (1, 1)
        return islice(islice(self.task.samples(), self.limit), number - 1, None, of)

    def manifest(self) -> RunManifest:
        """A fresh manifest of this plan."""
        task = self.task
        info = TaskInfo(task.name, task.version, dict(task.params), task.dataset, task.metrics, task.cluster)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return RunManifest(
            schema_version=SCHEMA_VERSION,
            run_id=blake2b(f"{self.folder}{now}".encode(), digest_size=8).hexdigest(),
            task=info,
            model=ModelInfo(self.model, self.options),
            mode=self.scoring_mode,
            created=now,
            assay_version=assay.__version__,
            sampling=self.sampling,
            epochs=self.epochs,
            limit=self.limit,
            price=self.price,
            shard=self.shard,
        )


def default_folder(
    root: Path,
    task: Task,
    model: str,
    options: dict[str, Any],
    sampling: Sampling,
    mode: str | None,
    shard: tuple[int, int] | None = None,
) -> Path:
    """A run's folder, named after what it is: the same configuration always finds the same run."""
    identity = msgspec.json.encode(
        [task.name, task.version, dict(task.params), model, who_answers(options), sampling, mode or task.mode],
        order="sorted",
    )
    digest = blake2b(identity, digest_size=4).hexdigest()
    part = f"-{shard[0]}of{shard[1]}" if shard is not None else ""
    return root / f"{slug(task.name)}-{slug(model.partition('/')[2] or model)}-{digest}{part}"


def who_answers(options: Mapping[str, Any]) -> dict[str, Any]:
    """The provider options that say who answers and how, without those that say how the reply travels."""
    return {name: value for name, value in options.items() if name.partition("_")[0] not in _TRANSPORT}


def slug(name: str) -> str:
    """A name as part of a file name."""
    return "".join(char if char.isalnum() or char in "._" else "-" for char in name).strip("-.") or "run"


class Job:
    """A plan being carried out."""

    def __init__(self, plan: Plan, cache: ResponseCache | None = None) -> None:
        self.plan = plan
        self._cache = cache
        self._options = msgspec.json.encode(who_answers(plan.options), order="sorted")
        self.outcomes: Counter[str] = Counter()
        """Of the attempts finished in this session."""
        self.kept = 0
        """Attempts that a former session had finished."""
        self.asked = 0
        """Model calls made in this session."""
        self.cached = 0
        """Model calls answered from the cache."""
        self.input_tokens = 0
        self.output_tokens = 0
        self.cost = 0.0
        """US dollars spent in this session, where the price is known."""
        self.exhausted = False
        """All attempts of the plan have been begun."""
        self.notices: list[str] = []
        self._began = monotonic()
        self._index: JournalIndex | None = None
        self._lock = RunLock(plan.folder)
        try:
            self._manifest = self._resume() if is_run(plan.folder) else plan.manifest()
            journal = plan.folder / JOURNAL
            if not journal.exists() and (plan.folder / "scores.parquet").exists():
                rebuild_journal(plan.folder)
            if journal.exists():
                self._open_index(journal)
            self._journal = JournalWriter(journal)
            self._manifest = msgspec.structs.replace(self._manifest, status="running", sealed=False)
            write_manifest(plan.folder, self._manifest)
        except BaseException:
            self._lock.close()
            raise

    @property
    def done(self) -> int:
        """Attempts finished, in this session or before."""
        return self.kept + self.outcomes.total()

    @property
    def manifest(self) -> RunManifest:
        """The run's manifest as it stands."""
        return self._manifest

    def attempts(self) -> Iterator[tuple[Sample, int]]:
        """Stream the plan's attempts: each sample with each of its epochs."""
        for sample in self.plan.samples():
            self._keep_sample(sample)
            for epoch in range(1, self.plan.epochs + 1):
                yield sample, epoch
        self.exhausted = True

    async def attempt(self, sample: Sample, epoch: int, ask: Callable[[Request], Awaitable[Response]]) -> None:
        """Put a sample to the model and score what comes back. Raises ``StorageFailed``, ``RunIncomplete``."""
        plan = self.plan

        async def counted(request: Request, digest: str, epoch: int, repeat: int) -> Response:
            cache = self._cache if self._cache is not None and self._cache.takes(request) else None
            key = b"" if cache is None else cache_key(digest, self._options, epoch, repeat)
            if cache is not None and (found := cache.get(key)) is not None:
                self.cached += 1
                return found
            response = await ask(request)
            self.asked += 1
            if cache is not None:
                cache.put(key, plan.model, response)
            if (usage := response.usage) is not None:
                self.input_tokens += usage.input_tokens or 0
                self.output_tokens += usage.output_tokens or 0
                if plan.price is not None:
                    self.cost += cost(plan.price, usage)
            return response

        attempt = Attempt(
            sample,
            epoch,
            model=plan.model,
            sampling=plan.sampling,
            ask=counted,
            journal=self._journal,
            index=self._index,
            seal=attempt_seal(sample, plan.task.version, plan.scoring_mode),
        )
        try:
            trajectory = await plan.task.protocol(sample, attempt)
        except AlreadyFinished:
            self.kept += 1
            return
        except CallEnded as ended:
            trajectory = attempt.trajectory(conversation_of(attempt.calls[-1]))
            score = Score(ended.error.outcome, explanation=f"{ended.error.kind}: {ended.error.message}")
        except (AssayError, RunIncomplete):
            raise
        except Exception as error:
            trajectory = attempt.trajectory(sample.messages)
            score = Score(Outcome.INFRA_FAILED, explanation=f"the protocol raised {type(error).__name__}: {error}")
        else:
            if self._index is not None and self._index.finished(sample.id, epoch, attempt.digest()):
                self.kept += 1
                return
            score = await judge(plan.task, plan.scoring_mode, sample, trajectory)
        self._finish(trajectory, attempt.digest(), score)

    def sync(self) -> None:
        """Put the journal on the device."""
        self._journal.sync()

    def close(self, status: Literal["complete", "interrupted"]) -> RunManifest:
        """Seal the run and give the folder back. Raises ``StorageFailed``; the journal then stays."""
        try:
            self._journal.close()
            whole = status == "complete" and self.exhausted
            unwanted = self._index.unwanted() if self._index is not None and whole else frozenset()
            outcomes = write_tables(self.plan.folder, fresh=self._index is None, unwanted=unwanted)
            self._manifest = msgspec.structs.replace(
                self._manifest,
                status=status,
                sealed=True,
                outcomes=outcomes,
                planned=self.done if whole else self.plan.attempts,
                seconds=(self._manifest.seconds or 0.0) + monotonic() - self._began,
            )
            write_manifest(self.plan.folder, self._manifest)
            (self.plan.folder / JOURNAL).unlink()
            return self._manifest
        finally:
            self.release()

    def abandon(self) -> None:
        """Leave the journal as it is, unsealed: after a failure of the disk."""
        self._journal.abandon()
        self.release()

    def release(self) -> None:
        """Give the folder back."""
        if self._index is not None:
            self._index.close()
        self._lock.close()

    def _keep_sample(self, sample: Sample) -> None:
        if self._index is None or not self._index.knows(sample):
            self._journal.write(SampleLine(sample))

    def _finish(self, trajectory: Trajectory, digest: str, score: Score) -> None:
        calls = trajectory.calls
        usual = calls and trajectory.messages == conversation_of(calls[-1])
        messages = None if usual else trajectory.messages
        self._journal.write(ScoreLine(trajectory.sample_id, trajectory.epoch, len(calls), digest, score, messages))
        self.outcomes[score.outcome] += 1

    def _open_index(self, journal: Path) -> None:
        index = JournalIndex(journal)
        if index.damage.lines:
            self.notices.append(f"journal: {index.damage}; what they held is asked again")
        if index.empty:
            index.close()
        else:
            self._index = index

    def _resume(self) -> RunManifest:
        old, new = read_manifest(self.plan.folder), self.plan.manifest()
        for what, was, now in (
            ("task", old.task.name, new.task.name),
            ("task parameters", old.task.params, new.task.params),
            ("model", old.model.name, new.model.name),
            ("shard", old.shard, new.shard),
        ):
            if msgspec.to_builtins(was) != msgspec.to_builtins(now):
                raise RunFolderError(
                    f"{self.plan.folder} holds a run of another {what} ({was}, not {now}): choose another --out"
                )
        changed = {
            "sampling": old.sampling != new.sampling,
            "task version": old.task.version != new.task.version,
            "dataset": old.task.dataset != new.task.dataset,
            "scorer mode": old.mode != new.mode,
        }
        self.notices += [
            f"{what} changed since the last session: what depends on it is done again"
            for what, differs in changed.items()
            if differs
        ]
        return msgspec.structs.replace(new, run_id=old.run_id, created=old.created, seconds=old.seconds)


async def judge(task: Task, mode: str, sample: Sample, trajectory: Trajectory) -> Score:
    """Score a trajectory. A scorer that fails gives ``judge_failed``, never a value."""
    try:
        score = task.scorers[mode](sample, trajectory)
        if inspect.isawaitable(score):
            score = await score
    except AssayError:
        raise
    except Exception as error:
        return Score(Outcome.JUDGE_FAILED, explanation=f"the scorer raised {type(error).__name__}: {error}")
    numbers = (score.value, *score.values.values())
    if any(number is not None and not math.isfinite(number) for number in numbers):
        return Score(Outcome.JUDGE_FAILED, answer=score.answer, explanation="the scorer gave no finite number")
    return score
