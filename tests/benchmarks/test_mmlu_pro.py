"""MMLU-Pro: prompts on questions of our own, extraction by table, and the owners' stored predictions and verdicts."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assay.benchmarks.mmlu_pro.score import first_look, three_looks
from assay.benchmarks.registry import load_task
from assay.engine.preflight import preflight
from assay.engine.rows import RowReader
from assay.errors import DatasetMalformed, DatasetNotFound
from assay.measure.conformance import compare_verdicts
from assay.protocols import plain_completion, single_question
from assay.records import Call, Outcome, Request, Response, Sample, Score, Trajectory
from assay.task import Task

ITEMS: list[dict[str, Any]] = [
    {"question_id": 7, "question": "What do bees make?", "options": ["Wax", "Silk", "N/A", "N/A"], "answer": "A"},
    {"question_id": 9, "question": "Which is prime?", "options": ["8", "9", "11", "15"], "answer": "C"},
    {"question_id": 12, "question": "Which is even?", "options": ["8", "9", "11", "15"], "answer": "A"},
]
for _at, _item in enumerate(ITEMS):
    _item |= {"answer_index": "ABCD".index(_item["answer"]), "category": "maths" if _at else "biology", "src": "ours"}
EXAMPLES = [
    {
        **ITEMS[1],
        "question_id": number,
        "question": f"Example {number} of {category}?",
        "category": category,
        "cot_content": f"A: Let's think step by step. It is {number}. The answer is (C).",
    }
    for number, category in enumerate(["biology"] * 6 + ["maths"] * 5)
]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    write(tmp_path / "test.jsonl", ITEMS)
    write(tmp_path / "validation.jsonl", EXAMPLES)
    return tmp_path


def scored(task: Task, sample: Sample, reply: str, mode: str | None = None) -> Score:
    call = Call("0", Request("m", sample.messages), Response(reply))
    score = task.scorers[mode or task.mode](sample, Trajectory(sample.id, 1, (), (call,)))
    assert isinstance(score, Score)
    return score


async def test_references_score_right_in_every_mode_and_setting(data: Path) -> None:
    for setting in ("zero-shot", "five-shot", "five-shot-chat"):
        task = load_task("mmlu_pro", data=data, params={"setting": setting})
        assert task.size == 3
        for mode in task.scorers:
            report = await preflight(task, mode)
            assert report.references == 3
            assert report.failed == report.accepted == ()
            assert mode == "official" or report.passed  # the owners read "I" and "A" in replies that answer nothing


def test_samples_lose_their_padding_and_keep_question_choices_and_category(data: Path) -> None:
    task = load_task("mmlu_pro", data=data)
    first, second, _ = task.samples()
    assert (first.id, first.target, first.choices) == ("7", "A", ("Wax", "Silk"))
    assert second.metadata == {"question": "Which is prime?", "category": "maths", "src": "ours"}
    text = second.messages[-1].text
    assert text.startswith("Question:\nWhich is prime?\nOptions:\nA. 8\nB. 9\nC. 11\nD. 15\n")
    assert text.endswith("X being one of A, B, C, D.")
    pl.DataFrame(ITEMS).write_parquet(data / "items.parquet")
    assert list(load_task("mmlu_pro", data=data / "items.parquet").samples()) == list(task.samples())


def test_five_shots_are_of_the_category_and_end_open(data: Path) -> None:
    task = load_task("mmlu_pro", data=data, params={"setting": "five-shot"})
    assert task.protocol is plain_completion
    assert task.sampling.stop == ("Question:",)
    assert load_task("mmlu_pro", data=data, params={"setting": "five-shot-chat"}).protocol is single_question
    biology, maths, _ = (sample.messages[-1].text for sample in task.samples())
    assert re.findall(r"Example (\d+) of (\w+)\?", biology) == [(str(n), "biology") for n in range(5)]
    assert {category for _, category in re.findall(r"Example (\d+) of (\w+)\?", maths)} == {"maths"}
    assert "questions about maths, " in maths
    assert "D. 15\nAnswer: Let's think step by step. It is 6. The answer is (C).\n\nQuestion:\n" in maths
    assert maths.endswith("Which is prime?\nOptions:\nA. 8\nB. 9\nC. 11\nD. 15\nAnswer: Let's think step by step.")
    assert task.version == "1-own-prompts"
    (data / "cot_prompt_lib").mkdir()
    (data / "cot_prompt_lib" / "initial_prompt.txt").write_text("Expert in {$}, {$}!")
    owners = load_task("mmlu_pro", data=data, params={"setting": "five-shot"})
    assert owners.version == "1"
    assert next(iter(owners.samples())).messages[-1].text == biology.replace(
        biology.partition("\nQuestion:")[0], "Expert in biology, biology!", 1
    )
    (data / "validation.jsonl").unlink()
    with pytest.raises(DatasetNotFound, match="no validation split beside"):
        load_task("mmlu_pro", data=data, params={"setting": "five-shot"})


@pytest.mark.parametrize(
    ("reply", "first", "three"),
    [
        ("So the answer is (C). No, the answer is (D).", "C", "C"),
        ("The answer is B", "B", "B"),
        ("The answer is Boron. Answer: C", "B", "B"),
        ("The answer is: B", None, "B"),
        ("Answer: A\nAnswer: B", None, "A"),
        ("Answer: A, or answer: B\nAnswer: C", None, "B"),
        ("Answer: Answer: B", None, "B"),
        ("Final Answer:\n\n  D", None, "D"),
        ("ANSWER: D, says E", None, "E"),
        ("It was a dog. I think", None, "I"),
        ("Both B and C; C it is.", None, "C"),
        ("B2, K and AB", None, None),
        ("", None, None),
    ],
)
def test_looks_with_their_quirks(reply: str, first: str | None, three: str | None) -> None:
    assert [found and found.text for found in (first_look(reply), three_looks(reply))] == [first, three]


def test_looks_are_those_of_the_owners_expressions() -> None:
    """Linear scans against the expressions that they stand for, on random texts of awkward pieces."""
    pieces = ("Answer:", "answer:", "answer is ", "(", ")", "A", "B", "J", "K", " ", "\n", "a", "_", ".", "é", "1")
    rng = random.Random(11)
    for _ in range(20_000):
        text = "".join(rng.choices(pieces, k=rng.randint(0, 12)))
        found = (
            re.search(r"answer is \(?([A-J])\)?", text)
            or re.search(r".*[aA]nswer:\s*([A-J])", text)
            or re.search(r"\b([A-J])\b(?!.*\b[A-J]\b)", text, re.DOTALL)
        )
        ours = three_looks(text)
        assert (ours and ours.text) == (found and found[1]), text


@pytest.mark.parametrize("unit", ["answer: ", "Answer:\n", "A ", "I", "answer is (", " \n"])
def test_hostile_replies_cost_linear_time(unit: str) -> None:
    three_looks(unit * (400_000 // len(unit)))  # quadratic time would take hours


def test_rows_that_hold_their_question_are_scored_without_the_dataset() -> None:
    rows = load_task("mmlu_pro", offline=True).rows
    assert rows is not None
    row = {**ITEMS[0], "model_outputs": "The answer is (A).", "pred": "A"}
    made = rows.sample(row)
    assert made is not None
    assert (made.id, made.target, made.choices) == ("7", "A", ("Wax", "Silk"))
    assert rows.sample({"question_id": 7, "response": "x"}) is None
    assert rows.target(row) == "A"


def test_what_is_wrong_with_a_copy_is_named(data: Path) -> None:
    for change, problem in (
        ({"question_id": 7}, "line 2: question_id 7 stands in an earlier row"),
        ({"answer": "E"}, "line 2: answer 'E' is not the letter"),
        ({"answer_index": 0}, "line 2: answer 'C' is not the letter"),
        ({"options": ["8", "N/A", "11", "15"]}, "line 2: answer 'C' is not the letter"),
        ({"options": "8"}, "line 2: .*array"),
    ):
        write(data / "test.jsonl", [ITEMS[0], {**ITEMS[1], **change}])
        with pytest.raises(DatasetMalformed, match=problem):
            load_task("mmlu_pro", data=data)


# Against the owners' own results.

FIRST_LOOK_ONLY = frozenset(
    {
        *("Llama-2-7b-hf", "Mistral-7B-Instruct-v0.2", "Mixtral-8x7B-Instruct-v0.1"),
        *("Phi-3-mini-4k-instruct", "Qwen1.5-72B-Chat", "Yi-6B"),
    }
)
"""Models whose result files are older than the second and third look."""
GUESS_STORED = frozenset(("Meta-Llama-3_1-8B", "Meta-Llama-3_1-8B-Instruct", "Meta-Llama-3_1-70B-Instruct"))
"""Models whose result files hold the owners' random guess as the prediction where nothing was found."""


def test_every_stored_prediction_is_reproduced(shared_data: Path) -> None:
    """15,040 of 15,040: by the looks that its file was made with, or as the guess that the owners' seed gives."""
    task = load_task("mmlu_pro", data=shared_data / "mmlu_pro")
    samples = {sample.id: sample for sample in task.samples()}
    assert len(samples) == 12_032
    assert task.dataset is not None
    assert not any("of the dataset's" in note for note in task.dataset.notes)
    guess = random.Random(12345).choice("ABCDEFGHIJ")
    kinds: Counter[str] = Counter()
    for row in pl.read_parquet(shared_data / "mmlu_pro" / "responses.parquet").iter_rows(named=True):
        mode = "official-first" if row["model"] in FIRST_LOOK_ONLY else "official"
        score = scored(task, samples[str(row["question_id"])], row["response"], mode)
        guessed = score.answer is None and row["model"] in GUESS_STORED
        assert row["official_pred"] == (guess if guessed else score.answer), (row["model"], row["question_id"])
        kinds["guess" if guessed else "nothing" if score.answer is None else "letter"] += 1
        assert (score.outcome is Outcome.UNPARSED) == (score.answer is None)
    assert kinds == {"letter": 13_429, "nothing": 1_408, "guess": 203}


async def test_verdicts_differ_where_the_gold_changed_or_a_guess_hit(shared_data: Path) -> None:
    folder = shared_data / "mmlu_pro"
    task = load_task("mmlu_pro", data=folder)
    reader = RowReader({}, lambda params: task)
    for mode, floor in (("official", 13_606), ("robust", 13_449)):
        found = await compare_verdicts(reader, folder / "responses.parquet", "official_correct", mode, lambda: None)
        assert found.left_out == {"no official verdict": 1_408}
        assert found.confusion.total() == 13_632
        assert found.confusion[True, True] + found.confusion[False, False] >= floor
        if mode == "official":
            reasons = Counter("guess" if row["answer"] is None else "gold" for row in found.disagreements)
            assert reasons == {"guess": 18, "gold": 8}
            assert all(row["gold"] == "G" for row in found.disagreements if row["answer"] is None)


def test_stored_verdicts_follow_from_stored_predictions_but_for_changed_gold_answers(shared_data: Path) -> None:
    """All 120,300 rows but 31, which were judged by the gold answer of a result file's time."""
    folder = shared_data / "mmlu_pro"
    gold = {int(sample.id): sample.target for sample in load_task("mmlu_pro", data=folder).samples()}
    differing: dict[int, list[bool]] = {}
    rows = pl.read_parquet(folder / "verdicts.parquet")
    assert rows.height == 120_300
    for model, question, pred, right in rows.iter_rows():
        assert (pred is None) == (right is None)
        if pred is not None and right != (pred == gold[question]):
            assert model in GUESS_STORED | {"gemini-1.5-flash-002"}  # the files that are newer than the others
            differing.setdefault(question, []).append(right)
    assert len(differing) == 25
    assert Counter(right for found in differing.values() for right in found) == {True: 30, False: 1}
