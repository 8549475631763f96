"""The owners' extraction, as the file of their evaluation code has it, and what it was in earlier result files.

Three looks at the reply, each only where the ones before see nothing: "answer is (X)", the first one; "Answer: X",
the last one on the first line that has one; the last capital letter A to J that stands alone, which may be the
article "A" or the pronoun "I". Earlier result files were made with the first look only. Where nothing is found the
owners draw a letter at random and count it; here that is no answer.

The looks are the owners' expressions in linear time: theirs try every start of every line.
"""

from __future__ import annotations

import re
from collections import deque

from assay.records import Outcome, Sample, Score, Trajectory
from assay.scoring.brackets import Found
from assay.scoring.thinking import outcome_without_answer
from assay.task import Scorer

_ANSWER_IS = re.compile(r"answer is \(?([A-J])")
_ANSWER_COLON = re.compile(r"(?=[aA]nswer:\s*([A-J]))")
_LONE = re.compile(r"\b[A-J]\b")


def first_look(reply: str) -> Found | None:
    """The letter after the first "answer is"."""
    found = _ANSWER_IS.search(reply)
    return Found(found[1], found.span(1), "answer is") if found else None


def three_looks(reply: str) -> Found | None:
    """The letter that the owners' present code takes from a reply."""
    return first_look(reply) or _answer_colon(reply) or _last_lone(reply)


def _answer_colon(reply: str) -> Found | None:
    found: re.Match[str] | None = None
    for match in _ANSWER_COLON.finditer(reply):
        if found is not None and "\n" in reply[found.start() : match.start()]:
            break
        found = match
    return Found(found[1], found.span(1), "answer:") if found else None


def _last_lone(reply: str) -> Found | None:
    last = deque(_LONE.finditer(reply), maxlen=1)
    return Found(last[0][0], last[0].span(), "last lone letter") if last else None


def official_scorer(*, looks: int) -> Scorer:
    """The published verdict by all three looks, or by the first alone; thinking in the reply is read too."""
    extract = three_looks if looks == 3 else first_look

    def score(sample: Sample, trajectory: Trajectory) -> Score:
        found = extract(trajectory.text)
        if found is None:
            return Score(outcome_without_answer(trajectory.response), explanation="the owners' patterns find nothing")
        explanation = f"{found.pattern}: {found.text}"
        trace = {"pattern": found.pattern, "span": found.span}
        return Score(Outcome.SCORED, float(found.text == sample.target), found.text, explanation, trace)

    return score
