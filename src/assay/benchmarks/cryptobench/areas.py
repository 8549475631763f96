"""The area of several base sets together: the mean of their areas, each set counting the same.

Sets that ask the same questions (the three of MMLU) are not independent. How their errors go together is not
known from their estimates alone, so within such a family they are added as they stand, which is the most that
they can come to; families are independent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import sqrt
from statistics import NormalDist

from assay.errors import UsageError
from assay.records import Estimate


def macro_area(areas: Mapping[str, Estimate]) -> Estimate:
    """The macro mean of areas over base sets (set -> its area), with an upper bound of its standard error.

    Raises ``UsageError`` where there are none, or they are not all areas on one scale.
    """
    estimates = list(areas.values())
    if not estimates or any(e.kind != "auc" for e in estimates):
        raise UsageError("a macro mean of areas needs areas (metrics of kind auc)")
    names = {e.metric.partition(" ")[0] for e in estimates}
    if len(names) > 1:
        raise UsageError(f"areas of different scales have no common mean: {', '.join(sorted(names))}")
    first, sets = estimates[0], len(estimates)
    values = [e.value for e in estimates if e.value is not None]
    if len(values) < sets:
        lacking = ", ".join(name for name, e in areas.items() if e.value is None)
        return _macro(areas, None, None, f"none: no area for {lacking}")
    mean = sum(values) / sets
    families: dict[str, float] = {}
    for name, estimate in areas.items():
        if estimate.se is None:
            return _macro(areas, mean, None, f"none: no standard error for {name}")
        family = name.partition("-")[0]
        families[family] = families.get(family, 0.0) + estimate.se
    se = sqrt(sum(part**2 for part in families.values())) / sets
    return _macro(areas, mean, se, f"normal, over {sets} sets, {first.metric.partition(' ')[0]}")


def _macro(areas: Mapping[str, Estimate], mean: float | None, se: float | None, method: str) -> Estimate:
    estimates = list(areas.values())
    first = estimates[0]
    reach = None if se is None else NormalDist().inv_cdf((1 + first.level) / 2) * se
    ends = (None, None) if mean is None or reach is None else (mean - reach, mean + reach)
    return Estimate(
        metric=f"macro {first.metric.partition(' ')[0]}",
        group=None,
        value=mean,
        n=sum(e.n for e in estimates),
        samples=sum(e.samples for e in estimates),
        clusters=None,
        se=se,
        lower=ends[0],
        upper=ends[1],
        level=first.level,
        method=method,
        denominator=_summed(e.denominator for e in estimates),
        excluded=_summed(e.excluded for e in estimates),
        better=first.better,
        kind="auc",
    )


def _summed(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for count in counts:
        for name, number in count.items():
            total[name] = total.get(name, 0) + number
    return total
