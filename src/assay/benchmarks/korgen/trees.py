"""Random expressions of two-place operators, for the families that nest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from assay.benchmarks.korgen.words import pick

Tree = int | str | tuple[str, "Tree", "Tree"]
"""A leaf, or a symbol with what stands left and right of it."""


def random_tree(rng: Random, symbols: Sequence[str], applications: int, leaf: Callable[[], int | str]) -> Tree:
    """An expression with that many operators in it, each drawn from ``symbols``."""
    if not applications:
        return leaf()
    left = rng.randrange(applications)
    symbol = pick(rng, symbols)
    before = random_tree(rng, symbols, left, leaf)
    return symbol, before, random_tree(rng, symbols, applications - 1 - left, leaf)


def parenthesised(tree: Tree) -> str:
    """An expression with all its parentheses but the outermost."""
    text = _inner(tree)
    return text[1:-1] if isinstance(tree, tuple) else text


def _inner(tree: Tree) -> str:
    return f"({_inner(tree[1])} {tree[0]} {_inner(tree[2])})" if isinstance(tree, tuple) else str(tree)
