"""The sub-question setting: one step of a cipher item at a time, the results of the steps before it revealed.

Stored rows do not say which step they are about, and not every model's are in the order of the steps. A row
is matched by item, type of step and gold answer; steps that have all three in common are judged alike, and
are told apart by counting.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from assay.benchmarks.korbench.data import STEPS_FILE, Folder, Item, SteppedItem, read_rules, read_stepped
from assay.benchmarks.korbench.prompts import read_templates, render
from assay.records import Metric, Sample

METRICS = (Metric("accuracy"), Metric("accuracy by step type", by="step_type"))


def step_samples(folder: Folder) -> Iterator[Sample]:
    """One sample a step. Raises ``DatasetMalformed``."""
    template = read_templates(folder.file("prompt/zero-shot.yaml"), ("cipher",))["cipher"]
    rules = read_rules(folder.file("cipher/rule.jsonl"))
    for item in _items(folder):
        for number, step in enumerate(item.steps_details, 1):
            question = f"{item.input}\n\n{step.description}"
            metadata = {
                "category": "cipher",
                "rule_id": f"cipher/{item.rule_id}",
                "idx": item.idx,
                "item": f"subquestions/{item.idx}",
                "step": number,
                "step_type": step.type,
                "setting": "subquestions",
                "question": question,
                "rule": rules[item.rule_id].title,
                "direction": item.direction,
            }
            yield Sample(
                id=_id(item.idx, number),
                input=render(template, rules[item.rule_id], (), Item(item.idx, item.rule_id, question, step.answer)),
                target=step.answer,
                metadata={key: value for key, value in metadata.items() if value != ""},
            )


def step_count(folder: Folder) -> int:
    """The number of steps of all items."""
    return sum(len(item.steps_details) for item in _items(folder))


def step_matcher(folder: Folder | None) -> Callable[[Mapping[str, Any]], str]:
    """The sample that a stored row answers; after the last step that fits, the first one again: a further attempt.

    Without the data, steps are numbered as their rows come.
    """
    fitting: dict[tuple[int, str, str], list[int]] = {}
    for item in _items(folder) if folder else ():
        for number, step in enumerate(item.steps_details, 1):
            fitting.setdefault((item.idx, step.type, step.answer), []).append(number)
    seen: Counter[tuple[Any, ...]] = Counter()

    def sample_id(row: Mapping[str, Any]) -> str:
        idx = int(row["idx"])
        key = (idx, row.get("step_type") or "", row["official_answer"])
        same = (row.get("model"), *key) if folder else (row.get("model"), idx)
        before = seen[same]
        seen[same] += 1
        if not folder:
            return _id(idx, before + 1)
        steps = fitting.get(key)
        return _id(idx, steps[before % len(steps)]) if steps else f"subquestions/{idx}, a step with answer {key[-1]}"

    return sample_id


def _items(folder: Folder) -> list[SteppedItem]:
    return read_stepped(folder.file(STEPS_FILE), read_rules(folder.file("cipher/rule.jsonl")))


def _id(item: int, step: int) -> str:
    return f"subquestions/{item}/{step}"
