"""PaperBench (OpenAI, frontier-evals): a weighted tree of requirements, each node the weighted mean of its children.

A node whose children's weights sum to 0 is worth 0. A disqualified run is worth 0 throughout.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from assay.errors import DatasetMalformed
from assay.scoring.checklist import Fact, Group, Verdict

DISQUALIFIED = "disqualified"


def paperbench(tree: Mapping[str, Any]) -> Group:
    """The rubric as a checklist, from the root node of the owners' JSON; leaves are tagged with their category.

    Its veto ``DISQUALIFIED`` has to be judged like any fact. Raises ``DatasetMalformed``.
    """
    root = _node(tree)
    if isinstance(root, Fact):
        raise DatasetMalformed(f"rubric {root.id!r}: its root has no sub_tasks")
    return Group(root.id, (Fact(DISQUALIFIED, 0, gate="veto"), *root.parts), empty=0)


def stored_verdicts(tree: Mapping[str, Any], *, disqualified: bool | None = False) -> dict[str, Verdict]:
    """What a graded tree says about its leaves; a leaf whose ``valid_score`` is false was not judged."""
    graded: dict[str, Verdict] = {leaf["id"]: leaf["score"] if leaf["valid_score"] else None for leaf in _leaves(tree)}
    return {DISQUALIFIED: disqualified, **graded}


def _node(node: Mapping[str, Any]) -> Fact | Group:
    try:
        name, weight, children = node["id"], node["weight"], node["sub_tasks"]
    except KeyError as error:
        raise DatasetMalformed(f"rubric node {node.get('id')!r}: no field {error}") from None
    if not children:
        category = node.get("task_category")
        return Fact(name, weight, tags=(category,) if category else (), text=node.get("requirements", ""))
    return Group(name, tuple(_node(child) for child in children), weight, empty=0)


def _leaves(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if not node["sub_tasks"]:
        yield node
    for child in node["sub_tasks"]:
        yield from _leaves(child)
