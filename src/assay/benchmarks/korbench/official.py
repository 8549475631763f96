r"""The official verdict on a reply, quirks included.

Which rule decides depends on category, rule and item; the first that applies is used, and all of them
work on what ``extract`` found. Their quirks are part of the published numbers: letters that are a
substring of the gold answer solve an anagram, signs inside matrices are not looked at, arrows and
brackets vanish from most grids.

Symbolic mathematics is not done here. The 45 items that the original gives to a LaTeX parser are
compared as strings, as it did where its parser was broken; ``sympy_parts`` tells what to compare instead
where one works. Nothing that is right as a string can be wrong for the parser: two equal texts either
parse to equal expressions, or do not parse and are compared as strings.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from msgspec import Struct

from assay.benchmarks.korbench.arithmetic import as_python
from assay.benchmarks.korbench.extract import NULL, Found, clean, first_marked, logic_clean, math_clean, strict

MATHS_ITEMS = frozenset(
    {18, 73, 74, 77, 94, 115, 116, 117, 121, 122, 123, 125, 131, 132, 134, 135, 136, 141, 143, 149, 145, 146, 147}
    | {*range(151, 157), 160, 161, 162, 164, 165, 166, 170, 206, 209, *range(211, 216), 217, 218}
)
"""Operation items whose gold answer is a mathematical expression."""


class Question(Struct, frozen=True):
    """The item, as far as its verdict depends on it."""

    category: str
    rule: int
    idx: int


class Verdict(Struct, frozen=True):
    """Right or wrong, with the rule that said so and the two forms that it compared."""

    right: bool
    rule: str
    response: str
    gold: str


def is_maths(question: Question) -> bool:
    """Whether the original hands this item to its LaTeX parser."""
    return question.category == "operation" and question.idx in MATHS_ITEMS


def judge(question: Question, reply: str, found: Found | None, gold: str) -> Verdict:
    """The verdict of the official scorer without a LaTeX parser.

    Args:
        question: The item.
        reply: The whole reply, which puzzles look at again.
        found: What ``first_marked`` finds in the reply.
        gold: The gold answer as the data has it, such as ``[[24]]``.
    """
    match question:
        case Question("logic", rule):
            response = logic_clean(found)
            if rule == 5:
                # Rows of a table may come in any order; the gold answer is split as it stands.
                return _compared("logic, rows in any order", sorted, response.split(";"), gold.split(";"))
            return _compared("logic, cleaned text", str, response, logic_clean(first_marked(gold)))
        case Question("operation", rule, idx):
            return _operation(rule, idx, found, gold)
        case Question("puzzle", rule):
            name, same = _PUZZLES.get(rule, _ANY_OTHER_PUZZLE)
            response, answer = strict(reply), strict(gold)
            return Verdict(same(response, answer), f"puzzle, {name}", response, answer)
        case _:
            return _plain(found, gold)


def is_answer(found: Found | None, answer: str) -> bool:
    """Whether a reply gives exactly this answer: how plain items and real-life answers are judged."""
    return clean(found) == answer


def sympy_parts(verdict: Verdict) -> tuple[list[str], list[str]] | None:
    """The LaTeX texts, of the reply and of the gold answer, that a parser has to compare.

    ``None`` where the string verdict on the item is final. Several gold texts are alternatives that the
    reply must give in full.
    """
    if verdict.right or verdict.response == NULL:
        return None
    if "or" in verdict.gold:
        return _alternatives(verdict.response), _alternatives(verdict.gold)
    return [verdict.response], [verdict.gold]


def _operation(rule: int, idx: int, found: Found | None, gold: str) -> Verdict:
    if idx in (178, 179):
        return _compared("operation, bounds in any order", _bounds, clean(found), gold)
    if rule == 18:
        return _compared("operation, set as its sorted characters", _characters, clean(found), strict(gold))
    if rule in (23, 24, 25):
        return _compared("operation, digits of a matrix in order", _digit_runs, clean(found), gold)
    if idx in MATHS_ITEMS:
        response, answer = math_clean(found), math_clean(first_marked(gold))
        return Verdict(response == answer != NULL, "operation, LaTeX", response, answer)
    if "or" in gold:
        response = clean(found).replace("\\text{or}", "or")
        right = response != NULL and _values(response) == _values(clean(first_marked(gold)))
        return Verdict(right, "operation, alternatives in any order", response, gold)
    return _plain(found, gold)


def _plain(found: Found | None, gold: str) -> Verdict:
    return Verdict(is_answer(found, gold), "cleaned text is the gold answer", clean(found), gold)


def _compared(rule: str, form: Callable[..., object], response: object, gold: object) -> Verdict:
    one, other = form(response), form(gold)
    return Verdict(one == other, rule, str(one), str(other))


def _bounds(text: str) -> list[str]:
    return sorted("".join(pair) for pair in re.findall(r"([≥≤])\s*(-?\d+\.?\d*)", text))


def _characters(text: str) -> str:
    return "".join(sorted(_word_characters(text)))


def _digit_runs(text: str) -> list[int | str]:
    # A run of thousands of digits is no matrix entry, and Python refuses to make a number of it.
    return [int(run) if len(run) < 1000 else run for run in re.findall(r"\d+", text)]


def _values(text: str) -> list[str]:
    return sorted(part.strip() for part in text.strip("[]").split("or"))


def _alternatives(latex: str) -> list[str]:
    return [part.strip() for part in latex.split("or")]


def _word_characters(text: str) -> str:
    return re.sub(r"\W+", "", text)


def _letters(text: str) -> str:
    return re.sub(r"[^A-Za-z]", "", text).lower()


def _words_in_any_order(response: str, gold: str) -> bool:
    words = [word for word in re.split(r"\W+", response.lower()) if word]
    return sorted(words) == sorted(gold.split(" "))


def _pairs_in_any_order(response: str, gold: str) -> bool:
    return sorted(re.sub(r"\s+", "", response).split(",")) == sorted(gold.split(","))


def _equation(response: str, gold: str) -> bool:
    """The gold answer's operators in its order, and a left side of its value."""
    left, gold_left = (_ascii_operators(text).partition("=")[0] for text in (response, gold))
    result = re.search(r"=\s*(-?\d+)", _ascii_operators(gold))
    if result is None:
        raise ValueError(f"the gold answer is no equation: {gold!r}")
    if re.findall(r"[+\-*/]", left) != re.findall(r"[+\-*/]", gold_left):
        return False
    return as_python(left) == int(result[1])


def _twenty_four(response: str, gold: str) -> bool:
    """The gold answer's digits, each as often, and a value of exactly 24 in floating point."""
    left = _ascii_operators(response).partition("=")[0]
    gold_left = gold.partition("\n")[0].partition("=")[0]
    return _characters(left) == _characters(gold_left) and as_python(left) == 24


def _ascii_operators(text: str) -> str:
    return text.replace("×", "*").replace("−", "-")


_PUZZLES: dict[int, tuple[str, Callable[[str, str], bool]]] = {
    1: ("letters", lambda response, gold: _letters(response) == _letters(gold)),
    2: ("letters are one of the alternatives", lambda response, gold: _letters(response) in gold.split(",")),
    3: ("words in any order", _words_in_any_order),
    4: ("letters are part of the gold answer", lambda response, gold: _letters(response) in gold),
    5: ("pairs in any order", _pairs_in_any_order),
    9: ("operators and value", _equation),
    10: ("digits and value", _twenty_four),
    18: (
        "all but commas, spaces, brackets",
        lambda response, gold: re.sub(r"[,\s\[\]]+", "", response) == re.sub(r"[,\s\[\]]+", "", gold),
    ),
}
_ANY_OTHER_PUZZLE = ("word characters", lambda response, gold: _word_characters(response) == _word_characters(gold))
