"""What a model is told besides the question: the code, and how to transform its answer."""

from __future__ import annotations

from typing import Literal

from assay.benchmarks.cryptox.codebooks import SEPARATOR, Codebook

Hop = Literal["none", "num", "alpha"]


def codebook_text(codebook: Codebook) -> str:
    """Names the code and lists every pair; its owners' words where they have any."""
    if codebook.text is not None:
        return codebook.text
    pairs = "\n".join(f"{symbol} = {code}" for symbol, code in codebook.codes.items())
    return (
        f"Below, some words are written in a code named {codebook.name}: each character of such a word is replaced by "
        f"its code, with {SEPARATOR} between one character and the next. The code is:\n{pairs}\n"
        "You may first decode those words and then answer."
    )


def hop_text(hop: Hop) -> str:
    """How the answer is to be transformed; empty for none."""
    if hop == "none":
        return ""
    if hop == "num":
        how = "Do not give the letter of the right option but its number: 1 for A, 2 for B, 3 for C and so on."
        example = "Answer: 2"
    else:
        how = (
            "Do not give the letter of the right option. Take its number (1 for A, 2 for B, 3 for C and so on) and put "
            "the first letter or digit of that option's text right behind it: if B were right and its text were "
            "'maple', that would be 2m."
        )
        example = "Answer: 2m"
    return f'One change to the form of the answer. {how} So the last line looks like "{example}".'
