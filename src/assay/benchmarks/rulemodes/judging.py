"""Putting parts of a conversation to a base task's scorer, as if each had been asked alone.

The invariant: a verdict that the base scorer fails to give is never taken for "wrong". Who needs a yes or
no gets ``None`` then.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence

from assay.errors import AssayError
from assay.records import Call, Message, Outcome, Request, Response, Sample, Score, Trajectory
from assay.task import Scorer

NO_VERDICT = (Outcome.JUDGE_FAILED, Outcome.INFRA_FAILED)
WORDINGS = ("{}", "[[{}]]", "Answer: {}", "\\boxed{{}}")
"""Forms in which a bare answer is shown to a scorer, until it finds one."""
_RIGHT = 1 - 1e-9


async def verdict(scorer: Scorer, sample: Sample, trajectory: Trajectory) -> Score:
    """The score, whether or not the scorer is asynchronous."""
    score = scorer(sample, trajectory)
    return await score if inspect.isawaitable(score) else score


def is_right(score: Score) -> bool | None:
    """Whether a score says that the answer is right; ``None`` where the scorer failed."""
    if score.outcome in NO_VERDICT:
        return None
    return score.value is not None and score.value >= _RIGHT


async def told_right(scorer: Scorer, sample: Sample, trajectory: Trajectory) -> bool | None:
    """The same for use inside a protocol, where a scorer's failure is to be reported by the scoring later on."""
    try:
        return is_right(await verdict(scorer, sample, trajectory))
    except AssayError:
        raise
    except Exception:
        return None


def replied(sample: Sample, response: Response, epoch: int = 1) -> Trajectory:
    """A response as if the sample alone had been asked."""
    reply = Message("assistant", response.text)
    call = Call("", Request("", sample.messages), response)
    return Trajectory(sample.id, epoch, (*sample.messages, reply), (call,))


async def judged_answer(scorer: Scorer, sample: Sample, answer: str, wordings: Sequence[str] = WORDINGS) -> Score:
    """The score of an answer that stands alone, without the words that a whole reply would have around it."""
    scores = []
    for wording in wordings:
        response = Response(wording.replace("{}", answer), finish_reason="stop")
        scores.append(await verdict(scorer, sample, replied(sample, response)))
        if scores[-1].outcome is not Outcome.UNPARSED:
            return scores[-1]
    return scores[0]


def up_to(trajectory: Trajectory, calls: int) -> Trajectory:
    """The trajectory as it stood after so many calls."""
    if calls == len(trajectory.calls):
        return trajectory
    last = trajectory.calls[calls - 1]
    reply = Message("assistant", last.response.text)
    return Trajectory(trajectory.sample_id, trajectory.epoch, (*last.request.messages, reply), trajectory.calls[:calls])
