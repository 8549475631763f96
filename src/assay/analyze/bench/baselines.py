"""What the statistician is held against: three published methods, as far as they go without a language model.

TextDiff looks at 50 failed and 50 solved cases and names what tells them apart: here words instead of phrases.
QualEval (arXiv 2311.02807) gives each case two of 20 capabilities in balanced numbers by a linear programme: here
capabilities are clusters of the questions and relevance is the cosine to their centres. EvalTree (arXiv 2503.08893)
extracts nodes of a tree of recursive k-means: here over our own embedding. Each returns its profiles of every size
up to 20, of which the best counts. The invariant: what does not depend on scores is made once a world.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from assay.analyze.bench.planted import words_of
from assay.analyze.bench.worlds import Members, World
from assay.analyze.embedding import embed, k_means, unit
from assay.analyze.tree import divide
from assay.measure.intervals import Floats

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

LARGEST_PROFILE = 20
SHOWN = 50
CAPABILITIES = 20
EACH = 2
SLACK = 0.10
LEVEL = 0.95
FEWEST_FOR_INTERVAL = 5
FEWEST_TO_DECIDE = 20

Profiles = list[list[Members]]


class Prepared(NamedTuple):
    """What the baselines know of a world before any result."""

    words: dict[str, Members]
    capabilities: NDArray[np.bool_]
    """20 capabilities by n questions."""
    tree: Tree


class Tree(NamedTuple):
    """A tree of questions: node 0 is the root, children come after their parent."""

    members: csr_matrix
    """Nodes by questions."""
    children: list[list[int]]


def prepare(world: World, seed: int = 0) -> Prepared:
    """Everything that does not depend on scores."""
    prompts = world.samples["prompt"].to_list()
    points = embed(prompts, seed=seed + 1)
    found: dict[str, list[int]] = {}
    for row, prompt in enumerate(prompts):
        for word in words_of(prompt):
            found.setdefault(word, []).append(row)
    words = {}
    for word in sorted(word for word, rows in found.items() if len(rows) >= 2):
        words[word] = np.zeros(world.size, dtype=bool)
        words[word][found[word]] = True
    return Prepared(words, _capabilities(points, seed), tree_of(points, seed))


def text_diff(prepared: Prepared, scores: Floats, seed: int) -> Profiles:
    """The k words that 50 failed cases have more than 50 solved ones, for each k."""
    rng = np.random.default_rng([seed, 13])
    failed, solved = np.flatnonzero(scores < 0.5), np.flatnonzero(scores >= 0.5)
    if not len(failed) or not len(solved):
        return []
    failed = rng.permutation(failed)[:SHOWN]
    solved = rng.permutation(solved)[:SHOWN]
    ordered = []
    for word, inside in prepared.words.items():
        p, q = float(inside[failed].mean()), float(inside[solved].mean())
        a, b = (p * len(failed) + 0.5) / (len(failed) + 1), (q * len(solved) + 0.5) / (len(solved) + 1)
        error = np.sqrt(a * (1 - a) / len(failed) + b * (1 - b) / len(solved))
        ordered.append((-(a - b) / error, word))
    named = [prepared.words[word] for _, word in sorted(ordered)[:LARGEST_PROFILE]]
    return [named[:k] for k in range(1, len(named) + 1)]


def qual_eval(prepared: Prepared, scores: Floats) -> Profiles:
    """The k capabilities with the lowest scores, for each k."""
    filled = [inside for inside in prepared.capabilities if inside.any()]
    ordered = sorted(filled, key=lambda inside: float(scores[inside].mean()))
    return [ordered[:k] for k in range(1, len(ordered) + 1)]


def _capabilities(points: Floats, seed: int) -> NDArray[np.bool_]:
    clusters = k_means(points, CAPABILITIES, seed)
    centres = unit(np.stack([points[clusters == c].mean(axis=0) for c in range(int(clusters.max()) + 1)]))
    cosine = points @ centres.T
    span = float(cosine.max() - cosine.min()) or 1.0
    return balanced(1 + 4 * (cosine - cosine.min()) / span).T


def balanced(relevance: Floats, each: int = EACH, slack: float = SLACK) -> NDArray[np.bool_]:
    """Give each of n cases ``each`` of k capabilities with the highest total relevance and balanced numbers.

    A capability's number lies within ``slack`` of its prior share, n times ``each`` times its part of the total
    relevance. The programme is a transport problem, so its linear relaxation has a solution in whole numbers.

    Args:
        relevance: n by k, positive.
        each: capabilities a case.
        slack: share by which numbers may differ from the prior.
    """
    from scipy.optimize import linprog
    from scipy.sparse import csr_matrix, eye, kron, vstack

    n, k = relevance.shape
    each = min(each, k)
    prior = n * each * relevance.sum(axis=0) / relevance.sum()
    by_case = kron(eye(n), np.ones((1, k)))
    by_capability = kron(np.ones((1, n)), eye(k))
    found = linprog(
        -relevance.ravel(),
        A_ub=csr_matrix(vstack([by_capability, -by_capability])),
        b_ub=np.concatenate([np.ceil(prior * (1 + slack)), -np.floor(prior * (1 - slack))]),
        A_eq=csr_matrix(by_case),
        b_eq=np.full(n, each),
        bounds=(0, 1),
        method="highs",
    )
    assert found.status == 0, found.message
    chosen: NDArray[np.bool_] = found.x.reshape(n, k) > 0.5
    return chosen


def tree_of(points: Floats, seed: int = 42) -> Tree:
    """Recursive k-means with k from 2 to 10 by cosine silhouette; nodes under 20 questions are not divided.

    The published rule divides down to two questions; nothing below 20 decides an extraction.
    """
    from scipy.sparse import csr_matrix

    nodes = [np.arange(len(points))]
    children: list[list[int]] = []
    at = 0
    while at < len(nodes):
        parts = _divided(points, nodes[at], seed) if len(nodes[at]) >= FEWEST_TO_DECIDE else []
        children.append(list(range(len(nodes), len(nodes) + len(parts))))
        nodes += parts
        at += 1
    pointers = np.concatenate([[0], np.cumsum([len(node) for node in nodes])])
    columns = np.concatenate(nodes)
    return Tree(csr_matrix((np.ones(len(columns)), columns, pointers), shape=(len(nodes), len(points))), children)


def _divided(points: Floats, rows: NDArray[np.int64], seed: int) -> list[NDArray[np.int64]]:
    clusters = divide(points[rows], seed)
    return [] if clusters is None else [rows[clusters == c] for c in range(int(clusters.max()) + 1)]


def eval_tree(prepared: Prepared, scores: Floats) -> Profiles:
    """The profiles of a falling threshold on the nodes' upper Clopper-Pearson bounds, of at most 20 nodes."""
    from scipy.special import betaincinv

    tree = prepared.tree
    n = np.asarray(tree.members.sum(axis=1)).ravel()
    s = tree.members @ scores
    upper = np.where(s < n, betaincinv(s + 1, np.maximum(n - s, 1e-9), (1 + LEVEL) / 2), 1.0)
    upper = np.where(n >= FEWEST_FOR_INTERVAL, upper, np.inf)
    profiles: dict[tuple[int, ...], list[Members]] = {}
    for tau in np.unique(upper[np.isfinite(upper)]) + 1e-9:
        nodes = tuple(extract(tree, upper < tau, n))
        if 0 < len(nodes) <= LARGEST_PROFILE and nodes not in profiles:
            profiles[nodes] = [tree.members[node].toarray().ravel() > 0 for node in nodes]
    return list(profiles.values())


def extract(tree: Tree, qualifies: NDArray[np.bool_], n: Floats) -> list[int]:
    """Nodes from the top that qualify with all their children of at least 20 questions; none below another."""
    found, waiting = [], [0]
    while waiting:
        node = waiting.pop()
        large = [child for child in tree.children[node] if n[child] >= FEWEST_TO_DECIDE]
        if qualifies[node] and all(qualifies[child] for child in large):
            found.append(node)
        else:
            waiting += tree.children[node]
    return sorted(found)
