"""CryptoX as a wrapper: any question task, asked at several levels of encoding."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

import msgspec

from assay.benchmarks.cryptox.codebooks import Codebook, clashes, find_codebook
from assay.benchmarks.cryptox.prompts import Hop
from assay.benchmarks.cryptox.score import hop_scorer
from assay.benchmarks.cryptox.wrap import Level, at_levels
from assay.benchmarks.registry import benchmark, load_task
from assay.errors import UsageError
from assay.protocols import plain_completion
from assay.records import DatasetInfo, Metric, Sample
from assay.task import Task

_VERSION = "1"
_PREFIX = "base_"


@benchmark("cryptox", "any question task with some words in code: what composing two skills costs")
def cryptox(
    data: Path | None = None,
    base: str = "korgen",
    codebook: str = "morse_base",
    codebook_file: str | None = None,
    words: tuple[int, ...] | None = None,
    percent: tuple[float, ...] = (),
    hop: Hop = "none",
    seed: int = 42,
    offline: bool = False,
    **base_params: Any,
) -> Task:
    """Wrap a task: each of its samples, asked once for each level of encoding.

    Args:
        data: The base task's data; a ``rules.json`` in there holds the owners' codebooks.
        base: The task to wrap.
        codebook: The name of the code.
        codebook_file: A file of codebooks in the owners' format.
        words: Levels as numbers of encoded words: 0, 5 and 10 unless ``percent`` is given.
        percent: Levels as fractions (0 to 1) of the words that can be encoded.
        hop: For tasks with options: answer with the letter, its number, or number and first character.
        seed: Of the draw of words.
        offline: Passed to the base task.
        base_params: Parameters of the base task. ``base_seed`` and the like pass on one that is also
            a parameter of this one.
    """
    if base.partition("/")[0] == "cryptox":
        raise UsageError("cryptox: the base is cryptox itself")
    levels = _levels(words, percent)
    book = find_codebook(codebook, data, codebook_file)
    inner_params = {key.removeprefix(_PREFIX): value for key, value in base_params.items()}
    inner = load_task(base, data=data, params=inner_params, offline=offline)
    if hop != "none" and inner.protocol is plain_completion:
        raise UsageError("cryptox: hop needs a chat model's instructions; the base task continues plain text")

    def samples() -> Iterator[Sample]:
        for sample in inner.samples():
            yield from at_levels(sample, levels, book, hop, seed)

    params: dict[str, Any] = {"codebook": codebook, "codebook_file": codebook_file, "hop": hop, "seed": seed}
    params |= {"percent": percent} if percent else {"words": tuple(int(level.amount) for level in levels)}
    passed_on = {_PREFIX + key if key in _OWN else key: value for key, value in inner.params.items()}
    return replace(
        inner,
        name=f"cryptox/{base}",
        version=f"{_VERSION}+{inner.version}",
        samples=samples,
        scorers=inner.scorers if hop == "none" else {"robust": hop_scorer(hop)},
        mode=inner.mode if hop == "none" else "robust",
        metrics=_metrics(inner.metrics[0], levels),
        dataset=_dataset(inner.dataset or DatasetInfo(base), book, [levels, hop, seed]),
        params={key: value for key, value in params.items() if value is not None} | passed_on,
        cluster=inner.cluster or "base_id",
        size=None if inner.size is None else inner.size * len(levels),
        rows=None,
    )


_OWN = frozenset(("data", "base", "codebook", "codebook_file", "words", "percent", "hop", "seed", "offline"))


def _levels(words: tuple[int, ...] | None, percent: tuple[float, ...]) -> tuple[Level, ...]:
    if words is not None and percent:
        raise UsageError("cryptox: levels are either words or percent, not both")
    levels = tuple(Level("p", part) for part in percent) or tuple(Level("w", k) for k in (words or (0, 5, 10)))
    if not all(0 <= level.amount <= (1 if level.unit == "p" else inf) for level in levels):
        raise UsageError("cryptox: words are numbers from 0, percent fractions from 0 to 1")
    if len(set(levels)) < len(levels):
        raise UsageError("cryptox: a level is given twice")
    return levels


def _metrics(main: Metric, levels: tuple[Level, ...]) -> tuple[Metric, ...]:
    """The base task's main metric at each level and, over several levels, the area under it."""
    by_level = msgspec.structs.replace(main, by="level", where={})
    area = msgspec.structs.replace(by_level, name="auc", by=None, kind="auc", along="level")
    relative = msgspec.structs.replace(area, name="auc_normalised", normalised=True)
    return (by_level, area, relative) if len(levels) > 1 else (by_level,)


def _dataset(base: DatasetInfo, book: Codebook, settings: list[Any]) -> DatasetInfo:
    notes = [*base.notes, f"codebook {book.name}: {book.source}"]
    if shared := clashes(book.codes):
        groups = ", ".join(" and ".join(group) for group in shared)
        notes.append(f"codebook {book.name} is ambiguous: {groups} share a code")
    identity = msgspec.json.encode([base.digest, book.codes, book.text, settings], order="sorted")
    digest = hashlib.sha256(identity).hexdigest() if base.digest else None
    return msgspec.structs.replace(base, digest=digest, notes=tuple(notes))
