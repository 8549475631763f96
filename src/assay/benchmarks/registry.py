"""Finding benchmarks by name and building tasks from them.

A benchmark is a function that returns a ``Task``, registered under a name with ``@benchmark``. The
ones in this package are found by folder; another package offers its own through the entry-point
group ``assay.benchmarks`` (an entry point names a module that registers on import). Parameters of
the function are the task parameters that ``-t name=value`` sets; their annotations say what is
accepted.

``name/rest`` passes ``rest`` on: as ``base`` to a benchmark that wraps another task, else as
``subset``.
"""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_type_hints

import msgspec

from assay.errors import TaskNotFound, UsageError
from assay.task import Task

Factory = Callable[..., Task]

_FILLED_IN = ("data", "offline")


@dataclass(frozen=True)
class Benchmark:
    """A registered benchmark."""

    name: str
    summary: str
    factory: Factory
    module: str

    @property
    def parameters(self) -> dict[str, inspect.Parameter]:
        """The task parameters that it takes; those that the loader fills in are left out."""
        every = inspect.signature(self.factory).parameters
        return {name: p for name, p in every.items() if name not in _FILLED_IN and p.kind is not p.VAR_KEYWORD}

    @property
    def scores_without_data(self) -> bool:
        """Whether stored rows can be scored where the dataset is absent."""
        return "offline" in inspect.signature(self.factory).parameters

    @property
    def passes_on(self) -> bool:
        """Whether parameters that it does not know go to the task that it wraps."""
        return any(p.kind is p.VAR_KEYWORD for p in inspect.signature(self.factory).parameters.values())

    def card(self) -> str:
        """The text of its ``card.md``, or an empty string."""
        path = files(self.module.rpartition(".")[0] if "." in self.module else self.module) / "card.md"
        return path.read_text("utf-8") if path.is_file() else ""


_registered: dict[str, Benchmark] = {}


def benchmark(name: str, summary: str) -> Callable[[Factory], Factory]:
    """Register the decorated function as the benchmark ``name``."""

    def register(factory: Factory) -> Factory:
        _registered[name] = Benchmark(name, summary, factory, factory.__module__)
        return factory

    return register


@cache
def _discover() -> None:
    package = import_module("assay.benchmarks")
    for found in pkgutil.iter_modules(package.__path__):
        if found.ispkg:
            import_module(f"assay.benchmarks.{found.name}.task")
    for entry in entry_points(group="assay.benchmarks"):
        entry.load()


def benchmarks() -> dict[str, Benchmark]:
    """Every benchmark by name, in alphabetical order."""
    _discover()
    return dict(sorted(_registered.items()))


def find(name: str) -> Benchmark:
    """The benchmark that ``name`` or ``name/rest`` means. Raises ``TaskNotFound``."""
    head = name.partition("/")[0]
    if head.isidentifier() and find_spec(f"assay.benchmarks.{head}") is not None:
        import_module(f"assay.benchmarks.{head}.task")  # the one that is wanted, not all
        if head in _registered:
            return _registered[head]
    known = benchmarks()
    if head not in known:
        near = get_close_matches(head, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "`assay tasks` lists what there is"
        raise TaskNotFound(f"no benchmark {head!r}: {hint}")
    return known[head]


def load_task(
    name: str, *, data: Path | None = None, params: Mapping[str, Any] | None = None, offline: bool = False
) -> Task:
    """Build the task that ``name`` means.

    ``data`` is a local copy of the owners' files. Values of ``params`` may be text, as on the command
    line; they are converted to what the benchmark's annotations ask for. ``offline`` asks for a task that
    fetches nothing: where the dataset is absent and the benchmark can score stored rows without it, it
    has no samples. Raises ``TaskNotFound``, ``UsageError`` or ``DatasetNotFound``.
    """
    bench = find(name)
    given = dict(params or {})
    rest = name.partition("/")[2]
    if rest:
        key = "base" if "base" in bench.parameters else "subset"
        if key not in bench.parameters:
            raise TaskNotFound(f"{bench.name!r} has no parts: write it without '/{rest}'")
        given.setdefault(key, rest)
    hints = get_type_hints(bench.factory)
    arguments: dict[str, Any] = {}
    for key, value in given.items():
        if key in bench.parameters:
            arguments[key] = _convert(bench, key, value, hints.get(key, Any))
        elif bench.passes_on:
            arguments[key] = value
        else:
            known = ", ".join(bench.parameters) or "none"
            raise UsageError(f"{bench.name} has no parameter {key!r}; it has: {known}")
    if offline and bench.scores_without_data:
        arguments["offline"] = True
    return bench.factory(data=data, **arguments)


def json_or_text(value: Any) -> Any:
    """A parameter that goes on to somebody else's task: JSON where it is JSON, else as it stands."""
    if not isinstance(value, str):
        return value
    try:
        return msgspec.json.decode(value)
    except msgspec.DecodeError:
        return value


def _convert(bench: Benchmark, key: str, value: Any, kind: Any) -> Any:
    try:
        if isinstance(value, str) and _takes_list(kind):
            value = [part.strip() for part in value.split(",") if part.strip()]
        return msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError as error:
        raise UsageError(f"{bench.name}: {key}={value!r} will not do: {error}") from None


def _takes_list(kind: Any) -> bool:
    options = getattr(kind, "__args__", ()) if not hasattr(kind, "__origin__") else ()
    return any(getattr(k, "__origin__", k) in (tuple, list) for k in (kind, *options))
