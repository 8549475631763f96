"""Putting words of a text in code, as CryptoX does (arXiv 2502.07813, section 3).

Words are what single spaces separate. One can be encoded if it has at least two characters, all of them
in the codebook (so never with punctuation attached), and has not occurred before; the draw starts from
the same seed for every text. The words drawn are replaced where they first stand; their repetitions
stay in the clear.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import NamedTuple

from assay.benchmarks.cryptox.codebooks import SEPARATOR


class Encoded(NamedTuple):
    """A text with some of its words in code."""

    text: str
    sampled: tuple[str, ...]
    """The words that were encoded, in reading order."""
    codes: tuple[str, ...]
    """What they became."""


def encode(
    text: str, codes: Mapping[str, str], *, words: int | None = None, percent: float | None = None, seed: int = 42
) -> Encoded:
    """Encode ``words`` words of a text, or the fraction ``percent`` of those that can be.

    Args:
        text: Any text.
        codes: Upper-case character -> code.
        words: How many words; all that can be encoded, where they are fewer.
        percent: A fraction in [0, 1]; the number of words is rounded down.
        seed: Of the draw.
    """
    if (words is None) == (percent is None):
        raise ValueError("give either words or percent")
    parts = text.split(" ")
    eligible = _eligible(parts, codes)
    count = min(words, len(eligible)) if words is not None else int((percent or 0) * len(eligible))
    chosen = sorted(Random(seed).sample(eligible, count))
    sampled = tuple(parts[at] for at in chosen)
    coded = tuple(SEPARATOR.join([codes[char.upper()] for char in word]) for word in sampled)
    for at, code in zip(chosen, coded, strict=True):
        parts[at] = code
    return Encoded(" ".join(parts), sampled, coded)


def _eligible(parts: list[str], codes: Mapping[str, str]) -> list[int]:
    """Positions of the first occurrences of words that can be encoded."""
    seen: set[str] = set()
    positions = []
    for at, word in enumerate(parts):
        if len(word) > 1 and word not in seen and all(char.upper() in codes for char in word):
            seen.add(word)
            positions.append(at)
    return positions
