"""What wrong cases are made of: mechanical failures told apart from wrong answers, each with its share.

A case may loop, be cut off and have no answer all at once, so the labels overlap and the finding says so; what
carries none of them is a wrong answer in good form. The invariant: a share's denominator is the model's wrong
cases, all of them.
"""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING, NamedTuple

from assay.analyze.claims import ClaimUnresolvable, Condition, Selection, Statistic
from assay.analyze.findings import CitedCase, Finding
from assay.analyze.sayings import Saying, cited, short, wrong

if TYPE_CHECKING:
    import polars as pl

NEAR = 0.8
"""Likeness of answer and target from which a wrong answer is a near miss."""
LONGEST = 200


class FailureType(NamedTuple):
    """A way to be wrong."""

    name: str
    meaning: str
    label: Selection


def _flag(name: str, value: bool = True) -> Selection:
    return (Condition(name, "==", value),)


TYPES = (
    FailureType("no answer", "no answer could be extracted", _flag("format_ok", False)),
    FailureType("cut off", "the reply hit its token limit", _flag("truncated")),
    FailureType("refused", "the model declined", _flag("refused")),
    FailureType("looping", "the reply ends in a loop", _flag("looping")),
    FailureType("wrong script", "the reply is in another script than the question", _flag("language_mismatch")),
    FailureType("wrong answer in good form", "an answer was given, and it is wrong", _flag("format_ok")),
    FailureType("near miss", "the answer is nearly the target", _flag("label:near_miss")),
)
"""Labels that overlap."""


def with_near_misses(cases: pl.DataFrame) -> pl.DataFrame:
    """The cases with ``label:near_miss``: a wrong answer of four to 200 characters that is nearly the target."""
    import polars as pl

    if not {"answer", "target", "right"} <= set(cases.columns):
        return cases
    values = [
        None if right is None else bool(not right and near(answer, target))
        for answer, target, right in cases.select("answer", "target", "right").iter_rows()
    ]
    return cases.with_columns(pl.Series("label:near_miss", values, dtype=pl.Boolean))


def near(answer: str | None, target: str | None) -> bool:
    """Whether two short texts are alike but not the same, blanks and case left out."""
    if answer is None or target is None or len(answer) > LONGEST or len(target) > LONGEST:
        return False
    a, b = "".join(answer.lower().split()), "".join(target.lower().split())
    if min(len(a), len(b)) < 4:
        return False
    if 2 * min(len(a), len(b)) < NEAR * (len(a) + len(b)):
        return False  # their lengths alone say so
    likeness = SequenceMatcher(None, a, b, autojunk=False)
    return likeness.quick_ratio() >= NEAR and likeness.ratio() >= NEAR


def failures(cases: pl.DataFrame, model: str) -> list[Finding]:
    """How frequent each kind of failure is among a model's wrong cases; nothing where none is wrong."""
    said = Saying(cases)
    parts: list[tuple[float, str]] = []
    shown: list[CitedCase] = []
    for kind in TYPES:
        if kind.label[0].column not in cases.columns:
            continue
        share = Statistic("share", where=kind.label, among=(wrong(),), model=model)
        try:
            text = said.ranged(kind.name, share, "share")
        except ClaimUnresolvable:
            return []
        if said.values[kind.name].value > 0:
            parts.append((said.values[kind.name].value, f"{kind.meaning}: {text}"))
            shown += list(cited(cases, model, (wrong(), *kind.label), 2))
    if not parts:
        return []
    told = "; ".join(text for _, text in sorted(parts, key=lambda part: -part[0]))
    denominator = next(iter(said.values.values())).denominator
    claim = f"Of {denominator:,} wrong cases of {short(model)} (labels overlap): {told}."
    return [
        Finding(
            "failures",
            "failure types among wrong cases",
            claim,
            "prevalence",
            (model,),
            tuple(said.evidence),
            tuple(shown),
            (wrong(),),
            multi_label=True,
            denominator=f"the {denominator:,} wrong cases of {short(model)}",
        )
    ]
