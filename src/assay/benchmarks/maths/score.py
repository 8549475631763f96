r"""The rules by which mathematical answers are judged, beside those of ``scoring.maths``.

Each *official* rule here is one that its owners publish in a few lines: GSM8K compares what follows
``####``, AIME's answers are whole numbers, and the DAPO and TreePO pipelines compare the last ``\boxed{}``
alone. Thinking between tags is split off first, also where a published rule would search it. A reply in
which a rule finds nothing is unparsed, which counts as 0 as the published "None" or "[invalid]" does.
"""

from __future__ import annotations

import re
from collections import deque
from fractions import Fraction

from assay.records import Outcome, Sample, Score, Trajectory
from assay.scoring.brackets import Found
from assay.scoring.extraction import Extracted, any_width, extract, last_of, unanswered
from assay.scoring.maths import committed, equal, verify_official
from assay.scoring.numeric import find_numbers, parse_number
from assay.scoring.thinking import outcome_without_answer, split_thinking

_BRACES = re.compile(r"[{}]")
_OWNERS_HASHES = re.compile(r"#### (-?[0-9.,]+)")
_HASHES = re.compile(r"####[ \t*]{0,4}([^\n]{1,200})")
_INTEGER = re.compile(r"[+-]?[0-9]{1,400}")
_CALCULATION = re.compile(r"[0-9)}]\s{0,4}[-+*/^=×·÷]{1,2}\s{0,4}[0-9({\\$]|\\(?!text|mathrm)[A-Za-z]")
"""An operation on numbers, or a command of LaTeX: ``6*6`` and ``\\sqrt{16}`` are not the one number in them."""
_SPACING = re.compile(r"\\[,!;: ]|[$,\s]|\^\{?\\circ\}?")


def last_box(text: str) -> str | None:
    r"""What the last ``\boxed{`` holds, braces matched; ``None`` where there is none or it is never closed."""
    start = text.rfind("\\boxed{")
    depth = 0
    for brace in _BRACES.finditer(text, start) if start >= 0 else ():
        depth += 1 if brace[0] == "{" else -1
        if not depth:
            return text[start + len("\\boxed{") : brace.start()]
    return None


def whole_number(text: str) -> int | None:
    r"""The whole number that a text is, thousands separators, dollar signs and ``^\circ`` set aside."""
    plain = _SPACING.sub("", text) if len(text) <= 1000 else ""
    return int(plain) if _INTEGER.fullmatch(plain) else None


def owners_answer(text: str) -> str | None:
    """What GSM8K's owners read from a text: digits after the first ``####``, without commas."""
    found = _OWNERS_HASHES.search(text)
    return found[1].replace(",", "") if found else None


async def boxed_scorer(sample: Sample, trajectory: Trajectory) -> Score:
    r"""The rule of DAPO and TreePO: math-verify compares the last ``\boxed{}``, and nothing else, with the gold."""
    box = last_box(split_thinking(trajectory.text)[1])
    if box is None:
        return Score(outcome_without_answer(trajectory.response), explanation="no \\boxed{} that is closed")
    right, _ = await verify_official([_gold(sample)], f"\\boxed{{{box}}}")
    return Score(Outcome.SCORED, float(right), box, f"last box: {box[:200]}", {"pattern": "boxed"})


def integer_scorer(sample: Sample, trajectory: Trajectory) -> Score:
    r"""The last ``\boxed{}`` is the gold whole number; 073 is 73."""
    box = last_box(split_thinking(trajectory.text)[1])
    if box is None:
        return Score(outcome_without_answer(trajectory.response), explanation="no \\boxed{} that is closed")
    number = whole_number(box)
    why = f"last box: {box[:200]}" if number is not None else f"last box is no whole number: {box[:200]}"
    answer = box if number is None else str(number)
    right = number is not None and number == whole_number(_gold(sample))
    return Score(Outcome.SCORED, float(right), answer, why, {"pattern": "boxed"})


async def integer_robust_scorer(sample: Sample, trajectory: Trajectory) -> Score:
    """The answer that the reply sets apart is the gold whole number.

    Digits are compared exactly, where ``scoring.maths`` would take numbers that agree in their first fifteen
    for the same; an expression is compared as it compares them.
    """
    extracted = extract(trajectory.response, committed)
    if (found := extracted.found) is None:
        return unanswered(extracted, trajectory.response)
    gold, number = _gold(sample), whole_number(found.text)
    right = number == whole_number(gold) if number is not None else await equal(gold, found.text)
    explanation = f"{found.pattern}: {found.text[:200]}"
    answer = found.text if number is None else str(number)
    return Score(Outcome.SCORED, float(right), answer, explanation, extracted.trace())


def gsm8k_official_scorer(sample: Sample, trajectory: Trajectory) -> Score:
    """The owners' rule: the digits after the first ``####`` are, as text, those of the gold answer."""
    answer = owners_answer(split_thinking(trajectory.text)[1])
    if answer is None:
        return Score(outcome_without_answer(trajectory.response), explanation='no "#### " with digits')
    right = answer == _gold(sample)
    return Score(Outcome.SCORED, float(right), answer, f"after ####: {answer[:200]}", {"pattern": "####"})


async def gsm8k_robust_scorer(sample: Sample, trajectory: Trajectory) -> Score:
    """The answer that the reply sets apart last, after ``####`` or otherwise, has the gold value.

    A unit beside the number does not matter, and ``20%`` is right where the gold answer is 20.
    """
    extracted = extract(trajectory.response, _set_apart)
    if (found := extracted.found) is None:
        return unanswered(extracted, trajectory.response)
    gold = _gold(sample)
    values = _values(found.text)
    right = Fraction(gold) in values if values else await equal(gold, found.text)
    explanation = f"{found.pattern}: {found.text[:200]}"
    return Score(Outcome.SCORED, float(right), found.text, explanation, extracted.trace())


def _after_hashes(text: str) -> Extracted:
    numbers = [hit for hit in deque(_HASHES.finditer(text), 256) if parse_number(hit[1].strip(" *.")) is not None]
    if not numbers:
        return Extracted()
    answers = [hit[1].strip(" *.") for hit in numbers]
    others = sum(other != answers[-1] for other in answers)
    return Extracted(Found(answers[-1], numbers[-1].span(1), "####", others))


_set_apart = last_of(any_width(_after_hashes), committed)


def _values(text: str) -> set[Fraction]:
    """What the one number in a text can mean; empty where there is none, several, or one to be worked out."""
    whole = parse_number(text)
    if whole is None and _CALCULATION.search(text):
        return set()
    numbers = [whole] if whole is not None else list({number.value: number for number in find_numbers(text)}.values())
    if len(numbers) != 1:
        return set()
    return {numbers[0].value, numbers[0].figure} if numbers[0].scale == Fraction(1, 100) else {numbers[0].value}


def _gold(sample: Sample) -> str:
    return sample.target if isinstance(sample.target, str) else sample.target[-1]
