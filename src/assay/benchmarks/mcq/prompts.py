"""How a multiple-choice question is put to a model."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from assay.scoring.choice import LETTERS


def listed(options: Sequence[str]) -> str:
    """The options, one a line, each behind its letter."""
    return "\n".join([f"{letter}. {option}" for letter, option in zip(LETTERS, options, strict=False)])


def chat(question: str, options: Sequence[str], examples: str = "") -> str:
    """Worked examples if any, the question, its options, and what the last line should be."""
    before = f"{examples}Question: " if examples else ""
    return f"{before}{question}\n\n{listed(options)}\n\n{_request(len(options))}"


def completion(question: str, options: Sequence[str], examples: str = "") -> str:
    """The same for a base model to continue: it ends where the letter should come."""
    return f"{examples}Question: {question}\n{listed(options)}\nAnswer:"


def example(question: str, options: Sequence[str], letter: str) -> str:
    """One worked example."""
    return f"{completion(question, options)} {letter}\n\n"


@cache
def _request(options: int) -> str:
    letters = ", ".join(LETTERS[: options - 1]) + f" or {LETTERS[options - 1]}"
    return f'One option is right. Think as much as you need, then end with the line "Answer: X", X being {letters}.'
