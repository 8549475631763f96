"""Questions that cost nothing to make and are no easier to compress than prose.

Every engine is asked the same ones. Their words are drawn at random: text made of one template would
shrink to nothing in a compressed table and flatter whoever compresses.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

_ONSETS = ["b", "br", "c", "cl", "d", "dr", "f", "fl", "g", "gr", "h", "j", "l", "m", "n", "p", "pl", "r", "s", "st"]
_VOWELS = ["a", "e", "i", "o", "u", "ai", "ea", "ou"]
_ENDS = ["", "n", "r", "t", "l", "st", "nd", "sh", "ck", "m"]
_WORDS = 4000
"""Distinct words, about what prose of this length draws on."""


def _vocabulary(draw: random.Random) -> list[str]:
    return [
        "".join(draw.choice(_ONSETS) + draw.choice(_VOWELS) + draw.choice(_ENDS) for _ in range(draw.choice((1, 2, 2))))
        for _ in range(_WORDS)
    ]


def write_questions(path: Path, count: int) -> None:
    """Write ``count`` four-choice questions as JSON Lines, some 270 characters of text each.

    The first of a longer file are those of a shorter one.
    """
    draw = random.Random(1)
    words = _vocabulary(draw)
    # A few words are common and most are rare, as in any language.
    weights = [1 / rank for rank in range(1, _WORDS + 1)]
    cumulative = [sum(weights[:1])]
    for weight in weights[1:]:
        cumulative.append(cumulative[-1] + weight)
    with path.open("w") as file:
        for number in range(count):
            text = draw.choices(words, cum_weights=cumulative, k=38)
            row = {
                "id": f"q{number}",
                "question": f"{' '.join(text[:26]).capitalize()}?",
                "choices": [" ".join(text[at : at + 3]) for at in (26, 29, 32, 35)],
                "answer": draw.choice("ABCD"),
            }
            file.write(json.dumps(row) + "\n")
