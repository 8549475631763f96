"""Overlap of words, or of characters, between an answer and a gold answer.

``squad_f1`` and ``squad_exact`` follow the official SQuAD 2.0 evaluation (Rajpurkar et al., 2018): the same
normalisation, bags of words, the best over several gold answers, and 1 for two empty answers. That
normalisation knows spaces only, so a Chinese or Japanese answer would be a single word; ``character_f1``
makes each such character a token of its own. All functions are linear in the texts.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Literal

from assay.records import Outcome, Sample, Score, Trajectory
from assay.scoring.short_answer import extract_short
from assay.scoring.thinking import outcome_without_answer, split_thinking
from assay.task import Scorer

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_TOKEN = re.compile(
    r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
    r"|[^\W_\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]++"
)


def squad_normalise(text: str) -> str:
    """Lower case, ASCII punctuation deleted, English articles dropped, single spaces: in this order."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def squad_exact(answer: str, golds: Sequence[str]) -> bool:
    """Whether the answer is one of the gold answers once both are normalised."""
    given = squad_normalise(answer)
    return any(squad_normalise(gold) == given for gold in golds)


def squad_f1(answer: str, golds: Sequence[str]) -> float:
    """The best token F1 with any of the gold answers, in [0, 1]."""
    return _best(_squad_tokens, answer, golds)


def character_tokens(text: str) -> list[str]:
    """Each Han or kana character by itself, other letters and digits in runs; width and case set aside."""
    return _TOKEN.findall(unicodedata.normalize("NFKC", text).casefold())


def character_f1(answer: str, golds: Sequence[str]) -> float:
    """The best F1 over the bags of ``character_tokens``, in [0, 1]."""
    return _best(character_tokens, answer, golds)


def f1_scorer(tokens: Literal["words", "characters"] = "words") -> Scorer:
    """Score the F1 of the reply's answer with the sample's target (the best of several).

    ``values["exact"]`` is 1 where both have the same tokens in the same order after normalisation.
    """
    split = character_tokens if tokens == "characters" else _squad_tokens

    def score(sample: Sample, trajectory: Trajectory) -> Score:
        golds = (sample.target,) if isinstance(sample.target, str) else sample.target
        if not golds:
            raise ValueError(f"sample {sample.id}: no target")
        found = extract_short(split_thinking(trajectory.text)[1])
        if found is None:
            return Score(outcome_without_answer(trajectory.response), explanation="no answer set apart")
        value = _best(split, found.text, golds)
        exact = any(split(found.text) == split(gold) for gold in golds)
        trace = {"pattern": found.pattern, "span": found.span, "competitors": found.competitors}
        explanation = f"{found.pattern}: {found.text}"
        return Score(Outcome.SCORED, value, found.text, explanation, trace, {"exact": float(exact)})

    return score


def _squad_tokens(text: str) -> list[str]:
    return squad_normalise(text).split()


def _best(split: Callable[[str], list[str]], answer: str, golds: Sequence[str]) -> float:
    if not golds:
        raise ValueError("no gold answer to compare with")
    given = Counter(split(answer))
    return max(_f1(given, Counter(split(gold))) for gold in golds)


def _f1(given: Counter[str], gold: Counter[str]) -> float:
    """Harmonic mean of precision and recall: 2 |common| / (|given| + |gold|)."""
    if not given or not gold:
        return float(given == gold)
    return 2 * (given & gold).total() / (given.total() + gold.total())
