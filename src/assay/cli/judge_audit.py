"""``assay judge-audit``: is a judge to be trusted?"""

from __future__ import annotations

import sys
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.common import Json, console, pairs, plain_table, print_json
from assay.errors import UsageError

if TYPE_CHECKING:
    import polars as pl
    from rich.table import Table

    from assay.measure.judge_audit import Audit
    from assay.measure.judge_labels import Labels, Plan
    from assay.records import Estimate

_OF_CRITERION = "criterion kappa"
_SHARES = frozenset(
    {
        *("answered", "accuracy", "right of all", "balanced accuracy", "first shown chosen", "swap consistency"),
        *("right in both orders", "repeatability", "pair agreement", "longer chosen, above people"),
        "own chosen, above people",
    }
)
"""Shown in percent; the rest are coefficients or means on the scale of the labels."""


def judge_audit(
    file: Annotated[Path, typer.Argument(help="Parquet, CSV or JSON Lines: one verdict a row.")],
    label: Annotated[str, typer.Option(help="The column of human labels (empty: not labelled).")],
    verdict: Annotated[str, typer.Option(help="The column of the judge's verdicts (empty: it gave none).")],
    columns: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="ROLE=COLUMN",
            help="Which column is what: item, judge, swapped, length_a, length_b, author, criterion, repeat ... "
            "(a column named after its role needs no --map; item=a,b joins two). Repeatable.",
        ),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN=PATTERN", help="Only rows whose value matches, such as set=*Natural. Repeatable."),
    ] = None,
    by: Annotated[str | None, typer.Option(metavar="COLUMN", help="Audit each value of this column apart.")] = None,
    by_place: Annotated[
        bool, typer.Option("--by-place", help="Verdicts on pairs name the place shown, not the candidate.")
    ] = False,
    level: Annotated[float, typer.Option(min=0.5, max=0.999, help="Confidence of the intervals.")] = 0.95,
    draws: Annotated[int, typer.Option(min=100, max=100_000, help="Bootstrap draws.")] = 2000,
    seed: Annotated[int, typer.Option(help="Of the bootstrap.")] = 0,
    strata: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Weigh the judge apart in each value of this column.")
    ] = None,
    paired: Annotated[
        str | None, typer.Option(metavar="A,B", help="Mean label of author A less that of B, on what both answered.")
    ] = None,
    label_price: Annotated[float | None, typer.Option(min=1e-9, help="Price of a human label.")] = None,
    judge_price: Annotated[float, typer.Option(min=0, help="Price of a verdict, in the same unit.")] = 0.0,
    next_: Annotated[int, typer.Option("--next", min=0, metavar="N", help="Draw N items to label next.")] = 0,
    uncertainty: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="How unsure the judge is (else the spread of its verdicts).")
    ] = None,
    probability: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="With which a labelled item was drawn, as --next printed it.")
    ] = None,
    json: Json = False,
) -> None:
    """Hold a judge's verdicts against human labels: agreement, biases, repeatability, and what it is worth.

    Agreement by accuracy, balanced accuracy, Cohen's kappa, Gwet's AC1 and CDR; bias by place, length and
    authorship; per-criterion kappa; and, where only some rows are labelled, the prediction-powered mean.
    Verdicts on pairs name the candidate, 1 or 2. docs/judges.md tells which column brings which number.

    \b
    assay judge-audit judgments.csv --label human --verdict winner --map item=question --map swapped=reversed
    """
    from assay.engine.rows import open_rows
    from assay.measure.judge_audit import audit
    from assay.measure.judge_labels import Plan

    rows = open_rows(file).collect()
    rows = _matching(rows, pairs(where, "--where"))
    roles = _roles(rows.columns, {"label": label, "verdict": verdict, **pairs(columns, "--map")}, by)
    parts: list[tuple[str | None, pl.DataFrame]] = [(None, rows)] if by is None else _parts(rows, by)
    more = {"stratum": strata, "uncertainty": uncertainty, "probability": probability}
    plan = Plan(_authors(paired), label_price, judge_price, next_, level, seed)
    worth = _worth(parts, roles, {role: column for role, column in more.items() if column}, plan, by_place)
    found = [
        (name, audit(_renamed(part, roles), by_place=by_place, level=level, draws=draws, seed=seed))
        for name, part in parts
    ]
    if json:
        facts = [_facts(n, a) | _facts_of_labels(worth[n]) for n, a in found]
        print_json({"file": str(file), "columns": roles, "seed": seed, "parts": facts})
        return
    for name, each in found:
        title = name and f"{by} = {name}"
        _describe(title, each)
        if (of_labels := worth[name]) is not None:
            describe_labels(title, of_labels)


def _authors(paired: str | None) -> tuple[str, str] | None:
    if paired is None:
        return None
    first, comma, second = paired.partition(",")
    if not (comma and first and second) or "," in second or first == second:
        raise UsageError(f"--paired takes two authors, A,B, not {paired!r}")
    return first, second


def _worth(
    parts: list[tuple[str | None, pl.DataFrame]],
    roles: dict[str, str],
    more: dict[str, str],
    plan: Plan,
    by_place: bool,
) -> dict[str | None, Labels | None]:
    """What few labels are worth in each part, where an option asks for it."""
    from assay.measure.judge_labels import labels_report

    if not (more or plan.paired or plan.label_price is not None or plan.next):
        return dict.fromkeys((name for name, _ in parts), None)
    for role, column in more.items():
        if column not in parts[0][1].columns:
            raise UsageError(f"--{role}: no column {column!r}; there are: {', '.join(parts[0][1].columns)}")
    return {name: labels_report(_renamed(part, roles | more), plan, by_place=by_place) for name, part in parts}


def _matching(rows: pl.DataFrame, patterns: dict[str, str]) -> pl.DataFrame:
    import polars as pl

    for column, pattern in patterns.items():
        if column not in rows.columns:
            raise UsageError(f"--where: no column {column!r}; there are: {', '.join(rows.columns)}")
        texts = rows[column].cast(pl.String)
        wanted = [text for text in texts.unique().drop_nulls() if fnmatchcase(text, pattern)]
        rows = rows.filter(texts.is_in(wanted))
        if rows.is_empty():
            raise UsageError(f"--where {column}={pattern}: no row is left")
    return rows


def _roles(names: list[str], given: dict[str, str], by: str | None) -> dict[str, str]:
    """Role -> column (or several, with commas), the given ones and those named after their role."""
    from assay.measure.judge_rows import COLUMNS

    unknown = sorted(set(given) - set(COLUMNS))
    if unknown:
        raise UsageError(f"--map: no role {unknown[0]!r}; there are: {', '.join(COLUMNS)}")
    roles = {name: name for name in COLUMNS if name in names} | given
    if "item" not in roles:
        roles |= next(({"item": name} for name in ("sample_id", "id") if name in names), {})
    for role, columns in roles.items():
        parts = columns.split(",")
        missing = [column for column in parts if column not in names]
        if missing:
            raise UsageError(f"{role}: no column {missing[0]!r}; there are: {', '.join(names)}")
        if len(parts) > 1 and role != "item":
            raise UsageError(f"{role} takes one column, not {columns!r}; only item may join several")
    if "item" not in roles:
        raise UsageError("which column says what was judged? Name it with --map item=COLUMN")
    if by is not None and by not in names:
        raise UsageError(f"--by: no column {by!r}; there are: {', '.join(names)}")
    return roles


def _renamed(rows: pl.DataFrame, roles: dict[str, str]) -> pl.DataFrame:
    import polars as pl

    def column(role: str, columns: str) -> pl.Expr:
        parts = columns.split(",")
        joined = pl.concat_str([pl.col(c).cast(pl.String) for c in parts], separator=" ")
        return (pl.col(parts[0]) if len(parts) == 1 else joined).alias(role)

    return rows.select([column(role, columns) for role, columns in roles.items()])


def _parts(rows: pl.DataFrame, by: str) -> list[tuple[str | None, pl.DataFrame]]:
    parts = {str(value): part for (value,), part in rows.group_by(by, maintain_order=True)}
    return [(name, parts[name]) for name in sorted(parts)]


def _facts(name: str | None, found: Audit) -> dict[str, Any]:
    return {"part": name, "estimates": found.estimates, "notes": found.notes}


def _facts_of_labels(found: Labels | None) -> dict[str, Any]:
    if found is None:
        return {}
    prices = [
        {"judge": judge, "labels": n, "others": more, "correlation": rho, **cost._asdict()}
        for judge, n, more, rho, cost in found.prices
    ]
    return {"labels": {"estimates": found.estimates, "prices": prices, "next": found.next, "notes": found.notes}}


def describe_labels(title: str | None, found: Labels) -> None:
    """Print what few labels are worth."""
    out = console()
    if found.estimates:
        groups = dict.fromkeys(estimate.group for estimate in found.estimates)
        for group in groups:
            heading = " · ".join(part for part in (title, group, "labels and verdicts together") if part)
            out.print(_table(heading, group, [e for e in found.estimates if e.group == group]))
    for judge, n, more, rho, cost in found.prices:
        best = (
            "do without the judge: it does not pay at any mix"
            if cost.best_ratio >= 1
            else f"at best {cost.best_verdicts:.3g} items judged for each one labelled, "
            f"at {100 * cost.best_ratio:.1f} % of the price of labels alone"
        )
        print(
            f"{judge}: {n} labels and {n + more} verdicts cost {cost.spent:.6g}; labels alone of the same precision "
            f"would cost {cost.labels_alone:.6g} (correlation {rho:.2f}); {best}"
        )
    if found.next:
        table = plain_table("label next (keep the probability)", ["item", "probability", "uncertainty"])
        for drawn in found.next:
            table.add_row(drawn.item, f"{drawn.probability:.6g}", f"{drawn.uncertainty:.4g}")
        out.print(table)
    for note in found.notes:
        print(f"note: {note}", file=sys.stderr)


def _describe(name: str | None, found: Audit) -> None:
    groups: dict[str | None, list[Estimate]] = {}
    for estimate in found.estimates:
        whole = estimate.group
        if whole is not None and estimate.metric == _OF_CRITERION:
            whole = whole.partition(" · ")[0]  # criteria of one judge are lines of one table
        groups.setdefault(whole, []).append(estimate)
    out = console()
    for group, estimates in groups.items():
        out.print(_table(" · ".join(part for part in (name, group) if part) or None, group, estimates))
    for note in found.notes:
        print(f"note: {note}", file=sys.stderr)


def _table(title: str | None, group: str | None, estimates: list[Estimate]) -> Table:
    from assay.report.numbers import confidence, counts, interval, number

    table = plain_table(
        title,
        ["", "value", "interval", "SE", "n", "items", "left out", "interval by"],
        right=["value", "interval", "SE", "n", "items"],
    )
    for estimate in estimates:
        percent = estimate.metric in _SHARES
        of = "" if estimate.group in (None, group) else f" of {str(estimate.group).rpartition(' · ')[2]}"
        table.add_row(
            estimate.metric + of,
            number(estimate.value, percent=percent) + (" %" if percent else ""),
            interval(estimate.lower, estimate.upper, percent=percent),
            number(estimate.se, percent=percent),
            str(estimate.n),
            str(estimate.samples),
            counts(estimate.excluded),
            f"{confidence(estimate.level)} {estimate.method}",
        )
    return table
