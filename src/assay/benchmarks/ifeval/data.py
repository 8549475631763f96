"""IFEval's file: prompts, each with the instructions that it gives and their arguments.

``{key, prompt, instruction_id_list, kwargs}``, as JSON Lines or Parquet. An instruction that cannot be checked is an
error with file and line, never one that counts as followed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from assay.benchmarks.ifeval.instructions import fault
from assay.benchmarks.mcq.data import UserFile


class Prompt(Struct, frozen=True):
    """A prompt with its instructions, as (id, arguments)."""

    key: str
    text: str
    instructions: tuple[tuple[str, dict[str, Any]], ...]

    @property
    def groups(self) -> tuple[str, ...]:
        """The families of its instructions, such as ``keywords``."""
        return tuple(dict.fromkeys(name.partition(":")[0] for name, _ in self.instructions))


def read(source: UserFile) -> Iterator[Prompt]:
    """Stream the prompts. Raises ``DatasetMalformed`` with file and line."""
    ids = source.ids()
    for number, row in source.rows():
        names, given, text = row.get("instruction_id_list"), row.get("kwargs"), row.get("prompt")
        if not isinstance(text, str) or not text.strip():
            raise source.malformed(number, "no prompt")
        if not isinstance(names, list) or not isinstance(given, list) or not names or len(names) != len(given):
            raise source.malformed(number, "instruction_id_list and kwargs must be lists of one length")
        # Tables give every instruction all columns, empty where it does not have them.
        pairs = [
            (str(name), {key: v for key, v in (kwargs or {}).items() if v is not None})
            for name, kwargs in zip(names, given, strict=True)
        ]
        for name, arguments in pairs:
            if (problem := fault(name, arguments)) is not None:
                raise source.malformed(number, problem)
        yield Prompt(ids.of(number, {"id": row.get("key")}), text, tuple(pairs))
