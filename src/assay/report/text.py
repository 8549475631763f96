"""Text that somebody else wrote, made safe to look at.

A model may write control characters, right-to-left overrides that make a line read as another one, tags
that no reader sees, or halves of characters that no file can hold. The invariant: what comes out of here
is printable, has one meaning to the eye, and loses nothing: each such character is replaced by its name.
"""

from __future__ import annotations

import re

_HIDDEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls, but for tab and newline
    r"\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # unseen, or turn the line
    r"\ufffe\uffff\ud800-\udfff"  # no characters at all
    r"\U000e0000-\U000e007f]"  # tags
)


def visible(text: str) -> str:
    """The text with every character that cannot be seen, or that hides others, replaced by its name."""
    return _HIDDEN.sub(_name, text)


def one_line(text: str) -> str:
    """``visible`` text on a single line."""
    return " ".join(visible(text).split())


def _name(match: re.Match[str]) -> str:
    code = ord(match[0])
    return chr(0x2400 + code) if code < 0x20 else f"⟨U+{code:04X}⟩"
