r"""Whether a mathematical answer is the gold one, by math-verify in worker processes.

math-verify guards itself with signal alarms, which work in a main thread only and which a long computation
inside one C call ignores. Here its own alarms are off, and each comparison runs in a process of
``workers.shared_pool`` that the kernel ends: an expression such as ``9^{9^{9^{9}}}`` costs its worker and is
no verdict (``WorkerFailed``, of which the engine makes ``judge_failed``); the run goes on. The gold answer
comes first, since the comparison is not symmetric.

Two modes. ``official`` hands the reply to math-verify with its defaults, as published pipelines do: its
own extraction, strict comparison; but what does not end is no verdict there either, where they count it as
wrong. ``robust`` takes the answer that the reply sets apart (with a trace), and compares that alone, in
LaTeX or plain notation, by math-verify and then by value.
"""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import Any, Literal

from assay.errors import MissingDependency
from assay.records import Outcome, Sample, Score, Trajectory
from assay.scoring.extraction import Strategy, alike, any_width, extract, ordinary_width, short_answer, unanswered
from assay.scoring.short_answer import same_answer
from assay.scoring.thinking import outcome_without_answer, split_thinking
from assay.scoring.workers import CallRaised, shared_pool
from assay.task import Scorer

Mode = Literal["official", "robust"]

TIMEOUT_S = 10.0
"""CPU time for one comparison."""
_LONGEST = 2_000
"""Characters of an answer that can be a mathematical expression."""
_WORDS = re.compile(r"(?:\\(?:text|mathrm)\s?\{)?[A-Za-z]{2}[A-Za-z ]{0,200}\}?")
"""A gold answer in words, such as ``no solution``: compared as such, for it is no product of letters."""
_NOT_THERE = ("ImportError", "ModuleNotFoundError")

committed: Strategy = any_width(short_answer)
"""Where ``robust`` looks for the answer."""


def require_math_verify() -> None:
    """Raise ``MissingDependency`` where math-verify is not installed."""
    missing = [name for name in ("math_verify", "sympy", "antlr4") if find_spec(name) is None]
    if missing:
        raise _missing(f"{', '.join(missing)} not installed")


def maths_scorer(mode: Mode = "robust") -> Scorer:
    """Score 1 where the reply's answer equals the sample's target, or one of its targets.

    Raises ``MissingDependency`` at once, before anything is asked, where math-verify is absent.
    """
    require_math_verify()
    return _official if mode == "official" else _robust


async def verify_official(golds: list[str], reply: str) -> tuple[bool, str | None]:
    """Whether math-verify, by its defaults, finds one of the golds in a reply, and what it extracted.

    Raises ``WorkerFailed`` where no verdict came, and ``MissingDependency``.
    """
    right, answer = await _in_worker("official", golds, reply)
    return bool(right), answer


async def equal(gold: str, answer: str) -> bool:
    """Whether an answer, in LaTeX or plain notation, equals the gold answer. Raises as ``verify_official``."""
    answer, gold = ordinary_width(answer), ordinary_width(gold)
    if alike(answer, gold) or (_WORDS.fullmatch(gold) and same_answer(answer, gold)):
        return True
    return len(answer) <= _LONGEST and bool(await _in_worker("equal", gold, answer))


async def _official(sample: Sample, trajectory: Trajectory) -> Score:
    right, answer = await verify_official(_golds(sample), split_thinking(trajectory.text)[1])
    if answer is None:
        return Score(outcome_without_answer(trajectory.response), explanation="math-verify found no answer")
    return Score(Outcome.SCORED, float(right), answer, f"math-verify: {answer[:200]}")


async def _robust(sample: Sample, trajectory: Trajectory) -> Score:
    golds = _golds(sample)
    extracted = extract(trajectory.response, committed)
    if (found := extracted.found) is None:
        return unanswered(extracted, trajectory.response)
    matched = None
    for gold in golds:
        if await equal(gold, found.text):
            matched = gold
            break
    trace = {**extracted.trace(), "matched": matched}
    return Score(Outcome.SCORED, float(matched is not None), found.text, f"{found.pattern}: {found.text[:200]}", trace)


def _golds(sample: Sample) -> list[str]:
    golds = [sample.target] if isinstance(sample.target, str) else list(sample.target)
    if not golds or not all(map(str.strip, golds)):
        raise ValueError(f"sample {sample.id}: an empty target")
    return golds


async def _in_worker(function: str, golds: str | list[str], answer: str) -> Any:
    answer = answer.encode("utf-8", "replace").decode()  # half a surrogate pair is no mathematics, and cannot be sent
    try:
        return await shared_pool().call(f"assay.scoring.mathverify:{function}", golds, answer, timeout_s=TIMEOUT_S)
    except CallRaised as error:
        if error.kind in _NOT_THERE:
            raise _missing(str(error)) from None
        raise


def _missing(why: str) -> MissingDependency:
    return MissingDependency(f"mathematical answers need math-verify ({why}): pip install 'assay[math]'")
