"""``assay race``: which model is better, with as few samples as that takes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.common import Data, Json, Mode, TaskParams, console, plain_table, print_json
from assay.errors import UsageError

if TYPE_CHECKING:
    from assay.cli.race_live import Standing
    from assay.measure.sequential_stored import BestReport, Means, PairsReport

MOST_ROWS = 60
"""Pairs that are listed one by one; more are shown by their gaps only."""


def race(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...", help="Models, as for `assay run`; with --stored: runs, folders of runs, or one table."
        ),
    ],
    task: Annotated[str | None, typer.Option("--task", help="The task to race on, as `assay tasks` lists it.")] = None,
    stored: Annotated[
        bool, typer.Option("--stored", help="Race stored answers instead: what would it have taken, was it right?")
    ] = False,
    find: Annotated[
        str, typer.Option(help="pairs: settle every pair. best: drop models until the best is left.")
    ] = "pairs",
    alpha: Annotated[
        float, typer.Option(min=1e-6, max=0.5, help="Error rate: of each pair, or of losing the best model.")
    ] = 0.05,
    family: Annotated[
        bool, typer.Option("--family", help="Hold the error rate over all pairs together, not for each.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of the random order in which samples are asked.")] = 0,
    repeats: Annotated[int, typer.Option(min=1, help="With --stored: this many random orders, from --seed on.")] = 1,
    method: Annotated[
        str, typer.Option(help="With --stored: adaptive, or reference (a fixed mixture of bets, to compare with).")
    ] = "adaptive",
    estimand: Annotated[
        str,
        typer.Option(
            help="With --stored: benchmark (the order on these samples), or population (on the ones that they stand "
            "for; clusters are bet on as wholes)."
        ),
    ] = "benchmark",
    limit: Annotated[int | None, typer.Option(min=1, help="Race on the first N samples of the task.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Attempts at each sample, averaged.")] = None,
    batch: Annotated[
        int, typer.Option(min=1, help="Samples asked between two looks at first; an eighth of those asked later on.")
    ] = 32,
    concurrency: Annotated[int | None, typer.Option(min=1, help="Most calls in flight to a model.")] = None,
    retry_for: Annotated[float, typer.Option(min=0, help="Seconds that a failing call is tried again.")] = 300.0,
    data: Data = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the runs, one a model. Else under runs/.")] = None,
    model_params: Annotated[
        list[str] | None,
        typer.Option("-p", metavar="NAME=VALUE", help="Sampling or provider option, for all models. Repeatable."),
    ] = None,
    task_params: TaskParams = None,
    mode: Mode = None,
    preflight: Annotated[
        bool, typer.Option(help="First put the task's reference answers through its scorer, once a task version.")
    ] = True,
    json: Json = False,
) -> None:
    """Ask models the same samples in one random order, and stop each comparison once it is decided.

    The error rate holds at every look, whenever the race stops: a decision says which model is better on the
    whole benchmark, from the part that was asked. The same command again goes on where it was interrupted.

    \b
    assay race openai/step-1000 openai/step-2000 --task korbench --data KORBENCH -p base_url=http://localhost:8000/v1
    assay race --stored runs/compare --repeats 10
    """
    if find not in ("pairs", "best"):
        raise UsageError(f"--find takes pairs or best, not {find!r}")
    if stored:
        of_asking = (task, limit, epochs, data, out, model_params, task_params)
        flags = ("--task", "--limit", "--epochs", "--data", "--out", "-p", "-t")
        if given := [flag for flag, value in zip(flags, of_asking, strict=True) if value is not None]:
            raise UsageError(f"{', '.join(given)} says how to ask: leave it out with --stored")
        _stored([Path(path) for path in models], find, alpha, family, seed, repeats, method, estimand, mode, json)
        return
    if task is None:
        raise UsageError("say what to race on with --task, or race stored runs with --stored")
    if repeats != 1 or method != "adaptive" or estimand != "benchmark":
        raise UsageError("--repeats, --method and --estimand are for --stored")
    from assay.cli.race_live import Settings, race_live
    from assay.cli.run import run_async

    settings = Settings(find, alpha, family, seed, batch, concurrency, retry_for, limit, epochs, preflight, json)
    standing = run_async(race_live(models, task, settings, data, out, model_params, task_params, mode))
    if json:
        print_json(standing.facts())
    else:
        _tell_live(standing)


def _stored(
    paths: list[Path],
    find: str,
    alpha: float,
    family: bool,
    seed: int,
    repeats: int,
    method: str,
    estimand: str,
    mode: str | None,
    json: bool,
) -> None:
    from assay.cli.progress import Bar
    from assay.measure import matrix
    from assay.measure.sequential_stored import stored_best, stored_pairs

    if method not in ("adaptive", "reference"):
        raise UsageError(f"--method takes adaptive or reference, not {method!r}")
    if estimand not in ("benchmark", "population"):
        raise UsageError(f"--estimand takes benchmark or population, not {estimand!r}")
    answers = matrix.load(paths, mode=mode)
    seeds = range(seed, seed + repeats)
    if find == "best":
        if family or method != "adaptive" or estimand != "benchmark":
            raise UsageError("--family, --method and --estimand are for --find pairs")
        best = stored_best(answers, seeds, alpha=alpha)
        print_json(best) if json else _tell_best(best)
        return
    with Bar("random orders", repeats, quiet=json) as bar:
        report = stored_pairs(
            answers,
            seeds,
            alpha=alpha,
            family=family,
            method=method,  # type: ignore[arg-type]
            estimand=estimand,  # type: ignore[arg-type]
            tick=bar.advance,
        )
    print_json(report) if json else _tell_pairs(report)


def _tell_pairs(report: PairsReport) -> None:
    from assay.report.numbers import interval

    out = console()
    shared = " for all pairs together" if report.family else " for each pair"
    orders = f"{len(report.seeds)} random order{'s' if len(report.seeds) > 1 else ''} from seed {report.seeds[0]}"
    out.print(
        f"{len(report.models)} models, {len(report.pairs)} pairs, {report.items:,} samples, {orders}\n"
        f"decided: {report.estimand}; error rate at most {report.alpha:g}{shared}, at any number of looks\n",
        markup=False,
    )
    if len(report.pairs) <= MOST_ROWS:
        table = plain_table(
            f"pairs, in the order of seed {report.seeds[0]}",
            ["A", "B", "used", "of", "decision", f"A - B then ({100 * (1 - report.level):g} %)", "A - B in all", ""],
            right=["used", "of", "A - B in all"],
        )
        for pair in report.pairs:
            table.add_row(
                pair.a,
                pair.b,
                f"{pair.samples_used:,}",
                f"{pair.n:,}",
                pair.decision,
                interval(pair.lower, pair.upper, percent=True),
                f"{100 * pair.difference:.2f}",
                "wrong" if pair.wrong else "",
            )
        out.print(table)
    table = plain_table(
        "share of the samples that a pair took, by its difference over all samples (points)",
        ["gap", "races", "mean share", "median samples", "decided", "wrong"],
        right=["races", "mean share", "median samples", "decided", "wrong"],
    )
    for row in report.by_gap:
        table.add_row(row.gap, *_cells(row.means))
    table.add_row("all", *_cells(report.means))
    if report.method != "reference":
        table.add_row("all, reference mixture", *_cells(report.reference))
    out.print(table)


def _cells(means: Means) -> list[str]:
    from assay.report.numbers import NONE

    def percent(share: float | None, digits: int = 1) -> str:
        return NONE if share is None else f"{100 * share:.{digits}f} %"

    se = "" if means.share_se is None else f" ± {100 * means.share_se:.1f}"
    median = NONE if means.median_samples is None else f"{means.median_samples:,.0f}"
    return [
        f"{means.races:,}",
        percent(means.mean_share) + se,
        median,
        percent(means.decided),
        percent(means.wrong, 2),
    ]


def _tell_best(report: BestReport) -> None:
    out = console()
    table = plain_table(
        f"search for the best of {len(report.models)} models on {report.items:,} samples, seed {report.seeds[0]}",
        ["model", "mean of all", "asked", "share", ""],
        right=["mean of all", "asked", "share"],
    )
    for model in sorted(report.models, key=lambda m: -m.samples_used):
        told = "dropped" if model.dropped else ("best" if len(report.best) == 1 else "may be best")
        table.add_row(
            model.model,
            f"{100 * model.mean:.2f} %",
            f"{model.samples_used:,}",
            f"{100 * model.share:.1f} %",
            told,
        )
    out.print(table)
    out.print(
        f"best on all samples: {', '.join(report.truth)}; asked {100 * report.mean_share:.1f} % of models x samples; "
        f"the best was lost in {100 * report.lost:.1f} % of {len(report.seeds)} orders (at most {report.alpha:g} by "
        "proof)",
        markup=False,
    )


def _tell_live(standing: Standing) -> None:
    from assay.report.numbers import interval

    out = console()
    facts = standing.facts()
    out.print(f"{facts['task']}: {facts['items']:,} samples, raced in the order of seed {facts['seed']}", markup=False)
    table = plain_table(
        None, ["model", "asked", "share", "mean so far", "benchmark (95 %)", "", "run"], right=["asked"]
    )
    for model in facts["models"]:
        mean = "–" if model["mean"] is None else f"{100 * model['mean']:.2f} %"
        table.add_row(
            model["model"],
            f"{model['asked']:,}",
            f"{100 * model['asked'] / facts['items']:.1f} %",
            mean,
            interval(model["lower"], model["upper"], percent=True),
            model["standing"],
            model["run"],
        )
    out.print(table)
    if "pairs" in facts:
        table = plain_table(
            f"error rate at most {facts['alpha']:g} {'together' if facts['family'] else 'a pair'}, at every look",
            ["A", "B", "used", "decision", f"A - B on the benchmark ({100 * (1 - facts['level']):g} %)"],
            right=["used"],
        )
        for pair in facts["pairs"]:
            used = f"{pair['samples_used']:,}"
            ends = interval(pair["lower"], pair["upper"], percent=True)
            table.add_row(pair["a"], pair["b"], used, pair["decision"], ends)
        out.print(table)
    else:
        best = ", ".join(facts["best"])
        out.print(f"best: {best} (the best is lost with probability at most {facts['alpha']:g})", markup=False)
