"""What an analyst can do: look, read, label, suspect, test, and submit.

All of it shows the discovery half alone; the other half is kept for the gate. The invariant: a tool returns text
for the model and keeps what counts (findings, labels, tests) on this side, where no reply can change it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from assay.analyze.agents import excerpts
from assay.analyze.agents.loop import Tool, ToolRefused
from assay.analyze.agents.proposals import (
    Proposal,
    ProposalRefused,
    expression_of,
    finding_of,
    parsed,
    suspicion,
)
from assay.analyze.agents.query import QueryRefused, Records
from assay.analyze.behaviour import VARIABLES
from assay.analyze.claims import ClaimUnresolvable, Combination, Condition, Expression, Selection, Statistic, select
from assay.analyze.findings import Finding, HeldOutTest, Probe
from assay.analyze.labels import DEFINITIONS, Label, LabelReport
from assay.analyze.recompute import recompute
from assay.errors import AssayError
from assay.records import ToolSpec

if TYPE_CHECKING:
    import polars as pl

MOST_FINDINGS = 12
"""Of one diagnosis: every further test makes all the others harder to pass."""
MOST_COLUMNS = 120

Labelled = Callable[["pl.DataFrame", Label, int], Awaitable[tuple["pl.DataFrame", LabelReport]]]
Probed = Callable[[str, dict[str, Any]], Awaitable[Probe]]


@dataclass
class Desk:
    """What the analysts of one diagnosis share."""

    cases: pl.DataFrame
    model: str
    against: tuple[str, ...]
    source: str
    rng: Random
    label: Labelled
    probe: Probed | None = None
    """Runs a probe of a kind with arguments; ``None``: there is no model to put one to."""
    findings: list[tuple[Proposal, Finding]] = field(default_factory=list)
    labels: dict[str, LabelReport] = field(default_factory=dict)
    probes: dict[str, Probe] = field(default_factory=dict)
    known: tuple[HeldOutTest, ...] = ()
    """Tests of findings that there are already."""
    records: Records | None = None

    @property
    def discovery(self) -> pl.DataFrame:
        """The half that analysts may look at."""
        import polars as pl

        return self.cases.filter(pl.col("half") == "discovery")

    def tools(self, names: tuple[str, ...] | None = None) -> dict[str, Tool]:
        """The tools by name; all that can work here unless ``names`` says which."""
        made = {
            "describe": _tool("describe", "What columns the case records have, and how many cases.", {}, self.describe),
            "query": _tool(
                "query",
                'Read-only SQL (DuckDB) over the table `cases`, one row a case; quote names such as "tag:x".',
                {"sql": {"type": "string"}},
                self.query,
            ),
            "read_cases": _tool(
                "read_cases",
                f"Read up to {excerpts.MOST_CASES} cases, drawn at random among those that fulfil the conditions.",
                {"where": _LIST, "model": {"type": "string"}, "most": {"type": "integer"}},
                self.read_cases,
            ),
            "label_cases": _tool(
                "label_cases",
                "Ask of each of `most` cases whether it shows a property; adds the column label:NAME. A NAME with "
                f"a labelled set ({', '.join(DEFINITIONS)}) is measured and, where it passes, can be published; others "
                "are for looking only.",
                {"name": {"type": "string"}, "definition": {"type": "string"}, "most": {"type": "integer"}},
                self.label_cases,
            ),
            "propose": _tool("propose", "Note a hypothesis before it is tested.", _HYPOTHESIS, self.propose),
            "test_hypothesis": _tool(
                "test_hypothesis",
                "The difference of two means or shares on your half: value, interval, p.",
                {"expression": _OBJECT},
                self.test_hypothesis,
            ),
            "counter_evidence": _tool(
                "counter_evidence",
                "Look for the opposite of a difference in parts of the cases, split by the values of a column.",
                {"expression": _OBJECT, "column": {"type": "string"}},
                self.counter_evidence,
            ),
            "publish": _tool(
                "publish",
                "Submit a finding. claim_type: level, rank, difference, contrast, prevalence, association, behaviour; "
                "association, difference and contrast are tested on held-out cases.",
                _FINDING,
                self.publish,
            ),
        }
        if self.probe is not None:
            made["probe"] = _tool(
                "probe",
                "Put samples with and without a suspected cause to the model. kind: twin, difficulty (new rules); "
                "padding {words}, language {language}, options, numbers, rule_removed, rule_swapped (the same "
                "questions, changed); selection {key, value, alike} (fresh questions). The score is expected to fall.",
                {"name": {"type": "string"}, "kind": {"type": "string"}, "arguments": _OBJECT},
                self.run_probe,
            )
        return made if names is None else {name: made[name] for name in names}

    async def describe(self, arguments: Mapping[str, Any]) -> str:
        """The columns with their kinds of values."""
        half = self.discovery
        lines = [f"{half.height} cases on your half; models: {', '.join(half['model'].unique().sort())[:1500]}"]
        lines += [_column(half[name]) for name in half.columns[:MOST_COLUMNS]]
        return excerpts.fenced("\n".join(lines), self.rng)

    async def query(self, arguments: Mapping[str, Any]) -> str:
        """Rows for a question in SQL."""
        if self.records is None:
            self.records = Records(self.discovery)
        try:
            return excerpts.fenced(await self.records.ask(str(arguments.get("sql", ""))), self.rng)
        except QueryRefused as refused:
            raise ToolRefused(str(refused)) from None

    async def read_cases(self, arguments: Mapping[str, Any]) -> str:
        """Some cases, shortened."""
        found = self._selected(arguments)
        most = max(1, min(excerpts.MOST_CASES, _whole(arguments.get("most"), 4)))
        drawn = found.sample(min(most, found.height), seed=self.rng.getrandbits(32))
        return f"{found.height} cases fulfil it; {drawn.height} of them:\n{excerpts.read(drawn, self.rng)}"

    async def label_cases(self, arguments: Mapping[str, Any]) -> str:
        """Count how many cases show something."""
        name, definition = str(arguments.get("name", "")).strip(), str(arguments.get("definition", "")).strip()
        if not name.isidentifier() or len(name) > 40 or not 8 <= len(definition) <= 600:
            raise ToolRefused("a label has a name (letters, digits, _) and a definition of 8 to 600 characters")
        most = max(1, min(400, _whole(arguments.get("most"), 60)))
        self.cases, report = await self.label(self.cases, Label(name, definition), most)
        self.labels[name] = report
        self.close()
        column = self.discovery[f"label:{name}"].drop_nulls()
        error = "its error is not known" if report.quality is None else str(report.quality)
        use = "may be published" if report.passed else "for looking only"
        return f"label:{name}: {int(column.sum())} of {len(column)} labelled cases of your half; {error}: {use}"

    async def propose(self, arguments: Mapping[str, Any]) -> str:
        """Nothing but a line in the trace: a hypothesis is on record before its test."""
        return f"Noted: {str(arguments.get('hypothesis', ''))[:300]!r}. Test it with test_hypothesis."

    async def test_hypothesis(self, arguments: Mapping[str, Any]) -> str:
        """A difference on the discovery half."""
        found = suspicion_of(arguments.get("expression"), self.model, self.discovery)
        return (
            f"difference {found.value:+.4g} [{found.lower:+.4g}, {found.upper:+.4g}], p = {found.p:.3g}, "
            f"cases {found.n[0]} and {found.n[1]} ({found.method})"
        )

    async def counter_evidence(self, arguments: Mapping[str, Any]) -> str:
        """A difference in each part of the cases."""
        half, name = self.discovery, str(arguments.get("column", "task"))
        if name not in half.columns:
            raise ToolRefused(f"no column {name[:60]!r}")
        values = half[name].drop_nulls().value_counts(sort=True)[name].head(12).to_list()
        lines = []
        for value in values:
            part = half.filter(half[name] == value)
            try:
                found = suspicion_of(arguments.get("expression"), self.model, part)
            except ToolRefused as refused:
                lines.append(f"{str(value)[:60]}: {refused}")
                continue
            lines.append(f"{str(value)[:60]}: {found.value:+.4g} [{found.lower:+.4g}, {found.upper:+.4g}]")
        return excerpts.fenced("\n".join(lines) or "no values", self.rng)

    async def publish(self, arguments: Mapping[str, Any]) -> str:
        """Submit a finding to the gate."""
        if len(self.findings) >= MOST_FINDINGS:
            raise ToolRefused(
                f"{MOST_FINDINGS} findings are enough: every further test makes the others harder to pass"
            )
        try:
            proposal = parsed(dict(arguments), self.model)
            finding = self.finding(proposal, f"agent-{len(self.findings) + 1}")
        except ProposalRefused as refused:
            raise ToolRefused(str(refused)) from None
        self.findings.append((proposal, finding))
        return f"Submitted as {finding.id}. On your half: {self._shown(finding)}"

    async def run_probe(self, arguments: Mapping[str, Any]) -> str:
        """Put fresh samples to the model."""
        assert self.probe is not None
        name, given = str(arguments.get("name", "")), arguments.get("arguments", {})
        if not name.isidentifier() or name in self.probes or not isinstance(given, dict):
            raise ToolRefused("a probe has a new name (letters, digits, _) and arguments")
        try:
            probe = await self.probe(str(arguments.get("kind", "")), given)
        except AssayError as error:
            raise ToolRefused(str(error)) from None
        self.probes[name] = probe
        found, p = probe.difference, "none" if probe.p is None else f"{probe.p:.3g}"
        state = "confirmed" if probe.confirmed else "not confirmed"
        return f"{probe.question}: difference {found.value:+.3g}, p = {p}, {state}"

    def finding(self, proposal: Proposal, identity: str) -> Finding:
        """The finding that a proposal stands for. Raises ``ProposalRefused``."""
        if proposal.probe is not None and proposal.probe not in self.probes:
            raise ProposalRefused(f"no probe {proposal.probe!r} was run")
        proposal, reports = labelled(proposal, self.labels)
        made = finding_of(
            proposal,
            self.cases,
            self.discovery,
            identity=identity,
            source=self.source,
            model=self.model,
            against=self.against,
            probe=None if proposal.probe is None else self.probes[proposal.probe],
        )
        others = [one.test for _, one in self.findings if one.id != identity]
        if made.test is not None and made.test in (*others, *self.known):
            raise ProposalRefused("this difference has been submitted already")
        if reports:
            told = "; ".join(report.verdict for report in reports)
            made = replace(made, denominator=f"{made.denominator or 'labelled cases'}. {told}")
        return made

    def _shown(self, finding: Finding) -> str:
        """The finding's numbers on the discovery half: the other half's are not the analyst's to see."""
        parts = []
        for evidence in finding.evidence:
            try:
                parts.append(f"{evidence.name} = {recompute(evidence.expression, self.discovery).value:.4g}")
            except ClaimUnresolvable as error:
                parts.append(f"{evidence.name}: {error}")
        return "; ".join(parts)

    def _selected(self, arguments: Mapping[str, Any]) -> pl.DataFrame:
        try:
            where = msgspec.convert(arguments.get("where", []), Selection)
            found = select(self.discovery, where, str(arguments.get("model", self.model)))
        except (msgspec.ValidationError, ClaimUnresolvable) as error:
            raise ToolRefused(str(error)) from None
        if not found.height:
            raise ToolRefused("no case fulfils it")
        return found

    def close(self) -> None:
        """Let go of the copy of the records that queries run on; the next query makes a new one."""
        if self.records is not None:
            self.records.close()
        self.records = None


def suspicion_of(value: Any, model: str, half: pl.DataFrame) -> Any:
    """A difference on one half. Raises ``ToolRefused``."""
    try:
        expression = expression_of(value, model)
        if not isinstance(expression, Combination):
            raise ProposalRefused("a test needs a combination: a difference of two means or shares")
        return suspicion(expression, half)
    except ProposalRefused as refused:
        raise ToolRefused(str(refused)) from None


def labelled(proposal: Proposal, reports: Mapping[str, LabelReport]) -> tuple[Proposal, list[LabelReport]]:
    """The proposal with shares of labelled cases only, and its labels' reports.

    Raises ``ProposalRefused`` for a label that has not passed.
    """
    text = msgspec.json.encode(proposal).decode()
    used = [report for name, report in reports.items() if f'"label:{name}"' in text]
    for report in used:
        if not report.passed:
            raise ProposalRefused(f"label:{report.name} is for looking only: {report.verdict}")
    evidence = tuple(replace(one, expression=_known(one.expression)) for one in proposal.evidence)
    counter = tuple(replace(one, expression=_known(one.expression)) for one in proposal.counter_evidence)
    test = proposal.test
    if test is not None:
        test = replace(test, a=_of_known(test.a), b=_of_known(test.b))
    return replace(proposal, evidence=evidence, counter_evidence=counter, test=test), used


def _known(e: Expression) -> Expression:
    return _of_known(e) if isinstance(e, Statistic) else replace(e, a=_of_known(e.a), b=_of_known(e.b))


def _of_known(s: Statistic) -> Statistic:
    """A share of a label is a share of the cases that were labelled."""
    names = dict.fromkeys(c.column for c in s.where if c.column.startswith("label:")) if s.kind == "share" else {}
    return replace(s, among=(*s.among, *(Condition(name, "present") for name in names)))


def _column(column: pl.Series) -> str:
    name, kind = column.name, column.dtype
    present = column.drop_nulls()
    said = f"{name} ({kind}, {len(present)} present)"
    if name in VARIABLES:
        return f"{said}: {VARIABLES[name].meaning}, {VARIABLES[name].unit}"
    if name.startswith(("tag:", "topic:", "label:")) or name in ("task", "outcome", "options"):
        counts = present.value_counts(sort=True)
        values = [f"{str(value)[:40]} ({n})" for value, n in counts.head(12).iter_rows()]
        return f"{said}: {', '.join(values)}{' ...' if counts.height > 12 else ''}"
    return said


def _whole(value: Any, default: int) -> int:
    return (
        int(value) if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9 else default
    )


def _tool(
    name: str, description: str, properties: dict[str, Any], use: Callable[[Mapping[str, Any]], Awaitable[str]]
) -> Tool:
    return Tool(ToolSpec(name, description, {"type": "object", "properties": properties}), use)


_LIST: dict[str, Any] = {"type": "array", "items": {"type": "object"}}
_OBJECT: dict[str, Any] = {"type": "object"}
_HYPOTHESIS: dict[str, Any] = {"hypothesis": {"type": "string"}}
_FINDING: dict[str, Any] = {
    "focus": {"type": "string"},
    "claim": {"type": "string"},
    "claim_type": {"type": "string"},
    "evidence": {"type": "array", "items": {"type": "object", "description": "{name, expression}"}},
    "selection": _LIST,
    "test": _OBJECT,
    "cases": {"type": "array", "items": {"type": "string"}},
    "multi_label": {"type": "boolean"},
    "denominator": {"type": "string"},
    "counter_evidence": _LIST,
    "probe": {"type": "string"},
}
