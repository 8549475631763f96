"""Weighted facts: one model for every benchmark that grades by a checklist, a rubric or a ledger of errors.

A checklist is a tree. Its leaves are *facts*, each judged true, false, a fraction, or a count; its inner
nodes are *groups*, whose value is ::

    clip((base + sum of weight x value over the parts) / out_of, floor, cap)

and 0 where one of the group's *gates* fails: a veto that applies, or a required fact that is not met. Plus
and minus points, levels, weighted trees, deductions with caps, and all-or-nothing are settings of this one
formula (``assay.scoring.checklists`` has a thin constructor for each scheme).

The invariant: a fact that nobody judged is ``None``, never failed. A checklist with such facts has a value
only if they could not change it; otherwise the tally says between which bounds it lies and what is missing.
What one list is worth (``evaluate``), what many are worth (``mean``, ``nested_mean``), and what is done about
missing ones are kept apart.

Sums are exact: a weight of 0.1 is one tenth.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from assay.errors import DatasetMalformed
from assay.records import Outcome, Score
from assay.scoring.numeric import exact

Verdict = float | bool | None
"""Of a fact: whether it is met, or to what part (0 to 1); of a counted one, how often. ``None``: not judged."""


class Fact(Struct, frozen=True, tag="fact", omit_defaults=True):
    """One thing to look for in a response."""

    id: str
    weight: float = 1
    """Points for it, negative where it should not be there."""
    gate: Literal["required", "veto"] | None = None
    """``required``: its group is worth nothing unless it is met in full. ``veto``: nothing if it is met at all."""
    counted: bool = False
    """It may occur any number of times (an error, say), and its verdict is that number."""
    tags: tuple[str, ...] = ()
    """Dimensions, levels or themes that it belongs to."""
    text: str = ""
    """What the judge is asked, where that is not the id."""


class Group(Struct, frozen=True, tag="group", omit_defaults=True):
    """Facts and groups that make one value together."""

    id: str
    parts: tuple[Fact | Group, ...]
    weight: float = 1
    base: float = 0
    """What the group is worth before any part is counted."""
    out_of: float | None = None
    """What the sum is divided by; ``None``: the sum of the positive weights."""
    floor: float | None = None
    cap: float | None = None
    gates: Literal["zero", "report"] = "zero"
    """What a failed gate does: makes the group 0, with all inside it, or is only reported."""
    empty: float | None = None
    """The value where no part carries points; ``None``: it has none."""


class Tally(Struct, frozen=True):
    """What a checklist comes to."""

    value: float | None
    """``None`` where a fact is missing that decides, or no part carries points."""
    lower: float | None
    """The value if all missing facts were judged at their worst; ``None`` if it has no bound."""
    upper: float | None
    """The value if all missing facts were judged at their best."""
    missing: tuple[str, ...] = ()
    """Facts that were not judged."""
    failed_gates: tuple[str, ...] = ()
    """Vetoes that apply and required facts that are not met, whether or not they zeroed the value."""
    open_gates: tuple[str, ...] = ()
    """Gates that were not judged."""
    unknown: tuple[str, ...] = ()
    """Verdicts about facts that the checklist does not have: a judge that invents points."""
    groups: dict[str, float | None] = {}
    """Value of each group that carries points, by id, the root's included; ``None`` where it is open."""

    @property
    def gates_passed(self) -> bool | None:
        """Whether every gate holds; ``None`` where that is not known."""
        return False if self.failed_gates else None if self.open_gates else True


def evaluate(checklist: Group, verdicts: Mapping[str, Verdict]) -> Tally:
    """Add a checklist up, given what was judged (fact id -> verdict).

    Raises ``DatasetMalformed`` for a checklist that makes no sense (two parts of one id, a weight that is no
    number, an inner group without points) and ``ValueError`` for a verdict out of its range.
    """
    _require_sound(checklist)
    ledger = _Ledger(verdicts)
    bounds = ledger.group(checklist)
    lower, upper = bounds or (None, None)
    value = float(lower) if lower is not None and lower == upper else None
    known = {fact.id for fact in facts(checklist)}
    return Tally(
        value,
        _finite(lower),
        _finite(upper),
        tuple(ledger.missing),
        tuple(ledger.failed_gates),
        tuple(ledger.open_gates),
        tuple(name for name in verdicts if name not in known),
        {name: float(low) if low == high else None for name, (low, high) in ledger.groups.items()},
    )


def facts(part: Fact | Group) -> Iterator[Fact]:
    """All facts of a checklist, in order."""
    waiting = [part]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Fact):
            yield part
        else:
            waiting.extend(reversed(part.parts))


def restrict(checklist: Group, tag: str) -> Group:
    """The same checklist with only the facts that have this tag: for a score by theme or dimension.

    Gates that carry no points hold for every theme and stay.
    """
    parts: list[Fact | Group] = []
    for part in checklist.parts:
        if isinstance(part, Group):
            if any(tag in fact.tags for fact in facts(part)):
                parts.append(restrict(part, tag))
        elif tag in part.tags or (part.gate and not part.weight):
            parts.append(part)
    return replace(checklist, parts=tuple(parts))


def fulfilment(checklist: Group, verdicts: Mapping[str, Verdict]) -> Tally:
    """The plain share of facts that are met, weights set aside; gates are reported only."""
    equal = tuple(replace(fact, weight=1) for fact in facts(checklist) if fact.weight)
    return evaluate(Group(checklist.id, equal, gates="report"), verdicts)


def score_of(tally: Tally, *, out_of: float = 1) -> Score:
    """A tally as a score: ``judge_failed`` where a missing fact leaves the value open, never 0.

    ``out_of`` is the most that the checklist can be worth, such as 100; the groups' values keep their units.
    """
    trace: dict[str, Any] = {
        "missing": tally.missing,
        "failed_gates": tally.failed_gates,
        "unknown": tally.unknown,
        "bounds": (tally.lower, tally.upper),
    }
    if tally.value is None:
        why = f"not judged: {len(tally.missing)} facts" if tally.missing else "the checklist carries no points"
        return Score(Outcome.JUDGE_FAILED, explanation=why, trace=trace)
    values = {name: value for name, value in tally.groups.items() if value is not None}
    if tally.gates_passed is not None:
        values["gates_passed"] = float(tally.gates_passed)
    explanation = f"gates failed: {', '.join(tally.failed_gates)}"[:200] if tally.failed_gates else None
    return Score(Outcome.SCORED, tally.value / out_of, explanation=explanation, trace=trace, values=values)


class Mean(Struct, frozen=True):
    """A mean over checklists, with what is not in it."""

    value: float | None
    """Over those that have a value."""
    n: int
    """How many those are."""
    missing: int
    """How many have none."""
    lower: float | None
    """With the missing ones at their worst; ``None`` where one of them has no bound."""
    upper: float | None


def mean(tallies: Iterable[Tally], *, clip: tuple[float, float] | None = None) -> Mean:
    """The mean of many checklists, clipped afterwards if asked, as HealthBench does."""
    kept = list(tallies)
    values = [exact(tally.value) for tally in kept if tally.value is not None]
    return Mean(
        _clipped_mean(values, clip),
        len(values),
        len(kept) - len(values),
        _clipped_mean([None if tally.lower is None else exact(tally.lower) for tally in kept], clip),
        _clipped_mean([None if tally.upper is None else exact(tally.upper) for tally in kept], clip),
    )


Nested = Sequence[float | None] | Mapping[str, "Nested"]


def nested_mean(values: Nested) -> float | None:
    """Each group's mean counts once, however many values it has: mean of turns, then dialogues, then tasks.

    Values that are ``None`` are left out; a group without any makes the whole ``None``, for leaving it out
    would change what the mean is about.
    """
    found = _nested(values)
    return None if found is None else float(found)


def _nested(values: Nested) -> Fraction | None:
    if isinstance(values, Mapping):
        means = [_nested(group) for group in values.values()]
        kept = [value for value in means if value is not None]
        return sum(kept, Fraction(0)) / len(kept) if kept and len(kept) == len(means) else None
    known = [exact(value) for value in values if value is not None]
    return sum(known, Fraction(0)) / len(known) if known else None


def _clipped_mean(values: Sequence[Fraction | None], clip: tuple[float, float] | None) -> float | None:
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return None
    value = float(sum(known, Fraction(0)) / len(known))
    return min(max(value, clip[0]), clip[1]) if clip else value


_Bounds = tuple[Fraction | float, Fraction | float]
"""Least and greatest possible value; infinite floats where there is no bound."""


class _Ledger:
    """One evaluation: bounds are computed from the leaves up, and what was noticed is written down."""

    def __init__(self, verdicts: Mapping[str, Verdict]) -> None:
        self._verdicts = verdicts
        self.missing: list[str] = []
        self.failed_gates: list[str] = []
        self.open_gates: list[str] = []
        self.groups: dict[str, _Bounds] = {}

    def group(self, group: Group) -> _Bounds | None:
        """Bounds of a group; ``None`` where it has no value by its nature."""
        low: Fraction | float = exact(group.base)
        high: Fraction | float = exact(group.base)
        holds: list[bool | None] = []
        for part in group.parts:
            bounds = self.group(part) if isinstance(part, Group) else self._fact(part)
            if isinstance(part, Fact) and part.gate:
                holds.append(self._gate(part))
                if holds[-1] is None and group.gates == "zero":
                    # Where it fails nothing else counts, so the sum is about the case where it holds.
                    bounds = (Fraction(part.gate == "required"),) * 2
            weight = exact(part.weight)
            if weight and bounds is not None:
                ends = sorted((weight * bounds[0], weight * bounds[1]))
                low, high = low + ends[0], high + ends[1]
        divisor = _divisor(group)
        result: _Bounds | None
        if divisor is None:
            result = None if group.empty is None else (exact(group.empty), exact(group.empty))
        else:
            result = _clip(group, low / divisor), _clip(group, high / divisor)
        if group.gates == "zero" and False in holds:
            result = (Fraction(0), Fraction(0))
            self.groups |= dict.fromkeys(_group_ids(group), result)
        elif group.gates == "zero" and None in holds and result is not None:  # or it fails after all
            result = (min(result[0], Fraction(0)), max(result[1], Fraction(0)))
        if result is not None:
            self.groups[group.id] = result
        return result

    def _fact(self, fact: Fact) -> _Bounds:
        verdict = self._verdicts.get(fact.id)
        if verdict is None:
            self.missing.append(fact.id)
            return Fraction(0), math.inf if fact.counted else Fraction(1)
        value = exact(verdict)
        if value < 0 or (value.denominator > 1 if fact.counted else value > 1):
            allowed = "a count" if fact.counted else "between 0 and 1"
            raise ValueError(f"the verdict on {fact.id!r} is {verdict!r}, not {allowed}")
        return value, value

    def _gate(self, fact: Fact) -> bool | None:
        """Whether the gate holds; ``None`` where it was not judged."""
        verdict = self._verdicts.get(fact.id)
        if verdict is None:
            self.open_gates.append(fact.id)
            return None
        holds = verdict >= 1 if fact.gate == "required" else not verdict
        if not holds:
            self.failed_gates.append(fact.id)
        return bool(holds)


def _divisor(group: Group) -> Fraction | None:
    """What a group's sum is divided by; ``None`` where there is nothing to share out."""
    if not group.base and not any(part.weight for part in group.parts):
        return None
    if group.out_of is not None:
        return exact(group.out_of)
    return sum((exact(part.weight) for part in group.parts if part.weight > 0), Fraction(0)) or None


def _clip(group: Group, value: Fraction | float) -> Fraction | float:
    if group.floor is not None:
        value = max(value, exact(group.floor))
    return value if group.cap is None else min(value, exact(group.cap))


def _finite(value: Fraction | float | None) -> float | None:
    return None if value is None or math.isinf(value) else float(value)


def _group_ids(group: Group) -> Iterator[str]:
    yield group.id
    for part in group.parts:
        if isinstance(part, Group):
            yield from _group_ids(part)


def _require_sound(root: Group) -> None:
    seen: set[str] = set()
    waiting: list[Fact | Group] = [root]
    while waiting:
        part = waiting.pop()
        if part.id in seen:
            raise DatasetMalformed(f"checklist {root.id!r}: two parts are called {part.id!r}; give each its own id")
        seen.add(part.id)
        if not math.isfinite(part.weight):
            raise DatasetMalformed(f"checklist {root.id!r}: the weight of {part.id!r} is {part.weight}, not a number")
        if isinstance(part, Group):
            waiting.extend(part.parts)
            if part.out_of == 0:
                raise DatasetMalformed(f"checklist {root.id!r}: its group {part.id!r} is out of 0 points")
            if part is not root and part.empty is None and _divisor(part) is None:
                raise DatasetMalformed(f"checklist {root.id!r}: its group {part.id!r} carries no points")
