"""Probes: pairs differ in the suspected cause alone, and a cause is confirmed only where it is one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from assay.analyze.agents import analyse
from assay.analyze.gate import judge
from assay.analyze.probe_samples import (
    Pair,
    changed,
    generated,
    instruction_language,
    number_format,
    options_rotated,
    padding,
    rule_removed,
    rule_swapped,
    selected,
)
from assay.analyze.probes import MOST_PROBES, Question, by_generation, by_selection, perturbed, prober, run_probe
from assay.engine.budget import Budget
from assay.errors import RunIncomplete, UsageError
from assay.models.scripted import Scripted
from assay.protocols import single_question
from assay.records import Outcome, Request, Sample, Score, Trajectory
from assay.store.folder import read_manifest
from assay.task import Task
from tests.analyze.agents.scripts import MODEL, analyst, call, planted, steps, weakness


def _score(sample: Sample, trajectory: Trajectory) -> Score:
    answer = trajectory.text.removeprefix("ANSWER: ")
    return Score(Outcome.SCORED, float(answer == sample.target), answer=answer)


def _task(n: int = 60) -> Task:
    samples = [
        Sample(
            f"q{i}",
            f"Rule {i % 5}: add. What is {1000 + i} + 1?",
            str(1001 + i),
            metadata={"rule": f"Rule {i % 5}: add.", "kind": "odd" if i % 2 else "even", "group": str(i % 3)},
        )
        for i in range(n)
    ]
    return Task("sums", "1", lambda: iter(samples), single_question, {"robust": _score}, "robust", size=n)


def _solver(fails: Callable[[str], bool]) -> Scripted:
    """Adds right, except on prompts on which it fails."""

    def script(request: Request) -> str:
        text = request.messages[-1].text
        number = int(text.partition("What is ")[2].split(" + ")[0].replace(",", ""))
        return f"ANSWER: {number + (2 if fails(text) else 1)}"

    return Scripted(script, name="scripted/target")


async def test_a_real_cause_is_confirmed_and_both_runs_are_kept(tmp_path: Path) -> None:
    question = perturbed("padding", _task(), n=30, words=200)
    found = await run_probe(question, _solver(lambda text: len(text.split()) > 150), tmp_path)
    assert found.confirmed
    assert found.difference.value == -1.0
    assert found.p == pytest.approx(2 * 0.5**30)
    for side in (found.treated, found.control):
        manifest = read_manifest(Path(side))
        assert manifest.sealed
        assert manifest.outcomes == {"scored": 30}
    assert "200 words" in found.question


async def test_what_changes_nothing_is_not_confirmed(tmp_path: Path) -> None:
    question = perturbed("padding", _task(), n=30, words=200)
    found = await run_probe(question, _solver(lambda text: "1007" in text), tmp_path)
    assert not found.confirmed
    assert found.difference.value == 0.0


async def test_a_change_for_the_better_does_not_confirm_a_weakness(tmp_path: Path) -> None:
    question = perturbed("numbers", _task(), n=30)
    found = await run_probe(question, _solver(lambda text: "," not in text), tmp_path)
    assert found.difference.value == 1.0
    assert not found.confirmed


async def test_a_spent_budget_is_no_result(tmp_path: Path) -> None:
    question = perturbed("padding", _task(), n=30, words=200)
    with pytest.raises(RunIncomplete, match="pairs got two answers"):
        await run_probe(question, _solver(lambda text: True), tmp_path, budget=Budget(tokens=1))


async def test_gold_answers_that_the_change_breaks_stop_the_probe(tmp_path: Path) -> None:
    task = _task()
    pairs = changed(task, padding(10), 20, seed=0)
    broken = [Pair(Sample(p.treated.id, p.treated.input, ""), p.control) for p in pairs]
    question = Question("x", Task(**{**vars(task), "reference": lambda sample: "ANSWER: none"}), broken)
    with pytest.raises(UsageError, match="gold answers"):
        await run_probe(question, _solver(lambda text: False), tmp_path)


async def test_too_few_pairs_are_no_probe(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="too few"):
        await run_probe(perturbed("numbers", _task(5)), _solver(lambda text: False), tmp_path)


def _mcq(target: str, choices: tuple[str, ...] = ()) -> Sample:
    return Sample("m", "Which?\nA. red\nB. green\nC. blue\nAnswer with a letter.", target, choices)


@pytest.mark.parametrize(("target", "moved"), [("A", "B"), ("C", "A"), ("(B)", "(C)")])
def test_rotated_options_keep_the_gold_answer(target: str, moved: str) -> None:
    pair = options_rotated(_mcq(target, ("red", "green", "blue")), Random(0))
    assert pair is not None
    assert pair.treated.messages[-1].text == "Which?\nA. blue\nB. red\nC. green\nAnswer with a letter."
    assert pair.treated.target == moved
    assert pair.treated.choices == ("blue", "red", "green")
    assert pair.control.target == target


@pytest.mark.parametrize(
    "sample",
    [
        _mcq("red"),
        _mcq("A", ("red", "green")),
        Sample("x", "A. one\nB. two\n\nA. one\nB. two", "A"),
        Sample("x", "A. one\ntext\nB. two", "A"),
        Sample("x", "A. same\nB. same", "A"),
        Sample("x", "no options", "A"),
    ],
)
def test_options_that_cannot_be_told_for_sure_are_left_alone(sample: Sample) -> None:
    assert options_rotated(sample, Random(0)) is None


def test_changes_touch_what_they_say_and_nothing_else() -> None:
    sample = Sample("s", "Rule: halve.\nHalve 12345, 999, v2000 and 3.1415.", "x", metadata={"rule": "Rule: halve."})
    rng = Random(0)
    formatted, removed = number_format(sample, rng), rule_removed(sample, rng)
    swapped = rule_swapped(["Rule: halve.", "Rule: double."])(sample, rng)
    told = instruction_language("German")(sample, rng)
    assert formatted is not None
    assert formatted.treated.input == "Rule: halve.\nHalve 12,345, 999, v2000 and 3.1415."
    assert removed is not None
    assert removed.treated.input == "\nHalve 12345, 999, v2000 and 3.1415."
    assert swapped is not None
    assert str(swapped.treated.input).startswith("Rule: double.\nHalve 12345")
    assert told is not None
    assert str(told.treated.input).replace("German", "English") == told.control.input
    assert rule_removed(Sample("s", "no rule", "x"), rng) is None
    assert number_format(Sample("s", "only 12", "x"), rng) is None


def test_fresh_samples_come_first_and_selection_takes_no_other() -> None:
    task = _task(60)
    used = [f"q{i}" for i in range(30)]
    pairs = changed(task, number_format, 30, seed=1, used=used)
    assert not {pair.control.id for pair in pairs} & set(used)
    chosen = selected(task, lambda s: s.metadata["kind"] == "odd", 30, seed=1, used=used, alike=("group",))
    assert chosen
    for treated, control in chosen:
        assert (treated.metadata["kind"], control.metadata["kind"]) == ("odd", "even")
        assert treated.metadata["group"] == control.metadata["group"]
    ids = [sample.id for pair in chosen for sample in pair]
    assert len(set(ids)) == len(ids)
    assert not set(ids) & set(used)


async def test_a_selection_is_tested_between_matched_fresh_samples(tmp_path: Path) -> None:
    question = by_selection(_task(90), "kind", "odd", n=30, used=["q0"])
    solver = _solver(lambda text: int(text.partition("What is ")[2][:4]) % 2 == 1)
    found = await run_probe(question, solver, tmp_path)
    assert found.confirmed
    assert found.difference.value == -1.0


@pytest.mark.parametrize("kind", ["twin", "difficulty"])
def test_generated_pairs_match_item_by_item(kind: str) -> None:
    _, pairs = generated(kind, 12, seed=3)  # type: ignore[arg-type]
    for treated, control in pairs:
        assert treated.metadata["family"] == control.metadata["family"]
        if kind == "twin":
            assert treated.metadata["twin_of"] == control.id
        else:
            assert (treated.metadata["difficulty"], control.metadata["difficulty"]) == ("5", "1")


async def test_a_model_that_knows_the_words_and_not_the_rules_is_found_by_twins(tmp_path: Path) -> None:
    question = by_generation("twin", n=16, seed=5)
    known = {pair.control.messages[-1].text: pair.control.target for pair in question.pairs}
    reciter = Scripted(lambda r: f"ANSWER: {known.get(r.messages[-1].text, 'nothing')}", name="scripted/reciter")
    found = await run_probe(question, reciter, tmp_path)
    assert found.confirmed
    assert found.difference.value < -0.7


async def test_probes_of_one_diagnosis_share_the_error_rate_and_come_to_an_end(tmp_path: Path) -> None:
    probe = prober(_solver(lambda text: "words" in text), tmp_path, task=_task(), n=14)
    with pytest.raises(UsageError, match="no probe"):
        await probe("nonsense", {})
    with pytest.raises(UsageError, match="words"):
        await probe("padding", {"words": 10**9})
    for _ in range(MOST_PROBES):
        await probe("numbers", {})
    with pytest.raises(UsageError, match="that is all"):
        await probe("numbers", {})


async def test_causal_words_need_a_probe_that_confirmed(tmp_path: Path) -> None:
    claim = "On hard questions it scores {hard}, {gap} against easy ones, because of their long prompts."
    probing = call("probe", name="long", kind="padding", arguments={"words": 200})
    said = (probing, call("publish", **weakness(claim), probe="long"))
    for fails, published in ((lambda text: len(text.split()) > 150, 1), (lambda text: False, 0)):
        folder = tmp_path / str(published)
        probe = prober(_solver(fails), folder, task=_task(), n=30)
        found = await analyse(planted(), MODEL, [], analyst(steps(*said)), probe=probe)
        assert sum(one.published for one in judge(found.findings, found.cases)) == published
    unprobed = await analyse(planted(), MODEL, [], analyst(steps(call("publish", **weakness(claim)))))
    assert unprobed.findings == ()
