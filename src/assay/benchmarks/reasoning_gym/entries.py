"""The package's entries as JSON and back, exactly.

An entry's metadata holds tuples, numbers as keys and numpy's numbers; its scorer may tell a tuple from a
list. What JSON has no word for is therefore tagged, and ``restored(plain(x)) == x``.
"""

from __future__ import annotations

from typing import Any

_TUPLE, _PAIRS = "<tuple>", "<pairs>"


def plain(value: Any) -> Any:
    """A value in JSON's types. Raises ``TypeError`` for what an entry has never held."""
    if value is None or type(value) in (str, bool, int, float):
        return value
    for kind in (str, int, float):  # enumerations, and numpy's strings and floats
        if isinstance(value, kind):
            return kind.__str__(value) if kind is str else kind(value)
    if isinstance(value, tuple):
        return {_TUPLE: [plain(part) for part in value]}
    if isinstance(value, list):
        return [plain(part) for part in value]
    if isinstance(value, dict):
        if all(type(key) is str and key not in (_TUPLE, _PAIRS) for key in value):
            return {key: plain(part) for key, part in value.items()}
        return {_PAIRS: [[plain(key), plain(part)] for key, part in value.items()]}
    if hasattr(value, "tolist"):  # numpy's numbers and arrays
        return plain(value.tolist())
    raise TypeError(f"an entry holds a {type(value).__name__}")


def restored(value: Any) -> Any:
    """What ``plain`` was given."""
    if isinstance(value, list):
        return [restored(part) for part in value]
    if not isinstance(value, dict):
        return value
    if _TUPLE in value:
        return tuple(restored(part) for part in value[_TUPLE])
    if _PAIRS in value:
        return {restored(key): restored(part) for key, part in value[_PAIRS]}
    return {key: restored(part) for key, part in value.items()}
