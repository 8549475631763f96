"""The owners' extraction: five forms of a letter in brackets, each tried on the whole reply.

Of each form only the first occurrence is looked at, and it counts if its letter is A to D; the last form is any
bracketed letter at all, so that an option mentioned in the reasoning is taken for the answer where no answer is
worded as the owners' examples word theirs.
"""

from __future__ import annotations

import re

from assay.benchmarks.gpqa.data import LETTERS
from assay.records import Outcome, Sample, Score, Trajectory
from assay.scoring.thinking import outcome_without_answer

_FORMS = tuple(
    (before + "(X)", re.compile(re.escape(before) + r"\((.)\)"))
    for before in ("answer is ", "Answer: ", "answer: ", "answer ", "")
)


def official_scorer(sample: Sample, trajectory: Trajectory) -> Score:
    """The published verdict on a reply; thinking in the reply is read too."""
    for name, form in _FORMS:
        found = form.search(trajectory.text)
        if found is not None and found[1] in tuple(LETTERS):
            trace = {"pattern": name, "span": found.span(1)}
            right = float(found[1] == sample.target)
            return Score(Outcome.SCORED, right, found[1], f"{name}: {found[1]}", trace)
    return Score(outcome_without_answer(trajectory.response), explanation="the owners' patterns find nothing")
