"""The self-correction setting: a model that is wrong is told so, with five replies in all.

As the owners ran it, what stays in the conversation of a wrong reply is the text that their scorer extracts
from it (``NULL`` where it finds none), not the reply; one variant recalls the sentences of the rule that
the item depends on, each time it says that the answer is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from assay.benchmarks.korbench.extract import basic, first_marked
from assay.benchmarks.rulemodes.correct import by_round, corrected, round_metrics
from assay.protocols import single_question
from assay.records import Metric, Sample
from assay.task import Protocol, Scorer

ROUNDS = 5

METRICS: tuple[Metric, ...] = round_metrics(ROUNDS)


def feedback(sample: Sample) -> str:
    """What the user says after a wrong reply: kept with the sample, so that a run can be scored without the data."""
    return str(sample.metadata["feedback"])


def with_feedback(sample: Sample, told: str, needle: Sequence[str] = ()) -> Sample:
    """The sample with what the user says after a wrong reply: the needle's sentences, then that it is wrong."""
    metadata = {**sample.metadata, "feedback": "\n".join((*needle, told))}
    return msgspec.structs.replace(sample, metadata=metadata)


def correction_protocol(scorer: Scorer) -> Protocol:
    """Ask until ``scorer`` finds a reply right, at most five times."""
    return corrected(single_question, scorer, ROUNDS, feedback, kept=lambda reply: basic(first_marked(reply)))


def correction_scorers(scorers: Mapping[str, Scorer]) -> dict[str, Scorer]:
    """Scorers of the last reply, with the value after each round."""
    return {mode: by_round(scorer, ROUNDS, feedback) for mode, scorer in scorers.items()}
