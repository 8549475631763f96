r"""Whether mathematical texts say the same, by computer algebra. Runs in a worker process only.

Sympy may take for ever over a text, or for ever over simplifying what it says; nothing here guards
against that. Call these functions through ``workers.WorkerPool``.

There are two notions. *Structural* equality asks for the same expression after simplification; it is
strict about form (``1/2`` is not ``0.5``) and depends on how far sympy simplifies. *Equivalence* asks for
the same value wherever both have one, which is tested at a few points with 30 digits: two different
elementary expressions do not agree there by accident.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import islice
from typing import Any

import sympy
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational
from sympy.parsing.latex import parse_latex

_DIGITS = 30
_CLOSE = sympy.Float("1e-20", _DIGITS)
_POINTS = 6
_ENOUGH = 3
"""Of the points tried, how many must lie where both expressions have a value."""
_UNDONE = (sympy.Integral, sympy.Derivative, sympy.Sum, sympy.Product, sympy.Limit)
_CONSTANTS = {"e": sympy.E, "i": sympy.I, "pi": sympy.pi}


def structurally_equal(ours: list[str], golds: list[str]) -> bool | None:
    """Whether two texts, or two sets of texts, are the same expressions once simplified.

    ``None`` where any of the texts cannot be parsed or simplified; ``ImportError`` where no parser works.
    """
    try:
        one, other = [_simplified(text) for text in ours], [_simplified(text) for text in golds]
        if len(one) == len(other) == 1:
            return bool(one[0] == other[0])
        return set(one) == set(other)
    except (ImportError, MemoryError):
        raise
    except Exception:
        return None


def equivalent(ours: list[str], golds: list[str]) -> bool | None:
    r"""Whether our expressions, one to one and in any order, have the values of the gold ones.

    Texts are LaTeX or plain notation (``2x*cos(x)``, ``√6``). A decimal with three or more places equals
    what rounds to it. ``e``, ``i`` and ``\pi`` are the constants. An operation left undone, such as an
    integral, has no value. ``None`` where a text cannot be read; ``ImportError`` where no parser works.
    """
    try:
        missing = [_expression(text) for text in golds]
        for text in ours:
            mine = _expression(text)
            match = next((k for k, gold in enumerate(missing) if _same_value(mine, gold, _places(text))), None)
            if match is None:
                return False
            del missing[match]
    except (ImportError, MemoryError):
        raise
    except Exception:
        return None
    return not missing


def to_latex(text: str) -> str:
    """Plain or mixed notation as LaTeX that sympy's parser reads."""
    for pattern, replacement in _REWRITES:
        text = pattern.sub(replacement, text)
    text = _with_braces(_with_braces(text, r"\sqrt"), "^")
    return text.strip()


@lru_cache(4096)
def _simplified(latex: str) -> Any:
    return sympy.simplify(parse_latex(latex))


@lru_cache(4096)
def _expression(text: str) -> Any:
    found = parse_latex(to_latex(text), strict=True)
    # A letter before a parenthesis is a factor here: answers define no functions.
    found = found.replace(
        lambda part: isinstance(part, AppliedUndef) and len(part.args) == 1,
        lambda part: sympy.Symbol(str(part.func)) * part.args[0],
    )
    return found.subs({sympy.Symbol(name): constant for name, constant in _CONSTANTS.items()})


def _same_value(ours: Any, gold: Any, places: int | None) -> bool:
    if isinstance(ours, Relational) or isinstance(gold, Relational):
        return bool(ours == gold)
    if ours.has(*_UNDONE):
        return False
    symbols = sorted(ours.free_symbols | gold.free_symbols, key=str)
    if not symbols and places is not None:
        return bool(abs(sympy.N(ours - gold, _DIGITS)) <= sympy.Rational(1, 2 * 10**places) * (1 + _CLOSE))
    compared = 0
    for point in islice(_points(symbols), _POINTS if symbols else 1):
        one, other = (sympy.N(part.subs(point), _DIGITS) for part in (ours, gold))
        if not (_is_number(one) and _is_number(other)):
            continue
        compared += 1
        if abs(one - other) > _CLOSE * (1 + abs(other)):
            return False
    return compared >= (_ENOUGH if symbols else 1)


def _points(symbols: list[Any]) -> Any:
    """Values for the symbols, positive and without pattern: powers of the golden ratio, modulo 3."""
    golden = (1 + sympy.sqrt(5)) / 2
    number = 1
    while True:
        values = [sympy.Rational(str(sympy.N(golden * (number + k) % 3, 12))) for k in range(len(symbols))]
        number += len(symbols)
        yield dict(zip(symbols, values, strict=True))


def _is_number(value: Any) -> bool:
    return bool(value.is_number and value.is_finite)


def _places(text: str) -> int | None:
    """Decimal places of a text that is nothing but a decimal with at least three of them."""
    found = re.fullmatch(r"\s*-?\d*\.(\d{3,25})\d*\s*", text)
    return len(found[1]) if found else None


def _with_braces(text: str, command: str) -> str:
    r"""``\sqrt(...)`` as ``\sqrt{...}``, and the same for other commands before a parenthesis."""
    start = 0
    while (at := text.find(command + "(", start)) >= 0:
        opening = at + len(command)
        depth = 0
        for end in range(opening, len(text)):
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            if not depth:
                text = f"{text[:opening]}{{{text[opening + 1 : end]}}}{text[end + 1 :]}"
                break
        start = opening
    return text


_FUNCTIONS = "arcsin|arccos|arctan|sin|cos|tan|cot|sec|csc|ln|log|sqrt|exp"
_REWRITES = [
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"\$|\\[()\[\],;:! ]|\\q?quad|\\(?:left|right|displaystyle)(?![a-zA-Z])", " "),
        (r"\\(?:mathrm|operatorname|mathbf|mathit)\s?\{([^{}]*)\}", r"\1"),
        (r"\\[dt]frac", r"\\frac"),
        (r"[−–]", "-"),
        (r"\*\*", "^"),
        (r"[*×·⋅]|\\\*", r"\\cdot "),
        ("√", r"\\sqrt"),
        ("π", r"\\pi "),
        ("²", "^2"),
        ("³", "^3"),
        (rf"(?<![\\a-zA-Z])({_FUNCTIONS})(?=[xyz](?![a-zA-Z])|[^a-zA-Z]|$)", r"\\\1 "),
        (r"\\sqrt\s*(\d+|[a-zA-Z](?![a-zA-Z]))", r"\\sqrt{\1}"),
        (r"\\exp\s?(?=\()", "e^"),
        (r"\\log\s?_\{?(\w+)\}?\s?(?:[({](\w+)[)}]|(\w+))", r"\\log_{\1}{\2\3}"),
        (r"\^\s?(-\w)", r"^{\1}"),
        (r"\s+(?=[({^])", ""),
    )
]
