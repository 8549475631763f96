"""What a model is told besides the question: the code, and how to transform its answer."""

from __future__ import annotations

from typing import Literal

from assay.benchmarks.cryptox.codebooks import SEPARATOR, Codebook
from assay.benchmarks.cryptox.decoding import MARK

Hop = Literal["none", "num", "alpha"]
Form = Literal["single", "decode", "multi-round"]
"""Answer in one turn; only decode; decode in one turn and answer in the next."""


def codebook_text(codebook: Codebook, *, form: Form = "single") -> str:
    """Names the code and lists every pair; its owners' words where they have any."""
    if codebook.text is not None:
        return codebook.text
    pairs = "\n".join(f"{symbol} = {code}" for symbol, code in codebook.codes.items())
    explained = (
        f"Below, some words are written in a code named {codebook.name}: each character of such a word is replaced by "
        f"its code, with {SEPARATOR} between one character and the next. The code is:\n{pairs}"
    )
    return explained + "\nYou may first decode those words and then answer." if form == "single" else explained


def decode_request(codebook: Codebook, text: str, examples: str = "") -> str:
    """Asks to decode a text, and for nothing else; worked examples, if any, stand before it."""
    return (
        f"{codebook_text(codebook, form='decode')}\n\nWrite the text below with its encoded words decoded and all else "
        f'as it stands. Do not answer it. Reply with "{MARK}" and the decoded text behind it, and with nothing after '
        f"that.\n\n{examples}Text:\n{text}"
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
