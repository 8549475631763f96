"""The report of one run, of several side by side, or of two compared: which numbers, in which order.

Everything shown was computed elsewhere and comes in as records; this module lays it out. The invariant:
no score stands without its n, its interval and how that was made, and the last section says what would
be needed to obtain the numbers again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import sqrt
from typing import TYPE_CHECKING, Any

import msgspec

from assay.measure.power import detectable_with
from assay.records import Estimate, Outcome, RunManifest
from assay.report import figures
from assay.report.numbers import NONE, confidence, count, counts, interval, number, p_value, shares
from assay.report.sections import Block, Column, Figure, Heading, Paragraph, Section, Table, Transcript

if TYPE_CHECKING:
    import polars as pl

    from assay.measure.paired import Comparison

_ROWS_DRAWN = 60
"""A forest of more rows than this is a table only."""


class ReportedRun(msgspec.Struct, frozen=True):
    """One run with the numbers to report on it."""

    manifest: RunManifest
    mode: str
    """The scorer mode of these estimates, which need not be the manifest's."""
    estimates: Sequence[Estimate]
    outcomes: Mapping[str, int]
    """Attempts by outcome."""
    curves: Mapping[tuple[str, str], Sequence[Estimate]] = {}
    """(``auc`` metric, what it runs along) -> its mean at each level, as ``Estimate.group``."""
    responses: pl.DataFrame | None = None
    """One row a model call, as the store's ``responses``: ``seconds``, ``input_tokens``, ``output_tokens``."""


def run_sections(
    runs: Sequence[ReportedRun],
    comparisons: Sequence[Comparison] = (),
    transcripts: Sequence[Transcript] = (),
    *,
    sides: tuple[str, str] | None = None,
    not_compared: Sequence[str] = (),
) -> list[Section]:
    """The sections of a report.

    ``comparisons`` are of ``sides``, by default the first run with the second, and ``not_compared`` says why
    further metrics are not among them; ``transcripts`` are shown word for word.
    """
    named = dict(zip(labels(runs), runs, strict=True))
    sections = [
        Section("What was run", tuple(_what_was_run(named))),
        Section("Scores", tuple(_scores({name: run.estimates for name, run in named.items()}))),
    ]
    if curves := list(_curves(named)):
        sections.append(Section("Scores by level", tuple(curves)))
    if comparisons:
        first, second, *_ = sides or tuple(named)
        sections.append(Section("Comparison", tuple(_comparison(comparisons, not_compared, first, second))))
    sections.append(Section("What became of the attempts", tuple(_outcomes(named))))
    if costs := list(_costs(named)):
        sections.append(Section("Time and tokens", tuple(costs)))
    if transcripts:
        sections.append(Section("Transcripts", tuple(transcripts)))
    sections.append(Section("Provenance", (_provenance(named),)))
    return sections


def labels(runs: Sequence[ReportedRun]) -> list[str]:
    """A name for each run, no longer than needed: the model, and what of task, mode and run id tells them apart."""
    names = [run.manifest.model.name for run in runs]
    parts: tuple[Callable[[ReportedRun], str], ...] = (
        lambda run: run.manifest.task.name,
        lambda run: run.mode,
        lambda run: run.manifest.run_id,
    )
    for part in parts:
        longer = [f"{name} · {part(run)}" for name, run in zip(names, runs, strict=True)]
        if len(set(longer)) > len(set(names)):
            names = longer
    if len(set(names)) < len(names):
        names = [f"{name} · {n}" for n, name in enumerate(names, 1)]
    return names


def _what_was_run(named: Mapping[str, ReportedRun]) -> Iterable[Block]:
    yield Table(
        (
            *(Column(name) for name in ("run", "task", "version", "mode", "created", "status")),
            *(Column(name, numeric=True) for name in ("epochs", "attempts", "planned")),
        ),
        tuple(
            (
                name,
                run.manifest.task.name,
                run.manifest.task.version,
                run.mode,
                run.manifest.created,
                run.manifest.status if run.manifest.sealed else f"{run.manifest.status}, not sealed",
                count(run.manifest.epochs),
                count(sum(run.outcomes.values())),
                count(run.manifest.planned),
            )
            for name, run in named.items()
        ),
    )
    for name, run in named.items():
        if run.manifest.status != "complete" or not run.manifest.sealed:
            yield Paragraph(f"{name} is not complete: its numbers are of what is there so far.")
        if run.manifest.limit is not None:
            yield Paragraph(f"{name} was limited to the first {count(run.manifest.limit)} samples.")
    notes = [note for run in named.values() if run.manifest.task.dataset for note in run.manifest.task.dataset.notes]
    yield from (Paragraph(f"Note: {note}") for note in dict.fromkeys(notes))


def _scores(estimates: Mapping[str, Sequence[Estimate]]) -> Iterable[Block]:
    yield from _score_blocks({run: [e for e in found if e.group is None] for run, found in estimates.items()}, "score")
    yield from _blind(estimates)
    grouped = dict.fromkeys(e.metric for found in estimates.values() for e in found if e.group is not None)
    for metric in grouped:
        yield Heading(metric)
        own = {
            run: [e for e in found if e.metric == metric and e.group is not None] for run, found in estimates.items()
        }
        yield from _score_blocks(own, metric)


def _blind(estimates: Mapping[str, Sequence[Estimate]]) -> Iterable[Block]:
    """How small a difference from another run would go unseen, for each run's first score."""
    for run, found in estimates.items():
        first = next((e for e in found if e.group is None and e.se), None)
        if first is not None and first.se is not None:
            percent = shares([first])
            least = detectable_with(sqrt(2) * first.se, alpha=1 - first.level)
            text = f"{number(least, percent=percent)}{' points' if percent else ''}"
            yield Paragraph(
                f"Against {run}, another run of as many samples has to differ by {text} in {first.metric} to be told "
                "apart (power 80 %) if the two are unrelated; paired on the same samples, less, often much less."
            )


def _score_blocks(estimates: Mapping[str, Sequence[Estimate]], what: str) -> Iterable[Block]:
    """Figures, one for shares and one for other scales, and the table of all."""
    every = [e for found in estimates.values() for e in found]
    if not every:
        return
    for percent in (True, False):
        drawn = {
            run: [e for e in found if e.value is not None and shares([e]) is percent]
            for run, found in estimates.items()
        }
        rows = sum(len(found) for found in drawn.values())
        if 0 < rows <= _ROWS_DRAWN:
            yield Figure(figures.forest(drawn, what), _caption(every))
    yield estimate_table(estimates)


def _caption(estimates: Sequence[Estimate]) -> str:
    levels = " and ".join(dict.fromkeys(confidence(e.level) for e in estimates))
    return f"Points are means, whiskers {levels} confidence intervals; n counts attempts in the denominator."


def estimate_table(estimates: Mapping[str, Sequence[Estimate]]) -> Table:
    """Estimates of one or several runs with everything that they rest on; the runs of a metric stand together."""
    found = [(run, e) for run, own in estimates.items() for e in own]
    order = {key: n for n, key in enumerate(dict.fromkeys((e.metric, e.group) for _, e in found))}
    found.sort(key=lambda item: order[item[1].metric, item[1].group])
    columns = (
        Column("metric"),
        Column("run"),
        *(Column(name, numeric=True) for name in ("value", "interval", "SE", "n", "samples")),
        Column("denominator"),
        Column("left out"),
        Column("interval by"),
    )
    hidden = {"run"} if len(estimates) == 1 else set()
    if all(e.n == e.samples for _, e in found):
        hidden.add("samples")
    kept = [n for n, column in enumerate(columns) if column.name not in hidden]
    rows = (_estimate_row(run, e) for run, e in found)
    return Table(
        tuple(columns[n] for n in kept),
        tuple(tuple(row[n] for n in kept) for row in rows),
        "Shares in percent. n: attempts in the denominator.",
    )


def _estimate_row(run: str, e: Estimate) -> tuple[str, ...]:
    percent = shares([e])
    value = number(e.value, percent=percent)
    return (
        e.metric if e.group is None else f"{e.metric} · {e.group}",
        run,
        f"{value} %" if percent and e.value is not None else value,
        interval(e.lower, e.upper, percent=percent),
        number(e.se, percent=percent),
        count(e.n),
        count(e.samples),
        counts(e.denominator),
        counts(e.excluded),
        f"{confidence(e.level)} {e.method}",
    )


def _curves(named: Mapping[str, ReportedRun]) -> Iterable[Block]:
    for metric, along in dict.fromkeys(key for run in named.values() for key in run.curves):
        curves = {name: run.curves[metric, along] for name, run in named.items() if (metric, along) in run.curves}
        yield Heading(f"{metric} along {along}")
        if any(e.value is not None for curve in curves.values() for e in curve):
            yield Figure(
                figures.level_curve(curves, along, "score"),
                f"{_caption([e for curve in curves.values() for e in curve])} {metric} is the area under the curve.",
            )
        yield estimate_table(curves)


def _comparison(comparisons: Sequence[Comparison], not_compared: Sequence[str], a: str, b: str) -> Iterable[Block]:
    level = confidence(comparisons[0].level)
    several = any(c.p_holm is not None for c in comparisons)
    yield Paragraph(
        f"A is {a}, B is {b}. Differences are A minus B on the samples that both answered, paired sample by sample; "
        "intervals hold for one row each."
    )
    yield from _mde(comparisons)
    if len(comparisons) <= _ROWS_DRAWN:
        yield Figure(
            figures.paired_forest(comparisons, a, b),
            f"Points are mean differences, whiskers {level} confidence intervals; n counts shared samples.",
        )
    yield Table(
        (
            Column("metric"),
            *(Column(name, numeric=True) for name in ("A", "interval of A", "B", "interval of B")),
            *(Column(name, numeric=True) for name in ("A − B", "interval", "SE", "MDE", "n", "p")),
            *(Column(name, numeric=True) for name in (("p, Holm", "p, BH", "p, BY") if several else ())),
            Column("better"),
            Column("test"),
            Column("interval by"),
        ),
        tuple(_comparison_row(c, several) for c in comparisons),
        "Shares and their differences in percent. n: samples that both answered. MDE: the smallest true difference "
        "that this comparison finds with power 80 %."
        + (
            f" Adjusted for {max(c.family for c in comparisons)} tests: Holm holds the chance of any false finding, "
            "Benjamini-Hochberg and Benjamini-Yekutieli the share of false ones."
            if several
            else ""
        ),
    )
    fourfold = [c for c in comparisons if c.only_a is not None]
    if fourfold:
        yield Table(
            (
                Column("metric"),
                *(Column(name, numeric=True) for name in ("both right", "only A", "only B", "neither", "n")),
                *(Column(name, numeric=True) for name in ("McNemar exact p", "mid-p")),
            ),
            tuple(
                (
                    _name(c),
                    *(count(n) for n in (c.both_right, c.only_a, c.only_b, c.neither, c.samples)),
                    p_value(c.mcnemar_p),
                    p_value(c.mcnemar_mid_p),
                )
                for c in fourfold
            ),
            "McNemar's test takes samples as independent; where they are clustered, go by the p above.",
        )
    yield Table(
        (Column("metric"), Column("samples of A left out"), Column("samples of B left out")),
        tuple((_name(c), counts(c.left_out_a), counts(c.left_out_b)) for c in comparisons),
    )
    yield from (Paragraph(f"Not compared: {why}") for why in not_compared)


def _mde(comparisons: Sequence[Comparison]) -> Iterable[Block]:
    """What the comparison of the first metric cannot see."""
    first = comparisons[0]
    if first.mde is not None:
        percent = shares([first.a, first.b])
        least = f"{number(first.mde, percent=percent)}{' points' if percent else ''}"
        yield Paragraph(f"On {_name(first)}, this comparison cannot see differences under {least}.")


def _name(comparison: Comparison) -> str:
    return comparison.metric if comparison.group is None else f"{comparison.metric} · {comparison.group}"


def _comparison_row(c: Comparison, several: bool) -> tuple[str, ...]:
    percent = shares([c.a, c.b])
    return (
        _name(c),
        number(c.a.value, percent=percent),
        interval(c.a.lower, c.a.upper, percent=percent),
        number(c.b.value, percent=percent),
        interval(c.b.lower, c.b.upper, percent=percent),
        number(c.difference, percent=percent),
        interval(c.lower, c.upper, percent=percent),
        number(c.se, percent=percent),
        number(c.mde, percent=percent),
        count(c.samples),
        p_value(c.p),
        *(map(p_value, (c.p_holm, c.p_bh, c.p_by)) if several else ()),
        c.better,
        c.test,
        f"{confidence(c.level)} {c.method}",
    )


def _outcomes(named: Mapping[str, ReportedRun]) -> Iterable[Block]:
    outcomes = {name: run.outcomes for name, run in named.items()}
    if any(sum(found.values()) for found in outcomes.values()):
        yield Figure(
            figures.composition({name: found for name, found in outcomes.items() if sum(found.values())}),
            "Attempts by outcome; numbers in the bars are attempts.",
        )
    yield Table(
        (Column("run"), *(Column(str(o), numeric=True) for o in Outcome), Column("all", numeric=True)),
        tuple(
            (name, *(count(found.get(o, 0)) for o in Outcome), count(sum(found.values())))
            for name, found in outcomes.items()
        ),
    )


def _costs(named: Mapping[str, ReportedRun]) -> Iterable[Block]:
    responses = {name: run.responses for name, run in named.items() if run.responses is not None}
    if not responses:
        return
    for column, what, unit in (("seconds", "time of a call", "s"), ("output_tokens", "output of a call", "tokens")):
        values = {name: frame[column].drop_nulls().to_numpy() for name, frame in responses.items()}
        if any(len(found) for found in values.values()):
            yield Figure(figures.histogram(values, what, unit), f"{what.capitalize()}; n counts calls that report it.")
    sums = ("input_tokens", "output_tokens")
    yield Table(
        (
            Column("run"),
            Column("calls", numeric=True),
            *(Column(name, numeric=True) for s in sums for name in (s.replace("_", " "), "calls that report them")),
            Column("wall time, s", numeric=True),
        ),
        tuple(
            (
                name,
                count(frame.height),
                *(text for s in sums for text in _total(frame, s)),
                NONE if (wall := named[name].manifest.seconds) is None else f"{wall:,.1f}",
            )
            for name, frame in responses.items()
        ),
    )


def _total(frame: pl.DataFrame, column: str) -> tuple[str, str]:
    reported = frame.height - frame[column].null_count()
    return (count(int(frame[column].sum())) if reported else NONE), count(reported)


def _provenance(named: Mapping[str, ReportedRun]) -> Table:
    facts = {name: _facts(run) for name, run in named.items()}
    keys = dict.fromkeys(key for found in facts.values() for key in found)
    return Table(
        (Column(""), *(Column(name) for name in facts)),
        tuple((key, *(found.get(key, NONE) for found in facts.values())) for key in keys),
    )


def _facts(run: ReportedRun) -> dict[str, str]:
    manifest, task = run.manifest, run.manifest.task
    dataset = task.dataset
    facts: dict[str, Any] = {
        "run": manifest.run_id,
        "task": task.name,
        "task version": task.version,
        **{f"task: {name}": value for name, value in task.params.items()},
        "dataset": dataset and dataset.source,
        "dataset digest": dataset and dataset.digest,
        "dataset licence": dataset and dataset.licence,
        "model": manifest.model.name,
        **{f"model: {name}": value for name, value in manifest.model.options.items()},
        **{f"sampling: {name}": value for name, value in msgspec.to_builtins(manifest.sampling).items()},
        "epochs": manifest.epochs,
        "limit": manifest.limit,
        "scorer mode": run.mode,
        "clusters": task.cluster,
        "created": manifest.created,
        "status": manifest.status,
        "origin": manifest.origin,
        "assay version": manifest.assay_version,
        "schema version": manifest.schema_version,
    }
    return {key: _written(value) for key, value in facts.items() if value is not None}


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(msgspec.to_builtins(value), ensure_ascii=False)
