"""Style control: what may sway a judge besides quality, as regressors of a battle.

Each feature (tokens of the answer, headers, bold words, list entries) enters by its relative difference
z = (f_a - f_b) / (f_a + f_b), in [-1, 1], divided by its root mean square. It is not centred, so that to swap the
two models changes its sign and nothing else; ratings are those of answers of equal style, z = 0. The invariant:
a coefficient is an association given the strengths: a long answer can be long because it is good, and to control for
length is a choice about what one wants to measure, not a correction.

Source: lmsys.org/blog/2024-08-28-style-control.
"""

from __future__ import annotations

import numpy as np

from assay.errors import UsageError
from assay.measure.intervals import Floats


def relative_differences(first: Floats, second: Floats, names: list[str]) -> Floats:
    """Standardised relative differences, shape (R, F).

    Args:
        first: features of the first model's answers, none below 0, shape (R, F).
        second: of the second's.
        names: of the features, for errors.

    Two answers that both lack a feature do not differ in it. Raises ``UsageError`` for a feature that never differs.
    """
    total = first + second
    z = np.divide(first - second, total, out=np.zeros_like(total), where=total > 0)
    spread = np.sqrt((z * z).mean(axis=0))
    for name, size in zip(names, spread, strict=True):
        if size == 0:
            raise UsageError(f"style feature {name!r} is the same in both answers of every battle")
    return np.asarray(z / spread)
