"""Several questions in one prompt, all answers in one JSON object.

What the prompts of several questions have in common before the question itself (instructions, a rule, a
text) is said once for all of them; how much that is, is read off the prompts, so any base will do. Each
answer is judged by the base's own scorer. An item is a function of the base's samples, the seed and its
number.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from random import Random
from typing import Any

import msgspec

from assay.benchmarks.rulemodes.base import prompt_of, question_span
from assay.benchmarks.rulemodes.judging import NO_VERDICT, is_right, judged_answer
from assay.benchmarks.rulemodes.numbered import numbered_answers
from assay.benchmarks.rulemodes.prompts import several_questions
from assay.errors import UsageError
from assay.records import Metric, Outcome, Sample, Score, Trajectory
from assay.scoring.thinking import outcome_without_answer, split_thinking
from assay.task import Scorer

POOL = 20_000
"""Samples of the base, from its beginning, that items are drawn from: what is held in memory."""

METRICS = (Metric("accuracy"), Metric("pass rate", value="pass_rate"), Metric("answered", value="answered"))

_CUE = re.compile(r"\n[\s#*]{0,8}answers?\s{0,2}:?[\s*]{0,8}\Z", re.IGNORECASE)
"""A last line that waits for the answer: the reply is to be something else here."""


def compose(samples: Iterable[Sample], *, k: int, n: int, clusters: int | None, by: str, seed: int) -> Iterator[Sample]:
    """The first ``n`` items of ``k`` questions each.

    Args:
        samples: The base's samples; the first ``POOL`` of them are used.
        k: Questions an item.
        n: Items.
        clusters: From so many clusters come an item's questions; ``None``: from wherever.
        by: The metadata key of clusters.
        seed: Of the draws.

    Raises ``UsageError`` where there are not enough questions.
    """
    pool = list(islice(samples, POOL))
    if len(pool) < k:
        raise UsageError(f"composed: k={k} questions an item, and the base has {len(pool)} in all")
    groups: dict[str, list[Sample]] = {}
    for sample in pool:
        groups.setdefault(str(sample.metadata.get(by, sample.id)), []).append(sample)
    if clusters is not None:
        _check(groups, k, clusters, by)
    for number in range(n):
        draw = Random(f"composed/{seed}/{k}/{clusters}/{number}")
        chosen = draw.sample(pool, k) if clusters is None else _from_clusters(groups, k, clusters, draw)
        yield _item(f"k{k}/s{seed}/{number}", chosen, by)


def composed_scorer(scorer: Scorer) -> Scorer:
    """The scorer of composed items over the base's.

    The value is 1 where all answers are right; ``pass_rate`` is the mean of their values, ``answered`` the
    share that was given. Where the base's scorer fails on any answer, its failure is the score.
    """

    async def score(sample: Sample, trajectory: Trajectory) -> Score:
        parts = [msgspec.convert(part, Sample) for part in sample.metadata["parts"]]
        answers = numbered_answers(split_thinking(trajectory.text)[1], len(parts))
        if not answers:
            return Score(outcome_without_answer(trajectory.response), explanation="no JSON object of answers")
        details: list[dict[str, Any]] = []
        values: list[Score] = []
        for number, part in enumerate(parts, 1):
            if number not in answers:
                details.append({"id": part.id, "outcome": "not answered", "value": None, "answer": None})
                continue
            found = await judged_answer(scorer, part, answers[number])
            if found.outcome in NO_VERDICT:
                return found
            values.append(found)
            details.append({"id": part.id, "outcome": found.outcome, "value": found.value, "answer": found.answer})
        right = sum(is_right(found) is True for found in values)
        return Score(
            Outcome.SCORED,
            float(right == len(parts)),
            json.dumps({f"question{number}": answer for number, answer in answers.items()}, ensure_ascii=False),
            f"{right} of {len(parts)} right",
            {"parts": details},
            {
                "pass_rate": sum(found.value or 0.0 for found in values) / len(parts),
                "answered": len(values) / len(parts),
            },
        )

    return score


def composed_reference(reference: Callable[[Sample], str] | None) -> Callable[[Sample], str]:
    """A reply that answers all questions rightly, for the preflight."""

    def reply(sample: Sample) -> str:
        parts = [msgspec.convert(part, Sample) for part in sample.metadata["parts"]]
        return _as_json(reference(part) if reference else _target(part) for part in parts)

    return reply


def _check(groups: Mapping[str, list[Sample]], k: int, clusters: int, by: str) -> None:
    if clusters > k:
        raise UsageError(f"composed: clusters={clusters} are more than the k={k} questions of an item")
    sizes = sorted(map(len, groups.values()))
    enough = sum(size >= k for size in sizes) if clusters == 1 else len(sizes) * (sum(sizes[:clusters]) >= k)
    if enough < clusters:
        raise UsageError(
            f"composed: {len(sizes)} clusters by {by!r} of {sizes[0]} to {sizes[-1]} questions are too few or too "
            f"small for k={k} questions from {clusters}: by=KEY names another key of the base's metadata"
        )


def _from_clusters(groups: Mapping[str, list[Sample]], k: int, clusters: int, draw: Random) -> list[Sample]:
    """``k`` questions from exactly so many clusters, in any order."""
    names = [name for name, group in groups.items() if clusters > 1 or len(group) >= k]
    picked = [draw.sample(groups[name], len(groups[name])) for name in draw.sample(names, clusters)]
    rest = [sample for group in picked for sample in group[1:]]
    chosen = [group[0] for group in picked] + draw.sample(rest, k - clusters)
    draw.shuffle(chosen)
    return chosen


def _item(name: str, parts: list[Sample], by: str) -> Sample:
    prompts = [prompt_of("composed", part) for part in parts]
    shared: dict[str, list[int]] = {}
    for number, (part, prompt) in enumerate(zip(parts, prompts, strict=True), 1):
        span = question_span(part, prompt)
        shared.setdefault(prompt[: span[0]] if span else "", []).append(number)
    groups: list[tuple[str, list[int]]] = []
    for before, numbers in shared.items():
        if before.strip() and len(numbers) > 1:
            groups.append((before.strip(), numbers))
            for number in numbers:
                prompts[number - 1] = prompts[number - 1][len(before) :]
        else:
            groups += [("", [number]) for number in numbers]
    groups.sort(key=lambda group: group[1][0])
    questions = [_CUE.sub("", prompt).strip() for prompt in prompts]
    metadata: dict[str, Any] = {
        "question_count": str(len(parts)),
        "part_ids": [part.id for part in parts],
        "parts": [msgspec.to_builtins(part) for part in parts],
    }
    clusters = {str(part.metadata.get(by, part.id)) for part in parts}
    metadata["cluster_count"] = str(len(clusters))
    if len(clusters) == 1:
        metadata["cluster"] = clusters.pop()
    return Sample(name, several_questions(groups, questions), _as_json(map(_target, parts)), metadata=metadata)


def _target(sample: Sample) -> str:
    return sample.target if isinstance(sample.target, str) else sample.target[0]


def _as_json(answers: Iterable[str]) -> str:
    return json.dumps({f"question{number}": answer for number, answer in enumerate(answers, 1)}, ensure_ascii=False)
