"""The outcome of one paired difference: the rule for every gate, slice and `compare`.

A significant drop of the margin or more fails; a smaller significant drop is a warning. If the
sample is too small to detect a drop of the margin, the result is inconclusive, unless the interval
already excludes such a drop. A drop of the margin or more never passes: it fails, or is
inconclusive if the rows cannot show it.

Significance alone only shows that there is a drop. A true drop well within the margin must not fail
in more than 5 % of cases either. So a failing drop must also be, at 95 % one-sided, more than half
the margin; otherwise the result is inconclusive. (Without this, 300 rows fail a true drop of 2
points against a margin of 5 in 7 to 10 % of cases: see docs/statistics.md.)
"""

from __future__ import annotations

import math
from statistics import NormalDist

from policy.gates.paired_statistics import ALPHA, MOST_ROWS, Difference
from policy.verdict import Outcome

ROUNDING = 1e-9
"""The rounding error of a difference of two figures: 0.6 - 0.4 is 0.19999999999999996."""

ONE_SIDED = NormalDist().inv_cdf(0.95) / NormalDist().inv_cdf(0.975)
"""The factor from half a two-sided 95 % interval to a one-sided 95 % bound."""


def outcome_of(
    difference: Difference,
    margin: float,
    *,
    p_adjusted: float | None = None,
    higher_is_better: bool = True,
    non_inferior: bool = False,
) -> Outcome:
    """Return the outcome of a difference; one that is not a number fails.

    `p_adjusted` replaces the difference's own p if given. With `non_inferior` the difference passes
    only if the interval excludes a drop of the margin.
    """
    p = difference.p if p_adjusted is None else p_adjusted
    if not math.isfinite(difference.value) or not difference.detectable >= 0 or not 0 <= p <= 1:
        return Outcome.FAILED
    drop = -difference.value if higher_is_better else difference.value
    worst = -difference.low if higher_is_better else difference.high
    significant = p < ALPHA
    reached = drop > 0 and drop + ROUNDING >= margin
    if significant and reached and _least(difference, higher_is_better) + ROUNDING >= margin / 2:
        return Outcome.FAILED
    ruled_out = worst <= margin + ROUNDING and (drop <= 0 or drop + ROUNDING < margin)
    if not ruled_out and (non_inferior or drop + ROUNDING >= margin > 0):
        return Outcome.INCONCLUSIVE
    if not ruled_out and difference.detectable > margin:
        return Outcome.INCONCLUSIVE
    return Outcome.WARNED if significant and drop > 0 else Outcome.PASSED


def _least(difference: Difference, higher_is_better: bool) -> float:
    """Return the one-sided 95 % lower bound of the drop."""
    near = difference.high if higher_is_better else -difference.low
    value = difference.value if higher_is_better else -difference.value
    return -(value + ONE_SIDED * (near - value))


def rows_needed(
    difference: Difference, margin: float, *, higher_is_better: bool = True
) -> int | None:
    """Return how many rows would settle an inconclusive difference; None if no number would.

    This many rows detect a drop of the margin with 80 % power. If there are already as many, it is
    how many would exclude the margin, or confirm the drop, if the difference stays the same.
    """
    wanted = difference.rows_to_show(margin)
    if wanted is None or wanted > difference.n:
        return wanted
    drop = -difference.value if higher_is_better else difference.value
    half = (difference.high - difference.low) / 2
    gap = drop - margin / 2 if drop + ROUNDING >= margin else margin - drop
    if gap <= 0 or not half / MOST_ROWS <= gap:
        return None
    return max(difference.n + 1, math.ceil(difference.n * (half / gap) ** 2))
