"""The published schemes: worked values, owners' tables, and stored files with the official scores."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from assay.errors import DatasetMalformed
from assay.scoring.checklist import Tally, Verdict, evaluate, fulfilment, mean, nested_mean, restrict
from assay.scoring.checklists.finsearchcomp import finsearchcomp
from assay.scoring.checklists.healthbench import healthbench, healthbench_mean
from assay.scoring.checklists.marsbench import dialogue_accuracy, marsbench
from assay.scoring.checklists.metric_s import CRITICAL, EXTREMELY_CRITICAL, metric_s, verdicts_of_labels
from assay.scoring.checklists.paperbench import paperbench, stored_verdicts
from assay.scoring.checklists.profbench import bias_index, profbench
from assay.scoring.checklists.xpertbench import xpertbench
from assay.scoring.numeric import OWN_DECIMALS, Rule, find_numbers, judge_key_points

# --- HealthBench, ProfBench, XpertBench


def test_healthbench_worked_value() -> None:
    rubric = healthbench("example", {"a": 7, "b": 5, "c": 10, "d": -6})
    assert evaluate(rubric, {"a": True, "b": False, "c": True, "d": True}).value == 0.5


def test_healthbench_clips_the_mean_and_not_the_example() -> None:
    bad = evaluate(healthbench("e", {"a": 5, "b": -10}), {"a": False, "b": True})
    good = evaluate(healthbench("e", {"a": 5}), {"a": True})
    assert bad.value == -2
    assert healthbench_mean([bad, good, good, good]).value == 0.25
    assert (healthbench_mean([bad, good]).value, mean([bad, good]).value) == (0, -0.5)


def test_healthbench_themes_use_the_same_formula_and_may_have_no_value() -> None:
    rubric = healthbench("e", {"a": 5, "b": 5, "c": -1}, {"a": ["x"], "b": ["y"], "c": ["z"]})
    verdicts = {"a": True, "b": False, "c": True}
    assert [evaluate(restrict(rubric, theme), verdicts).value for theme in "xyz"] == [1, 0, None]


def test_profbench_levels_and_judge_quality() -> None:
    rubric = profbench("task", {"a": "Critical", "b": "Major", "c": "Minor", "d": "Additional"})
    verdicts = {"a": True, "b": False, "c": True, "d": False}
    assert evaluate(rubric, verdicts).value == 0.6
    assert fulfilment(rubric, verdicts).value == 0.5
    index = bias_index({"o3": 12.2, "r1-0528": 14.2, "grok4": 10.2})
    assert index == pytest.approx(4.0)
    assert 65.3 - index == pytest.approx(61.3)
    with pytest.raises(DatasetMalformed, match="Huge"):
        profbench("task", {"a": "Huge"})


def test_xpertbench_reports_its_essential_gate_beside_the_score() -> None:
    rubric = xpertbench("task", {"a": 10, "b": 7, "c": 7}, essential=["a"])
    tally = evaluate(rubric, {"a": False, "b": True, "c": True})
    assert tally.value == pytest.approx(14 / 24)
    assert (tally.gates_passed, tally.failed_gates) == (False, ("a",))
    with pytest.raises(DatasetMalformed, match="11"):
        xpertbench("task", {"a": 11})


# --- Metric-S

MAJORS, FLUENCY, STYLE = ["普通"], ["有问题"], ["有问题"]
CLEAN = ["整体无问题"]


@pytest.mark.parametrize(
    ("accuracy", "checkpoints", "fluency", "style", "expected"),
    [
        (MAJORS * 3, ["正确"], FLUENCY * 7, CLEAN, (45, 6, 20, 71)),
        (["Critical"], ["错误", "正确"], FLUENCY * 7, CLEAN, (45, 6, 20, 71)),
        (["非常严重", "严重"], ["正确"], FLUENCY * 8, STYLE * 2, (0, 4, 10, 14)),
        (["非常严重"] * 2, ["错误"] * 9, FLUENCY * 8, STYLE * 2, (0, 4, 10, 14)),
        (CLEAN, ["正确"], CLEAN, CLEAN, (60, 20, 20, 100)),
        (CLEAN, ["正确"], FLUENCY * 40, STYLE * 40, (60, 0, 0, 60)),
    ],
)
def test_metric_s_worked_values(
    accuracy: list[str], checkpoints: list[str], fluency: list[str], style: list[str], expected: tuple[float, ...]
) -> None:
    labels = {"accuracy": accuracy, "checkpoints": checkpoints, "fluency": fluency, "appropriateness": style}
    tally = evaluate(metric_s(), verdicts_of_labels(labels, not_a_translation=False))
    assert tuple(tally.groups[name] for name in ("accuracy", "fluency", "appropriateness", "total")) == expected
    assert tally.value == expected[-1]


def test_metric_s_gate_zeroes_everything_and_needs_no_other_judge() -> None:
    tally = evaluate(metric_s(), verdicts_of_labels({}, not_a_translation=True))
    assert set(tally.groups.values()) == {0}
    assert tally.value == 0


def test_metric_s_judges_that_all_fail_give_full_marks_officially_and_no_value_here() -> None:
    ours = evaluate(metric_s(), verdicts_of_labels({}, not_a_translation=False))
    assert (ours.value, ours.lower, ours.upper) == (None, 0, 100)
    assert evaluate(metric_s(), verdicts_of_labels({}, not_a_translation=False, official=True)).value == 100


def test_metric_s_unknown_labels_are_not_judged_or_officially_asymmetric() -> None:
    labels = {"accuracy": ["灾难"], "checkpoints": ["?"], "fluency": ["?"], "appropriateness": ["?"]}
    ours = evaluate(metric_s(), verdicts_of_labels(labels, not_a_translation=False))
    assert len(ours.missing) == 6
    official = evaluate(metric_s(), verdicts_of_labels(labels, not_a_translation=False, official=True))
    assert official.groups == {"accuracy": 55, "fluency": 20, "appropriateness": 20, "total": 95}


def test_two_extreme_errors_floor_accuracy() -> None:
    verdicts: dict[str, Verdict] = dict.fromkeys(("major", "wrong checkpoint", CRITICAL), 0) | {EXTREMELY_CRITICAL: 2}
    assert evaluate(metric_s(), verdicts).groups["accuracy"] == 0


METRIC_S_SYSTEMS = """80.16/49.80/15.96/14.40 76.66/48.65/15.21/12.80 71.25/46.68/13.14/11.43
59.66/33.15/14.96/11.55 55.80/27.63/16.44/11.73 55.57/28.78/15.79/11.00 55.09/29.55/14.29/11.25
54.04/39.38/5.98/8.68 53.53/38.98/5.47/9.08 49.97/23.20/15.54/11.23 49.65/29.25/11.05/9.35
49.60/22.80/16.20/10.60 49.51/29.30/10.11/10.10 46.37/28.50/9.82/8.05 46.06/19.75/16.11/10.20
44.01/26.70/7.91/9.40 43.82/31.38/4.71/7.73 39.93/20.35/11.28/8.30 39.36/22.40/7.73/9.23 37.10/18.96/10.12/8.02
28.37/15.13/5.84/7.40"""


def test_metric_s_published_totals_are_the_sums_of_their_dimensions() -> None:
    rows = [[float(cell) for cell in row.split("/")] for row in METRIC_S_SYSTEMS.split()]
    assert len(rows) == 21
    assert [row for row in rows if abs(row[0] - sum(row[1:])) > 0.0151] == []


def test_metric_s_misprint_is_found_by_the_sum() -> None:
    parts = 35.30 + 4.12 + 6.20
    assert parts == pytest.approx(45.62)
    assert abs(parts - 52.62) > 1
    assert nested_mean([62.44, parts]) == pytest.approx(54.04, abs=0.015)


# --- PaperBench

PAPERS = {
    "all-in-one": (0.7139351851851852, 174),
    "pinn": (0.8342145949288806, 1963),
    "rice": (0.18568121693121692, 361),
    "semantic-self-consistency": (0.91, 79),
    "stay-on-topic-with-classifier-free-guidance": (0.48152958152958153, 116),
}


def _nodes(node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [node, *(inner for child in node["sub_tasks"] for inner in _nodes(child))]


@pytest.mark.parametrize("paper", PAPERS)
def test_paperbench_reproduces_every_node_of_the_human_graded_trees(shared_data: Path, paper: str) -> None:
    tree = json.loads((shared_data / "fixtures/paperbench" / f"{paper}__0__grading__expected_result.json").read_bytes())
    root, leaves = PAPERS[paper]
    tally = evaluate(paperbench(tree), stored_verdicts(tree))
    assert tally.value == pytest.approx(root, abs=1e-15)
    inner = [node for node in _nodes(tree) if node["sub_tasks"]]
    assert len(_nodes(tree)) - len(inner) == leaves
    assert set(tally.groups) == {node["id"] for node in inner}
    for node in inner:
        assert tally.groups[node["id"]] == pytest.approx(node["score"], abs=1e-12)
    assert set(evaluate(paperbench(tree), stored_verdicts(tree, disqualified=True)).groups.values()) == {0}


def _leaf(name: str, weight: float, score: float, valid: bool = True) -> dict[str, Any]:
    return {"id": name, "weight": weight, "score": score, "valid_score": valid, "sub_tasks": []}


def test_paperbench_zero_weights_are_worth_nothing_and_invalid_leaves_are_not_judged() -> None:
    tree = {
        "id": "r",
        "weight": 1,
        "sub_tasks": [{"id": "n", "weight": 1, "sub_tasks": [_leaf("a", 0, 1)]}, _leaf("b", 1, 1)],
    }
    assert evaluate(paperbench(tree), stored_verdicts(tree)).value == 0.5
    tree["sub_tasks"][1] = _leaf("b", 1, 0, valid=False)  # type: ignore[index]
    tally = evaluate(paperbench(tree), stored_verdicts(tree))
    assert (tally.value, tally.lower, tally.upper, tally.missing) == (None, 0, 0.5, ("b",))


# --- MARS-Bench

MET: dict[str, tuple[int, ...] | str] = {
    "401705361_5": (0, 1),
    "401705361_7": (0, 1),
    "401705361_13": "veto",
    "401705361_14": (0, 1),
    "401705361_15": (0, 1),
    "401705361_21": "veto",
    "401705361_22": (0, 1),
    "401705361_23": (0, 1),
    "401705361_28": (),
    "401705361_29": (0, 1),
    "401705361_30": (0, 1),
    "401705361_31": (0, 1),
    "166909_8": (7,),
    "166909_9": "veto",
    "166909_10": (1,),
    "166909_19": (),
    "166909_20": (0, 1, 2, 3),
    "166909_21": (0, 1),
    "166909_30": (),
    "166909_31": "veto",
    "166909_32": (0,),
    "166909_41": (),
    "166909_42": "veto",
    "166909_43": (),
}
"""Which facts the stored judge texts credit, read by hand; mathematics turns are all right."""
DEMO = {"401705361_5": (), "401705361_7": (0, 1), "401705361_10": (0,)}


def _stored(path: Path) -> list[dict[str, Any]]:
    loaded = json.loads(path.read_bytes())
    return loaded if isinstance(loaded, list) else [loaded]


def _tally(turn: dict[str, Any], met: tuple[int, ...] | str) -> Tally:
    checklist = marsbench(turn["id"], turn["checklist"])
    points = [part for part in checklist.parts if part.weight]
    verdicts: dict[str, Verdict] = {part.id: met == "veto" for part in checklist.parts if not part.weight}
    verdicts |= {part.id: at in met for at, part in enumerate(points) if met != "veto"}
    return evaluate(checklist, verdicts)


def _is_math(turn: dict[str, Any]) -> bool:
    return re.match(r'\{"(?:正确答案是 )?[A-E]"', turn["checklist"]) is not None


def test_marsbench_reproduces_the_stored_turn_scores(shared_data: Path) -> None:
    agreed, without_points = 0, []
    for name in ("chat-test-eval", "demo-eval"):
        for dialogue in _stored(shared_data / f"fixtures/marsbench/result__eval-result__{name}.json"):
            for turn in dialogue["evaluations"]:
                met = (DEMO if name == "demo-eval" else MET).get(turn["id"], (0,) if _is_math(turn) else None)
                if met is None:
                    without_points.append(turn["id"])
                    assert _tally(turn, ()).value is None, "the owners' judge improvised 0.5 here"
                    continue
                assert _tally(turn, met).value == pytest.approx(turn["score"], abs=1e-15), turn["id"]
                agreed += 1
    assert agreed == 39
    assert without_points == ["401705361_6", "401705361_6"]


def test_marsbench_dialogue_numbers_from_stored_turns(shared_data: Path) -> None:
    for dialogue in _stored(shared_data / "fixtures/marsbench/result__eval-result__chat-test-eval.json"):
        scores = {turn["id"]: turn["score"] for turn in dialogue["evaluations"]}
        found = dialogue_accuracy(scores, [turn["id"] for turn in dialogue["evaluations"] if _is_math(turn)])
        assert found["accuracy"] == pytest.approx(dialogue["accuracy"], abs=1e-15)
        assert found["original_accuracy"] == pytest.approx(dialogue["original_accuracy"], abs=1e-15)
        assert found["math_accuracy"] == dialogue.get("TS_math_accuracy")
    (demo,) = _stored(shared_data / "fixtures/marsbench/result__eval-result__demo-eval.json")
    scores = {turn["id"]: turn["score"] for turn in demo["evaluations"]}
    found = dialogue_accuracy(scores, [turn["id"] for turn in demo["evaluations"] if _is_math(turn)])
    assert (found["original_accuracy"], found["math_accuracy"]) == (demo["accuracy"], 1.0)


def test_marsbench_checklists_are_repaired_and_keep_every_fact() -> None:
    stray = marsbench("a_1", 'a_1 {"tag is A": 0.1", "short": 0.5", "has <Summary>": 0.0", "ends \\"x\\", y: 2": 0.4"')
    assert [(part.id, part.weight, part.gate) for part in stray.parts if hasattr(part, "gate")] == [
        ("tag is A", 0.1, None),
        ("short", 0.5, None),
        ("has <Summary>", 0.0, "required"),
        ('ends "x", y: 2', 0.4, None),
    ]
    twice = marsbench("t", '{"x": 0.5, "x": 0.5}')
    assert evaluate(twice, {"x": True, "x (2)": True}).value == 1
    for broken in ("", "no object", '{"a": "b"}', '{"a": tru', "[" * 100_000):
        with pytest.raises(DatasetMalformed, match="checklist 't'"):
            marsbench("t", broken)


@pytest.mark.parametrize(
    "weights", [(0.1, 0.5, 0.2, 0.2), (0.05, 0.25, 0.1, 0.1, 0.25, 0.25), (0.05, 0.25, 0.1, 0.1, 0.25, 0.25, 0.0)]
)
def test_marsbench_instruction_patterns_sum_to_one_and_the_gate_zeroes(weights: tuple[float, ...]) -> None:
    checklist = marsbench("t", json.dumps({str(at): weight for at, weight in enumerate(weights)}))
    verdicts = dict.fromkeys(map(str, range(len(weights))), True)
    assert evaluate(checklist, verdicts).value == 1
    last = str(len(weights) - 1)
    assert evaluate(checklist, {**verdicts, last: False}).value == (
        pytest.approx(1 - weights[-1]) if weights[-1] else 0
    )


MARS_ROWS = """72.44/65.08/87.06/70.92/66.72 62.29/43.28/71.51/66.98/67.38 59.62/53.09/64.48/62.63/58.28
59.22/45.96/77.76/52.93/60.23 53.33/55.52/66.65/50.43/40.74 52.62/51.99/55.64/52.17/50.69 51.21/61.19/73.91/33.89/35.87
47.13/47.48/61.26/39.74/40.03 45.42/53.04/49.23/40.01/39.40 43.17/44.45/52.09/39.03/37.09 42.15/53.16/50.68/32.58/32.18
41.21/34.13/59.77/36.80/34.15 39.25/52.17/42.66/32.31/29.84 38.88/42.80/46.81/33.63/32.28 37.31/45.34/46.18/27.70/30.02
35.83/39.28/31.26/36.69/36.12 35.61/48.56/39.24/26.71/27.92 34.88/42.47/39.42/28.03/29.59 33.16/37.23/37.08/28.71/29.63
31.23/40.23/30.17/26.39/28.13 30.41/39.77/31.90/26.76/23.22 29.21/38.38/30.41/24.06/23.97
25.84/35.75/22.49/24.36/20.76"""


def test_marsbench_published_overall_is_the_mean_of_the_four_tasks() -> None:
    rows = [[float(cell) for cell in row.split("/")] for row in MARS_ROWS.split()]
    assert len(rows) == 23
    for overall, *tasks in rows:
        assert nested_mean(dict(zip("abcd", ([task] for task in tasks), strict=True))) == pytest.approx(
            overall, abs=0.01
        )


# --- FinSearchComp

FIN_ROWS = """68.9/87.3/68.1/51.2 63.9/76.9/67.2/47.6 42.6/56.0/44.5/27.4 39.1/61.2/33.6/22.6 37.4/60.2/37.8/14.3
30.5/53.0/24.4/14.3 29.8/59.0/18.5/11.9 29.8/53.7/22.7/13.1 29.8/34.3/33.6/21.4 29.5/30.6/47.1/10.7 17.2/17.9/19.3/14.3
16.6/23.9/15.1/10.7 54.2/88.3/63.0/11.4 52.5/84.7/58.0/14.8 51.9/64.9/67.0/23.9 50.5/82.0/58.0/11.5 49.0/62.2/61.0/23.9
48.8/81.1/55.0/10.2 46.4/60.4/63.0/15.9 40.8/62.2/49.0/11.4 40.5/56.8/51.0/13.6 38.3/35.1/73.0/6.8 36.8/51.9/46.0/12.5
21.9/18.1/42.0/5.7"""


def test_finsearchcomp_published_averages_are_unweighted_but_for_two_last_digits() -> None:
    rows = [[float(cell) for cell in row.split("/")] for row in FIN_ROWS.split()]
    off = [row for row in rows if abs((nested_mean(row[1:]) or 0) - row[0]) > 0.0501]
    assert (len(rows), len(off)) == (24, 2)
    assert all(abs((nested_mean(row[1:]) or 0) - row[0]) < 0.15 for row in off)


FIN_SCORES = {
    "(T3)Complex_Historical_Investigation_b027": 0,
    "(T3)Complex_Historical_Investigation_062": 0,
    "(T1)Time_Sensitive_Data_Fetching_050": 0,
    "(T3)Complex_Historical_Investigation_020": 1,
    "(T3)Complex_Historical_Investigation_b016": 0,
    "(T2)Simple_Historical_Lookup_028": 1,
    "(T3)Complex_Historical_Investigation_231": 0,
    "(T2)Simple_Historical_Lookup_093": 1,
    "(T2)Simple_Historical_Lookup_606": 0,
    "(T2)Simple_Historical_Lookup_050": 0,
}
MONTHS = (
    "0.90911",
    "0.90836",
    "0.90733",
    "0.90674",
    "0.90976",
    "0.91118",
    "0.91321",
    "0.91521",
    "0.90854",
    "0.91442",
    "0.92206",
    "0.92474",
)
OWN = Rule(round_to="answer", unit_optional=True)
KEY_POINTS: dict[str, tuple[Rule, dict[str, str], dict[str, str]]] = {
    "b027": (
        Rule(absolute=0.0001),
        {"best": "科创50", "rise": "16.07%", "swing": "70.62%"},
        {"best": "科创50", "rise": "16.07%"},
    ),
    "062": (Rule(absolute=0.0001), {str(at): month for at, month in enumerate(MONTHS)}, {}),
    "T1)Time_Sensitive_Data_Fetching_050": (OWN_DECIMALS, {"close": "38.94"}, {"close": "39.08元"}),
    "020": (Rule(), {"city": "上海"}, {"city": "上海"}),
    "b016": (OWN, {"stock": "Tesla", "value": "172.67 billion USD", "turnover": "15.67%"}, {}),
    "028": (OWN, {"cash flow": "62.57亿元"}, {"cash flow": "63亿元"}),
    "231": (OWN, {"change": "-16.97%"}, {}),
    "093": (OWN, {"debt": "24198亿美元到24200亿美元"}, {"debt": "24198.0亿美元"}),
    "606": (OWN, {"coal": "188864.0 TJ"}, {"coal": "181,692.0 terajoules"}),
    "Lookup_050": (OWN, {"stock": "543.45亿元"}, {"stock": "549.72亿元"}),
}
"""Item -> rule, the reference's key points, and those that the stored answer gives, read by hand."""


def test_finsearchcomp_stored_judgements_and_the_rule_grader_agree(shared_data: Path) -> None:
    path = shared_data / "fixtures/finsearchcomp/finsearchcomp__result__eval-result__chat-test-eval.json"
    by_task: dict[str, list[float | None]] = {"T1": [], "T2": [], "T3": []}
    for record in _stored(path):
        (judged,) = record["evaluations"]
        item = judged["id"]
        (said,) = re.findall(r'"(?:answer_)?score"\s*:\s*([01])\b', judged["judge_response"])
        assert int(said) == FIN_SCORES[item]
        rule, wanted, given = next(row for key, row in KEY_POINTS.items() if item.endswith(key))
        for answer in given.values():
            assert (re.sub(r"[^\d.,]", "", answer) or answer) in judged["model_response"]
        tally = evaluate(finsearchcomp(item, wanted), judge_key_points(rule, given, wanted))
        assert tally.value == FIN_SCORES[item], item
        by_task[item[1:3]].append(tally.value)
    assert [(sum(filter(None, task)), len(task)) for task in by_task.values()] == [(0, 1), (2, 4), (1, 5)]


def test_a_judges_leniency_shows_once_the_asked_decimals_are_required() -> None:
    wanted, given = {"cash flow": "62.57亿元"}, {"cash flow": "63亿元"}
    assert judge_key_points(Rule(round_to="gold"), given, wanted) == {"cash flow": False}
    assert [float(number.figure) for number in find_numbers("经营活动现金流净额为63亿元人民币")] == [63]


def test_finsearchcomp_null_verdict_is_no_zero() -> None:
    checklist = finsearchcomp("item", ["price", "date"])
    assert evaluate(checklist, {"price": None, "date": True}).value is None
    assert evaluate(checklist, {"price": True, "date": True}).value == 1
