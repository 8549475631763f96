"""What tokens cost: a table that the user can override.

A model without an entry has no price, which is not the same as costing nothing.
"""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path

import msgspec

from assay.errors import DatasetMalformed, DatasetNotFound
from assay.records import Price, Usage


class _Table(msgspec.Struct, frozen=True):
    models: dict[str, Price]
    as_of: str | None = None


def price_of(model: str, overrides: Path | None = None) -> Price | None:
    """The price of a model, from the user's file first. Raises ``DatasetNotFound``, ``DatasetMalformed``."""
    tables = [_read(overrides)] if overrides is not None else []
    tables.append(_parse((files("assay.models") / "prices.toml").read_text("utf-8"), "prices.toml"))
    for table in tables:
        found = _match(model, table.models)
        if found is not None:
            return msgspec.structs.replace(found, as_of=found.as_of or table.as_of)
    return None


def cost(price: Price, usage: Usage | None) -> float:
    """US dollars for one call's tokens; cached input at its own price where it has one."""
    if usage is None:
        return 0.0
    cached = (usage.cached_tokens or 0) if price.cached_input is not None else 0
    fresh = (usage.input_tokens or 0) - cached
    return (
        fresh * price.input + cached * (price.cached_input or 0.0) + (usage.output_tokens or 0) * price.output
    ) / 1e6


def _match(model: str, table: dict[str, Price]) -> Price | None:
    if model in table:
        return table[model]
    starts = [name for name in table if name.endswith("*") and model.startswith(name[:-1])]
    return table[max(starts, key=len)] if starts else None


def _read(path: Path) -> _Table:
    try:
        return _parse(path.read_text("utf-8"), str(path))
    except OSError as error:
        raise DatasetNotFound(f"cannot read prices from {path}: {error.strerror}") from None


def _parse(text: str, name: str) -> _Table:
    try:
        return msgspec.convert(tomllib.loads(text), _Table)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise DatasetMalformed(
            f"{name}: {error}; a table [models] of names with input and output prices was expected"
        ) from None
