"""One sample in Inspect's hands: its solver run outside ``inspect eval``, its model calls ours.

Inspect keeps the sample at hand, its transcript, limits and model in context variables. They are set in an
asyncio task made for one run of the solver, so that any number of samples may run at once and nothing is
left behind. The names imported from Inspect's private modules here are what its own runner calls to the
same end; the extra pins the versions that this was tested with.

A run is a function of the sample and the replies. Scoring therefore runs the solver once more, with the
replies that are on record: what it leaves behind is then what the scorers look at, today as after a year.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from copy import deepcopy
from typing import Any

from inspect_ai import Task
from inspect_ai._eval.context import init_task_context
from inspect_ai._eval.task.generate import task_generate
from inspect_ai._eval.task.run import resolve_plan
from inspect_ai._eval.task.util import sample_messages
from inspect_ai.dataset import Sample as InspectSample
from inspect_ai.log._transcript import Transcript, init_transcript
from inspect_ai.model import ChatMessage, GenerateConfig, Model, ModelAPI, ModelName, ModelOutput, modelapi
from inspect_ai.model._assistant_internal import init_sample_assistant_internal
from inspect_ai.model._model import init_sample_model_data
from inspect_ai.scorer import Score, Target
from inspect_ai.scorer._score import init_scoring_context
from inspect_ai.scorer._scorer import unique_scorer_name
from inspect_ai.solver import TaskState
from inspect_ai.solver._fork import set_task_generate
from inspect_ai.solver._task_state import sample_state, set_sample_state
from inspect_ai.tool import ToolChoice, ToolInfo
from inspect_ai.util import LimitExceededError
from inspect_ai.util._limit import turn_limit
from inspect_ai.util._store import init_subtask_store

from assay.benchmarks.inspect_tasks.wire import INSPECTS_OWN, messages_of, output_of, sampling_of, tools_of
from assay.errors import UsageError
from assay.records import Call, Message, Response, ToolSpec

Generate = Callable[..., Awaitable[Response]]
_MANY = 1_000_000
"""Connections: how many calls are in flight is the engine's business."""
_NAME = "model"


class CallsModel(Exception):
    """A scorer asked a model."""


class Unrepeatable(Exception):
    """The solver did not ask what it had asked before."""


class _Ours(ModelAPI):  # type: ignore[misc]  # Inspect's types are not looked at
    """Inspect's view of our model."""

    def __init__(self, *, ask: Generate) -> None:
        super().__init__(_NAME)
        self.ended: BaseException | None = None
        """What ended a call; solvers may catch it, and it has to reach the engine all the same."""
        self.scoring = False
        self._ask = ask
        self._turn = asyncio.Lock()  # a sample's calls are numbered, so a solver's parallel branches take turns

    async def generate(
        self, input: list[ChatMessage], tools: list[ToolInfo], tool_choice: ToolChoice, config: GenerateConfig
    ) -> ModelOutput:
        """Ask our model."""
        if self.scoring:
            raise CallsModel("a scorer asks a model; such calls are not journalled, so they are not made")
        try:
            if tool_choice not in ("auto", "none"):
                raise UsageError("inspect: the solver forces the choice of a tool, which is not passed on")
            offered = tools_of(tools) if tool_choice == "auto" else ()
            async with self._turn:
                reply = await self._ask(messages_of(input), tools=offered, **sampling_of(config))
        except BaseException as error:
            self.ended = error
            raise
        return output_of(reply, _NAME, tools)


class _Uncached(Model):  # type: ignore[misc]
    """A model whose replies are the journal's business only, whatever a solver says of Inspect's cache."""

    async def generate(self, *arguments: Any, **named: Any) -> ModelOutput:
        """As ``Model.generate``, never from Inspect's cache, whose keys do not know which model answers here."""
        return await super().generate(*arguments[:4], **{**named, "cache": False})


_registered = modelapi(name="assay")(_Ours)
"""Makes one with a name in Inspect's registry, as all models there have."""


def replayed(calls: Sequence[Call]) -> Generate:
    """The replies on record, in order. Raises ``Unrepeatable`` where another question is asked."""
    left = iter(calls)

    async def generate(
        messages: Sequence[Message] = (), *, tools: Sequence[ToolSpec] = (), **sampling: Any
    ) -> Response:
        call = next(left, None)
        if call is None or call.request.messages != tuple(messages):
            raise Unrepeatable("the solver, run again on the replies on record, asks something else")
        return call.response

    return generate


async def solved(task: Task, sample: InspectSample, epoch: int, generate: Generate) -> TaskState:
    """The state that the task's solver leaves. Raises whatever a model call raised."""
    return await asyncio.create_task(_solve(task, sample, epoch, _registered(ask=generate)))


async def scored(
    task: Task, sample: InspectSample, epoch: int, calls: Sequence[Call]
) -> tuple[TaskState, dict[str, Score | None]]:
    """The state rebuilt from the calls on record, and each scorer's judgement of it by the scorer's name."""

    async def run() -> tuple[TaskState, dict[str, Score | None]]:
        api = _registered(ask=replayed(calls))
        state = await _solve(task, sample, epoch, api)
        api.scoring = True
        state.completed = True
        set_sample_state(state)
        scores: dict[str, Score | None] = {}
        for scorer in task.scorer or ():
            name = unique_scorer_name(scorer, list(scores))
            scores[name] = await scorer(state, Target(sample.target))
        return state, scores

    return await asyncio.create_task(run())


async def _solve(task: Task, sample: InspectSample, epoch: int, api: Any) -> TaskState:
    sample = deepcopy(sample)
    model = _Uncached(api, GenerateConfig())
    state = _state(task, sample, epoch, model)

    async def generate(state: TaskState, tool_calls: Any = "loop", cache: Any = False, **config: Any) -> TaskState:
        return await task_generate(model, state, tool_calls, False, GenerateConfig(**config))

    own = {name: value for name in INSPECTS_OWN if (value := getattr(task.config, name)) is not None}
    init_task_context(model, None, GenerateConfig(max_connections=_MANY, **own))
    init_sample_model_data()
    set_sample_state(state)
    init_transcript(Transcript())
    init_subtask_store(state.store)
    if task.scorer:
        init_scoring_context(task.scorer, Target(sample.target))
    init_sample_assistant_internal()
    set_task_generate(generate)
    try:
        with state._token_limit, state._message_limit, turn_limit(task.turn_limit):
            state = await resolve_plan(task, None)(state, generate)
    except LimitExceededError:
        state = sample_state() or state
    except Exception:
        if api.ended is not None:
            raise api.ended from None
        raise
    if api.ended is not None:
        raise api.ended
    if task.cleanup is not None:
        await task.cleanup(state)
    return state


def _state(task: Task, sample: InspectSample, epoch: int, model: Model) -> TaskState:
    return TaskState(
        model=ModelName(model),
        sample_id=sample.id if sample.id is not None else 0,
        epoch=epoch,
        input=sample.input,
        target=Target(sample.target),
        choices=sample.choices,
        messages=sample_messages(sample),
        message_limit=task.message_limit,
        token_limit=task.token_limit,
        token_limit_type=task.token_limit_type or "all",
        metadata=sample.metadata or {},
    )
