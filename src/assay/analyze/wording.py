"""Words that promise more than a number: each is allowed only with the evidence that it needs.

"Because" needs an experiment, "unstable" needs repeated attempts, "always" needs a share of one. The table is
short on purpose: it holds the words by which reports have been caught claiming too much (causes inferred from
association, the gap between best and worst of n called instability, shares of overlapping labels told as a
partition). The invariant: a word is judged by the finding's evidence as recomputed, never by who wrote it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from assay.analyze.claims import Combination, Statistic
from assay.analyze.findings import Finding
from assay.analyze.recompute import Recomputed

Values = Mapping[str, Recomputed]


class Term(NamedTuple):
    """Words with what they need."""

    pattern: re.Pattern[str]
    allowed: Callable[[Finding, Values], bool]
    needs: str


def overclaims(finding: Finding, values: Values) -> list[str]:
    """What the claim's words promise and its evidence does not keep; one line each.

    Args:
        finding: the claim with its evidence.
        values: the recomputed evidence by name.
    """
    found = []
    for term in _TERMS:
        match = term.pattern.search(finding.claim)
        if match and not term.allowed(finding, values):
            found.append(f"{match[0].strip()!r} needs {term.needs}")
    return found


def _statistics(finding: Finding) -> Iterable[Statistic]:
    for evidence in finding.evidence:
        if isinstance(evidence.expression, Combination):
            yield from (evidence.expression.a, evidence.expression.b)
        else:
            yield evidence.expression


def _probed(finding: Finding, values: Values) -> bool:
    return finding.probe is not None and finding.probe.confirmed


def _repeated(finding: Finding, values: Values) -> bool:
    return any(s.kind in ("flip_rate", "sd") for s in _statistics(finding))


def _tested(finding: Finding, values: Values) -> bool:
    return finding.test is not None


def _share(test: Callable[[float], bool]) -> Callable[[Finding, Values], bool]:
    def allowed(finding: Finding, values: Values) -> bool:
        shares = [e for e in finding.evidence if isinstance(e.expression, Statistic) and e.expression.kind == "share"]
        return any(test(values[e.name].value) for e in shares if e.name in values)

    return allowed


def _ratio(low: float, high: float) -> Callable[[Finding, Values], bool]:
    def allowed(finding: Finding, values: Values) -> bool:
        for evidence in finding.evidence:
            e = evidence.expression
            if isinstance(e, Combination) and evidence.name in values:
                value = values[evidence.name].value
                ratio = value if e.op == "ratio" else 1 + value if e.op == "relative_change" else None
                if ratio is not None and low <= ratio <= high:
                    return True
        return False

    return allowed


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_CAUSAL = (
    r"\bbecause\b|\bdue to\b|\bcaus(?:e|es|ed|ing|al|ally)\b|\bleads? to\b|\bled to\b|\bdriven by\b"
    r"|\bresult(?:s|ed|ing)? (?:in|from)\b|\bstem(?:s|med|ming)? from\b|\bowing to\b|\bthanks to\b"
    r"|\bexplain(?:s|ed)? (?:by|why|the)\b|\bmakes? the model\b|\bas a (?:result|consequence)\b|\bconsequently\b"
    r"|\battributable to\b|\broot cause\b|因为|由于|导致|造成|归因于|从而使"
)
_SPREAD = r"\b(?:in|un)stab(?:le|ility)\b|\bvarian(?:ce|t)\b|\bvolatil(?:e|ity)\b|\binconsisten(?:t|cy)\b|不稳定|波动"


def _about_half(finding: Finding, values: Values) -> bool:
    return _share(lambda x: abs(x - 0.5) <= 0.05)(finding, values) or _ratio(0.45, 0.55)(finding, values)


def _never_allowed(finding: Finding, values: Values) -> bool:
    return False


_TERMS = (
    Term(_words(_CAUSAL), _probed, "a confirmed probe: an association is no cause"),
    Term(
        _words(_SPREAD),
        _repeated,
        "a flip rate or a standard deviation over repeated attempts: the gap between best and worst of n is none",
    ),
    Term(_words(r"\bsignificant(?:ly)?\b|显著"), _tested, "a test"),
    Term(
        _words(r"\balways\b|\bin (?:all|every) cases?\b|\bwithout exception\b|总是|全部"),
        _share(lambda x: x == 1),
        "a share of exactly 100 %",
    ),
    Term(_words(r"\bnever\b|\bin no cases?\b|从不|从未"), _share(lambda x: x == 0), "a share of exactly 0 %"),
    Term(
        _words(r"\bmost(?:ly)? of\b|\bmostly\b|\bmajority\b|\bpredominantly\b|大多数|大部分"),
        _share(lambda x: x > 0.5),
        "a share above 50 %",
    ),
    Term(_words(r"\bhal(?:f|ves)\b|\bhalved\b|一半"), _about_half, "a share or ratio of about one half"),
    Term(_words(r"\bdoubl(?:e|es|ed|ing)\b|\btwice\b|翻倍|两倍"), _ratio(1.85, 2.15), "a ratio of about two"),
    Term(_words(r"\btripl(?:e|es|ed|ing)\b|三倍"), _ratio(2.8, 3.2), "a ratio of about three"),
    Term(
        _words(r"\bproves?\b|\bproven\b|\bundoubtedly\b|\bcertainly\b|证明了|毫无疑问"),
        _never_allowed,
        "more than statistics can give",
    ),
)
"""A pattern, what allows it, and what to say otherwise."""
