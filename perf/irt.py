"""What a two-parameter calibration costs, and how near it comes to the bound: Assay and the packages on PyPI.

Answers are simulated (θ ~ N(0, 1), ln a ~ N(0.2, 0.4²), b ~ N(0, 1.2²)), every fit is a fresh process. Ability
errors stand beside the Cramér-Rao bound for known items; both are taken on the scale where the simulated abilities
have mean 0 and standard deviation 1. With 400 models the ratio of a single fit varies by ±3 %, so that small sizes
are fitted from several seeds. Peers that are not installed are left out, and so are sizes which they do not finish.

    python perf/irt.py                                   # all sizes, all that is installed: a quarter of an hour
    python perf/irt.py --only assay mirt --json
    python perf/irt.py --only assay --size 400x5000 --missing 0.7
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np

SIZES = (
    (400, 100, 0.0),
    (400, 500, 0.0),
    (400, 5000, 0.0),
    (400, 5000, 0.7),
    (1000, 10000, 0.0),
    (5000, 20000, 0.0),
    (5000, 20000, 0.7),
)
LIMIT_SECONDS = 3600
SEEDS = 8
"""Fits of a size of at most ``SMALL`` cells by a quick fitter; larger or slower ones are fitted once."""
SMALL = 2_000_000
_ROWS = 250

Found = tuple[Any, Any, Any]
"""Abilities (m,), discriminations (n,) and intercepts (n,)."""


def simulate(m: int, n: int, missing: float, seed: int) -> dict[str, Any]:
    """Answers (m, n) in single precision, NaN missing, the truth, and each model's information (m,)."""
    from assay.measure.irt.model import Items, information, probability

    rng = np.random.default_rng(seed)
    theta, a, b = rng.normal(size=m), np.exp(rng.normal(0.2, 0.4, n)), rng.normal(0, 1.2, n)
    items = Items(a, -a * b, np.zeros(n))
    x, informed = np.empty((m, n), np.float32), np.empty(m)
    for start in range(0, m, _ROWS):
        part = slice(start, start + _ROWS)
        shape = x[part].shape
        x[part] = rng.random(shape, dtype=np.float32) < probability(theta[part], items)
        gone = rng.random(shape, dtype=np.float32) < missing
        x[part][gone] = np.nan
        informed[part] = np.where(gone, 0, information(theta[part], items)).sum(axis=1)
    return {"x": x, "theta": theta, "a": items.a, "d": items.d, "informed": informed}


def with_assay(x: Any) -> Found:
    """``assay.measure.irt.fit``."""
    from assay.measure.irt.fit import fit

    found = fit(x)
    return found.theta, found.items.a, found.items.d


def with_mirt(x: Any) -> Found:
    """PyPI's mirt (Rust inside): EM over 41 points, 50 rounds at most, abilities by their posterior modes."""
    import mirt

    answers = np.where(np.isnan(x), -1, x).astype(int)
    found = mirt.fit_mirt(answers, model="2PL", n_quadpts=41, max_iter=50, compute_standard_errors=False)
    a, b = (np.ravel(found.model.parameters[name]) for name in ("discrimination", "difficulty"))
    return np.ravel(mirt.fscores(found, answers, method="MAP").theta), a, -a * b


def with_girth(x: Any) -> Found:
    """girth's marginal maximum likelihood, expected a posteriori abilities."""
    from girth import ability_eap, twopl_mml

    answers = x.astype(int).T
    found = twopl_mml(answers)
    a, b = found["Discrimination"], found["Difficulty"]
    return ability_eap(answers, b, a), a, -a * b


def with_py_irt(x: Any) -> Found:
    """py-irt's hierarchical 2PL: 1,000 epochs of variational inference."""
    from py_irt.config import IrtConfig
    from py_irt.training import IrtModelTrainer

    with tempfile.NamedTemporaryFile("w", suffix=".jsonlines") as lines:
        for i, row in enumerate(x):
            answers = {str(j): int(row[j]) for j in np.flatnonzero(~np.isnan(row))}
            lines.write(json.dumps({"subject_id": str(i), "responses": answers}) + "\n")
        lines.flush()
        config = IrtConfig(model_type="2pl", epochs=1000, priors="hierarchical")
        trainer = IrtModelTrainer(config=config, data_path=Path(lines.name), verbose=False)
        trainer.train(device="cpu")
    best = trainer.last_params
    theta, a, b = np.empty(x.shape[0]), np.empty(x.shape[1]), np.empty(x.shape[1])
    theta[[int(name) for name in best["subject_ids"].values()]] = best["ability"]
    order = [int(name) for name in best["item_ids"].values()]
    a[order], b[order] = best["disc"], best["diff"]
    return theta, a, -a * b


FITTERS: dict[str, tuple[str, Callable[[Any], Found], int, bool]] = {
    "assay": ("assay", with_assay, 10**9, True),
    "mirt": ("mirt", with_mirt, 10_000_000, True),
    "girth": ("girth", with_girth, 40_000, False),
    "py-irt": ("py-irt", with_py_irt, 40_000, False),
}
"""Distribution, function, the most cells that it finishes, and whether it is quick and takes missing cells."""


def measure(fitter: str, m: int, n: int, missing: float, seed: int) -> dict[str, float]:
    """One fit, in this process."""
    data = simulate(m, n, missing, seed)
    cpu, wall = process_time(), perf_counter()
    theta, a, d = FITTERS[fitter][1](data["x"])
    cpu, wall = process_time() - cpu, perf_counter() - wall
    mean, sd = data["theta"].mean(), data["theta"].std()
    found_mean, found_sd = theta.mean(), theta.std()
    true_a, true_d = data["a"] * sd, data["d"] + data["a"] * mean
    own_a, own_d = a * found_sd, d + a * found_mean
    errors = {
        "theta": (theta - found_mean) / found_sd - (data["theta"] - mean) / sd,
        "ln_a": np.log(np.maximum(own_a, 1e-3) / true_a),
        "b": true_d / true_a - own_d / np.where(np.abs(own_a) < 1e-3, 1e-3, own_a),
    }
    squares = {f"{name}_square": float(np.mean(error**2)) for name, error in errors.items()}
    bound = float(np.mean(1 / data["informed"]) / sd**2)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return {"cpu_s": cpu, "wall_s": wall, "peak_gb": peak, "bound_square": bound, **squares}


def in_fresh_process(fitter: str, m: int, n: int, missing: float, seed: int) -> dict[str, float]:
    """``measure`` in a process of its own; raises where it fails or runs out of time."""
    command = [sys.executable, __file__, "--one", fitter, str(m), str(n), str(missing), str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False)
    if done.returncode:
        raise RuntimeError(f"{fitter} at {m}x{n}: {done.stderr.strip().splitlines()[-1:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def summary(fits: list[dict[str, float]]) -> dict[str, float]:
    """Costs are means (the peak memory a maximum), errors root mean squares over fits."""
    mean = {key: float(np.mean([fit[key] for fit in fits])) for key in fits[0]}
    root = {key.removesuffix("_square"): value**0.5 for key, value in mean.items() if key.endswith("_square")}
    costs = {key: value for key, value in mean.items() if not key.endswith("_square")}
    peak = max(fit["peak_gb"] for fit in fits)
    return {**costs, "peak_gb": peak, **root, "ratio": root["theta"] / root["bound"], "fits": len(fits)}


def installed(distribution: str) -> str | None:
    """The version, if there is one."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(FITTERS), default=list(FITTERS))
    parser.add_argument("--size", help="models x items, such as 400x5000, instead of all sizes")
    parser.add_argument("--missing", type=float, default=0.0, help="share of cells without an answer, with --size")
    parser.add_argument("--json", action="store_true", help="a line of JSON a measurement instead of the table")
    parser.add_argument("--one", nargs=5, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        fitter, m, n, missing, seed = args.one
        print(json.dumps(measure(fitter, int(m), int(n), float(missing), int(seed))))
        return
    sizes = SIZES
    if args.size:
        m, n = (int(part) for part in args.size.split("x"))
        sizes = ((m, n, args.missing),)
    versions = {name: installed(FITTERS[name][0]) for name in args.only}
    print(f"load {os.getloadavg()[0]:.1f}; " + ", ".join(f"{k} {v or 'not installed'}" for k, v in versions.items()))
    if not args.json:
        print("| fitter | size | missing | fits | CPU s | wall s | peak GB | θ RMSE (bound) | ratio | ln a | b |")
        print("|---|---|---|---|---|---|---|---|---|---|---|")
    for m, n, missing in sizes:
        for name in args.only:
            _, _, most, quick = FITTERS[name]
            if versions[name] is None or m * n > most or (missing and not quick):
                continue
            seeds = SEEDS if quick and m * n <= SMALL else 1
            found = summary([in_fresh_process(name, m, n, missing, seed) for seed in range(seeds)])
            if args.json:
                print(json.dumps({"fitter": name, "models": m, "items": n, "missing": missing, **found}), flush=True)
                continue
            f = found
            print(
                f"| {name} | {m:,} x {n:,} | {missing:.0%} | {seeds} | {f['cpu_s']:.2f} | {f['wall_s']:.2f} "
                f"| {f['peak_gb']:.2f} | {f['theta']:.4f} ({f['bound']:.4f}) | {f['ratio']:.3f} "
                f"| {f['ln_a']:.3f} | {f['b']:.3f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
