"""Telling thinking from the answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.records import Outcome, Response
from assay.scoring.thinking import before_next_question, outcome_without_answer, split_thinking


@pytest.mark.parametrize(
    ("text", "thinking", "answer"),
    [
        ("The answer is B.", None, "The answer is B."),
        ("a < b and c > d", None, "a < b and c > d"),
        ("<think>x</think>B", "x", "B"),
        ("<think>\nx\n</think>\n\nB\n", "x", "B"),
        ("<Thinking>x</Thinking> B", "x", "B"),
        ("<think></think>B", "", "B"),
        ("x</think>B", "x", "B"),
        ("<think>x", "x", ""),
        ("So: <think>x", "x", "So:"),
        ("A <think>x</think> B <think>y</think> C", "x\ny", "A  B  C"),
        ("<think>x <think> y</think>B", "x <think> y", "B"),
        ("<think>x</think> y </think>B", "x\ny", "B"),
    ],
)
def test_splits(text: str, thinking: str | None, answer: str) -> None:
    assert split_thinking(text) == (thinking, answer)


@given(st.lists(st.sampled_from(["<think>", "</think>", "x", "<thinking>", " ", "<", "\n"])).map("".join))
def test_no_tag_and_nothing_but_the_text_is_left_in_the_answer(text: str) -> None:
    thinking, answer = split_thinking(text)
    assert answer in text or "<think" in text or "</think" in text
    assert "</think>" not in answer
    assert "<think>" not in answer
    assert text.count("x") == answer.count("x") + (thinking or "").count("x")


def test_what_stands_before_an_invented_question() -> None:
    assert before_next_question("B\n\nQuestion: And now?") == "B"
    assert before_next_question("B\nQ2: And now?") == "B"
    assert before_next_question("Question: What?\nB") is None
    assert before_next_question("The question: is it B?\nYes") is None


@pytest.mark.parametrize(
    ("finish_reason", "outcome"),
    [
        ("length", Outcome.TRUNCATED),
        ("content_filter", Outcome.REFUSED),
        ("stop", Outcome.UNPARSED),
        (None, Outcome.UNPARSED),
    ],
)
def test_the_outcome_of_a_reply_without_an_answer(finish_reason: str | None, outcome: Outcome) -> None:
    assert outcome_without_answer(Response("x", finish_reason=finish_reason)) is outcome
