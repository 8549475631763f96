"""What a plan rests on: variances, clusters, a pool of samples, tokens and prices, each with where it is from.

The invariant: what was measured on stored runs, what the task declares and what is merely assumed are told
apart in ``sources``, and what is unknown is ``None``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.errors import UsageError

if TYPE_CHECKING:
    from assay.measure.matrix import Matrix
    from assay.records import Price

PAIRED_SHARE = 0.63
"""Variance of a paired by an unpaired difference: the median over 406 pairs of 29 models on MMLU-Pro."""
CORRELATION = 0.1
"""Assumed of the differences within a cluster, where no runs show it."""
_CHARACTERS_A_TOKEN = 4
_STREAMED = 100_000
"""A task without an end is not streamed further than this."""


@dataclass
class Basis:
    """Everything that a plan is computed from."""

    omega2: float | None = None
    """ω_d² of one sample's difference."""
    sigma2: float | None = None
    """σ_A² + σ_B² of one attempt each; ``None``: unknown, and then part of ``omega2``."""
    design_effect: float = 1.0
    pool: int | None = None
    """Samples that there are."""
    input_tokens: float | None = None
    """Of one attempt, as ``output_tokens``."""
    output_tokens: float | None = None
    prices: dict[str, Price | None] = field(default_factory=dict)
    """Of each model that is to be paid for."""
    sources: list[str] = field(default_factory=list)

    @property
    def cost(self) -> float | None:
        """Dollars for one attempt by every model that is paid for; ``None`` where a price or a count is unknown."""
        if not self.prices or self.input_tokens is None or self.output_tokens is None:
            return None
        total = 0.0
        for price in self.prices.values():
            if price is None:
                return None
            total += (self.input_tokens * price.input + self.output_tokens * price.output) / 1e6
        return total


def from_task(basis: Basis, task: str, data: Path | None, params: dict[str, Any]) -> None:
    """The pool of samples, its clusters and the length of its questions. Raises ``AssayError``."""
    from collections import Counter
    from itertools import islice

    from assay.benchmarks.registry import load_task
    from assay.measure.power import design_effect

    found = load_task(task, data=data, params=params)
    clusters: Counter[str] = Counter()
    count = characters = 0
    for count, sample in enumerate(islice(found.samples(), _STREAMED), 1):
        characters += sum(len(message.text) for message in sample.messages)
        if found.cluster is not None:
            clusters[str(sample.metadata.get(found.cluster, f"\0{count}"))] += 1
    if count == 0:
        raise UsageError(f"{task} has no samples here: give its data with --data")
    basis.pool = None if count == _STREAMED else count
    basis.sources.append(f"{found.name} {found.version}: {'no end of' if basis.pool is None else f'{count:,}'} samples")
    if basis.input_tokens is None:
        basis.input_tokens = characters / count / _CHARACTERS_A_TOKEN
        basis.sources.append(
            f"{basis.input_tokens:.0f} input tokens a question: its characters / {_CHARACTERS_A_TOKEN}"
        )
    if clusters and len(clusters) < count and basis.design_effect == 1.0:
        mean = sum(size * size for size in clusters.values()) / count
        basis.design_effect = design_effect(mean, CORRELATION)
        basis.sources.append(
            f"design effect {basis.design_effect:.2f}: clusters by {found.cluster} of {mean:.1f} samples (weighted by "
            f"size), correlation {CORRELATION} assumed"
        )


def from_runs(basis: Basis, runs: Sequence[Path], mode: str | None) -> None:
    """Variances, clusters, tokens and prices of stored runs or of a table of scores. Raises ``AssayError``."""
    from assay.measure.matrix import load

    matrix = load(runs, mode=mode)
    basis.pool = len(matrix.items)
    names = f"{len(matrix.models)} models" if len(matrix.models) > 1 else matrix.models[0]
    basis.sources.append(f"stored scores of {names} on {basis.pool:,} samples")
    _variances(basis, matrix)
    if not runs[0].is_file():
        _tokens(basis, runs)


def _variances(basis: Basis, matrix: Matrix) -> None:
    from assay.measure.variance import components, neighbour_variances

    found = neighbour_variances(matrix.x, matrix.attempts, matrix.clusters) if len(matrix.models) > 1 else None
    if found is not None:
        basis.omega2, basis.sigma2, basis.design_effect = found.omega2, found.sigma2, found.design_effect
        spread = f" (80 % of them {found.lowest:.3f} to {found.highest:.3f})" if found.pairs > 2 else ""
        basis.sources.append(
            f"variance of a difference: median of {found.pairs} pairs of neighbours in the ranking{spread}"
        )
        if found.design_effect != 1.0:
            basis.sources.append(f"design effect {found.design_effect:.2f}: clusters by {matrix.cluster}, measured")
        return
    asked = matrix.asked[0]
    x, k = matrix.x[0, asked], matrix.attempts[0, asked].astype(float)
    own = components(x, k * x * (1 - x), k)
    basis.sigma2 = None if own.sigma2 is None else 2 * own.sigma2
    total = 2 * PAIRED_SHARE * (own.omega2 + (own.sigma2 or 0.0))
    basis.omega2 = max(0.0, total - (basis.sigma2 or 0.0))
    basis.sources.append(f"one model only: a paired difference is taken to have {PAIRED_SHARE} of an unpaired variance")


def _tokens(basis: Basis, paths: Sequence[Path]) -> None:
    import polars as pl

    from assay.store.folder import find_runs, read_manifest
    from assay.store.frames import table

    sums = []
    for run in (run for path in paths for run in find_runs(path)):
        manifest = read_manifest(run)
        basis.prices.setdefault(manifest.model.name, manifest.price)
        calls = table(run, "responses").select(
            pl.col("input_tokens").sum(),
            pl.col("output_tokens").sum(),
            pl.struct("sample_id", "epoch").n_unique().alias("attempts"),
            pl.col("output_tokens").is_not_null().any().alias("reported"),
        )
        sums.append(calls.collect().row(0))
    told = [row for row in sums if row[3]]
    if told:
        attempts = sum(row[2] for row in told)
        basis.input_tokens = sum(row[0] for row in told) / attempts
        basis.output_tokens = sum(row[1] for row in told) / attempts
        basis.sources.append(
            f"{basis.input_tokens:.0f} tokens in and {basis.output_tokens:.0f} out an attempt: stored runs"
        )


def assumed(basis: Basis, accuracy: float) -> None:
    """Where nothing is known: two models with this accuracy on right-or-wrong questions, asked once."""
    basis.omega2 = 2 * accuracy * (1 - accuracy) * PAIRED_SHARE
    basis.sources.append(
        f"variance of a difference assumed: accuracy {accuracy:g} and {PAIRED_SHARE} of the unpaired variance; "
        "give --from RUNS to measure it"
    )
