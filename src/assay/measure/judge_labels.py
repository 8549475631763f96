"""Few human labels beside many verdicts of a judge: estimates, their price, and which items to label next.

Takes the rows of a judge audit (``judge_audit``) with these further columns, each of which may be missing:

| column | what |
| --- | --- |
| ``stratum`` | a kind of item; the judge is weighed in each by what it is worth there |
| ``probability`` | with which a labelled item was drawn for labelling |
| ``uncertainty`` | of the judge about the item; else its verdicts on one item are taken for their spread |

The invariant: an estimate names the way in which its labels must have been drawn, and is not made of others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from assay.errors import UsageError
from assay.measure.active_labels import active_mean, draw, label_probabilities
from assay.measure.intervals import Floats, codes_of
from assay.measure.judge_rows import Part, clusters_of, prepared
from assay.measure.label_prices import Price, price
from assay.measure.prediction_powered import (
    Powered,
    effective_interval,
    labels_alone,
    powered_difference,
    rogan_gladen,
    stratified_mean,
)
from assay.measure.summaries import Summary, no_value
from assay.records import Estimate


@dataclass(frozen=True)
class Plan:
    """What to ask for, besides the estimates that the columns allow."""

    paired: tuple[str, str] | None = None
    """Two authors to compare on the tasks (else items) that both have responses to."""
    label_price: float | None = None
    verdict_price: float = 0.0
    next: int = 0
    """Items to draw for labelling."""
    level: float = 0.95
    seed: int = 0


@dataclass(frozen=True)
class Drawn:
    """An item to label, and what must be kept with its label."""

    item: str
    probability: float
    uncertainty: float


@dataclass
class Labels:
    """What the labels are worth."""

    estimates: list[Estimate] = field(default_factory=list)
    prices: list[tuple[str, int, int, float, Price]] = field(default_factory=list)
    """Judge, labelled items, others, correlation, price."""
    next: list[Drawn] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def labels_report(frame: pl.DataFrame, plan: Plan, *, by_place: bool = False) -> Labels:
    """Estimates from labels and verdicts together, judge by judge. Raises ``UsageError``."""
    pairs = bool({"swapped", "length_a", "author_a"} & set(frame.columns))
    rows = prepared(frame, pairs, by_place=by_place)
    for column in ("label", "verdict"):
        if rows[column].dtype == pl.String:
            raise UsageError("labels and verdicts are words: a mean takes numbers, or candidates of pairs")
    if pairs:
        rows = rows.with_columns((pl.col("label", "verdict") + 1) / 2)
    for column in ("probability", "uncertainty"):
        if column in rows.columns:
            rows = rows.with_columns(_numbers(rows[column], column))
    found = Labels()
    for judge in rows["judge"].unique().sort().to_list():
        mine = rows.filter(pl.col("judge") == judge)
        part = Part(mine, pairs, judge or None, plan.level, 0, plan.seed)
        _of_one_judge(part, plan, found)
    if plan.next:
        found.next = _next(rows, plan)
    return found


def _of_one_judge(part: Part, plan: Plan, found: Labels) -> None:
    items = _items(part.rows.filter(pl.col("verdict").is_not_null()))
    excluded = {"judge_failed": part.rows.height - part.rows["verdict"].count()}
    known, rest = items.filter(pl.col("label").is_not_null()), items.filter(pl.col("label").is_null())
    what = "win rate of candidate 1" if part.pairs else "mean label"
    for name, summary in _means(part, items, known, rest):
        found.estimates.append(part.estimate(f"{what}, {name}", summary, items, excluded))
        if summary.method.endswith("UNSTABLE"):
            found.notes.append(f"{part.group or 'the judge'}: Rogan-Gladen is unstable here, do not go by it")
    if "probability" in items.columns and not known.is_empty():
        name = part.group or "the judge"
        found.notes.append(
            f"{name}: labels were drawn with probabilities, so that only `actively labelled` is unbiased"
        )
    if plan.paired is not None:
        found.estimates += _difference(part, plan.paired)
    if plan.label_price is not None and known.height >= 10:
        labels, verdicts = (known[c].to_numpy() for c in ("label", "verdict"))
        if labels.std() and verdicts.std():
            rho = float(np.corrcoef(labels, verdicts)[0, 1])
            cost = price(known.height, rest.height, rho, label=plan.label_price, verdict=plan.verdict_price)
            found.prices.append((part.group or "judge", known.height, rest.height, rho, cost))


def _means(part: Part, items: pl.DataFrame, known: pl.DataFrame, rest: pl.DataFrame) -> Iterator[tuple[str, Summary]]:
    """Every estimate that the columns allow, with its name."""
    if known.is_empty() or rest.is_empty():
        return
    labels, verdicts, more = (s.to_numpy() for s in (known["label"], known["verdict"], rest["verdict"]))
    if "stratum" in items.columns:
        codes = codes_of(pl.concat([known, rest])["stratum"].cast(pl.String).fill_null("").to_numpy().astype(str))
        strata, others = codes[: known.height], codes[known.height :]
        powered = stratified_mean(labels, verdicts, more, strata, others, level=part.level, seed=part.seed)
        if clusters_of(items) is not None:
            yield "stratified", no_value("items come in clusters, which strata do not allow for")
        elif powered is None:
            yield "stratified", no_value("a stratum has fewer than ten labels")
        else:
            yield "stratified", powered.mean
            worth = Summary(powered.effective, None, None, None, None, "labels alone of the same standard error")
            yield "stratified, effective labels", worth
    if "probability" in items.columns:
        yield "actively labelled", _active(part, items)
    if all(set(np.unique(x)) <= {0.0, 1.0} for x in (labels, verdicts, more)):
        yield "Rogan-Gladen (a check)", rogan_gladen(labels, verdicts, more, level=part.level)


def _active(part: Part, items: pl.DataFrame) -> Summary:
    drawn = items["label"].is_not_null().to_numpy()
    chances = items["probability"].to_numpy()
    if not (np.isfinite(chances[drawn]).all() and ((chances[drawn] > 0) & (chances[drawn] <= 1)).all()):
        raise UsageError("every labelled item needs the probability, in (0, 1], with which it was drawn")
    labels = items["label"].fill_null(0.0).to_numpy()
    return active_mean(
        labels,
        items["verdict"].to_numpy(),
        drawn,
        np.where(drawn, chances, 1.0),
        level=part.level,
        seed=part.seed,
        clusters=clusters_of(items),
    )


def _items(rows: pl.DataFrame) -> pl.DataFrame:
    """One row an item: mean label and verdict, and the first of what does not vary within it."""
    first = [c for c in ("cluster", "stratum", "probability") if c in rows.columns]
    items = rows.group_by("item", maintain_order=True).agg(
        pl.col("label", "verdict").mean(), *(pl.col(c).drop_nulls().first() for c in first)
    )
    return items.with_columns(pl.col("probability").fill_null(np.nan)) if "probability" in first else items


def _difference(part: Part, authors: tuple[str, str]) -> Iterator[Estimate]:
    """The mean label of one author less that of another, over what both responded to."""
    if part.pairs or "author" not in part.rows.columns:
        raise UsageError("two authors are compared on single answers with a column author: --map author=COLUMN")
    key = "task" if "task" in part.rows.columns else "item"
    sides = []
    for author in authors:
        rows = part.rows.filter((pl.col("author").cast(pl.String) == author) & pl.col("verdict").is_not_null())
        if rows.is_empty():
            raise UsageError(f"no verdict on an answer of {author!r}")
        sides.append(rows.group_by(pl.col(key).cast(pl.String)).agg(pl.col("label", "verdict").mean()))
    both = sides[0].join(sides[1], on=key, suffix="_b").sort(key).with_columns(item=pl.col(key))
    known = both.filter(pl.col("label").is_not_null() & pl.col("label_b").is_not_null())
    rest = both.filter(pl.col("label").is_null() | pl.col("label_b").is_null())
    excluded = {"one author only": sides[0].height + sides[1].height - 2 * both.height}
    name = f"{authors[0]} - {authors[1]}"
    if known.is_empty():
        yield part.estimate(f"{name}, labels alone", no_value(f"no {key} has labels of both"), both, excluded)
        return
    labels, verdicts = _columns(known, "label"), _columns(known, "verdict")
    alone = labels_alone(labels[0] - labels[1], part.level)
    yield part.estimate(f"{name}, labels alone", alone, known, excluded)
    powered: Powered | None = powered_difference(
        labels, verdicts, _columns(rest, "verdict"), level=part.level, seed=part.seed
    )
    if powered is not None:
        yield part.estimate(f"{name}, prediction-powered", powered.mean, both, excluded)
        gained = labels[0] - labels[1], verdicts[0] - verdicts[1]
        worth = effective_interval(*gained, rest.height, level=part.level)
        yield part.estimate(f"{name}, effective labels", worth, known, excluded)


def _columns(rows: pl.DataFrame, name: str) -> tuple[Floats, Floats]:
    return rows[name].to_numpy(), rows[f"{name}_b"].to_numpy()


def _next(rows: pl.DataFrame, plan: Plan) -> list[Drawn]:
    """Items without a label, drawn with probabilities that grow with the judge's uncertainty."""
    given = "uncertainty" in rows.columns
    items = rows.group_by("item", maintain_order=True).agg(
        (pl.col("uncertainty").mean() if given else pl.col("verdict").var(ddof=0)).fill_null(0.0).alias("u"),
        pl.col("verdict").count().alias("n"),
        labelled=pl.col("label").is_not_null().any(),
    )
    if not given:  # few verdicts that agree are no certainty: each item's variance counts beside the mean one
        items = items.with_columns(u=((pl.col("n") * pl.col("u") + pl.col("u").mean()) / (pl.col("n") + 1)).sqrt())
    open_ = items.filter(~pl.col("labelled"))
    if open_.height < plan.next:
        raise UsageError(f"--next {plan.next}: only {open_.height} items have no label")
    uncertainty = open_["u"].to_numpy()
    if (uncertainty < 0).any():
        raise UsageError("an uncertainty is below 0")
    if not given and not uncertainty.any():
        raise UsageError(
            "nothing says of which items the judge is unsure: give --uncertainty COLUMN, "
            "or several verdicts an item (repeats, orders, judges)"
        )
    chances = label_probabilities(uncertainty, plan.next)
    return [
        Drawn(open_["item"][i], float(chances[i]), float(uncertainty[i])) for i in draw(chances, plan.seed).tolist()
    ]


def _numbers(column: pl.Series, name: str) -> pl.Series:
    found = column.cast(pl.Float64, strict=False)
    if found.null_count() > column.cast(pl.String).replace("", None).null_count():
        raise UsageError(f"column for {name} holds something that is no number")
    return found.alias(name)
