"""The ledger of a report: every number that it shows, in words, with n, interval, method and verdict.

Whoever writes a number into the report asks the ledger for a link to it; the ledger's table is the last chapter
but one. The invariant: one expression has one row, however often it is quoted.
"""

from __future__ import annotations

from collections.abc import Iterable

from assay.analyze.claims import Combination, Condition, Expression, Selection, Statistic
from assay.analyze.findings import Evidence, Finding, Judged
from assay.analyze.numerals import Numeral, numerals
from assay.analyze.recompute import Recomputed
from assay.report.diagnosis.document import Grid, Line, Link, Row, Strong
from assay.report.numbers import NONE, count
from assay.report.sections import Column
from assay.store.encoding import encode

_LONGEST = 160
"""Characters of a name or value that is shown in a row."""
_LONGEST_CLAIM = 1_000
_OPS = {"difference": "less", "ratio": "divided by", "relative_change": "divided by"}
_SAYS = {"==": "is", "!=": "is not", "in": "is one of", "contains": "contains", "<=": "≤", ">=": "≥"}
_PLAIN = {
    "best_of_n": "mean over samples of the best attempt's",
    "worst_of_n": "mean over samples of the worst attempt's",
}


class Ledger:
    """The numbers of a report in the order of their first mention."""

    def __init__(self) -> None:
        """Start empty."""
        self._rows: dict[bytes, Row] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def link(
        self, expression: Expression, found: Recomputed, unit: str, text: str | None = None, status: str = "recomputed"
    ) -> Link:
        """A link to the row of a number, written as ``text`` or by its unit."""
        key = encode((expression, written(found.value, unit), status))
        anchor = self._row(key, words(expression), found, unit, status)
        return Link(written(found.value, unit) if text is None else text, anchor)

    def counted(self, what: str, found: Recomputed, unit: str) -> Line:
        """A linked number with its interval, of cases that no expression picks: told in words."""
        anchor = self._row(encode((what, found)), what, found, unit, "counted")
        return _with_ends(Link(written(found.value, unit), anchor), found, unit)

    def _row(self, key: bytes, what: str, found: Recomputed, unit: str, status: str) -> str:
        if key not in self._rows:
            number = f"{len(self._rows) + 1}"
            cells = (number, what, written(found.value, unit), _n(found), ends(found, unit), found.method, status)
            self._rows[key] = Row(tuple((cell,) for cell in cells), f"e{number}")
        return self._rows[key].anchor

    def measured(self, expression: Expression, found: Recomputed, unit: str) -> Line:
        """A linked number with its interval."""
        return _with_ends(self.link(expression, found, unit), found, unit)

    def table(self) -> Grid:
        """All the rows."""
        columns = (
            *(Column("#", numeric=True), Column("what")),
            *(Column(name, numeric=True) for name in ("value", "n", "95 % interval")),
            *(Column(name) for name in ("interval by", "status")),
        )
        return Grid(columns, tuple(self._rows.values()))


def _with_ends(link: Link, found: Recomputed, unit: str) -> Line:
    interval = ends(found, unit)
    return (link,) if interval == NONE else (link, f" {interval}")


def claim(judged: Judged, ledger: Ledger) -> Line:
    """A finding's claim in which each number is a link to its evidence, where it has one."""
    text = cut(judged.finding.claim, _LONGEST_CLAIM)
    links = {e.name: evidence_link(e, judged, ledger) for e in judged.finding.evidence}
    pieces: list[str | Link | Strong] = []
    at = 0
    for numeral in numerals(text, _names(judged.finding)):
        link = links.get(_meant(numeral, judged) or "")
        start, end = numeral.span
        if link is not None and start >= at:
            pieces += [text[at:start], Link(text[start:end], link.to)]
            at = end
    return tuple(piece for piece in (*pieces, text[at:]) if piece != "")


def evidence_link(evidence: Evidence, judged: Judged, ledger: Ledger) -> Link | None:
    """A link to the row of a claim's evidence, with the gate's verdict; ``None`` where it did not resolve."""
    value = judged.recomputed.get(evidence.name)
    if value is None:
        return None
    passed = all(check.passed for check in judged.checks if check.what == f"evidence {evidence.name}")
    status = "recomputed" if passed else f"stated as {written(evidence.stated, evidence.unit)}"
    return ledger.link(evidence.expression, value, evidence.unit, status=status)


def _meant(numeral: Numeral, judged: Judged) -> str | None:
    """The evidence whose value the numeral is, changes for points; else the one whose count or interval has it."""
    found = [(e, judged.recomputed[e.name]) for e in judged.finding.evidence if e.name in judged.recomputed]
    told = [e for e, value in found if numeral.says(value.value) or numeral.says(-value.value)]
    told.sort(key=lambda e: isinstance(e.expression, Combination) != (numeral.unit == "points"))
    if told:
        return told[0].name
    for evidence, value in found:
        others = (value.n, value.denominator, value.lower, value.upper)
        if any(x is not None and numeral.says(float(x)) for x in others):
            return evidence.name
    return None


def _names(finding: Finding) -> Iterable[str]:
    """Names with digits, which are no numbers."""
    for subject in finding.subjects:
        yield subject
        yield subject.rpartition("/")[2]
    for condition in finding.selection:
        values = condition.value if isinstance(condition.value, tuple) else (condition.value,)
        yield from (value for value in values if isinstance(value, str))


def words(expression: Expression) -> str:
    """An expression as a person reads it."""
    if isinstance(expression, Statistic):
        return _statistic(expression)
    a, b = _statistic(expression.a), _statistic(expression.b)
    after = ", less 1" if expression.op == "relative_change" else ""
    return f"({a}) {_OPS[expression.op]} ({b}){after}"


def _statistic(s: Statistic) -> str:
    whose = f" of {cut(s.model)}" if s.model else " of all models"
    where = f" where {conditions(s.where)}" if s.where else ""
    match s.kind:
        case "share":
            among = f" where {conditions(s.among)}" if s.among else ""
            return f"share of the cases{whose}{among} that have {conditions(s.where) or 'anything'}"
        case "count":
            return f"number of cases{whose}{where}"
        case "rank":
            return f"rank{whose} by mean {s.column} among the models{where}"
        case "flip_rate":
            return f"share of the samples{whose}{where} whose attempts' {s.column} disagree"
        case "best_of_n" | "worst_of_n":
            return f"{_PLAIN[s.kind]} {s.column}, cases{whose}{where}"
        case _:
            return f"{s.kind} of {s.column} over the cases{whose}{where}"


def conditions(selection: Selection) -> str:
    """A conjunction in words."""
    return " and ".join(map(_condition, selection))


def _condition(c: Condition) -> str:
    column = c.column.removeprefix("tag:").removeprefix("num:")
    if c.op in ("missing", "present"):
        return f"{cut(column)} is {c.op}"
    value = c.value
    if isinstance(value, tuple):
        shown = ", ".join(map(str, value[:6])) + (f" or {len(value) - 6} more" if len(value) > 6 else "")
    else:
        shown = (
            str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)
        )
    return f"{cut(column)} {_SAYS.get(c.op, c.op)} {cut(shown)}"


def cut(text: str, most: int = _LONGEST) -> str:
    """A text of bounded length."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def written(value: float, unit: str) -> str:
    """A number with its unit, as tables and evidence show it."""
    if unit in ("share", "score") and 0 <= value <= 1:
        return f"{100 * value:.1f} %"
    if unit in ("share", "score", "points") and -1 <= value <= 1:
        return f"{100 * value:+.1f} points"
    if unit == "ratio":
        return f"{value:.3g}"
    if unit in ("rank", "count"):
        return f"{value:,.0f}"
    if unit == "dollars":
        return f"${value:,.4g}"
    if abs(value) < 1:
        return f"{value:.3g}"
    return f"{value:,.{0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 2}f}"


def ends(found: Recomputed, unit: str) -> str:
    """A number's interval, written as the number is."""
    if found.lower is None or found.upper is None:
        return NONE
    if unit in ("share", "score", "points") and -1 <= found.value <= 1:
        return f"[{100 * found.lower:.1f}, {100 * found.upper:.1f}]"
    return f"[{', '.join(written(x, 'number') for x in (found.lower, found.upper))}]"


def _n(found: Recomputed) -> str:
    return count(found.n) if found.denominator is None else f"{found.n:,} of {found.denominator:,}"
