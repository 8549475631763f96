"""Mathematical answers: a table of verdicts, and expressions that would hang or kill a scorer."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from importlib.util import find_spec

import pytest

from assay.errors import MissingDependency
from assay.records import Call, Message, Outcome, Request, Response, Sample, Score, Trajectory
from assay.scoring.maths import equal, maths_scorer, verify_official
from assay.scoring.workers import CallRaised, WorkerFailed

needs_math_verify = pytest.mark.skipif(
    find_spec("math_verify") is None, reason="math-verify is not installed (extra: math)"
)

RIGHT = [
    # numbers
    ("5", "5"),
    ("5", "5.0"),
    ("5", "$5$"),
    ("5", "\\(5\\)"),
    ("-3", "-3"),
    ("-3", "−3"),
    ("1000", "1,000"),
    ("1,234,567", "1234567"),
    ("0.5", "1/2"),
    ("1/2", "0.5"),
    ("1/2", "\\frac{1}{2}"),
    ("1/2", "\\dfrac12"),
    ("-\\frac{1}{2}", "\\frac{-1}{2}"),
    ("2\\frac12", "2.5"),
    ("3/2", "1 1/2"),
    ("-3/2", "-1 1/2"),
    ("10000", "10 000"),
    ("\\frac{4}{6}", "2/3"),
    ("1/3", "0.333333"),
    ("0.1", "0.10"),
    ("10^3", "1000"),
    ("1.5e3", "1500"),
    ("2^19", "524288"),
    ("524288", "2^{19}"),
    ("2^10", "1024"),
    ("10!", "3628800"),
    ("\\binom{5}{2}", "10"),
    ("12\\%", "12%"),
    ("3", "３"),
    # roots, logarithms, constants
    ("\\sqrt{8}", "2\\sqrt{2}"),
    ("2\\sqrt{2}", "sqrt(8)"),
    ("\\sqrt{2}", "2^0.5"),
    ("(3,\\frac{\\pi}{2})", "(3, pi/2)"),
    ("sqrt(2)/2", "\\frac{1}{\\sqrt{2}}"),
    ("\\sqrt[3]{27}", "3"),
    ("\\log_2 8", "3"),
    ("\\ln(e^2)", "2"),
    ("2\\pi", "2*pi"),
    ("2\\pi", "2π"),
    ("\\pi/4", "\\frac{\\pi}{4}"),
    ("e^{i\\pi}", "-1"),
    ("1+2i", "2i+1"),
    ("\\sin(\\pi/6)", "1/2"),
    ("\\infty", "∞"),
    # expressions
    ("x+1", "1+x"),
    ("(x+1)^2", "x^2+2x+1"),
    ("x^2-1", "(x-1)(x+1)"),
    ("\\frac{x^2-1}{x-1}", "x+1"),
    ("x^{12}", "x^12"),
    ("2xy", "2yx"),
    ("\\sin^2 x+\\cos^2 x", "1"),
    ("x_{1}", "x_1"),
    ("3x", "3*x"),
    # relations
    ("5", "x=5"),
    ("x=5", "5"),
    ("y=2x+1", "2x+1"),
    ("y=2x+1", "y-2x=1"),
    ("x>5", "5<x"),
    ("x\\le 5", "x<=5"),
    # sets and lists
    ("\\{1,2\\}", "\\{2,1\\}"),
    ("{1,2}", "{2, 1}"),
    ("1,2", "2,1"),
    ("\\pm 2", "\\{-2,2\\}"),
    ("\\emptyset", "\\{\\}"),
    ("\\{1,2,3\\}", "1, 2, 3"),
    # tuples and intervals
    ("(2,1)", "(2, 1)"),
    ("[0,1)", "[0, 1)"),
    ("[0,1)", "\\left[0,1\\right)"),
    ("(-\\infty,3]", "(-oo, 3]"),
    ("[1,2]\\cup[3,4]", "[3,4] U [1,2]"),
    ("[1,2]\\cup[3,4]", "[1,2] ∪ [3,4]"),
    ("\\mathbb{R}", "(-\\infty,\\infty)"),
    # matrices
    ("\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}", "\\begin{bmatrix}1&2\\\\3&4\\end{bmatrix}"),
    ("\\begin{pmatrix}1/2\\\\3\\end{pmatrix}", "\\begin{pmatrix}0.5\\\\3\\end{pmatrix}"),
    # words
    ("even", "Even"),
    ("\\text{no solution}", "no solution"),
]

WRONG = [
    ("5", "6"),
    ("5", "-5"),
    ("5", "55"),
    ("1/2", "2"),
    ("1/2", "-1/2"),
    ("1/3", "0.33"),
    ("\\pi", "3.14"),
    ("1000", "100"),
    ("11/2", "1 1/2"),
    ("12", "1 2"),
    ("12", "1,2"),
    ("314", "3,14"),
    ("7", "7 or 8"),
    ("(3,\\frac{\\pi}{2})", "(3, pi/3)"),
    ("2\\sqrt{2}", "2\\sqrt{3}"),
    ("2\\pi", "\\pi"),
    ("x+1", "x-1"),
    ("(x+1)^2", "x^2+1"),
    ("a+b", "x+y"),
    ("x>5", "x<5"),
    ("x>5", "x\\ge 5"),
    ("y=2x+1", "y=2x-1"),
    ("\\{1,2\\}", "\\{1,3\\}"),
    ("\\{1,2\\}", "\\{1,2,3\\}"),
    ("\\{1,2\\}", "1"),
    ("(2,1)", "(1,2)"),
    ("[0,1)", "[0,1]"),
    ("(1,2)", "[1,2]"),
    ("[1,2]\\cup[3,4]", "[1,2]"),
    ("\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}", "\\begin{pmatrix}1&3\\\\2&4\\end{pmatrix}"),
    ("even", "odd"),
    ("3", "x=3, y=4"),
    ("5", ""),
    ("5", "five hundred"),
]


def verdicts(rows: list[tuple[str, str]]) -> dict[tuple[str, str], bool]:
    async def go() -> list[bool]:
        return [await equal(gold, answer) for gold, answer in rows]

    return dict(zip(rows, asyncio.run(go()), strict=True))


def reply(text: str, finish: str = "stop") -> Trajectory:
    call = Call("d", Request("m", (Message("user", "q"),)), Response(text, finish_reason=finish))
    return Trajectory("s", 1, (), (call,))


async def scored(mode: str, target: str | tuple[str, ...], text: str, finish: str = "stop") -> Score:
    found = maths_scorer(mode)(Sample("s", "q", target), reply(text, finish))  # type: ignore[arg-type]
    return await found  # type: ignore[misc]


@needs_math_verify
def test_what_is_equal_is_called_equal() -> None:
    assert [row for row, right in verdicts(RIGHT).items() if not right] == []


@needs_math_verify
def test_what_differs_is_called_different() -> None:
    assert [row for row, right in verdicts(WRONG).items() if right] == []


@needs_math_verify
def test_every_gold_equals_itself() -> None:
    golds = [(gold, gold) for gold, _ in RIGHT + WRONG]
    assert [row for row, right in verdicts(golds).items() if not right] == []


@needs_math_verify
@pytest.mark.parametrize("bomb", ["9^{9^{9}}", "9**9**9**9", "((((9!)!)!)!)!", "10^{10^{10}}!"])
async def test_an_expression_that_does_not_end_costs_its_worker_and_is_no_verdict(
    bomb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assay.scoring.maths.TIMEOUT_S", 1.0)
    with suppress(WorkerFailed):
        assert await equal("7", bomb) is False
    assert await equal("7", "14/2")


@needs_math_verify
@pytest.mark.parametrize("text", ["{" * 3000, "\\frac" * 300, "$" * 1999, "\\sqrt{" * 300, "[" * 1000, "1+" * 900])
async def test_damaged_notation_is_never_the_answer(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assay.scoring.maths.TIMEOUT_S", 2.0)
    with suppress(WorkerFailed):
        assert await equal("7", text) is False


@needs_math_verify
async def test_official_uses_the_extraction_of_math_verify_and_robust_the_committed_answer() -> None:
    text = "First I thought \\boxed{3}.\n\nAnswer: 4"
    assert (await scored("robust", "4", text)).value == 1
    right, extracted = await verify_official(
        ["3"], "so $x = 2$, the final answer is $\\boxed{3}$. I hope it is correct."
    )
    assert right
    assert extracted == "3"


@needs_math_verify
async def test_thinking_is_not_scored_in_either_mode() -> None:
    for mode in ("official", "robust"):
        assert (await scored(mode, "3", "<think>\\boxed{3}</think>\\boxed{4}")).value == 0
        unfinished = await scored(mode, "3", "<think>so it is \\boxed{3}", "length")
        assert (unfinished.outcome, unfinished.value) == (Outcome.TRUNCATED, None)


@needs_math_verify
async def test_any_of_several_golds_will_do_and_the_trace_says_which() -> None:
    score = await scored("robust", ("1/3", "1/2"), "So we get\n\n\\boxed{0.5}")
    assert (score.value, score.answer, score.trace["matched"], score.trace["pattern"]) == (1, "0.5", "1/2", "boxed")


def test_without_math_verify_a_scorer_is_refused_before_anything_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assay.scoring.maths.find_spec", lambda name: None)
    with pytest.raises(MissingDependency, match=r"assay\[math\]"):
        maths_scorer()


@pytest.mark.parametrize("kind", ["ImportError", "ModuleNotFoundError"])
async def test_a_parser_that_does_not_work_is_an_error_and_not_a_wrong_answer(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        async def call(self, *arguments: object, timeout_s: float) -> None:
            raise CallRaised(kind, "no antlr")

    monkeypatch.setattr("assay.scoring.maths.shared_pool", Broken)
    with pytest.raises(MissingDependency, match="no antlr"):
        await equal("1/2", "x")
    with pytest.raises(MissingDependency, match="no antlr"):
        await verify_official(["1/2"], "x")
