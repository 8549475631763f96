"""Word and character overlap: worked values, the official normalisation, closed forms."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.records import Call, Message, Outcome, Request, Response, Sample, Trajectory
from assay.scoring.f1 import character_f1, character_tokens, f1_scorer, squad_exact, squad_f1, squad_normalise


@pytest.mark.parametrize(
    ("text", "normalised"),
    [
        ("The  Cat's pyjamas.", "cats pyjamas"),
        ("an apple, a pear", "apple pear"),
        ("Theatre", "theatre"),
        ("U.S.A", "usa"),
        ("a-an", "aan"),
        ("«quoted»", "«quoted»"),
        ("the", ""),
    ],
)
def test_the_official_normalisation(text: str, normalised: str) -> None:
    assert squad_normalise(text) == normalised


@pytest.mark.parametrize(
    ("answer", "golds", "f1", "same"),
    [
        ("the Denver Broncos", ["Denver Broncos"], 1, True),
        ("Broncos", ["Denver Broncos"], 2 / 3, False),
        ("Denver Broncos won", ["Carolina Panthers", "Denver Broncos"], 0.8, False),
        ("a b b", ["b b b c"], 2 * 2 / (2 + 4), False),
        ("", ["the"], 1, True),
        ("", ["x"], 0, False),
        ("y", [""], 0, False),
    ],
)
def test_squad_worked_values(answer: str, golds: list[str], f1: float, same: bool) -> None:
    assert squad_f1(answer, golds) == pytest.approx(f1)
    assert squad_exact(answer, golds) is same


@pytest.mark.parametrize(
    ("answer", "gold", "f1"),
    [
        ("上海市", "上海", 0.8),
        ("上海。", "上海", 1),
        ("ＧＤＰ增长5.2%", "gdp增长", 2 * 3 / (5 + 3)),
        ("東京タワー", "東京", 2 * 2 / (5 + 2)),
        ("北京", "上海", 0),
    ],
)
def test_character_f1_worked_values(answer: str, gold: str, f1: float) -> None:
    assert character_f1(answer, [gold]) == pytest.approx(f1)


def test_han_characters_are_tokens_and_other_words_are_runs() -> None:
    assert character_tokens("iPhone 15 的价格，是US$999") == ["iphone", "15", "的", "价", "格", "是", "us", "999"]


words = st.lists(st.sampled_from(["x", "y", "z", "w"]), max_size=8)


@given(words, words)
def test_f1_is_the_harmonic_mean_of_precision_and_recall(ours: list[str], gold: list[str]) -> None:
    common = sum(min(ours.count(word), gold.count(word)) for word in set(ours))
    if ours and gold:
        precision, recall = common / len(ours), common / len(gold)
        expected = 2 * precision * recall / (precision + recall) if common else 0
    else:
        expected = float(ours == gold)
    found = squad_f1(" ".join(ours), [" ".join(gold)])
    assert found == pytest.approx(expected)
    assert found == squad_f1(" ".join(gold), [" ".join(ours)])


def test_the_scorer_keeps_exact_match_beside_f1_and_unparsed_apart() -> None:
    def score(text: str, target: str) -> tuple[Outcome, float | None, dict[str, float]]:
        trajectory = Trajectory("s", 1, (), (Call("0", Request("m", (Message("user", "?"),)), Response(text)),))
        found = f1_scorer("characters")(Sample("s", "?", target), trajectory)
        return found.outcome, found.value, found.values  # type: ignore[union-attr]

    assert score("Answer: 上海市", "上海") == (Outcome.SCORED, 0.8, {"exact": 0})
    assert score("Answer: 海上", "上海") == (Outcome.SCORED, 1, {"exact": 0})
    assert score("先想一想。\n再说。", "上海") == (Outcome.UNPARSED, None, {})
