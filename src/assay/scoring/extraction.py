r"""Composing the ways to find an answer, with a trace of what each of them saw.

A *strategy* is a function from text to what it takes the answer to be, and what else it saw. The ones here
are those of ``brackets``, ``choice`` and ``short_answer`` under one signature, a field of a JSON object, and
a fenced block; ``first_of``, ``last_of`` and ``unanimous`` put them together, and what they return is a
strategy again.

The invariant: nothing is guessed. Where a strategy sees several answers and has no rule to choose, it
finds none and names them (``Extracted.ambiguous``), and a cascade stops there instead of asking a weaker
strategy. Thinking is split off by ``extract``, always, so that no strategy can see it; spans are places in
what it leaves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from assay.records import Outcome, Response, Sample, Score, Trajectory
from assay.scoring.brackets import (
    Found,
    last_answer_line,
    last_answer_sentence,
    last_boxed,
    last_bracketed,
)
from assay.scoring.choice import extract_choice
from assay.scoring.json_recovery import lone, objects_in
from assay.scoring.short_answer import extract_short, same_answer
from assay.scoring.thinking import outcome_without_answer, split_thinking
from assay.task import Scorer


class Extracted(Struct, frozen=True):
    """What a strategy makes of a text."""

    found: Found | None = None
    """The answer; ``None`` where there is none, or no single one."""
    others: tuple[Found, ...] = ()
    """What competes with it: findings that say something else."""

    @property
    def ambiguous(self) -> bool:
        """Whether there are answers, but none that counts."""
        return self.found is None and bool(self.others)

    def trace(self) -> dict[str, Any]:
        """For ``Score.trace``: which pattern matched, where, and what else competed."""
        found = self.found
        return {
            "pattern": found.pattern if found else None,
            "span": found.span if found else None,
            "competitors": found.competitors if found else 0,
            "others": [{"text": other.text, "pattern": other.pattern, "span": other.span} for other in self.others],
        }


Strategy = Callable[[str], Extracted]


def _single(find: Callable[[str], Found | None]) -> Strategy:
    return lambda text: Extracted(find(text))


double_brackets: Strategy = _single(last_bracketed)
"""The last ``[[...]]``."""
boxed: Strategy = _single(last_boxed)
r"""The last ``\boxed{...}``."""
answer_line: Strategy = _single(last_answer_line)
"""The last line ``Answer: ...``."""
answer_sentence: Strategy = _single(last_answer_sentence)
"""The last "the answer is ..."."""
short_answer: Strategy = _single(extract_short)
"""Whatever sets a short answer apart, in English or Chinese (see ``short_answer.extract_short``)."""


def json_field(key: str) -> Strategy:
    """The field ``key`` of the last JSON object that has it; objects with another value compete.

    Near-JSON is read too (see ``json_recovery``). A value that is a list or an object, or null, is no answer.
    """

    def strategy(text: str) -> Extracted:
        fields = [(lone(hit.value[key]), hit.span) for hit in objects_in(text, key)]
        values = [(_plain(value), span) for value, span in fields if isinstance(value, str | int | float)]
        if not values:
            return Extracted()
        answer, span = values[-1]
        return Extracted(Found(answer, span, f"JSON field {key}", sum(other != answer for other, _ in values)))

    return strategy


def _plain(value: str | int | float) -> str:
    """A JSON value as an answer; truth values as JSON writes them."""
    return str(value).lower() if isinstance(value, bool) else str(value).strip()


_FENCE = re.compile(r"^[ \t]{0,3}(?P<fence>`{3,16}|~{3,16})[ \t]*(?P<tag>[^\s`]{0,40})[^\n`]{0,80}$", re.MULTILINE)


def fenced_block(*tags: str) -> Strategy:
    """The content of the last closed fenced block, or of the last tagged with one of ``tags`` (any case).

    A block is closed by a fence of the same mark that is at least as long and has no tag. One that is never
    closed is cut off, and no answer.
    """
    wanted = frozenset(tag.casefold() for tag in tags)

    def strategy(text: str) -> Extracted:
        blocks: list[tuple[str, tuple[int, int]]] = []
        opening: re.Match[str] | None = None
        for fence in _FENCE.finditer(text):
            if opening is None:
                opening = fence
            elif not fence["tag"] and fence["fence"].startswith(opening["fence"]):
                if not wanted or opening["tag"].casefold() in wanted:
                    blocks.append(
                        (text[opening.end() + 1 : fence.start()].rstrip("\n"), (opening.start(), fence.end()))
                    )
                opening = None
        if not blocks:
            return Extracted()
        content, span = blocks[-1]
        return Extracted(Found(content, span, "fenced block", sum(other != content for other, _ in blocks)))

    return strategy


def option(letters: Sequence[str], options: Sequence[str] = ()) -> Strategy:
    """The option that a reply commits itself to, by letter or by its text (see ``choice.extract_choice``)."""

    def strategy(text: str) -> Extracted:
        choice = extract_choice(text, letters, options)
        span = choice.span or (0, len(text))
        others = tuple(Found(letter, span, choice.pattern or "suggestion") for letter in choice.competitors)
        if choice.letter is None:
            return Extracted(None, others)
        return Extracted(Found(choice.letter, span, f"option, {choice.pattern}", len(others)), others)

    return strategy


def first_of(*strategies: Strategy) -> Strategy:
    """A cascade: the first strategy that sees anything decides, be it that the text is ambiguous."""

    def strategy(text: str) -> Extracted:
        seen = [result for each in strategies if (result := each(text)) != Extracted()]
        return _decided(seen[0], seen) if seen else Extracted()

    return strategy


def last_of(*strategies: Strategy) -> Strategy:
    """The strategy decides whose finding stands last in the text: a model may change its mind."""

    def strategy(text: str) -> Extracted:
        seen = [result for each in strategies if (result := each(text)) != Extracted()]
        return _decided(max(seen, key=_place), seen) if seen else Extracted()

    return strategy


def unanimous(*strategies: Strategy) -> Strategy:
    """The strategies must agree as far as they find anything; where they do not, the text is ambiguous."""

    def strategy(text: str) -> Extracted:
        seen = [result for each in strategies if (result := each(text)) != Extracted()]
        if not seen:
            return Extracted()
        decided = _decided(seen[0], seen)
        if decided.found is not None and decided.others:
            return Extracted(None, (decided.found, *decided.others))
        return decided

    return strategy


def _place(result: Extracted) -> tuple[int, int]:
    """Where a finding ends and, for two that end together, how much it sets apart: ``**[[B]]**`` means ``B``."""
    last = result.found or max(result.others, key=lambda other: other.span[1])
    return last.span[1], last.span[0]


def _decided(chosen: Extracted, seen: Sequence[Extracted]) -> Extracted:
    """The chosen result, with what all the results hold beside it; the same finding is named once."""
    every = [found for result in seen for found in (result.found, *result.others) if found is not None]
    others = chosen.others if chosen.found is None else ()
    for found in every:
        known = others if chosen.found is None else (chosen.found, *others)
        if not any(alike(found.text, other.text) for other in known):
            others = (*others, found)
    return Extracted(chosen.found, others)


_ONE_NUMBER = re.compile(r"\s*[+-]?[0-9,]{0,40}\.?[0-9]{0,40}(?:[eE][+-]?[0-9]{1,3})?(?:/[0-9]{1,40})?\s*%?\s*")


def alike(one: str, other: str) -> bool:
    """Whether two answers are the same but for case and spaces, or are the same number.

    Stricter than ``same_answer``, which sets punctuation aside: ``[0, 1)`` is not ``[0, 1]``.
    """
    if _ONE_NUMBER.fullmatch(one) and _ONE_NUMBER.fullmatch(other):
        return same_answer(one, other)
    return one.casefold().split() == other.casefold().split()


_WIDE = {wide: chr(wide - 0xFEE0) for wide in range(0xFF01, 0xFF5F)} | {0x3000: " "}


def ordinary_width(text: str) -> str:
    """Full-width ASCII made ordinary, one for one so that spans stay true."""
    return text if text.isascii() else text.translate(_WIDE)


def any_width(strategy: Strategy) -> Strategy:
    """The strategy on the text in ordinary width."""
    return lambda text: strategy(ordinary_width(text))


def extract(response: Response, strategy: Strategy) -> Extracted:
    """What a response answers. Its thinking, in the text or in a field of its own, is never looked at."""
    return strategy(split_thinking(response.text)[1])


def unanswered(extracted: Extracted, response: Response) -> Score:
    """The score of a response in which no single answer was found."""
    if extracted.ambiguous:
        why = "ambiguous: " + " | ".join(dict.fromkeys(other.text[:60] for other in extracted.others))
    else:
        why = "no answer found"
    return Score(outcome_without_answer(response), explanation=why, trace=extracted.trace())


def extraction_scorer(strategy: Strategy, same: Callable[[str, str], bool] = same_answer) -> Scorer:
    """Score 1 where what the strategy finds is the same as the sample's target, or one of its targets."""

    def score(sample: Sample, trajectory: Trajectory) -> Score:
        targets = (sample.target,) if isinstance(sample.target, str) else sample.target
        if not targets or not all(map(str.strip, targets)):
            raise ValueError(f"sample {sample.id}: an empty target")
        extracted = extract(trajectory.response, strategy)
        if (found := extracted.found) is None:
            return unanswered(extracted, trajectory.response)
        right = any(same(found.text, target) for target in targets)
        explanation = f"{found.pattern}: {found.text}"
        return Score(Outcome.SCORED, float(right), found.text, explanation, extracted.trace())

    return score
