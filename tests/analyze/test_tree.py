"""Extraction walks as EvalTree's does, intervals are exact, and the tree finds what was put together."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import beta

from assay.analyze.profile import capability_profile
from assay.analyze.tree import Node, divide, extract, grow, silhouette, taxonomy
from tests.analyze.worlds import MODEL, world


def leaf(name: str, n: int, successes: float) -> Node:
    return Node(name, tuple(range(n)), successes)


def parent(name: str, *children: Node) -> Node:
    n = sum(child.n for child in children)
    return Node(name, tuple(range(n)), sum(child.successes for child in children), children)


def names(nodes: list[Node]) -> list[str]:
    return [node.name for node in nodes]


@pytest.mark.parametrize(("k", "n"), [(0, 5), (3, 20), (40, 100), (20, 20)])
def test_intervals_are_clopper_and_pearsons(k: int, n: int) -> None:
    interval = leaf("x", n, k).interval()
    assert interval is not None
    lower = beta.ppf(0.025, k, n - k + 1) if k else 0.0
    upper = beta.ppf(0.975, k + 1, n - k) if k < n else 1.0
    assert interval == pytest.approx((lower, upper))


def test_fewer_than_five_samples_have_no_interval() -> None:
    assert leaf("x", 4, 0).interval() is None
    assert extract(leaf("x", 4, 0), 0.5) == []


def test_a_weak_node_with_weak_children_is_extracted_whole() -> None:
    tree = parent("all", parent("weak", leaf("a", 50, 5), leaf("b", 50, 6)), leaf("good", 100, 95))
    assert names(extract(tree, 0.4)) == ["weak"]
    assert names(extract(tree, 0.7, "strong")) == ["good"]


def test_a_weak_node_with_a_child_that_is_not_is_gone_below() -> None:
    tree = parent("all", parent("mixed", leaf("bad", 150, 3), leaf("fair", 30, 20)), leaf("good", 100, 95))
    assert names(extract(tree, 0.4)) == ["bad"]


def test_children_of_fewer_than_twenty_samples_have_no_say() -> None:
    tree = parent("all", parent("mixed", leaf("bad", 150, 3), leaf("small", 19, 15)), leaf("good", 100, 95))
    assert names(extract(tree, 0.4)) == ["mixed"]


def test_nothing_below_an_extracted_node_is_extracted() -> None:
    tree = parent("weak", parent("a", leaf("aa", 40, 2), leaf("ab", 40, 2)), leaf("b", 40, 2))
    assert names(extract(tree, 0.5)) == ["weak"]


def test_every_sample_is_in_one_leaf_and_counts_add_up() -> None:
    samples = world(300, weak={"topic a": 0.2})
    tree = grow(samples, ["tag:topic"])
    leaves = [node for node in tree.walk() if not node.children]
    assert sorted(row for node in leaves for row in node.rows) == list(range(300))
    for node in tree.walk():
        if node.children:
            assert node.successes == pytest.approx(sum(child.successes for child in node.children))


def test_text_alone_finds_the_weak_theme() -> None:
    samples = world(300, 0.8, weak={"topic a": 0.2})
    weak = extract(grow(samples), 0.5)
    rows = {row for node in weak for row in node.rows}
    planted = {at for at, topic in enumerate(samples["tag:topic"]) if topic == "topic a"}
    assert len(rows & planted) / len(rows | planted) > 0.8
    assert any(word in weak[0].name for word in ("chemistry", "molecule", "acid", "solvent", "titration", "isotope"))


def test_the_tree_is_the_same_each_time() -> None:
    samples = world(200)
    assert grow(samples, ["tag:topic"]) == grow(samples, ["tag:topic"])


def test_a_taxonomy_is_tags_within_tags() -> None:
    import polars as pl

    samples = world(240)
    nested = samples.with_columns(pl.concat_str("tag:topic", pl.lit("/"), pl.col("tag:skill")).alias("tag:fine"))
    assert taxonomy(nested) == ["tag:topic", "tag:fine"]


def test_the_silhouette_is_the_one_of_its_definition() -> None:
    rng = np.random.default_rng(3)
    points = rng.standard_normal((40, 5))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    clusters = np.arange(40) % 3
    distance = 1 - points @ points.T
    values = []
    for i in range(40):
        own = (clusters == clusters[i]) & (np.arange(40) != i)
        a = distance[i, own].mean()
        b = min(distance[i, clusters == c].mean() for c in range(3) if c != clusters[i])
        values.append((b - a) / max(a, b))
    assert silhouette(points, clusters) == pytest.approx(np.mean(values))


def test_points_that_are_all_alike_are_not_divided() -> None:
    assert divide(np.ones((30, 4)) / 2) is None


def test_the_profile_is_plain_data_that_names_the_weak_topic() -> None:
    import msgspec

    found = capability_profile(world(400, 0.8, weak={"topic b": 0.2}), MODEL)
    assert [node["name"] for node in found["weaknesses"]] == ["topic b"]
    assert msgspec.json.decode(msgspec.json.encode(found)) == found
