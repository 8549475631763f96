"""The questions of ``perf/peers/questions.py`` for Inspect.

Inspect wants a task by a path below the folder that it runs in: this file is copied to ``questions.jsonl``.
"""

from inspect_ai import Task, task
from inspect_ai.dataset import FieldSpec, json_dataset
from inspect_ai.scorer import choice
from inspect_ai.solver import multiple_choice


@task
def mock_choice() -> Task:
    """Four-choice questions, one call each."""
    fields = FieldSpec(input="question", target="answer", choices="choices", id="id")
    return Task(json_dataset("questions.jsonl", fields), solver=multiple_choice(), scorer=choice())
