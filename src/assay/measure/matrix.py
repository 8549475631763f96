"""Response matrices: the mean score of each model on each item, from runs or from somebody's table.

What races, item response theory, short forms and the resolution report are computed from. The
invariants: a cell is NaN where the model was not asked or nobody knows what it answered, never 0; an
answer without a score (unparsed, refused, cut off) counts as 0, as in every metric; and only runs of one
task in one scoring mode make a matrix, since items are matched by their ids alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assay.errors import DatasetMalformed, UsageError
from assay.measure.columns import json_text
from assay.measure.intervals import Codes, Floats, codes_of
from assay.records import ANSWERED, RunManifest
from assay.store.folder import read_manifest
from assay.store.frames import scores_name, table
from assay.store.tables import SAMPLES

_NAMES = {
    "model": ("model", "subject_id", "subject"),
    "item": ("item", "item_id", "sample_id", "question_id", "id"),
    "score": ("score", "value", "correct", "official_correct", "is_correct", "response"),
    "answer": ("answer", "official_pred", "pred", "chosen"),
    "cluster": ("cluster",),
    "tag": ("tag", "category"),
}
"""Columns of a long table, by what they are, the likelier spelling first."""


@dataclass(frozen=True)
class Matrix:
    """Models in rows, items in columns."""

    x: Floats
    """(models, items): mean score over the attempts; NaN where there is none."""
    models: tuple[str, ...]
    items: tuple[str, ...]
    attempts: NDArray[np.int32]
    """(models, items): how many attempts were averaged."""
    tags: tuple[str, ...] | None = None
    """A label of each item (its category, say), where one was asked for."""
    clusters: Codes | None = None
    """(items,): 0 ... G-1; items that share a source."""
    cluster: str | None = None
    """What the clusters are called."""
    answers: NDArray[np.object_] | None = None
    """(models, items): what the model answered (first attempt), where it is known."""
    target: tuple[str | None, ...] | None = None
    """The gold answer of each item, where it is known."""

    @property
    def asked(self) -> NDArray[np.bool_]:
        """(models, items): where there is a score."""
        return np.isfinite(self.x)

    @property
    def means(self) -> Floats:
        """(models,): each model's mean over the items that it was asked; NaN where none."""
        counts = self.asked.sum(axis=1)
        return np.where(counts > 0, np.nansum(self.x, axis=1) / np.maximum(counts, 1), np.nan)

    def select(
        self, *, models: Sequence[int] | NDArray[Any] | None = None, items: Sequence[int] | NDArray[Any] | None = None
    ) -> Matrix:
        """The sub-matrix of some models and items, by index or mask."""
        m = np.arange(len(self.models))[slice(None) if models is None else np.asarray(models)]
        n = np.arange(len(self.items))[slice(None) if items is None else np.asarray(items)]
        cells = np.ix_(m, n)
        return replace(
            self,
            x=self.x[cells],
            models=tuple(self.models[i] for i in m),
            items=tuple(self.items[j] for j in n),
            attempts=self.attempts[cells],
            tags=None if self.tags is None else tuple(self.tags[j] for j in n),
            clusters=None if self.clusters is None else codes_of(self.clusters[n]),
            answers=None if self.answers is None else self.answers[cells],
            target=None if self.target is None else tuple(self.target[j] for j in n),
        )


def of_runs(runs: Sequence[Path], *, mode: str | None = None, tag: str | None = None, answers: bool = False) -> Matrix:
    """The matrix of sealed or open runs of one task, a row a run.

    Rows are named after the models; runs of one model get their folder's name added. ``tag`` is a metadata
    key to label items by. Raises ``UsageError`` where the runs are not of one task, data and mode.
    """
    manifests = [read_manifest(run) for run in runs]
    _check_alike(runs, manifests, mode)
    names = [m.model.name for m in manifests]
    names = [f"{n} ({run.name})" if names.count(n) > 1 else n for n, run in zip(names, runs, strict=True)]
    cluster = manifests[0].task.cluster
    keys = {name: key for name, key in (("tag", tag), ("cluster", cluster)) if key is not None}
    samples, parts = [], []
    for run, manifest, name in zip(runs, manifests, names, strict=True):
        known = pl.col("outcome").is_in([str(outcome) for outcome in ANSWERED])
        scores = table(run, scores_name(manifest, mode)).filter(known)
        parts.append(
            scores.select(
                pl.lit(name).alias("model"),
                pl.col("sample_id").alias("item"),
                "epoch",
                pl.col("value").fill_null(0.0).alias("score"),
                *(["answer"] if answers else []),
            ).collect()
        )
        wanted = [json_text("metadata", key).alias(label) for label, key in keys.items()]
        target = pl.col("target").list.first().alias("target")
        samples.append(table(run, SAMPLES).select(pl.col("sample_id").alias("item"), target, *wanted).collect())
    about = pl.concat(samples).unique("item", keep="first", maintain_order=True)
    found = _pivot(pl.concat(parts), names, about["item"].to_list())
    return _described(found, about, cluster)


def of_table(path: Path, *, columns: dict[str, str] | None = None) -> Matrix:
    """The matrix of a long table (Parquet, CSV or JSON Lines: one judged response a row), or of an ``.npz``.

    A table has columns for the model, the item and the score in [0, 1] (booleans count as 0 and 1; null is
    an answer without a score, 0), and may have ``answer``, ``cluster`` and ``tag`` (or ``category``);
    ``columns`` maps these roles to other names. Repeated rows of a model and item are its attempts. An
    ``.npz`` holds ``X`` (models x items, NaN missing), ``models`` and ``items``.
    """
    if path.suffix == ".npz":
        return _of_arrays(path)
    frame = _read(path)
    roles = _roles(frame.columns, columns or {}, path)
    renamed = frame.select(pl.col(name).alias(role) for role, name in roles.items())
    score = pl.col("score").cast(pl.Float64, strict=False)
    if renamed["score"].dtype == pl.String:
        score = pl.col("score").str.to_lowercase().replace({"true": "1", "false": "0"}).cast(pl.Float64, strict=False)
    rows = renamed.with_columns(
        pl.col("model").cast(pl.String), pl.col("item").cast(pl.String), score.fill_null(0.0).alias("score")
    )
    outside = rows.filter(~pl.col("score").is_between(0, 1))
    if outside.height:
        raise DatasetMalformed(f"{path}: {outside.height} scores outside [0, 1], such as {outside['score'][0]}")
    about = rows.unique("item", keep="first", maintain_order=True)
    names = rows["model"].unique(maintain_order=True).to_list()
    return _described(_pivot(rows, names, about["item"].to_list()), about, "cluster" if "cluster" in roles else None)


def load(paths: Sequence[Path], *, mode: str | None = None, tag: str | None = None, answers: bool = False) -> Matrix:
    """A matrix from run folders, folders of runs, or one table: what commands take as ``RUNS...``."""
    from assay.store.folder import find_runs

    files = [path for path in paths if path.is_file()]
    if files and len(paths) > 1:
        raise UsageError(f"{files[0]} is a table: give it alone, or give run folders")
    if files:
        return of_table(files[0])
    return of_runs([run for path in paths for run in find_runs(path)], mode=mode, tag=tag, answers=answers)


def _check_alike(runs: Sequence[Path], manifests: Sequence[RunManifest], mode: str | None) -> None:
    if not runs:
        raise UsageError("no runs are given")

    def differs(what: str, of: Callable[[RunManifest], Any]) -> None:
        values = {str(of(manifest)) for manifest in manifests}
        if len(values) > 1:
            raise UsageError(f"these runs differ in {what} ({', '.join(sorted(values))}): compare like with like")

    differs("task", lambda m: m.task.name)
    differs("task version", lambda m: m.task.version)
    differs("data", lambda m: m.task.dataset.digest if m.task.dataset else None)
    if mode is None:
        differs("scoring mode", lambda m: m.mode)


def _pivot(rows: pl.DataFrame, models: Sequence[str], items: Sequence[str]) -> Matrix:
    """Sum and count by cell; ``rows`` has ``model``, ``item``, ``score`` and perhaps ``answer``."""
    at_model = {name: i for i, name in enumerate(models)}
    m = rows["model"].replace_strict(at_model, return_dtype=pl.Int64).to_numpy()
    places = pl.DataFrame({"item": items, "j": np.arange(len(items))})
    n = rows.select("item").join(places, on="item", how="left", maintain_order="left")["j"].to_numpy()
    shape = (len(models), len(items))
    cell = m * shape[1] + n
    counts = np.bincount(cell, minlength=shape[0] * shape[1]).astype(np.int32)
    sums = np.bincount(cell, weights=rows["score"].to_numpy(), minlength=len(counts))
    x = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan).reshape(shape)
    answers = None
    if "answer" in rows.columns:
        flat = np.full(len(counts), None, dtype=object)
        flat[cell[::-1]] = rows["answer"].to_numpy()[::-1]  # the first attempt is written last
        answers = flat.reshape(shape)
    return Matrix(x, tuple(models), tuple(map(str, items)), counts.reshape(shape), answers=answers)


def _described(found: Matrix, about: pl.DataFrame, cluster: str | None) -> Matrix:
    """The matrix with what is known of its items; ``about`` has one row an item, in the matrix's order."""
    tags = tuple(str(tag) for tag in about["tag"].fill_null("(none)")) if "tag" in about.columns else None
    target = tuple(about["target"].to_list()) if "target" in about.columns else None
    clusters = None
    if cluster is not None and "cluster" in about.columns:
        own = pl.format("\0{}", pl.int_range(pl.len()))  # an item without a cluster is one of its own
        clusters = codes_of(about.select(pl.col("cluster").cast(pl.String).fill_null(own))["cluster"].to_numpy())
    return replace(
        found, tags=tags, target=target, clusters=clusters, cluster=cluster if clusters is not None else None
    )


def _roles(names: Iterable[str], given: dict[str, str], path: Path) -> dict[str, str]:
    have = list(names)
    roles = {}
    for role, spellings in _NAMES.items():
        wanted = given.get(role)
        if wanted is not None and wanted not in have:
            raise UsageError(f"{path} has no column {wanted!r}; it has {', '.join(have)}")
        found = wanted or next((name for name in spellings if name in have), None)
        if found is not None:
            roles[role] = found
    lacking = [role for role in ("model", "item", "score") if role not in roles]
    if lacking:
        raise UsageError(f"{path}: no column is the {' or the '.join(lacking)}; it has {', '.join(have)}")
    return roles


def _read(path: Path) -> pl.DataFrame:
    readers: dict[str, Callable[[Path], pl.DataFrame]] = {
        ".parquet": pl.read_parquet,
        ".csv": lambda p: pl.read_csv(p, infer_schema_length=None),
        ".gz": lambda p: pl.read_csv(p, infer_schema_length=None),
        ".jsonl": lambda p: pl.read_ndjson(p, infer_schema_length=None),
    }
    if path.suffix not in readers:
        raise UsageError(f"{path}: a table is a .parquet, .csv, .csv.gz, .jsonl or .npz file")
    try:
        return readers[path.suffix](path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DatasetMalformed(f"{path}: {str(error).splitlines()[0]}") from None


def _of_arrays(path: Path) -> Matrix:
    try:
        with np.load(path, allow_pickle=False) as stored:
            x = np.asarray(stored["X"], dtype=np.float64)
            models, items = (tuple(str(name) for name in stored[key]) for key in ("models", "items"))
    except (OSError, KeyError, ValueError) as error:
        raise DatasetMalformed(f"{path}: not an .npz with X, models and items ({error})") from None
    if x.shape != (len(models), len(items)):
        raise DatasetMalformed(f"{path}: X is {x.shape}, for {len(models)} models and {len(items)} items")
    return Matrix(x, models, items, np.isfinite(x).astype(np.int32))
