"""The distance of two distributions of answers, and how much of it chance alone explains."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Literal

from policy.facts.evidence import Drift

Measure = Literal["psi", "jensen_shannon"]
PSEUDO = 0.5
"""Added to every count for PSI, which is undefined for empty bins (as in Jeffreys' prior)."""


def shares(counts: Sequence[float]) -> list[float]:
    """Return counts as shares of their sum; all 0 if the sum is 0."""
    total = math.fsum(counts)
    return [count / total if total else 0.0 for count in counts]


def psi(first: Sequence[int], second: Sequence[int]) -> float:
    """Return the population stability index: both Kullback-Leibler divergences, in nats."""
    one, other = (shares([count + PSEUDO for count in counts]) for counts in (first, second))
    return math.fsum((b - a) * math.log(b / a) for a, b in zip(one, other, strict=True))


def jensen_shannon(first: Sequence[int], second: Sequence[int]) -> float:
    """Return the Jensen-Shannon divergence in bits: 0 if equal, 1 if nothing is shared."""
    one, other = shares(first), shares(second)
    total = 0.0
    for a, b in zip(one, other, strict=True):
        middle = (a + b) / 2
        total += sum(each * math.log2(each / middle) for each in (a, b) if each > 0) / 2
    return max(0.0, total)


def distance(drift: Drift, measure: Measure) -> float:
    """Return the distance of the candidate's answers from the reference."""
    first = [each.first for each in drift.bins]
    second = [each.second for each in drift.bins]
    return (psi if measure == "psi" else jensen_shannon)(first, second)


def by_luck(drift: Drift, measure: Measure) -> float:
    """Return the distance that 95 % of samples from one distribution stay below.

    Both measures are chi-square to first order: PSI / (1/n + 1/m) has one degree less than bins
    (Yurdakul 2018), and the Jensen-Shannon divergence in nats is an eighth of PSI. The quantile is
    from Wilson and Hilferty (1931). Answers to the same rows differ less than this.
    """
    n, m = sum(each.first for each in drift.bins), sum(each.second for each in drift.bins)
    degrees = sum(each.first + each.second > 0 for each in drift.bins) - 1
    if not n or not m:
        return math.inf
    if degrees < 1:
        return 0.0
    part = 2 / (9 * degrees)
    quantile: float = degrees * (1 - part + NormalDist().inv_cdf(0.95) * math.sqrt(part)) ** 3
    scale = 1.0 if measure == "psi" else 1 / (8 * math.log(2))
    return quantile * (1 / n + 1 / m) * scale
