"""From a reply to a score, for each base set.

``official`` (MMLU, MBPP) is the published rule. ``official-without-judge`` is that rule where the owners ask
no judge and ours where they do: BBH's answers of several words, MATH and the needles. ``robust`` is the
rule that was meant. A test that could not be run is no score.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from inspect import isawaitable

import msgspec

from assay.benchmarks.cryptobench import official
from assay.benchmarks.cryptobench.data import HOPS, Dataset, split_options
from assay.benchmarks.cryptobench.needles import needle_scorer
from assay.benchmarks.cryptox.score import hop_scorer
from assay.records import Outcome, Sample, Score, Trajectory
from assay.sandbox.program import Limits
from assay.scoring.choice import LETTERS, choice_scorer, extract_choice
from assay.scoring.code import UnitTests, code_block, code_scorer
from assay.scoring.extraction import Strategy
from assay.scoring.maths import maths_scorer
from assay.scoring.short_answer import extract_short, normalise, same_answer
from assay.scoring.thinking import outcome_without_answer, split_thinking
from assay.task import Scorer

WITHOUT_JUDGE = "official-without-judge"
_OPTION = re.compile(r"\(([A-Z])\)")
_UNLISTED = LETTERS[:18]
"""As many options as a question of BBH has at most."""
_LIMITS = Limits(cpu_s=3.0)
"""For one assertion, as the owners have it."""


def scorers_for(datasets: Sequence[Dataset]) -> dict[str, Scorer]:
    """The scorers by mode, the usual one first. Raises ``MissingDependency`` for MATH without math-verify."""
    every = {name: _scorers(name) for name in datasets}
    first = {next(iter(found)) for found in every.values()}
    mode = first.pop() if len(first) == 1 else WITHOUT_JUDGE
    modes = dict.fromkeys((mode, "robust"))
    return {mode: _dispatch({name: _of_mode(found, mode) for name, found in every.items()}) for mode in modes}


def _scorers(dataset: Dataset) -> dict[str, Scorer]:
    if dataset == "math":
        return {"robust": maths_scorer()}
    if dataset == "needle":
        return {"robust": needle_scorer}
    if dataset == "bbh":
        return {WITHOUT_JUDGE: bbh_official_scorer, "robust": bbh_scorer}
    if dataset == "mbpp":
        return {"official": mbpp_official_scorer, "robust": mbpp_scorer}
    hop = HOPS[dataset]
    return {"official": mmlu_official_scorer, "robust": choice_scorer() if hop == "none" else hop_scorer(hop)}


def _of_mode(scorers: Mapping[str, Scorer], mode: str) -> Scorer:
    return scorers.get(mode) or next(iter(scorers.values()))


def _dispatch(scorers: Mapping[str, Scorer]) -> Scorer:
    return lambda sample, trajectory: scorers[sample.metadata["dataset"]](sample, trajectory)


def mmlu_official_scorer(sample: Sample, trajectory: Trajectory) -> Score:
    """The published rule for MMLU and its hops."""
    answer = official.answer_of(trajectory.text)
    if answer is None:
        return _none(trajectory)
    return _compared(answer, official.same_option(answer, _gold(sample)), "official: equal strings")


def bbh_official_scorer(sample: Sample, trajectory: Trajectory) -> Score:
    """The published rule where the gold answer is one word, else a normalised match in place of the judge."""
    answer, gold = official.answer_of(trajectory.text), _gold(sample)
    if answer is None:
        return _none(trajectory)
    if official.is_one_word(gold):
        return _compared(answer, official.same_word(answer, gold), "official: equal words")
    return _compared(answer, _same(answer, gold), "normalised match, in place of the owners' judge")


def bbh_scorer(sample: Sample, trajectory: Trajectory) -> Score:
    """Options by the letter that the reply commits itself to, all else by the answer that it sets apart."""
    reply, gold = split_thinking(trajectory.text)[1], _gold(sample)
    if option := _OPTION.fullmatch(gold):
        letter = extract_choice(reply, *_options(sample)).letter
        return _none(trajectory) if letter is None else _compared(letter, letter == option[1], "option")
    found = extract_short(reply)
    return _none(trajectory) if found is None else _compared(found.text, _same(found.text, gold), found.pattern)


async def mbpp_official_scorer(sample: Sample, trajectory: Trajectory) -> Score:
    """The share of assertions passed by the function that the published rule cuts out of the reply."""
    score = await _passed(sample, trajectory, official.function, [official.test_of(t) for t in _tests(sample)], "")
    if score.answer is None:
        return score
    return msgspec.structs.replace(score, answer=official.function_of(split_thinking(trajectory.text)[1]))


async def mbpp_scorer(sample: Sample, trajectory: Trajectory) -> Score:
    """The share of assertions passed by the reply's last program."""
    before = "".join(f"{line}\n" for line in sample.metadata["imports"])
    return await _passed(sample, trajectory, code_block("python"), _tests(sample), before)


async def _passed(
    sample: Sample, trajectory: Trajectory, strategy: Strategy, tests: Sequence[str], before: str
) -> Score:
    """The share of tests passed, each run on its own; what keeps one from running is the outcome of all."""
    found: list[Score] = []
    for source in tests:
        unit = UnitTests(source, before=before)
        score = code_scorer(lambda _, unit=unit: unit, limits=_LIMITS, strategy=strategy)(sample, trajectory)  # type: ignore[misc]
        score = await score if isawaitable(score) else score
        if score.value is None:
            return score
        found.append(score)
    passed = sum(score.value or 0 for score in found)
    share = passed / len(found)
    failed = next((f"; {score.explanation}" for score in found if not score.value), "")
    trace = {**found[0].trace, "tests": [test for score in found for test in score.trace["tests"]]}
    told = f"passed {passed:.0f} of {len(found)} assertions{failed}"
    return Score(Outcome.SCORED, share, found[0].answer, told[:400], trace, {"all": float(share == 1)})


def _tests(sample: Sample) -> list[str]:
    return [test for test in sample.metadata["tests"] if test.strip()]


def _options(sample: Sample) -> tuple[str, tuple[str, ...]]:
    """The letters and texts of the options, listed behind the question or in it; letters alone where they are not."""
    try:
        texts = split_options(sample.metadata.get("options") or sample.metadata["question"])
    except ValueError:
        return _UNLISTED, ()
    return LETTERS[: len(texts)], texts


def _same(answer: str, gold: str) -> bool:
    """Equal words; answers of signs alone (closing brackets) are equal but for white space."""
    if normalise(gold):
        return same_answer(answer, gold)
    return "".join(answer.split()) == "".join(gold.split())


def _gold(sample: Sample) -> str:
    return sample.target if isinstance(sample.target, str) else sample.target[0]


def _compared(answer: str, right: bool, rule: str) -> Score:
    return Score(Outcome.SCORED, float(right), answer, f"{rule}: {answer[:200]}", {"decided_by": rule})


def _none(trajectory: Trajectory) -> Score:
    return Score(outcome_without_answer(trajectory.response), explanation="no answer found")
