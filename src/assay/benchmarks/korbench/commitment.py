r"""The answer that a reply commits itself to, for the robust mode.

The *last* commitment counts: a model that gives an example, considers, or corrects itself means what it
says in the end. Commitments are ``[[...]]``, with whatever brackets it holds inside, and ``\boxed{...}``;
where there is neither, a single ``[...]``. Not looked at are thinking between tags, a format that is only
quoted (``[[your answer]]``, ``[[A/B]]``, the question's own example), and the next question that a base
model goes on to invent. A completion that opens with its answer has given it there and then.

Brackets are paired in one pass with a stack, so that hostile text costs linear time and a stray bracket
spoils nothing but itself.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from msgspec import Struct

from assay.scoring.thinking import split_thinking

_NEXT_QUESTION = re.compile(r"\n\s{0,3}#{1,6}\s{0,3}(?:[A-Z][a-z]+ )?(?:Question|Rule|Instructions)\s?:")
_PLACEHOLDER = re.compile(
    r"[\s\[\];,.]*"
    r"|[\[<*_\s]*(?:(?:your|the|my)\s)?(?:(?:final|encrypted|decrypted|correct)\s)?(?:answer|ciphertext|plaintext)"
    r"(?:\shere)?[\].>*_\s]*"
    r"|[\s\[\];]*(?:[A-J](?:/[A-J])+[\s\[\];]*)+",
    re.IGNORECASE,
)
_BETWEEN = re.compile(r"(?:[\s;,*`]|and\b|or\b)*")
_BOXED = re.compile(r"\\(?:boxed|fbox)\s?\{")
_WRAPPED = re.compile(r"\\(?:boxed|fbox|text|mathrm|mathbf)\s?\{")
_SINGLE = re.compile(r"\[")
_DOUBLE = re.compile(r"\[\s*\[(?!\d{1,3}\]\()")
"""But not a footnote: ``[[2](...)]``."""
_ESCAPED = {
    "\\[\\[": "[[",
    "\\]\\]": "]]",
    "\\left[": "[",
    "\\right]": "]",
    "\\text{[[}": "[[",
    "\\text{]]}": "]]",
}
_GOES_ON = re.compile(r"\(|[ \t]*(?:[/+÷×^=]|\*(?!\*))")
"""After a single bracket: a link, or a sum that it is a part of."""
_LONGEST = 4000
"""Characters; the longest gold answer has a few hundred."""
_DEEPEST = 20


class Commitment(Struct, frozen=True):
    """What a reply says in the end."""

    parts: tuple[str, ...]
    """The answer; several where the reply marks its pieces one by one."""
    pattern: str
    span: tuple[int, int]
    """In the reply without its thinking."""
    others: int
    """Earlier commitments of the same strength that say something else."""

    @property
    def text(self) -> str:
        """The answer in one piece; a piece that is only repeated is given once."""
        return self.parts[0] if len(set(self.parts)) == 1 else ";".join(self.parts)


class _Marked(Struct, frozen=True):
    pattern: str
    start: int
    """Of the mark."""
    inner: tuple[int, int]
    end: int

    def inside(self, text: str) -> str:
        return text[slice(*self.inner)]


def committed(reply: str, *, quoted: Collection[str] = (), completion: bool = False) -> Commitment | None:
    """The last commitment of a reply, or ``None``.

    Args:
        reply: The whole reply.
        quoted: What the question itself puts in brackets, as ``quoted_formats`` finds it.
        completion: The reply continues the prompt, right after "answer:".
    """
    text = _plain_brackets(split_thinking(reply)[1])
    pairs = _pairs(text, "[", "]")
    strong = _outermost([*_marked(pairs, "[[ ]]", text, _DOUBLE), *_boxed(text)])
    weak = _outermost(found for found in _marked(pairs, "[ ]", text, _SINGLE) if not _GOES_ON.match(text, found.end))
    for candidates in (strong, weak):
        meant = [found for found in candidates if not _is_placeholder(found.inside(text))]
        opens = completion and bool(meant) and not text[: meant[0].start].strip()
        if not opens:
            meant = [found for found in meant if _compact(found.inside(text)) not in quoted] or meant
        if meant:
            end = _line_end(text, meant[0].end) if opens else _next_question(text, meant[0].end)
            return _with_neighbours(text, [found for found in meant if found.end <= end])
    return None


def quoted_formats(question: str) -> frozenset[str]:
    """The formats that a question shows in double brackets; one character is an answer like any other."""
    pairs = _pairs(question, "[", "]")
    shown = (_compact(found.inside(question)) for found in _marked(pairs, "[[ ]]", question, _DOUBLE))
    return frozenset(format_ for format_ in shown if len(format_) > len("[A]"))


def _line_end(text: str, start: int) -> int:
    end = text.find("\n", start)
    return end if end >= 0 else len(text)


def _next_question(text: str, start: int) -> int:
    invented = _NEXT_QUESTION.search(text, start)
    return invented.start() if invented else len(text)


def _plain_brackets(text: str) -> str:
    r"""``\[\[`` and ``\left[`` as plain brackets, in as many characters. (Alone, ``\[`` displays a formula.)"""
    if "\\" in text:
        for escaped, plain in _ESCAPED.items():
            text = text.replace(escaped, plain.rjust(len(escaped)))
    return text


def _compact(text: str) -> str:
    return "".join(text.split())


def unwrapped(text: str) -> str:
    r"""Text without the brackets, ``\boxed{}``, ``\text{}`` and emphasis that enclose all of it."""
    for _ in range(_DEEPEST):
        bare = text.strip()
        wrapped = _WRAPPED.match(bare)
        if wrapped and _pairs(bare, "{", "}").get(wrapped.end() - 1) == len(bare) - 1:
            bare = bare[wrapped.end() : -1]
        elif bare[:1] == "[" and bare[-1:] == "]":
            depth = _enclosing(bare)
            bare = bare[depth : len(bare) - depth]
        elif len(bare) > 4 and bare.startswith("**") and bare.endswith("**"):
            bare = bare[2:-2]
        elif len(bare) > 1 and bare[0] == bare[-1] in "\"'`$":
            bare = bare[1:-1]
        if bare == text:
            break
        text = bare
    return text


def _enclosing(text: str) -> int:
    """How many square brackets open the text and close at its very end."""
    pairs = _pairs(text, "[", "]")
    depth = 0
    while pairs.get(depth) == len(text) - 1 - depth:
        depth += 1
    return depth


def _with_neighbours(text: str, marked: list[_Marked]) -> Commitment:
    """The last mark, with those that stand right before it: ``[[A]]; [[C]]`` is one answer."""
    run = [marked[-1]]
    for found in reversed(marked[:-1]):
        if found.pattern != run[-1].pattern or not _BETWEEN.fullmatch(text, found.end, run[-1].start):
            break
        run.append(found)
    run.reverse()
    others = {_compact(found.inside(text)) for found in marked} - {_compact(found.inside(text)) for found in run}
    parts = tuple(unwrapped(found.inside(text)) for found in run)
    return Commitment(parts, run[0].pattern, (run[0].start, run[-1].end), len(others))


def _is_placeholder(inside: str) -> bool:
    return len(inside) < 80 and _PLACEHOLDER.fullmatch(inside) is not None


def _marked(pairs: dict[int, int], pattern: str, text: str, opening: re.Pattern[str]) -> list[_Marked]:
    return [
        _Marked(pattern, start, (start + 1, end), end + 1)
        for start, end in pairs.items()
        if end - start <= _LONGEST and opening.match(text, start)
    ]


def _boxed(text: str) -> list[_Marked]:
    found = []
    pairs = _pairs(text, "{", "}") if "\\" in text else {}
    for command in _BOXED.finditer(text):
        inner = command.end()
        end = pairs.get(inner - 1)
        if end is not None and end - inner <= _LONGEST:
            found.append(_Marked("\\boxed{ }", command.start(), (inner, end), end + 1))
    return found


def _outermost(marked: Iterable[_Marked]) -> list[_Marked]:
    kept: list[_Marked] = []
    for found in sorted(marked, key=lambda m: m.start):
        if not kept or found.start >= kept[-1].end:
            kept.append(found)
    return kept


def _pairs(text: str, opening: str, closing: str) -> dict[int, int]:
    """Position of each opening bracket that is closed -> position of what closes it."""
    open_: list[int] = []
    pairs: dict[int, int] = {}
    for match in re.finditer(rf"(?<!\\)[{re.escape(opening + closing)}]", text):
        if match[0] == opening:
            open_.append(match.start())
        elif open_:
            pairs[open_.pop()] = match.start()
    return pairs
