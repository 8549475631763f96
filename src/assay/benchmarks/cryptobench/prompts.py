"""The wording of CryptoBench here: our own frame around the owners' questions and codebooks.

The owners' prompts are not part of their data, so scores are comparable between models and levels, not with
published ones to the last point. Worked examples are other items of the same set, at the same level.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from assay.benchmarks.cryptobench.data import HOPS, Item
from assay.benchmarks.cryptox.codebooks import Codebook
from assay.benchmarks.cryptox.decoding import MARK
from assay.benchmarks.cryptox.encoder import Encoded
from assay.benchmarks.cryptox.prompts import codebook_text, decode_request, hop_text


class Asked(NamedTuple):
    """An item with its question in code."""

    item: Item
    encoded: Encoded


def single(asked: Asked, book: Codebook, examples: Sequence[Asked], *, coded: bool) -> str:
    """One turn: the code, if there is any, what to do, worked examples, and the question."""
    parts = [codebook_text(book)] if coded else []
    parts.append(_request(asked.item))
    parts += [f"Example {at}\n{_shown(each)}\n\n{_worked(each)}" for at, each in enumerate(examples, 1)]
    parts.append(f"Now this one.\n{_shown(asked)}" if examples else _shown(asked))
    return "\n\n".join(parts)


def decode(asked: Asked, book: Codebook, examples: Sequence[Asked]) -> str:
    """Asks for the decoded question alone."""
    shown = [
        f"Example {at}\nText:\n{each.encoded.text}\n\n{_decoded(each)}{MARK} {each.item.question}\n\n"
        for at, each in enumerate(examples, 1)
    ]
    return decode_request(book, asked.encoded.text, "".join(shown))


def second_turn(item: Item) -> str:
    """Asks for the answer to a question that was decoded in the turn before."""
    return f"{_request(item, 'the question that you have decoded')}\n\nOptions:\n{item.after}"


def needle(text: str, question: str, book: Codebook, *, coded: bool) -> str:
    """The long text and what is asked about it."""
    before = f"{codebook_text(book)}\n\n" if coded else ""
    return (
        f"{before}A long text follows, and after it a question. Answer from what the text says.\n\n"
        f'<text>\n{text}\n</text>\n\nQuestion: {question}\nEnd with the line "Answer: X", X being the things asked for '
        "with commas between them."
    )


def code_reply(program: str) -> str:
    """A reply that gives a program."""
    return f"```python\n{program}\n```"


def _request(item: Item, what: str = "the question") -> str:
    think = "Think as much as you need"
    if item.dataset == "mbpp":
        return (
            f"Write one Python function that does what the question asks. {think}, then end with the function in a "
            "block that begins with ```python and ends with ```."
        )
    if item.dataset not in HOPS:
        return f'Answer {what}. {think}, then end with the line "Answer: X", X being the answer and nothing else.'
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[: len(item.choices)]
    named = f"{', '.join(letters[:-1])} or {letters[-1]}"
    ask = f'Answer {what}. {think}, then end with the line "Answer: X", X being {named}.'
    transformed = hop_text(HOPS[item.dataset])
    return f"{ask} {transformed}" if transformed else ask


def _shown(asked: Asked) -> str:
    guide = f"Task: {asked.item.guide}\n" if asked.item.guide else ""
    after = f"\n{asked.item.after}" if asked.item.after else ""
    return f"{guide}Question:\n{asked.encoded.text}{after}"


def _worked(asked: Asked) -> str:
    item = asked.item
    if item.dataset == "mbpp":
        return _decoded(asked) + code_reply(item.answer)
    solution = f"{item.solution}\n" if item.solution else ""
    return f"{_decoded(asked)}{solution}Answer: {item.answer}"


def _decoded(asked: Asked) -> str:
    pairs = zip(asked.encoded.codes, asked.encoded.sampled, strict=True)
    return "".join(f"{code} is {word.upper()}\n" for code, word in pairs)
