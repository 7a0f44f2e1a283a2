"""A difference of paired means: its bootstrap interval and randomisation p.

Rows that belong together (turns of one conversation) are drawn and flipped together. Both use a
fixed seed and report the number of draws.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from policy.facts.evidence import PairedMeans, Resampled

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SEED = 1998
RESAMPLES = 9_999
FEWER = 1_999
"""For more than `MANY` units, whose figures hardly vary any more."""
MANY = 5_000
ENUMERATED = 13
"""Up to this many units, every choice of signs is computed."""
BATCH = 4_000_000
"""Drawn numbers held in memory at once."""
ROUNDING = 1e-9
"""Tolerance for sums of the same numbers in another order."""


def paired_means(
    differences: Sequence[float], clusters: Sequence[str] | None = None, *, seed: int = SEED
) -> PairedMeans:
    """Return the mean of second minus first, its spread, and its resampled interval and p.

    `sd_difference` is such that, divided by the root of n, it gives the standard error; with
    clusters that is the error between clusters, and it and the interval are widened as Student's t
    with one degree of freedom less than clusters is wider than the normal distribution, because
    both are too narrow with few clusters (Cameron and Miller 2015, VI.D). If all rows are one
    cluster, there is no interval and nothing is known about the difference.
    """
    import numpy as np
    from scipy.stats import norm, t

    values = np.asarray(differences, dtype=np.float64)
    n = len(values)
    mean = math.fsum(differences) / n if n else 0.0
    sums, sizes = _units(values, clusters)
    units = len(sums)
    if units < 2:
        one = Resampled(low=mean, high=mean, p=1.0, resamples=1, seed=seed, clusters=1)
        alone = one if n > 1 and values.any() else None
        return PairedMeans(n=n, mean_difference=mean, sd_difference=0.0, resampled=alone)
    residuals = sums - mean * sizes  # linearised ratio of sums; of single rows it is the usual sd
    error = math.sqrt(units / (units - 1) * float(residuals @ residuals)) / n
    resamples = RESAMPLES if units <= MANY else FEWER
    low, high = _interval(sums, sizes, mean, resamples, seed)
    if clusters is not None:
        wider = float(t.ppf(0.975, units - 1) / norm.ppf(0.975))
        error, low, high = error * wider, mean + (low - mean) * wider, mean + (high - mean) * wider
    return PairedMeans(
        n=n,
        mean_difference=mean,
        sd_difference=error * math.sqrt(n),
        resampled=Resampled(
            low=low,
            high=high,
            p=randomisation_p(sums, resamples, seed),
            resamples=resamples,
            seed=seed,
            clusters=units if clusters is not None else None,
        ),
    )


def _units(values: NDArray[np.float64], clusters: Sequence[str] | None) -> tuple[Any, Any]:
    """Return the sum and the number of rows of each unit that is drawn as one."""
    import numpy as np

    if clusters is None:
        return values, np.ones(len(values))
    _, place = np.unique(np.asarray(clusters), return_inverse=True)
    return np.bincount(place, weights=values), np.bincount(place).astype(np.float64)


def _interval(
    sums: NDArray[np.float64],
    sizes: NDArray[np.float64],
    mean: float,
    resamples: int,
    seed: int,
) -> tuple[float, float]:
    """Return the 95 % percentile interval of the paired bootstrap (Efron and Tibshirani 1993)."""
    if float(sums.min()) == float(sums.max()) and float(sizes.min()) == float(sizes.max()):
        return mean, mean
    import numpy as np
    from scipy.stats import bootstrap

    def figure(drawn: Any, rows: Any, axis: int = -1) -> Any:
        return drawn.sum(axis=axis) / rows.sum(axis=axis)

    found = bootstrap(
        (sums, sizes),
        figure,
        paired=True,
        vectorized=True,
        n_resamples=resamples,
        batch=max(1, BATCH // len(sums)),
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return float(found.low), float(found.high)


def randomisation_p(sums: NDArray[np.float64], resamples: int, seed: int) -> float:
    """Return the two-sided p of the sign-flip test (approximate randomisation, Noreen 1989).

    Without a difference the two subjects could be swapped on each unit. With few units, all choices
    of signs are computed; otherwise the observed one counts among those drawn.
    """
    import numpy as np

    moved = sums[sums != 0]
    if len(moved) == 0:
        return 1.0
    observed = abs(float(moved.sum())) * (1 - ROUNDING)
    if len(moved) <= ENUMERATED:
        numbers = np.arange(2 ** len(moved))[:, None]
        signs = 1.0 - 2.0 * (numbers >> np.arange(len(moved)) & 1)
        return float(np.mean(np.abs(signs @ moved) >= observed))
    rng = np.random.default_rng(seed)
    total = float(moved.sum())
    reached = 0
    left = resamples
    while left:
        batch = min(left, max(1, BATCH // len(moved)))
        flipped = rng.integers(0, 2, (batch, len(moved)), dtype=np.uint8).astype(np.float64)
        reached += int(np.count_nonzero(np.abs(total - 2 * (flipped @ moved)) >= observed))
        left -= batch
    return (reached + 1) / (resamples + 1)
