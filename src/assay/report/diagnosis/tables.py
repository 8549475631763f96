"""Behaviour statistics as tables and figures: the chapters of a diagnosis that no analyst writes.

The invariant: each number shown is a link into the ledger, with its interval beside it where it has one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from assay.analyze.behaviour import VARIABLES
from assay.analyze.recompute import Recomputed
from assay.analyze.summary import TOPICS, Behaviour, Level, Split, Stat, other_of
from assay.records import Estimate
from assay.report import figures
from assay.report.diagnosis.document import Block, Fold, Grid, Heading, Line, Row, note, said
from assay.report.diagnosis.evidence import Ledger, cut
from assay.report.numbers import NONE, count, p_value
from assay.report.sections import Column, Figure

MOST_DRAWN = 30
MOST_LEVELS = 40
MOST_FOLDED = 150
MOST_TAGS = 12
MOST_MODELS = 40


def columns(*names: str) -> tuple[Column, ...]:
    """Column heads; those with a trailing ``#`` are set flush right."""
    return tuple(Column(name.rstrip("#"), numeric=name.endswith("#")) for name in names)


def scores(behaviour: Behaviour, model: str, ledger: Ledger) -> Iterable[Block]:
    """The score of every model on each benchmark, the best first."""
    for task in tasks(behaviour):
        found = sorted(named(behaviour.stats, "score", task), key=lambda stat: -stat.found.value)
        if len(found) > 1:
            drawn = found[:MOST_DRAWN]
            whiskers = "Mean scores with 95 % intervals over independent units."
            marks = {"": {short(stat.model): stat for stat in drawn}}
            yield Figure(forest(marks, "score"), f"{cut(task)}. {whiskers}")
        others = _by_model(behaviour.stats, task)
        extra = ["best of n", "worst of n", "best less worst of n", "samples whose attempts disagree"]
        extra = [name for name in extra if any(name in has for has in others.values())]
        rates = (("format_ok", 1.0), ("no reply (failures)", 0.0))
        extra += [n for n, usual in rates if any(n in h and h[n].found.value != usual for h in others.values())]
        rows = []
        for stat in found[:MOST_MODELS]:
            has = others[stat.model]
            cells: list[Line] = [(cut(stat.model) + (" (diagnosed)" if stat.model == model else ""),)]
            cells.append(_one(has.get("rank"), ledger))
            cells.append(ledger.measured(stat.expression, stat.found, stat.unit))
            cells += [_one(has.get(name), ledger) for name in extra]
            cells.append((count(stat.found.n),))
            rows.append(Row(tuple(cells)))
        heads = ("model", "rank#", "score#", *(f"{_plain(name)}#" for name in extra), "cases#")
        yield Grid(
            columns(*heads), tuple(rows), f"{cut(task)}: every model of the comparison" if len(found) > 1 else cut(task)
        )


def capability(behaviour: Behaviour, model: str, ledger: Ledger) -> Iterable[Block]:
    """The score by tag, beside the nearest competitor."""
    for task in tasks(behaviour):
        by_column: dict[str, list[Level]] = {}
        for level in behaviour.levels:
            if level.own.task == task:
                by_column.setdefault(level.column, []).append(level)
        near = behaviour.nearest.get(task)
        for column, found in list(by_column.items())[:MOST_TAGS]:
            levels = sorted(found, key=lambda level: level.own.found.value)
            name = "topic" if column == TOPICS else column.removeprefix("tag:")
            grid = _levels(levels, name, near, ledger)
            if len(levels) > MOST_LEVELS:
                yield Fold(f"{cut(task)}, by {cut(name)}: {len(levels)} values, the lowest first", (grid,))
                continue
            yield Heading(f"{cut(task)}, by {cut(name)}")
            if 3 <= len(levels) <= MOST_DRAWN:
                sides = {short(model): {cut(level.value, 60): level.own for level in levels}}
                if near is not None:
                    sides[short(near)] = {cut(level.value, 60): r for level in levels if (r := level.rival) is not None}
                yield Figure(forest(sides, "score"), f"Mean scores by {cut(name)}, 95 % intervals.")
            yield grid


def _levels(levels: Sequence[Level], name: str, near: str | None, ledger: Ledger) -> Grid:
    rows = []
    for level in levels[:MOST_FOLDED]:
        own = ledger.measured(level.own.expression, level.own.found, level.own.unit)
        cells: list[Line] = [(cut(level.value),), (count(level.own.found.n),), own]
        if near is not None:
            cells += [_one(level.gap, ledger), (p_value(level.gap.p if level.gap else None),)]
        rows.append(Row(tuple(cells)))
    heads = [cut(name), "cases#", "score#"] + ([f"less {short(near)}#", "p#"] if near else [])
    return Grid(columns(*heads), tuple(rows), "p-values are not adjusted for the number of rows" if near else "")


def behaviours(behaviour: Behaviour, model: str, ledger: Ledger) -> Iterable[Block]:
    """What the model does, beside the competitors; and what it does in wrong cases against right ones."""
    for task in tasks(behaviour):
        near = behaviour.nearest.get(task)
        own = [s for s in behaviour.stats if s.model == model and s.task == task and _variable(s.name) in VARIABLES]
        if own:
            several = len({s.model for s in behaviour.stats if s.task == task}) > 2
            heads = ["behaviour", "unit", f"{short(model)}#"] + ([f"{short(near)}#"] if near else [])
            heads += ["others, from – to#"] if several else []
            rows = [Row(tuple(_behaviour_row(behaviour, stat, near, several, ledger))) for stat in own]
            yield Grid(columns(*heads), tuple(rows), f"{cut(task)}: how replies are written, means over cases")
        splits = [s for s in behaviour.splits if s.right.model == model and s.right.task == task]
        if splits:
            yield Heading("In wrong cases against right ones")
            yield note(
                "Right and wrong cases differ in difficulty too: a difference here goes with being wrong and need not "
                "be its reason. q is p adjusted for all rows (Benjamini-Yekutieli)."
            )
            yield _splits(splits, ledger)
    models = list(dict.fromkeys(stat.model for stat in behaviour.stats))
    if len(models) > 2:
        yield said(f"All {len(models)} models' statistics, with both sides of each split, are in behaviour.parquet.")


def _behaviour_row(behaviour: Behaviour, stat: Stat, near: str | None, several: bool, ledger: Ledger) -> Iterable[Line]:
    meaning = VARIABLES[_variable(stat.name)].meaning
    yield (f"{_plain(stat.name)}{', median' if stat.name.endswith(', median') else ''}: {meaning}",)
    yield (stat.unit,)
    yield ledger.measured(stat.expression, stat.found, stat.unit)
    others = [s for s in named(behaviour.stats, stat.name, stat.task) if s.model != stat.model]
    if near is not None:
        yield _one(next((s for s in others if s.model == near), None), ledger)
    if several and others:
        ends = (min(others, key=lambda s: s.found.value), max(others, key=lambda s: s.found.value))
        low, high = (ledger.link(s.expression, s.found, s.unit) for s in ends)
        yield (low, " – ", high)
    elif several:
        yield (NONE,)


def _splits(splits: Sequence[Split], ledger: Ledger) -> Grid:
    rows = []
    for split in sorted(splits, key=lambda s: s.q):
        d = split.difference
        unit = "points" if split.right.unit == "share" else split.right.unit
        rows.append(
            Row(
                (
                    (_plain(split.right.name),),
                    *(ledger.measured(s.expression, s.found, s.unit) for s in (split.right, split.wrong)),
                    ledger.measured(d.expression, d.found, unit),
                    _relative(split.relative, ledger),
                    (p_value(d.p),),
                    (p_value(split.q),),
                )
            )
        )
    return Grid(columns("behaviour", "right#", "wrong#", "wrong less right#", "relative#", "p#", "q#"), tuple(rows))


def _relative(stat: Stat | None, ledger: Ledger) -> Line:
    if stat is None:
        return (NONE,)
    return (ledger.link(stat.expression, stat.found, "ratio", f"{100 * stat.found.value:+,.0f} %"),)


def failures(behaviour: Behaviour, model: str, ledger: Ledger) -> Iterable[Block]:
    """What wrong cases are."""
    for task in tasks(behaviour):
        found = [s for s in behaviour.failures if s.model == model and s.task == task]
        if not found:
            continue
        wrong = found[0].found.denominator
        outcomes = [s for s in found if s.name.startswith("outcome: ")]
        flags = [s for s in found if not s.name.startswith("outcome: ")]
        captions = (
            f"shares of the {count(wrong)} wrong cases; each has one outcome",
            "shares of the wrong cases of which it can be told; a case may show several of these, or none",
        )
        for stats, caption in zip((outcomes, flags), captions, strict=True):
            if stats:
                rows = tuple(_failure(stat, ledger) for stat in stats)
                yield Grid(columns("in wrong cases", "cases#", "share#"), rows, f"{cut(task)}: {caption}")
    for label in behaviour.labels:
        yield note(f"label {cut(label, 400)}")


def _failure(stat: Stat, ledger: Ledger) -> Row:
    cases = f"{count(stat.found.n)} of {count(stat.found.denominator)}"
    return Row(((_outcome(stat.name),), (cases,), ledger.measured(stat.expression, stat.found, stat.unit)))


def _outcome(name: str) -> str:
    plain = {"outcome: scored": "an answer, and a wrong one", "outcome: unparsed": "no answer could be extracted"}
    return plain.get(name, _plain(name.removeprefix("outcome: ")))


def contrasts(behaviour: Behaviour, model: str, ledger: Ledger) -> Iterable[Block]:
    """The score against each competitor, paired on shared samples."""
    for task in tasks(behaviour):
        found = sorted((g for g in behaviour.gaps if g.task == task), key=lambda g: g.found.value)
        if not found:
            continue
        drawn = {short(other_of(gap)): gap for gap in found[:MOST_DRAWN]}
        caption = f"{cut(task)}: {short(model)} less each competitor, paired on the same samples, with 95 % intervals."
        yield Figure(forest({"": drawn}, f"{short(model)} less the competitor", difference=True), caption)
        rows = []
        for gap in found[:MOST_MODELS]:
            nearest = " (nearest)" if behaviour.nearest.get(task) == other_of(gap) else ""
            value = ledger.measured(gap.expression, gap.found, "points")
            rows.append(Row(((cut(other_of(gap)) + nearest,), value, (p_value(gap.p),), (gap.found.method,))))
        heads = columns("competitor", f"{short(model)} less it#", "p#", "test")
        yield Grid(heads, tuple(rows), f"{cut(task)}: p-values are not adjusted for the number of competitors")


def efficiency(behaviour: Behaviour, model: str, ledger: Ledger) -> Iterable[Block]:
    """What a case takes, and what a solved one does."""
    for task in tasks(behaviour):
        own = [s for s in behaviour.solved if s.model == model and s.task == task]
        near = behaviour.nearest.get(task)
        rows = []
        for stat in own:
            each = next((s for s in named(behaviour.stats, stat.name, task) if s.model == model), None)
            other = next((s for s in behaviour.solved if (s.model, s.task, s.name) == (near, task, stat.name)), None)
            cells = [(_plain(stat.name),), (stat.unit,), _one(each, ledger), _one(stat, ledger, _money(stat))]
            if near:
                cells.append(_one(other, ledger, _money(stat)))
            rows.append(Row(tuple(cells)))
        if rows:
            heads = (
                "what",
                "unit",
                "a case#",
                "a solved case#",
                *((f"a solved case of {short(near)}#",) if near else ()),
            )
            yield Grid(columns(*heads), tuple(rows), f"{cut(task)}: failed cases are paid for too")
        missing = [name for name in ("output_tokens", "seconds", "cost") if name not in {s.name for s in own}]
        if missing:
            yield note(f"Not recorded in these runs: {', '.join(map(_plain, missing))}.")


def _money(stat: Stat) -> str | None:
    return "dollars" if stat.name == "cost" else None


def _one(stat: Stat | None, ledger: Ledger, unit: str | None = None) -> Line:
    if stat is None:
        return (NONE,)
    return ledger.measured(stat.expression, stat.found, unit or stat.unit)


def forest(sides: Mapping[str, Mapping[str, Stat]], what: str, *, difference: bool = False) -> str:
    """Statistics as points with whiskers, one row a label, one mark a side; differences in points."""
    found = {
        side: [_estimate(what, label, stat.found, 100.0 if difference else 1.0) for label, stat in stats.items()]
        for side, stats in sides.items()
    }
    return figures.forest(found, f"{what}, points" if difference else what)


def _estimate(what: str, label: str, found: Recomputed, factor: float) -> Estimate:
    ends = [None if x is None else factor * x for x in (found.value, found.lower, found.upper)]
    scale: Literal["share", "number"] = "share" if factor == 1 and 0 <= found.value <= 1 else "number"
    return Estimate(
        metric=what,
        group=label,
        value=ends[0],
        n=found.n,
        samples=found.n,
        clusters=None,
        se=found.se,
        lower=ends[1],
        upper=ends[2],
        level=0.95,
        method=found.method,
        scale=scale,
    )


def tasks(behaviour: Behaviour) -> list[str]:
    """The benchmarks, in the order of the runs."""
    return list(dict.fromkeys(stat.task for stat in behaviour.stats))


def named(stats: Sequence[Stat], name: str, task: str) -> list[Stat]:
    """The statistics of this name, one a model."""
    return [stat for stat in stats if stat.name == name and stat.task == task]


def short(model: str | None) -> str:
    """A model's name without its provider."""
    return cut((model or NONE).rpartition("/")[2], 60)


def _by_model(stats: Sequence[Stat], task: str) -> dict[str, dict[str, Stat]]:
    found: dict[str, dict[str, Stat]] = {}
    for stat in stats:
        if stat.task == task:
            found.setdefault(stat.model, {})[stat.name] = stat
    return found


def _variable(name: str) -> str:
    return name.removesuffix(", median")


def _plain(name: str) -> str:
    return _variable(name).removeprefix("label:").replace("_per_1k", " per 1,000").replace("_", " ")
