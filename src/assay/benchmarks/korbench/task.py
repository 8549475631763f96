"""KOR-Bench as a task: five categories of 25 rules with ten items each, in the settings of the paper.

What a setting changes (samples, protocol, scorers, metrics, how stored rows name their samples) is one
``_Setting``; the rest is the same for all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from assay.benchmarks.files import digest_files
from assay.benchmarks.korbench import correction, mixed, steps
from assay.benchmarks.korbench.correction import correction_protocol, correction_scorers, with_feedback
from assay.benchmarks.korbench.data import (
    CATEGORIES,
    PARTS,
    SOURCE,
    Category,
    Folder,
    Item,
    Part,
    Rule,
    Setting,
    locate,
    mix_file,
    needed_files,
    read_items,
    read_rules,
)
from assay.benchmarks.korbench.mixed import (
    mixed_samples,
    official_mixed_scorer,
    robust_mixed_scorer,
    target_of_row,
)
from assay.benchmarks.korbench.prompts import examples_by_rule, fill, read_template, read_templates, render
from assay.benchmarks.korbench.score import official_scorer, official_string_scorer, robust_scorer
from assay.benchmarks.korbench.steps import step_count, step_matcher, step_samples
from assay.benchmarks.registry import benchmark
from assay.errors import UsageError
from assay.protocols import plain_completion, single_question
from assay.records import DatasetInfo, Metric, Sample, Sampling
from assay.task import Protocol, RowMap, Scorer, Task

_CHANGED = (
    "the owners changed six gold answers after judging the responses that they publish: operation/126, "
    "counterfactual/114, /119 and /199, logic/48 and /50",
    "they also changed wordings after asking: the rules operation/5 and cipher/1, and the questions logic/31, /70, "
    "/116, /117, /125 and /126",
)
_ITEMS_A_RULE = 10
_ONLY: dict[str, Category] = {"trick": "puzzle", "subquestions": "cipher"}
"""Settings of a single category."""

Mode = Literal["official", "official-string", "robust"]
_SCORERS: dict[str, Scorer] = {
    "official": official_scorer,
    "official-string": official_string_scorer,
    "robust": robust_scorer,
}
_MIXED_SCORERS: dict[str, Scorer] = {
    "official": official_mixed_scorer,
    "official-string": official_mixed_scorer,
    "robust": robust_mixed_scorer,
}


class _Setting(NamedTuple):
    """What a setting changes."""

    samples: Callable[[Folder], Iterator[Sample]]
    size: Callable[[Folder], int]
    metrics: tuple[Metric, ...]
    rows: RowMap
    params: Mapping[str, Any] = MappingProxyType({})
    protocol: Protocol = single_question
    scorers: Mapping[str, Scorer] = _SCORERS
    cluster: str | None = "rule_id"


@benchmark("korbench", summary="KOR-Bench: reasoning by 125 rules that training data does not hold")
def korbench(
    data: Path | None = None,
    setting: Setting = "zero-shot",
    categories: tuple[Category, ...] = CATEGORIES,
    subset: Category | None = None,
    parts: tuple[Part, ...] = PARTS,
    judge: Mode = "official",
    final_only: bool = False,
    offline: bool = False,
) -> Task:
    """Build the task.

    Args:
        data: The owners' files: a flat copy or a checkout of their repository.
        setting: ``zero-shot`` for chat models; ``three-shot`` for base models, whose prompt is continued;
            ``mixed``: several questions at once; ``trick``: puzzles with a hint; ``subquestions``: cipher items
            step by step; ``self-correction``, also ``-with-needle``: a wrong model may try again.
        categories: Which of the five to ask.
        subset: A single one of them.
        parts: In the mixed setting: which parts to ask; ``Multi-RQ-Hard`` is a fourth one.
        judge: In the self-correction settings: the mode that decides whether a reply is wrong.
        final_only: In the self-correction settings: score the last reply alone, as stored rows hold it.
        offline: Fetch nothing; without a local copy the task scores stored rows but has no samples.
    """
    categories = _categories(setting, categories if subset is None else (subset,))
    parts = (parts or PARTS) if setting == "mixed" else ()
    needed = needed_files(categories, setting, parts)
    folder = locate(data, needed, offline=offline)
    chosen = _setting(setting, folder, categories, parts, judge, final_only)

    def samples() -> Iterable[Sample]:
        return chosen.samples(folder) if folder else ()

    return Task(
        name="korbench" if len(categories) != 1 else f"korbench/{categories[0]}",
        version="1",
        samples=samples,
        protocol=chosen.protocol,
        scorers=chosen.scorers,
        mode="official",
        metrics=chosen.metrics,
        sampling=Sampling(max_tokens=2000),
        dataset=DatasetInfo(
            source=str(folder.data) if folder else SOURCE,
            digest=digest_files(folder.file(path) for path in needed) if folder else None,
            licence="Apache-2.0",
            notes=_CHANGED,
        ),
        params={"setting": setting, "categories": list(categories), **chosen.params},
        cluster=chosen.cluster,
        size=chosen.size(folder) if folder else None,
        rows=chosen.rows,
    )


def _categories(setting: str, asked: tuple[Category, ...]) -> tuple[Category, ...]:
    """The categories of a setting, in the usual order. Raises ``UsageError`` where it has none of those asked for."""
    if not asked:
        raise UsageError(f"korbench: no categories; there are: {', '.join(CATEGORIES)}")
    if setting == "mixed" and set(asked) != set(CATEGORIES):
        raise UsageError("korbench: the mixed setting puts rules of all categories together; leave categories out")
    only = _ONLY.get(setting)
    if only is not None and only not in asked:
        raise UsageError(f"korbench: setting={setting} has the category {only} alone")
    return (only,) if only else tuple(category for category in CATEGORIES if category in asked)


def _setting(
    setting: Setting,
    folder: Folder | None,
    categories: tuple[Category, ...],
    parts: tuple[Part, ...],
    judge: Mode,
    final_only: bool,
) -> _Setting:
    if setting == "mixed":
        return _Setting(
            samples=lambda files: mixed_samples(files, parts),
            size=lambda files: sum(_lines(files.file(mix_file(part))) for part in parts),
            metrics=mixed.METRICS,
            rows=RowMap(lambda row: f"{row['part']}/{int(row['idx'])}", target_of_row),
            params={"parts": list(parts)},
            scorers=_MIXED_SCORERS,
            cluster=None,
        )
    if setting == "subquestions":
        rows = RowMap(step_matcher(folder), _row_gold)
        return _Setting(step_samples, step_count, steps.METRICS, rows, cluster="item")
    plain = _Setting(
        samples=lambda files: _samples(files, categories, setting),
        size=lambda files: sum(_lines(files.file(f"{category}/sample.jsonl")) for category in categories),
        metrics=_metrics(categories),
        rows=RowMap(_row_id, _row_gold, _row_params, _row_sample),
        protocol=plain_completion if setting == "three-shot" else single_question,
    )
    if not setting.startswith("self-correction"):
        return plain
    # Stored rows hold the last reply alone, and not which round it is from.
    plain = plain._replace(rows=RowMap(_row_id, _row_gold, lambda row: {"final_only": True}, _row_sample))
    if final_only:
        return plain._replace(params={"final_only": True})
    return plain._replace(
        params={"judge": judge},
        metrics=(*plain.metrics[:1], *correction.METRICS, *plain.metrics[1:]),
        protocol=correction_protocol(_SCORERS[judge]),
        scorers=correction_scorers(_SCORERS),
    )


def _metrics(categories: tuple[str, ...]) -> tuple[Metric, ...]:
    accuracy = [Metric("accuracy"), Metric("accuracy by category", by="category")]
    if "counterfactual" in categories:
        # Where rows are scored without the dataset, their real-life answers are not known.
        where = {"real_life": "known"}
        accuracy.append(Metric("real-life rate", value="real_life", where=where, better="lower"))
    return tuple(accuracy)


def _samples(folder: Folder, categories: Iterable[Category], setting: Setting) -> Iterator[Sample]:
    corrects = setting.startswith("self-correction")
    told = fill(read_template(folder.file("prompt/self-correction.yaml")), (), "the feedback") if corrects else ""
    for category, template in _templates(folder, categories, setting).items():
        rules = read_rules(folder.file(f"{category}/rule.jsonl"))
        shots = (
            examples_by_rule(read_items(folder.file(f"{category}/three-shot.jsonl"), rules))
            if setting == "three-shot"
            else {}
        )
        for item in read_items(folder.file(f"{category}/sample.jsonl"), rules):
            rule = rules[item.rule_id]
            sample = Sample(
                id=f"{category}/{item.idx}",
                input=render(template, rule, shots.get(rule.idx, ()), item, hint=setting == "trick"),
                target=item.answer,
                metadata=_metadata(category, rule, item, setting),
            )
            if corrects:
                needle = item.needle_sentences if setting == "self-correction-with-needle" else ()
                sample = with_feedback(sample, told, needle)
            yield sample


def _templates(folder: Folder, categories: Iterable[Category], setting: Setting) -> dict[str, str]:
    if setting == "trick":
        return {"puzzle": read_template(folder.file("prompt/trick.yaml"))}
    shots = "three-shot" if setting == "three-shot" else "zero-shot"
    return read_templates(folder.file(f"prompt/{shots}.yaml"), tuple(categories))


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


def _row_gold(row: Mapping[str, Any]) -> str | None:
    return row.get("official_answer")


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
