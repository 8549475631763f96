"""The same replies give the same numbers here as in the harness itself, sample for sample."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from assay.benchmarks.registry import load_task
from assay.engine.preflight import preflight
from assay.errors import TaskNotFound, UsageError
from assay.models.scripted import Scripted
from assay.records import Message, Outcome, Request, Response, TokenLogprob
from assay.store.frames import trajectories
from assay.task import Task
from tests.engine.support import run

pytest.importorskip("lm_eval", reason="needs the extra lm-eval")
pytestmark = pytest.mark.slow

DOCS = [
    {"question": f"{a} + {b} = ?", "answer": str(a + b), "options": [str(a + b), str(a - b), "many"], "gold": 0}
    for a, b in ((1, 2), (30, 4), (5, 5), (17, 8), (9, 90), (11, 2))
]
COMMON = {
    "dataset_path": "json",
    "test_split": "test",
    "training_split": "train",
    "fewshot_split": "train",
    "doc_to_text": "Q: {{question}}\nA:",
}
TASKS: dict[str, dict[str, Any]] = {
    "sums": {
        "output_type": "generate_until",
        "doc_to_target": "{{answer}}",
        "num_fewshot": 2,
        "generation_kwargs": {"until": ["\n\n"], "do_sample": False},
        "filter_list": [
            {
                "name": "strict",
                "filter": [
                    {"function": "regex", "regex_pattern": "The answer is (-?\\d+)"},
                    {"function": "take_first"},
                ],
            },
            {
                "name": "loose",
                "filter": [
                    {"function": "regex", "regex_pattern": "-?\\d+", "group_select": -1},
                    {"function": "take_first"},
                ],
            },
        ],
        "metric_list": [{"metric": "exact_match", "aggregation": "mean", "higher_is_better": True}],
    },
    "sums_voted": {
        "output_type": "generate_until",
        "doc_to_target": "{{answer}}",
        "repeats": 3,
        "generation_kwargs": {"until": ["\n\n"], "do_sample": True, "temperature": 0.7},
        "filter_list": [
            {
                "name": "vote",
                "filter": [
                    {"function": "regex", "regex_pattern": "(-?\\d+)"},
                    {"function": "majority_vote"},
                    {"function": "take_first"},
                ],
            }
        ],
        "metric_list": [{"metric": "exact_match", "aggregation": "mean", "higher_is_better": True}],
    },
    "sums_code": {
        "output_type": "generate_until",
        "doc_to_target": "{{answer}}",
        "generation_kwargs": {"until": ["\n\n"]},
        "process_results": "!function helpers.length",
        "metric_list": [{"metric": "short", "aggregation": "mean", "higher_is_better": True}],
    },
    "sums_docs": {
        "output_type": "multiple_choice",
        "process_docs": "!function helpers.shouted",
        "num_fewshot": 1,
        "doc_to_choice": "options",
        "doc_to_target": "gold",
        "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
    },
    "sums_choice": {
        "output_type": "multiple_choice",
        "num_fewshot": 3,
        "doc_to_choice": "options",
        "doc_to_target": "gold",
        "metric_list": [
            {"metric": "acc", "aggregation": "mean", "higher_is_better": True},
            {"metric": "acc_norm", "aggregation": "mean", "higher_is_better": True},
            {"metric": "f1"},
        ],
    },
    "sums_likely": {
        "output_type": "loglikelihood",
        "doc_to_target": " {{answer}}",
        "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}, {"metric": "perplexity"}],
    },
}
HELPERS = """
def length(doc, results):
    return {"short": float(len(results[0]) < 20)}

def shouted(docs):
    return docs.map(lambda doc: {"question": doc["question"] + "!"})
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of YAML tasks over one small file."""
    where = tmp_path_factory.mktemp("tasks")
    lines = {"test": DOCS, "train": [doc | {"question": doc["question"].replace("?", "??")} for doc in DOCS]}
    for split, docs in lines.items():
        (where / f"{split}.jsonl").write_text("".join(json.dumps(doc) + "\n" for doc in docs))
    files = {split: str(where / f"{split}.jsonl") for split in lines}
    (where / "common_yaml").write_text(json.dumps({**COMMON, "dataset_kwargs": {"data_files": files}}))
    (where / "helpers.py").write_text(HELPERS)
    for name, settings in TASKS.items():
        text = json.dumps({"task": name, "include": "common_yaml", **settings}, indent=1)
        text = re.sub(r'"(!function [a-z.]+)"', r"\1", text)
        (where / f"{name}.yaml").write_text(text)
    (where / "all.yaml").write_text(json.dumps({"group": "all_sums", "task": ["sums", "sums_choice"]}))
    return where


def number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def says(prompt: str, time: int = 0) -> str:
    """A reply that is right, wrong, wordy, or holds no number, by the prompt."""
    question = prompt.rpartition("Q: ")[2].partition(" = ")[0]
    a, _, b = question.partition(" + ")
    right = int(a) + int(b)
    kinds = (f" The answer is {right}\n\nThe answer is 5", f" {right}.", " The answer is 7, not 8", " I would not know")
    return kinds[(len(question) + int(a) + time) % len(kinds)]


def log_likelihood(text: str) -> tuple[float, bool]:
    return -(number(text) % 1000) / 64, number(text) % 3 == 0


def scripted() -> Scripted:
    times: dict[str, int] = {}

    def reply(request: Request) -> Response:
        prompt = request.prompt or request.messages[-1].text
        times[prompt] = times.get(prompt, -1) + 1
        return Response(says(prompt, times[prompt]), finish_reason="stop")

    class WithLikelihoods(Scripted):
        async def loglikelihood(self, request: Request) -> Response:
            total, greedy = log_likelihood(f"{request.prompt}{request.continuation}")
            return Response(logprobs=(TokenLogprob("a", total), TokenLogprob("b", 0.0)), greedy=greedy)

    return WithLikelihoods(reply)


def theirs(folder: Path, name: str) -> dict[str, dict[str, float]]:
    """What the harness makes of the same replies: document -> ``metric,filter`` -> value."""
    from lm_eval import simple_evaluate
    from lm_eval.api.model import LM
    from lm_eval.tasks import TaskManager
    from lm_eval.utils import handle_non_serializable  # noqa: F401  (the package is whole)

    class Canned(LM):
        def __init__(self) -> None:
            super().__init__()
            self.times: dict[str, int] = {}

        def loglikelihood(self, requests: list[Any]) -> list[tuple[float, bool]]:
            return [log_likelihood("".join(request.args)) for request in requests]

        def loglikelihood_rolling(self, requests: list[Any]) -> list[float]:
            raise AssertionError("not asked here")

        def generate_until(self, requests: list[Any]) -> list[str]:
            replies = []
            for request in requests:
                prompt = request.args[0]
                self.times[prompt] = self.times.get(prompt, -1) + 1
                replies.append(says(prompt, self.times[prompt]).split("\n\n")[0])
            return replies

    manager = TaskManager(include_path=str(folder), include_defaults=False)
    found = simple_evaluate(Canned(), tasks=[name], task_manager=manager, bootstrap_iters=0)
    rows: dict[str, dict[str, float]] = {}
    for row in found["samples"][name]:
        values = {f"{metric},{row['filter']}": row[metric] for metric in row["metrics"]}
        rows.setdefault(str(row["doc_id"]), {}).update(values)
    return rows


def ours(where: Path, task: Task) -> tuple[dict[str, dict[str, float]], dict[str, Outcome]]:
    run(where, scripted(), task)
    found = [(sample.id, line.score) for sample, _, line in trajectories(where)]
    return {name: dict(score.values) for name, score in found}, {name: score.outcome for name, score in found}


@pytest.mark.parametrize("name", sorted(TASKS))
def test_every_sample_gets_the_harness_s_numbers(folder: Path, tmp_path: Path, name: str) -> None:
    task = load_task(f"lm-eval/{name}", data=folder)
    values, outcomes = ours(tmp_path / "run", task)
    expected = theirs(folder, name)
    reported = {metric.value for metric in task.metrics}
    assert reported
    assert values == {doc: {key: float(row[key]) for key in reported} for doc, row in expected.items()}
    assert len(values) == len(DOCS)
    assert set(outcomes.values()) <= {Outcome.SCORED, Outcome.UNPARSED}


def test_a_reply_without_an_answer_is_told_from_a_wrong_one(folder: Path, tmp_path: Path) -> None:
    values, outcomes = ours(tmp_path / "run", load_task("lm-eval/sums", data=folder))
    missed = {name for name, outcome in outcomes.items() if outcome is Outcome.UNPARSED}
    assert missed
    assert missed < set(values)
    assert all(set(values[name].values()) == {0.0} for name in missed)


def test_aggregates_over_all_samples_are_named_and_not_reported(folder: Path) -> None:
    task = load_task("lm-eval/sums_choice", data=folder)
    assert [metric.name for metric in task.metrics] == ["acc,none", "acc_norm,none"]
    assert task.dataset is not None
    assert task.dataset.notes == ("not reported, being no means over samples: f1",)


def test_references_pass_the_task_s_own_filters(folder: Path) -> None:
    report = asyncio.run(preflight(load_task("lm-eval/sums", data=folder)))
    assert report.references == len(DOCS)
    assert not report.failed
    assert report.reason is None


def test_conversations_hold_the_examples_as_turns(folder: Path) -> None:
    params = {"chat": "true", "multiturn": "true"}
    sample = next(iter(load_task("lm-eval/sums", data=folder, params=params).samples()))
    assert [message.role for message in sample.messages] == ["user", "assistant"] * 2 + ["user"]
    plain = next(iter(load_task("lm-eval/sums", data=folder).samples()))
    assert isinstance(sample.input, tuple)
    assert sample.input[-1] == Message("user", "Q: 1 + 2 = ?\nA:")
    assert plain.messages[0].text.endswith("Q: 1 + 2 = ?\nA:")
    assert plain.messages[0].text.count("??") == 2


def test_two_streams_at_once_draw_the_same_examples(folder: Path) -> None:
    task = load_task("lm-eval/sums", data=folder)
    first, second = task.samples(), task.samples()
    pairs = list(zip(first, second, strict=True))
    assert [a.input for a, _ in pairs] == [b.input for _, b in pairs] == [s.input for s in task.samples()]


def test_a_task_is_the_same_in_every_process(folder: Path) -> None:
    program = (
        "from pathlib import Path\n"
        "from assay.benchmarks.registry import load_task\n"
        f"task = load_task('lm-eval/sums_docs', data=Path({str(folder)!r}))\n"
        "print(task.version, task.dataset.digest)"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in "12"
    }
    assert len(found) == 1


def test_a_missing_probability_is_no_number(folder: Path, tmp_path: Path) -> None:
    class Silent(Scripted):
        async def loglikelihood(self, request: Request) -> Response:
            return Response(logprobs=(TokenLogprob("a", None),) if "many" in (request.continuation or "") else None)

    run(tmp_path / "run", Silent(lambda request: ""), load_task("lm-eval/sums_choice", data=folder))
    assert {line.score.outcome for _, _, line in trajectories(tmp_path / "run")} == {Outcome.JUDGE_FAILED}


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"output_type": "loglikelihood_rolling"}, "tokenizer"),
        ({"unsafe_code": True}, "unsafe_code"),
        ({"doc_to_image": ["image"]}, "doc_to_image"),
        ({"class": "!function helpers.length"}, "Python class"),
        ({"use_prompt": "promptsource:x"}, "promptsource"),
        ({"generation_kwargs": {"num_beams": 4}}, "num_beams"),
        ({"metric_list": [{"metric": "bleu"}]}, "bleu"),
    ],
)
def test_what_cannot_be_run_is_refused_with_its_reason(
    folder: Path, tmp_path: Path, settings: dict[str, Any], reason: str
) -> None:
    config = {"task": "odd", "include": str(folder / "common_yaml"), "doc_to_target": "{{answer}}", **settings}
    text = json.dumps(config).replace('"!function helpers.length"', "!function helpers.length")
    (tmp_path / "odd.yaml").write_text(text)
    (tmp_path / "helpers.py").write_text(HELPERS)
    with pytest.raises(UsageError, match=reason):
        load_task("lm-eval/odd", data=tmp_path)


def test_a_group_names_its_tasks(folder: Path) -> None:
    with pytest.raises(UsageError, match="all_sums is a group, not a task; its tasks: sums, sums_choice"):
        load_task("lm-eval/all_sums", data=folder)


def test_an_unknown_task_is_said_to_be_unknown(folder: Path) -> None:
    with pytest.raises(TaskNotFound, match="did you mean"):
        load_task("lm-eval/gsm8kk", data=folder)
