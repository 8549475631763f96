r"""What the official scorer takes a reply to answer.

It looks for three forms, the later ones only where the earlier are absent: ``[[...]]``,
``$\boxed{...}$``, ``[...]``. The *first* occurrence of a form counts, up to the first closing mark after
it, so nested brackets are cut short and an example given before the answer is taken for it. What is
inside is then cleaned, at one of several levels, and most levels put it back between ``[[`` and ``]]``.

Each function here equals a lazy regular expression of the original, but searches with ``str.find``: one
pass over the text, where a hostile reply of nothing but spaces takes the expression cubic time.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from msgspec import Struct

NULL = "NULL"
"""The official scorer's word for a reply in which nothing was found."""

_FORMS = (("[[ ]]", "[[", "]]"), ("$\\boxed{ }$", "$\\boxed{", "}$"), ("[ ]", "[", "]"))


class Found(Struct, frozen=True):
    """The text inside the first pair of marks, and where it stands."""

    inside: str
    pattern: str
    span: tuple[int, int]
    """Of the whole match, marks included."""


def first_marked(text: str) -> Found | None:
    """The first answer in the reply, its surrounding white space removed."""
    for pattern, opening, closing in _FORMS:
        span = _between(text, opening, closing)
        if span is not None:
            start, end = span
            return Found(text[start:end].strip(), pattern, (start - len(opening), end + len(closing)))
    return None


def strict(text: str) -> str:
    """What stands in the first ``[[...]]``, untouched, or ``NULL``: puzzles accept no other form."""
    span = _between(text, "[[", "]]")
    return NULL if span is None else text[slice(*span)]


def basic(found: Found | None) -> str:
    """The extracted text as the official result files show it."""
    return NULL if found is None else f"[[{found.inside}]]"


def clean(found: Found | None) -> str:
    """Without quotation marks, line feeds, spaces and square brackets."""
    return _cleaned(found, '"\n []')


def logic_clean(found: Found | None) -> str:
    """Without quotation marks, line feeds, spaces and full stops; inner brackets stay."""
    return _cleaned(found, '"\n .')


def math_clean(found: Found | None) -> str:
    r"""Bare LaTeX: what follows the last ``=``, without brackets, ``$``, ``\text{...}`` and sizing commands."""
    if found is None:
        return NULL
    latex = found.inside.translate(_deleting('"\n[]$'))
    latex = latex.rpartition("=")[2]
    latex = re.sub(r"\\[()]", "", latex)
    latex = _without_text_commands(latex)
    latex = re.sub(r"\\(?:left|right|displaystyle)", "", latex)
    return latex.replace("\\\\", "\\")


Cleaning = Callable[[Found | None], str]


def _cleaned(found: Found | None, unwanted: str) -> str:
    return NULL if found is None else f"[[{found.inside.translate(_deleting(unwanted))}]]"


def _deleting(characters: str) -> dict[int, None]:
    return dict.fromkeys(map(ord, characters))


def _between(text: str, opening: str, closing: str) -> tuple[int, int] | None:
    start = text.find(opening)
    if start < 0:
        return None
    start += len(opening)
    end = text.find(closing, start)
    return None if end < 0 else (start, end)


def _without_text_commands(latex: str) -> str:
    parts = []
    start = 0
    while (at := latex.find("\\text{", start)) >= 0 and (end := latex.find("}", at)) >= 0:
        parts.append(latex[start:at])
        start = end + 1
    return "".join((*parts, latex[start:]))
