"""Reading provider options, which arrive as text from the command line or typed from Python."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from assay.errors import UsageError


def text(options: Mapping[str, Any], key: str, default: str) -> str:
    """The option as text."""
    return str(options.get(key, default))


def choice(options: Mapping[str, Any], key: str, allowed: tuple[str, ...], default: str) -> str:
    """The option as one of ``allowed``. Raises ``UsageError``."""
    value = text(options, key, default)
    if value not in allowed:
        raise UsageError(f"{key}={value} will not do: one of {', '.join(allowed)} is expected")
    return value


def flag(options: Mapping[str, Any], key: str, default: bool) -> bool:
    """The option as true or false. Raises ``UsageError``."""
    value = text(options, key, str(default)).lower()
    if value not in ("true", "false", "1", "0", "yes", "no"):
        raise UsageError(f"{key}={value} will not do: true or false is expected")
    return value in ("true", "1", "yes")


def number(options: Mapping[str, Any], key: str, default: float, *, least: float = 0.0) -> float:
    """The option as a finite number of at least ``least``. Raises ``UsageError``."""
    given = options.get(key, default)
    try:
        value = msgspec.convert(given, float, strict=False)
    except msgspec.ValidationError:
        value = float("nan")
    if not least <= value < float("inf"):
        raise UsageError(f"{key}={given} will not do: a number of at least {least:g} is expected")
    return value


def integer(options: Mapping[str, Any], key: str, default: int, *, least: int = 0) -> int:
    """The option as a whole number of at least ``least``. Raises ``UsageError``."""
    value = number(options, key, default, least=least)
    if value != int(value):
        raise UsageError(f"{key}={options[key]} will not do: a whole number is expected")
    return int(value)
