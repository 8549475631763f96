"""KOR-Bench as a task: five categories of 25 rules with ten items each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from assay.benchmarks.files import digest_files
from assay.benchmarks.korbench.data import (
    CATEGORIES,
    SOURCE,
    Category,
    Folder,
    Item,
    Rule,
    Setting,
    locate,
    needed_files,
    read_items,
    read_rules,
)
from assay.benchmarks.korbench.prompts import examples_by_rule, read_templates, render
from assay.benchmarks.korbench.score import official_scorer, official_string_scorer, robust_scorer
from assay.benchmarks.registry import benchmark
from assay.errors import UsageError
from assay.protocols import plain_completion, single_question
from assay.records import DatasetInfo, Metric, Sample, Sampling
from assay.task import RowMap, Task

_CHANGED = (
    "the owners changed six gold answers after judging the responses that they publish: operation/126, "
    "counterfactual/114, /119 and /199, logic/48 and /50",
    "they also changed wordings after asking: the rules operation/5 and cipher/1, and the questions logic/31, /70, "
    "/116, /117, /125 and /126",
)
_ITEMS_A_RULE = 10


@benchmark("korbench", summary="KOR-Bench: reasoning by 125 rules that training data does not hold")
def korbench(
    data: Path | None = None,
    setting: Setting = "zero-shot",
    categories: tuple[Category, ...] = CATEGORIES,
    subset: Category | None = None,
    offline: bool = False,
) -> Task:
    """Build the task.

    Args:
        data: The owners' files: a flat copy or a checkout of their repository.
        setting: ``zero-shot`` for chat models; ``three-shot`` for base models, whose prompt is continued.
        categories: Which of the five to ask.
        subset: A single one of them.
        offline: Fetch nothing; without a local copy the task scores stored rows but has no samples.
    """
    if subset is not None:
        categories = (subset,)
    if not categories:
        raise UsageError(f"korbench: no categories; there are: {', '.join(CATEGORIES)}")
    categories = tuple(category for category in CATEGORIES if category in categories)
    needed = needed_files(categories, setting)
    folder = locate(data, needed, offline=offline)

    def samples() -> Iterable[Sample]:
        return _samples(folder, categories, setting) if folder else ()

    return Task(
        name="korbench" if len(categories) != 1 else f"korbench/{categories[0]}",
        version="1",
        samples=samples,
        protocol=single_question if setting == "zero-shot" else plain_completion,
        scorers={"official": official_scorer, "official-string": official_string_scorer, "robust": robust_scorer},
        mode="official",
        metrics=_metrics(categories),
        sampling=Sampling(max_tokens=2000),
        dataset=DatasetInfo(
            source=str(folder.data) if folder else SOURCE,
            digest=digest_files(folder.file(path) for path in needed) if folder else None,
            licence="Apache-2.0",
            notes=_CHANGED,
        ),
        params={"setting": setting, "categories": list(categories)},
        cluster="rule_id",
        size=sum(_lines(folder.file(f"{category}/sample.jsonl")) for category in categories) if folder else None,
        rows=RowMap(_row_id, lambda row: row.get("official_answer"), _row_params, _row_sample),
    )


def _metrics(categories: tuple[str, ...]) -> tuple[Metric, ...]:
    accuracy = [Metric("accuracy"), Metric("accuracy by category", by="category")]
    if "counterfactual" in categories:
        # Where rows are scored without the dataset, their real-life answers are not known.
        where = {"real_life": "known"}
        accuracy.append(Metric("real-life rate", value="real_life", where=where, better="lower"))
    return tuple(accuracy)


def _samples(folder: Folder, categories: Iterable[Category], setting: Setting) -> Iterator[Sample]:
    templates = read_templates(folder.file(f"prompt/{setting}.yaml"), tuple(categories))
    for category, template in templates.items():
        rules = read_rules(folder.file(f"{category}/rule.jsonl"))
        shots = (
            examples_by_rule(read_items(folder.file(f"{category}/three-shot.jsonl"), rules))
            if setting == "three-shot"
            else {}
        )
        for item in read_items(folder.file(f"{category}/sample.jsonl"), rules):
            rule = rules[item.rule_id]
            prompt = render(template, rule, shots.get(rule.idx, ()), item)
            yield Sample(
                id=f"{category}/{item.idx}",
                input=prompt,
                target=item.answer,
                metadata=_metadata(category, rule, item, setting),
            )


def _metadata(category: str, rule: Rule, item: Item, setting: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "category": category,
        "rule_id": f"{category}/{rule.idx}",
        "idx": item.idx,
        "setting": setting,
        "question": item.question,
        "rule": rule.title,
        "tag": rule.tag,
        "direction": item.direction,
    }
    if item.real_life_answer is not None:
        found |= {"real_life_answer": item.real_life_answer, "real_life": "known"}
    return {key: value for key, value in found.items() if value != ""}


def _lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for line in file if line.strip())


def _row_id(row: Mapping[str, Any]) -> str:
    return f"{_row_category(row)}/{int(row['idx'])}"


def _row_category(row: Mapping[str, Any]) -> str:
    """Stored rows of the settings with hints or corrections name their category ``part``."""
    return str(row["part"] if "part" in row else row["category"])


def _row_params(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"setting": row["setting"]} if row.get("setting") else {}


def _row_sample(row: Mapping[str, Any]) -> Sample | None:
    category = _row_category(row)
    if category not in CATEGORIES or not row.get("official_answer"):
        return None
    idx = int(row["idx"])
    rule = (idx - 1) // _ITEMS_A_RULE + 1
    metadata = {"category": category, "rule_id": f"{category}/{rule}", "idx": idx, **_row_params(row)}
    return Sample(_row_id(row), input="", target=str(row["official_answer"]), metadata=metadata)
