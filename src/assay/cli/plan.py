"""``assay plan``: how many samples and epochs a comparison takes, and what it costs, before it is run."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.common import Data, Json, Mode, TaskParams, console, pairs, plain_table, print_json
from assay.errors import UsageError

if TYPE_CHECKING:
    from assay.cli.plan_basis import Basis
    from assay.measure.power import Plan

_EPOCHS_SHOWN = (1, 2, 4, 8, 16)


def plan(
    mde: Annotated[
        float | None, typer.Option(min=0.001, help="The difference to be seen, in points (of 100 for a share).")
    ] = None,
    samples: Annotated[int | None, typer.Option(min=2, help="Instead: what can be seen with so many samples?")] = None,
    task: Annotated[str | None, typer.Option(help="The task: how many samples there are, and their clusters.")] = None,
    runs: Annotated[
        list[Path] | None,
        typer.Option("--from", metavar="RUNS", help="Stored runs (or a table) to measure variances on. Repeatable."),
    ] = None,
    power: Annotated[float, typer.Option(min=0.01, max=0.9999, help="Chance to find the difference.")] = 0.8,
    alpha: Annotated[float, typer.Option(min=0.0001, max=0.5, help="Two-sided error.")] = 0.05,
    epochs: Annotated[str, typer.Option(help="Attempts at each sample, or auto.")] = "auto",
    omega2: Annotated[
        float | None, typer.Option(min=0, help="Variance between samples of the expected difference, if known.")
    ] = None,
    sigma2: Annotated[
        float | None, typer.Option(min=0, help="Variance of one attempt within a sample, both models added, if known.")
    ] = None,
    accuracy: Annotated[float, typer.Option(min=0, max=1, help="Assumed where nothing is known.")] = 0.5,
    model: Annotated[
        list[str] | None, typer.Option("--model", "-m", help="A model that is to be paid for. Repeatable.")
    ] = None,
    prices: Annotated[Path | None, typer.Option(help="Your own price table.")] = None,
    input_tokens: Annotated[float | None, typer.Option(min=0, help="Of one attempt, if known.")] = None,
    output_tokens: Annotated[float | None, typer.Option(min=0, help="Of one attempt, if known.")] = None,
    item_cost: Annotated[float, typer.Option(min=0, help="Dollars for a further sample, before it is asked.")] = 0.0,
    data: Data = None,
    task_params: TaskParams = None,
    mode: Mode = None,
    json: Json = False,
) -> None:
    """Plan a comparison of two models: samples, epochs and cost for a difference that must not be missed.

    n = (z_a/2 + z_b)² (omega² + sigma²/K) deff / delta², with variances measured on stored runs (--from), given, or
    assumed. Epochs are chosen where they are cheaper than samples, or where there are no more samples.

    \b
    assay plan --mde 1.5 --from runs/korbench --model openai/gpt-4o-mini
    assay plan --mde 3 --omega2 0.1111
    assay plan --samples 500 --task korbench --data KORBENCH
    """
    from assay.measure.power import Plan, detectable, variance_of_difference

    if (mde is None) == (samples is None):
        raise UsageError("give either --mde POINTS (how many samples?) or --samples N (what can be seen?)")
    basis = _basis(runs, mode, task, data, pairs(task_params, "-t"), omega2, sigma2, accuracy)
    basis.input_tokens = basis.input_tokens if input_tokens is None else input_tokens
    basis.output_tokens = basis.output_tokens if output_tokens is None else output_tokens
    _prices(basis, model, prices)
    rates = {"alpha": alpha, "power": power, "design_effect": basis.design_effect}
    fixed = _whole(epochs)
    if samples is not None:
        attempts = fixed or 1
        variance = variance_of_difference(basis.omega2 or 0.0, basis.sigma2 or 0.0, epochs_a=attempts)
        made = Plan(samples, attempts, detectable(samples, variance, **rates), True)
    else:
        made = _made((mde or 0.0) / 100, basis, fixed, item_cost, rates)
    facts = _facts(made, basis, mde, item_cost, rates)
    if json:
        print_json(facts)
    else:
        _describe(facts, made, basis, mde)


def _whole(epochs: str) -> int | None:
    if epochs == "auto":
        return None
    if not epochs.isdecimal() or not 1 <= int(epochs) <= 10_000:
        raise UsageError(f"--epochs is a number from 1 on, or auto, not {epochs!r}")
    return int(epochs)


def _basis(
    runs: list[Path] | None,
    mode: str | None,
    task: str | None,
    data: Path | None,
    params: dict[str, str],
    omega2: float | None,
    sigma2: float | None,
    accuracy: float,
) -> Basis:
    from assay.cli import plan_basis

    basis = plan_basis.Basis()
    if runs:
        plan_basis.from_runs(basis, runs, mode)
    if task is not None:
        plan_basis.from_task(basis, task, data, params)
    if omega2 is not None or sigma2 is not None:
        basis.omega2 = omega2 if omega2 is not None else basis.omega2
        basis.sigma2 = sigma2 if sigma2 is not None else basis.sigma2
        basis.sources.append("variances as given")
    if basis.omega2 is None:
        plan_basis.assumed(basis, accuracy)
    return basis


def _prices(basis: Basis, models: list[str] | None, prices: Path | None) -> None:
    from assay.models.prices import price_of

    if models:
        basis.prices = {}
    for name in models or [name for name, price in basis.prices.items() if price is None]:
        basis.prices[name] = price_of(name, prices)


def _made(delta: float, basis: Basis, epochs: int | None, item_cost: float, rates: dict[str, float]) -> Plan:
    from assay.measure.power import plan as make

    cost = basis.cost
    if item_cost and not cost:
        raise UsageError(
            "--item-cost is weighed against the cost of an attempt: give --model, and tokens or --from RUNS"
        )
    return make(
        delta,
        basis.omega2 or 0.0,
        basis.sigma2 or 0.0,
        pool=None if item_cost else basis.pool,
        epochs=epochs,
        per_item=item_cost,
        per_attempt=cost or 1.0,
        **rates,
    )


def _facts(made: Plan, basis: Basis, wanted: float | None, item_cost: float, rates: dict[str, float]) -> dict[str, Any]:
    from assay.measure.power import best_epochs, detectable, samples_needed, variance_of_difference

    omega2, sigma2, cost = basis.omega2 or 0.0, basis.sigma2 or 0.0, basis.cost
    choices = sorted({made.epochs, *(_EPOCHS_SHOWN if sigma2 else ())})
    rows = []
    for k in choices:
        variance = variance_of_difference(omega2, sigma2, epochs_a=k)
        n = made.samples if wanted is None else samples_needed(wanted / 100, variance, **rates)
        rows.append(
            {
                "epochs": k,
                "samples": n,
                "attempts": n * k,
                "mde": 100 * detectable(n, variance, **rates),
                "cost": None if cost is None else n * (k * cost + item_cost),
                "mde_of_pool": None if basis.pool is None else 100 * detectable(basis.pool, variance, **rates),
            }
        )
    total = None if cost is None else made.samples * (made.epochs * cost + item_cost)
    return {
        **made._asdict(),
        "mde": 100 * made.mde,
        "wanted": wanted,
        "attempts_each": made.attempts,
        "cost": total,
        "k_star": best_epochs(omega2, sigma2, item_cost, cost or 1.0) if basis.sigma2 is not None else None,
        "alpha": rates["alpha"],
        "power": rates["power"],
        "basis": asdict(basis),
        "choices": rows,
    }


def _describe(facts: dict[str, Any], made: Plan, basis: Basis, wanted: float | None) -> None:
    out = console()

    def say(line: str) -> None:
        out.print(line, markup=False)

    test = f"(paired comparison, two-sided {100 * facts['alpha']:g} %, power {100 * facts['power']:g} %)"
    money = "" if facts["cost"] is None else f", ${facts['cost']:,.2f}"
    size = f"{made.samples:,} samples x {made.epochs} epoch{'s' if made.epochs > 1 else ''}"
    if wanted is not None and not made.enough:
        say(
            f"{wanted:g} points cannot be seen: {size}, all there are, show {facts['mde']:.2f} points or more "
            f"{test}{money}"
        )
    elif wanted is not None:
        say(f"to see {wanted:g} points: {size} = {made.attempts:,} attempts by each model {test}{money}")
    else:
        say(f"{size} show differences of {facts['mde']:.2f} points or more {test}{money}")
    sigma = "unknown, and counted in omega²" if basis.sigma2 is None else f"{basis.sigma2:.4f}"
    say(f"omega² = {basis.omega2:.4f}, sigma² = {sigma}, design effect {basis.design_effect:.2f}")
    if facts["k_star"] is not None:
        say(f"K* = {facts['k_star']:.2f} attempts a sample at these costs (below 1: rather new samples, once each)")
    for source in basis.sources:
        say(f"- {source}")
    _say_cost(basis, say)
    if len(facts["choices"]) > 1:
        columns = ["epochs", "samples", "attempts each", "MDE, points", "cost, $", "MDE with all samples"]
        table = plain_table("Other ways", columns, right=columns)
        for row in facts["choices"]:
            ends = ["–" if row[key] is None else f"{row[key]:,.2f}" for key in ("mde", "cost", "mde_of_pool")]
            table.add_row(str(row["epochs"]), f"{row['samples']:,}", f"{row['attempts']:,}", *ends)
        out.print(table)


def _say_cost(basis: Basis, say: Any) -> None:
    unknown = [name for name, price in basis.prices.items() if price is None]
    dates = sorted({price.as_of for price in basis.prices.values() if price is not None and price.as_of})
    if not basis.prices:
        say("cost: name the models to be paid for with --model")
    elif unknown:
        say(f"cost: no price of {', '.join(unknown)}; give one with --prices FILE")
    elif basis.cost is None:
        say("cost: unknown tokens an attempt; give --input-tokens and --output-tokens, or --from RUNS")
    else:
        as_of = f", prices of {', '.join(dates)}" if dates else ""
        say(f"cost: ${1000 * basis.cost:,.4g} for a thousand attempts by {' and '.join(basis.prices)}{as_of}")
