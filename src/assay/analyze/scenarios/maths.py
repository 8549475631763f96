"""Mathematics: whether the work or the last step failed, and how far off the answer is."""

from __future__ import annotations

from fractions import Fraction

from assay.analyze.scenarios.base import Derived, Label, Question, Row, Scenario
from assay.analyze.scenarios.texts import Equation, equations, number, numbers

_TIMES = (2, 3, 4, 5, 6, 10, 12, 60, 100, 1_000, 3_600, 10_000, 1_000_000)
_FACTORS = frozenset(factor for times in _TIMES for factor in (Fraction(times), Fraction(1, times)))


def _steps(row: Row) -> list[Equation]:
    if "equations" not in row.shared:
        row.shared["equations"] = equations(row.output)
    steps: list[Equation] = row.shared["equations"]
    return steps


def _both(row: Row) -> tuple[Fraction, Fraction] | None:
    answer, target = number(row.case.get("answer")), number(row.case.get("target"))
    return None if answer is None or target is None else (answer, target)


def ratio(row: Row) -> Fraction | None:
    """Answer over target, both numbers and the target not 0."""
    both = _both(row)
    return None if both is None or both[1] == 0 else both[0] / both[1]


def _as_float(value: Fraction | None) -> float | None:
    try:
        return None if value is None else float(value)
    except OverflowError:
        return None


def _off_by(row: Row) -> float | None:
    both = _both(row)
    return None if both is None else _as_float(abs(both[0] - both[1]))


def _factor(row: Row) -> bool | None:
    found = ratio(row)
    return None if found is None else found in _FACTORS


def _sign(row: Row) -> bool | None:
    found = ratio(row)
    return None if found is None else found == -1


def _reciprocal(row: Row) -> bool | None:
    both = _both(row)
    return None if both is None else both[0] * both[1] == 1 and both[0] != both[1]


def _one(row: Row) -> bool | None:
    both = _both(row)
    return None if both is None else abs(both[0] - both[1]) == 1


def _mentioned(row: Row) -> bool | None:
    """Whether the right number stands in the reply all the same; one-digit numbers stand everywhere."""
    target = number(row.case.get("target"))
    if target is None or row.case.get("answer") is None or (target.denominator == 1 and abs(target) < 10):
        return None
    return target in numbers(row.output)


def _slip(row: Row) -> bool | None:
    steps = _steps(row)
    return any(not one.holds for one in steps) if steps else None


def _last_slip(row: Row) -> bool | None:
    steps = _steps(row)
    return not steps[-1].holds if steps else None


def _no_answer(row: Row) -> bool | None:
    ok = row.case.get("format_ok")
    return None if ok is None else not ok


MATHS = Scenario(
    "maths",
    "mathematics with an answer that can be checked",
    (
        Question("Is the idea wrong or the arithmetic?", ("label:arithmetic_slip", "label:last_step_slip")),
        Question(
            "Is it off by a factor, a sign or one?", ("label:off_by_factor", "label:sign_error", "label:off_by_one")
        ),
        Question("Had it the answer and passed it by?", ("label:passed_by",)),
        Question("Does it bring the work to an end?", ("derived:boxed", "label:no_final_answer")),
        Question("Does long work go wrong more?", ("derived:equations",)),
    ),
    (
        Derived("boxed", "the answer is boxed", "share", lambda r: "\\boxed" in r.output or "\\fbox" in r.output),
        Derived("equations", "sums in the reply that can be done again", "sums", lambda r: float(len(_steps(r)))),
        Derived(
            "equation_slips",
            "of them, those that do not hold",
            "sums",
            lambda r: float(sum(not e.holds for e in _steps(r))),
        ),
        Derived("answer_ratio", "answer over target", "ratio", lambda r: _as_float(ratio(r))),
        Derived("answer_distance", "how far the answer is from the target", "number", _off_by),
    ),
    (
        Label("arithmetic_slip", "states a sum that does not hold", _slip),
        Label("last_step_slip", "the last sum of the reply does not hold", _last_slip),
        Label("off_by_factor", "the answer is a common factor times the right one (2, 1/2, 10, 60, 100 ...)", _factor),
        Label("sign_error", "the answer is the right one with the other sign", _sign),
        Label("reciprocal", "the answer is one over the right one", _reciprocal),
        Label("off_by_one", "the answer is one off", _one),
        Label("passed_by", "the right number stands in the reply and is not the answer", _mentioned),
        Label("no_final_answer", "no answer could be extracted", _no_answer),
        Label("case_missed", "a case or a boundary is left out"),
        Label("wrong_method", "the approach cannot lead to the answer"),
        Label("unjustified_leap", "a step is asserted that does not follow"),
    ),
)
