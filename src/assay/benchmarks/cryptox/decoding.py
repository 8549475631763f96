"""Decoding alone: what a reply gives as the decoded text, and how near that is to the original.

Codes keep no upper and lower case, so neither does the comparison; white space is one space. A decoding is
right if it then equals the original, and its similarity is 1 - d / max(lengths), d being the Levenshtein
distance. The text is looked for behind the last ``Decoded question:``, else it is the whole reply, which
is what was asked for.
"""

from __future__ import annotations

import re
from inspect import isawaitable

import msgspec

from assay.records import Outcome, Sample, Score, Trajectory
from assay.scoring.thinking import outcome_without_answer, split_thinking
from assay.task import Scorer

MARK = "Decoded question:"
_MARK = re.compile(r"[*_#> \t]{0,8}decoded (?:question|text)[*_ \t]{0,4}:[*_ \t]{0,4}", re.IGNORECASE)
_AROUND = " \t\r\n*_`\"'“”"
_LONGEST = 20_000
"""Characters of a decoding that are compared; each further one counts as a wrong one."""


def decoded_text(reply: str) -> tuple[str, str]:
    """What a reply (its thinking split off) gives as the decoded text, and by which pattern."""
    marks = list(_MARK.finditer(reply))
    if not marks:
        return reply.strip(_AROUND), "whole reply"
    return reply[marks[-1].end() :].strip(_AROUND), "mark"


def similarity(one: str, other: str) -> float:
    """1 - Levenshtein distance / length of the longer text, both normalised; 1 for equal ones."""
    one, other = _plain(one), _plain(other)
    longer = max(len(one), len(other))
    if longer == 0:
        return 1.0
    kept = other[:_LONGEST]
    return 1.0 - min(longer, _distance(one, kept) + len(other) - len(kept)) / longer


def decode_scorer(sample: Sample, trajectory: Trajectory) -> Score:
    """Score 1 where the reply is the sample's target decoded; ``values`` has the similarity."""
    text, pattern = decoded_text(split_thinking(trajectory.text)[1])
    unfinished = outcome_without_answer(trajectory.response)
    if not text or (pattern != "mark" and unfinished is not Outcome.UNPARSED):
        return Score(unfinished, explanation="no decoded text")
    near = similarity(str(sample.target), text)
    right = _plain(str(sample.target)) == _plain(text)
    return Score(
        Outcome.SCORED,
        float(right),
        text,
        f"{pattern}: {'the original' if right else f'similarity {near:.3f}'}",
        {"pattern": pattern},
        {"similarity": near},
    )


def with_decoding(scorer: Scorer) -> Scorer:
    """The scorer of an answer in a second turn; ``values`` says how well the first turn was decoded.

    Keys: ``decoded`` (1 where the whole text is right) and ``similarity``.
    """

    async def score(sample: Sample, trajectory: Trajectory) -> Score:
        found = scorer(sample, trajectory)
        found = await found if isawaitable(found) else found
        original = sample.metadata["original"]
        text, _ = decoded_text(split_thinking(trajectory.calls[0].response.text)[1])
        values = {"decoded": float(_plain(text) == _plain(original)), "similarity": similarity(original, text)}
        return msgspec.structs.replace(found, values=found.values | values)

    return score


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _distance(pattern: str, text: str) -> int:
    """Levenshtein distance by bit vectors (Myers 1999; Hyyrö 2001): one step a character of ``text``."""
    if not pattern:
        return len(text)
    places: dict[str, int] = {}
    for at, char in enumerate(pattern):
        places[char] = places.get(char, 0) | 1 << at
    full, last = (1 << len(pattern)) - 1, 1 << (len(pattern) - 1)
    up, down, distance = full, 0, len(pattern)
    for char in text:
        same = places.get(char, 0)
        diagonal = (((same & up) + up) ^ up) | same | down
        right_up = down | ~(diagonal | up) & full
        right_down = up & diagonal
        distance += bool(right_up & last) - bool(right_down & last)
        right_up = (right_up << 1 | 1) & full
        right_down = right_down << 1 & full
        up = right_down | ~(diagonal | right_up) & full
        down = right_up & diagonal
    return distance
