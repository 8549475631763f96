"""How a question is put to a model.

The five-shot prompt has the owners' structure: an introduction that names the category, worked examples of that
category from the validation split, and the question with an open "Let's think step by step". Its introduction is
read from the owners' repository where that lies beside the data, and is our own elsewhere. The zero-shot prompt
is ours: the owners publish none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from assay.benchmarks.mmlu_pro.data import LETTERS, Question

SHOTS = 5
INTRODUCTION = (
    "These are multiple choice questions about {$}, each worked out step by step up to its answer. The last one is "
    'left to you: reason in the same way, and finish with "The answer is (X).", X being the letter of the option.'
)
_OPEN = "Answer: Let's think step by step."


def zero_shot(question: Question) -> str:
    """The question, its options, and what the last line should be."""
    letters = LETTERS[: len(question.options)]
    return (
        f"{_block(question)}\nOne option is right. Think it through step by step, then end with the line "
        f'"The answer is (X).", X being one of {", ".join(letters)}.'
    )


def few_shot(introduction: str, examples: Iterable[Question], question: Question) -> str:
    """The owners' prompt: introduction, worked examples, and the question to go on from."""
    worked = "".join(f"{_block(example)}{_solution(example)}\n\n" for example in examples)
    return f"{introduction.replace('{$}', question.category)}\n{worked}{_block(question)}{_OPEN}"


def by_category(examples: Iterable[Question]) -> dict[str, Sequence[Question]]:
    """The first five examples of each category."""
    found: dict[str, list[Question]] = {}
    for example in examples:
        found.setdefault(example.category, []).append(example)
    return {category: inside[:SHOTS] for category, inside in found.items()}


def _block(question: Question) -> str:
    options = "".join(f"{letter}. {option}\n" for letter, option in zip(LETTERS, question.options, strict=False))
    return f"Question:\n{question.question}\nOptions:\n{options}"


def _solution(example: Question) -> str:
    """The worked solution, which the owners' table opens with "A:" instead of "Answer:"."""
    return example.cot_content.replace("A: Let's think step by step.", _OPEN)
