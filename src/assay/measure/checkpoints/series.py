"""A series: what models score along their training, as one long table.

A point is one metric of one task for one model at one step. The invariants: a point is unique (two values
for the same key are an error, not an average); what is not known (tokens, size, standard error) is null, and
a size that was read off a model's name is marked as such. Statistics ask for a ``Grid``: one task, metric and
condition as an array of runs by checkpoints, NaN where a run has no such checkpoint.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assay.errors import DatasetMalformed, UsageError
from assay.measure.intervals import Floats

_ROLES = {
    "model": ("model", "model_name", "run", "checkpoint_of"),
    "step": ("step", "global_step", "iteration"),
    "tokens": ("tokens", "train_tokens", "tokens_seen"),
    "task": ("task", "benchmark", "dataset"),
    "metric": ("metric",),
    "value": ("value", "score"),
    "se": ("se", "stderr", "standard_error"),
    "shots": ("shots", "num_fewshot", "condition"),
    "size": ("size", "params", "parameters", "model_size"),
    "seed": ("seed",),
    "recipe": ("recipe", "mix", "corpus"),
}
"""Columns of a table by what they are, the likelier spelling first."""

_SCHEMA = {
    "model": pl.String,
    "step": pl.Int64,
    "tokens": pl.Float64,
    "task": pl.String,
    "metric": pl.String,
    "value": pl.Float64,
    "se": pl.Float64,
    "shots": pl.String,
    "size": pl.Float64,
    "seed": pl.String,
    "recipe": pl.String,
}
_KEY = ["model", "seed", "shots", "step", "task", "metric"]
_STDERR = "_stderr"
_USUAL = ("acc", "accuracy")

LOWER_IS_BETTER = frozenset(
    {"bits_per_byte", "bpb", "byte_perplexity", "loss", "nll", "perplexity", "ppl", "word_perplexity"}
)
"""Metrics of a table that fall as models improve; anything else is taken to rise."""

_SIZE = re.compile(r"(?<![0-9A-Za-z.])(\d+(?:\.\d+)?)([mbMB])(?![0-9A-Za-z])")


@dataclass(frozen=True)
class Grid:
    """One task, metric and condition: runs in rows, checkpoints in columns."""

    task: str
    metric: str
    shots: str | None
    runs: tuple[str, ...]
    """The model, and its seed where there are several."""
    recipes: tuple[str, ...]
    """What is compared across scales: as the table says, else the model's name without its size."""
    sizes: Floats
    """(runs,): parameters; NaN where unknown."""
    steps: NDArray[np.int64]
    """(checkpoints,): ascending."""
    x: Floats
    """(runs, checkpoints): the metric; NaN where a run has no such checkpoint."""
    se: Floats
    """(runs, checkpoints): its standard error over samples; NaN where unknown."""
    tokens: Floats
    """(runs, checkpoints): tokens seen; NaN where unknown."""

    @property
    def better(self) -> int:
        """1 where more is better, -1 where less is."""
        return -1 if self.metric.lower() in LOWER_IS_BETTER else 1

    def select(self, keep: NDArray[np.bool_]) -> Grid:
        """The grid of some runs, with the checkpoints that any of them has."""
        has = np.isfinite(self.x[keep]).any(axis=0)
        at = np.flatnonzero(keep)
        return Grid(
            self.task,
            self.metric,
            self.shots,
            tuple(self.runs[i] for i in at),
            tuple(self.recipes[i] for i in at),
            self.sizes[at],
            self.steps[has],
            self.x[np.ix_(at, has)],
            self.se[np.ix_(at, has)],
            self.tokens[np.ix_(at, has)],
        )


@dataclass(frozen=True)
class Series:
    """Points of training runs; columns as in the module's schema, one row a point."""

    points: pl.DataFrame
    sizes_from_names: bool = False
    """Whether sizes were read off the models' names."""

    @property
    def keys(self) -> list[tuple[str, str, str | None]]:
        """(task, metric, shots) of the curves there are, in the table's order."""
        return list(self.points.select("task", "metric", "shots").unique(maintain_order=True).iter_rows())

    def main_metrics(self) -> list[tuple[str, str, str | None]]:
        """One curve a task and condition: its accuracy, or else the metric that comes first."""
        chosen: dict[tuple[str, str | None], str] = {}
        for task, metric, shots in self.keys:
            known = chosen.setdefault((task, shots), metric)
            if metric in _USUAL and known not in _USUAL:
                chosen[task, shots] = metric
        return [(task, metric, shots) for (task, shots), metric in chosen.items()]

    def where(
        self,
        *,
        tasks: Sequence[str] = (),
        metrics: Sequence[str] = (),
        shots: str | None = None,
        model: str | None = None,
        exclude: str | None = None,
    ) -> Series:
        """The series of some tasks (names, or prefixes ending in ``*``), metrics, condition and models (regexes)."""
        rows = self.points
        if tasks:
            named = pl.any_horizontal(
                pl.col("task").str.starts_with(t[:-1]) if t.endswith("*") else pl.col("task") == t for t in tasks
            )
            rows = _kept(rows, rows.filter(named), "task", ", ".join(tasks))
        if metrics:
            rows = _kept(rows, rows.filter(pl.col("metric").is_in(list(metrics))), "metric", ", ".join(metrics))
        if shots is not None:
            rows = _kept(rows, rows.filter(pl.col("shots") == shots), "shots", shots)
        for pattern, wanted in ((model, True), (exclude, False)):
            if pattern is not None:
                test = compiled(pattern)
                names = [m for m in rows["model"].unique(maintain_order=True) if bool(test.search(m)) == wanted]
                rows = _kept(rows, rows.filter(pl.col("model").is_in(names)), "model", pattern)
        return Series(rows, self.sizes_from_names)

    def grid(self, task: str, metric: str, shots: str | None = None) -> Grid:
        """Runs by checkpoints of one curve. Raises ``UsageError`` where there is none."""
        rows = self.points.filter(
            (pl.col("task") == task) & (pl.col("metric") == metric) & pl.col("shots").eq_missing(pl.lit(shots))
        )
        if rows.is_empty():
            raise UsageError(f"the series has no {metric} of {task}" + (f" ({shots})" if shots else ""))
        who = rows.select("model", "seed", "size", "recipe").unique(["model", "seed"], maintain_order=True)
        several = who["model"].is_duplicated().to_list()
        runs, recipes = [], []
        for (model, seed, _, recipe), many in zip(who.iter_rows(), several, strict=True):
            runs.append(f"{model} seed {seed}" if many else model)
            recipes.append(recipe or recipe_in(model))
        steps = np.sort(rows["step"].unique().to_numpy())
        at = {key: i for i, key in enumerate(who.select("model", "seed").iter_rows())}
        i = np.array([at[key] for key in rows.select("model", "seed").iter_rows()])
        j = np.searchsorted(steps, rows["step"].to_numpy())
        filled = []
        for name in ("value", "se", "tokens"):
            array = np.full((len(runs), len(steps)), np.nan)
            array[i, j] = rows[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
            filled.append(array)
        sizes = who["size"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
        return Grid(task, metric, shots, tuple(runs), tuple(recipes), sizes, steps, *filled)


def of_points(points: pl.DataFrame, source: str) -> Series:
    """A series from a frame with some of the schema's columns. Raises ``DatasetMalformed``.

    Rows of a metric ``NAME_stderr`` become the standard errors of ``NAME``; points without a value are dropped.
    """
    lacking = [name for name in ("model", "step", "task", "value") if name not in points.columns]
    if lacking:
        raise DatasetMalformed(f"{source}: no column is the {' or the '.join(lacking)}; it has {points.columns}")
    if "metric" not in points.columns:
        points = points.with_columns(pl.lit("value").alias("metric"))
    absent = [pl.lit(None, dtype=dtype).alias(name) for name, dtype in _SCHEMA.items() if name not in points.columns]
    try:
        rows = points.with_columns(absent).select(pl.col(name).cast(dtype) for name, dtype in _SCHEMA.items())
    except pl.exceptions.PolarsError as error:
        raise DatasetMalformed(f"{source}: {str(error).splitlines()[0]}") from None
    rows = _with_errors(rows).filter(pl.col("value").is_finite()).unique(maintain_order=True)
    twice = rows.filter(rows.select(_KEY).is_duplicated())
    if twice.height:
        first = twice.row(0, named=True)
        raise DatasetMalformed(
            f"{source}: {first['model']} has {first['metric']} of {first['task']} at step {first['step']} "
            "more than once, with different values"
        )
    if rows.is_empty():
        raise DatasetMalformed(f"{source}: no point has a value")
    guessed = rows["size"].null_count() == rows.height
    if guessed:
        sizes = {model: size_in(model) for model in rows["model"].unique()}
        read = pl.col("model").replace_strict(sizes, return_dtype=pl.Float64)
        rows = rows.with_columns(read.alias("size"))
    return Series(rows, guessed and rows["size"].null_count() < rows.height)


def read_table(path: Path) -> Series:
    """A series from a long table (.parquet, .csv, .csv.gz or .jsonl), one point a row."""
    try:
        if path.suffix == ".parquet":
            frame = pl.read_parquet(path)
        elif path.suffix == ".jsonl":
            frame = pl.read_ndjson(path, infer_schema_length=None)
        elif path.name.endswith((".csv", ".csv.gz")):
            frame = pl.read_csv(path, infer_schema_length=None)
        else:
            raise UsageError(f"{path}: a series is a .parquet, .csv, .csv.gz, .jsonl or .yaml file, or run folders")
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DatasetMalformed(f"{path}: {str(error).splitlines()[0]}") from None
    found = {role: next((n for n in names if n in frame.columns), None) for role, names in _ROLES.items()}
    return of_points(frame.select(pl.col(name).alias(role) for role, name in found.items() if name), str(path))


def size_in(name: str) -> float | None:
    """Parameters as a model's name gives them: ``pythia-1.4b`` has 1.4e9; None where it does not say."""
    found = _SIZE.findall(name)
    if len(found) != 1:
        return None
    number, unit = found[0]
    return float(number) * (1e6 if unit in "mM" else 1e9)


def recipe_in(name: str) -> str:
    """A model's name without its size: ``pythia-1.4b-deduped`` is of the recipe ``pythia-deduped``."""
    return re.sub(r"([-_/ ])[-_/ ]+", r"\1", _SIZE.sub("", name)).strip("-_/ ") or name


def compiled(pattern: str) -> re.Pattern[str]:
    """A user's regular expression. Raises ``UsageError``."""
    try:
        return re.compile(pattern)
    except re.error as error:
        raise UsageError(f"{pattern!r} is no regular expression: {error}") from None


def _with_errors(rows: pl.DataFrame) -> pl.DataFrame:
    stderr = pl.col("metric").str.ends_with(_STDERR)
    errors = rows.filter(stderr).with_columns(pl.col("metric").str.strip_suffix(_STDERR))
    if errors.is_empty():
        return rows
    errors = errors.unique(_KEY, keep="first").select(*_KEY, pl.col("value").alias("found"))
    joined = rows.filter(~stderr).join(errors, on=_KEY, how="left", nulls_equal=True, maintain_order="left")
    return joined.with_columns(pl.coalesce("se", "found").alias("se")).drop("found")


def _kept(rows: pl.DataFrame, kept: pl.DataFrame, what: str, asked: str) -> pl.DataFrame:
    if kept.is_empty():
        have = rows[what].drop_nulls().unique(maintain_order=True).to_list()
        some = ", ".join(map(str, have[:8])) + (" ..." if len(have) > 8 else "")
        raise UsageError(f"the series has no {what} {asked!r}; it has {some or 'none'}")
    return kept
