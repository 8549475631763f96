"""The official prompts, rendered from the owners' templates.

A template holds a ``{}`` for each text that goes in: the rule, then (in the three-shot setting) question
and answer of the three worked examples, then the question, then (in the trick setting) its hint. Doubled
braces stand for braces.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from assay.benchmarks.korbench.data import Item, Rule
from assay.errors import DatasetMalformed


def read_templates(path: Path, categories: Sequence[str]) -> dict[str, str]:
    """The templates in a file by category. Raises ``DatasetMalformed``."""
    content = _yaml(path)
    return {category: _first(path, content, f"{category}_prompt_format") for category in categories}


def read_template(path: Path) -> str:
    """The template in a file that holds a single one. Raises ``DatasetMalformed``."""
    return _first(path, _yaml(path), "prompt_format")


def render(template: str, rule: Rule, examples: Sequence[Item], item: Item, *, hint: bool = False) -> str:
    """The prompt for an item, as it is sent. Raises ``DatasetMalformed`` where the texts do not fit."""
    texts = [rule.rule_content]
    for example in examples:
        texts += (example.question, example.answer)
    texts += (item.question, item.trick) if hint else (item.question,)
    about = f"item {item.idx} (rule {rule.idx} has {len(examples)} worked examples)"
    return fill(template, texts, about)


def render_mix(template: str, rules: Sequence[Rule], questions: Sequence[str], about: str) -> str:
    """The prompt for several questions under several rules. Raises ``DatasetMalformed``."""
    stated = "\n".join(f"{rule.rule_content}\n" for rule in rules)
    asked = "\n".join(f"question{number}:\n{text}\n" for number, text in enumerate(questions, 1))
    return fill(template, [stated, asked], about)


def fill(template: str, texts: Sequence[str], about: str) -> str:
    """A template with texts in its places. Raises ``DatasetMalformed`` where there are more or fewer places."""
    first, *others = (part.replace("{{", "{").replace("}}", "}") for part in template.split("{}"))
    if len(others) != len(texts):
        raise DatasetMalformed(f"korbench: the template has {len(others)} places for {len(texts)} texts of {about}")
    return first + "".join(text + after for text, after in zip(texts, others, strict=True))


def examples_by_rule(examples: Iterable[Item]) -> dict[int, list[Item]]:
    """Worked examples by the rule that they are about, in the file's order."""
    found: dict[int, list[Item]] = {}
    for example in examples:
        found.setdefault(example.rule_id, []).append(example)
    return found


def _yaml(path: Path) -> Any:
    import yaml  # type: ignore[import-untyped]

    try:
        return yaml.safe_load(path.read_text("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DatasetMalformed(f"{path}: not valid YAML ({' '.join(str(error).split())})") from None


def _first(path: Path, content: Any, key: str) -> str:
    found = content.get(key) if isinstance(content, dict) else None
    if not isinstance(found, list) or not found:
        raise DatasetMalformed(f"{path}: no list {key!r}")
    return str(found[0])
