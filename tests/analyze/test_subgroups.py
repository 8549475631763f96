"""What was planted is found at its own grain, and noise holds nothing."""

from __future__ import annotations

import numpy as np
import pytest

from assay.analyze.claims import Condition, mask
from assay.analyze.pool import harmless, named, others, pool_of
from assay.analyze.subgroups import gain, stand_out
from tests.analyze.worlds import world


def search(n: int = 800, seed: int = 0, low: bool = True, **weak: float) -> list[tuple[Condition, ...]]:
    samples = world(n, seed=seed, weak={name.replace("_", " "): factor for name, factor in weak.items()})
    return [group.where for group in stand_out(pool_of(samples), samples["score"].to_numpy(), low=low)]


def test_the_ratio_is_that_of_two_binomial_likelihoods() -> None:
    from scipy.stats import binom

    def likelihood(k: int, n: int, p: float) -> float:
        return float(binom.logpmf(k, n, p))

    apart = likelihood(3, 20, 3 / 20) + likelihood(60, 80, 60 / 80)
    together = likelihood(3, 20, 63 / 100) + likelihood(60, 80, 63 / 100)
    assert gain(np.array([20.0]), np.array([3.0]), 100.0, 63.0)[0] == pytest.approx(apart - together)
    assert gain(np.array([20.0]), np.array([18.0]), 100.0, 63.0)[0] == 0


def test_a_planted_topic_is_found_and_nothing_else() -> None:
    found = [search(seed=seed, topic_b=0.3) for seed in range(10)]
    assert all(groups[0] == (Condition("tag:topic", "==", "topic b"),) for groups in found)
    assert sum(len(groups) == 1 for groups in found) >= 7


def test_a_planted_skill_is_found_at_its_own_grain() -> None:
    assert search(skill_d=0.1) == [(Condition("tag:skill", "==", "skill d"),)]


def test_skills_too_mild_to_stand_out_alone_are_found_together() -> None:
    found = search(700, skill_a=0.6, skill_e=0.6, skill_k=0.6)
    assert found[:1] == [(Condition("tag:skill", "in", ("skill a", "skill e", "skill k")),)]


def test_a_word_is_found_where_no_tag_says_so() -> None:
    samples = world(1000, 0.8)
    marked = mask(samples, Condition("prompt", "contains", "catalyst")).to_numpy()
    scores = samples["score"].to_numpy() * np.where(marked, np.random.default_rng(1).random(1000) < 0.2, 1)
    untagged = samples.drop("tag:topic", "tag:skill")
    found = stand_out(pool_of(untagged), scores)
    assert found[0].where == (Condition("prompt", "contains", "catalyst"),)


def test_noise_holds_something_no_more_than_chance_allows() -> None:
    hits = sum(bool(search(300, seed)) for seed in range(60))
    assert hits <= 24  # tags and words each may err in 20 %: 36 % of 60 is 21.6 at most, and they overlap


def test_the_members_of_a_group_are_those_that_its_condition_picks() -> None:
    samples = world(200)
    pool = pool_of(samples)
    for at, condition in enumerate(pool.conditions):
        rows = pool.members.indices[pool.members.indptr[at] : pool.members.indptr[at + 1]]
        assert sorted(rows) == np.flatnonzero(mask(samples, condition).to_numpy()).tolist()
        rest = others((condition,))
        if rest is not None:
            assert not (mask(samples, condition) & mask(samples, rest[0])).any()


def test_words_that_claim_something_name_no_group() -> None:
    assert not harmless("because")
    assert not harmless("half")
    assert harmless("triangle")
    assert named((Condition("tag:topic", "==", "topic b"),)) == "topic topic b"
