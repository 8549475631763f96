r"""math-verify as ``maths`` uses it. Runs in a worker process only, where it may hang or die.

Its alarms are off (the worker has timers of its own), and a parser that does not work is an
``ImportError``: math-verify itself would swallow that and find every answer wrong. A shortage of memory or
of stack is raised too, for it says nothing about the answer.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from itertools import product
from typing import Any

from assay.scoring import latex

_math_verify: Any = import_module("math_verify")

_SHORTAGE = (MemoryError, RecursionError)
_TWO_NUMBERS = re.compile(r"\d\s+(?!\d{3}(?!\d))\d")
"""Digits on both sides of a space, unless it groups thousands."""
_DECIMAL = re.compile(r"\s*[+-]?[0-9,]*\.[0-9]*\s*")


def official(golds: list[str], reply: str) -> tuple[bool, str | None]:
    """Whether a gold is what math-verify extracts from a reply, and that as text (``None``: nothing found)."""
    _check_parser()
    extracted = _parsed(reply)
    answer = next((part for part in reversed(extracted) if isinstance(part, str)), None)
    if answer is None and extracted:
        answer = ""
    right = any(_same(_parsed(_as_latex(gold)), extracted) for gold in golds)
    return right, answer


def equal(gold: str, answer: str) -> bool:
    """Whether two expressions, in LaTeX or plain notation, are the same; decimals to six places."""
    _check_parser()
    ours, theirs = plain_to_latex(answer), plain_to_latex(gold)
    if _TWO_NUMBERS.search(ours) and not _TWO_NUMBERS.search(theirs):
        return False  # LaTeX sets no space: it would read "1 2" as 12
    if _same(_read(theirs), _read(ours)):
        return True
    return not _DECIMAL.fullmatch(answer) and latex.equivalent([ours], [theirs]) is True


def plain_to_latex(text: str) -> str:
    """A lone expression as LaTeX: without the marks around it, signs and functions spelt as commands."""
    text = text.strip().strip("$").strip()
    for pattern, replacement in _ANYWHERE:
        text = pattern.sub(replacement, text)
    if "\\" in text:
        return text
    for pattern, replacement in _PLAIN:
        text = pattern.sub(replacement, text)
    return latex.to_latex(text)


_ANYWHERE = [
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"\\[()\[\]](?=\s|$)|(?<![^\s])\\[(\[]", ""),
        (r"\\[dt]frac", r"\\frac"),
        (r"\^\s?(-?\d+\.\d+|-?\d{2,})", r"^{\1}"),
    )
]
_PLAIN = [
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"(?<![\d.])(\d+)\s+(\d+)/(\d+)(?![\d.])", r"(\1+\2/\3)"),  # 1 1/2
        (r"\*\*", "^"),
        (r"\^\s?(-?\d+(?:\.\d+)?)", r"^{\1}"),
        (r"(?<![a-zA-Z])pi(?![a-zA-Z])|π", r"\\pi "),
        (r"(?<![a-zA-Z])(?:infinity|inf|oo)(?![a-zA-Z])|∞", r"\\infty "),
        (r"∪|(?<=[)\]}]) ?U ?(?=[(\[{])", r"\\cup "),
        ("∩", r"\\cap "),
        ("<=|≤", r"\\le "),
        (">=|≥", r"\\ge "),
        ("∈", r"\\in "),
        ("±|\\+/-", r"\\pm "),
        ("÷", "/"),
        ("∅", r"\\emptyset "),
        ("[ℝ]", r"\\mathbb{R}"),
        (r"\A\{([^{}]*)\}\Z", r"\\{\1\\}"),
    )
]


@cache
def _check_parser() -> None:
    if str(_parsed(r"$\frac{1}{2}$")[:1]) != "[1/2]":
        raise ImportError("math-verify cannot read LaTeX with the antlr4-python3-runtime that is installed")


def _as_latex(gold: str) -> str:
    """A gold as published pipelines pass it: between dollar signs, unless it is set apart by itself."""
    return gold if "$" in gold or "\\boxed" in gold else f"${gold}$"


def _read(expression: str) -> list[Any]:
    return _parsed(f"${expression}$")


def _parsed(text: str) -> list[Any]:
    try:
        found: list[Any] = _math_verify.parse(text, parsing_timeout=None, raise_on_error=True)
    except (ImportError, *_SHORTAGE):
        raise
    except Exception:
        return []
    return found


def _same(golds: list[Any], answers: list[Any]) -> bool:
    return any(_pair(gold, answer) for gold, answer in product(golds, answers))


def _pair(gold: Any, answer: Any) -> bool:
    try:
        return bool(_math_verify.verify(gold, answer, timeout_seconds=None, raise_on_error=True))
    except _SHORTAGE:
        raise
    except Exception:
        return False
