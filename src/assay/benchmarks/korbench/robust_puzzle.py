"""Puzzles, robustly: words as words, sums by their exact value, grids cell by cell."""

from __future__ import annotations

import re
from collections.abc import Callable

from assay.benchmarks.korbench.arithmetic import exactly
from assay.benchmarks.korbench.official import Verdict
from assay.benchmarks.korbench.plain import without_latex

_OPERATORS = str.maketrans("×÷−–·∗", "*/--**")


def judge_puzzle(rule: int, text: str, gold: str) -> Verdict:
    """The verdict on an answer (its brackets removed)."""
    name, same = _RULES.get(rule, _GRID)
    return Verdict(same(text, gold), f"puzzle, {name}", text, gold)


def _letters(text: str) -> str:
    return re.sub(r"[^A-Za-z]", "", without_latex(text)).lower()


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z]+", without_latex(text).lower())


def _same_letters(text: str, gold: str) -> bool:
    return _letters(text) == _letters(gold)


def _all_are_solutions(text: str, gold: str) -> bool:
    """One solution or more, and nothing else."""
    words = _words(text)
    return bool(words) and set(words) <= set(_words(gold))


def _same_words(text: str, gold: str) -> bool:
    return sorted(_words(text)) == sorted(_words(gold))


def _same_assignments(text: str, gold: str) -> bool:
    return _assignments(text) == _assignments(gold)


def _assignments(text: str) -> list[str]:
    return sorted(letter.upper() + digits for letter, digits in re.findall(r"([A-Za-z])\s*[=:]\s*(\d+)", text))


def _sides(text: str) -> tuple[str, str]:
    plain = without_latex(text).translate(_OPERATORS)
    left, _, right = plain.partition("=")
    return left.strip(), right.strip()


def _is_path(text: str, gold: str) -> bool:
    """The gold equation with other numbers from 0 to 9, and true."""
    left, right = _sides(text)
    gold_left, gold_right = _sides(gold)
    pattern = r"\s*\d\s*".join(["", *map(re.escape, re.findall(r"[-+*/]", gold_left)), ""])
    value = exactly(gold_right)
    if not re.fullmatch(pattern, left) or value is None:
        return False
    return exactly(left) == value and (not right or exactly(right) == value)


def _is_twenty_four(text: str, gold: str) -> bool:
    """Each line joins the gold answer's numbers, each once, by the four operations to exactly 24."""
    numbers = _integers(gold.partition("\n")[0].partition("=")[0])
    lines = [line for line in text.splitlines() if line.strip()]
    return bool(lines) and all(_makes_24(line, numbers) for line in lines)


def _makes_24(line: str, numbers: list[str]) -> bool:
    left, right = _sides(line)
    plain = left.translate(str.maketrans("[]{}", "()()"))
    return (
        re.fullmatch(r"[-+*/()\s\d]*", plain) is not None
        and _integers(plain) == numbers
        and exactly(plain) == 24
        and (not right or exactly(right) == 24)
    )


def _integers(text: str) -> list[str]:
    return sorted(re.findall(r"\d+", text))


def _same_arrows(text: str, gold: str) -> bool:
    return _cells(without_latex(text)) == _cells(gold)


def _cells(text: str) -> list[str]:
    return re.findall(r"\d+|[^\s\d,;\[\]()]", text)


def _same_tokens(text: str, gold: str) -> bool:
    """Words and numbers in order. Where their counts differ, as gold answers sometimes run two cells
    together, by their characters."""
    ours, theirs = _tokens(text), _tokens(gold)
    return ours == theirs if len(ours) == len(theirs) else "".join(ours) == "".join(theirs)


def _tokens(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", without_latex(text).casefold())


def _same_dominoes(text: str, gold: str) -> bool:
    return _dominoes(text) == _dominoes(gold) != set()


def _dominoes(text: str) -> set[frozenset[tuple[str, str]]]:
    numbers = re.findall(r"\d+", text)
    cells = list(zip(numbers[::2], numbers[1::2], strict=False))
    return {frozenset(pair) for pair in zip(cells[::2], cells[1::2], strict=False)}


_RULES: dict[int, tuple[str, Callable[[str, str], bool]]] = {
    1: ("letters in order", _same_letters),
    2: ("one of the solutions", _all_are_solutions),
    3: ("words in any order", _same_words),
    4: ("one of the solutions", _all_are_solutions),
    5: ("assignments in any order", _same_assignments),
    9: ("a true equation of the given form", _is_path),
    10: ("a sum of 24", _is_twenty_four),
    18: ("arrows and numbers in order", _same_arrows),
    23: ("dominoes in any order", _same_dominoes),
}
_GRID = ("words and numbers in order", _same_tokens)
