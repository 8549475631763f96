"""How a question becomes texts whose probability is asked, in each of the three forms.

A form is a prompt and what may follow it. The prompts are those with which ``mcq`` and ``qa`` have a
base model continue plain text, so that generation and likelihood differ in nothing else. They end
without a space and every continuation begins with one, as tokenisers expect.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Literal

import msgspec

from assay.benchmarks.mcq import prompts as listed
from assay.benchmarks.qa import prompts as plain
from assay.errors import UsageError
from assay.records import Sample, Trajectory
from assay.scoring.choice import LETTERS
from assay.task import Conversant, Protocol

Form = Literal["choices", "cloze", "bpb"]

UNCONDITIONAL = "Answer:"
"""What stands for no question at all, before an option whose probability as such is asked."""


def samples_in(form: Form, samples: Iterable[Sample], shots: int) -> Iterator[Sample]:
    """The samples with the form's prompt as input; the first ``shots`` are worked examples and are not asked.

    Raises ``UsageError`` for a sample that does not say what its question, its options or its answer is.
    """
    stream = iter(samples)
    examples = "".join(_example(form, sample) for sample in islice(stream, shots))
    for sample in stream:
        yield msgspec.structs.replace(sample, input=_prompt(form, sample, examples))


def continuations(form: Form, sample: Sample) -> tuple[str, ...]:
    """What may follow the sample's prompt, without the space before it: letters, options, or the gold answer."""
    if form == "bpb":
        return (answer_text(sample),)
    if form == "choices":
        return tuple(LETTERS[: len(sample.choices)])
    return tuple(option.strip() for option in sample.choices)


def right_option(sample: Sample) -> int:
    """The index of the option that the target names by its letter or its text. Raises ``UsageError``."""
    count = len(sample.choices)
    if not 2 <= count <= len(LETTERS):
        raise UsageError(f"likelihood: sample {sample.id} has {count} options: this form takes 2 to {len(LETTERS)}")
    if not all(option.strip() for option in sample.choices):
        raise UsageError(f"likelihood: sample {sample.id} has an empty option, which has no probability")
    if isinstance(sample.target, str):
        if len(sample.target) == 1 and sample.target in LETTERS[:count]:
            return LETTERS.index(sample.target)
        if sample.choices.count(sample.target) == 1:
            return sample.choices.index(sample.target)
    raise UsageError(f"likelihood: sample {sample.id}: target {sample.target!r} names no single option")


def answer_text(sample: Sample) -> str:
    """The gold answer in words: the right option or, without options, the (first) target. Raises ``UsageError``."""
    if sample.choices:
        return sample.choices[right_option(sample)].strip()
    text = sample.target if isinstance(sample.target, str) else next(iter(sample.target), "")
    if not text.strip():
        raise UsageError(f"likelihood: sample {sample.id} has no gold answer")
    return text.strip()


def asking(form: Form) -> Protocol:
    """Ask for the log-likelihood of each continuation and, for ``cloze``, of each without the question."""

    async def protocol(sample: Sample, model: Conversant) -> Trajectory:
        followers = continuations(form, sample)
        prompt = sample.messages[-1].text
        # One after the other: a call is journalled under its number, and a server that keeps the prompt of the
        # last call need not read it again.
        for follower in followers:
            await model.loglikelihood(f" {follower}", prompt=prompt)
        if form == "cloze":
            for follower in followers:
                await model.loglikelihood(f" {follower}", prompt=UNCONDITIONAL)
        return model.trajectory(sample.messages)

    return protocol


def _prompt(form: Form, sample: Sample, examples: str) -> str:
    question = _question(sample)
    if form == "bpb":
        answer_text(sample)  # a sample that cannot be scored is not asked
    else:
        right_option(sample)
    if form == "choices":
        return listed.completion(question, sample.choices, examples)
    return plain.completion(question, examples)


def _example(form: Form, sample: Sample) -> str:
    question = _question(sample)
    if form == "choices":
        return listed.example(question, sample.choices, LETTERS[right_option(sample)])
    return plain.example(question, answer_text(sample))


def _question(sample: Sample) -> str:
    question = sample.metadata.get("question")
    if not isinstance(question, str) or not question.strip():
        raise UsageError(f"likelihood: sample {sample.id} does not say what its question is (metadata 'question')")
    return question
