"""A hint after the question: from the sample's own metadata, or from a file of hints by sample id."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from assay.benchmarks.rulemodes.base import with_text_after_question
from assay.benchmarks.rulemodes.prompts import hint_text
from assay.errors import UsageError
from assay.records import Sample


def hinted_samples(samples: Iterable[Sample], column: str, by_id: Mapping[str, Any] | None) -> Iterator[Sample]:
    """The samples with their hints. Raises ``UsageError`` where one has none."""
    for sample in samples:
        given = sample.metadata.get(column) if by_id is None else by_id.get(sample.id)
        hint = "\n".join(map(str, given)) if isinstance(given, list | tuple) else str(given or "")
        if not hint.strip():
            where = f"metadata {column!r}" if by_id is None else "the file of hints"
            raise UsageError(f"hinted: sample {sample.id} has no hint in {where}")
        made = with_text_after_question(sample, hint_text(hint))
        yield msgspec.structs.replace(made, metadata={**sample.metadata, "hint": hint})
