"""Is a judge to be trusted? Its verdicts beside human labels, with an interval on every number.

``audit`` takes a frame with one row a verdict. Columns, of which the first three are needed:

| column | what |
| --- | --- |
| ``item`` | what was judged; rows of one item are not independent |
| ``label`` | the human label; null where nobody labelled |
| ``verdict`` | the judge's; null where it gave none |
| ``judge`` | its name, where there are several |
| ``cluster`` | items that share a source; else each item is its own |
| ``label2`` | a second human label, for the ceiling |
| ``criterion`` | of a rubric |
| ``repeat`` | number of the repetition of the same question |
| ``swapped`` | pairs: whether candidate 2 was shown first |
| ``length_a``, ``length_b`` | pairs: lengths of the candidates; ``length`` for single answers |
| ``author_a``, ``author_b`` | pairs: who wrote them; ``author`` for single answers |
| ``task``, ``weight`` | single answers to the same task are compared with each other, by weighted mean of labels |

Pairs are known by ``swapped``, ``length_a`` or ``author_a``. Their labels and verdicts name the *candidate* (1 or 2, a
or b, or ``tie``), never the place in which it was shown. A number that needs a column which is not there is not
reported. The invariant: a missing verdict is in no rate but ``answered`` and ``right of all``, and counted in all.

Sources: Gwet (2008) for AC1; XpertBench (arXiv 2604.02368) for CDR, agreement less disagreement.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import polars as pl

from assay.measure.bootstrap import Statistic, bootstrap
from assay.measure.intervals import Floats, codes_of
from assay.measure.judge_agreement import balanced_accuracy, cohen_kappa, gwet_ac1, macro_f1
from assay.measure.judge_bias import coefficients, length, leniency, position, self_preference
from assay.measure.judge_rows import (
    Part,
    categories_of,
    clusters_of,
    labelled_rows,
    mean_over,
    prepared,
    right_of,
    stretched,
    table_statistic,
    unit_of,
)
from assay.measure.prediction_powered import effective_interval, labels_alone, powered_mean
from assay.measure.summaries import no_value
from assay.records import Estimate

_MOST_CATEGORIES = 20
"""With more distinct values than this, labels are measurements and not categories: no kappa."""
_POOR_KAPPA = 0.4
"""Below it a criterion should be written anew."""


@dataclass
class Audit:
    """What an audit found."""

    estimates: list[Estimate] = field(default_factory=list)
    """One judge is one ``group``, or one judge and criterion."""
    notes: list[str] = field(default_factory=list)
    """What a reader of the numbers should know."""


def audit(
    frame: pl.DataFrame, *, by_place: bool = False, level: float = 0.95, draws: int = 2000, seed: int = 0
) -> Audit:
    """Hold a judge's verdicts against human labels, judge by judge.

    Args:
        frame: one row a verdict, with the columns named above.
        by_place: verdicts of pairs name the place (1 or a: shown first) and not the candidate.
        level: confidence of the intervals.
        draws: bootstrap replicates.
        seed: of bootstrap and cross-fitting.

    Raises ``UsageError`` where a column is missing or holds what it cannot.
    """
    found = Audit()
    pairs = bool({"swapped", "length_a", "author_a"} & set(frame.columns))
    rows = prepared(frame, pairs, by_place=by_place)
    judges = rows["judge"].unique().sort().to_list()
    for judge in judges:
        mine = rows.filter(pl.col("judge") == judge)
        part = Part(mine, pairs, judge or None, level, draws, seed)
        estimates = list(_of_one_judge(part))
        found.estimates += estimates
        found.notes += _notes(part, estimates)
    found.estimates += _ceiling(rows, pairs, level, draws, seed)
    if len(judges) > 1:
        found.estimates += _jury(rows, judges, level, draws, seed)
    return found


def _of_one_judge(part: Part) -> Iterator[Estimate]:
    yield from _agreement(part)
    yield from _criteria(part)
    yield from position(part) if part.pairs else leniency(part)
    yield from length(part)
    yield from self_preference(part)
    yield from coefficients(part)
    yield from _repeatability(part)
    yield from _pairs_of_responses(part)
    yield from _prediction_powered(part)


def _agreement(part: Part) -> Iterator[Estimate]:
    answered = part.rows["verdict"].is_not_null().to_numpy().astype(np.float64)
    yield part.share("answered", answered, part.rows, {})
    labelled = part.rows.filter(pl.col("label").is_not_null())
    if labelled.is_empty():
        return
    both, excluded = labelled_rows(part)
    if both.is_empty():
        yield part.estimate("accuracy", no_value("no row has label and verdict"), both, excluded)
        return
    if categories_of(labelled) > _MOST_CATEGORIES:
        return
    right = right_of(both)
    yield part.share("accuracy", right, both, excluded)
    of_all = labelled.select((pl.col("label") == pl.col("verdict")).fill_null(False)).to_series()
    missing = {"no label": excluded["no label"]}
    yield part.share("right of all", of_all.to_numpy().astype(np.float64), labelled, missing)
    for name, statistic in _TABLE_STATISTICS.items():
        yield part.estimate(name, table_statistic(part, both, statistic), both, excluded)
    settled = both.filter((pl.col("label") != 0) & (pl.col("verdict") != 0)) if part.pairs else both
    if not settled.is_empty():
        summary = stretched(mean_over(right_of(settled), settled, part.level))
        yield part.estimate("CDR", summary, settled, excluded | {"tie": both.height - settled.height})


_TABLE_STATISTICS: dict[str, Statistic] = {
    "balanced accuracy": balanced_accuracy,
    "macro F1": macro_f1,
    "Cohen kappa": cohen_kappa,
    "Gwet AC1": gwet_ac1,
}


def _criteria(part: Part) -> Iterator[Estimate]:
    if "criterion" not in part.rows.columns:
        return
    for criterion in part.rows["criterion"].drop_nulls().unique().sort().to_list():
        rows = part.rows.filter(pl.col("criterion") == criterion)
        group = f"{part.group} · {criterion}" if part.group else str(criterion)
        one = Part(rows, part.pairs, group, part.level, part.draws, part.seed)
        both, excluded = labelled_rows(one)
        summary = table_statistic(one, both, cohen_kappa) if both.height else no_value("no row has label and verdict")
        yield one.estimate("criterion kappa", summary, both, excluded)


def _ceiling(rows: pl.DataFrame, pairs: bool, level: float, draws: int, seed: int) -> Iterator[Estimate]:
    """Agreement of two humans on the same items: what a judge can be asked for."""
    if "label2" not in rows.columns:
        return
    keys = [c for c in ("item", "criterion") if c in rows.columns]
    people = rows.unique(keys, keep="first", maintain_order=True).with_columns(verdict="label2")
    both = people.filter(pl.col("label").is_not_null() & pl.col("verdict").is_not_null())
    if both.is_empty() or categories_of(both) > _MOST_CATEGORIES:
        return
    part = Part(both, pairs, "human and human", level, draws, seed)
    excluded = {"not labelled twice": people.height - both.height}
    yield part.share("accuracy", right_of(both), both, excluded)
    for name in ("Cohen kappa", "Gwet AC1"):
        yield part.estimate(name, table_statistic(part, both, _TABLE_STATISTICS[name]), both, excluded)


def _jury(rows: pl.DataFrame, judges: list[str], level: float, draws: int, seed: int) -> Iterator[Estimate]:
    """How much the judges err together: k judges whose errors correlate by r are worth k / (1 + (k-1) r)."""
    keys = [c for c in ("item", "swapped", "criterion", "repeat") if c in rows.columns]
    usable = rows.filter(pl.col("label").is_not_null() & pl.col("verdict").is_not_null())
    usable = usable.with_columns(
        wrong=(pl.col("label") != pl.col("verdict")).cast(pl.Float64),
        judge=pl.lit("judge ") + pl.col("judge"),  # else a judge called "item" would be that column
    )
    if usable.select([*keys, "judge"]).is_duplicated().any():
        return
    wide = usable.pivot(on="judge", index=[*keys, "cluster"], values="wrong")
    names = [f"judge {judge}" for judge in judges]
    if not set(names) <= set(wide.columns):
        return
    complete = wide.drop_nulls(names)
    if complete.height < 2:
        return
    errors = complete.select(names).to_numpy()
    codes = codes_of(complete["cluster"].to_numpy())
    moments = np.concatenate([np.ones((len(errors), 1)), errors, _products(errors)], axis=1)
    sums = np.zeros((int(codes.max()) + 1, moments.shape[1]))
    np.add.at(sums, codes, moments)
    part = Part(complete, False, "jury of " + ", ".join(judges), level, draws, seed)
    excluded = {"not judged by all": wide.height - complete.height}
    for name, function in (("error correlation", _correlation), ("effective votes", _effective_votes)):
        statistic = partial(function, judges=len(judges))
        summary = bootstrap(sums, statistic, level=level, draws=draws, seed=seed, units=unit_of(complete))
        yield part.estimate(name, summary, complete, excluded)


def _products(errors: Floats) -> Floats:
    rows, columns = np.triu_indices(errors.shape[1], 1)
    return errors[:, rows] * errors[:, columns]


def _correlation(sums: Floats, judges: int) -> Floats:
    """Mean correlation of the errors of two judges, from sums of (1, errors, products of errors)."""
    n = sums[:, :1]
    means, joint = sums[:, 1 : judges + 1] / n, sums[:, judges + 1 :] / n
    one, other = np.triu_indices(judges, 1)
    spread = np.sqrt(means * (1 - means))
    with np.errstate(invalid="ignore", divide="ignore"):
        r = (joint - means[:, one] * means[:, other]) / (spread[:, one] * spread[:, other])
    return np.asarray(r.mean(-1))


def _effective_votes(sums: Floats, judges: int) -> Floats:
    with np.errstate(divide="ignore"):
        return judges / (1 + (judges - 1) * _correlation(sums, judges))


def _repeatability(part: Part) -> Iterator[Estimate]:
    """Chance that two verdicts on the very same question agree."""
    if "repeat" not in part.rows.columns:
        return
    keys = [c for c in ("item", "cluster", "swapped", "criterion") if c in part.rows.columns]
    answered = part.rows.filter(pl.col("verdict").is_not_null())
    counts = answered.group_by([*keys, "verdict"]).len().with_columns(pl.col("len").cast(pl.Int64))
    alike = counts.group_by(keys, maintain_order=False).agg(
        (pl.col("len") * (pl.col("len") - 1)).sum().alias("agreeing"), pl.col("len").sum().alias("n")
    )
    repeated = alike.filter(pl.col("n") > 1).sort(keys)
    excluded = {"answered once": alike.height - repeated.height}
    if repeated.is_empty():
        return
    share = repeated.select(pl.col("agreeing") / (pl.col("n") * (pl.col("n") - 1))).to_series().to_numpy()
    yield part.share("repeatability", share, repeated, excluded)


def _pairs_of_responses(part: Part) -> Iterator[Estimate]:
    """Of two responses to one task: does the judge prefer the one that people prefer? Ties of either are left out."""
    if "task" not in part.rows.columns or part.pairs or part.rows["verdict"].dtype == pl.String:
        return
    rows = part.rows.filter(pl.any_horizontal(pl.col("label", "verdict").is_null()).any().over("task", "item").not_())
    weight = pl.col("weight") if "weight" in rows.columns else pl.lit(1.0)
    scores = rows.group_by("task", "item", maintain_order=True).agg(
        *((pl.col(c) * weight).sum() / weight.sum() for c in ("label", "verdict"))
    )
    numbered = scores.with_row_index("number")
    pairs = numbered.join(numbered, on="task", suffix="_b").filter(pl.col("number") < pl.col("number_b"))
    signs = pairs.select(
        "task",
        item=pl.concat_str("item", "item_b", separator=" "),
        cluster=pl.col("task").cast(pl.String),
        people=_sign(pl.col("label") - pl.col("label_b")),
        judge=_sign(pl.col("verdict") - pl.col("verdict_b")),
    )
    decided = signs.filter((pl.col("people") != 0) & (pl.col("judge") != 0))
    if decided.is_empty():
        return
    same = (decided["people"] == decided["judge"]).to_numpy().astype(np.float64)
    excluded = {"tie": signs.height - decided.height}
    yield part.share("pair agreement", same, decided, excluded)
    yield part.estimate("pair CDR", stretched(mean_over(same, decided, part.level)), decided, excluded)


def _sign(difference: pl.Expr) -> pl.Expr:
    return pl.when(difference.abs() < 1e-9).then(0.0).otherwise(difference.sign())


def _prediction_powered(part: Part) -> Iterator[Estimate]:
    """The mean human label of all items, where people labelled some and the judge all."""
    if part.rows["label"].null_count() == 0 or part.rows["label"].dtype == pl.String:
        return
    judged = part.rows.filter(pl.col("verdict").is_not_null())
    if part.pairs:
        judged = judged.with_columns((pl.col("label", "verdict") + 1) / 2)
    items = judged.group_by("item", maintain_order=True).agg(
        pl.col("label", "verdict").mean(), pl.col("cluster").first()
    )
    known = items.filter(pl.col("label").is_not_null())
    rest = items.filter(pl.col("label").is_null())
    if known.is_empty():
        return
    labels, verdicts, more = (s.to_numpy() for s in (known["label"], known["verdict"], rest["verdict"]))
    shared = clusters_of(known), clusters_of(pl.concat([known, rest]))
    what = "win rate of candidate 1" if part.pairs else "mean label"
    excluded = {"judge_failed": part.rows.height - judged.height}
    yield part.estimate(f"{what}, labels alone", labels_alone(labels, part.level, shared[0]), known, excluded)
    powered = powered_mean(labels, verdicts, more, level=part.level, seed=part.seed, clusters=shared[1])
    if powered is None:
        return
    yield part.estimate(f"{what}, prediction-powered", powered.mean, items, excluded)
    worth = effective_interval(labels, verdicts, len(more), level=part.level)
    yield part.estimate("effective labels", worth, known, excluded)


def _notes(part: Part, estimates: list[Estimate]) -> Iterator[str]:
    name = part.group or "the judge"
    failed = part.rows["verdict"].null_count()
    if failed:
        rest = "they are left out of every rate but `answered` and `right of all`"
        yield f"{name} gave no verdict on {failed} of {part.rows.height} rows: {rest}"
    if not part.pairs and (values := categories_of(part.rows)) > _MOST_CATEGORIES:
        yield f"{name}: labels and verdicts take {values} values and are read as measurements: no rates of agreement"
    if "swapped" in part.rows.columns:
        swapped = part.rows["swapped"].mean()
        if isinstance(swapped, float) and abs(swapped - 0.5) > 0.02:
            mixed = "not half: a place that is preferred and a candidate that is better look alike"
            yield f"{name}: {100 * swapped:.0f} % of rows are swapped, {mixed}"
    kappas = [e for e in estimates if e.metric == "criterion kappa"]
    poor = [str(e.group).rpartition(" · ")[2] for e in kappas if e.value is not None and e.value < _POOR_KAPPA]
    if poor:
        yield f"{name}: kappa below {_POOR_KAPPA} on {len(poor)} criteria ({', '.join(poor[:10])}): write them anew"
