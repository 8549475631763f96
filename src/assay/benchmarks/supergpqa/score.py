"""Scores of a reply: the owners' cascade with its quirks, and the rule that was meant.

Both say beside the verdict whether an answer was found: ``miss`` is the owners' word for a reply without one,
``error`` for no reply at all. An attempt that brought no reply leaves no score of ours; the error rate counts it.
"""

from __future__ import annotations

import msgspec

from assay.records import Outcome, Sample, Score, Trajectory
from assay.scoring.cascade_supergpqa import extract_official
from assay.scoring.choice import choice_scorer
from assay.scoring.thinking import outcome_without_answer
from assay.task import Scorer

_choice = choice_scorer()


def official_scorer(*, few_shot: bool) -> Scorer:
    """The published verdict: what the cascade finds is the answer's letter. Thinking in the reply is read too."""

    def score(sample: Sample, trajectory: Trajectory) -> Score:
        found = extract_official(trajectory.text, sample.choices, few_shot=few_shot)
        if found is None:
            outcome = outcome_without_answer(trajectory.response)
            return Score(outcome, explanation="the cascade finds nothing", values=_values(missed=True))
        return Score(
            Outcome.SCORED,
            float(found.text == sample.target),
            found.text,
            f"{found.pattern}: {found.text}",
            {"pattern": found.pattern, "span": found.span},
            _values(missed=False),
        )

    return score


def robust_scorer(sample: Sample, trajectory: Trajectory) -> Score:
    """The option that the reply commits itself to in the end, whatever its form or case."""
    score = _choice(sample, trajectory)
    assert isinstance(score, Score)
    return msgspec.structs.replace(score, values=_values(missed=score.value is None))


def _values(*, missed: bool) -> dict[str, float]:
    return {"miss": float(missed), "error": 0.0}


def reference(sample: Sample) -> str:
    """A reply that gives the sample's answer as the instruction asks for it."""
    return f"Answer: {sample.target}"
