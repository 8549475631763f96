"""Suites: trees of tasks with weights, as people write them in YAML.

A group has children; a leaf names a task, or says what it would take to have one. Weights are relative
within their group. The invariant: whatever a suite file can get wrong is refused when it is read, with the
file and the place in the tree, never when its turn comes to run; whether a task exists here is no error of the
file, since a suite may name what cannot be measured yet, and is asked of the registry (``coverage``).

Settings of a group (``thinking``, ``epochs``, ``limit``, ``sampling``) hold for all below it unless set again.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any, get_type_hints

import msgspec
from msgspec import Struct

from assay.errors import AssayError

SEPARATOR = " / "
"""Between the names on the way to a place in the tree, as it is typed and shown."""


class SuiteNotFound(AssayError):
    """No suite of that name, and no file."""


class SuiteMalformed(AssayError):
    """A suite file cannot be used; the message names the file and the place in the tree."""


class Leaf(Struct, frozen=True, omit_defaults=True, tag="leaf"):
    """A benchmark of the suite: one task in one configuration, or one that does not exist here."""

    name: str
    weight: float = 1.0
    """Relative to its siblings."""
    task: str | None = None
    """As ``assay tasks`` lists it; ``None`` where nobody has written it."""
    needs: str | None = None
    """What it takes to have the task."""
    pattern: str | None = None
    """The use in the field that it stands for."""
    params: dict[str, Any] = {}
    """Task parameters, as ``-t`` takes them."""
    data: str | None = None
    """The benchmark's files, relative to the suite file."""
    mode: str | None = None
    """The scorer's mode, else the task's own."""
    metric: str | None = None
    """The metric that counts, else the task's first."""
    max_steps: int | None = None
    """Step cap of an agent: the task parameter of that name."""
    thinking: str | None = None
    """One of the suite's thinking modes."""
    sampling: dict[str, Any] = {}
    """As ``-p`` takes it."""
    epochs: int | None = None
    """Attempts at each sample, else as many as the task asks for."""
    limit: int | None = None


class Group(Struct, frozen=True, omit_defaults=True, tag="group"):
    """A node with children."""

    name: str
    children: tuple[Group | Leaf, ...]
    weight: float = 1.0
    about: str | None = None


Node = Group | Leaf


class Suite(Struct, frozen=True, omit_defaults=True):
    """A whole suite."""

    name: str
    children: tuple[Node, ...]
    about: str | None = None
    source: str | None = None
    """Where its composition comes from."""
    thinking: dict[str, dict[str, Any]] = {}
    """Thinking mode -> what is sent for it, as ``-p`` takes it; a leaf's own ``sampling`` comes first."""

    @property
    def root(self) -> Group:
        """The suite as the group of all its children."""
        return Group(self.name, self.children, about=self.about)


def leaves(node: Node, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Leaf]]:
    """Every leaf below ``node`` with the names on the way to it, ``node``'s own left out."""
    if isinstance(node, Leaf):
        yield path, node
    else:
        for child in node.children:
            yield from leaves(child, (*path, child.name))


def written(path: tuple[str, ...]) -> str:
    """A place in the tree as it is typed and shown."""
    return SEPARATOR.join(path)


def shipped() -> list[str]:
    """Names of the suites that come with Assay."""
    folder = files("assay.define") / "data"
    ending = ".suite.yaml"
    return sorted(entry.name.removesuffix(ending) for entry in folder.iterdir() if entry.name.endswith(ending))


def find_suite(name: str) -> tuple[Suite, Path]:
    """The suite that ``name`` (a file, or one that comes with Assay) means, and its file.

    Raises ``SuiteNotFound`` or ``SuiteMalformed``.
    """
    path = Path(name)
    if name in shipped():
        path = Path(str(files("assay.define") / "data" / f"{name}.suite.yaml"))
    elif not path.is_file():
        raise SuiteNotFound(
            f"no suite {name!r}: give a YAML file, or one that comes with Assay: {', '.join(shipped())}"
        )
    return read_suite(path), path


def read_suite(path: Path) -> Suite:
    """Read a suite file. Raises ``SuiteMalformed`` with the file and the place in the tree."""
    content = _yaml(path)
    at = _Place(path, ())
    top = at.mapping(content, _TOP, "a suite")
    name = at.text(top, "suite")
    if name is None:
        raise at.error("no name: write suite: NAME on the first line")
    thinking = {str(mode): at.settings(sent, f"thinking: {mode}") for mode, sent in at.table(top, "thinking").items()}
    above = {key: value for key, value in top.items() if key != "thinking"}  # which declares the modes here
    children = at.children(top, at.inherited(above, {}, thinking), thinking)
    return Suite(name, children, at.text(top, "about"), at.text(top, "source"), thinking)


_INHERITED = ("thinking", "epochs", "limit", "sampling")
_TOP = ("suite", "about", "source", "children", *_INHERITED)
_GROUP = ("name", "weight", "about", "children", *_INHERITED)
_LEAF = Leaf.__struct_fields__
_LEAST = {"epochs": 1, "limit": 1, "max_steps": 1}


class _Place:
    """A place in a suite file: reads what stands there, and says where it is when that will not do."""

    def __init__(self, file: Path, path: tuple[str, ...]) -> None:
        self.file, self.path = file, path

    def error(self, what: str) -> SuiteMalformed:
        place = f", at {written(self.path)}" if self.path else ""
        return SuiteMalformed(f"{self.file}{place}: {what}")

    def mapping(self, given: Any, known: tuple[str, ...], what: str) -> dict[str, Any]:
        if not isinstance(given, dict):
            raise self.error(f"{what} is written as key: value lines, not {_shown(given)}")
        for key in given:
            if key not in known:
                near = get_close_matches(str(key), known, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"{what} takes: {', '.join(known)}"
                raise self.error(f"unknown key {key!r}: {hint}")
        return given

    def text(self, given: Mapping[str, Any], key: str) -> str | None:
        value = given.get(key)
        if value is not None and (not isinstance(value, str) or not value.strip()):
            raise self.error(f"{key} must be text, not {_shown(value)}")
        return value

    def table(self, given: Mapping[str, Any], key: str) -> dict[str, Any]:
        value = given.get(key)
        if value is not None and not isinstance(value, dict):
            raise self.error(f"{key} is written as key: value lines, not {_shown(value)}")
        return value or {}

    def settings(self, given: Any, what: str) -> dict[str, Any]:
        if not isinstance(given, dict) or not all(isinstance(key, str) for key in given):
            raise self.error(f"{what} takes name: value pairs, as -p does, not {_shown(given)}")
        return given

    def weight(self, given: Mapping[str, Any]) -> float:
        value = given.get("weight", 1.0)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
            raise self.error(f"weight must be a number above 0, not {_shown(value)}: leave out what is not to count")
        return float(value)

    def inherited(self, given: Mapping[str, Any], above: Mapping[str, Any], modes: Mapping[str, Any]) -> dict[str, Any]:
        """The settings that hold here and below, checked."""
        found = {**above, **{key: given[key] for key in _INHERITED if given.get(key) is not None}}
        own = given.get("sampling")
        found["sampling"] = {**above.get("sampling", {}), **({} if own is None else self.settings(own, "sampling"))}
        mode = found.get("thinking")
        if mode is not None and not (isinstance(mode, str) and mode in modes):
            known = ", ".join(modes) or "none (declare them at the top, under thinking)"
            raise self.error(f"no thinking mode {_shown(mode)}; the suite has: {known}")
        return found

    def children(
        self, given: Mapping[str, Any], inherited: Mapping[str, Any], modes: Mapping[str, Any]
    ) -> tuple[Node, ...]:
        listed = given.get("children")
        if not isinstance(listed, list) or not listed:
            raise self.error("children must be a list of groups and tasks, each on a line that begins with '- name:'")
        found: dict[str, Node] = {}
        for number, child in enumerate(listed, 1):
            name = child.get("name") if isinstance(child, dict) else None
            if not isinstance(name, str) or not name.strip():
                raise self.error(f"child {number} has no name")
            if SEPARATOR in name:
                raise self.error(f"{name!r} will not do as a name: {SEPARATOR!r} stands between the names of a place")
            if name in found:
                raise self.error(f"two children are named {name!r}: give each a name of its own")
            found[name] = _Place(self.file, (*self.path, name)).node(child, inherited, modes)
        return tuple(found.values())

    def node(self, given: dict[str, Any], inherited: Mapping[str, Any], modes: Mapping[str, Any]) -> Node:
        if "children" in given:
            given = self.mapping(given, _GROUP, "a group")
            children = self.children(given, self.inherited(given, inherited, modes), modes)
            return Group(given["name"], children, self.weight(given), self.text(given, "about"))
        given = self.mapping(given, _LEAF, "a task")
        if given.get("task") is None and given.get("needs") is None:
            raise self.error("neither a task nor children: name a task, or say under needs what it takes to have one")
        hints = get_type_hints(Leaf)
        every = {**given, **self.inherited(given, inherited, modes), "weight": self.weight(given)}
        return Leaf(**{key: self.field(key, value, hints[key]) for key, value in every.items() if value is not None})

    def field(self, key: str, value: Any, kind: Any) -> Any:
        try:
            converted = msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            raise self.error(f"{key}: {_shown(value)} will not do ({error})") from None
        if key in _LEAST and converted < _LEAST[key]:
            raise self.error(f"{key} must be at least {_LEAST[key]}, not {_shown(value)}")
        return converted


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _unwanted(tag: str, first: str) -> bool:
    return tag.endswith(":timestamp") or (tag.endswith(":bool") and first in "yYnNoO")


def _yaml(path: Path) -> Any:
    """The file's content; a key that is given twice is refused, where PyYAML keeps the last."""
    import yaml  # type: ignore[import-untyped]

    class Strict(yaml.SafeLoader):  # type: ignore[misc]
        pass

    Strict.yaml_implicit_resolvers = {  # as in YAML 1.2: off and no are words, and a date is text
        first: [(tag, pattern) for tag, pattern in found if not _unwanted(tag, first)]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def mapping(loader: Any, node: Any) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = loader.construct_object(key_node, deep=True)
            if isinstance(key, list | dict) or key in found:
                fault = "given twice" if not isinstance(key, list | dict) else "no name"
                raise SuiteMalformed(f"{path}, line {key_node.start_mark.line + 1}: {_shown(key)} is {fault}")
            found[key] = loader.construct_object(value_node, deep=True)
        return found

    Strict.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)
    try:
        return yaml.load(path.read_text("utf-8"), Strict)  # noqa: S506 - a subclass of SafeLoader
    except (OSError, UnicodeDecodeError) as error:
        raise SuiteMalformed(f"{path}: cannot be read ({error})") from None
    except yaml.YAMLError as error:
        raise SuiteMalformed(f"{path}: not valid YAML ({' '.join(str(error).split())})") from None
