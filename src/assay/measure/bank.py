"""Item banks: a benchmark's samples as calibrated items, with all that predictions from a few answers need.

A bank is one Parquet file: a row an item (parameters with their errors, tag, mean, spread, and the calibration models'
responses), and the facts about task, models and validation as JSON under the key ``assay`` in its metadata. The
invariants: what was validated was validated on models outside its calibration, families kept together, so that no
model is predicted from its own siblings; and identical response vectors (renamed copies) count once.

Hygiene: models of one family err alike. Families are told by the first word of a model's name, which is crude; give
models telling names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from assay.errors import AssayError, UsageError
from assay.measure.intervals import Floats, codes_of
from assay.measure.irt.fit import Fit, fit
from assay.measure.irt.model import Items, Model, sigmoid
from assay.measure.matrix import Matrix
from assay.measure.shortform_trials import METHODS, Tally, filled, grouped_folds, tally, trial
from assay.records import TaskInfo

SCHEMA_VERSION = 1
LENGTHS = (10, 25, 50, 100)
"""Numbers of items that short forms are validated at."""

_KEY = "assay"
_FOLDS = 5
_TESTED = 40
"""Models tested in a validation, at most."""
_WHOLE = 0.9
"""Share of the items that a model must have answered to be tested."""
_FEWEST = 4
"""Models that a calibration takes."""


class BankUnusable(AssayError):
    """A file is no item bank, or the bank is of something else."""


class Facts(Struct, frozen=True, omit_defaults=True):
    """What a bank knows beside its items."""

    schema_version: int
    irt: Model
    task: TaskInfo | None
    """As the calibration runs' manifests have it; ``None`` where the bank was made of a table."""
    mode: str | None
    tag: str | None
    """The metadata key that the items' tags are values of."""
    models: tuple[str, ...]
    scores: tuple[float, ...]
    """Mean score of each model, missing responses expected."""
    theta: tuple[float, ...]
    theta_se: tuple[float, ...]
    dropped: tuple[str, ...]
    """Models left out: their responses are identical to those of another."""
    validation: tuple[Tally, ...]
    """Errors of short forms on models that were not calibrated on; empty where there are too few."""
    held_out: Literal["families", "models"] = "families"
    """What was held out together: models by themselves where all are of one family, which flatters."""


@dataclass(frozen=True)
class Bank:
    """A calibrated benchmark."""

    facts: Facts
    ids: tuple[str, ...]
    """Sample ids."""
    items: Items
    se_log_a: Floats
    """(n,): standard error of ln a, abilities taken as known."""
    se_d: Floats
    """(n,)."""
    tags: tuple[str, ...] | None
    x: NDArray[np.float32]
    """(m, n): the calibration models' responses, NaN where missing."""

    @property
    def digest(self) -> str:
        """Of ids, parameters and responses: what a session depends on."""
        parts = (
            msgspec.json.encode(self.ids),
            *(np.ascontiguousarray(part).tobytes() for part in (*self.items, self.x)),
        )
        hasher = blake2b(digest_size=8)
        for part in (*parts, msgspec.json.encode(self.tags)):
            hasher.update(part)
        return hasher.hexdigest()

    @property
    def complete(self) -> Floats:
        """(m, n): responses, with the model's expectation where one is missing."""
        theta = np.array(self.facts.theta)
        fitted = Fit(self.items, theta, np.array(self.facts.theta_se), 0.0, self.facts.irt, 0)
        return filled(self.x.astype(np.float64), fitted)

    def validated(self, method: str, k: int) -> Tally | None:
        """The validation of a method at the number of items nearest to ``k``, where there is one."""
        found = [tally for tally in self.facts.validation if tally.method == method]
        return min(found, key=lambda one: abs(one.k - k), default=None)


def calibrate(
    matrix: Matrix,
    *,
    irt: Model = "2pl",
    guessing: float | None = None,
    task: TaskInfo | None = None,
    mode: str | None = None,
    tag: str | None = None,
    seed: int = 0,
    advance: Callable[[], None] = lambda: None,
) -> Bank:
    """A bank from a response matrix: items fitted on all models, short forms validated on held-out families.

    ``guessing`` is the floor of a 3PL. ``advance`` is called as the validation goes on. Raises ``UsageError`` for fewer
    than four distinct models, or an item that nobody was asked.
    """
    keep = distinct(matrix.x)
    dropped = tuple(name for j, name in enumerate(matrix.models) if j not in set(keep.tolist()))
    matrix = matrix.select(models=keep)
    if len(matrix.models) < _FEWEST:
        raise UsageError(f"{len(matrix.models)} models with different responses: a bank takes {_FEWEST} or more")
    silent = np.flatnonzero(~matrix.asked.any(axis=0))
    if len(silent):
        raise UsageError(f"{len(silent)} samples were answered by no model, such as {matrix.items[silent[0]]}")
    fitted = fit(matrix.x, matrix.attempts, irt, guessing)
    groups = tuple(map(family, matrix.models))
    if len(set(groups)) == 1:
        groups = matrix.models
    se_log_a, se_d = item_errors(fitted, matrix.attempts * matrix.asked)
    facts = Facts(
        schema_version=SCHEMA_VERSION,
        irt=irt,
        task=task,
        mode=mode,
        tag=tag,
        models=matrix.models,
        scores=tuple(map(float, filled(matrix.x, fitted).mean(axis=1))),
        theta=tuple(map(float, fitted.theta)),
        theta_se=tuple(map(float, fitted.se)),
        dropped=dropped,
        validation=tuple(_validated(matrix, groups, irt, guessing, seed, advance)),
        held_out="families" if groups != matrix.models else "models",
    )
    return Bank(facts, matrix.items, fitted.items, se_log_a, se_d, matrix.tags, matrix.x.astype(np.float32))


def distinct(x: Floats) -> NDArray[np.int64]:
    """Rows of ``x`` whose responses no earlier row has."""
    _, first = np.unique(np.nan_to_num(x, nan=-1.0), axis=0, return_index=True)
    return np.sort(first).astype(np.int64)


def family(model: str) -> str:
    """A model's family: the first word of its name, without provider and version."""
    words = re.findall(r"[a-z]+", model.rpartition("/")[2].lower())
    names = [word for word in words if word not in ("meta", "the")]
    return names[0] if names else model


def item_errors(fitted: Fit, attempts: NDArray[np.int32]) -> tuple[Floats, Floats]:
    """Standard errors of ln a and d, (n,) each, from the information of (m, n) ``attempts`` and the fitter's priors.

    The priors' standard deviations, .5 for ln a and 2 for d, are taken as given and abilities as known.
    """
    a, d, c = fitted.items
    s = sigmoid(np.multiply.outer(fitted.theta, a) + d)
    weight = attempts * (1 - c) * s * (1 - s) * s / np.maximum(c + (1 - c) * s, 1e-300)
    slope = np.multiply.outer(fitted.theta, a)
    aa = (weight * slope**2).sum(axis=0) + 1 / 0.5**2
    ad = (weight * slope).sum(axis=0)
    dd = weight.sum(axis=0) + 1 / 2.0**2
    determinant = aa * dd - ad**2
    return np.sqrt(dd / determinant), np.sqrt(aa / determinant)


def lengths_for(items: int) -> tuple[int, ...]:
    """The lengths that short forms of so many items are validated at: at most half of them."""
    return tuple(k for k in LENGTHS if 2 * k <= items)


def tested_models(models: Sequence[str]) -> int:
    """How many models a validation tests."""
    return min(len(models), _TESTED)


def _validated(
    matrix: Matrix,
    groups: Sequence[str],
    irt: Model,
    guessing: float | None,
    seed: int,
    advance: Callable[[], None],
) -> list[Tally]:
    folds = grouped_folds(groups, _FOLDS)
    lengths, m = lengths_for(len(matrix.items)), len(matrix.models)
    whole = matrix.asked.mean(axis=1) >= _WHOLE
    if not lengths:
        return []
    rng = np.random.default_rng(seed)
    answers = []
    for fold in folds:
        train = np.setdiff1d(np.arange(m), fold)
        if len(train) < _FEWEST:
            return []
        share = max(1, round(tested_models(matrix.models) * len(fold) / m))
        test = np.sort(rng.permutation(fold[whole[fold]])[:share])
        if not len(test):
            continue
        answers += trial(matrix.x, train, test, lengths, rng, kind=irt, guessing=guessing, advance=advance)
    return tally(answers)


def save(bank: Bank, path: Path) -> None:
    """Write a bank. Raises ``UsageError`` where the path cannot be written."""
    import polars as pl

    known = np.isfinite(bank.x)
    means = np.nanmean(bank.x, axis=0)
    frame = pl.DataFrame(
        {
            "item": bank.ids,
            "tag": bank.tags if bank.tags is not None else [None] * len(bank.ids),
            "a": bank.items.a,
            "d": bank.items.d,
            "c": bank.items.c,
            "se_log_a": bank.se_log_a,
            "se_d": bank.se_d,
            "mean": means,
            "sd": np.nanstd(bank.x, axis=0),
            "models": known.sum(axis=0),
        },
        schema_overrides={"tag": pl.String},
    ).with_columns(pl.Series("responses", bank.x.T.copy(), dtype=pl.Array(pl.Float32, bank.x.shape[0])))
    facts = msgspec.json.encode(bank.facts).decode()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        frame.write_parquet(path, metadata={_KEY: facts})
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from None


def load(path: Path) -> Bank:
    """Read a bank. Raises ``BankUnusable``."""
    import polars as pl

    try:
        facts = msgspec.json.decode(pl.read_parquet_metadata(path).get(_KEY, ""), type=Facts)
        frame = pl.read_parquet(path)
    except FileNotFoundError:
        raise BankUnusable(f"no bank at {path}: make one with `assay calibrate RUNS... -o {path}`") from None
    except (OSError, pl.exceptions.PolarsError, msgspec.MsgspecError) as error:
        reason = str(error).splitlines()[0]
        raise BankUnusable(f"{path} is no item bank ({reason}): make one with `assay calibrate`") from None
    if facts.schema_version > SCHEMA_VERSION:
        raise BankUnusable(f"{path} is a bank of version {facts.schema_version}, of a later Assay: update Assay")
    a, d, c, se_log_a, se_d = (frame[name].to_numpy() for name in ("a", "d", "c", "se_log_a", "se_d"))
    tags = None if frame["tag"].null_count() else tuple(frame["tag"].to_list())
    x = np.ascontiguousarray(frame["responses"].to_numpy().T)
    return Bank(facts, tuple(frame["item"].to_list()), Items(a, d, c), se_log_a, se_d, tags, x)


def require_task(bank: Bank, name: str, mode: str) -> None:
    """Raise ``BankUnusable`` where the bank is of another task or scoring mode."""
    task = bank.facts.task
    if task is not None and task.name != name:
        raise BankUnusable(f"the bank is of {task.name}, not of {name}: calibrate on runs of {name}")
    if bank.facts.mode is not None and bank.facts.mode != mode:
        raise BankUnusable(f"the bank was scored in mode {bank.facts.mode}, this run is in {mode}: use one mode")


def tag_codes(bank: Bank) -> NDArray[np.int64] | None:
    """Items' tags as codes, for quotas."""
    return None if bank.tags is None else codes_of(bank.tags)


def methods_of(validation: Sequence[Tally]) -> list[str]:
    """The methods in a validation, in the order of tables."""
    present = {one.method for one in validation}
    return [method for method in METHODS if method in present]
