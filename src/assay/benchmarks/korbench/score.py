"""From a reply to a score, in three modes.

``official`` is the published leaderboard's scorer: mathematical items are compared by sympy.
``official-string`` is the scorer as its authors ran it for the result files that they publish, in an
environment whose LaTeX parser did not work. ``robust`` is the rule that the benchmark intended.

A reply without an answer has no value: it is unparsed, truncated or refused, and counts as not right in
the benchmark's denominators. A comparison that did not end in time is ``judge_failed``, never a score.
"""

from __future__ import annotations

from collections.abc import Awaitable
from functools import lru_cache
from typing import Any

from assay.benchmarks.korbench.commitment import Commitment, committed, quoted_formats
from assay.benchmarks.korbench.extract import Found, basic, first_marked
from assay.benchmarks.korbench.maths import equivalent, require_parser, structurally_equal
from assay.benchmarks.korbench.official import Question, Verdict, is_answer, is_maths, judge, sympy_parts
from assay.benchmarks.korbench.robust import is_choice, judge_robustly
from assay.benchmarks.korbench.robust_operation import Undecided
from assay.records import Outcome, Response, Sample, Score, Trajectory
from assay.scoring.thinking import outcome_without_answer
from assay.scoring.workers import WorkerFailed


def official_string_scorer(sample: Sample, trajectory: Trajectory) -> Score:
    """The official verdict where no LaTeX parser works."""
    found = first_marked(trajectory.text)
    verdict = judge(_question(sample), trajectory.text, found, _gold(sample))
    return _official_score(sample, trajectory.response, found, verdict, "string")


def official_scorer(sample: Sample, trajectory: Trajectory) -> Score | Awaitable[Score]:
    """The official verdict as on the leaderboard. Raises ``MissingDependency`` without a LaTeX parser."""
    question = _question(sample)
    if question.category == "operation":
        require_parser()
    found = first_marked(trajectory.text)
    verdict = judge(question, trajectory.text, found, _gold(sample))
    parts = sympy_parts(verdict) if is_maths(question) else None
    if parts is None:
        return _official_score(sample, trajectory.response, found, verdict, "string")
    return _simplified_score(sample, trajectory.response, found, verdict, parts)


def robust_scorer(sample: Sample, trajectory: Trajectory) -> Score | Awaitable[Score]:
    """The intended verdict. Raises ``MissingDependency`` without a LaTeX parser."""
    question = _question(sample)
    if question.category == "operation":
        require_parser()
    completion = sample.metadata.get("setting") == "three-shot"
    answer = committed(trajectory.text, quoted=_quoted(sample.messages[-1].text), completion=completion)
    if answer is None:
        return Score(
            outcome_without_answer(trajectory.response),
            explanation="no [[...]], \\boxed{...} or [...] but quoted formats",
            trace={"pattern": None, "span": None},
        )
    verdict = judge_robustly(question, answer, _gold(sample))
    if isinstance(verdict, Undecided):
        return _equivalence_score(sample, answer, verdict)
    return _robust_score(sample, answer, verdict, "text")


@lru_cache(1024)
def _quoted(prompt: str) -> frozenset[str]:
    return quoted_formats(prompt.rpartition("### Question:")[2])


async def _simplified_score(
    sample: Sample, response: Response, found: Found | None, verdict: Verdict, parts: tuple[list[str], list[str]]
) -> Score:
    try:
        right = await structurally_equal(*parts)
    except WorkerFailed as error:
        return _judge_failed(basic(found), error)
    verdict = Verdict(right, f"{verdict.rule}, simplified", verdict.response, verdict.gold)
    return _official_score(sample, response, found, verdict, "sympy")


async def _equivalence_score(sample: Sample, answer: Commitment, open_: Undecided) -> Score:
    try:
        same = await equivalent(open_.ours, open_.golds)
    except WorkerFailed as error:
        return _judge_failed(answer.text, error)
    rule = f"{open_.rule} (not readable)" if same is None else open_.rule
    verdict = Verdict(same is True, rule, ", ".join(open_.ours), ", ".join(open_.golds))
    return _robust_score(sample, answer, verdict, "sympy")


def _official_score(
    sample: Sample, response: Response, found: Found | None, verdict: Verdict, decided_by: str
) -> Score:
    trace: dict[str, Any] = {
        "pattern": found.pattern if found else None,
        "span": found.span if found else None,
        "response": verdict.response,
        "gold": verdict.gold,
        "decided_by": decided_by,
    }
    if found is None and not verdict.right:
        return Score(outcome_without_answer(response), explanation="no [[...]], $\\boxed{...}$ or [...]", trace=trace)
    real_life = sample.metadata.get("real_life_answer")
    values = {} if real_life is None else {"real_life": float(is_answer(found, real_life))}
    return Score(Outcome.SCORED, float(verdict.right), basic(found), _explained(verdict), trace, values)


def _robust_score(sample: Sample, answer: Commitment, verdict: Verdict, decided_by: str) -> Score:
    trace = {
        "pattern": answer.pattern,
        "span": answer.span,
        "other_commitments": answer.others,
        "response": verdict.response,
        "gold": verdict.gold,
        "decided_by": decided_by,
    }
    real_life = sample.metadata.get("real_life_answer")
    values = {} if real_life is None else {"real_life": float(is_choice(answer, real_life).right)}
    return Score(Outcome.SCORED, float(verdict.right), answer.text, _explained(verdict), trace, values)


def _judge_failed(answer: str, error: WorkerFailed) -> Score:
    return Score(Outcome.JUDGE_FAILED, answer=answer, explanation=f"no verdict from sympy: {error}")


def _explained(verdict: Verdict) -> str:
    return f"{verdict.rule}: {'right' if verdict.right else 'wrong'}"


def _question(sample: Sample) -> Question:
    about = sample.metadata
    return Question(about["category"], int(str(about["rule_id"]).rpartition("/")[2]), int(about["idx"]))


def _gold(sample: Sample) -> str:
    return sample.target if isinstance(sample.target, str) else sample.target[0]
