"""Each rule on cases whose truth is known because they were written for it."""

from __future__ import annotations

from typing import Any

import pytest

from assay.analyze.scenarios import SCENARIOS, Seen
from assay.analyze.scenarios.base import Row
from assay.analyze.scenarios.texts import copied_share, equations, number, options
from assay.records import Call, Message, Outcome, Request, Response, Sample, Score, ToolCall, ToolSpec, Trajectory
from assay.sandbox.program import End


def found(
    scenario: str,
    *,
    facts: dict[str, Any] | None = None,
    trace: dict[str, Any] | None = None,
    score_values: dict[str, float] | None = None,
    replies: list[Response] | None = None,
    results: list[str] | None = None,
    tools: tuple[str, ...] = (),
    metadata: dict[str, Any] | None = None,
    **case: Any,
) -> dict[str, Any]:
    """All the columns of a scenario for one case, wrong unless it says otherwise."""
    case = {"right": False, "answer": None, "target": None, "prompt": "", "output": "", "format_ok": True, **case}
    seen = None
    if any(one is not None for one in (trace, score_values, replies, metadata)):
        request = Request("m", tools=tuple(ToolSpec(name) for name in tools))
        calls = tuple(Call("d", request, one) for one in replies or [Response(case["output"])])
        messages, left = [], list(results or ())
        for call in calls:
            messages.append(Message("assistant", call.response.text, call.response.tool_calls))
            messages += [Message("tool", left.pop(0)) for _ in call.response.tool_calls if left]
        score = Score(Outcome.SCORED, 0.0, case["answer"], None, trace or {}, score_values or {})
        seen = Seen("c", Sample("s", "", metadata=metadata or {}), Trajectory("s", 1, tuple(messages), calls), score)
    return SCENARIOS[scenario].values(Row(case, seen, facts or {}))


def called(*arguments: str, name: str = "search") -> Response:
    return Response("", tool_calls=tuple(ToolCall(str(n), name, text) for n, text in enumerate(arguments)))


@pytest.mark.parametrize(
    ("text", "verdicts"),
    [
        ("So 3 * 4 + 1 = 13.", [True]),
        ("12 × 12 = 144 and 141 * 137 = 19257", [True, False]),
        ("\\(\\frac{1}{2} + 1 = 1.5\\)", [True]),
        ("104/13 + 2 = 8 + 2 = 10", [True, True]),
        ("10/3 = 3.33 and 17/5 = 3", [True, True]),
        ("1,200 + 1,300 = 2,500", [True]),
        ("19※28 = 24, 2x + 3 = 7, sin 30 + 1 = 2, 3! + 2 = 9", []),
        ("14 + 13 = 1 (mod 26); 14 + 13 = 1 mod 26", []),
        ("- 4 + 9 = 13", []),
        ("1011 + 1 = 1100", []),
        ("9**9**9**9 = 3", []),
        ("x = 3, y = 4", []),
        ("x = 10 - 3 = 8 and y=2*3=6", [False, True]),
        ("1" + " + 2" * 60 + " = 121", []),
    ],
)
def test_equations_are_done_again_and_what_is_no_plain_sum_is_left_alone(text: str, verdicts: list[bool]) -> None:
    assert [one.holds for one in equations(text)] == verdicts


def test_hostile_texts_take_no_time_and_prove_nothing() -> None:
    for text in ("(" * 50_000, "1+" * 50_000 + "1=2", "=" * 50_000, "9" * 50_000, "1 " * 50_000 + "= 1"):
        assert equations(text) == []
        for name in SCENARIOS:
            values = found(name, output=text, answer=text, target="7", prompt=text)
            assert not any(value for key, value in values.items() if key == "label:sign_error")


def test_numbers_and_options_are_read_as_they_stand() -> None:
    assert [str(number(text)) for text in ("$1,200$", "\\frac{3}{4}", "[[5]]", "-2.50", "five", "1/0", None)] == [
        "1200",
        "3/4",
        "5",
        "-5/2",
        "None",
        "None",
        "None",
    ]
    few_shot = "Question: old\nA. x\nB. y\nAnswer: A\n\nQuestion: new\n(A) one\n(B) two\n(C) three\nAnswer:"
    assert options(few_shot) == {"A": "one", "B": "two", "C": "three"}
    assert options("A. a heading\nno options here") == {}
    assert copied_share("the cat sat on mats", "yes the cat sat on it") == pytest.approx(0.5)


MCQ = "Question: Which of the following is {}a prime?\nA. 4\nB. 7\nC. all of the above\nD. 9\n"


def test_knowledge_labels() -> None:
    facts = {"common_wrong": "D", "others_right": 0.75}
    one = found("knowledge", prompt=MCQ.format("not "), answer="(D)", target="B", facts=facts)
    assert one["label:common_distractor"]
    assert one["label:alone_wrong"]
    assert one["derived:negated"]
    assert one["derived:picked_position"] == 4
    assert one["derived:all_or_none_option"]
    other = found("knowledge", prompt=MCQ.format(""), answer="F", target="B", facts={"others_right": 0.1})
    assert other["label:not_offered"]
    assert not other["label:alone_wrong"]
    assert not other["derived:negated"]
    assert other["label:common_distractor"] is None
    prices = "Question: How much?\nA. $1,200\nB. $900\nC. $90\n"
    assert found("knowledge", prompt=prices, answer="B", target="A")["label:neighbouring_value"] is True
    assert found("knowledge", prompt=prices, answer="C", target="A")["label:neighbouring_value"] is False


def test_right_cases_carry_no_label_and_unscored_ones_have_none() -> None:
    for right, expected in ((True, False), (None, None)):
        values = found("maths", right=right, answer="-5", target="5", output="2 + 2 = 5")
        assert {value for name, value in values.items() if name.startswith("label:")} == {expected}


def test_rule_reasoning_labels() -> None:
    real = found("rule_reasoning", answer="[[A]]", target="[[C]]", **{"tag:real_life_answer": "[[A]]"})
    assert real["label:real_life_answer"] is True
    assert found("rule_reasoning", answer="[[A]]", target="[[C]]")["label:real_life_answer"] is None
    parts = found("rule_reasoning", answer="[[1;5;3]]", target="[[1; 2; 3]]")
    assert parts["derived:parts_right"] == pytest.approx(2 / 3)
    assert parts["label:partly_right"] is True
    assert parts["label:other_count"] is False
    assert found("rule_reasoning", answer="9 - (5 + 2) + 4", target="[[(9+5-2)×2]]")["label:other_count"] is None
    cipher = found("rule_reasoning", answer="[[ABCD]]", target="[[ABC]]", prompt='Ciphertext: "ABCD"')
    assert cipher["label:other_length"] is True
    assert cipher["label:input_as_answer"] is True
    assert found("rule_reasoning", answer="[[your answer]]", target="[[5]]")["label:placeholder"] is True
    assert found("rule_reasoning", answer="[[X]]", target="[[B]]")["label:placeholder"] is False
    told = found("rule_reasoning", output="By the rule, 2 + 2 = 5.", prompt="by the rule 2")
    assert told["derived:rule_mentioned"]
    assert told["label:rule_arithmetic_slip"] is True
    cited = {"needle": "odd numbers are doubled before they are added"}
    assert found("rule_reasoning", output="Odd numbers are doubled before they are added.", metadata=cited)[
        "derived:needle_cited"
    ]


@pytest.mark.parametrize(
    ("answer", "label"),
    [("-24", "sign_error"), ("48", "off_by_factor"), ("1/24", "reciprocal"), ("25", "off_by_one")],
)
def test_maths_says_how_an_answer_is_off(answer: str, label: str) -> None:
    values = found("maths", answer=answer, target="24", output="So the total is 24, hence...")
    names = ("sign_error", "off_by_factor", "reciprocal", "off_by_one")
    assert [name for name in names if values[f"label:{name}"]] == [label]
    assert values["label:passed_by"] is True


def test_maths_tells_the_last_slip_from_an_early_one() -> None:
    early = found("maths", output="2 + 2 = 5. Then 5 + 1 = 6. \\boxed{6}")
    assert early["label:arithmetic_slip"]
    assert not early["label:last_step_slip"]
    assert early["derived:boxed"]
    assert found("maths", output="It is six.")["label:arithmetic_slip"] is None


@pytest.mark.parametrize(
    ("verdicts", "label"),
    [
        (["compile error"], "syntax_error"),
        (["passed", "runtime error"], "runtime_error"),
        (["passed", "wrong answer", "cpu limit"], "wrong_output"),
        (["cpu limit"], "out_of_time"),
        (["memory limit"], "out_of_memory"),
        (["wall limit", "wrong answer"], "wrong_output"),
    ],
)
def test_code_tells_how_a_program_failed(verdicts: list[str], label: str) -> None:
    values = found(
        "code", trace={"tests": [{"verdict": one} for one in verdicts], "language": "python"}, answer="x = ("
    )
    kinds = ("syntax_error", "runtime_error", "wrong_output", "out_of_time", "out_of_memory")
    assert [kind for kind in kinds if values[f"label:{kind}"]] == [label]
    assert values["derived:parses"] is False


def test_code_says_nothing_where_nothing_was_run() -> None:
    values = found("code", answer="print(1)")
    assert values["derived:verdict"] is None
    assert values["label:wrong_output"] is None
    body = found("code", trace={"language": "python"}, answer="    return 1\n")
    assert body["derived:parses"] is True


def test_multi_turn_finds_what_was_lost_and_what_was_repeated() -> None:
    two = [Response("It is four."), Response("It is four!")]
    lost = found("multi_turn", score_values={"round_1": 1.0, "round_2": 0.0, "rounds": 2.0}, replies=two)
    assert lost["label:lost_it"]
    assert lost["label:same_reply"]
    assert not lost["label:never_right"]
    assert lost["derived:first_wrong_turn"] == 2
    assert lost["derived:length_trend"] == 1
    never = found("multi_turn", score_values={"round_1": 0.0, "round_2": 0.0}, replies=[Response("a"), Response("b")])
    assert never["label:never_right"]
    assert not never["label:same_reply"]


def test_tool_use_counts_wasted_and_broken_calls() -> None:
    same = ('{"q": "x", "n": 1}', '{"n": 1, "q": "x"}', '{"q": "x", "n": 1}')
    values = found(
        "tool_use",
        replies=[called(*same), called("not json"), called("{}", name="nope"), Response("done")],
        results=["error: no", "the answer is Paris", "Paris", "x", "y"],
        tools=("search",),
        target="Paris",
    )
    assert values["derived:repeated_calls"] == 2
    assert values["label:stuck_on_call"] is True
    assert values["derived:invalid_calls"] == 1
    assert values["derived:unknown_calls"] == 1
    assert values["derived:failed_calls"] == 1
    assert values["derived:calls_after_answer"] == 2
    assert values["label:unfinished"] is False
    assert values["label:no_tool_used"] is False
    idle = found("tool_use", replies=[Response("Paris")], tools=("search",), target="Paris")
    assert idle["label:no_tool_used"] is True
    assert idle["label:repeated_call"] is None


def test_search_tells_what_was_never_found_from_what_was_not_used() -> None:
    one = [called('{"query": "capital of France"}'), called('{"query": "France capital of"}'), Response("Lyon")]
    unused = found("agentic_search", replies=one, results=["nothing", "It is Paris."], target="Paris")
    assert unused["label:found_not_used"] is True
    assert unused["derived:found_at_result"] == 2
    assert unused["derived:new_queries"] == pytest.approx(0.5)
    never = found("agentic_search", replies=one, results=["nothing", "no"], target="Paris")
    assert never["label:never_found"] is True
    assert never["label:gave_up_early"] is True


def test_planning_counts_broken_constraints() -> None:
    values = found("planning", trace={"instructions": ["a", "b", "a"], "strict": [True, False, True]})
    assert values["derived:constraints"] == 3
    assert values["derived:violations"] == 1
    assert values["label:one_violated"] is True
    assert values["label:most_violated"] is False
    by_name = found("planning", trace={"constraints": {"budget": False, "time": False, "order": True}})
    assert by_name["derived:violations"] == 2
    assert by_name["label:most_violated"] is True
    assert found("planning", trace={"violations": ["x"]})["label:one_violated"] is True
    assert found("planning", trace={})["label:one_violated"] is None


def test_translation_finds_what_was_left_or_lost() -> None:
    prompt = "Translate into German:\nThe quick brown fox jumps over 13 lazy dogs in 2024."
    target = "Der schnelle braune Fuchs springt 2024 über 13 faule Hunde."
    left = found("translation", prompt=prompt, target=target, output="The quick brown fox jumps über Hunde.")
    assert left["label:copied_passage"]
    assert left["label:numbers_changed"]
    assert left["derived:numbers_lost"] == 2
    good = found("translation", prompt=prompt, target=target, output=target)
    assert not any(value for name, value in good.items() if name.startswith("label:"))
    assert good["derived:length_ratio"] == 1
    talk = found("translation", prompt=prompt, target=target, output=f"Sure, here is it: {target}")
    assert talk["label:extra_talk"] is True
    assert found("translation", prompt=prompt, target=target, output="快速的棕色狐狸")["label:other_script"] is True


def test_every_end_of_a_program_has_a_label_or_is_the_machine_s() -> None:
    told = {
        end.value: [
            name
            for name, value in found("code", trace={"tests": [{"verdict": end.replace("_", " ")}]}).items()
            if name.startswith("label:") and value
        ]
        for end in End
        if end is not End.EXITED
    }
    lost = {End.WALL_LIMIT.value, End.FAILED.value}
    assert {end for end, labels in told.items() if not labels} == lost
    assert all(len(labels) == 1 for end, labels in told.items() if end not in lost)
