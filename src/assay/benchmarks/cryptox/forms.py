"""The three forms of a question in code: answered in one turn, only decoded, or decoded and then answered.

In the last there is nothing to decode at level 0, so it has no such level: it is compared with the first
form at the levels that both have.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from assay.benchmarks.cryptox.decoding import MARK
from assay.benchmarks.cryptox.levels import Level, level_metrics
from assay.benchmarks.cryptox.prompts import Form
from assay.errors import UsageError
from assay.records import Metric, Sample


def asked_levels(benchmark: str, levels: Sequence[Level], form: Form) -> tuple[Level, ...]:
    """The levels that a form has. Raises ``UsageError`` where none is left."""
    asked = tuple(level for level in levels if form != "multi-round" or level.amount)
    if not asked:
        raise UsageError(f"{benchmark}: form=multi-round has nothing to decode at level 0: give higher ones")
    return asked


def form_metrics(main: Metric, levels: Sequence[Level], form: Form) -> tuple[Metric, ...]:
    """The main metric and its areas over the levels, with how well the text was decoded where that is known."""
    if form == "single":
        return level_metrics(main, levels)
    if form == "decode":
        main = Metric("exact")
    plain = msgspec.structs.replace(main, by="level", where={})
    decoded = [msgspec.structs.replace(plain, name="decoded", value="decoded")] if form == "multi-round" else []
    near = msgspec.structs.replace(plain, name="similarity", value="similarity")
    return (*level_metrics(main, levels), *decoded, near)


def second_turn(sample: Sample) -> list[str]:
    """What is asked after the decoding."""
    return [sample.metadata["follow_up"]]


def answer_line(sample: Sample) -> str:
    """A reply that gives the sample's answer."""
    return f"Answer: {sample.target}"


def decoded_line(sample: Sample) -> str:
    """A reply that gives the sample's text decoded."""
    return f"{MARK} {sample.target}"
