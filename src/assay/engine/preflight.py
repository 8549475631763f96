r"""Before the first call that costs anything: a task's own reference answers through its own scorer.

A scorer that cannot read the right answer, for want of a parser, a sandbox or a form, scores every model 0, and
nobody sees it. So each sample's reference is put through the task's protocol as if a model had said it, and
must score 1. Two more questions are asked of the same scorer: whether references that were made wrong still
score 1, and whether strings that answer nothing do, or make it fail.

The contract with a task is one optional attribute, ``Task.reference``: a function from a sample to the reply
that a right model would give. Without it the target is said in the usual forms, and a sample passes if
its scorer accepts one of them. Samples without a target, and protocols that ask for probabilities, have
nothing to check, and the report counts them.

A benchmark may hold a few golds that are wrong by its own rule: such samples are named, and the task is
refused only where their share exceeds what the user allows. A published scorer (a mode ``official...``) may
reject some of its own golds, and reproducing it is the point: there only most of them failing is refused.
What passed is remembered on disk by task, version, parameters, mode and dataset, so that it is asked once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

import assay
from assay.engine.job import judge
from assay.errors import AssayError, NotSupported
from assay.places import cache_dir
from assay.records import Call, Message, Outcome, Request, Response, Sample, Score, ToolSpec, Trajectory
from assay.store.encoding import encode
from assay.task import Task

ALLOWED = 0.02
"""Share of references that may fail, unless the user says otherwise."""
ALLOWED_OFFICIAL = 0.5
"""The same for modes that reproduce a published scorer."""
ALLOWED_WRONG = 0.5
"""Share of wrong references that may score 1: some are right by chance, or by a scorer that is generous."""

Kind = Literal["reference", "wrong reference", "thinking", "hostile"]
Reference = Callable[[Sample], str]

_WORDINGS: tuple[Callable[[str], str], ...] = (
    lambda answer: f"Answer: {answer}",
    lambda answer: f"[[{answer}]]",
    lambda answer: f"The answer is \\boxed{{{answer}}}.",
    lambda answer: answer,
)
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_HOSTILE = (
    *("", " \n", "\x00", "I cannot help with that.", "Answer:", "[[]]", "[[...]]", "\\boxed{}", "None", "nan"),
    *("[" * 20_000, "]" * 20_000, "\\boxed{" * 5_000, "Answer:\n" * 5_000, "( " * 20_000, " " * 50_000),
    *("[[9**9**9**9]]", "Answer: 9^{9^{9^{9}}}", "[[" + "9" * 5_000 + "]]", "Answer: 1e999999"),
    *("\ud800", "\u202e[[" + "\u0301" * 2_000, "{{7*7}} ${7*7} %s %n {0}", "'; DROP TABLE samples; --"),
)
"""Replies that answer nothing, or that a scorer may choke on."""
_HOSTILE_SAMPLES = 3
"""Samples that the hostile strings are tried on."""
_RIGHT = 1 - 1e-9


class ReferencesFail(AssayError):
    """A task's own reference answers do not pass its own scorer."""


class Finding(Struct, frozen=True):
    """A reply that was not judged as it should be."""

    sample_id: str
    kind: Kind
    reply: str
    """The reply, shortened; of a reference, the last wording tried."""
    outcome: Outcome
    value: float | None
    explanation: str | None


class PreflightReport(Struct, frozen=True):
    """How a task's references fared."""

    task: str
    version: str
    mode: str
    dataset: str | None
    """The dataset's digest."""
    allowed: float
    references: int
    """Samples whose reference was scored."""
    failed: tuple[Finding, ...]
    """References that did not score 1."""
    unchecked: int
    """Samples without a reference, or whose protocol takes no reply."""
    wrong: int
    """Wrong references scored."""
    accepted: tuple[Finding, ...]
    """Wrong references that scored 1."""
    hostile: int
    """Hostile strings scored."""
    fooled: tuple[Finding, ...]
    """Hostile strings that scored 1 or made the scorer fail, and references that scored 1 inside thinking."""

    @property
    def reason(self) -> str | None:
        """Why the task is refused, or ``None``."""
        if self.references and len(self.failed) > self.allowed * self.references:
            first = self.failed[0]
            return (
                f"{len(self.failed)} of {self.references} reference answers do not score 1 in mode {self.mode}; "
                f"{first.sample_id}: {first.outcome}, {first.explanation or 'no explanation'}"
            )
        if self.wrong and len(self.accepted) > ALLOWED_WRONG * self.wrong:
            return f"{len(self.accepted)} of {self.wrong} wrong answers score 1 in mode {self.mode}"
        given = [finding for finding in self.fooled if finding.kind == "hostile" and finding.value is not None]
        # Published scorers do read thinking, and letters out of words: that is named, and no ground to refuse them.
        if given and not self.mode.startswith("official"):
            return f"a reply that answers nothing scores 1 in mode {self.mode}: {given[0].reply!r}"
        return None

    @property
    def passed(self) -> bool:
        """Whether the task may be run."""
        return self.reason is None


async def preflight(
    task: Task,
    mode: str | None = None,
    *,
    limit: int | None = None,
    allowed: float = ALLOWED,
    advance: Callable[[], None] = lambda: None,
) -> PreflightReport:
    """Put reference answers, wrong ones and hostile strings through a task's scorer.

    Args:
        task: the task.
        mode: the scorer's mode; the task's own unless given.
        limit: only the first so many samples.
        allowed: share of references that may fail.
        advance: called for each sample that is done.

    What the scorer lacks (``MissingDependency``) is raised as it is.
    """
    check = _Check(task, mode or task.mode)
    previous: Sample | None = None
    for sample in islice(task.samples(), limit):
        if check.has_reference(sample):
            await check.sample(sample, previous)
            previous = sample
        else:
            check.unchecked += 1
        advance()
    return check.report(allowed)


async def ensure_preflight(
    task: Task, mode: str | None = None, *, limit: int | None = None, allowed: float | None = None
) -> PreflightReport | None:
    """Check a task unless it has passed before. Raises ``ReferencesFail`` where it does not pass.

    Returns the report of a check that was made and passed, ``None`` where none was needed.
    """
    if has_passed(task, mode):
        return None
    if allowed is None:
        allowed = ALLOWED_OFFICIAL if (mode or task.mode).startswith("official") else ALLOWED
    report = await preflight(task, mode, limit=limit, allowed=allowed)
    require_passed(report)
    remember(task, report)
    return report


def require_passed(report: PreflightReport) -> None:
    """Raise ``ReferencesFail`` where a report refuses its task."""
    if report.reason is not None:
        hint = f"`assay preflight {report.task}` shows more; --allow SHARE lets more of them fail"
        raise ReferencesFail(f"{report.task} is not run: {report.reason}. {hint}")


def has_passed(task: Task, mode: str | None = None) -> bool:
    """Whether this version of a task, with this dataset and in this mode, has passed before."""
    return _memory(task, mode or task.mode).is_file()


def remember(task: Task, report: PreflightReport) -> None:
    """Keep a report that passed, so that the task is not checked again; where nothing can be kept, it is."""
    if not report.references:
        return  # nothing has been shown
    path = _memory(task, report.mode)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(report))
    except OSError:
        return


def _memory(task: Task, mode: str) -> Path:
    digest = task.dataset.digest if task.dataset else None
    identity = msgspec.json.encode(
        [assay.__version__, task.name, task.version, dict(task.params), mode, digest], order="sorted"
    )
    return cache_dir() / "preflight" / f"{blake2b(identity, digest_size=12).hexdigest()}.json"


class _Check:
    """A check under way."""

    def __init__(self, task: Task, mode: str) -> None:
        self.task = task
        self.mode = mode
        self.references = self.unchecked = self.wrong = self.hostile = 0
        self.failed: list[Finding] = []
        self.accepted: list[Finding] = []
        self.fooled: list[Finding] = []
        own = task.reference
        self._wordings: list[Reference] = [own] if own is not None else [_worded(wording) for wording in _WORDINGS]
        self._own = own is not None
        self._tried_hostile = 0

    def has_reference(self, sample: Sample) -> bool:
        return self._own or any(target.strip() for target in _targets(sample))

    async def sample(self, sample: Sample, previous: Sample | None) -> None:
        try:
            wording = await self._reference(sample)
        except NotSupported:
            self.unchecked += 1
            return
        if wording is None:
            return
        for target in _wrong_targets(sample, previous):
            await self._wrong(sample, target, wording)
        if self._tried_hostile < _HOSTILE_SAMPLES:
            self._tried_hostile += 1
            reference = wording(sample)
            for thought in (f"<think>{reference}", f"<think>\n{reference}\n</think>\n"):
                await self._hostile(sample, "thinking", thought)
            for reply in _HOSTILE:
                if _bare(reply) not in map(_bare, _targets(sample)):  # "None" may be the answer
                    await self._hostile(sample, "hostile", reply)

    async def _reference(self, sample: Sample) -> Reference | None:
        """The wording that passed, if one did; it is tried first on the next sample."""
        score, reply = None, ""
        for wording in list(self._wordings):
            for target in _targets(sample)[:3]:
                reply = wording(_with_target(sample, target))
                score = await self._score(sample, reply)
                if _is_right(score):
                    self.references += 1
                    self._wordings.remove(wording)
                    self._wordings.insert(0, wording)
                    return wording
        assert score is not None
        self.references += 1
        self.failed.append(_finding(sample, "reference", reply, score))
        return None

    async def _wrong(self, sample: Sample, target: str, wording: Reference) -> None:
        reply = wording(_with_target(sample, target))
        if any(reply == wording(_with_target(sample, right)) for right in _targets(sample)):
            return  # the task words its references by something else than the target
        self.wrong += 1
        score = await self._score(sample, reply)
        if _is_right(score):
            self.accepted.append(_finding(sample, "wrong reference", reply, score))

    async def _hostile(self, sample: Sample, kind: Kind, reply: str) -> None:
        self.hostile += 1
        score = await self._score(sample, reply)
        if _is_right(score) or score.outcome in (Outcome.JUDGE_FAILED, Outcome.INFRA_FAILED):
            self.fooled.append(_finding(sample, kind, reply, score))

    async def _score(self, sample: Sample, reply: str) -> Score:
        try:
            trajectory = await self.task.protocol(sample, _Said(sample, reply))
        except (AssayError, NotSupported):
            raise
        except Exception as error:
            return Score(Outcome.INFRA_FAILED, explanation=f"the protocol raised {type(error).__name__}: {error}")
        return await judge(self.task, self.mode, sample, trajectory)

    def report(self, allowed: float) -> PreflightReport:
        return PreflightReport(
            task=self.task.name,
            version=self.task.version,
            mode=self.mode,
            dataset=self.task.dataset.digest if self.task.dataset else None,
            allowed=allowed,
            references=self.references,
            failed=tuple(self.failed),
            unchecked=self.unchecked,
            wrong=self.wrong,
            accepted=tuple(self.accepted),
            hostile=self.hostile,
            fooled=tuple(self.fooled),
        )


class _Said:
    """A ``Conversant`` that says the same thing whatever it is asked."""

    def __init__(self, sample: Sample, reply: str) -> None:
        self._sample = sample
        self._response = Response(reply, finish_reason="stop")
        self._calls: list[Call] = []

    async def generate(
        self,
        messages: Sequence[Message] = (),
        *,
        prompt: str | None = None,
        tools: Sequence[ToolSpec] = (),
        **sampling: Any,
    ) -> Response:
        request = Request("preflight", tuple(messages), prompt, None, tuple(tools))
        self._calls.append(Call(f"{len(self._calls)}", request, self._response))
        return self._response

    async def loglikelihood(
        self, continuation: str, messages: Sequence[Message] = (), *, prompt: str | None = None
    ) -> Response:
        raise NotSupported("a reference answer has no probabilities")

    def trajectory(self, messages: Sequence[Message]) -> Trajectory:
        return Trajectory(self._sample.id, 1, tuple(messages), tuple(self._calls))


def _worded(wording: Callable[[str], str]) -> Reference:
    return lambda sample: wording(_targets(sample)[0])


def _targets(sample: Sample) -> tuple[str, ...]:
    return (sample.target,) if isinstance(sample.target, str) else sample.target or ("",)


def _bare(text: str) -> str:
    return " ".join(text.casefold().split())


def _with_target(sample: Sample, target: str) -> Sample:
    return msgspec.structs.replace(sample, target=target)


def _wrong_targets(sample: Sample, previous: Sample | None) -> Iterator[str]:
    """Answers that are not the sample's: another option or a changed digit or letter, and the previous sample's."""
    targets = _targets(sample)
    labels = [chr(ord("A") + number) for number in range(min(len(sample.choices), 26))]
    own = targets[0]
    made = labels[(labels.index(own) + 1) % len(labels)] if own in labels else _changed(own)
    other = _targets(previous)[0] if previous is not None else made
    known = set(map(_bare, targets))
    for wrong in dict.fromkeys((made, other)):
        if wrong.strip() and _bare(wrong) not in known:
            yield wrong


def _changed(target: str) -> str:
    """The target with its last digit or, where it has none, its last letter replaced by the next one; else nothing."""
    for belongs, alphabet in (("0123456789", "0123456789"), (_LETTERS + _LETTERS.upper(), _LETTERS)):
        at = max(map(target.rfind, belongs))
        if at >= 0:
            following = alphabet[(alphabet.index(target[at].lower()) + 1) % len(alphabet)]
            return target[:at] + following + target[at + 1 :]
    return ""


def _is_right(score: Score) -> bool:
    return score.value is not None and score.value >= _RIGHT


def _finding(sample: Sample, kind: Kind, reply: str, score: Score) -> Finding:
    short = reply if len(reply) <= 200 else f"{reply[:160]} ... ({len(reply)} characters)"
    return Finding(sample.id, kind, short, score.outcome, score.value, score.explanation)
