"""The task inside: loading it, passing its parameters on, and saying in the wrapper's name what it was.

A parameter that both have goes to the wrapper; ``base_seed`` passes ``seed`` on to the task inside, and one
prefix is taken off by each wrapper. A manifest's name and parameters make the same task again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import msgspec

from assay.benchmarks.registry import load_task
from assay.errors import UsageError
from assay.protocols import plain_completion, single_question
from assay.records import DatasetInfo, Message, Sample, Text
from assay.task import Task

_PREFIX = "base_"


def load_base(wrapper: str, base: str, data: Path | None, params: Mapping[str, Any], *, offline: bool) -> Task:
    """The task to wrap. Raises ``UsageError`` where a wrapper would wrap itself."""
    if wrapper in base.split("/"):
        raise UsageError(f"{wrapper}: the base is {wrapper} itself")
    inner_params = {key.removeprefix(_PREFIX): value for key, value in params.items()}
    return load_task(base, data=data, params=inner_params, offline=offline)


def all_params(own: Mapping[str, Any], inner: Task, names: Collection[str]) -> dict[str, Any]:
    """The wrapper's parameters and those of the task inside; ``names`` are all that the wrapper takes itself."""
    passed_on = {
        _PREFIX + key if key in names or key.startswith(_PREFIX) else key: value for key, value in inner.params.items()
    }
    return {key: value for key, value in own.items() if value is not None} | passed_on


def wrapped_dataset(base: str, inner: Task, settings: Any, *notes: str) -> DatasetInfo:
    """The base's dataset, its digest telling of what the wrapper's samples depend on besides."""
    info = inner.dataset or DatasetInfo(base)
    identity = msgspec.json.encode([info.digest, settings], order="sorted")
    digest = hashlib.sha256(identity).hexdigest() if info.digest else None
    return msgspec.structs.replace(info, digest=digest, notes=(*info.notes, *notes))


def require_chat(wrapper: str, inner: Task, *, single: bool) -> None:
    """Raises ``UsageError`` for a base that continues plain text or (``single``) asks more than one question."""
    if inner.protocol is plain_completion:
        raise UsageError(f"{wrapper}: needs a chat model's instructions; {inner.name} continues plain text")
    if single and inner.protocol is not single_question:
        raise UsageError(f"{wrapper}: {inner.name} asks in a way of its own, not a single question a sample")


def prompt_of(wrapper: str, sample: Sample) -> str:
    """The text of a sample that is one user message. Raises ``UsageError`` for any other."""
    messages = sample.messages
    if len(messages) != 1 or messages[0].role != "user" or not isinstance(messages[0].content, str):
        raise UsageError(f"{wrapper}: sample {sample.id} is not a single message of text")
    return messages[0].content


def question_span(sample: Sample, text: str) -> tuple[int, int] | None:
    """Where the sample's question stands in its prompt, its options included; ``None`` where nothing tells."""
    question = sample.metadata.get("question")
    if not isinstance(question, str) or not question.strip():
        return None
    start = text.rfind(question)
    if start < 0:
        return None
    end = start + len(question)
    for option in sample.choices:
        at = text.find(option, end)
        if at < 0:
            break
        end = at + len(option)
    return start, end


def with_text_after_question(sample: Sample, addition: str) -> Sample:
    """The sample with a paragraph after its question, or at the end of its last message. Raises ``UsageError``."""
    *before, last = sample.messages
    if last.role != "user":
        raise UsageError(f"sample {sample.id} does not end with what the user asks")
    if not isinstance(last.content, str):
        content = (*last.content, Text(f"\n\n{addition}"))
        return msgspec.structs.replace(sample, input=(*before, msgspec.structs.replace(last, content=content)))
    text = last.content
    span = question_span(sample, text)
    end = span[1] if span else len(text.rstrip())
    text = f"{text[:end].rstrip()}\n\n{addition}{text[end:]}"
    changed = text if isinstance(sample.input, str) else (*before, Message("user", text))
    return msgspec.structs.replace(sample, input=changed)
