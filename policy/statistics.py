"""Paired statistics from sufficient statistics: no rows, no numpy, the same answer anywhere."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

from policy.evidence import PairedCounts, PairedMeans

Z95 = NormalDist().inv_cdf(0.975)
POWER_Z = Z95 + NormalDist().inv_cdf(0.80)


@dataclass(frozen=True)
class Difference:
    """Second minus first on the same rows: estimate, 95 % interval, p, detectable effect."""

    n: int
    value: float
    low: float
    high: float
    p: float
    detectable: float


def wilson(successes: int, n: int, z: float = Z95) -> tuple[float, float]:
    """Return the Wilson score interval of a share (Wilson 1927); (0, 1) when n is 0."""
    if n == 0:
        return 0.0, 1.0
    share = successes / n
    centre = share + z * z / (2 * n)
    spread = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    low = 0.0 if successes == 0 else (centre - spread) / scale
    high = 1.0 if successes == n else (centre + spread) / scale
    return low, high


def exact_mcnemar(only_first: int, only_second: int) -> float:
    """Return the two-sided exact McNemar p (binomial with 1/2 on the discordant rows)."""
    n = only_first + only_second
    if n == 0:
        return 1.0
    k = min(only_first, only_second)
    log_half = n * math.log(0.5)
    term = math.exp(math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) + log_half)
    terms = []
    for i in range(k, -1, -1):
        terms.append(term)
        if term <= 1e-18 * terms[0]:
            break  # what follows is smaller still, and there may be millions of it
        term *= i / (n - i + 1)
    tail = math.fsum(terms)
    return min(1.0, 2 * tail)


def compare_shares(counts: PairedCounts) -> Difference:
    """Return the paired difference of two shares: Newcombe (1998), method 10, and exact McNemar.

    `detectable` is the effect that n rows show with 80 % power at 5 %, from the discordant share
    that was seen, but at least the 10 % that is usual between two models (Connor 1987).
    """
    n = counts.n
    if n == 0:
        return Difference(0, 0.0, -1.0, 1.0, 1.0, 1.0)
    first = counts.both + counts.only_first
    second = counts.both + counts.only_second
    p1, p2 = first / n, second / n
    low1, high1 = wilson(first, n)
    low2, high2 = wilson(second, n)
    phi = _correlation(counts)
    value = p2 - p1
    below = (p2 - low2) ** 2 - 2 * phi * (p2 - low2) * (high1 - p1) + (high1 - p1) ** 2
    above = (high2 - p2) ** 2 - 2 * phi * (high2 - p2) * (p1 - low1) + (p1 - low1) ** 2
    discordant = max((counts.only_first + counts.only_second) / n, 0.10)
    return Difference(
        n=n,
        value=value,
        low=max(-1.0, value - math.sqrt(max(0.0, below))),
        high=min(1.0, value + math.sqrt(max(0.0, above))),
        p=exact_mcnemar(counts.only_first, counts.only_second),
        detectable=min(1.0, POWER_Z * math.sqrt(discordant / n)),
    )


def _correlation(counts: PairedCounts) -> float:
    """Return Newcombe's continuity-corrected phi of the paired two-by-two table."""
    a, b, c, d = counts.both, counts.only_first, counts.only_second, counts.neither
    margins = (a + b) * (c + d) * (a + c) * (b + d)
    if margins == 0:
        return 0.0
    product = float(a * d - b * c)
    if product > 0:
        product = max(product - counts.n / 2, 0)
    return product / math.sqrt(margins)


def compare_means(means: PairedMeans) -> Difference:
    """Return the paired difference of two means by the normal approximation."""
    n = means.n
    if n < 2:
        return Difference(n, means.mean_difference, -math.inf, math.inf, 1.0, math.inf)
    error = means.sd_difference / math.sqrt(n)
    value = means.mean_difference
    if error == 0:
        return Difference(n, value, value, value, 1.0 if value == 0 else 0.0, 0.0)
    p = 2 * (1 - NormalDist().cdf(abs(value) / error))
    return Difference(n, value, value - Z95 * error, value + Z95 * error, p, POWER_Z * error)
