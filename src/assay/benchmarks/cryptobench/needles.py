"""Needles in a haystack: three sentences to be found in a long text, some of their words in code.

The haystack is cut at a sentence so that it, the needles and a buffer fit the context length; the first
needle stands at the depth, the others evenly between it and the end, each at the last sentence boundary that
is not behind its place. Everything is computed on the bare haystack, so places never move back as the depth
grows. The needles and what they name are our own.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import accumulate, cycle
from math import ceil
from pathlib import Path
from typing import NamedTuple

from assay.benchmarks.cryptobench.filler import filler_sentences
from assay.errors import DatasetMalformed, MissingDependency, UsageError
from assay.records import Outcome, Sample, Score, Trajectory
from assay.scoring.thinking import outcome_without_answer, split_thinking

LENGTHS = (1000, 4000, 7000, 10000, 13000, 16000, 19000, 22000, 26000, 30000)
"""Tokens of the text, the buffer included."""
DEPTHS = (0, 12, 23, 34, 45, 56, 67, 78, 89, 100)
"""Where the first needle stands, in percent of the haystack."""
BUFFER = 200
"""Tokens kept free."""
NEEDLES = (
    "Dried apricots are one of the three hidden supplies that the Tarnvik expedition will need to cross the plateau.",
    "Lantern oil is one of the three hidden supplies that the Tarnvik expedition will need to cross the plateau.",
    "Copper wire is one of the three hidden supplies that the Tarnvik expedition will need to cross the plateau.",
)
QUESTION = "What are the three hidden supplies that the Tarnvik expedition will need to cross the plateau?"
NAMED = ("dried apricots", "lantern oil", "copper wire")
"""What each needle names."""

_NAMED = tuple(re.compile(rf"\b{name.removesuffix('s')}s?\b") for name in NAMED)
_ANSWER = re.compile(r"answer[*_ \t]{0,4}:", re.IGNORECASE)
_LONGEST = 600
"""Characters of an answer; more is the text itself, not what was found in it."""
_SENTENCE_END = re.compile(r"[.!?][\"')\]”’]{0,4}\s+")

Counter = Callable[[str], float]
"""Text -> tokens."""


class Placed(NamedTuple):
    """A text with needles in it."""

    text: str
    tokens: int
    """Of haystack and needles, as counted."""
    places: tuple[float, ...]
    """Where each needle stands: the share of the haystack before it."""


def token_counter(name: str) -> Counter:
    """``characters/N``, an approximation, or ``tiktoken/ENCODING``.

    Raises ``UsageError`` for another name, and ``MissingDependency`` where tiktoken is not to be had.
    """
    kind, _, which = name.partition("/")
    if kind == "characters" and re.fullmatch(r"[1-9](?:\.[0-9]{1,3})?", which):
        return partial(_by_characters, float(which))
    if kind == "tiktoken" and which:
        try:
            import tiktoken  # type: ignore[import-not-found]

            encoding = tiktoken.get_encoding(which)
        except ImportError:
            raise MissingDependency("tokens=tiktoken/... needs tiktoken: pip install tiktoken") from None
        except Exception as error:  # it fetches the encoding and raises what its HTTP client does
            raise UsageError(f"cryptobench: tiktoken has no {which}: {error}") from None
        return lambda text: len(encoding.encode(text, disallowed_special=()))
    raise UsageError(f"cryptobench: tokens={name!r} is neither characters/N, such as characters/4, nor tiktoken/NAME")


def _by_characters(each: float, text: str) -> float:
    return len(text) / each


def sentences_of(text: str) -> list[str]:
    """A text cut behind its sentences, white space kept: joined, they are the text."""
    ends = [found.end() for found in _SENTENCE_END.finditer(text)]
    starts = [0, *ends]
    return [text[start:end] for start, end in zip(starts, [*ends, len(text)], strict=True) if start < end]


def essay_sentences(folder: Path) -> Iterator[str]:
    """The sentences of a folder's texts, in the order of their names, again and again."""
    texts = []
    for path in sorted(folder.glob("*.txt")):
        try:
            texts.append(path.read_text("utf-8").strip())
        except UnicodeDecodeError as error:
            raise DatasetMalformed(f"{path}: not UTF-8 ({error.reason})") from None
    sentences = [sentence for text in texts if text for sentence in sentences_of(text + "\n\n")]
    if not sentences:
        raise DatasetMalformed(f"{folder}: its texts are empty")
    return cycle(sentences)


class Haystack:
    """The first sentences of a source, as many as the longest context takes, with their tokens."""

    def __init__(self, essays: Path | None, longest: int, count: Counter) -> None:
        self.sentences: list[str] = []
        self.count = count
        tokens: list[float] = []
        total = 0.0
        for sentence in essay_sentences(essays) if essays is not None else filler_sentences():
            self.sentences.append(sentence)
            tokens.append(count(sentence))
            total += tokens[-1]
            if total >= longest:
                break
        self._before = [0.0, *accumulate(tokens)]
        """Tokens before each sentence, and before the end."""

    def with_needles(self, needles: Sequence[str], length: int, depth: float) -> Placed:
        """The text of a context length with needles from a depth on. Raises ``UsageError`` where they do not fit."""
        own = sum(self.count(f"{needle} ") for needle in needles)
        kept = bisect_right(self._before, length - BUFFER - own) - 1
        if kept < 1:
            raise UsageError(
                f"cryptobench: a context of {length} tokens leaves no room for needles of {own:.0f} tokens"
            )
        total = self._before[kept]
        step = (100 - depth) / len(needles)
        boundaries = [
            bisect_right(self._before, total * ((depth + at * step) / 100), hi=kept + 1) - 1
            for at in range(len(needles))
        ]
        text, start = "", 0
        for needle, end in zip(needles, boundaries, strict=True):
            text = _apart(text + "".join(self.sentences[start:end])) + needle + " "
            start = end
        text += "".join(self.sentences[start:kept])
        return Placed(text.strip(), ceil(total + own), tuple(self._before[end] / total for end in boundaries))


def _apart(text: str) -> str:
    return text if not text or text[-1].isspace() else text + " "


def needle_scorer(sample: Sample, trajectory: Trajectory) -> Score:
    """The share of the three things that the reply names behind its last ``Answer:``.

    A string match in place of the owners' judge: singular and plural alike, order free.
    """
    reply = split_thinking(trajectory.text)[1].strip()
    marks = list(_ANSWER.finditer(reply))
    answer = reply[marks[-1].end() :] if marks else reply if "\n" not in reply else ""
    if not answer.strip(" \n*_.") or len(answer) > _LONGEST:
        why = "an answer as long as a text" if len(answer) > _LONGEST else "no answer found"
        return Score(outcome_without_answer(trajectory.response), explanation=why)
    plain = " ".join(answer.casefold().replace("-", " ").split())
    found = [name for name, pattern in zip(NAMED, _NAMED, strict=True) if pattern.search(plain)]
    told = f"names {len(found)} of {len(NAMED)}: {', '.join(found) or 'none'}"
    values = {"all": float(len(found) == len(NAMED))}
    return Score(Outcome.SCORED, len(found) / len(NAMED), answer.strip()[:_LONGEST], told, {"found": found}, values)
