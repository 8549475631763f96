"""``assay curve``: what checkpoints of training runs can tell apart, task by task."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.common import Json, Mode, console, plain_table, print_json
from assay.errors import UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from assay.measure.checkpoints.series import Grid, Series

_MORE = 14
"""Steps that the table of early decisions shows."""


def curve(
    series: Annotated[
        list[Path],
        typer.Argument(
            metavar="SERIES...",
            help="A table of points (.parquet, .csv, .csv.gz, .jsonl), a YAML list of runs, or folders of runs.",
        ),
    ],
    task: Annotated[
        list[str] | None, typer.Option(help="Only this task, or those that begin so: 'mmlu*'. Repeatable.")
    ] = None,
    metric: Annotated[
        list[str] | None, typer.Option(help="Only this metric (else the accuracy, or the first). Repeatable.")
    ] = None,
    shots: Annotated[str | None, typer.Option(help="Only this condition, as the table's shots column has it.")] = None,
    model: Annotated[str | None, typer.Option(metavar="REGEX", help="Only models whose name matches.")] = None,
    exclude: Annotated[str | None, typer.Option(metavar="REGEX", help="Without models whose name matches.")] = None,
    by: Annotated[str | None, typer.Option(help="'size': each task at each model size.")] = None,
    last: Annotated[int, typer.Option(min=2, help="How many last checkpoints show noise, and are averaged.")] = 6,
    trend: Annotated[bool, typer.Option(help="Take a linear trend out of the last checkpoints first.")] = True,
    drop: Annotated[bool, typer.Option("--drop", help="Drop the noisiest of these tasks one by one.")] = False,
    step_from: Annotated[
        str | None,
        typer.Option(
            metavar="REGEX", help="Where a run's name says its step: a group (?P<step>...), maybe tokens, size."
        ),
    ] = None,
    mode: Mode = None,
    figure: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the curves of one task (.svg or .html).")
    ] = None,
    level: Annotated[float, typer.Option(min=0.5, max=0.999, help="Confidence of the intervals.")] = 0.95,
    json: Json = False,
) -> None:
    """Signal, noise and decisions along training: which tasks tell checkpoints and training runs apart.

    Noise is what a run does from checkpoint to checkpoint around its trend, signal how far runs truly lie apart. With
    one task, also how early its order of the runs was the final one. See docs/checkpoints.md.

    \b
    assay curve evals.csv.gz --shots zero-shot --task 'arc*' --last 6
    assay curve runs/pretraining --step-from 'step(?P<step>[0-9]+)' --figure curve.svg
    assay curve evals.parquet --by size
    """
    from assay.measure.checkpoints.runs import load

    if by not in (None, "size"):
        raise UsageError(f"--by takes size, not {by}")
    if last < (3 if trend else 2):
        raise UsageError("--last 2 shows no noise around a trend: take 3 or more, or --no-trend")
    if figure is not None and figure.suffix not in (".svg", ".html"):
        raise UsageError(f"--figure {figure}: the file ends in .svg or .html")
    found = load(series, mode=mode, step_from=step_from).where(
        tasks=task or (), metrics=metric or (), shots=shots, model=model, exclude=exclude
    )
    grids = [found.grid(*key) for key in (found.keys if metric else found.main_metrics())]
    if figure is not None and len(grids) > 1:
        raise UsageError(f"--figure draws one curve, and this series has {len(grids)}: choose with --task and --metric")
    if drop and len(grids) < 2:
        raise UsageError("--drop takes several tasks")
    facts = _facts(found, grids, last, trend, level, by_size=by == "size", drop=drop)
    if figure is not None:
        _draw(grids[0], last, trend, figure)
    if json:
        print_json(facts)
    else:
        _describe(facts)


def _facts(
    series: Series, grids: list[Grid], k: int, trend: bool, level: float, *, by_size: bool, drop: bool
) -> dict[str, Any]:
    from assay.measure.checkpoints import selection

    facts: dict[str, Any] = {
        "last": k,
        "trend_removed": trend,
        "level": level,
        "sizes_from_names": series.sizes_from_names,
        "tasks": [_task(grid, k, trend, level) for grid in grids],
    }
    if by_size:
        facts["by_size"] = [
            {**_name(grid), **scale._asdict(), "noise": _noise(scale.noise), "agreement": _plain(scale.agreement)}
            for grid in grids
            for scale in selection.by_size(grid, k, trend=trend, level=level)
        ]
    if len(grids) == 1:
        facts["early"] = _early(grids[0], k, level)
    if drop:
        x, steps = selection.stacked(grids, k)
        if x.shape[1] < 2:
            raise UsageError(
                f"--drop takes two runs with the last {k} checkpoints of every task; there are {x.shape[1]}"
            )
        turned = x * [[[grid.better]] for grid in grids]
        drops = selection.drop_noisy(turned, steps if trend else None)
        names = [grid.task for grid in grids]
        facts["drop"] = {**drops._asdict(), "order": [names[i] for i in drops.order], "runs": x.shape[1]}
    return facts


def _task(grid: Grid, k: int, trend: bool, level: float) -> dict[str, Any]:
    from assay.measure.checkpoints.noise import of_grid
    from assay.measure.checkpoints.selection import rank_with_size

    return {
        **_name(grid),
        "runs": len(grid.runs),
        "checkpoints": len(grid.steps),
        "noise": _noise(of_grid(grid, k, trend=trend, level=level)),
        "rank_with_size": _plain(rank_with_size(grid, k, level=level)),
    }


def _name(grid: Grid) -> dict[str, Any]:
    return {"task": grid.task, "metric": grid.metric, "shots": grid.shots}


def _noise(found: Any) -> dict[str, Any] | None:
    from assay.measure.checkpoints.decisions import from_ratio

    if found is None:
        return None
    ratio, (low, high) = found.sd_snr, found.sd_snr_interval
    accuracy = {
        f"accuracy_{name}": {"value": from_ratio(ratio, k), "lower": from_ratio(low, k), "upper": from_ratio(high, k)}
        for name, k in (("single", 1), ("averaged", found.k))
    }
    return {**(_plain(found) or {}), **accuracy}


def _plain(found: Any) -> dict[str, Any] | None:
    """A named tuple as a dictionary, numbers that do not exist as null."""
    from math import isfinite

    if found is None:
        return None

    def known(x: Any) -> Any:
        if isinstance(x, tuple):
            return [known(end) for end in x]
        return None if isinstance(x, float) and not isfinite(x) else x

    return {name: known(value) for name, value in found._asdict().items()}


def _early(grid: Grid, k: int, level: float) -> list[dict[str, Any]]:
    """Decision accuracy of each checkpoint before the averaged ones."""
    import numpy as np

    from assay.measure.checkpoints.decisions import along_training
    from assay.measure.checkpoints.noise import last_checkpoints, last_means

    final = last_means(grid, k)
    last = last_checkpoints(grid, k)
    if not len(last.runs):
        return []
    before = grid.steps < last.steps.min()
    x = grid.x[:, before]
    accuracies = along_training(x, final, level=level)
    steps = grid.steps[before].tolist()
    return [
        {"step": step, "runs": int(np.isfinite(column).sum()), "agreement": _plain(found)}
        for step, column, found in zip(steps, x.T, accuracies, strict=True)
        if found is not None
    ]


def _draw(grid: Grid, k: int, trend: bool, path: Path) -> None:
    from assay.measure.checkpoints.noise import of_grid
    from assay.report.figures import training_curves

    found = of_grid(grid, k, trend=trend)
    svg = training_curves(
        grid.steps.tolist(),
        dict(zip(grid.runs, grid.x.tolist(), strict=True)),
        grid.metric,
        noise=None if found is None else found.noise,
        sizes=grid.sizes.tolist(),
    )
    if path.suffix == ".html":
        from html import escape

        title = escape(f"{grid.task}: {grid.metric}")
        svg = (
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><h1>{title}</h1>{svg}</html>\n'
        )
    path.write_text(svg)
    print(f"figure written to {path}", file=sys.stderr)


def _describe(facts: dict[str, Any]) -> None:
    out = console()
    out.print(_tasks_table(facts))
    if "by_size" in facts:
        out.print(_size_table(facts))
    if "early" in facts:
        out.print(_early_table(facts))
    around = "around a linear trend" if facts["trend_removed"] else "around the mean, trend and all"
    lines = [
        f"noise: sd of one checkpoint {around}, from the last {facts['last']} of each run; SNR: sd of the runs' true "
        "levels over it",
        f"reliability: of the mean of {facts['last']} checkpoints. P(order): that a pair of runs is truly ordered as "
        "by one checkpoint, and as by that mean (closed form)",
        "estimand: runs like these, on these same samples; checkpoints that move together make all of it look better",
        "range (of run means, over noise) grows with the number of runs; flat (the range over the spread of all "
        "scores) stays under about 4 whatever the truth: both for comparison with published figures only",
    ]
    if facts["sizes_from_names"]:
        lines.append("sizes were read off the models' names")
    if "drop" in facts:
        lines += _drop_lines(facts["drop"])
    for line in lines:
        out.print(line, markup=False)


def _tasks_table(facts: dict[str, Any]) -> Table:
    from rich.markup import escape

    columns = [
        "runs",
        "noise sd",
        "range",
        "SNR",
        "reliability",
        "P(order) by one",
        "by mean",
        "ρ with size",
        "flat",
    ]
    count = len(facts["tasks"])
    table = plain_table(
        f"{count} curve{'s' if count > 1 else ''}, last {facts['last']} checkpoints, best signal first",
        ["task", "metric", *columns],
        right=columns,
    )
    conditions = {row["shots"] for row in facts["tasks"]}
    for row in sorted(facts["tasks"], key=lambda row: -((row["noise"] or {}).get("sd_snr") or -1.0)):
        name = row["task"] if len(conditions) == 1 or row["shots"] is None else f"{row['task']} {row['shots']}"
        rank = row["rank_with_size"]
        rho = "–" if rank is None else f"{rank['rho']:.2f} {_ends(rank['interval'])}"
        table.add_row(escape(name), escape(row["metric"]), *_noise_cells(row["noise"]), rho, _flat(row["noise"]))
    return table


def _noise_cells(found: dict[str, Any] | None) -> list[str]:
    if found is None or found["sd_snr"] is None:
        return [str(found["runs"]) if found else "–", *["–"] * 5]
    single, averaged = found["accuracy_single"], found["accuracy_averaged"]
    return [
        str(found["runs"]),
        f"{found['noise']:.3g}",
        f"{found['range_snr']:.1f}",
        f"{found['sd_snr']:.2f} {_ends(found['sd_snr_interval'])}",
        f"{found['reliability']:.3f} {_ends(found['reliability_interval'], 3)}",
        f"{single['value']:.2f} {_ends((single['lower'], single['upper']))}",
        f"{averaged['value']:.2f}",
    ]


def _flat(found: dict[str, Any] | None) -> str:
    return "–" if found is None or found["flattened_snr"] is None else f"{found['flattened_snr']:.1f}"


def _ends(interval: Any, digits: int = 2) -> str:
    return f"[{interval[0]:.{digits}f}, {interval[1]:.{digits}f}]"


def _agreement_cells(found: dict[str, Any] | None) -> list[str]:
    if found is None:
        return ["–", "–"]
    return [f"{found['value']:.2f} {_ends((found['lower'], found['upper']))}", str(found["pairs"])]


def _size_table(facts: dict[str, Any]) -> Table:
    from rich.markup import escape

    columns = ["size", "runs", "SNR", "reliability", "order as at the largest", "pairs"]
    table = plain_table("Each task at each size", ["task", "metric", *columns], right=columns)
    for row in facts["by_size"]:
        cells = _noise_cells(row["noise"])
        agreement = _agreement_cells(row["agreement"])
        size = f"{row['size'] / 1e9:g}B" if row["size"] >= 1e9 else f"{row['size'] / 1e6:g}M"
        table.add_row(
            escape(row["task"]), escape(row["metric"]), size, str(row["runs"]), cells[3], cells[4], *agreement
        )
    return table


def _early_table(facts: dict[str, Any]) -> Table:
    columns = ["step", "runs", "order as at the end", "pairs"]
    table = plain_table(
        f"Order of the runs at a step, and by the mean of the last {facts['last']}", columns, right=columns
    )
    for row in facts["early"][-_MORE:]:
        table.add_row(f"{row['step']:,}", str(row["runs"]), *_agreement_cells(row["agreement"]))
    return table


def _drop_lines(found: dict[str, Any]) -> list[str]:
    from math import isfinite

    best = found["best"]
    lines = [
        f"the suite's mean has SNR {found['snr'][0]:.2f}; without its {best} noisiest tasks {found['snr'][best]:.2f}, "
        f"on the {found['runs']} runs that chose them",
    ]
    if best:
        lines.append(f"dropped in this order: {', '.join(found['order'][:best])}")
    if isfinite(found["kept_elsewhere"]):
        lines.append(
            f"chosen on one half of the runs and judged by the other: {found['all_elsewhere']:.2f} with all, "
            f"{found['kept_elsewhere']:.2f} with those kept"
        )
    return lines
