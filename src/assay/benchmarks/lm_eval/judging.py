"""The harness's own filters and metrics on the replies to one document.

Log-likelihoods are numbers and are judged where they are. Generated text is model text: filters are
regular expressions and metrics may parse formulas, so it is judged in a worker, which builds the task from
the same YAML once. This module imports the harness and is imported by name there.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from lm_eval.api.instance import Instance

from assay.benchmarks.lm_eval.loading import build

Judged = tuple[dict[str, float], dict[str, str]]
"""``metric,filter`` -> value, and filter -> what it left of the reply."""


def judge_text(path: str, number: int, replies: list[str]) -> Judged:
    """Judge the replies to a document by its number. Runs in a worker."""
    return judge(_task(path), number, [replies])


@cache
def _task(path: str) -> Any:
    return build(path, None, 0)


def judge(task: Any, number: int, results: list[list[Any]]) -> Judged:
    """Judge what came back for each of a document's requests: one result for each time that it was asked."""
    doc = task.task_docs[number]
    kind = "generate_until" if task.OUTPUT_TYPE == "generate_until" else "loglikelihood"
    label = (task.config.task, number, task.config.repeats)
    instances = [Instance(kind, doc, (), place, label, resps=list(given)) for place, given in enumerate(results)]
    for ensemble in task._filters:
        ensemble.apply(instances)
    values: dict[str, float] = {}
    left: dict[str, str] = {}
    for name in instances[0].filtered_resps:
        filtered = [instance.filtered_resps[name] for instance in instances]
        for metric, value in task.process_results(doc, filtered).items():
            if (number_ := _number(value)) is not None:
                values[f"{metric},{name}"] = number_
        left[name] = str(filtered[0])
    return values, left


def _number(value: Any) -> float | None:
    if hasattr(value, "item"):  # numpy's
        value = value.item()
    return float(value) if isinstance(value, bool | int | float) else None


def mean_metrics(task: Any) -> tuple[dict[str, bool | None], list[str]]:
    """Metrics that are means over samples, with whether more is better; and the names of the others."""
    from lm_eval.api.registry import get_aggregation

    better = task.higher_is_better()
    means, others = {}, []
    for name, aggregation in task.aggregation().items():
        if aggregation in (get_aggregation("mean"), get_aggregation("nanmean")):
            means[name] = better.get(name)
        else:
            others.append(name)
    return means, others
