"""What of a suite can be measured here: which of its tasks exist, and what share of its weight they carry.

The registry is asked each time, so a task that is written tomorrow counts tomorrow. A leaf is *there* if its
task exists and takes the parameters that the suite gives; whether its data is at hand shows when it runs.
"""

from __future__ import annotations

from typing import get_type_hints

import msgspec
from msgspec import Struct

from assay.benchmarks.registry import Benchmark, find
from assay.define.suite import Group, Leaf, Node
from assay.errors import TaskNotFound


class Coverage(Struct, frozen=True):
    """A node with how much of it can be measured here."""

    name: str
    share: float
    """Of the whole suite's weight, in [0, 1]."""
    covered: float
    """Share of this node's own weight whose tasks exist, in [0, 1]."""
    leaves: int
    there: int
    """Leaves whose task exists."""
    task: str | None
    missing: str | None
    """For a leaf: why it cannot be measured here."""
    pattern: str | None
    children: tuple[Coverage, ...]


def coverage(node: Node, share: float = 1.0) -> Coverage:
    """How much of a node exists as tasks; ``share`` is the node's part of the whole suite's weight."""
    if isinstance(node, Leaf):
        reason = why_missing(node)
        there = int(reason is None)
        return Coverage(node.name, share, float(there), 1, there, node.task, reason, node.pattern, ())
    parts = shares(node)
    children = tuple(coverage(child, share * parts[child.name]) for child in node.children)
    covered = sum(child.covered * parts[child.name] for child in children)
    count, there = sum(child.leaves for child in children), sum(child.there for child in children)
    return Coverage(node.name, share, covered if there < count else 1.0, count, there, None, None, None, children)


def shares(group: Group) -> dict[str, float]:
    """Each child's part of its group's weight; they add up to 1."""
    total = sum(child.weight for child in group.children)
    return {child.name: child.weight / total for child in group.children}


def why_missing(leaf: Leaf) -> str | None:
    """Why a leaf cannot be measured here, or ``None`` where its task exists and takes its parameters."""
    if leaf.task is None:
        return leaf.needs or "no task of that kind is written"
    try:
        bench = find(leaf.task)
    except TaskNotFound:
        return f"no task {leaf.task!r} here" + (f"; it needs {leaf.needs}" if leaf.needs else "")
    return _misfit(bench, leaf)


def _misfit(bench: Benchmark, leaf: Leaf) -> str | None:
    wanted = {**leaf.params, **({} if leaf.max_steps is None else {"max_steps": leaf.max_steps})}
    rest = (leaf.task or "").partition("/")[2]
    if rest and "base" in bench.parameters:
        try:
            find(rest)
        except TaskNotFound:
            return f"no task {rest!r} here for {bench.name} to wrap"
    elif rest:
        wanted.setdefault("subset", rest)
    hints = get_type_hints(bench.factory)
    for key, value in wanted.items():
        if key not in bench.parameters:
            if bench.passes_on:
                continue
            return f"{bench.name} takes no parameter {key!r}; it takes: {', '.join(bench.parameters) or 'none'}"
        try:
            msgspec.convert(value, hints.get(key, object), strict=False)
        except msgspec.ValidationError as error:
            return f"{bench.name} has no {key}={value!r} ({error})"
    return None
