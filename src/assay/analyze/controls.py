"""Controls: is a score skill, or would it stand without reading what must be read?

Two of them. ``chance_by_answers`` needs no new run: each answer is judged against the target of every other
sample of its stratum, which gives in closed form what the model's answers would score if they had nothing to do
with the questions (Cohen's chance agreement, stratum by stratum). ``compare_swapped`` sets a run beside its
control ``swapped/BASE``, where the part that a competent model must read was exchanged and the gold kept: a
score that does not fall is not skill. The invariant: a control that cannot tell says so; it never passes a model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from assay.analyze.claims import ClaimUnresolvable, Statistic
from assay.analyze.contrasts import contrast
from assay.analyze.sayings import difference
from assay.errors import UsageError
from assay.measure.intervals import codes_of, standard_error

if TYPE_CHECKING:
    import polars as pl

Verdict = Literal["falls", "does not fall", "cannot tell"]
SLIGHT = 0.05
"""A difference that is too small to speak of reading."""


class ChanceControl(Struct, frozen=True, omit_defaults=True):
    """A model's score beside what its answers would score on other samples' questions."""

    model: str
    score: float
    """Exact agreement of answer and target, on the samples that have both."""
    chance: float
    """The same for answers dealt out again within their stratum."""
    kappa: float | None
    """(score - chance) / (1 - chance)."""
    difference: float
    lower: float
    upper: float
    n: int
    strata: int
    verdict: Literal["above chance", "at chance", "cannot tell"]


class SwappedControl(Struct, frozen=True, omit_defaults=True):
    """A model's score beside its score where what must be read was exchanged."""

    model: str
    task: str
    score: float
    swapped: float
    fall: float
    lower: float
    upper: float
    p: float
    n: int
    """Samples on both sides."""
    verdict: Verdict
    """``falls``: by more than ``SLIGHT``. ``does not fall``: by less than that, or than a quarter of the score."""
    method: str


def chance_by_answers(
    cases: pl.DataFrame, model: str, *, by: Sequence[str] = ("task",), level: float = 0.95
) -> ChanceControl:
    """What a model's answers would score on other questions of the same kind.

    Args:
        cases: case records; those without an answer, and strata of one sample, are left out.
        model: whose answers.
        by: the columns whose values make the strata; finer strata leave less for chance to explain.
        level: of the interval, over independent samples (sources, where ten or more are known).

    Raises ``UsageError`` where no stratum has two samples with answers. Attempts at one sample are never
    exchanged with each other.
    """
    import numpy as np
    import polars as pl

    from assay.analyze.contrasts import units_of

    own = cases.filter((pl.col("model") == model) & pl.col("answer").is_not_null() & pl.col("target").is_not_null())
    groups = [group for group in own.partition_by(list(by), maintain_order=True) if group["sample_id"].n_unique() > 1]
    if not groups:
        raise UsageError(f"no two samples of {model} in one stratum have answers: nothing can be exchanged")
    kept = pl.concat(groups)
    hit, due = [], []
    for group in groups:
        ids, answers, targets = (group[name].to_list() for name in ("sample_id", "answer", "target"))
        every = Counter(targets)
        same = Counter(zip(ids, targets, strict=True))
        size = Counter(ids)
        for sample, answer, target in zip(ids, answers, targets, strict=True):
            hit.append(float(answer == target))
            due.append((every[answer] - same[sample, answer]) / (len(ids) - size[sample]))
    gains = np.array(hit) - np.array(due)
    value, n = float(gains.mean()), len(gains)
    codes = codes_of(units_of(kept)[0])
    se = standard_error((gains - value) / n, codes)
    lower, upper = _interval(value, se, int(codes.max()) + 1, level)
    chance = float(np.mean(due))
    kappa = None if chance >= 1 else value / (1 - chance)
    found = model, float(np.mean(hit)), chance, kappa, value, lower, upper, n, len(groups)
    return ChanceControl(*found, "above chance" if lower > 0 else "at chance" if upper < SLIGHT else "cannot tell")


def compare_swapped(cases: pl.DataFrame, model: str, task: str, *, level: float = 0.95) -> SwappedControl:
    """A model on a task beside the same model on ``swapped/TASK``, sample by sample.

    Args:
        cases: case records of both runs; a swapped sample has the id of the one that it was made from.
        model: whose scores.
        task: the name of the base task.
        level: of the interval.

    Raises ``UsageError`` where a side is missing or no sample is on both.
    """
    import polars as pl

    own = cases.filter((pl.col("model") == model) & pl.col("score").is_not_null())
    sides = [own.filter(pl.col("task") == name) for name in (task, f"swapped/{task}")]
    for name, side in zip((task, f"swapped/{task}"), sides, strict=True):
        if side.height == 0:
            raise UsageError(f"no scored case of {model} on {name}: a control needs both runs")
    plain, swapped = (
        side.join(other.select("sample_id").unique(), on="sample_id", how="semi").with_columns(
            pl.lit(task).alias("task"), pl.lit(role).alias("model")
        )
        for side, other, role in zip(sides, sides[::-1], ("plain", "swapped"), strict=True)
    )
    if plain.height == 0:
        raise UsageError(f"{task} and swapped/{task} share no sample of {model}: run both on the same samples")
    columns = ["model", "task", "sample_id", "cluster", "score"]
    both = pl.concat([plain.select(columns), swapped.select(columns)])
    means = [Statistic("mean", "score", model=role) for role in ("plain", "swapped")]
    try:
        found = contrast(difference(means[0], means[1]), both, level=level)
    except ClaimUnresolvable as error:
        raise UsageError(f"the control of {model} on {task} has too few samples: {error}") from None
    scores = [float(both.filter(pl.col("model") == role)["score"].mean() or 0.0) for role in ("plain", "swapped")]  # type: ignore[arg-type]
    verdict: Verdict = "cannot tell"
    if found.lower > SLIGHT:
        verdict = "falls"
    elif found.upper < max(SLIGHT, scores[0] / 4):
        verdict = "does not fall"
    n = plain["sample_id"].n_unique()
    return SwappedControl(
        model, task, scores[0], scores[1], found.value, found.lower, found.upper, found.p, n, verdict, found.method
    )


def _interval(value: float, se: float, units: int, level: float) -> tuple[float, float]:
    from scipy import special

    half = float(special.stdtrit(max(units - 1, 1), (1 + level) / 2)) * se
    return value - half, value + half
