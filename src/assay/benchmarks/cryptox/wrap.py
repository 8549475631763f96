"""One sample at several levels of encoding.

Only the question is encoded: not the instructions, not the worked examples before it, never the options.
Where a task says what its question is (``metadata["question"]``), that part of the last user message is
encoded; else everything in it before the first option.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from assay.benchmarks.cryptox.codebooks import Codebook
from assay.benchmarks.cryptox.encoder import encode
from assay.benchmarks.cryptox.levels import Level
from assay.benchmarks.cryptox.prompts import Form, Hop, codebook_text, decode_request, hop_text
from assay.benchmarks.cryptox.score import transformed_target
from assay.errors import UsageError
from assay.records import Message, Sample, Text


def at_levels(
    sample: Sample, levels: Sequence[Level], codebook: Codebook, hop: Hop, seed: int, form: Form = "single"
) -> Iterator[Sample]:
    """The sample at each level: its question encoded, the code explained, the answer transformed.

    In the form ``decode`` the question alone is asked for, in plain words; in ``multi-round`` this is the first
    turn, and the second stands in ``metadata["follow_up"]``.
    Raises ``UsageError`` where the question cannot be found, or a hop has no options to work on.
    """
    place = _question_place(sample)
    text = _text_at(sample, place)
    start, end, part = _question_span(sample, text)
    target = sample.target if hop == "none" else transformed_target(sample, hop)
    for level in levels:
        encoded = encode(text[start:end], codebook.codes, seed=seed, **level.amounts)
        made = msgspec.structs.replace(
            sample,
            id=f"{sample.id}@{level.unit}{level}",
            target=target,
            metadata={
                **sample.metadata,
                "base_id": sample.id,
                "level": str(level),
                "encoded_words": len(encoded.sampled),
                "sampled_words": list(encoded.sampled),
                "encoded_part": part,
            },
        )
        request = decode_request(codebook, encoded.text)
        if form == "single":
            prompt = _prompt(text[:start] + encoded.text + text[end:], level, codebook, hop)
            yield msgspec.structs.replace(made, input=_with_text_at(sample, place, prompt))
        elif form == "decode":
            yield msgspec.structs.replace(made, input=request, target=text[start:end], choices=())
        else:
            rest = f"Now answer it.\n\n{text[:start]}{_DECODED}{text[end:]}"
            more = made.metadata | {"original": text[start:end], "follow_up": _transformed(rest, hop)}
            yield msgspec.structs.replace(made, input=_with_text_at(sample, place, request), metadata=more)


_DECODED = "(the text that you have decoded)"
"""Stands in the second turn where the question stood."""


def _prompt(question: str, level: Level, codebook: Codebook, hop: Hop) -> str:
    explained = f"{codebook_text(codebook)}\n\n{question}" if level.amount > 0 else question
    return _transformed(explained, hop)


def _transformed(prompt: str, hop: Hop) -> str:
    return prompt if hop == "none" else f"{prompt}\n\n{hop_text(hop)}"


def _question_span(sample: Sample, text: str) -> tuple[int, int, str]:
    """Where the question stands in a prompt, and what was taken for it: the question, or the whole prompt."""
    options = _options_start(sample, text)
    question = sample.metadata.get("question")
    if isinstance(question, str) and question.strip():
        at = text.rfind(question, 0, options)
        if at >= 0:
            return at, at + len(question), "question"
    if options is None and sample.choices:
        raise UsageError(f"cryptox: sample {sample.id}: its options cannot be told from its question")
    return 0, len(text[:options].rstrip()), "prompt"


def _options_start(sample: Sample, text: str) -> int | None:
    """Where the line of the first option begins; ``None`` unless each option ends a line of the prompt."""
    end = len(text)
    for option in reversed(sample.choices):
        at = _ending_a_line(text, option.strip(), end)
        if at < 0:
            return None
        end = text.rfind("\n", 0, at) + 1
    return end if sample.choices else None


def _ending_a_line(text: str, option: str, end: int) -> int:
    """Where an option last stands before ``end`` with nothing behind it on its line; -1 for nowhere."""
    at = text.rfind(option, 0, end)
    while at >= 0 and text[at + len(option) :].partition("\n")[0].strip():
        at = text.rfind(option, 0, at + len(option) - 1) if option else -1
    return at


def _question_place(sample: Sample) -> tuple[int, int | None]:
    """The last user message with text, and which of its parts that is (``None``: it is text alone)."""
    for at, message in reversed(list(enumerate(sample.messages))):
        if message.role != "user":
            continue
        if isinstance(message.content, str):
            return at, None
        for part in reversed(range(len(message.content))):
            if isinstance(message.content[part], Text):
                return at, part
    raise UsageError(f"cryptox: sample {sample.id} asks nothing in words")


def _text_at(sample: Sample, place: tuple[int, int | None]) -> str:
    message, part = sample.messages[place[0]], place[1]
    content = message.content if part is None else message.content[part]
    return content.text if isinstance(content, Text) else str(content)


def _with_text_at(sample: Sample, place: tuple[int, int | None], text: str) -> str | tuple[Message, ...]:
    at, part = place
    if isinstance(sample.input, str):
        return text
    message = sample.input[at]
    content: Any = text if part is None else (*message.content[:part], Text(text), *message.content[part + 1 :])
    return (*sample.input[:at], msgspec.structs.replace(message, content=content), *sample.input[at + 1 :])
