"""Findings as cards, published or held back, and the cases that they cite.

The invariant: a card shows what the gate found, whoever made the claim: the numbers as recomputed, the test on
held-out cases with its p and q, what speaks against it, and for what was held back the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from assay.analyze.findings import Judged
from assay.report.diagnosis.document import Block, Card, Line, Link, Paragraph, Quote, Strong, note, said
from assay.report.diagnosis.evidence import Ledger, claim, cut, ends, evidence_link, written
from assay.report.numbers import count, p_value
from assay.report.sections import Transcript, Turn

if TYPE_CHECKING:
    import polars as pl

MOST_CASES = 48
MOST_CITED = 3
"""Cases of one finding that are named."""
MOST_QUOTED = 2_000
"""Characters of a prompt or output that the page shows."""
MOST_HELD_BACK = 60
_FEW = 6
"""Evidence that a claim's sentence does not link, at most."""


class Cases:
    """The cases that findings cite, in the order in which they are met; the first of them are quoted."""

    def __init__(self, cases: pl.DataFrame) -> None:
        """``cases``: the case records."""
        self._cases = cases
        self._known = set(cases["case"])
        self._anchors: dict[str, str] = {}
        self._cited_by: dict[str, list[Link]] = {}

    def link(self, case: str, back: Link | None = None) -> str | Link:
        """A link to a quoted case, or its id where it is not quoted."""
        if case not in self._anchors:
            if len(self._anchors) >= MOST_CASES or case not in self._known:
                return cut(case)
            self._anchors[case] = f"c{len(self._anchors) + 1}"
        if back is not None:
            self._cited_by.setdefault(case, []).append(back)
        return Link(cut(case), self._anchors[case])

    def blocks(self) -> Iterable[Block]:
        """The quoted cases."""
        import polars as pl

        for case, anchor in self._anchors.items():
            row = self._cases.filter(pl.col("case") == case).row(0, named=True)
            yield Quote(anchor, _transcript(row))
            back = self._cited_by.get(case)
            if back:
                yield note("cited by ", *(piece for link in back for piece in (link, " ")))


def _transcript(row: dict[str, Any]) -> Transcript:
    score = "no score" if row.get("score") is None else f"score {row['score']:g}"
    turns = [Turn("prompt", _quoted(row.get("prompt")))] if row.get("prompt") else []
    if row.get("thinking"):
        turns.append(Turn("thinking", _quoted(row["thinking"])))
    turns.append(Turn("output", _quoted(row.get("output"))))
    gold = f"answer taken: {_quoted(row.get('answer'), 300)}\ntarget: {_quoted(row.get('target'), 300)}"
    turns.append(Turn("scored", f"{row.get('outcome') or score}, {score}\n{gold}"))
    return Transcript(f"{cut(row['case'])} · {cut(row['model'])} · {score}", tuple(turns))


def _quoted(text: str | None, most: int = MOST_QUOTED) -> str:
    if not text:
        return "–"
    if len(text) <= most:
        return text
    return f"{text[: most * 2 // 3]}\n[… {count(len(text) - most)} characters left out …]\n{text[-(most // 3) :]}"


def published(judged: Judged, number: int, ledger: Ledger, cases: Cases) -> Card:
    """A published finding."""
    anchor = f"f{number}"
    return Card(anchor, _title(judged), tuple(_blocks(judged, Link(f"finding {number}", anchor), ledger, cases)))


def _title(judged: Judged) -> Line:
    finding = judged.finding
    return (Strong(cut(finding.focus)), f" · {finding.claim_type} · {cut(finding.source)}")


def _blocks(judged: Judged, back: Link, ledger: Ledger, cases: Cases) -> Iterable[Block]:
    finding = judged.finding
    sentence = claim(judged, ledger)
    yield Paragraph(sentence)
    linked = {piece.to for piece in sentence if isinstance(piece, Link)}
    links = [(e.name, evidence_link(e, judged, ledger)) for e in finding.evidence]
    further = [(name, link) for name, link in links if link is not None and link.to not in linked]
    if further:
        yield note("evidence besides: ", *_listed(further[:_FEW]))
    if judged.held_out is not None and finding.test is not None:
        yield _held_out(judged, ledger)
    if finding.denominator:
        overlap = "a case may have several" if finding.multi_label else "each case has at most one"
        yield note(f"denominator: {cut(finding.denominator)}; {overlap}")
    against = [(e.name, evidence_link(e, judged, ledger)) for e in finding.counter_evidence]
    if any(link is not None for _, link in against):
        yield note("against it: ", *_listed([(name, link) for name, link in against if link is not None]))
    if finding.cases:
        shown = [piece for c in finding.cases[:MOST_CITED] for piece in (cases.link(c.case, back), " ")]
        more = len(finding.cases) - MOST_CITED
        yield note("cases: ", *shown, f"and {more} more" if more > 0 else "")


def _held_out(judged: Judged, ledger: Ledger) -> Block:
    assert judged.held_out is not None
    assert judged.finding.test is not None
    found, test = judged.held_out, judged.finding.test.expression
    unit = next((e.unit for e in judged.finding.evidence if e.expression == test), _unit(test.a.kind, test.a.column))
    link = ledger.link(test, found, unit, status="recomputed on the held-out half")
    numbers = f" {ends(found, unit)}, p {p_value(judged.p)}, q {p_value(judged.q)}, n {count(found.n)}"
    return note("on the held-out half: ", link, numbers)


def _unit(kind: str, column: str) -> str:
    return "points" if kind == "share" or column in ("score", "right") else "number"


def _listed(named: Sequence[tuple[str, Link]]) -> Iterable[str | Link]:
    for at, (name, link) in enumerate(named):
        yield f"{'; ' if at else ''}{cut(name, 60)} "
        yield link


def held_back(judged: Sequence[Judged], ledger: Ledger) -> Iterable[Block]:
    """What did not pass, with the reasons."""
    for one in judged[:MOST_HELD_BACK]:
        reasons = [note(Strong("held back: "), cut(reason, 400)) for reason in one.reasons[:_FEW]]
        yield Card("", _title(one), (Paragraph(claim(one, ledger)), *reasons))
    if len(judged) > MOST_HELD_BACK:
        yield said(f"{len(judged) - MOST_HELD_BACK} more are in diagnosis.json.")


def probes(judged: Sequence[tuple[int, Judged]]) -> Iterable[Block]:
    """Experiments on fresh samples."""
    for number, one in judged:
        probe = one.finding.probe
        if probe is None:
            continue
        found = probe.difference
        yield Card(
            "",
            (
                Strong("confirmed" if probe.confirmed else "not confirmed"),
                " · ",
                Link(f"finding {number}", f"f{number}"),
            ),
            (
                said(cut(probe.question, 600)),
                note(
                    f"with the suspected cause less without: {written(found.value, 'points')} "
                    f"{ends(found, 'points')}, p {p_value(probe.p)}, n {count(found.n)}, "
                    f"{found.method}"
                ),
                note(f"runs: {cut(probe.treated)} against {cut(probe.control)}"),
            ),
        )
