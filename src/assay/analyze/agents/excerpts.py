"""Cases as an analyst reads them: short, numbered, fenced off, and called what they are.

What stands in a case was written by a benchmark or by the model under test. It may address the reader, imitate the
fence or go on for pages. The invariant: whatever it holds, it comes between two marks with a number drawn afresh
for each reading, never longer than its share of ``TOKENS_A_CASE``, with control characters made visible as spaces.
"""

from __future__ import annotations

import unicodedata
from random import Random
from typing import TYPE_CHECKING, Any

from assay.analyze.agents.budget import BYTES_A_TOKEN

if TYPE_CHECKING:
    import polars as pl

TOKENS_A_CASE = 500
MOST_CASES = 8
MOST_TAGS = 12
_SHARES = {"prompt": 0.35, "thinking": 0.15, "output": 0.35, "answer": 0.05, "target": 0.05}
_FACTS = ("model", "outcome", "score", "output_tokens", "truncated", "format_ok", "refused", "looping")


def read(cases: pl.DataFrame, rng: Random) -> str:
    """Cases one after the other, each fenced."""
    mark = f"{rng.getrandbits(48):012x}"
    return "\n".join(_case(row, mark) for row in cases.head(MOST_CASES).iter_rows(named=True))


def fenced(text: str, rng: Random) -> str:
    """A passage of untrusted text between marks that it cannot know."""
    mark = f"{rng.getrandbits(48):012x}"
    return f"<<untrusted {mark}\n{plain(text)}\nuntrusted {mark}>>"


def _case(row: dict[str, Any], mark: str) -> str:
    facts = ", ".join(f"{name}={_value(row[name])}" for name in _FACTS if row.get(name) is not None)
    tags = [name for name in row if name.startswith(("tag:", "num:")) and row[name] is not None][:MOST_TAGS]
    lines = [f"case {plain(str(row['case']))[:120]}: {facts}", f"<<untrusted {mark}"]
    if tags:
        lines.append("[tags] " + ", ".join(f"{plain(name)[:60]}={_value(row[name])}" for name in tags))
    for name, share in _SHARES.items():
        if row.get(name):
            lines.append(f"[{name}] {shortened(plain(str(row[name])), int(share * TOKENS_A_CASE * BYTES_A_TOKEN))}")
    return "\n".join([*lines, f"untrusted {mark}>>"])


def shortened(text: str, size: int) -> str:
    """The beginning and the end of a text, within ``size`` bytes and a little."""
    raw = text.encode()
    if len(raw) <= size:
        return text
    head, tail = raw[: size * 2 // 3].decode("utf-8", "ignore"), raw[-(size // 3) :].decode("utf-8", "ignore")
    return f"{head} [... {len(raw) - size} bytes left out ...] {tail}"


def plain(text: str) -> str:
    """The text without characters that a reader cannot see."""
    text = text.encode("utf-8", "replace").decode()
    return "".join(c if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf", "Co", "Cs") else " " for c in text)


def _value(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else plain(str(value))[:80]
