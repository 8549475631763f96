"""Discriminative resolution: which models a suite can tell apart, and how small a difference it can show.

Pure functions over a complete response matrix (models x items). The invariants: models are compared on the same
items, pair by pair, with items of one cluster together; what one confidence interval says and what holds for all
pairs at once are both given, under different names; and reliability (KR-20) is no answer to the question, since
it is near 1 for any long test of unequal models. ``report`` puts what is here beside what a fitted scale of
ability says (``item_information``).

Sources: the paired clustered error of Miller (arXiv 2411.00640); separability as in Arena-Hard (arXiv 2406.11939);
Kendall (1945) for τ with ties; Kuder and Richardson (1937).
"""

from __future__ import annotations

import msgspec
import numpy as np
from scipy import special

from assay.errors import UsageError
from assay.measure.bootstrap import bootstrap_means
from assay.measure.intervals import Codes, Floats, effective_clusters, wilson
from assay.measure.irt.fit import Fit
from assay.measure.item_information import Frontier, Part, Sight, by_tag, frontier, places, sights, suite_of
from assay.measure.item_statistics import dead, item_rest
from assay.measure.matrix import Matrix
from assay.measure.power import detectable_with
from assay.measure.simultaneous import leaderboard

FEWEST_MODELS = 5
"""With fewer, a fitted scale of ability is its prior."""
_SMALL = 1e-14


class Share(msgspec.Struct, frozen=True):
    """A count out of n, with its Wilson interval where the n are a sample of something."""

    value: float
    count: int
    n: int
    lower: float | None = None
    upper: float | None = None


class Separability(msgspec.Struct, frozen=True):
    """Which pairs of models are told apart at the stated confidence."""

    pairs: Share
    """Of all pairs, those whose own paired interval excludes 0."""
    adjacent: Share
    """The same of neighbours in the ranking."""
    pairs_jointly: Share
    """Of all pairs, those whose simultaneous (max-T) interval excludes 0: all of these claims hold at once."""
    adjacent_jointly: Share
    typical_error: float
    """Median standard error of the difference of two neighbours in the ranking."""
    detectable: float
    """The difference that such a pair must truly have to be found with a power of 80 %."""
    level: float


class Standing(msgspec.Struct, frozen=True):
    """A model on the leaderboard."""

    model: str
    score: float
    lower: float
    """This and ``upper`` hold for all models at once."""
    upper: float
    rank_lower: int
    """The best and the worst rank that the data allow, for all models at once."""
    rank_upper: int
    expected_rank: float
    top: float
    """Share of bootstrap replicates in which the model is first."""
    separated_from_next: bool | None
    """Whether its own paired interval to the next model excludes 0; None for the last."""


class Stability(msgspec.Struct, frozen=True):
    """How much of a ranking another draw of items would keep."""

    tau: float
    """Mean Kendall τ between the ranking and that of a bootstrap replicate: as much as the truth may differ."""
    tau_lower: float
    """2.5 % of replicates are below."""
    tau_between: float
    """Mean Kendall τ between two replicates: as much as two suites of this size may differ."""
    tau_short: float
    """Mean Kendall τ between the ranking on ``short`` random items and the whole ranking."""
    tau_short_lower: float
    short: int
    draws: int


class Resolution(msgspec.Struct, frozen=True):
    """What a suite can tell of some models."""

    models: int
    items: int
    clusters: int | None
    dead: Share
    """Items that all models answer alike: right, or wrong."""
    all_right: int
    all_wrong: int
    negative: Share
    """Items (of those not dead) that go against the rest: item-rest correlation below 0."""
    separability: Separability
    stability: Stability
    standings: list[Standing]
    """The best first."""
    kr20: float | None
    """Internal consistency. Not the headline."""


class Report(msgspec.Struct, frozen=True):
    """The resolution of a suite, and where on the scale of ability it has it."""

    resolution: Resolution
    sights: list[Sight]
    """From the weakest model to beyond the best; empty for fewer than ``FEWEST_MODELS``."""
    frontier: Frontier | None
    parts: list[Part]
    """By tag, the blindest first; empty without tags."""
    notes: list[str]
    """What was left out, and why."""


def report(
    matrix: Matrix, fit: Fit | None, *, level: float = 0.95, draws: int = 2000, short: int = 100, seed: int = 0
) -> Report:
    """The resolution of the items of a matrix for its models.

    Models are compared on the items that all of them were asked; ``fit``, a 2PL calibration on the same matrix, may
    rest on all. Raises ``UsageError`` where no items are common to all models.
    """
    common = np.asarray(matrix.asked.all(axis=0))
    notes = []
    if not common.all():
        least = int(matrix.asked.sum(axis=1).argmin())
        share = f"{matrix.models[least]} was asked {int(matrix.asked[least].sum()):,} of {len(common):,}"
        if common.sum() < 2:
            raise UsageError(f"no two items were asked of all models ({share}): leave some models out")
        notes.append(f"models are compared on the {int(common.sum()):,} items that all were asked ({share})")
    shared = matrix.select(items=common)
    found = resolution(shared.x, shared.models, shared.clusters, level=level, draws=draws, short=short, seed=seed)
    if fit is None:
        return Report(found, [], None, [], notes)
    at = int(fit.theta.argmax())
    suite = suite_of(matrix.x, fit.items)
    theta, where = places(fit.theta)
    edge = frontier(suite, float(fit.theta[at]), float(fit.se[at]), matrix.models[at], found.standings[0].upper)
    parts = [] if matrix.tags is None else by_tag(matrix.x, fit.items, edge.theta, matrix.tags)
    return Report(found, sights(suite, theta, where), edge, parts, notes)


def resolution(
    x: Floats,
    names: tuple[str, ...],
    clusters: Codes | None = None,
    *,
    level: float = 0.95,
    draws: int = 2000,
    short: int = 100,
    seed: int = 0,
) -> Resolution:
    """What items can tell of models.

    Args:
        x: (m, n) scores in [0, 1], none missing.
        names: of the m models.
        clusters: (n,) codes 0 ... G-1 of items that share a source.
        level: confidence of intervals.
        draws: bootstrap replicates.
        short: items of a short random form, to see what ranking it gives.
        seed: of the draws.

    Raises ``UsageError`` for fewer than two models or clusters, or missing cells.
    """
    if not np.isfinite(x).all():
        raise UsageError("models are compared on items that all of them were asked: leave out the others")
    m, n = x.shape
    board = leaderboard(x, clusters, level=level, draws=draws, seed=seed)
    order = np.argsort(-board.means, kind="stable")
    still = dead(x)
    link = item_rest(x)
    pairs = m * (m - 1) // 2
    errors = board.errors_of_differences[order[:-1], order[1:]]
    error = float(np.median(errors))
    gaps = board.means[order[:-1]] - board.means[order[1:]]
    df = max(1.0, (n if clusters is None else effective_clusters(clusters)) - 1.0)
    neighbours = (errors > 0) & (gaps > special.stdtrit(df, (1 + level) / 2) * errors)
    separability = Separability(
        pairs=_share(round(board.separated_alone * pairs), pairs),
        adjacent=_share(int(neighbours.sum()), m - 1),
        pairs_jointly=_share(round(board.separated * pairs), pairs),
        adjacent_jointly=_share(round(board.adjacent * (m - 1)), m - 1),
        typical_error=error,
        detectable=detectable_with(error, alpha=1 - level),
        level=level,
    )
    standings = [
        Standing(
            model=names[i],
            score=float(board.means[i]),
            lower=float(board.lower[i]),
            upper=float(board.upper[i]),
            rank_lower=int(board.rank_lower[i]),
            rank_upper=int(board.rank_upper[i]),
            expected_rank=float(board.expected_rank[i]),
            top=float(board.top[i]),
            separated_from_next=bool(neighbours[place]) if place < m - 1 else None,
        )
        for place, i in enumerate(order)
    ]
    return Resolution(
        models=m,
        items=n,
        clusters=None if clusters is None else int(clusters.max()) + 1,
        dead=_share(int(still.sum()), n, sampled=True),
        all_right=int((still & (x[0] == 1)).sum()),
        all_wrong=int((still & (x[0] == 0)).sum()),
        negative=_share(int((link < 0).sum()), int((~still).sum()), sampled=True),
        separability=separability,
        stability=stability(x, clusters, draws=draws, short=min(short, n), seed=seed),
        standings=standings,
        kr20=kr20(x),
    )


def stability(
    x: Floats, clusters: Codes | None = None, *, draws: int = 2000, short: int = 100, seed: int = 0
) -> Stability:
    """Kendall τ between rankings from resampled items, and from ``short`` random items against all.

    Clusters are resampled whole; the short form draws items without replacement.
    """
    n, means = x.shape[1], x.mean(axis=1)
    drawn = bootstrap_means(x, clusters, draws=2 * (draws // 2), seed=seed)
    again = kendall_tau(drawn, np.broadcast_to(means, drawn.shape))
    between = kendall_tau(drawn[0::2], drawn[1::2])
    rng = np.random.default_rng(seed)
    forms = np.stack([x[:, rng.choice(n, short, replace=False)].mean(axis=1) for _ in range(min(draws, 400))])
    few = kendall_tau(forms, np.broadcast_to(means, forms.shape))
    return Stability(
        tau=float(again.mean()),
        tau_lower=float(np.quantile(again, 0.025)),
        tau_between=float(between.mean()),
        tau_short=float(few.mean()),
        tau_short_lower=float(np.quantile(few, 0.025)),
        short=short,
        draws=draws,
    )


def kendall_tau(a: Floats, b: Floats) -> Floats:
    """Kendall's τ_b of two score vectors row by row, (B,) of two arrays (B, m).

    Σ sign(a_j - a_k) sign(b_j - b_k) over pairs, divided by √(pairs untied in a · pairs untied in b); scores that
    differ by less than 1e-9 are tied. 0 where all are.
    """
    rounded = [np.round(v * 1e9) for v in (a, b)]
    agree, untied_a, untied_b = (np.zeros(len(a)) for _ in range(3))
    for j in range(a.shape[1] - 1):
        one, other = (np.sign(v[:, j, None] - v[:, j + 1 :]) for v in rounded)
        agree += (one * other).sum(axis=1)
        untied_a += np.abs(one).sum(axis=1)
        untied_b += np.abs(other).sum(axis=1)
    return np.asarray(agree / np.sqrt(np.maximum(untied_a * untied_b, 1e-300)))


def kr20(x: Floats) -> float | None:
    """Kuder-Richardson 20 (Cronbach's α for scores that are not 0 or 1): n/(n-1) (1 - Σ var_i / var(total)).

    None for a single item, or where all totals are equal.
    """
    n = x.shape[1]
    total = float(x.sum(axis=1).var())
    if n < 2 or total < _SMALL:
        return None
    return float(n / (n - 1) * (1 - x.var(axis=0).sum() / total))


def _share(count: int, n: int, *, sampled: bool = False) -> Share:
    interval = wilson(count, n) if sampled and n else (None, None)
    return Share(count / n if n else 0.0, count, n, *interval)
