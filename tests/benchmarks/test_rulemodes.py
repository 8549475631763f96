"""The run modes around tasks of our own: what is asked, how it is judged, and that a killed run goes on."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from assay.benchmarks.registry import load_task
from assay.benchmarks.rulemodes.base import question_span
from assay.benchmarks.rulemodes.numbered import numbered_answers
from assay.benchmarks.rulemodes.prompts import FINAL, WRONG
from assay.engine.preflight import preflight
from assay.errors import DatasetMalformed, DatasetNotFound, UsageError
from assay.records import Call, Image, Message, Outcome, Request, Response, Sample, Score, Text, Trajectory
from assay.store.frames import attempts, trajectories
from assay.task import Task
from tests.benchmarks.korbench_support import scored, trajectory, write_dataset
from tests.engine.support import Counting, run


def write(folder: Path, rows: list[dict[str, Any]]) -> Path:
    path = folder / "my.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def sums(count: int) -> list[dict[str, Any]]:
    """Questions of two rules, by turns."""
    return [
        {"id": f"q{n}", "question": f"What is {n}+{n}?", "answer": str(2 * n), "rule": "even" if n % 2 == 0 else "odd"}
        for n in range(count)
    ]


def answering(reply: Callable[[str], str]) -> Counting:
    """A model that looks at the last message."""
    return Counting(lambda request: Response(reply(request.messages[-1].text), finish_reason="stop"))


def outcome(folder: Path) -> list[tuple[Any, dict[str, float]]]:
    rows = attempts(folder).iter_rows(named=True)
    return [(row["value"], json.loads(row["values"] or "{}")) for row in rows]


# Composed.


def test_composed_items_are_drawn_by_cluster_and_seed(tmp_path: Path) -> None:
    path = write(tmp_path, sums(12))

    def parts(**params: Any) -> list[tuple[str, ...]]:
        task = load_task("composed/qa", data=path, params={"n": 40, **params})
        return [tuple(sample.metadata["part_ids"]) for sample in task.samples()]

    for item in parts(k=4, clusters=1):
        assert len(set(item)) == 4
        assert len({int(name[1:]) % 2 for name in item}) == 1
    for item in parts(k=3, clusters=2):
        assert len(set(item)) == 3
        assert len({int(name[1:]) % 2 for name in item}) == 2
    assert {len({int(name[1:]) % 2 for name in item}) for item in parts(k=2)} == {1, 2}
    assert parts(k=3) == parts(k=3)
    assert parts(k=3) != parts(k=3, seed=1)
    assert parts(k=3)[:5] == [*islice(parts(k=3, n=5), 5)]
    everything = {name for item in parts(k=3) for name in item}
    assert everything == {f"q{n}" for n in range(12)}


def test_what_prompts_share_is_said_once(tmp_path: Path) -> None:
    task = load_task("composed/korbench", data=write_dataset(tmp_path), params={
        "categories": "operation,counterfactual", "k": 4, "n": 1,
    })  # fmt: skip
    (sample,) = task.samples()
    assert isinstance(sample.input, str)
    assert sample.input.count("a@b = 2a + b") == sample.input.count("a&b") == 1
    assert sample.input.count("made of cheese") == 1
    for number, name in enumerate(sample.metadata["part_ids"], 1):
        question = next(p["metadata"]["question"] for p in sample.metadata["parts"] if p["id"] == name)
        after = sample.input.split(f"--- question{number} ---\n")[1]
        assert question in after.split("\n---")[0]
    assert task.sampling.max_tokens == 4 * 2000
    assert (task.version, task.cluster) == ("composed 1+1", None)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ('{"question1": "2", "question2": "4", "question3": "6"}', (1, 1, 1)),
        ('Well.\n```json\n{"question3": "[[6]]", "question1": "Answer: 2", "question2": 4}\n```', (1, 1, 1)),
        ('{"question1": "2", "question2": "5", "question3": "6"}', (0, 2 / 3, 1)),
        ('{"question1": "2"}', (0, 1 / 3, 1 / 3)),
        ("question1: 2\nquestion2: 4\nquestion3: 6", (1, 1, 1)),
        ('{"question4": "2"}', None),
        ("2, 4, 6", None),
        ('<think>{"question1": "2", "question2": "4", "question3": "6"}', None),
    ],
)
async def test_composed_answers_are_judged_one_by_one(
    tmp_path: Path, reply: str, expected: tuple[float, float, float] | None
) -> None:
    task = load_task("composed/qa", data=write(tmp_path, sums(4)[1:]), params={"k": 3, "n": 1})
    (sample,) = task.samples()
    order = [int(name[1:]) for name in sample.metadata["part_ids"]]
    # The reply is written for the order 1, 2, 3; bring it into the item's.
    asked = re.sub(r"question([1-3])", lambda match: f"question{order.index(int(match[1])) + 1}", reply)
    score = await scored(task, task.mode, sample, trajectory(asked))
    if expected is None:
        assert (score.outcome, score.value, score.values) == (Outcome.UNPARSED, None, {})
    else:
        found = (score.value, score.values["pass_rate"], score.values["answered"])
        assert found == pytest.approx(expected)


async def test_a_scorer_that_fails_on_a_part_is_no_score() -> None:
    from assay.benchmarks.rulemodes.composed import compose, composed_scorer

    def fails(sample: Sample, trajectory: Trajectory) -> Score:
        return Score(Outcome.JUDGE_FAILED if sample.id == "b" else Outcome.SCORED, None if sample.id == "b" else 1.0)

    samples = [Sample("a", "?", "1"), Sample("b", "?", "1")]
    (item,) = compose(samples, k=2, n=1, clusters=None, by="rule", seed=0)
    task = Task("t", "1", lambda: [item], None, {"x": composed_scorer(fails)}, "x")  # type: ignore[arg-type]
    score = await scored(task, "x", item, trajectory('{"question1": "1", "question2": "1"}'))
    assert (score.outcome, score.value) == (Outcome.JUDGE_FAILED, None)


def test_composed_says_what_will_not_do(tmp_path: Path) -> None:
    path = write(tmp_path, sums(5))
    for params, problem in (
        ({"k": 9}, "k=9 questions an item, and the base has 5"),
        ({"k": 2, "clusters": 3}, "more than the k=2"),
        ({"k": 4, "clusters": 1}, "too few or too small"),
        ({"k": 3, "clusters": 3}, "too few or too small"),
        ({"k": 0}, "from 1"),
    ):
        with pytest.raises(UsageError, match=problem):
            list(load_task("composed/qa", data=path, params=params).samples())
    with pytest.raises(UsageError, match="plain text"):
        load_task("composed/qa", data=path, params={"completion": True})
    with pytest.raises(UsageError, match="composed itself"):
        load_task("composed/cryptox/composed/qa", data=path)
    with pytest.raises(UsageError, match="way of its own"):
        load_task("composed/self-correct/qa", data=path)


@pytest.mark.parametrize(
    ("text", "answers"),
    [
        ('{"question1": [["a", 2], [true]], "Q2": {"x": 1}, "question 9": "n"}', {1: "[[a, 2], [True]]", 2: "x: 1"}),
        ('{"answers": {"1": "a", "2": null}}', {1: "a"}),
        ('{"question1": "a"} {"note": "b"}', {1: "a"}),
        ('**question1**: a, since b\n"question2": [[c]],\n}', {1: "a, since b", 2: "[[c]]"}),
        ("question1: no\nquestion1: yes", {1: "yes"}),
        ("question: 1", {}),
        ("question1: " * 30_000, {1: ""}),
        ('{"question1": ' * 30_000, {1: ""}),
    ],
)
def test_answers_are_found_by_their_number(text: str, answers: dict[int, str]) -> None:
    found = numbered_answers(text, 2)
    assert found == answers or (len(text) > 1000 and set(found) <= {1})


# Hinted.


def test_hints_stand_right_behind_the_question(tmp_path: Path) -> None:
    rows = [{**row, "hint": f"Double {n}."} for n, row in enumerate(sums(2))]
    path = write(tmp_path, rows)
    plain = list(load_task("qa", data=path).samples())
    for sample, base in zip(load_task("hinted/qa", data=path).samples(), plain, strict=True):
        question, hint = base.metadata["question"], sample.metadata["hint"]
        assert sample.input == str(base.input).replace(question, f"{question}\n\nHint: {hint}")
        assert (sample.id, sample.target) == (base.id, base.target)
    hints = tmp_path / "hints.json"
    hints.write_text(json.dumps({"q0": ["One.", "Two."], "q1": "Three."}))
    task = load_task("hinted/qa", data=path, params={"file": str(hints)})
    assert [sample.metadata["hint"] for sample in task.samples()] == ["One.\nTwo.", "Three."]
    lines = tmp_path / "hints.jsonl"
    lines.write_text('{"id": "q0", "h": "X"}\n{"id": "q1", "h": "Y"}\n')
    again = load_task("hinted/qa", data=path, params={"file": str(lines), "column": "h"})
    assert [sample.metadata["hint"] for sample in again.samples()] == ["X", "Y"]
    assert again.dataset is not None
    assert task.dataset is not None
    assert again.dataset.digest != task.dataset.digest


def test_hints_stand_behind_options_and_in_the_last_message_only(tmp_path: Path) -> None:
    row = {"question": "Which is it?", "choices": ["this", "that"], "answer": "A", "hint": "Not that."}
    (sample,) = load_task("hinted/mcq", data=write(tmp_path, [row])).samples()
    assert "B. that\n\nHint: Not that." in str(sample.input)
    from assay.benchmarks.rulemodes.base import with_text_after_question

    picture = (
        Message("user", "Is it?"),
        Message("assistant", "Yes"),
        Message("user", (Text("Is it?"), Image(url="u"))),
    )
    made = with_text_after_question(Sample("1", picture, metadata={"question": "Is it?"}), "Hint")
    assert made.messages[:2] == picture[:2]
    assert made.messages[2].text == "Is it?\n\nHint"
    assert question_span(Sample("1", "x", metadata={"question": "not there"}), "x") is None


def test_a_missing_hint_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path, sums(2))
    with pytest.raises(UsageError, match="sample q0 has no hint in metadata 'hint'"):
        list(load_task("hinted/qa", data=path).samples())
    bad = tmp_path / "h.jsonl"
    bad.write_text('{"id": "q0"}\n')
    with pytest.raises(DatasetMalformed, match=r"h\.jsonl, line 1: no id or no hint"):
        load_task("hinted/qa", data=path, params={"file": str(bad)})
    with pytest.raises(DatasetNotFound, match=r"no file .*none\.json"):
        load_task("hinted/qa", data=path, params={"file": str(tmp_path / "none.json")})


# Stepwise.

STEPS: list[dict[str, Any]] = [
    {"question": "What is 2*3?", "answer": 6, "type": "times"},
    {"question": "What is 6+1?", "answer": "7", "type": "plus"},
    {"question": "What is 7+1?", "answer": "8", "type": "plus"},
]
STEPPED: list[dict[str, Any]] = [
    {"id": "a", "question": "What is 2*3+2?", "answer": "8", "steps": STEPS},
    {"id": "b", "question": "What is 1?", "answer": "1", "steps": [{"description": "Say 1.", "answer": "1"}]},
]


def test_steps_are_asked_in_turn_and_judged_one_by_one(tmp_path: Path) -> None:
    replies = {"What is 2*3?": "5", "What is 6+1?": "7", "What is 7+1?": "9", FINAL: "8", "Say 1.": "1"}

    def reply(text: str) -> str:
        return "Answer: " + next(answer for asked, answer in replies.items() if asked in text)

    for carry, kept in (("own", "Answer: 5"), ("gold", "6")):
        task = load_task("stepwise/qa", data=write(tmp_path, STEPPED), params={"carry": carry})
        model = answering(reply)
        run(tmp_path / carry, model, task)
        (first,) = (found for found in outcome(tmp_path / carry) if "step times" in found[1])
        assert first == (1.0, {"step times": 0, "step plus": 0.5, "steps": pytest.approx(1 / 3)})
        longest = max((r.messages for r in model.requests), key=len)
        assert len(longest) == 7
        assert str(next(iter(task.samples())).input) in longest[0].text
        assert "Step 1: What is 2*3?" in longest[0].text
        assert [m.text for m in longest[2::2]] == ["Step 2: What is 6+1?", "Step 3: What is 7+1?", FINAL]
        assert longest[1].text == kept
        names = [metric.name for metric in task.metrics]
        assert names[-4:] == ["step accuracy", *(f"step accuracy, {kind}" for kind in ("times", "plus", "other"))]
        assert [metric.where for metric in task.metrics[-2:]] == [{"has step plus": "yes"}, {"has step other": "yes"}]


def test_steps_may_come_from_a_file_and_have_to_be_steps(tmp_path: Path) -> None:
    file = tmp_path / "steps.json"
    file.write_text(json.dumps({f"q{n}": STEPS for n in range(2)}))
    path = write(tmp_path, sums(2))
    task = load_task("stepwise/qa", data=path, params={"file": str(file)})
    assert [len(sample.metadata["step_list"]) for sample in task.samples()] == [3, 3]
    with pytest.raises(UsageError, match="q0 has no list of steps in metadata 'steps'"):
        load_task("stepwise/qa", data=path)
    file.write_text(json.dumps({"q0": ["Think."]}))
    with pytest.raises(UsageError, match="q0, step 1: needs a question and an answer"):
        load_task("stepwise/qa", data=path, params={"file": str(file)})


# Self-correct.


class Learner(Counting):
    """Counts up from 0 each time it is told that it is wrong."""

    def __init__(self) -> None:
        super().__init__(lambda request: Response(f"Answer: {len(request.messages) // 2}", finish_reason="stop"))


def test_a_wrong_model_is_told_so_until_it_is_right(tmp_path: Path) -> None:
    task = load_task("self-correct/qa", data=write(tmp_path, sums(4)), params={"rounds": 3})
    model = Learner()
    run(tmp_path / "r", model, task)
    rounds = ("round_1", "round_2", "round_3", "rounds")
    found = [(value, *(values[name] for name in rounds)) for value, values in outcome(tmp_path / "r")]
    # The answers are 0, 2, 4 and 6; a model of three replies gets to 2.
    assert sorted(found) == sorted([(1, 1, 1, 1, 1), (1, 0, 0, 1, 3), (0, 0, 0, 0, 3), (0, 0, 0, 0, 3)])
    assert len(model.requests) == 1 + 3 + 3 + 3
    asked = [m.text for r in model.requests for m in r.messages[1:] if m.role == "user"]
    assert set(asked) == {WRONG}
    last = max((r.messages for r in model.requests), key=len)
    assert [m.text for m in last[1::2]] == ["Answer: 0", "Answer: 1"]
    names = [metric.name for metric in task.metrics]
    assert names == ["accuracy", "accuracy after round 1", "accuracy after round 2", "accuracy after round 3"]


class Killed(BaseException):
    """Stands for the process dying inside a call."""


@pytest.mark.parametrize("after", range(1, 10))
def test_a_killed_conversation_goes_on_where_it_was_cut_off(tmp_path: Path, after: int) -> None:
    def task() -> Task:
        return load_task("self-correct/qa", data=write(tmp_path, sums(4)), params={"rounds": 3})

    whole = tmp_path / "whole"
    run(whole, Learner(), task())
    left = [after]

    class Dying(Learner):
        async def generate(self, request: Request) -> Response:
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            return await super().generate(request)

    with pytest.raises(Killed):
        run(tmp_path / "r", Dying(), task(), ceiling=1)
    second = Learner()
    run(tmp_path / "r", second, task(), ceiling=1)
    assert len(second.requests) == 10 - after
    conversations = [[found[1].messages for found in trajectories(folder)] for folder in (tmp_path / "r", whole)]
    assert conversations[0] == conversations[1]
    assert outcome(tmp_path / "r") == outcome(whole)


class Once:
    """A model that says the same thing."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    async def generate(self, messages: Any) -> Response:
        self.calls.append(Call("", Request("m", tuple(messages)), Response("x")))
        return self.calls[-1].response

    def trajectory(self, messages: Any) -> Trajectory:
        return Trajectory("s", 1, tuple(messages), tuple(self.calls))


async def test_a_judge_that_fails_ends_the_conversation_and_is_no_score() -> None:
    from assay.benchmarks.rulemodes.correct import by_round, corrected
    from assay.protocols import single_question

    def raises(sample: Sample, trajectory: Trajectory) -> Score:
        raise RuntimeError("no judge")

    async def fails(sample: Sample, trajectory: Trajectory) -> Score:
        return Score(Outcome.JUDGE_FAILED)

    sample = Sample("s", "?", "y")
    for judge in (raises, fails):
        model = Once()
        done = await corrected(single_question, judge, 5, lambda _: "No.")(sample, model)  # type: ignore[arg-type]
        assert len(model.calls) == len(done.calls) == 1
        if judge is fails:
            score = await by_round(fails, 5, lambda _: "No.")(sample, done)  # type: ignore[misc]
            assert (score.outcome, score.value, score.values) == (Outcome.JUDGE_FAILED, None, {})


async def test_probabilities_cannot_be_corrected() -> None:
    from assay.benchmarks.rulemodes.correct import corrected

    async def likelihood(sample: Sample, model: Any) -> Trajectory:
        request = Request("m", prompt="?", continuation=" y")
        return Trajectory("s", 1, sample.messages, (Call("", request, Response()),))

    asked = corrected(likelihood, lambda *_: Score(Outcome.SCORED, 0.0), 5, lambda _: "No.")
    with pytest.raises(UsageError, match="sample s is asked in plain text"):
        await asked(Sample("s", "?", "y"), Once())  # type: ignore[arg-type]


def test_self_correct_says_what_will_not_do(tmp_path: Path) -> None:
    path = write(tmp_path, sums(2))
    for params, problem in (
        ({"rounds": 0}, "rounds is a number from 1"),
        ({"judge": "lenient"}, "has no mode 'lenient'"),
        ({"completion": True}, "plain text"),
    ):
        with pytest.raises(UsageError, match=problem):
            load_task("self-correct/qa", data=path, params=params)


# All of them.


def test_wrappers_may_be_wrapped(tmp_path: Path) -> None:
    task = load_task("self-correct/cryptox/korgen", params={"words": "0,3", "base_base_n": "2", "rounds": "2"})
    golds = {sample.messages[0].text: str(sample.target) for sample in task.samples()}
    model = Counting(
        lambda request: f"[[{golds[request.messages[0].text]}]]" if len(request.messages) > 1 else "[[zzz]]"
    )
    run(tmp_path / "r", model, task)
    assert len(golds) == 4
    found = [(value, values["round_1"], values["round_2"]) for value, values in outcome(tmp_path / "r")]
    assert found == [(1, 0, 1)] * 4
    assert task.version.startswith("self-correct 1+1+")
    inner = load_task("self-correct/composed/hinted/qa", data=write(tmp_path, [{**r, "hint": "h"} for r in sums(4)]))
    (sample,) = islice(inner.samples(), 1)
    assert str(sample.input).count("Hint: h") == 3


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("composed/qa", {"k": "2", "n": "5", "clusters": "1", "seed": "3"}),
        ("composed/korgen/logic", {"n": "3", "base_n": "20", "base_seed": "5"}),
        (
            "composed/cryptox/korgen",
            {"n": "3", "base_seed": "7", "base_base_n": "20", "base_base_seed": "5", "words": "2"},
        ),
        ("hinted/qa", {"column": "rule"}),
        ("stepwise/qa", {"carry": "gold"}),
        ("self-correct/qa", {"rounds": "2"}),
    ],
)
async def test_a_manifest_makes_the_same_task_again_and_references_score_right(
    tmp_path: Path, name: str, params: dict[str, str]
) -> None:
    rows = [{**row, "steps": STEPS} for row in sums(8)]
    data = write(tmp_path, rows) if name.endswith("qa") else None
    task = load_task(name, data=data, params=params)
    again = load_task(task.name, data=data, params=json.loads(json.dumps(dict(task.params))))
    samples = list(task.samples())
    assert list(again.samples()) == samples
    assert (again.params, again.dataset, again.version) == (task.params, task.dataset, task.version)
    assert task.size in (None, len(samples))
    assert len({sample.id for sample in samples}) == len(samples)
    report = await preflight(task, limit=4)
    assert report.passed, report.reason
    assert (report.references, report.failed) == (min(4, len(samples)), ())
    assert load_task(task.name, params=dict(task.params), offline=True).params == task.params
