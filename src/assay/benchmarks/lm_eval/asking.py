"""What the harness would ask of each document, as samples, and how our engine asks it.

A sample holds the harness's requests as they stand: the prompt is the sample's input, and
``metadata["requests"]`` lists (prompt, continuation) pairs, where ``None`` for a prompt means the input's.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

from assay.records import Message, Sample, Sampling, Trajectory
from assay.task import Conversant, Protocol

DEFAULT_MAX_TOKENS = 256
"""Of generated text, where neither the YAML nor the user says: the harness's default."""
_PASSED_ON = ("top_k", "min_p", "repetition_penalty")


def samples(task: Any, seed: int, *, chat: bool, multiturn: bool, targets: bool) -> Iterator[Sample]:
    """Stream the task's documents as samples, few-shot examples drawn in the harness's order."""
    task = copy.copy(task)
    task.sampler = copy.copy(task.sampler)  # of this stream alone: two may be read at once
    task.set_fewshot_seed(seed)
    for number, doc in enumerate(task.task_docs):
        yield _sample(task, number, doc, chat=chat, multiturn=multiturn, targets=targets)


def _sample(task: Any, number: int, doc: Any, *, chat: bool, multiturn: bool, targets: bool) -> Sample:
    template = (
        {"apply_chat_template": True, "chat_template": _as_json, "fewshot_as_multiturn": multiturn} if chat else {}
    )
    context = task.fewshot_context(
        doc, num_fewshot=task.config.num_fewshot, gen_prefix=task.doc_to_prefix(doc), **template
    )
    made = task.construct_requests(
        doc=doc, ctx=context, metadata=(task.config.task, number, task.config.repeats), apply_chat_template=chat
    )
    arguments = [request.args for request in (made if isinstance(made, list) else [made])]
    first = arguments[0][0]
    continuations: list[tuple[str, Any]] = [] if task.OUTPUT_TYPE == "generate_until" else arguments
    requests = [[None if text == first else text, continuation] for text, continuation in continuations]
    metadata: dict[str, Any] = {"doc_id": number, "requests": requests, "chat": chat}
    question = task.doc_to_text(doc)
    if isinstance(question, str):
        metadata["question"] = question
    gold = target_of(task, doc)
    return Sample(
        str(number),
        _turns(first) if chat else first,
        gold if targets else "",
        tuple(task.doc_to_choice(doc)) if task.config.doc_to_choice is not None else (),
        metadata if targets else {**metadata, "target": gold},
    )


def target_of(task: Any, doc: Any) -> str:
    """The gold answer, for people to read; the harness's metrics have their own way to it."""
    gold = task.doc_to_text(doc) if task.multiple_input else task.doc_to_target(doc)
    gold = gold[0] if isinstance(gold, list) and gold else gold
    if isinstance(gold, int) and task.config.doc_to_choice is not None:
        choices = task.doc_to_choice(doc)
        return str(choices[gold]) if 0 <= gold < len(choices) else str(gold)
    return str(gold)


def _as_json(messages: list[dict[str, str]], *, add_generation_prompt: bool = True) -> str:
    return json.dumps(messages, ensure_ascii=False)


def _turns(text: str) -> tuple[Message, ...]:
    """The conversation that ``_as_json`` wrote."""
    return tuple(Message(part["role"], part["content"]) for part in json.loads(text))


def sampling_of(task: Any) -> Sampling:
    """The YAML's ``generation_kwargs`` as the harness's models understand them."""
    if task.OUTPUT_TYPE != "generate_until":
        return Sampling()
    given = dict(task.config.generation_kwargs)
    lengths = ("max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens")
    longest = next((given[key] for key in lengths if given.get(key) is not None), DEFAULT_MAX_TOKENS)
    greedy = given.get("do_sample") is False
    return Sampling(
        max_tokens=int(longest),
        temperature=0.0 if greedy else float(given.get("temperature") or 0.0),
        top_p=given.get("top_p"),
        stop=stops_of(task),
        extra={key: given[key] for key in _PASSED_ON if key in given},
    )


def stops_of(task: Any) -> tuple[str, ...]:
    """Where generated text ends."""
    until = (task.config.generation_kwargs or {}).get("until") or ()
    return tuple(stop for stop in ((until,) if isinstance(until, str) else until) if stop)


def asks(output: str, repeats: int) -> Protocol:
    """The protocol of an output type."""

    async def generation(sample: Sample, model: Conversant) -> Trajectory:
        for _ in range(repeats):
            if sample.metadata["chat"]:
                response = await model.generate(sample.messages)
            else:
                response = await model.generate(prompt=sample.messages[0].text)
        return model.trajectory((*sample.messages, Message("assistant", response.text)))

    async def likelihoods(sample: Sample, model: Conversant) -> Trajectory:
        for text, continuation in sample.metadata["requests"]:
            if sample.metadata["chat"]:
                await model.loglikelihood(continuation, sample.messages if text is None else _turns(text))
            else:
                prompt, continuation = _split(sample.messages[0].text if text is None else text, continuation)
                await model.loglikelihood(continuation, prompt=prompt)
        return model.trajectory(sample.messages)

    return generation if output == "generate_until" else likelihoods


def _split(prompt: str, continuation: str) -> tuple[str, str]:
    """Spaces that end a prompt belong to the continuation, as in the harness's models."""
    bare = prompt.rstrip()
    return (bare, prompt[len(bare) :] + continuation) if bare else (prompt, continuation)
