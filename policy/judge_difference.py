"""What one paired difference comes to: the rule that every gate, slice and `compare` applies.

A drop fails when it is significant and at least the margin, and is a warning when significant but
smaller. Where the sample could not have shown a drop of the margin, nothing is known, unless the
interval already rules such a drop out. A drop of at least the margin never passes.
"""

from __future__ import annotations

import math

from policy.statistics import ALPHA, Difference
from policy.verdict import Outcome

ROUNDING = 1e-9
"""What a difference of two figures may be off: 0.6 - 0.4 is 0.19999999999999996."""


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
    if significant and drop > 0 and drop + ROUNDING >= margin:
        return Outcome.FAILED
    ruled_out = worst <= margin + ROUNDING and (drop <= 0 or drop + ROUNDING < margin)
    if not ruled_out and (non_inferior or drop + ROUNDING >= margin > 0):
        return Outcome.INCONCLUSIVE
    if not ruled_out and difference.detectable > margin:
        return Outcome.INCONCLUSIVE
    return Outcome.WARNED if significant and drop > 0 else Outcome.PASSED


def rows_needed(
    difference: Difference, margin: float, *, higher_is_better: bool = True
) -> int | None:
    """Return how many rows would settle a difference that is not known; None where none would.

    So many show a drop of the margin with 80 % power. Where so many were there already, it is how
    many would rule the margin out if the difference stayed what it is.
    """
    wanted = difference.rows_to_show(margin)
    if wanted is None or wanted > difference.n:
        return wanted
    drop = -difference.value if higher_is_better else difference.value
    gap = abs(margin - drop)
    half = (difference.high - difference.low) / 2
    if gap <= ROUNDING or not math.isfinite(half):
        return None
    return max(difference.n + 1, math.ceil(difference.n * (half / gap) ** 2))
