"""Repeated sampling: what k attempts at each sample say, each statistic under its own name.

Seven statistics are told apart that are often given one another's names:

- ``avg@k``: the chance that one attempt is right, as the mean over attempts.
- ``pass@k``: the chance that at least one of k is right; unbiased, from n >= k attempts (arXiv 2107.03374).
- ``pass^k``: the chance that all k are right, C(c, k) / C(n, k) (arXiv 2406.12045).
- ``G-Pass@k_t``: the chance that at least a share t of k are right; ``mG-Pass@k`` is twice its mean over
  t in (1/2, 1] (arXiv 2412.13147).
- ``best@k``: the expected best of k draws *with replacement*, as some training frameworks report it. For 0/1
  scores it is 1 - (1 - c/n)^k, always at most pass@k.
- ``worst@k``: the same for the worst.
- ``maj@k``: the chance that the most frequent of k answers is right.

Arrays are samples x attempts; a missing attempt is NaN, and n is what a sample has. A sample with fewer than
k attempts has no value of its own, and a statistic over samples then has none either: leaving such samples
out would change the question. The unit of inference is the sample, or the cluster of samples.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from math import ceil, comb
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assay.errors import UsageError
from assay.measure.columns import attempt_columns, counted, fault, keys_of, matching, tag_of
from assay.measure.intervals import Floats
from assay.measure.metrics import clusters_of
from assay.measure.summaries import Clusters, Scale, Summary, from_influence, no_value
from assay.records import Estimate, Metric, Outcome

Counts = NDArray[np.int64]
Kind = Literal["avg", "pass", "pass^", "g-pass", "mg-pass", "best", "worst", "maj"]

_ACCURACY = Metric("accuracy")


def repeated_estimate(
    frame: pl.DataFrame,
    kind: Kind,
    k: int,
    *,
    metric: Metric = _ACCURACY,
    cluster: str | None = None,
    threshold: float = 0.5,
    level: float = 0.95,
) -> Estimate:
    """A statistic of repeated sampling over the attempts of a run.

    Args:
        frame: one row an attempt, as ``store.frames.attempts`` gives it; for ``maj`` with a column ``answer``.
        kind: the statistic.
        k: attempts.
        metric: which score (``value``), of which samples (``where``), and which outcomes count: an attempt
            outside the denominator is missing, one inside without a value is 0.
        cluster: the metadata key whose samples share a source.
        threshold: the share t of ``g-pass``.
        level: confidence of the interval.
    """
    if metric.by is not None or metric.kind != "mean":
        raise UsageError(f"{label(kind, k, threshold)} is of a plain metric, not of {metric.name!r} by group or level")
    if kind == "maj" and "answer" not in frame.columns:
        raise UsageError("maj@k votes on answers: the frame needs the scores table's column 'answer'")
    about = matching(attempt_columns(frame, keys_of([metric], cluster)), metric)
    inside = counted(about, metric)
    samples = about.select("sample", tag_of(cluster).alias("cluster")).unique("sample", keep="first").sort("sample")
    reason = fault(inside, metric)
    values = np.full(samples.height, np.nan)
    if reason is None:
        values = _values(inside.with_columns(pl.col("x").fill_null(metric.absent)), samples, kind, k, threshold)
    clusters, note = clusters_of(samples, cluster) if samples.height else (None, "")
    summary = no_value(reason) if reason else summary_of(values, clusters=clusters, level=level)
    outcomes = {str(name): count for name, count in about.group_by("outcome").agg(pl.len()).iter_rows()}
    order = {str(outcome): outcomes[outcome] for outcome in Outcome if outcome in outcomes}
    name = label(kind, k, threshold)
    return Estimate(
        metric=name if metric.name == "accuracy" else f"{metric.name} {name}",
        group=None,
        value=summary.value,
        n=inside.height,
        samples=inside["sample"].n_unique(),
        clusters=summary.clusters,
        se=summary.se,
        lower=summary.lower,
        upper=summary.upper,
        level=level,
        method=summary.method + note,
        denominator={name: count for name, count in order.items() if name in metric.denominator},
        excluded={name: count for name, count in order.items() if name not in metric.denominator},
        better=metric.better,
    )


def kinds_for(frame: pl.DataFrame, metric: Metric) -> tuple[Kind, ...]:
    """What several attempts can be summed up by: counting the right ones, or the best and worst of graded ones."""
    x = counted(matching(attempt_columns(frame, keys_of([metric], None)), metric), metric)["x"].fill_null(metric.absent)
    return ("pass", "pass^", "maj") if x.is_in([0.0, 1.0]).all() else ("best", "worst")


def _values(inside: pl.DataFrame, samples: pl.DataFrame, kind: Kind, k: int, threshold: float) -> Floats:
    rows = samples.select("sample").with_row_index("row")
    cells = inside.join(rows, on="sample", how="left").sort("row", "epoch")
    if kind == "maj":
        values = np.full(samples.height, np.nan)
        for (row,), part in cells.group_by("row"):
            if part.height >= k:
                values[int(row)] = maj_at_k(part["answer"].to_list(), part["x"].to_numpy(), k)
        return values
    cells = cells.with_columns(pl.int_range(pl.len()).over("row").alias("attempt"))
    width = cells["attempt"].max()
    scores = np.full((samples.height, 0 if width is None else int(width) + 1), np.nan)  # type: ignore[arg-type]
    scores[cells["row"].to_numpy(), cells["attempt"].to_numpy()] = cells["x"].to_numpy()
    return per_sample(scores, kind, k, threshold=threshold)


def pass_at_k(n: int, c: int, k: int) -> float:
    """Unbiased pass@k of a sample with ``c`` of ``n`` attempts right: 1 - C(n-c, k) / C(n, k)."""
    _check(n, c, k)
    return float(1 - Fraction(comb(n - c, k), comb(n, k)))


def pass_hat_k(n: int, c: int, k: int) -> float:
    """Unbiased pass^k, all of k right: C(c, k) / C(n, k)."""
    _check(n, c, k)
    return float(Fraction(comb(c, k), comb(n, k)))


def g_pass_at_k(n: int, c: int, k: int, threshold: float) -> float:
    """G-Pass@k_t: at least ceil(t k) of k attempts right, drawn without replacement; for t = 0, at least one."""
    _check(n, c, k)
    if not 0 <= threshold <= 1:
        raise UsageError(f"a threshold of G-Pass lies between 0 and 1, not at {threshold}")
    needed = max(1, ceil(Fraction(str(threshold)) * k))  # exact: 0.7 * 10 is a little more than 7 in floats
    return float(Fraction(_at_least(n, c, k, needed), comb(n, k)))


def mg_pass_at_k(n: int, c: int, k: int) -> float:
    """mG-Pass@k: 2/k times the sum of G-Pass@k at i/k, for i from ceil(k/2) + 1 to k."""
    _check(n, c, k)
    total = sum(_at_least(n, c, k, needed) for needed in range(ceil(k / 2) + 1, k + 1))
    return float(Fraction(2 * total, k * comb(n, k)))


def best_at_k(scores: Floats, k: int, *, worst: bool = False) -> float:
    """The expected best (or worst) of ``k`` draws with replacement from a sample's scores, exactly.

    Of scores in ascending order the i-th (from 1 of n) is the best with the chance (i/n)^k - ((i-1)/n)^k. The
    bootstrap by which it is usually computed converges to this.
    """
    x = np.sort(scores)
    if not len(x) or k < 1:
        raise UsageError("best@k takes at least one score and one draw")
    share = (np.arange(len(x) + 1) / len(x)) ** k
    weights = np.diff(share)
    return float(x @ (weights[::-1] if worst else weights))


def maj_at_k(answers: Sequence[str | None], scores: Floats, k: int, *, draws: int = 1000, seed: int = 0) -> float:
    """The chance that the most frequent of ``k`` answers is right.

    With k attempts there is one vote; with more, it is the mean over ``draws`` subsets of k, drawn without
    replacement. Answers are grouped as they are written; an attempt without an answer (``None``) does not
    vote. Answers that are tied for the most votes share the verdict, so that the order of attempts does not
    matter; where nobody votes, the value is 0.

    Args:
        answers: one a attempt.
        scores: one a attempt; those of one answer are averaged.
        k: attempts that vote.
        draws: subsets, where there are more than k attempts.
        seed: of the subsets.
    """
    n = len(answers)
    if len(scores) != n or not 1 <= k <= n:
        raise UsageError(f"maj@{k} takes at least {k} attempts, each with an answer and a score; there are {n}")
    if k == n:
        return _vote(answers, scores)
    rng = np.random.default_rng(seed)
    votes = (rng.permutation(n)[:k] for _ in range(draws))
    return float(np.mean([_vote([answers[i] for i in vote], scores[vote]) for vote in votes]))


def per_sample(scores: Floats, kind: Kind, k: int, *, threshold: float = 0.5) -> Floats:
    """One value a sample; NaN for samples with fewer than ``k`` attempts.

    Args:
        scores: samples x attempts, missing attempts NaN. All kinds but ``avg``, ``best`` and ``worst`` take
            0/1 scores only. ``avg`` uses all attempts that there are, whatever ``k``.
        kind: the statistic; ``maj`` needs answers, see ``maj_at_k``.
        k: attempts.
        threshold: the share t of ``g-pass``.
    """
    if kind == "maj":
        raise UsageError("maj@k cannot be had from scores alone")
    if k < 1:
        raise UsageError(f"k counts attempts: it is at least 1, not {k}")
    there = ~np.isnan(scores)
    n: Counts = there.sum(axis=1)
    enough = n >= k
    values = np.full(len(scores), np.nan)
    if kind == "avg":
        values[enough] = np.nansum(scores[enough], axis=1) / n[enough]
    elif kind in ("best", "worst"):
        for row in np.flatnonzero(enough):
            values[row] = best_at_k(scores[row][there[row]], k, worst=kind == "worst")
    else:
        if not np.isin(scores[there], (0, 1)).all():
            raise UsageError(f"{label(kind, k, threshold)} takes scores of 0 and 1 only")
        c: Counts = np.nansum(scores, axis=1).astype(np.int64)
        known: dict[tuple[int, int], float] = {}
        for row in np.flatnonzero(enough):
            counts = (int(n[row]), int(c[row]))
            if counts not in known:
                known[counts] = _of_counts(*counts, kind, k, threshold)
            values[row] = known[counts]
    return values


def label(kind: Kind, k: int, threshold: float = 0.5) -> str:
    """The statistic's name: ``pass@8``, ``pass^8``, ``G-Pass@8_0.5``."""
    return {
        "pass^": f"pass^{k}",
        "g-pass": f"G-Pass@{k}_{threshold:g}",
        "mg-pass": f"mG-Pass@{k}",
    }.get(kind, f"{kind}@{k}")


def summary_of(values: Floats, *, clusters: Clusters | None, level: float = 0.95) -> Summary:
    """The mean of one value a sample (from ``per_sample``), with an error that is clustered where samples are.

    Samples without a value leave none for the whole.
    """
    missing = int(np.isnan(values).sum())
    if not len(values):
        return no_value("no samples")
    if missing:
        return no_value(f"{missing} of {len(values)} samples have too few attempts")
    mean = float(values.mean())
    bounded = bool(((values >= 0) & (values <= 1)).all())
    return from_influence(
        mean,
        (values - mean) / len(values),
        clusters=clusters,
        scale=Scale(0.0, 1.0) if bounded else None,
        level=level,
    )


def _of_counts(n: int, c: int, kind: Kind, k: int, threshold: float) -> float:
    match kind:
        case "pass":
            return pass_at_k(n, c, k)
        case "pass^":
            return pass_hat_k(n, c, k)
        case "g-pass":
            return g_pass_at_k(n, c, k, threshold)
        case _:
            return mg_pass_at_k(n, c, k)


def _at_least(n: int, c: int, k: int, needed: int) -> int:
    """Of the subsets of k, how many hold at least so many right attempts (the hypergeometric tail)."""
    return sum(comb(c, right) * comb(n - c, k - right) for right in range(needed, min(c, k) + 1))


def _vote(answers: Sequence[str | None], scores: Floats) -> float:
    votes = Counter(answer for answer in answers if answer is not None)
    if not votes:
        return 0.0
    most = max(votes.values())
    winners = [answer for answer, count in votes.items() if count == most]
    means = [np.mean([s for a, s in zip(answers, scores, strict=True) if a == winner]) for winner in winners]
    return float(np.mean(means))


def _check(n: int, c: int, k: int) -> None:
    if not (0 <= c <= n and 1 <= k <= n):
        raise UsageError(f"no statistic of {k} attempts from {c} right of {n}: it takes at least {k} attempts")
