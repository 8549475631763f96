"""The choice of scenarios, the columns they add, and the findings they make."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assay.analyze.cases import case_table
from assay.analyze.gate import judge
from assay.analyze.scenarios import SCENARIOS, ask, choose, enrich, seen
from assay.analyze.scenarios.ask import _failures
from assay.analyze.scenarios.knowledge import facts
from assay.errors import UsageError
from assay.models.scripted import Scripted
from assay.records import Request, Response, ToolCall
from tests.analyze.made import table
from tests.engine.support import run, task


def made(n: int = 120, task: str = "maths", **columns: Any) -> pl.DataFrame:
    """A model that is wrong on every third sample, always by a sign, and wrong cases have long sums."""
    right = [i % 3 != 0 for i in range(n)]
    frame = table(
        {"lab/m": [float(x) for x in right]},
        answer=[str(i + 10 if good else -i - 10) for i, good in enumerate(right)],
        target=[str(i + 10) for i in range(n)],
        prompt=[f"What is {i} + 10?" for i in range(n)],
        **columns,
    )
    sums = [f"{i} + 25 = {i + 25}. " * (1 if good else 3) for i, good in enumerate(right)]
    return frame.with_columns(pl.Series("output", sums), pl.lit(task).alias("task"))


@pytest.mark.parametrize(
    ("task", "names"),
    [
        ("mmlu_pro", ["knowledge"]),
        ("korbench", ["rule_reasoning"]),
        ("cryptox/gsm8k", ["maths"]),
        ("inspect/humaneval", ["code"]),
        ("ifeval", ["planning"]),
        ("nobody-knows", ["maths"]),
    ],
)
def test_a_task_has_the_scenario_of_its_name_else_of_its_look(task: str, names: list[str]) -> None:
    assert [one.name for one in choose(made(12, task))] == names


@pytest.mark.parametrize(
    ("columns", "name"),
    [
        ({"options": [4] * 12}, "knowledge"),
        ({"tool_calls": [3] * 12, "turns": [4] * 12}, "tool_use"),
        ({"turns": [4] * 12, "tool_calls": [0] * 12}, "multi_turn"),
    ],
)
def test_an_unknown_task_is_known_by_what_its_cases_show(columns: dict[str, Any], name: str) -> None:
    assert [one.name for one in choose(made(12, "new", **columns))] == [name]


def test_the_choice_can_be_overridden_and_a_wrong_name_is_an_error() -> None:
    cases = made(12, "korbench")
    assert "label:sign_error" in enrich(cases, scenario={"korbench": ["maths", "rule_reasoning"]}).columns
    with pytest.raises(UsageError, match="no scenario 'algebra'"):
        enrich(cases, scenario="algebra")


def test_a_task_that_fits_nothing_is_left_as_it_is() -> None:
    cases = made(12, "essays").with_columns(pl.lit("a text").alias("target"))
    assert enrich(cases).equals(cases)


def test_columns_of_one_task_are_null_on_another_and_enriching_again_changes_nothing() -> None:
    other = made(12, "korbench").with_columns(pl.format("k{}", "case").alias("case"))
    cases = pl.concat([made(12), other])
    once = enrich(cases)
    assert once.filter(pl.col("task") == "korbench")["label:sign_error"].null_count() == 12
    assert once.filter(pl.col("task") == "maths")["label:sign_error"].to_list() == [i % 3 == 0 for i in range(12)]
    assert enrich(once).equals(once)


def test_the_common_distractor_is_that_of_the_other_models() -> None:
    answers = {"a": "B", "b": "B", "c": "B", "d": "C", "e": "A"}
    rows = [
        {"task": "t", "sample_id": "s", "model": model, "answer": said, "right": said == "A"}
        for model, said in answers.items()
    ]
    found = facts(pl.DataFrame(rows))
    assert found["d", "t", "s"] == {"common_wrong": "B", "others_right": 0.25}
    assert found["a", "t", "s"]["common_wrong"] == "B"
    assert facts(pl.DataFrame(rows[:3])) == {}


def test_findings_pass_the_gate_and_say_what_was_planted() -> None:
    cases = enrich(made(240))
    judged = judge(ask(cases, "lab/m"), cases)
    assert [one.reasons for one in judged] == [()] * len(judged)
    by_id = {one.finding.id: one for one in judged}
    shares = {e.name: e.stated for e in by_id["scenario-maths-failures"].finding.evidence}
    assert shares["sign_error"] == 1.0
    assert by_id["scenario-equations"].held_out is not None
    assert "3.00 in wrong cases of m against 1.00 in right ones" in by_id["scenario-equations"].finding.claim


def test_nothing_is_found_where_nothing_differs() -> None:
    cases = made(240).with_columns(pl.lit("no sums").alias("output"), pl.lit("word").alias("answer"))
    assert ask(enrich(cases), "lab/m") == []


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_every_label_can_be_told_without_promising_too_much(name: str) -> None:
    scenario = SCENARIOS[name]
    for label in (one for one in scenario.labels if one.rule is not None):
        column = f"label:{label.name}"
        cases = made(60, "t").with_columns(pl.col("right").not_().alias(column))
        findings = _failures(cases, "lab/m", scenario, (), "t")
        assert len(findings) == 1, label.name
        assert judge(findings, cases)[0].reasons == (), label.name


def test_names_are_told_apart_and_questions_are_answered_by_columns_that_exist() -> None:
    seen_labels: dict[str, str] = {}
    for scenario in SCENARIOS.values():
        own = {f"derived:{one.name}" for one in scenario.derived} | {f"label:{one.name}" for one in scenario.labels}
        assert len(own) == len(scenario.derived) + len(scenario.labels)
        for question in scenario.questions:
            assert set(question.columns) <= own, (scenario.name, question)
        for label in scenario.labels:
            assert seen_labels.setdefault(label.name, label.definition) == label.definition


def test_rules_agree_with_the_benchmark_on_stored_replies(shared_data: Path) -> None:
    """Stored MMLU-Pro replies: every option that was right or picked is one of those that the prompt shows."""
    folder = shared_data / "mmlu_pro"
    items = pl.read_parquet(folder / "items.parquet").head(300)
    replies = pl.read_parquet(folder / "responses.parquet").drop_nulls().join(items, on="question_id").head(600)
    rows = [
        {
            "case": f"{r['model']}:{r['question_id']}",
            "model": r["model"],
            "task": "mmlu_pro",
            "sample_id": str(r["question_id"]),
            "right": r["official_correct"],
            "answer": r["official_pred"],
            "target": r["answer"],
            "prompt": f"Question:\n{r['question']}\nOptions:\n"
            + "".join(f"{chr(65 + at)}. {text}\n" for at, text in enumerate(r["options"])),
            "output": r["response"],
        }
        for r in replies.iter_rows(named=True)
    ]
    found = enrich(pl.DataFrame(rows))
    assert found.height > 100
    assert (found["derived:right_position"] - 1).to_list() == replies["answer_index"].to_list()
    wrong = found.filter(~pl.col("right"))
    assert wrong["label:common_distractor"].drop_nulls().mean() > 0.2  # ten options: by chance one in nine
    assert found.filter("right")["label:common_distractor"].sum() == 0


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_all_labels_of_a_scenario_at_once_make_a_claim_that_the_gate_can_read(name: str) -> None:
    scenario = SCENARIOS[name]
    columns = [f"label:{one.name}" for one in scenario.labels if one.rule is not None]
    cases = made(60, "t").with_columns([pl.col("right").not_().alias(column) for column in columns])
    finding = _failures(cases, "lab/m", scenario, (), "t")[0]
    assert judge([finding], cases)[0].reasons == ()
    assert len(finding.evidence) >= min(4, len(columns))


def test_trajectories_of_runs_find_their_cases(tmp_path: Path) -> None:
    def calls(request: Request) -> Response:
        return Response("no", tool_calls=(ToolCall("1", "look", "{broken"),))

    folders = []
    for name in ("one", "two"):
        folders.append(tmp_path / name)
        run(folders[-1], Scripted(calls), task(5), name=f"test/{name}")
    cases = case_table(folders)
    assert list(seen(folders, cases, scenario="maths")) == []
    found = enrich(cases, seen(folders, cases, scenario="tool_use"), scenario="tool_use")
    assert found["derived:invalid_calls"].to_list() == [1.0] * 10
    wrong = found.filter(~pl.col("right"))
    assert wrong.height > 0
    assert wrong["label:invalid_arguments"].to_list() == [True] * wrong.height
    assert enrich(cases, scenario="tool_use")["label:invalid_arguments"].drop_nulls().sum() == 0
