"""How a short-answer question is put to a model."""

from __future__ import annotations

_REQUEST = 'Think as much as you need, then end with the line "Answer: ...", the answer being as short as it can be.'


def chat(question: str, examples: str = "") -> str:
    """Worked examples if any, the question, and what the last line should be."""
    before = f"{examples}Question: " if examples else ""
    return f"{before}{question}\n\n{_REQUEST}"


def completion(question: str, examples: str = "") -> str:
    """The same for a base model to continue: it ends where the answer should come."""
    return f"{examples}Question: {question}\nAnswer:"


def example(question: str, answer: str) -> str:
    """One worked example."""
    return f"{completion(question)} {answer}\n\n"
