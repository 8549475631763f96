"""What the run modes say to a model beyond the base task's own words."""

from __future__ import annotations

from collections.abc import Sequence

WRONG = "That is not right. Look for the mistake and answer again, in the form that was asked for."
"""All that a self-corrected model is told."""

FINAL = "All steps are done. Now answer the question itself, in the form that it asks for."


def hint_text(hint: str) -> str:
    """A hint as the model sees it."""
    return f"Hint: {hint}"


def first_step(prompt: str, step: str, count: int) -> str:
    """The question with its first step."""
    steps = "1 step" if count == 1 else f"{count} steps"
    return (
        f"{prompt}\n\nDo not answer this question yet: you will be led to it in {steps}. Give the result of each step "
        f"in the form in which the question wants its answer.\n\nStep 1: {step}"
    )


def next_step(number: int, step: str) -> str:
    """A later step."""
    return f"Step {number}: {step}"


def several_questions(groups: Sequence[tuple[str, Sequence[int]]], questions: Sequence[str]) -> str:
    """Several questions in one prompt.

    Args:
        groups: (what is said once for these questions, their numbers from 1), in the order of the prompt;
            empty where a question says everything itself.
        questions: The questions, ``question1`` first.
    """
    count = len(questions)
    parts = [f"There are {count} questions below, each on its own. Answer every one of them."]
    for shared, numbers in groups:
        if shared:
            named = ", ".join(f"question{number}" for number in numbers)
            parts.append(f"--- What holds for {named} ---\n{shared}")
        parts += [f"--- question{number} ---\n{questions[number - 1]}" for number in numbers]
    keys = 'key "question1"' if count == 1 else f'keys "question1" to "question{count}"'
    parts.append(
        f"--- How to answer ---\nEnd with one JSON object that has the {keys}. Each value is a string that holds "
        "the answer to that question alone, written as the question wants it."
    )
    return "\n\n".join(parts)
