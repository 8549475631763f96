"""The gate: what of a report may be published without a person reading it first.

A finding passes when every number in it recomputes from the case records within its rounding, every case that
it cites exists and shows what it is cited for, a prevalence says of what it is a share and whether labels
overlap, its words promise no more than its evidence keeps, and what it says of a difference holds on the half
of the cases that it was not found on, with the false discovery rate of all the report's tests controlled
under any dependence (Benjamini and Yekutieli, 2001). The invariant: nothing that a model wrote decides here,
and a finding that cannot be checked is held back with the reason, never dropped and never an error.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from msgspec.structs import replace

from assay.analyze.claims import ClaimUnresolvable, Combination, Condition, Selection, Statistic, mask
from assay.analyze.contrasts import contrast
from assay.analyze.findings import Check, Evidence, Finding, Judged
from assay.analyze.numerals import Numeral, numerals
from assay.analyze.recompute import Recomputed, recompute
from assay.analyze.wording import overclaims
from assay.measure.multiplicity import benjamini_yekutieli

if TYPE_CHECKING:
    import polars as pl

LONGEST_CLAIM = 800
MOST_EVIDENCE = 40
_HIGHER = re.compile(
    r"\b(?:higher|more|above|better|longer|greater|up|rises?|gains?|exceeds?|faster|ahead)\b|高于|更多|更长", re.I
)
_LOWER = re.compile(
    r"\b(?:lower|less|fewer|below|worse|shorter|smaller|down|falls?|drops?|loses?|slower|behind|short of)\b"
    r"|低于|更少|更短",
    re.I,
)
_INTERVAL = re.compile(r"\[[^\[\]]{1,60}\]")
_TIED = re.compile(
    r"\btied?\b|\bties\b|not separabl|indistinguish|within (?:the )?noise|statistical tie|并列|难分", re.I
)
_LEVEL = re.compile(r"\b9[059](?:\.\d)?\s?% (?:confidence|credible|interval|CI)\b", re.I)


def judge(findings: Sequence[Finding], cases: pl.DataFrame, *, alpha: float = 0.05) -> list[Judged]:
    """Judge all the findings of a report together, in their order.

    Args:
        findings: what somebody claims.
        cases: the case records, with the column ``half``.
        alpha: the false discovery rate of published differences.
    """
    import polars as pl

    held_out = cases.filter(pl.col("half") == "confirmation")
    judged = [_alone(finding, cases, held_out) for finding in findings]
    adjusted = benjamini_yekutieli([np.nan if j.p is None else j.p for j in judged])
    return [_with_q(j, float(q), alpha) for j, q in zip(judged, adjusted, strict=True)]


def _alone(finding: Finding, cases: pl.DataFrame, held_out: pl.DataFrame) -> Judged:
    """Everything that does not need the other findings."""
    values, checks = _recomputed(finding, cases)
    checks += [
        _text(finding),
        _numbers(finding, values),
        *_cited(finding, cases),
        *_prevalence(finding, values, cases),
        *_rank(finding, values, cases),
        _words(finding, values),
    ]
    held, p, tested = _tested(finding, held_out)
    return Judged(finding, False, tuple(checks + tested), values, held, p)


def _with_q(judged: Judged, q: float, alpha: float) -> Judged:
    checks = judged.checks
    if judged.p is not None:
        passed = q <= alpha
        checks += (Check("false discovery rate", passed, "" if passed else f"q = {q:.3g} is above {alpha:g}"),)
    published = all(check.passed for check in checks)
    return replace(judged, checks=checks, q=None if judged.p is None else q, published=published)


def _recomputed(finding: Finding, cases: pl.DataFrame) -> tuple[dict[str, Recomputed], list[Check]]:
    values: dict[str, Recomputed] = {}
    checks = []
    every = (*finding.evidence, *finding.counter_evidence)
    if not finding.evidence or len(every) > MOST_EVIDENCE:
        checks.append(Check("evidence", False, "a claim needs some evidence, and not more than can be read"))
    if len({e.name for e in every}) < len(every):
        checks.append(Check("evidence", False, "two pieces of evidence have one name"))
    for evidence in every[:MOST_EVIDENCE]:
        try:
            value = recompute(evidence.expression, cases)
        except ClaimUnresolvable as error:
            checks.append(Check(f"evidence {evidence.name}", False, str(error)))
            continue
        values[evidence.name] = value
        passed = abs(evidence.stated - value.value) <= _rounding(evidence)
        reason = "" if passed else f"stated {evidence.stated:g}, the records give {value.value:g}"
        checks.append(Check(f"evidence {evidence.name}", passed, reason))
    return values, checks


def _rounding(evidence: Evidence) -> float:
    """How far the stated value may lie from the recomputed one."""
    slack = 1e-9 * max(1.0, abs(evidence.stated))
    if evidence.decimals is None:
        text = repr(float(evidence.stated))
        shown = len(text.partition(".")[2]) if "e" not in text else 12
        return min(0.5, 0.5 * 10.0**-shown) * (1 + 1e-6) + slack
    percent = 2 if evidence.unit in ("share", "points") else 0
    return 0.5 * 10.0 ** -(evidence.decimals + percent) * (1 + 1e-6) + slack


def _text(finding: Finding) -> Check:
    claim = finding.claim
    if not claim.strip() or len(claim) > LONGEST_CLAIM or len(finding.focus) > LONGEST_CLAIM:
        return Check("text", False, f"a claim has 1 to {LONGEST_CLAIM} characters")
    odd = next((c for c in claim + finding.focus if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co")), None)
    return Check("text", odd is None, "" if odd is None else f"control character U+{ord(odd):04X}")


def _numbers(finding: Finding, values: dict[str, Recomputed]) -> Check:
    """Every numeral of the claim is some evidence's number, printed with its own rounding."""
    claim = _LEVEL.sub(lambda match: " " * len(match[0]), finding.claim)
    evidence = {e.name: e for e in finding.evidence}
    intervals = [match.span() for match in _INTERVAL.finditer(claim)]
    for numeral in numerals(claim, _names(finding)):
        inside = any(start <= numeral.span[0] and numeral.span[1] <= end for start, end in intervals)
        stated = [(evidence[name], value) for name, value in values.items() if name in evidence]
        if inside and any(
            numeral.says(end) for _, value in stated for end in (value.lower, value.upper) if end is not None
        ):
            continue
        if any(_is(numeral, e, value, claim) for e, value in stated):
            continue
        if any(numeral.says(bound) for bound in _bounds(finding)):
            continue
        return Check("numbers", False, f"{numeral.text!r} is not the value of any evidence")
    return Check("numbers", True)


def _is(numeral: Numeral, evidence: Evidence, value: Recomputed, claim: str) -> bool:
    if numeral.unit in ("", "k", "million", "M"):
        counts = (value.n, value.denominator)
        if any(count is not None and numeral.says(float(count)) for count in counts):
            return True
    if numeral.says(value.value):
        return (
            numeral.signed or not isinstance(evidence.expression, Combination) or _direction_fits(numeral, value, claim)
        )
    change = isinstance(evidence.expression, Combination) and not numeral.signed
    return change and numeral.says(-value.value) and _direction_fits(numeral, value, claim)


def _direction_fits(numeral: Numeral, value: Recomputed, claim: str) -> bool:
    """Whether the words right after (else right before) an unsigned change say its sign."""
    after = claim[numeral.span[1] : numeral.span[1] + 40]
    before = claim[max(0, numeral.span[0] - 40) : numeral.span[0]]
    for near in (after, before):
        higher, lower = _HIGHER.search(near), _LOWER.search(near)
        if higher or lower:
            first_is_higher = higher is not None and (lower is None or higher.start() < lower.start())
            return first_is_higher == (value.value > 0) or value.value == 0
    return value.value >= 0


def _names(finding: Finding) -> Iterable[str]:
    """Passages with digits that are names, not claims."""
    yield from finding.subjects
    yield from (subject.rpartition("/")[2] for subject in finding.subjects)
    yield from (case.case for case in finding.cases)
    yield from (case.case.partition(":")[2] for case in finding.cases)
    for condition in _conditions(finding):
        yield condition.column.partition(":")[2] or condition.column
        values = condition.value if isinstance(condition.value, tuple) else (condition.value,)
        for value in values:
            if isinstance(value, str):
                yield value
                yield f"{condition.column.partition(':')[2]} {value}"


def _bounds(finding: Finding) -> Iterable[float]:
    """The thresholds by which the claim's own selections are defined."""
    for condition in _conditions(finding):
        values = condition.value if isinstance(condition.value, tuple) else (condition.value,)
        yield from (float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool))


def _conditions(finding: Finding) -> Iterable[Condition]:
    yield from finding.selection
    for evidence in finding.evidence:
        e = evidence.expression
        for s in (e,) if isinstance(e, Statistic) else (e.a, e.b):
            yield from s.where
            yield from s.among


def _cited(finding: Finding, cases: pl.DataFrame) -> Iterable[Check]:
    import polars as pl

    for cited in finding.cases:
        row = cases.filter(pl.col("case") == cited.case)
        what = f"case {cited.case}"
        if row.height != 1:
            yield Check(what, False, "there is no such case")
            continue
        try:
            unlike = next((str(c) for c in cited.label if not mask(row, c)[0]), None)
        except ClaimUnresolvable as error:
            unlike = str(error)
        if unlike is not None:
            yield Check(what, False, f"does not show {unlike}")
        elif cited.quote is not None and cited.quote not in (row["output"][0] or ""):
            yield Check(what, False, "the quoted passage is not in its output")
        elif finding.subjects and row["model"][0] not in finding.subjects:
            yield Check(what, False, f"is a case of {row['model'][0]}, which the finding is not about")
        else:
            yield Check(what, True)


def _prevalence(finding: Finding, values: dict[str, Recomputed], cases: pl.DataFrame) -> Iterable[Check]:
    """Shares of labels: of what, and whether they overlap."""
    shares = [e for e in finding.evidence if isinstance(e.expression, Statistic) and e.expression.kind == "share"]
    if finding.claim_type == "prevalence":
        yield Check("denominator", bool(finding.denominator), "" if finding.denominator else "of what is it a share?")
        said = finding.multi_label is not None
        yield Check("overlap", said, "" if said else "it does not say whether a case may carry several of the labels")
    together: dict[tuple[Selection, str | None], list[Evidence]] = {}
    for evidence in shares:
        assert isinstance(evidence.expression, Statistic)
        together.setdefault((evidence.expression.among, evidence.expression.model), []).append(evidence)
    for (among, model), group in together.items():
        if len(group) < 2 or finding.multi_label:
            continue
        total = sum(values[e.name].value for e in group if e.name in values)
        if total > 1 + 1e-9:
            reason = f"shares of one whole add up to {100 * total:.0f} %: they overlap, and the claim does not say so"
            yield Check("partition", False, reason)
        elif finding.multi_label is False and _overlap(group, among, model, cases):
            yield Check("partition", False, "the labels are told as exclusive, and some cases carry two of them")


def _overlap(group: Sequence[Evidence], among: Selection, model: str | None, cases: pl.DataFrame) -> bool:
    from assay.analyze.claims import select

    try:
        whole = select(cases, among, model)
        counts = np.zeros(whole.height)
        for evidence in group:
            inside = np.ones(whole.height, dtype=bool)
            assert isinstance(evidence.expression, Statistic)
            for condition in evidence.expression.where:
                inside &= mask(whole, condition).to_numpy()
            counts += inside
    except ClaimUnresolvable:
        return False  # said by the evidence's own check
    return bool((counts > 1).any())


def _rank(finding: Finding, values: dict[str, Recomputed], cases: pl.DataFrame) -> Iterable[Check]:
    """A rank whose neighbour cannot be told apart has to be called a tie."""
    for evidence in finding.evidence:
        s = evidence.expression
        if (
            not isinstance(s, Statistic)
            or s.kind != "rank"
            or evidence.name not in values
            or _TIED.search(finding.claim)
        ):
            continue
        near = _inseparable(s, cases)
        if near is not None:
            yield Check("rank", False, f"{s.model} and {near} cannot be told apart: the claim has to say that they tie")


def _inseparable(s: Statistic, cases: pl.DataFrame) -> str | None:
    """The model next to this one in rank whose difference has an interval with 0 in it."""
    for other in cases["model"].unique(maintain_order=True):
        if other == s.model:
            continue
        sides = (Statistic("mean", s.column, s.where, model=m) for m in (s.model, other))
        try:
            found = contrast(Combination("difference", *sides), cases)
        except ClaimUnresolvable:
            continue
        if found.lower <= 0 <= found.upper:
            return str(other)
    return None


def _words(finding: Finding, values: dict[str, Recomputed]) -> Check:
    found = overclaims(finding, values)
    return Check("wording", not found, "; ".join(found))


def _tested(finding: Finding, held_out: pl.DataFrame) -> tuple[Recomputed | None, float | None, list[Check]]:
    """The finding's difference on the cases that it was not found on."""
    selected = finding.claim_type == "level" and bool(finding.selection)
    if finding.test is None:
        needed = selected or finding.claim_type in ("difference", "contrast", "association")
        reason = "a difference, or a level that was picked out of many, has to be tested on held-out cases"
        return None, None, [Check("test", False, reason)] if needed else []
    try:
        found = contrast(finding.test.expression, held_out)
    except ClaimUnresolvable as error:
        return None, None, [Check("test", False, str(error))]
    held = Recomputed(found.value, sum(found.n), None, found.lower, found.upper, found.se, found.method)
    holds = found.value < 0 if finding.test.direction == "lower" else found.value > 0
    reason = "" if holds else f"on held-out cases the difference is {found.value:+.3g}, not {finding.test.direction}"
    return held, found.p, [Check("held-out sign", holds, reason)]
