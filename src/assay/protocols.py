"""Bodies of the prompting protocols: how a sample is put to a model.

Each is an async function (sample, model) -> trajectory, or makes one. None of them knows of
journals, retries or scorers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from assay.records import Message, Sample, ToolSpec, Trajectory
from assay.task import Conversant, Protocol


async def single_question(sample: Sample, model: Conversant) -> Trajectory:
    """Ask the sample's input once. Few-shot examples, if any, are already part of the input."""
    response = await model.generate(sample.messages)
    return model.trajectory((*sample.messages, Message("assistant", response.text)))


async def plain_completion(sample: Sample, model: Conversant) -> Trajectory:
    """Have the sample's input continued as plain text, for base models."""
    response = await model.generate(prompt=sample.messages[-1].text)
    return model.trajectory((*sample.messages, Message("assistant", response.text)))


def dialogue(follow_ups: Callable[[Sample], Sequence[str | Message]]) -> Protocol:
    """Ask the input, then each follow-up in turn, the model's own replies kept in the conversation.

    A follow-up that is an ``assistant`` message is put into the model's mouth instead of a reply.
    """

    async def protocol(sample: Sample, model: Conversant) -> Trajectory:
        messages = list(sample.messages)
        messages.append(Message("assistant", (await model.generate(messages)).text))
        for turn in follow_ups(sample):
            turn = Message("user", turn) if isinstance(turn, str) else turn
            messages.append(turn)
            if turn.role != "assistant":
                messages.append(Message("assistant", (await model.generate(messages)).text))
        return model.trajectory(messages)

    return protocol


def tool_loop(tools: Mapping[str, Callable[[str], str]], specs: Sequence[ToolSpec], *, max_steps: int = 10) -> Protocol:
    """Let the model call tools until it answers without one, at most ``max_steps`` times.

    A tool takes the arguments as the JSON text that the model wrote and returns text; what it raises
    is told to the model, since recovering from a bad call is part of the skill.
    """

    async def protocol(sample: Sample, model: Conversant) -> Trajectory:
        messages = list(sample.messages)
        for _ in range(max_steps):
            response = await model.generate(messages, tools=specs)
            messages.append(Message("assistant", response.text, response.tool_calls))
            if not response.tool_calls:
                break
            for call in response.tool_calls:
                messages.append(Message("tool", _use(tools, call.name, call.arguments), tool_call_id=call.id))
        return model.trajectory(messages)

    return protocol


def _use(tools: Mapping[str, Callable[[str], str]], name: str, arguments: str) -> str:
    if name not in tools:
        return f"error: no tool named {name}"
    try:
        return tools[name](arguments)
    except Exception as error:  # a tool's failure is an observation, not a crash of the run
        return f"error: {error}"
