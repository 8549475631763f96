"""From items to samples: each at every level of encoding, with worked examples where they are wanted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from assay.benchmarks.cryptobench import needles, prompts
from assay.benchmarks.cryptobench.data import Dataset, Item, Places, read_items
from assay.benchmarks.cryptobench.official import is_one_word
from assay.benchmarks.cryptobench.prompts import Asked
from assay.benchmarks.cryptox.codebooks import Codebook
from assay.benchmarks.cryptox.encoder import Encoded, encode
from assay.benchmarks.cryptox.levels import Level
from assay.benchmarks.cryptox.prompts import Form
from assay.errors import UsageError
from assay.records import Sample

SEED = 42
"""Of every draw of words, as the owners have it."""


@dataclass(frozen=True)
class Hay:
    """The settings of the needle set."""

    lengths: tuple[int, ...]
    depths: tuple[int, ...]
    tokens: str
    """How they are counted."""
    essays: Path | None

    def __post_init__(self) -> None:
        if not self.lengths or min(self.lengths) <= needles.BUFFER or not all(0 <= d <= 100 for d in self.depths):
            raise UsageError(f"cryptobench: lengths exceed {needles.BUFFER}, depths lie between 0 and 100")
        if not self.depths or any(len(set(each)) < len(each) for each in (self.lengths, self.depths)):
            raise UsageError("cryptobench: a length or a depth is given twice, or no depth at all")


@dataclass(frozen=True)
class Maker:
    """Makes samples of items: form, levels, the codebook and the number of worked examples of each set."""

    form: Form
    levels: tuple[Level, ...]
    books: Mapping[Dataset, Codebook]
    shots: Mapping[Dataset, int]

    def samples(self, item: Item, others: Sequence[Item]) -> Iterator[Sample]:
        """An item at each level; ``others`` become the worked examples."""
        for level in self.levels:
            asked = self._asked(item, level)
            shown = [self._asked(other, level) for other in others]
            yield Sample(
                id=f"{item.dataset}/{item.index}@{level.unit}{level}",
                input=self._input(asked, shown, level),
                target=item.question if self.form == "decode" else item.answer,
                choices=item.choices if self.form != "decode" else (),
                metadata=self._metadata(item, asked.encoded, level),
            )

    def _asked(self, item: Item, level: Level) -> Asked:
        codes = self.books[item.dataset].codes
        return Asked(item, encode(item.question, codes, seed=SEED, **level.amounts))

    def _input(self, asked: Asked, shown: Sequence[Asked], level: Level) -> str:
        book = self.books[asked.item.dataset]
        if self.form == "single":
            return prompts.single(asked, book, shown, coded=level.amount > 0)
        return prompts.decode(asked, book, shown)

    def _metadata(self, item: Item, encoded: Encoded, level: Level) -> dict[str, Any]:
        about = {
            "dataset": item.dataset,
            "question": item.question,
            "category": item.category,
            "base_id": item.source,
            "level": str(level),
            "encoded_words": len(encoded.sampled),
            "sampled_words": list(encoded.sampled),
            **item.metadata,
        }
        if item.dataset == "bbh":
            about |= {
                "options": item.after,
                "rule": "official" if is_one_word(item.answer) else "in place of the judge",
            }
        if self.form == "multi-round":
            about |= {"original": item.question, "follow_up": prompts.second_turn(item)}
        return {key: value for key, value in about.items() if value != ""}


def samples(places: Places, sets: Sequence[Dataset], maker: Maker, hay: Hay | None) -> Iterator[Sample]:
    """Stream the samples of the sets, one set after the other.

    Raises ``DatasetMalformed``, or ``UsageError`` where there are too few rows for the worked examples.
    """
    for name in sets:
        if name == "needle":
            assert hay is not None
            yield from needle_samples(hay, maker)
            continue
        items = list(read_items(places.files((name,))[0], name))
        for item, others in _with_examples(items, maker.shots[name]):
            yield from maker.samples(item, others)


def _with_examples(items: Sequence[Item], shots: int) -> Iterator[tuple[Item, list[Item]]]:
    """Each item with the next ``shots`` others of its category, going round; where it has too few, of the set."""
    if shots >= len(items) > 0:
        raise UsageError(f"cryptobench: shots={shots}: {items[0].dataset} has {len(items)} rows only")
    mates: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        mates[item.category].append(item)
    for item in items:
        found = list(islice(_following(mates[item.category], item), shots))
        more = (other for other in _following(items, item) if other.category != item.category)
        yield item, found + list(islice(more, shots - len(found)))


def _following(items: Sequence[Item], item: Item) -> Iterator[Item]:
    at = next(place for place, other in enumerate(items) if other.index == item.index)
    yield from items[at + 1 :]
    yield from items[:at]


def needle_samples(hay: Hay, maker: Maker) -> Iterator[Sample]:
    """Stream the needle set. Raises ``UsageError`` where the needles do not fit the shortest context."""
    stack = needles.Haystack(hay.essays, max(hay.lengths), needles.token_counter(hay.tokens))
    book = maker.books["needle"]
    for level in maker.levels:
        encoded = [encode(needle, book.codes, seed=SEED, **level.amounts) for needle in needles.NEEDLES]
        for length in hay.lengths:
            for depth in hay.depths:
                placed = stack.with_needles([each.text for each in encoded], length, depth)
                yield Sample(
                    id=f"needle/{length}-{depth}@{level.unit}{level}",
                    input=prompts.needle(placed.text, needles.QUESTION, book, coded=level.amount > 0),
                    target=", ".join(needles.NAMED),
                    metadata={
                        "dataset": "needle",
                        "question": needles.QUESTION,
                        "base_id": f"needle/{length}-{depth}",
                        "level": str(level),
                        "encoded_words": sum(len(each.sampled) for each in encoded),
                        "sampled_words": [word for each in encoded for word in each.sampled],
                        "context_length": length,
                        "depth": depth,
                        "tokens": placed.tokens,
                        "places": [round(place, 4) for place in placed.places],
                    },
                )
