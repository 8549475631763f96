"""A table of (reply, what stands apart in it), and texts that are meant to make a search slow or large."""

from __future__ import annotations

import pytest

from assay.scoring.brackets import find_answer, last_bracketed

TABLE = [
    ("So it is [[42]].", "42", "double brackets", 0),
    ("[[1]] and later [[2]]", "2", "double brackets", 1),
    ("[[2]], again [[2]]", "2", "double brackets", 0),
    ("[[ spaced out ]]", "spaced out", "double brackets", 0),
    ("[[two\nlines]]", "two\nlines", "double brackets", 0),
    # brackets inside brackets
    ("[[1, 2], [3, 4]]", "[1, 2], [3, 4]", "double brackets", 0),
    ("[[[1, 2], [3, 4]]]", "[1, 2], [3, 4]", "double brackets", 0),
    ("[[1, 2],\n [3, 4]\n]", "[1, 2],\n [3, 4]", "double brackets", 0),
    ("[[a[1]]]", "a[1]", "double brackets", 0),
    ("[[[42]]", "42", "double brackets", 0),
    ("in [0, 3) the value is [[7]]", "7", "double brackets", 0),
    ("\\[ [[42]] \\]", "42", "double brackets", 0),
    ("\\[[[42]]\\]", "42", "double brackets", 0),
    # no pair
    ("[[ 3 [ 5 ]]", "3 [ 5", "double brackets, unbalanced", 0),
    ("[[x], y]]", "x], y", "double brackets, unbalanced", 0),
    # placeholders are no answers
    ("[[A]], in the form [[...]]", "A", "double brackets", 0),
    ("[[A]] [[]]", "A", "double brackets", 0),
    # weaker marks, only where there are no brackets
    ("\\boxed{1} then \\boxed{\\frac{1}{2}}", "\\frac{1}{2}", "boxed", 1),
    ("\\boxed{1} but [[2]]", "2", "double brackets", 0),
    ("**Answer:** 42.", "42", "answer line", 0),
    ("Final answer:\n42", "42", "answer line", 0),
    ("The answer is: 42\nAnswer: 43", "43", "answer line", 1),
    ("The answer is D. Red.", "D", "answer sentence", 0),
    ("So the answer is **B**.", "B", "answer sentence", 0),
    ("The final answer is 3.5, I think", "3.5, I think", "answer sentence", 0),
    ("The answer is 4. No: the answer is 5", "5", "answer sentence", 1),
    ("The answer is 1, 2, 3!\nSurely.", "1, 2, 3", "answer sentence", 0),
    ("The answer is 4, so [[5]]", "5", "double brackets", 0),
]


@pytest.mark.parametrize(("reply", "text", "pattern", "competitors"), TABLE)
def test_the_last_answer_that_stands_apart_is_found(reply: str, text: str, pattern: str, competitors: int) -> None:
    found = find_answer(reply)
    assert found is not None
    assert (found.text, found.pattern, found.competitors) == (text, pattern, competitors)
    assert found.text in reply[slice(*found.span)]


@pytest.mark.parametrize("reply", ["", "42", "[42]", "[[42", "42]]", "[[]]", "[[...]]", "]][[", "\\boxed{42", "answer"])
def test_a_reply_that_sets_nothing_apart_has_no_answer(reply: str) -> None:
    assert find_answer(reply) is None


@pytest.mark.parametrize(
    "piece",
    [
        "[",
        "]",
        "[[",
        "[[ ",
        "[]",
        "[[]",
        "[[a]",
        "\\boxed{",
        "\\boxed{{",
        "answer: ",
        "\nanswer:",
        "\n> ",
        "[[\n",
        "answer is ",
        "answer is *",
    ],
)
def test_a_million_of_anything_is_read_in_one_pass(piece: str) -> None:
    # Anything but a linear search would take hours here.
    text = piece * (2_000_000 // len(piece))
    find_answer(text)
    end = find_answer(f"{text} [[42]]")
    assert end is not None
    assert end.text == "42"


def test_the_answer_is_found_ten_million_characters_before_the_end() -> None:
    found = last_bracketed("[[42]]" + " and so on" * 1_000_000)
    assert found is not None
    assert found.text == "42"
