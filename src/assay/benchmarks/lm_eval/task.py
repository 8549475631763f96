"""The benchmark ``lm-eval``: a task of lm-evaluation-harness by its name."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.benchmarks.lm_eval.asking import asks, samples, sampling_of, stops_of, target_of
from assay.benchmarks.registry import benchmark
from assay.errors import MissingDependency, UsageError
from assay.records import DatasetInfo, Metric, Outcome, Response, Sample, Score, Trajectory
from assay.scoring.thinking import outcome_without_answer, split_thinking
from assay.task import Scorer, Task

if TYPE_CHECKING:
    from assay.scoring.workers import WorkerPool

VERSION = "1"
TIMEOUT_S = 60.0
"""CPU seconds for judging a reply; the first of a worker builds the task."""
_MEMORY = 16 << 30
"""Address space of a worker: datasets are mapped into it."""
_WORDINGS: tuple[Callable[[str], str], ...] = (
    lambda gold: gold,
    lambda gold: f"Answer: {gold}",
    lambda gold: f"The answer is {gold}.",
    lambda gold: f"the answer is ({gold})",
    lambda gold: f"#### {gold}",
    lambda gold: f"\\boxed{{{gold}}}",
)


@benchmark("lm-eval", summary="Any declarative task of lm-evaluation-harness, or a folder of your own YAML tasks.")
def lm_eval(
    data: Path | None = None,
    subset: str = "",
    shots: int | None = None,
    seed: int = 1234,
    chat: bool = False,
    multiturn: bool = False,
) -> Task:
    """Build the task ``lm-eval/TASK``.

    Args:
        data: A folder of YAML tasks of one's own; the package's tasks are there without it.
        subset: The task's name, as the harness has it.
        shots: Worked examples in each prompt; the YAML's number by default. A 0 in the YAML stands.
        seed: Of the draw of examples.
        chat: Ask as a conversation instead of as plain text.
        multiturn: In a conversation: each example a turn of its own.

    Raises ``MissingDependency``, ``TaskNotFound``, ``DatasetNotFound``, and ``UsageError`` with the reason
    where the task is none that can be run here.
    """
    if find_spec("lm_eval") is None:
        raise MissingDependency("lm-eval tasks need lm-evaluation-harness: pip install 'assay[lm-eval]'")
    from assay.benchmarks.lm_eval.judging import mean_metrics
    from assay.benchmarks.lm_eval.loading import build, find

    path = str(find(subset, data).yaml_path)
    task = build(path, shots, seed)
    if chat and task.config.gen_prefix:
        raise UsageError(f"lm-eval/{subset}: gen_prefix begins the model's reply, which chat endpoints do not take")
    means, others = mean_metrics(task)
    if not means:
        raise UsageError(f"lm-eval/{subset}: none of its metrics is a mean over samples: {', '.join(others)}")
    metrics = tuple(
        Metric(f"{name},{filters.name}", f"{name},{filters.name}", better="lower" if more is False else "higher")
        for filters in task._filters
        for name, more in means.items()
    )
    wording = _passing(task, metrics[0].value)
    checked = task.OUTPUT_TYPE != "generate_until" or wording is not None
    params = {"shots": shots, "seed": seed, "chat": chat, "multiturn": multiturn}
    package = version("lm_eval")
    return Task(
        name=f"lm-eval/{subset}",
        version=f"{VERSION}+lm_eval {package}+{_digest(task)[:8]}",
        samples=lambda: samples(task, seed, chat=chat, multiturn=multiturn, targets=checked),
        protocol=asks(task.OUTPUT_TYPE, task.config.repeats),
        scorers=_scorers(task, path, [metric.value for metric in metrics]),
        mode="official",
        metrics=metrics,
        sampling=sampling_of(task),
        dataset=_dataset(task, package, others, checked),
        params={key: value for key, value in params.items() if value not in (None, False)},
        size=len(task.task_docs),
        reference=None if wording is None else lambda sample: wording(str(sample.target)),
    )


def _scorers(task: Any, path: str, keys: list[str]) -> dict[str, Scorer]:
    """``official``: as the harness. ``robust``, for generated text: thinking is removed first."""
    if task.OUTPUT_TYPE != "generate_until":
        return {"official": lambda sample, trajectory: _score_likelihoods(task, keys, sample, trajectory)}
    stops, fallbacks = stops_of(task), _fallbacks(task)

    def scorer(clean: Callable[[str], str]) -> Scorer:
        async def score(sample: Sample, trajectory: Trajectory) -> Score:
            replies = [_cut(clean(call.response.text), stops) for call in trajectory.calls]
            judge = "assay.benchmarks.lm_eval.judging:judge_text"
            number = sample.metadata["doc_id"]
            values, left = await _pool().call(judge, path, number, replies, timeout_s=TIMEOUT_S)
            return _score(keys, values, left, trajectory.response, fallbacks)

        return score

    return {"official": scorer(lambda text: text), "robust": scorer(lambda text: split_thinking(text)[1])}


@cache
def _pool() -> WorkerPool:
    from assay.scoring.workers import WorkerPool

    return WorkerPool(memory=_MEMORY)


def _cut(text: str, stops: tuple[str, ...]) -> str:
    """Generated text up to the first stop: not every server takes all of them."""
    for stop in stops:
        text = text.partition(stop)[0]
    return text.encode("utf-8", "replace").decode()  # a lone surrogate cannot travel to a worker


def _score_likelihoods(task: Any, keys: list[str], sample: Sample, trajectory: Trajectory) -> Score:
    from assay.benchmarks.lm_eval.judging import judge

    results = [[_likelihood(call.response)] for call in trajectory.calls]
    if _wants_greedy(task) and any(greedy is None for [(_, greedy)] in results):
        reason = "the server does not say whether a continuation is the most probable one"
        return Score(Outcome.JUDGE_FAILED, explanation=reason)
    values, _ = judge(task, sample.metadata["doc_id"], results)
    return _score(keys, values, {"log-likelihoods": str([total for [(total, _)] in results])}, trajectory.response)


def _likelihood(response: Response) -> tuple[float, bool | None]:
    """The sum over a continuation's tokens. Raises ``ValueError`` where there are none, or one has no number."""
    if not response.logprobs:
        raise ValueError("the server gave no log-probabilities")
    total = 0.0
    for token in response.logprobs:
        if token.logprob is None:
            raise ValueError(f"the server gave no log-probability for {token.token!r}")
        total += token.logprob
    return total, response.greedy


def _wants_greedy(task: Any) -> bool:
    metrics = task.aggregation()
    by_type = "acc" in metrics if task.OUTPUT_TYPE == "loglikelihood" else "exact_match" in metrics
    return by_type or task.config.process_results is not None


def _score(
    keys: list[str],
    values: dict[str, float],
    left: dict[str, str],
    response: Response,
    fallbacks: frozenset[str] = frozenset(),
) -> Score:
    """All reported metrics as values, the first as the score; an answer that every filter missed is none."""
    known = {key: values[key] for key in keys if key in values}
    if keys[0] not in known:
        return Score(Outcome.JUDGE_FAILED, explanation=f"the task gave no {keys[0]} for this document")
    answer = next(iter(left.values()))
    if fallbacks.issuperset(left.values()) and not any(known.values()):
        return Score(outcome_without_answer(response), explanation="no filter found an answer", values=known)
    return Score(Outcome.SCORED, known[keys[0]], answer, f"{keys[0]} = {known[keys[0]]:g}", {"filtered": left}, known)


def _fallbacks(task: Any) -> frozenset[str]:
    """What the task's regular expressions leave where they find nothing; empty if a filter always finds something."""
    steps = [list(filters["filter"]) for filters in task.config.filter_list or ()]
    if not steps or not all(any("regex" in str(step["function"]) for step in each) for each in steps):
        return frozenset()
    return frozenset(str(step.get("fallback", "[invalid]")) for each in steps for step in each)


def _passing(task: Any, key: str) -> Callable[[str], str] | None:
    """A wording in which the first document's gold answer gets full marks from the task's own filters."""
    if task.OUTPUT_TYPE != "generate_until":
        return None
    from assay.benchmarks.lm_eval.judging import judge

    gold = target_of(task, task.task_docs[0])
    for wording in _WORDINGS if gold.strip() else ():
        reply = _cut(wording(gold), stops_of(task))
        try:
            values, _ = judge(task, 0, [[reply] * task.config.repeats])
        except Exception:  # noqa: S112  (a metric that cannot read this wording)
            continue
        if values.get(key, 0.0) >= 1:
            return wording
    return None


def _dataset(task: Any, package: str, others: list[str], checked: bool) -> DatasetInfo:
    notes = [f"not reported, being no means over samples: {', '.join(others)}"] if others else []
    if not checked:
        notes.append("no wording of its gold answers passes its own filters: preflight has nothing to check")
    config = task.config
    place = ":".join(str(part) for part in (config.dataset_path, config.dataset_name) if part)
    total = hashlib.sha256(_digest(task).encode())
    for doc in task.task_docs:
        total.update(json.dumps(doc, sort_keys=True, default=str).encode("utf-8", "surrogatepass"))
    return DatasetInfo(f"lm_eval {package}: {place or config.task}", total.hexdigest(), notes=tuple(notes))


def _digest(task: Any) -> str:
    """Of the task's declaration, the source of its functions included."""
    config = {key: value for key, value in task.dump_config().items() if key not in ("metadata", "num_fewshot")}
    text = json.dumps(config, sort_keys=True, default=task.config.serialize_function)
    return hashlib.sha256(re.sub(r" at 0x[0-9a-fA-F]+", "", text).encode()).hexdigest()
