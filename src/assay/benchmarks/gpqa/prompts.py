"""How a question is put to a model: zero-shot, in our own wording, options in brackets as the owners show them."""

from __future__ import annotations

from collections.abc import Sequence

from assay.benchmarks.gpqa.data import LETTERS


def zero_shot(question: str, options: Sequence[str]) -> str:
    """The question, its options, and what the last line should be."""
    listed = "\n".join(f"({letter}) {option}" for letter, option in zip(LETTERS, options, strict=True))
    return (
        f"{question.strip()}\n\n{listed}\n\nOne of the four options is right. Reason as long as you need, then end "
        'with the line "The correct answer is (X)", X being A, B, C or D.'
    )
