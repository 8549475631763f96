"""Figures as SVG: Vega-Lite specifications drawn at once, without a browser.

Each function takes what measurement produced and returns a string; it scales and labels, and computes
nothing but the bars of a histogram. Colours tell apart for colour-blind eyes and stand out on white and
on near-black paper; runs differ in shape as well. Ink is ``#000`` and light lines are ``#ddd`` so that
a page's style can adapt them (see ``style.css``). The invariant: every label has passed ``one_line``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any

from assay.errors import MissingDependency
from assay.records import Estimate, Outcome
from assay.report.numbers import count, interval, number, p_value, shares
from assay.report.text import one_line

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from assay.measure.paired import Comparison

# Four colours of Okabe and Ito (2008) and two more, each with a contrast of 3 or better on white and on #15181c.
_RUN_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#8B7BD8", "#A08000")
_SIZE_COLOURS = ("#8B7BD8", "#0072B2", "#009E73", "#D55E00")
"""Small to large."""
_SHAPES = ("circle", "square", "triangle-up", "diamond", "triangle-down", "cross")

_OUTCOME_COLOURS = {
    Outcome.SCORED: "#0072B2",
    Outcome.UNPARSED: "#E69F00",
    Outcome.REFUSED: "#CC79A7",
    Outcome.TRUNCATED: "#56B4E9",
    Outcome.MODEL_FAILED: "#8a8f96",
    Outcome.INFRA_FAILED: "#D55E00",
    Outcome.JUDGE_FAILED: "#F0E442",
}

_WIDTH = 460
_ROW = 30
_BINS = 40
_LAID_OUT, _DRAWN = 14, 12
"""Font sizes: room is kept for wider letters than those measured here, since every reader has other fonts."""


def forest(estimates: Mapping[str, Sequence[Estimate]], what: str) -> str:
    """Estimates as points with their intervals as whiskers, one row a metric or group, one mark a run.

    Args:
        estimates: run -> its estimates; those without a value are not drawn.
        what: title of the axis, without the unit.
    """
    alt = _altair()
    percent = shares(e for found in estimates.values() for e in found)
    alone = len({e.metric for found in estimates.values() for e in found}) == 1
    rows = [
        {
            "run": one_line(run),
            "row": _row_label(e, alone),
            "note": f"{number(e.value, percent=percent)} {interval(e.lower, e.upper, percent=percent)}  n {count(e.n)}",
            **_point(e.value, e.lower, e.upper, percent),
        }
        for run, found in estimates.items()
        for e in found
        if e.value is not None
    ]
    base = alt.Chart(alt.Data(values=rows)).encode(
        y=_rows(alt, "row", rows),
        color=_by_run(alt, estimates),
        **_offset(alt, estimates),
    )
    return _draw(_whiskers(alt, base, _title(what, percent), list(estimates)).properties(width=_WIDTH))


def level_curve(curves: Mapping[str, Sequence[Estimate]], along: str, what: str) -> str:
    """Scores against a numeric property, one line a run, with intervals as whiskers.

    ``Estimate.group`` is the level; groups that are no numbers are not drawn. Runs are set apart by a few pixels,
    so that their whiskers do not hide each other.
    """
    alt = _altair()
    percent = shares(e for curve in curves.values() for e in curve)
    title = _title(what, percent)
    levels = {level for curve in curves.values() for e in curve if (level := _level(e)) is not None}
    axis = alt.Axis(values=sorted(levels), format=".6~g", labelOverlap=True)
    layers = []
    for position, (run, curve) in enumerate(curves.items()):
        shift = 4 * (position - (len(curves) - 1) / 2)
        rows = [
            {"run": one_line(run), "level": _level(e), **_point(e.value, e.lower, e.upper, percent)}
            for e in curve
            if e.value is not None and _level(e) is not None
        ]
        base = alt.Chart(alt.Data(values=rows)).encode(
            x=alt.X("level:Q", title=one_line(along), axis=axis, scale=alt.Scale(zero=False, nice=False, padding=14)),
            color=_by_run(alt, curves),
        )
        y = alt.Y("value:Q", title=title, scale=alt.Scale(zero=False))
        layers += [
            base.mark_line(xOffset=shift, strokeWidth=1.5).encode(y=y),
            base.mark_rule(xOffset=shift, strokeWidth=1.5).encode(y=alt.Y("lower:Q", title=title), y2="upper:Q"),
            base.mark_point(xOffset=shift, filled=True, size=55, opacity=1).encode(y=y, shape=_shape(alt, curves)),
        ]
    return _draw(alt.layer(*layers).properties(width=_WIDTH + 120, height=280))


def training_curves(
    steps: Sequence[int],
    curves: Mapping[str, Sequence[float]],
    what: str,
    *,
    noise: float | None,
    sizes: Sequence[float],
) -> str:
    """Scores along training, one line a run, with a band of ±2 ``noise`` standard deviations around it.

    Args:
        steps: of the checkpoints, ascending; the axis is logarithmic where they span a factor of 50 (step 0 is then
            not drawn).
        curves: run -> score at each step, NaN where there is none.
        what: title of the axis.
        noise: sd of one checkpoint; no band without.
        sizes: parameters of each run, NaN where unknown; more than six runs are coloured by it.
    """
    alt = _altair()
    log = steps[-1] > 50 * max(1, next((step for step in steps if step > 0), 1))
    band = 2 * noise if noise else 0.0
    rows = [
        {"run": one_line(run), "step": step, "value": y, "lower": y - band, "upper": y + band, "size": size / 1e9}
        for (run, scores), size in zip(curves.items(), sizes, strict=True)
        for step, y in zip(steps, scores, strict=True)
        if isfinite(y) and (step > 0 or not log)
    ]
    if len(curves) > len(_RUN_COLOURS) and all(isfinite(size) for size in sizes):
        scale = alt.Scale(type="log", range=list(_SIZE_COLOURS))
        legend = alt.Legend(gradientLength=240, format="~g", values=sorted({size / 1e9 for size in sizes}))
        colour = alt.Color("size:Q", title="parameters, billions", scale=scale, legend=legend)
    else:
        colour = _by_run(alt, curves)
    axis = alt.Axis(format="~s", grid=False)
    scale = alt.Scale(type="log", nice=False) if log else alt.Scale(zero=False, nice=False)
    base = alt.Chart(alt.Data(values=rows)).encode(
        x=alt.X("step:Q", title="step", scale=scale, axis=axis), color=colour, detail="run:N"
    )
    y = alt.Y("value:Q", title=_title(what, False), scale=alt.Scale(zero=False))
    lines = base.mark_line(strokeWidth=1.5, point={"size": 14, "filled": True}).encode(y=y)
    if band:
        ends = alt.Y("lower:Q", title=_title(what, False), scale=alt.Scale(zero=False))
        lines = base.mark_area(opacity=0.18).encode(y=ends, y2="upper:Q") + lines
    return _draw(lines.properties(width=_WIDTH + 120, height=300))


def composition(outcomes: Mapping[str, Mapping[str, int]]) -> str:
    """What became of the attempts of each run: bars of equal length, split by outcome."""
    alt = _altair()
    rows = []
    for run, found in outcomes.items():
        total, start = sum(found.values()), 0.0
        for outcome in (o for o in Outcome if found.get(o)):
            share = 100 * found[outcome] / total
            rows.append(
                {
                    "run": f"{one_line(run)} (n {count(total)})",
                    "outcome": str(outcome),
                    "start": start,
                    "end": start + share,
                    "middle": start + share / 2,
                    "note": count(found[outcome]) if share >= 7 else "",
                }
            )
            start += share
    present = [o for o in Outcome if any(row["outcome"] == o for row in rows)]
    base = alt.Chart(alt.Data(values=rows)).encode(y=_rows(alt, "run", rows))
    bars = base.mark_bar(height={"band": 0.75}).encode(
        x=alt.X("start:Q", title="share of attempts, %", scale=alt.Scale(domain=[0, 100], nice=False)),
        x2="end:Q",
        color=alt.Color(
            "outcome:N",
            title=None,
            sort=[str(o) for o in present],
            scale=alt.Scale(domain=[str(o) for o in present], range=[_OUTCOME_COLOURS[o] for o in present]),
        ),
    )
    dark = alt.FieldOneOfPredicate(field="outcome", oneOf=[str(Outcome.SCORED), str(Outcome.INFRA_FAILED)])
    labels = base.mark_text(fontSize=_LAID_OUT).encode(
        x="middle:Q", text="note:N", color=alt.when(dark).then(alt.value("#fffffe")).otherwise(alt.value("#000001"))
    )
    return _draw((bars + labels).properties(width=_WIDTH + 60, height=alt.Step(_ROW)))


def paired_forest(comparisons: Sequence[Comparison], a: str, b: str) -> str:
    """Differences between two runs on shared samples, with intervals as whiskers and a line at no difference."""
    alt = _altair()
    percent = shares(e for c in comparisons for e in (c.a, c.b))
    rows = [
        {
            "row": _row_label(c.a, alone=False),
            "note": f"{number(c.difference, percent=percent)} {interval(c.lower, c.upper, percent=percent)}"
            f"  n {count(c.samples)}  p {p_value(c.p)}",
            **_point(c.difference, c.lower, c.upper, percent),
        }
        for c in comparisons
    ]
    base = alt.Chart(alt.Data(values=rows)).encode(y=_rows(alt, "row", rows), color=alt.value(_RUN_COLOURS[0]))
    unit = "percentage points" if percent else "points"
    zero = alt.Chart(alt.Data(values=[{}])).mark_rule(color="#888", strokeDash=[4, 3]).encode(x=alt.datum(0))
    marks = _whiskers(alt, base, f"{one_line(a)} minus {one_line(b)}, {unit}", [])
    return _draw((zero + marks).properties(width=_WIDTH))


def histogram(values: Mapping[str, ArrayLike], what: str, unit: str) -> str:
    """How values spread, one row a run on a shared axis; runs without values have no row.

    The axis is logarithmic where all values are positive and span more than a factor of 50.
    """
    import numpy as np

    alt = _altair()
    arrays = {run: array for run, found in values.items() if len(array := np.asarray(found, dtype=np.float64))}
    every = np.concatenate([*arrays.values()])
    log = every.min() > 0 and every.max() > 50 * every.min()
    edges = np.histogram_bin_edges(np.log10(every) if log else every, _BINS)
    if log:
        edges = 10**edges
        edges[0], edges[-1] = every.min(), every.max()  # the way there and back must lose no value at the ends
    rows = [
        {"run": f"{one_line(run)} (n {count(len(found))})", "from": start, "to": end, "count": height}
        for run, found in arrays.items()
        for start, end, height in zip(
            edges[:-1].tolist(), edges[1:].tolist(), np.histogram(found, edges)[0].tolist(), strict=True
        )
        if height
    ]
    scale = alt.Scale(type="log", nice=False) if log else alt.Scale(zero=False)
    names = list(dict.fromkeys(row["run"] for row in rows))
    chart = (
        alt.Chart(alt.Data(values=rows))
        .mark_rect(stroke="#888", strokeWidth=0.5)
        .encode(
            x=alt.X("from:Q", title=f"{what}, {unit}", scale=scale),
            x2="to:Q",
            y=alt.Y("count:Q", title="count"),
            y2=alt.datum(0),
            color=alt.Color("run:N", legend=None, scale=alt.Scale(domain=names, range=_cycled(_RUN_COLOURS, names))),
            row=alt.Row("run:N", title=None, sort=names, header=alt.Header(labelAnchor="start", labelOrient="top")),
        )
        .properties(width=_WIDTH + 120, height=90)
    )
    return _draw(chart)


def _row_label(estimate: Estimate, alone: bool) -> str:
    """The metric and its group, or only the group where the figure is about that metric ``alone``."""
    if estimate.group is None:
        return one_line(estimate.metric)
    return one_line(estimate.group if alone else f"{estimate.metric} · {estimate.group}")


def _title(what: str, percent: bool) -> str:
    return f"{one_line(what)}, %" if percent else one_line(what)


def _level(estimate: Estimate) -> float | None:
    try:
        level = float(estimate.group or "")
    except ValueError:
        return None
    return level if isfinite(level) else None


def _point(value: float | None, lower: float | None, upper: float | None, percent: bool) -> dict[str, float | None]:
    factor = 100 if percent else 1
    ends = {"value": value, "lower": lower, "upper": upper}
    return {name: None if x is None else factor * x for name, x in ends.items()}


def _whiskers(alt: Any, base: Any, title: str, runs: Sequence[str]) -> Any:
    """Rows of points, whiskers and the numbers behind them in a column on the right."""
    x = alt.X("value:Q", title=title, scale=alt.Scale(zero=False, padding=8))
    points = base.mark_point(filled=True, size=60, opacity=1)
    return (
        base.mark_rule(strokeWidth=2).encode(x=alt.X("lower:Q", title=title), x2="upper:Q")
        + (points.encode(x=x, shape=_shape(alt, runs)) if runs else points.encode(x=x))
        + base.mark_text(align="left", fontSize=_LAID_OUT).encode(
            x=alt.value(_WIDTH + 10), text="note:N", color=alt.value("#000")
        )
    )


def _rows(alt: Any, field: str, rows: Sequence[Mapping[str, Any]]) -> Any:
    axis = alt.Axis(labelLimit=440, ticks=False, domain=False, grid=True)
    return alt.Y(f"{field}:N", title=None, sort=list(dict.fromkeys(row[field] for row in rows)), axis=axis)


def _offset(alt: Any, runs: Mapping[str, Any]) -> dict[str, Any]:
    if len(runs) < 2:
        return {}
    return {"yOffset": alt.YOffset("run:N", sort=[one_line(run) for run in runs])}


def _by_run(alt: Any, runs: Mapping[str, Any]) -> Any:
    names = [one_line(run) for run in runs]
    legend = alt.Legend(title=None, labelLimit=500, symbolOpacity=1) if len(names) > 1 else None
    return alt.Color("run:N", legend=legend, scale=alt.Scale(domain=names, range=_cycled(_RUN_COLOURS, names)))


def _shape(alt: Any, runs: Sequence[str] | Mapping[str, Any]) -> Any:
    names = [one_line(run) for run in runs]
    legend = alt.Legend(title=None) if len(names) > 1 else None
    return alt.Shape("run:N", legend=legend, scale=alt.Scale(domain=names, range=_cycled(_SHAPES, names)))


def _cycled(palette: Sequence[str], names: Sequence[str]) -> list[str]:
    return [palette[i % len(palette)] for i in range(len(names))]


def _altair() -> Any:
    try:
        import altair
        import vl_convert  # noqa: F401
    except ImportError as error:
        raise MissingDependency(f"figures need {error.name}: pip install 'assay[report]'") from None
    return altair


def _draw(chart: Any) -> str:
    import vl_convert

    text = {"labelFontSize": _LAID_OUT, "titleFontSize": _LAID_OUT, "labelColor": "#000", "titleColor": "#000"}
    styled = (
        chart.configure(background="transparent", padding=4)
        .configure_view(stroke=None)
        .configure_axis(gridColor="#ddd", domainColor="#888", tickColor="#888", titleFontWeight="normal", **text)
        .configure_axisQuantitative(labelFlush=False, tickCount=7)
        .configure_legend(orient="top", direction="horizontal", titleFontWeight="normal", columnPadding=20, **text)
        .configure_header(**text)
    )
    svg: str = vl_convert.vegalite_to_svg(styled.to_dict())
    return svg.replace(f'font-size="{_LAID_OUT}px"', f'font-size="{_DRAWN}px"')
