"""From a model's name to the model: which provider it names, and what it may be told.

A name is ``provider/rest``; what ``rest`` means is the provider's business. A provider is a module
with a docstring (its first line is the summary that ``assay models`` shows), a factory
``create(name, options) -> Model`` and a table ``OPTIONS`` of the options that it takes, each with
one line of help. Another package adds one through the entry-point group ``assay.providers``: the
entry point's name is the provider's, its value names the factory (``package.module:create``), and
the module that holds the factory holds ``OPTIONS`` too.

Provider options end up in the manifest and in logs, so none may be a secret.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, get_type_hints

import msgspec

from assay.errors import MissingDependency, ModelNotFound, UsageError
from assay.records import Sampling
from assay.task import Model

Factory = Callable[[str, Mapping[str, Any]], Model]

_BUILT_IN = {
    "hf": "assay.models.transformers",
    "local": "assay.models.local",
    "openai": "assay.models.openai",
    "replay": "assay.models.replay",
    "scripted": "assay.models.scripted",
}

_SECRETS = frozenset(
    ("api_key", "apikey", "key", "secret", "password", "authorization", "access_token", "api_token", "auth_token")
)
"""Names under which people pass keys: refused before they reach a manifest or a request body."""

_OURS = {
    "model": "the model is the first argument",
    "messages": "a task writes the messages",
    "prompt": "a task writes the prompt",
    "tools": "a task offers the tools",
    "n": "repeats are asked for with epochs",
    "stream": "this provider does not stream",
    "top_logprobs": "logprobs=N asks for N alternatives",
}
"""Fields of a request body that are not the user's to set, and why."""


@dataclass(frozen=True)
class Provider:
    """A way to reach models."""

    name: str
    summary: str
    options: Mapping[str, str]
    """Name -> one line of help."""
    create: Factory


@cache
def _offered() -> dict[str, EntryPoint | str]:
    """Where each provider lives; nothing is imported. Built-in names cannot be taken over."""
    return {**{entry.name: entry for entry in entry_points(group="assay.providers")}, **_BUILT_IN}


@cache
def _load(name: str) -> Provider:
    source = _offered()[name]
    try:
        module = import_module(source if isinstance(source, str) else source.module)
        create: Factory = module.create if isinstance(source, str) else source.load()
    except (ImportError, AttributeError) as error:
        raise MissingDependency(f"provider {name} cannot be loaded: {error}") from error
    summary = (module.__doc__ or "").strip().partition("\n")[0]
    return Provider(name, summary, getattr(module, "OPTIONS", {}), create)


def providers() -> list[Provider]:
    """Every provider in alphabetical order; imports them all."""
    return [_load(name) for name in sorted(_offered())]


def _find(name: str) -> Provider:
    head, slash, rest = name.partition("/")
    offered = _offered()
    if head not in offered:
        near = get_close_matches(head, offered, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"a model is named provider/model; providers: {_list(offered)}"
        raise ModelNotFound(f"no provider {head!r}: {hint}")
    if not slash or not rest:
        raise ModelNotFound(f"{name!r} names no model: write {head}/MODEL")
    return _load(head)


def _list(names: Mapping[str, Any]) -> str:
    return ", ".join(sorted(names)) or "none"


def _refuse_secret(name: str, key: str) -> None:
    if key.lower().replace("-", "_") in _SECRETS:
        raise UsageError(
            f"{key} is a secret and would be stored: put it in an environment variable instead, such as "
            f"{name.partition('/')[0].upper()}_API_KEY (where the provider takes api_key_env=NAME, that names another)"
        )


def open_model(name: str, options: Mapping[str, Any] | None = None) -> Model:
    """The model that ``name`` means, ready to be asked; close it when done.

    Raises ``ModelNotFound``, ``UsageError`` (an option that does not exist, or will not do) or
    ``MissingDependency``.
    """
    provider = _find(name)
    options = options or {}
    for key in options:
        _refuse_secret(name, key)
        if key not in provider.options:
            near = get_close_matches(key, provider.options, n=1)
            hint = f"did you mean {near[0]}?" if near else f"it has: {_list(provider.options)}"
            raise UsageError(f"provider {provider.name} has no option {key!r}: {hint}")
    return provider.create(name, options)


def split_parameters(name: str, given: Mapping[str, Any]) -> tuple[dict[str, Any], Sampling]:
    """Sort ``-p name=value`` parameters of the model ``name`` into provider options and sampling.

    A name that is an option of the provider is one; else a field of ``Sampling``; everything else
    goes into the request body as it stands (``Sampling.extra``), its value read as JSON where it is
    JSON: ``top_k=20`` is a number, ``mode=fast`` a text. ``stop`` may be a JSON list. Raises
    ``ModelNotFound`` or ``UsageError``.
    """
    provider = _find(name)
    options: dict[str, Any] = {}
    fields: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    kinds = get_type_hints(Sampling)
    for key, value in given.items():
        _refuse_secret(name, key)
        if key in provider.options:
            options[key] = value
        elif key == "extra":
            extra |= _object(key, value)
        elif key in kinds:
            fields[key] = _field(key, value, kinds[key])
        elif key in _OURS:
            raise UsageError(f"{key} cannot be set: {_OURS[key]}")
        else:
            extra[key] = _json(key, value)
    return options, Sampling(**fields, extra=extra)


_LEAST = {"max_tokens": 1, "temperature": 0, "top_p": 0, "logprobs": 0}


def _field(key: str, value: Any, kind: Any) -> Any:
    if key == "stop" and isinstance(value, str):
        value = _json(key, value) if value.startswith("[") else (value,)
    try:
        converted = msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError as error:
        raise UsageError(f"{key}={value} will not do: {error}") from None
    if key in _LEAST and converted is not None and not _LEAST[key] <= converted < math.inf:
        raise UsageError(f"{key}={value} will not do: a number of at least {_LEAST[key]} is expected")
    if key == "top_p" and converted is not None and not 0 < converted <= 1:
        raise UsageError(f"top_p={value} will not do: it lies in (0, 1]")
    return converted


def _object(key: str, value: Any) -> dict[str, Any]:
    decoded = _json(key, value)
    if not isinstance(decoded, dict):
        raise UsageError(f"{key}={value} will not do: a JSON object is expected")
    return decoded


def _json(key: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        if value.lstrip()[:1] in ("{", "[", '"'):
            raise UsageError(f"{key}={value} begins like JSON but is none: {error}") from None
        return value
