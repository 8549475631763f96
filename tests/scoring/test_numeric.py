"""Numbers in text, and how near is near enough."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.records import Call, Message, Outcome, Request, Response, Sample, Trajectory
from assay.scoring.numeric import (
    EXACT,
    OWN_DECIMALS,
    Number,
    Range,
    Rule,
    accepts,
    accepts_set,
    exact,
    find_numbers,
    judge_key_points,
    numeric_scorer,
    parse_number,
    parse_range,
    parse_set,
    same_value,
)

WRITTEN = [
    ("12.45%", "0.1245", ""),
    ("12.45 per cent", "0.1245", ""),
    ("５％", "0.05", ""),
    ("50 bps", "0.005", ""),
    ("3‰", "0.003", ""),
    ("120,400,000", "120400000", ""),
    ("120.4 million", "120400000", ""),
    ("$5.2bn", "5200000000", ""),
    ("5M", "5000000", ""),
    ("5 m", "5", "m"),
    ("2/5", "0.4", ""),
    ("1½", "1.5", ""),
    ("-1 1/2", "-1.5", ""),
    (r"\frac{1}{2}", "0.5", ""),
    (r"$\dfrac{3}{4}$.", "0.75", ""),
    ("−16.97%", "-0.1697", ""),
    ("-$5", "-5", ""),
    ("$-5", "-5", ""),
    ("62.57亿元", "6257000000", "CNY"),
    ("3亿5000万", "350000000", ""),
    ("2.5万亿美元", "2500000000000", "USD"),
    ("63亿元左右", "6300000000", "CNY"),
    ("约 1.5 万", "15000", ""),
    ("US$ 3.5 billion", "3500000000", "USD"),
    ("1.234,56", "1234.56", ""),
    ("1 234,56", "1234.56", ""),
    ("1'234.5", "1234.5", ""),
    ("12,34,567.89", "1234567.89", ""),
    ("1.234.567", "1234567", ""),
    ("3,14", "3.14", ""),
    ("0,123", "0.123", ""),
    ("1,234", "1234", ""),
    ("1.2e-3", "0.0012", ""),
    ("1.2 × 10^-3", "0.0012", ""),
    (r"$1.2 \times 10^{-3}$", "0.0012", ""),
    ("1.2×10⁻³", "0.0012", ""),
    ("10¹²", "1000000000000", ""),
    (".5", "0.5", ""),
    ("188,864.0 terajoules", "188864", "TJ"),
    ("5 apples", "5", "apples"),
]
NOT_NUMBERS = [
    "",
    "a",
    "5!",
    "5 or 6",
    "2^10",
    "1,2,3",
    "2024.12.31",
    "1/0",
    "1.5/2",
    "5x",
    "e5",
    "--5",
    "9e9999",
    "5/",
    "10^",
]


@pytest.mark.parametrize(("text", "value", "unit"), WRITTEN)
def test_numbers_as_people_write_them(text: str, value: str, unit: str) -> None:
    number = parse_number(text)
    assert number is not None
    assert (number.value, number.unit) == (Fraction(value), unit)


@pytest.mark.parametrize("text", NOT_NUMBERS)
def test_what_is_no_number(text: str) -> None:
    assert parse_number(text) is None


def test_the_decimal_mark_can_be_said() -> None:
    def value(text: str, mark: str) -> Fraction | None:
        number = parse_number(text, decimal=mark)  # type: ignore[arg-type]
        return number and number.value

    assert value("1.234", ",") == 1234
    assert value("1,234", ",") == Fraction("1.234")
    assert value("1.234", ".") == Fraction("1.234")
    assert value("3,14", ".") is None


def test_numbers_in_running_text() -> None:
    text = "In 2020: 181,692.0 terajoules (1 TWh = 3,600 TJ). Q3 为63亿元人民币, 上升5.2%。At 5 km/h, 10/17/2025."
    found = [(float(number.value), number.unit) for number in find_numbers(text)]
    assert found == [
        (2020, ""),
        (181692, "TJ"),
        (1, "TWh"),
        (3600, "TJ"),
        (6.3e9, "CNY"),
        (0.052, ""),
        (5, ""),
        (10, ""),
    ]


def number(text: str) -> Number:
    parsed = parse_number(text)
    assert parsed is not None
    return parsed


PAIRS = [
    ("12.26", "12.256", OWN_DECIMALS, True),
    ("12.27", "12.256", OWN_DECIMALS, False),
    ("12", "12.256", OWN_DECIMALS, True),
    ("12.45%", "0.1245", EXACT, True),
    ("120,400,000", "120.4 million", EXACT, True),
    ("2/5", "0.4", EXACT, True),
    ("12.68%", "12.6844%", OWN_DECIMALS, True),
    ("20.83", "20.83146", OWN_DECIMALS, True),
    ("5.33", "5.3323", OWN_DECIMALS, True),
    ("39.08", "38.94", OWN_DECIMALS, False),
    ("63亿元", "62.57亿元", OWN_DECIMALS, True),
    ("63亿元", "62.57亿元", Rule(round_to="gold"), False),
    ("62.5712亿元", "62.57亿元", OWN_DECIMALS, False),
    ("62.5712亿元", "62.57亿元", Rule(round_to="gold"), True),
    ("62.57", "62.57亿元", EXACT, False),
    ("62.57", "62.57亿元", Rule(unit_optional=True), True),
    ("12.45", "12.45%", Rule(unit_optional=True), True),
    ("5%", "5", Rule(unit_optional=True), False),
    ("62.57亿美元", "62.57亿元", Rule(absolute=1e9), False),
    ("5 km", "5 m", EXACT, False),
    ("188864 TJ", "188,864.0 terajoules", EXACT, True),
    ("16.08%", "16.07%", Rule(absolute=0.0001), True),
    ("16.09%", "16.07%", Rule(absolute=0.0001), False),
    ("1.18", "1.16", Rule(relative=0.02), True),
    ("1.19", "1.16", Rule(relative=0.02), False),
    ("0.3", "0.1", Rule(absolute=0.2), True),
    ("1/3", "0.3333", Rule(round_to="coarser"), True),
    ("0 million", "300,000", OWN_DECIMALS, False),
    ("0e30", "62", OWN_DECIMALS, False),
    ("0.00%", "0.004%", OWN_DECIMALS, True),
]


@pytest.mark.parametrize(("answer", "gold", "rule", "right"), PAIRS)
def test_near_enough(answer: str, gold: str, rule: Rule, right: bool) -> None:
    assert accepts(rule, number(answer), number(gold)) is right


@pytest.mark.parametrize(
    ("answer", "rule", "right"),
    [
        ("12.26", OWN_DECIMALS, True),
        ("12.27", OWN_DECIMALS, False),
        ("12.26", EXACT, False),
        ("12.0", EXACT, True),
        ("11.9", Rule(absolute=0.1), True),
        ("11.89", Rule(absolute=0.1), False),
        ("12.356", Rule(absolute=0.1), True),
    ],
)
def test_a_band_between_low_and_high(answer: str, rule: Rule, right: bool) -> None:
    assert accepts(rule, number(answer), Range(number("12"), number("12.256"))) is right


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("10-12%", "0.1", "0.12"),
        ("10–12", "10", "12"),
        ("24198亿美元到24200亿美元", "2419800000000", "2420000000000"),
        ("between 5 and 7", "5", "7"),
        ("[1, 2]", "1", "2"),
        ("-3 to -1", "-3", "-1"),
        ("16.97% ± 0.01%", "0.1696", "0.1698"),
        ("5 +/- 0.1", "4.9", "5.1"),
    ],
)
def test_ranges(text: str, low: str, high: str) -> None:
    found = parse_range(text)
    assert found is not None
    assert (found.low.value, found.high.value) == (Fraction(low), Fraction(high))


@pytest.mark.parametrize("text", ["7-5", "1e-3", "-5", "a-b", "1-2-3", ""])
def test_what_is_no_range(text: str) -> None:
    assert parse_range(text) is None


def test_sets_match_one_to_one_in_any_order() -> None:
    def same(answer: str, gold: str, rule: Rule = EXACT) -> bool:
        answers, golds = parse_set(answer), parse_set(gold)
        assert answers is not None
        assert golds is not None
        return accepts_set(rule, answers, golds)

    assert same("{3, 1, 2}", "1,2,3")
    assert not same("1, 2", "1, 2, 3")
    assert not same("1, 2, 3, 4", "1, 2, 3")
    assert not same("1, 1, 2", "1, 2, 2")
    assert same("1, 2", "1.9; 1", Rule(absolute=0.95)), "the first fit of 1 would leave 2 without a partner"
    assert parse_set("1,200, 3") == (number("1,200"), number("3"))
    assert parse_set("1, b") is None


def test_key_points_are_numbers_ranges_lists_or_words() -> None:
    wanted = {"a": "科创50", "b": "16.07%", "c": "between 5 and 7", "d": "1, 2", "e": "10-12"}
    given = {"a": "科创50", "b": "0.1607", "c": "6", "d": "2 and 1", "e": "11"}
    verdicts = judge_key_points(EXACT, given, wanted)
    assert verdicts == {"a": True, "b": True, "c": True, "d": True, "e": False}, "a result 10-12 is no range"
    assert judge_key_points(EXACT, {}, wanted) == dict.fromkeys(wanted, False)
    assert not same_value(EXACT, "twelve", "12")


decimals = st.decimals(-10_000, 10_000, places=4, allow_nan=False)
places = st.integers(0, 3)
rules = st.builds(
    Rule,
    absolute=st.sampled_from([0, 0.001, 0.5]),
    relative=st.sampled_from([0, 0.0005, 0.1]),
    round_to=st.sampled_from([None, "gold", "answer", "coarser"]),
    unit_optional=st.booleans(),
)
texts = st.builds("{}{}".format, decimals, st.sampled_from(["", "%", " million", "亿元", "e2", " km"]))
WIDER = {None: ["gold", "answer", "coarser"], "gold": ["coarser"], "answer": ["coarser"], "coarser": []}


@given(decimals, places)
def test_a_rounding_to_the_answers_decimals_passes_in_both_conventions(true: Decimal, kept: int) -> None:
    for convention in (ROUND_HALF_UP, ROUND_HALF_EVEN):
        rounded = true.quantize(Decimal(1).scaleb(-kept), convention)
        if rounded or kept:
            assert accepts(OWN_DECIMALS, number(str(rounded)), number(str(true)))


@given(decimals, decimals, places, rules)
def test_rounding_and_tolerance_are_symmetric_in_sign(true: Decimal, other: Decimal, kept: int, rule: Rule) -> None:
    answer = other.quantize(Decimal(1).scaleb(-kept))
    one = accepts(rule, number(str(answer)), number(str(true)))
    assert one == accepts(rule, number(str(-answer)), number(str(-true)))


@given(texts, texts, texts, rules, st.sampled_from([0.001, 1, 100]))
def test_widening_a_rule_never_turns_a_pass_into_a_fail(
    answer: str, low: str, high: str, rule: Rule, more: float
) -> None:
    golds: list[Number | Range] = [number(low)]
    if number(low).value <= number(high).value:
        golds.append(Range(number(low), number(high)))
    wider = [
        Rule(rule.absolute + more, rule.relative, rule.round_to, rule.unit_optional),
        Rule(rule.absolute, rule.relative + more, rule.round_to, rule.unit_optional),
        Rule(rule.absolute, rule.relative, rule.round_to, True),
        *(Rule(rule.absolute, rule.relative, way, rule.unit_optional) for way in WIDER[rule.round_to]),  # type: ignore[arg-type]
    ]
    for gold in golds:
        if accepts(rule, number(answer), gold):
            assert all(accepts(more_generous, number(answer), gold) for more_generous in wider)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_is_the_decimal_that_it_is_written_as(value: float) -> None:
    assert exact(value) == Fraction(Decimal(repr(value)))


@pytest.mark.parametrize("tolerance", [-1, float("nan"), float("inf")])
def test_a_tolerance_that_is_none_is_refused(tolerance: float) -> None:
    with pytest.raises(ValueError, match="tolerance"):
        Rule(absolute=tolerance)


@pytest.mark.parametrize(
    "text", ["9" * 3_000_000, "1," * 1_000_000, "9e" * 500_000, "10^" * 100_000, "5 " * 30_000, " " * 300_000 + "5"]
)
def test_hostile_text_is_read_in_linear_time_and_bounded_size(text: str) -> None:
    assert parse_number(text) is None
    assert parse_range(text) is None
    assert parse_set(text) is None
    assert all(abs(found.value) < 10**1400 for found in find_numbers(text))


def reply(text: str) -> Trajectory:
    return Trajectory("s", 1, (), (Call("0", Request("m", (Message("user", "?"),)), Response(text)),))


@pytest.mark.parametrize(
    ("text", "outcome", "value"),
    [
        ("<think>Answer: 7</think>Answer: 12.26", Outcome.SCORED, 1),
        ("The answer is 12.3 dollars in total.", Outcome.SCORED, 1),
        ("Answer: about 13", Outcome.SCORED, 0),
        ("Answer: 12 or 13", Outcome.UNPARSED, None),
        ("Answer: none", Outcome.UNPARSED, None),
    ],
)
def test_the_scorer_takes_the_one_number_that_is_set_apart(text: str, outcome: Outcome, value: float | None) -> None:
    score = numeric_scorer(OWN_DECIMALS)(Sample("s", "?", "12.256"), reply(text))
    assert (score.outcome, score.value) == (outcome, value)  # type: ignore[union-attr]


def test_the_scorer_refuses_a_target_that_is_no_number() -> None:
    with pytest.raises(ValueError, match="neither a number nor a range"):
        numeric_scorer()(Sample("s", "?", "twelve"), reply("Answer: 12"))
