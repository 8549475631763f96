"""Composed extraction: what is found, by which rule, what competes; and SuperGPQA's cascade with its quirks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.records import Call, Message, Outcome, Request, Response, Sample, Score, Trajectory
from assay.scoring.cascade_supergpqa import extract_letter, extract_official
from assay.scoring.extraction import (
    Extracted,
    Strategy,
    alike,
    answer_line,
    answer_sentence,
    any_width,
    boxed,
    double_brackets,
    extract,
    extraction_scorer,
    fenced_block,
    first_of,
    json_field,
    last_of,
    option,
    short_answer,
    unanimous,
)

MARKS = (double_brackets, boxed, answer_line)


def found(strategy: Strategy, text: str) -> str | None:
    answer = strategy(text).found
    return answer.text if answer else None


def score(strategy: Strategy, target: str, text: str, finish: str = "stop") -> Score:
    call = Call("d", Request("m", (Message("user", "q"),)), Response(text, finish_reason=finish))
    result = extraction_scorer(strategy)(Sample("s", "q", target), Trajectory("s", 1, (), (call,)))
    assert isinstance(result, Score)
    return result


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ('{"answer": "B"}', "B"),
        ('Sure:\n```json\n{"why": "x", "answer": "B"}\n```\nDone.', "B"),
        ('{"answer": 3.5}', "3.5"),
        ('{"answer": true}', "true"),
        ('{"answer": "A"} no, wait: {"answer": "C"}', "C"),
        ("{'answer': 'B',}", "B"),
        ('{"result": {"answer": " B "}}', "B"),
        ('{"answer": ["B"]}', "B"),
        ('{"answer": null}', None),
        ('{"answer": {"x": 1}}', None),
        ('{"reply": "B"}', None),
        ('{"answer": "B', None),
        ("answer: B", None),
    ],
)
def test_the_last_json_object_with_the_field_counts(text: str, answer: str | None) -> None:
    assert found(json_field("answer"), text) == answer


@pytest.mark.parametrize(
    ("tags", "text", "content"),
    [
        ((), "```\na\n```", "a"),
        ((), "```python\na\n```\ntext\n```\nb\nc\n```\n", "b\nc"),
        (("python", "py"), "```Python\na\n```\n```text\nb\n```", "a"),
        (("python",), "```text\nb\n```", None),
        ((), "~~~\na ``` b\n~~~", "a ``` b"),
        ((), "````md\n```\ninner\n```\n````", "```\ninner\n```"),
        ((), "```python\nnever closed", None),
        ((), "say `code` here", None),
        ((), "  ```\n  a\n  ```", "  a"),
    ],
)
def test_the_last_closed_fenced_block_counts(tags: tuple[str, ...], text: str, content: str | None) -> None:
    assert found(fenced_block(*tags), text) == content


def test_a_cascade_asks_in_order_and_tells_what_competed() -> None:
    text = "Answer: 4\nor rather \\boxed{5}"
    first = first_of(answer_line, boxed)(text)
    assert first.found is not None
    assert (first.found.text, first.found.pattern) == ("4", "answer line")
    assert [(other.text, other.pattern) for other in first.others] == [("5", "boxed")]
    assert found(last_of(answer_line, boxed), text) == "5"
    assert found(first_of(double_brackets, boxed), text) == "5"


def test_the_last_place_counts_whatever_the_kind() -> None:
    assert found(last_of(*MARKS), "\\boxed{1} then [[2]]\n\nAnswer: 3") == "3"
    assert found(last_of(*MARKS), "Answer: 3\n\nNo: \\boxed{1} then [[2]]") == "2"
    assert found(last_of(*MARKS), "nothing") is None


def test_strategies_that_disagree_are_ambiguous_and_not_guessed() -> None:
    agreed = unanimous(*MARKS)
    assert found(agreed, "Answer: 0.50\n\n\\boxed{.5}") == ".5"
    unclear = agreed("\\boxed{1} then [[2]]")
    assert unclear.ambiguous
    assert {other.text for other in unclear.others} == {"1", "2"}


def test_a_cascade_stops_at_an_ambiguity_instead_of_asking_a_weaker_rule() -> None:
    cascade = first_of(option("ABCD"), boxed)
    unclear = cascade("The answer is A or B. \\boxed{7}")
    assert unclear.ambiguous
    assert {other.text for other in unclear.others} >= {"A", "B"}


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("the answer is (b)", "B"),
        ("**Answer:** **C**", "C"),
        ("答案是D", "D"),
        ("答案：Ｂ", "B"),
        ("正确选项是 A", "A"),
        ("green", "B"),
        ("The answer is blue.", "C"),
        ("A cat sat there.", None),
    ],
)
def test_options_are_found_by_letter_and_by_text_in_two_languages(text: str, letter: str | None) -> None:
    assert found(option("ABCD", ("red", "green", "blue", "grey")), text) == letter


def test_full_width_marks_and_chinese_cues_are_read_and_spans_stay_true() -> None:
    text = "所以［［１２］］"
    result = any_width(double_brackets)(text)
    assert result.found is not None
    assert (result.found.text, text[slice(*result.found.span)]) == ("12", "［［１２］］")
    assert found(any_width(short_answer), "经过计算\n\n答案：４２") == "42"


def test_thinking_is_never_looked_at() -> None:
    strategy = last_of(boxed, answer_line, json_field("answer"), fenced_block(), answer_sentence)
    assert extract(Response("<think>\\boxed{1}</think>Answer: 2"), strategy).found.text == "2"  # type: ignore[union-attr]
    assert extract(Response("", reasoning="\\boxed{1}"), strategy) == Extracted()
    assert extract(Response("<think>Answer: 1\n```\n1\n```"), strategy) == Extracted()


def test_a_score_says_where_the_answer_stood_and_what_competed() -> None:
    right = score(last_of(*MARKS), "5", "Answer: 4\nor rather \\boxed{5}")
    assert (right.value, right.answer) == (1, "5")
    assert (right.trace["pattern"], right.trace["span"]) == ("boxed", (20, 29))
    assert [(other["text"], other["pattern"]) for other in right.trace["others"]] == [("4", "answer line")]


def test_an_ambiguous_reply_is_unparsed_with_its_reason_and_a_cut_off_one_truncated() -> None:
    unclear = score(unanimous(*MARKS), "1", "\\boxed{1} then [[2]]")
    assert (unclear.outcome, unclear.value) == (Outcome.UNPARSED, None)
    assert unclear.explanation == "ambiguous: 2 | 1"
    assert score(boxed, "1", "so we", "length").outcome is Outcome.TRUNCATED


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("0.5", "1/2", True),
        ("Paris", " paris", True),
        ("[0,1)", "[0,1]", False),
        ("1,2", "1.2", False),
        ("B", "(B)", False),
    ],
)
def test_competitors_are_the_same_only_where_nothing_differs(one: str, other: str, same: bool) -> None:
    assert alike(one, other) is alike(other, one) is same


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        # the quirks that the published numbers contain
        ("Answer: b", "b"),
        ("I think B", "I"),
        ("A cat is here", "A"),
        ("Answer: A and B", "A"),
        ("Answer - C", None),
        ("The answer to the question is D", None),
        ("The answer to this question is: A", None),
        ("**Answer:** D", "D"),
        ("**Answer**: D", "D"),
        ("**Answer:** **C**", None),
        ("Answer: C) Uranium", "C"),
        # frames
        ("The final answer is $\\boxed{B}$.", "B"),
        ("The best option is (C).", "C"),
        ("the answer i A", "A"),
        ("Answer: K", None),
        ("Answer: AB", None),
        ("$\\boxed{B}$", "B"),
        ("[D]:", "D"),
        ("(C).", "C"),
        # the last line comes before the whole text, the order of the frames before the place
        ("Answer: A\nso Answer: B", "B"),
        ("Answer: A\nnothing here", "A"),
        ("B\nno more", "B"),
        ("Answer: A\nThe answer is C\nend", "C"),
        # the text of an option, where no letter is found
        ("Answer Hydrogen", "B"),
        ("Answer: Hydrogen", None),
        ("The answer is Hydrogen.", "B"),
        ("the answer is hydrogen", None),
        ("Hydrogen", "B"),
        ("The answer is (x+1)", "C"),
        ("", None),
    ],
)
def test_the_cascade_of_supergpqa_is_reproduced(reply: str, answer: str | None) -> None:
    result = extract_official(reply, ["Oxygen", "Hydrogen", "(x+1)", "none"])
    assert (result.text if result else None) == answer


def test_five_shot_replies_are_cut_at_the_next_question_first() -> None:
    reply = "Answer: C.\n\nQuestion: what else?\nAnswer: D."
    options = ["a", "b", "c", "d"]
    assert extract_official(reply, options).text == "D"  # type: ignore[union-attr]
    assert extract_official(reply, options, few_shot=True).text == "C"  # type: ignore[union-attr]
    late = "hm\nQuestion: again\nAnswer: D."
    assert extract_official(late, options, few_shot=True).text == "D"  # type: ignore[union-attr]


def test_a_letter_of_the_cascade_has_its_place_and_frame() -> None:
    reply = "We see.\nAnswer: (C)"
    result = extract_letter(reply)
    assert result is not None
    assert (reply[slice(*result.span)], result.pattern) == ("C", "answer: (last line)")


HOSTILE = [
    "(" * 50_000,
    "answer" + " " * 50_000,
    "the answer is" + "\\" * 50_000,
    "Answer:\n\n\n\n\n\n" * 9_000,
    "{" * 50_000,
]
HOSTILE += ["```\n" * 20_000, "[[" * 20_000, "\\boxed{" * 9_000, '{"answer":' * 9_000, "the answerw" + "\n" * 50_000]


@pytest.mark.parametrize("text", HOSTILE)
def test_long_hostile_replies_answer_nothing(text: str) -> None:
    strategy = first_of(*MARKS, json_field("answer"), answer_sentence)
    assert found(strategy, text) is None
    assert extract_official(text, ["x (y", "z"]) is None
    fenced_block("python")(text)


@given(st.text(st.sampled_from("`~[]{}\\boxed answer:是A1\n\"',"), max_size=60))
def test_every_span_holds_its_answer(text: str) -> None:
    strategy = last_of(*MARKS, json_field("answer"), fenced_block(), answer_sentence, option("AB"))
    result = strategy(text)
    for each in (result.found, *result.others):
        if each is not None:
            assert 0 <= each.span[0] <= each.span[1] <= len(text)
    if result.found is not None and result.found.pattern != "option":
        assert result.found.text.strip()[:1].casefold() in text.casefold()
