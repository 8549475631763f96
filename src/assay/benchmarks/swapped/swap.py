"""Exchanging a part of a sample's prompt; the gold answer stays.

The invariant: a swapped sample differs from its original in that part alone, keeps its id, and never gets its
own part, or an equal one, back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import Literal

import msgspec

from assay.benchmarks.rulemodes.base import prompt_of, question_span
from assay.errors import UsageError
from assay.records import Sample

Part = Literal["question", "context", "options"]


def swapped_samples(
    samples: Iterable[Sample], part: Part, *, cluster: str | None, within: str, seed: int
) -> Iterator[Sample]:
    """The samples with the part exchanged, those left out for which there is nothing to exchange it with.

    Args:
        samples: the base's samples.
        part: what is exchanged.
        cluster: the metadata key of samples that share a source: the other sample is of another one.
        within: the metadata key whose value both samples have.
        seed: another seed takes other partners.

    Raises ``UsageError`` where a sample's question or options cannot be found in its prompt, or none has a partner.
    """
    if part == "options":
        yield from (made for sample in samples if (made := with_moved_options(sample, seed)) is not None)
        return
    every = list(samples)
    groups: dict[str, list[Sample]] = {}
    for sample in every:
        groups.setdefault(str(sample.metadata.get(within)), []).append(sample)
    partners: dict[str, Sample] = {}
    for group in groups.values():
        dealt = sorted(group, key=lambda sample: _draw(seed, sample.id))
        for at, sample in enumerate(dealt):
            following = (dealt[(at + step) % len(dealt)] for step in range(1, len(dealt)))
            found = next((other for other in following if _unlike(sample, other, part, cluster)), None)
            if found is not None:
                partners[sample.id] = found
    if every and not partners:
        raise UsageError(f"swapped: no sample has a partner of the same {within!r} with another {part}")
    for sample in every:
        if sample.id in partners:
            yield with_part_of(sample, partners[sample.id], part)


def with_part_of(sample: Sample, other: Sample, part: Part) -> Sample:
    """The sample with the question, or with everything around it, of another."""
    own, theirs = (prompt_of("swapped", one) for one in (sample, other))
    if part == "question":
        (start, end), (a, b) = _stem(sample, own), _stem(other, theirs)
        text = own[:start] + theirs[a:b] + own[end:]
    else:
        (start, end), (a, b) = _whole(sample, own), _whole(other, theirs)
        text = theirs[:a] + own[start:end] + theirs[b:]
    about = {**sample.metadata, "swapped_with": other.id}
    return msgspec.structs.replace(sample, input=text, metadata=about)


def with_moved_options(sample: Sample, seed: int) -> Sample | None:
    """The sample with the texts of its options moved round by a number of places; ``None`` without two of them."""
    count = len(sample.choices)
    if count < 2 or len(set(sample.choices)) < count:
        return None
    text = prompt_of("swapped", sample)
    places = _option_places(sample, text)
    by = 1 + _draw(seed, sample.id) % (count - 1)
    moved = sample.choices[by:] + sample.choices[:by]
    made, end = [], 0
    for (start, stop), option in zip(places, moved, strict=True):
        made += [text[end:start], option]
        end = stop
    about = {**sample.metadata, "moved_by": by}
    return msgspec.structs.replace(sample, input="".join([*made, text[end:]]), choices=moved, metadata=about)


def _option_places(sample: Sample, text: str) -> list[tuple[int, int]]:
    """Where the options stand, each at the end of a line, the last such block of the prompt."""
    places: list[tuple[int, int]] = []
    before = len(text)
    for option in reversed(sample.choices):
        at = text.rfind(option, 0, before)
        while at >= 0 and text[at + len(option) :].partition("\n")[0].strip():
            at = text.rfind(option, 0, at + len(option) - 1) if option else -1
        if at < 0:
            raise UsageError(f"swapped: sample {sample.id}: its options do not stand in its prompt, one a line")
        places.insert(0, (at, at + len(option)))
        before = text.rfind("\n", 0, at) + 1
    return places


def _stem(sample: Sample, text: str) -> tuple[int, int]:
    start, _ = _whole(sample, text)
    return start, start + len(sample.metadata["question"])


def _whole(sample: Sample, text: str) -> tuple[int, int]:
    span = question_span(sample, text)
    if span is None:
        raise UsageError(f"swapped: sample {sample.id} does not say what its question is: metadata 'question'")
    return span


def _unlike(sample: Sample, other: Sample, part: Part, cluster: str | None) -> bool:
    if cluster is not None and sample.metadata.get(cluster) == other.metadata.get(cluster):
        return False
    if part == "question":
        return bool(sample.metadata.get("question") != other.metadata.get("question"))
    own, theirs = (prompt_of("swapped", one) for one in (sample, other))
    (start, end), (a, b) = _whole(sample, own), _whole(other, theirs)
    return (own[:start], own[end:]) != (theirs[:a], theirs[b:])


def _draw(seed: int, sample: str) -> int:
    data = f"swapped\x1f{seed}\x1f{sample}".encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "little")
