"""Can battles rank these models at all? The strongly connected components of the graph of wins.

An arrow leads from each winner to each loser, both ways where both have won or there was a tie. The maximum of the
Bradley-Terry likelihood exists if and only if each model can be reached from each other one (Ford, "Solution of a
ranking problem from binary comparisons", 1957). Otherwise some group never lost to the rest (or never met it),
and its distance to the rest is infinite (or unknown). The invariant: such a distance is reported as what it is,
never as the large number at which an optimiser happened to stop.
"""

from __future__ import annotations

import numpy as np

from assay.measure.intervals import Codes, Floats


def components(a: Codes, b: Codes, score: Floats, models: int) -> list[list[int]]:
    """Groups of models within which all distances are finite, those never beaten by another group first.

    Args:
        a: the first model of each battle, codes 0 ... ``models`` - 1, shape (R,).
        b: the second.
        score: of the first, in [0, 1]; anything between is part of a win for both.
        models: how many there are; one that has no battle is a group of its own.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    size = models * models
    won = np.bincount((a * models + b)[score > 0], minlength=size)
    lost = np.bincount((b * models + a)[score < 1], minlength=size)
    arrows = np.flatnonzero(won + lost)
    graph = coo_array((np.ones(len(arrows)), (arrows // models, arrows % models)), shape=(models, models))
    _, of = connected_components(graph, directed=True, connection="strong")
    groups: dict[int, list[int]] = {}
    for model, group in enumerate(of):
        groups.setdefault(int(group), []).append(model)
    return [groups[g] for g in _downwards(of[arrows // models], of[arrows % models], sorted(groups))]


def _downwards(winners: Codes, losers: Codes, groups: list[int]) -> list[int]:
    """The groups in an order in which none is beaten by a later one; larger numbers only break ties."""
    beaten_by: dict[int, set[int]] = {g: set() for g in groups}
    for winner, loser in zip(winners.tolist(), losers.tolist(), strict=True):
        if winner != loser:
            beaten_by[loser].add(winner)
    order: list[int] = []
    while beaten_by:
        free = [g for g, by in beaten_by.items() if not by]
        for g in free:
            del beaten_by[g]
        for by in beaten_by.values():
            by.difference_update(free)
        order += free
    return order
