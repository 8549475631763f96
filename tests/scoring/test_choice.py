"""A table of (gold, reply, verdict) for multiple-choice answers, and agreement with real replies."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from assay.records import Call, Message, Outcome, Request, Response, Sample, Score, Trajectory
from assay.scoring.choice import LETTERS, choice_scorer, extract_choice
from assay.scoring.thinking import split_thinking

OPTIONS = ("Lima", "Quito", "La Paz", "Bogota")
RIGHT, WRONG = 1.0, 0.0
AMBIGUOUS, NOTHING = "ambiguous", "nothing"

TABLE = [
    # the forms that prompts ask for
    ("C", "ANSWER: C", RIGHT),
    ("C", "Answer: C", RIGHT),
    ("C", "Answer: C.", RIGHT),
    ("C", "Answer: D", WRONG),
    ("C", "answer:C", RIGHT),
    ("C", "Answer:\nC", RIGHT),
    ("C", "Answer - C", RIGHT),
    ("C", "Answer C", RIGHT),
    ("C", "Answer: (C)", RIGHT),
    ("C", "Answer: [C]", RIGHT),
    ("C", "Answer: 'C'", RIGHT),
    ("C", "Answer: $C$", RIGHT),
    ("C", "Answer: C) La Paz", RIGHT),
    ("C", "Answer: C. La Paz", RIGHT),
    ("C", "Answer: option C", RIGHT),
    ("C", "Final Answer: C", RIGHT),
    ("C", "Correct choice: C", RIGHT),
    ("C", "Some thoughts about capitals.\n\nAnswer: C", RIGHT),
    ("C", "Answer: C\n\nExplanation: Lima is in Peru and Quito in Ecuador.", RIGHT),
    # sentences
    ("D", "The answer is D", RIGHT),
    ("D", "The answer is: D.", RIGHT),
    ("D", "The answer is (d).", RIGHT),
    ("D", "The answer to the question is D", RIGHT),
    ("D", "The answer to the question of which city it is is therefore D.", RIGHT),
    ("D", "The answer should be D because the others lie elsewhere.", RIGHT),
    ("D", "The correct answer among the given options is **(D)**.", RIGHT),
    ("D", "So the best option would be D.", RIGHT),
    ("D", "The option that fits best is D.", RIGHT),
    ("D", "The right choice is option D, Bogota.", RIGHT),
    ("D", "The answer is most likely D.", RIGHT),
    ("D", "The answer is D, not A.", RIGHT),
    ("D", "The answer is not A but D.", RIGHT),
    ("D", "The answer would then be:\n\nD) Bogota", RIGHT),
    # markup
    ("B", "**B**", RIGHT),
    ("B", "**Answer:** B", RIGHT),
    ("B", "**Answer**: (B)", RIGHT),
    ("B", "**Answer: B**", RIGHT),
    ("B", "**Answer:** **B**", RIGHT),
    ("B", "### Answer\n\n**B. Quito**", RIGHT),
    ("B", "`B`", RIGHT),
    ("B", "It follows that \\boxed{B}.", RIGHT),
    ("B", "$\\boxed{\\text{B}}$", RIGHT),
    ("B", "\\[ \\boxed{\\mathbf{(B)}} \\]", RIGHT),
    ("B", "\\boxed{B) Quito}", RIGHT),
    ("B", "\\boxed{Quito}", RIGHT),
    ("B", "The answer is \\(\\boxed{B}\\).", RIGHT),
    ("B", "[[B]]", RIGHT),
    ("B", "I settle on this: [[ b ]]", RIGHT),
    ("B", "<answer>B</answer>", RIGHT),
    ("B", '{"reasoning": "none needed", "answer": "B"}', RIGHT),
    # bare letters and lines
    ("B", "B", RIGHT),
    ("B", "B.", RIGHT),
    ("B", "(B)", RIGHT),
    ("B", "b", RIGHT),
    ("B", " b)\n", RIGHT),
    ("B", "B) Quito", RIGHT),
    ("B", "B. Quito is the capital of Ecuador.", RIGHT),
    ("B", "B, because the others are elsewhere.", RIGHT),
    ("B", "B\n\nThe equator runs through the country.", RIGHT),
    ("B", "The equator runs through the country.\n\nB", RIGHT),
    ("B", "The equator runs through the country.\n**B) Quito**", RIGHT),
    ("B", "Option B", RIGHT),
    # the option's text
    ("C", "La Paz", RIGHT),
    ("C", "la paz.", RIGHT),
    ("C", "Answer: La Paz", RIGHT),
    ("C", "The answer is **La Paz**.", RIGHT),
    ("C", "It lies very high.\n\nLa Paz", RIGHT),
    ("C", "Answer: Lima", WRONG),
    ("C", "La Paz (C)", RIGHT),
    ("C", "Answer: La Paz (D)", AMBIGUOUS),
    # other scripts
    ("B", "Ｂ", RIGHT),
    ("B", "答案：B", RIGHT),
    ("B", "【答案】B", RIGHT),
    ("B", "答案是B。", RIGHT),
    ("B", "所以正确答案为（Ｂ）。", RIGHT),
    ("B", "综上所述，故选B", RIGHT),
    ("B", "A错误，选B。", RIGHT),
    ("B", "不能选A，应该选B。", RIGHT),
    ("B", "选项B正确。", RIGHT),
    ("B", "答案不是A。", NOTHING),
    # weaker wordings, all of one mind
    ("A", "I would choose A.", RIGHT),
    ("A", "Option A is correct.", RIGHT),
    ("A", "The correct statement is A.", RIGHT),
    ("A", "Option A seems the most plausible.", RIGHT),
    ("A", "I think it's A.", RIGHT),
    ("A", "That leaves only option A.", RIGHT),
    ("A", "Given the altitude, **A** fits.", RIGHT),
    # a change of mind
    ("A", "The answer is B. Wait, no: the answer is A.", RIGHT),
    ("A", "Answer: C\n\nOn reflection:\n\nAnswer: A", RIGHT),
    ("A", "At first I thought the answer is B.\n\nA", RIGHT),
    ("A", "Option B is wrong, option C is wrong. The answer is A.", RIGHT),
    ("B", "The wrong answer is A. The right answer is B.", RIGHT),
    # thinking does not count
    ("A", "<think>The answer is B, surely.</think>The answer is A.", RIGHT),
    ("A", "The answer is B, surely.</think>\n\nAnswer: A", RIGHT),
    ("A", "<thinking>Answer: A", NOTHING),
    ("A", "<think>Answer: A</think>", NOTHING),
    # a base model goes on to the next question
    ("A", " A\n\nQuestion: What is the capital of France?\nAnswer: B", RIGHT),
    ("A", "The answer is A.\n\nQ: What else?\nA. Yes\nB. No\nAnswer: B", RIGHT),
    ("B", "Question: Which city is it?\nAnswer: B", RIGHT),
    # several answers are none
    ("A", "Answer: A or B", AMBIGUOUS),
    ("A", "Answer: A and B", AMBIGUOUS),
    ("A", "The answer is (A), (B), and (D).", AMBIGUOUS),
    ("A", "The answer is either A or D.", AMBIGUOUS),
    ("A", "Answer: A/B", AMBIGUOUS),
    ("A", "Answer: A) Quito", AMBIGUOUS),
    ("A", "答案是A、B", AMBIGUOUS),
    ("A", "**A** is high up, **B** is on the coast.", AMBIGUOUS),
    ("A", "I would choose A. Then again, B is correct.", AMBIGUOUS),
    # words, names and lists that are no answers
    ("A", "A cat is here.", NOTHING),
    ("A", "The answer is a matter of taste.", NOTHING),
    ("A", "The answer is A matter of taste.", NOTHING),
    ("A", "Answer: a city in Peru", NOTHING),
    ("A", "I think a closer look is needed.", NOTHING),
    ("A", "A: Let us look at the map first.", NOTHING),
    ("A", "The answer is not A.", NOTHING),
    ("A", "The answer cannot be A.", NOTHING),
    ("A", "The incorrect option is A.", NOTHING),
    ("A", "So the answer is A - B = 3.", NOTHING),
    ("C", "So the answer is C(6, 3) = 20.", NOTHING),
    ("D", "A\nB\nC\nD", NOTHING),
    ("D", "A. Not Lima\nB. Not Quito\nC. Not that\nD", NOTHING),
    ("D", "D\n\nA. Lima is in Peru.\nB. Quito is in Ecuador.", RIGHT),
    ("B", "B-cells are in the blood.", NOTHING),
    ("B", "Answer: B12", NOTHING),
    ("C", "The answer is C++.", NOTHING),
    ("C", "C. elegans is a worm.", NOTHING),
    ("D", "Answer: D'Artagnan", NOTHING),
    ("D", "A) Lima\nB) Quito\nC) La Paz\nD) Bogota", NOTHING),
    ("A", "Choose the best answer:\nA) Lima\nB) Quito\nC) La Paz\nD) Bogota", NOTHING),
    ("A", "Let's think about cities.", NOTHING),
    ("A", "I cannot answer this.", NOTHING),
    ("A", "", NOTHING),
    ("A", "Answer:", NOTHING),
    ("A", "Answer: E", NOTHING),
]


def attempt(text: str, finish_reason: str = "stop") -> Trajectory:
    call = Call("0", Request("m"), Response(text, finish_reason=finish_reason))
    return Trajectory("1", 1, (Message("assistant", text),), (call,))


@pytest.mark.parametrize(("gold", "reply", "verdict"), TABLE)
def test_table(gold: str, reply: str, verdict: float | str) -> None:
    score = choice_scorer()(Sample("1", "Which city?", gold, OPTIONS), attempt(reply))
    assert isinstance(score, Score)
    if isinstance(verdict, str):
        assert (score.outcome, score.value, score.answer) == (Outcome.UNPARSED, None, None), score
        assert (len(score.trace["competitors"]) > 1) == (verdict == AMBIGUOUS), score
    else:
        assert (score.outcome, score.value) == (Outcome.SCORED, verdict), score
        assert score.trace["pattern"]


def test_span_points_at_the_letter_and_competitors_are_what_was_given_up() -> None:
    text = "The answer is B. No: 答案：Ｄ。"
    found = extract_choice(text, "ABCD", OPTIONS)
    assert found.span is not None
    assert text[slice(*found.span)].startswith("Ｄ")
    assert (found.letter, found.competitors) == ("D", ("B",))


@pytest.mark.parametrize(
    ("reply", "finish_reason", "outcome"),
    [
        ("The capital of", "length", Outcome.TRUNCATED),
        ("<think>Is it A?", "length", Outcome.TRUNCATED),
        ("The energy is given by the formula:\n\nB", "length", Outcome.TRUNCATED),
        ("", "content_filter", Outcome.REFUSED),
        ("The capital of", "stop", Outcome.UNPARSED),
        ("B", "length", Outcome.SCORED),
        ("Answer: B\n\nExplanation: the", "length", Outcome.SCORED),
    ],
)
def test_a_reply_without_an_answer_keeps_its_own_outcome(reply: str, finish_reason: str, outcome: Outcome) -> None:
    score = choice_scorer()(Sample("1", "Which city?", "B", OPTIONS), attempt(reply, finish_reason))
    assert isinstance(score, Score)
    assert score.outcome is outcome
    assert score.value == (1.0 if outcome is Outcome.SCORED else None)


def test_any_of_several_targets_is_right_and_a_target_outside_the_options_is_an_error() -> None:
    score = choice_scorer()(Sample("1", "Which city?", ("A", "B"), OPTIONS), attempt("Answer: B"))
    assert isinstance(score, Score)
    assert score.value == 1.0
    for target in ("E", "AB", ""):
        with pytest.raises(ValueError, match=f"target '{target}'"):
            choice_scorer()(Sample("1", "Which city?", target, OPTIONS), attempt("Answer: B"))


HOSTILE = [
    "answer is ",
    "Answer: A or ",
    "\\boxed{",
    "\\text{",
    "[[",
    "**B** ",
    "(",
    "\n",
    "\nA)",
    "</think>",
    "选",
    "not but ",
]
HOSTILE += [
    "option ",
    "A is correct. ",
    "I would choose ",
    "the answer is the the ",
    "\nQuestion: ",
    "A" + ")" * 50,
    " \n",
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_an_answer_after_a_megabyte_of_hostile_text_is_found(piece: str) -> None:
    text = split_thinking(piece * (1_000_000 // len(piece)))[1]
    extract_choice(text, "ABCD", OPTIONS)
    assert extract_choice(text + "\nAnswer: D", "ABCD", OPTIONS).letter == "D"


def test_agrees_with_the_official_verdicts_on_real_replies(shared_data: Path) -> None:
    """15,040 replies of ten models; the owners' rule is reliable where a reply names one answer only.

    The only differences allowed there are replies that name several options, or another one in other words.
    """
    import polars as pl

    folder = shared_data / "mmlu_pro"
    options = {
        row["question_id"]: row["options"] for row in pl.read_parquet(folder / "items.parquet").iter_rows(named=True)
    }
    explicit = re.compile(r"answer is \(?([A-J])\b")
    compared, differences = 0, []
    for row in pl.read_parquet(folder / "responses.parquet").iter_rows(named=True):
        texts = options[row["question_id"]]
        letters = LETTERS[: len(texts)]
        named = set(explicit.findall(row["response"]))
        if named == {row["official_pred"]} and named <= set(letters):
            compared += 1
            found = extract_choice(row["response"], letters, texts)
            if found.letter != row["official_pred"]:
                differences.append((row["official_pred"], found))
    assert compared > 12_000
    assert len(differences) < 0.01 * compared
    assert all(official in found.competitors for official, found in differences)
    assert sum(found.letter is not None for _, found in differences) < 0.0005 * compared
