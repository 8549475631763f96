r"""The extraction cascade with which SuperGPQA (arXiv 2502.14739) was scored, exactly.

A reply is searched with three frames for a letter, first on its last line, then as a whole; only if none
of these six searches hits, with three similar frames for the text of an option. The first hit counts.
The cascade is data: each frame is a regular expression with a hole for what is looked for.

Its quirks are part of the published numbers and are kept: a lower-case letter is taken as it stands and
so is wrong; "I think B" answers I; of "A and B" the first counts; "Answer: Hydrogen" is a miss where
"Answer Hydrogen" is a hit; "the answer to the question is D" is a miss. Use ``choice.choice_scorer`` for
what was meant.

The original runs each search under a five-second alarm, for its expressions backtrack badly. These accept
the same texts in linear time: no two neighbouring repetitions can take the same character.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from assay.scoring.brackets import Found

LETTERS = "ABCDEFGHIJ"

_COMMAND = r"\\(?:boxed|mathbf|mathrm|text)\{"
_OPENER = rf"(?:{_COMMAND}|[*$\\{{(\[])"
_OPENERS = rf"(?:{_OPENER}+\s*)?"
_AFTER = r"[\\}$)\]]*(?:[\s:.*)]|$)"
_THE_ANSWER = r"[Tt]he\s+(?:\w+\s+)?(?:answer|option)(?:\w+\s)?\s+"
_START = rf"^[^\w\r\n]*(?:{_COMMAND}{_OPENER}*\s*|[\r\n]\s*)?"

_LETTER_FRAMES = (
    ("the answer is", rf"{_THE_ANSWER}is?:?\s*{_OPENERS}"),
    ("answer:", rf"answer[*\s]*:\s*{_OPENERS}"),
    ("start", _START),
)
_TEXT_FRAMES = (
    ("the answer is, text", rf"{_THE_ANSWER}is:?\s*{_OPENERS}"),
    ("answer, text", rf"(?i:answer)\s*{_OPENERS}"),
    ("start, text", _START),
)
_LETTER_PATTERNS = tuple(
    (name, re.compile(rf"{frame}([A-J]){_AFTER}", re.IGNORECASE)) for name, frame in _LETTER_FRAMES
)


def extract_letter(reply: str) -> Found | None:
    """The letter that the official label stage takes from a reply, in the case it was written in."""
    return _search(reply, _LETTER_PATTERNS)


def extract_text(reply: str, options: Sequence[str]) -> Found | None:
    """The option text that the official content stage takes from a reply."""
    if not options:
        return None
    texts = "|".join(map(re.escape, options))
    return _search(reply, [(name, re.compile(rf"{frame}({texts}){_AFTER}")) for name, frame in _TEXT_FRAMES])


def extract_official(reply: str, options: Sequence[str], *, few_shot: bool = False) -> Found | None:
    """What the official scorer takes a reply to answer: a letter (perhaps in lower case), or a miss.

    With ``few_shot``, what stands before the first "Question:" is tried first, then the whole reply.
    """
    if few_shot and "Question:" in reply:
        head = extract_official(reply.split("Question:", 1)[0], options)
        if head is not None:
            return head
    found = extract_letter(reply)
    if found is not None:
        return found
    by_text = extract_text(reply, options)
    if by_text is None or not by_text.text:
        return None
    return Found(LETTERS[list(options).index(by_text.text)], by_text.span, by_text.pattern)


def _search(reply: str, frames: Sequence[tuple[str, re.Pattern[str]]]) -> Found | None:
    text = reply.rstrip()
    last_line = text.rfind("\n") + 1
    for start, where in ((last_line, "last line"), (0, "whole reply")):
        for name, frame in frames:
            if found := frame.search(text[start:]):
                span = (start + found.start(1), start + found.end(1))
                return Found(found[1], span, f"{name} ({where})")
    return None
