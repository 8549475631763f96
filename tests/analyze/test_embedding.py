"""Questions on one thing lie together, and the same texts always give the same points and clusters."""

from __future__ import annotations

import numpy as np

from assay.analyze.embedding import characteristic, embed, k_means, terms_of
from tests.analyze.worlds import THEMES, question


def texts(n: int = 90) -> tuple[list[str], list[int]]:
    rng = np.random.default_rng(0)
    themes = [i % len(THEMES) for i in range(n)]
    return [question(rng, theme) for theme in themes], themes


def test_questions_on_one_theme_are_nearer_to_each_other_than_to_those_on_another() -> None:
    prompts, themes = texts()
    points = embed(prompts, 16)
    likeness = points @ points.T
    same = np.equal.outer(themes, themes)
    off = ~np.eye(len(prompts), dtype=bool)
    assert likeness[same & off].mean() > likeness[~same].mean() + 0.2
    assert np.allclose(np.linalg.norm(points, axis=1), 1)


def test_clusters_are_the_themes() -> None:
    prompts, themes = texts()
    clusters = k_means(embed(prompts, 16), len(THEMES))
    for theme in range(len(THEMES)):
        found = clusters[np.array(themes) == theme]
        assert np.bincount(found).max() >= 0.9 * len(found)


def test_the_same_texts_give_the_same_points() -> None:
    prompts, _ = texts()
    assert np.array_equal(embed(prompts, 16), embed(prompts, 16))
    assert np.array_equal(k_means(embed(prompts, 16), 3), k_means(embed(prompts, 16), 3))


def test_the_truncated_decomposition_keeps_what_the_full_one_has_most_of() -> None:
    prompts, _ = texts(40)
    full = embed(prompts, 40)
    assert full.shape[1] <= 40
    weights = terms_of(prompts).weights.toarray()
    assert np.allclose(np.linalg.norm(weights, axis=1), 1)


def test_texts_without_words_have_a_place_too() -> None:
    points = embed(["", "   ", "!!!"])
    assert points.shape[0] == 3
    assert not points.any()


def test_a_theme_is_named_by_its_own_words() -> None:
    prompts, themes = texts()
    words = characteristic(terms_of(prompts), np.flatnonzero(np.array(themes) == 0))
    assert set(words) <= set(THEMES[0])
