"""Scoring answers that had to be transformed: the option's number, alone or with its first character.

An answer in another form (such as the letter, the transformation forgotten) is an answer, and wrong. Only
a reply that marks no answer, or marks something too long to be one, is unparsed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from assay.benchmarks.cryptox.prompts import Hop
from assay.errors import UsageError
from assay.records import Outcome, Sample, Score, Trajectory
from assay.scoring.choice import LETTERS
from assay.scoring.short_answer import extract_short
from assay.scoring.thinking import outcome_without_answer, split_thinking
from assay.task import Scorer

_NUMBER = re.compile(r"(?:option |number )?([0-9]{1,2}|[a-z])(?:[).:,]?\s.*)?\Z", re.IGNORECASE | re.DOTALL)
_NUMBER_AND_CHARACTER = re.compile(r"([0-9]{0,2}[^\W_]?)\Z")
_DROPPED = str.maketrans("", "", "$ .()[]{}-'\"`*,")


def transformed_target(sample: Sample, hop: Hop) -> str:
    """The gold answer after the transformation. Raises ``UsageError`` for samples without options."""
    at = _right_option(sample)
    number = str(at + 1)
    if hop == "num":
        return number
    first = next((char for char in sample.choices[at] if char.isalnum()), "")
    return number + first


def hop_scorer(hop: Hop) -> Scorer:
    """Score 1 where the reply's answer is the transformed target, upper and lower case alike."""

    def score(sample: Sample, trajectory: Trajectory) -> Score:
        found = extract_short(split_thinking(trajectory.text)[1])
        token = _token(found.text, hop) if found is not None else None
        if found is None or not token:
            return Score(outcome_without_answer(trajectory.response), explanation="no answer of this form")
        right = token.casefold() == str(sample.target).casefold()
        trace = {"pattern": found.pattern, "span": found.span}
        return Score(Outcome.SCORED, float(right), token, f"{found.pattern}: {token}", trace)

    return score


def _token(text: str, hop: Hop) -> str | None:
    text = unicodedata.normalize("NFKC", text).strip()
    if hop == "num":
        found = _NUMBER.match(text.strip("()[]{}$*. "))
    else:
        found = _NUMBER_AND_CHARACTER.match(text.translate(_DROPPED))
    return found[1] if found else None


def _right_option(sample: Sample) -> int:
    target: str | Sequence[str] = sample.target
    if isinstance(target, str) and sample.choices:
        at = LETTERS.find(target) if len(target) == 1 else -1
        if 0 <= at < len(sample.choices):
            return at
        if sample.choices.count(target) == 1:
            return sample.choices.index(target)
    raise UsageError(f"cryptox: hop needs options and one right one; sample {sample.id} has target {target!r}")
