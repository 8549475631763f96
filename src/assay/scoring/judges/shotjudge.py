"""ShotJudge: grading against a rubric, anchored by one response that experts have graded.

The judge sees the task, its rubric and one *anchor*, a baseline response with the experts' verdict and
rationale for every criterion, then grades the candidate the same way (XpertBench, arXiv 2604.02368). Whether
the anchor does what it should is measured by arms beside it: the same prompt without an anchor, with an anchor
from another task, and with another task's rubric. The last one must fail closed: a judge that grades by
a rubric which cannot belong to the task says so, and then there is no score.

Every criterion is judged exactly once or the reply is unreadable; a missing one is never taken as unmet.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Literal

import msgspec

from assay.errors import UsageError
from assay.records import Message, Outcome, Score
from assay.scoring.json_recovery import objects_in
from assay.scoring.judges.asking import Judge, Judgment, judge_failed, judge_once
from assay.scoring.judges.fences import fence_rule, fenced, mark_for
from assay.scoring.judges.verdicts import JudgeUnparsable, Reader, Verdict, answer_part

TEMPLATE = "shotjudge/1"


class Arm(StrEnum):
    """What the judge is shown besides task and candidate."""

    ONE_SHOT = "one-shot"
    """The task's rubric and its own anchor: the method itself."""
    ZERO_SHOT = "zero-shot"
    """The rubric alone."""
    WRONG_ANCHOR = "wrong-anchor"
    """The rubric, and an anchor from another task."""
    SWAPPED_RUBRIC = "swapped-rubric"
    """Another task's rubric, no anchor. A sound judge refuses."""


class Criterion(msgspec.Struct, frozen=True, omit_defaults=True):
    """One requirement that a response meets or does not."""

    id: str
    text: str
    weight: float = 1.0
    """In XpertBench a whole number from 1 to 10."""
    level: Literal["essential", "important", "optional"] = "important"
    tag: str = ""
    avoids: bool = False
    """Phrased as "must not": met where the thing is absent, so that no passage can show it."""


class Ruling(msgspec.Struct, frozen=True, omit_defaults=True):
    """An expert's verdict on one criterion of the anchor."""

    criterion: str
    met: bool
    rationale: str


class Anchor(msgspec.Struct, frozen=True):
    """A response that experts have graded."""

    task_id: str
    response: str
    rubric: tuple[Criterion, ...]
    rulings: tuple[Ruling, ...]
    """One for each criterion of the rubric."""


class RubricTask(msgspec.Struct, frozen=True):
    """A task with its rubric."""

    id: str
    prompt: str
    rubric: tuple[Criterion, ...]


class Graded(msgspec.Struct, frozen=True, omit_defaults=True):
    """A candidate graded by one judge in one arm."""

    arm: Arm
    rubric: tuple[Criterion, ...]
    """By which it was graded."""
    judgment: Judgment

    @property
    def met(self) -> dict[str, bool] | None:
        """Criterion -> met; ``None`` where the judge failed or found that the rubric does not fit."""
        verdict = self.judgment.verdict
        if verdict is None or not verdict["rubric_fits"]:
            return None
        return {key: row["met"] for key, row in verdict["criteria"].items()}


async def grade(
    judge: Judge,
    task: RubricTask,
    candidate: str,
    arm: Arm = Arm.ONE_SHOT,
    *,
    anchor: Anchor | None = None,
    other: RubricTask | None = None,
) -> Graded:
    """Have a candidate graded in one arm.

    Args:
        judge: who grades.
        task: what the candidate was to do.
        candidate: its response.
        arm: what the judge is shown.
        anchor: of the same task for ``one-shot``, of another for ``wrong-anchor``.
        other: for ``swapped-rubric``, the task whose rubric is used.

    Raises ``UsageError`` where anchor or other task do not make the arm.
    """
    _check(task, arm, anchor, other)
    rubric = other.rubric if other is not None else task.rubric
    messages = rubric_prompt(task.prompt, rubric, candidate, anchor)
    judgment = await judge_once(judge, messages, rubric_reader(rubric), template=f"{TEMPLATE} {arm}")
    return Graded(arm, rubric, judgment)


def rubric_prompt(
    prompt: str, rubric: Sequence[Criterion], candidate: str, anchor: Anchor | None
) -> tuple[Message, ...]:
    """The prompt of an arm: task, anchor if any, rubric, candidate."""
    lines = "\n".join(f"{c.id}: {c.text}" for c in rubric)
    example = "" if anchor is None else _graded_example(anchor)
    mark = mark_for(prompt, lines, candidate, example, "" if anchor is None else anchor.response)
    rule = (
        "You are an examiner. You decide, criterion by criterion, whether a response to a professional task meets "
        "what the criterion asks, and nothing else: a criterion is met fully or not at all, and partial credit "
        f"does not exist.\n{fence_rule(mark)}"
    )
    parts = [fenced("task", prompt, mark)]
    if anchor is not None:
        parts += [
            "Experts have graded another response. Take over how strictly they read and what they accept as proof; "
            "their verdicts are about that response, not about the one you grade.",
            fenced("graded response", anchor.response, mark),
            fenced("expert verdicts", example, mark),
        ]
    parts += [
        fenced("rubric", lines, mark),
        fenced("response to grade", candidate, mark),
        "First decide whether this rubric is about this task at all. Then reply with one JSON object alone:\n"
        '{"rubric_fits": true or false, "criteria": [{"id": "...", "met": 0 or 1, "quote": "...", "reason": "..."}]}\n'
        "List every criterion of the rubric once, by its id. For a criterion that is met, quote the words of the "
        "response that show it (empty where the criterion asks for something to be absent). Where the rubric does "
        "not fit the task, say so and leave the list empty.",
    ]
    return Message("system", rule), Message("user", "\n\n".join(parts))


def rubric_reader(rubric: Sequence[Criterion]) -> Reader:
    """Reads a grader's reply: ``{"rubric_fits": bool, "criteria": {id: {met, quote, reason}}}``."""
    known = {c.id: c for c in rubric}

    def read(reply: str) -> Verdict:
        found = objects_in(answer_part(reply), "rubric_fits")
        values = [each.value for each in found]
        if not values:
            raise JudgeUnparsable('no JSON object with "rubric_fits" was found')
        if any(value != values[0] for value in values):
            raise JudgeUnparsable(f"{len(values)} different verdicts are given")
        fits = values[0]["rubric_fits"]
        if fits not in (True, False):
            raise JudgeUnparsable('"rubric_fits" must be true or false')
        verdict: Verdict = {"rubric_fits": bool(fits), "mended": list(found[0].mended)}
        return verdict | {"criteria": _criteria(values[0].get("criteria"), known) if fits else {}}

    return read


def coverage(rubric: Sequence[Criterion], met: dict[str, bool]) -> float:
    """Weighted share of criteria met, S = Σ w x / Σ w: no pass mark, and the essential ones gate nothing."""
    return sum(c.weight for c in rubric if met[c.id]) / sum(c.weight for c in rubric)


def essentials_met(rubric: Sequence[Criterion], met: dict[str, bool]) -> bool:
    """Whether every essential criterion is met; reported beside the coverage, which can hide that it is not."""
    return all(met[c.id] for c in rubric if c.level == "essential")


def graded_score(graded: Graded, candidate: str) -> Score:
    """The grading as a score: coverage, with ``essentials_met`` and the share of quotes found beside it.

    ``judge_failed`` where the judge failed or says that the rubric does not fit the task.
    """
    trace: dict[str, Any] = {"arm": graded.arm, "judgment": msgspec.to_builtins(graded.judgment)}
    met = graded.met
    if met is None:
        return judge_failed(graded.judgment.fault or "the judge says that the rubric does not fit the task", trace)
    assert graded.judgment.verdict is not None
    values = {"essentials_met": float(essentials_met(graded.rubric, met))}
    quotes = [row["quote"] for row in graded.judgment.verdict["criteria"].values() if row["quote"]]
    if quotes:
        plain = " ".join(candidate.split())
        values["quotes_found"] = sum(" ".join(q.split()) in plain for q in quotes) / len(quotes)
    said = f"{sum(met.values())} of {len(met)} criteria met"
    return Score(Outcome.SCORED, coverage(graded.rubric, met), explanation=said, trace=trace, values=values)


def partner(ids: Sequence[str], task_id: str) -> str:
    """The task that lends its anchor or rubric to another: the next in order of ids, the last one's is the first."""
    ordered = sorted(set(ids))
    if len(ordered) < 2:
        raise UsageError("a wrong anchor or a swapped rubric takes at least two tasks")
    return ordered[(ordered.index(task_id) + 1) % len(ordered)]


def _check(task: RubricTask, arm: Arm, anchor: Anchor | None, other: RubricTask | None) -> None:
    needs_anchor = arm in (Arm.ONE_SHOT, Arm.WRONG_ANCHOR)
    if needs_anchor != (anchor is not None) or (arm is Arm.SWAPPED_RUBRIC) != (other is not None):
        raise UsageError(f"arm {arm} takes {'an' if needs_anchor else 'no'} anchor; only swapped-rubric another task")
    if anchor is not None and (anchor.task_id == task.id) != (arm is Arm.ONE_SHOT):
        raise UsageError(f"arm {arm} of task {task.id} was given the anchor of task {anchor.task_id}")
    if other is not None and other.id == task.id:
        raise UsageError(f"arm {arm} of task {task.id} was given its own rubric")
    for what, criteria in (("task", task.rubric), *([("anchor", anchor.rubric)] if anchor else [])):
        if not criteria or len({c.id for c in criteria}) < len(criteria) or any(c.weight <= 0 for c in criteria):
            raise UsageError(f"the rubric of {what} {task.id} needs criteria with distinct ids and weights above 0")
    if anchor is not None and sorted(r.criterion for r in anchor.rulings) != sorted(c.id for c in anchor.rubric):
        raise UsageError(f"the anchor of task {anchor.task_id} must have one ruling for each criterion")


def _graded_example(anchor: Anchor) -> str:
    ruling = {r.criterion: r for r in anchor.rulings}
    return "\n".join(
        f"{c.id}: {c.text}\n  {'met' if ruling[c.id].met else 'not met'}: {ruling[c.id].rationale}"
        for c in anchor.rubric
    )


def _criteria(rows: Any, known: dict[str, Criterion]) -> dict[str, dict[str, Any]]:
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise JudgeUnparsable('"criteria" must be a list of objects')
    read: dict[str, dict[str, Any]] = {}
    for row in rows:
        name = str(row.get("id", "")).strip()
        if name not in known:
            raise JudgeUnparsable(f"there is no criterion {name[:40]!r}")
        if name in read:
            raise JudgeUnparsable(f"criterion {name} is judged twice")
        met = row.get("met")
        if met not in (0, 1):
            raise JudgeUnparsable(f'"met" of criterion {name} must be 0 or 1')
        quote = str(row.get("quote") or "").strip()
        if met and not quote and not known[name].avoids:
            raise JudgeUnparsable(f"criterion {name} is said to be met without a quote that shows it")
        read[name] = {"met": bool(met), "quote": quote, "reason": str(row.get("reason") or "")}
    if missing := [name for name in known if name not in read]:
        raise JudgeUnparsable(f"criteria not judged: {', '.join(missing)}")
    return read
