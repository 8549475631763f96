"""Metric-S of DiscoX (arXiv 2511.10984): a ledger of translation errors in three dimensions, 60 + 20 + 20 points.

Each dimension loses points for each error and stops at 0. A text that is no translation is worth 0 in all. A
dimension whose judge said nothing usable is not judged, and the total then has bounds instead of a value; the
published code gives such a dimension full marks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from assay.scoring.checklist import Fact, Group, Verdict

NOT_A_TRANSLATION = "not a translation"
MAJOR, CRITICAL, EXTREMELY_CRITICAL = "major", "critical", "extremely critical"
WRONG_CHECKPOINT = "wrong checkpoint"
FLUENCY_PROBLEM, APPROPRIATENESS_PROBLEM = "fluency problem", "appropriateness problem"


def metric_s() -> Group:
    """The ledger. Its facts are counts, but for the veto ``NOT_A_TRANSLATION``; its value is in [0, 100]."""
    accuracy = {MAJOR: 5, CRITICAL: 10, EXTREMELY_CRITICAL: 50, WRONG_CHECKPOINT: 5}
    return Group(
        "total",
        (
            Fact(NOT_A_TRANSLATION, 0, gate="veto"),
            _dimension("accuracy", 60, accuracy),
            _dimension("fluency", 20, {FLUENCY_PROBLEM: 2}),
            _dimension("appropriateness", 20, {APPROPRIATENESS_PROBLEM: 5}),
        ),
        out_of=1,
    )


def _dimension(name: str, points: float, costs: Mapping[str, float]) -> Group:
    errors = tuple(Fact(error, -cost, counted=True) for error, cost in costs.items())
    return Group(name, errors, base=points, out_of=1, floor=0)


_CLEAN: dict[str, str | None] = {"整体无问题": None, "无问题": None}
_LABELS: dict[str, dict[str, str | None]] = {
    "accuracy": _CLEAN
    | {"普通": MAJOR, "major": MAJOR, "严重": CRITICAL, "critical": CRITICAL}
    | {"非常严重": EXTREMELY_CRITICAL, "extremely critical": EXTREMELY_CRITICAL},
    "checkpoints": _CLEAN | {"正确": None, "错误": WRONG_CHECKPOINT},
    "fluency": _CLEAN | {"有问题": FLUENCY_PROBLEM},
    "appropriateness": _CLEAN | {"有问题": APPROPRIATENESS_PROBLEM},
}
"""Dimension -> a judge's label -> the error that it counts as."""


def verdicts_of_labels(
    labels: Mapping[str, Iterable[str] | None], *, not_a_translation: bool | None, official: bool = False
) -> dict[str, Verdict]:
    """Verdicts from the labels that the judges gave (``accuracy``, ``checkpoints``, ``fluency``, ``appropriateness``).

    A dimension without labels (none given, for a clean text is labelled clean), or with one that is none of the
    scheme's, is not judged.
    ``official`` counts as the published code does: an unknown label is a major error in accuracy and nothing
    elsewhere, and a dimension without labels is free of errors.
    """
    verdicts: dict[str, Verdict] = {NOT_A_TRANSLATION: not_a_translation}
    for dimension, meanings in _LABELS.items():
        errors = {error for error in meanings.values() if error is not None}
        given = labels.get(dimension)
        said = [label.strip().casefold() for label in given or ()]
        known = [meanings[label] for label in said if label in meanings]
        unknown = len(said) - len(known)
        judged = official or bool(said and not unknown)
        verdicts |= {error: known.count(error) if judged else None for error in errors}
        if official and dimension == "accuracy":
            verdicts[MAJOR] = known.count(MAJOR) + unknown
    return verdicts
