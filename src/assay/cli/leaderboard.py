"""``assay leaderboard``: models ranked on common samples, with what is certain about the ranks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.common import Json, Mode, console, plain_table, print_json
from assay.errors import UsageError

if TYPE_CHECKING:
    from assay.measure.matrix import Matrix
    from assay.measure.simultaneous import Leaderboard


def leaderboard(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUNS...", help="Run folders, folders of runs, or one table (.parquet, .csv, .jsonl, .npz)."
        ),
    ],
    mode: Mode = None,
    level: Annotated[float, typer.Option(min=0.5, max=0.999, help="Joint confidence of the intervals.")] = 0.95,
    draws: Annotated[int, typer.Option(min=100, max=100_000, help="Bootstrap draws.")] = 2000,
    seed: Annotated[int, typer.Option(help="Of the bootstrap.")] = 0,
    common: Annotated[
        float,
        typer.Option(
            min=0,
            max=1,
            help="Leave out models that answered a smaller share of the samples, before taking those that all did.",
        ),
    ] = 0.0,
    json: Json = False,
) -> None:
    """Rank models on the samples that all of them answered.

    Each score has an interval, and each model a range of ranks, that hold for all models at once: look first, pick
    later. P(top-1) is how often a model comes first when the samples (or their clusters) are drawn anew; the shrunk
    score takes out what the best of many owe to luck.

    \b
    assay leaderboard runs/korbench
    assay leaderboard verdicts.parquet --json
    """
    from assay.measure.matrix import load
    from assay.measure.simultaneous import leaderboard as rank

    given = load(runs, mode=mode)
    matrix = _common(given, common)
    found = rank(matrix.x, matrix.clusters, level=level, draws=draws, seed=seed)
    facts = _facts(given, matrix, found, level=level, draws=draws, seed=seed)
    if json:
        print_json(facts)
    else:
        _describe(facts)


def _common(given: Matrix, share: float) -> Matrix:
    """The samples that all models answered, without models that answered too few. Raises ``UsageError``."""
    import numpy as np

    asked = given.asked
    matrix = given.select(models=asked.mean(axis=1) >= share)
    if len(matrix.models) < 2:
        raise UsageError(f"a leaderboard takes at least two models; there are {len(matrix.models)}")
    matrix = matrix.select(items=np.flatnonzero(matrix.asked.all(axis=0)))
    if len(matrix.items) < 2:
        raise UsageError(
            "there are not two samples that all models answered: leave out those that answered few with --common, "
            "such as --common 0.9"
        )
    return matrix


def _facts(given: Matrix, matrix: Matrix, found: Leaderboard, *, level: float, draws: int, seed: int) -> dict[str, Any]:
    import numpy as np

    from assay.measure.power import detectable_with
    from assay.measure.shrinkage import winners_curse

    order = np.argsort(-found.means, kind="stable")
    unlike = np.median(found.errors_of_differences[np.triu_indices(len(order), 1)])
    rows = [
        {
            "model": matrix.models[m],
            "score": float(found.means[m]),
            "se": float(found.errors[m]),
            "lower": float(found.lower[m]),
            "upper": float(found.upper[m]),
            "rank": 1 + int((found.means > found.means[m] + 1e-12).sum()),
            "rank_lower": int(found.rank_lower[m]),
            "rank_upper": int(found.rank_upper[m]),
            "p_top": float(found.top[m]),
            "expected_rank": float(found.expected_rank[m]),
            "shrunk": float(found.shrunk.values[m]),
        }
        for m in order
    ]
    return {
        "samples": len(matrix.items),
        "samples_not_common": len(given.items) - len(matrix.items),
        "models_left_out": sorted(set(given.models) - set(matrix.models)),
        "clusters": None if matrix.clusters is None else found.units,
        "cluster": matrix.cluster,
        "level": level,
        "draws": draws,
        "seed": seed,
        "models": rows,
        "separated_pairs": found.separated,
        "separated_neighbours": found.adjacent,
        "separated_pairs_each_alone": found.separated_alone,
        "separated_neighbours_each_alone": found.adjacent_alone,
        "critical_value": found.critical,
        "median_mde": detectable_with(float(unlike), alpha=1 - level),
        "winners_curse": winners_curse(float(np.median(found.own_errors)), len(order)),
        "true_spread": found.shrunk.spread,
    }


def _describe(facts: dict[str, Any]) -> None:
    from rich.markup import escape

    from assay.report.numbers import confidence, interval, number

    def percent(x: float) -> str:
        return number(x, percent=True)

    out = console()
    over = f", {facts['clusters']} clusters by {facts['cluster']}" if facts["clusters"] else ""
    table = plain_table(
        f"{len(facts['models'])} models on n = {facts['samples']:,} samples that all answered{over}; "
        f"{confidence(facts['level'])} intervals hold for all models at once",
        ["rank", "rank interval", "model", "score, %", "interval", "SE", "P(top-1)", "shrunk, %"],
        right=["rank", "rank interval", "score, %", "interval", "SE", "P(top-1)", "shrunk, %"],
    )
    for row in facts["models"]:
        table.add_row(
            str(row["rank"]),
            f"{row['rank_lower']}-{row['rank_upper']}",
            escape(row["model"]),
            percent(row["score"]),
            interval(row["lower"], row["upper"], percent=True),
            percent(row["se"]),
            f"{row['p_top']:.3f}",
            percent(row["shrunk"]),
        )
    out.print(table)
    lines = [
        "estimand: scores on the questions that these samples stand for, ranks among these models",
        f"told apart: {facts['separated_pairs']:.0%} of all pairs and {facts['separated_neighbours']:.0%} of "
        f"neighbours jointly; each pair on its own {facts['separated_pairs_each_alone']:.0%} "
        f"and {facts['separated_neighbours_each_alone']:.0%}",
        f"a typical pair differs visibly from {100 * facts['median_mde']:.2f} points on (MDE at power 80 %, one pair)",
        f"the best of {len(facts['models'])} equal models would look up to {100 * facts['winners_curse']:.2f} points "
        "better than it is; shrunk scores allow for that",
    ]
    if facts["samples_not_common"]:
        lines.append(f"left out: {facts['samples_not_common']:,} samples that not all models answered")
    if facts["models_left_out"]:
        lines.append(f"left out: {', '.join(facts['models_left_out'])}")
    lines.append(
        f"{facts['draws']:,} bootstrap draws of {'clusters' if facts['clusters'] else 'samples'}, seed {facts['seed']}"
    )
    for line in lines:
        out.print(line, markup=False)
