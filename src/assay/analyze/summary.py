"""Behaviour statistics: what each model does on each benchmark, before anybody interprets it.

Every number is a claim in the vocabulary of ``claims``, computed by ``recompute``: a table of these statistics
and a finding that quotes one say the same thing in the same words, and a reader can follow either to the same
evidence. The invariant: a statistic is about one model on one benchmark (means over benchmarks of different
difficulty say nothing), carries its n, and has an interval over independent units or says why it has none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import exp
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import asdict

from assay.analyze.behaviour import VARIABLES
from assay.analyze.cases import behaviour_columns
from assay.analyze.claims import ClaimUnresolvable, Combination, Condition, Expression, Selection, Statistic
from assay.analyze.contrasts import contrast, units_of
from assay.analyze.recompute import Recomputed, recompute
from assay.measure.intervals import codes_of, standard_error
from assay.measure.multiplicity import benjamini_yekutieli
from assay.records import ANSWERED, Outcome
from assay.store.encoding import encode

if TYPE_CHECKING:
    import polars as pl

FAILED = tuple(str(o) for o in Outcome if o not in ANSWERED)
"""Outcomes in which the model had no say."""
FLAGS = ("refused", "truncated", "looping", "language_mismatch")
"""Behaviours that a wrong case may show, several at once."""
MOST_TAG_VALUES = 150
TOPICS = "topic:coarse"
"""Topics of the questions, where ``topics`` found any."""
SPENT = ("cost", "output_tokens", "reasoning_tokens", "seconds", "tool_calls", "output_chars")
"""What a solved case costs."""
_MEDIANS = ("output_tokens", "reasoning_tokens", "seconds")
RIGHT, WRONG = Condition("right", "==", True), Condition("right", "==", False)


class Stat(Struct, frozen=True, omit_defaults=True):
    """One number of one model on one benchmark."""

    model: str
    task: str
    name: str
    unit: str
    """As ``behaviour.Variable.unit``; ``score``, ``rank`` or ``points`` besides."""
    expression: Expression
    found: Recomputed
    p: float | None = None
    """Of no difference, where this is one."""


class Split(Struct, frozen=True, omit_defaults=True):
    """A behaviour in the cases that a model got right, against those that it got wrong."""

    right: Stat
    wrong: Stat
    difference: Stat
    """Wrong less right."""
    relative: Stat | None
    """The same over the value in right cases."""
    q: float
    """``difference.p`` adjusted for all the variables of this model and benchmark (Benjamini-Yekutieli)."""


class Level(Struct, frozen=True, omit_defaults=True):
    """How good a model is on the cases with one value of a tag, beside the nearest competitor."""

    column: str
    value: str
    own: Stat
    rival: Stat | None
    """The competitor's."""
    gap: Stat | None
    """Own less the competitor's, paired."""


class Behaviour(Struct, frozen=True, omit_defaults=True):
    """The behaviour statistics of a diagnosis."""

    stats: tuple[Stat, ...]
    """Of every model and benchmark."""
    splits: tuple[Split, ...]
    failures: tuple[Stat, ...]
    """Shares of wrong cases: by outcome (one a case), then by flag (several at once)."""
    solved: tuple[Stat, ...]
    """What was spent on all cases, for each one solved."""
    gaps: tuple[Stat, ...]
    """The diagnosed model's score less each competitor's."""
    levels: tuple[Level, ...]
    """The diagnosed model by tag."""
    nearest: dict[str, str] = {}
    """Benchmark -> the competitor whose score is nearest to the diagnosed model's."""
    labels: tuple[str, ...] = ()
    """What is known of the labels that an analyst gave: a line each, with the labeller's error."""


def summarise(
    cases: pl.DataFrame, model: str, against: Sequence[str] = (), *, advance: Callable[[], None] = lambda: None
) -> Behaviour:
    """The behaviour statistics of a model and its competitors; ``advance`` is called after each model and task."""
    import polars as pl

    stats: list[Stat] = []
    splits: list[Split] = []
    failures: list[Stat] = []
    solved: list[Stat] = []
    gaps: list[Stat] = []
    levels: list[Level] = []
    near: dict[str, str] = {}
    tasks = cases["task"].unique(maintain_order=True).to_list()
    for task in tasks:
        within = (Condition("task", "==", task),) if len(tasks) > 1 else ()
        here = cases.filter(pl.col("task") == task)
        present = set(here["model"])
        for who in (m for m in (model, *against) if m in present):
            one = _Of(here, who, task, within)
            stats += one.stats()
            splits += one.splits()
            failures += one.failures()
            solved += one.solved()
            advance()
        if model in present:
            own = _Of(here, model, task, within)
            found = [gap for other in against if other in present and (gap := own.gap(other)) is not None]
            if found:
                near[task] = other_of(min(found, key=lambda gap: abs(gap.found.value)))
            gaps += found
            levels += own.levels(near.get(task))
    return Behaviour(tuple(stats), tuple(splits), tuple(failures), tuple(solved), tuple(gaps), tuple(levels), near)


def other_of(gap: Stat) -> str:
    """The competitor of a gap."""
    assert isinstance(gap.expression, Combination)
    assert gap.expression.b.model is not None
    return gap.expression.b.model


def frame(behaviour: Behaviour) -> pl.DataFrame:
    """The statistics as a table with one row a number, for ``behaviour.parquet``."""
    import polars as pl

    parts: list[tuple[str, Stat, float | None]] = [("all cases", stat, None) for stat in behaviour.stats]
    for split in behaviour.splits:
        parts += [("right cases", split.right, None), ("wrong cases", split.wrong, None)]
        parts.append(("wrong less right", split.difference, split.q))
        if split.relative is not None:
            parts.append(("wrong over right, less 1", split.relative, None))
    parts += [("share of wrong cases", stat, None) for stat in behaviour.failures]
    parts += [("for each solved case", stat, None) for stat in behaviour.solved]
    parts += [("less a competitor's", stat, None) for stat in behaviour.gaps]
    for level in behaviour.levels:
        parts.append((f"{level.column} = {level.value}", level.own, None))
        if level.gap is not None:
            parts.append((f"{level.column} = {level.value}, less the nearest competitor's", level.gap, None))
    rows = [
        {
            "model": stat.model,
            "task": stat.task,
            "statistic": stat.name,
            "of": part,
            "unit": stat.unit,
            **asdict(stat.found),
            "p": stat.p,
            "q": q,
            "expression": encode(stat.expression).decode(),
        }
        for part, stat, q in parts
    ]
    kinds: dict[str, Any] = dict.fromkeys(
        ("model", "task", "statistic", "of", "unit", "method", "expression"), pl.String
    )
    kinds |= dict.fromkeys(("value", "lower", "upper", "se", "p", "q"), pl.Float64)
    kinds |= dict.fromkeys(("n", "denominator"), pl.Int64)
    order = ("model", "task", "statistic", "of", "unit", "value", "lower", "upper", "se", "n", "denominator", "method")
    return pl.DataFrame(rows, schema={name: kinds[name] for name in (*order, "p", "q", "expression")})


class _Of:
    """One model on one benchmark."""

    def __init__(self, here: pl.DataFrame, model: str, task: str, within: Selection) -> None:
        self.here, self.own = here, here.filter(here["model"] == model)
        self.model, self.task, self.within = model, task, within

    def stats(self) -> Iterable[Stat]:
        """Score, rank and repeated attempts, then the behaviour variables."""
        yield from self._try("score", "score", self._mean("score"))
        if self.here["model"].n_unique() > 1:
            yield from self._try("rank", "rank", Statistic("rank", "score", self.within, model=self.model), self.here)
        if self.own["epoch"].n_unique() > 1:
            yield from self._repeated()
        yield from self._try(
            "no reply (failures)", "share", self._share((Condition("outcome", "in", FAILED),), self.within)
        )
        for name in self._variables():
            yield from self._try(name, VARIABLES[name].unit, self._mean(name))
            if name in _MEDIANS:
                median = Statistic("median", name, self.within, model=self.model)
                yield from self._try(f"{name}, median", VARIABLES[name].unit, median)

    def splits(self) -> Iterable[Split]:
        """Each behaviour in wrong cases against right ones."""
        found: list[tuple[Stat, Stat, Stat, Stat | None]] = []
        for name in self._variables():
            if name == "format_ok" or self.own[name].drop_nulls().n_unique() < 2:
                continue  # a reply without an answer is wrong by definition
            unit = VARIABLES[name].unit
            a, b = self._mean(name, WRONG), self._mean(name, RIGHT)
            difference = self._difference(name, unit, a, b)
            if difference is None:
                continue  # no right or no wrong case has a value
            wrong, right = (self._stat(name, unit, side) for side in (a, b))
            relative = next(iter(self._try(name, "ratio", Combination("relative_change", a, b))), None)
            found.append((right, wrong, difference, relative))
        adjusted = benjamini_yekutieli([1.0 if difference.p is None else difference.p for _, _, difference, _ in found])
        return [Split(*row, float(q)) for row, q in zip(found, adjusted, strict=True)]

    def failures(self) -> Iterable[Stat]:
        """What wrong cases are, as shares of them."""
        among = (*self.within, WRONG)
        for outcome in ANSWERED:
            share = self._share((Condition("outcome", "==", str(outcome)),), among)
            yield from self._try(f"outcome: {outcome}", "share", share)
        labels = [c for c in self.own.columns if c.startswith("label:")]
        for flag in (*FLAGS, *labels):
            known = (*among, Condition(flag, "present"))  # a case without a verdict is in no denominator
            yield from self._try(flag, "share", self._share((Condition(flag, "==", True),), known))

    def solved(self) -> Iterable[Stat]:
        """What each solved case took, failed attempts at others included."""
        for name in SPENT:
            if name not in self._variables() and name != "output_chars":
                continue
            had_say = (*self.within, Condition("right", "present"), Condition(name, "present"))
            spent = Statistic("sum", name, had_say, model=self.model)
            solved = Statistic("count", where=(*had_say, RIGHT), model=self.model)
            for stat in self._try(name, VARIABLES[name].unit, Combination("ratio", spent, solved)):
                yield Stat(
                    stat.model, stat.task, name, stat.unit, stat.expression, _per_solved(self.own, name, stat.found)
                )

    def gap(self, other: str) -> Stat | None:
        """Own score less a competitor's, with its test."""
        return self._difference(
            "score", "points", self._mean("score"), Statistic("mean", "score", self.within, model=other)
        )

    def levels(self, nearest: str | None) -> Iterable[Level]:
        """The score at each value of each tag that is not too fine, and of each topic."""
        other = None if nearest is None else _Of(self.here, nearest, self.task, self.within)
        for column in (c for c in self.own.columns if c.startswith("tag:") or c == TOPICS):
            values = self.own[column].drop_nulls().unique().sort().to_list()
            if not 2 <= len(values) <= MOST_TAG_VALUES:
                continue
            for value in values:
                where = Condition(column, "==", value)
                for stat in self._try("score", "score", self._mean("score", where)):
                    rival = gap = None
                    if other is not None:
                        theirs = other._mean("score", where)
                        rival = next(iter(other._try("score", "score", theirs)), None)
                        gap = self._difference("score", "points", self._mean("score", where), theirs)
                    yield Level(column, value, stat, rival, gap)

    def _repeated(self) -> Iterable[Stat]:
        """What several attempts at one sample come to."""
        best = Statistic("best_of_n", "score", self.within, model=self.model)
        worst = Statistic("worst_of_n", "score", self.within, model=self.model)
        flips = Statistic("flip_rate", "score", self.within, model=self.model)
        yield from self._try("best of n", "score", best)
        yield from self._try("worst of n", "score", worst)
        yield from self._try("best less worst of n", "points", Combination("difference", best, worst))
        yield from self._try("samples whose attempts disagree", "share", flips)

    def _difference(self, name: str, unit: str, a: Statistic, b: Statistic) -> Stat | None:
        """A difference of means with its test, ``None`` where a side has no case or too few."""
        expression = Combination("difference", a, b)
        try:
            test = contrast(expression, self.here)
        except ClaimUnresolvable:
            return None
        found = Recomputed(test.value, sum(test.n), lower=test.lower, upper=test.upper, se=test.se, method=test.method)
        return Stat(self.model, self.task, name, unit, expression, found, test.p)

    def _variables(self) -> list[str]:
        """Behaviour variables that vary on this benchmark."""
        return [name for name in behaviour_columns(self.here) if self.here[name].drop_nulls().n_unique() > 1]

    def _mean(self, column: str, *where: Condition) -> Statistic:
        return Statistic("mean", column, (*self.within, *where), model=self.model)

    def _share(self, where: Selection, among: Selection) -> Statistic:
        return Statistic("share", where=where, among=among, model=self.model)

    def _stat(self, name: str, unit: str, expression: Expression, cases: pl.DataFrame | None = None) -> Stat:
        found = recompute(expression, self.own if cases is None else cases)
        return Stat(self.model, self.task, name, unit, expression, found)

    def _try(self, name: str, unit: str, expression: Expression, cases: pl.DataFrame | None = None) -> Iterable[Stat]:
        """The statistic, or nothing where no case has what it is computed from."""
        try:
            yield self._stat(name, unit, expression, cases)
        except ClaimUnresolvable:
            return


def _per_solved(own: pl.DataFrame, name: str, found: Recomputed, z: float = 1.959963984540054) -> Recomputed:
    """A ratio of totals R = Σ spent / Σ right with its interval by the delta method on the logarithm.

    The influence of a case on log R is (spent - R right) / Σ spent, summed over cases of one source.
    """
    import polars as pl

    rows = own.filter(pl.col("right").is_not_null() & pl.col(name).is_not_null())
    spent, right = rows[name].cast(pl.Float64).to_numpy(), rows["right"].cast(pl.Float64).to_numpy()
    if found.value <= 0 or right.sum() < 5:
        return Recomputed(found.value, rows.height, method="none: fewer than five solved cases, or nothing spent")
    se = standard_error((spent - found.value * right) / spent.sum(), codes_of(units_of(rows)[0]))
    lower, upper = (found.value * exp(sign * z * se) for sign in (-1, 1))
    clustered = rows["cluster"].null_count() < rows.height
    method = f"delta method on the logarithm{', over sources' if clustered else ''}"
    return Recomputed(found.value, rows.height, None, lower, upper, found.value * se, method)
