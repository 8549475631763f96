"""Records to JSON and back, whatever a model has written.

JSON in UTF-8 cannot hold lone surrogates, yet servers send them (``"\\ud800"``) and they must survive
bit for bit. Almost every record takes the fast path; one with lone surrogates is written as ASCII JSON
with ``\\udXXX`` escapes, which the same functions read back.
"""

from __future__ import annotations

import json
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

_encode = msgspec.json.Encoder().encode


def encode(record: Any) -> bytes:
    """A record as one line of JSON (never holds a newline byte)."""
    try:
        return _encode(record)
    except UnicodeEncodeError:
        return encode_ascii(record)


def encode_ascii(record: Any) -> bytes:
    """A record as ASCII JSON, lone surrogates escaped."""
    return json.dumps(_plain(record), ensure_ascii=True, separators=(",", ":")).encode("ascii")


def decode(data: bytes, kind: type[T]) -> T:
    """The record that ``encode`` wrote. Raises ``msgspec.DecodeError`` or ``ValidationError``."""
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        if b"\\ud" not in data.lower():
            raise
        return msgspec.convert(json.loads(data), kind)


def printable(text: str) -> str:
    """The text with lone surrogates replaced by U+FFFD, so that any UTF-8 sink takes it."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _plain(record: Any) -> Any:
    # Raw parts (requests that were encoded before) have to be opened, or their escapes would be doubled.
    if isinstance(record, msgspec.Raw):
        return json.loads(bytes(record))
    if isinstance(record, msgspec.Struct):
        config, defaults = record.__struct_config__, record.__struct_defaults__
        plain: dict[str, Any] = {} if config.tag is None else {config.tag_field or "type": config.tag}
        required = len(record.__struct_fields__) - len(defaults)
        for number, name in enumerate(record.__struct_encode_fields__):
            value = getattr(record, record.__struct_fields__[number])
            if not (config.omit_defaults and number >= required and value == defaults[number - required]):
                plain[name] = _plain(value)
        return plain
    if isinstance(record, dict):
        return {str(key): _plain(value) for key, value in record.items()}
    if isinstance(record, (list, tuple)):
        return [_plain(value) for value in record]
    if (isinstance(record, float) and record != record) or record in (float("inf"), float("-inf")):
        return None
    return record
