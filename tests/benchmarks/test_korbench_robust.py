"""The intended verdicts: by table, and how they differ from the official ones."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from assay.benchmarks.korbench.commitment import committed, quoted_formats
from assay.benchmarks.registry import find, load_task
from assay.records import Outcome
from assay.task import Task
from tests.benchmarks.korbench_support import judged, sample, scored, trajectory


@pytest.fixture(scope="module")
def task() -> Task:
    return load_task("korbench", offline=True)


@pytest.mark.parametrize(
    ("reply", "parts"),
    [
        ("First [[12]], no: [[24]].", ("24",)),
        ("<think>[[1]]</think>[[2]]", ("2",)),
        ("[[2]]<think>or [[3]]", ("2",)),
        ("I write [[your answer]]: [[7]]", ("7",)),
        ("[[7]], wrapped as [[your answer]] asks", ("7",)),
        ("[[C]] (of [[A/B/C]])", ("C",)),
        ("[[[c]p]]", ("[c]p",)),
        (r"\[ \boxed{[[24]]} \]", ("24",)),
        (r"\[\[24\]\]", ("24",)),
        (r"[[\boxed{\frac{1}{2}}]]", (r"\frac{1}{2}",)),
        ("[[A]]; [[C]]", ("A", "C")),
        ("[[A]] and then [[C]]", ("C",)),
        ("the half-open [0, 5) and [[24]]", ("24",)),
        ("[24]", ("24",)),
        ("[24](https://example.org)", None),
        ("[2 * (9 - 5)] / 2", None),
        ("[[24]]\n\n### Question:\nAnother?\n### Answer:\n[[36]]", ("24",)),
        ("### Question:\nWhat?\n### Answer:\n[[36]]", ("36",)),
        ("[[24", None),
        ("24", None),
    ],
)
def test_the_last_commitment_counts(reply: str, parts: tuple[str, ...] | None) -> None:
    found = committed(reply)
    assert (found.parts if found else None) == parts


def test_a_completion_that_opens_with_its_answer_has_given_it() -> None:
    reply = "[[D]]\n\nOther people say [[B]]."
    assert committed(reply, completion=True).parts == ("D",)  # type: ignore[union-attr]
    assert committed(reply).parts == ("B",)  # type: ignore[union-attr]
    assert committed("Hm. " + reply, completion=True).parts == ("B",)  # type: ignore[union-attr]


def test_the_questions_own_example_is_no_answer_unless_it_is_all_there_is() -> None:
    quoted = quoted_formats("Answer like this: [[a+b=3]], or [[A]].")
    assert committed("[[1+2=3]] as [[a + b = 3]]", quoted=quoted).parts == ("1+2=3",)  # type: ignore[union-attr]
    assert committed("[[B]]? [[A]]", quoted=quoted).parts == ("A",)  # type: ignore[union-attr]
    assert committed("[[a+b=3]]", quoted=quoted).parts == ("a+b=3",)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("category", "idx", "gold", "reply", "right"),
    [
        ("operation", 26, "[[13/3]]", r"[[\frac{13}{3}]]", True),
        ("operation", 26, "[[13/3]]", "[[x = 4 1/3]]", True),
        ("operation", 26, "[[13/3]]", "[[4.333]]", True),
        ("operation", 26, "[[13/3]]", "[[4.33]]", False),
        ("operation", 26, "[[13/3]]", "[[4.334]]", False),
        ("operation", 1, "[[24]]", "[[1,024]]", False),
        ("operation", 104, "[[357857]]", "[[357,857]]", True),
        ("operation", 1, "[[24]]", "[[20+4]]", False),  # left for the reader to work out
        ("operation", 15, "[[4or-12]]", "[[-12, 4]]", True),
        ("operation", 15, "[[4or-12]]", r"[[x=4 \text{ or } x=-12]]", True),
        ("operation", 15, "[[4or-12]]", "[[4]]", False),
        ("operation", 15, "[[4or-12]]", "[[4 or -12 or 1]]", False),
        ("operation", 18, r"[[-6+\sqrt{22}or-6-\sqrt{22}]]", r"[[-6 \pm \sqrt{22}]]", True),
        ("operation", 18, r"[[-6+\sqrt{22}or-6-\sqrt{22}]]", "[[-6+√22 or -6+√22]]", False),
        ("operation", 19, "[[x=2,y=3]]", "[[y = 3, x = 2]]", True),
        ("operation", 56, "[[X≥8]]", r"[[8 \leq X]]", True),
        ("operation", 56, "[[X≥8]]", "[[X>8]]", False),
        ("operation", 56, "[[X≥8]]", "[[X≥8/3]]", False),
        ("operation", 152, "[[e+1]]", "[[3.71828]]", True),
        ("operation", 152, "[[e+1]]", "[[e]]", False),
        ("operation", 147, r"[[e^{\sin(x)}\cdot\cos(x)]]", "[[cos(x) * e^(sin x)]]", True),
        ("operation", 161, r"[[x^2-\sin(x)]]", "[[x² - sin(x) + C]]", True),
        ("operation", 161, r"[[x^2-\sin(x)]]", r"[[\int 2x - \cos(x) dx]]", False),
        ("operation", 171, "[[{1,2,12}]]", r"[[\{12, 2, 1\}]]", True),
        ("operation", 171, "[[{1,2,12}]]", "[[{11,2,2}]]", False),
        ("operation", 178, "[[{x∣x≤0 or x≥1}]]", r"[[(-\infty, 0] \cup [1, \infty)]]", True),
        ("operation", 178, "[[{x∣x≤0 or x≥1}]]", "[[x < 0 or x > 1]]", False),
        ("operation", 231, "[[((1,2),(3,4))]]", r"[[\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}]]", True),
        ("operation", 231, "[[((1,2),(3,4))]]", "[[((-1,2),(3,-4))]]", False),
        ("operation", 231, "[[((1,2),(3,4))]]", "[[((1/00,2),(3,4))]]", False),
        ("logic", 7, "[[A];[C]]", "[[A; C]]", True),
        ("logic", 7, "[[A];[C]]", "[[C];[A]]", False),
        ("logic", 5, "[[D]]", "[[D. Not at all]]", True),
        ("logic", 5, "[[D]]", "[[A,D]]", False),
        ("logic", 23, "[[CD]]", "[[D, C]]", True),
        ("logic", 92, "[[III];[AII]]", "[[III];[IAI]]", False),
        ("logic", 101, "[[!$p]]", "[[!p]]", False),  # the dollar is an operator there
        ("logic", 55, "[[F(2)&~G(4)]]", r"[[F(2) \& \sim G(4)]]", True),
        ("logic", 55, "[[F(2)&~G(4)]]", "[[f(2)&~g(4)]]", False),
        ("logic", 81, "[[Someareblue.]]", "[[some are blue]]", True),
        ("logic", 41, "[[I,O];[+,-];[-,+]]", "[[I, O];[-,+];[+,-]]", True),
        ("logic", 141, "[[[c1;c2]φ]]", r"[[[ c1; c2 ]\varphi]]", True),
        ("cipher", 1, "[[AB]]", "[[Encrypted answer: a b]]", True),
        ("cipher", 199, "[[S$V$$$$]]", "[[S$V$$]]", False),
        ("cipher", 152, "[[A*B*]]", "[[AB]]", False),
        ("counterfactual", 1, "[[C]]", "[[[C] The council]]", True),
        ("counterfactual", 1, "[[C]]", "[[c]]", True),
        ("counterfactual", 1, "[[C]]", "[[C or D]]", False),
        ("puzzle", 31, "[[scape capes]]", "[[capes]]", True),
        ("puzzle", 31, "[[scape capes]]", "[[cape]]", False),
        ("puzzle", 31, "[[scape capes]]", "[[123]]", False),
        ("puzzle", 81, "[[6+2*3-2=10]]", r"[[8 + 1 \times 2 - 0 = 10]]", True),
        ("puzzle", 81, "[[6+2*3-2=10]]", "[[8+1*2-0=99]]", False),
        ("puzzle", 81, "[[6+2*3-2=10]]", "[[10+1*0-0=10]]", False),  # numbers from 0 to 9
        ("puzzle", 91, "[[8/(3-8/3)]]", "[[8÷(3−8÷3)=24]]", True),
        ("puzzle", 91, "[[3*10-6*1]]", "[[3*(10-1-1)]]", False),
        ("puzzle", 91, "[[12*2*1*1]]", "[[1*2*12*1]]", True),
        ("puzzle", 91, "[[12*2*1*1]]", "[[2*12]]", False),
        ("puzzle", 91, "[[12*2*1*1]]", "[[12*2*1*1\n2*12/1/1 = 24]]", True),
        ("puzzle", 151, "[[1 31,2 4]]", "[[13 1,2 4]]", False),
        ("puzzle", 151, "[[1 2,3 4]]", "[[1, 2], [3, 4]]", True),
        ("puzzle", 171, "[[1 → ←]]", r"[[1 \rightarrow \leftarrow]]", True),
        ("puzzle", 221, "[[(1,2)(1,3),(2,1)(3,1)]]", "[[(3,1)(2,1),(1,2)(1,3)]]", True),
        ("puzzle", 221, "[[(1,2)(1,3),(2,1)(3,1)]]", "[[(1,2)(2,1),(1,3)(3,1)]]", False),
    ],
)
async def test_what_is_meant_is_judged(task: Task, category: str, idx: int, gold: str, reply: str, right: bool) -> None:
    score = await scored(task, "robust", sample(category, idx, gold), trajectory(reply))
    assert (score.outcome, score.value) == (Outcome.SCORED, right), score


async def test_every_gold_answer_is_right_by_its_own_rule(shared_data: Path) -> None:
    task = load_task("korbench", data=shared_data / "korbench")
    replies = [(item, await scored(task, "robust", item, trajectory(str(item.target)))) for item in task.samples()]
    assert len(replies) == 1250
    # The one exception: a gold equation that says 2+2+3*4=28.
    assert [item.id for item, score in replies if score.value != 1] == ["puzzle/84"]


async def test_the_card_tells_how_robust_verdicts_differ(shared_data: Path) -> None:
    """The table in card.md is what the owners' 25,000 responses give today."""
    counted: dict[str, Counter[tuple[bool, bool]]] = {}
    official = await judged(shared_data, "responses.parquet", "official")
    robust = await judged(shared_data, "responses.parquet", "robust")
    for (row, _, one), (_, _, other) in zip(official, robust, strict=True):
        counted.setdefault(row["category"], Counter())[one.value == 1, other.value == 1] += 1
    card = re.findall(r"^\| (\w+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$", find("korbench").card(), re.MULTILINE)
    order = ((True, True), (True, False), (False, True), (False, False))
    assert {name: [int(n) for n in cells] for name, *cells in card} == {
        category: [count[pair] for pair in order] for category, count in counted.items()
    }
