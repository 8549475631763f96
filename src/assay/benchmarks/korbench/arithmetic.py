"""The value of a sum that a model wrote, without evaluating model text.

The text is parsed, never run, and only numbers joined by operators have a value. Sizes are bounded
before anything is computed: ``9**9**9`` has no value here, and takes no time.
"""

from __future__ import annotations

import ast
import operator
import warnings
from collections.abc import Callable
from fractions import Fraction
from typing import Any

_LONGEST = 500
_MOST_BITS = 4096

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
}
_SCHOOL: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    kind: _BINARY[kind] for kind in (ast.Add, ast.Sub, ast.Mult, ast.Div)
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
    ast.Invert: operator.invert,
}


def as_python(text: str) -> complex | None:
    """The value that Python gives to a sum: floating-point division, ``^`` is exclusive or.

    ``None`` where Python would raise, where the text is more than numbers and operators, and where the
    numbers grow beyond any that a puzzle asks for.
    """
    return _value(text, _BINARY, lambda number: number)


def exactly(text: str) -> Fraction | None:
    """The rational value of a sum of school arithmetic (``+ - * /`` and parentheses)."""
    return _value(text, _SCHOOL, lambda number: Fraction(str(number)))


def _value(
    text: str, binary: dict[type[ast.operator], Callable[[Any, Any], Any]], number: Callable[[Any], Any]
) -> Any | None:
    if len(text) > _LONGEST:
        return None

    def value(node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=int() | float() | complex() as found) if not isinstance(found, bool):
                return number(found)
            case ast.UnaryOp(op=op, operand=operand):
                return _UNARY[type(op)](value(operand))
            case ast.BinOp(left=left, op=op, right=right):
                apply = binary[type(op)]
                one, other = value(left), value(right)
                _check_size(op, one, other)
                return apply(one, other)
        raise ValueError("not arithmetic")

    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(text.lstrip(" \t"), mode="eval")
        return value(tree.body)
    except (ValueError, ArithmeticError, TypeError, LookupError, SyntaxError, RecursionError, MemoryError):
        return None


def _check_size(op: ast.operator, one: Any, other: Any) -> None:
    if not (isinstance(one, int) and isinstance(other, int)):
        return
    grows = (isinstance(op, ast.Pow) and one.bit_length() * abs(other)) or (isinstance(op, ast.LShift) and other)
    if grows > _MOST_BITS or one.bit_length() + other.bit_length() > _MOST_BITS:
        raise OverflowError("too large")
