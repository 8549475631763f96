"""``assay ratings``: who is better than whom, from battles of two."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.common import Json, console, pairs, plain_table, print_json
from assay.errors import UsageError

if TYPE_CHECKING:
    import polars as pl

    from assay.measure.intervals import Floats
    from assay.measure.ratings.battles import Table
    from assay.measure.ratings.bradley_terry import Battles, Strengths
    from assay.measure.ratings.ranks import Ranking


def ratings(
    file: Annotated[Path, typer.Argument(help="Parquet, CSV or JSON Lines: one battle a row.")],
    columns: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="ROLE=COLUMN",
            help="Which column is model_a, model_b, winner or score (of model_a), prompt, length_a, length_b. "
            "A column named after its role needs no --map. Repeatable.",
        ),
    ] = None,
    baseline: Annotated[
        str | None, typer.Option(metavar="MODEL", help="The second model of every row, if no column says so.")
    ] = None,
    span: Annotated[
        str, typer.Option("--range", metavar="LOW,HIGH", help="Scores at which model_b and model_a win for sure.")
    ] = "0,1",
    style: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Control for a feature, of columns NAME_a and NAME_b. Repeatable."),
    ] = None,
    length_controlled: Annotated[
        bool, typer.Option("--length-controlled", help="Win rates against one baseline, at equal lengths.")
    ] = False,
    largest: Annotated[
        bool, typer.Option("--largest", help="Rate only the largest group of models with finite distances.")
    ] = False,
    next_: Annotated[int, typer.Option("--next", min=0, metavar="N", help="Name the N battles to fight next.")] = 0,
    level: Annotated[float, typer.Option(min=0.5, max=0.999, help="Confidence of the intervals.")] = 0.95,
    seed: Annotated[int, typer.Option(help="Of the draws for ranks.")] = 0,
    json: Json = False,
) -> None:
    """Rate models by their battles: Bradley-Terry strengths on the scale of Elo, ranks, and how sure they are.

    Ties count half; battles of one prompt are one unit in every interval. If some models never lost to the rest, or
    never met them, there are no finite ratings: the groups are named and nothing is rated.

    \b
    assay ratings battles.parquet --map prompt=question_id --style length --next 10
    """
    from assay.engine.rows import open_rows
    from assay.measure.ratings.battles import battle_table

    low, high = _ends(span)
    rows = _renamed(open_rows(file).collect(), pairs(columns, "--map"))
    table = battle_table(rows, baseline=baseline, span=(low, high))
    facts: dict[str, Any] = {"file": str(file), "level": level, "left_out": table.left_out}
    if length_controlled:
        _controlled(table, facts, level, json)
    else:
        _rated(table, facts, style or [], largest, next_, level, seed, json)


def _ends(span: str) -> tuple[float, float]:
    try:
        low, high = (float(end) for end in span.split(","))
    except ValueError:
        raise UsageError(f"--range takes LOW,HIGH, not {span!r}") from None
    if not low < high:
        raise UsageError(f"--range: {low:g} is not below {high:g}")
    return low, high


def _renamed(rows: pl.DataFrame, given: dict[str, str]) -> pl.DataFrame:
    from assay.measure.ratings.battles import ROLES

    for role, column in given.items():
        if role not in ROLES:
            raise UsageError(f"--map: no role {role!r}; there are: {', '.join(ROLES)}")
        if column not in rows.columns:
            raise UsageError(f"{role}: no column {column!r}; there are: {', '.join(rows.columns)}")
    return rows.with_columns(**{role: rows[column] for role, column in given.items()})


def _rated(
    table: Table,
    facts: dict[str, Any],
    style: list[str],
    largest: bool,
    next_: int,
    level: float,
    seed: int,
    json: bool,
) -> None:
    from assay.measure.ratings.active import next_battles
    from assay.measure.ratings.battles import battles_of
    from assay.measure.ratings.bradley_terry import ELO_SCALE, fit
    from assay.measure.ratings.ranks import ranking

    battles = battles_of(table, style)
    if largest:
        battles = battles_of(_largest(table, battles, facts), style)
    found = fit(battles)
    models = len(battles.models)
    covariance = found.covariance[:models, :models]
    ranks = ranking(found.beta, covariance, level=level, seed=seed)
    chosen = next_battles(found.beta, found.information[:models, :models], next_)
    facts |= {
        "battles": len(battles.score),
        "clusters": None if battles.clusters is None else found.units,
        "models": _models(battles, found, ranks, level),
        "style": _style(style, found, level),
        "separated": ranks.separated,
        "adjacent_separated": ranks.adjacent,
        "kendall_tau": ranks.tau,
        "next": [
            {"model_a": battles.models[n.a], "model_b": battles.models[n.b]}
            | {"se": ELO_SCALE * n.before, "se_after": ELO_SCALE * n.after}
            for n in chosen
        ],
    }
    if json:
        print_json(facts)
    else:
        _print_ratings(facts)


def _largest(table: Table, battles: Battles, facts: dict[str, Any]) -> Table:
    """The battles within the largest group of models."""
    import polars as pl

    from assay.measure.ratings.battles import Table
    from assay.measure.ratings.connectivity import components

    groups = components(battles.a, battles.b, battles.score, len(battles.models))
    kept = [battles.models[m] for m in max(groups, key=len)]
    facts["not_rated"] = sorted(set(battles.models) - set(kept))
    rows = table.rows.filter(pl.col("model_a").is_in(kept) & pl.col("model_b").is_in(kept))
    if rows.is_empty():
        raise UsageError("no two models have finite distances: each has only won or only lost against each other one")
    return Table(rows, table.left_out)


def _models(battles: Battles, found: Strengths, ranks: Ranking, level: float) -> list[dict[str, Any]]:
    import numpy as np

    from assay.measure.intervals import t_around
    from assay.measure.ratings.bradley_terry import ELO_SCALE, elo

    models = len(battles.models)
    fought = np.bincount(battles.a, minlength=models) + np.bincount(battles.b, minlength=models)
    errors = np.sqrt(np.maximum(np.diag(found.covariance)[:models], 0.0))
    rows = []
    for m in np.argsort(ranks.rank):
        value, se = float(elo(found.beta)[m]), float(ELO_SCALE * errors[m])
        lower, upper = t_around(value, se, found.units - 1, level)
        rows.append(
            {
                "model": battles.models[m],
                "elo": value,
                "se": se,
                "lower": lower,
                "upper": upper,
                "beta": float(found.beta[m]),
                "battles": int(fought[m]),
                "rank": int(ranks.rank[m]),
                "rank_lower": int(ranks.lower[m]),
                "rank_upper": int(ranks.upper[m]),
                "p_top": float(ranks.top[m]),
                "expected_rank": float(ranks.expected[m]),
            }
        )
    return rows


def _style(names: list[str], found: Strengths, level: float) -> list[dict[str, Any]]:
    from assay.measure.intervals import t_around

    first = len(found.beta)
    rows = []
    for k, name in enumerate(names):
        se = float(found.covariance[first + k, first + k]) ** 0.5
        value = float(found.gamma[k])
        lower, upper = t_around(value, se, found.units - 1, level)
        rows.append({"feature": name, "log_odds": value, "se": se, "lower": lower, "upper": upper})
    return rows


def _print_ratings(facts: dict[str, Any]) -> None:
    from assay.report.numbers import confidence, counts, interval, number

    out = console()
    units = f" of {facts['clusters']:,} prompts" if facts["clusters"] else ""
    level = confidence(facts["level"])
    table = plain_table(
        f"Bradley-Terry, ties half, {facts['battles']:,} battles{units}; Elo 1000 is the average model",
        ["rank", "model", "Elo", level, "SE", "battles", f"rank {level}", "P(top-1)", "expected rank"],
        right=["rank", "Elo", "SE", "battles", "P(top-1)", "expected rank"],
    )
    for m in facts["models"]:
        table.add_row(
            str(m["rank"]),
            m["model"],
            f"{m['elo']:.1f}",
            f"[{m['lower']:.1f}, {m['upper']:.1f}]",
            f"{m['se']:.1f}",
            f"{m['battles']:,}",
            f"{m['rank_lower']}-{m['rank_upper']}",
            f"{m['p_top']:.3f}",
            f"{m['expected_rank']:.2f}",
        )
    out.print(table)
    print(
        f"of all pairs {100 * facts['separated']:.1f} % are separated, of neighbours "
        f"{100 * facts['adjacent_separated']:.1f} %; Kendall tau to a redraw {facts['kendall_tau']:.3f}. "
        "Ratings: sandwich errors, t, each alone; ranks: all at once (max-T)."
    )
    if facts["style"]:
        shown = plain_table("style, log-odds for one standard deviation", ["feature", "log-odds", level, "SE"])
        for s in facts["style"]:
            ends = interval(s["lower"], s["upper"], percent=False)
            shown.add_row(s["feature"], number(s["log_odds"], percent=False), ends, number(s["se"], percent=False))
        out.print(shown)
        print("Ratings are at equal style. A feature can also be an effect of quality: to control for it is a choice.")
    if facts["next"]:
        shown = plain_table("fight next, in this order", ["model", "against", "SE of distance (Elo)", "after"])
        for n in facts["next"]:
            shown.add_row(n["model_a"], n["model_b"], f"{n['se']:.2f}", f"{n['se_after']:.2f}")
        out.print(shown)
    if facts.get("not_rated"):
        print(f"note: not rated, no finite distance: {', '.join(facts['not_rated'])}", file=sys.stderr)
    if facts["left_out"]:
        print(f"note: left out: {counts(facts['left_out'])}", file=sys.stderr)


def _controlled(table: Table, facts: dict[str, Any], level: float, json: bool) -> None:
    import numpy as np

    from assay.measure.intervals import codes_of
    from assay.measure.ratings.battles import numbers, prompts_of
    from assay.measure.ratings.length_controlled import length_controlled

    rows = table.rows
    baselines = rows["model_b"].unique().to_list()
    if len(baselines) != 1:
        raise UsageError(f"length-controlled rates take one baseline as model_b in every row, not {len(baselines)}")
    if "prompt" not in rows.columns:
        raise UsageError("length-controlled rates take a column prompt: name it with --map prompt=COLUMN")
    difference: Floats = numbers(rows, "length_a") - numbers(rows, "length_b")
    names = np.unique(rows["model_a"].to_numpy().astype(str))
    found = length_controlled(
        codes_of(rows["model_a"].to_numpy().astype(str)),
        prompts_of(rows),
        rows["score"].to_numpy().astype(np.float64),
        difference,
        level=level,
    )
    facts["baseline"] = baselines[0]
    facts["models"] = [
        {"model": name, "n": each.n, "raw": each.raw._asdict(), "controlled": each.controlled._asdict()}
        | {"length_log_odds": each.length}
        for name, each in sorted(
            zip(names.tolist(), found, strict=True), key=lambda pair: -(pair[1].controlled[0] or 0)
        )
    ]
    if json:
        print_json(facts)
    else:
        _print_controlled(facts)


def _print_controlled(facts: dict[str, Any]) -> None:
    from assay.report.numbers import confidence, counts, interval, number

    level = confidence(facts["level"])
    table = plain_table(
        f"win rate against {facts['baseline']} (%)",
        ["model", "n", "at equal lengths", level, "SE", "as judged", f"{level} ", "length log-odds"],
        right=["n", "at equal lengths", "SE", "as judged", "length log-odds"],
    )
    for m in facts["models"]:
        c, r = m["controlled"], m["raw"]
        table.add_row(
            m["model"],
            str(m["n"]),
            number(c["value"], percent=True),
            interval(c["lower"], c["upper"], percent=True),
            number(c["se"], percent=True),
            number(r["value"], percent=True),
            interval(r["lower"], r["upper"], percent=True),
            f"{m['length_log_odds']:.2f}",
        )
    console().print(table)
    print("A rate at equal lengths rests on a logistic model of length; a long answer can be long because it is good.")
    if facts["left_out"]:
        print(f"note: left out: {counts(facts['left_out'])}", file=sys.stderr)
