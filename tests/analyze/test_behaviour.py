"""Behaviour variables measure how a reply is written, not what it says about itself."""

from __future__ import annotations

import pytest

from assay.analyze.behaviour import MOST, looping, of_reply, repetition, scripts


def measured(
    output: str, prompt: str = "What is two plus two?", thinking: str | None = None
) -> dict[str, float | bool]:
    return of_reply(output, thinking, prompt)


@pytest.mark.parametrize(
    ("output", "variable", "expected"),
    [
        ("four 😀😀", "emoji_per_1k", 1000 * 2 / 7),
        ("# One\n- two\nthree\n**four**", "markdown_share", 0.75),
        ("答案是四", "language_mismatch", True),
        ("The answer is four", "language_mismatch", False),
        ("12 34", "language_mismatch", False),
        ("abcd 答案", "code_switching", 2 / 6),
        ("maybe it is four, I think", "hedges_per_1k", 1000 * 2 / 6),
        ("five. wait, that is wrong. four", "self_corrections_per_1k", 1000 * 2 / 6),
        ("x\n```\ncode\n```\n", "code_share", 9 / 15),
        ("a1b22", "digit_share", 3 / 5),
        ("one two 三四", "output_words", 4),
    ],
)
def test_each_variable_counts_what_it_says(output: str, variable: str, expected: float) -> None:
    assert measured(output)[variable] == pytest.approx(expected)


def test_thinking_is_no_part_of_the_reply() -> None:
    found = measured("four", thinking="maybe five. wait, actually four")
    assert found["thinking_share"] == pytest.approx(31 / 35)
    assert found["output_chars"] == 4
    assert found["hedges_per_1k"] == 0
    assert found["self_corrections_per_1k"] == pytest.approx(1000 * 2 / 6)
    assert "thinking_share" not in measured("four")


def test_repetition_is_the_share_of_passages_seen_before() -> None:
    words = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"]
    assert repetition(words) == 0
    assert repetition(words * 2) == pytest.approx(6 / 16)
    assert repetition(words[:9]) == 0


def test_looping_needs_the_same_passage_three_times_at_the_end() -> None:
    passage = "so the final answer is 4; "
    assert looping("first. " + passage * 3)
    assert not looping("first. " + passage * 2)
    assert not looping("first. " + passage * 3 + "done")
    assert not looping("-" * 400), "a rule of dashes is no loop"


def test_mixed_scripts_are_told_apart() -> None:
    assert scripts("да yes") == ("latin", pytest.approx(2 / 5))
    assert scripts("是 ひらがな") == ("kana", pytest.approx(1 / 5))
    assert scripts("42!") == (None, 0.0)


def test_a_giant_reply_is_measured_on_its_ends() -> None:
    found = measured("word " * (MOST * 10))
    assert found["output_chars"] == MOST * 50
    assert found["output_words"] <= MOST
