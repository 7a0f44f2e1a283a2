"""How much two distributions differ, computed from counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import ceil, fsum, log, log2

from policy.facts.data_diff import Quantiles

DIGITS = 6
LITTLE, MUCH = 0.1, 0.25
"""The customary thresholds of the population stability index."""


def jensen_shannon(before: Mapping[str, int], after: Mapping[str, int]) -> float | None:
    """Return the Jensen-Shannon divergence in bits, from 0 to 1; None if a side is empty."""
    if not sum(before.values()) or not sum(after.values()):
        return None
    keys = sorted(before.keys() | after.keys())
    p, q = _shares(before, keys, 0.0), _shares(after, keys, 0.0)
    middle = [(one + other) / 2 for one, other in zip(p, q, strict=True)]
    halves = sorted((_divergence(p, middle), _divergence(q, middle)))
    return round(min(1.0, max(0.0, sum(halves) / 2)), DIGITS)


def psi(before: Mapping[str, int], after: Mapping[str, int]) -> float | None:
    """Return the population stability index in nats; None if a side is empty.

    Half a row is added to each value, so that a value of only one side does not give infinity.
    """
    if not sum(before.values()) or not sum(after.values()):
        return None
    keys = sorted(before.keys() | after.keys())
    p, q = _shares(before, keys, 0.5), _shares(after, keys, 0.5)
    parts = ((one - other) * (log(one) - log(other)) for one, other in zip(p, q, strict=True))
    return round(max(0.0, fsum(parts)), DIGITS)


def in_words(index: float | None) -> str:
    """Return the customary meaning of a population stability index."""
    if index is None:
        return "cannot be compared"
    if index == 0:
        return "the same"
    return "little" if index < LITTLE else "some" if index < MUCH else "large"


def length_classes(lengths: Iterable[int]) -> dict[str, int]:
    """Count lengths in classes of doubling width: 0, 1, 2-3, 4-7 and so on."""
    counts: dict[str, int] = {}
    for length in lengths:
        name = str(length.bit_length())
        counts[name] = counts.get(name, 0) + 1
    return counts


def quantiles(ordered: Sequence[int]) -> Quantiles:
    """Return median, 95th percentile and maximum of sorted lengths, by nearest rank."""
    if not ordered:
        return Quantiles()
    return Quantiles(
        median=nearest_rank(ordered, 0.5), p95=nearest_rank(ordered, 0.95), longest=ordered[-1]
    )


def nearest_rank(ordered: Sequence[int], share: float) -> int:
    """Return the smallest value that at least `share` of the sorted values do not exceed."""
    return ordered[max(0, ceil(share * len(ordered)) - 1)]


def _shares(counts: Mapping[str, int], keys: Sequence[str], added: float) -> list[float]:
    total = sum(counts.values()) + added * len(keys)
    return [(counts.get(key, 0) + added) / total for key in keys]


def _divergence(p: Sequence[float], q: Sequence[float]) -> float:
    return fsum(one * log2(one / other) for one, other in zip(p, q, strict=True) if one)
