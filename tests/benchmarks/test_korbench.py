"""KOR-Bench's loader, prompts and outcomes."""

from __future__ import annotations

import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from assay.benchmarks.korbench import data as korbench_data
from assay.benchmarks.korbench import maths
from assay.benchmarks.registry import load_task
from assay.errors import DatasetMalformed, DatasetNotFound, MissingDependency, UsageError
from assay.records import Outcome
from assay.scoring.workers import WorkerTimedOut
from assay.task import Task
from tests.benchmarks.korbench_support import sample, scored, trajectory, write_dataset

BOTH = {"categories": "operation,counterfactual"}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_dataset(tmp_path / "data")


@pytest.fixture(scope="module")
def task() -> Task:
    return load_task("korbench", offline=True, params={"categories": "operation"})


def test_samples_carry_prompt_gold_and_what_metrics_need(data: Path) -> None:
    task = load_task("korbench", data=data, params=BOTH)
    samples = {s.id: s for s in task.samples()}
    assert list(samples) == ["operation/1", "operation/2", "operation/11", "counterfactual/1"]
    assert task.size == 4
    assert samples["operation/11"].input == "R: a&b = {a, b}\u2028(a set)\nQ: Compute {1}&{2}.\n"
    assert samples["operation/11"].target == "[[3]]"
    assert samples["operation/11"].metadata["rule_id"] == "operation/2"
    assert samples["counterfactual/1"].metadata["real_life_answer"] == "[[A]]"
    assert task.dataset is not None
    assert task.dataset.licence == "Apache-2.0"
    assert [s.id for s in task.samples()] == list(samples)


def test_three_shot_prompts_hold_the_rules_own_examples(data: Path) -> None:
    task = load_task("korbench", data=data, params=BOTH | {"setting": "three-shot"})
    prompt = next(s.input for s in task.samples() if s.id == "operation/11")
    examples = "".join(f"Q: Q{n}\nA: [[{n}]]\n" for n in range(3))
    assert prompt == f"R: a&b = {{a, b}}\u2028(a set)\n{examples}Q: Compute {{1}}&{{2}}.\n"


def test_a_category_can_be_asked_alone_and_a_checkout_of_the_owners_will_do(data: Path, tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    (checkout / "config").mkdir(parents=True)
    data.rename(checkout / "data")
    (checkout / "data" / "prompt").rename(checkout / "config" / "prompt")
    task = load_task("korbench/counterfactual", data=checkout)
    assert [s.id for s in task.samples()] == ["counterfactual/1"]
    with pytest.raises(DatasetNotFound, match=r"no logic/rule.jsonl in the checkout"):
        load_task("korbench/logic", data=checkout)


def test_the_digest_changes_with_the_bytes_used_only(data: Path) -> None:
    def digest() -> str | None:
        dataset = load_task("korbench/operation", data=data).dataset
        return dataset.digest if dataset else None

    before = digest()
    (data / "counterfactual" / "sample.jsonl").write_text("{}")
    assert digest() == before
    with (data / "operation" / "sample.jsonl").open("a") as file:
        file.write("\n")
    assert digest() != before


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("{not json", "line 4"),
        ('{"idx": "12", "rule_id": "1", "question": "?"}', "line 4.*answer"),
        ('{"idx": "12", "rule_id": "9", "question": "?", "answer": "!"}', "line 4: there is no rule 9"),
        ('{"idx": "11", "rule_id": "1", "question": "?", "answer": "!"}', "line 4: item 11 was there before"),
        ('{"idx": "x", "rule_id": "1", "question": "?", "answer": "!"}', "line 4.*int"),
        ("[1]", "line 4"),
    ],
)
def test_a_malformed_line_is_named(data: Path, line: str, complaint: str) -> None:
    path = data / "operation" / "sample.jsonl"
    path.write_text(path.read_text("utf-8") + line + "\n", "utf-8")
    task = load_task("korbench/operation", data=data)
    with pytest.raises(DatasetMalformed, match=complaint) as error:
        list(task.samples())
    assert str(path) in str(error.value)


def test_templates_that_do_not_fit_are_refused(data: Path) -> None:
    path = data / "prompt" / "zero-shot.yaml"
    path.write_text("operation_prompt_format: ['only {}']")
    with pytest.raises(DatasetMalformed, match="1 places for 2 texts"):
        list(load_task("korbench/operation", data=data).samples())
    path.write_text("operation_prompt_format: [")
    with pytest.raises(DatasetMalformed, match="not valid YAML"):
        list(load_task("korbench/operation", data=data).samples())
    path.write_text("nothing: here")
    with pytest.raises(DatasetMalformed, match="operation_prompt_format"):
        list(load_task("korbench/operation", data=data).samples())


def test_missing_data_says_what_to_do(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DatasetNotFound, match=r"no logic/rule.jsonl in .*--data names the folder"):
        load_task("korbench/logic", data=data)
    with pytest.raises(UsageError):
        load_task("korbench", data=data, params={"categories": "astrology"})
    monkeypatch.setenv("ASSAY_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("ASSAY_DATA", raising=False)
    task = load_task("korbench", offline=True)
    assert list(task.samples()) == []


def test_what_is_nowhere_is_fetched_from_where_the_owners_keep_it(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def fetch(name: str, base_url: str, files: dict[str, str], into: Path) -> None:
        asked.extend(base_url + path for path in files)
        shutil.copytree(data, into, dirs_exist_ok=True)

    monkeypatch.setattr(korbench_data, "fetch", fetch)
    monkeypatch.setenv("ASSAY_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("ASSAY_DATA", raising=False)
    task = load_task("korbench", params=BOTH)
    assert len(list(task.samples())) == 4
    root = "https://raw.githubusercontent.com/KOR-Bench/KOR-Bench/main/"
    assert {root + "data/logic/three-shot.jsonl", root + "config/prompt/zero-shot.yaml"} <= set(asked)
    assert len(asked) == len(set(asked)) == 17
    load_task("korbench", params=BOTH)
    assert len(asked) == 17


def test_the_pinned_digests_are_those_of_the_owners_files(shared_data: Path) -> None:
    pinned = korbench_data._DIGESTS
    found = {path: sha256((shared_data / "korbench" / path).read_bytes()).hexdigest() for path in pinned}
    assert found == pinned


def test_rows_are_scored_without_the_data(task: Task) -> None:
    row = {"category": "operation", "idx": "126", "setting": "three-shot", "official_answer": "[[6]]"}
    rows = task.rows
    assert rows is not None
    assert rows.sample_id(row) == "operation/126"
    assert rows.target(row) == "[[6]]"
    assert rows.params(row) == {"setting": "three-shot"}
    found = rows.sample(row)
    assert found is not None
    assert found.metadata["rule_id"] == "operation/13"
    assert rows.sample({"part": "puzzle", "idx": 250, "official_answer": "[[x]]"}).metadata["rule_id"] == "puzzle/25"  # type: ignore[union-attr]
    assert rows.sample({"part": "Multi-Q", "idx": 1, "official_answer": "x"}) is None
    assert rows.sample({"category": "operation", "idx": 1}) is None


@pytest.mark.parametrize("mode", ["official", "official-string", "robust"])
async def test_no_answer_is_not_a_wrong_answer(task: Task, mode: str) -> None:
    item = sample("operation", 1, "[[10]]")
    cases = {"stop": Outcome.UNPARSED, "length": Outcome.TRUNCATED, "content_filter": Outcome.REFUSED}
    for finish_reason, outcome in cases.items():
        score = await scored(task, mode, item, trajectory("It is ten.", finish_reason))
        assert (score.outcome, score.value, score.answer) == (outcome, None, None)
    assert (await scored(task, mode, item, trajectory("[[11]]", "length"))).value == 0
    assert (await scored(task, mode, item, trajectory("[[10]]", "length"))).value == 1


@pytest.mark.parametrize("mode", ["official", "official-string", "robust"])
async def test_real_life_answers_are_judged_beside_the_storys(task: Task, mode: str) -> None:
    item = sample("counterfactual", 1, "[[B]]", real_life_answer="[[A]]")
    for reply, story, real_life in (("[[A]]", 0, 1), ("[[B]]", 1, 0), ("[[C]]", 0, 0)):
        score = await scored(task, mode, item, trajectory(reply))
        assert (score.value, score.values) == (story, {"real_life": real_life})
    unknown = sample("counterfactual", 1, "[[B]]")
    assert (await scored(task, mode, unknown, trajectory("[[B]]"))).values == {}


async def test_scores_tell_how_they_came_about(task: Task) -> None:
    item = sample("operation", 152, "[[e+1]]")
    score = await scored(task, "official", item, trajectory("So: [[ 1 + e ]]."))
    assert (score.value, score.answer) == (1, "[[1 + e]]")
    assert score.trace == {
        "pattern": "[[ ]]",
        "span": (4, 15),
        "response": "1 + e",
        "gold": "e+1",
        "decided_by": "sympy",
    }
    assert score.explanation == "operation, LaTeX, simplified: right"
    as_string = await scored(task, "official-string", item, trajectory("So: [[ 1 + e ]]."))
    assert (as_string.value, as_string.trace["decided_by"]) == (0, "string")


@pytest.mark.parametrize("mode", ["official", "robust"])
async def test_algebra_that_does_not_end_is_no_verdict(task: Task, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hangs(*_: Any) -> None:
        raise WorkerTimedOut("no result in the time allowed")

    monkeypatch.setattr("assay.benchmarks.korbench.score.structurally_equal", hangs)
    monkeypatch.setattr("assay.benchmarks.korbench.score.equivalent", hangs)
    score = await scored(task, mode, sample("operation", 152, "[[e+1]]"), trajectory("[[e+2]]"))
    assert (score.outcome, score.value) == (Outcome.JUDGE_FAILED, None)


async def test_hostile_latex_is_given_up_in_time(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maths, "_TIMEOUT_S", 1.0)
    item = sample("operation", 152, "[[e+1]]")
    score = await scored(task, "official", item, trajectory("[[" + "9^{" * 5 + "9" + "}" * 5 + "]]"))
    assert (score.outcome, score.value) == (Outcome.JUDGE_FAILED, None)
    assert (await scored(task, "official", item, trajectory("[[1+e]]"))).value == 1


@pytest.mark.parametrize("mode", ["official", "robust"])
async def test_a_parser_that_cannot_work_is_an_error_before_the_first_score(
    task: Task, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = {"sympy": "1.14.0", "antlr4-python3-runtime": "4.13.2"}
    monkeypatch.setattr(maths, "version", installed.__getitem__)
    maths.require_parser.cache_clear()
    try:
        with pytest.raises(MissingDependency, match=r"4\.13\.2, and must be 4\.11.*assay\[math\]"):
            await scored(task, mode, sample("operation", 1, "[[10]]"), trajectory("[[10]]"))
        assert (
            await scored(task, "official-string", sample("operation", 1, "[[10]]"), trajectory("[[10]]"))
        ).value == 1
        assert (await scored(task, mode, sample("cipher", 1, "[[A]]"), trajectory("[[A]]"))).value == 1
    finally:
        maths.require_parser.cache_clear()


def test_prompts_are_the_owners_except_where_they_changed_a_text(shared_data: Path) -> None:
    """The prompts as sent, for all items in both settings.

    Since then the owners have edited two rules and six questions; nothing in their data tells the former
    wording. There, all but the edited text must be the same.
    """
    import polars as pl

    edited_rules, edited_questions = {"operation/5", "cipher/1"}, {31, 70, 116, 117, 125, 126}
    prompts = pl.read_parquet(shared_data / "korbench" / "prompts.parquet")
    equal = 0
    for setting in ("zero-shot", "three-shot"):
        task = load_task("korbench", data=shared_data / "korbench", params={"setting": setting})
        sent = {
            f"{row['category']}/{row['idx']}": row["prompt"]
            for row in prompts.filter(pl.col("setting") == setting).iter_rows(named=True)
        }
        for item in task.samples():
            ours, theirs, about = item.messages[0].text, sent.pop(item.id), item.metadata
            if about["rule_id"] in edited_rules or (about["category"] == "logic" and about["idx"] in edited_questions):
                changed = "Rule" if about["rule_id"] in edited_rules else "Question"
                assert _without_last(ours, changed) == _without_last(theirs, changed)
            else:
                assert ours == theirs, item.id
                equal += 1
        assert sent == {}
    assert equal == 2500 - 2 * 26


def _without_last(prompt: str, section: str) -> list[str]:
    """A prompt's sections but for the text of the last one of a kind."""
    parts = prompt.split("### ")
    last = max(n for n, part in enumerate(parts) if part.partition(":")[0].endswith(section))
    return [*parts[:last], *parts[last + 1 :]]
