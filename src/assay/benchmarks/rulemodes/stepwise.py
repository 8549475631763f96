"""A question led up to in steps, each with an answer of its own, and the question itself at the end.

The steps are asked in turn in one conversation. The replies that stay in it are the model's own, so that
an early mistake may carry through, or the gold answers, so that each step is seen by itself. Every step is
judged by the base's scorer, with the step's answer as the gold one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Literal

import msgspec

from assay.benchmarks.rulemodes.base import prompt_of
from assay.benchmarks.rulemodes.judging import NO_VERDICT, is_right, replied, verdict
from assay.benchmarks.rulemodes.prompts import FINAL, first_step, next_step
from assay.errors import UsageError
from assay.records import Message, Metric, Sample, Score, Trajectory
from assay.task import Conversant, Protocol, Scorer

Carry = Literal["own", "gold"]

LOOKED_AT = 1000
"""Samples, from the beginning, whose types of steps get metrics of their own."""
_STEPS = "step_list"
_NO_TYPE = "other"


def stepwise_samples(samples: Iterable[Sample], column: str, by_id: Mapping[str, Any] | None) -> Iterator[Sample]:
    """The samples with their steps in one form. Raises ``UsageError`` where one has none, or a step is no step."""
    for sample in samples:
        given = sample.metadata.get(column) if by_id is None else by_id.get(sample.id)
        if not isinstance(given, list | tuple) or not given:
            where = f"metadata {column!r}" if by_id is None else "the file of steps"
            raise UsageError(f"stepwise: sample {sample.id} has no list of steps in {where}")
        steps = [_step(sample, number, step) for number, step in enumerate(given, 1)]
        types = {_has(step["type"]): "yes" for step in steps}
        yield msgspec.structs.replace(sample, metadata={**sample.metadata, _STEPS: steps, **types})


def step_protocol(carry: Carry) -> Protocol:
    """Ask each step, then the question."""

    async def ask(sample: Sample, model: Conversant) -> Trajectory:
        steps = sample.metadata[_STEPS]
        messages: list[Message] = []
        for number, step in enumerate(steps, 1):
            asked = step["question"]
            opening = first_step(prompt_of("stepwise", sample), asked, len(steps)) if number == 1 else None
            messages.append(Message("user", opening or next_step(number, asked)))
            response = await model.generate(messages)
            messages.append(Message("assistant", response.text if carry == "own" else step["answer"]))
        messages.append(Message("user", FINAL))
        response = await model.generate(messages)
        return model.trajectory((*messages, Message("assistant", response.text)))

    return ask


def stepwise_scorer(scorer: Scorer) -> Scorer:
    """The base's score of the final answer, with what became of the steps beside it.

    ``steps`` is the share of right steps, ``step TYPE`` that of the steps of a type. Where the base's scorer
    fails on any step, its failure is the score.
    """

    async def score(sample: Sample, trajectory: Trajectory) -> Score:
        right: dict[str, list[bool]] = {}
        details = []
        for step, call in zip(sample.metadata[_STEPS], trajectory.calls, strict=False):
            found = await verdict(scorer, _as_sample(sample, step), replied(sample, call.response, trajectory.epoch))
            if found.outcome in NO_VERDICT:
                return found
            right.setdefault(step["type"], []).append(is_right(found) is True)
            details.append({"type": step["type"], "outcome": found.outcome, "value": found.value} | _gold(step, found))
        final = await verdict(scorer, sample, trajectory)
        values = {f"step {kind}": _share(verdicts) for kind, verdicts in right.items()}
        values["steps"] = _share([one for verdicts in right.values() for one in verdicts])
        trace = {**final.trace, "steps": details}
        return msgspec.structs.replace(final, values=final.values | values, trace=trace)

    return score


def step_metrics(samples: Iterable[Sample]) -> tuple[Metric, ...]:
    """Step accuracy, over all and for each type of step among the first samples, each sample counting alike."""
    types = {step["type"]: None for sample in islice(samples, LOOKED_AT) for step in sample.metadata[_STEPS]}
    by_type = (Metric(f"step accuracy, {kind}", value=f"step {kind}", where={_has(kind): "yes"}) for kind in types)
    return (Metric("step accuracy", value="steps"), *by_type)


def _step(sample: Sample, number: int, step: Any) -> dict[str, Any]:
    question = step.get("question", step.get("description")) if isinstance(step, dict) else None
    answer = step.get("answer") if isinstance(step, dict) else None
    if not isinstance(question, str) or not question.strip() or answer is None or isinstance(answer, dict | list):
        raise UsageError(f"stepwise: sample {sample.id}, step {number}: needs a question and an answer")
    return {**step, "question": question.strip(), "answer": str(answer), "type": str(step.get("type") or _NO_TYPE)}


def _as_sample(sample: Sample, step: Mapping[str, Any]) -> Sample:
    """A step as the base's scorer may look at it; what else the step says of itself overrides the sample's."""
    about = {key: value for key, value in step.items() if key not in ("answer", "type", "choices")}
    return msgspec.structs.replace(
        sample,
        input=step["question"],
        target=step["answer"],
        choices=tuple(step.get("choices", ())),
        metadata={**sample.metadata, **about},
    )


def _gold(step: Mapping[str, Any], found: Score) -> dict[str, Any]:
    return {"answer": found.answer, "gold": step["answer"]}


def _has(kind: str) -> str:
    return f"has step {kind}"


def _share(verdicts: Sequence[bool]) -> float:
    return sum(verdicts) / len(verdicts)
