"""``assay resolution``: which models a suite can tell apart, where it is blind, and which of its items look wrong."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.common import Json, Mode, console, pairs, plain_table, print_json
from assay.errors import UsageError

if TYPE_CHECKING:
    import polars as pl

    from assay.measure.item_information import Frontier
    from assay.measure.matrix import Matrix
    from assay.measure.resolution import Report, Share

_WRITERS = {".parquet": "write_parquet", ".csv": "write_csv", ".jsonl": "write_ndjson"}


def resolution(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUNS...", help="Run folders, folders of runs, or one table (.parquet, .csv, .jsonl, .npz)."
        ),
    ],
    mode: Mode = None,
    tag: Annotated[
        str | None,
        typer.Option(help="Metadata key, or column of a table, to report parts of the suite by."),
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="ROLE=COLUMN",
            help="Which column of a table is the model, item, score, answer or cluster. Repeatable.",
        ),
    ] = None,
    top: Annotated[int, typer.Option(min=0, help="How many suspected items to print.")] = 20,
    items: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the table of all items (.parquet, .csv or .jsonl).")
    ] = None,
    same_wrong: Annotated[
        float, typer.Option(min=0.05, max=1, help="Share of models on one wrong answer from which that is a flag.")
    ] = 0.5,
    trivial: Annotated[
        float, typer.Option(min=0.05, max=1, help="Mean score from which an item is suggested to be trimmed.")
    ] = 1.0,
    both_halves: Annotated[
        bool, typer.Option("--both-halves", help="Suspect only what two disjoint halves of the models flag.")
    ] = False,
    level: Annotated[float, typer.Option(min=0.5, max=0.999, help="Confidence of the intervals.")] = 0.95,
    draws: Annotated[int, typer.Option(min=100, max=100_000, help="Bootstrap draws.")] = 2000,
    seed: Annotated[int, typer.Option(help="Of the bootstrap.")] = 0,
    json: Json = False,
) -> None:
    """Say what a suite can tell: which models apart, how small a gap, up to which ability, by which items.

    Neighbours in the ranking that are told apart come first, reliability last: it is near 1 for any long test.
    Items are listed by suspicion of a wrong key, with the evidence; nothing is dropped. See docs/resolution.md.

    \b
    assay resolution runs/korbench --tag category
    assay resolution verdicts.parquet --top 50 --items items.csv
    """
    from assay.measure.irt.fit import fit
    from assay.measure.item_flags import item_table
    from assay.measure.resolution import FEWEST_MODELS, report

    if items is not None and items.suffix not in _WRITERS:
        raise UsageError(f"--items {items}: the file ends in {', '.join(_WRITERS)}")
    matrix = _matrix(runs, mode, tag, pairs(columns, "--map"))
    m = len(matrix.models)
    if m < 2:
        raise UsageError(f"one model ({', '.join(matrix.models)}): resolution takes two or more, and says more of ten")
    if both_halves and m < 4:
        raise UsageError(f"--both-halves takes four models or more, not {m}")
    scale = fit(matrix.x, matrix.attempts) if m >= FEWEST_MODELS else None
    found = report(matrix, scale, level=level, draws=draws, seed=seed)
    table = item_table(matrix, scale, same_wrong=same_wrong, trivial=trivial, both_halves=both_halves)
    if items is not None:
        _write(table, items)
    suspects = _suspects(table, top, both_halves)
    notes = found.notes + _cautions(matrix, scale is not None)
    if json:
        counts = dict(table.group_by("action").len().sort("action").iter_rows())
        facts = {"level": level, "draws": draws, "seed": seed, "notes": notes, "actions": counts}
        print_json({**facts, "report": found, "suspects": suspects.to_dicts()})
        return
    _describe(matrix, found, table, suspects)
    for note in notes:
        print(f"note: {note}", file=sys.stderr)


def _matrix(runs: list[Path], mode: str | None, tag: str | None, columns: dict[str, str]) -> Matrix:
    from assay.measure.matrix import load, of_table

    a_table = len(runs) == 1 and runs[0].is_file()
    if columns and not a_table:
        raise UsageError("--map names the columns of one table; runs need none")
    if not a_table:
        return load(runs, mode=mode, tag=tag, answers=True)
    matrix = of_table(runs[0], columns=columns | ({} if tag is None else {"tag": tag}))
    if tag is not None and matrix.tags is None:
        raise UsageError(f"--tag {tag}: {runs[0]} holds no labels of items")
    return matrix


def _suspects(table: pl.DataFrame, top: int, both_halves: bool) -> pl.DataFrame:
    import polars as pl

    some = table.filter(pl.col("confirmed")) if both_halves else table
    return some.sort("suspicion", "item", descending=[True, False]).head(top)


def _write(table: pl.DataFrame, path: Path) -> None:
    import polars as pl

    if path.suffix == ".csv":
        table = table.with_columns(pl.col("flags").list.join("; "))
    getattr(table, _WRITERS[path.suffix])(path)
    print(f"{table.height:,} items written to {path}", file=sys.stderr)


def _cautions(matrix: Matrix, fitted: bool) -> list[str]:
    m = len(matrix.models)
    notes = []
    if not fitted:
        notes.append(f"{m} models are too few to fit a scale of ability: no information, saturation and blind ranges")
    elif m < 20:
        notes.append(f"slopes and abilities are fitted on {m} models: take gaps over ability and saturation as rough")
    if matrix.answers is None:
        notes.append(
            "answers are not known: items are ranked by item-rest correlation alone, which finds fewer wrong keys"
        )
    if m < 20:
        notes.append(f"an item-rest correlation over {m} models has a standard error of about {1 / (m - 1) ** 0.5:.2f}")
    return notes


def _describe(matrix: Matrix, found: Report, table: pl.DataFrame, suspects: pl.DataFrame) -> None:
    out = console()
    _headline(matrix, found)
    _standings(found)
    if found.sights:
        _sights(found)
    if found.parts:
        _parts(found)
    _items(matrix, table, suspects)
    kr20 = found.resolution.kr20
    if kr20 is not None:
        out.print(
            f"KR-20 {kr20:.3f}: internal consistency, not resolution; it is near 1 for any long test of unequal models",
            markup=False,
        )


def _headline(matrix: Matrix, found: Report) -> None:
    from assay.report.numbers import count

    r, s, t = found.resolution, found.resolution.separability, found.resolution.stability
    over = "" if r.clusters is None else f", {count(r.clusters)} clusters by {matrix.cluster}"
    rows = [
        ("neighbours in the ranking told apart", _percent(s.adjacent), "", _of(s.adjacent)),
        ("... all of these claims at once", _percent(s.adjacent_jointly), "", _of(s.adjacent_jointly)),
        ("all pairs told apart", _percent(s.pairs), "", _of(s.pairs)),
        ("... all of these claims at once", _percent(s.pairs_jointly), "", _of(s.pairs_jointly)),
        (
            "smallest difference found with power 80 %",
            f"{100 * s.detectable:.2f} points",
            "",
            f"a typical pair of neighbours, SE {100 * s.typical_error:.2f}",
        ),
        (
            "Kendall τ, this ranking and a resampled one",
            f"{t.tau:.3f}",
            f"> {t.tau_lower:.3f}",
            f"{t.draws:,} replicates",
        ),
        ("... two suites of this size", f"{t.tau_between:.3f}", "", f"{t.draws // 2:,} pairs of replicates"),
        (
            f"... {t.short} random items and all of them",
            f"{t.tau_short:.3f}",
            f"> {t.tau_short_lower:.3f}",
            "random forms",
        ),
        ("dead items", _percent(r.dead), _ends(r.dead), f"{r.all_right:,} all right, {r.all_wrong:,} all wrong"),
        ("items that go against the rest", _percent(r.negative), _ends(r.negative), f"{_of(r.negative)} not dead"),
        *([] if found.frontier is None else _edge(found.frontier)),
    ]
    table = plain_table(
        f"{r.models} models on n = {count(r.items)} items that all were asked{over}",
        ["what", "value", "95 %", "of"],
        right=["value", "95 %"],
    )
    for row in rows:
        table.add_row(*row)
    console().print(table)


def _edge(edge: Frontier) -> list[tuple[str, str, str, str]]:
    from assay.report.numbers import interval, number

    blind = "beyond 6 SD" if edge.blind_above is None else f"{edge.blind_above:.1f} SD"
    return [
        (
            "saturation: information below the ablest model",
            number(edge.saturation, percent=True) + " %",
            interval(edge.saturation_lower, edge.saturation_upper, percent=True),
            f"{edge.model} at {edge.theta:.2f} ± {1.96 * edge.theta_se:.2f} SD",
        ),
        ("headroom", f"{100 * edge.headroom:.2f} points", "", "100 less the upper end of the best score"),
        ("effective items at its ability", f"{edge.effective_items:,.0f}", "", f"{edge.items:,} that are not dead"),
        ("blind above an ability of", blind, "", "where only gaps over 1 SD show"),
    ]


def _standings(found: Report) -> None:
    from rich.markup import escape

    from assay.report.numbers import NONE, confidence, interval, number

    level = confidence(found.resolution.separability.level)
    table = plain_table(
        f"Ranking; {level} intervals of scores and ranks hold for all models at once",
        ["model", "score, %", "interval", "rank", "expected", "P(first)", "told from the next"],
        right=["score, %", "interval", "rank", "expected", "P(first)"],
    )
    for one in found.resolution.standings:
        apart = one.separated_from_next
        table.add_row(
            escape(one.model),
            number(one.score, percent=True),
            interval(one.lower, one.upper, percent=True),
            f"{one.rank_lower}-{one.rank_upper}",
            f"{one.expected_rank:.1f}",
            f"{one.top:.3f}",
            NONE if apart is None else "yes" if apart else "no",
        )
    console().print(table)


def _sights(found: Report) -> None:
    table = plain_table(
        "Smallest gap separable at 95 %, over ability (fitted 2PL; 0 is the mean of these models, 1 their SD)",
        ["at", "ability", "expected score, %", "information", "gap, SD", "gap, points"],
        right=["ability", "expected score, %", "information", "gap, SD", "gap, points"],
    )
    for sight in found.sights:
        table.add_row(
            sight.where,
            f"{sight.theta:.2f}",
            f"{100 * sight.score:.2f}",
            f"{sight.information:,.0f}",
            f"{sight.gap:.2f}",
            f"{100 * sight.gap_points:.2f}",
        )
    console().print(table)


def _parts(found: Report) -> None:
    from rich.markup import escape

    right = ["items", "dead", "expected score, %", "gap, SD", "gap, points", "effective items", "information, %"]
    table = plain_table(
        "Parts of the suite at the ablest model's ability, the blindest first", ["part", *right, ""], right=right
    )
    for part in found.parts:
        table.add_row(
            escape(part.tag),
            f"{part.items:,}",
            f"{part.dead:,}",
            f"{100 * part.score:.2f}",
            f"{part.gap:.2f}",
            f"{100 * part.gap_points:.2f}",
            f"{part.effective_items:,.0f}",
            f"{100 * part.share:.1f}",
            "blind" if part.blind else "",
        )
    console().print(table)


def _items(matrix: Matrix, table: pl.DataFrame, suspects: pl.DataFrame) -> None:
    from rich.markup import escape

    from assay.report.numbers import NONE, count

    out = console()
    answered = "wrong_share" in table.columns
    by = "item-rest, plurality margin and distractor discrimination" if answered else "item-rest correlation alone"
    columns = ["item", *(["part"] if matrix.tags is not None else []), "models", "right, %", "item-rest"]
    columns += ["key", "wrong answer", "share, %", "margin", "distractor"] if answered else []
    columns.append("action")
    if suspects.height:
        shown = plain_table(
            f"Suspected wrong keys by {by} (ranks, the worst first): to be reviewed, never dropped unseen",
            columns,
            right=["models", "right, %", "item-rest", "share, %", "margin", "distractor"],
        )
        for row in suspects.iter_rows(named=True):
            cells = [escape(row["item"])]
            cells += [escape(row["tag"])] if matrix.tags is not None else []
            cells += [str(row["models"]), f"{100 * row['p_correct']:.0f}", _signed(row["item_rest"])]
            if answered:
                share = NONE if row["wrong_share"] is None else f"{100 * row['wrong_share']:.0f}"
                cells += [_short(row["key"]), _short(row["wrong_answer"]), share]
                cells += [_signed(row["plurality_margin"]), _signed(row["distractor_discrimination"])]
            shown.add_row(*cells, row["action"])
        out.print(shown)
    actions = table.group_by("action").len().sort("len", descending=True).iter_rows()
    bands = table.group_by("band", maintain_order=True).len().iter_rows()
    out.print(f"items: {', '.join(f'{count(n)} {action}' for action, n in actions)}", markup=False)
    out.print(f"difficulty: {', '.join(f'{count(n)} {band}' for band, n in bands)}", markup=False)


def _percent(share: Share) -> str:
    return f"{100 * share.value:.1f} %"


def _of(share: Share) -> str:
    return f"{share.count:,} of {share.n:,}"


def _ends(share: Share) -> str:
    from assay.report.numbers import interval

    return interval(share.lower, share.upper, percent=True)


def _signed(value: Any) -> str:
    from assay.report.numbers import NONE

    return NONE if value is None else f"{value:+.2f}"


def _short(text: str | None) -> str:
    """An answer on one line of a table, safe for the terminal: control characters are not printed."""
    from rich.markup import escape

    from assay.report.numbers import NONE

    if text is None:
        return NONE
    line = "".join(c if c.isprintable() else " " for c in text)
    return escape(line if len(line) <= 24 else line[:23] + "…")
