"""Weaknesses put into simulated results, and how well a list of suspected ones fits them.

The protocol is EvalTree's (arXiv 2503.08893, appendix on ground-truth weaknesses): a case succeeds with probability
0.7 d^m where m planted weaknesses hold it; precision and recall are means over predicted and planted sets. Here the
sets are defined by code: values of a tag, words of the prompt, or the questions most like a drawn one. The
invariant: what is planted is drawn without a look at the groups that any method searches.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from assay.analyze.bench.worlds import Members, World, drawn, jaccard
from assay.analyze.embedding import Terms, terms_of
from assay.measure.intervals import Floats

WEAKNESSES = 10
SOLVED = 0.7
FACTORS = (0.2, 0.4, 0.5)
"""d: by what the chance of success is multiplied for each weakness."""
SMALLEST, LARGEST = 0.01, 0.10
MOST_ALIKE = 0.5
_WORD = re.compile(r"[^\W\d_]{4,}")
_TRIES = 400


class Weakness(NamedTuple):
    """A planted weakness."""

    kind: str
    name: str
    members: Members


class Fit(NamedTuple):
    """How well predicted sets fit planted ones."""

    precision: float
    recall: float
    f1: float


class Ground(NamedTuple):
    """What weaknesses can be planted in: computed once a world."""

    world: World
    terms: Terms
    words: dict[str, Members]
    """Whole words in 1 % to 10 % of the prompts."""


def ground_of(world: World) -> Ground:
    """Prepare a world for planting."""
    prompts = world.samples["prompt"].to_list()
    return Ground(world, terms_of(prompts), _words(prompts))


def words_of(text: str) -> set[str]:
    """The distinct words of at least four letters, in lower case."""
    return set(_WORD.findall(text.lower()))


def _words(prompts: Sequence[str]) -> dict[str, Members]:
    rows: dict[str, list[int]] = {}
    for row, prompt in enumerate(prompts):
        for word in words_of(prompt):
            rows.setdefault(word, []).append(row)
    n = len(prompts)
    kept = {word: at for word, at in rows.items() if SMALLEST * n <= len(at) <= LARGEST * n}
    return {word: _set(n, np.array(kept[word])) for word in sorted(kept)}


def _set(n: int, rows: NDArray[np.int64]) -> Members:
    inside = np.zeros(n, dtype=bool)
    inside[rows] = True
    return inside


def plant(ground: Ground, seed: int, count: int = WEAKNESSES) -> list[Weakness]:
    """Draw weaknesses of several kinds and of 1 % to 10 % of the questions, no two of them nearly the same."""
    rng = np.random.default_rng([seed, 7])
    found: list[Weakness] = []
    kinds = (_by_tag, _by_word, _by_likeness)
    for _ in range(_TRIES):
        if len(found) == count:
            break
        candidate = kinds[int(rng.integers(len(kinds)))](ground, rng)
        if candidate is None or not SMALLEST <= candidate.members.mean() <= LARGEST:
            continue
        if all(jaccard(candidate.members, other.members) <= MOST_ALIKE for other in found):
            found.append(candidate)
    return found


def _size(rng: np.random.Generator) -> float:
    """A share of the questions, log-uniform."""
    return float(np.exp(rng.uniform(np.log(SMALLEST), np.log(LARGEST))))


def _by_tag(ground: Ground, rng: np.random.Generator) -> Weakness | None:
    """One value of a tag or, where its values are smaller, several of one parent."""
    samples = ground.world.samples
    tags = [name for name in samples.columns if name.startswith("tag:")]
    if not tags:
        return None
    column = tags[int(rng.integers(len(tags)))]
    labels = samples[column].fill_null("").to_numpy()
    values = sorted(set(labels.tolist()) - {""})
    first = values[int(rng.integers(len(values)))]
    inside: Members = labels == first
    if inside.mean() >= SMALLEST:
        return Weakness("tag", f"{column[4:]} {first}", inside)
    known = [tag for tag in tags if samples[tag].null_count() == 0] or [column]
    coarse = samples[min(known, key=lambda tag: samples[tag].n_unique())].fill_null("").to_numpy()
    siblings = sorted(set(labels[coarse == coarse[inside.argmax()]].tolist()) - {"", first})
    size, chosen = _size(rng), [first]
    for value in rng.permutation(np.array(siblings, dtype=object)):
        if inside.mean() >= size:
            break
        inside = inside | (labels == value)
        chosen.append(str(value))
    return Weakness("tag", f"{column[4:]} {', '.join(chosen)}", inside)


def _by_word(ground: Ground, rng: np.random.Generator) -> Weakness | None:
    words = list(ground.words)
    if not words:
        return None
    word = words[int(rng.integers(len(words)))]
    return Weakness("word", word, ground.words[word])


def _by_likeness(ground: Ground, rng: np.random.Generator) -> Weakness | None:
    """A drawn question and those most like it, by the cosine of their words."""
    n = ground.world.size
    centre, count = int(rng.integers(n)), max(2, round(_size(rng) * n))
    weights = ground.terms.weights
    likeness = np.asarray((weights @ weights[centre].T).todense()).ravel()
    return Weakness(
        "cluster", f"{count} questions like no. {centre}", _set(n, np.argsort(-likeness, kind="stable")[:count])
    )


def simulate(world: World, weaknesses: Sequence[Weakness], d: float, seed: int) -> Floats:
    """Scores of 0 and 1: success with probability 0.7 d^m."""
    m = np.sum([w.members for w in weaknesses], axis=0) if weaknesses else np.zeros(world.size)
    return drawn(SOLVED * d**m, np.random.default_rng([seed, 11]))


def fit(predicted: Sequence[Members], planted: Sequence[Members]) -> Fit:
    """Precision and recall as means over sets; 0 where nothing is predicted or planted."""
    filled = [p for p in predicted if p.any()]
    if not filled or not planted:
        return Fit(0.0, 0.0, 0.0)
    found, truth = np.any(filled, axis=0), np.any(planted, axis=0)
    precision = float(np.mean([truth[p].mean() for p in filled]))
    recall = float(np.mean([found[g].mean() for g in planted]))
    total = precision + recall
    return Fit(precision, recall, 2 * precision * recall / total if total else 0.0)


def best_fit(profiles: Sequence[Sequence[Members]], planted: Sequence[Members]) -> Fit:
    """The best F1 over profiles of every size, as EvalTree's table has it for methods without a size of their own."""
    return max((fit(profile, planted) for profile in profiles), key=lambda found: found.f1, default=Fit(0.0, 0.0, 0.0))
