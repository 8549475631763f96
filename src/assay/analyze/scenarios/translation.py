"""Translation: what was left out, left as it was, or changed.

The source is the part of the prompt behind its last colon or line break, for it is what translation prompts end
with; a task that says what its source is (``metadata["source"]`` or ``["question"]``) is taken at its word.
"""

from __future__ import annotations

import re
from collections import Counter

from assay.analyze.behaviour import scripts
from assay.analyze.scenarios.base import Derived, Label, Question, Row, Scenario
from assay.analyze.scenarios.texts import words

_TALK = re.compile(
    r"^\s*(?:sure|certainly|of course|here(?:'s| is)|the translation|translation:|note:|当然|以下是)", re.I
)
_DIGITS = re.compile(r"\d+")
_RUN = 4
"""Words in a row that are left as they were, from which a passage counts as copied."""


def source(row: Row) -> str:
    """The text to translate."""
    about = row.seen.sample.metadata if row.seen is not None else {}
    told = next((about[key] for key in ("source", "src_text", "question") if isinstance(about.get(key), str)), None)
    if told:
        return str(told)
    prompt = row.text("prompt").strip()
    for mark in (":\n", "：\n", ": ", "：", "\n"):
        head, found, rest = prompt.partition(mark) if mark != "\n" else prompt.rpartition(mark)
        if found and len(rest) > len(head) / 4:
            return rest
    return prompt


def length_ratio(row: Row) -> float | None:
    """Characters of the reply over those of the reference, which is in the same language."""
    target = row.text("target").partition(" | ")[0]
    return len(row.output.strip()) / len(target) if target else None


def untranslated(row: Row) -> float | None:
    """Share of the reply's words of four letters or more that stand in the source."""
    theirs = set(words(source(row)))
    mine = [word for word in words(row.output) if len(word) >= 4 and not word.isdigit()]
    return sum(word in theirs for word in mine) / len(mine) if mine else None


def copied_words(row: Row) -> int:
    """Words of the reply inside runs of at least four that stand in the source."""
    mine, theirs = words(row.output), words(source(row))
    known = {tuple(theirs[at : at + _RUN]) for at in range(len(theirs) - _RUN + 1)}
    inside = {
        place
        for at in range(len(mine) - _RUN + 1)
        if tuple(mine[at : at + _RUN]) in known
        for place in range(at, at + _RUN)
    }
    return len(inside)


def numbers_lost(row: Row) -> int:
    """Numbers of the source that the reply lacks, each as frequent as it stands there."""
    return sum((Counter(_DIGITS.findall(source(row))) - Counter(_DIGITS.findall(row.output))).values())


def _other_script(row: Row) -> bool | None:
    wanted, given = scripts(row.text("target")[:4_000])[0], scripts(row.output[:4_000])[0]
    return None if wanted is None or given is None else wanted != given


SHORT, LONG = 0.6, 1.7
"""Length ratios from which a reply is much shorter, or longer, than the reference."""


def _short(row: Row) -> bool | None:
    ratio = length_ratio(row)
    return None if ratio is None else ratio < SHORT


def _long(row: Row) -> bool | None:
    ratio = length_ratio(row)
    return None if ratio is None else ratio > LONG


TRANSLATION = Scenario(
    "translation",
    "translation of texts",
    (
        Question("Does it leave passages as they were?", ("label:copied_passage", "derived:untranslated")),
        Question("Does it leave something out, or add to it?", ("label:much_shorter", "label:much_longer")),
        Question("Do numbers survive?", ("label:numbers_changed",)),
        Question("Does it translate, or talk about translating?", ("label:extra_talk",)),
    ),
    (
        Derived("length_ratio", "characters of the reply over those of the reference", "ratio", length_ratio),
        Derived("untranslated", "share of the reply's words that stand in the source", "share", untranslated),
        Derived("copied_words", "words in passages copied from the source", "words", lambda r: float(copied_words(r))),
        Derived(
            "numbers_lost", "numbers of the source that the reply lacks", "numbers", lambda r: float(numbers_lost(r))
        ),
    ),
    (
        Label("copied_passage", "four words or more in a row are left as they were", lambda r: copied_words(r) > 0),
        Label("numbers_changed", "a number of the source is missing", lambda r: numbers_lost(r) > 0),
        Label("much_shorter", "the reply is much shorter than the reference", _short),
        Label("much_longer", "the reply is much longer than the reference", _long),
        Label("other_script", "in another script than the reference", _other_script),
        Label("extra_talk", "opens with words about the translation", lambda r: _TALK.match(r.output) is not None),
        Label("mistranslated_term", "a term is rendered by another one"),
        Label("sense_reversed", "says the opposite of the source"),
    ),
)
