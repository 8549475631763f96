"""What the models answered to each item, where that is known: the evidence that a key is wrong.

Right-or-wrong alone cannot tell a hard item from a wrong key; the chosen answers can: many models, and the better
ones, then agree on one answer that is not the key. The invariants: an answer that could not be read is no choice
(it agrees with nothing), an item that nobody answered has no such statistics (NaN), and the key is never
compared as an option with itself. What the key says is not needed: it is the answer that was scored right, and
where no model was right it has no votes.

Statistics as in the specification of item flags: plurality margin, distractor discrimination (Haladyna and
Rodriguez, 2013, for the classical form), share and entropy of the chosen options.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from assay.measure.intervals import Floats
from assay.measure.item_statistics import correlations, difficulty, rest_scores

Labels = NDArray[np.int64]

OPTIONS = 26
"""Different answers to an item that are told apart: the key, then the commonest."""


class Choices(NamedTuple):
    """Answers of m models to n items as numbers."""

    chosen: Labels
    """(m, n): the item's option 0 ... OPTIONS-1, the key first, the others by how many chose it; -1 for none."""
    key: Labels
    """(n,): 0, the option that was scored right, or -1 where no model was right."""
    names: tuple[tuple[str, ...], ...]
    """What the options of each item are called."""


class Evidence(NamedTuple):
    """What the choices say, (n,) each; NaN where nobody answered."""

    plurality_margin: Floats
    """Share of the votes, weighed by skill, for the commonest wrong option less that for the key: -1 ... 1."""
    distractor_discrimination: Floats
    """Largest correlation of choosing some wrong option with the rest score, less the key's: above 0 where the
    stronger models choose that wrong option rather than the key."""
    wrong_share: Floats
    """Share of the models asked that chose the commonest wrong option."""
    wrong: Labels
    """That option (as in ``Choices.chosen``), -1 where no wrong option was chosen."""
    entropy: Floats
    """Of the chosen options, in bits: 0 where all chose the same."""


def choices(answers: NDArray[np.object_], x: Floats) -> Choices:
    """Number the answers of each item.

    Args:
        answers: (m, n) texts, None where there is none.
        x: (m, n) scores, NaN where not asked. An answer with a score of 1 is the key; several spellings of it (0.5
            and 1/2) count as one option.
    """
    import polars as pl

    m, n = x.shape
    model, item = (part.ravel() for part in np.indices((m, n)))
    texts = pl.Series("answer", answers.ravel().tolist(), dtype=pl.String, strict=False)
    cells = pl.DataFrame({"model": model, "item": item, "right": x.ravel() == 1, "answer": texts}).drop_nulls("answer")
    spellings = cells.group_by("item", "answer").agg(pl.len().alias("votes"), pl.col("right").any())
    spellings = spellings.with_columns(option=pl.when("right").then(None).otherwise("answer"))
    options = (
        spellings.sort("votes", "answer", descending=[True, False])
        .group_by("item", "option", maintain_order=True)
        .agg(pl.col("votes").sum(), pl.col("answer").first().alias("name"), pl.col("right").any())
        .sort("item", "right", "votes", "name", descending=[False, True, True, False])
        .with_columns(code=pl.int_range(pl.len()).over("item"))
        .filter(pl.col("code") < OPTIONS)
    )
    coded = spellings.join(options.select("item", "option", "code"), on=["item", "option"], nulls_equal=True)
    placed = cells.join(coded.select("item", "answer", "code"), on=["item", "answer"])
    chosen = np.full((m, n), -1, dtype=np.int64)
    chosen[placed["model"].to_numpy(), placed["item"].to_numpy()] = placed["code"].to_numpy()
    key = np.full(n, -1, dtype=np.int64)
    key[options.filter("right")["item"].to_numpy()] = 0
    names = dict(options.group_by("item").agg("name").iter_rows())
    return Choices(chosen, key, tuple(tuple(names.get(j, ())) for j in range(n)))


def skill(x: Floats) -> Floats:
    """(m,): the weight of each model's vote, e^z where z is its standing among the models, mean 0 and sd 1.

    Compared on MMLU-Pro with planted wrong keys, it beats votes that weigh the same, and votes by accuracy.
    """
    asked = np.isfinite(x)
    standing = np.where(asked, x - difficulty(x), 0.0).sum(axis=1) / np.maximum(asked.sum(axis=1), 1)
    spread = float(standing.std())
    return np.asarray(np.exp((standing - standing.mean()) / spread)) if spread > 0 else np.ones(len(x))


def evidence(found: Choices, x: Floats) -> Evidence:
    """What the answers ``found`` to items with scores ``x`` (m, n) say of each key."""
    n = x.shape[1]
    asked = np.isfinite(x)
    rest = rest_scores(x)
    weights = skill(x)[:, None] * asked
    weights /= np.maximum(weights.sum(axis=0), 1e-300)
    models = np.maximum(asked.sum(axis=0), 1)

    def votes(chose: NDArray[np.bool_]) -> Floats:
        return np.asarray(np.where(chose, weights, 0.0).sum(axis=0))

    def goes_with_skill(chose: NDArray[np.bool_]) -> Floats:
        return np.nan_to_num(correlations(chose.astype(np.float64), rest, asked))

    shares = np.zeros((OPTIONS, n))
    best_votes, best_link = np.zeros(n), np.full(n, -np.inf)
    for option in range(int(found.chosen.max(initial=-1)) + 1):
        chose = found.chosen == option
        shares[option] = chose.sum(axis=0) / models
        wrong = (found.key != option) & (shares[option] > 0)
        best_votes = np.where(wrong, np.maximum(best_votes, votes(chose)), best_votes)
        best_link = np.where(wrong, np.maximum(best_link, goes_with_skill(chose)), best_link)
    right = (found.chosen == found.key) & (found.key >= 0)
    known = (found.chosen >= 0).any(axis=0)
    link = np.where(np.isfinite(best_link), best_link, 0.0) - goes_with_skill(right)
    wrongs = shares.copy()
    wrongs[0, found.key == 0] = 0
    wrong_option = wrongs.argmax(axis=0)
    wrong_share = wrongs.max(axis=0)
    total = np.maximum(shares.sum(axis=0), 1e-300)
    with np.errstate(divide="ignore", invalid="ignore"):
        bits = np.where(shares > 0, -(shares / total) * np.log2(shares / total), 0.0).sum(axis=0)
    return Evidence(
        plurality_margin=np.where(known, best_votes - votes(right), np.nan),
        distractor_discrimination=np.where(known, link, np.nan),
        wrong_share=np.where(known, wrong_share, np.nan),
        wrong=np.where(known & (wrong_share > 0), wrong_option, -1),
        entropy=np.where(known, bits, np.nan),
    )
