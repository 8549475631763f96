"""The capability tree as a table: where the score comes from, from the whole down to small groups of samples.

Nodes are sets of samples, not conditions on columns, so that their evidence is told in words. The invariant: a
node of a profile stands below its parent, and what is cut off is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct, convert

from assay.analyze.recompute import Recomputed
from assay.report.diagnosis.document import Block, Fold, Grid, Heading, Line, Row, note
from assay.report.diagnosis.evidence import Ledger, cut
from assay.report.numbers import count
from assay.report.sections import Column

MOST_NODES = 150
DEPTH = 3
_FOLDED = 30
"""A table of more rows than this is shown on demand."""


class Node(Struct, frozen=True):
    """A node of ``profile.capability_profile``."""

    name: str
    by: str
    n: int
    rate: float
    lower: float | None = None
    upper: float | None = None
    children: tuple[Node, ...] = ()


def blocks(profile: Mapping[str, Any], ledger: Ledger) -> Iterable[Block]:
    """The nodes that stand out, and the tree with exact intervals."""
    if not profile:
        return
    root = convert(profile["tree"], Node)
    weak, strong = (convert(profile[key], tuple[Node, ...]) for key in ("weaknesses", "strengths"))
    yield Heading("Capability tree")
    scaled = " Scores are brought to 0 - 100 % by their range." if profile.get("scaled") else ""
    yield note(
        "Samples under one node belong together, by the benchmark's own tags first and by the words of the questions "
        "below them. Intervals are exact (Clopper-Pearson) for samples taken as independent. The tree describes all "
        f"samples; what it shows was not tested on held-out ones.{scaled}"
    )
    for nodes, what in ((weak, "wholly below"), (strong, "wholly above")):
        if nodes:
            rows = [_row(node, (node.name,), 0, ledger) for node in nodes]
            yield Grid(_COLUMNS, tuple(rows), f"Nodes whose interval lies {what} the score over all samples")
    shown = list(_walk(root, (), 0))
    rows = [_row(node, path, depth, ledger) for node, path, depth in shown[:MOST_NODES]]
    grid = Grid(_COLUMNS, tuple(rows))
    total = sum(1 for _ in _walk(root, (), 0, deepest=100))
    title = f"The tree: {count(len(rows))} of {count(total)} nodes" if total > len(rows) else "The tree"
    yield Fold(title, (grid,)) if len(rows) > _FOLDED else grid


_COLUMNS = (Column("node"), Column("told apart by"), Column("samples", numeric=True), Column("score", numeric=True))


def _walk(
    node: Node, above: tuple[str, ...], depth: int, deepest: int = DEPTH
) -> Iterator[tuple[Node, tuple[str, ...], int]]:
    """The nodes down to a depth, each with the names from the root, the lowest rates first."""
    path = (*above, node.name)
    yield node, path, depth
    if depth < deepest:
        for child in sorted(node.children, key=lambda child: child.rate):
            yield from _walk(child, path, depth + 1, deepest)


def _row(node: Node, path: tuple[str, ...], depth: int, ledger: Ledger) -> Row:
    where = cut(" › ".join(path), 300)
    found = Recomputed(node.rate, node.n, None, node.lower, node.upper, method=_method(node))
    cells: tuple[Line, ...] = (
        ("\u2003" * depth + cut(node.name, 100),),
        (cut(node.by.removeprefix("tag:")),),
        (count(node.n),),
        ledger.counted(f"mean score over the samples under the tree's node {where}", found, "score"),
    )
    return Row(cells)


def _method(node: Node) -> str:
    return "clopper-pearson" if node.lower is not None else "none: fewer than five samples"
