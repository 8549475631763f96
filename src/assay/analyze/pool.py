"""The groups of samples that a search may name: each a condition on the case records, with its members.

A group is a ``Condition`` first and a set of samples second, so that whatever a search finds can be recomputed
by anybody. Candidates come from declared tags and topics, numbers cut at quantiles, and words of the prompt.
The invariant: a group's members are those that ``claims.mask`` picks, and no two groups have the same members
(the first named stays: tags before topics, numbers and words).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from assay.analyze.claims import Condition, Selection, mask
from assay.analyze.findings import Finding
from assay.analyze.wording import overclaims
from assay.measure.intervals import Floats

if TYPE_CHECKING:
    import polars as pl
    from scipy.sparse import csr_matrix

FEWEST = 4
"""Samples of a group, on the half that is searched."""
WIDEST = 0.6
"""Share of the samples above which a group says more about the rest."""
MOST_WORDS = 1_200
_WORD = re.compile(r"[^\W\d_]{4,20}")
_CUTS = (0.1, 0.25, 0.5, 0.75, 0.9)
_NUMBERS = ("prompt_words", "prompt_digit_share", "prompt_lines", "options")
_OPPOSITE = {"==": "!=", "<=": ">", ">": "<=", ">=": "<", "<": ">="}


class Pool(NamedTuple):
    """Candidate groups over the samples of one frame."""

    conditions: list[Condition]
    members: csr_matrix
    """Groups by samples, 1 where a sample is in."""
    sets: dict[str, NDArray[np.int64]]
    """For each tag or topic column with several values: the rows of its values here."""


def pool_of(samples: pl.DataFrame) -> Pool:
    """The candidate groups of a frame with one row a sample.

    Groups of fewer than ``FEWEST`` samples are no candidates themselves, yet stay in ``sets``, whose values can
    be put together.
    """
    from scipy.sparse import csr_matrix

    n = samples.height
    conditions: list[Condition] = []
    rows: list[NDArray[np.int64]] = []
    seen: set[bytes] = set()
    sets: dict[str, list[int]] = {}
    for condition in _conditions(samples):
        inside = mask(samples, condition).to_numpy()
        count, key = int(inside.sum()), np.packbits(inside).tobytes()
        tag = condition.column.startswith(("tag:", "topic:"))
        if not (1 if tag else FEWEST) <= count <= n - FEWEST or (key in seen and not tag):
            continue
        if tag:
            sets.setdefault(condition.column, []).append(len(conditions))
        seen.add(key)
        conditions.append(condition)
        rows.append(np.flatnonzero(inside))
    pointers = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    columns = np.concatenate(rows) if rows else np.empty(0, np.int64)
    members = csr_matrix((np.ones(len(columns)), columns, pointers), shape=(len(rows), n))
    return Pool(conditions, members, {name: np.array(at) for name, at in sets.items() if len(at) > 2})


def _conditions(samples: pl.DataFrame) -> Iterator[Condition]:
    tags = [c for c in samples.columns if c.startswith("tag:")] + [c for c in samples.columns if c.startswith("topic:")]
    if samples["task"].n_unique() > 1:
        tags.insert(0, "task")
    for column in tags:
        for value in samples[column].drop_nulls().unique().sort():
            yield Condition(column, "==", value)
    for column in (*(c for c in samples.columns if c.startswith("num:")), *_NUMBERS):
        if column in samples.columns:
            for cut in _cuts(samples[column].drop_nulls().cast(float).to_numpy()):
                yield Condition(column, "<=", cut)
                yield Condition(column, ">", cut)
    if "prompt" in samples.columns:
        yield from (Condition("prompt", "contains", word) for word in vocabulary(samples["prompt"].to_list()))


def _cuts(values: Floats) -> list[float]:
    """Quantiles as thresholds that print as they are."""
    values = values[np.isfinite(values)]
    if len(values) == 0:
        return []
    return sorted({float(f"{cut:.3g}") for cut in np.quantile(values, _CUTS, method="lower")})


def vocabulary(prompts: list[str | None]) -> list[str]:
    """Words that tell prompts apart: in some of them and not in most; the more frequent first where too many."""
    counts: dict[str, int] = {}
    for prompt in prompts:
        for word in set(_WORD.findall((prompt or "").lower())):
            counts[word] = counts.get(word, 0) + 1
    n = len(prompts)
    fewest = max(8, n // 200)
    kept = [word for word, count in counts.items() if fewest <= count <= n / 2 and harmless(word)]
    return sorted(kept, key=lambda word: (-counts[word], word))[:MOST_WORDS]


def harmless(text: str) -> bool:
    """Whether a sentence may name this without seeming to claim something of its own ("because", "half")."""
    return not overclaims(Finding("", "", text, "level", ()), {})


def others(where: Selection) -> Selection | None:
    """The selection of all the cases that ``where`` leaves out, or ``None`` where none says so."""
    if len(where) != 1 or where[0].op not in _OPPOSITE:
        return None
    return (Condition(where[0].column, _OPPOSITE[where[0].op], where[0].value),)  # type: ignore[arg-type]


def named(where: Selection) -> str:
    """A selection in a reader's words."""
    return " and ".join(_named(condition) for condition in where)


def _named(c: Condition) -> str:
    column = c.column.partition(":")[2] or c.column.replace("_", " ")
    if c.op == "contains":
        return f"prompts with the word “{c.value}”"
    if c.column.startswith("topic:"):
        kind = "the topic" if c.op == "==" else "one of the topics"
        return f"{kind} {_listed(c)}"
    if c.column == "task" or c.op in ("==", "in"):
        return f"{column} {_listed(c)}"
    words = {"<=": "at most", ">": "over", ">=": "at least", "<": "under", "!=": "other than"}[c.op]
    value = f"{c.value:g}" if isinstance(c.value, int | float) else c.value
    return f"{column} {words} {value}"


def _listed(c: Condition, most: int = 8) -> str:
    values = [str(v) for v in c.value] if isinstance(c.value, tuple) else [str(c.value)]
    shown = [_clean(value) for value in values if harmless(value)][:most] or [_clean(values[0])]
    return ", ".join(shown) + (" and others" if len(values) > len(shown) else "")


def _clean(text: str) -> str:
    return "".join(c for c in text if c.isprintable())
