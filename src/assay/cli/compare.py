"""``assay compare``: which of two runs is better, on the samples that both answered."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from assay.cli.common import Json, Mode, console, plain_table, print_json
from assay.errors import UsageError

if TYPE_CHECKING:
    from assay.measure.paired import Comparison
    from assay.records import Estimate


def compare(
    a: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
    b: Annotated[Path, typer.Argument(metavar="RUN", help="Another run of the same task.")],
    mode: Mode = None,
    metric: Annotated[list[str] | None, typer.Option(help="Only this metric of the task. Repeatable.")] = None,
    json: Json = False,
) -> None:
    """Compare two runs of one task, sample by sample.

    Prints each run on the shared samples with its Wilson interval (and the clustered one, where samples
    share a source), the paired difference A - B, and the exact McNemar test for right-or-wrong scores.
    Runs that share no samples, or whose samples differ in content, are refused.

    \b
    assay compare runs/korbench-Qwen2.5-7B-Instruct-1a2b3c4d runs/korbench-Llama-3.1-8B-Instruct-5e6f7a8b
    """
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
    found, skipped = paired_metrics(left, right, wanted, cluster=first.task.cluster)
    if json:
        facts = {"a": str(a), "b": str(b), "mode": mode or first.mode, "skipped": skipped}
        print_json({**facts, "comparisons": [_facts(c) for c in found]})
        return
    out = console()
    out.print(f"A  {first.model.name}  {a}\nB  {second.model.name}  {b}", markup=False)
    out.print(f"{first.task.name} {first.task.version}, mode {mode or first.mode}\n", markup=False)
    for comparison in found:
        describe(comparison)
    for reason in skipped:
        out.print(f"not compared: {reason}", markup=False)


def plain_wilson(estimate: Estimate) -> tuple[float, float] | None:
    """The Wilson interval that takes samples as independent, for right-or-wrong scores of one epoch."""
    from assay.measure.intervals import wilson

    if estimate.value is None or estimate.n != estimate.samples or not 0 <= estimate.value <= 1:
        return None
    interval = wilson(estimate.value * estimate.n, estimate.n, estimate.level)
    return interval.lower, interval.upper


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
    for side, left_out in (("A", comparison.left_out_a), ("B", comparison.left_out_b)):
        if left_out:
            out.print(f"left out of {side}: {counts(left_out)}", markup=False)
    out.print()
