"""A dataset's configuration, and a program that draws its entries: one a line on standard output.

Some generators go through sets of strings, whose order Python changes from process to process. The same
seed gives the same entries only under a fixed hash seed, and so they are drawn in a process of their own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import msgspec

from assay.benchmarks.reasoning_gym.entries import plain
from assay.errors import DatasetMalformed, UsageError


class Specification(msgspec.Struct, frozen=True):
    """Which entries to draw."""

    name: str
    size: int
    seed: int
    level: int | None
    """Of the dataset's curriculum; ``None`` for its default configuration."""
    given: dict[str, Any]
    """Fields of the configuration that the user sets."""


def configuration(wanted: Specification) -> dict[str, Any]:
    """The fields of a dataset's configuration. Raises ``UsageError`` for a level that it does not have."""
    from reasoning_gym.factory import CURRICULA, create_curriculum

    name, level = wanted.name, wanted.level
    basis: dict[str, Any] = {"seed": wanted.seed, "size": wanted.size}
    if level is None:
        return basis | wanted.given
    if name not in CURRICULA:
        raise UsageError(f"reasoning-gym/{name} has no curriculum, so no level")
    curriculum = create_curriculum(name)
    depth = max(len(attribute.levels) for attribute in curriculum.attributes.values())
    if not 0 <= level < depth:
        raise UsageError(f"reasoning-gym/{name}: level={level} will not do: from 0 to {depth - 1}")
    curriculum.set_global_level(level)
    made = curriculum.generate_configuration(basis)
    return {field: getattr(made, field) for field in made.__dataclass_fields__} | wanted.given


def entries(wanted: Specification) -> Iterator[dict[str, Any]]:
    """Stream a dataset's entries in plain form. Raises ``DatasetMalformed`` where its generator fails."""
    program = [sys.executable, "-m", "assay.benchmarks.reasoning_gym.generate", msgspec.json.encode(wanted).decode()]
    with subprocess.Popen(  # noqa: S603
        program,
        env={**os.environ, "PYTHONHASHSEED": "0"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # some generators print dots
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                row = msgspec.json.decode(line)
                if "error" in row:
                    raise DatasetMalformed(f"reasoning-gym/{wanted.name}: its generator failed: {row['error']}")
                yield row
            if process.wait() != 0:
                reason = f"its generator ended with exit code {process.returncode}"
                raise DatasetMalformed(f"reasoning-gym/{wanted.name}: {reason}")
        finally:
            process.kill()


def _main(specification: str) -> None:
    from reasoning_gym import create_dataset

    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a generator prints is no entry
    wanted = msgspec.json.decode(specification, type=Specification)
    try:
        dataset = create_dataset(wanted.name, **configuration(wanted))
        for index in range(len(dataset)):
            out.write(msgspec.json.encode(plain(dataset[index])) + b"\n")
    except Exception as error:
        out.write(msgspec.json.encode({"error": f"{type(error).__name__}: {error}"}) + b"\n")
    out.flush()


if __name__ == "__main__":
    with suppress(BrokenPipeError):  # nobody wants more
        _main(sys.argv[1])
