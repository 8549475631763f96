"""The benchmark ``reasoning-gym``: any of the package's generators, its curriculum's levels as difficulty."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from assay.benchmarks.reasoning_gym.entries import restored
from assay.benchmarks.reasoning_gym.generate import Specification, configuration, entries
from assay.benchmarks.registry import benchmark, json_or_text
from assay.errors import MissingDependency, UsageError
from assay.protocols import single_question
from assay.records import DatasetInfo, Message, Metric, Outcome, Sample, Score, Trajectory
from assay.scoring.thinking import outcome_without_answer, split_thinking
from assay.scoring.workers import shared_pool
from assay.task import Task

VERSION = "1"
TIMEOUT_S = 10.0
"""CPU seconds for judging one answer."""

_EXAMPLES = {"graph_color": "possible_answer", "propositional_logic": "example_answer"}
"""Datasets with many right answers: where their entries keep one."""
_WITHOUT_EXAMPLE = frozenset(("boxnet", "rubiks_cube", "rush_hour"))
"""Datasets whose entries hold no right answer, or not all of them."""


@benchmark("reasoning-gym", summary="Any generator of the package reasoning-gym, by the levels of its curriculum.")
def reasoning_gym(
    data: Path | None = None,
    subset: str = "",
    n: int = 100,
    seed: int = 42,
    level: tuple[int, ...] = (),
    prompt: str = "default",
    by: str | None = None,
    **config: Any,
) -> Task:
    """Build the task ``reasoning-gym/NAME``.

    Args:
        data: Not used: the samples are generated.
        subset: The dataset's name.
        n: Samples, at each level.
        seed: Another seed gives other samples.
        level: Levels of the dataset's curriculum, from 0: every attribute at its level of that number, or at
            its last one. Without it, the dataset's own default configuration.
        prompt: Which of the package's system prompts says how to answer, or ``none``.
        by: A difficulty attribute to break scores down by.
        config: Fields of the dataset's configuration, their values as JSON; they come on top of a level's.

    Raises ``MissingDependency``, ``UsageError``.
    """
    if n < 1:
        raise UsageError(f"reasoning-gym: n={n} will not do: at least 1")
    given = {key: json_or_text(value) for key, value in config.items()}
    _check_name(subset, given)
    drawn = [Specification(subset, n, seed, depth, given) for depth in dict.fromkeys(level) or (None,)]
    for wanted in drawn:
        _check(wanted)
    system = _system_prompt(prompt)
    params = {"n": n, "seed": seed, "level": list(level), "prompt": prompt, "by": by, **given}
    package = version("reasoning-gym")
    identity = msgspec.json.encode([VERSION, package, drawn, system])

    def samples() -> Iterator[Sample]:
        for wanted in drawn:
            for index, entry in enumerate(entries(wanted)):
                yield _sample(subset, wanted.level, index, entry, system)

    as_text = {wanted.level: msgspec.json.encode(wanted).decode() for wanted in drawn}

    async def score(sample: Sample, trajectory: Trajectory) -> Score:
        return await _score(as_text[int(sample.metadata["level"]) if level else None], sample, trajectory)

    return Task(
        name=f"reasoning-gym/{subset}",
        version=f"{VERSION}+{package}",
        samples=samples,
        protocol=single_question,
        scorers={"official": score},
        mode="official",
        metrics=_metrics("level" if level else by),
        dataset=DatasetInfo(
            f"reasoning-gym {package}: {subset}",
            hashlib.sha256(identity).hexdigest(),
            "Apache-2.0",
            ("the score is the generator's own and gives credit for parts; exact counts full scores only",),
        ),
        params={key: value for key, value in params.items() if value not in (None, [])},
        size=n * len(drawn),
        reference=None if subset in _WITHOUT_EXAMPLE else lambda sample: f"<answer>{sample.target}</answer>",
    )


def _check_name(name: str, given: Mapping[str, Any]) -> None:
    """Raises ``MissingDependency``, or ``UsageError`` where there is no such dataset or parameter."""
    try:
        from reasoning_gym.factory import DATASETS
    except ImportError:
        raise MissingDependency("reasoning-gym tasks need the package: pip install 'assay[reasoning-gym]'") from None
    known = sorted(set(DATASETS) - {"composite"})
    if name not in known:
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known)}"
        raise UsageError(f"reasoning-gym: no dataset {name!r}: {hint}")
    fields = set(DATASETS[name][1].__dataclass_fields__) - {"seed", "size"}
    if unknown := sorted(set(given) - fields):
        raise UsageError(f"reasoning-gym/{name} has no parameter {unknown[0]!r}; it has: {', '.join(sorted(fields))}")


def _check(wanted: Specification) -> None:
    from reasoning_gym import create_dataset

    config = configuration(wanted)
    try:
        create_dataset(wanted.name, **config)
    except Exception as error:
        raise UsageError(f"reasoning-gym/{wanted.name}: this configuration will not do: {error}") from None


def _system_prompt(name: str) -> str | None:
    from reasoning_gym.utils import SYSTEM_PROMPTS

    if name == "none":
        return None
    if name not in SYSTEM_PROMPTS:
        raise UsageError(f"reasoning-gym: no prompt {name!r}; there are: none, {', '.join(SYSTEM_PROMPTS)}")
    text: str = SYSTEM_PROMPTS[name]
    return text


def _sample(name: str, level: int | None, index: int, entry: dict[str, Any], system: str | None) -> Sample:
    question = entry["question"]
    prompt = (*([Message("system", system)] if system else ()), Message("user", question))
    difficulty = entry["metadata"].get("difficulty")
    attributes = difficulty if isinstance(difficulty, Mapping) else {}
    metadata = {
        key: value if isinstance(value, str | int | float) else _text(value) for key, value in attributes.items()
    }
    if level is not None:
        metadata["level"] = str(level)
    return Sample(
        f"{name}-{index}" if level is None else f"{name}-{level}-{index}",
        prompt,
        _right_answer(name, entry),
        metadata={**metadata, "question": question, "entry": entry},
    )


def _right_answer(name: str, entry: dict[str, Any]) -> str:
    answer = entry["answer"]
    if answer is None and name in _EXAMPLES:
        answer = restored(entry["metadata"][_EXAMPLES[name]])
        answer = answer if isinstance(answer, str) else msgspec.json.encode(answer).decode()
    return "" if answer is None else str(answer)


def _text(value: Any) -> str:
    """An attribute's value or range as a group's name, such as ``2-6``."""
    value = restored(value)
    parts = value if isinstance(value, list | tuple) else (value,)
    return "-".join(map(str, parts))


def _metrics(by: str | None) -> tuple[Metric, ...]:
    overall = (Metric("score"), Metric("exact", value="exact"))
    return overall if by is None else (*overall, Metric("score", by=by), Metric("exact", value="exact", by=by))


async def _score(specification: str, sample: Sample, trajectory: Trajectory) -> Score:
    _, reply = split_thinking(trajectory.text)
    if "<answer>" not in reply:
        return Score(outcome_without_answer(trajectory.response), explanation="no <answer> in the reply")
    reply = reply.encode("utf-8", "replace").decode()  # a lone surrogate cannot travel
    judge = "assay.benchmarks.reasoning_gym.judging:judge"
    answer, value = await shared_pool().call(judge, specification, sample.metadata["entry"], reply, timeout_s=TIMEOUT_S)
    if answer is None:
        return Score(outcome_without_answer(trajectory.response), explanation="an <answer> that is never closed")
    return Score(
        Outcome.SCORED,
        value,
        answer,
        f"score_answer gives {value:g}",
        values={"exact": float(value >= 1)},
    )
