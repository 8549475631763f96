"""A series from run folders: which model and step each run is of, and what it scored.

Where a run belongs is said by a YAML list, or read off the model's name and options by a regular expression;
a run that says neither is an error, since a checkpoint without its step has no place on a curve.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from assay.errors import DatasetMalformed, UsageError
from assay.measure.checkpoints.series import Series, compiled, of_points, read_table
from assay.measure.metrics import estimates
from assay.records import RunManifest
from assay.store.folder import find_runs, read_manifest
from assay.store.frames import attempts

STEP = r"(?i)[-_./@: ]?(?:global[-_]?step|step|checkpoint|ckpt|iter)[-_=]?(?P<step>\d+(?:\.\d+)?[kmb]?)(?![0-9a-z])"
"""Finds ``step-1000``, ``step3k``, ``checkpoint_500`` in a model's name."""

_UNITS = {"k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}
_LISTED = ("run", "model", "step", "tokens", "size", "seed", "recipe")


def load(paths: Sequence[Path], *, mode: str | None = None, step_from: str | None = None) -> Series:
    """A series from one table, one YAML list of runs, or run folders and folders of runs."""
    files = [path for path in paths if path.is_file()]
    if files and len(paths) > 1:
        raise UsageError(f"{files[0]} is a file: give it alone, or give run folders")
    if files and files[0].suffix in (".yaml", ".yml"):
        return of_list(files[0], mode=mode)
    if files:
        return read_table(files[0])
    pattern = compiled(step_from or STEP)
    rows = [row for path in paths for run in find_runs(path) for row in _points(run, placed(run, pattern), mode)]
    return of_points(_frame(rows), ", ".join(map(str, paths)))


def of_list(path: Path, *, mode: str | None = None) -> Series:
    """A series from a YAML file: ``runs``, a list of ``{run, model, step, tokens, size, seed,
    recipe}``.

    ``run`` is a folder beside the file or an absolute path; ``run`` and ``step`` are needed, and ``model`` names
    the training run (else the run's own model, which then must not change from step to step).
    """
    import yaml  # type: ignore[import-untyped]

    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DatasetMalformed(f"{path}: {str(error).splitlines()[0]}") from None
    listed = content.get("runs") if isinstance(content, dict) else None
    if not isinstance(listed, list) or not listed:
        raise DatasetMalformed(f"{path}: it lists no runs (runs: [{{run: FOLDER, model: NAME, step: 1000}}, ...])")
    rows = []
    for position, item in enumerate(listed, 1):
        if not isinstance(item, dict) or not {"run", "step"} <= set(item) or set(item) - set(_LISTED):
            raise DatasetMalformed(
                f"{path}: run {position} takes run and step, and maybe model, tokens, size, seed, recipe"
            )
        place = {key: value for key, value in item.items() if key not in ("run", "model")}
        for key in ("step", "tokens", "size"):
            if key in place:
                place[key] = number(str(place[key]), f"{path}: run {position}, {key}")
        for run in find_runs(path.parent / str(item["run"])):
            model = item.get("model", read_manifest(run).model.name)
            rows += _points(run, {**place, "model": str(model)}, mode)
    return of_points(_frame(rows), str(path))


def placed(run: Path, pattern: re.Pattern[str]) -> dict[str, Any]:
    """Model, step and whatever else the pattern's groups (step, tokens, size, seed, model) find. Raises ``UsageError``.

    The name is searched first, then the provider options. Without a group ``step`` the first group is the step;
    without a group ``model`` the model is the name with the match cut out.
    """
    model = read_manifest(run).model
    for text in (model.name, *map(str, model.options.values())):
        match = pattern.search(text)
        if match is None:
            continue
        groups = {key: value for key, value in match.groupdict().items() if value is not None}
        if "step" not in groups and match.re.groups:
            groups["step"] = match[1]
        if "step" not in groups:
            break
        rest = (text[: match.start()] + text[match.end() :]).strip("-_/ .@:") if text == model.name else model.name
        place: dict[str, Any] = {"model": groups.get("model") or rest or model.name}
        for key in ("step", "tokens", "size"):
            if key in groups:
                place[key] = number(groups[key], f"{run}: {key}")
        return place | ({"seed": groups["seed"]} if "seed" in groups else {})
    raise UsageError(
        f"{run}: no step in {model.name!r} or its options: give --step-from with a group (?P<step>...), "
        "or list the runs in a YAML file"
    )


def number(text: str, where: str) -> float:
    """``3000``, ``3k``, ``1.5B`` or ``2.1e9``. Raises ``UsageError``."""
    scale = _UNITS.get(text[-1:].lower(), 1.0)
    try:
        return float(text[:-1] if text[-1:].lower() in _UNITS else text) * scale
    except ValueError:
        raise UsageError(f"{where}: {text!r} is no number such as 3000, 3k or 2.1e9") from None


def _points(run: Path, place: dict[str, Any], mode: str | None) -> list[dict[str, Any]]:
    manifest: RunManifest = read_manifest(run)
    metrics = [metric for metric in manifest.task.metrics if metric.by is None]
    found = estimates(attempts(run, mode), metrics, cluster=manifest.task.cluster)
    return [
        {
            **place,
            "step": round(place["step"]),
            "task": manifest.task.name,
            "metric": e.metric,
            "value": e.value,
            "se": e.se,
        }
        for e in found
        if e.group is None and e.value is not None
    ]


def _frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    if not rows:
        raise UsageError("none of these runs has a metric with a value")
    return pl.DataFrame(rows, infer_schema_length=None)
