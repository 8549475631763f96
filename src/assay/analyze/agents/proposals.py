"""From what an analyst submits to a ``Finding``: code writes every number, and refuses what no number can back.

An analyst submits expressions and a sentence with places for them, such as ``"On long prompts it scores {long}."``;
the values, their rounding, their units, the direction and the held-out test are filled in here, from the records.
Words are kept only around numbers: a sentence without one, praise and blame, links and markup are refused, since a
text that merely says "flawless" holds nothing that the gate could recompute. The invariant: what comes out of here
is still only a proposal, whose numbers were computed from all cases and shown to nobody.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

import msgspec
from msgspec import Struct

from assay.analyze.claims import ClaimUnresolvable, Combination, Expression, Selection, Statistic, select
from assay.analyze.contrasts import Contrast, contrast
from assay.analyze.findings import CitedCase, ClaimType, Evidence, Finding, HeldOutTest, Probe
from assay.analyze.gate import judge
from assay.analyze.recompute import Recomputed, recompute
from assay.analyze.sayings import FRACTIONS, Unit, printed, scale

if TYPE_CHECKING:
    import polars as pl

SUSPICION = 0.05
"""p-value that a difference must reach on the discovery half before it is worth a held-out test."""
LONGEST_EXPRESSIONS = 12
_PLACE = re.compile(r"\{(\w{1,60})(?:\.(interval|n))?\}")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n+")
_EVALUATIVE = re.compile(
    r"\b(?:perfect(?:ly|ion)?|flawless(?:ly)?|excellent(?:ly)?|superb|outstanding|amazing|brilliant|impressive(?:ly)?"
    r"|exceptional(?:ly)?|unbeatable|unmatched|unrivall?ed|state[- ]of[- ]the[- ]art|sota|world[- ]class|superior"
    r"|best(?![- ]of)|ideal|infallible|faultless|trustworthy|recommend(?:ed)?"
    r"|no (?:known )?(?:weakness(?:es)?|errors?|flaws?|mistakes?|problems?)"
    r"|terrible|useless|awful|worthless|dangerous|unsafe|malicious|worst(?![- ]of))\b"
    r"|完美|无懈可击|最好|最佳|最强|优秀|卓越|糟糕|最差|没有(?:弱点|错误|缺陷)",
    re.IGNORECASE,
)
_MARKUP = re.compile(r"https?:|www\.|<[A-Za-z/!]|\]\(|```|javascript:", re.IGNORECASE)


class ProposalRefused(Exception):
    """What an analyst submitted cannot become a finding, with the reason for the analyst."""


class Stated(Struct, frozen=True):
    """A number of a proposal."""

    name: str
    expression: Expression
    unit: Unit | None = None
    decimals: int | None = None
    stated: float | None = None


class Proposal(Struct, frozen=True):
    """What an analyst submits."""

    focus: str
    claim: str
    claim_type: ClaimType
    evidence: tuple[Stated, ...]
    cases: tuple[str, ...] = ()
    """Ids, which have to fulfil ``selection``."""
    selection: Selection = ()
    test: Combination | None = None
    multi_label: bool | None = None
    denominator: str | None = None
    counter_evidence: tuple[Stated, ...] = ()
    probe: str | None = None
    """Name of a probe that was run."""


def parsed(arguments: dict[str, Any], model: str) -> Proposal:
    """A proposal from the analyst's JSON. Raises ``ProposalRefused``."""
    try:
        return msgspec.convert(_complete(arguments, model), Proposal)
    except msgspec.ValidationError as error:
        raise ProposalRefused(f"not a finding: {error}") from None


def expression_of(value: Any, model: str) -> Expression:
    """An expression from the analyst's JSON. Raises ``ProposalRefused``."""
    try:
        found: Expression = msgspec.convert(_complete(value, model), Expression)
    except msgspec.ValidationError as error:
        raise ProposalRefused(f"not an expression: {error}") from None
    return found


def suspicion(test: Combination, discovery: pl.DataFrame) -> Contrast:
    """A difference as the discovery half has it. Raises ``ProposalRefused``."""
    if test.op != "difference":
        raise ProposalRefused("only a difference of means or shares has a test")
    try:
        return contrast(test, discovery)
    except ClaimUnresolvable as error:
        raise ProposalRefused(str(error)) from None


def finding_of(
    proposal: Proposal,
    cases: pl.DataFrame,
    discovery: pl.DataFrame,
    *,
    identity: str,
    source: str,
    model: str,
    against: tuple[str, ...],
    probe: Probe | None = None,
) -> Finding:
    """The finding that a proposal stands for. Raises ``ProposalRefused``."""
    if not 0 < len(proposal.evidence) + len(proposal.counter_evidence) <= LONGEST_EXPRESSIONS:
        raise ProposalRefused(f"a finding has 1 to {LONGEST_EXPRESSIONS} numbers")
    try:
        if not select(cases, proposal.selection, model).height:
            raise ProposalRefused("no case fulfils the selection")
    except ClaimUnresolvable as error:
        raise ProposalRefused(f"selection: {error}") from None
    evidence, values = _evidence(proposal.evidence, cases)
    counter, _ = _evidence(proposal.counter_evidence, cases)
    claim = _filled(proposal.claim, evidence, values)
    _check_words(claim, proposal)
    test = _test(proposal, evidence, discovery)
    made = Finding(
        identity,
        " ".join(proposal.focus.split())[:120],
        claim,
        proposal.claim_type,
        _subjects(evidence, model, against),
        evidence,
        tuple(CitedCase(one, proposal.selection) for one in proposal.cases[:6]),
        proposal.selection,
        test,
        proposal.multi_label,
        proposal.denominator,
        probe,
        counter,
        source,
    )
    _check_gate(made, cases)
    return made


def _check_gate(finding: Finding, cases: pl.DataFrame) -> None:
    """Refuse now what the gate will hold back for its form; of the held-out test nothing is told.

    Else a sentence that cannot be published would stand in the way of one that can. Raises ``ProposalRefused``.
    """
    (judged,) = judge([finding], cases)
    for check in judged.checks:
        if check.passed or check.what in _HELD_OUT:
            continue
        hidden = check.what == "numbers" or check.what.startswith("evidence ")
        why = "a stated number is not what the records give: write {name} in its place" if hidden else check.reason
        raise ProposalRefused(f"{check.what}: {why}")


_HELD_OUT = ("test", "held-out sign", "false discovery rate")


def _evidence(stated: tuple[Stated, ...], cases: pl.DataFrame) -> tuple[tuple[Evidence, ...], dict[str, Recomputed]]:
    found: list[Evidence] = []
    values: dict[str, Recomputed] = {}
    for one in stated:
        if not one.name.isidentifier() or len(one.name) > 40:
            raise ProposalRefused("a number has a name of letters, digits and _")
        _check_columns(one.expression, cases)
        if one.name in values:
            raise ProposalRefused(f"two numbers are called {one.name!r}")
        try:
            value = recompute(one.expression, cases)
        except ClaimUnresolvable as error:
            raise ProposalRefused(f"{one.name}: {error}") from None
        unit, decimals = _printing(one, cases)
        number = round(value.value, decimals + 2 if unit in FRACTIONS else decimals)
        found.append(Evidence(one.name, number if one.stated is None else one.stated, one.expression, unit, decimals))
        values[one.name] = value
    return tuple(found), values


def _check_columns(expression: Expression, cases: pl.DataFrame) -> None:
    """Refuse a rank of what is no number. Raises ``ProposalRefused``."""
    for s in _statistics(expression):
        kind = cases.schema.get(s.column)
        if s.kind == "rank" and (kind is None or not (kind.is_numeric() or str(kind) == "Boolean")):
            raise ProposalRefused(f"column {s.column[:60]!r} holds no numbers to rank by")


def _printing(one: Stated, cases: pl.DataFrame) -> tuple[Unit, int]:
    """Unit and decimals of a number: the analyst's where they make sense, else by what it is a number of."""
    e = one.expression
    first = e if isinstance(e, Statistic) else e.a
    plain: Unit
    change: Unit
    plain, change, decimals = ("share", "points", 1) if first.kind in ("share", "flip_rate") else _scale(first, cases)
    if first.kind in ("count", "rank") and isinstance(e, Statistic):
        return ("count" if first.kind == "count" else "rank"), 0
    if isinstance(e, Combination):
        units: dict[str, Unit] = {"difference": change, "ratio": "ratio", "relative_change": "share"}
        plain = units[e.op]
        decimals = 2 if e.op == "ratio" else decimals
    asked: Unit = one.unit if one.unit in ("tokens", "seconds", "dollars") and plain == "number" else plain
    return asked, decimals if one.decimals is None else max(0, min(4, one.decimals))


def _scale(s: Statistic, cases: pl.DataFrame) -> tuple[Unit, Unit, int]:
    unit, change, decimals = scale(cases, s.column) if s.column in cases.columns else ("number", "number", 1)
    return (unit, change, decimals) if s.kind != "sum" else ("number", "number", 1)


def _filled(claim: str, evidence: tuple[Evidence, ...], values: dict[str, Recomputed]) -> str:
    """The sentence with the recomputed numbers in their places."""
    by_name = {one.name: one for one in evidence}

    def number(match: re.Match[str]) -> str:
        name, part = match[1], match[2]
        if name not in by_name:
            raise ProposalRefused(f"the claim has a place {{{name}}} and no evidence of that name")
        one, value = by_name[name], values[name]
        if part == "n":
            return f"{value.n:,}"
        if part == "interval":
            if value.lower is None or value.upper is None:
                raise ProposalRefused(f"{name} has no interval ({value.method})")
            return f"[{_signed(value.lower, one)}, {_signed(value.upper, one)}]"
        return _signed(value.value, one)

    return _PLACE.sub(number, " ".join(claim.split(" ")).strip())


def _signed(value: float, one: Evidence) -> str:
    text = printed(value, one.unit, one.decimals or 0)
    change = isinstance(one.expression, Combination) and one.expression.op != "ratio"
    return f"{'-' if value < 0 else '+'}{text}" if change else text


def _check_words(claim: str, proposal: Proposal) -> None:
    """Refuse words that no number stands behind. Raises ``ProposalRefused``."""
    every = f"{claim} {proposal.focus} {proposal.denominator or ''}"
    for pattern, what in ((_EVALUATIVE, "a judgement that no number backs"), (_MARKUP, "markup or a link")):
        if match := pattern.search(every):
            raise ProposalRefused(f"{match[0]!r} is {what}: say what was measured")
    for sentence in _SENTENCE.split(proposal.claim):
        if sentence.strip() and not _PLACE.search(sentence):
            raise ProposalRefused(f"a sentence has no {{place}} for a number: {sentence.strip()[:120]!r}")
    if re.search(r"\d\s?%|\d\.\d", proposal.focus):
        raise ProposalRefused("the focus states a number: numbers belong into the claim")


def _test(proposal: Proposal, evidence: tuple[Evidence, ...], discovery: pl.DataFrame) -> HeldOutTest | None:
    """The held-out test with the direction that the discovery half gives. Raises ``ProposalRefused``."""
    test = proposal.test
    if test is None:
        differences = [e.expression for e in evidence if isinstance(e.expression, Combination)]
        test = next((e for e in differences if e.op == "difference" and e.a.kind in ("mean", "share")), None)
    if test is None:
        picked = [s for one in evidence for s in _statistics(one.expression) if s.where and s.column in _SCORES]
        needed = proposal.claim_type in ("difference", "contrast", "association")
        if needed or any(s.kind not in ("count", "share") for s in picked):
            raise ProposalRefused("a score on cases that were picked needs a `test`: a difference of two means")
        return None
    found = suspicion(test, discovery)
    if not found.p <= SUSPICION:
        raise ProposalRefused(f"on the discovery half the difference is {found.value:+.3g} with p = {found.p:.2g}")
    return HeldOutTest(test, "lower" if found.value < 0 else "higher")


_SCORES = ("score", "right")


def _statistics(e: Expression) -> tuple[Statistic, ...]:
    return (e,) if isinstance(e, Statistic) else (e.a, e.b)


def _subjects(evidence: tuple[Evidence, ...], model: str, against: tuple[str, ...]) -> tuple[str, ...]:
    named = {s.model for one in evidence for s in _statistics(one.expression)}
    return (model, *(other for other in against if other in named))


def _complete(value: Any, model: str) -> Any:
    """The JSON with what models leave out: the kind of an expression, and the model that statistics are about."""
    if isinstance(value, list):
        return [_complete(one, model) for one in value]
    if not isinstance(value, dict):
        return value
    full = {key: _complete(one, model) for key, one in value.items() if one is not None or key == "value"}
    if full.get("op") in _OPS and "a" in full:
        full["type"] = "combination"
    elif full.get("kind") in _KINDS:
        full["type"] = "statistic"
        full.setdefault("model", model)
    return full


_KINDS = get_args(get_type_hints(Statistic)["kind"])
_OPS = get_args(get_type_hints(Combination)["op"])
