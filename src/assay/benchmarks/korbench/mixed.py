"""The mixed setting: several questions, of one rule or of several, answered as one JSON object.

A sample's target is a JSON object of gold answers by the keys that are asked for, ``question1`` first; what
else is known of a question is in ``metadata["questions"]``. The item is right where all its answers are;
``pass_rate`` is the share of them that are.

The official scorer takes the values in order, whatever their keys, and hands the *place* of a question to
its rules where they expect the item's number. So the rules for the 45 mathematical items and for operation
178 and 179 never apply (places are 0 to 9): no computer algebra, and both official modes are the same here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from assay.benchmarks.korbench.data import CATEGORIES, Folder, Item, Rule, mix_file, read_items, read_mixes, read_rules
from assay.benchmarks.korbench.extract import basic, first_marked
from assay.benchmarks.korbench.official import Question, judge
from assay.benchmarks.korbench.prompts import read_template, render_mix
from assay.benchmarks.korbench.score import robust_scorer
from assay.benchmarks.rulemodes.judging import NO_VERDICT, is_right, judged_answer
from assay.benchmarks.rulemodes.numbered import numbered_answers
from assay.errors import DatasetMalformed
from assay.records import Metric, Outcome, Response, Sample, Score, Trajectory
from assay.scoring.thinking import outcome_without_answer, split_thinking

METRICS = (
    Metric("accuracy"),
    Metric("pass rate", value="pass_rate"),
    Metric("accuracy by part", by="part"),
    Metric("pass rate by part", value="pass_rate", by="part"),
)

_CONTROL = dict.fromkeys((*range(32), 127))


class _Library(NamedTuple):
    rules: dict[str, Rule]
    items: dict[str, Item]


def mixed_samples(folder: Folder, parts: Iterable[str]) -> Iterator[Sample]:
    """The samples of some parts. Raises ``DatasetMalformed``."""
    library = _read(folder)
    template = read_template(folder.file("prompt/mixed.yaml"))
    for part in parts:
        path = folder.file(mix_file(part))
        for mix in read_mixes(path):
            about = f"{part} {mix.idx}"
            try:
                rules = [library.rules[name] for name in mix.rule_list]
                items = [library.items[name] for name in mix.question_list]
            except KeyError as error:
                raise DatasetMalformed(f"{path}: {about} names {error}, which is nowhere") from None
            yield Sample(
                id=f"{part}/{mix.idx}",
                input=render_mix(template, rules, [item.question for item in items], about),
                target=_as_target(item.answer for item in items),
                metadata={
                    "part": part,
                    "setting": "mixed",
                    "rules": [name.replace("_", "/") for name in mix.rule_list],
                    "question_count": str(len(items)),
                    "rule_count": str(len(rules)),
                    "questions": [_about(name, item) for name, item in zip(mix.question_list, items, strict=True)],
                },
            )


def target_of_row(row: Mapping[str, Any]) -> str | None:
    """The gold answers that a stored row was judged by; ``None`` where its reply was not read at all."""
    details = json.loads(row.get("details") or "null")
    return _as_target(detail["answer"] for detail in details) if details else None


def official_mixed_scorer(sample: Sample, trajectory: Trajectory) -> Score:
    """The official verdict, quirks included."""
    answers = _object_in(trajectory.text)
    if answers is None:
        return _unread(trajectory.response)
    values = [str(value) for value in answers.values()]
    golds = _golds(sample)
    details = []
    for place, (about, value) in enumerate(zip(sample.metadata["questions"], values, strict=False)):
        found = first_marked(value)
        gold = golds.get(f"question{place + 1}", "")
        rule = int(about["rule_id"].rpartition("/")[2])
        found_right = judge(Question(about["category"], rule, place), value, found, gold)
        details.append(_detail(about["id"], basic(found), gold, found_right.right, found_right.rule))
    return _score(sample, details)


async def robust_mixed_scorer(sample: Sample, trajectory: Trajectory) -> Score:
    """Each answer, by the key that names its question, judged by its own rule as if it had been asked alone."""
    questions = sample.metadata["questions"]
    answers = numbered_answers(split_thinking(trajectory.text)[1], len(questions))
    if not answers:
        return _unread(trajectory.response)
    golds = _golds(sample)
    details = []
    for number, about in enumerate(questions, 1):
        gold = golds.get(f"question{number}", "")
        if number not in answers:
            details.append(_detail(about["id"], None, gold, False, "not answered"))
            continue
        part = Sample(about["id"], about["question"], gold, metadata=about)
        score = await judged_answer(robust_scorer, part, answers[number], ("{}", "[[{}]]"))
        if score.outcome in NO_VERDICT:
            return score
        details.append(_detail(about["id"], score.answer, gold, is_right(score) is True, score.explanation))
    return _score(sample, details)


def _read(folder: Folder) -> _Library:
    library = _Library({}, {})
    for category in CATEGORIES:
        rules = read_rules(folder.file(f"{category}/rule.jsonl"))
        library.rules.update((f"{category}_{number}", rule) for number, rule in rules.items())
        items = read_items(folder.file(f"{category}/sample.jsonl"), rules)
        library.items.update((f"{category}_{item.idx}", item) for item in items)
    return library


def _about(name: str, item: Item) -> dict[str, Any]:
    category = name.rpartition("_")[0]
    return {
        "id": f"{category}/{item.idx}",
        "category": category,
        "rule_id": f"{category}/{item.rule_id}",
        "idx": item.idx,
        "question": item.question,
    }


def _as_target(answers: Iterable[str]) -> str:
    return json.dumps({f"question{n}": answer for n, answer in enumerate(answers, 1)}, ensure_ascii=False)


def _golds(sample: Sample) -> dict[str, str]:
    golds: dict[str, str] = json.loads(str(sample.target))
    return golds


def _object_in(text: str) -> dict[str, Any] | None:
    """What stands from the first brace to the last, read as JSON with its control characters left out."""
    start, end = text.find("{"), text.rfind("}")
    if not 0 <= start < end:
        return None
    try:
        found: dict[str, Any] = json.loads(text[start : end + 1].translate(_CONTROL))
    except (ValueError, RecursionError):
        return None
    return found


def _unread(response: Response) -> Score:
    return Score(outcome_without_answer(response), explanation="no JSON object of answers")


def _detail(name: str, answer: str | None, gold: str, right: bool, rule: str | None) -> dict[str, Any]:
    return {"question": name, "response_text": answer, "answer": gold, "is_correct": right, "rule": rule}


def _score(sample: Sample, details: list[dict[str, Any]]) -> Score:
    count = len(sample.metadata["questions"])
    right = sum(detail["is_correct"] for detail in details)
    return Score(
        Outcome.SCORED,
        float(right == count),
        "; ".join(str(detail["response_text"]) for detail in details),
        f"{right} of {count} right",
        {"details": details},
        {"pass_rate": right / count},
    )
