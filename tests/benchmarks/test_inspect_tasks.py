"""The same replies give the same scores here as under Inspect's own ``eval``, sample for sample."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from assay.benchmarks.registry import load_task
from assay.engine.preflight import preflight
from assay.errors import RateLimited, TaskNotFound, UsageError
from assay.models.scripted import Scripted
from assay.records import Image, Message, Outcome, Request, Response, ToolCall
from assay.store.frames import trajectories
from assay.task import Task
from tests.engine.support import run

pytest.importorskip("inspect_ai", reason="needs the extra inspect")
pytestmark = pytest.mark.slow

TASKS = '''
from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessageSystem, ChatMessageUser, ContentImage, ContentText, GenerateConfig, get_model
from inspect_ai.scorer import (
    CORRECT, INCORRECT, Score, Target, accuracy, choice, includes, match, mean, model_graded_qa, pattern, scorer, stderr
)
from inspect_ai.solver import (
    Generate, TaskState, chain_of_thought, generate, multiple_choice, self_critique, solver, system_message, use_tools
)
from inspect_ai.tool import tool

SUMS = [(1, 2), (30, 4), (5, 5), (17, 8), (9, 90), (11, 2), (6, 7), (8, 8)]


def sums(**extra):
    return MemoryDataset([Sample(input=f"What is {a} + {b}?", target=str(a + b), metadata={"a": a}) for a, b in SUMS])


@task
def matched():
    return Task(dataset=sums(), solver=[system_message("Be brief."), generate()], scorer=[match(), includes()],
                config=GenerateConfig(max_tokens=64, temperature=0.5))


@task
def chosen():
    samples = [
        Sample(id=f"c{a}", input=f"Pick the sum of {a} and {b}.", target="A", choices=[str(a + b), "none", str(a - b)])
        for a, b in SUMS
    ]
    return Task(dataset=MemoryDataset(samples), solver=[chain_of_thought(), multiple_choice()], scorer=choice())


@task
def critical():
    return Task(dataset=sums(), solver=[generate(), self_critique()], scorer=match())


@tool
def add():
    async def execute(x: int, y: int) -> str:
        """Add two numbers.

        Args:
            x: The first.
            y: The second.
        """
        return str(x + y)
    return execute


@task
def tooled():
    return Task(dataset=sums(), solver=[use_tools(add()), generate()], scorer=match(), message_limit=8)


@scorer(metrics={"right": [mean()], "length": [mean()]})
def measured():
    async def score(state: TaskState, target: Target) -> Score:
        text = state.output.completion
        if "know" in text:
            return Score.unscored(explanation="no number to measure")
        return Score(value={"right": float(target.text in text), "length": len(text) / 100 if text else 0}, answer=text)
    return score


@task
def several():
    return Task(dataset=sums(), solver=generate(), scorer=measured())


@solver
def remembering():
    async def solve(state: TaskState, generate: Generate) -> TaskState:
        state = await generate(state)
        state.store.set("first", state.output.completion)
        state.messages.append(ChatMessageUser(content="Sure?"))
        return await generate(state, temperature=0.25)
    return solve


@scorer(metrics=[accuracy(), stderr()])
def kept():
    async def score(state: TaskState, target: Target) -> Score:
        same = state.store.get("first") == state.output.completion
        return Score(value=CORRECT if same else INCORRECT, answer=state.store.get("first"))
    return score


@task
def stored():
    return Task(dataset=sums(), solver=remembering(), scorer=kept())


@task
def pictured():
    data = "data:image/png;base64,aGk="
    content = [ContentText(text="What is 1 + 2?"), ContentImage(image=data)]
    return Task(dataset=[Sample(input=[ChatMessageUser(content=content)], target="3")], scorer=includes())


@solver
def careless():
    async def solve(state: TaskState, generate: Generate) -> TaskState:
        try:
            return await generate(state)
        except Exception:
            return state
    return solve


@task
def caught():
    return Task(dataset=sums(), solver=careless(), scorer=match())


@solver
def forgetful():
    import random
    async def solve(state: TaskState, generate: Generate) -> TaskState:
        state.messages.append(ChatMessageUser(content=f"Draw: {random.random()}"))
        return await generate(state)
    return solve


@task
def drawn():
    return Task(dataset=sums(), solver=forgetful(), scorer=match())


@scorer(metrics=[accuracy()])
def asking():
    async def score(state: TaskState, target: Target) -> Score:
        reply = await get_model().generate("Is this right?")
        return Score(value=CORRECT if "yes" in reply.completion else INCORRECT)
    return score


@task
def asked():
    return Task(dataset=sums(), solver=generate(), scorer=asking())


@task
def graded():
    return Task(dataset=sums(), solver=generate(), scorer=model_graded_qa())


@task
def boxed():
    return Task(dataset=sums(), solver=generate(), scorer=match(), sandbox="local")


@task
def timed():
    return Task(dataset=sums(), solver=generate(), scorer=match(), time_limit=10)


@task
def with_roles():
    return Task(dataset=sums(), solver=generate(), scorer=match(), model_roles={"critic": "mockllm/model"})


@solver
def parallel():
    import anyio
    async def solve(state: TaskState, generate: Generate) -> TaskState:
        replies = {}
        async def branch(k):
            found = await get_model().generate([ChatMessageUser(content=f"What is {k} + {k}?")], cache=True)
            replies[k] = found.completion
        async with anyio.create_task_group() as group:
            for k in range(4):
                group.start_soon(branch, k)
        state.messages.append(ChatMessageUser(content=", ".join(replies[k] for k in range(4))))
        return await generate(state)
    return solve


@task
def branched():
    return Task(dataset=sums(), solver=parallel(), scorer=includes(), config=GenerateConfig(system_message="Be brief."))


@task
def sized(n: int = 3):
    return Task(dataset=[Sample(input=f"What is 1 + {k}?", target=str(1 + k)) for k in range(n)], scorer=match())
'''
AGREEING = ("branched", "matched", "chosen", "critical", "tooled", "several", "stored", "pictured")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a file of tasks."""
    where = tmp_path_factory.mktemp("inspect")
    (where / "tasks.py").write_text(TASKS)
    return where


def load(folder: Path, name: str, **params: Any) -> Task:
    return load_task(f"inspect/tasks.py@{name}", data=folder, params=params)


def says(texts: list[str], tools: bool, used: bool) -> str | tuple[int, int]:
    """A reply that is right, wrong, wordy, or empty, by the conversation; a pair of numbers is a call of the tool."""
    asked = next(text for text in texts if " + " in text or " sum of " in text)
    words = asked.replace("?", " ").replace(".", " ").split()
    a, b = [int(word) for word in words if word.isdigit()][:2]
    if tools and not used:
        return a, b
    turn = len(texts) + a
    if "Pick" in asked:
        return ("ANSWER: A", "ANSWER: B", "It may be A or C.\n\nANSWER: C", "")[turn % 4]
    return (f"{a + b}", f"It is {a + b}, I think", "I do not know", f"{a + b + 1}")[turn % 4]


def scripted() -> Scripted:
    def reply(request: Request) -> Response:
        texts = [message.text for message in request.messages]
        said = says(cut(texts), bool(request.tools), any(m.role == "tool" for m in request.messages))
        if isinstance(said, str):
            return Response(said, finish_reason="stop")
        call = ToolCall("call-1", "add", json.dumps({"x": said[0], "y": said[1]}))
        return Response("", tool_calls=(call,), finish_reason="tool_calls")

    return Scripted(reply)


def cut(texts: list[str]) -> list[str]:
    """The texts without the options of a question, which hold numbers too."""
    kept = []
    for text in texts:
        if "Pick the sum" in text:
            start = text.index("Pick the sum")
            text = text[start : text.index(".", start) + 1]
        kept.append(text)
    return kept


def theirs(folder: Path, name: str) -> dict[str, dict[str, Any]]:
    """Sample -> scorer -> value under Inspect's own ``eval``."""
    from inspect_ai import eval as inspect_eval
    from inspect_ai.model import ModelOutput, ModelUsage, get_model

    def output(input: Any, tools: Any, tool_choice: Any, config: Any) -> ModelOutput:
        said = says(cut([message.text for message in input]), bool(tools), any(m.role == "tool" for m in input))
        if isinstance(said, str):
            made = ModelOutput.from_content("mockllm", said)
        else:
            made = ModelOutput.for_tool_call("mockllm", "add", {"x": said[0], "y": said[1]})
        made.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)  # else it fetches a tokenizer
        return made

    model = get_model("mockllm/model", custom_outputs=output, memoize=False)
    [log] = inspect_eval(
        f"{folder}/tasks.py@{name}", model=model, log_dir=str(folder / "logs"), display="none", log_level="error"
    )
    assert log.status == "success", log.error
    return {str(s.id): {key: score.value for key, score in (s.scores or {}).items()} for s in log.samples or ()}


def ours(where: Path, task: Task, **plan: Any) -> dict[str, Any]:
    run(where, scripted(), task, **plan)
    return {sample.id: line.score for sample, _, line in trajectories(where)}


def number(value: Any) -> float:
    from inspect_ai.scorer import value_to_float

    return value_to_float()(value)


@pytest.mark.parametrize("name", AGREEING)
def test_every_sample_gets_inspect_s_score(folder: Path, tmp_path: Path, name: str) -> None:
    expected = theirs(folder, name)
    found = ours(tmp_path / "run", load(folder, name), ceiling=8)
    assert set(found) == set(expected)
    kinds = Counter()
    for sample, scores in expected.items():
        flat: dict[str, float] = {}
        for scorer, value in scores.items():
            parts = {f"{scorer}/{key}": v for key, v in value.items()} if isinstance(value, dict) else {scorer: value}
            flat |= {key: number(v) for key, v in parts.items() if number(v) == number(v)}
        assert dict(found[sample].values) == flat, sample
        kinds[found[sample].outcome] += 1
        if not flat:
            assert found[sample].outcome is Outcome.JUDGE_FAILED
    if name == "several":
        assert kinds == {Outcome.SCORED: 4, Outcome.JUDGE_FAILED: 4}
    elif name == "chosen":
        assert kinds == {Outcome.SCORED: 6, Outcome.UNPARSED: 2}


def test_the_task_s_settings_and_turns_are_asked(folder: Path, tmp_path: Path) -> None:
    task = load(folder, "matched")
    assert (task.sampling.max_tokens, task.sampling.temperature) == (64, 0.5)
    model = scripted()
    run(tmp_path / "run", model, task, sampling=task.sampling)
    trajectory = next(t for _, t, _ in trajectories(tmp_path / "run"))
    assert [m.role for m in trajectory.messages] == ["system", "user", "assistant"]
    assert trajectory.calls[0].request.sampling == task.sampling
    stored = load(folder, "stored")
    run(tmp_path / "stored", model, stored, sampling=task.sampling)
    _, second = next(t for _, t, _ in trajectories(tmp_path / "stored")).calls
    assert second.request.sampling.temperature == 0.25
    assert second.request.sampling.max_tokens == 64


def test_tools_are_offered_used_and_journalled(folder: Path, tmp_path: Path) -> None:
    run(tmp_path / "run", scripted(), load(folder, "tooled"))
    for sample, trajectory, _ in trajectories(tmp_path / "run"):
        first, second = trajectory.calls
        assert [tool.name for tool in first.request.tools] == ["add"]
        assert first.request.tools[0].parameters["required"] == ["x", "y"]
        assert second.request.messages[-1] == Message("tool", str(sample.target), tool_call_id="call-1")


def test_parallel_calls_of_a_solver_are_each_on_record(folder: Path, tmp_path: Path) -> None:
    for _ in range(2):  # a second model must not be answered from what Inspect would have cached
        model = scripted()
        run(tmp_path / str(id(model)), model, load(folder, "branched"), ceiling=8)
        assert model.calls == 5 * 8
        for _, trajectory, _ in trajectories(tmp_path / str(id(model))):
            assert len({call.digest for call in trajectory.calls}) == 5
            assert all(call.request.messages[0] == Message("system", "Be brief.") for call in trajectory.calls)


def test_images_are_passed_on(folder: Path, tmp_path: Path) -> None:
    run(tmp_path / "run", scripted(), load(folder, "pictured"))
    _, trajectory, _ = next(iter(trajectories(tmp_path / "run")))
    assert Image(data="aGk=", media_type="image/png") in trajectory.calls[0].request.messages[0].content


def test_what_was_answered_is_not_asked_again(folder: Path, tmp_path: Path) -> None:
    task = load(folder, "critical")
    failing = Counter[str]()

    def reply(request: Request) -> Response:
        texts = [message.text for message in request.messages]
        failing["asked"] += 1
        if failing["asked"] > 10:
            raise RateLimited("enough")
        said = says(cut(texts), False, False)
        assert isinstance(said, str)
        return Response(said, finish_reason="stop")

    first = ours_with(tmp_path / "run", Scripted(reply), task)
    assert Counter(score.outcome for score in first.values())[Outcome.INFRA_FAILED]
    model = scripted()
    again = ours_with(tmp_path / "run", model, task)
    assert model.calls == 3 * 8 - 10
    assert again == ours_with(tmp_path / "whole", scripted(), task)
    assert {score.outcome for score in again.values()} == {Outcome.SCORED}


def ours_with(where: Path, model: Scripted, task: Task) -> dict[str, Any]:
    run(where, model, task, ceiling=2)
    return {sample.id: line.score for sample, _, line in trajectories(where)}


def test_a_solver_that_swallows_failures_does_not_turn_them_into_answers(folder: Path, tmp_path: Path) -> None:
    def fails(request: Request) -> Response:
        raise RateLimited("not now")

    found = ours_with(tmp_path / "run", Scripted(fails), load(folder, "caught"))
    assert {score.outcome for score in found.values()} == {Outcome.INFRA_FAILED}


@pytest.mark.parametrize(("name", "reason"), [("drawn", "asks something else"), ("asked", "a scorer asks a model")])
def test_what_cannot_be_judged_from_the_record_is_not_judged(
    folder: Path, tmp_path: Path, name: str, reason: str
) -> None:
    for score in ours(tmp_path / "run", load(folder, name)).values():
        assert (score.outcome, score.value) == (Outcome.JUDGE_FAILED, None)
        assert reason in (score.explanation or "")


@pytest.mark.parametrize(
    ("name", "reason"),
    [("graded", "asks a model"), ("boxed", "sandbox"), ("timed", "time_limit"), ("with_roles", "model_roles")],
)
def test_what_cannot_be_run_is_refused_with_its_reason(folder: Path, name: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        load(folder, name)


def test_task_arguments_are_passed_on_and_checked(folder: Path) -> None:
    task = load(folder, "sized", n="5")
    assert task.size == 5
    assert [sample.id for sample in task.samples()] == ["1", "2", "3", "4", "5"]
    with pytest.raises(UsageError, match="no parameter 'm'"):
        load(folder, "sized", m="5")


def test_references_pass_inspect_s_scorers(folder: Path) -> None:
    for name in ("matched", "chosen"):
        report = asyncio.run(preflight(load(folder, name)))
        assert report.references == 8
        assert report.reason is None
        assert not report.failed


def test_an_unknown_task_is_said_to_be_unknown() -> None:
    with pytest.raises(TaskNotFound, match="no_such"):
        load_task("inspect/no_such/task")
