"""Texts as points, with nothing but counts: TF-IDF of words and of their letters, cut to a few dimensions.

Enough to tell questions on one thing from questions on another, for any language, offline, the same every
time. A document's letter n-grams are put together from those of its distinct words, so that they cost what
words cost. The invariant: the same texts and seed give the same points and clusters, whatever their order of
arrival in memory, and every point has unit length or is zero.

Sources: sublinear TF-IDF (Salton and Buckley, 1988); randomised range finder with power iterations (Halko,
Martinsson and Tropp, 2011); k-means++ (Arthur and Vassilvitskii, 2007).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from assay.measure.intervals import Floats

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

DIMENSIONS = 64
MOST_WORDS = 20_000
BUCKETS = 1 << 14
LONGEST = 6_000
"""Characters of a text that are read: its beginning and its end."""
_WORD = re.compile(r"[\u3400-\u9fff]|[^\W\d_]{2,30}|\d{1,4}")
_ROUNDS = 40


class Terms(NamedTuple):
    """Documents as weighted terms."""

    weights: csr_matrix
    """Documents by words, TF-IDF, rows of unit length."""
    words: list[str]


def terms_of(texts: Sequence[str]) -> Terms:
    """TF-IDF over the words that at least two documents have, the most frequent ``MOST_WORDS`` of them."""
    counts, words = _counts(texts)
    return Terms(_weighted(counts), words)


def _counts(texts: Sequence[str]) -> tuple[csr_matrix, list[str]]:
    from scipy.sparse import csr_matrix

    found = [Counter(_WORD.findall(_read(text).lower())) for text in texts]
    documents: Counter[str] = Counter(word for count in found for word in count)
    fewest = 2 if len(texts) > 2 else 1
    kept = [word for word, n in documents.items() if n >= fewest]
    words = sorted(sorted(kept, key=lambda word: (-documents[word], word))[:MOST_WORDS])
    at = {word: i for i, word in enumerate(words)}
    entries = [(row, at[word], n) for row, count in enumerate(found) for word, n in count.items() if word in at]
    rows, columns, values = np.array(entries, dtype=np.float64).reshape(-1, 3).T
    shape = (len(texts), len(words))
    return csr_matrix((values, (rows.astype(np.int64), columns.astype(np.int64))), shape=shape), words


def _read(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST // 2] + " " + text[-LONGEST // 2 :]


def _weighted(counts: csr_matrix) -> csr_matrix:
    """(1 + ln tf) (ln((1 + N) / (1 + df)) + 1), each row of unit length."""
    from scipy.sparse import diags

    n = counts.shape[0]
    weights = counts.astype(np.float64).tocsr()
    frequency = np.bincount(weights.indices, minlength=weights.shape[1])
    weights.data = 1 + np.log(weights.data)
    weights = weights @ diags(np.log((1 + n) / (1 + frequency)) + 1)
    norm = np.sqrt(np.asarray(weights.multiply(weights).sum(axis=1)).ravel())
    return (diags(1 / np.where(norm > 0, norm, 1)) @ weights).tocsr()


def embed(texts: Sequence[str], dimensions: int = DIMENSIONS, seed: int = 0) -> Floats:
    """One point a text, of unit length (zero for a text without words).

    Args:
        texts: n of them.
        dimensions: at most; fewer where there are fewer texts or terms.
        seed: of the random projection.

    Returns:
        n by ``dimensions``.
    """
    from scipy.sparse import hstack

    counts, words = _counts(texts)
    if not words:
        return np.zeros((len(texts), 1))
    letters = _weighted((counts @ _letters(words)).tocsr())
    both = hstack([_weighted(counts), letters]).tocsr()
    points = _range_of(both, min(dimensions, *both.shape), seed)
    return unit(points)


def _letters(words: Sequence[str]) -> csr_matrix:
    """Words by hashed letter n-grams of three to five, ends marked."""
    from scipy.sparse import csr_matrix

    columns: list[int] = []
    pointers = [0]
    for word in words:
        marked = f"<{word}>"
        grams = {marked[i : i + size] for size in (3, 4, 5) for i in range(len(marked) - size + 1)}
        columns += sorted({crc32(gram.encode()) % BUCKETS for gram in grams})
        pointers.append(len(columns))
    return csr_matrix((np.ones(len(columns)), columns, pointers), shape=(len(words), BUCKETS))


def _range_of(matrix: csr_matrix, dimensions: int, seed: int) -> Floats:
    """Left singular vectors times singular values of the best approximation of that rank, nearly."""
    rng = np.random.default_rng(seed)
    probes = min(dimensions + 10, *matrix.shape)
    sketch = matrix @ rng.standard_normal((matrix.shape[1], probes))
    for _ in range(3):
        basis, _ = np.linalg.qr(sketch)
        sketch = matrix @ (matrix.T @ basis)
    basis, _ = np.linalg.qr(sketch)
    left, singular, _ = np.linalg.svd((matrix.T @ basis).T, full_matrices=False)
    found: Floats = (basis @ left)[:, :dimensions] * singular[:dimensions]
    return found


def unit(points: Floats) -> Floats:
    """Rows brought to unit length; zero rows stay."""
    norm = np.linalg.norm(points, axis=1, keepdims=True)
    scaled: Floats = points / np.where(norm > 0, norm, 1)
    return scaled


def k_means(points: Floats, k: int, seed: int = 42) -> NDArray[np.int64]:
    """Cluster of each point, 0 ... at most k - 1, by k-means++ and Lloyd's steps; empty clusters are dropped."""
    rng = np.random.default_rng(seed)
    centres = points[_first(points, k, rng)]
    squares = (points**2).sum(axis=1)
    found = np.full(len(points), -1)
    for _ in range(_ROUNDS):
        distances = squares[:, None] - 2 * points @ centres.T + (centres**2).sum(axis=1)
        nearest = distances.argmin(axis=1)
        if (nearest == found).all():
            break
        found = nearest
        present = np.unique(found)
        centres = np.stack([points[found == c].mean(axis=0) for c in present])
        found = np.searchsorted(present, found)
    return np.unique(found, return_inverse=True)[1].astype(np.int64)


def _first(points: Floats, k: int, rng: np.random.Generator) -> list[int]:
    chosen = [int(rng.integers(len(points)))]
    distance = ((points - points[chosen[0]]) ** 2).sum(axis=1)
    while len(chosen) < min(k, len(points)):
        total = float(distance.sum())
        if total <= 1e-12:
            break
        chosen.append(int(rng.choice(len(points), p=distance / total)))
        distance = np.minimum(distance, ((points - points[chosen[-1]]) ** 2).sum(axis=1))
    return chosen


def characteristic(terms: Terms, rows: NDArray[np.int64], most: int = 3) -> list[str]:
    """The words that documents have more than the others do, the clearest first."""
    inside = np.asarray(terms.weights[rows].mean(axis=0)).ravel()
    everywhere = np.asarray(terms.weights.mean(axis=0)).ravel()
    excess = inside - everywhere
    order = np.argsort(-excess, kind="stable")
    long = [i for i in order[: 10 * most] if excess[i] > 0 and len(terms.words[i]) > 2]
    return [terms.words[i] for i in long[:most]]
