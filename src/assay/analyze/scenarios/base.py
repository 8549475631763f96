"""What a scenario is: the questions that an expert asks of one kind of task, and what answers them.

A scenario holds derived variables, failure labels and questions. The first two are pure functions of one case
record, of its trajectory where that is at hand, and of a few facts about what all the models did with the same
sample. The invariant: a rule that cannot decide says ``None``, never false, and a label is of wrong cases alone
(a right case carries none). Labels without a rule are definitions for a labelling model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from assay.analyze.behaviour import bounded
from assay.records import Sample, Score, Trajectory

if TYPE_CHECKING:
    import polars as pl

Value = float | bool | str | None
Key = tuple[str, str, str]
"""Model, task and sample: whose facts they are."""


class Seen(NamedTuple):
    """What a run holds of a case beyond its record."""

    case: str
    sample: Sample
    trajectory: Trajectory
    score: Score


@dataclass(frozen=True)
class Row:
    """One case as rules see it."""

    case: Mapping[str, Any]
    """The case record; a column that the table lacks is absent."""
    seen: Seen | None = None
    facts: Mapping[str, Value] = field(default_factory=dict)

    def text(self, column: str) -> str:
        """A text of the record, empty where there is none."""
        value = self.case.get(column)
        return value if isinstance(value, str) else ""

    @cached_property
    def output(self) -> str:
        """The reply, thinking left out; whole (see ``behaviour.bounded``) where the trajectory is at hand."""
        if self.seen is None or len(self.seen.trajectory.calls) != 1:
            return self.text("output")
        from assay.scoring.thinking import split_thinking

        return bounded(split_thinking(self.seen.trajectory.text)[1])

    @cached_property
    def shared(self) -> dict[str, Any]:
        """What several rules of one case compute once."""
        return {}

    @property
    def wrong(self) -> bool | None:
        """Whether the case was not solved; ``None`` where it has no score."""
        right = self.case.get("right")
        return None if right is None else not right


Rule = Callable[[Row], Value]
Decision = Callable[[Row], bool | None]


class Derived(NamedTuple):
    """A variable of a scenario: the column ``derived:NAME``."""

    name: str
    meaning: str
    unit: str
    of: Rule


class Label(NamedTuple):
    """A kind of failure: the column ``label:NAME``, where a rule decides."""

    name: str
    definition: str
    rule: Decision | None = None
    """Asked of wrong cases only; ``None``: it takes a reader, or a labelling model, to decide."""


class Question(NamedTuple):
    """What an expert asks of this kind of result."""

    text: str
    columns: tuple[str, ...]
    """The columns that answer it; those without a rule are filled by labelling."""


@dataclass(frozen=True)
class Scenario:
    """One kind of task."""

    name: str
    about: str
    questions: tuple[Question, ...]
    derived: tuple[Derived, ...]
    labels: tuple[Label, ...]
    facts: Callable[[pl.DataFrame], Mapping[Key, Mapping[str, Value]]] = lambda cases: {}
    """What all the models did with a sample, for rules that compare."""
    reads_trajectories: bool = False
    """Whether its rules need more than the case record."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that ``enrich`` adds for it."""
        return (
            *(f"derived:{one.name}" for one in self.derived),
            *(f"label:{one.name}" for one in self.labels if one.rule is not None),
        )

    def values(self, row: Row) -> dict[str, Value]:
        """All its columns for one case."""
        found: dict[str, Value] = {f"derived:{one.name}": one.of(row) for one in self.derived}
        for label in self.labels:
            if label.rule is not None:
                found[f"label:{label.name}"] = label.rule(row) if row.wrong else (None if row.wrong is None else False)
        return found
