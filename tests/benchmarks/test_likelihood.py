"""Question tasks for base models: what is asked in each form, and what the answers come to."""

from __future__ import annotations

import asyncio
import json
from math import exp, log
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assay.benchmarks.likelihood.forms import asking, samples_in
from assay.benchmarks.likelihood.score import option_scorer
from assay.benchmarks.registry import load_task
from assay.engine.endpoint import Endpoint
from assay.engine.gate import Gate
from assay.engine.job import Job, Plan
from assay.engine.preflight import preflight
from assay.engine.run import execute
from assay.errors import UsageError
from assay.measure.metrics import estimates
from assay.models.registry import open_model
from assay.protocols import single_question
from assay.records import Call, Outcome, Request, Response, Sample, Score, TokenLogprob, Trajectory
from assay.store.frames import attempts, table
from assay.task import Task
from tests.engine.support import QUICK
from tests.models.echo_server import echo_server, nats
from tests.models.fault_server import FaultServer

ROWS: list[dict[str, Any]] = [
    {"id": "pe", "question": "What is the capital of Peru?", "choices": ["Lima", "Santa Cruz", "Cusco"], "answer": "A"},
    {"id": "in", "question": "And of India?", "choices": ["Agra", "New Delhi"], "answer": "B", "category": "asia"},
    {
        "id": "cn",
        "question": "And of China?",
        "choices": ["Xi'an", "Beijing"],
        "answer": 1,
        "category": "asia",
    },
    {"id": "co", "question": "Of Colombia?", "choices": ["Cali", "Medellín", "Bogotá"], "answer": "C"},
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "my.jsonl"
    rows = [{"category": "other", **row} for row in ROWS]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return path


def load(path: Path | None, **params: Any) -> Task:
    return load_task("likelihood/mcq", data=path, params=params)


class Probable:
    """A ``Conversant`` that gives each continuation the tokens it is told, and remembers what it was asked."""

    def __init__(self, sample: Sample, told: dict[tuple[str, str], list[float | None]]) -> None:
        self.asked: list[tuple[str, str]] = []
        self._sample, self._told, self._calls = sample, told, list[Call]()

    async def generate(self, *_: Any, **__: Any) -> Response:
        raise AssertionError("nothing is generated")

    async def loglikelihood(self, continuation: str, messages: Any = (), *, prompt: str | None = None) -> Response:
        assert prompt is not None
        self.asked.append((prompt, continuation))
        kind = "alone" if prompt == "Answer:" else "asked"
        logprobs = self._told.get((kind, continuation), [-1.0])
        response = Response(logprobs=tuple(TokenLogprob("t", value) for value in logprobs), greedy=False)
        self._calls.append(Call("0", Request("m", prompt=prompt, continuation=continuation), response))
        return response

    def trajectory(self, messages: Any) -> Trajectory:
        return Trajectory(self._sample.id, 1, tuple(messages), tuple(self._calls))


def put(task: Task, sample: Sample, told: dict[tuple[str, str], list[float | None]]) -> tuple[Score, Probable]:
    model = Probable(sample, told)
    score = task.scorers[task.mode](sample, asyncio.run(task.protocol(sample, model)))
    assert isinstance(score, Score)
    return score, model


def test_each_form_asks_the_same_question_in_its_own_way(path: Path) -> None:
    first = {form: next(iter(load(path, form=form).samples())) for form in ("choices", "cloze", "bpb")}
    question = "Question: What is the capital of Peru?\n"
    assert first["choices"].input == question + "A. Lima\nB. Santa Cruz\nC. Cusco\nAnswer:"
    assert first["cloze"].input == first["bpb"].input == question + "Answer:"
    options = [" Lima", " Santa Cruz", " Cusco"]
    prompt = first["cloze"].input
    assert put(load(path, form="choices"), first["choices"], {})[1].asked == [
        (first["choices"].input, letter) for letter in (" A", " B", " C")
    ]
    assert put(load(path), first["cloze"], {})[1].asked == [
        *((prompt, option) for option in options),
        *(("Answer:", option) for option in options),
    ]
    assert put(load(path, form="bpb"), first["bpb"], {})[1].asked == [(prompt, " Lima")]
    assert load_task("mcq", data=path).protocol is single_question, "the base itself generates"


def test_four_normalisations_of_the_same_calls_may_choose_four_options() -> None:
    sample = Sample("s", "Q", "D", ("ab", "abcdefghij", "abcd", "a"), {"question": "Q"})
    told: dict[tuple[str, str], list[float | None]] = {
        ("asked", " ab"): [-2.0],  # raw -2, char -1, token -2, pmi -2 + 1
        ("asked", " abcdefghij"): [-3.0, -3.0],  # raw -6, char -0.6, token -3, pmi -6 + 2
        ("asked", " abcd"): [-1.0] * 4,  # raw -4, char -1, token -1, pmi -4 + 1
        ("asked", " a"): [-5.0],  # raw -5, char -5, token -5, pmi -5 + 9
        ("alone", " abcdefghij"): [-1.0, -1.0],
        ("alone", " a"): [-9.0],
    }
    trajectory = asyncio.run(asking("cloze")(sample, Probable(sample, told)))
    chosen = {}
    for normalise in ("raw", "char", "token", "pmi"):
        score = option_scorer("cloze", normalise)(sample, trajectory)
        assert isinstance(score, Score)
        chosen[normalise] = score.answer
        assert score.value == score.values[f"acc_{normalise}"] == float(score.answer == "D")
        verdicts = {name: value for name, value in score.values.items() if name.startswith("acc_")}
        assert verdicts == {"acc_raw": 0.0, "acc_char": 0.0, "acc_token": 0.0, "acc_pmi": 1.0}
        assert score.values["p_gold"] == pytest.approx(exp(-5) / (exp(-2) + exp(-6) + exp(-4) + exp(-5)))
        margins = {"raw": -5 + 2, "char": -5 + 0.6, "token": -5 + 1, "pmi": 4 + 1}
        assert score.values["margin"] == pytest.approx(margins[normalise])
    assert chosen == {"raw": "A", "char": "B", "token": "C", "pmi": "D"}


def test_bits_per_byte_counts_the_answers_bytes_and_not_its_letters(path: Path) -> None:
    task = load(path, form="bpb")
    score, _ = put(task, list(task.samples())[3], {("asked", " Bogotá"): [-1.5, -2.5]})
    assert score.value == pytest.approx(4.0 / (log(2) * 7))
    assert (score.outcome, score.answer, score.values) == (Outcome.SCORED, "Bogotá", {"greedy": 0.0})
    assert next((m.name, m.better) for m in task.metrics if m.by is None) == ("bits_per_byte", "lower")


def test_bits_per_byte_of_tasks_without_options(tmp_path: Path) -> None:
    path = tmp_path / "qa.jsonl"
    path.write_text('{"question": "7 x 8?", "answers": [56, "fifty-six"]}\n', "utf-8")
    task = load_task("likelihood/qa", data=path, params={"form": "bpb"})
    (sample,) = task.samples()
    assert put(task, sample, {})[1].asked == [("Question: 7 x 8?\nAnswer:", " 56")]
    with pytest.raises(UsageError, match="has 0 options"):
        list(load_task("likelihood/qa", data=path).samples())


def test_a_token_without_a_number_is_no_verdict_about_the_model(path: Path) -> None:
    for form, answer in (("choices", " A"), ("cloze", " Lima"), ("bpb", " Lima")):
        task = load(path, form=form)
        score, _ = put(task, next(iter(task.samples())), {("asked", answer): [-1.0, None]})
        assert (score.outcome, score.value) == (Outcome.JUDGE_FAILED, None)


def test_shots_are_the_first_samples_and_are_not_asked(path: Path) -> None:
    task = load(path, form="choices", shots="2")
    samples = list(task.samples())
    assert [sample.id for sample in samples] == ["cn", "co"]
    assert task.size == 2
    listed = "Question: What is the capital of Peru?\nA. Lima\nB. Santa Cruz\nC. Cusco\nAnswer: A\n\nQuestion: And of"
    assert str(samples[0].input).startswith(listed)
    cloze = next(iter(load(path, shots="2").samples()))
    assert cloze.input == (
        "Question: What is the capital of Peru?\nAnswer: Lima\n\n"
        "Question: And of India?\nAnswer: New Delhi\n\nQuestion: And of China?\nAnswer:"
    )
    assert task.dataset is not None
    assert load(path).dataset is not None
    assert task.dataset.digest != load(path).dataset.digest  # type: ignore[union-attr]
    assert load(path, base_shots="1", shots="1").size == 2, "a parameter of the base with the same name"


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"form": "choices", "normalise": "char"}, "nothing to normalise"),
        ({"shots": -1}, "negative"),
        ({"form": "guess"}, "form"),
        ({"normalise": "bytes"}, "normalise"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(path: Path, params: dict[str, Any], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        load(path, **params)
    with pytest.raises(UsageError, match="likelihood itself"):
        load_task("likelihood/likelihood", data=path)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"metadata": {}}, "does not say what its question is"),
        ({"choices": ("x",)}, "has 1 options"),
        ({"choices": ("x", " ")}, "empty option"),
        ({"target": "C"}, "names no single option"),
        ({"target": ("A", "B")}, "names no single option"),
        ({"choices": ("x", "x"), "target": "x"}, "names no single option"),
    ],
)
def test_samples_that_cannot_be_asked_are_named(changes: dict[str, Any], problem: str) -> None:
    fields: dict[str, Any] = {"target": "A", "choices": ("x", "y"), "metadata": {"question": "Q"}}
    with pytest.raises(UsageError, match=f"sample s.*{problem}"):
        list(samples_in("cloze", [Sample("s", "Q", **(fields | changes))], 0))


def test_the_bases_groups_and_macro_means_are_kept() -> None:
    task = load_task("likelihood/supergpqa", params={"form": "bpb"}, offline=True)
    found = {(metric.name, metric.over, metric.by, metric.better) for metric in task.metrics}
    assert {
        ("bits_per_byte", None, None, "lower"),
        ("field bits_per_byte", "field", None, "lower"),
        ("bits_per_byte by difficulty", None, "difficulty", "lower"),
    } <= found
    assert "accuracy" not in " ".join(metric.name for metric in task.metrics)


async def test_preflight_has_nothing_to_check(path: Path) -> None:
    report = await preflight(load(path))
    assert (report.references, report.unchecked, report.passed) == (0, 4, True)


@pytest.mark.parametrize("form", ["choices", "cloze", "bpb"])
async def test_a_run_against_an_echoing_server_is_stored_resumed_and_right(
    path: Path, tmp_path: Path, form: str
) -> None:
    task = load(path, form=form)
    samples = {sample.id: sample for sample in task.samples()}

    async def run(folder: Path) -> tuple[pl.DataFrame, int]:
        async with FaultServer(echo_server(greedy=lambda text: text.endswith("Lima"))) as server:
            model = open_model("openai/base", {"base_url": server.url, "loglikelihood": "echo"})
            job = Job(Plan(task, "openai/base", folder))
            await execute([(job, Endpoint(model, Gate(4), QUICK))])
            await model.close()
            return attempts(folder, metadata=True, values=True), len(server.received)

    frame, asked = await run(tmp_path / "run")
    each = {"choices": len, "cloze": lambda options: 2 * len(options), "bpb": lambda options: 1}[form]
    assert asked == sum(each(sample.choices) for sample in samples.values())
    assert (await run(tmp_path / "run"))[1] == 0, "all is there, nothing is asked again"

    expected = {name: by_hand(form, sample) for name, sample in samples.items()}
    scores = table(tmp_path / "run", "scores").collect()
    assert dict(zip(scores["sample_id"], scores["value"], strict=True)) == pytest.approx(expected)
    found = {(e.metric, e.group): e.value for e in estimates(frame, task.metrics, cluster=None)}
    main = "bits_per_byte" if form == "bpb" else "accuracy"
    assert found[main, None] == pytest.approx(sum(expected.values()) / 4)
    assert found[main, "asia"] == pytest.approx((expected["in"] + expected["cn"]) / 2)
    assert found["greedy_match", None] == (0.0 if form == "choices" else 0.25)


def by_hand(form: str, sample: Sample) -> float:
    """The verdict on a sample, by the server's own formula."""
    prompt, gold = str(sample.input), "ABC".index(str(sample.target))
    if form == "bpb":
        answer = sample.choices[gold]
        return -nats(prompt, f" {answer}") / log(2) / len(answer.encode())
    texts = "ABC"[: len(sample.choices)] if form == "choices" else sample.choices
    scale = [nats(prompt, f" {text}") / len(text) for text in texts]
    return float(scale.index(max(scale)) == gold)
