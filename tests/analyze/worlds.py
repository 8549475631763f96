"""Made worlds with known structure: questions on themes, and models that are weak where we say."""

from __future__ import annotations

import numpy as np
import polars as pl

from tests.analyze.made import table

THEMES = (
    ("chemistry", "molecule", "acid", "solvent", "titration", "catalyst", "isotope"),
    ("geometry", "triangle", "angle", "polygon", "radius", "tangent", "hypotenuse"),
    ("history", "empire", "treaty", "dynasty", "revolution", "parliament", "colony"),
)
_FILLER = ("find", "which", "given", "value", "following", "describe", "correct", "result", "question", "state")
MODEL = "import/made-7b"


def question(rng: np.random.Generator, theme: int) -> str:
    """A made question of 14 words on a theme."""
    own = rng.choice(THEMES[theme], 7)
    other = rng.choice(_FILLER, 7)
    return " ".join(rng.permutation(np.concatenate([own, other])))


def world(
    n: int, rate: float = 0.7, *, seed: int = 0, weak: dict[str, float] | None = None, models: int = 1
) -> pl.DataFrame:
    """Cases with ``tag:topic`` (three), ``tag:skill`` (twelve), a prompt, and a success rate lowered where told.

    ``weak`` gives, by value of either tag, the factor of the rate.
    """
    rng = np.random.default_rng(seed)
    topics = rng.integers(3, size=n)
    skills = rng.integers(12, size=n)
    p = np.full(n, rate)
    for at in range(n):
        for value in (f"topic {'abc'[topics[at]]}", f"skill {'abcdefghijkl'[skills[at]]}"):
            p[at] *= (weak or {}).get(value, 1.0)
    scores = {
        MODEL if m == 0 else f"import/other-{m}": (rng.random(n) < p).astype(float).tolist() for m in range(models)
    }
    prompts = [question(rng, int(topic)) for topic in topics]
    return table(
        scores,
        **{
            "prompt": prompts,
            "prompt_words": [len(prompt.split()) for prompt in prompts],
            "tag:topic": [f"topic {'abc'[t]}" for t in topics],
            "tag:skill": [f"skill {'abcdefghijkl'[s]}" for s in skills],
        },
    )
