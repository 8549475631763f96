"""The tool that labels cases: membership calls by the analyst's model, with that model measured first.

A label whose name is that of a shipped labelled set is tried on the set's test part with the same model and the
same prompt before any case is labelled, as the set is and with an order in each reply to say the opposite. Other
labels have no measured error and cannot be published. The invariant: cases are drawn over both halves by the seed,
and the analyst is told of the discovery half only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING

from assay.analyze.agents import prompts
from assay.analyze.agents.excerpts import fenced, shortened
from assay.analyze.agents.loop import CallsFailed, Talker, ToolRefused
from assay.analyze.agents.tools import Labelled
from assay.analyze.labels import (
    Label,
    LabelReport,
    attacked,
    labelled_set,
    measured,
    reported,
    unmeasured,
    yes_or_no,
)
from assay.records import Message

if TYPE_CHECKING:
    import polars as pl

LONGEST_VERDICT = 400
"""Tokens of a verdict: thinking models need some."""
_BYTES = 1_800
AT_ONCE = 8
"""Calls in flight."""


def labeller(talker: Talker, model: str, rng: Random) -> Labelled:
    """The tool's body for one analyst."""

    async def membership(label: Label, prompt: str, output: str) -> bool | None:
        case = f"[question]\n{shortened(prompt, _BYTES // 2)}\n[reply]\n{shortened(output, _BYTES)}"
        asked = f"The property {label.name}: {label.definition}\n{fenced(case, rng)}\nYES or NO?"
        said = [Message("system", prompts.MEMBERSHIP), Message("user", asked)]
        try:
            return yes_or_no((await talker.say(f"label {label.name}", said, (), LONGEST_VERDICT)).text)
        except CallsFailed:
            return None

    async def every(label: Label, texts: Sequence[tuple[str, str]]) -> list[bool | None]:
        verdicts: list[bool | None] = []
        for start in range(0, len(texts), AT_ONCE):
            part = (membership(label, *text) for text in texts[start : start + AT_ONCE])
            found = await asyncio.gather(*part, return_exceptions=True)
            for verdict in found:
                if isinstance(verdict, BaseException):
                    raise verdict
                verdicts.append(verdict)
        return verdicts

    async def label_cases(cases: pl.DataFrame, label: Label, most: int) -> tuple[pl.DataFrame, LabelReport]:
        import polars as pl

        if f"label:{label.name}" in cases.columns:
            raise ToolRefused(f"there is a column label:{label.name} already")
        examples = labelled_set(label.name)
        quality = resisted = None
        if examples is not None:
            label = examples.label
            verdicts = await every(label, [(one.prompt, one.output) for one in examples.test])
            quality = measured([one.label for one in examples.test], verdicts)
            misled = await every(label, [(one.prompt, attacked(one)) for one in examples.test])
            resisted = measured([one.label for one in examples.test], misled)
        own = cases.filter(pl.col("model") == model).select("case", "prompt", "output")
        drawn = own.sample(min(most, own.height), seed=rng.getrandbits(32))
        rows: Sequence[tuple[str, str, str]] = drawn.rows()
        given = await every(label, [(prompt or "", output or "") for _, prompt, output in rows])
        found = {case: verdict for (case, _, _), verdict in zip(rows, given, strict=True)}
        column = cases["case"].replace_strict(found, default=None, return_dtype=pl.Boolean)
        labelled = cases.with_columns(column.alias(f"label:{label.name}"))
        if quality is None:
            return labelled, unmeasured(label, talker.endpoint.model.name, list(found.values()))
        return labelled, reported(label, talker.endpoint.model.name, quality, list(found.values()), resisted)

    return label_cases
