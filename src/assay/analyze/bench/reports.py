"""From case records to judged findings, and what a set of them says of groups of questions.

The invariant: the bench runs what ``assay diagnose`` runs, the statistician and the gate, and reads nothing from a
finding but its records: type, selection, test.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from assay.analyze.bench.worlds import Members, World
from assay.analyze.claims import Selection, Statistic
from assay.analyze.findings import Finding, Judged
from assay.analyze.gate import judge
from assay.analyze.statistician import investigate

if TYPE_CHECKING:
    import polars as pl


def report(
    cases: pl.DataFrame, model: str, against: Sequence[str] = (), *, seed: int = 0, alpha: float = 0.05
) -> list[Judged]:
    """What the statistician finds, as the gate judges it."""
    return judge(investigate(cases, model, against, seed=seed, alpha=alpha), cases, alpha=alpha)


def published(judged: Iterable[Judged]) -> list[Finding]:
    """Findings that the gate lets through."""
    return [one.finding for one in judged if one.published]


def tested(judged: Iterable[Judged]) -> list[Finding]:
    """Published findings that claim a difference: descriptions such as the overall level cannot be false alarms."""
    return [one.finding for one in judged if one.published and one.finding.test is not None]


def sides(finding: Finding) -> tuple[Statistic, Statistic]:
    """The two statistics that a finding's test compares. Only for findings that have a test."""
    assert finding.test is not None
    return finding.test.expression.a, finding.test.expression.b


def column(finding: Finding) -> str:
    """What a finding's test compares: a column, or the one that its share is about."""
    a, _ = sides(finding)
    return a.where[0].column if a.kind == "share" and a.where else a.column


def is_contrast(finding: Finding) -> bool:
    """Whether two models are compared."""
    a, b = sides(finding)
    return a.model != b.model


def is_weakness(finding: Finding, model: str) -> bool:
    """Whether it says that a model scores lower on a selection than elsewhere."""
    if finding.test is None or not finding.selection or finding.claim_type not in ("level", "difference"):
        return False
    return finding.test.direction == "lower" and column(finding) == "score" and sides(finding)[0].model == model


def weak_sets(findings: Iterable[Finding], model: str, world: World) -> list[Members]:
    """The sets of questions that a report calls weak."""
    return [world.members(finding.selection) for finding in findings if is_weakness(finding, model)]


def key(finding: Finding) -> tuple[str, Selection, str]:
    """What a finding is about, without its numbers: two reports that share it say the same."""
    direction = "" if finding.test is None else finding.test.direction
    return (finding.claim_type if finding.test is None else column(finding), finding.selection, direction)
