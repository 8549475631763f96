"""Planting weaknesses, scoring what is found, and the baselines, on worlds small enough to check by hand."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy.optimize import linear_sum_assignment

from assay.analyze.bench import baselines
from assay.analyze.bench.planted import (
    LARGEST,
    MOST_ALIKE,
    SMALLEST,
    WEAKNESSES,
    Weakness,
    best_fit,
    fit,
    ground_of,
    plant,
    simulate,
)
from assay.analyze.bench.worlds import World, generated, jaccard
from assay.analyze.claims import Condition


@pytest.fixture(scope="module")
def world() -> World:
    return generated(450)


def _of(n: int, *rows: int) -> np.ndarray:
    inside = np.zeros(n, dtype=bool)
    inside[list(rows)] = True
    return inside


def test_fit_is_the_mean_over_sets_of_their_share_in_the_other_union() -> None:
    predicted = [_of(10, 0, 1, 2, 3), _of(10, 8, 9)]  # 2 of 4 and 1 of 2 are weak
    planted = [_of(10, 0, 1), _of(10, 5, 9), _of(10, 6)]  # found: 2 of 2, 1 of 2, 0 of 1
    found = fit(predicted, planted)
    assert found.precision == pytest.approx(0.5)
    assert found.recall == pytest.approx((1 + 0.5 + 0) / 3)
    assert found.f1 == pytest.approx(0.5)
    assert fit([], planted).f1 == 0
    assert best_fit([predicted, planted], planted).f1 == 1


def test_planted_weaknesses_have_the_sizes_kinds_and_variety_that_are_promised(world: World) -> None:
    ground = ground_of(world)
    kinds = set()
    for seed in range(4):
        found = plant(ground, seed)
        assert len(found) == WEAKNESSES
        kinds |= {weakness.kind for weakness in found}
        assert all(SMALLEST <= weakness.members.mean() <= LARGEST for weakness in found)
        assert all(jaccard(a.members, b.members) <= MOST_ALIKE for i, a in enumerate(found) for b in found[:i])
    assert kinds == {"tag", "word", "cluster"}
    assert all((a.members == b.members).all() for a, b in zip(plant(ground, 1), plant(ground, 1), strict=True))


def test_success_falls_by_d_with_each_weakness_that_holds_a_case() -> None:
    n = 60_000
    world = World("made", pl.DataFrame({"sample_id": [str(i) for i in range(n)]}))
    a, b = np.arange(n) < 2 * n // 3, np.arange(n) >= n // 3
    scores = simulate(world, [Weakness("tag", "a", a), Weakness("tag", "b", b)], 0.4, 0)
    for m, p in ((1, 0.28), (2, 0.112)):
        x = scores[(a.astype(int) + b) == m]
        assert abs(x.mean() - p) < 5 * np.sqrt(p * (1 - p) / len(x))
    assert abs(simulate(world, [], 0.4, 0).mean() - 0.7) < 0.01


def test_selections_pick_the_questions_that_they_name(world: World) -> None:
    labels = world.samples["tag:category"].to_numpy()
    assert (world.members((Condition("tag:category", "==", "cipher"),)) == (labels == "cipher")).all()
    assert not world.members((Condition("output_words", ">", 3.0),)).any()


def test_balanced_assignment_is_the_optimum_within_the_bounds() -> None:
    """Against the Hungarian method: with no slack, a capability is as many copies of a slot as its prior share."""
    rng = np.random.default_rng(0)
    relevance = rng.uniform(1, 5, (12, 3))
    relevance /= relevance.sum(axis=0) / 20  # equal totals: every capability is due 4 of 12
    chosen = baselines.balanced(relevance, each=1, slack=0.0)
    assert (chosen.sum(axis=1) == 1).all()
    assert (chosen.sum(axis=0) == 4).all()
    rows, slots = linear_sum_assignment(-np.repeat(relevance, 4, axis=1))
    assert relevance[chosen].sum() == pytest.approx(np.repeat(relevance, 4, axis=1)[rows, slots].sum())


def test_a_node_is_extracted_only_with_all_its_large_children() -> None:
    tree = baselines.Tree(None, [[1, 2, 3], [], [], []])  # type: ignore[arg-type]
    n = np.array([60.0, 30.0, 25.0, 5.0])
    qualifies = np.array([True, True, True, False])  # the small child does not decide
    assert baselines.extract(tree, qualifies, n) == [0]
    assert baselines.extract(tree, np.array([True, True, False, True]), n) == [1, 3]
    assert baselines.extract(tree, np.array([False, False, True, False]), n) == [2]


def test_baselines_find_a_weakness_that_is_their_own_kind_of_group(world: World) -> None:
    prepared = baselines.prepare(world)
    rng = np.random.default_rng(2)
    capability = prepared.capabilities[4]
    scores = (rng.random(world.size) < np.where(capability, 0.05, 0.9)).astype(float)
    assert best_fit(baselines.qual_eval(prepared, scores), [capability]).f1 > 0.9
    word = next(word for word, inside in prepared.words.items() if 0.08 < inside.mean() < 0.12)
    scores = (rng.random(world.size) < np.where(prepared.words[word], 0.0, 0.95)).astype(float)
    assert best_fit(baselines.text_diff(prepared, scores, 0), [prepared.words[word]]).f1 > 0.9
    node = int(np.argmin(np.abs(np.asarray(prepared.tree.members.sum(axis=1)).ravel() - 60)))
    inside = prepared.tree.members[node].toarray().ravel() > 0
    scores = (rng.random(world.size) < np.where(inside, 0.05, 0.9)).astype(float)
    assert best_fit(baselines.eval_tree(prepared, scores), [inside]).f1 > 0.9
