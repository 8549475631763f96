"""The official prompts, rendered from the owners' templates.

A template holds a ``{}`` for each text that goes in: the rule, then (in the three-shot setting) question
and answer of the three worked examples, then the question.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from assay.benchmarks.korbench.data import Item, Rule
from assay.errors import DatasetMalformed


def read_templates(path: Path, categories: Sequence[str]) -> dict[str, str]:
    """The templates in a file by category. Raises ``DatasetMalformed``."""
    import yaml  # type: ignore[import-untyped]

    try:
        content = yaml.safe_load(path.read_text("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DatasetMalformed(f"{path}: not valid YAML ({' '.join(str(error).split())})") from None
    templates = {}
    for category in categories:
        key = f"{category}_prompt_format"
        found = content.get(key) if isinstance(content, dict) else None
        if not isinstance(found, list) or not found:
            raise DatasetMalformed(f"{path}: no list {key!r}")
        templates[category] = str(found[0])
    return templates


def render(template: str, rule: Rule, examples: Sequence[Item], item: Item) -> str:
    """The prompt for an item, as it is sent. Raises ``DatasetMalformed`` where the texts do not fit."""
    texts = [rule.rule_content]
    for example in examples:
        texts += (example.question, example.answer)
    texts.append(item.question)
    first, *others = template.split("{}")
    if len(others) != len(texts):
        raise DatasetMalformed(
            f"korbench: the template has {len(others)} places for {len(texts)} texts of item {item.idx} "
            f"(rule {rule.idx} has {len(examples)} worked examples)"
        )
    return first + "".join(text + after for text, after in zip(texts, others, strict=True))


def examples_by_rule(examples: Iterable[Item]) -> dict[int, list[Item]]:
    """Worked examples by the rule that they are about, in the file's order."""
    found: dict[int, list[Item]] = {}
    for example in examples:
        found.setdefault(example.rule_id, []).append(example)
    return found
