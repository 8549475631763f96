"""``assay compare``: which of two runs is better, on the samples that both answered."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from assay.cli.common import Json, Mode, console, plain_table, print_json
from assay.errors import UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from assay.measure.paired import Comparison
    from assay.records import Estimate, RunManifest


@dataclass(frozen=True)
class Pair:
    """Two runs and what their comparison came to."""

    a: Path
    b: Path
    first: RunManifest
    second: RunManifest
    found: list[Comparison]
    skipped: list[str]
    """Why further metrics are not compared."""


def compare(
    a: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder, or a folder with a run of each task.")],
    b: Annotated[Path, typer.Argument(metavar="RUN", help="Another run of the same task, or another such folder.")],
    more: Annotated[list[Path] | None, typer.Argument(metavar="[RUN...]", help="Further ones.")] = None,
    mode: Mode = None,
    metric: Annotated[list[str] | None, typer.Option(help="Only this metric of the task. Repeatable.")] = None,
    json: Json = False,
) -> None:
    """Compare runs of one task, sample by sample: the first with each of the others.

    Prints each run on the shared samples with its Wilson interval (and the clustered one, where samples
    share a source), the paired difference A - B, the exact McNemar test for right-or-wrong scores, and the
    smallest difference that the comparison could have seen. Several comparisons are several tests: their p-values
    are adjusted for all of them together. Folders of runs are compared task by task.
    Runs that share no samples, or whose samples differ in content, are refused.

    \b
    assay compare runs/korbench-Qwen2.5-7B-Instruct-1a2b3c4d runs/korbench-Llama-3.1-8B-Instruct-5e6f7a8b
    assay compare runs/baseline runs/step-1000 runs/step-2000
    """
    pairs = _as_family([_compared(*pair, mode, metric) for pair in _pairs(a, [b, *(more or [])])])
    tests = sum(c.p is not None for pair in pairs for c in pair.found)
    if json:
        facts = [_pair_facts(pair, mode) for pair in pairs]
        print_json(facts[0] if len(facts) == 1 else {"tests": tests, "pairs": facts})
        return
    out = console()
    for pair in pairs:
        out.print(f"A  {pair.first.model.name}  {pair.a}\nB  {pair.second.model.name}  {pair.b}", markup=False)
        out.print(f"{pair.first.task.name} {pair.first.task.version}, mode {mode or pair.first.mode}\n", markup=False)
        for comparison in pair.found:
            describe(comparison)
        for reason in pair.skipped:
            out.print(f"not compared: {reason}", markup=False)
    if tests > 1:
        out.print(_family_table(pairs, tests))


def _pairs(a: Path, others: list[Path]) -> list[tuple[Path, Path]]:
    """Which runs to compare with which: the first with each other, or task by task in folders of several."""
    from assay.store.folder import find_runs, read_manifest

    first, rest = find_runs(a), [find_runs(other) for other in others]
    if len(first) == 1 and all(len(runs) == 1 for runs in rest):
        return [(first[0], runs[0]) for runs in rest]

    def key(run: Path) -> str:
        task = read_manifest(run).task
        return f"{task.name} {msgspec.json.encode(task.params, order='deterministic').decode()}"

    ours = {}
    for run in first:
        if key(run) in ours:
            raise UsageError(f"{a} holds two runs of {read_manifest(run).task.name}: name the one to compare")
        ours[key(run)] = run
    found = [(ours[key(run)], run) for runs in rest for run in runs if key(run) in ours]
    if not found:
        raise UsageError(f"no run in {', '.join(map(str, others))} is of a task with the settings of one in {a}")
    return found


def _compared(a: Path, b: Path, mode: str | None, metric: list[str] | None) -> Pair:
    from assay.measure.paired import check_comparable
    from assay.measure.paired import compare as paired_metrics
    from assay.store.folder import read_manifest
    from assay.store.frames import attempts, sample_digests

    first, second = read_manifest(a), read_manifest(b)
    if mode is None and first.mode != second.mode:
        raise UsageError(f"the runs are scored in modes {first.mode} and {second.mode}: choose one with --mode")
    check_comparable(first.task, second.task, sample_digests(a), sample_digests(b))
    left, right = attempts(a, mode), attempts(b, mode)
    wanted = [m for m in first.task.metrics if m.kind == "mean" and (not metric or m.name in metric)]
    if not wanted:
        names = ", ".join(m.name for m in first.task.metrics if m.kind == "mean")
        raise UsageError(
            f"{first.task.name} has no metric {', '.join(metric or ['that can be paired'])}; it has: {names}"
        )
    return Pair(a, b, first, second, *paired_metrics(left, right, wanted, cluster=first.task.cluster))


def _as_family(pairs: list[Pair]) -> list[Pair]:
    """The pairs with p-values adjusted for all of their comparisons together."""
    from assay.measure.paired import as_family

    if len(pairs) == 1:
        return pairs
    every = iter(as_family([c for pair in pairs for c in pair.found]))
    return [replace(pair, found=[next(every) for _ in pair.found]) for pair in pairs]


def _pair_facts(pair: Pair, mode: str | None) -> dict[str, Any]:
    facts = {"a": str(pair.a), "b": str(pair.b), "mode": mode or pair.first.mode, "skipped": pair.skipped}
    return {**facts, "comparisons": [_facts(c) for c in pair.found]}


def _family_table(pairs: list[Pair], tests: int) -> Table:
    from rich.markup import escape

    from assay.report.numbers import number, p_value, shares

    table = plain_table(
        f"All {tests} tests together: p adjusted by Holm (any false finding), Benjamini-Hochberg and "
        "Benjamini-Yekutieli (share of false findings; the latter under any dependence)",
        ["B", "task", "metric", "A - B", "n", "p", "Holm", "BH", "BY"],
        right=["A - B", "n", "p", "Holm", "BH", "BY"],
    )
    for pair in pairs:
        for c in pair.found:
            name = c.metric if c.group is None else f"{c.metric} · {c.group}"
            difference = number(c.difference, percent=shares([c.a, c.b]))
            row = (pair.second.model.name, pair.first.task.name, name, difference, str(c.samples))
            table.add_row(*map(escape, row), *map(p_value, (c.p, c.p_holm, c.p_bh, c.p_by)))
    return table


def plain_wilson(estimate: Estimate) -> tuple[float, float] | None:
    """The Wilson interval that takes samples as independent, for right-or-wrong scores of one epoch."""
    from assay.measure.intervals import wilson

    if estimate.value is None or estimate.n != estimate.samples or not 0 <= estimate.value <= 1:
        return None
    interval = wilson(estimate.value * estimate.n, estimate.n, estimate.level)
    return interval.lower, interval.upper


def _noise(comparison: Comparison) -> str:
    """What part of the difference's variance is the models' own dice, where epochs show it."""
    sigma2 = [s for s in (comparison.sigma2_a, comparison.sigma2_b) if s is not None]
    if len(sigma2) < 2 or comparison.omega2 is None or comparison.omega2 + sum(sigma2) == 0:
        return ""
    epochs = comparison.a.n / comparison.a.samples, comparison.b.n / comparison.b.samples
    left = sum(s / k for s, k in zip(sigma2, epochs, strict=True))
    return f"; {left / (comparison.omega2 + left):.0%} of the variance is sampling, which more epochs reduce"


def _facts(comparison: Comparison) -> dict[str, Any]:
    facts: dict[str, Any] = msgspec.to_builtins(comparison)
    for side in ("a", "b"):
        facts[side]["wilson"] = plain_wilson(getattr(comparison, side)) if comparison.both_right is not None else None
    return facts


def describe(comparison: Comparison) -> None:
    """Print a comparison for a person."""
    from assay.report.numbers import counts, interval, number, shares

    out = console()
    name = comparison.metric if comparison.group is None else f"{comparison.metric} · {comparison.group}"
    binary = comparison.both_right is not None
    percent = shares([comparison.a, comparison.b])
    unit = " %" if percent else ""
    better = "" if comparison.better == "higher" else ", lower is better"
    table = plain_table(
        f"{name} (n = {comparison.samples} shared samples{better})",
        ["", "value", "Wilson 95 %" if binary else "95 %", "interval used", "by"],
        right=["value"],
    )
    for side, estimate in (("A", comparison.a), ("B", comparison.b)):
        plain = plain_wilson(estimate) if binary else None
        used = interval(estimate.lower, estimate.upper, percent=percent)
        table.add_row(
            side,
            number(estimate.value, percent=percent) + unit,
            interval(*plain, percent=percent) if plain else used,
            used,
            estimate.method,
        )
    points = " points" if percent else ""
    table.add_row(
        "A - B",
        number(comparison.difference, percent=percent) + points,
        "",
        interval(comparison.lower, comparison.upper, percent=percent),
        comparison.method,
    )
    out.print(table)
    if binary:
        out.print(
            f"both right {comparison.both_right}, only A {comparison.only_a}, only B {comparison.only_b}, "
            f"neither {comparison.neither}; exact McNemar p = {comparison.mcnemar_p:.4g}",
            markup=False,
        )
    if comparison.p is not None and comparison.test != "exact McNemar":
        out.print(f"{comparison.test}: p = {comparison.p:.4g}", markup=False)
    if comparison.probability is not None:
        chance = min(max(comparison.probability, 0.0001), 0.9999)
        sign = "=" if chance == comparison.probability else "<" if chance < 0.5 else ">"
        out.print(f"P(A is better) {sign} {chance:.4g} (posterior, flat prior)", markup=False)
    if comparison.mde is not None:
        least = number(comparison.mde, percent=percent)
        out.print(
            f"this comparison cannot see differences under {least}{points} (MDE at power 80 %{_noise(comparison)})",
            markup=False,
        )
    for side, left_out in (("A", comparison.left_out_a), ("B", comparison.left_out_b)):
        if left_out:
            out.print(f"left out of {side}: {counts(left_out)}", markup=False)
    out.print()
