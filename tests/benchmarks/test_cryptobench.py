"""CryptoBench: its base sets, its published scorer, and models that follow a script."""

from __future__ import annotations

import json
from functools import partial
from inspect import isawaitable
from math import isclose
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest

from assay.benchmarks.cryptobench import official
from assay.benchmarks.cryptobench.areas import macro_area
from assay.benchmarks.cryptobench.data import split_options
from assay.benchmarks.cryptobench.score import bbh_official_scorer, bbh_scorer, mbpp_official_scorer, mbpp_scorer
from assay.benchmarks.cryptox.levels import evenly_spaced
from assay.benchmarks.registry import load_task
from assay.errors import DatasetMalformed, DatasetNotFound, UsageError
from assay.measure.metrics import estimates
from assay.records import Call, Estimate, Metric, Outcome, Request, Response, Sample, Score, Trajectory
from assay.sandbox.probe import sandbox
from assay.sandbox.program import SandboxUnavailable
from assay.scoring.code import code_scorer
from assay.store.frames import attempts
from assay.task import Scorer, Task
from tests.benchmarks.cryptobench_support import answering, mmlu_rows, value, write, write_sets
from tests.engine.support import Counting, run
from tests.measure.frames import scored


async def score(scorer: Scorer, sample: Sample, reply: str) -> Score:
    call = Call("0", Request("m"), Response(reply, finish_reason="stop"))
    found = scorer(sample, Trajectory(sample.id, 1, (), (call,)))
    return await found if isawaitable(found) else found


def samples(task: Task) -> dict[str, Sample]:
    return {sample.id: sample for sample in task.samples()}


# What is asked


def test_every_set_is_asked_at_every_level(tmp_path: Path) -> None:
    data = write_sets(tmp_path / "checkout" / "data_construct" / "ori_data")
    sizes = {"math": 4, "bbh": 8, "mbpp": 2, "mmlu": 6, "mmlu-num": 6, "mmlu-alpha": 6, "needle": 4}
    hay = {"lengths": "1000,4000", "depths": "0,100"}
    for folder in (data, data.parent, data.parent.parent):
        task = load_task("cryptobench", data=folder, params=hay)
        found = samples(task)
        assert len(found) == task.size == 3 * sum(sizes.values())
        for name, size in sizes.items():
            for level in ("0", "5", "10"):
                assert sum(id_.startswith(f"{name}/") and id_.endswith(f"@w{level}") for id_ in found) == size
    again = load_task(task.name, data=data, params=json.loads(json.dumps(dict(task.params))))
    assert list(again.samples()) == list(task.samples())
    assert again.dataset is not None
    assert task.dataset is not None
    assert again.dataset.digest == task.dataset.digest
    assert load_task("cryptobench", params=task.params, offline=True).params == task.params


def test_words_are_drawn_as_the_owners_draw_them(shared_data: Path, tmp_path: Path) -> None:
    lines = (shared_data / "cryptobench" / "encoder_goldens.jsonl").read_text("utf-8").strip("\n").split("\n")
    goldens = [row for row in map(json.loads, lines) if row["codebook"] == "morse_base"]
    questions = list(dict.fromkeys(row["original"] for row in goldens))
    write(tmp_path, "mmlu_dev_285_hop_1.jsonl", mmlu_rows(1, questions))
    made = samples(load_task("cryptobench/mmlu", data=tmp_path, params={"words": "3,5"}))
    assert len(made) == 2 * len(questions)
    for row in goldens:
        sample = made[f"mmlu/{questions.index(row['original'])}@w{row['words']}"]
        assert f"Question:\n{row['encoded']}\n" in str(sample.input)
        assert sample.metadata["sampled_words"] == row["sampled"]


def test_the_three_hops_are_one_rule_and_one_cluster(tmp_path: Path) -> None:
    data = write_sets(tmp_path)
    plain, number, alpha = (
        samples(load_task(f"cryptobench/{name}", data=data, params={"words": "0"}))
        for name in ("mmlu", "mmlu-num", "mmlu-alpha")
    )
    for at in range(6):
        letter = str(plain[f"mmlu/{at}@w0"].target)
        option = plain[f"mmlu/{at}@w0"].choices["ABCD".index(letter)]
        place = str("ABCD".index(letter) + 1)
        assert number[f"mmlu-num/{at}@w0"].target == place
        assert alpha[f"mmlu-alpha/{at}@w0"].target == place + next(char for char in option if char.isalnum())
        sources = {
            found[key].metadata["base_id"]
            for found, key in ((plain, f"mmlu/{at}@w0"), (number, f"mmlu-num/{at}@w0"), (alpha, f"mmlu-alpha/{at}@w0"))
        }
        assert len(sources) == 1
    assert [alpha[f"mmlu-alpha/{at}@w0"].target for at in range(4)] == ["1A", "2C", "3p", "47"]


def test_worked_examples_are_other_rows_at_the_same_level(tmp_path: Path) -> None:
    data = write_sets(tmp_path)
    bbh = samples(load_task("cryptobench/bbh", data=data))
    for name, shown in (("bbh/4@w0", 0), ("bbh/4@w10", 3)):
        prompt = str(bbh[name].input)
        assert prompt.count("Example ") == 3
        assert prompt.count("Task: Sort the words.") == 4
        assert [word in prompt for word in ("Answer: apple fig pear salt", "Answer: apple fig pear rice")] == [
            True,
            False,
        ]
        assert prompt.count(" is SORT\n") == shown
    maths = samples(load_task("cryptobench/math", data=data, params={"shots": "2", "words": "0"}))
    assert str(maths["math/3@w0"].input).count("Pair them up.\nAnswer: ") == 2
    assert "Answer: 21" not in str(maths["math/3@w0"].input)
    mmlu = samples(load_task("cryptobench/mmlu", data=data, params={"shots": "4", "words": "0"}))
    assert str(mmlu["mmlu/0@w0"].input).count("Example ") == 4, "two of its category and two of the next"
    with pytest.raises(UsageError, match="has 6 rows only"):
        list(load_task("cryptobench/mmlu", data=data, params={"shots": "6"}).samples())


def test_math_takes_the_book_with_signs_and_an_ambiguous_one_is_refused(tmp_path: Path) -> None:
    data = write_sets(tmp_path / "data_construct" / "ori_data")
    letters = {char: f"<{char}>" for char in "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"}
    signs = letters | {"$": "<dollar>", "=": "<equals>"}
    rules = {
        "mine": {"rule": letters, "prompt_rule": "Words of the owners."},
        "mine_math": {"rule": signs, "prompt_rule": "With signs."},
        "bad": {"rule": letters},
        "bad_math": {"rule": signs | {">": "<1>", ";": "<1>", "]": "<1>", "{": "<2>"}},
    }
    (tmp_path / "data_construct" / "rules.json").write_text(json.dumps(rules), "utf-8")
    params: dict[str, Any] = {"codebook": "mine", "words": "99"}
    maths = samples(load_task("cryptobench/math", data=data, params=params))
    assert "<dollar>|<X>|<equals>|<3>|<dollar>" in str(maths["math/0@w99"].input)
    assert str(maths["math/0@w99"].input).startswith("With signs.")
    bbh = samples(load_task("cryptobench/bbh", data=data, params=params))
    assert str(bbh["bbh/0@w99"].input).startswith("Words of the owners.")
    with pytest.raises(UsageError, match=r"bad_math .*1, >, ; and \] share a code; 2 and \{ share a code.*compat=true"):
        load_task("cryptobench/math", data=data, params={**params, "codebook": "bad"})
    task = load_task("cryptobench/math", data=data, params={**params, "codebook": "bad", "compat": "true"})
    assert task.dataset is not None
    assert any("ambiguous" in note for note in task.dataset.notes)
    load_task("cryptobench/bbh", data=data, params={**params, "codebook": "bad"})
    plain = load_task("cryptobench/math", data=data)
    assert plain.dataset is not None
    assert any("words with signs stay plain" in note for note in plain.dataset.notes)


def test_levels_in_the_owners_notation_are_a_rounded_linspace(tmp_path: Path) -> None:
    for text in ("0 3 1", "0 4 1", "0.1 7 0.8", "1 3 0", "0.05 2 0.333"):
        start, count, end = text.split()
        wanted = [round(x, 2) for x in np.linspace(float(start), float(end), int(count)).tolist()]
        assert list(evenly_spaced("x", text)) == wanted
    for text in ("0 1 3", "0 0.5 1", "0 3", "0 3 nan", "a b c"):
        with pytest.raises(UsageError, match="start"):
            evenly_spaced("x", text)
    task = load_task("cryptobench/mmlu", data=write_sets(tmp_path), params={"percentages": "0 4 1"})
    assert {sample.metadata["level"] for sample in task.samples()} == {"0", "0.33", "0.67", "1"}
    with pytest.raises(UsageError, match="not both"):
        load_task("cryptobench/mmlu", data=tmp_path, params={"percentages": "0 4 1", "words": "1"})


def test_what_will_not_do_is_said(tmp_path: Path) -> None:
    data = write_sets(tmp_path / "sets")
    for params, problem in (
        ({"subset": "needle", "form": "decode"}, "needle has no form decode"),
        ({"subset": "bbh", "form": "multi-round"}, "bbh has no form multi-round"),
        ({"subset": "mmlu", "form": "multi-round", "words": "0"}, "nothing to decode at level 0"),
        ({"subset": "mmlu", "form": "multi-round", "shots": "1"}, "has none"),
        ({"subset": "needle", "tokens": "words"}, "neither characters/N"),
        ({"subset": "needle", "depths": "0,101"}, "between 0 and 100"),
        ({"subset": "needle", "lengths": "100"}, "exceed 200"),
        ({"codebook": "rot13"}, "no codebook 'rot13'"),
    ):
        with pytest.raises(UsageError, match=problem):
            load_task("cryptobench", data=data, params=params)
    with pytest.raises(DatasetNotFound, match=r"no math_500\.jsonl in .*--data names"):
        load_task("cryptobench/math", data=tmp_path)
    rows = mmlu_rows(3, ["Which?"])
    for change, problem in (
        ({"answer": "9A"}, "none of 4 options"),
        ({"answer": "B"}, "no answer of mmlu-alpha"),
        ({"options": "one, two"}, "options are not lines"),
        ({"question": " "}, "no question"),
    ):
        write(tmp_path, "mmlu_dev_285_hop_3.jsonl", [*rows, {**rows[0], **change}])
        with pytest.raises(DatasetMalformed, match=f"line 2: .*{problem}"):
            list(load_task("cryptobench/mmlu-alpha", data=tmp_path).samples())


def test_options_are_split_at_their_letters() -> None:
    assert split_options("A) one\nB) two\nlines B) of it\nC) three") == ("one", "two\nlines B) of it", "three")
    assert split_options("(A) x\n(B) y") == ("x", "y")
    with pytest.raises(ValueError, match="not lines"):
        split_options("A) only")


# The published scorer


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("Answer: B", "B"),
        ("**Answer:** $\\boxed{B}$", "B"),
        ("The answer is C.\nANSWER :   (B).", "(B)."),
        ("Answer: A\nso the answer must be B", None),
        ("Answer:\n\n B", "B"),
        ("Answer: $\\text{B}$", "B"),
        ("It is B", None),
        ("Answers: B", None),
    ],
)
def test_the_published_rule_reads_the_line_behind_the_last_answer(reply: str, answer: str | None) -> None:
    assert official.answer_of(reply) == answer


def test_the_published_rule_compares_strings() -> None:
    assert all(official.same_option(answer, "2C") for answer in ("2C", "2 C.", "$(2)C$"))
    assert not any(official.same_option(answer, "2C") for answer in ("2c", "2C}", "2C cranial", "C"))
    assert all(official.same_word(answer, "(B)") for answer in ("b", "(b)", " B "))
    assert not official.same_word("B.", "(B)")
    assert [official.is_one_word(gold) for gold in ("(B)", "] )", "yes ", "a b")] == [True, False, True, False]


@pytest.mark.parametrize(
    ("reply", "function"),
    [
        ("Here:\n```python\ndef f(x):\n    return x\n```", "def f(x):\n    return x"),
        ("import math\ndef g(x): return 1\ndef f(x):\n    return g(x)", "def f(x):\n    return g(x)"),
        ("def f(x):\n    if x:\n        return 1\n    return 2", "def f(x):\n    if x:\n        return 1"),
        ("def f(x):\n    print(x)\n", "def f(x):\n    print(x)"),
        ("I will define it", None),
    ],
)
def test_the_published_rule_cuts_out_one_function(reply: str, function: str | None) -> None:
    assert official.function_of(reply) == function


def passes_as_published(program: str, test: str) -> bool:
    """Whether a test of ours passes where code runs with local names that are not its global ones."""
    names: dict[str, Any] = {}
    try:
        exec(program, globals(), names)
        exec(test, globals(), names)
    except Exception:
        return False
    return True


TESTS = ["assert f(0) == 1", "assert f(3) == 6", "assert f(4) == 24"]


@pytest.mark.parametrize(
    ("program", "published", "meant"),
    [
        ("import math\ndef f(x):\n    return math.factorial(x)", 0.0, 1.0),
        ("def f(x):\n    return 1 if x == 0 else x * f(x - 1)", 1 / 3, 1.0),
        ("def f(x):\n    import math\n    return math.factorial(x)", 1.0, 1.0),
        ("def f(x):\n    return 6", 1 / 3, 1 / 3),
        ("def f(x):\n    if x == 0:\n        return 1\n    return x * 2", 1 / 3, 2 / 3),
        ("def f(x:\n    return x", 0.0, 0.0),
    ],
)
async def test_programs_score_the_share_of_their_tests(program: str, published: float, meant: float) -> None:
    try:
        await sandbox()
    except SandboxUnavailable as error:
        pytest.skip(str(error))
    sample = Sample("mbpp/0", "?", program, metadata={"dataset": "mbpp", "tests": TESTS, "imports": []})
    reply = f"So:\n```python\n{program}\n```"
    first, second = await score(mbpp_official_scorer, sample, reply), await score(mbpp_scorer, sample, reply)
    assert value(first) == pytest.approx(published)
    assert value(second) == pytest.approx(meant)
    function = official.function_of(reply)
    assert first.answer == function
    assert function is not None
    assert sum(passes_as_published(function, test) for test in TESTS) / len(TESTS) == pytest.approx(published)
    assert second.values == {"all": float(meant == 1)}


async def test_a_program_that_cannot_be_run_is_no_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    async def none() -> Any:
        raise SandboxUnavailable("there is none")

    monkeypatch.setattr("assay.benchmarks.cryptobench.score.code_scorer", partial(code_scorer, sandbox=none))
    sample = Sample("mbpp/0", "?", "", metadata={"dataset": "mbpp", "tests": TESTS, "imports": []})
    for scorer in (mbpp_official_scorer, mbpp_scorer):
        found = await score(scorer, sample, "```python\ndef f(x):\n    return x\n```")
        assert (found.outcome, found.value) == (Outcome.INFRA_FAILED, None)
        assert (await score(scorer, sample, "I do not know.")).outcome is Outcome.UNPARSED


async def test_answers_of_several_words_are_matched_in_place_of_the_judge() -> None:
    sample = Sample("bbh/0", "?", "apple fig pear", metadata={"dataset": "bbh", "options": ""})
    for scorer in (bbh_official_scorer, bbh_scorer):
        assert (await score(scorer, sample, "Answer: Apple, fig, pear.")).value == 1
        assert (await score(scorer, sample, "Answer: fig apple pear")).value == 0
    told = (await score(bbh_official_scorer, sample, "Answer: apple fig pear")).explanation
    assert "in place of the owners' judge" in (told or "")
    brackets = msgspec.structs.replace(sample, target="] ) }")
    assert (await score(bbh_scorer, brackets, "Answer: ])}")).value == 1
    assert (await score(bbh_scorer, brackets, "Answer: ]))")).value == 0
    listed = {"dataset": "bbh", "options": "(A) Al\n(B) Bo", "question": "Who?"}
    option = msgspec.structs.replace(sample, target="(B)", metadata=listed)
    assert (await score(bbh_official_scorer, option, "Answer: (B) Bo")).value == 0, "the published rule is strict"
    inside = msgspec.structs.replace(option, metadata={"dataset": "bbh", "question": "Who?\n(A) Al\n(B) Bo"})
    unlisted = msgspec.structs.replace(option, metadata={"dataset": "bbh", "question": "Which?"})
    for known in (option, inside, unlisted):
        assert (await score(bbh_scorer, known, "Answer: (B) Bo")).value == 1
        assert (await score(bbh_scorer, known, "Answer: (A)")).value == 0
    assert (await score(bbh_scorer, inside, "It was Bo.\nAnswer: Bo")).value == 1
    assert (await score(bbh_scorer, unlisted, "Answer: (D)")).value == 0


# Models that follow a script


ANSWERS = {f"NUMBER {n} TODAY": "ABCD"[n % 4] for n in range(6)}


def measured(
    folder: Path, task: Task, model: Counting, mode: str | None = None
) -> dict[tuple[str, str | None], Estimate]:
    run(folder, model, task, mode=mode)
    found = estimates(attempts(folder, mode), task.metrics, cluster=task.cluster)
    return {(estimate.metric, estimate.group): estimate for estimate in found}


def test_a_model_that_reads_five_words_loses_the_third_level(tmp_path: Path) -> None:
    task = load_task("cryptobench/mmlu", data=write_sets(tmp_path / "sets"))
    for mode in ("official", "robust"):
        found = measured(tmp_path / mode, task, Counting(answering(ANSWERS, most_words=5)), mode)
        assert [found["accuracy", level].value for level in ("0", "5", "10")] == [1, 1, 0]
        assert found["auc", None].value == pytest.approx(5 * 1 + 5 * 0.5)
        assert found["auc_normalised", None].value == pytest.approx(0.75)
        assert found["auc", None].clusters == 6


def test_a_decoder_is_scored_on_what_it_decodes(tmp_path: Path) -> None:
    task = load_task("cryptobench/mmlu", data=write_sets(tmp_path / "sets"), params={"form": "decode", "shots": "2"})
    assert task.mode == "robust"
    found = measured(tmp_path / "run", task, Counting(answering({}, most_words=5)))
    assert [found["exact", level].value for level in ("0", "5", "10")] == [1, 1, 0]
    near = [found["similarity", level].value or 0 for level in ("0", "5", "10")]
    assert near[:2] == [1, 1]
    assert 0.1 < near[2] < 0.9


def test_two_turns_are_a_decoding_and_an_answer_to_it(tmp_path: Path) -> None:
    task = load_task("cryptobench", data=write_sets(tmp_path / "sets"), params={"form": "multi-round"})
    assert [metric.name for metric in task.metrics[:3]] == ["accuracy (mmlu)", "auc (mmlu)", "auc_normalised (mmlu)"]
    one = load_task("cryptobench/mmlu", data=tmp_path / "sets", params={"form": "multi-round"})
    model = Counting(answering(ANSWERS, most_words=5))
    found = measured(tmp_path / "run", one, model)
    asked = model.requests
    assert {len(request.messages) for request in asked} == {1, 3}
    assert not any("Cranial" in request.messages[0].text for request in asked), "options come in the second turn"
    assert all("Cranial" in request.messages[2].text for request in asked if len(request.messages) == 3)
    assert [found["accuracy", level].value for level in ("5", "10")] == [1, 0]
    assert [found["decoded", level].value for level in ("5", "10")] == [1, 0]
    assert ("accuracy", "0") not in found
    assert found["auc", None].value == pytest.approx(2.5)


def test_all_sets_together_are_reported_one_by_one(tmp_path: Path) -> None:
    data = write_sets(tmp_path / "sets")
    params = {"datasets": "mmlu,mmlu-num,bbh", "words": "0,5,10", "shots": "0"}
    task = load_task("cryptobench", data=data, params=params)
    assert (task.mode, list(task.scorers)) == ("official-without-judge", ["official-without-judge", "robust"])
    found = measured(tmp_path / "run", task, Counting(answering(ANSWERS, most_words=5)))
    assert [found["accuracy (mmlu)", level].value for level in ("0", "5", "10")] == [1, 1, 0]
    assert [found["accuracy (mmlu-num)", level].value for level in ("0", "5", "10")] == [0, 0, 0]
    areas = {name: found[f"auc ({name})", None] for name in ("mmlu", "mmlu-num", "bbh")}
    assert macro_area(areas).value == pytest.approx(7.5 / 3)


# Areas


def test_the_published_scores_of_o1_have_the_area_that_follows_from_them() -> None:
    published = {"0": 0.9699, "5": 0.8966, "10": 0.8448}
    rows = [(level, value) for level, value in published.items() for _ in range(2)]
    frame = scored([value for _, value in rows], metadata=[{"level": level} for level, _ in rows])
    metrics = [Metric("auc", kind="auc", along="level"), Metric("per span", kind="auc", along="level", normalised=True)]
    raw, relative = (estimate.value for estimate in estimates(frame, metrics, cluster=None))
    assert raw is not None
    assert relative is not None
    assert isclose(raw, 9.01975)
    assert round(raw, 2) == 9.02
    assert isclose(relative, raw / 10)
    assert round(raw / 2, 2) == 4.51, "the mean of the two intervals, the scale that the published areas seem to have"


def area(name: str, value: float | None, se: float | None) -> Estimate:
    return Estimate(name, None, value, 10, 10, None, se, None, None, 0.95, "", {"scored": 10}, kind="auc")


def test_a_macro_mean_adds_the_errors_of_sets_that_share_their_questions() -> None:
    found = macro_area(
        {"math": area("auc", 6.0, 0.3), "mmlu": area("auc", 3.0, 0.2), "mmlu-num": area("auc", 0.0, 0.2)}
    )
    assert found.value == pytest.approx(3.0)
    assert found.se == pytest.approx((0.3**2 + 0.4**2) ** 0.5 / 3)
    assert found.upper == pytest.approx(3.0 + 1.959964 * 0.5 / 3, abs=1e-5)
    assert (found.metric, found.n, found.denominator) == ("macro auc", 30, {"scored": 30})
    assert macro_area({"math": area("auc", None, None), "bbh": area("auc", 1.0, 0.1)}).value is None
    assert macro_area({"math": area("auc", 2.0, None), "bbh": area("auc", 1.0, 0.1)}).se is None
    for bad in ({}, {"a": area("auc", 1, 1), "b": area("auc_normalised", 1, 1)}):
        with pytest.raises(UsageError, match="areas"):
            macro_area(bad)


def test_areas_by_set_leave_no_attempt_out(tmp_path: Path) -> None:
    task = load_task("cryptobench/mmlu", data=write_sets(tmp_path / "sets"))
    run(tmp_path / "run", Counting(lambda request: "I would rather not say."), task)
    frame = attempts(tmp_path / "run", None)
    assert frame.filter(pl.col("outcome") == "unparsed").height == 18
    found = estimates(frame, task.metrics, cluster=task.cluster)
    assert [estimate.value for estimate in found] == [0, 0, 0, 0, 0]
    assert all(estimate.n in (6, 18) for estimate in found)
