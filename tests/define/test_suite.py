"""Suite files: what is read, and what is refused with its place in the tree."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.define.coverage import coverage, why_missing
from assay.define.suite import Group, Leaf, SuiteMalformed, SuiteNotFound, find_suite, leaves, read_suite, shipped
from assay.define.suite_folder import run_names

WHOLE = """
suite: mine
sampling: {temperature: 0}
thinking:
  high: {reasoning_effort: high}
children:
  - name: Reasoning
    weight: 3
    thinking: high
    epochs: 4
    children:
      - {name: Logic, task: korgen/logic, weight: 2, params: {n: 5}, epochs: 1}
      - {name: Ciphers, task: korgen/cipher, sampling: {temperature: 1, top_k: 20}}
  - {name: Desks, needs: labelled tickets}
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "suite.yaml"
    path.write_text(text)
    return path


def test_settings_of_a_group_hold_below_it_unless_set_again(tmp_path: Path) -> None:
    found = dict(leaves(read_suite(written(tmp_path, WHOLE)).root))
    logic, ciphers, desks = found.values()
    assert list(found) == [("Reasoning", "Logic"), ("Reasoning", "Ciphers"), ("Desks",)]
    assert (logic.epochs, logic.thinking, logic.sampling, logic.weight) == (1, "high", {"temperature": 0}, 2)
    assert (ciphers.epochs, ciphers.sampling) == (4, {"temperature": 1, "top_k": 20})
    assert (desks.task, desks.needs, desks.epochs, desks.thinking) == (None, "labelled tickets", None, None)


def test_off_and_no_are_names_a_date_is_text_and_true_is_true(tmp_path: Path) -> None:
    text = (
        WHOLE.replace("high", "off")
        .replace("name: Desks", "name: No")
        .replace("top_k: 20", "top_k: true, day: 2024-08-01")
    )
    suite = read_suite(written(tmp_path, text))
    assert list(suite.thinking) == ["off"]
    found = dict(leaves(suite.root))
    assert [leaf.thinking for leaf in found.values()] == ["off", "off", None]
    assert found[("Reasoning", "Ciphers")].sampling == {"temperature": 1, "top_k": True, "day": "2024-08-01"}
    assert ("No",) in found


@pytest.mark.parametrize(
    ("old", "new", "place", "what"),
    [
        ("weight: 2", "wieght: 2", "at Reasoning / Logic", "did you mean 'weight'?"),
        ("weight: 2", "weight: 0", "at Reasoning / Logic", "above 0"),
        ("weight: 2", "weight: .nan", "at Reasoning / Logic", "above 0"),
        ("weight: 3", "weight: heavy", "at Reasoning:", "'heavy'"),
        ("thinking: high", "thinking: deep", "at Reasoning:", "the suite has: high"),
        ("thinking: high", "thinking: [high]", "at Reasoning:", "the suite has: high"),
        ("sampling: {temperature: 0}", "sampling: 0", "", "sampling takes name: value pairs"),
        ("epochs: 1", "epochs: 0", "at Reasoning / Logic", "at least 1"),
        ("epochs: 1", "epochs: many", "at Reasoning / Logic", "epochs"),
        ("name: Ciphers", "name: Logic", "at Reasoning:", "two children are named 'Logic'"),
        ("name: Ciphers, ", "", "at Reasoning:", "child 2 has no name"),
        ("needs: labelled tickets", "about: tickets", "at Desks", "unknown key 'about'"),
        (", needs: labelled tickets", "", "at Desks", "neither a task nor children"),
        ("name: Desks", "name: A / B", "", "stands between the names"),
        ("params: {n: 5}", "params: [n, 5]", "at Reasoning / Logic", "params"),
        ("high: {reasoning_effort: high}", "high: strong", "", "thinking: high takes name: value pairs"),
        ("suite: mine", "name: mine", "", "unknown key 'name'"),
        ("    weight: 3", "    weight: 3\n    weight: 4", "line 9", "'weight' is given twice"),
        ("children:\n  - name: Reasoning", "children: {}\nx:\n  - name: Reasoning", "", "unknown key 'x'"),
        ("suite: mine", "suite: mine\n\t- x", "", "not valid YAML"),
    ],
)
def test_a_mistake_is_refused_with_file_and_place(tmp_path: Path, old: str, new: str, place: str, what: str) -> None:
    assert old in WHOLE
    path = written(tmp_path, WHOLE.replace(old, new, 1))
    with pytest.raises(SuiteMalformed) as raised:
        read_suite(path)
    message = str(raised.value)
    assert str(path) in message
    assert place in message
    assert what in message
    assert "\n" not in message


def test_an_unknown_name_lists_the_suites_there_are() -> None:
    with pytest.raises(SuiteNotFound, match=r"seed2\.0"):
        find_suite("seed3")


def test_coverage_is_the_share_of_weight_whose_task_exists_and_takes_its_parameters(tmp_path: Path) -> None:
    text = WHOLE.replace("korgen/cipher", "astrology")
    top = coverage(read_suite(written(tmp_path, text)).root)
    reasoning, desks = top.children
    assert (reasoning.there, reasoning.leaves, desks.there) == (1, 2, 0)
    assert reasoning.covered == pytest.approx(2 / 3)
    assert top.covered == pytest.approx(3 / 4 * 2 / 3)
    assert [round(child.share, 6) for child in (reasoning, desks)] == [0.75, 0.25]
    assert sum(leaf.share for leaf in (*reasoning.children, desks)) == pytest.approx(1)
    assert "astrology" in str(reasoning.children[1].missing)
    assert desks.missing == "labelled tickets"


@pytest.mark.parametrize(
    ("leaf", "reason"),
    [
        (Leaf("a", task="korgen"), None),
        (Leaf("a", task="cryptox/korgen"), None),
        (Leaf("a", task="nothing_of_the_kind", needs="a lot"), "it needs a lot"),
        (Leaf("a", task="cryptox/nothing_of_the_kind"), "to wrap"),
        (Leaf("a", task="korgen", params={"colour": 1}), "takes no parameter 'colour'"),
        (Leaf("a", task="korgen", max_steps=5), "takes no parameter 'max_steps'"),
        (Leaf("a", task="korgen", params={"n": "many"}), "n='many'"),
    ],
)
def test_why_a_leaf_is_missing_is_asked_of_the_registry(leaf: Leaf, reason: str | None) -> None:
    found = why_missing(leaf)
    assert found is None if reason is None else reason in str(found)


def test_leaves_with_one_configuration_share_a_run_whatever_their_name_and_metric() -> None:
    a, b = Leaf("A", task="korgen", weight=2), Leaf("B", task="korgen", metric="accuracy")
    other = Leaf("C", task="korgen", epochs=2)
    suite = find_suite("seed2.0")[0]
    names = run_names(type(suite)("s", (Group("G", (a,)), b, other)))
    assert names == {("G", "A"): "G_A", ("B",): "G_A", ("C",): "C"}


def test_two_leaves_whose_names_give_one_folder_are_refused() -> None:
    suite = find_suite("seed2.0")[0]
    with pytest.raises(SuiteMalformed, match="rename one"):
        run_names(type(suite)("s", (Leaf("a b", task="korgen"), Leaf("a-b", task="mcq"))))


def test_every_shipped_suite_reads_and_names_a_folder_for_every_leaf() -> None:
    for name in shipped():
        suite, _ = find_suite(name)
        assert len(run_names(suite)) == len(list(leaves(suite.root)))


def test_the_example_of_the_documentation_reads_and_its_tasks_exist(tmp_path: Path) -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "suites.md"
    example = page.read_text("utf-8").partition("```yaml\n")[2].partition("```")[0]
    found = list(leaves(read_suite(written(tmp_path, example)).root))
    assert [why_missing(leaf) for _, leaf in found] == [None, None, None, "labelled tickets of last year"]


def test_the_seed_map_has_its_four_layers_and_the_counts_that_its_source_gives() -> None:
    suite, _ = find_suite("seed2.0")
    layers = {child.name: child for child in suite.children}
    assert len(layers) == 4
    vision = layers["Fundamental vision"]
    assert isinstance(vision, Group)
    image, video = vision.children
    assert isinstance(image, Group)
    assert (len(image.children), len(list(leaves(image))), len(list(leaves(video)))) == (9, 50, 24)
    patterns = [leaf for _, leaf in leaves(suite.root) if leaf.pattern is not None]
    assert len({leaf.pattern for leaf in patterns}) >= 14
    assert all(leaf.needs for _, leaf in leaves(suite.root))
    here = {path[-1] for path, leaf in leaves(suite.root) if why_missing(leaf) is None}
    assert "KORBench" in here
    assert "ToB-K12 Education" not in here
