"""SuperGPQA on questions of our own: prompts, counting, and the check of a copy against the published counts."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assay.benchmarks.registry import load_task
from assay.benchmarks.supergpqa.taxonomy import DIFFICULTIES, FIELDS, QUESTIONS, SUBFIELDS
from assay.engine.preflight import preflight
from assay.errors import DatasetMalformed, DatasetNotFound, UsageError
from assay.measure.metrics import estimates
from assay.protocols import plain_completion
from assay.records import Call, Outcome, Request, Response, Sample, Score, Trajectory
from assay.task import Task
from tests.measure.frames import attempts

OPTIONS = ("Copper", "Tin", "Zinc", "Lead", "Iron")


def row(number: int, discipline: str, field: str, subfield: str, difficulty: str = "easy") -> dict[str, Any]:
    letter = "ABCDE"[number % 5]
    return {
        "uuid": f"{number:032x}",
        "question": f"Which metal is number {number} on our shelf?",
        "options": list(OPTIONS),
        "answer": OPTIONS[number % 5],
        "answer_letter": letter,
        "discipline": discipline,
        "field": field,
        "subfield": subfield,
        "difficulty": difficulty,
        "is_calculation": number % 2 == 0,
    }


def small() -> list[dict[str, Any]]:
    """Three disciplines of unequal size; one subfield has no hard question, and two fields share their name."""
    rng = random.Random(1)
    places = [("Law", "Law", "Tax")] * 20 + [("Law", "Law", "Sea")] * 5 + [("Arts", "Law", "Tax")] * 9
    places += [("Arts", "Music", "Forms")] * 14 + [("Arts", "Music", "Scales")] * 2
    levels = [rng.choice(("easy", "middle", "hard")) for _ in places[:-2]] + ["easy", "middle"]
    return [row(n, *place, level) for n, (place, level) in enumerate(zip(places, levels, strict=True))]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in rows), "utf-8")
    return path


def scored(task: Task, sample: Sample, reply: str, mode: str | None = None) -> Score:
    call = Call("0", Request("m", sample.messages), Response(reply))
    score = task.scorers[mode or task.mode](sample, Trajectory(sample.id, 1, (), (call,)))
    assert isinstance(score, Score)
    return score


@pytest.fixture
def data(tmp_path: Path) -> Path:
    write(tmp_path / "SuperGPQA-all.jsonl", small())
    return tmp_path


async def test_references_score_right_in_both_modes_and_all_settings(data: Path) -> None:
    for setting in ("zero-shot", "zero-shot-with-subfield", "five-shot", "robustness"):
        task = load_task("supergpqa", data=data, params={"setting": setting})
        for mode in task.scorers:
            report = await preflight(task, mode, limit=30)
            assert report.passed
            assert not report.failed
            assert not report.accepted
        assert all(sample.choices == OPTIONS for sample in task.samples())
        assert all("question" in sample.metadata for sample in task.samples())
        assert task.size == len(list(task.samples()))


def test_settings_differ_in_prompt_and_protocol(data: Path) -> None:
    first = {}
    for setting in ("zero-shot", "zero-shot-with-subfield", "five-shot"):
        task = load_task("supergpqa", data=data, params={"setting": setting})
        first[setting] = next(iter(task.samples())).messages[-1].text
        assert (task.protocol is plain_completion) == (setting == "five-shot")
    block = "Which metal is number 0 on our shelf?\nA) Copper\nB) Tin\nC) Zinc\nD) Lead\nE) Iron"
    assert first["zero-shot"].endswith(
        f"'Answer: $LETTER' (no quotation marks), where LETTER is one of A, B, C, D, E, F, G, H, I, J.\n\n{block}"
    )
    assert "multiple choice question about Tax;" in first["zero-shot-with-subfield"]
    assert first["five-shot"].endswith(f"Question:\n{block}\nAnswer: Let's think step by step.")
    assert first["five-shot"].count("Question:") == 6


def test_the_24_variants_differ_and_hold_question_and_options(data: Path) -> None:
    task = load_task("supergpqa", data=data, params={"setting": "robustness"})
    samples = list(task.samples())
    prompts = {sample.messages[-1].text for sample in samples[:24]}
    assert len(prompts) == 24
    assert len({sample.id for sample in samples}) == len(samples) == 24 * len(small()) == task.size
    assert {sample.metadata["variant"] for sample in samples} == {f"{p}-{f}" for p in range(4) for f in range(6)}
    for sample in samples[:24]:
        text, layout = sample.messages[-1].text, sample.metadata["layout"]
        before, after = (("", ") "), ("", ". "), ("", ": "), ("", ") "), ("(", ") "), ("(", ") "))[layout]
        shown = [f"{before}{letter}{after}{option}" for letter, option in zip("ABCDE", OPTIONS, strict=True)]
        assert (" " if layout == 4 else "\n").join(shown) in text
        assert "Which metal is number 0 on our shelf?" in text
        sentence = "The correct answer is: $LETTER" in text
        assert sentence != ("Answer: $LETTER" in text)
        assert sentence == (sample.metadata["wording"] >= 2)
        for reply in (f"Hm.\nAnswer: {sample.target}", f"Hm.\nThe correct answer is: {sample.target}"):
            assert scored(task, sample, reply).value == 1
    assert task.cluster == "uuid"
    single = load_task("supergpqa", data=data, params={"setting": "robustness", "wording": "1", "layout": "4"})
    assert [s.input for s in single.samples()] == [s.input for s in samples if s.metadata["variant"] == "1-4"]
    assert next(iter(single.samples())).id == small()[0]["uuid"]
    for params in ({"wording": "4"}, {"layout": "-1"}):
        with pytest.raises(UsageError, match="will not do"):
            load_task("supergpqa", data=data, params={"setting": "robustness", **params})
    with pytest.raises(UsageError, match="robustness"):
        load_task("supergpqa", data=data, params={"wording": "1"})


def test_owners_prompts_are_used_where_they_lie_beside_the_data(tmp_path: Path) -> None:
    """A checkout: data/SuperGPQA-all.jsonl and config/prompt/*.yaml."""
    write(tmp_path / "data" / "SuperGPQA-all.jsonl", small())
    folder = tmp_path / "config" / "prompt"
    folder.mkdir(parents=True)
    (folder / "zero-shot.yaml").write_text('prompt_format:\n- "Pick {{one}}.\\n\\n{}"\n')
    (folder / "zero-shot-with-subfield.yaml").write_text('prompt_format:\n- "On {}:\\n{}"\n')
    (folder / "robustness-exp.yaml").write_text("".join(f'initial_prompt_{p}:\n- "W{p} {{}}"\n' for p in range(4)))
    texts = {}
    for setting in ("zero-shot", "zero-shot-with-subfield", "robustness"):
        task = load_task("supergpqa", data=tmp_path, params={"setting": setting})
        assert task.version == "1"
        assert task.dataset is not None
        assert not any("our own" in note for note in task.dataset.notes)
        texts[setting] = [sample.messages[-1].text for sample in task.samples()]
    assert texts["zero-shot"][0].startswith("Pick {one}.\n\nWhich metal")
    assert texts["zero-shot-with-subfield"][0].startswith("On Tax:\nWhich metal")
    assert texts["robustness"][23].startswith("W3 **Question**:\nWhich metal")
    ours = load_task("supergpqa", data=tmp_path, params={"setting": "five-shot"})
    assert ours.version == "1-own-prompts"
    assert ours.dataset is not None
    assert any("our own" in note for note in ours.dataset.notes)
    (folder / "zero-shot.yaml").write_text('prompt_format:\n- "no place"\n')
    with pytest.raises(DatasetMalformed, match="1 places"):
        load_task("supergpqa", data=tmp_path)


def test_parquet_says_the_same_as_jsonl(data: Path, tmp_path: Path) -> None:
    pl.DataFrame(small()).write_parquet(tmp_path / "train-00000-of-00001.parquet")
    online = load_task("supergpqa", data=tmp_path / "train-00000-of-00001.parquet")
    assert list(online.samples()) == list(load_task("supergpqa", data=data).samples())


REPLIES = (
    "Answer: {}",
    "The answer is {}.",
    "It is hard to say",
    "answer: {lower}",
    "**Answer**: {}",
    "Answer: {other}",
)


def test_counts_are_those_of_a_plain_loop(data: Path) -> None:
    """All the owners' numbers, against counting with dictionaries; misses count, and so does a lower-case letter."""
    task = load_task("supergpqa", data=data)
    right: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    misses = []
    rows = []
    for number, (sample, one) in enumerate(zip(task.samples(), small(), strict=True)):
        letter = one["answer_letter"]
        kind = (number * 7 + number // 3) % len(REPLIES)
        reply = REPLIES[kind].format(letter, lower=letter.lower(), other="ABCDE"[(number + 1) % 5])
        score = scored(task, sample, reply)
        rows.append((sample.id, 1, str(score.outcome), score.value, score.values, sample.metadata))
        value = float(kind in (0, 1, 4))
        misses.append(float(kind == 2))
        for difficulty in ("", one["difficulty"]):
            right["sample", "", difficulty].append(value)
            for level, key in (
                ("discipline", one["discipline"]),
                ("field", f"{one['discipline']}/{one['field']}"),
                ("subfield", f"{one['discipline']}/{one['field']}/{one['subfield']}"),
            ):
                right[level, key, difficulty].append(value)
    rows.append(("lost", 1, "model_failed", None, {}, small()[0]))

    def expected(level: str, difficulty: str) -> float:
        means = [sum(v) / len(v) for (of, _, at), v in right.items() if of == level and at == difficulty]
        return sum(means) / len(means)

    found = {(e.metric, e.group): e for e in estimates(attempts(rows), task.metrics, cluster=task.cluster)}
    for level in ("sample", "discipline", "field", "subfield"):
        name = "accuracy" if level == "sample" else f"{level} accuracy"
        assert found[name, None].value == pytest.approx(expected(level, ""))
        for difficulty in ("easy", "middle", "hard"):
            assert found[f"{name} by difficulty", difficulty].value == pytest.approx(expected(level, difficulty))
    assert found["accuracy by discipline", "Arts"].n == 25
    assert "4 groups" in found["subfield accuracy by difficulty", "hard"].method
    assert "5 groups" in found["subfield accuracy", None].method
    assert found["miss rate", None].value == pytest.approx(sum(misses) / (len(misses) + 1))
    assert found["error rate", None].value == pytest.approx(1 / (len(misses) + 1))


def test_official_keeps_quirks_that_robust_forgives(data: Path) -> None:
    task = load_task("supergpqa", data=data)
    sample = next(iter(task.samples()))  # the answer is A, Copper
    for reply, official, robust in (
        ("Answer: a", 0, 1),
        ("I think B, no: Answer: A", 1, 1),
        ("The answer to the question is A", None, 1),
        ("Answer: Copper", None, 1),
        ("Answer Copper", 1, None),
        ("I would say it is copper or tin", 0, None),
        ("Answer: B\nOn reflection:\nAnswer: A\nThat is it", 0, 1),
    ):
        assert scored(task, sample, reply, "official").value == official, reply
        score = scored(task, sample, reply, "robust")
        assert score.value == robust, reply
        assert score.values["miss"] == (robust is None)
        assert (score.outcome is Outcome.UNPARSED) == (robust is None)
    base = load_task("supergpqa", data=data, params={"setting": "five-shot"})
    invented = "so copper.\nAnswer: A.\n\nQuestion:\nNext?\nAnswer: B."
    assert scored(base, sample, invented).value == 1
    assert scored(task, sample, invented).value == 0


def test_owners_result_rows_are_scored_with_and_without_the_dataset(data: Path) -> None:
    result = {**small()[3], "prompt": "as sent", "response": "Answer: D", "extracted_answer": "D", "status": "correct"}
    rows = load_task("supergpqa", data=data).rows
    offline = load_task("supergpqa", offline=True, data=None)
    assert rows is not None
    assert rows.sample_id(result) == small()[3]["uuid"]
    assert rows.target(result) == "D"
    made = rows.sample(result)
    assert made is not None
    assert made.input == "as sent"
    assert scored(offline, made, result["response"]).value == 1
    assert made.metadata["subfield"] == "Law/Law/Tax"
    assert rows.sample({"uuid": "1", "response": "x"}) is None


def full() -> list[dict[str, Any]]:
    """26,529 rows with the published counts, made-up questions and subfield names, and difficulties in proportion."""
    names = [(d, f) for d, fields in FIELDS.items() for f in fields]
    extra = SUBFIELDS - len(names)
    rows: list[dict[str, Any]] = []
    levels = random.Random(0).sample([d for d, n in DIFFICULTIES.items() for _ in range(n)], QUESTIONS)
    for place, (discipline, field) in enumerate(names):
        parts = 1 + extra // len(names) + (place < extra % len(names))
        for at in range(FIELDS[discipline][field]):
            rows.append(row(len(rows), discipline, field, f"part {at % parts}", levels[len(rows)]))
    return rows


def test_a_full_copy_must_have_the_published_counts(tmp_path: Path) -> None:
    rows = full()
    path = write(tmp_path / "SuperGPQA-all.jsonl", rows)
    task = load_task("supergpqa", data=tmp_path)
    assert task.size == 26_529
    assert task.dataset is not None
    assert len(task.dataset.notes) == 1  # on prompts only
    moved = next(n for n, one in enumerate(rows) if one["field"] == "Physics")
    rows[moved] |= {"field": "Mathematics"}
    write(path, rows)
    with pytest.raises(
        DatasetMalformed, match=r"Science/Mathematics has 2623 questions, not 2622; Science/Physics has 2844"
    ):
        load_task("supergpqa", data=tmp_path)
    write(path, rows[:-1])
    part = load_task("supergpqa", data=tmp_path)
    assert part.dataset is not None
    assert "26528 of the dataset's 26,529 questions" in part.dataset.notes[0]


def test_what_is_wrong_with_a_copy_is_named(tmp_path: Path) -> None:
    path = tmp_path / "SuperGPQA-all.jsonl"
    for change, problem in (
        ({"uuid": f"{0:032x}"}, "line 2: uuid 0+ stands in an earlier row"),
        ({"answer_letter": "F"}, "line 2: answer_letter 'F' with 5 options"),
        ({"difficulty": "vile"}, "line 2: .*vile"),
        ({"options": ["x"]}, "line 2: answer_letter 'B' with 1 options"),
    ):
        write(path, [small()[0], {**small()[1], **change}])
        with pytest.raises(DatasetMalformed, match=problem):
            load_task("supergpqa", data=tmp_path)
    with pytest.raises(DatasetNotFound, match="holds none of SuperGPQA-all"):
        load_task("supergpqa", data=tmp_path / "nowhere")
    write(path, [{**small()[0], "uuid": "36871e48ae0d4d39856959e1e2658011"}])
    task = load_task("supergpqa", data=path)
    assert task.dataset is not None
    assert any("2025-04-30" in note and "1 of them" in note for note in task.dataset.notes)


def test_without_a_copy_the_message_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_CACHE", str(tmp_path))
    monkeypatch.delenv("ASSAY_DATA", raising=False)
    with pytest.raises(DatasetNotFound, match=r"get SuperGPQA-all\.jsonl from .*--data DIR"):
        load_task("supergpqa")
    assert list(load_task("supergpqa", offline=True).samples()) == []
