"""Preflight: tasks whose scorers work pass, and each way in which a scorer can be broken is noticed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assay.benchmarks.registry import load_task
from assay.engine import preflight as module
from assay.engine.preflight import ReferencesFail, ensure_preflight, has_passed, preflight, remember
from assay.errors import MissingDependency
from assay.protocols import dialogue
from assay.records import DatasetInfo, Outcome, Response, Sample, Score, Trajectory
from assay.scoring.choice import choice_scorer
from assay.scoring.short_answer import short_answer_scorer
from assay.scoring.thinking import split_thinking
from assay.task import Conversant, Scorer, Task
from tests.engine.support import task


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_CACHE", str(tmp_path / "cache"))


def numbers(n: int, wrong: frozenset[int] = frozenset()) -> Callable[[], Iterator[Sample]]:
    """``n`` sums; the golds of ``wrong`` are words that no number equals."""

    def stream() -> Iterator[Sample]:
        for i in range(n):
            yield Sample(f"n{i}", f"{i} + {i}?", "fourty-two!" if i in wrong else str(2 * i))

    return stream


def sums(scorer: Scorer, n: int = 20, **changes: Any) -> Task:
    return task(n, **{"samples": numbers(n), "scorers": {"plain": scorer}, **changes})


def by(verdict: Callable[[Sample, str], bool]) -> Scorer:
    def score(sample: Sample, trajectory: Trajectory) -> Score:
        return Score(Outcome.SCORED, float(verdict(sample, trajectory.text)), trajectory.text, "rule")

    return score


async def test_a_sound_scorer_passes_and_is_shown_wrong_and_hostile_replies() -> None:
    report = await preflight(sums(short_answer_scorer()))
    assert report.passed
    assert (report.references, report.failed, report.accepted, report.fooled) == (20, (), (), ())
    assert report.wrong >= 20
    assert report.hostile > 20


async def test_options_are_references_too() -> None:
    samples = [Sample(f"c{i}", "?", "ABCD"[i % 4], ("red", "green", "blue", "grey")) for i in range(8)]
    report = await preflight(sums(choice_scorer(), samples=lambda: iter(samples)))
    assert report.passed
    assert (report.references, len(report.failed), len(report.accepted)) == (8, 0, 0)


async def test_a_scorer_that_rejects_every_reference_is_refused_before_a_model_is_asked() -> None:
    broken = sums(by(lambda sample, text: text.endswith("never")))
    with pytest.raises(ReferencesFail, match="20 of 20 reference answers"):
        await ensure_preflight(broken)
    assert not has_passed(broken)


async def test_a_scorer_that_raises_is_refused_with_its_reason() -> None:
    def score(sample: Sample, trajectory: Trajectory) -> Score:
        raise RuntimeError("no sandbox here")

    with pytest.raises(ReferencesFail, match=r"judge_failed, .*no sandbox here"):
        await ensure_preflight(sums(score))


async def test_a_missing_dependency_is_said_as_such() -> None:
    def score(sample: Sample, trajectory: Trajectory) -> Score:
        raise MissingDependency("pip install it")

    with pytest.raises(MissingDependency):
        await ensure_preflight(sums(score))


async def test_a_scorer_that_accepts_anything_is_refused() -> None:
    report = await preflight(sums(by(lambda sample, text: True)))
    assert report.references == 20
    assert not report.failed
    assert "wrong answers score 1" in (report.reason or "")


async def test_a_scorer_that_rewards_an_empty_reply_is_refused() -> None:
    report = await preflight(sums(by(lambda sample, text: not text.strip() or text == f"Answer: {sample.target}")))
    assert not report.accepted
    assert "answers nothing" in (report.reason or "")


async def test_a_scorer_that_reads_thinking_is_reported_but_not_refused() -> None:
    def reads(sample: Sample, text: str) -> bool:
        return f"Answer: {sample.target}" in text.replace("</think>", "").splitlines() or text == "<think>Answer: 0"

    report = await preflight(sums(by(reads)))
    assert report.passed
    assert {finding.kind for finding in report.fooled} == {"thinking"}
    split = await preflight(sums(by(lambda s, t: reads(s, split_thinking(t)[1]))))
    assert split.fooled == ()


async def test_a_scorer_that_breaks_on_hostile_text_is_reported() -> None:
    def fragile(sample: Sample, text: str) -> bool:
        return float(text.removeprefix("Answer: ")) == float(sample.target)  # type: ignore[arg-type]

    report = await preflight(sums(by(fragile)))
    assert report.passed
    assert {finding.outcome for finding in report.fooled} == {Outcome.JUDGE_FAILED}


async def test_a_few_wrong_golds_are_named_and_only_more_than_allowed_refuse() -> None:
    numeric = by(lambda sample, text: text.strip() == f"Answer: {sample.target}" and str(sample.target).isdecimal())
    few = sums(numeric, samples=numbers(100, frozenset({7, 30})))
    report = await preflight(few, allowed=0.02)
    assert report.passed
    assert [finding.sample_id for finding in report.failed] == ["n7", "n30"]
    assert not (await preflight(few, allowed=0.0)).passed


async def test_a_task_that_words_its_own_reference_is_taken_at_its_word() -> None:
    plain = sums(by(lambda sample, text: text == f"<<{sample.target}>>"))
    assert not (await preflight(plain)).passed
    report = await preflight(replace(plain, reference=lambda sample: f"<<{sample.target}>>"))
    assert (report.passed, report.references, len(report.failed)) == (True, 20, 0)
    assert report.wrong > 0


async def test_references_go_through_the_tasks_own_protocol() -> None:
    seen: list[int] = []

    def score(sample: Sample, trajectory: Trajectory) -> Score:
        seen.append(len(trajectory.calls))
        return Score(Outcome.SCORED, float(trajectory.text == f"Answer: {sample.target}"), trajectory.text)

    assert (await preflight(sums(score, protocol=dialogue(lambda sample: ["Sure?"])))).passed
    assert set(seen) == {2}


async def test_what_has_no_reference_is_counted_and_not_refused() -> None:
    async def likelihood(sample: Sample, model: Conversant) -> Trajectory:
        await model.loglikelihood("x", sample.messages)
        raise AssertionError

    for changed in ({"protocol": likelihood}, {"samples": lambda: iter([Sample(f"s{i}", "q") for i in range(20)])}):
        chosen = sums(short_answer_scorer(), **changed)
        report = await preflight(chosen)
        assert (report.passed, report.references, report.unchecked) == (True, 0, 20)
        await ensure_preflight(chosen)
        assert not has_passed(chosen)


async def test_any_of_several_targets_may_be_the_reference() -> None:
    samples = [Sample(f"s{i}", "q", ("an unreadable one", str(i))) for i in range(5)]
    scorer = by(lambda sample, text: text == f"Answer: {sample.target[1]}")
    assert (await preflight(sums(scorer, samples=lambda: iter(samples)))).passed


async def test_an_answer_that_looks_like_none_is_not_held_against_its_scorer() -> None:
    samples = [Sample("none", "Which of them?", "None"), Sample("nan", "What is 0/0?", "NaN")]
    report = await preflight(sums(short_answer_scorer(), samples=lambda: iter(samples)))
    assert report.passed
    assert report.fooled == ()


async def test_a_protocol_that_breaks_is_refused_with_its_reason() -> None:
    async def protocol(sample: Sample, model: Conversant) -> Trajectory:
        raise KeyError("turns")

    with pytest.raises(ReferencesFail, match="infra_failed, the protocol raised KeyError: 'turns'"):
        await ensure_preflight(sums(short_answer_scorer(), protocol=protocol))


async def test_a_task_is_checked_once_for_each_version_mode_and_dataset(monkeypatch: pytest.MonkeyPatch) -> None:
    first = sums(short_answer_scorer(), dataset=DatasetInfo("here", digest="one"))
    assert await ensure_preflight(first) is not None
    assert await ensure_preflight(first) is None
    scorers = {"plain": short_answer_scorer(), "other": short_answer_scorer()}
    for changes in (
        {"version": "2"},
        {"dataset": DatasetInfo("here", digest="two")},
        {"params": {"setting": "x"}},
        {"scorers": scorers, "mode": "other"},
    ):
        again = sums(short_answer_scorer(), **{"dataset": first.dataset, **changes})
        assert not has_passed(again), changes
    monkeypatch.setattr(module, "cache_dir", lambda: Path("/proc/nowhere"))
    remember(first, await preflight(first))  # a cache that cannot be written costs a check, not the run
    assert not has_passed(first)


async def test_no_reference_of_the_real_benchmark_fails_by_its_robust_rule_but_the_known_wrong_gold(
    shared_data: Path,
) -> None:
    pytest.importorskip("sympy", reason="the extra math is not installed")
    folder = shared_data / "korbench"
    if not folder.is_dir():
        pytest.skip("no KOR-Bench beside the checkout")
    report = await preflight(load_task("korbench", data=folder), "robust")
    assert report.references == 1250
    assert [finding.sample_id for finding in report.failed] == ["puzzle/84"]
    assert report.passed
    assert report.fooled == ()


async def test_replies_are_scripted_whatever_is_asked() -> None:
    said: list[Response] = []

    async def protocol(sample: Sample, model: Conversant) -> Trajectory:
        said.append(await model.generate(prompt="a", temperature=0))
        return model.trajectory(sample.messages)

    await preflight(sums(short_answer_scorer(), n=1, samples=numbers(1), protocol=protocol))
    assert {response.finish_reason for response in said} == {"stop"}
