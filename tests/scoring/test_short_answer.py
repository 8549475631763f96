"""Tables of (targets, reply, verdict) for short answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.records import Call, Message, Outcome, Request, Response, Sample, Score, Trajectory
from assay.scoring.short_answer import extract_short, same_answer, short_answer_scorer

SAME = [
    ("1000", "1,000"),
    ("1,000", "1000.0"),
    ("1000", "1e3"),
    ("0.5", ".50"),
    ("0.5", "1/2"),
    ("0.5", "\\frac{1}{2}"),
    ("1/2", "½"),
    ("-3", "−3"),
    ("42", "42."),
    ("42", "$42$"),
    ("42", "４２"),
    ("50%", "50 %"),
    ("50%", "50\\%"),
    ("50%", "0.5"),
    ("50%", "50 percent"),
    ("Paris", "paris."),
    ("Paris", "**Paris**"),
    ("Paris", '"Paris"'),
    ("Paris", "\\text{Paris}"),
    ("The Eiffel Tower", "Eiffel tower"),
    ("U.S.A.", "USA"),
    ("twenty-one", "twenty one"),
    ("don't know", "dont know"),
    ("St. Louis", "St Louis"),
    ("10 km/h", "10 km/h"),
    ("1,000 people", "1000 people"),
    ("m²", "m^2"),
    ("H₂O", "H2O"),
    ("ＡＢＣ", "abc"),
    ("(2, 3)", "(2,3)"),
    ("北京", "北京。"),
    ("C++", "c++"),
    ("A", "a"),
    ("Straße", "STRASSE"),
    ("?!", "?!"),
]
DIFFERENT = [
    ("0.5", "50%"),
    ("50", "50%"),
    ("50%", "50"),
    ("1000", "1,00"),
    ("100", "1,00"),
    ("5", "5!"),
    ("5", "-5"),
    ("-x", "x"),
    ("102", "10²"),
    ("5.5", "1½"),
    ("1000", "1000 people"),
    ("5", "five"),
    ("Paris", "Paris, Texas"),
    ("Paris", "Paris or Rome"),
    ("Paris", ""),
    ("C", "C++"),
    ("C", "C#"),
    ("2", "√2"),
    ("vitamin", "vitamin A"),
    ("3.5", "35"),
    ("(2,3)", "23"),
    ("?", "!"),
    ("9" * 5000, "9" * 4999),
    ("1e5", "1e99999999999"),
]


@pytest.mark.parametrize(("target", "answer"), SAME)
def test_spellings_of_the_same_answer(target: str, answer: str) -> None:
    assert same_answer(answer, target)


@pytest.mark.parametrize(("target", "answer"), DIFFERENT)
def test_different_answers(target: str, answer: str) -> None:
    assert not same_answer(answer, target)


@given(st.text(max_size=60))
def test_comparing_any_text_works_and_an_answer_is_the_same_as_itself(text: str) -> None:
    assert same_answer(text, text)
    assert not same_answer(text, f"{text} no {text}")


RIGHT, WRONG, NOTHING = 1.0, 0.0, None
REPLIES = [
    ("Paris", "Answer: Paris", RIGHT),
    ("Paris", "It is on the Seine.\n\nAnswer: Paris", RIGHT),
    ("Paris", "It is on the Seine.\n\n**Answer:** Paris", RIGHT),
    ("Paris", "**Answer: Paris**", RIGHT),
    ("Paris", "### Answer\n\nParis", RIGHT),
    ("Paris", "Final answer:\nParis\n", RIGHT),
    ("Paris", "Answer: Rome\n\nNo.\n\nAnswer: Paris", RIGHT),
    ("Paris", "Answer: Paris\n\nAnswer: Rome", WRONG),
    ("Paris", "Paris", RIGHT),
    ("Paris", "paris.\n", RIGHT),
    ("Paris", "[[Paris]]", RIGHT),
    ("Paris", "Both are cities.\nSo: [[ Paris ]] it is.", RIGHT),
    ("Paris", "Answer: [[Paris]]", RIGHT),
    ("Paris", "<answer>Paris</answer>", RIGHT),
    ("Paris", "We get $\\boxed{\\text{Paris}}$.\nDone.", RIGHT),
    ("1/2", "So\n$$\\boxed{\\frac{1}{2}}$$", RIGHT),
    ("0.5", "Answer: \\(\\boxed{\\frac{1}{2}}\\)", RIGHT),
    ("Paris", "The answer is Paris.", RIGHT),
    ("Paris", "Let me see.\nThe answer is: **Paris**.", RIGHT),
    ("Paris", "The answer is Paris. It lies on the Seine.", RIGHT),
    ("St. Louis", "The answer is St. Louis. It lies on the Mississippi.", RIGHT),
    ("北京", "想一想。\n答案：北京", RIGHT),
    ("北京", "【答案】北京", RIGHT),
    ("Paris", "<think>Answer: Rome</think>\nAnswer: Paris", RIGHT),
    ("Paris", " Paris\n\nQuestion: And of Italy?\nAnswer: Rome", RIGHT),
    ("Paris", "Question: The capital?\nAnswer: Paris", RIGHT),
    ("Paris", "It might be Paris, or it might be Rome.", WRONG),
    ("Paris", "Answer: Paris or Rome", WRONG),
    ("1234", "The matrix is\n[[1,2],[3,4]]\nas said.", NOTHING),
    ("Paris", "Paris is large.\nRome is old.", NOTHING),
    ("Paris", "", NOTHING),
    ("Paris", " \n ", NOTHING),
    ("Paris", "Answer:", NOTHING),
    ("Paris", "<think>Paris", NOTHING),
    ("Paris", "\\boxed{}\nand so on", NOTHING),
]


def score(target: str | tuple[str, ...], reply: str, finish_reason: str = "stop") -> Score:
    call = Call("0", Request("m"), Response(reply, finish_reason=finish_reason))
    trajectory = Trajectory("1", 1, (Message("assistant", reply),), (call,))
    result = short_answer_scorer()(Sample("1", "Which city?", target), trajectory)
    assert isinstance(result, Score)
    return result


@pytest.mark.parametrize(("target", "reply", "verdict"), REPLIES)
def test_replies(target: str, reply: str, verdict: float | None) -> None:
    result = score(target, reply)
    assert result.value == verdict, result
    assert result.outcome is (Outcome.UNPARSED if verdict is None else Outcome.SCORED)


def test_any_of_several_targets_is_right() -> None:
    assert score(("NYC", "New York"), "Answer: new york").trace["matched"] == "New York"
    assert score(("NYC", "New York"), "Answer: York").value == 0.0
    with pytest.raises(ValueError, match="empty target"):
        score(("NYC", " "), "Answer: York")


def test_a_cut_off_reply_without_an_answer_is_truncated() -> None:
    assert score("Paris", "Let me think.\nThere are", "length").outcome is Outcome.TRUNCATED


@pytest.mark.parametrize(
    "piece",
    ["answer:", "\nAnswer: x", "\\boxed{", "[[", "[[a", "<answer>", "the answer is ", "答案", "\n", "(", "-", "9"],
)
def test_an_answer_after_a_megabyte_of_hostile_text_is_found(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    found = extract_short(text + "\nAnswer: Paris")
    assert found is not None
    assert found.text == "Paris"
    assert not same_answer(text, "9")
