"""Figures that others have published, as reference data.

``data/published.csv`` has one row a figure, with its source and the setting as far as the source states it.
The figures are facts about other people's runs: other prompts, tools, step caps, attempts and judges.
The invariant: they are shown with that setting and never compared by a test. Which run has figures to stand
beside is written in an explicit table, since the same benchmark has several names and one name several versions.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from assay.records import TaskInfo

CAUTION = (
    "published elsewhere, in other settings (prompts, tools, attempts, judges, versions): "
    "for orientation; the differences are not tested"
)


class Published(Struct, frozen=True):
    """One figure as it was published."""

    benchmark: str
    """As the source names it."""
    metric: str
    """``score`` where the source does not say which."""
    model: str
    """As the source names it; empty for a figure about the benchmark itself."""
    value: float
    unit: str
    source: str
    table: str
    """Where in the source."""
    setting: str
    note: str


class Alias(NamedTuple):
    """A task's name and what its figures are published under."""

    task: str
    benchmarks: tuple[str, ...]
    metric: str | None = None
    """Only figures of this metric: for a task that is a part of the benchmark."""
    params: Mapping[str, tuple[Any, ...]] = MappingProxyType({})
    """The values of task parameters with which it is that benchmark; others do not matter."""


_KORBENCH = {"setting": ("zero-shot", "three-shot")}
_WHOLE_KORBENCH = {"categories": (["operation", "logic", "cipher", "puzzle", "counterfactual"],)}

ALIASES = (
    Alias("aime/2024", ("AIME24",)),
    Alias("aime/2025", ("AIME25", "AIME 2025")),
    Alias("aime/2026", ("AIME 2026",)),
    Alias("beyondaime", ("BeyondAIME",)),
    Alias("codeforces", ("Codeforces avg@8", "Codeforces pass@8", "Codeforces Elo")),
    Alias("discox", ("DiscoX",)),
    Alias("finsearchcomp", ("FinSearchComp",)),
    Alias("gpqa/diamond", ("GPQA-D", "GPQA Diamond")),
    Alias("ifeval", ("IFEval",)),
    Alias("korbench", ("KOR-Bench", "KORBench"), params={**_KORBENCH, **_WHOLE_KORBENCH}),
    Alias("korbench", ("KOR-Bench mixed",), params={"setting": ("mixed",)}),
    Alias("korbench", ("KOR-Bench self-correction",), params={"setting": ("self-correction",), **_WHOLE_KORBENCH}),
    Alias("korbench/operation", ("KOR-Bench",), "operation", _KORBENCH),
    Alias("korbench/logic", ("KOR-Bench",), "logic", _KORBENCH),
    Alias("korbench/cipher", ("KOR-Bench",), "cipher", _KORBENCH),
    Alias("korbench/puzzle", ("KOR-Bench",), "puzzle", _KORBENCH),
    Alias("korbench/counterfactual", ("KOR-Bench",), "counterfactual", _KORBENCH),
    Alias("livecodebench/v5", ("LiveCodeBench v5",)),
    Alias("livecodebench/v6", ("LiveCodeBench v6",)),
    Alias("marsbench", ("MARS-Bench",)),
    Alias("mmlu", ("MMLU",)),
    Alias("mmlu_pro", ("MMLU-Pro",)),
    Alias("supergpqa", ("SuperGPQA",)),
    Alias("worldtravel", ("WorldTravel TEXT", "WorldTravel VLM")),
    Alias("xpertbench", ("XpertBench",)),
)

_HEADLINES = frozenset(("score", "accuracy", "accuracy before", "accuracy after"))


@cache
def published() -> tuple[Published, ...]:
    """Every figure that comes with Assay, in the order of its source."""
    text = (files("assay.define") / "data" / "published.csv").read_text("utf-8")
    return msgspec.convert(list(csv.DictReader(text.splitlines())), tuple[Published, ...], strict=False)


def alias_of(task: TaskInfo) -> Alias | None:
    """What a task's figures are published under, or ``None``."""
    return next((alias for alias in ALIASES if _is(task, alias)), None)


def figures_for(task: TaskInfo, models: Sequence[str] = ()) -> list[Published]:
    """The published figures of a task: its headline ones, or all those of models whose name has one of ``models``."""
    alias = alias_of(task)
    if alias is None:
        return []
    return [
        figure
        for figure in published()
        if figure.benchmark in alias.benchmarks and figure.model and _wanted(figure, alias, models)
    ]


def _is(task: TaskInfo, alias: Alias) -> bool:
    return task.name == alias.task and all(
        task.params.get(key, values[0]) in values for key, values in alias.params.items()
    )


def _wanted(figure: Published, alias: Alias, models: Sequence[str]) -> bool:
    if alias.metric is not None and figure.metric != alias.metric:
        return False
    if models:
        return any(model.casefold() in figure.model.casefold() for model in models)
    return alias.metric is not None or figure.metric in _HEADLINES
