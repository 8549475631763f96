"""One agent: a short conversation with a model that may use tools, within a budget, each step on record.

Tools are offered natively and, for models that cannot, as JSON in the text (read with ``scoring.json_recovery``);
an endpoint that rejects native tools is asked without them from then on. The invariant: every call passes the purse
before it is made, and whatever a tool is given or a model says, an agent ends in one of the ways of ``End``, never
with an exception of its own.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from assay.analyze.agents import prompts
from assay.analyze.agents.budget import BudgetSpent, Purse
from assay.analyze.agents.trace import Trace, digest
from assay.engine.endpoint import Endpoint
from assay.errors import AssayError, RunIncomplete
from assay.records import Message, Request, Response, Sampling, ToolCall, ToolSpec
from assay.scoring.json_recovery import objects_in

LONGEST_REPLY = 2_000
"""Tokens of a reply, where the sampling does not say."""
MOST_RESULT = 9_000
"""Characters of a tool's result."""
_REJECTED = ("BadRequest", "NotSupported")


class Tool(NamedTuple):
    """A tool of an agent."""

    spec: ToolSpec
    use: Callable[[dict[str, Any]], Awaitable[str]]
    """Takes the arguments, returns text; raises ``ToolRefused`` with a reason that the model is told."""


class ToolRefused(Exception):
    """A tool cannot do what it was asked."""


class CallsFailed(Exception):
    """The analyst's endpoint brought no reply."""


class Ended(NamedTuple):
    """How an agent ended."""

    text: str
    """What it said last; empty where it was cut off."""
    why: str
    """``done``, ``turns``, ``budget: ...`` or ``failed: ...``."""


@dataclass
class Talker:
    """The analysing model behind its endpoint, with what all agents share."""

    endpoint: Endpoint
    sampling: Sampling
    purse: Purse
    trace: Trace
    native: bool = True
    """Whether the endpoint takes native tools; unlearnt at the first rejection."""

    async def say(self, who: str, messages: Sequence[Message], tools: Sequence[ToolSpec], longest: int) -> Response:
        """One call. Raises ``BudgetSpent`` or ``CallsFailed``."""
        request = Request(self.endpoint.model.name, tuple(messages), tools=tuple(tools) if self.native else ())
        wanted = longest if self.sampling.max_tokens is None else min(longest, self.sampling.max_tokens)
        request = replace(request, sampling=replace(self.sampling, max_tokens=self.purse.admit(request, wanted)))
        try:
            response = await self._within_time(request)
        finally:
            self.purse.give_back(request)
        if response.error is not None and response.error.kind in _REJECTED and request.tools:
            self.native = False
            self.trace.step(who, "note", text="the endpoint rejects native tools: JSON in the text from now on")
            return await self.say(who, messages, tools, longest)
        usage = self.purse.pay(request, response)
        self.trace.step(
            who,
            "call",
            prompt=digest(request),
            reply=response.text,
            tool_calls=[[call.name, call.arguments] for call in response.tool_calls],
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            error=None if response.error is None else response.error.message,
        )
        if response.error is not None:
            raise CallsFailed(f"{response.error.kind}: {response.error.message}")
        return response

    async def _within_time(self, request: Request) -> Response:
        left = self.purse.seconds_left()
        try:
            async with asyncio.timeout(None if left == float("inf") else left):
                return await self.endpoint.ask(request)
        except TimeoutError:
            raise BudgetSpent(f"{self.purse.budget.seconds:g} seconds") from None
        except RunIncomplete as error:
            raise CallsFailed(str(error)) from None


async def converse(
    talker: Talker, who: str, system: str, task: str, tools: Mapping[str, Tool], *, turns: int, tokens: int | None
) -> Ended:
    """Let an agent work.

    Args:
        talker: the model.
        who: the agent's name in the trace.
        system: its standing instructions.
        task: what it is to do.
        tools: by name.
        turns: replies at most; the last is asked for with a word that it is the last.
        tokens: this agent's part of the budget; ``None``: all there is.
    """
    specs = [tool.spec for tool in tools.values()]
    said = [Message("system", _with_tools(system, specs)), Message("user", task)]
    before = talker.purse.input_tokens + talker.purse.output_tokens
    for turn in range(turns):
        if tokens is not None and talker.purse.input_tokens + talker.purse.output_tokens - before >= tokens:
            return Ended("", "budget: this agent's part of the tokens")
        if turn == turns - 1 and turn:
            said.append(Message("user", prompts.LAST_TURN))
        try:
            response = await talker.say(who, said, specs, LONGEST_REPLY)
            calls, native = _calls(response, tools)
            if not calls:
                return Ended(response.text, "done")
            said += await _answered(talker, who, response, calls, tools, native=native)
        except BudgetSpent as spent:
            return Ended("", f"budget: {spent}")
        except CallsFailed as failed:
            return Ended("", f"failed: {failed}")
    return Ended("", "turns")


def _with_tools(system: str, specs: Sequence[ToolSpec]) -> str:
    if not specs:
        return system
    lines = [f"- {s.name}: {s.description} Arguments: {json.dumps(s.parameters.get('properties', {}))}" for s in specs]
    return "\n".join([system, prompts.TOOL_TEXT, *lines])


def _calls(response: Response, tools: Mapping[str, Tool]) -> tuple[list[ToolCall], bool]:
    """The tool calls of a reply, and whether they are native; of several in a text the first alone."""
    if response.tool_calls:
        return list(response.tool_calls[:4]), True
    for found in objects_in(response.text, "tool"):
        arguments = found.value.get("arguments", {})
        if found.value["tool"] in tools and isinstance(arguments, dict):
            return [ToolCall("", str(found.value["tool"]), msgspec.json.encode(arguments).decode())], False
    return [], False


async def _answered(
    talker: Talker, who: str, response: Response, calls: Sequence[ToolCall], tools: Mapping[str, Tool], *, native: bool
) -> list[Message]:
    """What is added to the conversation: the model's turn, and each tool's result."""
    turn = [Message("assistant", response.text[:MOST_RESULT], tuple(calls) if native else ())]
    for call in calls:
        result = await _use(call, tools)
        talker.trace.step(who, "tool", tool=call.name, arguments=call.arguments, result=result)
        if native:
            turn.append(Message("tool", result, tool_call_id=call.id))
        else:
            turn.append(Message("user", f"Result of {call.name}:\n{result}"))
    return turn


async def _use(call: ToolCall, tools: Mapping[str, Tool]) -> str:
    if call.name not in tools:
        return f"There is no tool {call.name[:60]!r}; there are: {', '.join(tools)}."
    try:
        arguments = msgspec.json.decode(call.arguments or "{}")
    except msgspec.DecodeError as error:
        return f"Refused: the arguments are not JSON ({error})."
    if not isinstance(arguments, dict):
        return "Refused: the arguments are not a JSON object."
    try:
        result = await tools[call.name].use(arguments)
    except ToolRefused as refused:
        return f"Refused: {refused}"
    except (BudgetSpent, CallsFailed, AssayError):
        raise
    except Exception as error:  # arguments are hostile: what a library makes of them must not end the diagnosis
        return f"Refused: the tool cannot do that ({type(error).__name__})"
    return result if len(result) <= MOST_RESULT else result[:MOST_RESULT] + "\n(cut here)"
