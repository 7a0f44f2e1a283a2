"""What one paired difference comes to: the rule that every gate, slice and `compare` applies.

A drop fails when it is significant and at least the margin, and is a warning when significant but
smaller. Where the sample could not have shown a drop of the margin, nothing is known, unless the
interval already rules such a drop out. A drop of at least the margin never passes.

Significance alone speaks against no drop at all. So that a true drop well within the margin is not
failed more often than by 5 % either, a drop that fails must also be, at 95 % one-sided, more than
half the margin; else it is not known. (Without this, 300 rows fail a true drop of 2 points against
a margin of 5 in 7 to 10 % of cases: see docs/statistics.md.)
"""

from __future__ import annotations

import math
from statistics import NormalDist

from policy.gates.paired_statistics import ALPHA, MOST_ROWS, Difference
from policy.verdict import Outcome

ROUNDING = 1e-9
"""What a difference of two figures may be off: 0.6 - 0.4 is 0.19999999999999996."""

ONE_SIDED = NormalDist().inv_cdf(0.95) / NormalDist().inv_cdf(0.975)
"""What a 95 % interval's half is to be multiplied by for a one-sided bound of 95 %."""


def outcome_of(
    difference: Difference,
    margin: float,
    *,
    p_adjusted: float | None = None,
    higher_is_better: bool = True,
    non_inferior: bool = False,
) -> Outcome:
    """Return what a difference comes to; one that is no number fails.

    `p_adjusted` is the p that counts, by default the difference's own. With `non_inferior` only an
    interval that rules a drop of the margin out lets through: not having seen one is not enough.
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
    """Return the least drop that is credible: one-sided, at 95 %."""
    near = difference.high if higher_is_better else -difference.low
    value = difference.value if higher_is_better else -difference.value
    return -(value + ONE_SIDED * (near - value))


def rows_needed(
    difference: Difference, margin: float, *, higher_is_better: bool = True
) -> int | None:
    """Return how many rows would settle a difference that is not known; None beyond any number.

    So many show a drop of the margin with 80 % power. Where so many were there already, it is how
    many would rule the margin out, or make the drop plain, if the difference stayed what it is.
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
