"""The item table: what every item does for the suite, which keys look wrong, and what a person should look at.

One row an item, from the scores of many models and, where they are known, their answers. The invariants: nothing is
ever dropped by a flag (the table says *keep*, *review* or *trim*, with the evidence beside it), hard and wrong are
kept apart (an item that nobody solves is for review only if the models agree on one wrong answer), and where answers
are not known the table says by what it was ranked.

Suspicion is a rank sum: items ranked by item-rest correlation, plurality margin and distractor discrimination, the
three ranks added and put on a scale from 0 to 1. Without answers it is the rank by item-rest correlation alone: on
MMLU-Pro with planted wrong keys, adding mean φ, H or difficulty to it found no more of them.

Sources: the panel's same wrong answer, and items that all solve, as signals for review and trimming: SuperGPQA (arXiv
2502.14739); several statistics and a first pass of review: "Fantastic bugs" (arXiv 2511.16842).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from assay.measure.intervals import Floats
from assay.measure.item_choices import Evidence, choices, evidence
from assay.measure.item_statistics import Mask, associations, dead, difficulty, item_rest

if TYPE_CHECKING:
    import polars as pl

    from assay.measure.irt.fit import Fit
    from assay.measure.matrix import Matrix

SAME_WRONG = 0.5
"""Share of the panel on one wrong answer from which that is a flag."""
BANDS = (("unsolved", 0.0), ("hard", 1 / 3), ("middle", 2 / 3), ("easy", 1.0))
"""Difficulty bands and the largest mean score in each; an item that all solve is trivial."""

NEGATIVE = "goes against the rest"
OUTVOTED = "a wrong answer outvotes the key"
STRONGER = "stronger models choose a wrong answer"
SAME = "one wrong answer of most models"
ALL_RIGHT = "all right"
ALL_WRONG = "all wrong"


class Signals(NamedTuple):
    """What tells a wrong key, (n,) each."""

    link: Floats
    """Item-rest correlation; NaN where all score alike."""
    evidence: Evidence | None
    """From the answers, where they are known."""
    suspicion: Floats
    """Rank sum from 0 (least suspicious) to 1."""


def signals(x: Floats, answers: NDArray[np.object_] | None = None) -> Signals:
    """The signals of wrong keys in scores ``x`` (m, n; NaN where not asked) and the answers behind them."""
    link = item_rest(x)
    found = None if answers is None else evidence(choices(answers, x), x)
    ranked = [-known_link(link, difficulty(x))]
    if found is not None:
        ranked += [np.nan_to_num(found.plurality_margin), np.nan_to_num(found.distractor_discrimination)]
    return Signals(link, found, rank_sum(ranked))


def known_link(link: Floats, p: Floats) -> Floats:
    """Item-rest correlations with a value for dead items: 1 where all are right, so that the key is; else 0."""
    return np.where(np.isnan(link), np.where(p == 1, 1.0, 0.0), link)


def rank_sum(statistics: Sequence[Floats]) -> Floats:
    """Mean rank of each item over ``statistics`` (large means suspicious), ties sharing, from 0 to 1."""
    n = len(statistics[0])
    return np.asarray(sum(_ranks(values) for values in statistics) / (len(statistics) * max(n - 1, 1)))


def flags_of(x: Floats, found: Signals, same_wrong: float = SAME_WRONG) -> dict[str, Mask]:
    """Which items carry which flag."""
    p, still = difficulty(x), dead(x)
    flags = {ALL_RIGHT: still & (p == 1), ALL_WRONG: still & (p == 0), NEGATIVE: found.link < 0}
    if found.evidence is not None:
        flags[OUTVOTED] = found.evidence.plurality_margin > 0
        flags[STRONGER] = found.evidence.distractor_discrimination > 0
        flags[SAME] = found.evidence.wrong_share >= same_wrong
    return flags


def to_review(x: Floats, found: Signals, flags: dict[str, Mask]) -> Mask:
    """Items that a person should look at.

    With answers: a wrong answer outvotes the key in an item that goes against the rest, or nobody is right and most
    models give the same wrong answer. Without: the item goes against the rest by more than a standard error of
    its correlation, 1/√(models - 1).
    """
    if OUTVOTED in flags:
        return np.asarray(flags[OUTVOTED] & (flags[NEGATIVE] | (flags[ALL_WRONG] & flags[SAME])))
    models = np.isfinite(x).sum(axis=0)
    return np.asarray(found.link < -1 / np.sqrt(np.maximum(models - 1, 1)))


def halves(x: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Two disjoint halves of the models, each with strong and weak ones: ranks 1, 4, 5, 8 ... and 2, 3, 6, 7 ..."""
    order = np.argsort(-np.nansum(x - difficulty(x), axis=1), kind="stable")
    first = np.arange(len(order)) % 4 % 3 == 0
    return order[first], order[~first]


def confirmed(x: Floats, answers: NDArray[np.object_] | None, same_wrong: float = SAME_WRONG) -> Mask:
    """Items that each of two halves of the models, on its own, would send to review, (n,)."""
    out = np.ones(x.shape[1], dtype=bool)
    for part in halves(x):
        own = signals(x[part], None if answers is None else answers[part])
        out &= to_review(x[part], own, flags_of(x[part], own, same_wrong))
    return out


def item_table(
    matrix: Matrix,
    fit: Fit | None = None,
    *,
    same_wrong: float = SAME_WRONG,
    trivial: float = 1.0,
    both_halves: bool = False,
) -> pl.DataFrame:
    """Every item with its statistics, flags and suggested action, in the order of the matrix.

    Args:
        matrix: scores, and answers where they are known.
        fit: a calibration on the same matrix, for the columns ``discrimination`` and ``outfit``.
        same_wrong: share of the models on one wrong answer from which that is a flag.
        trivial: mean score from which an item is to be trimmed.
        both_halves: send to review only what two disjoint halves of the models flag; for four models or more.

    Columns: ``item``, ``tag``, ``models`` (that were asked), ``p_correct``, ``band``, ``item_rest``, ``phi``,
    ``signed_r2``, ``loevinger_h``, ``discrimination``, ``outfit``, ``key`` (as it was answered), ``wrong_answer``
    (the commonest), ``wrong_share``, ``entropy`` (bits), ``plurality_margin``, ``distractor_discrimination``,
    ``suspicion``, ``flags``, ``confirmed`` (by both halves; null if not asked for) and ``action``: ``review``,
    ``trim`` (all models are right, or the share ``trivial``: it tells little) or ``keep``. What is not known is null.
    """
    import polars as pl

    x = matrix.x
    known = None if matrix.answers is None else choices(matrix.answers, x)
    found = signals(x, matrix.answers)
    flags = flags_of(x, found, same_wrong)
    review = to_review(x, found, flags)
    both = confirmed(x, matrix.answers, same_wrong) if both_halves and len(x) >= 4 else None
    if both is not None:
        review &= both
    p, links = difficulty(x), associations(x)
    columns: dict[str, Any] = {
        "item": matrix.items,
        "tag": matrix.tags,
        "models": np.isfinite(x).sum(axis=0),
        "p_correct": p,
        "band": bands(p),
        "item_rest": found.link,
        "phi": links.phi,
        "signed_r2": links.signed_r2,
        "loevinger_h": links.loevinger,
        "discrimination": None if fit is None else fit.items.a,
        "outfit": None if fit is None else outfit(x, fit),
    }
    if known is not None and found.evidence is not None:
        seen = found.evidence
        columns |= {
            "key": _named(known.names, known.key, matrix.target),
            "wrong_answer": _named(known.names, seen.wrong),
            "wrong_share": seen.wrong_share,
            "entropy": seen.entropy,
            "plurality_margin": seen.plurality_margin,
            "distractor_discrimination": seen.distractor_discrimination,
        }
    columns |= {
        "suspicion": found.suspicion,
        "flags": [[name for name, there in flags.items() if there[j]] for j in range(len(p))],
        "confirmed": both,
        "action": np.where(review, "review", np.where(p >= trivial, "trim", "keep")),
    }
    frame = pl.DataFrame(
        {
            name: pl.Series(values) if values is not None else pl.Series([None] * len(p))
            for name, values in columns.items()
        }
    )
    return frame.with_columns(pl.col(pl.Float64).fill_nan(None))


def bands(p: Floats) -> list[str]:
    """The difficulty band of each mean score: unsolved, hard, middle, easy, or trivial where all are right."""
    names = np.array([name for name, _ in BANDS])
    at = np.searchsorted([largest for _, largest in BANDS], p, side="left")
    return ["trivial" if share == 1 else str(names[min(i, len(names) - 1)]) for share, i in zip(p, at, strict=True)]


def outfit(x: Floats, fit: Fit) -> Floats:
    """The outfit of each item (see ``irt.quality``), NaN for dead ones, which no model can misfit.

    A large value: strong models miss it, or weak ones have it.
    """
    from assay.measure.irt.quality import item_fit

    return np.where(dead(x), np.nan, item_fit(x, fit.theta, fit.items).outfit)


def _ranks(values: Floats) -> Floats:
    """Ranks from 0, the smallest first, ties sharing their mean."""
    _, at, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts + 1) / 2)[at])


def _named(
    names: tuple[tuple[str, ...], ...], code: NDArray[np.int64], known: tuple[str | None, ...] | None = None
) -> list[str | None]:
    found = [options[at] if at >= 0 else None for options, at in zip(names, code, strict=True)]
    return found if known is None else [a if a is not None else b for a, b in zip(known, found, strict=True)]
