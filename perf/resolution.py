"""Discriminative resolution on real matrices: the specification's figures beside ours, and what they cost.

``python perf/resolution.py DATA`` where DATA holds ``matrices``, ``korbench`` and ``mmlu_pro``. Nothing is asserted:
``tests/measure`` holds the floors. Reference figures marked * come from more models than there are here.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import polars as pl

from assay.measure.irt.fit import fit
from assay.measure.item_choices import choices, evidence
from assay.measure.item_flags import item_table, known_link, outfit, rank_sum, signals
from assay.measure.item_statistics import associations, difficulty, item_rest
from assay.measure.matrix import Matrix, load, of_table
from assay.measure.resolution import report

ROWS = {
    "GSM8K 44 x 681": (44, 0.990, 0.169, 0.039, 0.80, 0.07, 0.924, 0.824),
    "KOR-Bench 62 x 1,250 *": (62, 0.996, 0.242, 0.050, 0.92, 0.05, 0.970, 0.894),
    "MMLU-Pro 29 x 10,326 *": (29, 0.999, 0.074, 0.107, 0.96, 0.54, 0.985, 0.857),
}
"""Models, KR-20, dead, negative item-rest, pairs and neighbours separated, τ of the bootstrap, τ of 100 items."""
FOUND = {
    "item-rest": (0.864, 0.34),
    "mean phi": (0.864, 0.32),
    "signed R2": (0.862, 0.31),
    "Loevinger H": (0.856, 0.22),
    "distractor": (0.858, 0.31),
    "plurality": (0.824, 0.28),
    "2PL a": (0.84, 0.30),
    "difficulty": (0.76, 0.14),
    "outfit": (0.66, 0.17),
    "rank sum": (0.883, 0.40),
}
"""AUC and precision@100 with 3 % of MMLU-Pro's keys replaced, 29 models."""


def main(data: Path) -> None:
    """Print both tables."""
    with tempfile.TemporaryDirectory() as folder:
        korbench = Path(folder) / "korbench.parquet"
        pl.read_parquet(data / "korbench" / "responses.parquet").select(
            "model", item=pl.format("{}-{}", "category", "idx"), score="official_correct", answer="official_text"
        ).write_parquet(korbench)
        given = {
            "GSM8K 44 x 681": load([data / "matrices" / "zeroeval_gsm.npz"]),
            "KOR-Bench 62 x 1,250 *": of_table(korbench),
            "MMLU-Pro 29 x 10,326 *": load([data / "mmlu_pro" / "verdicts.parquet"], answers=True),
        }
    for name, matrix in given.items():
        row(name, matrix)
    wrong_keys(data)


def row(name: str, matrix: Matrix) -> None:
    """One matrix: reference and ours, then what the fitted scale adds."""
    whole, cost = timed(lambda: report(matrix, fit(matrix.x)))
    r = whole.resolution
    s, t = r.separability, r.stability
    ours = (r.models, r.kr20, r.dead.value, r.negative.value, s.pairs.value, s.adjacent.value, t.tau, t.tau_short)
    print(f"\n{name}; here {r.models} x {r.items:,}, {cost:.1f} CPU-s with the fit")
    labels = ("models", "KR-20", "dead", "negative", "pairs", "adjacent", "tau", "tau of 100")
    print("            " + "".join(f"{label:>11}" for label in labels))
    print("reference   " + "".join(f"{value:>11.3f}" for value in ROWS[name]))
    print("ours        " + "".join(f"{value or float('nan'):>11.3f}" for value in ours))
    print(f"jointly: pairs {s.pairs_jointly.value:.3f}, adjacent {s.adjacent_jointly.value:.3f}", end="; ")
    print(f"detectable {100 * s.detectable:.2f} points; tau of two suites {t.tau_between:.3f}")
    assert whole.frontier is not None
    edge = whole.frontier
    print(f"saturation {edge.saturation:.3f}, headroom {edge.headroom:.3f}, effective {edge.effective_items:.0f}")
    table, cost = timed(lambda: item_table(matrix))
    print(f"item table {cost:.1f} CPU-s; {dict(table.group_by('action').len().sort('action').iter_rows())}")


def wrong_keys(data: Path) -> None:
    """Every statistic on MMLU-Pro with 3 % of keys replaced, mean of four seeds."""
    chosen, key, options = answers(data)
    sums: dict[str, list[tuple[float, float]]] = {}
    for seed in range(4):
        planted, bad = plant(chosen, key, options, seed)
        x = np.where(chosen == -2, np.nan, chosen == planted)
        for name, suspicion in statistics(x, letters(chosen)).items():
            sums.setdefault(name, []).append((auc(suspicion, bad), float(bad[np.argsort(-suspicion)[:100]].mean())))
    print(f"\nwrong keys, AUC / precision@100: reference (29 models), ours ({len(chosen)}, dead items included)")
    for name, figures in sums.items():
        one, other = np.mean(figures, axis=0)
        print(f"{name:>12}  {FOUND[name][0]:.3f} / {FOUND[name][1]:.2f}   {one:.3f} / {other:.3f}")
    _, cost = timed(lambda: associations((np.random.default_rng(0).random((29, 12_000)) < 0.5).astype(float)))
    print(f"all 12,000 x 12,000 phi, 29 models: {cost:.2f} CPU-s")


def statistics(x: np.ndarray, answered: np.ndarray) -> dict[str, np.ndarray]:
    """Every statistic, large where a key looks wrong; the middle where it is not defined."""
    links, found, scale = associations(x), evidence(choices(answered, x), x), fit(x)
    p = difficulty(x)
    given = {
        "item-rest": -known_link(item_rest(x), p),
        "mean phi": -known_link(links.phi, p),
        "signed R2": -known_link(links.signed_r2, p),
        "Loevinger H": -known_link(links.loevinger, p),
        "distractor": found.distractor_discrimination,
        "plurality": found.plurality_margin,
        "2PL a": -scale.items.a,
        "difficulty": -p,
        "outfit": outfit(x, scale),
        "rank sum": signals(x, answered).suspicion,
    }
    return {name: np.where(np.isnan(values), np.nanmedian(values), values) for name, values in given.items()}


def answers(data: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """MMLU-Pro: chosen options (models, items; -1 unread, -2 not asked), keys, and how many options."""
    gold = pl.read_parquet(data / "mmlu_pro" / "items.parquet")
    matrix = load([data / "mmlu_pro" / "verdicts.parquet"], answers=True)
    place = {str(question): j for j, question in enumerate(gold["question_id"])}
    at = [place[item] for item in matrix.items]
    assert matrix.answers is not None
    number = np.vectorize(lambda text: -1 if text is None else ord(text) - ord("A"), otypes=[np.int64])
    chosen = np.where(matrix.asked, number(matrix.answers), -2)
    return chosen, gold["answer_index"].to_numpy()[at], gold["options"].list.len().to_numpy()[at]


def plant(chosen: np.ndarray, key: np.ndarray, options: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """3 % of keys replaced, every other one by the most popular wrong option; and which."""
    rng = np.random.default_rng(seed)
    planted, bad = key.copy(), np.zeros(len(key), dtype=bool)
    for number, j in enumerate(rng.choice(len(key), int(0.03 * len(key)), replace=False)):
        others = [o for o in range(options[j]) if o != key[j]]
        votes = [(chosen[:, j] == o).sum() for o in others]
        planted[j] = others[int(np.argmax(votes))] if number % 2 == 0 else rng.choice(others)
        bad[j] = True
    return planted, bad


def letters(chosen: np.ndarray) -> np.ndarray:
    """Options as letters, None where nothing was chosen."""
    text = np.full(chosen.shape, None, dtype=object)
    text[chosen >= 0] = np.array(list("ABCDEFGHIJ"))[chosen[chosen >= 0]]
    return text


def auc(suspicion: np.ndarray, bad: np.ndarray) -> float:
    """Chance that a planted item is more suspicious than another."""
    rank, hits = rank_sum([suspicion])[bad] * (len(bad) - 1), int(bad.sum())
    return float((rank.sum() - hits * (hits - 1) / 2) / (hits * (len(bad) - hits)))


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What ``work`` returns, and its CPU seconds."""
    began = process_time()
    return work(), process_time() - began


if __name__ == "__main__":
    main(Path(sys.argv[1]))
