"""The win rate's interval holds the true rate as often as it says, also where prompts repeat."""

from __future__ import annotations

import math
from collections import Counter
from random import Random

import pytest

from policy.facts.win_rate_facts import WinRateFacts

DIGEST = "sha256:" + "0" * 64


def facts(clusters: list[list[float]]) -> WinRateFacts:
    """Return the facts of scores (1, a half, 0) that stand together by prompt."""
    scores = [score for cluster in clusters for score in cluster]
    rate = math.fsum(scores) / len(scores)
    counted = Counter(scores)
    return WinRateFacts(
        judge="j",
        models=(),
        prompt="p",
        prompt_digest=DIGEST,
        decoding={},
        rows=DIGEST,
        first_outputs=DIGEST,
        second_outputs=DIGEST,
        pairs=len(scores),
        wins=counted[1.0],
        losses=counted[0.0],
        ties=counted[0.5],
        failed=0,
        identical=0,
        flips=0,
        first_place=0,
        second_place=0,
        clusters=len(clusters),
        cluster_squares=math.fsum(math.fsum(s - rate for s in each) ** 2 for each in clusters),
        longer_won=0,
        shorter_won=0,
        mean_length_first=0,
        mean_length_second=0,
        calls=0,
        cached_calls=0,
        tokens_in=0,
        tokens_out=0,
    )


@pytest.mark.parametrize(
    ("prompts", "rows", "rate", "tied", "alike"),
    [
        (50, 1, 0.5, 0.2, 0.0),
        (50, 4, 0.6, 0.2, 0.5),
        (20, 5, 0.55, 0.1, 0.8),
        (100, 1, 0.95, 0.02, 0.0),
    ],
)
def test_the_interval_covers_the_true_rate(
    prompts: int, rows: int, rate: float, tied: float, alike: float
) -> None:
    rng = Random(1)

    def drawn() -> float:
        if rng.random() < tied:
            return 0.5
        return float(rng.random() < (rate - tied / 2) / (1 - tied))

    def cluster() -> list[float]:
        common = drawn()
        return [common if rng.random() < alike else drawn() for _ in range(rows)]

    held = 0
    for _ in range(600):
        low, high = facts([cluster() for _ in range(prompts)]).interval
        held += low <= rate <= high
    assert 0.92 <= held / 600 <= 0.985  # 95 % give or take three errors of 600 draws


def test_rows_of_one_prompt_taken_for_many_would_be_too_sure() -> None:
    alike = [[1.0] * 5 if n % 2 else [0.0] * 5 for n in range(20)]
    apart = [[score] for cluster in alike for score in cluster]
    wide, narrow = (high - low for low, high in (facts(c).interval for c in (alike, apart)))
    assert wide > 1.8 * narrow
