"""Runs in a worker process: the package's own scorer on a model's answer.

Some of the package's scorers hand the answer to Python's ``eval`` or to sympy's parser, which evaluates
too. Model text is never evaluated here: in those modules the first is replaced by ``ast.literal_eval``,
which gives the same for every literal, and the second by a parser that takes plain formulas only. What
they refuse is judged as text that does not parse. Time and memory are the worker's limits.
"""

from __future__ import annotations

import ast
import re
from functools import cache, lru_cache
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import msgspec

from assay.benchmarks.reasoning_gym.entries import restored
from assay.benchmarks.reasoning_gym.generate import Specification, configuration

EVALUATING = (
    "reasoning_gym.algorithmic.binary_matrix",
    "reasoning_gym.algorithmic.spiral_matrix",
    "reasoning_gym.algorithmic.string_insertion",
    "reasoning_gym.games.n_queens",
)
"""Modules whose scorer calls ``eval`` on the answer."""
PARSING = ("reasoning_gym.games.countdown", "reasoning_gym.games.puzzle24")
"""Modules whose scorer calls sympy's ``parse_expr``, by that name."""
PARSING_IN = {
    "reasoning_gym.algebra.intermediate_integration": "sympy",
    "reasoning_gym.algebra.polynomial_multiplication": "sp",
    "reasoning_gym.algebra.simple_integration": "sympy",
}
"""Modules whose scorer calls it as an attribute of sympy, and their name for sympy."""

_FUNCTIONS = frozenset(
    (
        *("sin", "cos", "tan", "sec", "csc", "cot", "asin", "acos", "atan", "sinh", "cosh", "tanh"),
        *("asinh", "acosh", "atanh", "exp", "log", "ln", "sqrt", "pi", "Abs", "erf"),
    )
)
_TOKEN = re.compile(r"\s+|\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+|[A-Za-z]+|[-+*/^(),]")
_LONGEST = 10_000


def judge(specification: str, entry: Any, reply: str) -> tuple[str | None, float | None]:
    """The answer in a reply (``None`` where it has none) and the score that its dataset gives it.

    The dataset is made as the entry's was: word lists, ranges and penalties of scorers follow the configuration.
    """
    from reasoning_gym.utils import extract_answer

    answer = extract_answer(reply)
    return answer, None if answer is None else float(_scorer(specification)(answer, restored(entry)))


@lru_cache(maxsize=16)
def _scorer(specification: str) -> Any:
    from reasoning_gym import create_dataset

    _disarm()
    wanted = msgspec.json.decode(specification, type=Specification)
    return create_dataset(wanted.name, **configuration(wanted)).score_answer


@cache
def _disarm() -> None:
    import sympy

    for module in EVALUATING:
        setattr(import_module(module), "eval", ast.literal_eval)  # noqa: B010  (not an attribute that it has)
    for module in PARSING:
        setattr(import_module(module), "parse_expr", parse_formula)  # noqa: B010
    guarded = SimpleNamespace(**{**vars(sympy), "parse_expr": parse_formula})
    for module, alias in PARSING_IN.items():
        setattr(import_module(module), alias, guarded)


def parse_formula(text: str, **options: Any) -> Any:
    """A formula of numbers, letters and known functions, as sympy reads it. Raises ``ValueError`` for any other text.

    Without quotes, underscores and attributes there is nothing that the parser could be made to call.
    """
    from sympy.parsing.sympy_parser import parse_expr

    if len(text) > _LONGEST:
        raise ValueError("too long for a formula")
    at = 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            raise ValueError(f"no formula: {text[at]!r}")
        word = token[0]
        if word.isalpha() and len(word) > 1 and word not in _FUNCTIONS:
            raise ValueError(f"no formula: {word!r}")
        at = token.end()
    return parse_expr(text, **options)
