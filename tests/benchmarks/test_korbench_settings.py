"""KOR-Bench beyond its main table: prompts, protocols, quirks, and the owners' stored verdicts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest

from assay.benchmarks.korbench import data as korbench_data
from assay.benchmarks.registry import load_task
from assay.cli.main import app
from assay.errors import DatasetMalformed, UsageError
from assay.records import Message, Outcome, Response, Sample
from assay.store.frames import attempts
from assay.task import Task
from tests.benchmarks.korbench_support import scored, trajectory, write_dataset, write_jsonl
from tests.engine.support import Counting, run

FIVE = ("operation", "logic", "cipher", "puzzle", "counterfactual")
OTHERS: dict[str, tuple[str, str]] = {
    # category: rule, then question and answer of item 1
    "logic": ("All is one.", "Is it?"),
    "cipher": ("Shift by one.", "Encrypt A."),
    "puzzle": ("Find the word.", "Which word?"),
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The tiny data set with all categories and the files of the other settings."""
    folder = write_dataset(tmp_path / "data")
    for category, (rule, question) in OTHERS.items():
        write_jsonl(folder / category / "rule.jsonl", [{"idx": "1", "title": category, "rule_content": rule}])
        asked = {"idx": "1", "question": question, "answer": f"[[{category[:2]}]]", "rule_id": "1", "trick": "Look."}
        write_jsonl(folder / category / "sample.jsonl", [asked])
    for category in ("operation", "counterfactual"):
        path = folder / category / "sample.jsonl"
        rows = [json.loads(line) for line in path.read_text("utf-8").strip("\n").split("\n")]
        write_jsonl(path, [{**row, "needle": ["One sentence.", "Another."]} for row in rows])
    write_jsonl(
        folder / "mixed" / "Multi-Q.jsonl",
        [{"idx": "1", "rule_list": ["operation_1"], "question_list": ["operation_2", "operation_1"]}],
    )
    write_jsonl(
        folder / "mixed" / "Multi-RQ_Hard.jsonl",
        [{"idx": "4", "rule_list": ["logic_1", "cipher_1"], "question_list": ["cipher_1"]}],
    )
    steps = [
        {"step": 1, "description": "Find A.\n", "atom": "A", "answer": "[[1]]", "type": "Encoding"},
        {"step": 2, "description": "A is 1. Add 1.", "atom": "1", "answer": "[[2]]", "type": "Shift"},
        {"step": 3, "description": "Again.", "atom": "1", "answer": "[[2]]", "type": "Shift"},
        {"step": 3, "description": "Write it.", "atom": "2", "answer": "[[B]]"},
    ]
    item = {"idx": "1", "category": "Encryption", "rule_id": "1", "input": "Plain: A", "steps_details": steps}
    (folder / "cipher" / "subquestions.json").write_text(json.dumps([item]))
    prompt = folder / "prompt"
    (prompt / "zero-shot.yaml").write_text("".join(f"{c}_prompt_format:\n- |\n  R: {{}}\n  Q: {{}}\n" for c in FIVE))
    (prompt / "mixed.yaml").write_text('prompt_format:\n- |\n  As {{"question1": "x"}}\n  R: {}\n  Q: {}\n  A:\n')
    (prompt / "trick.yaml").write_text("prompt_format:\n- |\n  R: {}\n  Q: {}\n  T: {}\n")
    (prompt / "self-correction.yaml").write_text("prompt_format:\n  - |\n    Not so.")
    return folder


def one(task: Task, name: str) -> Sample:
    return next(sample for sample in task.samples() if sample.id == name)


def test_mixed_prompts_hold_rules_and_numbered_questions(data: Path) -> None:
    task = load_task("korbench", data=data, params={"setting": "mixed", "parts": "Multi-Q,Multi-RQ-Hard"})
    first, second = task.samples()
    assert (first.id, second.id, task.size) == ("Multi-Q/1", "Multi-RQ-Hard/4", 2)
    assert first.input == (
        'As {"question1": "x"}\nR: a@b = 2a + b\n\n'
        "Q: question1:\nCompute 0@1.\n\nquestion2:\nCompute 3@4. Answer like this: [[your answer]].\n\nA:\n"
    )
    assert json.loads(str(first.target)) == {"question1": "[[1]]", "question2": "[[10]]"}
    assert second.input == (
        'As {"question1": "x"}\nR: All is one.\n\nShift by one.\n\nQ: question1:\nEncrypt A.\n\nA:\n'
    )
    assert task.cluster is None
    assert task.params["parts"] == ["Multi-Q", "Multi-RQ-Hard"]


def test_hints_and_steps_are_asked_as_the_owners_do(data: Path) -> None:
    trick = load_task("korbench", data=data, params={"setting": "trick"})
    assert [(s.id, s.input) for s in trick.samples()] == [("puzzle/1", "R: Find the word.\nQ: Which word?\nT: Look.\n")]
    task = load_task("korbench", data=data, params={"setting": "subquestions"})
    samples = list(task.samples())
    assert [s.id for s in samples] == [f"subquestions/1/{n}" for n in (1, 2, 3, 4)]
    assert samples[1].input == "R: Shift by one.\nQ: Plain: A\n\nA is 1. Add 1.\n"
    assert [s.metadata.get("step_type") for s in samples] == ["Encoding", "Shift", "Shift", None]
    assert (task.size, task.cluster, samples[0].metadata["item"]) == (4, "item", "subquestions/1")


def test_rows_of_steps_are_told_apart_in_any_order(data: Path) -> None:
    rows = load_task("korbench", data=data, params={"setting": "subquestions"}).rows
    assert rows is not None
    found: dict[str, list[str]] = {"a": [], "b": []}
    shuffled = [("Shift", "[[2]]"), (None, "[[B]]"), ("Shift", "[[2]]"), ("Encoding", "[[1]]"), ("Shift", "[[2]]")]
    for kind, gold in shuffled:
        for model, ids in found.items():
            row = {"model": model, "idx": "1", "step_type": kind, "official_answer": gold}
            ids.append(rows.sample_id(row))
    assert found["a"] == found["b"] == [f"subquestions/1/{n}" for n in (2, 4, 3, 1, 2)]
    row = {"model": "a", "idx": "1", "step_type": "Shift", "official_answer": "[[7]]"}
    assert rows.sample_id(row) not in {s for ids in found.values() for s in ids}


def test_settings_say_what_they_do_not_have(data: Path) -> None:
    for name, setting, problem in (
        ("korbench/logic", "trick", "category puzzle alone"),
        ("korbench/logic", "subquestions", "category cipher alone"),
        ("korbench/logic", "mixed", "leave categories out"),
    ):
        with pytest.raises(UsageError, match=problem):
            load_task(name, data=data, params={"setting": setting})
    write_jsonl(data / "mixed" / "Multi-Q.jsonl", [{"idx": 1, "rule_list": [], "question_list": ["tarot_1"]}])
    with pytest.raises(DatasetMalformed, match="Multi-Q 1 names 'tarot_1'"):
        list(load_task("korbench", data=data, params={"setting": "mixed", "parts": "Multi-Q"}).samples())
    (data / "cipher" / "subquestions.json").write_text("[{}]")
    with pytest.raises(DatasetMalformed, match=r"subquestions\.json"):
        load_task("korbench", data=data, params={"setting": "subquestions"})


def mixed_sample(*questions: tuple[str, int, str]) -> Sample:
    about = [
        {"id": f"{c}/{i}", "category": c, "rule_id": f"{c}/{(i - 1) // 10 + 1}", "idx": i, "question": "?"}
        for c, i, _ in questions
    ]
    golds = {f"question{n}": gold for n, (_, _, gold) in enumerate(questions, 1)}
    return Sample("m", "", json.dumps(golds), metadata={"questions": about})


TWO = (("cipher", 1, "[[A]]"), ("logic", 1, "[[B]]"))
MATHS = (("operation", 152, "[[e+1]]"),)
MIXED = [
    # questions, reply, (accuracy, pass rate) by the official rule and by the robust one
    (TWO, '{"question1": "[[A]]", "question2": "[[B]]"}', (1, 1), (1, 1)),
    (TWO, '{"question2": "[[B]]", "question1": "[[A]]"}', (0, 0), (1, 1)),  # the official rule goes by order
    (TWO, '{"question1": "[[A]]"}', (0, 0.5), (0, 0.5)),
    (TWO, '{"question1": [[A]], "question2": [[B]]}', None, (1, 1)),  # no JSON
    (TWO, '{"question1": "A", "question2": "B"}', (0, 0), (1, 1)),
    (TWO, "Rule {1}: {'question1': '[[A]]'}", None, (0, 0.5)),
    (TWO, 'So: {"question1": "[[C]]"} no, {"question1": "[[A]]", "question2": "[[B]]"}', None, (1, 1)),
    (TWO, '```json\n{"question1":\n "[[A]]",\x0b "question2": "[[\tB]]"}\n```', (1, 1), (1, 1)),
    (TWO, '<think>{"question1": "[[A]]"}</think>{}', None, None),
    (TWO, "none", None, None),
    (MATHS, '{"question1": "[[1+e]]"}', (0, 0), (1, 1)),  # never handed to computer algebra
    (MATHS, '{"question1": "[[e+1]]"}', (1, 1), (1, 1)),
    ((("operation", 178, "[[{x≤0 or x≥1}]]"),), '{"question1": "[[x≥0 or x≤1]]"}', (1, 1), (0, 0)),  # sorted characters
    ((("puzzle", 1, "[[nine]]"),), '{"question1": "nine"}', (0, 0), (1, 1)),
    ((("operation", 1, "[[2]]"),), '{"question1": [[2]]}', (1, 1), (1, 1)),
    ((("operation", 1, "[[2]]"),), '{"question1": 2}', (0, 0), (1, 1)),
    ((("operation", 1, "[[2]]"),), '{"x": "[[2]]"}', (1, 1), None),
]


@pytest.mark.parametrize(("questions", "reply", "official", "robust"), MIXED)
async def test_mixed_answers_by_order_and_by_key(
    questions: Sequence[tuple[str, int, str]], reply: str, official: tuple[float, float] | None, robust: Any
) -> None:
    task = load_task("korbench", offline=True, params={"setting": "mixed"})
    for mode, expected in (("official", official), ("official-string", official), ("robust", robust)):
        score = await scored(task, mode, mixed_sample(*questions), trajectory(reply))
        found = None if score.value is None else (score.value, score.values["pass_rate"])
        assert found == expected, mode
        assert score.outcome is (Outcome.UNPARSED if expected is None else Outcome.SCORED)


@pytest.mark.parametrize("mode", ["official", "robust"])
@pytest.mark.parametrize(
    "reply", ["{" * 100_000 + "}", '{"question1":' * 20_000 + "}" * 20_000, '{"question1": ' + "9" * 50_000 + "}"]
)
async def test_hostile_objects_are_no_answers(mode: str, reply: str) -> None:
    task = load_task("korbench", offline=True, params={"setting": "mixed"})
    assert (await scored(task, mode, mixed_sample(*TWO), trajectory(reply))).value in (None, 0)


class Told(Counting):
    """A model that answers in order, and keeps what it was shown."""

    def __init__(self, *replies: str) -> None:
        left = iter(replies)
        super().__init__(lambda request: Response(next(left), finish_reason="stop"))


def test_self_correction_keeps_the_extracted_text_and_stops_when_right(data: Path, tmp_path: Path) -> None:
    params = {"setting": "self-correction", "subset": "counterfactual", "judge": "official-string"}
    task = load_task("korbench", data=data, params=params)
    model = Told("I think [[ A ]] it is.", "Nothing.", "It is [[B]].")
    run(tmp_path / "r", model, task, mode="official-string")
    prompt = one(task, "counterfactual/1").messages[0]
    assert [r.messages for r in model.requests][-1] == (
        prompt,
        Message("assistant", "[[A]]"),
        Message("user", "Not so."),
        Message("assistant", "NULL"),
        Message("user", "Not so."),
    )
    (row,) = attempts(tmp_path / "r").iter_rows(named=True)
    values = json.loads(row["values"])
    assert [values[f"round_{n}"] for n in (1, 2, 3, 4, 5)] == [0, 0, 1, 1, 1]
    assert (row["value"], values["rounds"], values["real_life"]) == (1, 3, 0)


def test_self_correction_ends_after_five_replies_and_may_recall_the_needle(data: Path, tmp_path: Path) -> None:
    params = {"setting": "self-correction-with-needle", "subset": "counterfactual"}
    model = Told(*(f"[[{letter}]]" for letter in "ACDAC"))
    run(tmp_path / "r", model, load_task("korbench", data=data, params=params))
    assert len(model.requests) == 5
    assert {m.text for m in model.requests[-1].messages[2::2]} == {"One sentence.\nAnother.\nNot so."}
    (row,) = attempts(tmp_path / "r").iter_rows(named=True)
    assert (row["value"], json.loads(row["values"])["round_5"]) == (0, 0)


def test_a_manifest_makes_the_same_task_again(data: Path) -> None:
    for setting in ("mixed", "trick", "subquestions", "self-correction", "self-correction-with-needle"):
        params = {"setting": setting} | ({"parts": "Multi-Q"} if setting == "mixed" else {})
        task = load_task("korbench", data=data, params=params)
        again = load_task(task.name, data=data, params=json.loads(json.dumps(dict(task.params))))
        assert (again.params, again.dataset, list(again.samples())) == (task.params, task.dataset, list(task.samples()))
        offline = load_task(task.name, data=data, params=dict(task.params), offline=True)
        assert offline.params == task.params


# Against the owners' own results.


def test_the_further_digests_are_those_of_the_owners_files(shared_data: Path) -> None:
    pinned = korbench_data._MORE_DIGESTS
    found = {path: sha256((shared_data / "korbench" / path).read_bytes()).hexdigest() for path in pinned}
    assert found == pinned


def real(shared_data: Path, setting: str) -> tuple[Task, list[dict[str, Any]], dict[str, Sample]]:
    folder = shared_data / "korbench"
    task = load_task("korbench", data=folder, params={"setting": setting})
    file = folder / f"responses_{setting.replace('-', '_')}.parquet"
    return task, list(pl.read_parquet(file).iter_rows(named=True)), {s.id: s for s in task.samples()}


async def test_mixed_verdicts_and_their_parts_are_the_stored_ones(shared_data: Path) -> None:
    """Accuracy, pass rate and every sub-verdict, extracted texts included; and the published figures."""
    task, rows, samples = real(shared_data, "mixed")
    assert task.rows is not None
    counts: Counter[str] = Counter()
    right: Counter[str] = Counter()
    passed: dict[str, float] = {}
    for row in rows:
        sample = samples[task.rows.sample_id(row)]
        sample = msgspec.structs.replace(sample, target=task.rows.target(row) or sample.target)
        score = await scored(task, "official-string", sample, trajectory(row["response"], None))
        assert (score.value == 1) == row["official_correct"], (row["model"], sample.id)
        assert score.values.get("pass_rate", 0) == pytest.approx(row["pass_rate"], abs=1e-12)
        stored = json.loads(row["details"])
        assert (score.value is None) == (stored is None)
        for ours, theirs in zip(score.trace["details"] if stored else (), stored or (), strict=True):
            assert ours["question"] == theirs["question"].replace("_", "/")
            assert {key: ours[key] for key in theirs if key != "question"} == {
                key: value for key, value in theirs.items() if key != "question"
            }, (row["model"], sample.id)
            counts["parts"] += 1
        for group in (row["model"], f"{row['model']} {row['part']}"):
            right[group] += score.value == 1
            passed[group] = passed.get(group, 0.0) + score.values.get("pass_rate", 0)
        counts["rows"] += 1
    assert counts == {"rows": 12_000, "parts": 23_107}
    published = {
        "DeepSeek-V2.5": (21.23, 31.12),
        "gpt-4o": (21.80, 29.40),
        "gpt-4o Multi-Q": (15.00, 25.39),
        "gpt-4o Multi-R": (31.20, 31.20),
        "gpt-4o Multi-RQ": (19.20, 31.62),
    }
    for group, (accuracy, pass_rate) in published.items():
        n = 1000 if " " in group else 3000
        assert 100 * right[group] / n == pytest.approx(accuracy, abs=0.0051), group
        assert 100 * passed[group] / n == pytest.approx(pass_rate, abs=0.0051), group


@pytest.mark.parametrize(
    ("setting", "mode", "published"),
    [
        (
            "self-correction",
            "official",
            {
                "gpt-4o": 68.24,
                "DeepSeek-V2.5": 60.48,
                "Qwen2.5-7B-Instruct": 53.68,
                "Meta-Llama-3.1-8B-Instruct": 49.36,
            },
        ),
        ("subquestions", "official", {"gpt-4o": 32.17, "DeepSeek-V2.5": 24.64}),
        ("trick", "official", {"gpt-4o": 100 * 41 / 250, "DeepSeek-V2.5": 100 * 23 / 250}),
    ],
)
async def test_published_figures_of_the_other_settings(
    shared_data: Path, setting: str, mode: str, published: dict[str, float]
) -> None:
    task, rows, samples = real(shared_data, setting)
    assert task.rows is not None
    if setting == "self-correction":
        task = load_task("korbench", data=shared_data / "korbench", params={"setting": setting, "final_only": True})
    assert task.rows is not None
    right: Counter[str] = Counter()
    n: Counter[str] = Counter()
    asked: dict[str, set[str]] = {}
    for row in rows:
        name = task.rows.sample_id(row)
        assert name not in asked.setdefault(row["model"], set())
        asked[row["model"]].add(name)
        assert (samples[name].metadata.get("step_type") == row["step_type"]) if "step_type" in row else True
        sample = msgspec.structs.replace(samples[name], target=task.rows.target(row) or "")
        n[row["model"]] += 1
        right[row["model"]] += (await scored(task, mode, sample, trajectory(row["response"], None))).value == 1
    assert all(names == set(samples) for names in asked.values())
    for model, figure in published.items():
        assert 100 * right[model] / n[model] == pytest.approx(figure, abs=0.0051), model


@pytest.mark.parametrize("setting", ["mixed", "trick", "subquestions", "self-correction"])
def test_stored_rows_are_checked_and_imported_from_the_command_line(
    shared_data: Path, tmp_path: Path, setting: str
) -> None:
    from typer.testing import CliRunner

    folder = shared_data / "korbench"
    whole = pl.read_parquet(folder / f"responses_{setting.replace('-', '_')}.parquet")
    file = tmp_path / "rows.parquet"
    whole.filter(pl.col("model") == "gpt-4o").write_parquet(file)
    common = [
        "-t",
        f"setting={setting}",
        "--mode",
        "official-string",
        "--data",
        str(shared_data / "korbench"),
        "--json",
    ]
    conform = ["conform", "korbench", "--responses", str(file), "--verdict", "official_correct", *common]
    found = CliRunner().invoke(app, conform)
    assert found.exit_code == 0, found.output
    facts = json.loads(found.stdout)
    assert facts["agreed"] == facts["n"] == pl.read_parquet(file).height
    out = tmp_path / "runs"
    done = CliRunner().invoke(app, ["import", "responses", str(file), "--task", "korbench", "--out", str(out), *common])
    assert done.exit_code == 0, done.output
    (made,) = out.iterdir()
    frame = attempts(made)
    assert frame.height == facts["n"]
    assert frame["value"].sum() == pl.read_parquet(file)["official_correct"].sum()
    assert "round_1" not in "".join(frame["values"].drop_nulls())  # stored rows do not say their round
