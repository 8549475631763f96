r"""The published scorer as far as it needs no judge, quirks included.

A reply is freed of a list of markup, cut from its last "answer" on, and the rest of the line behind
``Answer:`` is its answer; what it thinks is read as well (for programs it is not). MMLU and one-word answers
of BBH are compared as strings. Of a program, only what stands from the last ``def`` to the end of the line of
the first ``return`` behind it is taken: no imports, no helpers, no second branch; and it is run where it
cannot call itself.
"""

from __future__ import annotations

import re

from assay.scoring.brackets import Found
from assay.scoring.extraction import Extracted

_MARKUP = (
    *("**", "$\\boxed{", "}$", "\\$", "$\\text{", "$", "\\mathrm{", "\\{", "\\text", "\\(", "\\mathbf{", "{"),
    "\\boxed",
)
"""Removed in this order."""
_ANSWER = re.compile(r"answer\s*:\s*(.*)", re.IGNORECASE)
_NOT_COMPARED = {"mmlu": str.maketrans("", "", "$ .()"), "bbh": str.maketrans("", "", "$ ()")}


def answer_of(reply: str) -> str | None:
    """What a reply answers; ``None`` where it has no ``Answer:``."""
    for fragment in _MARKUP:
        reply = reply.replace(fragment, "")
    start = reply.lower().rfind("answer")
    found = _ANSWER.findall(reply[start:]) if start >= 0 else []
    return found[-1] if found else None


def same_option(answer: str, gold: str) -> bool:
    """MMLU: equal but for dollars, spaces, full stops and parentheses; upper and lower case differ."""
    return answer.translate(_NOT_COMPARED["mmlu"]) == gold.translate(_NOT_COMPARED["mmlu"])


def same_word(answer: str, gold: str) -> bool:
    """BBH, gold answers of one word: equal but for case, dollars, spaces and parentheses."""
    one, other = (text.upper().translate(_NOT_COMPARED["bbh"]).strip() for text in (answer, gold))
    return one == other


def is_one_word(gold: str) -> bool:
    """Whether the owners compare a gold answer of BBH themselves; the others go to their judge."""
    return " " not in gold.strip()


def function_of(reply: str) -> str | None:
    """The function that a reply gives; ``None`` where it has no ``def``."""
    start = reply.rfind("def ")
    if start < 0:
        return None
    end = reply[start:].find("return")  # -1 without one, and what follows is then the owners' arithmetic
    rest = reply[start + end :]
    line = rest.find("\n")
    return reply[start : start + end + (line if line >= 0 else len(rest))]


def function(text: str) -> Extracted:
    """``function_of`` as a strategy, wrapped so that it runs as the owners run it."""
    found = function_of(text)
    if found is None:
        return Extracted()
    start = text.rindex("def ")
    return Extracted(Found(_apart(found), (start, start + len(found)), "last def"))


def test_of(assertion: str) -> str:
    """A test of such a function."""
    return f"exec({assertion!r}, globals(), _names)"


def _apart(program: str) -> str:
    """Defines a program's names where they are not its global names: a function that calls itself fails."""
    return f"_names = {{}}\nexec({program!r}, globals(), _names)\n"
