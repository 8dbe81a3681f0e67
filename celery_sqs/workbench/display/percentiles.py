"""Percentiles from a histogram: as exact as its buckets are wide."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

#: How a bucket is called in the table `task_minutes`.
PREFIX: Final = "took_le_"


@dataclass(frozen=True, slots=True)
class Percentile:
    """A number of seconds that some share of all stays below.

    Attributes:
        seconds: the number.
        is_more: whether it is more than that, and nobody knows how much: it is beyond the last bound.
    """

    seconds: float
    is_more: bool = False


def buckets(counts: Mapping[str, int]) -> dict[float, int]:
    """The buckets among the counters of `task_minutes`: how many by upper bound in seconds, ascending."""
    bounds = {float(what.removeprefix(PREFIX)): count for what, count in counts.items() if what.startswith(PREFIX)}
    return dict(sorted(bounds.items()))


def percentile(histogram: Mapping[float, int], share: float) -> Percentile | None:
    """The percentile of a histogram; None of an empty one.

    Within a bucket all values are taken to be spread evenly, as Prometheus' `histogram_quantile` does:
    https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile

    Args:
        histogram: how many by upper bound (each alone, not added up); the last bound may be infinite.
        share: above 0, up to 1: 0.99 for p99.
    """
    total = sum(histogram.values())
    if not total:
        return None
    wanted, below, low = share * total, 0, 0.0
    for bound, count in sorted(histogram.items()):
        if count and below + count >= wanted:
            if bound == float("inf"):
                return Percentile(low, is_more=True)
            return Percentile(low + (bound - low) * (wanted - below) / count)
        below += count
        low = bound
    return Percentile(low)  # only rounding leads here
