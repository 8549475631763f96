"""A suite's stored runs as the results of its leaves, and a suite as tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from assay.cli.common import plain_table
from assay.define.coverage import Coverage
from assay.define.suite import Group, Leaf, Node, leaves
from assay.define.suite_folder import SuiteRun, run_names
from assay.define.suite_score import LeafResult, NodeScore, leaf_result
from assay.errors import RunFolderError
from assay.records import Outcome, RunManifest

if TYPE_CHECKING:
    from rich.table import Table

    from assay.cli.show import RunSummary

T = TypeVar("T", NodeScore, Coverage)


def results_in(folder: Path, run: SuiteRun) -> dict[tuple[str, ...], LeafResult]:
    """What each leaf came to, as far as its run is."""
    from assay.cli.show import run_summary
    from assay.store.folder import is_run

    names = run_names(run.suite)
    reasons = {names[each.path]: each.reason for each in run.not_started}
    summaries: dict[str, RunSummary | str] = {}
    found: dict[tuple[str, ...], LeafResult] = {}
    for path, leaf in leaves(run.suite.root):
        name = names[path]
        if name not in summaries:
            try:
                summaries[name] = run_summary(folder / name) if is_run(folder / name) else reasons.get(name, "not run")
            except RunFolderError as error:
                summaries[name] = str(error)
        summary = summaries[name]
        if isinstance(summary, str):
            found[path] = LeafResult(reason=summary)
        elif (whose := summary.manifest.model.name) != run.model:
            found[path] = LeafResult(run=str(summary.folder), reason=f"a run of another model, {whose}")
        else:
            found[path] = leaf_result(summary.estimates, leaf.metric, str(summary.folder), _notes(summary))
    return found


def attempts_missing(manifest: RunManifest, outcomes: dict[str, int]) -> int:
    """Attempts of the plan that have no answer yet, as far as the plan's size is known."""
    failed = outcomes.get(Outcome.INFRA_FAILED, 0)
    return failed + (0 if manifest.planned is None else max(0, manifest.planned - sum(outcomes.values())))


def _notes(summary: RunSummary) -> tuple[str, ...]:
    manifest = summary.manifest
    told = {"max_steps": manifest.task.params.get("max_steps"), **manifest.sampling.extra}
    notes = [f"{name}={value}" for name, value in told.items() if value is not None]
    if missing := attempts_missing(manifest, summary.outcomes):
        notes.append(f"{missing} attempts have no answer yet")
    elif manifest.status != "complete":
        notes.append(manifest.status)
    if broken := summary.outcomes.get(Outcome.JUDGE_FAILED, 0):
        notes.append(f"{broken} attempts could not be judged")
    if manifest.limit is not None:
        notes.append(f"first {manifest.limit} samples only")
    return tuple(notes)


def score_table(top: NodeScore) -> Table:
    """A suite's scores as a tree."""
    from rich.markup import escape

    from assay.report.numbers import NONE, number

    columns = ["node", "weight", "score %", "SE", "n", "measured", "weight covered", "note"]
    table = plain_table(None, columns, right=columns[1:-1])
    for depth, node in _walk(top, 0):
        result = node.result
        notes = list(result.notes) if result else []
        if result and result.reason:
            notes.insert(0, f"not counted: {result.reason}")
        elif result is None and node.score is not None and node.covered < 1:
            notes.append("over the covered weight only")
        if result and node.se == 0:
            notes.append("all attempts alike: an SE of 0 says little")
        if node.score is not None and node.se is None:
            notes.append("a measured part has no standard error")
        table.add_row(
            _name(node.name, depth, leaf=result is not None),
            f"{node.weight:g}" if depth else "",
            number(node.score, percent=True),
            number(node.se, percent=True),
            f"{node.n:,}" if node.n else NONE,
            "" if result else f"{node.measured} of {node.leaves}",
            "" if result else f"{100 * node.covered:.1f} %",
            escape("; ".join(notes)),
        )
    return table


def coverage_table(top: Coverage) -> Table:
    """Which of a suite's nodes exist here, and which are missing and why."""
    from rich.markup import escape

    columns = ["node", "task", "share of suite", "there", "weight covered", "missing because"]
    table = plain_table(None, columns, right=columns[2:5])
    for depth, node in _walk(top, 0):
        leaf = not node.children
        table.add_row(
            _name(node.name, depth, leaf=leaf),
            escape(node.task or ""),
            f"{100 * node.share:.1f} %",
            ("yes" if node.there else "no") if leaf else f"{node.there} of {node.leaves}",
            "" if leaf else f"{100 * node.covered:.1f} %",
            escape(node.missing or ""),
        )
    return table


def settings_table(top: Group) -> Table:
    """A suite as it is written: weights, tasks and how each is asked."""
    from rich.markup import escape

    table = plain_table(None, ["node", "weight", "task", "settings", "stands for"], right=["weight"])
    for depth, node in _nodes(top, 0):
        if isinstance(node, Leaf):
            told = (node.task or "(none)", _settings(node), node.pattern or "")
        else:
            told = ("", "", node.about or "" if depth else "")
        name = _name(node.name, depth, leaf=isinstance(node, Leaf))
        table.add_row(name, f"{node.weight:g}" if depth else "", *map(escape, told))
    return table


def _settings(leaf: Leaf) -> str:
    shown = {
        **leaf.params,
        **leaf.sampling,
        "mode": leaf.mode,
        "metric": leaf.metric,
        "thinking": leaf.thinking,
        "max_steps": leaf.max_steps,
        "epochs": leaf.epochs,
        "limit": leaf.limit,
    }
    return ", ".join(f"{name}={value}" for name, value in shown.items() if value is not None)


def _name(name: str, depth: int, *, leaf: bool) -> str:
    from rich.markup import escape

    indented = "  " * depth + escape(name)
    return indented if leaf else f"[bold]{indented}[/bold]"


def _walk(node: T, depth: int) -> Iterator[tuple[int, T]]:
    yield depth, node
    for child in node.children:
        yield from _walk(child, depth + 1)


def _nodes(node: Node, depth: int) -> Iterator[tuple[int, Node]]:
    yield depth, node
    if isinstance(node, Group):
        for child in node.children:
            yield from _nodes(child, depth + 1)
