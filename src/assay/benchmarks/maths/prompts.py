"""How a mathematical problem is put to a model, and how a right reply would end.

The wordings are ours: the owners publish problems and answers, and each laboratory asks in its own words.
"""

from __future__ import annotations

from assay.records import Sample

_BOXED = "Reason step by step, then give the final answer, and nothing else, inside \\boxed{}."
_INTEGER = "Reason step by step, then give the final answer, a whole number, inside \\boxed{}."
_HASHES = 'Reason step by step, then end with the line "#### N", N being the answer as a plain number without a unit.'


def boxed(problem: str) -> str:
    """Ask for a boxed answer."""
    return f"{problem}\n\n{_BOXED}"


def boxed_integer(problem: str) -> str:
    """Ask for a boxed whole number."""
    return f"{problem}\n\n{_INTEGER}"


def after_hashes(problem: str) -> str:
    """Ask for a last line as the owners of GSM8K write it."""
    return f"{problem}\n\n{_HASHES}"


def boxed_reference(sample: Sample) -> str:
    """A reply whose answer is the gold one."""
    return f"So the answer is \\boxed{{{sample.target}}}."


def hashes_reference(sample: Sample) -> str:
    """A reply whose last line holds the gold answer."""
    return f"That is the total.\n#### {sample.target}"
