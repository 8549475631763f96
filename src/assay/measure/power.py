"""Before the run: how many samples and epochs a difference takes, and the smallest that a plan can see.

One formula throughout (Miller, arXiv 2411.00640): a paired difference of mean scores has the variance
(ω_d² + σ_A²/K_A + σ_B²/K_B)/n, and is detected with the wished-for power once it exceeds z_{α/2} + z_β of its
standard errors. Units: scores and differences in [0, 1], never in points; variances of one sample.
"""

from __future__ import annotations

from math import ceil, inf, sqrt
from statistics import NormalDist
from typing import NamedTuple

MOST_EPOCHS = 64
"""More attempts at a sample than this are not planned."""


class Plan(NamedTuple):
    """How many samples, how often each, and what that can see."""

    samples: int
    epochs: int
    mde: float
    """The smallest difference that this detects with the wished-for power."""
    enough: bool
    """Whether that is small enough; if not, this is the best that the pool of samples allows."""

    @property
    def attempts(self) -> int:
        """Attempts by each model."""
        return self.samples * self.epochs


def reach(alpha: float = 0.05, power: float = 0.8) -> float:
    """z_{α/2} + z_β: 2.80 standard errors for a two-sided test at 5 % with power 80 %."""
    if not (0 < alpha < 1 and 0 < power < 1):
        raise ValueError(f"alpha and power lie between 0 and 1, not at {alpha} and {power}")
    normal = NormalDist()
    return normal.inv_cdf(1 - alpha / 2) + normal.inv_cdf(power)


def variance_of_difference(
    omega2: float, sigma2_a: float = 0.0, sigma2_b: float = 0.0, epochs_a: int = 1, epochs_b: int = 1
) -> float:
    """What one sample contributes: ω_d² + σ_A²/K_A + σ_B²/K_B.

    Args:
        omega2: ω_d² = Var(x_A - x_B), of the samples' expected scores.
        sigma2_a: variance of one attempt around its sample's expected score, first model.
        sigma2_b: second model.
        epochs_a: attempts at each sample.
        epochs_b: second model.
    """
    return omega2 + sigma2_a / epochs_a + sigma2_b / epochs_b


def samples_needed(
    delta: float, variance: float, *, alpha: float = 0.05, power: float = 0.8, design_effect: float = 1.0
) -> int:
    """Samples that detect a difference of ``delta``: (z_{α/2} + z_β)² · variance · design effect / δ², rounded up."""
    if delta <= 0:
        raise ValueError(f"a difference to be detected is above 0, not {delta}")
    needed = reach(alpha, power) ** 2 * variance * design_effect / delta**2
    return max(2, ceil(needed - 1e-9))


def detectable(
    samples: int, variance: float, *, alpha: float = 0.05, power: float = 0.8, design_effect: float = 1.0
) -> float:
    """The minimum detectable effect (MDE): (z_{α/2} + z_β) √(variance · design effect / n)."""
    return reach(alpha, power) * sqrt(variance * design_effect / samples)


def detectable_with(error: float, *, alpha: float = 0.05, power: float = 0.8) -> float:
    """The MDE of a comparison whose standard error is known."""
    return reach(alpha, power) * error


def power_of(delta: float, error: float, *, alpha: float = 0.05) -> float:
    """The chance that a two-sided test at ``alpha`` finds a difference of ``delta`` with this standard error."""
    if error == 0:
        return 1.0 if delta else alpha
    normal, shift = NormalDist(), abs(delta) / error
    z = normal.inv_cdf(1 - alpha / 2)
    return normal.cdf(shift - z) + normal.cdf(-shift - z)


def design_effect(mean_size: float, correlation: float) -> float:
    """How much clusters of ``mean_size`` samples multiply a variance: 1 + (m̄ - 1) ρ."""
    return 1 + (mean_size - 1) * correlation


def best_epochs(omega2: float, sigma2: float, per_item: float, per_attempt: float) -> float:
    """K* = √(c0 σ²/(c1 ω²)): attempts at each sample that give the smallest variance for the money, not rounded.

    Args:
        omega2: variance between samples.
        sigma2: variance of one attempt within a sample.
        per_item: c0, what another sample costs before it is asked (writing it, its shared prompt).
        per_attempt: c1, what one attempt costs.

    Where another sample costs nothing of its own, K* is below 1: ask new samples, each once.
    """
    if per_attempt <= 0:
        raise ValueError("an attempt costs something")
    if sigma2 == 0:
        return 0.0
    return sqrt(per_item * sigma2 / (per_attempt * omega2)) if omega2 > 0 else inf


def whole_epochs(omega2: float, sigma2: float, per_item: float, per_attempt: float, most: int = MOST_EPOCHS) -> int:
    """The whole number of attempts nearest K* in cost: the least (c0 + c1 K)(ω² + σ²/K) for 1 <= K <= ``most``."""

    def spent(k: int) -> float:
        return (per_item + per_attempt * k) * (omega2 + sigma2 / k)

    return min(range(1, most + 1), key=spent)


def plan(
    delta: float,
    omega2: float,
    sigma2: float,
    *,
    pool: int | None = None,
    epochs: int | None = None,
    per_item: float = 0.0,
    per_attempt: float = 1.0,
    alpha: float = 0.05,
    power: float = 0.8,
    design_effect: float = 1.0,
) -> Plan:
    """The cheapest samples and epochs that detect a difference of ``delta`` between two models.

    Args:
        delta: the difference, in [0, 1].
        omega2: ω_d², variance of the samples' expected differences.
        sigma2: σ_A² + σ_B², of one attempt by each model.
        pool: samples that there are. Where one attempt at each is not enough, each is attempted more often.
        epochs: attempts at each sample, or ``None`` to choose.
        per_item: what a sample costs before it is asked.
        per_attempt: what one attempt costs.
        alpha: two-sided error.
        power: chance to find a difference of ``delta``.
        design_effect: of clusters, on the variance between samples and within them alike.
    """
    rates = {"alpha": alpha, "power": power, "design_effect": design_effect}
    first = whole_epochs(omega2, sigma2, per_item, per_attempt) if epochs is None else epochs
    # without noise of their own, further attempts bring nothing
    choices = range(first, MOST_EPOCHS + 1) if epochs is None and sigma2 > 0 else (first,)
    for k in choices:
        samples = samples_needed(delta, omega2 + sigma2 / k, **rates)
        if pool is None or samples <= pool:
            return Plan(samples, k, detectable(samples, omega2 + sigma2 / k, **rates), True)
    most = choices[-1]
    return Plan(pool or 0, most, detectable(pool or 1, omega2 + sigma2 / most, **rates), False)
