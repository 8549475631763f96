"""The chapters of a diagnosis in their order.

Published findings stand where their kind belongs, each once, and the summary quotes the first of them. What was
held back has a chapter of its own, with the reasons. The invariant: a published finding and a held-back one never
share a chapter, and no chapter is left out in silence: what there is nothing to say on says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import msgspec

from assay.analyze.findings import Diagnosis, Judged
from assay.analyze.summary import Behaviour
from assay.report.diagnosis import cards, tables, tree
from assay.report.diagnosis.document import Block, Chapter, Fold, Grid, Line, Link, Listing, Row, note, said
from assay.report.diagnosis.evidence import Ledger, claim, cut
from assay.report.numbers import NONE, count

if TYPE_CHECKING:
    import polars as pl

MOST_IN_SUMMARY = 8
MOST_RUNS = 100
_WHERE = {
    "level": "capability",
    "rank": "capability",
    "difference": "capability",
    "association": "behaviour",
    "behaviour": "behaviour",
    "prevalence": "failures",
    "contrast": "competitors",
}


def chapters(diagnosis: Diagnosis, cases: pl.DataFrame) -> list[Chapter]:
    """All chapters.

    Args:
        diagnosis: what was found.
        cases: the case records that it was found in.
    """
    behaviour = msgspec.convert(diagnosis.behaviour, Behaviour)
    model = diagnosis.models[0]
    ledger, quoted = Ledger(), cards.Cases(cases)
    published = [(n, judged) for n, judged in enumerate(_published(diagnosis), 1)]
    held = [judged for judged in diagnosis.findings if not judged.published]

    def shown(place: str) -> list[Block]:
        here = [(n, j) for n, j in published if _WHERE[j.finding.claim_type] == place]
        return [cards.published(judged, n, ledger, quoted) for n, judged in here]

    def chapter(anchor: str, title: str, blocks: Iterable[Block], otherwise: str) -> Chapter:
        found = tuple(blocks)
        return Chapter(anchor, title, found or (said(otherwise),))

    first = Chapter("summary", "Summary", tuple(_summary(diagnosis, behaviour, published, held, ledger)))
    middle = (
        (
            "capability",
            "Capability profile",
            chain(tables.capability(behaviour, model, ledger), tree.blocks(diagnosis.profile, ledger)),
        ),
        ("behaviour", "Behaviour profile", tables.behaviours(behaviour, model, ledger)),
        ("failures", "Failure taxonomy", tables.failures(behaviour, model, ledger)),
        ("competitors", "Against the competitors", tables.contrasts(behaviour, model, ledger)),
    )
    found = [first]
    found += [
        chapter(anchor, title, (*shown(anchor), *blocks), "The records at hand say nothing on this.")
        for anchor, title, blocks in middle
    ]
    found += [
        chapter(
            "efficiency", "Efficiency", tables.efficiency(behaviour, model, ledger), "No use of resources is recorded."
        ),
        chapter("cases", "Representative cases", quoted.blocks(), "No published finding cites a case."),
        chapter(
            "probes", "Probes", cards.probes(published), "No probe was run: nothing here is a statement about causes."
        ),
        Chapter("limits", "Limits", (Listing(tuple((cut(text, 600),) for text in diagnosis.limits)),)),
        Chapter("cost", "Cost of this diagnosis", tuple(_cost(diagnosis))),
        chapter("held", "Held back", cards.held_back(held, ledger), "The gate held nothing back."),
    ]
    evidence = (note("One row a number; a value is recomputed from cases.parquet by its expression."), ledger.table())
    found.append(Chapter("evidence", "Evidence", evidence))
    found.append(Chapter("runs", "Runs", tuple(_runs(diagnosis))))
    return found


def _published(diagnosis: Diagnosis) -> list[Judged]:
    return [judged for judged in diagnosis.findings if judged.published]


def _summary(
    diagnosis: Diagnosis,
    behaviour: Behaviour,
    published: Sequence[tuple[int, Judged]],
    held: Sequence[Judged],
    ledger: Ledger,
) -> Iterable[Block]:
    model = diagnosis.models[0]
    against = f", compared with {plural(len(diagnosis.against), 'model')}" if diagnosis.against else ""
    who = diagnosis.analyst or "statistics alone, no language model"
    yield said(
        f"{cut(model)} on {', '.join(map(cut, diagnosis.tasks))}{against}: {plural(diagnosis.cases, 'case')}, analysed "
        f"by {cut(who)}."
    )
    yield note(
        f"{plural(len(published), 'finding')} passed the gate; {count(len(held))} held back, ",
        Link("with reasons", "held"),
        ". A finding is published when its numbers recompute from the case records and its difference holds on cases "
        "that it was not found on, with the false discovery rate controlled over all of them. Each number is a link to "
        "its evidence.",
    )
    if published:
        yield Listing(tuple(_in_brief(n, judged, ledger) for n, judged in published[:MOST_IN_SUMMARY]))
        if len(published) > MOST_IN_SUMMARY:
            yield note(f"{plural(len(published) - MOST_IN_SUMMARY, 'more finding')} in the chapters below.")
    else:
        yield said("No finding passed the gate: the tables below describe, and nothing is claimed.")
    yield from tables.scores(behaviour, model, ledger)


def plural(n: int, what: str) -> str:
    """``1 model``, ``2 models``."""
    return f"{count(n)} {what}{'' if n == 1 else 's'}"


def _in_brief(number: int, judged: Judged, ledger: Ledger) -> Line:
    return (*claim(judged, ledger), " ", Link("more", f"f{number}"))


def _cost(diagnosis: Diagnosis) -> Iterable[Block]:
    cost = diagnosis.cost
    if cost is None:
        yield said("Not recorded.")
        return
    dollars = NONE if cost.dollars is None else f"${cost.dollars:,.4g}"
    models = 1 + len(diagnosis.against)
    cells = (
        f"{cost.seconds:,.1f}",
        count(cost.calls),
        count(cost.input_tokens),
        count(cost.output_tokens),
        dollars if cost.calls else "$0",
        count(models),
        count(diagnosis.cases // models),
    )
    heads = ("seconds#", "model calls#", "tokens in#", "tokens out#", "cost#", "models#", "cases a model#")
    yield Grid(tables.columns(*heads), (Row(tuple((cell,) for cell in cells)),))


def _runs(diagnosis: Diagnosis) -> Iterable[Block]:
    keys = list(dict.fromkeys(key for run in diagnosis.runs for key in run))
    rows = [Row(tuple((_cell(run.get(key)),) for key in keys)) for run in diagnosis.runs[:MOST_RUNS]]
    if rows:
        grid = Grid(tables.columns(*(key.replace("_", " ") for key in keys)), tuple(rows))
        yield grid if len(rows) <= 4 else Fold(f"{len(diagnosis.runs)} runs", (grid,))
    yield note(f"Made {diagnosis.created}.")


def _cell(value: Any) -> str:
    return NONE if value is None else cut(str(value), 120)
