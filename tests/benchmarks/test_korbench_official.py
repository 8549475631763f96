"""The official verdicts: by table, and against the owners' stored verdicts and leaderboard."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.benchmarks.korbench.arithmetic import as_python, exactly
from assay.benchmarks.korbench.extract import basic, clean, first_marked, logic_clean, math_clean, strict
from assay.benchmarks.registry import load_task
from assay.records import Outcome
from tests.benchmarks.korbench_support import judged, sample, scored, trajectory

TASK = load_task("korbench", offline=True)

VERDICTS = [
    # category, item, gold, reply, right
    ("logic", 41, "[[I,O];[+,-];[-,+]]", "[[I, O];[-,+];\n[+,-]]", False),  # outer brackets stick to the rows
    ("logic", 41, "[[I,O];[+,-];[+,+];[-,+]]", "[[I,O];[+,+];[+,-];[-,+]]", True),
    ("logic", 81, "[[Some.]]", "[[ Some ]]", True),
    ("logic", 141, "[[[c]p]]", "[[[c]p]]", True),
    ("logic", 77, "[[A];[C]]", "[[A]; [C]]", True),
    ("logic", 77, "[[A];[C]]", "[[A;C]]", False),
    ("operation", 178, "[[{x∣x≤0 or x≥1}]]", "[[x ≥ 1 or x ≤ 0]]", True),
    ("operation", 178, "[[{x∣x≤0 or x≥1}]]", r"[[x \leq 0]]", False),
    ("operation", 178, "[[{x∣x≤0 or x≥1}]]", "[[x≤0 or x≥1.5]]", False),
    ("operation", 171, "[[{1,2,12}]]", "[[{12,2,1}]]", True),
    ("operation", 171, "[[{1,2,12}]]", "[[{11,2,2}]]", True),  # characters, not elements
    ("operation", 231, "[[((1,2),(3,4))]]", "[[-1, 2; 3, -4]]", True),  # signs are not looked at
    ("operation", 231, "[[((1,2),(3,4))]]", "[[" + "9" * 5000 + "]]", False),
    ("operation", 6, "[[650or5or125]]", r"[[5 \text{or} 125 or 650]]", True),
    ("operation", 6, "[[650or5or125]]", "[[5, 125, 650]]", False),
    ("operation", 1, "[[24]]", "[[your answer]] is [[24]]", False),  # the first counts
    ("operation", 1, "[[24]]", r"so $\boxed{24}$ [1]", True),
    ("operation", 1, "[[24]]", r"so \boxed{24}", None),
    ("operation", 1, "[[24]]", "[24]", True),
    ("cipher", 1, "[[AB]]", '[["A B"]]', True),
    ("cipher", 1, "[[AB]]", "[[ab]]", False),
    ("counterfactual", 1, "[[B]]", "[[[B]]]", True),
    ("puzzle", 1, "[[nine ten]]", "[[NINE, TEN]]", True),
    ("puzzle", 1, "[[nine ten]]", "[nine ten]", False),  # puzzles take double brackets only
    ("puzzle", 11, "[[t,tal]]", "[[-tal]]", True),
    ("puzzle", 21, "[[pea ape]]", "[[Ape; pea]]", True),
    ("puzzle", 31, "[[scape capes]]", "[[cape]]", True),  # part of the gold answer
    ("puzzle", 31, "[[scape capes]]", "[[123]]", True),  # so is the empty text
    ("puzzle", 41, "[[A=1,B=2]]", "[[B=2, A=1]]", True),
    ("puzzle", 81, "[[6+2*3-2=10]]", "[[8 + 1×2 − 0 = 99]]", True),  # what it says to be equal to is ignored
    ("puzzle", 81, "[[6+2*3-2=10]]", "[[9+1*5-5=10]]", False),
    ("puzzle", 81, "[[6+2*3-2=10]]", "[[__import__('os')+1*1-1=10]]", False),
    ("puzzle", 91, "[[(9+5-2)×2]]", "[[2×(9+5−2) = 24]]", True),
    ("puzzle", 91, "[[8/(3-8/3)]]", "[[8/(3-8/3)]]", False),  # 23.999999999999993 in floating point
    ("puzzle", 171, "[[1 → ←]]", "[[1,→,←]]", True),
    ("puzzle", 171, "[[1 → ←]]", "[[1,←,→]]", False),
    ("puzzle", 151, "[[1 3,12 4]]", "[[11 3,2 4]]", False),
    ("puzzle", 151, "[[1 31,2 4]]", "[[13 1,2 4]]", True),  # only characters count
]


@pytest.mark.parametrize(("category", "idx", "gold", "reply", "right"), VERDICTS)
async def test_rules_with_their_quirks(category: str, idx: int, gold: str, reply: str, right: bool | None) -> None:
    score = await scored(TASK, "official-string", sample(category, idx, gold), trajectory(reply))
    assert score.value == right
    assert score.outcome is (Outcome.UNPARSED if right is None else Outcome.SCORED)


@pytest.mark.parametrize(
    ("gold", "reply", "as_string", "by_sympy"),
    [
        ("[[e+1]]", "[[1+e]]", False, True),
        ("[[e+1]]", "[[f =e+1]]", True, True),
        ("[[e+1]]", "[[f = e+1]]", False, True),
        ("[[e+1]]", r"[[\left(1 + e\right)]]", False, True),
        ("[[e+1]]", "[[3.718]]", False, False),
        ("[[e+1]]", "[[))(]]", False, False),
        (r"[[2\cdot]]", r"[[2\cdot]]", True, True),  # neither parses: equal as strings
        (r"[[\frac{1}{2}x]]", "[[0.5x]]", False, False),  # structure, not value
        ("[[1or-1]]", "[[-1or1]]", False, True),
        ("[[1or-1]]", "[[1]]", False, False),
        ("[[e+1]]", "[[NULL]]", False, False),
    ],
)
async def test_mathematical_items_by_string_and_by_sympy(
    gold: str, reply: str, as_string: bool, by_sympy: bool
) -> None:
    item = sample("operation", 152, gold)
    assert (await scored(TASK, "official-string", item, trajectory(reply))).value == as_string
    assert (await scored(TASK, "official", item, trajectory(reply))).value == by_sympy


def test_extraction_is_that_of_the_regular_expressions() -> None:
    """Linear searches against the patterns that they stand for, on random texts of awkward pieces."""
    pieces = (
        *("[", "]", "[[", "]]", "$\\boxed{", "}$", "}", "{", "\\text{", "\\left", "\\right", "\\displaystyle"),
        *("\\(", "\\)", "\\[", "\\\\", "=", "a", "1", " ", "\n", "\t", "\u2028", '"', ".", "$", "or", "\\te", "xt{"),
    )
    rng = random.Random(7)
    for _ in range(20_000):
        text = "".join(rng.choices(pieces, k=rng.randint(0, 14)))
        found = first_marked(text)
        assert [basic(found), clean(found), logic_clean(found), math_clean(found)] == list(_by_patterns(text)), text
        inside = re.search(r"\[\[(.*?)\]\]", text, re.DOTALL)
        assert strict(text) == (inside[1] if inside else "NULL")


def _by_patterns(text: str) -> Iterator[str]:
    patterns = (r"\[\[\s*(.*?)\s*\]\]", r"\$\\boxed\{(.*?)\}\$", r"\[\s*(.*?)\s*\]")
    match = next((m for p in patterns if (m := re.search(p, text, re.DOTALL))), None)
    if match is None:
        yield from ["NULL"] * 4
        return
    inside = match[1].strip()
    yield f"[[{inside}]]"
    yield "[[" + re.sub(r'["\n \[\]]', "", inside) + "]]"
    yield "[[" + re.sub(r'["\n .]', "", inside) + "]]"
    latex = re.sub(r'["\n\[\]$]', "", inside)
    latex = latex.rsplit("=", 1)[1] if "=" in latex else latex
    for pattern in (r"\\[()\[\]]", r"\\text\{.*?\}", r"\\(left|right|displaystyle)"):
        latex = re.sub(pattern, "", latex)
    yield latex.replace("\\\\", "\\")


@pytest.mark.parametrize(
    "unit", ["[[ ", "[ ", "$\\boxed{ ", "[[" + " " * 50, "\\text{", "]]", "\\", "[" * 1500 + "]" * 1500]
)
@pytest.mark.parametrize("mode", ["official-string", "robust"])
async def test_hostile_replies_cost_linear_time(unit: str, mode: str) -> None:
    # Quadratic time would take hours.
    for category, idx in (("operation", 1), ("operation", 152), ("logic", 41), ("puzzle", 91), ("cipher", 1)):
        reply = unit * (200_000 // len(unit))
        for text in (reply, "[[" + reply, "[[" + reply + "]]"):
            await scored(TASK, mode, sample(category, idx, "[[1]]"), trajectory(text))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7*(3+3/7)", 24.0),
        ("  -2**2", -4),
        ("2^3", 1),
        ("07", None),
        ("1+", None),
        ("abs(-3)", None),
        ("'a'*3", None),
        ("True+1", None),
        ("9**9**9", None),
        ("1<<99999999", None),
        ("9" * 499 + "*" + "9", None),
        ("(" * 400 + "1" + ")" * 400, None),
        ("1/0", None),
        ("3(4)", None),
    ],
)
def test_sums_have_pythons_value_or_none(text: str, value: float | None) -> None:
    assert as_python(text) == value


def test_exact_sums_are_rational() -> None:
    assert exactly("8/(3-8/3)") == 24
    assert exactly("0.1*3") * 10 == 3  # type: ignore[operator]
    assert exactly("2**3") is None
    assert exactly("5//2") is None


# Against the owners' own results.


async def test_string_mode_reproduces_every_stored_verdict(shared_data: Path) -> None:
    """Verdict, extracted text and real-life flag of 20 models on all items, with the gold of the time."""
    rows = 0
    for row, item, score in await judged(shared_data, "responses.parquet", "official-string"):
        rows += 1
        assert (score.value == 1) == row["official_correct"], (row["model"], item.id)
        assert (score.answer or "NULL") == row["official_text"], (row["model"], item.id)
        if row["official_real_life"] is not None:
            assert (score.values.get("real_life") == 1) == row["official_real_life"], (row["model"], item.id)
    assert rows == 25_000


@pytest.mark.parametrize(("file", "rows"), [("trick", 1_000), ("self_correction", 5_000), ("subquestions", 1_380)])
async def test_string_mode_holds_for_the_other_settings(shared_data: Path, file: str, rows: int) -> None:
    results = await judged(shared_data, f"responses_{file}.parquet", "official-string")
    assert len(results) == rows
    for row, item, score in results:
        assert (score.value == 1) == row["official_correct"], (row["model"], item.id)
        assert (score.answer or "NULL") == row["official_text"], (row["model"], item.id)


async def test_official_mode_reproduces_the_leaderboard(shared_data: Path) -> None:
    right: dict[str, Counter[str]] = {}
    for row, _, score in await judged(shared_data, "responses.parquet", "official"):
        assert score.outcome is not Outcome.JUDGE_FAILED
        count = right.setdefault(row["model"], Counter())
        count[row["category"]] += score.value == 1
        count["overall"] += score.value == 1
        count["real_life"] += score.values.get("real_life") == 1
    leaderboard = json.loads((shared_data / "korbench" / "leaderboard.json").read_text())
    assert len(leaderboard) == 20
    for published in leaderboard:
        ours = {name: 100 * n / (1250 if name == "overall" else 250) for name, n in right[published["model"]].items()}
        assert ours == pytest.approx({name: published[name] for name in ours}, abs=0.0051), published["model"]
