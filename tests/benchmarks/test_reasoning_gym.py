"""Every generator's own answers are right, and nothing that a model writes is evaluated."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from assay.benchmarks.reasoning_gym.entries import plain, restored
from assay.benchmarks.reasoning_gym.judging import EVALUATING, PARSING, PARSING_IN
from assay.benchmarks.registry import load_task
from assay.engine.preflight import preflight
from assay.errors import UsageError
from assay.models.scripted import Scripted
from assay.records import Call, Outcome, Request, Response, Sample, Score, Trajectory
from assay.store.frames import trajectories
from assay.task import Task
from tests.engine.support import run

reasoning_gym = pytest.importorskip("reasoning_gym", reason="needs the extra reasoning-gym")
pytestmark = pytest.mark.slow

WITHOUT_EXAMPLE = {"boxnet", "rubiks_cube", "rush_hour"}
BROKEN_LEVELS = {"knight_swap", "modulo_grid"}
"""Datasets whose curriculum makes configurations that the dataset itself refuses."""
HASHED = {"isomorphic_strings", "knight_swap", "polynomial_multiplication", "ransom_note", "word_ladder"}
"""Datasets whose entries follow Python's hash seed, which the process of this test does not fix."""


def names() -> list[str]:
    from reasoning_gym.factory import DATASETS

    return sorted(set(DATASETS) - {"composite"})


def load(name: str, **params: Any) -> Task:
    return load_task(f"reasoning-gym/{name}", params=params)


def judged(task: Task, sample: Sample, text: str, finish_reason: str = "stop") -> Score:
    call = Call("0", Request("m"), Response(text, finish_reason=finish_reason))

    async def score() -> Score:
        made = task.scorers["official"](sample, Trajectory(sample.id, 1, (), (call,)))
        assert not isinstance(made, Score)
        return await made

    return asyncio.run(score())


def test_entries_survive_as_json() -> None:
    entry = {"a": (1, [2, (3,)]), "b": {1: "x", (2, 3): None}, "c": [{"<tuple>": 1}], "d": {}}
    assert restored(plain(entry)) == entry


@pytest.mark.parametrize("name", names())
def test_every_dataset_gives_its_own_answers_full_marks(name: str) -> None:
    from reasoning_gym.factory import CURRICULA, create_dataset

    if name in BROKEN_LEVELS:
        with pytest.raises(UsageError, match="will not do"):
            load(name, level="0,1")
    levels = {"level": "0,1"} if name in CURRICULA and name not in BROKEN_LEVELS else {}
    task = load(name, n="2", **levels)
    samples = list(task.samples())
    assert len(samples) == task.size == len({sample.id for sample in samples})
    if name in WITHOUT_EXAMPLE:
        assert task.reference is None
        return
    assert task.reference is not None
    for sample in samples:
        score = judged(task, sample, f"So it must be:\n{task.reference(sample)}")
        assert (score.value, score.values) == (1.0, {"exact": 1.0}), sample.id
    first = next(iter(load(name, n="1").samples()))
    official = create_dataset(name, seed=42, size=1)
    if name not in HASHED:
        assert restored(first.metadata["entry"]) == official[0]


@pytest.mark.parametrize("name", ["word_ladder", "isomorphic_strings", "gcd"])
def test_the_same_seed_gives_the_same_samples_in_any_process(name: str) -> None:
    program = (
        "import sys, hashlib\n"
        "from assay.benchmarks.registry import load_task\n"
        f"samples = load_task('reasoning-gym/{name}', params={{'n': 4, 'seed': 5}}).samples()\n"
        "print(hashlib.sha256(repr([s.input for s in samples]).encode()).hexdigest())"
    )
    made = {
        subprocess.run(
            [sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True, text=True
        ).stdout
        for seed in "12"
    }
    assert len(made) == 1


def test_levels_follow_the_curriculum() -> None:
    task = load("gcd", n="4", level="0,2")
    assert [metric.by for metric in task.metrics] == [None, None, "level", "level"]
    samples = list(task.samples())
    assert [sample.metadata["level"] for sample in samples] == ["0"] * 4 + ["2"] * 4
    from reasoning_gym.factory import create_curriculum

    curriculum = create_curriculum("gcd")
    curriculum.set_global_level(2)
    harder = curriculum.generate_configuration({"seed": 42, "size": 4})
    assert samples[4].metadata["value"] == f"{harder.min_value}-{harder.max_value}"
    with pytest.raises(UsageError, match="level=99"):
        load("gcd", level="99")
    with pytest.raises(UsageError, match="no curriculum"):
        load("gsm_symbolic", level="0")


def test_configuration_is_passed_on_and_checked() -> None:
    sample = next(iter(load("chain_sum", n="1", min_terms="6", max_terms="6").samples()))
    question = sample.metadata["question"]
    assert len(re.findall(r"[+-] ", question)) == 5
    with pytest.raises(UsageError, match="no parameter 'terms'"):
        load("chain_sum", terms="6")
    with pytest.raises(UsageError, match="will not do"):
        load("chain_sum", min_terms="6", max_terms="2")
    with pytest.raises(UsageError, match="did you mean 'chain_sum'"):
        load("chain_sums")


def test_partial_credit_is_the_score_and_no_exact_answer() -> None:
    task = load("gcd", n="1")
    sample = next(iter(task.samples()))
    score = judged(task, sample, f"<answer>it is {sample.target}</answer>")
    assert score.value is not None
    assert 0 < score.value < 1
    assert score.values == {"exact": 0.0}


@pytest.mark.parametrize(
    ("reply", "finish", "outcome"),
    [
        ("I cannot tell", "stop", Outcome.UNPARSED),
        ("<answer>12", "length", Outcome.TRUNCATED),
        ("<think><answer>12</answer></think> Hm.", "stop", Outcome.UNPARSED),
        ("", "content_filter", Outcome.REFUSED),
    ],
)
def test_a_reply_without_an_answer_is_no_wrong_answer(reply: str, finish: str, outcome: Outcome) -> None:
    task = load("gcd", n="1")
    score = judged(task, next(iter(task.samples())), reply, finish)
    assert (score.outcome, score.value) == (outcome, None)


ATTACKS = (
    "__import__('pathlib').Path({path!r}).touch()",
    "[c for c in __import__('pathlib').Path({path!r}).touch() or 'x']",
    "open({path!r}, 'w')",
    "Symbol('x').__class__.__base__.__subclasses__()",
)


@pytest.mark.parametrize("name", [module.rpartition(".")[2] for module in (*EVALUATING, *PARSING, *PARSING_IN)])
def test_what_a_model_writes_is_never_evaluated(tmp_path: Path, name: str) -> None:
    task = load(name, n="1")
    sample = next(iter(task.samples()))
    for attack in ATTACKS:
        touched = tmp_path / "touched"
        score = judged(task, sample, f"<answer>{attack.format(path=str(touched))}</answer>")
        assert not touched.exists()
        assert score.value is not None
        assert score.value < 0.5


def test_no_other_scorer_evaluates_its_answer() -> None:
    """Modules that call ``eval``, ``exec`` or sympy's parser are all known: guarded, or seen to take no model text."""
    harmless = {  # these evaluate what they have generated themselves
        "reasoning_gym.code.codeio",
        "reasoning_gym.algorithmic.number_sorting",
        "reasoning_gym.arithmetic.basic_arithmetic",
        "reasoning_gym.arithmetic.bitwise_arithmetic",
        "reasoning_gym.arithmetic.gsm_symbolic.generators_00_49",
        "reasoning_gym.arithmetic.gsm_symbolic.generators_50_99",
        "reasoning_gym.logic.propositional_logic",  # a parser of its own
    }
    root = Path(reasoning_gym.__file__).parent
    risky = re.compile(
        r"(?<![\w.])(?:eval|exec|sympify|parse_expr|parse_latex|S)\(|\b(?:sp|sympy)\.(?:sympify|parse_expr|S)\("
    )
    found = {
        ".".join(("reasoning_gym", *path.relative_to(root).with_suffix("").parts))
        for path in root.rglob("*.py")
        if risky.search(path.read_text())
    }
    assert found - harmless == {*EVALUATING, *PARSING, *PARSING_IN}


def test_formulas_pass_the_guard_and_huge_ones_cost_the_judge_only() -> None:
    task = load("countdown", n="1")
    sample = next(iter(task.samples()))
    assert judged(task, sample, f"<answer>{sample.target}</answer>").value == 1
    huge = judged_or_failed(task, sample, "<answer>9**9**9**9**9</answer>")
    assert huge is None or huge < 0.5


def judged_or_failed(task: Task, sample: Sample, text: str) -> float | None:
    from assay.scoring.workers import WorkerFailed

    try:
        return judged(task, sample, text).value
    except WorkerFailed:
        return None


def test_runs_resume_and_pass_preflight(tmp_path: Path) -> None:
    task = load("chain_sum", n="6", level="0,1")
    report = asyncio.run(preflight(task))
    assert report.references == 12
    assert report.reason is None
    assert not report.failed
    by_question = {sample.messages[-1].text: sample.target for sample in task.samples()}
    model = Scripted(lambda request: f"<answer>{by_question[request.messages[-1].text]}</answer>")
    run(tmp_path / "run", model, task)
    run(tmp_path / "run", model, task)
    assert model.calls == 12
    assert [line.score.value for _, _, line in trajectories(tmp_path / "run")] == [1.0] * 12
