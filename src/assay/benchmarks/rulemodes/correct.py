"""Self-correction: a model that is wrong is told so, and nothing else, until it is right or rounds are used up.

The protocol puts the conversation so far to a scorer, so it remains a function of sample and replies: a
resumed run judges the stored replies again and goes on where it was cut off. The scoring judges every round
anew, so a run may be scored in another mode than the one that decided when to stop.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from assay.benchmarks.rulemodes.judging import NO_VERDICT, told_right, up_to, verdict
from assay.errors import UsageError
from assay.records import Message, Metric, Sample, Score, Trajectory
from assay.task import Conversant, Protocol, Scorer

Feedback = Callable[[Sample], str]
"""What a model is told that is wrong."""


def corrected(
    protocol: Protocol,
    scorer: Scorer,
    rounds: int,
    feedback: Feedback,
    kept: Callable[[str], str] = lambda reply: reply,
) -> Protocol:
    """A protocol that goes on after wrong replies.

    Args:
        protocol: Asks the question; its last message is the reply.
        scorer: Says whether a reply is right. Where it fails, the conversation ends.
        rounds: Replies at most, the first included.
        feedback: What the user says after a wrong reply.
        kept: What of a wrong reply stays in the conversation.
    """

    async def ask(sample: Sample, model: Conversant) -> Trajectory:
        trajectory = await protocol(sample, model)
        if not all(call.request.prompt is None for call in trajectory.calls):
            raise UsageError(
                f"self-correct: sample {sample.id} is asked in plain text, not in a conversation that could go on"
            )
        messages = list(trajectory.messages)
        for _ in range(rounds - 1):
            if await told_right(scorer, sample, trajectory) is not False:
                break
            messages[-1] = Message("assistant", kept(trajectory.text))
            messages.append(Message("user", feedback(sample)))
            response = await model.generate(messages)
            messages.append(Message("assistant", response.text))
            trajectory = model.trajectory(messages)
        return trajectory

    return ask


def by_round(scorer: Scorer, rounds: int, feedback: Feedback) -> Scorer:
    """The scorer of the last reply, with the value after each round beside it.

    ``round_k`` is the value of the last reply given by round k, ``rounds`` the number of replies. Where the
    scorer fails on any round, its failure is the score.
    """

    async def score(sample: Sample, trajectory: Trajectory) -> Score:
        told = feedback(sample)
        later = sum(_is_told(call.request.messages, told) for call in trajectory.calls)
        first = len(trajectory.calls) - later
        scores = []
        for calls in range(first, len(trajectory.calls) + 1):
            scores.append(await verdict(scorer, sample, up_to(trajectory, calls)))
            if scores[-1].outcome in NO_VERDICT:
                return scores[-1]
        values = {f"round_{n}": scores[min(n, len(scores)) - 1].value or 0.0 for n in range(1, rounds + 1)}
        values["rounds"] = float(len(scores))
        return msgspec.structs.replace(scores[-1], values=scores[-1].values | values)

    return score


def round_metrics(rounds: int) -> tuple[Metric, ...]:
    """Accuracy after each round."""
    return tuple(Metric(f"accuracy after round {n}", value=f"round_{n}") for n in range(1, rounds + 1))


def _is_told(messages: tuple[Message, ...], told: str) -> bool:
    return bool(messages) and messages[-1].role == "user" and messages[-1].text == told
