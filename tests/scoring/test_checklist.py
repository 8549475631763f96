"""The algebra of checklists: bounds, gates, missing facts, exact sums, averages."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import DatasetMalformed
from assay.records import Outcome
from assay.scoring.checklist import Fact, Group, evaluate, fulfilment, mean, nested_mean, restrict, score_of


def flat(weights: list[float], **settings: object) -> Group:
    return Group("list", tuple(Fact(str(at), weight) for at, weight in enumerate(weights)), **settings)  # type: ignore[arg-type]


def test_a_missing_fact_leaves_bounds_instead_of_a_value() -> None:
    tally = evaluate(flat([3, 1]), {"0": True})
    assert (tally.value, tally.lower, tally.upper, tally.missing) == (None, 0.75, 1.0, ("1",))
    score = score_of(tally)
    assert score.outcome is Outcome.JUDGE_FAILED
    assert score.value is None


def test_none_is_not_false() -> None:
    assert evaluate(flat([1, 1]), {"0": True, "1": False}).value == 0.5
    assert evaluate(flat([1, 1]), {"0": True, "1": None}).value is None


def test_a_missing_fact_that_cannot_matter_does_not_stop_the_value() -> None:
    ledger = Group("g", (Fact("a", -5, counted=True), Fact("b", -5, counted=True)), base=10, out_of=1, floor=0)
    tally = evaluate(ledger, {"a": 2})
    assert tally.value == 0
    assert tally.missing == ("b",)
    assert evaluate(ledger, {"a": 1}).upper == 5


def test_a_count_without_floor_has_no_lower_bound() -> None:
    ledger = Group("g", (Fact("a", -5, counted=True),), base=10, out_of=1)
    assert (evaluate(ledger, {}).lower, evaluate(ledger, {}).upper) == (None, 10)
    assert mean([evaluate(ledger, {}), evaluate(ledger, {"a": 1})]).lower is None


@pytest.mark.parametrize(("veto", "value", "passed"), [(True, 0.0, False), (False, 1.0, True), (None, None, None)])
def test_a_veto_zeroes_and_an_unjudged_veto_leaves_open(veto: bool | None, value: float | None, passed: object) -> None:
    checklist = Group("g", (Fact("f"), Fact("v", 0, gate="veto")))
    tally = evaluate(checklist, {"f": True, "v": veto})
    assert (tally.value, tally.gates_passed) == (value, passed)


def test_a_failed_gate_zeroes_the_groups_inside() -> None:
    checklist = Group("g", (Fact("v", 0, gate="veto"), Group("inner", (Fact("f"),))))
    assert evaluate(checklist, {"v": True, "f": True}).groups == {"g": 0, "inner": 0}


def test_a_reported_gate_leaves_the_value_alone() -> None:
    checklist = Group("g", (Fact("f", 1, gate="required"), Fact("o", 9)), gates="report")
    tally = evaluate(checklist, {"f": False, "o": True})
    assert (tally.value, tally.failed_gates, tally.gates_passed) == (0.9, ("f",), False)


def test_all_or_nothing_is_decided_by_one_failure() -> None:
    checklist = Group("g", (Fact("a", gate="required"), Fact("b", gate="required")))
    assert evaluate(checklist, {"a": False}).value == 0
    assert evaluate(checklist, {"a": True}).value is None
    assert evaluate(checklist, {"a": True, "b": 0.5}).value == 0, "met in part is not met"


def test_points_that_a_judge_invents_are_reported_and_do_not_count() -> None:
    tally = evaluate(flat([1]), {"0": False, "politeness": True})
    assert (tally.value, tally.unknown) == (0, ("politeness",))


def test_a_list_without_points_has_no_value() -> None:
    tally = evaluate(Group("g", (Fact("v", 0, gate="veto"),), out_of=1), {"v": False})
    assert (tally.value, tally.missing) == (None, ())
    assert score_of(tally).outcome is Outcome.JUDGE_FAILED


@pytest.mark.parametrize(
    "checklist",
    [
        Group("g", (Fact("a"), Fact("a"))),
        Group("g", (Fact("g"),)),
        Group("g", (Fact("a", float("nan")),)),
        Group("g", (Fact("a"), Group("inner", ()))),
        Group("g", (Fact("a"),), out_of=0),
    ],
)
def test_a_checklist_that_makes_no_sense_is_refused(checklist: Group) -> None:
    with pytest.raises(DatasetMalformed, match="checklist 'g'"):
        evaluate(checklist, {})


@pytest.mark.parametrize("verdict", [-1, 1.5, float("nan"), float("inf")])
def test_a_verdict_out_of_range_is_an_error(verdict: float) -> None:
    with pytest.raises(ValueError, match=r"verdict|finite"):
        evaluate(flat([1]), {"0": verdict})


def test_a_checklist_is_plain_data() -> None:
    checklist = Group("g", (Fact("v", 0, gate="veto"), Group("inner", (Fact("f", tags=("x",)),), base=2, floor=0)))
    assert msgspec.json.decode(msgspec.json.encode(checklist), type=Group) == checklist


@pytest.mark.parametrize(
    ("counts", "xcomet", "penalty"),
    [((2, 1, 1), 0.32, -17), ((0, 0, 0), 1, 0), ((0, 6, 0), 0, -25), ((0, 0, 3), 0, -25)],
)
def test_mqm_penalties_are_settings_of_the_same_formula(
    counts: tuple[int, int, int], xcomet: float, penalty: float
) -> None:
    errors = tuple(Fact(name, -cost, counted=True) for name, cost in (("minor", 1), ("major", 5), ("critical", 10)))
    verdicts = dict(zip(("minor", "major", "critical"), counts, strict=True))
    assert evaluate(Group("xcomet", errors, base=25, out_of=25, floor=0), verdicts).value == xcomet
    assert evaluate(Group("mqm", errors, out_of=1, floor=-25), verdicts).value == penalty


def test_sums_are_exact() -> None:
    assert evaluate(flat([0.1] * 10, out_of=1), dict.fromkeys(map(str, range(10)), True)).value == 1.0
    assert evaluate(flat([0.1, 0.2], out_of=1), {"0": True, "1": True}).value == 0.3


def test_restriction_and_fulfilment() -> None:
    rubric = Group("g", (Fact("a", 4, tags=("x",)), Fact("b", 1, tags=("y",)), Fact("v", 0, gate="veto")))
    verdicts = {"a": True, "b": False, "v": False}
    assert evaluate(restrict(rubric, "x"), verdicts).value == 1
    assert fulfilment(rubric, verdicts).value == 0.5


def test_means_say_what_is_not_in_them() -> None:
    tallies = [evaluate(flat([1]), {"0": True}), evaluate(flat([1]), {})]
    found = mean(tallies)
    assert (found.value, found.n, found.missing, found.lower, found.upper) == (1.0, 1, 1, 0.5, 1.0)


def test_nested_means_weigh_groups_alike_and_never_drop_one() -> None:
    assert nested_mean({"a": [1, 1, 1], "b": [0]}) == 0.5
    assert nested_mean({"a": [1, None], "b": {"c": [0, 1]}}) == 0.75
    assert nested_mean({"a": [1], "b": [None]}) is None


weights = st.floats(-10, 10).map(lambda weight: round(weight, 2))
verdicts = st.lists(st.tuples(weights, st.sampled_from([True, False, None])), min_size=1, max_size=8)


@given(verdicts, st.sampled_from([None, 0, -3]), st.sampled_from([False, None]), st.sampled_from([True, None]), weights)
def test_every_completion_lies_between_the_bounds(
    judged: list[tuple[float, bool | None]], floor: float | None, veto: bool | None, core: bool | None, weight: float
) -> None:
    facts = tuple(Fact(str(at), weight) for at, (weight, _) in enumerate(judged))
    gates = (Fact("veto", weight, gate="veto"), Fact("core", weight, gate="required"))
    checklist = Group("g", (*facts, *gates), base=1, out_of=7, floor=floor)
    given_verdicts: dict[str, bool | None] = {str(at): verdict for at, (_, verdict) in enumerate(judged)}
    given_verdicts |= {"veto": veto, "core": core}
    tally = evaluate(checklist, given_verdicts)
    ends = []
    for fill in range(2 ** len(tally.missing)):
        completed = dict(given_verdicts)
        completed |= {name: bool(fill >> at & 1) for at, name in enumerate(tally.missing)}
        value = evaluate(checklist, completed).value
        assert value is not None
        ends.append(value)
    assert tally.lower == min(ends)
    assert tally.upper == max(ends)
    assert (tally.value is not None) == (min(ends) == max(ends))
